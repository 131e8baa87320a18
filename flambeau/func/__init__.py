"""Transforms of functions: gradients, products with Jacobians, ``vmap``, and modules as functions of their parameters."""

from __future__ import annotations

from .._functorch.apis import vmap
from .._functorch.batch_norm_replacement import replace_all_batch_norm_modules_
from .._functorch.eager_transforms import (
    debug_unwrap,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    vjp,
)
from .._functorch.functional_call import functional_call, stack_module_state

__all__ = [
    "debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "linearize", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap",
]  # fmt: skip

for _function in (vmap, replace_all_batch_norm_modules_, debug_unwrap, functionalize, grad, grad_and_value, hessian, jacfwd,
                  jacrev, jvp, linearize, vjp, functional_call, stack_module_state):  # fmt: skip
    _function.__module__ = __name__
