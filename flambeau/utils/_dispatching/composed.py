"""Operations of aten's that PyTorch composes of others before modes see them: products, shapes, conversions, numbers."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ..._ops import DECOMPOSITIONS
from ...core.device import contiguous_format
from ...core.tensor import Tensor
from ...graph.shapes import broadcast_shapes
from ...graph.trace import local
from .emitting import emit
from .formulas_of_views import shaped

COMPOSED: dict[str, Callable[..., Any]] = DECOMPOSITIONS
"""Full names of operations, and what they are: functions of the same arguments."""


def composed(*names: str) -> Callable[..., Any]:
    """Decorator: a function says what operations of these names are composed of."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            COMPOSED[name] = function
        return function

    return declare


# --- shapes -------------------------------------------------------------------------------------------------------------


def whole_sizes(sizes: Any, count: int) -> list[int]:
    """Sizes with the one that was left open (-1)."""
    listed = [*sizes]
    if -1 in listed:
        rest = -prod(listed)
        listed[listed.index(-1)] = count // rest if rest else 0
    return listed


@composed("reshape.default", "view_as.default", "reshape_as.default")
def reshape(input: Any, shape: Any) -> Any:
    sizes = whole_sizes(shape.shape if isinstance(shape, Tensor) else shape, input.numel())
    return input if not isinstance(input, Tensor) else _reshaped(input, sizes)


def _reshaped(input: Any, sizes: list[int]) -> Any:
    if tuple(sizes) == tuple(input.shape) and input.ndim == 0:
        return input
    return emit("view.default", input, sizes) if tuple(sizes) == tuple(input.shape) else shaped(input, sizes)


@composed("flatten.using_ints")
def _flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if not input.ndim:
        return reshape(input, [1])
    start, end = start_dim % input.ndim, end_dim % input.ndim
    if start == end:
        return input
    return reshape(input, [*input.shape[:start], prod(input.shape[start : end + 1]), *input.shape[end + 1 :]])


@composed("unflatten.int")
def _unflatten(input: Any, dim: int, sizes: Any) -> Any:
    axis = dim % input.ndim
    found = [*input.shape[:axis], *whole_sizes(sizes, input.shape[axis]), *input.shape[axis + 1 :]]
    return emit("view.default", input, found)


@composed("contiguous.default")
def _contiguous(input: Any, memory_format: Any = None) -> Any:
    if input.is_contiguous(memory_format=memory_format) if memory_format is not None else input.is_contiguous():
        return input
    return emit("clone.default", input, memory_format=memory_format or contiguous_format)


@composed("numpy_T.default")
def _reversed(input: Any) -> Any:
    return emit("permute.default", input, [*range(input.ndim)][::-1])


@composed("mT.default", "adjoint.default")
def _turned(input: Any) -> Any:
    return emit("transpose.int", input, -2, -1)


@composed("movedim.int", "movedim.intlist", "moveaxis.int", "moveaxis.intlist")
def _movedim(input: Any, source: Any, destination: Any) -> Any:
    came, goes = ([x % input.ndim for x in ([v] if isinstance(v, int) else v)] for v in (source, destination))
    order: list[Any] = [None] * input.ndim
    for old, new in zip(came, goes):
        order[new] = old
    rest = iter([axis for axis in range(input.ndim) if axis not in came])
    return emit("permute.default", input, [next(rest) if axis is None else axis for axis in order])


@composed("narrow.default")
def _narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    begin = int(start)
    begin = begin + input.shape[dim] if begin < 0 else begin
    return emit("slice.Tensor", input, dim, begin, begin + length)


@composed("expand_as.default")
def _expand_as(input: Any, other: Any) -> Any:
    return emit("expand.default", input, [*other.shape])


@composed("broadcast_to.default")
def _broadcast_to(input: Any, size: Any) -> Any:
    return emit("expand.default", input, [*size])


@composed("broadcast_tensors.default")
def _broadcast_tensors(tensors: Any) -> Any:
    shape = broadcast_shapes(*[tensor.shape for tensor in tensors])
    return [x if x.shape == shape else emit("expand.default", x, [*shape]) for x in tensors]


@composed("chunk.default")
def _chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    size = -(-input.shape[dim] // chunks)
    if not size:
        return emit("split_with_sizes.default", input, [0] * chunks, dim)
    return emit("split.Tensor", input, size, *([dim] if dim else []))


@composed("tensor_split.sections", "tensor_split.indices")
def _tensor_split(input: Any, parts: Any, dim: int = 0) -> Any:
    size = input.shape[dim]
    if isinstance(parts, int):
        base, more = divmod(size, parts)
        ends = [base * (k + 1) + min(k + 1, more) for k in range(parts)]
    else:
        ends = [*parts, size]
    return [emit("slice.Tensor", input, dim, start, end) for start, end in zip([0, *ends], ends)]


@composed("meshgrid.indexing", "meshgrid.default")
def _meshgrid(tensors: Any, indexing: str = "ij") -> Any:
    swapped = indexing == "xy" and len(tensors) > 1
    given = [tensors[1], tensors[0], *tensors[2:]] if swapped else [*tensors]
    sizes = [x.numel() for x in given]
    found = []
    for place, x in enumerate(given):
        seen = emit("view.default", x, [n if k == place else 1 for k, n in enumerate(sizes)])
        found.append(emit("expand.default", seen, sizes))
    if swapped:
        found = [emit("transpose.int", x, 0, 1) for x in found]
        found[:2] = found[1], found[0]
    return found


def _at_least(count: int) -> Callable[..., Any]:
    def raised(input: Any) -> Any:
        if not input.ndim:
            return reshape(input, [1] * count)
        if input.ndim == 1 and count > 1:
            input = emit("unsqueeze.default", input, 0)
        return emit("unsqueeze.default", input, -1) if input.ndim == 2 and count > 2 else input

    return raised


for _count in (1, 2, 3):
    COMPOSED[f"atleast_{_count}d.default"] = _at_least(_count)


def _stack_along(count: int, axis: int) -> Callable[..., Any]:
    def stacked(tensors: Any) -> Any:
        given = [_at_least(count)(x) for x in tensors]
        where = 0 if axis == 1 and given[0].ndim == 1 else axis
        return emit("cat.default", given, *([where] if where else []))

    return stacked


for _name, _count, _axis in (("hstack", 1, 1), ("vstack", 2, 0), ("row_stack", 2, 0), ("dstack", 3, 2)):
    COMPOSED[f"{_name}.default"] = _stack_along(_count, _axis)


@composed("tile.default")
def _tile(input: Any, dims: Any) -> Any:
    return emit("repeat.default", input, [*[1] * (input.ndim - len(dims)), *dims])


@composed("diff.default")
def _diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    parts = [x for x in (prepend, input, append) if x is not None]
    input = emit("cat.default", parts, dim) if len(parts) > 1 else input
    for _ in range(n):
        size = input.shape[dim]
        upper, lower = (emit("slice.Tensor", input, dim, k, k + size - 1) for k in (1, 0))
        name = "logical_xor.default" if input.dtype.category == 0 else "sub.Tensor"
        input = emit(name, upper, lower)
    return input


@composed("square.default")
def _square(input: Any) -> Any:
    return emit("pow.Tensor_Scalar", input, 2)


@composed("outer.default", "ger.default")
def _outer(input: Any, vec2: Any) -> Any:
    return emit("mul.Tensor", emit("view.default", input, [input.shape[0], 1]), vec2)


# --- products -----------------------------------------------------------------------------------------------------------


@composed("linear.default")
def _linear(input: Any, weight: Any, bias: Any = None) -> Any:
    if input.ndim == 2 and bias is not None:
        return emit("addmm.default", bias, input, emit("t.default", weight))
    if bias is not None and bias.ndim == 1 and input.ndim and input.is_contiguous():
        flat = emit("view.default", input, [prod(input.shape[:-1]), input.shape[-1]])
        found = emit("addmm.default", bias, flat, emit("t.default", weight))
        return emit("view.default", found, [*input.shape[:-1], found.shape[1]])
    found = matmul(input, emit("t.default", weight))
    return found if bias is None else emit("add.Tensor", found, bias)


@composed("matmul.default", "linalg_matmul.default")
def matmul(input: Any, other: Any) -> Any:
    """A product by the numbers of axes of both."""
    first, second = input.ndim, other.ndim
    if not first or not second:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {first}D and {second}D")
    if first == 1 and second == 1:
        return emit("dot.default", input, other)
    if first == 2 and second == 1:
        return emit("mv.default", input, other)
    if first == 1 and second == 2:
        return emit("squeeze_.dim", emit("mm.default", emit("unsqueeze.default", input, 0), other), 0)
    if first == 2 and second == 2:
        return emit("mm.default", input, other)
    return _folded(input, other) if _folds(input, other) else _stacked(input, other)


def _folds(input: Any, other: Any) -> bool:
    """Whether a stack of matrices is multiplied by one matrix, or vector, as one matrix: all rows at once."""
    larger, smaller = input, other
    if input.ndim < other.ndim:
        if other.ndim >= 3 and input.ndim <= 2:
            larger = emit("transpose.int", other, -1, -2)
        smaller = input
    if larger.ndim < 3 or smaller.ndim > 2:
        return False
    if smaller.requires_grad and local.grad:
        return True  # else the gradient of what is repeated would be large
    if input.ndim == 2:
        return False
    shape, strides = larger.shape, larger.stride()
    return not larger.numel() or all(strides[k] == strides[k + 1] * shape[k + 1] for k in range(larger.ndim - 2))


def _folded(input: Any, other: Any) -> Any:
    """A stack of matrices times one, or one times a stack."""
    turned = input.ndim < other.ndim
    if turned:
        stack, one = emit("transpose.int", other, -1, -2), emit("t.default", input) if input.ndim == 2 else input
    else:
        stack, one = input, other
    rows = _reshaped(stack, [prod(stack.shape[:-1]), stack.shape[-1]])
    if one.ndim == 1:
        return emit("_unsafe_view.default", emit("mv.default", rows, one), [*stack.shape[:-1]])
    found = emit("_unsafe_view.default", emit("mm.default", rows, one), [*stack.shape[:-1], one.shape[-1]])
    return _contiguous(emit("transpose.int", found, -1, -2)) if turned else found


def _stacked(input: Any, other: Any) -> Any:
    """Products of the matrices of two stacks."""
    rows, columns = (input.shape[-2:-1], other.shape[-1:] if other.ndim > 1 else ())
    if other.ndim == 1:
        other = emit("unsqueeze.default", other, 1)
    lead = [*broadcast_shapes(input.shape[:-2], other.shape[:-2])]
    flat = []
    for x, height in ((input, input.shape[-2] if input.ndim > 1 else 1), (other, other.shape[-2])):
        wide = emit("expand.default", x, [*lead, height, x.shape[-1]])
        flat.append(_reshaped(wide, [prod(lead), height, x.shape[-1]]))
    return emit("_unsafe_view.default", emit("bmm.default", *flat), [*lead, *rows, *columns])


@composed("tensordot.default")
def _tensordot(a: Any, b: Any, dims_self: Any, dims_other: Any) -> Any:
    rest_a = [axis for axis in range(a.ndim) if axis not in dims_self]
    rest_b = [axis for axis in range(b.ndim) if axis not in dims_other]
    count = prod([a.shape[axis] for axis in dims_self])
    left = _reshaped(emit("permute.default", a, [*rest_a, *dims_self]), [prod([a.shape[k] for k in rest_a]), count])
    right = _reshaped(emit("permute.default", b, [*dims_other, *rest_b]), [count, prod([b.shape[k] for k in rest_b])])
    sizes = [*[a.shape[k] for k in rest_a], *[b.shape[k] for k in rest_b]]
    return _reshaped(emit("mm.default", left, right), sizes)


@composed("einsum.default")
def _einsum(equation: str, operands: Any) -> Any:
    """Products of two operands as products of stacks of matrices; with repeated or broadcast letters it is one operation."""
    text = equation.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    plain = "." not in text and all(len(set(term)) == len(term) for term in terms) and len(operands) == len(terms) == 2
    if not plain:
        return emit("einsum.default", equation, operands)
    if not arrow:
        output = "".join(sorted(letter for letter in set(inputs) - {","} if inputs.count(letter) == 1))
    (a, b), (x, y) = terms, operands
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands):
        for letter, size in zip(term, operand.shape):
            if sizes.setdefault(letter, size) != size or len(term) != operand.ndim:
                return emit("einsum.default", equation, operands)
    alone = [letter for letter in sizes if (letter in a) != (letter in b) and letter not in output]
    if alone or set(output) - set(sizes):
        return emit("einsum.default", equation, operands)
    both = [letter for letter in output if letter in a and letter in b]
    summed = [letter for letter in a if letter in b and letter not in output]
    left, right = ([k for k in output if k in term and k not in both] for term in (a, b))
    count = [prod([sizes[k] for k in letters]) for letters in (both, left, summed, right)]
    x = _reshaped(
        emit("permute.default", x, [a.index(k) for k in (*both, *left, *summed)]), [count[0], count[1], count[2]]
    )
    y = _reshaped(
        emit("permute.default", y, [b.index(k) for k in (*both, *summed, *right)]), [count[0], count[2], count[3]]
    )
    order = [*both, *left, *right]
    found = _reshaped(emit("bmm.default", x, y), [sizes[k] for k in order])
    return emit("permute.default", found, [order.index(k) for k in output]) if order != [*output] else found


# --- conversions, and what is made of numbers ---------------------------------------------------------------------------


@composed("to.dtype")
def _to_dtype(input: Any, dtype: Any, non_blocking: bool = False, copy: bool = False, memory_format: Any = None) -> Any:
    return emit("_to_copy.default", input, dtype=dtype) if copy or input.dtype is not dtype else input


@composed("to.dtype_layout")
def _to(input: Any, *, dtype: Any = None, device: Any = None, copy: bool = False, **_: Any) -> Any:
    return emit("_to_copy.default", input) if copy else input


@composed("type_as.default")
def _type_as(input: Any, other: Any) -> Any:
    return _to_dtype(input, other.dtype)


@composed("_assert_tensor_metadata.default")
def _asserted(*_: Any, **__: Any) -> None:
    return None


@composed("lift_fresh_copy.default")
def _fresh(input: Any) -> Any:
    return emit("lift_fresh.default", input)


@composed("detach_.default")
def _cut(input: Any) -> Any:
    return input


@composed("item.default")
def _item(input: Any) -> Any:
    return emit("_local_scalar_dense.default", input)


@composed("where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def _where(condition: Any, *operands: Any) -> Any:
    kind = next((x.dtype for x in operands if isinstance(x, Tensor)), None)
    made = [
        x if isinstance(x, Tensor) else emit("scalar_tensor.default", x, **({} if kind is None else {"dtype": kind}))
        for x in operands
    ]
    return emit("where.self", condition, *made)


for _own, _name in {"__and__": "bitwise_and", "__or__": "bitwise_or", "__xor__": "bitwise_xor"}.items():
    for _form in ("Tensor", "Scalar"):
        COMPOSED[f"{_own}.{_form}"] = lambda *args, _full=f"{_name}.{_form}": emit(_full, *args)


@composed("take_along_dim.default")
def _take_along(input: Any, indices: Any, dim: Any = None) -> Any:
    if dim is None:
        return emit("gather.default", reshape(input, [-1]), 0, reshape(indices, [-1]))
    sizes = [max(n, m) if k != dim % input.ndim else None for k, (n, m) in enumerate(zip(input.shape, indices.shape))]
    wide = [
        emit("expand.default", x, [m if n is None else n for n, m in zip(sizes, x.shape)]) for x in (input, indices)
    ]
    return emit("gather.default", wide[0], dim, emit("remainder.Scalar", wide[1], input.shape[dim]))


@composed("var.default", "var.dim")
def _var(input: Any, *args: Any, **kwargs: Any) -> Any:
    return _moment("var", input, *args, **kwargs)


@composed("std.default", "std.dim")
def _std(input: Any, *args: Any, **kwargs: Any) -> Any:
    return _moment("std", input, *args, **kwargs)


def _moment(name: str, input: Any, *args: Any, unbiased: bool = True, keepdim: bool = False) -> Any:
    given = [*args]
    dim = given.pop(0) if given and not isinstance(given[0], bool) else None
    unbiased = given.pop(0) if given else unbiased
    keepdim = given.pop(0) if given else keepdim
    listed = [dim] if isinstance(dim, int) else dim
    more = {"keepdim": True} if keepdim else {}
    return emit(
        f"{name}.correction", input, *([] if listed is None else [listed]), correction=1 if unbiased else 0, **more
    )
