"""Activations and softmax against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from neural_oracle import array, assert_same_error, check, floats

import flambeau
from flambeau.ops import activation as A
from flambeau.ops.softmax import log_softmax, softmax

KINKS = [-float("inf"), -25.0, -6.0, -3.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 3.0, 6.0, 20.0, 25.0, float("nan")]

ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "relu": (A.relu, TF.relu),
    "leaky_relu": (A.leaky_relu, TF.leaky_relu),
    "leaky_relu 0.3": (lambda x: A.leaky_relu(x, 0.3), lambda x: TF.leaky_relu(x, 0.3)),
    "rrelu": (A.rrelu, TF.rrelu),
    "hardtanh": (A.hardtanh, TF.hardtanh),
    "hardtanh -3 0.5": (lambda x: A.hardtanh(x, -3, 0.5), lambda x: TF.hardtanh(x, -3, 0.5)),
    "relu6": (A.relu6, TF.relu6),
    "threshold": (lambda x: A.threshold(x, 0.1, 20), lambda x: TF.threshold(x, 0.1, 20)),
    "hardsigmoid": (A.hardsigmoid, TF.hardsigmoid),
    "hardswish": (A.hardswish, TF.hardswish),
    "hardshrink": (A.hardshrink, TF.hardshrink),
    "softshrink": (A.softshrink, TF.softshrink),
    "softshrink 0.2": (lambda x: A.softshrink(x, 0.2), lambda x: TF.softshrink(x, 0.2)),
    "elu": (A.elu, TF.elu),
    "elu 0.7": (lambda x: A.elu(x, 0.7), lambda x: TF.elu(x, 0.7)),
    "celu 1.5": (lambda x: A.celu(x, 1.5), lambda x: TF.celu(x, 1.5)),
    "selu": (A.selu, TF.selu),
    "gelu": (A.gelu, TF.gelu),
    "gelu tanh": (lambda x: A.gelu(x, "tanh"), lambda x: TF.gelu(x, approximate="tanh")),
    "silu": (A.silu, TF.silu),
    "mish": (A.mish, TF.mish),
    "softplus": (A.softplus, TF.softplus),
    "softplus 2 5": (lambda x: A.softplus(x, 2, 5), lambda x: TF.softplus(x, 2, 5)),
    "logsigmoid": (A.logsigmoid, TF.logsigmoid),
}
NO_SECOND = {"rrelu", "hardsigmoid"}  # PyTorch has no derivative of these gradients


def tolerance(name: str, dtype: torch.dtype) -> float | None:
    """PyTorch takes the sixth of hard sigmoid's gradient, and its vectors of ELU's exponential, in single precision."""
    return 1e-7 if name == "hardsigmoid" and dtype == torch.float64 else None


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_activation(name: str, dtype: torch.dtype) -> None:
    ours, theirs = ACTIVATIONS[name]
    check(ours, theirs, floats(3, 37, dtype=dtype), second=name not in NO_SECOND, tolerance=tolerance(name, dtype))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_at_kinks(name: str) -> None:
    ours, theirs = ACTIVATIONS[name]
    check(ours, theirs, torch.tensor(KINKS, dtype=torch.float64, requires_grad=True), tolerance=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_activation_of_half_types(name: str, dtype: torch.dtype) -> None:
    ours, theirs = ACTIVATIONS[name]
    check(ours, theirs, floats(5, 7, dtype=dtype))


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 1)])
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "gelu", "silu", "elu"])
def test_activation_of_awkward_shapes(name: str, shape: tuple[int, ...]) -> None:
    ours, theirs = ACTIVATIONS[name]
    check(ours, theirs, floats(*shape))


def test_activation_of_views() -> None:
    check(lambda x: A.gelu(x.t()[1:, ::2]), lambda x: TF.gelu(x.t()[1:, ::2]), floats(6, 5))
    check(lambda x: A.relu(x.expand(4, 5)), lambda x: TF.relu(x.expand(4, 5)), floats(1, 5))


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "gelu", "silu", "mish", "softplus", "hardswish", "softshrink"])
def test_activation_of_integers_raises(name: str) -> None:
    ours, theirs = ACTIVATIONS[name]
    assert_same_error(lambda: ours(flambeau.arange(3)), lambda: theirs(torch.arange(3)))


def test_relu_of_integers_and_booleans() -> None:
    check(A.relu, TF.relu, torch.arange(-3, 3))
    check(A.relu6, TF.relu6, torch.arange(-3, 9))
    assert_same_error(lambda: A.relu(flambeau.arange(3) > 1), lambda: TF.relu(torch.arange(3) > 1))


def test_in_place() -> None:
    x = flambeau.tensor([-1.0, 2.0])
    assert x.relu_() is x and x.numpy().tolist() == [0.0, 2.0]
    y = flambeau.tensor([-1.0, 2.0], requires_grad=True)
    z = y * 3
    flambeau.selu_(z)
    z.sum().backward()
    w = torch.tensor([-1.0, 2.0], requires_grad=True)
    torch.selu(w * 3).sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), w.grad.numpy(), rtol=1e-6)


def test_prelu() -> None:
    for shape, weights in (((4, 3, 5), 3), ((4, 3, 5), 1), ((6,), 1), ((), 1)):
        check(A.prelu, TF.prelu, floats(*shape), floats(weights), second=True)
    check(A.prelu, TF.prelu, torch.tensor([0.0, float("nan"), -1.0], requires_grad=True), floats(1))
    assert_same_error(
        lambda: A.prelu(flambeau.ones(2, 3), flambeau.ones(2)), lambda: TF.prelu(torch.ones(2, 3), torch.ones(2))
    )
    assert_same_error(
        lambda: A.prelu(flambeau.ones(2, 3), flambeau.ones(3).double()),
        lambda: TF.prelu(torch.ones(2, 3), torch.ones(3).double()),
    )


def test_rrelu_in_training() -> None:
    flambeau.manual_seed(0)
    x = flambeau.full((10_000,), -2.0, requires_grad=True)
    y = A.rrelu(x, 0.1, 0.3, True)
    y.sum().backward()
    slopes = array(y) / -2
    assert 0.1 <= slopes.min() < 0.105 and 0.295 < slopes.max() < 0.3 and abs(slopes.mean() - 0.2) < 0.002
    np.testing.assert_array_equal(x.grad.numpy(), slopes)
    np.testing.assert_array_equal(array(A.rrelu(-x, 0.1, 0.3, True)), np.full(10_000, 2.0))


def test_glu() -> None:
    check(A.glu, TF.glu, floats(4, 6), second=True)
    check(lambda x: A.glu(x, 0), lambda x: TF.glu(x, 0), floats(4, 3, 5), second=True)
    assert_same_error(lambda: A.glu(flambeau.ones(3, 3)), lambda: TF.glu(torch.ones(3, 3)))


# --- softmax --------------------------------------------------------------------------------------------------------

SOFTMAXES = {"softmax": (softmax, torch.softmax), "log_softmax": (log_softmax, torch.log_softmax)}


@pytest.mark.parametrize("name", SOFTMAXES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape, dim", [((5, 33), 1), ((5, 33), 0), ((3, 7, 4), 1), ((3, 1), 1), ((), 0), ((2, 3, 4), -3)])
def test_softmax(name: str, dtype: torch.dtype, shape: tuple[int, ...], dim: int) -> None:
    ours, theirs = SOFTMAXES[name]
    second = dtype in (torch.float32, torch.float64)
    check(lambda x: ours(x * 3, dim), lambda x: theirs(x * 3, dim), floats(*shape, dtype=dtype), second=second)


@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_of_extremes(name: str) -> None:
    ours, theirs = SOFTMAXES[name]
    inf, nan = float("inf"), float("nan")
    rows = [[1e4, -1e4, 0.0], [-inf, 0.0, 1.0], [-inf, -inf, -inf], [inf, 0.0, 1.0], [nan, 0.0, 1.0], [88.0, 89.0, 90.0]]
    check(lambda x: ours(x, 1), lambda x: theirs(x, 1), torch.tensor(rows, requires_grad=True))


@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_of_empty(name: str) -> None:
    ours, theirs = SOFTMAXES[name]
    for shape in ((0, 3), (3, 0), (0,)):
        check(lambda x: ours(x, -1), lambda x: theirs(x, -1), floats(*shape))


@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_dtype_and_errors(name: str) -> None:
    ours, theirs = SOFTMAXES[name]
    check(lambda x: ours(x, 1, flambeau.float64), lambda x: theirs(x, 1, torch.float64), floats(2, 5), tolerance=1e-6)
    check(lambda x: ours(x, 1, flambeau.float32), lambda x: theirs(x, 1, torch.float32), torch.arange(6).reshape(2, 3))
    assert_same_error(lambda: ours(flambeau.ones(2, 3), 2), lambda: theirs(torch.ones(2, 3), 2))
    for dim in (0, 1):
        assert_same_error(
            lambda dim=dim: ours(flambeau.arange(6).reshape(2, 3), dim),
            lambda dim=dim: theirs(torch.arange(6).reshape(2, 3), dim),
        )


def test_softmax_of_views() -> None:
    check(lambda x: softmax(x.transpose(0, 2), -1), lambda x: torch.softmax(x.transpose(0, 2), -1), floats(5, 3, 4))
    check(lambda x: log_softmax(x[:, 1:], 1), lambda x: torch.log_softmax(x[:, 1:], 1), floats(5, 4))
