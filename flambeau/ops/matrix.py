"""Matrix products."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..core.composite import composite_values, tensor_of
from ..core.history import CROSSWISE, Gradient
from ..core.modes import without_history
from ..core.storage import whole
from ..core.tensor import Tensor, method
from ..graph import primitives as p
from ..graph.bounds import check_fits
from ..graph.dtypes import TYPE_NAMES, bool_, int64, promote_types
from ..graph.shapes import View
from ..graph.trace import local
from .calls import ACTIVE, KINDS
from .conversion import rounded_once
from .dispatch import attach, tracked, with_history
from .elementwise import differentiated, gradient_class
from .operation import operation
from .recording_paths import binary, ternary
from .reshaping import UnsafeViewBackward0, ViewBackward0, seen_as


def product(a: Tensor, b: Tensor, gradient: type[Gradient] | None) -> Tensor:
    """Record the matrix product of (…, m, k) and (…, k, n)."""
    d = a.dtype
    if d.itemsize == 2 and d is b.dtype and d.kind == "float":
        # Half types are multiplied and added up as float32, and rounded once.
        return product(a.float(), b.float(), gradient).to(d)
    return binary(p.MATMUL, a, b, gradient)


def transposed(x: Tensor) -> Tensor:
    """``x.t()``, for an operand of a product."""
    return x.t() if x._tracked and local.grad else turned(x)


def turned(x: Tensor) -> Tensor:
    """``x.t()`` without history; ``x`` does not become a view of its memory for that."""
    node = x._read()
    view = x._view or whole(node.shape)
    return Tensor._saved(node, _turned(view.moved).at(view.offset) if view.offset else _turned(view), None)


@lru_cache(maxsize=1024)
def _turned(view: View) -> View:
    return View(view.sizes[::-1], view.strides[::-1], view.offset)


class MmBackward0(Gradient):
    saves = CROSSWISE

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        # The gradient of an operand that lies transposed in memory is computed transposed, so that it lies alike.
        first = second = None
        if self.edges[0] is not None:
            b = self.input(1)
            first = mm(b, transposed(grad)).t() if self.lies_transposed(0) else mm(grad, transposed(b))
        if self.edges[1] is not None:
            a = self.input(0)
            second = mm(transposed(grad), a).t() if self.lies_transposed(1) else mm(transposed(a), grad)
        return first, second

    def lies_transposed(self, index: int) -> bool:
        """Whether an operand's columns are contiguous in memory rather than its rows."""
        view = self.saved[index][1]
        return view is not None and not view.contiguous and view.strides[0] == 1


@operation(out="exact")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    a, b = input.shape, mat2.shape
    if len(a) != 2:
        raise RuntimeError("self must be a matrix")
    if len(b) != 2:
        raise RuntimeError("mat2 must be a matrix")
    return product(input, mat2, MmBackward0)


class BmmBackward0(Gradient):
    saves = CROSSWISE

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        first = second = None
        if self.edges[0] is not None:
            first = batched(grad, self.input(1).transpose(-2, -1))
        if self.edges[1] is not None:
            second = batched(self.input(0).transpose(-2, -1), grad)
        return first, second


def batched(a: Tensor, b: Tensor) -> Tensor:
    """Products of stacks of matrices, batch axes broadcast; the engine reduces gradients of repeated ones."""
    return product(a, b, BmmBackward0)


@operation(out="exact")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Products of two equally long stacks of matrices."""
    a, b = input.shape, mat2.shape
    if len(a) != 3 or len(b) != 3:
        raise RuntimeError("batch1 must be a 3D tensor" if len(a) != 3 else "batch2 must be a 3D tensor")
    if a[0] != b[0] or a[2] != b[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a[0]}, {a[2]}] but got: [{b[0]}, {b[1]}]."
        )
    return batched(input, mat2)


DotBackward0, VdotBackward0 = (
    gradient_class(
        name, (lambda grad, tensor: grad * tensor, lambda grad, input: grad * input), ("input", "tensor"), 2
    )
    for name in ("DotBackward0", "VdotBackward0")
)


@operation(out="exact")
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """:func:`dot`, of real numbers."""
    return _dot(input, other, VdotBackward0)


@operation(out="exact")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors."""
    return _dot(input, tensor, DotBackward0)


def _dot(input: Tensor, tensor: Tensor, gradient: type[Gradient]) -> Tensor:
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.shape != tensor.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input.shape[0]}] and src [{tensor.shape[0]}] to have the same "
            f"number of elements, but got {input.shape[0]} and {tensor.shape[0]} elements respectively"
        )
    if input.dtype is not tensor.dtype:
        first, second = TYPE_NAMES[input.dtype], TYPE_NAMES[tensor.dtype]
        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {first} and {second}")
    result = without_history(lambda: mm(input.unsqueeze(0), tensor.unsqueeze(1)).reshape(()))
    return with_history(result, gradient, [input, tensor])


@operation("ger", out=True)
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of an element of one vector with one of the other."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self, but got {input.ndim}-D")
    return input.unsqueeze(1) * vec2


def _turned_product(grad: Tensor, input: Tensor) -> Tensor:
    return mv(input.mT, grad)


@operation(out="exact")
@differentiated(lambda grad, vec: outer(grad, vec), _turned_product)
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {1}, {input.ndim}, {vec.ndim}")
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat ({input.shape[0]}x{input.shape[1]}), vec ({vec.shape[0]})"
        )
    return mm(input, vec.unsqueeze(1)).squeeze(1)  # type: ignore[no-any-return]


@operation("linalg.matmul", out="exact")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product: vectors count as rows or columns, leading axes are broadcast."""
    a, b = input.ndim, other.ndim
    if a == 2 and b == 2:
        return mm(input, other)
    elif a == 0 or b == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    elif a == 1 and b == 1:
        return dot(input, other)
    elif a == 1:
        return matmul(input.unsqueeze(0), other).squeeze(-2)
    elif b == 1:
        return matmul(input, other.unsqueeze(1)).squeeze(-1)
    elif b == 2:
        # One product over all leading axes of the first operand.
        if input.shape[-1] != other.shape[0]:
            rows = input.shape[:-1].numel()
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({rows}x{input.shape[-1]} and {other.shape[0]}x{other.shape[1]})"
            )
        flat = mm(input.reshape(input.shape[:-1].numel(), input.shape[-1]), other)
        return seen_as(flat, (*input.shape[:-1], other.shape[1]), UnsafeViewBackward0)
    else:
        if input.shape[-1] != other.shape[-2]:
            raise RuntimeError(
                f"Expected size for first two dimensions of batch2 tensor to be: [{other.shape[0]}, {input.shape[-1]}] but "
                f"got: [{other.shape[0]}, {other.shape[-2]}]."
            )
        return batched(input, other)


@method("__matmul__")
def _operator(self: Tensor, other: Any) -> Any:
    if not isinstance(other, Tensor):
        return NotImplemented
    return self.matmul(other) if ACTIVE or KINDS else matmul(self, other)


@method("__rmatmul__")
def _swapped_operator(self: Tensor, other: Any) -> Any:
    return _operator(other, self) if isinstance(other, Tensor) else NotImplemented


def _history(name: str, factors: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> type[Gradient]:
    """Of ``beta * input + alpha * product``; ``factors`` gives the gradients of the product's factors.

    ``alpha`` multiplies what the products of gradients give, so that their sums are not of rounded numbers.
    """

    def slopes(grad: Tensor, a: Tensor, b: Tensor, beta: Any, alpha: Any) -> tuple[Tensor, ...]:
        first, second = factors(grad, a, b)
        return tuple(g if number == 1 else g * number for g, number in ((grad, beta), (first, alpha), (second, alpha)))

    return gradient_class(name, slopes, ("input", "a", "b", "beta", "alpha"), 3)


def _weighted_values(result: Tensor, input: Tensor, beta: Any, alpha: Any) -> tuple[Tensor, Any, Any]:
    """``beta * input + alpha * result``, and the two numbers as they were used."""
    d = promote_types(input.dtype, result.dtype)
    if beta != 1 or alpha != 1:
        for number in (beta, alpha):
            if type(number) is float:
                check_fits(number, d if d.category == 2 else int64)
    if d.category < 2:
        beta, alpha = (bool(beta), bool(alpha)) if d is bool_ else (int(beta), int(alpha))
    if beta == 0:
        result = result if alpha == 1 else result * alpha
    else:
        scaled = input if beta == 1 else input * beta
        result = scaled + result if alpha == 1 else ternary(p.FMA, scaled, result, alpha)
    return result, beta, alpha


def _check_alike(which: str, first: Tensor, second: Tensor) -> None:
    """``RuntimeError`` unless both have one dtype."""
    if first.dtype is not second.dtype:
        names = f"{TYPE_NAMES[first.dtype]} and {TYPE_NAMES[second.dtype]}"
        raise RuntimeError(f"{which} must have the same dtype, but got {names}")


@rounded_once
def _weighted(
    multiply: Callable[[Tensor, Tensor], Tensor], gradient: type[Gradient], input: Tensor, a: Tensor, b: Tensor,
    beta: Any, alpha: Any,
) -> Tensor:  # fmt: skip
    """``beta * input + alpha * multiply(a, b)``. Beside integers the numbers are cut to integers."""
    if multiply is not outer:
        _check_alike("self and mat2", input, b)
    if multiply is mm:
        _check_alike("mat1 and mat2", a, b)
    result, beta, alpha = without_history(lambda: _weighted_values(multiply(a, b), input, beta, alpha))
    return with_history(result, gradient, [input, a, b], (beta, alpha))


WeightedMmBackward = _history("AddmmBackward0", lambda grad, a, b: (mm(grad, b.t()), mm(a.t(), grad)))


@operation(inplace=True, out="exact", scales=("beta", "alpha"))
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * mat1 @ mat2``."""
    return _weighted(mm, WeightedMmBackward, input, mat1, mat2, beta, alpha)


AddmvBackward0 = _history("AddmvBackward0", lambda grad, a, b: (outer(grad, b), mv(a.t(), grad)))


@operation(inplace=True, out="exact", scales=("beta", "alpha"))
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * mat @ vec``."""
    return _weighted(mv, AddmvBackward0, input, mat, vec, beta, alpha)


AddrBackward0 = _history("AddrBackward0", lambda grad, a, b: (mv(grad, b), mv(grad.t(), a)))


@operation(inplace=True, out=True, scales=("beta", "alpha"))
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * outer(vec1, vec2)``."""
    return _weighted(outer, AddrBackward0, input, vec1, vec2, beta, alpha)


def _stacked(grad: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return batched(grad, b.transpose(1, 2)), batched(a.transpose(1, 2), grad)


BaddbmmBackward0 = _history("BaddbmmBackward0", _stacked)


def _check_axes(batch1: Tensor, batch2: Tensor) -> None:
    """``IndexError`` where the sizes of the result cannot be told: before dtypes and sizes are compared."""
    if batch1.ndim < 2 or batch2.ndim < 3:
        batch1.size(0), batch1.size(1), batch2.size(2)


@operation(inplace=True, out="exact", scales=("beta", "alpha"))
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * batch1 @ batch2``."""
    _check_axes(batch1, batch2)
    return _weighted(bmm, BaddbmmBackward0, input, batch1, batch2, beta, alpha)


AddbmmBackward0 = _history("AddbmmBackward0", lambda grad, a, b: _stacked(grad.unsqueeze(0), a, b))


def _sum_of_products(a: Tensor, b: Tensor) -> Tensor:
    return bmm(a, b).sum(0, dtype=a.dtype)


@operation(inplace=True, out="exact", scales=("beta", "alpha"))
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * sum over the batch of batch1 @ batch2``."""
    _check_axes(batch1, batch2)
    return _weighted(_sum_of_products, AddbmmBackward0, input, batch1, batch2, beta, alpha)


class AddmmBackward0(MmBackward0):
    """Of :func:`linear`: inputs are the rows, the weight and the bias."""

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        first = second = None
        if self.edges[0] is not None:
            weight = self.input(1)
            first = mm(transposed(weight), transposed(grad)).t() if self.lies_transposed(0) else mm(grad, weight)
        if self.edges[1] is not None:
            rows = self.input(0)
            second = mm(transposed(rows), grad).t() if self.lies_transposed(1) else mm(transposed(grad), rows)
        return first, second, grad  # which the engine adds up over the rows


class _LinearBackward(AddmmBackward0):
    """The same of an input that is no matrix; ``context`` has its sizes. PyTorch has three nodes here, which see it as one, and
    shows the last of them."""

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        outer, width = grad.shape[:-1].numel(), grad.shape[-1]
        first, second, rows = super().backward(grad.reshape(outer, width))
        return None if first is None else first.reshape(self.context), second, rows

    def input(self, index: int) -> Any:
        value = super().input(index)
        return value.reshape(value.shape[:-1].numel(), value.shape[-1]) if index == 0 else value


LinearBackward = _LinearBackward.named("ViewBackward0")


def _check_linear(input: Tensor, weight: Tensor, bias: Tensor) -> None:
    _check_alike("self and mat2", bias, weight)
    _check_alike("mat1 and mat2", input, weight)


@rounded_once
def _product_and_bias(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return matmul(input, weight.t()) + bias


def _linear(_: None, input: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor]:
    shape = input.shape
    if len(shape) != 2:
        (rows,) = _linear(None, input.reshape(shape[:-1].numel(), shape[-1]), weight, bias)
        return (seen_as(rows, (*shape[:-1], weight.shape[0]), ViewBackward0),)
    _check_linear(input, weight, bias)
    d = input.dtype
    half = d.itemsize == 2 and d.kind == "float"
    if half:  # rounded once, bias and all
        input, weight, bias = input.float(), weight.float(), bias.float()
    result = binary(p.ADD, product(input, turned(weight), None), bias)
    return (result.to(d) if half else result,)


def _linear_without_bias(_: None, input: Tensor, weight: Tensor) -> tuple[Tensor]:
    return (matmul(input, weight.t()),)


@operation("functional.linear", method=False, out=True)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``, over the last axis of the input."""
    shape, matrix = input.shape, weight.shape
    if bias is None:
        if tracked(input, weight) or not shape:
            return matmul(input, weight.t())
        (value,) = composite_values(_linear_without_bias, None, (input, weight))
        return tensor_of(*value)  # type: ignore[no-any-return]
    history = local.grad and (input._tracked or weight._tracked or bias._tracked)
    if not shape or len(matrix) != 2 or bias.shape != (tuple(matrix)[0],) or len(shape) != 2 and not input.is_contiguous():
        _check_linear(input, weight, bias)
        return _product_and_bias(input, weight, bias)
    (value,) = composite_values(_linear, None, (input, weight, bias))
    result = tensor_of(*value)
    if history:
        kept = input._read() if weight._tracked else None, input._view
        other = weight._read() if input._tracked else None, weight._view
        if len(shape) == 2:
            attach(result, AddmmBackward0, (input, weight, bias), (kept, other))
        else:
            attach(result, LinearBackward, (input, weight, bias), (kept, other), shape)
    return result
