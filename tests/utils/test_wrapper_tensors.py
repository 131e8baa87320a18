"""Classes of tensors with ``__torch_dispatch__``, with memory of their own and without, as PyTorch has them."""

from __future__ import annotations

import copy
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.utils._python_dispatch
import torch.utils._pytree

import flambeau
from flambeau._ops import namespace


class World:
    """A library with the classes of the tests, and what these have been told."""

    def __init__(self, library: ModuleType) -> None:
        self.lib = library
        self.dispatch = import_module(f"{library.__name__}.utils._python_dispatch")
        self.aten = torch.ops.aten if library is torch else namespace("aten")
        self.told: list[str] = []
        self.Logging = self._logging()
        self.Scaled = self._scaled()

    def _logging(self) -> Any:
        lib, told = self.lib, self.told
        tree_map = import_module(f"{lib.__name__}.utils._pytree").tree_map

        class Logging(lib.Tensor):  # type: ignore[misc, name-defined]
            """A tensor around another one, which does the work."""

            __slots__ = ["elem"]
            __torch_function__ = import_module(f"{lib.__name__}._C")._disabled_torch_function_impl

            @staticmethod
            def __new__(cls: Any, elem: Any, requires_grad: bool | None = None) -> Any:
                track = elem.requires_grad if requires_grad is None else requires_grad
                made = lib.Tensor._make_wrapper_subclass(
                    cls, elem.size(), strides=elem.stride(), storage_offset=elem.storage_offset(), dtype=elem.dtype,
                    layout=elem.layout, device=elem.device, requires_grad=track,
                )  # fmt: skip
                made.elem = elem.detach() if made.requires_grad else elem
                return made

            def __repr__(self) -> str:
                return f"Logging({self.elem.tolist()})"

            @classmethod
            def __torch_dispatch__(cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
                inner = lambda x: x.elem if isinstance(x, Logging) else x  # noqa: E731
                outer = lambda x: cls(x) if isinstance(x, lib.Tensor) else x  # noqa: E731
                result = func(*tree_map(inner, args), **tree_map(inner, kwargs or {}))
                if func is not self.aten.detach.default:
                    told.append(str(func).removeprefix("aten."))
                return self.dispatch.return_and_correct_aliasing(func, args, kwargs or {}, tree_map(outer, result))

        return Logging

    def _scaled(self) -> Any:
        lib, aten = self.lib, self.aten

        class Scaled(lib.Tensor):  # type: ignore[misc, name-defined]
            """A matrix in eight bits, with a scale for each row."""

            __torch_function__ = import_module(f"{lib.__name__}._C")._disabled_torch_function_impl

            @staticmethod
            def __new__(cls: Any, whole: Any, scale: Any, shape: Any) -> Any:
                return lib.Tensor._make_wrapper_subclass(cls, shape, dtype=lib.float32, device=whole.device)

            def __init__(self, whole: Any, scale: Any, shape: Any) -> None:
                self.whole, self.scale = whole, scale

            def __tensor_flatten__(self) -> tuple[list[str], Any]:
                return ["whole", "scale"], self.shape

            @staticmethod
            def __tensor_unflatten__(inner: Any, context: Any, size: Any, stride: Any) -> Any:
                return Scaled(inner["whole"], inner["scale"], context)

            @classmethod
            def of(cls, x: Any) -> Any:
                scale = x.abs().amax(1, keepdim=True) / 127
                return cls((x / scale).round().to(lib.int8), scale, x.shape)

            def plain(self) -> Any:
                return self.whole.to(lib.float32) * self.scale

            @classmethod
            def __torch_dispatch__(cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
                if func in (aten.detach.default, aten.clone.default):
                    made = cls(args[0].whole, args[0].scale, args[0].shape)
                    return self.dispatch.return_and_correct_aliasing(func, args, kwargs or {}, made)
                if func in (aten.t.default, aten.mm.default, aten.addmm.default, aten.mul.Tensor):
                    return func(*[x.plain() if isinstance(x, cls) else x for x in args], **(kwargs or {}))
                return NotImplemented

        return Scaled

    def take(self) -> list[str]:
        """What has been told since this was asked last."""
        told = [*self.told]
        self.told.clear()
        return told


def plain(value: Any) -> Any:
    """A result as text and numbers."""
    kind = type(value).__name__
    if hasattr(value, "elem"):
        return kind, value.elem.tolist(), value.requires_grad
    if hasattr(value, "whole"):
        return kind, value.plain().tolist()
    return (kind, value.detach().tolist(), value.requires_grad) if hasattr(value, "detach") else value


def operators(world: World) -> list[Any]:
    lib, a = world.lib, world.Logging(world.lib.ones(2, 3))
    b = (a + 1) * 2
    found = [b, lib.ones(2, 3) + a, lib.ones(2, 2) @ a, 2 - a, -a, a > 0, a[0], lib.cat([a, lib.ones(1, 3)]), lib.stack([a, a])]
    found += [b.shape, str(b.dtype), str(b.device), b.is_leaf, b.stride(), b.is_contiguous(), a.sum().item(), repr(a)]
    return [plain(x) if not hasattr(x, "numel") or x is b.shape else plain(x) for x in found] + world.take()


def gradients(world: World) -> list[Any]:
    lib = world.lib
    a, w = world.Logging(lib.arange(6.0).reshape(2, 3), True), lib.ones(3, 2, requires_grad=True)
    loss = (lib.nn.functional.relu(a @ w) * (a * a).sum()).mean()
    name = type(loss.grad_fn).__name__
    loss.backward()
    first = [plain(a.grad), plain(w.grad), name, *world.take()]
    loss = (a * 2).sum()
    loss.backward()
    (g,) = lib.autograd.grad((a**3).sum(), a, create_graph=True)
    (h,) = lib.autograd.grad(g.sum(), a)
    return [*first, plain(a.grad), plain(g), plain(h), *world.take()]


def in_place(world: World) -> list[Any]:
    a = world.Logging(world.lib.ones(3))
    same = a.add_(2) is a
    a += 1
    a[0].mul_(5)
    return [same, plain(a), plain(a[1:]), *world.take()]


def quantised(world: World) -> list[Any]:
    lib, nn = world.lib, world.lib.nn
    w = world.Scaled.of(lib.arange(12.0).reshape(3, 4) / 10 - 0.5)
    x = lib.ones(2, 4, requires_grad=True)
    y = nn.functional.linear(x, w, lib.zeros(3, requires_grad=True))
    y.sum().backward()
    found = [plain(y), plain(x.grad), world.dispatch.is_traceable_wrapper_subclass(w), w.shape]
    parameter = nn.Parameter(w, requires_grad=False)
    layer = nn.Linear(4, 3, bias=False)
    layer.weight = parameter
    found += [isinstance(parameter, nn.Parameter), parameter.requires_grad, plain(layer(lib.ones(2, 4)))]
    names, context = w.__tensor_flatten__()
    again = type(w).__tensor_unflatten__({name: getattr(w, name) for name in names}, context, w.size(), w.stride())
    return [*found, type(layer.state_dict()["weight"]).__name__, plain(again), plain(copy.deepcopy(w))]


def trained(world: World) -> list[Any]:
    lib = world.lib
    parameter = lib.nn.Parameter(world.Logging(lib.ones(2)))
    steps = lib.optim.SGD([parameter], lr=0.1, momentum=0.9)
    for _ in range(2):
        steps.zero_grad()
        (parameter * parameter).sum().backward()
        world.take()
        steps.step()
    return [type(parameter).__name__, parameter.is_leaf, plain(parameter.detach()), *world.take()]


def with_memory(world: World) -> list[Any]:
    lib, told = world.lib, world.told

    class Old(lib.Tensor):  # type: ignore[misc, name-defined]
        __torch_function__ = import_module(f"{lib.__name__}._C")._disabled_torch_function_impl

        @staticmethod
        def __new__(cls: Any, x: Any) -> Any:
            return lib.Tensor._make_subclass(cls, x, x.requires_grad)

        @classmethod
        def __torch_dispatch__(cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
            told.append(str(func))
            return super().__torch_dispatch__(func, types, args, kwargs)

    a = Old(lib.ones(2))
    return [plain(a + 1), (a * 2).tolist(), *world.take()]


def under_a_mode(world: World) -> list[Any]:
    told = world.told

    class Mode(world.dispatch.TorchDispatchMode):  # type: ignore[misc, name-defined]
        def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
            told.append(f"{func} of {[cls.__name__ for cls in types]}")
            return func(*args, **(kwargs or {}))

    a = world.Logging(world.lib.ones(2))
    with Mode():
        b = a * 2 + world.lib.ones(2)
    return [plain(b), *world.take()]


def several(world: World) -> list[Any]:
    class Inner(world.Logging):  # type: ignore[misc, name-defined]
        pass

    lib = world.lib
    a, b, x = Inner(lib.ones(2)), world.Logging(lib.ones(2)), lib.zeros(2)
    x += 1
    return [plain(a + b), plain(b * a), plain(x), plain(copy.deepcopy(b)), *world.take()]


PROGRAMS = [operators, gradients, in_place, quantised, trained, with_memory, under_a_mode, several]


@pytest.mark.parametrize("program", PROGRAMS)
def test_classes_are_told_and_give_what_they_do_in_pytorch(program):
    found, expected = (program(World(library)) for library in (flambeau, torch))
    assert [_text(part) for part in found] == [_text(part) for part in expected]


def _text(part: Any) -> Any:
    """Numbers rounded, sizes as lists."""
    if isinstance(part, float):
        return round(part, 4)
    return [*map(_text, part)] if isinstance(part, (list, tuple)) else part


def test_errors_of_classes():
    for library in (flambeau, torch):
        world = World(library)

        class Refusing(world.Logging):  # type: ignore[misc, name-defined]
            @classmethod
            def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                if func is cls.aten.add.Tensor:
                    raise ValueError("not today")
                return NotImplemented

        Refusing.aten = world.aten
        with pytest.raises(ValueError, match="not today"):
            Refusing(library.ones(2)) + 1
        with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch._ops.aten.exp.default'"):
            Refusing(library.ones(2)).exp()


def test_programs_without_such_classes_pay_nothing():
    """Once the last class is gone, calls are as they were."""
    import gc

    from flambeau.ops.calls import ACTIVE

    gc.collect()
    before = [*ACTIVE]
    plus = vars(flambeau.Tensor)["__add__"]
    world = World(flambeau)
    world.Logging(flambeau.ones(2)) + 1
    assert vars(flambeau.Tensor)["__add__"] is not plus
    del world
    gc.collect()
    assert before == ACTIVE and vars(flambeau.Tensor)["__add__"] is plus
