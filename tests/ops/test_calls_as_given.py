"""What sees calls is told them as they were given, also where wrappers have got parameters of their own."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
import torch.fx
import torch.overrides
from oracle import agree

import flambeau
from flambeau.ops import calls


def program(T: Any) -> list[Any]:
    """Calls with arguments by position and by keyword, in all ways, and with what are the defaults."""
    x = T.ones(2, 3)
    T.cat([x, x], dim=1), T.cat([x, x], 1), T.cat([x, x], 0), T.cat(tensors=[x, x], dim=0)
    T.sum(x), T.sum(x, dim=None), T.sum(input=x, dim=1, keepdim=False), x.sum(1, False), x.sum(dim=(0, 1))
    T.softmax(x, dim=-1), x.softmax(1), T.add(x, x, alpha=1), x.add(x), x.mul(other=x), x.clamp(min=None, max=2)
    return []


CALLED = ("cat", "sum", "softmax", "add", "mul", "clamp")


@pytest.fixture(autouse=True)
def own_signatures() -> None:
    """All that the program calls has been called often, and no class is left that asks for calls as given."""
    gc.collect()
    for name in CALLED:
        for owner in (flambeau, flambeau.Tensor):
            if hasattr(owner, name):
                getattr(owner, name).__checked__.specialize()
    assert is_specialized("cat") or calls._AS_GIVEN


def is_specialized(name: str) -> bool:
    return getattr(flambeau, name).__code__.co_name != "call"


def told(func: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
    shown = [type(a).__name__ if isinstance(a, (list, torch.Tensor, flambeau.Tensor)) else a for a in args]
    return func.__name__, shown, sorted(kwargs)


def test_modes_are_told_calls_as_given() -> None:
    def found_calls(T: Any) -> list[Any]:
        found = []

        class Mode(T.overrides.TorchFunctionMode):  # type: ignore[misc,name-defined]
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                found.append(told(func, args, kwargs or {}))
                return func(*args, **(kwargs or {}))

        with Mode():
            program(T)
        return [call for call in found if call[0] in CALLED]

    agree(found_calls)


def test_subclasses_are_told_calls_as_given() -> None:
    def found_calls(T: Any) -> list[Any]:
        found = []

        class Told(T.Tensor):  # type: ignore[misc,name-defined]
            @classmethod
            def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                found.append(told(func, args, kwargs or {})[::2])
                return super().__torch_function__(func, types, args, kwargs or {})

        x = T.ones(2, 3).as_subclass(Told)
        T.cat([x, x], dim=1), x.sum(1, False), T.sum(input=x, dim=1), T.add(x, x, alpha=1), x.softmax(dim=1)
        return [call for call in found if call[0] in CALLED]

    agree(found_calls)


def test_other_classes_are_told_calls_as_given() -> None:
    def found_calls(T: Any) -> list[Any]:
        class Other:
            @classmethod
            def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                return func.__name__, [type(a).__name__ for a in args], sorted(kwargs or {})

        T.sum(Other())  # from the first call on it is known
        return [T.sum(Other(), dim=1), T.cat([Other(), T.ones(2)], dim=0), T.softmax(Other(), -1), T.sum(input=Other(), dim=None)]

    agree(found_calls)


def test_graphs_have_calls_as_given() -> None:
    def text(T: Any) -> str:
        def traced(x: Any) -> Any:
            return T.cat([x, x], dim=1) + T.sum(x, 1, keepdim=False) + x.sum(dim=0) + T.softmax(input=x, dim=1)

        return T.fx.symbolic_trace(traced).code.replace("flambeau", "torch")  # type: ignore[no-any-return]

    agree(text)


def test_wrappers_get_parameters_of_their_own_again() -> None:
    class Mode(flambeau.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    others = list(calls._AS_GIVEN)
    with Mode():
        assert not is_specialized("cat")
        assert flambeau.cat([flambeau.ones(1), flambeau.ones(1)], dim=0).tolist() == [1, 1]
        flambeau.cat.__checked__.specialize()
        assert not is_specialized("cat")
    assert calls._AS_GIVEN == others
    flambeau.cat.__checked__.specialize()
    assert is_specialized("cat") or others


def test_tensors_of_pytorch_are_not_asked() -> None:
    """They have a ``__torch_function__``, too, which would call the function that asks it."""
    with pytest.raises(TypeError):
        flambeau.sum(torch.ones(2))

    class Mode(flambeau.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    with Mode():
        assert flambeau.from_dlpack(torch.ones(2)).tolist() == [1, 1]
