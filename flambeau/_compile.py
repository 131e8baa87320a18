"""``torch.compile``: everything is compiled while it runs, so a function that is to be compiled is the function itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .surface import lookup

_MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
_BACKENDS = frozenset(
    "aot_eager aot_eager_decomp_partition aot_eager_decomp_partition_crossref aot_eager_decomp_partition_with_mode "
    "aot_eager_default_partitioner aot_ts cudagraphs eager eager_debug eager_noexcept inductor invoke_subgraph openxla "
    "openxla_eval pre_dispatch_eager ts tvm".split()
)
"""Names of what PyTorch can hand a program to. None of them is asked here."""


def compile(
    model: Callable[..., Any] | None = None, *, fullgraph: bool = False, dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None, mode: str | None = None, options: dict[str, Any] | None = None,
    name: str | None = None, disable: bool = False, recompile_limit: int | None = None, isolate_recompiles: bool = False,
    shapes_spec: Any = None,
) -> Any:  # fmt: skip
    """The function itself, or a module around a module: everything is compiled while it runs. Without a model, a decorator.

    Options are checked, and change nothing: ``RuntimeError`` for a mode that PyTorch has not, or one with ``options``, and for
    the name of an unknown backend. A backend that is a function is not called: programs are not handed on in parts.
    """
    if model is None:

        def decorated(model: Any) -> Any:
            if model is None:
                raise RuntimeError("Model can't be None")
            return compile(
                model, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, name=name,
                disable=disable, recompile_limit=recompile_limit, isolate_recompiles=isolate_recompiles,
                shapes_spec=shapes_spec,
            )  # fmt: skip

        return decorated
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if backend in (None, "inductor"):
        if mode is not None and mode not in _MODES:
            raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")
        if options is not None and not isinstance(options, dict):
            raise AttributeError(f"{type(options).__name__!r} object has no attribute 'items'")
    elif isinstance(backend, str) and backend not in _BACKENDS:
        message = f"Invalid backend: {backend!r}, see `torch._dynamo.list_backends()` for available backends."
        raise lookup("torch._dynamo.exc", "InvalidBackend")(message)
    assert dynamic is None or isinstance(dynamic, bool), f"Expected enable to be a bool, got {type(dynamic)}"
    assert callable(model), f"A callable function is expected, but {type(model)} is provided."
    nn = sys.modules.get(f"{__package__}.nn.modules.module")
    if nn is None or disable or not isinstance(model, nn.Module):
        return model
    from ._dynamo.eval_frame import OptimizedModule

    return OptimizedModule(model._orig_mod if isinstance(model, OptimizedModule) else model)


compile.__module__ = __package__
