"""Negative log likelihood and cross entropy; the other losses are composed in ``nn.functional``."""

from __future__ import annotations

from itertools import repeat

from ..core.composite import composite_values, tensor_of
from ..core.history import INPUTS, Gradient, shown_as
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.bounds import LARGEST, SMALLEST
from ..graph.checks import Check
from ..graph.dtypes import TYPE_NAMES
from ..graph.shapes import Size, View
from ..graph.trace import local, record
from .addressing import take_at
from .choice import where
from .conversion import check_floating
from .dispatch import attach, with_history
from .recording_paths import binary, ternary, unary
from .reductions import reduce
from .softmax import log_softmax
from .views import geometry

_TARGET = Check(IndexError, "Target {value} is out of bounds.")


class NllLossBackward0(Gradient):
    """Minus the weight where the class is the target's: a comparison with the classes' numbers, not a scatter, so that
    it is computed in the kernel of whatever the gradient flows into.

    Inputs are the log-probabilities, the targets, their weights (or None) and what the sum is divided by (or None);
    ``context`` (shape of the log-probabilities, class axis, ignored class, whether there is one loss a target).
    """

    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> tuple[Tensor, None, None, None]:
        shape, axis, ignored, single = self.context
        target, scale = self._slope(grad, single)
        if single or self.input(2) is not None:
            scale = scale.unsqueeze(axis)
        if 0 <= ignored < shape[axis]:
            target = where(target == ignored, -1, target)
        return where(_is_target(shape, axis, target), scale, 0.0), None, None, None

    def _slope(self, grad: Tensor, single: bool) -> tuple[Tensor, Tensor]:
        """The targets, and the derivative by each target's log-probability (one for all if no weights differ)."""
        target, weight, total = self.input(1), self.input(2), self.input(3)
        scale = -grad if total is None else -grad / total
        return target, scale if weight is None else scale * weight


NllLoss2DBackward0 = NllLossBackward0.named("NllLoss2DBackward0")


@shown_as("NllLossBackward0")
class CrossEntropyBackward(NllLossBackward0):
    """As above, but the first input is what the log-softmax is taken of, its largest elements and the logarithms of its
    sums being saved after the others."""

    zero_curvature = False

    def backward(self, grad: Tensor) -> tuple[Tensor, None, None, None]:
        shape, axis, ignored, single = self.context
        target, scale = self._slope(grad, single)
        x = self.input(0)
        logarithm = log_softmax(x, axis) if local.grad else x - self.input(4) - self.input(5)
        scale = where(target == ignored, 0.0, scale).unsqueeze(axis)
        slope = where(_is_target(shape, axis, target), scale, 0.0)
        return slope - logarithm.exp() * scale, None, None, None


@shown_as("NllLoss2DBackward0")
class CrossEntropyOfPlanesBackward(CrossEntropyBackward):
    """With further axes behind the classes'."""


def _is_target(shape: Size, axis: int, target: Tensor) -> Tensor:
    """Where the class, numbered along ``axis``, is the target's."""
    numbers = Size(n if a == axis else 1 for a, n in enumerate(shape))
    classes = Tensor._from_node(record(p.IOTA, (numbers, dtypes.int64), (0, None), (1, None)))
    return binary(p.EQ, classes, _beside(target, axis))


def _beside(x: Tensor, axis: int) -> Tensor:
    """The value of ``x`` without history, with an axis of extent 1 put in."""
    sizes, strides, offset = geometry(x)
    view = View((*sizes[:axis], 1, *sizes[axis:]), (*strides[:axis], 1, *strides[axis:]), offset)
    return Tensor._saved(x._read(), view, None)


class _Picked:
    """Targets, and what stands at them along the class axis of a tensor (0 for targets that do not count)."""

    def __init__(self, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> None:
        if not SMALLEST <= ignore_index <= LARGEST:
            raise ValueError(f"Overflow when unpacking long long: ignore_index={ignore_index}")
        self.axis = axis = 0 if input.ndim == 1 else 1
        self.target = target = _checked_target(input, target, weight)
        self.counted = counted = binary(p.NE, target, ignore_index)
        index = ternary(p.WHERE, counted, target, 0)
        sizes, strides, offset = geometry(input)
        along = [step for a, step in enumerate(strides) if a != axis]
        extents = [sizes[axis]]
        self.value = take_at(input, target.shape, along, offset, extents, [strides[axis]], [index], _TARGET)
        self.weight: Tensor | None = None
        if weight is not None:
            _, (step,), first = geometry(weight)
            rows = take_at(weight, target.shape, [0] * target.ndim, first, extents, [step], [index], _TARGET)
            self.weight = ternary(p.WHERE, counted, rows, 0.0)

    def reduced(self, value: Tensor, reduction: str) -> tuple[Tensor, Tensor | None]:
        """The loss of log-probabilities ``value`` at the targets, and what their sum was divided by."""
        if self.weight is not None:
            value = binary(p.MUL, value, self.weight)
        result = ternary(p.WHERE, self.counted, unary(p.NEG, value), 0.0)
        if reduction == "none":
            return result, None
        axes = tuple(range(value.ndim))
        result = reduce(p.SUM, result, axes, False, value.dtype)
        if reduction == "sum":
            return result, None
        total = reduce(p.SUM, self.counted if self.weight is None else self.weight, axes, False, value.dtype)
        return binary(p.DIV, result, total), total


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean", ignore_index: int = -100
) -> Tensor:
    """Negative log-probability of the target class.

    ``input`` (N, C, d1, …) or (C,); ``target`` (N, d1, …) or () of int64 or uint8; ``weight`` (C,), by which the mean is
    weighted too. Targets equal to ``ignore_index`` do not count; others outside 0 … C - 1 raise ``IndexError`` when the
    loss is computed.
    """
    picked = _Picked(input, target, weight, ignore_index)
    result, total = picked.reduced(picked.value, reduction)
    operands = [input, picked.target, picked.weight, total]
    gradient = NllLoss2DBackward0 if input.ndim > 2 else NllLossBackward0
    context = (input.shape, picked.axis, ignore_index, reduction == "none")
    return with_history(result, gradient, operands, context, kept=[None, *operands[1:]])


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean", ignore_index: int = -100
) -> Tensor:
    """:func:`nll_loss` of the log-softmax, which is not stored: backward computes it again from the input."""
    shape, d = input._output_meta(0)
    rank = len(shape)
    if d.category < 2 and 0 not in shape:
        check_floating("log_softmax_lastdim_kernel_impl", input.dtype)
    if rank == 0 or 0 in shape or d.itemsize == 2:
        return nll_loss(log_softmax(input, 0 if rank < 2 else 1), target, weight, reduction, ignore_index)
    value, *kept = composite_values(_cross_entropy, (reduction, ignore_index), (input, target, weight))
    result = tensor_of(*value)
    if input._tracked and local.grad:
        context = (shape, 0 if rank == 1 else 1, ignore_index, reduction == "none")
        saved = (input._read(), input._view), *kept
        gradient = CrossEntropyBackward if rank < 3 else CrossEntropyOfPlanesBackward
        attach(result, gradient, (input, *repeat(None, len(kept))), saved, context)
    return result  # type: ignore[no-any-return]


def _cross_entropy(
    how: tuple[str, int], input: Tensor, target: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor, Tensor]:
    """The loss, and what its gradient is computed from besides the input."""
    reduction, ignore_index = how
    picked = _Picked(input, target, weight, ignore_index)
    axis, d = picked.axis, input.dtype
    largest = reduce(p.MAX, input, (axis,), False, d)
    wide = _beside(largest, axis)
    sums = unary(p.LOG, reduce(p.SUM, unary(p.EXP, binary(p.SUB, input, wide)), (axis,), False, d))
    result, total = picked.reduced(binary(p.SUB, binary(p.SUB, picked.value, largest), sums), reduction)
    return result, picked.target, picked.weight, total, wide, _beside(sums, axis)


def _checked_target(input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The targets as int64, in the shape of the input without its classes; errors as in PyTorch."""
    rank = input.ndim
    if rank == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if rank > 1 and (target.ndim == 0 or input.shape[0] != target.shape[0]):
        batch = target.shape[0] if target.ndim else 1
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({batch}).")
    if target.dtype is not dtypes.int64 and target.dtype is not dtypes.uint8:
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {TYPE_NAMES[target.dtype]}")
    if rank == 1 and target.ndim == 1 and target.shape[0] != 1:
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.shape[0]}")
    if rank <= 2 and target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    check_floating("nll_loss_out_frame", input.dtype)
    classes = input.shape[0 if rank == 1 else 1]
    if weight is not None:
        if weight.ndim != 1 or weight.shape[0] != classes:
            raise RuntimeError(
                f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor "
                f"of shape: {list(weight.shape)}"
            )
        if weight.dtype is not input.dtype:
            raise RuntimeError(
                f"expected scalar type {TYPE_NAMES[input.dtype]} but found {TYPE_NAMES[weight.dtype]}"
            )
    if target.dtype is dtypes.uint8:
        target = target.to(dtypes.int64)
    expected = input.shape[:0] if rank == 1 else input.shape[:1] + input.shape[2:]
    if target.shape == expected:
        return target
    if rank == 1:
        return target.reshape(())
    if rank == 4 and target.ndim == 3:
        raise RuntimeError(f"size mismatch (got input: {list(input.shape)} , target: {list(target.shape)}")
    if rank == 4:
        raise RuntimeError(
            f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.ndim}"
        )
    raise RuntimeError(f"Expected target size {list(expected)}, got {list(target.shape)}")
