"""The jagged layout: one dimension behind the first is ragged, and all samples lie along it, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.device import jagged
from ...core.tensor import Tensor
from ...graph.dtypes import int64
from ...graph.shapes import Size, size_along
from ..choice import where
from ..from_data import tensor
from ..joining import cat
from .sizes import SymInt, ragged_size
from .tensor import NestedTensor, refuse

_new = object.__new__


class Rows:
    """How the rows along a ragged dimension are shared out: sample ``i`` has ``lengths[i]`` of them, from ``offsets[i]`` on.

    Without lengths a sample ends where the next one begins. Nested tensors that are computed from each other share one.
    """

    def __init__(self, offsets: Tensor, lengths: Tensor | None = None) -> None:
        self.offsets, self.lengths = offsets, lengths
        self.size: SymInt = ragged_size(offsets if lengths is None else lengths)
        self._places: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of_lengths(cls, lengths: Sequence[int]) -> Rows:
        """Rows of samples that lie without gaps."""
        return cls(tensor([0, *np.cumsum(lengths, dtype=np.int64).tolist()], dtype=int64))

    @property
    def count(self) -> int:
        """How many samples there are."""
        return self.offsets.shape[0] - 1

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each sample begins, and its number of rows: looked at once."""
        if self._places is None:
            offsets = self.offsets.detach().numpy().astype(np.int64)
            lengths = np.diff(offsets) if self.lengths is None else self.lengths.detach().numpy().astype(np.int64)
            self._places = offsets[:-1], lengths
        return self._places

    def sample_of_row(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """For each of so many rows the sample that it is of, and its place in that."""
        starts = self.places[0]
        row = np.arange(rows)
        sample = np.clip(np.searchsorted(starts, row, side="right") - 1, 0, max(self.count - 1, 0))
        return sample, row - starts[sample] if self.count else row


class JaggedTensor(NestedTensor):
    """A nested tensor (samples, …, ragged, …). Its values have the sizes behind the first, with all rows in one dimension."""

    __slots__ = ("_rows", "_ragged_idx")

    _rows: Rows
    _ragged_idx: int

    @classmethod
    def of(cls, values: Tensor, rows: Rows, ragged_idx: int = 1) -> JaggedTensor:
        """The samples whose rows are along dimension ``ragged_idx - 1`` of ``values``."""
        made: JaggedTensor = _new(cls)
        made._begin(values)
        made._rows, made._ragged_idx = rows, ragged_idx
        return made

    @property
    def layout(self) -> Any:
        return jagged

    def _with(self, values: Tensor) -> JaggedTensor:
        return JaggedTensor.of(values, self._rows, self._ragged_idx)

    def _parts(self) -> list[Tensor]:
        axis, values = self._ragged_idx - 1, self._values
        starts, lengths = self._rows.places
        if self._packed():
            return [*values.split(lengths.tolist(), axis)]
        for number, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist())):
            if length < 0 or start < 0 or start + length > values.shape[axis]:
                raise RuntimeError(
                    f"unbind(): nested tensor offsets and lengths do not match ragged_idx dimension: sample {number} has rows "
                    f"{start} to {start + length} of {values.shape[axis]}"
                )
        return [values.narrow(axis, start, length) for start, length in zip(starts.tolist(), lengths.tolist())]

    def _of_parts(self, parts: Sequence[Tensor]) -> JaggedTensor:
        return joined(parts, self._ragged_idx)

    def _packed(self) -> bool:
        """Whether each row is in one sample."""
        if self._rows.lengths is not None:
            return False
        starts, lengths = self._rows.places
        whole = int(lengths.sum()) == self._values.shape[self._ragged_idx - 1] and not (len(starts) and starts[0])
        return whole and bool((lengths >= 0).all())

    def _matches(self, other: NestedTensor) -> bool:
        if not isinstance(other, JaggedTensor):
            return False
        end = self._ragged_idx + 1
        return self._ragged_idx == other._ragged_idx and self._sizes()[:end] == other._sizes()[:end]

    def _beside(self, name: str, other: Tensor) -> Tensor:
        """A tensor as it is, if it has none of the first two dimensions; else what each sample has of it, for all its rows."""
        if other.dim() > self.dim():
            raise NotImplementedError(f"{name}: a nested tensor is not broadcast with a tensor of more dimensions")
        squeezed = other
        while squeezed.dim() and squeezed.shape[0] == 1:
            squeezed = squeezed.squeeze(0)
        if self.dim() >= squeezed.dim() + 2:
            return squeezed
        if other.dim() != self.dim() or other.shape[0] != self._rows.count:
            raise RuntimeError(
                f"cannot call binary pointwise function {name} with inputs of shapes {self.shape} and {other.shape}"
            )
        return of_padded(other, self._rows, self._ragged_idx, self._values.shape[self._ragged_idx - 1])

    # --- what it is -----------------------------------------------------------------------------------------------------

    def _sizes(self) -> tuple[Any, ...]:
        sizes = [*self._values.shape]
        sizes[self._ragged_idx - 1] = self._rows.size  # type: ignore[call-overload]
        return (self._rows.count, *sizes)

    _size = property(_sizes)

    @property
    def shape(self) -> Size:
        return Size(self._sizes())

    def size(self, dim: int | None = None) -> Any:
        """The sizes, or the extent of dimension ``dim``; that of the ragged one is a symbol."""
        return self.shape if dim is None else size_along(self._sizes(), dim)

    def dim(self) -> int:
        """Number of dimensions, that of the samples included."""
        return self._values.dim() + 1

    def stride(self, dim: int | None = None) -> Any:
        """Steps in elements; that between samples is a multiple of the ragged size."""
        inner = self._values.stride()
        strides = (self._rows.size * inner[self._ragged_idx - 1], *inner)
        return strides if dim is None else size_along(strides, dim)  # type: ignore[arg-type]

    def numel(self) -> int:
        """Number of elements of all samples."""
        if self._rows.lengths is None:
            return self._values.numel()
        others = [size for axis, size in enumerate(self._values.shape) if axis != self._ragged_idx - 1]
        return int(self._rows.places[1].sum()) * int(np.prod(others, dtype=np.int64))

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the samples lie one behind the other in row-major order, without gaps."""
        return self._rows.lengths is None and self._values.is_contiguous()

    def offsets(self) -> Tensor:
        """Where samples begin along the ragged dimension of the values, and where the last one ends."""
        return self._rows.offsets

    def lengths(self) -> Tensor | None:
        """How many rows samples have, if that does not follow from the offsets."""
        return self._rows.lengths

    _offsets = property(offsets)
    _lengths = property(lengths)

    def _get_max_seqlen(self) -> int:
        return int(self._rows.places[1].max(initial=0))

    def _get_min_seqlen(self) -> int:
        lengths = self._rows.places[1]
        return int(lengths.min()) if len(lengths) else 0

    _max_seqlen = property(_get_max_seqlen)
    _min_seqlen = property(_get_min_seqlen)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        history = self.grad_fn
        said = f", grad_fn={history}" if history is not None else ", requires_grad=True" if self.requires_grad else ""
        return (
            f"NestedTensor(size={self._sizes()}, offsets={self._rows.offsets}{said}, contiguous={self.is_contiguous()})"
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuilt, (self._values, self._rows.offsets, self._rows.lengths, self._ragged_idx)


def _rebuilt(values: Tensor, offsets: Tensor, lengths: Tensor | None, ragged_idx: int) -> JaggedTensor:
    return JaggedTensor.of(values, Rows(offsets, lengths), ragged_idx)


def joined(parts: Sequence[Tensor], ragged_idx: int) -> JaggedTensor:
    """Samples, which are copied, one behind the other."""
    return JaggedTensor.of(
        cat([*parts], ragged_idx - 1), Rows.of_lengths([part.shape[ragged_idx - 1] for part in parts]), ragged_idx
    )


def padded(x: JaggedTensor, padding: float, length: int | None = None) -> Tensor:
    """(samples, …, length, …): the samples' rows, and ``padding`` behind them; by default as long as the longest."""
    axis, values = x._ragged_idx - 1, x._values
    starts, lengths = x._rows.places
    extent = int(lengths.max(initial=0)) if length is None else length
    row = starts[:, None] + np.arange(extent)[None]
    there = np.arange(extent)[None] < lengths[:, None]
    moved = values.movedim(axis, 0)
    shape = (len(starts), extent, *moved.shape[1:])
    if not there.any():
        result = values.new_full(shape, padding)
    else:
        index = tensor(np.where(there, row, 0).reshape(-1), dtype=int64)
        mask = tensor(there).view(len(starts), extent, *[1] * (moved.dim() - 1))
        result = moved.index_select(0, index).view(shape)
        result = result if there.all() else where(mask, result, values.new_full((), padding))
    return result.movedim(1, axis + 1)


def of_padded(x: Tensor, rows: Rows, ragged_idx: int, count: int) -> Tensor:
    """The values with ``count`` rows of a tensor (samples, …, length or 1, …); ``RuntimeError`` if it is too short."""
    extent = x.shape[ragged_idx]
    sample, place = rows.sample_of_row(count)
    if extent == 1:
        place = np.zeros_like(place)
    elif rows.lengths is not None:
        place = np.minimum(place, extent - 1)  # a row between the samples, of which nothing is read
    elif count and place.max() >= extent:
        raise RuntimeError(
            f"a tensor with {extent} rows a sample has too few of them for a sample with {place.max() + 1}"
        )
    index = tensor(sample * extent + place, dtype=int64)
    flat = x.movedim(ragged_idx, 1).flatten(0, 1)
    return flat.index_select(0, index).movedim(0, ragged_idx - 1)


def jagged_only(name: str, x: Any) -> JaggedTensor:
    """``NotImplementedError`` for the strided layout, which has not the operation."""
    if not isinstance(x, JaggedTensor):
        refuse(name)
    return x
