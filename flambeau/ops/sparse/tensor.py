"""Sparse tensors: the entries that differ from zero, and where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, ClassVar

import numpy as np

from ...core.device import layout, sparse_coo
from ...core.history import Gradient
from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES, dtype
from ...graph.shapes import Size, size_along
from ...graph.trace import local
from ..dispatch import attach
from ..of_parts import TensorOfParts, begin

_new = object.__new__

TABLE: dict[str, Callable[..., Any]] = {}
"""What operations do with sparse tensors of coordinates, by the names under which the package exports them."""

modes: list[Callable[..., Any]] = []
"""What becomes a mode with the first sparse tensor; put here by ``ops.sparse.calls``."""


class SparseTensor(TensorOfParts):
    """What tensors of all sparse layouts have in common: ``_entries``, a dense tensor of values whose first axis counts them.

    Histories and gradients are those of the entries. The slots of dense tensors are not set, so an operation that knows nothing
    of sparse ones fails when it reads one.
    """

    __slots__ = ("_entries", "_size")

    of_entries = True
    #: PyTorch's name for the place where operations on the layout are looked up.
    backend: ClassVar[str] = "SparseCPU"

    _entries: Tensor
    _size: Size

    def with_entries(self, entries: Tensor) -> Any:
        """Other values in the same places."""
        raise NotImplementedError

    def named_parts(self) -> list[tuple[str, Tensor]]:
        """The dense tensors that it is made of, by the names that PyTorch has for them."""
        raise NotImplementedError

    def shares_places(self, other: Any) -> bool:
        """Whether the entries of another tensor of the layout are in the very same places."""
        mine, theirs = self.named_parts()[:-1], other.named_parts()[:-1]
        return all(one is another for (_, one), (_, another) in zip(mine, theirs))

    def validate(self) -> None:
        """``RuntimeError`` if the parts do not fit each other; put here by ``ops.sparse.making`` and ``compressed``."""
        raise NotImplementedError

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        return self._size

    @property
    def dtype(self) -> dtype:  # type: ignore[override]
        return self._entries.dtype

    def size(self, dim: int | None = None) -> Any:
        """The sizes, or the extent of dimension ``dim``."""
        return self._size if dim is None else size_along(self._size, dim)

    @property
    def ndim(self) -> int:
        return len(self._size)

    def dim(self) -> int:
        """Number of dimensions."""
        return len(self._size)

    ndimension = dim

    def numel(self) -> int:
        """Number of elements, those that are zero included."""
        return prod(self._size)

    nelement = numel

    def _nnz(self) -> int:
        """Number of entries."""
        return self._entries.shape[0]

    @property
    def nbytes(self) -> int:
        return self.numel() * self.dtype.itemsize

    def _kind(self) -> str:
        """What PyTorch calls the type: ``torch.sparse.FloatTensor``."""
        return f"torch.sparse.{TYPE_NAMES[self.dtype]}Tensor"

    # --- as a container -----------------------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """``TypeError``: an array would be dense."""
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy()

    def data_ptr(self) -> int:
        """``RuntimeError``: there is no memory of all elements."""
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def untyped_storage(self) -> Any:
        """``NotImplementedError``: there is no memory of all elements."""
        raise NotImplementedError("Cannot access storage of SparseTensorImpl")

    storage = typed_storage = untyped_storage

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self._entries.sum().item() if self._nnz() else self._entries.new_zeros(()).item()

    def tolist(self) -> Any:
        """``RuntimeError``: a list would be dense."""
        self.data_ptr()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    __index__ = __int__

    def __complex__(self) -> complex:
        return complex(self.item())

    def __format__(self, specification: str) -> str:
        return self.item().__format__(specification) if not self.ndim else object.__format__(self, specification)

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._size[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self.select(0, place) for place in range(self._size[0])])

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("Cannot assign to a sparse tensor")

    def __copy__(self) -> Any:
        return self._like(self._entries)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            made = self._like(self._entries.__deepcopy__(memo))
            made.__dict__.update(self.__dict__)
            memo[id(self)] = made
        return memo[id(self)]

    def _like(self, entries: Tensor) -> Any:
        """Exactly these entries in copies of the places."""
        raise NotImplementedError

    # --- gradients ----------------------------------------------------------------------------------------------------

    def _gradient_given(self, gradient: Any) -> Tensor:
        """A gradient for this tensor as one of its entries."""
        if gradient.shape != self.shape:
            raise RuntimeError(f"Mismatch in shape: a gradient of shape {gradient.shape} for a tensor of shape {self.shape}.")
        dense = gradient.to_dense() if isinstance(gradient, SparseTensor) else gradient
        found: Tensor = dense.sparse_mask(self)._entries
        return found

    def _output_of(self, gradient: Any) -> tuple[Tensor, Any]:
        """What backward begins with: the entries, and the gradient given as theirs."""
        if gradient is not None:
            return self._entries, self._gradient_given(gradient)
        if self.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        return self._entries, self._entries.new_ones(self._entries.shape)

    def _input_of(self) -> Tensor:
        return self._entries

    def _gradient_of(self, gradient: Tensor) -> Any:
        return self.with_entries(gradient)

    @property
    def data(self) -> Any:
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        if type(value) is not type(self):
            raise RuntimeError(
                "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible tensor type."
            )
        self.take_over(value.detach().requires_grad_(self.requires_grad))

    def take_over(self, other: Any) -> Any:
        """Become what another sparse tensor of the same layout is."""
        raise NotImplementedError


class CooTensor(SparseTensor):
    """Entries with their coordinates: ``_places`` (sparse dimensions, entries), int64; ``_entries`` (entries, dense dimensions…).

    Entries with the same coordinates add up. ``_coalesced`` says that there are none, and that they are in order.
    """

    __slots__ = ("_places", "_coalesced")

    is_sparse = True

    _places: Tensor
    _coalesced: bool

    @classmethod
    def of(cls, places: Tensor, entries: Tensor, size: Any, coalesced: bool = False) -> CooTensor:
        """The tensor with these parts, which must fit each other. A single entry is in order in any case."""
        begin(modes)
        made: CooTensor = _new(cls)
        made._places = places
        made._entries = entries
        made._size = size if type(size) is Size else Size(size)
        made._coalesced = coalesced or places.shape[-1] < 2
        return made

    def with_entries(self, entries: Tensor) -> CooTensor:
        return CooTensor.of(self._places, entries, self._size, self._coalesced)

    def named_parts(self) -> list[tuple[str, Tensor]]:
        return [("indices", self._places), ("values", self._entries)]

    def _like(self, entries: Tensor) -> CooTensor:
        return CooTensor.of(self._places.clone(), entries, self._size, self._coalesced)

    def take_over(self, other: CooTensor) -> CooTensor:
        """Become what another tensor of coordinates is."""
        self._places, self._entries, self._size, self._coalesced = other._places, other._entries, other._size, other._coalesced
        return self

    @property
    def layout(self) -> layout:
        return sparse_coo

    def _indices(self) -> Tensor:
        """The coordinates, whether they are in order or not."""
        return self._places

    def _values(self) -> Tensor:
        """The values, whether they are in order or not; without history, in the same memory."""
        return self._entries.detach()

    def _coalesced_(self, coalesced: bool) -> CooTensor:
        """Say whether the coordinates are all different and in order."""
        self._coalesced = bool(coalesced)
        return self

    def _dimI(self) -> int:  # noqa: N802
        return self._places.shape[0]

    def _dimV(self) -> int:  # noqa: N802
        return self._entries.ndim - 1

    def stride(self, dim: int | None = None) -> Any:
        """Zeros, as PyTorch says of what has no strides."""
        strides = (0,) * self.ndim
        return strides if dim is None else size_along(Size(strides), dim)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """False: there is no memory of all elements."""
        return False


def _rebuilt(places: Tensor, entries: Tensor, size: Any, coalesced: bool, tracked: bool) -> CooTensor:
    return CooTensor.of(places, entries, size, coalesced).requires_grad_(tracked)  # type: ignore[no-any-return]


class _Passed(Gradient):
    """History of what has the same values in another form."""

    def backward(self, grad: Tensor) -> Tensor:
        return grad


def passed(entries: Tensor, name: str) -> Tensor:
    """An alias of ``entries``, whose history begins with a node called ``name``."""
    alias = entries.detach()
    if local.grad and entries.requires_grad:
        attach(alias, _Passed.named(name), [entries])
    return alias


def is_coo(x: Any) -> bool:
    """Whether something is a sparse tensor of coordinates."""
    return isinstance(x, CooTensor)
