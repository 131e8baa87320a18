"""Compositions that are one operation to PyTorch: their node's name, its edges and hooks, and gradients of gradients."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from oracle import agree, error, evaluated

import flambeau

#: Functions of two square matrices ``x`` and ``y`` of positive numbers; of several results the first is looked at.
OPERATIONS = [
    "T.addmm(x, x, y)", "(x * 1).addmm_(x, y, alpha=2)", "T.addmv(x[0], x, y[0])", "T.addr(x, x[0], y[0])",
    "T.addbmm(x, x[None], y[None])", "T.baddbmm(x[None], x[None], y[None])", "T.addcmul(x, x, y, value=0.5)",
    "T.addcdiv(x, x, y, value=0.5)", "T.dot(x[0], y[0])", "T.vdot(x[0], y[0])", "T.mv(x, y[0])", "T.lerp(x, y, 0.3)",
    "T.lerp(x, y, y)", "x.std(0)", "x.std()", "T.var_mean(x, 0)", "T.std_mean(x, 0)", "T.aminmax(x, dim=0)", "x.logsumexp(0)",
    "T.logaddexp(x, y)", "T.logaddexp2(x, y)", "x.nansum(0)", "T.hypot(x, y)", "T.xlogy(x, y)", "T.xlogy(2.0, y)",
    "T.xlogy(x, 2.0)", "x.frac()", "x.deg2rad()", "x.sinc()", "(x / 10).logit()", "(x / 10).logit(0.1)",
    "x.round(decimals=1)", "x.i0()", "T.special.i0e(x)", "T.special.i1(x)", "T.special.i1e(x)", "T.special.entr(x)",
    "T.special.erfcx(x)", "T.special.ndtri(x / 10)", "T.special.log_ndtr(x)", "T.special.xlog1py(x, y)",
    "(x + 2).mvlgamma(2)", "T.ldexp(x, y)", "T.frexp(x)", "T.nextafter(x, y)", "x.clamp(1, 2)", "T.clamp(x, y, y + 1)",
    "x.clamp_min(1.0)", "x.clamp_min(y)", "x.clamp_max(1.0)", "x.masked_fill(x > y, 0.5)", "x.masked_fill(x > y, y[0, 0])",
    "x.masked_select(x > y)", "x.masked_scatter(x > y, y)", "T.where(x > y, x, y)", "x.index_select(0, T.tensor([1, 1]))",
    "x.index_add(0, T.tensor([1, 1]), y[:2])", "x.index_copy(0, T.tensor([1, 0]), y[:2])",
    "x.index_fill(0, T.tensor([1, 1]), 0.5)", "x.index_fill(0, T.tensor([1, 1]), y[0, 0])",
    'x.index_reduce(0, T.tensor([1, 0]), y[:2], "mean")', "x.put(T.tensor([1, 3]), y[0, :2])", "x.take(T.tensor([1, 3]))",
    "x.scatter(0, T.tensor([[1, 0]]), y[:1, :2])", "x.scatter(0, T.tensor([[1, 0]]), 2.0)",
    "x.scatter_add(0, T.tensor([[1, 0]]), y[:1, :2])", 'x.scatter_reduce(0, T.tensor([[1, 0]]), y[:1, :2], "mean")',
    'x.scatter_reduce(0, T.tensor([[1, 0]]), y[:1, :2], "amax", include_self=False)', "x.select_scatter(y[0], 0, 1)",
    "x.slice_scatter(y[:2], 0, 1)", "x.diagonal_scatter(y[0])", "x.diag()", "x.trace()", "x.roll(1)", "x.rot90()",
    "T.block_diag(x, y)", "x.narrow_copy(0, 1, 1)", "T.as_strided_copy(x, (2, 2), (1, 2))",
    "x.repeat_interleave(T.tensor([1, 0, 2]), 0)", "x.unbind(1)", "x.split(2)", "x.split([1, 2])", "x.unsafe_split(2)",
    "x.tensor_split(2)", "x[None, None].squeeze((0, 1))", "(x * 1).view(1, 9).squeeze_()", "(x * 1).view(1, 9).squeeze_(0)",
    "(x * 1).unsqueeze_(0)", "(x * 1).t_()", "(x * 1).transpose_(0, 1)", "x.sort()", "x.sort(dim=0, stable=True)",
    "T.fill(x, 2.0)", "x.fmod(2)", "x.fmod(y)", "x % 2", "x % y", "1 - x", "2**x", 'T.div(x, y, rounding_mode="floor")',
    "T.dist(x, y)", "T.cdist(x, y)", "F.pdist(x)", "x.renorm(2, 0, 1.0)", "T.linalg.cross(x, y)",
    "T.cholesky_solve(x, y.tril())", "T.linalg.solve_triangular(x, y, upper=True, left=False)", "T.linalg.lu(x)[1]",
    "F.pixel_shuffle(x.reshape(9, 1, 1), 3)", 'F.pad(x, (1, 1), mode="reflect")',
    'F.pad(x[None], (1, 1, 1, 1), mode="replicate")', "F.unfold(x[None, None], 2)", "F.interpolate(x[None, None], 5)",
    'F.interpolate(x[None, None], 5, mode="bilinear")', 'F.interpolate(x[None], 5, mode="linear")',
    "F.grid_sample(x[None, None], T.stack([y, x], -1)[None] / 4, align_corners=True)", "F.avg_pool3d(x[None, None, None], 1)",
    "F.max_pool3d(x[None, None, None], 1)", "F.conv3d(x[None, None, None], y[None, None, None])", "F.linear(x, y, x[0])",
    "F.linear(x[None], y, x[0])", "F.embedding_bag(T.tensor([[0, 1]]), x)", "F.cross_entropy(x, T.tensor([0, 2, 1]))",
    "F.nll_loss(x, T.tensor([0, 2, 1]))", "F.binary_cross_entropy(x / 10, (y / 10).detach())",
    "F.binary_cross_entropy_with_logits(x, (y / 10).detach())", "F.soft_margin_loss(x, y.detach())",
    "F.multi_margin_loss(x, T.tensor([0, 2, 1]))", "F.multilabel_margin_loss(x, T.tensor([[0, 2, -1]] * 3))",
]  # fmt: skip


def matrices(T: Any) -> tuple[Any, Any]:
    """Two matrices of positive numbers without ties."""
    x = T.tensor([[1.3, 0.4, 2.2], [0.7, 3.1, 1.9], [2.6, 0.9, 1.1]], dtype=T.float64, requires_grad=True)
    return x, T.tensor([[0.8, 1.7, 0.3], [2.1, 0.6, 1.2], [1.4, 2.9, 2.4]], dtype=T.float64, requires_grad=True)


@pytest.mark.parametrize("expression", OPERATIONS)
def test_names_and_gradients(expression: str) -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        result = evaluated(T, expression, x=x, y=y)
        result = result if hasattr(result, "grad_fn") else result[0]
        weights = (T.arange(result.numel(), dtype=T.float64) * 0.7).cos().reshape(result.shape)
        total = (result * weights).sum()
        first = T.autograd.grad(total, (x, y), create_graph=True, materialize_grads=True)
        square = sum((g * g).sum() for g in first) + (x * 0).sum()
        second = None if any(one in expression for one in ONCE) else T.autograd.grad(square, (x, y), materialize_grads=True)
        name_of_type = type(result.grad_fn).__name__
        return result.grad_fn.name(), name_of_type, result, [g + 0 for g in first], second

    agree(program, 1e-9)


#: What PyTorch does not differentiate twice.
ONCE = ("cdist", "pdist", "embedding_bag", "max_pool3d", "multi_margin", "multilabel_margin")


def test_edges_lead_to_the_arguments() -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        node = T.block_diag(x * 2, x, T.ones(3, 3, dtype=T.float64)).grad_fn
        return [None if n is None else n.name() for n, _ in node.next_functions]

    agree(program)


def test_a_node_can_be_called() -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        ones = T.ones(3, 3, dtype=T.float64)
        return T.addmm(x, x, y).grad_fn(ones), T.trace(x).grad_fn(T.tensor(2.0, dtype=T.float64)), T.cdist(x, y).grad_fn(ones)

    agree(program, 1e-12)


def test_hooks_see_the_gradients_of_the_arguments() -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        seen: list[Any] = []
        z = T.lerp(x, y, y.detach())
        z.grad_fn.register_prehook(lambda outputs: (outputs[0] * 2,))
        z.grad_fn.register_hook(lambda inputs, outputs: seen.extend(inputs) or seen.extend(outputs) or None)
        z.sum().backward()
        return seen, x.grad, y.grad

    agree(program, 1e-12)


def test_backward_twice() -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        total = T.cdist(x, y).sum() + T.var_mean(x)[0] + T.addmm(x, x, y).sum()
        total.backward(retain_graph=True)
        total.backward()
        return x.grad, y.grad, error(lambda: total.backward())[0]

    agree(program, 1e-12)


def test_only_some_of_several_results_and_arguments() -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        deviation, mean = T.std_mean(x, 0)
        found = T.autograd.grad(mean.sum() + T.addmm(x.detach(), x.detach(), y).sum(), (x, y), retain_graph=True)
        return found, deviation.output_nr, mean.output_nr, deviation.grad_fn is mean.grad_fn

    agree(program, 1e-12)


def test_gradients_of_intermediate_values() -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        inner = x * y
        inner.retain_grad()
        outer = T.lerp(inner, inner * 2, y)
        outer.retain_grad()
        (outer * outer).sum().backward()
        return inner.grad, outer.grad, x.grad

    agree(program, 1e-9)


def test_results_may_be_written_to() -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        z = T.nn.functional.linear(x[None], y, x[0])
        z[0, 1] *= 2
        z.relu_()
        w = T.nn.functional.pixel_shuffle(x.reshape(9, 1, 1), 3)
        w[0, 0] = 1
        (z.sum() + (w * w).sum()).backward()
        return z, w, x.grad, y.grad

    agree(program, 1e-12)


def test_anomalies_name_the_node() -> None:
    def program(T: Any) -> Any:
        x, _ = matrices(T)
        with T.autograd.detect_anomaly(check_nan=True):
            z = T.cdist(x * float("nan"), x)
            return error(lambda: z.sum().backward())[1][:60]

    agree(program)


def test_nothing_is_kept_without_history() -> None:
    x, y = (t.detach() for t in matrices(flambeau))
    assert flambeau.cdist(x, y).grad_fn is None
    x.requires_grad_()
    with flambeau.no_grad():
        assert flambeau.cdist(x, y).grad_fn is None


def test_what_was_composed_is_freed() -> None:
    gc.collect()
    gc.disable()
    try:
        x, y = matrices(flambeau)
        z = flambeau.cdist(x, x * 2 + y.exp())
        node = weakref.ref(z.grad_fn)
        inner = weakref.ref(z.grad_fn.context[0][0])
        z.sum().backward()
        assert inner() is None
        del z
        assert node() is None
    finally:
        gc.enable()
