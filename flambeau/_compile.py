"""``torch.compile``: everything is compiled while it runs, so a function that is to be compiled is the function itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ._dynamo.options import checked


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
    checked(model, dynamic=dynamic, backend=backend, mode=mode, options=options)
    nn = sys.modules.get(f"{__package__}.nn.modules.module")
    if nn is None or disable or not isinstance(model, nn.Module):
        return model
    from ._dynamo.eval_frame import OptimizedModule

    return OptimizedModule(model._orig_mod if isinstance(model, OptimizedModule) else model)


compile.__module__ = __package__
