"""Modules as functions of their parameters, in the way of the package ``functorch``."""

import functools
import importlib
import subprocess
import sys
from pathlib import Path

import functorch as theirs
import numpy as np
import pytest
import torch

import flambeau
from flambeau import functorch as ours

PAIRS = [(torch, theirs), (flambeau, ours)]
NUMBERS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def network(library, scale=1.0):
    made = library.nn.Sequential(library.nn.Linear(3, 2), library.nn.BatchNorm1d(2), library.nn.Tanh())
    for number, parameter in enumerate(made.parameters()):
        library.nn.init.constant_(parameter, 0.1 * scale * (number + 1))
    return made


def test_functions_of_parameters():
    found = []
    for library, functorch in PAIRS:
        function, parameters, buffers = functorch.make_functional_with_buffers(network(library).eval())
        assert function.training and isinstance(function, functorch.FunctionalModuleWithBuffers)
        x = library.tensor(NUMBERS)
        gradients = functorch.grad(lambda p, f=function, b=buffers, x=x: f(p, b, x).square().sum())(parameters)
        linear, weights = functorch.make_functional(network(library)[0], disable_autograd_tracking=True)
        assert not any(weight.requires_grad for weight in weights) and function.param_names[0] == "0.weight"
        found.append([each.detach().numpy() for each in (function(parameters, buffers, x), *gradients, linear(weights, x))])
    for their, our in zip(*found):
        np.testing.assert_allclose(our, their, rtol=1e-5, atol=1e-6)


def test_several_modules_at_once():
    found = []
    for library, functorch in PAIRS:
        function, parameters, buffers = functorch.combine_state_for_ensemble([network(library, s).eval() for s in (1, 2)])
        assert [each.requires_grad for each in parameters] == [False] * 4 and parameters[0].shape == (2, 2, 3)
        found.append(functorch.vmap(function, in_dims=(0, 0, None))(parameters, buffers, library.tensor(NUMBERS)).numpy())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


@pytest.mark.parametrize("case", range(4))
def test_what_cannot_be_is_refused(case):
    for library, functorch in PAIRS:
        models = [library.nn.Linear(2, 2), library.nn.ReLU(), library.nn.Linear(2, 2).eval()]
        call, words = [
            (functools.partial(functorch.make_functional, network(library)), "has buffers. Please use make_functional_with"),
            (functools.partial(functorch.combine_state_for_ensemble, []), "Expected at least one model, got 0"),
            (functools.partial(functorch.combine_state_for_ensemble, models[:2]), "to be of the same class"),
            (functools.partial(functorch.combine_state_for_ensemble, models[::2]), "the same training/eval mode"),
        ][case]
        with pytest.raises(RuntimeError, match=words):
            call()


def test_names_are_deprecated_and_found():
    for library, functorch in PAIRS:
        with pytest.warns(FutureWarning, match="functorch.make_functional` is deprecated"):
            functorch.make_functional(library.nn.Linear(2, 2))
        with pytest.raises(ImportError):
            importlib.import_module(f"{functorch.__name__}.no_such")
    program = "import functorch, torch; from functorch import vmap, make_functional; print(functorch.__name__, vmap(torch.sin))"
    command = [sys.executable, "-m", "flambeau", "run", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout.startswith("functorch <function"), done.stderr
