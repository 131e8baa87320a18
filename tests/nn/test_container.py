"""Containers of modules and of parameters."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
from oracle import agree, error

import flambeau
from flambeau import nn


def names(container: Any) -> list[str]:
    return [type(module).__name__ for module in container]


def test_sequential() -> None:
    def program(library: Any, modules: Any) -> Any:
        s = modules.Sequential(modules.Linear(1, 2), modules.ReLU(), modules.Linear(2, 1))
        notes: list[Any] = [len(s), names(s), names(s[:2]), list(s[1:]._modules), type(s[-1]).__name__]
        s[1] = modules.Tanh()
        s.append(modules.Sigmoid()).insert(1, modules.ELU()).extend([modules.ReLU(), modules.ReLU6()])
        notes += [names(s), list(s._modules)]
        del s[0]
        del s[2:4]
        notes += [names(s), list(s._modules), type(s.pop(1)).__name__, names(s)]
        notes += [names(s + s), names(s * 2), names(2 * s)]
        s += modules.Sequential(modules.GELU())
        s *= 2
        notes += [names(s), list(s._modules)]
        named = modules.Sequential(OrderedDict(first=modules.ReLU(), second=modules.Tanh()))
        notes += [list(named._modules), type(named.first).__name__, names(named[1:]), list(named[1:]._modules)]
        notes += [
            error(lambda: s[20]), error(lambda: s + 1), error(lambda: s * 0), error(lambda: s * 1.5),
            error(s.insert, 100, modules.ReLU()), error(s.append, 3)[0], error(modules.Sequential, 3)[0],
            error(s.insert, 0, 3)[0], error(lambda: s["0"])[0],
        ]  # fmt: skip
        return notes

    agree(lambda T: program(T, T.nn))


def test_children_of_a_network_make_a_sequential() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    features = nn.Sequential(*list(network.children())[:-1])
    assert features(flambeau.ones(1, 2)).shape == (1, 3)
    assert features[0].weight is network[0].weight


def test_module_list() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = modules.ModuleList([modules.ReLU(), modules.Tanh()])
        m.append(modules.Linear(1, 1)).extend(modules.ReLU() for _ in range(3))
        m.insert(0, modules.GELU())
        notes: list[Any] = [len(m), names(m), repr(m), list(m._modules), names(m[1:3]), type(m[-1]).__name__]
        m[0] = modules.Sigmoid()
        del m[1]
        del m[2:4]
        m += [modules.ELU()]
        notes += [names(m), list(m._modules), names(m + [modules.SELU()]), type(m.pop(0)).__name__, names(m)]
        notes += [
            error(lambda: m[9]), error(m.extend, 3), error(m, 1), repr(modules.ModuleList()),
            [n for n in dir(m) if n.isdigit()],
        ]  # fmt: skip
        return notes

    agree(lambda T: program(T, T.nn))


def test_module_dict() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = modules.ModuleDict({"a": modules.ReLU(), "b": modules.Tanh()})
        m["c"] = modules.Linear(1, 1)
        m.update([["d", modules.GELU()], ("a", modules.ELU())])
        m.update(modules.ModuleDict({"e": modules.SELU()}))
        notes: list[Any] = [len(m), list(m), list(m.keys()), names(m.values()), "a" in m, "z" in m, repr(m)]
        notes += [[key for key, _ in m.items()], type(m.pop("a")).__name__, list(m)]
        del m["b"]
        notes += [
            list(m),
            error(m.update, 3),
            error(m.update, [3]),
            error(m.update, [(1, 2, 3)]),
            error(lambda: m["q"]),
        ]
        m.clear()
        return [*notes, len(m)]

    agree(lambda T: program(T, T.nn))


def test_parameter_list() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = modules.ParameterList([library.ones(2), modules.Parameter(library.zeros(2, 3)), 3])
        m.append(library.ones(1))
        m += [library.ones(4)]
        m[0] = library.zeros(5)
        notes: list[Any] = [len(m), [n for n, _ in m.named_parameters()], [type(p).__name__ for p in m], repr(m)]
        notes += [
            len(m[1:3]),
            error(m.extend, 3),
            error(m.extend, library.ones(2)),
            error(m, 1),
            error(lambda: m[9]),
        ]
        return notes

    agree(lambda T: program(T, T.nn))


def test_parameter_dict() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = modules.ParameterDict({"b": library.ones(2), "a": modules.Parameter(library.zeros(1))})
        m["c"] = library.ones(3)
        m.update([("d", 4)])
        notes: list[Any] = [list(m), list(m.keys()), len(m), repr(m), [n for n, _ in m.named_parameters()]]
        notes += [m.get("z", 5), m.setdefault("d", 9), "a" in m, list(reversed(m)), m.popitem()[0], list(m)]
        notes += [list(m | modules.ParameterDict({"z": library.ones(1)})), list(m.copy()), list(m.fromkeys("xy", 1))]
        del m["a"]
        m.pop("b")
        notes += [list(m), error(m, 1), error(m.update, 3)]
        m.clear()
        return [*notes, len(m), error(m.__setitem__, 3, 1)]

    agree(lambda T: program(T, T.nn))


def test_container_is_deprecated() -> None:
    with pytest.warns(FutureWarning, match="nn.Container is deprecated"):
        assert type(nn.Container(a=nn.ReLU()).a) is nn.ReLU
