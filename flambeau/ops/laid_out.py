"""The order in memory of what several operations make together where PyTorch has one: results and gradients."""

from __future__ import annotations

from ..autograd.gradient import Gradient
from ..tensor import Tensor
from .memory_order import Order, known_format, lay, lies_in
from .views import geometry, view_of


def in_order(x: Tensor, order: Order) -> Tensor:
    """``x`` itself if it lies in logical order (None) or with channels last, as ``order`` says, else a copy that does."""
    return x if lies_in(x, order) else x.contiguous(memory_format=known_format(order))  # type: ignore[no-any-return]


def in_new_memory(result: Tensor, input: Tensor, order: Order) -> Tensor:
    """What was made of ``input``, in ``order`` and in memory of its own even if nothing but views was made."""
    if result._storage is not None and result._storage is input._storage:
        result = result.clone()
    return lay(result, order)


class GradientInOrderBackward(Gradient):
    """``context``: (shape, order)."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return in_order(grad, self.context[1])


def with_gradient_in_order(x: Tensor, order: Order) -> Tensor:
    """``x`` seen so that its gradient lies in ``order``; ``x`` itself if it has none."""
    return view_of(x, *geometry(x), GradientInOrderBackward, order) if x._tracked else x
