"""Compositions that are one operation to PyTorch: their node's name, its edges and hooks, and gradients of gradients."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from oracle import agree, error

import flambeau

#: Functions of two square matrices ``x`` and ``y`` of positive numbers; of several results the first is looked at.
OPERATIONS = {
    "addmm": lambda T, x, y: T.addmm(x, x, y),
    "addmm_": lambda T, x, y: (x * 1).addmm_(x, y, alpha=2),
    "addmv": lambda T, x, y: T.addmv(x[0], x, y[0]),
    "addr": lambda T, x, y: T.addr(x, x[0], y[0]),
    "addbmm": lambda T, x, y: T.addbmm(x, x[None], y[None]),
    "baddbmm": lambda T, x, y: T.baddbmm(x[None], x[None], y[None]),
    "addcmul": lambda T, x, y: T.addcmul(x, x, y, value=0.5),
    "addcdiv": lambda T, x, y: T.addcdiv(x, x, y, value=0.5),
    "dot": lambda T, x, y: T.dot(x[0], y[0]),
    "vdot": lambda T, x, y: T.vdot(x[0], y[0]),
    "mv": lambda T, x, y: T.mv(x, y[0]),
    "lerp": lambda T, x, y: T.lerp(x, y, 0.3),
    "lerp by tensor": lambda T, x, y: T.lerp(x, y, y),
    "std": lambda T, x, y: x.std(0),
    "std all": lambda T, x, y: x.std(),
    "var_mean": lambda T, x, y: T.var_mean(x, 0),
    "std_mean": lambda T, x, y: T.std_mean(x, 0),
    "aminmax": lambda T, x, y: T.aminmax(x, dim=0),
    "logsumexp": lambda T, x, y: x.logsumexp(0),
    "logaddexp": lambda T, x, y: T.logaddexp(x, y),
    "logaddexp2": lambda T, x, y: T.logaddexp2(x, y),
    "nansum": lambda T, x, y: x.nansum(0),
    "hypot": lambda T, x, y: T.hypot(x, y),
    "xlogy": lambda T, x, y: T.xlogy(x, y),
    "xlogy of a number": lambda T, x, y: T.xlogy(2.0, y),
    "xlogy by a number": lambda T, x, y: T.xlogy(x, 2.0),
    "frac": lambda T, x, y: x.frac(),
    "deg2rad": lambda T, x, y: x.deg2rad(),
    "sinc": lambda T, x, y: x.sinc(),
    "logit": lambda T, x, y: (x / 10).logit(),
    "logit eps": lambda T, x, y: (x / 10).logit(0.1),
    "round": lambda T, x, y: x.round(decimals=1),
    "i0": lambda T, x, y: x.i0(),
    "i0e": lambda T, x, y: T.special.i0e(x),
    "i1": lambda T, x, y: T.special.i1(x),
    "i1e": lambda T, x, y: T.special.i1e(x),
    "entr": lambda T, x, y: T.special.entr(x),
    "erfcx": lambda T, x, y: T.special.erfcx(x),
    "ndtri": lambda T, x, y: T.special.ndtri(x / 10),
    "log_ndtr": lambda T, x, y: T.special.log_ndtr(x),
    "xlog1py": lambda T, x, y: T.special.xlog1py(x, y),
    "mvlgamma": lambda T, x, y: (x + 2).mvlgamma(2),
    "ldexp": lambda T, x, y: T.ldexp(x, y),
    "frexp": lambda T, x, y: T.frexp(x),
    "nextafter": lambda T, x, y: T.nextafter(x, y),
    "clamp": lambda T, x, y: x.clamp(1, 2),
    "clamp by tensor": lambda T, x, y: T.clamp(x, y, y + 1),
    "clamp_min": lambda T, x, y: x.clamp_min(1.0),
    "clamp_min by tensor": lambda T, x, y: x.clamp_min(y),
    "clamp_max": lambda T, x, y: x.clamp_max(1.0),
    "masked_fill": lambda T, x, y: x.masked_fill(x > y, 0.5),
    "masked_fill by tensor": lambda T, x, y: x.masked_fill(x > y, y[0, 0]),
    "masked_select": lambda T, x, y: x.masked_select(x > y),
    "masked_scatter": lambda T, x, y: x.masked_scatter(x > y, y),
    "where": lambda T, x, y: T.where(x > y, x, y),
    "index_select": lambda T, x, y: x.index_select(0, T.tensor([1, 1])),
    "index_add": lambda T, x, y: x.index_add(0, T.tensor([1, 1]), y[:2]),
    "index_copy": lambda T, x, y: x.index_copy(0, T.tensor([1, 0]), y[:2]),
    "index_fill": lambda T, x, y: x.index_fill(0, T.tensor([1, 1]), 0.5),
    "index_fill by tensor": lambda T, x, y: x.index_fill(0, T.tensor([1, 1]), y[0, 0]),
    "index_reduce": lambda T, x, y: x.index_reduce(0, T.tensor([1, 0]), y[:2], "mean"),
    "put": lambda T, x, y: x.put(T.tensor([1, 3]), y[0, :2]),
    "take": lambda T, x, y: x.take(T.tensor([1, 3])),
    "scatter": lambda T, x, y: x.scatter(0, T.tensor([[1, 0]]), y[:1, :2]),
    "scatter a number": lambda T, x, y: x.scatter(0, T.tensor([[1, 0]]), 2.0),
    "scatter_add": lambda T, x, y: x.scatter_add(0, T.tensor([[1, 0]]), y[:1, :2]),
    "scatter_reduce": lambda T, x, y: x.scatter_reduce(0, T.tensor([[1, 0]]), y[:1, :2], "mean"),
    "scatter_reduce amax": lambda T, x, y: x.scatter_reduce(0, T.tensor([[1, 0]]), y[:1, :2], "amax", include_self=False),
    "select_scatter": lambda T, x, y: x.select_scatter(y[0], 0, 1),
    "slice_scatter": lambda T, x, y: x.slice_scatter(y[:2], 0, 1),
    "diagonal_scatter": lambda T, x, y: x.diagonal_scatter(y[0]),
    "diag": lambda T, x, y: x.diag(),
    "trace": lambda T, x, y: x.trace(),
    "roll": lambda T, x, y: x.roll(1),
    "rot90": lambda T, x, y: x.rot90(),
    "block_diag": lambda T, x, y: T.block_diag(x, y),
    "narrow_copy": lambda T, x, y: x.narrow_copy(0, 1, 1),
    "as_strided_copy": lambda T, x, y: T.as_strided_copy(x, (2, 2), (1, 2)),
    "repeat_interleave": lambda T, x, y: x.repeat_interleave(T.tensor([1, 0, 2]), 0),
    "unbind": lambda T, x, y: x.unbind(1),
    "split": lambda T, x, y: x.split(2),
    "split with sizes": lambda T, x, y: x.split([1, 2]),
    "unsafe_split": lambda T, x, y: x.unsafe_split(2),
    "tensor_split": lambda T, x, y: x.tensor_split(2),
    "squeeze several": lambda T, x, y: x[None, None].squeeze((0, 1)),
    "squeeze_": lambda T, x, y: (x * 1).view(1, 9).squeeze_(),
    "squeeze_ one": lambda T, x, y: (x * 1).view(1, 9).squeeze_(0),
    "unsqueeze_": lambda T, x, y: (x * 1).unsqueeze_(0),
    "t_": lambda T, x, y: (x * 1).t_(),
    "transpose_": lambda T, x, y: (x * 1).transpose_(0, 1),
    "sort": lambda T, x, y: x.sort(),
    "stable sort": lambda T, x, y: x.sort(dim=0, stable=True),
    "fill": lambda T, x, y: T.fill(x, 2.0),
    "fmod": lambda T, x, y: x.fmod(2),
    "fmod by tensor": lambda T, x, y: x.fmod(y),
    "remainder": lambda T, x, y: x % 2,
    "remainder by tensor": lambda T, x, y: x % y,
    "number less tensor": lambda T, x, y: 1 - x,
    "number to a power": lambda T, x, y: 2**x,
    "div floor": lambda T, x, y: T.div(x, y, rounding_mode="floor"),
    "dist": lambda T, x, y: T.dist(x, y),
    "cdist": lambda T, x, y: T.cdist(x, y),
    "pdist": lambda T, x, y: T.nn.functional.pdist(x),
    "renorm": lambda T, x, y: x.renorm(2, 0, 1.0),
    "cross": lambda T, x, y: T.linalg.cross(x, y),
    "cholesky_solve": lambda T, x, y: T.cholesky_solve(x, y.tril()),
    "solve_triangular": lambda T, x, y: T.linalg.solve_triangular(x, y, upper=True, left=False),
    "lu": lambda T, x, y: T.linalg.lu(x)[1],
    "pixel_shuffle": lambda T, x, y: T.nn.functional.pixel_shuffle(x.reshape(9, 1, 1), 3),
    "pad reflected": lambda T, x, y: T.nn.functional.pad(x, (1, 1), mode="reflect"),
    "pad replicated": lambda T, x, y: T.nn.functional.pad(x[None], (1, 1, 1, 1), mode="replicate"),
    "unfold": lambda T, x, y: T.nn.functional.unfold(x[None, None], 2),
    "nearest": lambda T, x, y: T.nn.functional.interpolate(x[None, None], 5),
    "bilinear": lambda T, x, y: T.nn.functional.interpolate(x[None, None], 5, mode="bilinear"),
    "linear resizing": lambda T, x, y: T.nn.functional.interpolate(x[None], 5, mode="linear"),
    "grid_sample": lambda T, x, y: T.nn.functional.grid_sample(x[None, None], T.stack([y, x], -1)[None] / 4, align_corners=True),
    "avg_pool3d": lambda T, x, y: T.nn.functional.avg_pool3d(x[None, None, None], 1),
    "max_pool3d": lambda T, x, y: T.nn.functional.max_pool3d(x[None, None, None], 1),
    "conv3d": lambda T, x, y: T.nn.functional.conv3d(x[None, None, None], y[None, None, None]),
    "linear": lambda T, x, y: T.nn.functional.linear(x, y, x[0]),
    "linear of three dimensions": lambda T, x, y: T.nn.functional.linear(x[None], y, x[0]),
    "embedding_bag": lambda T, x, y: T.nn.functional.embedding_bag(T.tensor([[0, 1]]), x),
    "cross_entropy": lambda T, x, y: T.nn.functional.cross_entropy(x, T.tensor([0, 2, 1])),
    "nll_loss": lambda T, x, y: T.nn.functional.nll_loss(x, T.tensor([0, 2, 1])),
    "bce": lambda T, x, y: T.nn.functional.binary_cross_entropy(x / 10, (y / 10).detach()),
    "bce with logits": lambda T, x, y: T.nn.functional.binary_cross_entropy_with_logits(x, (y / 10).detach()),
    "soft margin": lambda T, x, y: T.nn.functional.soft_margin_loss(x, y.detach()),
    "multi margin": lambda T, x, y: T.nn.functional.multi_margin_loss(x, T.tensor([0, 2, 1])),
    "multilabel margin": lambda T, x, y: T.nn.functional.multilabel_margin_loss(x, T.tensor([[0, 2, -1]] * 3)),
}  # fmt: skip


def matrices(T: Any) -> tuple[Any, Any]:
    """Two matrices of positive numbers without ties."""
    x = T.tensor([[1.3, 0.4, 2.2], [0.7, 3.1, 1.9], [2.6, 0.9, 1.1]], dtype=T.float64, requires_grad=True)
    return x, T.tensor([[0.8, 1.7, 0.3], [2.1, 0.6, 1.2], [1.4, 2.9, 2.4]], dtype=T.float64, requires_grad=True)


@pytest.mark.parametrize("name", OPERATIONS)
def test_names_and_gradients(name: str) -> None:
    def program(T: Any) -> Any:
        x, y = matrices(T)
        result = OPERATIONS[name](T, x, y)
        result = result if hasattr(result, "grad_fn") else result[0]
        weights = (T.arange(result.numel(), dtype=T.float64) * 0.7).cos().reshape(result.shape)
        total = (result * weights).sum()
        first = T.autograd.grad(total, (x, y), create_graph=True, materialize_grads=True)
        square = sum((g * g).sum() for g in first) + (x * 0).sum()
        second = None if name in ONCE else T.autograd.grad(square, (x, y), materialize_grads=True)
        name_of_type = type(result.grad_fn).__name__
        return result.grad_fn.name(), name_of_type, result, [g + 0 for g in first], second

    agree(program, 1e-9)


#: What PyTorch does not differentiate twice.
ONCE = ("cdist", "pdist", "embedding_bag", "max_pool3d", "multi margin", "multilabel margin")


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
