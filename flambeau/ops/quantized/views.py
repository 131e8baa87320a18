"""What moves elements of quantized tensors: it is done on the integers, and these stand for what they stood for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.tensor import Tensor
from ...graph.shapes import wrap_dim
from ..by_name import functional, real
from .calls import quantized_operation
from .scheme import Scale, dequantized, of_tensor, quantized
from .tensor import QuantizedTensor


def _as(x: QuantizedTensor, integers: Any) -> Any:
    """Integers, or tuples of them, that stand for what those of ``x`` do."""
    if isinstance(integers, (list, tuple)):
        return type(integers)([_as(x, part) for part in integers])
    return QuantizedTensor.of(integers, x._scale)


def _one_scale(x: QuantizedTensor) -> Tensor:
    """The integers, where one scale is theirs. ``RuntimeError`` where an axis that would be moved has a scale for each index."""
    if x._scale.axis is not None:
        raise RuntimeError("Setting strides is possible only on uniformly quantized tensor")
    return x._integers


def _moved(name: str) -> None:
    """Have an operation move integers: the function of this name, or the method if that is all there is."""
    plain: Callable[..., Any] = getattr(Tensor, name, None) or getattr(real, name)

    def move(input: QuantizedTensor, *arguments: Any, **keywords: Any) -> Any:
        return _as(input, plain(_one_scale(input), *arguments, **keywords))

    quantized_operation(name)(move)


_MOVES = """
    adjoint broadcast_to chunk diagonal expand expand_as flatten flip hsplit index_select moveaxis movedim narrow
    channel_shuffle
    permute ravel repeat repeat_interleave roll rot90 split split_with_sizes squeeze swapaxes swapdims t take tensor_split tile
    transpose unbind unflatten unfold vsplit"""
for _name in _MOVES.split():
    _moved(_name)


def _kept(name: str) -> None:
    """Have an operation that leaves axes where they are be done on integers of any scheme."""
    plain: Callable[..., Any] = getattr(Tensor, name)

    def keep(input: QuantizedTensor, *arguments: Any, **keywords: Any) -> Any:
        return _as(input, plain(input._integers, *arguments, **keywords))

    quantized_operation(name)(keep)


for _name in ("clone", "contiguous", "detach", "cpu", "alias", "pin_memory"):
    if hasattr(Tensor, _name):
        _kept(_name)


def _shaped(name: str) -> None:
    plain: Callable[..., Any] = getattr(Tensor, name)

    def shape(input: QuantizedTensor, *sizes: Any, **keywords: Any) -> Any:
        integers = plain(input._integers, *sizes, **keywords)
        axis = input._scale.axis
        if axis is not None and (axis >= integers.ndim or integers.shape[axis] != input.shape[axis]):
            raise RuntimeError(
                f"{name}: axis {axis} of a tensor that is quantized per channel must be left as it is, but the shape "
                f"{list(input.shape)} becomes {list(integers.shape)}"
            )
        return _as(input, integers)

    quantized_operation(name)(shape)


for _name in ("view", "reshape", "view_as", "reshape_as"):
    _shaped(_name)


@quantized_operation()
def unsqueeze(input: QuantizedTensor, dim: int) -> QuantizedTensor:
    place = wrap_dim(dim, input.dim() + 1)
    axis = input._scale.axis
    moved = axis if axis is None or axis < place else axis + 1
    return QuantizedTensor.of(input._integers.unsqueeze(place), input._scale._replace(axis=moved))


@quantized_operation()
def select(input: QuantizedTensor, dim: int, index: int) -> QuantizedTensor:
    dim = wrap_dim(dim, input.dim())
    scale = input._scale
    if scale.axis == dim:
        scale = of_tensor(scale.scale[index], scale.zero_point[index])
    elif scale.axis is not None and scale.axis > dim:
        scale = scale._replace(axis=scale.axis - 1)
    return QuantizedTensor.of(input._integers.select(dim, index), scale)


def _read(self: QuantizedTensor, index: Any) -> QuantizedTensor:
    """Elements by an index; of tensors quantized per channel by integers and slices, from the first axis on."""
    scale = self._scale
    integers = self._integers[index]
    if scale.axis is None:
        return QuantizedTensor.of(integers, scale)
    read, made = 0, 0  # axes of the tensor and of the result that members before have dealt with
    for member in _members(self, index):
        if member is None:
            made += 1
            continue
        if read == scale.axis:
            if isinstance(member, int):
                return QuantizedTensor.of(integers, of_tensor(scale.scale[member], scale.zero_point[member]))
            return QuantizedTensor.of(integers, Scale(scale.scale[member], scale.zero_point[member], made))
        read, made = read + 1, made + (not isinstance(member, int))
    return QuantizedTensor.of(integers, scale._replace(axis=scale.axis - read + made))


def _members(self: QuantizedTensor, index: Any) -> list[Any]:
    """The members of an index of integers, slices and None, up to an axis for each. ``RuntimeError`` for other ones."""
    members = list(index if isinstance(index, tuple) else (index,))
    if Ellipsis in members:
        place = members.index(Ellipsis)
        rest = self.ndim - sum([member is not None for member in members]) + 1
        members[place : place + 1] = [slice(None)] * rest
    if not all([member is None or isinstance(member, (int, slice)) and not isinstance(member, bool) for member in members]):
        raise RuntimeError("Setting strides is possible only on uniformly quantized tensor")
    return members


def _write(self: QuantizedTensor, index: Any, value: Any) -> None:
    self[index].copy_(value)


QuantizedTensor.__getitem__ = _read  # type: ignore[method-assign, assignment]
QuantizedTensor.__setitem__ = _write  # type: ignore[method-assign, assignment]
QuantizedTensor.T = property(lambda self: _as(self, _one_scale(self).T))  # type: ignore[attr-defined]
QuantizedTensor.mT = property(lambda self: _as(self, _one_scale(self).mT))  # type: ignore[attr-defined]

# --- writing, joining, choosing ---------------------------------------------------------------------------------------


@quantized_operation("copy_")
def _copy(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    if not isinstance(self, QuantizedTensor):
        raise RuntimeError(
            "Copying from quantized Tensor to non-quantized Tensor is not allowed, please use dequantize to get a float Tensor "
            "from a quantized Tensor"
        )
    if isinstance(src, QuantizedTensor):
        if src.dtype is not self.dtype:
            raise RuntimeError(f"Quantized copy only works with the same dtype: {src.dtype} cannot be put into {self.dtype}")
        self._integers.copy_(src._integers)
        self._scale = src._scale
        return self
    if not isinstance(src, Tensor):
        src = real.full((), float(src))
    if src.dtype.name != "float32":
        raise RuntimeError(f"Quantized copy only works with kFloat as source Tensor, got {src.dtype}")
    self._integers.copy_(quantized(src.expand(self.shape), self._scale, self.dtype))
    return self


@quantized_operation("fill_")
def _fill(self: QuantizedTensor, value: float) -> Tensor:
    return _copy(self, real.full((), float(value)))


@quantized_operation()
def masked_fill(input: QuantizedTensor, mask: Tensor, value: float) -> QuantizedTensor:
    filling = quantized(real.full((), float(value)), Scale(*_one_of(input)), input.dtype)
    return QuantizedTensor.of(input._integers.masked_fill(mask, filling), input._scale)


def _one_of(x: QuantizedTensor) -> tuple[Tensor, Tensor]:
    _one_scale(x)
    return x._scale.scale, x._scale.zero_point


def _joined(name: str) -> None:
    plain: Callable[..., Any] = getattr(real, name)

    def join(tensors: Any, dim: int = 0) -> Any:
        """The parts, quantized as the first is."""
        first = next(part for part in tensors if isinstance(part, QuantizedTensor))
        _one_scale(first)
        integers = []
        for part in tensors:
            if not isinstance(part, QuantizedTensor) or part.dtype is not first.dtype:
                raise RuntimeError(f"{name}: all tensors must be quantized, of dtype {first.dtype}")
            same = part is first or part._scale == first._scale
            integers.append(
                part._integers if same else quantized(dequantized(part._integers, part._scale), first._scale, first.dtype)
            )
        return _as(first, plain(integers, dim))

    quantized_operation(name)(join)


_joined("cat")
_joined("stack")


def _chosen(name: str, others: int, *further: str) -> None:
    """Have an operation that chooses among elements choose among integers: the greater stand for the greater numbers."""
    plain: Callable[..., Any] = getattr(real, name, None) or getattr(functional, name)

    def choose(input: QuantizedTensor, *arguments: Any, **keywords: Any) -> Any:
        result = plain(_one_scale(input), *arguments, **keywords)
        if not isinstance(result, tuple):
            return _as(input, result)
        return type(result)(*[_as(input, part) if place < others else part for place, part in enumerate(result)])

    quantized_operation(name, *further)(choose)


for _name in ("sort", "topk", "max", "min", "kthvalue", "median", "max_pool1d", "max_pool2d", "max_pool3d", "amax", "amin"):
    _chosen(_name, 1)
