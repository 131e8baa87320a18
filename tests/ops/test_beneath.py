"""What is called under PyTorch's names beneath Python, and what has one more form there: results and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau.surface import ops

NUMBERS = np.random.default_rng(3).normal(size=(2, 6, 4, 3))
VECTOR = np.linspace(0.5, 1.5, 6)

CASES = {
    "native_group_norm": lambda t, x, v: t.native_group_norm(x, v, v, 2, 6, 12, 3, 1e-3),
    "native_batch_norm": lambda t, x, v: t.native_batch_norm(x, v, v, v.detach().clone(), v.detach().clone(), True, 0.3, 1e-3),
    "native_batch_norm, evaluating": lambda t, x, v: t.native_batch_norm(
        x, v, None, v.detach().clone(), v.detach().clone(), False, 0.3, 1e-3
    ),
    "native_batch_norm without statistics": lambda t, x, v: t._native_batch_norm_legit(x, v, v, True, 0.3, 1e-3),
    "chunk_cat": lambda t, x, v: t._chunk_cat([x.detach(), x[:, :5].detach() * 2], 1, 4),
    "masked index": lambda t, x, v: t._unsafe_masked_index(
        x[:, :, 0, 0], t.tensor([True, False, True]), [t.tensor([0, 9, 1]), t.tensor([5, -4, 0])], 7.0
    ),
    "masked index put": lambda t, x, v: t._unsafe_masked_index_put_accumulate(
        x[:, :, 0, 0], t.tensor([True, False, True]), [t.tensor([0, 9, 0]), t.tensor([5, -4, 5])], v[:3]
    ),
    **{
        f"segments, {reduce}, {initial}": lambda t, x, v, reduce=reduce, initial=initial: t.segment_reduce(
            x, reduce, lengths=t.tensor([[1, 0, 5], [2, 2, 2]]), axis=1, initial=initial
        )
        for reduce in ("sum", "mean", "max", "min", "prod") for initial in (None, 3.0)
        if not (initial is None and reduce in ("mean", "max", "min"))
    },
    "segments by offsets": lambda t, x, v: t.segment_reduce(x[0], "sum", offsets=t.tensor([0, 2, 6]), axis=0),
    "grid_sampler_2d": lambda t, x, v: t.grid_sampler_2d(x, x[:, :4, :3, :2] / 2, 0, 1, True),
    "gradient without spacing": lambda t, x, v: t.gradient(x, spacing=None, dim=1),
    "tensor_split by a number in a tensor": lambda t, x, v: t.tensor_split(x, t.tensor(4), 1),
    "var_mean(False)": lambda t, x, v: t.var_mean(x, False),
    "std_mean(False)": lambda t, x, v: t.std_mean(x, False),
    "nuclear norm": lambda t, x, v: t.norm(x, "nuc", (1, 3)),
    "old operators": lambda t, x, v: (x.__rdiv__(2.0), x.__div__(v[0]), t.ones(3, 4).to(x.dtype).__rmatmul__(x)),
    "sum_to_size of a number": lambda t, x, v: x.sum().long().sum_to_size(()),
    "isclose of booleans": lambda t, x, v: t.isclose(x > 0, x > 1, rtol=0.0, atol=0.5),
    "logit of booleans": lambda t, x, v: (t.logit(x > 0), t.logit((x > 0).long(), 0.1)),
    "means of integers": lambda t, x, v: t.nn.functional.avg_pool3d((x * 100).long(), 2, 2, 1, True, False),
    "histogram of one value": lambda t, x, v: tuple(t.histogram(v[:1].detach(), 2, density=True)),
    "histogramdd": lambda t, x, v: t.histogramdd(x.detach(), [2, 3, 1], weight=x.detach()[..., 0].abs(), density=True)[0],
    "histogramdd by edges": lambda t, x, v: t.histogramdd(x.detach()[..., :2], [v.detach() - 1, v.detach()])[0],
    "histogramdd in a range": lambda t, x, v: list(t.histogramdd(x.detach(), 2, range=[-1.0, 1.0, 0.0, 1.0, 0.0, 0.0])[1]),
}  # fmt: skip

ATEN = {
    "_softmax_backward_data": lambda t, a, x: a._softmax_backward_data(x, t.softmax(x, 1), 1, x.dtype),
    "_log_softmax_backward_data": lambda t, a, x: a._log_softmax_backward_data(x, t.log_softmax(x, 1), 1, x.dtype),
    "_safe_softmax": lambda t, a, x: a._safe_softmax(t.where(x > x[:1].abs(), x, -float("inf")), 0),
    "native_dropout_backward": lambda t, a, x: a.native_dropout_backward(x, x > 0, 2.0),
    "_upsample_bilinear2d_aa": lambda t, a, x: a._upsample_bilinear2d_aa(x, [2, 2], False, None, None),
    "_upsample_bicubic2d_aa": lambda t, a, x: a._upsample_bicubic2d_aa(x, [2, 2], True, None, None),
    "max_pool2d_with_indices_backward": lambda t, a, x: a.max_pool2d_with_indices_backward(
        t.ones(2, 6, 2, 1).to(x.dtype), x.detach(), [2, 2], [2, 2], [0, 0], [1, 1], False, a.max_pool2d_with_indices(x, [2, 2])[1]
    ),
    "_batch_norm_with_update": lambda t, a, x: a._batch_norm_with_update(
        x.detach(), None, None, t.zeros(6).to(x.dtype), t.ones(6).to(x.dtype), 0.1, 1e-3
    )[:3],
}  # fmt: skip


def outcome(library: Any, function: Any, *arrays: np.ndarray) -> tuple[list[np.ndarray], list[str], list[np.ndarray]]:
    """Results, their dtypes, and the gradients of their sum weighted by place."""
    inputs = [library.from_numpy(array.copy()).requires_grad_() for array in arrays]
    results = function(library, *inputs)
    results = [results] if isinstance(results, library.Tensor) else list(results)
    differentiable = [y for y in results if y.requires_grad]
    gradients = []
    if differentiable:
        weights = [(library.arange(y.numel()).to(y.dtype) / 7 - 1).reshape(y.shape) for y in differentiable]
        found = library.autograd.grad(differentiable, inputs, weights, allow_unused=True)
        gradients = [np.zeros(a.shape) if g is None else g.numpy() for a, g in zip(arrays, found)]
    return [y.detach().numpy() for y in results], [str(y.dtype) for y in results], gradients


def compare(ours: Any, theirs: Any) -> None:
    assert ours[1] == theirs[1]
    for actual, expected in zip([*ours[0], *ours[2]], [*theirs[0], *theirs[2]], strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_functions(name: str) -> None:
    function = CASES[name]
    compare(outcome(flambeau, function, NUMBERS, VECTOR), outcome(torch, function, NUMBERS, VECTOR))


@pytest.mark.parametrize("name", ATEN)
def test_operations_by_their_full_names(name: str) -> None:
    ours = outcome(flambeau, lambda t, x: ATEN[name](t, ops.aten, x), NUMBERS)
    compare(ours, outcome(torch, lambda t, x: ATEN[name](t, torch.ops.aten, x), NUMBERS))


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.histogramdd(t.zeros(3), 2),
        lambda t: t.histogramdd(t.zeros(3, 2), [2]),
        lambda t: t.histogramdd(t.zeros(3, 2), [2, 0]),
        lambda t: t.histogramdd(t.zeros(3, 2).long(), 2),
        lambda t: t.histogramdd(t.zeros(3, 2), 2, range=[0.0, 1.0]),
        lambda t: t.histogramdd(t.zeros(3, 2), 2, weight=t.zeros(2)),
        lambda t: t.histogram(t.zeros(3), 2, range=(2.0, 1.0)),
        lambda t: t.histogram(t.zeros(3), t.zeros(1)),
        lambda t: t.segment_reduce(t.zeros(3), "sum"),
        lambda t: t.segment_reduce(t.zeros(3), "sum", lengths=t.tensor([1, 1])),
        lambda t: t.segment_reduce(t.zeros(3), "sum", lengths=t.tensor([-1, 4])),
        lambda t: t.segment_reduce(t.zeros(3), "middle", lengths=t.tensor([3])),
        lambda t: t.segment_reduce(t.zeros(3, 2), "sum", lengths=t.tensor([3]), axis=1),
        lambda t: t.segment_reduce(t.zeros(3).long(), "sum", lengths=t.tensor([3])),
    ],
)
def test_refusals(call: Any) -> None:
    with pytest.raises(Exception) as expected:
        call(torch)
    with pytest.raises(expected.type):
        call(flambeau)
