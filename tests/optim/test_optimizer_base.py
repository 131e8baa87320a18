"""What all optimisers share: parameter groups, state dictionaries, hooks, optimisers of one's own."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

LIBRARIES = (torch, flambeau)


def raised(function: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    try:
        function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error).replace("flambeau", "torch")
    raise AssertionError("nothing was raised")


def both(program: Any) -> tuple[Any, Any]:
    notes = []
    for library in LIBRARIES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notes.append(program(library))
    return notes[0], notes[1]


def assert_both(program: Any) -> None:
    expected, actual = both(program)
    assert actual == expected


def leaf(library: Any, *values: float) -> Any:
    return library.nn.Parameter(library.tensor(values or (1.0, 2.0)))


def test_parameter_groups() -> None:
    def program(library: Any) -> Any:
        a, b, c = leaf(library), leaf(library), leaf(library)
        o = library.optim.SGD([{"params": [a], "lr": 0.5}, {"params": b, "name": "second"}], lr=0.1, momentum=0.9)
        o.add_param_group({"params": [c], "momentum": 0.0})
        notes: list[Any] = [[(g["lr"], g["momentum"], len(g["params"])) for g in o.param_groups], repr(o)]
        named = library.optim.SGD([("a", a), ("b", b)], lr=0.1)
        notes += [named.param_groups[0]["param_names"], list(named.state_dict()["param_groups"][0])]
        notes += [
            raised(o.add_param_group, 3), raised(o.add_param_group, {"params": {a}}),
            raised(o.add_param_group, {"params": [a]}), raised(o.add_param_group, {"params": [3]}),
            raised(o.add_param_group, {"params": [a * 2]}),
            raised(o.add_param_group, {"params": [("x", leaf(library))]}),
            raised(library.optim.SGD, [("a", a), b]), raised(library.optim.SGD, []), raised(library.optim.SGD, 3)[0],
        ]  # fmt: skip
        return notes

    assert_both(program)


def test_parameters_in_place_of_a_list() -> None:
    with pytest.raises(TypeError, match="params argument given to the optimizer should be an iterable"):
        flambeau.optim.SGD(leaf(flambeau))
    p = leaf(flambeau)
    with pytest.warns(UserWarning, match="optimizer contains a parameter group with duplicate parameters"):
        flambeau.optim.SGD([p, p])


def test_required_options() -> None:
    from flambeau.optim.optimizer import Optimizer, required

    class Own(Optimizer):
        def __init__(self, params: Any, lr: Any = required) -> None:
            super().__init__(params, {"lr": lr})

    assert repr(required) == "<required parameter>"
    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
        Own([leaf(flambeau)])
    assert Own([{"params": [leaf(flambeau)], "lr": 1}]).param_groups[0]["lr"] == 1


def test_zero_grad() -> None:
    p = leaf(flambeau)
    optimizer = flambeau.optim.SGD([p], lr=0.1)
    p.grad = flambeau.ones(2)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert p.grad is None
    optimizer.step()
    assert p.tolist() == [1.0, 2.0]


def test_closure() -> None:
    p = leaf(flambeau)
    optimizer = flambeau.optim.SGD([p], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    with flambeau.no_grad():
        loss = optimizer.step(closure)
    assert float(loss) == 5.0
    assert p.tolist() == pytest.approx([0.8, 1.6])
    assert optimizer.step() is None


def test_step_of_a_leaf_that_requires_grad_leaves_it_a_leaf() -> None:
    p = leaf(flambeau)
    p.grad = flambeau.ones(2)
    flambeau.optim.Adam([p]).step()
    assert p.is_leaf and p.requires_grad and p.grad is not None


def test_hooks() -> None:
    def program(library: Any) -> Any:
        notes: list[Any] = []
        everywhere = importlib.import_module(library.__name__ + ".optim.optimizer")
        p = leaf(library)
        o = library.optim.SGD([p], lr=0.1)
        p.grad = library.ones(2)
        handles = [
            o.register_step_pre_hook(lambda opt, args, kwargs: notes.append(("pre", opt is o, len(args), kwargs))),
            o.register_step_post_hook(lambda opt, args, kwargs: notes.append(("post", opt is o))),
            everywhere.register_optimizer_step_pre_hook(lambda *a: notes.append("global pre")),
            everywhere.register_optimizer_step_post_hook(lambda *a: notes.append("global post")),
        ]
        o.step()
        for handle in handles:
            handle.remove()
        o.step()
        o.register_step_pre_hook(lambda opt, args, kwargs: ((opt, lambda: 7), {}))
        notes.append(o.step())
        o.register_step_pre_hook(lambda *a: 3)
        notes.append(raised(o.step)[0])
        return notes

    assert_both(program)


def test_state_dict_hooks() -> None:
    def program(library: Any) -> Any:
        notes: list[Any] = []
        o = library.optim.SGD([leaf(library)], lr=0.1)
        o.register_state_dict_pre_hook(lambda opt: notes.append("pre"))
        o.register_state_dict_post_hook(lambda opt, state: {**state, "more": 1})
        o.register_state_dict_post_hook(lambda opt, state: notes.append("first"), prepend=True)
        o.register_load_state_dict_pre_hook(lambda opt, state: notes.append(("load", state.pop("more"))))
        o.register_load_state_dict_post_hook(lambda opt: notes.append("loaded"))
        state = o.state_dict()
        notes.append(list(state))
        o.load_state_dict(state)
        return [*notes, list(state)]

    assert_both(program)


def test_state_dict() -> None:
    def program(library: Any) -> Any:
        a, b = leaf(library), leaf(library)
        o = library.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1, momentum=0.9)
        a.grad = library.ones(2)
        o.step()
        state = o.state_dict()
        notes: list[Any] = [state["param_groups"], list(state["state"]), state["state"][0]["momentum_buffer"].tolist()]
        other = library.optim.SGD([leaf(library), leaf(library)], lr=0.1)
        notes.append(raised(other.load_state_dict, state))
        third = library.optim.SGD([{"params": [leaf(library), leaf(library)]}, {"params": [leaf(library)]}], lr=0.1)
        notes.append(raised(third.load_state_dict, state))
        return notes

    assert_both(program)


def test_loading_casts_to_the_parameters_dtype() -> None:
    p = leaf(flambeau)
    optimizer = flambeau.optim.Adam([p])
    p.grad = flambeau.ones(2)
    optimizer.step()
    state = optimizer.state_dict()
    q = flambeau.nn.Parameter(flambeau.ones(2, dtype=flambeau.float64))
    other = flambeau.optim.Adam([q])
    other.load_state_dict(state)
    assert other.state[q]["exp_avg"].dtype == flambeau.float64
    assert other.state_dict()["state"][0]["step"].dtype == flambeau.float32


def test_loading_does_not_change_what_was_loaded() -> None:
    p = leaf(flambeau)
    optimizer = flambeau.optim.SGD([p], lr=0.1)
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    optimizer.param_groups[0]["lr"] = 5.0
    assert state["param_groups"][0]["lr"] == 0.1 and state["param_groups"][0]["params"] == [0]


def test_groups_of_older_files_get_newer_options() -> None:
    optimizer = flambeau.optim.AdamW([leaf(flambeau)])
    state = optimizer.state_dict()
    for name in ("maximize", "fused", "foreach", "decoupled_weight_decay", "differentiable", "capturable", "amsgrad"):
        del state["param_groups"][0][name]
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["maximize"] is False and optimizer.param_groups[0]["decoupled_weight_decay"]


def test_an_optimizer_of_ones_own() -> None:
    results = []
    for library in LIBRARIES:

        class Sign(library.optim.Optimizer):  # type: ignore[name-defined, misc]
            def __init__(self, params: Any, lr: float = 0.1, library: Any = library) -> None:
                self.library = library
                super().__init__(params, {"lr": lr})

            def step(self, closure: Any = None) -> Any:
                with self.library.no_grad():
                    for group in self.param_groups:
                        for p in group["params"]:
                            if p.grad is None:
                                continue
                            state = self.state[p]
                            if len(state) == 0:
                                state["step"] = 0
                                state["average"] = self.library.zeros_like(p)
                            state["step"] += 1
                            state["average"].mul_(0.5).add_(p.grad, alpha=0.5)
                            p.data.add_(state["average"].sign(), alpha=-group["lr"] / state["step"])

        p = leaf(library, 1.0, -2.0, 3.0)
        optimizer = Sign([p])
        for _ in range(4):
            optimizer.zero_grad()
            p.square().sum().backward()
            optimizer.step()
        results.append((p.tolist(), optimizer.state_dict()["state"][0]["step"]))
    assert results[1][0] == pytest.approx(results[0][0]) and results[1][1] == 4


def test_an_optimizer_around_another() -> None:
    """Sharpness-aware minimisation: its groups are those of the optimiser within."""
    results = []
    for library in LIBRARIES:

        class Around(library.optim.Optimizer):  # type: ignore[name-defined, misc]
            def __init__(self, params: Any, base: Any, rho: float = 0.05, **options: Any) -> None:
                super().__init__(params, {"rho": rho, **options})
                self.base = base(self.param_groups, **options)
                self.param_groups = self.base.param_groups
                self.defaults.update(self.base.defaults)

            def climb(self, library: Any = library) -> None:
                with library.no_grad():
                    for p in self.param_groups[0]["params"]:
                        self.state[p]["old"] = p.data.clone()
                        p.add_(p.grad * self.param_groups[0]["rho"])
                self.zero_grad()

            def step(self, closure: Any = None, library: Any = library) -> Any:
                with library.no_grad():
                    for p in self.param_groups[0]["params"]:
                        p.data = self.state[p]["old"]
                self.base.step()
                self.zero_grad()

        p = leaf(library, 1.0, -2.0)
        optimizer = Around([p], library.optim.SGD, lr=0.1, momentum=0.9)
        for _ in range(3):
            p.pow(4).sum().backward()
            optimizer.climb()
            p.pow(4).sum().backward()
            optimizer.step()
        results.append(p.tolist())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)


def test_learning_rate_may_change_at_every_step() -> None:
    results = []
    for library in LIBRARIES:
        p = leaf(library)
        optimizer = library.optim.SGD([p], lr=0.1, momentum=0.5)
        for step in range(5):
            for group in optimizer.param_groups:
                group["lr"] = 0.1 / (step + 1)
            optimizer.zero_grad()
            p.square().sum().backward()
            optimizer.step()
        results.append(p.tolist())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)
