"""Gradients of arithmetic, functions of numbers, reductions and views, as PyTorch writes them in operations of aten's."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from ...core.tensor import Tensor
from .emitting import emit
from .formula import FORMULAS, Formula, formula


def later(full_name: str, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    """An operation to be called if its result is wanted."""
    return partial(emit, full_name, *args, **kwargs)


def times(x: Any, number: Any) -> Any:
    """A product with a number, which is left out if that is one."""
    return x if not isinstance(number, Tensor) and number == 1 else emit("mul.Scalar", x, number)


def product(x: Any, y: Any) -> Any:
    """A product of two tensors."""
    return emit("mul.Tensor", x, y)


def negative(x: Any) -> Any:
    """The negation."""
    return emit("neg.default", x)


NONE = """
    sign.default sgn.default floor.default ceil.default trunc.default round.default zeros_like.default ones_like.default
    full_like.default empty_like.default rand_like.default randn_like.default new_zeros.default new_ones.default new_full.default
    new_empty.default detach.default argmax.default argmin.default eq.Tensor eq.Scalar ne.Tensor ne.Scalar lt.Tensor lt.Scalar
    le.Tensor le.Scalar gt.Tensor gt.Scalar ge.Tensor ge.Scalar isnan.default isinf.default isfinite.default logical_not.default
    logical_and.default logical_or.default logical_xor.default _local_scalar_dense.default floor_divide.default
    any.default all.default any.dim all.dim nonzero.default bernoulli.p signbit.default
"""
"""What has no gradient. (That of rounding is zero, and so its results have none here.)"""
_ZEROS = "sign.default sgn.default floor.default ceil.default trunc.default round.default"
for _name in NONE.split():
    if _name not in _ZEROS:
        FORMULAS[_name] = Formula(None)


@formula(_ZEROS)
def _flat(grad: Any, self: Any) -> Any:
    return later("zeros_like.default", grad)


# --- arithmetic -------------------------------------------------------------------------------------------------------


@formula("add.Tensor add.Scalar")
def _add(grad: Any, self: Any, other: Any, alpha: Any = 1) -> Any:
    return grad, lambda: times(grad, alpha)


@formula("sub.Tensor sub.Scalar")
def _sub(grad: Any, self: Any, other: Any, alpha: Any = 1) -> Any:
    return grad, lambda: times(negative(grad), alpha)


@formula("rsub.Scalar rsub.Tensor")
def _rsub(grad: Any, self: Any, other: Any, alpha: Any = 1) -> Any:
    return lambda: times(negative(grad), alpha), grad


@formula("mul.Scalar")
def _mul_by_number(grad: Any, self: Any, other: Any) -> Any:
    return emit("mul.Scalar", grad, other)


@formula("div.Scalar")
def _div_by_number(grad: Any, self: Any, other: Any) -> Any:
    return emit("div.Scalar", grad, other)


@formula("mul.Tensor", keep="self other")
def _mul(grad: Any, self: Any, other: Any) -> Any:
    return later("mul.Tensor", grad, other), later("mul.Tensor", grad, self)


@formula("div.Tensor", keep="self other")
def _div(grad: Any, self: Any, other: Any) -> Any:
    def below() -> Any:
        quotient = emit("div.Tensor", emit("div.Tensor", self, other), other)
        return product(negative(grad), quotient)

    return later("div.Tensor", grad, other), below


@formula("neg.default")
def _neg(grad: Any, self: Any) -> Any:
    return lambda: negative(grad)


@formula("pow.Tensor_Scalar", keep="self")
def _pow(grad: Any, self: Any, exponent: Any) -> Any:
    if exponent == 0:
        return later("zeros_like.default", grad)
    return product(grad, emit("mul.Scalar", emit("pow.Tensor_Scalar", self, exponent - 1), exponent))


@formula("pow.Scalar", number=2)
def _number_to_the_power(grad: Any, out: Any, self: Any, exponent: Any) -> Any:
    return None, lambda: product(grad, emit("mul.Scalar", out, math.log(self) if self > 0 else math.nan))


@formula("pow.Tensor_Tensor", keep="self exponent", number=1)
def _power(grad: Any, out: Any, self: Any, exponent: Any) -> Any:
    def base() -> Any:
        slope = product(exponent, emit("pow.Tensor_Tensor", self, emit("sub.Scalar", exponent, 1)))
        slope = product(grad, slope)
        zero = emit("scalar_tensor.default", 0.0, dtype=grad.dtype)
        return emit("where.self", emit("eq.Scalar", exponent, 0.0), zero, slope)

    def above() -> Any:
        positive = emit("ge.Scalar", exponent, 0)
        nothing = emit("logical_and.default", emit("eq.Scalar", self, 0), positive)
        slope = product(out, emit("log.default", self))
        slope = emit("where.self", nothing, emit("scalar_tensor.default", 0.0, dtype=grad.dtype), slope)
        return product(grad, slope)

    return base, above


@formula("reciprocal.default")
def _reciprocal(grad: Any, out: Any, self: Any) -> Any:
    square = product(out, out)
    return product(negative(grad), square)


@formula("addcmul.default", keep="tensor1 tensor2")
def _addcmul(grad: Any, self: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
    return (
        grad, lambda: product(grad, times(tensor2, value)), lambda: product(grad, times(tensor1, value)),
    )  # fmt: skip


@formula("addcdiv.default", keep="tensor1 tensor2")
def _addcdiv(grad: Any, self: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
    def below() -> Any:
        quotient = emit("div.Tensor", times(tensor1, value), product(tensor2, tensor2))
        return product(negative(grad), quotient)

    return grad, lambda: product(grad, emit("div.Tensor", emit("scalar_tensor.default", value), tensor2)), below


@formula("lerp.Scalar")
def _lerp(grad: Any, self: Any, end: Any, weight: Any) -> Any:
    return lambda: emit("mul.Scalar", grad, 1 - weight), lambda: emit("mul.Scalar", grad, weight)


# --- functions of a number ----------------------------------------------------------------------------------------------


def _times(second: Any, first: Any) -> Any:
    """A product whose second factor is computed first, as C++ compilers do."""
    return product(first, second)


_OF_INPUT: dict[str, Callable[[Any, Any], Any]] = {
    "log": lambda g, x: emit("div.Tensor", g, x),
    "log2": lambda g, x: emit("div.Tensor", g, emit("mul.Scalar", x, math.log(2))),
    "log10": lambda g, x: emit("div.Tensor", g, emit("mul.Scalar", x, math.log(10))),
    "log1p": lambda g, x: emit("div.Tensor", g, emit("add.Scalar", x, 1)),
    "sin": lambda g, x: product(g, emit("cos.default", x)),
    "cos": lambda g, x: product(g, negative(emit("sin.default", x))),
    "sinh": lambda g, x: product(g, emit("cosh.default", x)),
    "cosh": lambda g, x: product(g, emit("sinh.default", x)),
    "asin": lambda g, x: product(g, emit("rsqrt.default", emit("add.Scalar", product(negative(x), x), 1))),
    "acos": lambda g, x: product(g, negative(emit("rsqrt.default", emit("add.Scalar", product(negative(x), x), 1)))),
    "atan": lambda g, x: emit("div.Tensor", g, emit("add.Scalar", product(x, x), 1)),
    "abs": lambda g, x: product(g, emit("sgn.default", x)),
    "erf": lambda g, x: product(
        emit("mul.Scalar", emit("exp.default", negative(emit("pow.Tensor_Scalar", x, 2))), 2 / math.sqrt(math.pi)), g),
}  # fmt: skip
_OF_RESULT: dict[str, Callable[[Any, Any], Any]] = {
    "exp": product,
    "exp2": lambda g, y: emit("mul.Scalar", product(g, y), math.log(2)),
    "expm1": lambda g, y: product(g, emit("add.Scalar", y, 1)),
    "sqrt": lambda g, y: emit("div.Tensor", g, emit("mul.Scalar", y, 2)),
    "rsqrt": lambda g, y: _times(emit("pow.Tensor_Scalar", y, 3), emit("mul.Scalar", g, -0.5)),
    "tan": lambda g, y: product(g, emit("add.Scalar", emit("pow.Tensor_Scalar", y, 2), 1)),
    "tanh": lambda g, y: emit("tanh_backward.default", g, y),
    "sigmoid": lambda g, y: emit("sigmoid_backward.default", g, y),
}
for _name, _slope in _OF_INPUT.items():

    @formula(f"{_name}.default", keep="self")
    def _of_input(grad: Any, self: Any, *, slope: Any = _slope) -> Any:
        return slope(grad, self)


for _name, _slope in _OF_RESULT.items():

    @formula(f"{_name}.default")
    def _of_result(grad: Any, out: Any, self: Any, *, slope: Any = _slope) -> Any:
        return slope(grad, out)


# --- reductions -------------------------------------------------------------------------------------------------------


def _axes(dim: Any, ndim: int) -> list[int]:
    axes = [*range(ndim)] if dim is None or dim == [] else [dim] if isinstance(dim, int) else [*dim]
    return [axis % max(ndim, 1) for axis in axes]


def widened(x: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """What was reduced over some axes, with these again, of extent one."""
    if not keepdim and len(shape):
        for axis in sorted(_axes(dim, len(shape))):
            x = emit("unsqueeze.default", x, axis)
    return x


@formula("sum.default")
def _sum(grad: Any, self: Any, dtype: Any = None) -> Any:
    return emit("expand.default", grad, [*self.shape])


@formula("sum.dim_IntList", number=1)
def _sum_over(grad: Any, self: Any, dim: Any, keepdim: bool = False, dtype: Any = None) -> Any:
    return emit("expand.default", widened(grad, self.shape, dim, keepdim), [*self.shape])


@formula("mean.default")
def _mean(grad: Any, self: Any, dtype: Any = None) -> Any:
    return emit("div.Scalar", emit("expand.default", grad, [*self.shape]), prod(self.shape))


@formula("mean.dim", number=1)
def _mean_over(grad: Any, self: Any, dim: Any, keepdim: bool = False, dtype: Any = None) -> Any:
    count = prod([self.shape[axis] for axis in _axes(dim, self.ndim)])
    return emit("div.Scalar", emit("expand.default", widened(grad, self.shape, dim, keepdim), [*self.shape]), count)


def _shared(grad: Any, mask: Any, dim: Any, keepdim: bool) -> Any:
    """A gradient that goes to equal parts to where a mask is."""
    count = emit("sum.dim_IntList", mask, dim, True) if dim is not None else emit("sum.default", mask)
    return product(emit("div.Tensor", grad, count), mask)


@formula("amax.default amin.default", keep="self")
def _extreme_over(grad: Any, out: Any, self: Any, dim: Any = (), keepdim: bool = False) -> Any:
    axes = _axes(dim or None, self.ndim)
    if not keepdim:
        sizes = [1 if axis in axes else n for axis, n in enumerate(self.shape)]
        out = emit("view.default", out, sizes)
        mask = emit("eq.Tensor", out, self)
        return _shared(emit("view.default", grad, sizes), mask, axes, keepdim)
    return _shared(grad, emit("eq.Tensor", out, self), axes, keepdim)


@formula("max.default min.default", keep="self", number=1)
def _extreme(grad: Any, out: Any, self: Any) -> Any:
    nothing = emit("logical_and.default", emit("isnan.default", self), emit("isnan.default", out))
    return _shared(grad, emit("logical_or_.default", emit("eq.Tensor", self, out), nothing), None, False)


def _selected(grad: Any, shape: Any, dim: int, indices: Any, keepdim: bool) -> Any:
    if not keepdim and len(shape):
        grad, indices = emit("unsqueeze.default", grad, dim), emit("unsqueeze.default", indices, dim)
    return emit("scatter.src", emit("new_zeros.default", grad, [*shape]), dim, indices, grad)


@formula("max.dim min.dim median.dim kthvalue.default mode.default", apart=(1,))
def _extremes(grad: Any, out: Any, self: Any, dim: Any = -1, keepdim: bool = False) -> Any:
    return _selected(grad[0], self.shape, dim, out[1], keepdim)


@formula("topk.default", apart=(1,))
def _topk(grad: Any, out: Any, self: Any, k: Any, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    return _selected(grad[0], self.shape, dim, out[1], True)


@formula("sort.default", apart=(1,))
def _sort(grad: Any, out: Any, self: Any, dim: int = -1, descending: bool = False) -> Any:
    return _selected(grad[0], self.shape, dim, out[1], True)


def _of_variance(grad: Any, self: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    count = prod([self.shape[axis] for axis in _axes(dim, self.ndim)])
    by = 2.0 / (count - (1 if correction is None else correction)) if count != correction else math.nan
    wide = grad if dim is None else widened(grad, self.shape, dim, keepdim)
    mean = emit("mean.default", self) if dim is None or not self.ndim else emit("mean.dim", self, dim, True)
    distance = emit("sub.Tensor", self, mean)
    return product(emit("mul.Scalar", wide, by), distance)


@formula("var.correction", keep="self")
def _var(grad: Any, self: Any, dim: Any = None, correction: Any = None, keepdim: bool = False) -> Any:
    return _of_variance(grad, self, dim, correction, keepdim)


@formula("std.correction", keep="self")
def _std(grad: Any, out: Any, self: Any, dim: Any = None, correction: Any = None, keepdim: bool = False) -> Any:
    slope = emit("div.Tensor", grad, emit("mul.Scalar", out, 2))
    slope = emit("masked_fill_.Scalar", slope, emit("eq.Scalar", out, 0), 0)
    return _of_variance(slope, self, dim, correction, keepdim)


@formula("logsumexp.default", keep="self")
def _logsumexp(grad: Any, out: Any, self: Any, dim: Any, keepdim: bool = False) -> Any:
    grad, out = widened(grad, self.shape, dim, keepdim), widened(out, self.shape, dim, keepdim)
    return product(grad, emit("exp.default", emit("sub.Tensor", self, out)))


@formula("linalg_vector_norm.default", keep="self")
def _norm(
    grad: Any, out: Any, self: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    if dim is not None:
        grad, out = widened(grad, self.shape, dim, keepdim), widened(out, self.shape, dim, keepdim)
    if ord == 1:
        return product(emit("sgn.default", self), grad)
    if ord == 2:
        share = emit("div.Tensor", grad, out)
        return product(emit("masked_fill_.Scalar", share, emit("eq.Scalar", out, 0), 0), self)
    if ord in (math.inf, -math.inf):
        return product(
            _shared(grad, emit("eq.Tensor", emit("abs.default", self), out), dim, True), emit("sgn.default", self)
        )
    powers = product(self, emit("pow.Tensor_Scalar", emit("abs.default", self), ord - 2))
    share = emit("div.Tensor", grad, emit("pow.Tensor_Scalar", out, ord - 1))
    slope = product(powers, emit("masked_fill_.Scalar", share, emit("eq.Scalar", out, 0), 0))
    return emit("masked_fill_.Scalar", slope, emit("eq.Scalar", self, 0), 0) if ord < 2 else slope


@formula("cumsum.default")
def _cumsum(grad: Any, self: Any, dim: int, dtype: Any = None) -> Any:
    return emit("flip.default", emit("cumsum.default", emit("flip.default", grad, [dim]), dim), [dim])


# --- choices ------------------------------------------------------------------------------------------------------------


@formula("where.self", keep="condition")
def _where(grad: Any, condition: Any, self: Any, other: Any) -> Any:
    def chosen(first: bool) -> Any:
        zero = emit("scalar_tensor.default", 0.0, dtype=grad.dtype)
        return emit("where.self", condition, *((grad, zero) if first else (zero, grad)))

    return None, lambda: chosen(True), lambda: chosen(False)


@formula("masked_fill.Scalar masked_fill.Tensor", keep="mask")
def _masked_fill(grad: Any, self: Any, mask: Any, value: Any) -> Any:
    return (
        later("masked_fill.Scalar", grad, mask, 0), None,
        lambda: emit("sum.default", emit("where.self", mask, grad, emit("zeros_like.default", grad))),
    )  # fmt: skip


def _inside(grad: Any, *conditions: Any) -> Any:
    zero = emit("scalar_tensor.default", 0.0, dtype=grad.dtype)
    mask = conditions[0]()
    for condition in conditions[1:]:
        mask = emit("logical_and_.default", mask, condition())
    return emit("where.self", mask, grad, zero)


@formula("clamp.default", keep="self")
def _clamp(grad: Any, self: Any, min: Any = None, max: Any = None) -> Any:
    bounds = [later(f"{name}.Scalar", self, bound) for name, bound in (("ge", min), ("le", max)) if bound is not None]
    return _inside(grad, *bounds)


@formula("clamp.Tensor", keep="self min max")
def _clamp_between(grad: Any, self: Any, min: Any = None, max: Any = None) -> Any:
    def beyond(bound: Any, comparison: str) -> Any:
        return lambda: _inside(grad, later(f"{comparison}.Tensor", self, bound))

    bounds = [later(f"{name}.Tensor", self, bound) for name, bound in (("ge", min), ("le", max)) if bound is not None]
    return lambda: _inside(grad, *bounds), beyond(min, "lt"), beyond(max, "gt")


@formula("atan2.default", keep="self other")
def _atan2(grad: Any, self: Any, other: Any) -> Any:
    square = emit("add.Tensor", product(self, self), product(other, other))
    scale = emit("reciprocal.default", square)
    scale = product(grad, emit("masked_fill.Scalar", scale, emit("eq.Scalar", square, 0), 0))
    return later("mul.Tensor", scale, other), lambda: product(scale, negative(self))


@formula("clamp_min.default", keep="self")
def _clamp_min(grad: Any, self: Any, min: Any) -> Any:
    return _inside(grad, later("ge.Scalar", self, min))


@formula("clamp_max.default", keep="self")
def _clamp_max(grad: Any, self: Any, max: Any) -> Any:
    return _inside(grad, later("le.Scalar", self, max))


def _of_two(first: str, second: str) -> Callable[..., Any]:
    def slopes(grad: Any, self: Any, other: Any) -> Any:
        def part(beyond: str) -> Any:
            half = emit("div.Scalar", grad, 2)
            halved = emit("where.self", emit("eq.Tensor", self, other), half, grad)
            return emit("masked_fill_.Scalar", halved, emit(f"{beyond}.Tensor", self, other), 0)

        return partial(part, first), partial(part, second)

    return slopes


formula("maximum.default max.other", keep="self other")(_of_two("lt", "gt"))
formula("minimum.default min.other", keep="self other")(_of_two("gt", "lt"))
