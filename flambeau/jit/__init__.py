"""TorchScript's names. What is scripted or traced runs as its Python, and everything is compiled while it runs.

So decorators give back their function, ``is_scripting()`` is False, and no graph of TorchScript's exists (asking for one
says so). Scripted modules are modules of PyTorch's types, and can be saved with the sources that they need.
"""

from typing import Any, TypeVar

from .._jit_internal import (
    Final,
    _drop,
    _IgnoreContextManager,
    _isinstance,
    _overload,
    _overload_method,
    export,
    ignore,
    is_scripting,
    unused,
)
from . import annotations
from ._async import Future, fork, wait
from ._freeze import freeze, optimize_for_inference, run_frozen_optimizations
from ._fuser import (
    enable_onednn_fusion,
    fuser,
    onednn_fusion_enabled,
    optimized_execution,
    set_fusion_strategy,
    strict_fusion,
)
from ._script import (
    Attribute,
    CompilationUnit,
    RecursiveScriptClass,
    RecursiveScriptModule,
    ScriptFunction,
    ScriptModule,
    ScriptWarning,
    _unwrap_optional,
    interface,
    script,
    script_method,
)
from ._serialization import jit_module_from_flatbuffer, load, save, save_jit_module_to_flatbuffer
from ._trace import (
    TopLevelTracedModule,
    TracedModule,
    TracerWarning,
    TracingCheckError,
    _script_if_tracing,
    _unique_state_dict,
    is_tracing,
    trace,
    trace_module,
)

_T = TypeVar("_T")

__all__ = [
    "Attribute", "CompilationUnit", "Error", "Final", "Future", "RecursiveScriptClass", "RecursiveScriptModule",
    "ScriptFunction", "ScriptModule", "ScriptWarning", "TopLevelTracedModule", "TracedModule", "TracerWarning",
    "TracingCheckError", "_IgnoreContextManager", "_drop", "_fork", "_overload", "_overload_method", "_script_if_tracing",
    "_set_fusion_strategy", "_unique_state_dict", "_unwrap_optional", "_wait", "annotate", "annotations",
    "enable_onednn_fusion", "export", "export_opnames", "fork", "freeze", "fuser", "ignore", "interface", "is_scripting",
    "is_tracing", "isinstance", "jit_module_from_flatbuffer", "load", "onednn_fusion_enabled", "optimize_for_inference",
    "optimized_execution", "run_frozen_optimizations", "save", "save_jit_module_to_flatbuffer", "script",
    "script_if_tracing", "script_method", "set_fusion_strategy", "strict_fusion", "trace", "trace_module", "unused", "wait",
]  # fmt: skip

_fork, _wait, _set_fusion_strategy = fork, wait, set_fusion_strategy
script_if_tracing = _script_if_tracing


class Error(RuntimeError):
    """What PyTorch raises for an error inside TorchScript. Here errors are those of the Python that runs."""


def annotate(the_type: Any, the_value: _T) -> _T:
    """The value; its type was meant for TorchScript's compiler."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether a value is of a type that may have parameters: ``List[int]``, ``Dict[str, Tensor]``, ``Optional[…]``."""
    return _isinstance(obj, target_type)


def export_opnames(m: Any) -> list[str]:
    """Refused: a module has no list of operations, since it runs as its Python."""
    raise NotImplementedError(
        "torch.jit.export_opnames: scripted modules run as their Python and have no list of operations"
    )
