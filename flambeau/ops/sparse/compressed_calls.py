"""What operations do with matrices in compressed layouts: most with coordinates, whose result gets the layout again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.device import layout, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from ...core.tensor import Tensor
from ..by_name import real
from ..from_data import from_array
from .calls import compressed_operation, not_run, sparse_operation
from .compressed import KINDS, CompressedTensor, from_any, rows_and_columns, to_coo
from .elementwise import is_number
from .making import from_dense
from .products import sampled
from .tensor import TABLE, CooTensor, SparseTensor, passed


def _with_coordinates(x: Any) -> Any:
    return to_coo(x) if isinstance(x, CompressedTensor) else x


def _by_coordinates(name: str, compress: bool) -> None:
    """An operation that is done with coordinates; where both operands are compressed, so is the result."""

    def operation(*arguments: Any, **keywords: Any) -> Any:
        given = [x for x in arguments if isinstance(x, CompressedTensor)]
        keywords = {key: _with_coordinates(value) for key, value in keywords.items()}
        result = TABLE[name](*map(_with_coordinates, arguments), **keywords)
        if isinstance(result, CooTensor) and compress:
            return from_any(result, given[0]._layout if given else sparse_csr)
        return result

    compressed_operation(name)(operation)


for _name in ("mm", "spmm", "mv", "matmul", "linalg_matmul", "addmm", "addmv", "linear"):
    _by_coordinates(_name, True)
for _name in ("select", "unbind", "index_select", "any"):
    _by_coordinates(_name, False)


# --- asked ------------------------------------------------------------------------------------------------------------


def _of_indices(name: str, layouts: tuple[layout, ...], by: str, part: Callable[[CompressedTensor], Tensor]) -> None:
    def indices(self: CompressedTensor) -> Tensor:
        if self._layout not in layouts:
            raise RuntimeError(f"{name} expected sparse {by} compressed tensor layout but got {KINDS[self._layout].name}")
        return part(self)

    compressed_operation(name)(indices)


for _name, _layouts, _by in (("crow", (sparse_csr, sparse_bsr), "row"), ("ccol", (sparse_csc, sparse_bsc), "column")):
    _of_indices(f"{_name}_indices", _layouts, _by, lambda x: x._bounds)
for _name, _layouts, _by in (("col", (sparse_csr, sparse_bsr), "row"), ("row", (sparse_csc, sparse_bsc), "column")):
    _of_indices(f"{_name}_indices", _layouts, _by, lambda x: x._across)


def _not_coordinates(name: str) -> None:
    def refuse(self: CompressedTensor, *arguments: Any) -> Any:
        raise RuntimeError(
            f"{name} expected sparse coordinate tensor layout but got {KINDS[self._layout].name}"
        )

    compressed_operation(name)(refuse)


for _name in ("indices", "coalesce", "is_coalesced"):
    _not_coordinates(_name)


def _not_compressed(name: str, by: str) -> None:
    def refuse(self: SparseTensor) -> Any:
        raise RuntimeError(f"{name} expected sparse {by} compressed tensor layout but got Sparse")

    sparse_operation(name)(refuse)


for _name, _by in {"crow_indices": "row", "col_indices": "row", "ccol_indices": "column", "row_indices": "column"}.items():
    _not_compressed(_name, _by)


@compressed_operation()
def values(self: CompressedTensor) -> Tensor:
    return passed(self._entries, "ValuesBackward0")


@compressed_operation()
def sparse_dim(self: CompressedTensor) -> int:
    return 2


@compressed_operation()
def dense_dim(self: CompressedTensor) -> int:
    return 0


# --- other layouts ----------------------------------------------------------------------------------------------------


def to_sparse(self: Tensor, sparse_dim: int | None, kind: Any, blocksize: Any, dense_dim: int | None) -> Any:
    """The tensor in a sparse layout: that of coordinates, if none is given."""
    if sparse_dim is not None and isinstance(sparse_dim, layout):
        sparse_dim, kind = None, sparse_dim
    if kind is not None and kind is not sparse_coo:
        if kind not in KINDS:
            raise RuntimeError(f"to_sparse: unsupported layout {kind}")
        if sparse_dim is not None:
            raise RuntimeError("to_sparse: sparse_dim is for the layout of coordinates alone")
        return from_any(self, kind, blocksize, dense_dim)
    if isinstance(self, CompressedTensor):
        return to_coo(self)
    if isinstance(self, CooTensor):
        if sparse_dim is not None and sparse_dim != self._dimI():
            raise RuntimeError(
                "to_sparse: conversion from Sparse to Sparse with sparse_dim argument !=self.sparse_dim() is not supported"
            )
        return self
    if sparse_dim is None and dense_dim:
        sparse_dim = self.ndim - dense_dim
    return from_dense(self, sparse_dim)


@sparse_operation("to_sparse", "to_sparse_coo")
@compressed_operation("to_sparse", "to_sparse_coo")
def _to_sparse(
    self: Tensor, sparse_dim: Any = None, *, layout: Any = None, blocksize: Any = None, dense_dim: int | None = None
) -> Any:
    return to_sparse(self, sparse_dim, layout, blocksize, dense_dim)


def _converting(name: str, kind: layout) -> None:
    if KINDS[kind].blocks:

        def convert(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Any:
            return from_any(self, kind, blocksize, dense_dim)

    else:

        def convert(self: Tensor, dense_dim: int | None = None) -> Any:  # type: ignore[misc]
            return from_any(self, kind, None, dense_dim)

    sparse_operation(name)(convert)
    compressed_operation(name)(convert)


for _kind in KINDS:
    _converting(f"to_{_kind.name}", _kind)


@compressed_operation("transpose", "swapaxes")
def transpose(input: CompressedTensor, dim0: int, dim1: int) -> CompressedTensor:
    if {dim0 % 2, dim1 % 2} != {0, 1}:
        return input
    other = {sparse_csr: sparse_csc, sparse_csc: sparse_csr, sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr}[input._layout]
    entries = input._entries.transpose(1, 2) if KINDS[input._layout].blocks else input._entries
    entries = passed(entries, "TransposeBackward0")
    return CompressedTensor.of(input._bounds, input._across, entries, (input._size[1], input._size[0]), other)


@compressed_operation("t", "adjoint")
def t(input: CompressedTensor) -> CompressedTensor:
    return transpose(input, 0, 1)


@compressed_operation()
def clone(input: CompressedTensor, *, memory_format: Any = None) -> CompressedTensor:
    return input._like(input._entries.clone())


@compressed_operation("zeros_like", "empty_like")
def zeros_like(input: CompressedTensor, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> CompressedTensor:
    entries = real.zeros(0, *input._entries.shape[1:], dtype=dtype or input.dtype)
    made = CompressedTensor.of(input._bounds * 0, input._across[:0], entries, input._size, input._layout)
    return made.requires_grad_(requires_grad)  # type: ignore[no-any-return]


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _alike(x: Any, y: Any) -> bool:
    """Whether two compressed tensors have their entries at the same places."""
    if not isinstance(x, CompressedTensor) or not isinstance(y, CompressedTensor) or x._layout is not y._layout:
        return False
    if x.shape != y.shape or x._entries.shape != y._entries.shape:
        return False
    return x._across is y._across or all(
        np.array_equal(*pair) for pair in zip(rows_and_columns(x), rows_and_columns(y))
    )


@compressed_operation()
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    if _alike(input, other):
        return input.with_entries(input._entries.add(other._entries, alpha=alpha))
    if isinstance(input, CompressedTensor) and isinstance(other, CompressedTensor):
        return from_any(to_coo(input).add(to_coo(other), alpha=alpha), input._layout)
    if isinstance(other, CompressedTensor):
        return TABLE["add"](input, to_coo(other), alpha=alpha)
    if is_number(other):
        raise RuntimeError("a number cannot be added to a compressed sparse tensor, whose zeros are not stored")
    return TABLE["add"](other if alpha == 1 else other * alpha, to_coo(input))


@compressed_operation("sub", "subtract")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return add(input, other, alpha=-alpha)


@compressed_operation("mul", "multiply")
def mul(input: Any, other: Any) -> Any:
    if not isinstance(input, CompressedTensor):
        input, other = other, input
    if is_number(other):
        return input.with_entries(input._entries * other)
    if _alike(input, other):
        return input.with_entries(input._entries * other._entries)
    kept = input._layout if not isinstance(other, CooTensor) else sparse_csr
    return from_any(TABLE["mul"](to_coo(input), _with_coordinates(other)), kept)


@compressed_operation("div", "divide", "true_divide")
def div(input: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    if not isinstance(input, CompressedTensor):
        raise not_run("reciprocal", other)
    if not is_number(other):
        raise RuntimeError(f"unsupported tensor layout: {KINDS[input._layout].name}")
    return input.with_entries(real.div(input._entries, other, rounding_mode=rounding_mode))


@compressed_operation("sum")
def sum_(input: CompressedTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    if dim is None:
        return input._entries.sum(dtype=dtype)
    result = to_coo(input).sum(dim, keepdim, dtype=dtype)
    return from_any(result, sparse_csr) if isinstance(result, CooTensor) and result.ndim == 2 else result


@compressed_operation()
def sparse_mask(self: Any, mask: Any) -> Any:
    if not isinstance(mask, CompressedTensor):
        return TABLE["sparse_mask"](_with_coordinates(self), mask)
    if self.shape != mask.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but mask has size "
            f"{list(mask.shape)}"
        )
    if isinstance(self, CompressedTensor) and _alike(self, mask):
        return self
    plain = self if not isinstance(self, SparseTensor) else self.to_dense()
    if KINDS[mask._layout].blocks:
        rows, columns = rows_and_columns(mask)
        _, tall, wide = mask._entries.shape
        blocks = plain.reshape(-1, tall, plain.shape[1] // wide, wide).transpose(1, 2).reshape(-1, tall, wide)
        place = from_array(rows * (plain.shape[1] // wide) + columns)
        return mask.with_entries(blocks.index_select(0, place))
    rows, columns = rows_and_columns(mask)
    return mask.with_entries(plain.reshape(-1).index_select(0, from_array(rows * self.shape[1] + columns)))


def sampled_addmm(input: Any, mat1: Tensor, mat2: Tensor, *, beta: Any = 1.0, alpha: Any = 1.0) -> Any:
    """``beta * input + alpha * (mat1 @ mat2)`` at the entries of ``input``, a CSR matrix."""
    if isinstance(input, CompressedTensor) and not KINDS[input._layout].blocks:
        rows, columns = map(from_array, rows_and_columns(input))
        return sampled(input, rows, columns, mat1, mat2, beta, alpha)
    raise RuntimeError(f"sampled_addmm: Expected input to have sparse csr layout, but got {input.layout}")
