"""The loss of class numbers against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from neural_oracle import array, as_flambeau, assert_same_error, check, floats

import flambeau
from flambeau.ops.loss import cross_entropy, nll_loss
from flambeau.ops.softmax import log_softmax

REDUCTIONS = ["none", "mean", "sum"]


def compare(x: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None, **options: Any) -> None:
    """The loss of ``x`` and that of its log-softmax, in two steps and in one."""
    axis = 0 if x.ndim == 1 else 1
    ours_weight = None if weight is None else as_flambeau(weight)
    check(
        lambda x, t: nll_loss(x, t, ours_weight, **options),
        lambda x, t: TF.nll_loss(x, t, weight, **options),
        x, target,
    )  # fmt: skip
    check(
        lambda x, t: nll_loss(log_softmax(x, axis), t, ours_weight, **options),
        lambda x, t: TF.cross_entropy(x, t, weight, **options),
        x, target, second=True,
    )  # fmt: skip
    check(
        lambda x, t: cross_entropy(x, t, ours_weight, **options), lambda x, t: TF.cross_entropy(x, t, weight, **options),
        x, target, second=True,
    )  # fmt: skip


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_nll_loss(reduction: str, weighted: bool) -> None:
    weight = torch.linspace(0.2, 1.5, 5) if weighted else None
    generator = torch.Generator().manual_seed(3)
    for shape in ((7, 5), (1, 5), (3, 5, 4), (2, 5, 3, 4), (2, 5, 1, 2, 3)):
        target = torch.randint(5, (shape[0], *shape[2:]), generator=generator)
        compare(floats(*shape), target, weight, reduction=reduction)
    compare(floats(5), torch.tensor(2), weight, reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", [-100, 2, 255], ids=str)
def test_ignored_targets(reduction: str, ignored: int) -> None:
    target = torch.tensor([0, ignored, 4, 2, ignored, 1])
    compare(floats(6, 5), target, reduction=reduction, ignore_index=ignored)
    compare(floats(6, 5), target, torch.rand(5), reduction=reduction, ignore_index=ignored)
    compare(floats(6, 5), torch.full((6,), ignored), reduction=reduction, ignore_index=ignored)


def test_ignored_rows_may_be_infinite() -> None:
    x = torch.zeros(2, 3, requires_grad=True).detach()
    x[0] = -float("inf")
    check(nll_loss, TF.nll_loss, x.requires_grad_(), torch.tensor([-100, 1]))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_empty_batch(reduction: str) -> None:
    compare(floats(0, 5), torch.zeros(0, dtype=torch.int64), reduction=reduction)


def test_dtypes() -> None:
    compare(floats(4, 5, dtype=torch.float64), torch.tensor([0, 4, 1, 2]))
    compare(floats(4, 300), torch.tensor([0, 254, 1, 255], dtype=torch.uint8), ignore_index=-100)
    target = torch.tensor([0, 4, 1, 2], dtype=torch.int32)
    assert_same_error(
        lambda: nll_loss(flambeau.zeros(4, 5), as_flambeau(target)), lambda: TF.nll_loss(torch.zeros(4, 5), target)
    )


def test_strided_operands() -> None:
    check(
        lambda x, t: nll_loss(x.transpose(1, 2), t.t()), lambda x, t: TF.nll_loss(x.transpose(1, 2), t.t()),
        floats(3, 4, 5), torch.randint(5, (4, 3)),
    )  # fmt: skip


@pytest.mark.parametrize("target", [12, 5, -1, -2])
@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 3, 3)])
def test_target_out_of_range(shape: tuple[int, ...], target: int) -> None:
    targets = torch.full((shape[0], *shape[2:]), 1)
    targets.view(-1)[-1] = target
    assert_same_error(
        lambda: nll_loss(flambeau.zeros(shape), as_flambeau(targets)), lambda: TF.nll_loss(torch.zeros(shape), targets)
    )


@pytest.mark.parametrize(
    ("shape", "target", "weight"),
    [
        ((2, 5), (3,), None), ((2, 5), (1, 2), None), ((2, 5), (2, 1), None), ((), (), None), ((5,), (2,), None),
        ((2, 5), (2,), 3), ((2, 5, 3, 3), (2, 3, 2), None), ((2, 5, 3, 3), (2, 3), None), ((2, 5, 3), (2, 2), None),
        ((2, 5, 3), (3, 3), None),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(shape: tuple[int, ...], target: tuple[int, ...], weight: int | None) -> None:
    targets = torch.zeros(target, dtype=torch.int64)
    weights = None if weight is None else torch.ones(weight)
    assert_same_error(
        lambda: nll_loss(flambeau.zeros(shape), as_flambeau(targets), None if weight is None else as_flambeau(weights)),
        lambda: TF.nll_loss(torch.zeros(shape), targets, weights),
    )


def test_cross_entropy_is_that_of_the_log_softmax() -> None:
    x, target = as_flambeau(floats(9, 33) * 5), flambeau.arange(9)
    together, apart = cross_entropy(x, target, None, "none"), nll_loss(log_softmax(x, 1), target, None, "none")
    np.testing.assert_array_equal(array(together), array(apart))


def test_cross_entropy_of_half_types() -> None:
    check(cross_entropy, TF.cross_entropy, floats(6, 5, dtype=torch.bfloat16), torch.tensor([0, 1, 2, 3, 4, 0]))
