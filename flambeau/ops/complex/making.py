"""New tensors of complex numbers: from parts, from Python's and NumPy's numbers, filled, drawn, and converted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import (
    C_NAMES,
    REAL_OF,
    TYPE_NAMES,
    bfloat16,
    bool_,
    complex128,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    uint8,
)  # fmt: skip
from ...graph.dtypes import dtype as dtype_type
from ..by_name import real
from ..from_data import from_array as real_from_array
from ..from_data import from_numpy as real_from_numpy
from .calls import complex_operation, discarding, is_complex_value
from .parts import made
from .tensor import TABLE, ComplexTensor

# --- from parts -------------------------------------------------------------------------------------------------------


def complex_of(first: Tensor, second: Tensor) -> Tensor:
    """The complex numbers with these real and imaginary parts, of one floating-point dtype."""
    _check_alike(first, second)
    return made(first, second)


complex_operation("complex")(complex_of)


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """The complex numbers with these absolute values and angles."""
    _check_alike(abs, angle)
    return made(abs * angle.cos(), abs * angle.sin())


complex_operation("polar")(polar)


def _check_alike(first: Tensor, second: Tensor) -> None:
    if first.dtype not in REAL_OF.values() or second.dtype not in REAL_OF.values():
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {TYPE_NAMES[first.dtype]} and "
            f"{TYPE_NAMES[second.dtype]}"
        )
    if first.dtype is not second.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {TYPE_NAMES[first.dtype]} but got scalar type {TYPE_NAMES[second.dtype]} for "
            "second argument"
        )


def view_as_complex(input: Tensor) -> Tensor:
    """Pairs in the last axis, of two elements next to each other, as complex numbers in the same memory."""
    if input.dtype not in REAL_OF.values():
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            + TYPE_NAMES[input.dtype]
        )
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.stride(-1) != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any([stride % 2 for stride in input.stride()[:-1]]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if input.storage_offset() % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    return ComplexTensor.of(input.view_as(input))


# --- from numbers -----------------------------------------------------------------------------------------------------


def from_array(array: Any) -> Tensor:
    """A copy of a NumPy array, of complex or real numbers."""
    array = np.asarray(array, order="C")
    if array.dtype.kind != "c":
        return real_from_array(array)
    return ComplexTensor.of(real_from_array(array[..., None].view(_real_of(array.dtype))))


def _real_of(d: np.dtype) -> Any:
    return np.float32 if d == np.complex64 else np.float64


@complex_operation()
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares an array's memory."""
    return ComplexTensor.of(real_from_numpy(ndarray[..., None].view(_real_of(ndarray.dtype))))


def _default() -> dtype_type:
    return get_default_dtype().to_complex()


def _numbers(data: Any) -> np.ndarray:
    """Nested sequences with complex numbers among them as an array."""

    def plain(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [plain(member) for member in value]
        return value.tolist() if isinstance(value, Tensor) else value

    return np.array(plain(data), dtype=np.complex128)


def _first_complex(data: Any) -> str:
    """What type the first number is of that is no real one."""
    while isinstance(data, (list, tuple)):
        data = next(member for member in data if is_complex_value(member))
    return "Tensor" if isinstance(data, Tensor) else type(data).__name__


@complex_operation()
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    if isinstance(data, Tensor):
        return data if dtype is None or dtype is data.dtype else converted_complex(data, dtype)
    if isinstance(data, np.ndarray) and data.dtype in (np.complex64, np.complex128):
        return as_tensor(from_numpy(data), dtype)
    return tensor(data, dtype=dtype)


@complex_operation()
def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: Any = None) -> Tensor:
    made = as_tensor(obj, dtype)
    shares = made is obj or isinstance(obj, np.ndarray) and made.dtype is as_tensor(obj).dtype
    if copy is False and not shares:
        raise ValueError(f"can't alias {type(obj).__name__} into a tensor of dtype '{made.dtype}'.")
    made = made.clone() if copy and shares else made
    return made if requires_grad is None else made.detach().requires_grad_(requires_grad)


@complex_operation("tensor", "scalar_tensor")
def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    if isinstance(data, Tensor):
        result = data.detach().clone() if dtype is None else converted_complex(data.detach(), dtype)
    elif isinstance(data, np.ndarray) and data.dtype.kind == "c":
        result = from_array(data)
        result = result if dtype is None else converted_complex(result, dtype)
    else:
        d = _default() if dtype is None else dtype
        if isinstance(d, dtype_type) and d.kind != "complex":
            raise TypeError(f"must be real number, not {_first_complex(data)}")
        result = converted_complex(from_array(_numbers(data)), d)
    return result.requires_grad_(requires_grad) if requires_grad else result


@complex_operation()
def new_tensor(self: Tensor, data: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    return tensor(data, dtype=dtype or self.dtype, requires_grad=requires_grad)


# --- filled -----------------------------------------------------------------------------------------------------------


def _sizes(size: Any) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else tuple(size)


def _filled(sizes: tuple[int, ...], value: Any, dtype: Any, requires_grad: bool) -> Tensor:
    """``value`` in a dtype, of which None and Python's ``complex`` stand for complex128."""
    if isinstance(dtype, dtype_type) and dtype.kind != "complex":
        number = complex(value)
        if number.imag:
            raise RuntimeError(f"value cannot be converted to type {C_NAMES[dtype]} without overflow")
        filled: Tensor = real.full(sizes, number.real, dtype=dtype, requires_grad=requires_grad)
        return filled
    d = dtype.to_real() if isinstance(dtype, dtype_type) else float64
    pair = real.zeros(*sizes, 2, dtype=d)
    number = complex(value)
    if number.real or number.real != number.real:
        pair[..., 0] = number.real
    if number.imag or number.imag != number.imag:
        pair[..., 1] = number.imag
    return ComplexTensor.of(pair).requires_grad_(requires_grad)


def _filling(name: str, value: Any) -> None:
    def new(*size: Any, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
        sizes = _sizes(size if size else (others["size"],))
        return _filled(sizes, value, dtype, requires_grad)

    def like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
        return _filled(tuple(input.shape), value, dtype or input.dtype, requires_grad)

    def of_same_dtype(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
        return _filled(_sizes(size), value, dtype or self.dtype, requires_grad)

    complex_operation(name)(new)
    complex_operation(name + "_like")(like)
    complex_operation("new_" + name)(of_same_dtype)


_filling("zeros", 0)
_filling("ones", 1)
_filling("empty", 0)


@complex_operation()
def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    return _filled(tuple(size), fill_value, dtype or _default(), requires_grad)


@complex_operation()
def fill(input: Tensor, value: Any) -> Tensor:
    return _filled(tuple(input.shape), value, input.dtype, False)


@complex_operation()
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    return _filled(tuple(input.shape), fill_value, dtype or input.dtype, requires_grad)


@complex_operation()
def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any
) -> Tensor:
    return _filled(tuple(size), fill_value, dtype or self.dtype, requires_grad)


@complex_operation()
def empty_strided(size: Any, stride: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    if dtype.kind != "complex":
        return real.empty_strided(size, stride, dtype=dtype, requires_grad=requires_grad)  # type: ignore[no-any-return]
    sizes, strides = tuple(size), tuple(stride)
    if len(sizes) != len(strides):
        raise RuntimeError(
            f"dimensionality of sizes ({len(sizes)}) must match dimensionality of strides ({len(strides)})"
        )
    pair = real.empty_strided((*sizes, 2), (*[2 * step for step in strides], 1), dtype=dtype.to_real())
    return ComplexTensor.of(pair).requires_grad_(requires_grad)


@complex_operation()
def new_empty_strided(
    self: Tensor, size: Any, stride: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any
) -> Tensor:
    return empty_strided(size, stride, dtype=dtype or self.dtype, requires_grad=requires_grad)


@complex_operation()
def empty_permuted(size: Any, physical_layout: Any, *, dtype: Any, requires_grad: bool = False, **others: Any) -> Tensor:
    places: Any = real.empty_permuted(size, physical_layout, dtype=int8)  # whose strides are what is wanted of it
    return empty_strided(places.shape, places.stride(), dtype=dtype, requires_grad=requires_grad)


def _of_real(name: str) -> None:
    def operation(*arguments: Any, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
        if dtype is None or any(map(is_complex_value, arguments)):
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'ComplexFloat'")
        numbers = getattr(real, name)(*arguments, dtype=dtype.to_real(), **others)
        return made(numbers, 0.0).requires_grad_(requires_grad)

    complex_operation(name)(operation)


for _name in ("eye", "linspace", "logspace"):
    _of_real(_name)
_linspace = TABLE["linspace"]


@complex_operation()
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    """Between complex ends: real and imaginary parts by themselves."""
    if not any(map(is_complex_value, (start, end))):
        return _linspace(start, end, steps, dtype=dtype, requires_grad=requires_grad, **others)  # type: ignore[no-any-return]
    ends = [x.item() if isinstance(x, Tensor) else x for x in (start, end)]
    d = _default() if dtype is None else dtype
    if d.kind != "complex":
        raise RuntimeError(f"linspace(): inferred dtype {_default()} can't be safely cast to passed dtype {d}")
    both = [real.linspace(*side, steps, dtype=d.to_real()) for side in zip(*[(x.real, x.imag) for x in map(complex, ends)])]
    return made(*both).requires_grad_(requires_grad)

# --- drawn ------------------------------------------------------------------------------------------------------------


def _drawn(name: str, scale: float) -> None:
    def draw(*size: Any, dtype: Any = None, requires_grad: bool = False, generator: Any = None, **others: Any) -> Tensor:
        if dtype.kind != "complex":
            return getattr(real, name)(*_sizes(size), dtype=dtype, generator=generator).requires_grad_(requires_grad)  # type: ignore[no-any-return]
        pair = getattr(real, name)(*_sizes(size), 2, dtype=dtype.to_real(), generator=generator)
        return ComplexTensor.of(pair * scale if scale != 1 else pair).requires_grad_(requires_grad)

    def like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
        return draw(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)

    complex_operation(name)(draw)
    complex_operation(name + "_like")(like)


_drawn("rand", 1.0)
_drawn("randn", math.sqrt(0.5))  # so that the numbers' variance is 1


@complex_operation()
def normal_(self: ComplexTensor, mean: float = 0, std: float = 1, *, generator: Any = None) -> Tensor:
    self._pair.normal_(mean / math.sqrt(2), std / math.sqrt(2), generator=generator)
    return self


@complex_operation()
def uniform_(self: ComplexTensor, from_: float = 0, to: float = 1, *, generator: Any = None) -> Tensor:
    self._pair.uniform_(from_, to, generator=generator)
    return self


# --- converted --------------------------------------------------------------------------------------------------------


def converted_complex(x: Any, d: Any) -> Tensor:
    """Numbers in another dtype; where that is a real one, imaginary parts are lost."""
    if d is complex:
        d = complex128
    if isinstance(x, ComplexTensor):
        if d is x.dtype:
            return x
        if d.kind != "complex":
            numbers = discarding(x)
            return numbers.clone() if numbers.dtype is d else numbers.to(d).contiguous()  # not a view of what is converted
        return ComplexTensor.of(x._pair.to(d.to_real()), x._conjugated)
    return made(x.to(d.to_real()), None) if d.kind == "complex" else x.to(d)  # type: ignore[no-any-return]


@complex_operation("to")
def to(self: Tensor, *arguments: Any, copy: bool = False, **keywords: Any) -> Tensor:
    given = [*arguments, *keywords.values()]
    d = next((v for v in given if isinstance(v, dtype_type) or v is complex), None)
    if d is None:
        d = next((v.dtype for v in given if isinstance(v, Tensor)), self.dtype)
    result = converted_complex(self, d)
    return result.clone() if copy and result is self else result


@complex_operation()
def type_as(self: Tensor, other: Tensor) -> Tensor:
    return converted_complex(self, other.dtype)


@complex_operation("type")
def type_method(self: Tensor, dtype: Any = None, non_blocking: bool = False, **keywords: Any) -> Any:
    if dtype is None:
        return f"torch.{TYPE_NAMES[self.dtype]}Tensor"
    return converted_complex(self, dtype)


def _to_dtype(name: str, d: dtype_type) -> None:
    def convert(self: Tensor, **keywords: Any) -> Tensor:
        return converted_complex(self, d)

    complex_operation(name)(convert)


for _name, _dtype in {
    "float": float32, "double": float64, "half": float16, "bfloat16": bfloat16, "int": int32,
    "long": int64, "bool": bool_, "short": int16, "char": int8, "byte": uint8,
}.items():  # fmt: skip
    _to_dtype(_name, _dtype)


@complex_operation()
def cpu(self: ComplexTensor, **keywords: Any) -> Tensor:
    return self


@complex_operation()
def is_complex(input: Any) -> bool:
    return isinstance(input, ComplexTensor)


@complex_operation()
def is_floating_point(input: Any) -> bool:
    return False


@complex_operation()
def numel(input: ComplexTensor) -> int:
    return input.numel()


@complex_operation()
def is_conj(input: ComplexTensor) -> bool:
    return input.is_conj()


def _answered(name: str, answer: bool) -> None:
    complex_operation(name)(lambda input: answer)


_answered("is_signed", True)
_answered("is_neg", False)


@complex_operation()
def item(self: ComplexTensor) -> complex:
    return self.item()


@complex_operation()
def result_type(tensor1: Any, tensor2: Any) -> dtype_type:
    """What an operation on both would give, found out by an addition of nothing."""
    both = [x[..., :0] if isinstance(x, Tensor) and x.ndim else x for x in (tensor1, tensor2)]
    return (both[0] + both[1]).dtype  # type: ignore[no-any-return]


