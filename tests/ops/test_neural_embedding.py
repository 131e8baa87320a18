"""Embeddings and dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from neural_oracle import array, as_flambeau, assert_same_error, check, floats

import flambeau
from flambeau.ops import dropout as D
from flambeau.ops.slices import embedding


@pytest.mark.parametrize("shape", [(7,), (2, 5), (), (0,), (2, 0, 3), (1, 1)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32], ids=str)
def test_embedding(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    index = torch.randint(6, shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    for table in (floats(6, 5), floats(6, 33, dtype=torch.float64), floats(6, 1)):
        check(embedding, lambda w, i: TF.embedding(i, w), table, index, second=index.numel() > 0)


@pytest.mark.parametrize(
    "options", [{"padding_idx": 2}, {"scale_grad_by_freq": True}, {"padding_idx": 0, "scale_grad_by_freq": True}], ids=str
)
def test_embedding_gradients(options: dict[str, Any]) -> None:
    index = torch.tensor([[2, 2, 0], [4, 2, 1]])
    check(lambda w, i: embedding(w, i, **options), lambda w, i: TF.embedding(i, w, **options), floats(6, 5), index)


def test_embedding_of_views() -> None:
    index = torch.tensor([[2, 2, 0], [4, 2, 1]])
    check(lambda w, i: embedding(w.t(), i.t()), lambda w, i: TF.embedding(i.t(), w.t()), floats(5, 6), index)
    check(lambda w, i: embedding(w[1:], i), lambda w, i: TF.embedding(i, w[1:]), floats(7, 4), index)


@pytest.mark.parametrize("bad", [6, 100, -1])
def test_embedding_out_of_range(bad: int) -> None:
    index = torch.tensor([0, 5, bad])
    assert_same_error(
        lambda: embedding(flambeau.ones(6, 3), as_flambeau(index)), lambda: TF.embedding(index, torch.ones(6, 3))
    )


def test_embedding_errors() -> None:
    assert_same_error(
        lambda: embedding(flambeau.ones(6, 3), flambeau.ones(2)), lambda: torch.embedding(torch.ones(6, 3), torch.ones(2))
    )
    assert_same_error(
        lambda: embedding(flambeau.ones(6), flambeau.ones(2).long()),
        lambda: torch.embedding(torch.ones(6), torch.ones(2).long()),
    )


# --- dropout --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [flambeau.float32, flambeau.float64, flambeau.bfloat16], ids=str)
def test_dropout(p: float, dtype: Any) -> None:
    flambeau.manual_seed(5)
    x = flambeau.full((200, 100), 2.0, dtype=dtype, requires_grad=True)
    y = D.dropout(x, p, True)
    y.sum().backward()
    values, gradients = array(y), array(x.grad)
    kept = values != 0
    assert abs(kept.mean() - (1 - p)) < 4 * (p * (1 - p) / 20_000) ** 0.5
    np.testing.assert_allclose(values[kept], 2 / (1 - p), rtol=1e-2 if dtype is flambeau.bfloat16 else 1e-6)
    np.testing.assert_array_equal(gradients, values / 2)
    rows, columns = kept.mean(0), kept.mean(1)
    assert rows.std() < 0.06 and columns.std() < 0.08


def test_dropout_draws_anew() -> None:
    x = flambeau.ones(1000)
    first, second = array(D.dropout(x, 0.5, True)), array(D.dropout(x, 0.5, True))
    assert (first != second).any()
    flambeau.manual_seed(3)
    third = array(D.dropout(x, 0.5, True))
    flambeau.manual_seed(3)
    np.testing.assert_array_equal(third, array(D.dropout(x, 0.5, True)))


DROPOUTS: list[Callable[..., Any]] = [D.dropout, D.alpha_dropout, D.feature_dropout, D.feature_alpha_dropout]


@pytest.mark.parametrize("function", DROPOUTS)
def test_nothing_dropped(function: Callable[..., Any]) -> None:
    x = flambeau.ones(3, 4)
    assert function(x, 0.5, False) is x and function(x, 0.0, True) is x
    assert array(function(x, 1.0, True)).tolist() == [[0.0] * 4] * 3
    assert function(flambeau.ones(0, 4), 0.5, True).shape == (0, 4)
    with pytest.raises(RuntimeError, match="dropout probability has to be between 0 and 1, but got 1.5"):
        function(x, 1.5, True)


def test_dropout_in_place_and_nan() -> None:
    x = flambeau.full((100,), float("nan"))
    assert flambeau.dropout_(x, 0.5, True) is x
    assert np.isnan(array(x)).all()


def test_feature_dropout() -> None:
    flambeau.manual_seed(1)
    x = flambeau.ones(40, 50, 3, requires_grad=True)
    y = D.feature_dropout(x, 0.3, True)
    y.sum().backward()
    values = array(y)
    assert (values == values[:, :, :1]).all()
    assert abs((values != 0).mean() - 0.7) < 0.05
    np.testing.assert_array_equal(array(x.grad), values)


@pytest.mark.parametrize("function", [D.alpha_dropout, D.feature_alpha_dropout])
def test_alpha_dropout_keeps_mean_and_variance(function: Callable[..., Any]) -> None:
    flambeau.manual_seed(1)
    x = flambeau.randn(300, 300)
    y = array(function(x, 0.2, True))
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02


def test_second_derivative_of_dropout() -> None:
    from flambeau.autograd.engine import grad

    x = flambeau.ones(50, requires_grad=True)
    y = D.dropout(x, 0.5, True)
    (first,) = grad((y * y).sum(), [x], create_graph=True)
    (second,) = grad(first.sum(), [x])
    np.testing.assert_array_equal(array(second), 4 * array(y))
