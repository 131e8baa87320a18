"""``symbolic_trace``: the graph of a module or function as a module."""

from __future__ import annotations

from typing import Any

from ..nn.modules.module import Module
from ._patching import _create_wrapped_func, _create_wrapped_method, _find_proxy, _new_patcher, _Patcher
from ._tracer import (
    PH,
    PHBase,
    PHWithMeta,
    ProxyableClassMeta,
    Tracer,
    _assert_is_none,
    is_fx_symbolic_tracing,
    is_fx_tracing,
)
from ._wrapping import _wrapped_fns_to_patch, _wrapped_methods_to_patch, wrap
from .graph import Graph
from .graph_module import GraphModule
from .node import Node, Target
from .proxy import Proxy

__all__ = [
    "PH", "Graph", "GraphModule", "Node", "PHBase", "PHWithMeta", "Proxy", "ProxyableClassMeta", "Target", "Tracer",
    "_Patcher", "_assert_is_none", "_create_wrapped_func", "_create_wrapped_method", "_find_proxy", "_new_patcher",
    "_wrapped_fns_to_patch", "_wrapped_methods_to_patch", "is_fx_symbolic_tracing", "is_fx_tracing", "symbolic_trace", "wrap",
]  # fmt: skip


def symbolic_trace(root: Any, concrete_args: Any = None) -> GraphModule:
    """The module whose graph is what ``root``, a module or function, does with its inputs.

    What it does must not depend on their values (``TraceError``); ``concrete_args`` has the values of inputs for which it
    may. Modules of ``torch.nn`` are called as they are, others are traced through.
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    return GraphModule(tracer.root, graph, type(root).__name__ if isinstance(root, Module) else root.__name__)
