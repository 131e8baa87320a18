"""Views of complex numbers: those of the pairs, with their last axis left alone. Also writing in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES
from ..by_name import functional, real
from .calls import assigned, complex_operation, discarding
from .making import view_as_complex
from .parts import made, parts
from .tensor import ComplexTensor, axis_of, conjugate_pair, pair_of


def _seen(input: ComplexTensor, pair: Tensor) -> ComplexTensor:
    return ComplexTensor.of(pair, input._conjugated)


def _sizes(sizes: Sequence[Any]) -> tuple[Any, ...]:
    """Sizes given one by one or as one sequence."""
    return tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else tuple(sizes)


# --- complex numbers and pairs ----------------------------------------------------------------------------------------


@complex_operation()
def view_as_real(input: ComplexTensor) -> Tensor:
    if input._conjugated:
        raise RuntimeError(
            "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate tensor so you can view it as "
            "real, use self.resolve_conj(); however, be warned that the resulting tensor will NOT alias the original."
        )
    return input._pair.view_as(input._pair)  # a tensor of its own, with its own hooks


@complex_operation("real")
def _real_parts(input: ComplexTensor) -> Tensor:
    return input.real


@complex_operation("imag")
def _imaginary_parts(input: ComplexTensor) -> Tensor:
    return input.imag


# --- of sizes ---------------------------------------------------------------------------------------------------------


@complex_operation()
def view(input: ComplexTensor, *shape: Any, dtype: Any = None) -> Any:
    shape = shape if dtype is None else (dtype,)
    if len(shape) == 1 and hasattr(shape[0], "kind"):  # a dtype
        if shape[0] is input.dtype:
            return input
        if shape[0] is input.dtype.to_real():
            pair = view_as_real(input)
            return pair.flatten(-2) if input.ndim else pair
        if not isinstance(input, ComplexTensor) and input.dtype is shape[0].to_real():
            return view_as_complex(_paired(input))
        raise NotImplementedError(f"a view of {input.dtype} as {shape[0]} is not supported")
    return _seen(input, input._pair.view(*_known(input, _sizes(shape)), 2))


def _paired(input: Tensor) -> Tensor:
    """Real numbers with pairs of neighbours in a last axis. ``RuntimeError`` where they are no complex numbers in memory."""
    twice = f"self.{{}} must be divisible by 2 to view {TYPE_NAMES[input.dtype]} as {TYPE_NAMES[input.dtype.to_complex()]}"
    if not input.ndim:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {TYPE_NAMES[input.dtype]} as {TYPE_NAMES[input.dtype.to_complex()]} (different "
            "element sizes)"
        )
    if input.stride(-1) != 1:
        raise RuntimeError("self.stride(-1) must be 1 to view as a dtype of other size")
    if input.shape[-1] % 2:
        raise RuntimeError(f"{twice.format('size(-1)')}, but got {input.shape[-1]}")
    return input.unflatten(-1, (-1, 2)) if input.shape[-1] else input.new_empty((*input.shape, 2))


@complex_operation()
def reshape(input: ComplexTensor, *shape: Any) -> Tensor:
    return _seen(input, input._pair.reshape(*_known(input, _sizes(shape)), 2))


def _known(input: ComplexTensor, sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes with -1 replaced, so that pairs cannot be taken for what is missing."""
    if -1 not in sizes:
        return sizes
    rest = 1
    for size in sizes:
        rest *= 1 if size == -1 else size
    if not rest or input.numel() % rest or sizes.count(-1) > 1:
        raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {input.numel()}")
    return tuple([input.numel() // rest if size == -1 else size for size in sizes])


@complex_operation()
def view_as(input: ComplexTensor, other: Tensor) -> Tensor:
    return view(input, *other.shape)  # type: ignore[no-any-return]


@complex_operation()
def reshape_as(input: ComplexTensor, other: Tensor) -> Tensor:
    return reshape(input, *other.shape)


@complex_operation()
def flatten(input: ComplexTensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    if not input.ndim:
        return _seen(input, input._pair.unsqueeze(0))
    return _seen(input, input._pair.flatten(axis_of(input, start_dim), axis_of(input, end_dim)))


@complex_operation()
def ravel(input: ComplexTensor) -> Tensor:
    return flatten(input)


@complex_operation()
def unflatten(input: ComplexTensor, dim: int, sizes: Any) -> Tensor:
    at = axis_of(input, dim)
    return view(input, *input.shape[:at], *_known_extent(input.shape[at], tuple(sizes)), *input.shape[at + 1 :])  # type: ignore[no-any-return]


def _known_extent(extent: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    rest = 1
    for size in sizes:
        rest *= 1 if size == -1 else size
    return tuple([extent // rest if size == -1 else size for size in sizes])


@complex_operation()
def expand(input: ComplexTensor, *size: Any, implicit: bool = False) -> Tensor:
    sizes = _sizes(size)
    if len(sizes) < input.ndim:
        raise RuntimeError(
            f"expand(torch.{TYPE_NAMES[input.dtype]}Tensor{{{list(input.shape)}}}, size={list(sizes)}): the number of sizes "
            f"provided ({len(sizes)}) must be greater or equal to the number of dimensions in the tensor ({input.ndim})"
        )
    return _seen(input, input._pair.expand(*sizes, 2))


@complex_operation()
def expand_as(input: ComplexTensor, other: Tensor) -> Tensor:
    return expand(input, *other.shape)


@complex_operation()
def broadcast_to(input: ComplexTensor, size: Any) -> Tensor:
    return expand(input, *size)


@complex_operation()
def squeeze(input: ComplexTensor, dim: Any = None) -> Tensor:
    if dim is None:
        dims = [axis for axis, extent in enumerate(input.shape) if extent == 1]
    else:
        dims = [axis_of(input, axis) for axis in ((dim,) if isinstance(dim, int) else dim)] if input.ndim else []
    return _seen(input, input._pair.squeeze(tuple(dims))) if dims else _seen(input, input._pair.view_as(input._pair))


@complex_operation()
def unsqueeze(input: ComplexTensor, dim: int) -> Tensor:
    ndim = input.ndim + 1
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    return _seen(input, input._pair.unsqueeze(dim % ndim))


# --- of axes ----------------------------------------------------------------------------------------------------------


@complex_operation("transpose", "swapaxes", "swapdims")
def transpose(input: ComplexTensor, dim0: int, dim1: int) -> Tensor:
    if not input.ndim:
        return _seen(input, input._pair.view_as(input._pair))
    return _seen(input, input._pair.transpose(axis_of(input, dim0), axis_of(input, dim1)))


@complex_operation()
def permute(input: ComplexTensor, *dims: Any) -> Tensor:
    return _seen(input, input._pair.permute(*[axis_of(input, dim) for dim in _sizes(dims)], input.ndim))


@complex_operation("movedim", "moveaxis")
def movedim(input: ComplexTensor, source: Any, destination: Any) -> Tensor:
    both = [[axis_of(input, axis) for axis in ((dims,) if isinstance(dims, int) else dims)] for dims in (source, destination)]
    return _seen(input, input._pair.movedim(tuple(both[0]), tuple(both[1])))


@complex_operation()
def t(input: ComplexTensor) -> Tensor:
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return transpose(input, 0, 1) if input.ndim == 2 else _seen(input, input._pair.view_as(input._pair))


@complex_operation()
def adjoint(input: ComplexTensor) -> Tensor:
    result = transpose(input, -2, -1)
    return ComplexTensor.of(result._pair, not result._conjugated)  # type: ignore[attr-defined]


def _all_axes(input: ComplexTensor) -> Tensor:
    return permute(input, *range(input.ndim - 1, -1, -1))


ComplexTensor.T = property(_all_axes)  # type: ignore[attr-defined]
ComplexTensor.mT = property(lambda self: transpose(self, -2, -1))  # type: ignore[attr-defined]
ComplexTensor.mH = property(adjoint)  # type: ignore[attr-defined]
ComplexTensor.H = property(lambda self: adjoint(self) if self.ndim == 2 else self.conj())  # type: ignore[attr-defined]


# --- of parts ---------------------------------------------------------------------------------------------------------


def _needs_axes(name: str, input: ComplexTensor) -> None:
    if not input.ndim:
        raise IndexError(f"{name}() cannot be applied to a 0-dim tensor.")


@complex_operation()
def select(input: ComplexTensor, dim: int, index: int) -> Tensor:
    _needs_axes("select", input)
    return _seen(input, input._pair.select(axis_of(input, dim), index))


@complex_operation()
def narrow(input: ComplexTensor, dim: int, start: Any, length: int) -> Tensor:
    _needs_axes("narrow", input)
    return _seen(input, input._pair.narrow(axis_of(input, dim), start, length))


def _several(name: str) -> None:
    def cut(input: ComplexTensor, *arguments: Any, dim: int = 0, **keywords: Any) -> tuple[Tensor, ...]:
        _needs_axes(name, input)
        if name == "unbind":
            arguments, dim = (), arguments[0] if arguments else dim
        elif len(arguments) > 1:
            arguments, dim = arguments[:1], arguments[1]
        pieces = getattr(input._pair, name)(*arguments, dim=axis_of(input, dim), **keywords)
        return tuple([_seen(input, piece) for piece in pieces])

    complex_operation(name)(cut)


for _name in ("unbind", "chunk", "split", "split_with_sizes", "tensor_split", "unsafe_chunk", "unsafe_split"):
    _several(_name)


@complex_operation()
def diagonal(input: ComplexTensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    _needs_axes("diagonal", input)
    pair = input._pair.diagonal(offset, axis_of(input, dim1), axis_of(input, dim2))
    return _seen(input, pair.movedim(-2, -1))


@complex_operation()
def unfold(input: ComplexTensor, *arguments: Any, **keywords: Any) -> Tensor:
    """The method (dimension, size, step), a view; or the function of ``nn.functional`` (kernel size …)."""
    if len(arguments) == 3 and not keywords and all([isinstance(number, int) for number in arguments]):
        dimension, size, step = arguments
        return _seen(input, input._pair.unfold(axis_of(input, dimension), size, step).movedim(-2, -1))
    function = functional.unfold
    return made(*[function(part, *arguments, **keywords) for part in parts(input)])


@complex_operation("linalg_diagonal")
def linalg_diagonal(A: ComplexTensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    return diagonal(A, offset, dim1, dim2)


@complex_operation()
def sum_to_size(input: ComplexTensor, *size: Any) -> Tensor:
    return _seen(input, input._pair.sum_to_size(*_sizes(size), 2))


@complex_operation()
def where(*arguments: Any) -> Any:
    """The function (condition, input, other), or the method (input, condition, other)."""
    condition, input, other = arguments
    if not (isinstance(condition, Tensor) and condition.dtype.kind == "bool"):
        condition, input = input, condition
    (x, y), (u, v) = parts(input), parts(other)
    if not isinstance(x, Tensor) and not isinstance(u, Tensor):
        x, y = [real.scalar_tensor(0.0 if part is None else part) for part in (x, y)]
    zero = next(part for part in (x, u) if isinstance(part, Tensor)).new_zeros(())
    chosen = real.where
    return made(chosen(condition, x, u), chosen(condition, zero if y is None else y, zero if v is None else v))


@complex_operation()
def as_strided(input: ComplexTensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    offset = None if storage_offset is None else 2 * storage_offset
    size, stride = [(given,) if isinstance(given, int) else given for given in (size, stride)]
    return _seen(input, input._pair.as_strided((*size, 2), (*[2 * step for step in stride], 1), offset))


@complex_operation("detach")
def _detached(input: ComplexTensor) -> Tensor:
    return input.detach()


@complex_operation("alias")
def _alias(input: ComplexTensor) -> Tensor:
    return _seen(input, input._pair.view_as(input._pair))


# --- indices ----------------------------------------------------------------------------------------------------------


def _index(input: ComplexTensor, index: Any) -> Any:
    """An index of complex numbers as one of pairs: an ellipsis ends before their axis."""
    members = index if isinstance(index, tuple) else (index,)
    read = 0
    for member in members:
        if isinstance(member, Tensor) and member.dtype.kind == "bool":
            read += member.ndim
        elif member is not None and member is not Ellipsis and not isinstance(member, bool):
            read += 1
    if read > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    if any([member is Ellipsis for member in members]):
        return (*members, slice(None))
    return index


def _read(self: ComplexTensor, index: Any) -> Tensor:
    return _seen(self, self._pair[_index(self, index)])


def _write(self: ComplexTensor, index: Any, value: Any) -> None:
    pair = pair_of(value, self._pair)
    if self._conjugated:
        pair = pair_of(ComplexTensor.of(pair, True), self._pair)
    self._pair[_index(self, index)] = pair


ComplexTensor.__getitem__ = _read  # type: ignore[method-assign, assignment]
ComplexTensor.__setitem__ = _write  # type: ignore[method-assign, assignment]


@complex_operation()
def index_put(input: ComplexTensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    return ComplexTensor.of(input.resolved().index_put(tuple(indices), pair_of(values, input._pair), accumulate))


# --- in place ---------------------------------------------------------------------------------------------------------


@complex_operation()
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    if isinstance(self, ComplexTensor):
        return assigned(self, src)
    return self.copy_(discarding(src))


@complex_operation()
def fill_(self: Tensor, value: Any) -> Tensor:
    if not isinstance(self, ComplexTensor):
        number = complex(value)
        if number.imag:
            raise RuntimeError(f"value cannot be converted to type {self.dtype} without overflow")
        return self.fill_(number.real)
    return assigned(self, value)


@complex_operation()
def zero_(self: ComplexTensor) -> Tensor:
    self._pair.zero_()
    return self


@complex_operation()
def requires_grad_(self: ComplexTensor, requires_grad: bool = True) -> Tensor:
    return self.requires_grad_(requires_grad)


@complex_operation()
def conj_physical_(self: ComplexTensor) -> Tensor:
    self._pair.select(-1, 1).neg_()
    return self


def _in_sizes(name: str, function: Callable[..., Any]) -> None:
    def changing(self: ComplexTensor, *arguments: Any, **keywords: Any) -> Tensor:
        self._pair = function(self, *arguments, **keywords)._pair
        return self

    complex_operation(name + "_")(changing)


_changing: dict[str, Callable[..., Any]] = {
    "squeeze": squeeze, "unsqueeze": unsqueeze, "transpose": transpose, "t": t, "as_strided": as_strided,
}  # fmt: skip
for _name, _function in _changing.items():
    _in_sizes(_name, _function)


@complex_operation()
def resize_(self: ComplexTensor, *size: Any, memory_format: Any = None) -> Tensor:
    self._pair.resize_(*_sizes(size), 2)
    return self


@complex_operation("resize_as_")
def resize_as_(self: ComplexTensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    self._pair.resize_(*the_template.shape, 2)
    return self


@complex_operation()
def as_strided_scatter(input: ComplexTensor, src: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    offset = None if storage_offset is None else 2 * storage_offset
    places = (*size, 2), (*[2 * step for step in stride], 1)
    pair = pair_of(src, input._pair)
    if input._conjugated:
        pair = conjugate_pair(pair)
    return _seen(input, input._pair.as_strided_scatter(pair, *places, offset))
