"""The tensor of complex numbers: a real tensor of pairs, seen as one number each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import REAL_OF, dtype
from ...graph.shapes import Size
from ..of_parts import TensorOfParts, begin
from ..printing import tensor_text

_new = object.__new__

TABLE: dict[str, Callable[..., Any]] = {}
"""What operations do with complex numbers, by the names under which the package exports them."""

modes: list[Callable[..., Any]] = []
"""What becomes a mode with the first complex tensor; put here by ``ops.complex.calls``."""


class ComplexTensor(TensorOfParts):
    """Numbers whose real and imaginary parts lie next to each other in the last axis of the real tensor ``_pair``.

    ``_conjugated`` says that they are the conjugates of these: that costs nothing, and what is written is seen by the tensor
    itself. The slots of real tensors are not set, so an operation that knows nothing of complex numbers fails when it reads one.
    """

    __slots__ = ("_pair", "_conjugated")

    of_pairs = True

    _pair: Tensor
    _conjugated: bool

    @classmethod
    def of(cls, pair: Tensor, conjugated: bool = False) -> ComplexTensor:
        """The complex numbers whose parts are in the last axis of ``pair``."""
        begin(modes)
        made: ComplexTensor = _new(cls)
        made._pair = pair
        made._conjugated = conjugated
        return made

    def resolved(self) -> Tensor:
        """The pairs themselves, conjugated if need be."""
        return conjugate_pair(self._pair) if self._conjugated else self._pair

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        return Size(self._pair.shape[:-1])

    @property
    def dtype(self) -> dtype:  # type: ignore[override]
        return self._pair.dtype.to_complex()

    def size(self, dim: int | None = None) -> Any:
        """The sizes, or the extent of dimension ``dim``."""
        return self.shape if dim is None else self.shape[axis_of(self, dim)]

    @property
    def ndim(self) -> int:
        return self._pair.ndim - 1

    def dim(self) -> int:
        """Number of dimensions."""
        return self._pair.ndim - 1

    ndimension = dim

    def numel(self) -> int:
        """Number of elements."""
        return self._pair.numel() // 2

    nelement = numel

    def stride(self, dim: int | None = None) -> Any:
        """Steps in elements between neighbours along each dimension, or along ``dim``."""
        strides = tuple([stride // 2 for stride in self._pair.stride()[:-1]])
        return strides if dim is None else strides[axis_of(self, dim)]

    def storage_offset(self) -> int:
        """Position of the first element in the storage, in elements."""
        return self._pair.storage_offset() // 2

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        return self._pair.is_contiguous()

    @property
    def nbytes(self) -> int:
        return self._pair.nbytes

    @property
    def real(self) -> Tensor:
        """The real parts, a view."""
        return self._pair.select(-1, 0)

    @real.setter
    def real(self, value: Any) -> None:
        self.real.copy_(value)

    @property
    def imag(self) -> Tensor:
        """The imaginary parts: a view, or of conjugates what that view's negation is."""
        imaginary = self._pair.select(-1, 1)
        return -imaginary if self._conjugated else imaginary

    @imag.setter
    def imag(self, value: Any) -> None:
        self._pair.select(-1, 1).copy_(-value if self._conjugated else value)

    def is_conj(self) -> bool:
        """Whether the numbers are conjugates of what is in memory."""
        return self._conjugated

    # --- values -------------------------------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy array that shares this tensor's memory. ``RuntimeError`` if it requires grad or is a conjugate (unless
        ``force``)."""
        if self._conjugated and not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that has conjugate bit set. Use tensor.resolve_conj().numpy() instead."
            )
        if self.dtype.numpy is None:
            raise TypeError("Got unsupported ScalarType ComplexHalf")
        pairs = (self.resolved() if force else self._pair).numpy(force=force)
        return _numbers_of(pairs)

    def _values(self) -> np.ndarray:
        pairs = self.detach().resolved()
        wide = pairs if pairs.dtype.itemsize > 2 else pairs.float()
        return _numbers_of(wide.numpy())

    def item(self) -> complex:
        """The value of a one-element tensor as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return complex(self._values().item())

    def tolist(self) -> Any:
        """The elements as nested lists, or one of Python's numbers."""
        return self._values().tolist()

    def __complex__(self) -> complex:
        return self.item()

    def _real_number(self, kind: str) -> float:
        value = self.item()
        if value.imag:
            raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
        return value.real

    def __float__(self) -> float:
        return self._real_number("double")

    def __int__(self) -> int:
        return int(self._real_number("int64_t"))

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return self.item() != 0

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([ComplexTensor.of(part, self._conjugated) for part in self._pair.unbind(0)])

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return tensor_text(self, tensor_contents)

    def __format__(self, specification: str) -> str:
        return self.item().__format__(specification) if not self.ndim else object.__format__(self, specification)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return array if dtype is None or array.dtype == dtype else array.astype(dtype)

    # --- gradients ----------------------------------------------------------------------------------------------------

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add this tensor's gradients to the leaves'; ``gradient`` is the one with respect to this tensor."""
        if gradient is None:
            if not self.requires_grad:
                raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
            raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {self.dtype}")
        self.resolved().backward(pair_of(gradient, self._pair), retain_graph, create_graph, inputs)

    def _input_of(self) -> Tensor:
        return self._pair

    def _gradient_of(self, gradient: Tensor) -> ComplexTensor:
        return ComplexTensor.of(gradient, self._conjugated)

    def _gradient_given(self, gradient: Any) -> Tensor:
        """Pairs, of the conjugate if that is what is in memory."""
        pair = pair_of(gradient, self._pair)
        return conjugate_pair(pair) if self._conjugated else pair

    def _output_of(self, gradient: Any) -> tuple[Tensor, Any]:
        """What backward begins with: the pairs, and the gradient given as pairs."""
        if gradient is not None:
            return self.resolved(), pair_of(gradient, self._pair)
        if self.requires_grad:
            raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {self.dtype}")
        return self.resolved(), None


def _numbers_of(pairs: np.ndarray) -> np.ndarray:
    """Pairs as NumPy's complex numbers, in the same memory if they lie next to each other."""
    if pairs.strides[-1] != pairs.itemsize:
        pairs = np.ascontiguousarray(pairs)
    return pairs.view(np.complex64 if pairs.dtype == np.float32 else np.complex128)[..., 0]


for _name in ("data_ptr", "is_shared", "share_memory_"):
    setattr(ComplexTensor, _name, lambda self, *given, _called=_name: getattr(self._pair, _called)(*given))


def _rebuilt(pair: Tensor, conjugated: bool) -> ComplexTensor:
    return ComplexTensor.of(pair, conjugated)


def axis_of(x: Tensor, dim: int) -> int:
    """A dimension of complex numbers, counted from the first. ``IndexError`` if there is none."""
    ndim = max(x.ndim, 1)
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    return dim % ndim


def conjugate_pair(pair: Tensor) -> Tensor:
    """Pairs with the imaginary parts negated."""
    return pair * pair.new_tensor([1.0, -1.0])


def pair_of(x: Any, like: Tensor) -> Tensor:
    """Complex or real numbers as pairs, of the dtype of other ones."""
    if isinstance(x, ComplexTensor):
        pair = x.resolved()
    elif isinstance(x, Tensor):
        pair = _stack(x)
    elif isinstance(x, (int, float, complex)):
        pair = like.new_tensor([complex(x).real, complex(x).imag])
    else:
        array = np.asarray(x, dtype=np.complex128)
        pair = like.new_tensor(np.stack([array.real, array.imag], -1))
    return pair if pair.dtype is like.dtype else pair.to(like.dtype)


def _stack(real: Tensor) -> Tensor:
    return real.unsqueeze(-1) * real.new_tensor([1, 0])


def is_complex_dtype(d: Any) -> bool:
    """Whether something is a dtype of complex numbers."""
    return d in REAL_OF if isinstance(d, dtype) else d is complex
