"""Ten steps of every optimiser, its state and its errors, as PyTorch's."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau import nn

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {}), ("Adam", {"lr": 0.03, "betas": (0.8, 0.99), "weight_decay": 0.1}),
    ("Adam", {"lr": 0.03, "amsgrad": True, "eps": 1e-4}), ("Adam", {"lr": 0.01, "maximize": True}),
    ("AdamW", {"lr": 0.03}), ("AdamW", {"lr": 0.03, "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {}), ("RMSprop", {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "alpha": 0.9}), ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {}), ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}), ("Adamax", {}),
    ("Adamax", {"lr": 0.03, "weight_decay": 0.1}), ("NAdam", {}),
    ("NAdam", {"lr": 0.03, "weight_decay": 0.1, "decoupled_weight_decay": True}), ("RAdam", {}),
    ("RAdam", {"lr": 0.03, "weight_decay": 0.1, "betas": (0.8, 0.9)}), ("Rprop", {}),
    ("Rprop", {"lr": 0.03, "etas": (0.4, 1.5), "step_sizes": (1e-3, 1.0)}), ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01, "t0": 3, "weight_decay": 0.1}), ("Adafactor", {}),
    ("Adafactor", {"lr": 0.3, "d": 1.5, "weight_decay": 0.1, "eps": (1e-6, 0.1), "beta2_decay": -0.5}),
]  # fmt: skip

IDS = [f"{name}-{place}" for place, (name, _) in enumerate(OPTIMIZERS)]


class Problem:
    """Two parameters, a third without gradient, and a loss that is not quadratic, in one of the libraries."""

    def __init__(self, library: Any, dtype: str = "float32") -> None:
        random = np.random.default_rng(0)
        self.library = library
        kind = getattr(library, dtype)
        self.data = library.tensor(random.standard_normal((6, 4)), dtype=kind)
        self.weight = library.nn.Parameter(library.tensor(random.standard_normal((4, 3)), dtype=kind))
        self.bias = library.nn.Parameter(library.tensor(random.standard_normal(3), dtype=kind))
        self.unused = library.nn.Parameter(library.ones(2, dtype=kind))

    def parameters(self) -> list[Any]:
        return [self.weight, self.bias, self.unused]

    def loss(self) -> Any:
        return ((self.data @ self.weight + self.bias).tanh() - 0.3).square().mean()

    def train(self, optimizer: Any, steps: int = 10, wrong: tuple[int, ...] = ()) -> None:
        """Steps, of which the ``wrong`` ones have a label that there is no class for: an error, and nothing has happened."""
        for step in range(steps):
            optimizer.zero_grad()
            try:
                loss = self.loss()
                if wrong:
                    labels = self.library.tensor([0, 1, 2, 0, 7 if step in wrong else 1, 2])
                    loss = loss + self.library.nn.functional.cross_entropy(self.data @ self.weight, labels)
                loss.backward()
                optimizer.step()
            except IndexError:
                assert step in wrong

    def values(self) -> list[np.ndarray]:
        return [p.detach().numpy().copy() for p in self.parameters()]


def make(library: Any, problem: Problem, name: str, options: dict[str, Any]) -> Any:
    return getattr(library.optim, name)(problem.parameters(), **options)


def assert_states_agree(actual: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    assert list(actual) == list(expected)
    for key, value in expected.items():
        if isinstance(value, dict):
            assert_states_agree(actual[key], value, rtol, atol)
        elif isinstance(value, torch.Tensor):
            assert str(actual[key].dtype).split(".")[1] == str(value.dtype).split(".")[1], key
            assert tuple(actual[key].shape) == tuple(value.shape), key
            np.testing.assert_allclose(actual[key].detach().numpy(), value.detach().numpy(), rtol, atol, err_msg=key)
        else:
            assert actual[key] == value, key


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_ten_steps(name: str, options: dict[str, Any]) -> None:
    ours, theirs = Problem(flambeau), Problem(torch)
    our_optimizer, their_optimizer = make(flambeau, ours, name, options), make(torch, theirs, name, options)
    assert repr(our_optimizer) == repr(their_optimizer)
    ours.train(our_optimizer)
    theirs.train(their_optimizer)
    for a, b in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    our_state, their_state = our_optimizer.state_dict(), their_optimizer.state_dict()
    assert our_state["param_groups"] == their_state["param_groups"]
    assert [list(group) for group in our_state["param_groups"]] == [list(g) for g in their_state["param_groups"]]
    assert_states_agree(our_state["state"], their_state["state"], 1e-4, 1e-5)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_ten_steps_in_double_precision(name: str, options: dict[str, Any]) -> None:
    ours, theirs = Problem(flambeau, "float64"), Problem(torch, "float64")
    ours.train(make(flambeau, ours, name, options))
    theirs.train(make(torch, theirs, name, options))
    for a, b in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_training_goes_on_after_wrong_labels_as_if_they_had_not_been(name: str, options: dict[str, Any]) -> None:
    ours, theirs = Problem(flambeau, "float64"), Problem(torch, "float64")
    our_optimizer, their_optimizer = make(flambeau, ours, name, options), make(torch, theirs, name, options)
    for problem, optimizer in ((ours, our_optimizer), (theirs, their_optimizer)):
        problem.train(optimizer, 7, wrong=(0, 3, 6))
    for a, b in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert_states_agree(our_optimizer.state_dict()["state"], their_optimizer.state_dict()["state"], 1e-10, 1e-12)


def test_a_momentum_that_a_file_has_none_of_begins_anew() -> None:
    results = []
    for library in (flambeau, torch):
        problem = Problem(library, "float64")
        optimizer = library.optim.SGD(problem.parameters(), lr=0.1, momentum=0.9, dampening=0.5)
        state = optimizer.state_dict()
        state["state"] = {0: {"momentum_buffer": None}}
        optimizer.load_state_dict(state)
        problem.train(optimizer, 3)
        results.append(problem.values())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_resuming_changes_nothing(name: str, options: dict[str, Any]) -> None:
    whole, first = Problem(flambeau), Problem(flambeau)
    whole.train(make(flambeau, whole, name, options), 6)
    optimizer = make(flambeau, first, name, options)
    first.train(optimizer, 3)
    state = pickle.loads(pickle.dumps(optimizer.state_dict()))
    resumed = make(flambeau, first, name, {"lr": 123.0})
    resumed.load_state_dict(state)
    first.train(resumed, 3)
    for a, b in zip(whole.values(), first.values(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_state_of_pytorch_can_be_loaded(name: str, options: dict[str, Any]) -> None:
    theirs, ours = Problem(torch), Problem(flambeau)
    their_optimizer = make(torch, theirs, name, options)
    theirs.train(their_optimizer, 4)
    state = their_optimizer.state_dict()
    state["state"] = {
        place: {key: convert(value) for key, value in entries.items()} for place, entries in state["state"].items()
    }
    with flambeau.no_grad():
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            a.copy_(flambeau.tensor(b.detach().numpy()))
    optimizer = make(flambeau, ours, name, options)
    optimizer.load_state_dict(state)
    ours.train(optimizer, 4)
    theirs.train(their_optimizer, 4)
    for a, b in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def convert(value: Any) -> Any:
    return flambeau.tensor(value.numpy().copy()) if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", sorted({name for name, _ in OPTIMIZERS} | {"LBFGS"}))
def test_signature(name: str) -> None:
    ours = inspect.signature(getattr(flambeau.optim, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [
        (p.name, p.default, p.kind) for p in theirs.values()
    ]


ERRORS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": -1.0}), ("SGD", {"momentum": -1.0}), ("SGD", {"weight_decay": -1.0}), ("SGD", {"nesterov": True}),
    ("Adam", {"lr": -1.0}), ("Adam", {"eps": -1.0}), ("Adam", {"betas": (1.0, 0.9)}), ("Adam", {"betas": (0.9, 1.0)}),
    ("Adam", {"weight_decay": -1.0}), ("Adam", {"betas": (0, 0.9)}), ("Adam", {"fused": True, "foreach": True}),
    ("AdamW", {"fused": True, "differentiable": True}), ("RMSprop", {"alpha": -1.0}), ("RMSprop", {"momentum": -1.0}),
    ("Adagrad", {"lr_decay": -1.0}), ("Adagrad", {"initial_accumulator_value": -1.0}), ("Adadelta", {"rho": 2.0}),
    ("Adamax", {"betas": (0.5, 2.0)}), ("NAdam", {"momentum_decay": -1.0}), ("RAdam", {"eps": -1.0}),
    ("Rprop", {"etas": (2.0, 1.0)}), ("ASGD", {"weight_decay": -1.0}), ("LBFGS", {"lr": -1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), ERRORS, ids=str)
def test_errors_of_options(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(Exception) as expected:
        make(torch, Problem(torch), name, options)
    with pytest.raises(expected.type) as actual:
        make(flambeau, Problem(flambeau), name, options)
    assert str(actual.value) == str(expected.value)


def test_numpy_and_tensor_learning_rates() -> None:
    for lr in (np.float64(0.1), np.float32(0.1), flambeau.tensor(0.1)):
        problem = Problem(flambeau)
        optimizer = flambeau.optim.SGD(problem.parameters(), lr=lr)
        problem.train(optimizer, 2)
        plain = Problem(flambeau)
        plain.train(flambeau.optim.SGD(plain.parameters(), lr=float(lr)), 2)
        np.testing.assert_array_equal(problem.values()[0], plain.values()[0])


def test_step_is_a_tensor_outside_and_counts_inside() -> None:
    problem = Problem(flambeau)
    optimizer = flambeau.optim.Adam(problem.parameters())
    problem.train(optimizer, 3)
    state = optimizer.state[problem.weight]
    assert isinstance(state["step"], flambeau.Tensor) and state["step"].item() == 3
    assert state["step"].dtype == flambeau.float32
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"] and len(state) == 3
    assert "step" in state and "other" not in state and state.get("other", 4) == 4
    assert [key for key, _ in state.items()] == list(state.keys())
    state["step"] += 1
    problem.train(optimizer, 1)
    assert float(state["step"]) == 5
    assert type(optimizer.state_dict()["state"][0]) is dict
    optimizer.state[problem.bias] = {key: value for key, value in optimizer.state[problem.bias].items()}
    optimizer.state[problem.bias]["step"] = 7
    problem.train(optimizer, 1)
    assert float(optimizer.state[problem.bias]["step"]) == 8


def test_copies_of_an_optimizer() -> None:
    problem = Problem(flambeau)
    optimizer = flambeau.optim.Adam(problem.parameters(), lr=0.02)
    problem.train(optimizer, 2)
    twin = copy.deepcopy(optimizer)
    assert twin.param_groups[0]["lr"] == 0.02 and len(twin.state) == 2
    again = pickle.loads(pickle.dumps(optimizer))
    for other in (twin, again):
        parameter = other.param_groups[0]["params"][0]
        assert float(other.state[parameter]["step"]) == 2
        np.testing.assert_array_equal(
            other.state[parameter]["exp_avg"].numpy(), optimizer.state[problem.weight]["exp_avg"].numpy()
        )
        parameter.grad = flambeau.ones_like(parameter)
        other.step()


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs(search: str | None) -> None:
    results = []
    for library in (flambeau, torch):
        problem = Problem(library, "float64")
        optimizer = library.optim.LBFGS(
            problem.parameters()[:2], lr=0.5 if search is None else 1.0, max_iter=6, line_search_fn=search
        )

        def closure(problem: Problem = problem, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = problem.loss()
            loss.backward()
            return loss

        losses = [float(optimizer.step(closure).detach()) for _ in range(4)]
        state = optimizer.state_dict()["state"][0]
        results.append((losses, problem.values(), state["func_evals"], state["n_iter"]))
    (losses, values, evaluations, iterations), (their_losses, their_values, their_evaluations, their_iterations) = (
        results
    )
    np.testing.assert_allclose(losses, their_losses, rtol=1e-5, atol=1e-9)
    assert losses[-1] < losses[0]
    for a, b in zip(values, their_values, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert (evaluations, iterations) == (their_evaluations, their_iterations)


def test_lbfgs_takes_one_group() -> None:
    problem = Problem(flambeau)
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        flambeau.optim.LBFGS([{"params": [problem.weight]}, {"params": [problem.bias]}])
    optimizer = flambeau.optim.LBFGS([problem.weight], line_search_fn="other")

    def closure() -> Any:
        loss = problem.loss()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optimizer.step(closure)


def test_differentiable_step() -> None:
    gradients = []
    for library in (flambeau, torch):
        start = library.tensor([1.0, 2.0], requires_grad=True)
        weight = (start * 1.0).requires_grad_()
        weight.retain_grad()
        optimizer = library.optim.SGD([weight], lr=0.5, differentiable=True)
        (gradient,) = library.autograd.grad(weight.clone().pow(3).sum(), weight, create_graph=True)
        weight.grad = gradient
        optimizer.step()
        weight.sum().backward()
        gradients.append(start.grad.tolist())
    assert gradients[0] == pytest.approx(gradients[1])


def test_training_a_network() -> None:
    flambeau.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = flambeau.optim.AdamW(model.parameters(), lr=0.02)
    x = flambeau.randn(64, 2)
    y = (x[:, :1] * x[:, 1:]).detach()
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(60):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate parameters")
def test_parameters_that_share_memory_change_one_after_the_other() -> None:
    def train(framework: Any) -> list[Any]:
        base = framework.tensor([1.0, 2.0, 3.0], dtype=framework.float64)
        first, second = base[:2].requires_grad_(), base[1:].requires_grad_()
        optimizer = framework.optim.SGD([first, second, first], lr=0.2, weight_decay=0.5)
        for _ in range(3):
            first.grad, second.grad = base.new_tensor([1.0, 2.0]), base.new_tensor([3.0, 4.0])
            optimizer.step()
        return base.tolist()  # type: ignore[no-any-return]

    np.testing.assert_allclose(train(flambeau), train(torch), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate parameters")
def test_a_momentum_of_a_parameter_that_is_there_twice() -> None:
    def train(framework: Any) -> list[Any]:
        parameter = framework.nn.Parameter(framework.tensor([1.0, 2.0], dtype=framework.float64))
        optimizer = framework.optim.SGD([parameter, parameter], lr=0.2, momentum=0.5)
        for _ in range(3):
            parameter.grad = framework.tensor([0.5, -1.0], dtype=framework.float64)
            optimizer.step()
        return parameter.tolist()  # type: ignore[no-any-return]

    np.testing.assert_allclose(train(flambeau), train(torch), rtol=1e-12)


@pytest.mark.parametrize("option", ["lr", "momentum", "weight_decay"])
def test_plain_descent_takes_nan(option: str) -> None:
    problem = Problem(flambeau)
    problem.train(make(flambeau, problem, "SGD", {option: float("nan")}), 2)
    assert np.isnan(problem.values()[0]).all()
    with pytest.raises(ValueError, match="nan"):
        make(flambeau, problem, "RMSprop", {option: float("nan")})


@pytest.mark.parametrize("dtype", [flambeau.bfloat16, flambeau.float16])
def test_sums_in_half_precision_are_rounded_once(dtype: Any) -> None:
    """They have the bits of ``lerp``, ``addcmul`` and ``addcdiv``."""
    gradient = flambeau.linspace(-3, 3, 50).to(dtype)
    start = flambeau.linspace(1, 2, 50).to(dtype)
    states = {}
    for name in ("Adamax", "Adadelta"):
        parameter = nn.Parameter(start.clone())
        parameter.grad = gradient
        optimizer = getattr(flambeau.optim, name)([parameter], lr=0.1)
        optimizer.step()
        states[name] = parameter.detach(), *[v for k, v in optimizer.state[parameter].items() if k != "step"]
    changed, average, largest = states["Adamax"]
    assert flambeau.equal(average, flambeau.zeros_like(gradient).lerp(gradient, 1 - 0.9))
    assert flambeau.equal(changed, start.addcdiv(average, largest, value=-0.1 / (1 - 0.9)))
    changed, square, _ = states["Adadelta"]
    assert flambeau.equal(square, flambeau.zeros_like(gradient).addcmul(gradient, gradient, value=1 - 0.9))


@pytest.mark.parametrize("name", ["RAdam", "SGD", "Adam"])
def test_a_group_whose_rate_is_no_number_counts_no_step(name: str) -> None:
    first, second = Problem(flambeau), Problem(flambeau)
    for problem in (first, second):
        optimizer = make(flambeau, problem, name, {})
        problem.loss().backward()
        if problem is first:
            optimizer.param_groups[0]["lr"] = "none"
            with pytest.raises((TypeError, ValueError)):
                optimizer.step()
            optimizer.param_groups[0]["lr"] = 0.01
        else:
            optimizer.param_groups[0]["lr"] = 0.01
        optimizer.step()
    for a, b in zip(first.values(), second.values(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("name", "options"), [("SGD", {"momentum": 0.5}), ("Adam", {}), ("Rprop", {})], ids=str)
def test_gradients_that_lie_otherwise_in_memory(name: str, options: dict[str, Any]) -> None:
    """Transposed, or one number seen everywhere: what is kept for the parameter has memory of its own."""

    def train(framework: Any, transposed: bool) -> list[Any]:
        parameter = framework.nn.Parameter(framework.ones(2, 3, dtype=framework.float64))
        optimizer = getattr(framework.optim, name)([parameter], lr=0.1, **options)
        for step in range(3):
            numbers = framework.arange(6, dtype=framework.float64).reshape(3, 2).t()
            parameter.grad = numbers if transposed else framework.full((1, 1), step - 1.0, dtype=framework.float64).expand(2, 3)
            optimizer.step()
        return parameter.tolist()  # type: ignore[no-any-return]

    for transposed in (False, True):
        np.testing.assert_allclose(train(flambeau, transposed), train(torch, transposed), rtol=1e-12)
