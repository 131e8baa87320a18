"""The order in memory of what several operations make together where PyTorch has one: results and gradients."""

from __future__ import annotations

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph.primitives import COPY
from .conversion import CloneBackward0, copied
from .memory_order import Order, is_dense, known_format, lay, lies_in, own_order, strides_in_order
from .views import geometry, view_of


def in_order(x: Tensor, order: Order) -> Tensor:
    """``x`` itself if it lies in logical order (None) or with channels last, as ``order`` says, else a copy that does."""
    return x if lies_in(x, order) else x.contiguous(memory_format=known_format(order))  # type: ignore[no-any-return]


def laid_like(value: Tensor, x: Tensor) -> Tensor:
    """``value``, if its elements lie in memory as those of ``x`` do, or else a copy that does.

    Where ``x`` has gaps, or shows elements several times, that is in logical order.
    """
    order = own_order(x)
    if order is not None and not is_dense(x, order):
        order = None
    steps, wanted = value.stride(), strides_in_order(value.shape, order)
    if all(n == 1 or a == b for n, a, b in zip(value.shape, steps, wanted)):
        return value
    return copied(COPY, value, CloneBackward0, None, order)


def in_new_memory(result: Tensor, input: Tensor, order: Order) -> Tensor:
    """What was made of ``input``, in ``order`` and in memory of its own even if nothing but views was made."""
    if result is input or result._storage is not None and result._storage is input._storage:
        result = result.clone()
    return lay(result, order)


class GradientInOrderBackward(Gradient):
    """``context``: (shape, order)."""


    def backward(self, grad: Tensor) -> Tensor:
        return in_order(grad, self.context[1])


def with_gradient_in_order(x: Tensor, order: Order) -> Tensor:
    """``x`` seen so that its gradient lies in ``order``; ``x`` itself if it has none."""
    return view_of(x, *geometry(x), GradientInOrderBackward, order) if x._tracked else x
