"""``torch.library.opcheck``: the same verdicts as PyTorch's on operations that fit together, and on those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree

import flambeau

Fake = Callable[..., Any]


def kernel(name: str, T: Any) -> Any:
    """The function of an operation, and its fake implementation."""

    def sine(x: T.Tensor, factor: float) -> T.Tensor:
        return T.from_numpy(np.sin(x.detach().numpy()) * factor).to(x.dtype)

    def writing(x: T.Tensor, factor: float) -> T.Tensor:
        x.mul_(factor)
        return x.cos()

    def written(x: T.Tensor, factor: float) -> T.Tensor:
        result = x * factor
        x.add_(1)
        return result

    def itself(x: T.Tensor, factor: float) -> T.Tensor:
        return x

    like: Fake = lambda x, factor: T.empty_like(x)  # noqa: E731
    return {
        "fits": (sine, like, ()),
        "no_fake": (sine, None, ()),
        "longer": (sine, lambda x, factor: x.new_empty((*x.shape, 1)), ()),
        "wider": (sine, lambda x, factor: T.empty_like(x, dtype=T.float64), ()),
        "turned": (sine, lambda x, factor: T.empty_like(x.mT).mT, ()),
        "more": (sine, lambda x, factor: (T.empty_like(x), T.empty_like(x)), ()),
        "writes": (writing, like, ()),
        "says_that_it_writes": (written, like, ("x",)),
        "gives_what_it_took": (itself, like, ()),
    }[name]


def defined(T: Any, name: str) -> Any:
    function, fake, mutates = kernel(name, T)
    function.__annotations__ = {"x": T.Tensor, "factor": float, "return": T.Tensor}
    operation = T.library.custom_op(f"opcheck_tests::{name}", function, mutates_args=mutates)
    if fake is not None:
        operation.register_fake(fake)
    if name == "fits":
        operation.register_autograd(
            lambda ctx, grad: (grad * ctx.cosine, None),
            setup_context=lambda ctx, inputs, output: setattr(ctx, "cosine", inputs[0].cos() * inputs[1]),
        )
    return operation


@pytest.mark.parametrize(
    "name",
    ["fits", "no_fake", "longer", "wider", "turned", "more", "writes", "says_that_it_writes", "gives_what_it_took"],
)
def test_verdicts(name: str) -> None:
    def program(T: Any) -> Any:
        operation = defined(T, name)
        verdicts = []
        for x in [T.linspace(0, 1, 6).reshape(2, 3), T.zeros(0, 3), T.linspace(0, 1, 6).reshape(2, 3).requires_grad_()]:
            if x.requires_grad and name.startswith(("says", "writes", "gives")):
                continue
            found = T.library.opcheck(operation, (x, 2.0), raise_exception=False)
            verdicts.append({test: verdict == "SUCCESS" for test, verdict in found.items()})
            try:
                T.library.opcheck(operation, (x, 2.0))
            except Exception as error:
                verdicts.append((type(error).__name__, str(error).partition(" failed with")[0]))
        return verdicts

    agree(program)


def test_arguments_stay_as_they_are_and_calls_are_understood() -> None:
    operation = defined(flambeau, "says_that_it_writes")
    x = flambeau.ones(2)
    tests = ["test_schema", "test_faketensor"]
    found = flambeau.library.opcheck(operation._opoverload, (x,), {"factor": 3.0}, test_utils=tests)
    assert found == {"test_schema": "SUCCESS", "test_faketensor": "SUCCESS"} and x.tolist() == [1, 1]
    assert list(flambeau.library.opcheck(operation, (x, 1.0), test_utils="test_schema")) == ["test_schema"]
    for options in [{"test_utils": "nonsense"}, {"rtol": 1e-3}]:
        messages = []
        for T, given in [(flambeau, operation), (torch, torch.ops.aten.sin.default)]:
            with pytest.raises(ValueError, match="opcheck") as caught:
                T.library.opcheck(given, (T.ones(2),), **options)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
