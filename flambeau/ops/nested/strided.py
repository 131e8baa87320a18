"""The strided layout: samples of any sizes in one buffer, each with sizes, strides and a place of its own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...core.device import strided
from ...core.tensor import Tensor
from ...graph.dtypes import int64
from ...graph.shapes import row_major_strides, wrap_dim
from ..from_data import tensor
from ..joining import cat
from ..printing import tensor_text
from .tensor import NestedTensor

_new = object.__new__

Sizes = tuple[tuple[int, ...], ...]


class Places:
    """Sizes, strides and offsets of the samples in a buffer. Nested tensors that are computed from each other share one."""

    def __init__(self, sizes: Sizes, strides: Sizes | None = None, offsets: Sequence[int] | None = None) -> None:
        self.sizes = sizes
        self.numel = sum(map(prod, sizes))
        packed_strides = tuple([row_major_strides(size) for size in sizes])
        packed_offsets, place = [], 0
        for size in sizes:
            packed_offsets.append(place)
            place += prod(size)
        self.strides = packed_strides if strides is None else strides
        self.offsets = tuple(packed_offsets if offsets is None else offsets)
        #: Whether the samples lie one behind the other, without gaps and in row-major order.
        self.packed = self.strides == packed_strides and self.offsets == tuple(packed_offsets)


class StridedNestedTensor(NestedTensor):
    """A nested tensor whose samples have as many dimensions, and any extents. Its values are the buffer."""

    __slots__ = ("_places", "_dims")

    _places: Places
    _dims: int

    @classmethod
    def of(cls, values: Tensor, places: Places, dims: int) -> StridedNestedTensor:
        """The samples, of ``dims`` dimensions, that lie in ``values`` at these places."""
        made: StridedNestedTensor = _new(cls)
        made._begin(values)
        made._places, made._dims = places, dims
        return made

    @property
    def layout(self) -> Any:
        return strided

    def _with(self, values: Tensor) -> StridedNestedTensor:
        return StridedNestedTensor.of(values, self._places, self._dims)

    def _packed(self) -> bool:
        return self._places.packed and self._values.shape[0] == self._places.numel

    def _parts(self) -> list[Tensor]:
        places, values = self._places, self._values
        if self._packed() and places.sizes:
            pieces = values.split([prod(size) for size in places.sizes])
            return [piece.view(size) for piece, size in zip(pieces, places.sizes)]
        begin = values.storage_offset()
        return [
            values.as_strided(size, strides, begin + offset)
            for size, strides, offset in zip(places.sizes, places.strides, places.offsets)
        ]

    def _of_parts(self, parts: Sequence[Tensor]) -> StridedNestedTensor:
        return joined(parts, self._dims)

    def _matches(self, other: NestedTensor) -> bool:
        if not isinstance(other, StridedNestedTensor):
            return False
        mine, given = self._places, other._places
        same = mine.sizes == given.sizes and mine.strides == given.strides and mine.offsets == given.offsets
        return same and self._values.shape == other._values.shape

    def _beside(self, name: str, other: Tensor) -> Tensor:
        """A tensor of one element; ``RuntimeError`` for others."""
        if other.numel() != 1 or other.dim():
            raise RuntimeError("Expected both self and other to be nested, but got a nested self and non-nested other")
        return other

    # --- what it is -----------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "NestedTensorImpl doesn't support sizes: samples have their own, size(dim) is what they have in common"
        )

    def size(self, dim: int | None = None) -> Any:
        """The number of samples, or the extent that all have in dimension ``dim``. ``RuntimeError`` if they differ."""
        if dim is None:
            return self.shape
        axis = wrap_dim(dim, self.dim())
        if not axis:
            return len(self._places.sizes)
        found = {size[axis - 1] for size in self._places.sizes}
        if len(found) != 1:
            raise RuntimeError(f"Given dimension {axis} is irregular and does not have a size.")
        return found.pop()

    def dim(self) -> int:
        """Number of dimensions, that of the samples included."""
        return self._dims + 1

    def stride(self, dim: int | None = None) -> Any:
        """``RuntimeError``: each sample has its own."""
        raise RuntimeError("NestedTensorImpl doesn't support strides: samples have their own")

    def numel(self) -> int:
        """Number of elements of all samples."""
        return self._places.numel

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the samples lie one behind the other, in row-major order and without gaps."""
        return self._places.packed

    def _nested_tensor_size(self) -> Tensor:
        """(samples, dimensions): their sizes."""
        return tensor([list(size) for size in self._places.sizes], dtype=int64)

    def _nested_tensor_strides(self) -> Tensor:
        """(samples, dimensions): their strides."""
        return tensor([list(strides) for strides in self._places.strides], dtype=int64)

    def _nested_tensor_storage_offsets(self) -> Tensor:
        """(samples): where each begins in the buffer."""
        return tensor(list(self._places.offsets), dtype=int64)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        texts = []
        for part in self.detach()._parts():
            lines = tensor_text(part.requires_grad_() if self.requires_grad else part).split("\n")
            texts.append("\n".join("  " + line for line in lines))
        inner = ",\n".join(texts)
        history = self.grad_fn
        said = f", grad_fn=<{type(history).__name__}>" if history is not None else ""
        said = said or (", requires_grad=True" if self.requires_grad else "")
        return f"nested_tensor([\n{inner}\n]{said})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        places = self._places
        return _rebuilt, (self._values, places.sizes, places.strides, places.offsets, self._dims)


def _rebuilt(values: Tensor, sizes: Sizes, strides: Sizes, offsets: tuple[int, ...], dims: int) -> StridedNestedTensor:
    return StridedNestedTensor.of(values, Places(sizes, strides, offsets), dims)


def joined(parts: Sequence[Tensor], dims: int) -> StridedNestedTensor:
    """Samples, which are copied into one buffer."""
    buffer = cat([part.reshape(-1) for part in parts])
    return StridedNestedTensor.of(buffer, Places(tuple([tuple(part.shape) for part in parts])), dims)
