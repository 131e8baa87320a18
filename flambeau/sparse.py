"""Operations on sparse tensors that PyTorch has in this module, and its old types of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any

import numpy as np

from .core.device import layout as layout_type
from .core.device import sparse_coo
from .core.tensor import Tensor
from .graph import dtypes
from .graph.dtypes import TYPE_NAMES
from .ops.from_data import from_array
from .ops.sparse import CompressedTensor, CooTensor, products, reductions
from .ops.sparse.calls import not_run
from .ops.sparse.compressed_calls import sampled_addmm, to_coo
from .ops.sparse.making import Invariants, of_dtype
from .ops.storages import TensorType

__all__ = ["addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags", "sum"]


def _coordinates(name: str, x: Any) -> CooTensor:
    """``RuntimeError`` unless ``x`` is a sparse tensor of coordinates."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
    if not isinstance(x, CooTensor):
        raise RuntimeError(f"coalesce expected sparse coordinate tensor layout but got {_layout_name(x)}")
    return x


def _layout_name(x: Tensor) -> str:
    return "".join(part.capitalize() for part in str(x.layout).removeprefix("torch.").split("_"))


def mm(mat1: Tensor, mat2: Tensor, reduce: str = "sum") -> Any:
    """The product of a sparse matrix (n, m) and a dense or sparse one (m, p).

    The gradient of the sparse matrix has its places. For a CSR matrix the terms of each element may be combined otherwise:
    ``reduce`` is "sum", "mean", "amax" or "amin", over the entries of the row.
    """
    if reduce != "sum":
        return _reduced(mat1, mat2, reduce)
    if isinstance(mat1, CompressedTensor) and not isinstance(mat2, CompressedTensor):
        return products.sparse_mm(to_coo(mat1), mat2)
    if mat1.of_entries or mat2.of_entries:
        return products.sparse_mm(mat1, mat2) if mat1.is_sparse else mat1.mm(mat2)
    return mat1.mm(mat2)


def _reduced(mat1: Any, mat2: Tensor, reduce: str) -> Tensor:
    if reduce not in ("mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, mean, amax or amin, got {reduce}")
    if not isinstance(mat1, CompressedTensor):
        raise not_run("_sparse_mm_reduce_impl", mat1)
    x = to_coo(mat1)
    if mat2.ndim != 2 or x.shape[1] != mat2.shape[0]:
        raise RuntimeError(f"mm: matrices of sizes {list(x.shape)} and {list(mat2.shape)} cannot be multiplied")
    rows, columns = x._places.unbind(0)
    return products.reduced_product(x._entries, rows, columns, mat2, x.shape[0], reduce)


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1.0, alpha: Any = 1.0) -> Any:
    """``beta * mat + alpha * (mat1 @ mat2)`` for a sparse ``mat1``, whose gradient has its places."""
    if not mat1.of_entries:
        return mat.addmm(mat1, mat2, beta=beta, alpha=alpha)
    return products.sparse_addmm(mat, to_coo(mat1) if isinstance(mat1, CompressedTensor) else mat1, mat2, beta=beta, alpha=alpha)


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """The sum of a sparse tensor over ``dim`` (all dimensions): sparse as long as a sparse dimension is left, else dense."""
    return reductions.sparse_sum(_coordinates("sum", input), dim, dtype)


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Any:
    """Softmax along ``dim`` over the elements that have an entry: the others count as minus infinity, and stay zero."""
    return _softmax(input, dim, dtype, False)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Any:
    """The logarithm of :func:`softmax`."""
    return _softmax(input, dim, dtype, True)


def _softmax(input: Any, dim: int, dtype: Any, logarithm: bool) -> Any:
    if isinstance(input, CompressedTensor):
        raise not_run("_sparse_softmax", input)
    if not isinstance(input, CooTensor):
        raise NotImplementedError(
            "Could not run 'aten::_sparse_softmax' with arguments from the 'CPU' backend: it is for sparse tensors"
        )
    return reductions.softmax_over_entries(input, dim, dtype, logarithm)


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Any, layout: layout_type | None = None) -> Any:
    """The sparse matrix of a ``shape`` whose diagonals number ``offsets`` (above the main one, if positive) are rows of
    ``diagonals``: element (i, j) is number j of its row."""
    rows = diagonals if diagonals.ndim == 2 else diagonals.unsqueeze(0)
    given = offsets.reshape(-1)
    if rows.ndim != 2 or offsets.ndim > 1:
        raise RuntimeError("Diagonals must be vector or matrix, and offsets a scalar or vector")
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    if given.dtype is not dtypes.int64:
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {TYPE_NAMES[given.dtype]}")
    if given.shape[0] != rows.shape[0]:
        raise RuntimeError(
            f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets ({given.shape[0]})"
        )
    numbers = given.numpy()
    if np.unique(numbers).size != numbers.size:
        raise RuntimeError("Offset tensor contains duplicate values")
    tall, wide = shape
    columns = np.arange(min(wide, rows.shape[1]))
    down = columns - numbers[:, None]
    which, across = np.nonzero((down >= 0) & (down < tall))
    places = from_array(np.stack([down[which, across], across]).astype(np.int64))
    entries = rows[from_array(which.astype(np.int64)), from_array(across.astype(np.int64))]
    made = CooTensor.of(places, entries, (tall, wide))
    return made if layout in (None, sparse_coo) else made.to_sparse(layout=layout)


class check_sparse_tensor_invariants:  # noqa: N801
    """Whether what must be true of a sparse tensor's parts is checked where one is made: a context, a decorator, or for good.

    That no index is out of range is checked in any case; with this, also the order of indices.
    """

    @staticmethod
    def is_enabled() -> bool:
        """Whether it is checked."""
        return Invariants.checked

    @staticmethod
    def enable() -> None:
        """Check from now on."""
        Invariants.checked = True

    @staticmethod
    def disable() -> None:
        """Do not check from now on."""
        Invariants.checked = False

    def __init__(self, enable: bool = True) -> None:
        self.state = enable
        self.saved_state: bool | None = None

    def __enter__(self) -> None:
        if self.saved_state is not None:
            raise RuntimeError(
                "This context manager instance is already activated. Use a different context manager instance for context "
                "nesting."
            )
        self.saved_state = Invariants.checked
        Invariants.checked = self.state

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        Invariants.checked = bool(self.saved_state)
        self.saved_state = None

    def __call__(self, mth: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(mth)
        def checked(*arguments: Any, **keywords: Any) -> Any:
            with type(self)(self.state):
                return mth(*arguments, **keywords)

        return checked


class SparseType(TensorType):
    """Type of the old types of sparse tensors: ``isinstance`` looks at the dtype, a call makes a tensor of sizes, or of parts."""

    is_sparse = True

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, CooTensor) and instance.dtype is cls.dtype

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        return of_dtype(cls.dtype, *arguments)

    def __repr__(cls) -> str:
        return f"<class 'torch.sparse.{cls.__name__}'>"


for _dtype in (
    dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16, dtypes.int64, dtypes.int32, dtypes.int16, dtypes.int8,
    dtypes.uint8,
):  # fmt: skip
    _name = TYPE_NAMES[_dtype] + "Tensor"
    globals()[_name] = SparseType(
        _name, (), {"dtype": _dtype, "__module__": "torch.sparse", "__doc__": f"Sparse tensors of {_dtype.name}."}
    )
