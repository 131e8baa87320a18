"""The compressed layouts: entries by rows (CSR) or by columns (CSC), each a number or a block (BSR, BSC)."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...core.device import layout, sparse_bsc, sparse_bsr, sparse_csc, sparse_csr
from ...core.tensor import Tensor
from ...graph.dtypes import int32, int64
from ...graph.shapes import Size
from ..from_data import from_array
from ..of_parts import begin
from ..one_node import one_node
from .calls import compressed_operation
from .making import Invariants, as_part, as_size, from_dense
from .parts import array_of, coalesced, sums
from .tensor import CooTensor, SparseTensor, modes, passed

_new = object.__new__


class Kind(NamedTuple):
    """What sets a compressed layout apart."""

    #: What PyTorch calls it in messages.
    name: str
    #: Whether rows are compressed (else columns), and whether entries are blocks.
    by_rows: bool
    blocks: bool
    #: The names of its indices.
    compressed: str
    plain: str


KINDS = {
    sparse_csr: Kind("SparseCsr", True, False, "crow_indices", "col_indices"),
    sparse_csc: Kind("SparseCsc", False, False, "ccol_indices", "row_indices"),
    sparse_bsr: Kind("SparseBsr", True, True, "crow_indices", "col_indices"),
    sparse_bsc: Kind("SparseBsc", False, True, "ccol_indices", "row_indices"),
}


class CompressedTensor(SparseTensor):
    """A matrix whose entries lie row by row (or column by column): ``_bounds`` says where each begins, ``_across`` where in it
    each entry is. An entry is a number, or a block of them."""

    __slots__ = ("_bounds", "_across", "_layout")

    backend: ClassVar[str] = "SparseCsrCPU"

    _bounds: Tensor
    _across: Tensor
    _layout: layout

    @classmethod
    def of(cls, bounds: Tensor, across: Tensor, entries: Tensor, size: Any, kind: layout) -> CompressedTensor:
        """The tensor with these parts, which must fit each other."""
        begin(modes)
        made: CompressedTensor = _new(cls)
        made._bounds, made._across, made._entries, made._layout = bounds, across, entries, kind
        made._size = size if type(size) is Size else Size(size)
        return made

    def with_entries(self, entries: Tensor) -> CompressedTensor:
        return CompressedTensor.of(self._bounds, self._across, entries, self._size, self._layout)

    def _like(self, entries: Tensor) -> CompressedTensor:
        return CompressedTensor.of(self._bounds.clone(), self._across.clone(), entries, self._size, self._layout)

    def take_over(self, other: CompressedTensor) -> CompressedTensor:
        """Become what another tensor of the same layout is. ``RuntimeError`` for another layout."""
        if other._layout is not self._layout:
            raise RuntimeError(f"a tensor of layout {self.layout} cannot become one of layout {other.layout}")
        self._bounds, self._across, self._entries, self._size = other._bounds, other._across, other._entries, other._size
        return self

    def named_parts(self) -> list[tuple[str, Tensor]]:
        kind = KINDS[self._layout]
        return [(kind.compressed, self._bounds), (kind.plain, self._across), ("values", self._entries)]

    @property
    def layout(self) -> layout:
        return self._layout

    @property
    def is_sparse_csr(self) -> bool:  # type: ignore[override]
        return self._layout is sparse_csr

    def _values(self) -> Tensor:
        return self._entries.detach()

    def stride(self, dim: int | None = None) -> Any:
        """``RuntimeError``: there are no strides."""
        raise RuntimeError("Sparse CSR tensors do not have strides")

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """``RuntimeError``: there is no memory of all elements."""
        raise RuntimeError("Sparse CSR tensors do not have is_contiguous")


def _rebuilt(bounds: Tensor, across: Tensor, entries: Tensor, size: Any, kind: Any, tracked: bool) -> CompressedTensor:
    return CompressedTensor.of(bounds, across, entries, size, kind).requires_grad_(tracked)  # type: ignore[no-any-return]


# --- making -----------------------------------------------------------------------------------------------------------


def _as_indices(data: Any) -> Tensor:
    given = as_part(data)
    if not given.numel() and given.dtype.category == 2:
        given = given.to(int64)
    if given.dtype not in (int32, int64):
        raise RuntimeError(f"compressed and plain indices must be of dtype int32 or int64, but got {given.dtype}")
    if given.ndim != 1:
        raise NotImplementedError("batches of compressed sparse matrices are not implemented: indices must have one dimension")
    return given


def compressed(
    kind_of: layout, compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
    requires_grad: bool = False, check_invariants: bool | None = None,
) -> CompressedTensor:  # fmt: skip
    """The matrix with these parts; without ``size``, the smallest. ``RuntimeError`` if they do not fit each other."""
    if kind_of not in KINDS:
        raise RuntimeError(f"expected a compressed sparse layout, but got {kind_of}")
    kind = KINDS[kind_of]
    bounds, across, entries = _as_indices(compressed_indices), _as_indices(plain_indices), as_part(values, dtype)
    if bounds.dtype is not across.dtype:
        bounds, across = bounds.to(int64), across.to(int64)
    block = tuple(entries.shape[1:])
    if entries.ndim != (3 if kind.blocks else 1):
        raise RuntimeError(
            f"values must have dimensionality {3 if kind.blocks else 1} for layout {kind_of}, but got {entries.ndim}"
        )
    begun, there = array_of(bounds), array_of(across)
    count = entries.shape[0]
    tall, wide = block if kind.blocks else (1, 1)
    if size is None:
        lines, reach = max(begun.size - 1, 0), int(there.max(initial=-1)) + 1
        size = (lines * tall, reach * wide) if kind.by_rows else (reach * tall, lines * wide)
    sizes = as_size(size)
    if len(sizes) != 2:
        raise RuntimeError(f"size must be of two dimensions, but got {list(sizes)}")
    if sizes[0] % tall or sizes[1] % wide:
        raise RuntimeError(f"size {list(sizes)} must be divisible by the blocks' size {[tall, wide]}")
    lines, reach = (sizes[0] // tall, sizes[1] // wide) if kind.by_rows else (sizes[1] // wide, sizes[0] // tall)
    line, other = ("row", "col") if kind.by_rows else ("column", "row")
    first, second = kind.compressed, kind.plain
    if there.size != count:
        raise RuntimeError(
            f"{second}.shape[-1] must be equal to nnz (={count}) as defined by values.shape[0], but got {there.size}"
        )
    if begun.size != lines + 1:
        raise RuntimeError(f"{first}.shape[-1] must be equal to the number of {line}s + 1 (={lines + 1}), but got {begun.size}")
    if begun[0] != 0:
        raise RuntimeError(f"`{first}[..., 0] == 0` is not satisfied.")
    if begun[-1] != count:
        raise RuntimeError(f"`{first}[..., -1] == nnz` is not satisfied.")
    lengths = np.diff(begun)
    if (lengths < 0).any() or (lengths > reach).any():
        raise RuntimeError(f"`0 <= {first}[..., 1:] - {first}[..., :-1] <= n{other}s` is not satisfied.")
    if count and (there.min() < 0 or there.max() >= reach):
        raise RuntimeError(f"`0 <= {second} < n{other}s` is not satisfied.")
    if Invariants.checked if check_invariants is None else check_invariants:
        follows = np.diff(there) > 0
        ends = begun[1:-1]
        follows[ends[(ends > 0) & (ends < count)] - 1] = True
        if not follows.all():
            raise RuntimeError(
                f"`{second}[..., {first}[..., i - 1]:{first}[..., i]] for all i = 1, ..., n{line}s are sorted and distinct along "
                "the last dimension values` is not satisfied."
            )
    entries = entries.detach() if requires_grad else passed(entries, "SparseCompressedTensorBackward0")
    made = CompressedTensor.of(bounds.detach(), across.detach(), entries, sizes, kind_of)
    return made.requires_grad_() if requires_grad else made  # type: ignore[no-any-return]


def _validate(self: CompressedTensor) -> None:
    compressed(self._layout, self._bounds, self._across, self._entries, self._size)


CompressedTensor.validate = _validate  # type: ignore[assignment, method-assign]


def _bounds_of(lines: np.ndarray, count: int) -> Tensor:
    """Where each of ``count`` lines begins, given the lines of entries in order."""
    return from_array(np.searchsorted(lines, np.arange(count + 1)).astype(np.int64))


def from_coo(x: CooTensor, kind_of: layout, blocksize: Any = None) -> CompressedTensor:
    """A sparse matrix in a compressed layout."""
    if x.ndim != 2 or x._dimI() != 2:
        raise RuntimeError(
            f"Only tensors with two dimensions can be converted to the {KINDS[kind_of].name} layout but got shape {list(x.shape)}"
        )
    if KINDS[kind_of].blocks:
        return from_blocks(x.to_dense(), kind_of, blocksize)
    x = coalesced(x)
    rows, columns = array_of(x._places)
    if KINDS[kind_of].by_rows:
        across = from_array(np.ascontiguousarray(columns))
        entries = passed(x._entries, "ToSparseBackward1")
        return CompressedTensor.of(_bounds_of(rows, x._size[0]), across, entries, x._size, kind_of)
    order = np.argsort(columns, kind="stable")
    entries = x._entries.index_select(0, from_array(order))
    return CompressedTensor.of(_bounds_of(columns[order], x._size[1]), from_array(rows[order]), entries, x._size, kind_of)


def from_blocks(x: Tensor, kind_of: layout, blocksize: Any) -> CompressedTensor:
    """The blocks of a dense matrix that are not zero all over."""
    if blocksize is None:
        raise RuntimeError(f"to_sparse: {kind_of} wants a blocksize")
    tall, wide = (blocksize, blocksize) if isinstance(blocksize, int) else blocksize
    if tall <= 0 or wide <= 0 or x.shape[0] % tall or x.shape[1] % wide:
        raise RuntimeError(
            f"tensor sparse size ({x.shape[0]},{x.shape[1]}) must be divisible by given blocksize ({tall},{wide})"
        )
    rows, columns = x.shape[0] // tall, x.shape[1] // wide
    blocks = x.reshape(rows, tall, columns, wide).transpose(1, 2)
    there = (blocks.detach() != 0).flatten(2).any(-1).numpy()
    by_rows = KINDS[kind_of].by_rows
    lines, across = np.nonzero(there if by_rows else there.T)
    place = lines * columns + across if by_rows else across * columns + lines
    entries = blocks.reshape(rows * columns, tall, wide).index_select(0, from_array(place.astype(np.int64)))
    bounds = _bounds_of(lines, rows if by_rows else columns)
    return CompressedTensor.of(bounds, from_array(across.astype(np.int64)), entries, x.shape, kind_of)


def from_any(x: Tensor, kind_of: layout, blocksize: Any = None, dense_dim: Any = None) -> CompressedTensor:
    """A dense or a sparse matrix in a compressed layout."""
    if dense_dim:
        raise NotImplementedError("compressed sparse tensors with dense dimensions are not implemented")
    if x.ndim != 2:
        raise NotImplementedError(
            f"a tensor of {x.ndim} dimensions in a compressed sparse layout is not implemented: it must be a matrix"
        )
    if isinstance(x, CompressedTensor):
        if x._layout is kind_of and not KINDS[kind_of].blocks:
            return x
        return from_coo(to_coo(x), kind_of, blocksize)
    if isinstance(x, CooTensor):
        return from_coo(x, kind_of, blocksize)
    return from_blocks(x, kind_of, blocksize) if KINDS[kind_of].blocks else from_coo(from_dense(x), kind_of)


# --- and back ---------------------------------------------------------------------------------------------------------


def lines_of(x: CompressedTensor) -> np.ndarray:
    """The row (or column) that each entry is in."""
    lengths = np.diff(array_of(x._bounds))
    return np.repeat(np.arange(lengths.size), lengths)


def rows_and_columns(x: CompressedTensor) -> tuple[np.ndarray, np.ndarray]:
    """The row and the column of each entry (or of each block)."""
    lines, across = lines_of(x), array_of(x._across).astype(np.int64)
    return (lines, across) if KINDS[x._layout].by_rows else (across, lines)


def to_coo(x: CompressedTensor) -> CooTensor:
    """The matrix with coordinates; blocks are taken apart."""
    rows, columns = rows_and_columns(x)
    if not KINDS[x._layout].blocks:
        made = CooTensor.of(from_array(np.stack([rows, columns])), passed(x._entries, "ToSparseBackward1"), x._size)
        return coalesced(made) if KINDS[x._layout].by_rows else made
    _, tall, wide = x._entries.shape
    rows = rows[:, None, None] * tall + np.arange(tall)[:, None] + np.zeros(wide, np.int64)
    columns = columns[:, None, None] * wide + np.arange(wide) + np.zeros((tall, 1), np.int64)
    places = from_array(np.stack([rows.reshape(-1), columns.reshape(-1)]))
    return coalesced(CooTensor.of(places, x._entries.reshape(-1), x._size))


@one_node("ToDenseBackward0")
def _blocks_placed(entries: Tensor, place: Tensor, rows: int, columns: int) -> Tensor:
    tall, wide = entries.shape[1:]
    blocks = sums(entries, place, rows * columns).reshape(rows, columns, tall, wide)
    return blocks.transpose(1, 2).reshape(rows * tall, columns * wide)  # type: ignore[no-any-return]


@compressed_operation("to_dense", "_to_dense")
def to_dense(self: CompressedTensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    if KINDS[self._layout].blocks:
        rows, columns = rows_and_columns(self)
        across = self._size[1] // max(self._entries.shape[2], 1)
        place = from_array(rows * across + columns)
        result = _blocks_placed(self._entries, place, self._size[0] // max(self._entries.shape[1], 1), across)
    else:
        result = to_coo(self).to_dense()
    return result if dtype is None else result.to(dtype)
