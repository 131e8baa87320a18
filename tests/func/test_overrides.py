"""``__torch_function__``: what subclasses, other classes and modes are told, beside PyTorch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import flambeau
import flambeau.nn.functional
import flambeau.overrides
import flambeau.utils._python_dispatch
from flambeau.ops.calls import ACTIVE
from flambeau.ops.overriding import _asking_for, intercept


@pytest.fixture(autouse=True, scope="module")
def no_class_stays() -> Iterator[None]:
    """Functions look at their arguments as long as there is a class to be asked, of other tests perhaps."""
    gc.collect()
    others = _asking_for[0]
    yield
    gc.collect()
    assert _asking_for[0] <= others
    assert others or intercept not in ACTIVE


#: Expressions of a tensor ``p``, of one of a class that notes calls ``x``, and of one of a class that does nothing ``d``.
EXPRESSIONS = [
    "x + 1", "1 + x", "p + x", "x - 1", "1 - x", "x * 2", "x / 2", "x @ x", "x**2", "-x", "x == 1", "x < 1", "x[0]", "x.shape",
    "x.size()", "x.sum()", "T.sum(x)", "F.relu(x)", "x.__iadd__(1)", "abs(x)", "x.grad", "x.mT", "x.dtype", "x.tolist()",
    "len(x)", "x.float()", "x.device", "x.requires_grad", "x.detach()", "x.clone()", "T.cat([x, p])", "x % 2", "x > 0",
    "x.dim()", "x.numel()", "x.__setitem__(0, 1)", "T.nn.Parameter(x.sum()) is x", "x.is_contiguous()", "T.is_tensor(x)",
    "x.ndim", "x.max(0)[0]", "x.to(T.float64)", "T.zeros_like(x)", "x.data", "x.is_leaf", "float(x[0, 0])", "x.new_ones(2)",
    "d + 1", "d.sum()", "d[0]", "T.stack([d, d])", "d.max(0)[0]", "d.mT", "p + d", "d.view(4, 1)", "F.linear(d, p)", "p + 1",
    "T.split(d, 1)[0]", "d.clone()", "d > 0", "d.shape", "T.nn.Linear(2, 1)(d)", "T.nn.Parameter(p) + 1", "1 / d", "2**d",
]  # fmt: skip


def told(T: Any, expression: str) -> Any:
    """What a class is told of an expression, and the class of the result."""
    calls: list[Any] = []

    class Noting(T.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            calls.append(func.__name__)
            return super().__torch_function__(func, types, args, kwargs or {})

    class Plain(T.Tensor):
        pass

    p = T.ones(2, 2)
    space = {"T": T, "F": T.nn.functional, "p": p, "x": p.clone().as_subclass(Noting), "d": p.clone().as_subclass(Plain)}
    calls.clear()
    result = eval(expression, space)
    return calls, type(result).__name__


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.filterwarnings("ignore")
def test_subclasses(expression: str) -> None:
    assert told(flambeau, expression) == told(torch, expression)


def test_gradients_go_through_subclasses() -> None:
    for T in (torch, flambeau):

        class Named(T.Tensor):
            pass

        x = T.ones(3, requires_grad=True)
        y = (x.as_subclass(Named) * 2).exp().sum()
        assert type(y) is Named
        y.backward()
        assert x.grad.shape == (3,) and type(x.grad) is T.Tensor
        leaf = T.Tensor._make_subclass(Named, T.ones(2), True)
        (leaf * 3).sum().backward()
        assert leaf.grad.tolist() == [3, 3] and leaf.is_leaf and type(Named([1.0, 2.0])) is Named


def test_other_classes() -> None:
    for T in (torch, flambeau):

        class Wrapper:
            @classmethod
            def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                return func.__name__, [each.__name__ for each in types], len(args)

        k, p = Wrapper(), T.ones(2)
        F = T.nn.functional
        assert [T.sum(k), T.add(p, k), F.relu(k), T.cat([k, p]), T.mean(k, dim=0), F.linear(k, p)] == [
            ("sum", ["Wrapper"], 1), ("add", ["Wrapper"], 2), ("relu", ["Wrapper"], 1), ("cat", ["Wrapper"], 1),
            ("mean", ["Wrapper"], 1), ("linear", ["Wrapper"], 2),
        ]  # fmt: skip
        assert T.overrides.is_tensor_like(k) and not T.overrides.is_tensor_like(3)
        assert T.overrides.has_torch_function((k,)) and not T.overrides.has_torch_function((p,))

        @T.overrides.wrap_torch_function(lambda value: (value,))
        def own(value: Any) -> int:
            return 7

        assert own(p) == 7 and own(k) == ("own", ["Wrapper"], 1)

        class Refusing:
            @classmethod
            def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                return NotImplemented

        with pytest.raises(TypeError, match="dispatch failed for 'torch"):
            T.sum(Refusing())


def test_modes() -> None:
    results = []
    for T in (torch, flambeau):
        calls: list[Any] = []

        class Mode(T.overrides.TorchFunctionMode):
            def __torch_function__(
                self, func: Any, types: Any, args: Any = (), kwargs: Any = None, T: Any = T, calls: Any = calls
            ) -> Any:
                calls.append(func.__name__)
                if func is T.nn.functional.relu:
                    return T.full((1,), 5.0)
                return func(*args, **(kwargs or {}))

        p = T.ones(2)
        with Mode():
            _ = p + 1, T.ones(2), T.tensor(1), p.sum(), p[0], p.size(), 1 - p, p == p, p @ p, T.zeros(1)
            replaced = T.nn.functional.relu(p)
            with Mode():
                p.exp()
        _ = p + 1, T.ones(2)
        results.append((calls, replaced.tolist()))
    assert results[0] == results[1]


def test_names() -> None:
    for T in (torch, flambeau):
        name = T.overrides.resolve_name
        assert [name(f) for f in (T.Tensor.add, T.add, T.Tensor.shape.__get__, T.nn.functional.relu, print)] == [
            "torch.Tensor.add", "torch.add", "torch.Tensor.shape.__get__", "torch.nn.functional.relu", None,
        ]  # fmt: skip
        assert T.overrides.is_tensor_method_or_property(T.Tensor.add) and not T.overrides.is_tensor_method_or_property(T.add)
        functions = T.overrides.get_overridable_functions()
        assert T.Tensor.sum in functions[T.Tensor] and T.sum in functions[T]
        assert T.overrides.get_testing_overrides()[T.add](1, 2) == -1
