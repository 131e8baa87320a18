"""Weight norm, spectral norm and parametrisations of one's own, in their old and new forms."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree, as_flambeau, assert_same, copy_state, error

import flambeau
from flambeau import nn
from flambeau.nn.utils import parametrize

LIBRARIES = (torch, flambeau)


def pair(make: Any) -> tuple[Any, Any]:
    """A module of each library, with the same values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs, ours = make(torch), make(flambeau)
    copy_state(ours, theirs)
    return ours, theirs


def assert_calls_agree(ours: Any, theirs: Any, x: torch.Tensor) -> None:
    ours.zero_grad()
    theirs.zero_grad()
    expected, actual = theirs(x), ours(as_flambeau(x))
    assert_same(actual, expected, 1e-4)
    expected.square().sum().backward()
    actual.square().sum().backward()
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert_same(a.grad, b.grad, 1e-3, name)
    for (name, c), d in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        assert_same(c, d, 1e-4, name)


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("new", [False, True])
def test_weight_norm(dim: int | None, new: bool) -> None:
    def make(library: Any) -> Any:
        utils = library.nn.utils.parametrizations if new else library.nn.utils
        return utils.weight_norm(library.nn.Linear(4, 3), dim=dim)

    ours, theirs = pair(make)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    for _ in range(2):
        assert_calls_agree(ours, theirs, torch.randn(5, 4))
        with flambeau.no_grad(), torch.no_grad():
            for p in (*ours.parameters(), *theirs.parameters()):
                p -= 0.1 * p.grad


def test_removing_weight_norm() -> None:
    layer = nn.Linear(4, 3)
    before = layer.weight.tolist()
    with pytest.warns(FutureWarning, match="`torch.nn.utils.weight_norm` is deprecated"):
        nn.utils.weight_norm(layer)
    np.testing.assert_allclose(layer.weight.tolist(), before, rtol=1e-5)
    with pytest.raises(RuntimeError, match="Cannot register two weight_norm hooks"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(layer)
    nn.utils.remove_weight_norm(layer)
    assert isinstance(layer.weight, nn.Parameter) and sorted(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="weight_norm of 'weight' not found"):
        nn.utils.remove_weight_norm(layer)


@pytest.mark.parametrize("new", [False, True])
def test_spectral_norm(new: bool) -> None:
    def make(library: Any) -> Any:
        utils = library.nn.utils.parametrizations if new else library.nn.utils
        return utils.spectral_norm(library.nn.Linear(4, 3), n_power_iterations=2)

    ours, theirs = pair(make)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        assert_calls_agree(ours, theirs, torch.randn(5, 4))
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata


def test_removing_spectral_norm() -> None:
    layer = nn.utils.spectral_norm(nn.Linear(4, 3))
    layer(flambeau.ones(1, 4))
    nn.utils.remove_spectral_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"] and not layer._state_dict_hooks
    with pytest.raises(ValueError, match="spectral_norm of 'weight' not found"):
        nn.utils.remove_spectral_norm(layer)


class Positive(nn.Module):
    """The exponential, whose inverse is known."""

    def forward(self, x: Any) -> Any:
        return x.exp()

    def right_inverse(self, y: Any) -> Any:
        return y.log()


class Doubled(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2


def test_parametrisation_with_an_inverse() -> None:
    layer = nn.Linear(2, 2)
    with flambeau.no_grad():
        layer.weight.fill_(3.0)
    parametrize.register_parametrization(layer, "weight", Positive())
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    np.testing.assert_allclose(layer.weight.tolist(), 3.0, rtol=1e-6)
    np.testing.assert_allclose(layer.parametrizations.weight.original.tolist(), np.log(3.0), rtol=1e-6)
    layer.weight = flambeau.full((2, 2), 5.0)
    np.testing.assert_allclose(layer(flambeau.ones(2)).tolist(), (10 + layer.bias).tolist(), rtol=1e-5)
    layer(flambeau.ones(2)).sum().backward()
    assert layer.parametrizations.weight.original.grad is not None
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_allclose(layer.weight.tolist(), 10.0, rtol=1e-6)
    with pytest.raises(RuntimeError, match="parametrization Doubled does not implement right_inverse"):
        layer.weight = flambeau.ones(2, 2)
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)
    np.testing.assert_allclose(layer.weight.tolist(), 10.0, rtol=1e-6)


def test_copy_of_a_parametrised_module() -> None:
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Doubled())
    twin = copy.deepcopy(layer)
    with flambeau.no_grad():
        twin.parametrizations.weight.original.fill_(1.0)
    assert twin.weight.tolist() == [[2.0, 2.0], [2.0, 2.0]] != layer.weight.tolist()
    assert parametrize.type_before_parametrizations(twin) is nn.Linear
    with pytest.raises(RuntimeError, match="Serialization of parametrized modules is only"):
        pickle.dumps(layer)
    other = parametrize.transfer_parametrizations_and_params(layer, nn.Linear(2, 2))
    assert other.parametrizations.weight.original is layer.parametrizations.weight.original


def test_errors_of_parametrisations() -> None:
    def program(library: Any, modules: Any) -> Any:
        tools = modules.utils.parametrize

        class Function(modules.Module):  # type: ignore[misc]
            def __init__(self, function: Any) -> None:
                super().__init__()
                self.function = function

            def forward(self, x: Any) -> Any:
                return self.function(x)

        def register(function: Any, name: str = "weight", layer: Any = None) -> Any:
            layer = modules.Linear(2, 3) if layer is None else layer
            return error(tools.register_parametrization, layer, name, Function(function))

        twice = tools.register_parametrization(modules.Linear(2, 3), "weight", Function(lambda x: x))
        return [
            register(lambda x: 3), register(lambda x: x.double()), register(lambda x: x.t()),
            register(lambda x: x, "missing"), register(lambda x: 3, layer=twice),
            register(lambda x: x.double(), layer=twice), register(lambda x: x.t(), layer=twice),
            error(tools.remove_parametrizations, modules.Linear(2, 3), "weight"),
        ]  # fmt: skip

    agree(lambda T: program(T, T.nn))


def test_old_files_of_weight_norm_load_into_the_new_form() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = nn.utils.weight_norm(nn.Linear(2, 3))
    new = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    new.load_state_dict(old.state_dict())
    np.testing.assert_allclose(new.weight.tolist(), old.weight.tolist(), rtol=1e-6)
