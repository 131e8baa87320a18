"""First values of parameters, clipping of gradients, parameters as a vector."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.stateless
from oracle import agree, as_flambeau, assert_same, error
from scipy import stats

import flambeau
from flambeau import nn
from flambeau.nn import init


def test_gains() -> None:
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
    agree(
        lambda T: [
            error(T.nn.init.calculate_gain, "other"),
            error(T.nn.init.calculate_gain, "leaky_relu", True),
            error(T.nn.init.xavier_uniform_, T.ones(2)),
            error(T.nn.init.eye_, T.ones(2)),
            error(T.nn.init.kaiming_normal_, T.ones(2, 2), mode="other"),
            error(T.nn.init.orthogonal_, T.ones(2)),
            error(T.nn.init.sparse_, T.ones(2), 0.5),
            error(T.nn.init.dirac_, T.ones(2, 2)),
            error(T.nn.init.dirac_, T.ones(3, 2, 2), 2),
        ]  # fmt: skip
    )


SPREADS: list[tuple[str, dict[str, Any], float]] = [
    ("uniform_", {"a": -2.0, "b": 2.0}, 4 / math.sqrt(12)), ("normal_", {"mean": 0.0, "std": 0.3}, 0.3),
    ("xavier_uniform_", {"gain": 2.0}, 2.0 * math.sqrt(2 / 500)), ("xavier_normal_", {}, math.sqrt(2 / 500)),
    ("kaiming_uniform_", {"nonlinearity": "relu"}, math.sqrt(2 / 300)),
    ("kaiming_normal_", {"mode": "fan_out", "a": 0.1}, math.sqrt(2 / (1 + 0.01) / 200)),
    ("trunc_normal_", {"std": 0.2, "a": -5.0, "b": 5.0}, 0.2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "spread"), SPREADS, ids=[case[0] for case in SPREADS])
def test_spread(name: str, options: dict[str, Any], spread: float) -> None:
    flambeau.manual_seed(0)
    tensor = nn.Parameter(flambeau.empty(200, 300))
    assert getattr(init, name)(tensor, **options) is tensor
    assert tensor.is_leaf and tensor.requires_grad
    assert float(tensor.std()) == pytest.approx(spread, rel=0.02)
    assert float(tensor.mean()) == pytest.approx(0.0, abs=0.03 * spread)


def test_truncated_normal_stays_within_its_limits() -> None:
    flambeau.manual_seed(0)
    tensor = init.trunc_normal_(flambeau.empty(10000), 0.5, 1.0, 0.0, 2.0)
    assert 0.0 <= float(tensor.min()) < 0.01 and 1.99 < float(tensor.max()) <= 2.0
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        init.trunc_normal_(flambeau.empty(10), 9.0)


@pytest.mark.parametrize(
    "mean, std, a, b", [(0, 1, 5, 6), (0, 1, 1, 1.0001), (0, 1, -6, -5), (0, 0.02, -2, 2), (2, 0.5, 2.5, 9), (0, 1, -1e9, 1)]
)
@pytest.mark.filterwarnings("ignore:mean is more")
def test_truncated_normal_numbers_are_distributed_as_they_should(mean: float, std: float, a: float, b: float) -> None:
    flambeau.manual_seed(0)
    tensor = init.trunc_normal_(flambeau.empty(5000), mean, std, a, b)
    assert float(tensor.min()) >= np.float32(a) and float(tensor.max()) <= np.float32(b)
    exact = stats.truncnorm((a - mean) / std, (b - mean) / std, loc=mean, scale=std)
    wide = init.trunc_normal_(flambeau.empty(5000, dtype=flambeau.float64), mean, std, a, b).numpy()
    assert stats.kstest(wide, exact.cdf).pvalue > 1e-3
    assert len(set(tensor.tolist())) > (500 if b - a < 1e-3 else 4000)


def test_limits_of_truncated_normal_numbers_that_are_none() -> None:
    def program(T: Any) -> Any:
        draw = T.nn.init.trunc_normal_
        far = draw(T.empty(100, dtype=T.float64), 0, 1, 40, 41)
        assert 40 <= float(far.min()) and float(far.mean()) < 40.1
        return error(draw, T.empty(3), 0, 1, 2, -2), error(draw, T.empty(3), 0, 0)[0], draw(T.empty(0)).shape

    agree(program)


def test_fixed_values() -> None:
    def program(library: Any, modules: Any) -> Any:
        i = modules.init
        return [
            i.constant_(library.empty(2), 0.5).tolist(), i.ones_(library.empty(2)).tolist(),
            i.zeros_(library.ones(2)).tolist(), i.eye_(library.empty(2, 3)).tolist(),
            i.dirac_(library.empty(4, 2, 3), groups=2).tolist(), i.dirac_(library.empty(2, 3, 3, 3)).tolist(),
            i._calculate_fan_in_and_fan_out(library.empty(4, 3, 5, 5)),
        ]  # fmt: skip

    agree(lambda T: program(T, T.nn))


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    flambeau.manual_seed(0)
    tensor = init.orthogonal_(flambeau.empty(shape), gain=2.0).reshape(shape[0], -1).numpy()
    product = tensor @ tensor.T if tensor.shape[0] <= tensor.shape[1] else tensor.T @ tensor
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_sparse() -> None:
    flambeau.manual_seed(0)
    tensor = init.sparse_(flambeau.empty(10, 4), 0.35)
    assert (tensor == 0).sum(0).tolist() == [4, 4, 4, 4]


def test_old_names() -> None:
    with pytest.warns(
        FutureWarning, match="`nn.init.xavier_uniform` is now deprecated in favor of `nn.init.xavier_uniform_`"
    ):
        init.xavier_uniform(flambeau.empty(2, 2))
    assert init.kaiming_normal.__name__ == "kaiming_normal"


def test_empty_tensors_are_left_alone() -> None:
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        init.kaiming_uniform_(flambeau.empty(0, 3))


# --- clipping --------------------------------------------------------------------------------------------------------


def parameters_with_gradients(library: Any) -> list[Any]:
    torch.manual_seed(4)
    made = []
    for shape in ((3, 2), (4,), (2, 2)):
        gradient = torch.randn(shape)
        p = library.nn.Parameter(library.zeros(shape))
        p.grad = gradient if library is torch else as_flambeau(gradient)
        made.append(p)
    made.append(library.nn.Parameter(library.zeros(2)))
    return made


@pytest.mark.parametrize("norm_type", [2.0, 1.0, math.inf, 3.0])
@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_clip_grad_norm(norm_type: float, max_norm: float) -> None:
    ours, theirs = parameters_with_gradients(flambeau), parameters_with_gradients(torch)
    total = nn.utils.clip_grad_norm_(ours, max_norm, norm_type)
    assert_same(total, torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type), 1e-5)
    for a, b in zip(ours, theirs, strict=True):
        assert_same(a.grad, b.grad, 1e-5)


def test_clip_grad_norm_of_nothing() -> None:
    p = nn.Parameter(flambeau.ones(2))
    assert float(nn.utils.clip_grad_norm_([p], 1.0)) == 0.0
    assert float(nn.utils.clip_grad_norm_(p, 1.0)) == 0.0
    with pytest.warns(UserWarning, match="`parameters` is an empty generator"):
        nn.utils.clip_grad_norm_((q for q in ()), 1.0)
    with pytest.warns(FutureWarning, match="clip_grad_norm` is now deprecated"):
        nn.utils.clip_grad_norm([p], 1.0)


def test_clip_grad_norm_refuses_what_is_not_finite() -> None:
    p = nn.Parameter(flambeau.ones(2))
    p.grad = flambeau.tensor([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)


def test_clip_grad_value() -> None:
    ours, theirs = parameters_with_gradients(flambeau), parameters_with_gradients(torch)
    nn.utils.clip_grad_value_(ours, 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    for a, b in zip(ours, theirs, strict=True):
        assert_same(a.grad, b.grad)


def test_parameters_as_a_vector() -> None:
    m = nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(m.parameters())
    assert vector.shape == (8,) and vector.requires_grad
    nn.utils.vector_to_parameters(flambeau.arange(8.0), m.parameters())
    assert m.weight.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] and m.bias.tolist() == [6.0, 7.0]
    with pytest.raises(TypeError, match="expected torch.Tensor"):
        nn.utils.vector_to_parameters([1.0], m.parameters())


def test_prefix_of_a_state_dict() -> None:
    state = nn.Sequential(OrderedDict(module=nn.Linear(1, 1))).state_dict()
    nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
    assert list(state) == ["weight", "bias"]
    nn.Linear(1, 1).load_state_dict(state)


@pytest.mark.filterwarnings("ignore:.*stateless.functional_call")
def test_functional_call_under_its_old_name() -> None:
    def program(T: Any) -> Any:
        call = T.nn.utils.stateless.functional_call
        model = T.nn.Sequential(T.nn.Linear(2, 2), T.nn.BatchNorm1d(2))
        with T.no_grad():
            model[0].weight.fill_(0.5)
        given = {"0.weight": T.full((2, 2), 3.0), "0.bias": T.ones(2), "1.running_mean": T.ones(2)}
        x = T.tensor([[1.0, 2.0], [3.0, -1.0]])
        found = [call(model, given, x), call(model, given, (x,), {}), given["1.running_mean"], model[1].running_mean]
        found += [error(call, model, {"other": x}, x, strict=True), error(call, model, {"0.weight": 3}, x), model[0].weight]
        return found

    agree(program)
