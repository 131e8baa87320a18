"""The options of ``compile``, which are checked, and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..surface import lookup

_MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
_BACKENDS = frozenset(
    "aot_eager aot_eager_decomp_partition aot_eager_decomp_partition_crossref aot_eager_decomp_partition_with_mode "
    "aot_eager_default_partitioner aot_ts cudagraphs eager eager_debug eager_noexcept inductor invoke_subgraph openxla "
    "openxla_eval pre_dispatch_eager ts tvm".split()
)
"""Names of what PyTorch can hand a program to. None of them is asked here."""


def checked(
    model: Callable[..., Any], *, fullgraph: bool = False, dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None, mode: str | None = None, options: dict[str, Any] | None = None,
    name: str | None = None, disable: bool = False, recompile_limit: int | None = None, isolate_recompiles: bool = False,
    shapes_spec: Any = None,
) -> Callable[..., Any]:  # fmt: skip
    """The model, whose options are those of ``compile``.

    ``RuntimeError`` for a mode that PyTorch has not, or one with ``options``, and for the name of an unknown backend.
    """
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
    return model
