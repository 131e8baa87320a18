"""The way to sparse tensors (:mod:`flambeau.ops.sparse`), which are loaded with the first: functions that make them, questions
that dense tensors refuse, and calls that operations have failed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.device import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from ..core.tensor import Tensor
from .calls import KINDS
from .dispatch import FURTHER
from .operation import Scalar, operation, titled


def _is_sparse(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any([isinstance(member, Tensor) and member.of_entries for member in value])
    return isinstance(value, Tensor) and value.of_entries


def _of_sparse_tensors(
    name: str, call: Callable[..., Any] | None, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """The result of a call with sparse tensors, or ``NotImplemented``."""
    if not any(map(_is_sparse, (*arguments, *keywords.values()))):
        return NotImplemented
    from .sparse import sparse_call

    if sparse_call in KINDS and call is not None:  # it has had its say
        return NotImplemented
    return sparse_call(name, call, arguments, keywords)


FURTHER.append(_of_sparse_tensors)

# --- making -----------------------------------------------------------------------------------------------------------


@operation(method=False)
def sparse_coo_tensor(
    indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, check_invariants: bool | None = None, is_coalesced: bool | None = None,
) -> Any:  # fmt: skip
    """The sparse tensor with ``values`` (entries, …) at ``indices`` (sparse dimensions, entries), or without any of a ``size``.

    ``RuntimeError`` if they do not fit each other, or an index is out of range: that is always checked.
    """
    from .sparse import making

    if values is None:
        size = indices if size is None else size
        if not isinstance(size, (tuple, list)):
            raise TypeError(
                "sparse_coo_tensor() received an invalid combination of arguments - got indices and no values, or a size that "
                f"is a {type(size).__name__}, not a tuple of ints"
            )
        return making.empty(size, dtype, None, requires_grad)
    if size is not None and not isinstance(size, (tuple, list)):
        raise TypeError(f"sparse_coo_tensor(): argument 'size' must be tuple of ints, not {type(size).__name__}")
    return making.coo(
        indices, values, size, dtype=dtype, requires_grad=requires_grad, check_invariants=check_invariants,
        is_coalesced=is_coalesced,
    )  # fmt: skip


@operation(method=False)
def sparse_compressed_tensor(
    compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, check_invariants: bool | None = None,
) -> Any:  # fmt: skip
    """The sparse matrix in a compressed ``layout``; ``RuntimeError`` if its parts do not fit each other."""
    if layout is None:
        raise RuntimeError("expected sparse compressed tensor layout but got none")
    return _compressed(layout, compressed_indices, plain_indices, values, size, dtype, requires_grad, check_invariants)


def _compressed(
    kind: Any, first: Any, second: Any, values: Any, size: Any, dtype: Any, requires_grad: bool, check: bool | None
) -> Any:
    from .sparse import compressed

    return compressed.compressed(
        kind, first, second, values, size, dtype=dtype, requires_grad=requires_grad, check_invariants=check
    )


def _by_rows(name: str, kind: Any, meaning: str) -> None:
    def make(
        crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None,
        requires_grad: bool = False, check_invariants: bool | None = None,
    ) -> Any:  # fmt: skip
        return _compressed(kind, crow_indices, col_indices, values, size, dtype, requires_grad, check_invariants)

    operation(method=False)(titled(make, name, meaning))


def _by_columns(name: str, kind: Any, meaning: str) -> None:
    def make(
        ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None,
        requires_grad: bool = False, check_invariants: bool | None = None,
    ) -> Any:  # fmt: skip
        return _compressed(kind, ccol_indices, row_indices, values, size, dtype, requires_grad, check_invariants)

    operation(method=False)(titled(make, name, meaning))


_by_rows("sparse_csr_tensor", sparse_csr, "The sparse matrix whose entries lie row by row.")
_by_rows("sparse_bsr_tensor", sparse_bsr, "The sparse matrix whose blocks lie row by row.")
_by_columns("sparse_csc_tensor", sparse_csc, "The sparse matrix whose entries lie column by column.")
_by_columns("sparse_bsc_tensor", sparse_bsc, "The sparse matrix whose blocks lie column by column.")

# --- of dense tensors -------------------------------------------------------------------------------------------------


def _to_sparse(self: Tensor, sparse_dim: int | None, layout: Any, blocksize: Any, dense_dim: int | None) -> Any:
    from .sparse import compressed_calls

    return compressed_calls.to_sparse(self, sparse_dim, layout, blocksize, dense_dim)


@operation(function=False)
def to_sparse(
    self: Tensor, sparse_dim: Any = None, *, layout: Any = None, blocksize: Any = None, dense_dim: int | None = None
) -> Any:
    """The tensor in a sparse layout, of coordinates by default; its first ``sparse_dim`` dimensions are sparse (all)."""
    return _to_sparse(self, sparse_dim, layout, blocksize, dense_dim)


@operation(function=False)
def to_sparse_coo(self: Tensor) -> Any:
    """The tensor as a sparse one of coordinates."""
    return _to_sparse(self, None, sparse_coo, None, None)


@operation(function=False)
def to_sparse_csr(self: Tensor, dense_dim: int | None = None) -> Any:
    """The matrix as a sparse one whose entries lie row by row."""
    return _to_sparse(self, None, sparse_csr, None, dense_dim)


@operation(function=False)
def to_sparse_csc(self: Tensor, dense_dim: int | None = None) -> Any:
    """The matrix as a sparse one whose entries lie column by column."""
    return _to_sparse(self, None, sparse_csc, None, dense_dim)


@operation(function=False)
def to_sparse_bsr(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Any:
    """The matrix as a sparse one of blocks of ``blocksize``, which lie row by row."""
    return _to_sparse(self, None, sparse_bsr, blocksize, dense_dim)


@operation(function=False)
def to_sparse_bsc(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Any:
    """The matrix as a sparse one of blocks of ``blocksize``, which lie column by column."""
    return _to_sparse(self, None, sparse_bsc, blocksize, dense_dim)


@operation(function=False)
def sparse_mask(self: Tensor, mask: Any) -> Any:
    """The elements of the tensor at the places of the entries of a sparse tensor ``mask``, as a sparse tensor."""
    raise NotImplementedError("sparse_mask: expected mask to have a sparse layout, but got Strided")


def _refused(name: str, wanted: str, meaning: str) -> None:
    def refuse(self: Tensor) -> Any:
        raise RuntimeError(f"{name} expected sparse {wanted} layout but got Strided")

    operation(function=False)(titled(refuse, name, meaning))


_refused("coalesce", "coordinate tensor", "A sparse tensor with its coordinates in order, and one entry for each.")
_refused("is_coalesced", "coordinate tensor", "Whether a sparse tensor's coordinates are in order, with one entry for each.")
_refused("indices", "coordinate tensor", "The coordinates of a coalesced sparse tensor.")
_refused("values", "tensor", "The values of a coalesced sparse tensor.")
_refused("crow_indices", "row compressed tensor", "Where each row of a sparse matrix begins.")
_refused("col_indices", "row compressed tensor", "The columns of a sparse matrix's entries.")
_refused("ccol_indices", "column compressed tensor", "Where each column of a sparse matrix begins.")
_refused("row_indices", "column compressed tensor", "The rows of a sparse matrix's entries.")


def _not_run(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the 'CPU' backend: it is for sparse tensors, not dense ones"
    )


@operation()
def smm(input: Tensor, mat2: Tensor) -> Any:
    """The product of a sparse and a dense matrix, as a sparse one."""
    raise _not_run("smm")


@operation(method=False)
def spmm(input: Tensor, mat2: Tensor) -> Any:
    """The product of matrices, of which the first may be sparse."""
    return input.mm(mat2)


@operation(method=False, out=True)
def hspmm(mat1: Tensor, mat2: Tensor) -> Any:
    """The product of a sparse and a dense matrix, as a tensor of which only the first dimension is sparse."""
    raise _not_run("hspmm")


@operation(out=True, scales=("beta", "alpha"))
def sspaddmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Any:
    """``beta * input + alpha * (mat1 @ mat2)`` for sparse ``input`` and ``mat1``."""
    raise _not_run("sspaddmm")


@operation(function=False)
def sparse_resize_(self: Tensor, size: Any, sparse_dim: int, dense_dim: int) -> Any:
    """Change the size of a sparse tensor in place; its entries stay."""
    raise _not_run("sparse_resize_")


@operation(function=False)
def sparse_resize_and_clear_(self: Tensor, size: Any, sparse_dim: int, dense_dim: int) -> Any:
    """Change the size of a sparse tensor in place, and remove its entries."""
    raise _not_run("sparse_resize_and_clear_")


@operation()
def resize_as_sparse_(input: Tensor, the_template: Tensor) -> Any:
    """Give a sparse tensor the size of another one in place."""
    raise _not_run("resize_as_sparse_")


def _only_sparse(name: str) -> None:
    def refuse(self: Tensor) -> Any:
        raise _not_run(name)

    setattr(Tensor, name, refuse)


for _name in ("_nnz", "_indices", "_values", "_dimI", "_dimV"):
    _only_sparse(_name)
