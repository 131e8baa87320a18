"""The loss of class numbers; what else there is of losses is composed in ``nn.functional``."""

from __future__ import annotations

from ..autograd.gradient import INPUTS, Gradient
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.shapes import Size
from ..graph.trace import record
from ..tensor import Tensor
from .activation import check_floating
from .comparison import where
from .dispatch import attach, binary, nary, tracked, unary
from .indexing import take_at
from .reductions import reduce
from .views import geometry


class NllLossBackward0(Gradient):
    """Minus the weight where the class is the target's: a comparison with the classes' numbers, not a scatter, so that
    it is computed in the kernel of whatever the gradient flows into.

    Inputs are the log-probabilities, the targets, their weights (or None) and what the sum is divided by (or None);
    ``context`` (shape of the log-probabilities, class axis, ignored class or None, whether there is one loss a target).
    """

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, None, None, None]:
        shape, axis, ignored, single = self.context
        target, weight, total = self.input(1), self.input(2), self.input(3)
        scale = -grad if total is None else -grad / total
        if weight is not None:
            scale = scale * weight
        if single or weight is not None:
            scale = scale.unsqueeze(axis)
        if ignored is not None:
            target = where(target == ignored, -1, target)
        numbers = [n if a == axis else 1 for a, n in enumerate(shape)]
        classes = Tensor._from_node(record(p.IOTA, (Size(numbers), dtypes.int64), (0, None), (1, None)))
        return where(classes == target.unsqueeze(axis), scale, 0.0), None, None, None


class NllLoss2DBackward0(NllLossBackward0):
    __slots__ = ()


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean", ignore_index: int = -100
) -> Tensor:
    """Negative log-probability of the target class.

    ``input`` (N, C, d1, …) or (C,); ``target`` (N, d1, …) or () of int64 or uint8; ``weight`` (C,), by which the mean
    is weighted too. Targets equal to ``ignore_index`` do not count; others outside 0 … C - 1 raise ``IndexError`` when
    the loss is computed.
    """
    target = _checked_target(input, target, weight)
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    counted = binary(p.NE, target, ignore_index)
    index = nary(p.WHERE, [counted, target, 0])
    sizes, strides, offset = geometry(input)
    along = [step for a, step in enumerate(strides) if a != axis]
    picked = take_at(input, target.shape, along, offset, [classes], [strides[axis]], [index], "target")
    rows: Tensor | None = None
    if weight is not None:
        _, (step,), first = geometry(weight)
        rows = take_at(weight, target.shape, [0] * target.ndim, first, [classes], [step], [index], "target")
        rows = nary(p.WHERE, [counted, rows, 0.0])
        picked = binary(p.MUL, picked, rows)
    result = nary(p.WHERE, [counted, unary(p.NEG, picked), 0.0])
    total: Tensor | None = None
    axes = tuple(range(target.ndim))
    if reduction != "none":
        result = reduce(p.SUM, result, axes, False, input.dtype)
    if reduction == "mean":
        total = reduce(p.SUM, counted if rows is None else rows, axes, False, input.dtype)
        result = binary(p.DIV, result, total)
    if tracked(input):
        operands = [input, target, rows, total]
        saved = [(None, None), *((t._read(), t._view) if t is not None else (None, None) for t in operands[1:])]
        ignored = ignore_index if 0 <= ignore_index < classes else None
        gradient = NllLoss2DBackward0 if input.ndim > 2 else NllLossBackward0
        attach(result, gradient, operands, saved, (sizes, axis, ignored, reduction == "none"))
    return result


def _checked_target(input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The targets as int64, in the shape of the input without its classes; errors as in PyTorch."""
    rank = input.ndim
    if rank == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if rank > 1 and (target.ndim == 0 or input.shape[0] != target.shape[0]):
        batch = target.shape[0] if target.ndim else 1
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({batch}).")
    check_floating(input, "nll_loss_out_frame")
    if target.dtype is not dtypes.int64 and target.dtype is not dtypes.uint8:
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {p.TYPE_NAMES[target.dtype]}")
    classes = input.shape[0 if rank == 1 else 1]
    if weight is not None:
        if weight.ndim != 1 or weight.shape[0] != classes:
            raise RuntimeError(
                f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor "
                f"of shape: {list(weight.shape)}"
            )
        if weight.dtype is not input.dtype:
            raise RuntimeError(
                f"expected scalar type {p.TYPE_NAMES[input.dtype]} but found {p.TYPE_NAMES[weight.dtype]}"
            )
    if target.dtype is dtypes.uint8:
        target = target.to(dtypes.int64)
    expected = input.shape[:0] if rank == 1 else input.shape[:1] + input.shape[2:]
    if target.shape == expected:
        return target
    if rank == 1:
        if target.numel() != 1:
            raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.shape[0]}")
        return target.reshape(())
    if rank == 4 and target.ndim == 3:
        raise RuntimeError(f"size mismatch (got input: {list(input.shape)} , target: {list(target.shape)}")
    if rank == 4:
        raise RuntimeError(
            f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.ndim}"
        )
    if rank == 2:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    raise RuntimeError(f"Expected target size {list(expected)}, got {list(target.shape)}")
