"""Making nested tensors, and making them into others: copies, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.device import check_device, jagged, strided
from ...core.modes import no_grad
from ...core.tensor import Tensor
from ...graph.dtypes import bool_, dtype, int64
from ..from_data import as_tensor
from ..joining import cat
from . import jagged as of_jagged
from . import strided as of_strided
from .calls import nested_operation
from .jagged import JaggedTensor, Rows, padded
from .strided import Places, StridedNestedTensor
from .tensor import NestedTensor, sizes_of

Dtype = dtype


def _converted(values: Tensor, d: Any, device: Any) -> Tensor:
    check_device(device)
    return values if d is None or values.dtype is d else values.to(d)


def as_nested(ts: Any, dtype: Dtype | None = None, device: Any = None, layout: Any = None) -> NestedTensor:
    """``torch.nested.as_nested_tensor``."""
    many = isinstance(ts, (list, tuple)) and all([isinstance(t, Tensor) for t in ts])
    if not isinstance(ts, Tensor) and not many:
        raise TypeError("as_nested_tensor(): Expected first argument to be a tensor or a list / tuple of tensors ")
    if isinstance(ts, Tensor):
        if ts.dim() < 2:
            raise RuntimeError("as_nested_tensor(): Expected tensor argument to have dim() > 1")
        if isinstance(ts, NestedTensor):
            if layout is not ts.layout:
                raise RuntimeError("as_nested_tensor(): Converting between nested tensor layouts is not supported")
            return ts._with(_converted(ts._values, dtype, device)) if dtype is not None else ts
        if layout is jagged:
            samples, length = ts.shape[:2]
            values = _converted(ts.contiguous().flatten(0, 1), dtype, device)
            return JaggedTensor.of(values, Rows.of_lengths([length] * samples))
        _known(layout)
        sizes = (tuple(ts.shape[1:]),) * ts.shape[0]
        return StridedNestedTensor.of(_converted(ts.reshape(-1), dtype, device), Places(sizes), ts.dim() - 1)
    _known(layout)
    return _jagged_of(ts, dtype, device) if layout is jagged else _strided_of(ts, dtype, device)


def nested(
    tensor_list: Any, *, dtype: Dtype | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> NestedTensor:
    """``torch.nested.nested_tensor``."""
    _known(layout)
    if not isinstance(tensor_list, (list, tuple)):
        raise TypeError(
            "Only lists (and tuples) of things from which tensors can be made are made into a nested tensor"
        )
    with no_grad():
        parts = [t.detach() if isinstance(t, Tensor) else as_tensor(t) for t in tensor_list]
        made = _jagged_of(parts, dtype, device) if layout is jagged else _strided_of(parts, dtype, device)
    if requires_grad:
        made.requires_grad_()
    return made


def _known(layout: Any) -> None:
    if layout is not None and layout is not strided and layout is not jagged:
        raise RuntimeError(f"Specified layout is unsupported for nested tensors: {layout}")


def _strided_of(parts: Sequence[Tensor], d: Any, device: Any) -> NestedTensor:
    if not parts:
        return StridedNestedTensor.of(_converted(as_tensor([]), d, device), Places(()), 0)
    dims = parts[0].dim()
    for place, part in enumerate(parts):
        if part.dim() != dims:
            raise RuntimeError(
                f"All Tensors given to nested_tensor must have the same dimension. Found dimension {part.dim()} for Tensor at "
                f"index {place} and dimension {dims} for Tensor at index 0."
            )
    kind = parts[0].dtype
    return of_strided.joined([_converted(part, d or kind, device) for part in parts], dims)


def _jagged_of(parts: Sequence[Tensor], d: Any, device: Any) -> NestedTensor:
    if not parts:
        raise RuntimeError("Cannot construct a nested tensor from an empty tensor list")
    for what, found in (("dtype", {part.dtype for part in parts}), ("dim", {part.dim() for part in parts})):
        if len(found) != 1:
            raise RuntimeError(f"When constructing a nested tensor, all tensors in list must have the same {what}")
    if not parts[0].dim():
        raise RuntimeError("Cannot construct a nested tensor from a list of zero-dim tensors")
    sizes = np.array([part.shape for part in parts])
    ragged = np.flatnonzero((sizes != sizes[:1]).any(0))
    if len(ragged) > 1:
        raise RuntimeError(
            "Cannot represent given tensor list as a nested tensor with the jagged layout. Note that the jagged layout only "
            "allows for a single ragged dimension. For example: (B, *, D_0, D_1, ..., D_N), with ragged * dim."
        )
    made = of_jagged.joined(parts, int(ragged[0]) + 1 if len(ragged) else 1)
    return made._with(_converted(made._values, d, device))


def from_jagged(
    values: Tensor, offsets: Tensor | None = None, lengths: Tensor | None = None, jagged_dim: int | None = None
) -> NestedTensor:
    """``torch.nested.nested_tensor_from_jagged``."""
    if offsets is None:
        if lengths is None:
            raise RuntimeError("nested_tensor_from_jagged(): At least one of offsets or lengths is required.")
        offsets, lengths = cat([lengths.new_zeros(1), lengths.cumsum(0)]), None
    axis = 1 if jagged_dim is None else jagged_dim
    if axis < 1:
        raise ValueError(f"Expected jagged_dim >=1, but got {jagged_dim}.")
    if isinstance(values, NestedTensor):
        raise TypeError("values must not be a nested tensor")
    if axis > values.dim():
        raise IndexError(f"jagged_dim {axis} is beyond the {values.dim()} dimensions of the values")
    if offsets.dim() != 1:
        raise ValueError(f"offsets must be 1D, but got {offsets.dim()}D")
    if lengths is not None and lengths.shape[0] != offsets.shape[0] - 1:
        raise ValueError(f"offsets of {offsets.shape[0] - 1} samples and lengths of {lengths.shape[0]} do not match")
    return JaggedTensor.of(values.view_as(values), Rows(offsets, lengths), axis)


def narrowed(tensor: Tensor, dim: int, start: Any, length: Any, layout: Any = strided) -> NestedTensor:
    """``torch.nested.narrow``."""
    for name, value in (("start", start), ("length", length)):
        if not isinstance(value, (int, Tensor)):
            raise RuntimeError(f"{name} must be an integer or a tensor")
    if layout is strided:
        if isinstance(start, Tensor) or isinstance(length, Tensor):
            raise RuntimeError("start and length must be integers for the strided layout NT impl")
        return as_nested(tensor.unbind()).narrow(dim, start, length)  # type: ignore[return-value]
    if layout is not jagged:
        raise RuntimeError(f"Specified layout is unsupported for nested narrow: {layout}")
    if dim != 1:
        raise RuntimeError("jagged layout only supports dim=1")
    samples = tensor.shape[0]
    given = [
        as_tensor(value, dtype=int64).reshape(-1) if isinstance(value, int) else value for value in (start, length)
    ]
    if any([value.dim() != 1 or value.shape[0] not in (1, samples) for value in given]):
        raise RuntimeError(
            "When constructing a jagged nested tensor using narrow(), your start and length must be Tensors that broadcast to "
            "input.shape[0]"
        )
    starts, lengths = [value.expand(samples) for value in given]
    extent = tensor.shape[1]
    begins = starts + as_tensor(np.arange(samples) * extent)
    offsets = cat([begins, (begins[-1:] + lengths[-1:])])
    values = tensor.view(-1, *tensor.shape[2:])
    first, last = offsets.numpy()[[0, -1]].tolist()
    counts = lengths.numpy()
    # Without gaps if all samples but the first and the last are whole, and these reach to their neighbours.
    gaps = (
        (counts[1:-1] != extent).any()
        or (np.diff(offsets.numpy()[1:-2]) != extent).any()
        or first + counts[0] != extent
    )
    if gaps:
        return JaggedTensor.of(values, Rows(offsets, lengths))
    return JaggedTensor.of(values[first:last], Rows(offsets - first))


def selected(tensor: Tensor, mask: Tensor) -> NestedTensor:
    """``torch.nested.masked_select``."""
    for name, value in (("tensor", tensor), ("mask", mask)):
        if value.layout is not strided:
            of = "a strided tensor, given" if name == "tensor" else "a strided mask, given:"
            raise RuntimeError(f"torch.nested.masked_select requires {of} {value.layout}")
    values = tensor.masked_select(mask)
    lengths = mask.expand(tensor.shape).sum(tensor.dim() - 1).view(-1)
    return from_jagged(values, lengths=lengths)


# --- copies -----------------------------------------------------------------------------------------------------------


@nested_operation()
def contiguous(input: NestedTensor, memory_format: Any = None) -> NestedTensor:
    """The tensor itself if its samples lie without gaps, or a copy in which they do."""
    if input.is_contiguous():
        return input
    if isinstance(input, JaggedTensor) and input._rows.lengths is None:
        return input._with(input._values.contiguous())
    return input._of_parts(input._parts())


@nested_operation()
def clone(input: NestedTensor, *, memory_format: Any = None) -> NestedTensor:
    """A copy, with gaps if there are any."""
    return input._with(input._values.clone())


@nested_operation()
def copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    """The elements of another nested tensor of the same sizes."""
    if not isinstance(self, NestedTensor) or not isinstance(src, NestedTensor):
        raise RuntimeError("copy_ only supports copies from a nested tensor to a nested one")
    if self._matches(src):
        self._values.copy_(src._values)
        return self
    mine, given = self._parts(), src._parts()
    if [part.shape for part in mine] != [part.shape for part in given]:
        raise RuntimeError("copy_(): expected nested tensors whose samples are of the same sizes")
    for part, other in zip(mine, given):
        part.copy_(other)
    return self


@nested_operation()
def to_padded_tensor(input: NestedTensor, padding: float, output_size: Any = None, out: Any = None) -> Tensor:
    """The samples in one tensor, as large as the largest in each dimension, or as ``output_size`` says."""
    if isinstance(input, JaggedTensor):
        if input._rows.lengths is not None:
            raise RuntimeError("to_padded_tensor(): not supported for nested tensors with holes")
        place = input._ragged_idx
        result = padded(_as_numbers(input), padding, None if output_size is None else int(output_size[place]))
        return result.to(input.dtype) if result.dtype is not input.dtype else result
    sizes = input._places.sizes  # type: ignore[attr-defined]
    if not sizes:
        return (
            input._values.new_empty(0) if output_size is None else input._values.new_full(tuple(output_size), padding)
        )
    if not sizes[0]:
        raise RuntimeError("to_padded_tensor: expected samples with at least one dimension")
    largest = (len(sizes), *[max(extents) for extents in zip(*sizes)])
    wanted = largest if output_size is None else tuple(output_size)
    if len(wanted) != len(largest):
        raise RuntimeError(f"output_size has {len(wanted)} sizes, and the nested tensor {len(largest)} dimensions")
    if any([found > size for found, size in zip(largest, wanted)]):
        raise RuntimeError("Value in output_size is less than NestedTensor padded size. Truncation is not supported.")
    parts = []
    for part in input._parts():
        behind = [amount for size, extent in zip(wanted[:0:-1], reversed(part.shape)) for amount in (0, size - extent)]
        parts.append(_padded_part(part, behind, padding))
    parts += [parts[0].new_full(wanted[1:], padding)] * (wanted[0] - len(parts))
    return cat([part.unsqueeze(0) for part in parts])


def _as_numbers(x: JaggedTensor) -> JaggedTensor:
    return x._with(x._values.to(int64)) if x.dtype is bool_ else x


def _padded_part(part: Tensor, behind: list[int], padding: float) -> Tensor:
    from ..padding import pad

    return pad(part, behind, value=padding) if any(behind) else part


@nested_operation()
def nested_to_padded_tensor(tensor: NestedTensor, padding: float, output_size: Any = None, out: Any = None) -> Tensor:
    """The same, under another name."""
    return to_padded_tensor(tensor, padding, output_size, out)


@nested_operation("new_zeros", "new_ones", "new_empty", "new_full")
def _new_one(input: NestedTensor, *given: Any, **options: Any) -> Tensor:
    """Refused: a tensor of sizes that are given has no samples."""
    raise RuntimeError(f"new tensors of sizes {sizes_of(given)} cannot be made of a nested one")
