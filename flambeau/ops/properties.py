"""What a tensor says of itself, and methods that other devices, layouts and dtypes would need."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import Tensor, method
from ..cpu.memory import Buffer
from ..graph import dtypes
from ..graph.notices import warn_once
from ..graph.primitives import nbytes
from ..graph.shapes import Size
from ..graph.shapes import broadcast_shapes as shapes_together
from ..graph.trace import Node, evaluate, number_kind
from .creation import empty_strided
from .one_node import one_node
from .operation import operation, titled

# --- questions ----------------------------------------------------------------------------------------------------------


@method("__repr__")
def _repr(self: Tensor, *, tensor_contents: str | None = None) -> str:
    from .printing import tensor_text  # which few programs need

    return tensor_text(self)


@operation()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether the sizes agree."""
    return input.shape == other.shape


@operation(function=False)
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same memory in the same way."""
    same = self is tensor or self._storage is not None and self._storage is tensor._storage
    return same and self.stride() == tensor.stride() and self.shape == tensor.shape


def _question(name: str, meaning: str, answer: Callable[[Tensor], bool], method: bool = True) -> None:
    def question(input: Tensor) -> bool:
        return answer(input)

    operation(method=method)(titled(question, name, meaning))


_question("is_conj", "Whether the tensor is a conjugate that waits to be made: never.", lambda input: False)
_question("is_neg", "Whether the tensor is a negation that waits to be made: never.", lambda input: False)
_question("is_distributed", "Whether the tensor is spread over machines: never.", lambda input: False)
_question("is_signed", "Whether the dtype has negative numbers.", lambda input: input.dtype.signed)
_question("is_floating_point", "Whether the tensor's dtype is a floating-point one.", lambda input: input.dtype.kind == "float")
_question("is_complex", "Whether the tensor's dtype is complex.", lambda input: input.dtype.kind == "complex")
_question("is_nonzero", "Whether a one-element tensor is not zero.", Tensor.__bool__)
_question("is_inference", "Whether the tensor was made in inference mode.", Tensor.is_inference, method=False)


@operation(method=False)
def is_storage(obj: Any) -> bool:
    """Whether ``obj`` is a storage."""
    from .storages import UntypedStorage

    return isinstance(obj, UntypedStorage)


@operation(method=False)
def typename(obj: Any) -> str:
    """The name of an object's type: ``"torch.FloatTensor"`` for tensors."""
    if isinstance(obj, Tensor):
        return obj.type()  # type: ignore[no-any-return]
    kind = obj if isinstance(obj, type) else type(obj)
    module = kind.__module__
    return kind.__name__ if module == "builtins" else f"{module}.{kind.__name__}"


@operation()
def get_device(input: Tensor) -> int:
    """The device's number: -1 for the CPU."""
    return -1


# --- numbers without imaginary part -------------------------------------------------------------------------------------


@operation()
def conj(input: Tensor) -> Tensor:
    """The conjugate: of real numbers, the tensor itself."""
    return input


@operation()
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor with its conjugates in memory: of real numbers, the tensor itself."""
    return input


@operation()
def resolve_neg(input: Tensor) -> Tensor:
    """The tensor with its negations in memory: they always are."""
    return input


@operation(out="exact")
def conj_physical(input: Tensor) -> Tensor:
    """The conjugate in memory of its own: of real numbers, the tensor itself."""
    return input


@operation()
def conj_physical_(input: Tensor) -> Tensor:
    """In-place version of ``conj_physical``."""
    return input


@operation()
def adjoint(input: Tensor) -> Tensor:
    """Matrices transposed, and conjugated if they are complex."""
    if input.ndim == 1:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor."
        )
    return input.transpose(-2, -1)


@operation()
def isreal(input: Tensor) -> Tensor:
    """Where elements have no imaginary part: everywhere."""
    return input.new_ones(input.shape, dtype=dtypes.bool_)


@operation(method=False)
def real(input: Tensor) -> Any:
    """The real part: of real numbers, the tensor itself."""
    return input


@operation(method=False)
def imag(input: Tensor) -> Tensor:
    """The imaginary part, a view. ``RuntimeError`` for real numbers."""
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


Tensor.real = property(lambda self: self)  # type: ignore[attr-defined]
Tensor.imag = property(imag)  # type: ignore[attr-defined]
Tensor.mH = property(adjoint)  # type: ignore[attr-defined]

# --- memory and layout --------------------------------------------------------------------------------------------------


@operation(function=False)
def untyped_storage(self: Tensor) -> Any:
    """The memory behind the tensor, as bytes."""
    from .storages import UntypedStorage

    return UntypedStorage._of(self)


@operation("_typed_storage", function=False)
def storage(self: Tensor) -> Any:
    """The memory behind the tensor, as elements of its dtype."""
    from .storages import TypedStorage

    warn_once(
        "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage class. This "
        "should only matter to you if you are using storages directly.  To access UntypedStorage directly, use "
        "tensor.untyped_storage() instead of tensor.storage()"
    )
    return TypedStorage._of(self)


@operation(function=False)
def storage_type(self: Tensor) -> Any:
    """The old type of the tensor's storage."""
    from .storages import STORAGE_TYPES

    return STORAGE_TYPES[self.dtype]


@operation(function=False)
def is_shared(self: Tensor) -> bool:
    """Whether processes forked from this one see what is written to the tensor."""
    buffer = self._read().buffer
    owner = None if buffer is None else buffer.owner
    return isinstance(owner.obj if isinstance(owner, memoryview) else owner, mmap.mmap)


@operation(function=False)
def share_memory_(self: Tensor) -> Tensor:
    """Move the memory behind the tensor to where processes that are forked from now on share it."""
    if is_shared(self):
        return self
    shared = self._share()
    node = shared.node
    size = nbytes(node.shape, node.dtype)
    array = np.frombuffer(mmap.mmap(-1, max(size, 1)), np.uint8, size)
    array[...] = evaluate(node).peek(np.uint8, (size,))
    shared.node = Node(node.shape, node.dtype, None, 0, Buffer.from_numpy(array))
    return self


@operation(function=False)
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: there is no device that memory would be pinned for."""
    return self


@operation(function=False)
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """False: there is no device that memory would be pinned for."""
    return False


@operation(function=False)
def record_stream(self: Tensor, s: Any) -> None:
    """Nothing: there are no streams."""


@operation(function=False)
def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor itself, which is dense."""
    return self if dtype is None else self.to(dtype)


@operation(function=False)
def dense_dim(self: Tensor) -> int:
    """Number of dimensions: all are dense."""
    return self.ndim


@operation(function=False)
def sparse_dim(self: Tensor) -> int:
    """0: no dimension is sparse."""
    return 0


@operation(function=False)
def new_empty_strided(
    self: Tensor, size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Memory of arbitrary content with the given strides, in this tensor's dtype."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@operation(function=False)
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the axes along which a tensor of the given sizes would be repeated."""
    from .views import sizes_of, sum_to

    shape = Size(sizes_of(size))
    if min(shape, default=0) < 0 or broadcast_shapes(shape, self.shape) != self.shape:
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(self.shape)}}}.")
    return sum_to(self, shape) if shape else self.sum()  # type: ignore[no-any-return]  # where a count is one of int64


@operation(out="exact resized")
@one_node("NarrowCopyBackward0")
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A copy of part of an axis."""
    if dim >= input.ndim:
        raise RuntimeError(f"Expected dim < {input.ndim}, but got {dim}")
    return input.narrow(dim, start, length).clone()  # type: ignore[no-any-return]


def dim_order(self: Tensor) -> tuple[int, ...]:
    """The axes from the outermost in memory to the innermost."""
    strides = self.stride()
    return tuple(sorted(range(self.ndim), key=lambda k: -strides[k]))


Tensor.dim_order = dim_order  # type: ignore[assignment, method-assign]

@operation(method=False)
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of ``shapes`` are broadcast to; an integer is the shape of a vector."""
    given = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    for shape in given:
        for extent in shape:
            if not isinstance(extent, int):
                raise TypeError(f"broadcast_shapes(): extents must be int, but got {type(extent).__name__} in {shape}")
            if extent < 0:
                raise ValueError(f"Attempting to broadcast a dimension with negative length: {shape}")
    return shapes_together(*given)


# --- dtypes ---------------------------------------------------------------------------------------------------------------


@operation(method=False)
def result_type(tensor: Any, other: Any) -> dtypes.dtype:
    """The dtype that an arithmetic operation on the two operands would have."""
    parts = []
    for operand in (tensor, other):
        if isinstance(operand, Tensor):
            parts.append((operand.dtype, 0 if operand.ndim else 1))
        else:
            complex_one = isinstance(operand, complex)
            d = dtypes.get_default_dtype().to_complex() if complex_one else dtypes.scalar_dtype(number_kind(operand))
            parts.append((d, 2))
    return dtypes.result_type(parts)


@operation(method=False)
def numel(input: Tensor) -> Any:
    """Number of elements."""
    return input.numel()


# --- functions that are methods --------------------------------------------------------------------------------------------


@operation(method=False)
def detach_(input: Tensor) -> Tensor:
    """Forget a tensor's history, in place."""
    return input.detach_()
