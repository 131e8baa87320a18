"""What ``functorch`` had before it became a part of PyTorch, with a word on what to use instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..graph.notices import warn
from . import apis, eager_transforms
from . import make_functional as _functional

__all__ = [
    "combine_state_for_ensemble", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "make_functional", "make_functional_with_buffers", "vjp", "vmap",
]  # fmt: skip


def _deprecated(function: Callable[..., Any], instead: str) -> Any:
    name = function.__name__

    @wraps(function)
    def called(*arguments: Any, **options: Any) -> Any:
        warn(f"`functorch.{name}` is deprecated: use `torch.func.{instead}`, which has taken its place.", FutureWarning)
        return function(*arguments, **options)

    called.__module__ = __name__
    return called


functionalize = _deprecated(eager_transforms.functionalize, "functionalize")
grad = _deprecated(eager_transforms.grad, "grad")
grad_and_value = _deprecated(eager_transforms.grad_and_value, "grad_and_value")
hessian = _deprecated(eager_transforms.hessian, "hessian")
jacfwd = _deprecated(eager_transforms.jacfwd, "jacfwd")
jacrev = _deprecated(eager_transforms.jacrev, "jacrev")
jvp = _deprecated(eager_transforms.jvp, "jvp")
vjp = _deprecated(eager_transforms.vjp, "vjp")
vmap = _deprecated(apis.vmap, "vmap")
make_functional = _deprecated(_functional.make_functional, "functional_call")
make_functional_with_buffers = _deprecated(_functional.make_functional_with_buffers, "functional_call")
combine_state_for_ensemble = _deprecated(_functional.combine_state_for_ensemble, "stack_module_state")
