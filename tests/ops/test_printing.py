"""Tensors as text, character by character as PyTorch writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
import flambeau.ops.printing

DTYPES = "float32 float64 float16 bfloat16 int64 int32 uint8 bool".split()
SHAPES = [(), (1,), (0,), (0, 3), (3,), (20,), (2, 3), (3, 1, 4), (2, 2, 2, 2), (1001,), (40, 40), (3, 500), (2, 3, 400), (8,
8, 20)]
OPTIONS: list[dict[str, Any]] = [
    {}, {"precision": 2}, {"profile": "short"}, {"profile": "full"}, {"sci_mode": True}, {"sci_mode": False},
    {"threshold": 5, "edgeitems": 1}, {"linewidth": 40}, {"edgeitems": 0, "threshold": 3}, {"precision": 10},
]  # fmt: skip


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    yield
    torch.set_printoptions(profile="default")
    flambeau.set_printoptions(profile="default")


def arrays(shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Numbers of several sizes, whole ones, and ones that are none."""
    rng = np.random.default_rng(sum(shape))
    for scale in (1, 1e-6, 1e6, 1e10):
        yield rng.normal(size=shape) * scale
    yield np.round(rng.normal(size=shape) * 10)
    yield np.round(rng.normal(size=shape) * 1e5) * 1e4
    odd = np.array(rng.normal(size=shape))
    if odd.size:
        odd.flat[0], odd.flat[-1] = np.nan, -np.inf
    yield odd
    yield np.round(odd)
    yield np.zeros(shape)
    yield np.full(shape, np.nan)


def pair(array: np.ndarray, name: str) -> tuple[Any, Any]:
    """The array as a tensor of each library."""
    if name in ("int64", "int32", "uint8", "bool"):
        array = np.nan_to_num(array, posinf=5, neginf=-7).clip(-1e9, 1e9)
        array = (np.abs(array) % 256 if name == "uint8" else array).astype(name)
    else:
        with np.errstate(over="ignore"):
            array = array.astype("float32" if name == "bfloat16" else name)
    tensors = torch.tensor(array), flambeau.tensor(array)
    return (tensors[0].bfloat16(), tensors[1].bfloat16()) if name == "bfloat16" else tensors


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", DTYPES)
def test_values(name: str, options: dict[str, Any]) -> None:
    torch.set_printoptions(**options)
    flambeau.set_printoptions(**options)
    shapes = SHAPES if not options else SHAPES[::3]
    for shape in shapes:
        for array in arrays(shape):
            expected, actual = pair(array, name)
            assert repr(actual) == repr(expected)
            assert str(actual) == str(expected)


def test_history() -> None:
    def texts(library: Any) -> list[str]:
        x = library.ones(3, requires_grad=True)
        many = library.ones(40, 2, requires_grad=True)
        shown = [x, x * 2, (x * 2).sum(), many @ many.T, x.exp(), x[1:], x.view(3, 1), x.T, x.double(), library.cat([x, x])]
        shown += [x.sort()[0], library.linalg.norm(x), library.stack([x, x]), x.cumsum(0), many.flatten()]
        return [repr(t) for t in shown]

    assert texts(flambeau) == texts(torch)


def test_classes() -> None:
    class Mine(flambeau.Tensor):
        pass

    class Theirs(torch.Tensor):
        pass

    Theirs.__name__ = "Mine"
    assert repr(flambeau.ones(2, 2).as_subclass(Mine)) == repr(torch.ones(2, 2).as_subclass(Theirs))
    assert repr(flambeau.nn.Parameter(flambeau.ones(2, 30))) == repr(torch.nn.Parameter(torch.ones(2, 30)))


def test_options() -> None:
    before = flambeau.get_printoptions()
    flambeau.set_printoptions(precision=1)
    assert repr(flambeau.tensor([1.26])) == "tensor([1.3])"
    flambeau.set_printoptions(**before)
    assert flambeau.get_printoptions() == before
    flambeau.set_printoptions(precision=3)
    assert flambeau.get_printoptions()["precision"] == 3


def test_default_dtype() -> None:
    flambeau.set_default_dtype(flambeau.float64)
    torch.set_default_dtype(torch.float64)
    try:
        assert repr(flambeau.ones(2)) == repr(torch.ones(2))
        assert repr(flambeau.ones(2).float()) == repr(torch.ones(2).float())
        assert repr(flambeau.arange(3) / 2) == repr(torch.arange(3) / 2)
    finally:
        flambeau.set_default_dtype(flambeau.float32)
        torch.set_default_dtype(torch.float32)
    assert (flambeau.arange(3) / 2).dtype is flambeau.float32


def test_results_with_names() -> None:
    for expression in ("x.max(1)", "x.sort()", "x.topk(2)", "x.median(0)", "x.cummax(1)", "x.slogdet()", "x.aminmax()"):
        texts = [repr(eval(expression, {"x": m.tensor([[1.0, 2.0], [4.0, 3.0]])})) for m in (flambeau, torch)]
        assert texts[0] == texts[1]


FORMATS = ["", ".3f", "d", ">8", "5d", "e", "x", "g"]
VALUES = ["2.5", "0.1", "float('nan')", "3", "True", "[1.0]", "[]", "[[1, 2]]"]


@pytest.mark.parametrize("value", VALUES)
def test_formatted(value: str) -> None:
    """A zero-dimensional tensor is formatted as its number, whatever its history; a subclass as an object."""

    def told(lib: Any, text: str, kind: str) -> Any:
        tensor = lib.tensor(eval(value), **({} if not kind else {"dtype": getattr(lib, kind)}))
        floating = tensor.is_floating_point()
        made = {"t": tensor, "p": lib.nn.Parameter(tensor, requires_grad=floating), "lib": lib}
        made["h"] = made["p"].sum() if floating else tensor
        try:
            return eval(text, made)
        except Exception as error:
            return type(error)

    texts = [f"format({name}, {spec!r})" for name in "tph" for spec in FORMATS]
    texts += ["'%d' % t", "'%s' % t", "'%.2f' % h", "'{}'.format(h)", "f'{h}'", "f'{h!r}'", "str(p)", "hex(t)", "[1] * t"]
    for kind in ("", "float16", "bfloat16", "uint8") if "nan" not in value else ("", "bfloat16"):
        for text in texts:
            assert told(flambeau, text, kind) == told(torch, text, kind), (text, kind)
