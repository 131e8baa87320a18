"""Sample inputs for the table of operations: arrays, and how tensors of either library are made of them.

A *sample* maps names that occur in an expression to inputs. An input is an array and a layout: a view that both
libraries take of a tensor that holds the array's elements, so that results and gradients pass through awkward strides.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

SPECIAL = np.array([
    0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e30, -1e30, 1e-30, 7.5, -2.5, 100.0, 2.0, 1e-310, 3e38,
    1e308, -1e308,
])  # fmt: skip
"""What every elementwise operation is given, each beside each."""

MIXED = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e15, -1e15, 1e-15, 7.5])
"""What other operations are given among their numbers: none so large that sums overflow or not according to their order."""


class Input(NamedTuple):
    """An array, the layout in which it is given, and whether it keeps its dtype (indices, masks)."""

    array: np.ndarray
    layout: str = "plain"
    fixed: bool = False


Sample = dict[str, Input]
Samples = Callable[[np.random.Generator], Iterable[Sample]]


DTYPES = {
    "d": "float64", "f": "float32", "h": "float16", "b": "bfloat16", "l": "int64", "i": "int32", "s": "int16", "c": "int8",
    "u": "uint8", "o": "bool",
}  # fmt: skip
ANY = "fdhbliscuo"
NUMBERS = "fdhbliscu"
WHOLE = "liscu"
BITS = "liscuo"


class Row(NamedTuple):
    """One operation; see the docstring of the package."""

    expression: str
    samples: Samples
    dtypes: str = "fdhb"
    derivatives: int = 2
    slack: float | str = 1.0
    #: What PyTorch is to compute, for an operation that it has not.
    reference: str = ""


def generator(key: str) -> np.random.Generator:
    """The same numbers for the same key, in every process."""
    return np.random.default_rng(zlib.crc32(key.encode()))


def cast(array: np.ndarray, name: str) -> np.ndarray:
    """An array of real numbers in the NumPy dtype that stands for a dtype's name (float32 for bfloat16)."""
    if name in ("float64", "float32", "float16"):
        with np.errstate(over="ignore"):
            return array.astype(name)
    if name == "bfloat16":
        return array.astype("float32")
    if name == "bool":
        return array > 0
    whole = np.rint(np.nan_to_num(array, nan=3, posinf=9, neginf=-9).clip(-90, 90))
    return (np.abs(whole) if name == "uint8" else whole).astype(name)


def prepared(array: np.ndarray, layout: str) -> np.ndarray:
    """The elements of the tensor under a view that shows ``array``."""
    if layout == "transposed":
        return np.ascontiguousarray(array.swapaxes(0, -1))
    if layout == "strided":
        wide = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
        wide[tuple(slice(1, None, 2) for _ in array.shape)] = array
        return wide
    if layout == "expanded":
        return np.ascontiguousarray(array[:1])
    return array


def viewed(base: Any, layout: str, shape: tuple[int, ...]) -> Any:
    """The view of ``base`` (a tensor of either library) that undoes :func:`prepared`."""
    if layout == "transposed":
        return base.transpose(0, -1)
    if layout == "strided":
        return base[tuple(slice(1, None, 2) for _ in shape)]
    if layout == "expanded":
        return base.expand(shape)
    return base


def shown(array: np.ndarray, layout: str) -> np.ndarray:
    """What the view shows: an expanded array repeats its first slice."""
    return np.broadcast_to(array[:1], array.shape) if layout == "expanded" else array


# --- numbers ------------------------------------------------------------------------------------------------------------


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers around zero, none very near to it."""
    numbers = rng.normal(size=shape) * 2
    return numbers + np.copysign(0.05, numbers)


def between(low: float, high: float) -> Callable[..., np.ndarray]:
    """Numbers evenly from an interval."""
    return lambda rng, *shape: rng.uniform(low, high, size=shape)


def distinct(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Whole numbers in random order, none twice."""
    return rng.permutation(int(np.prod(shape))).reshape(shape) - np.prod(shape) // 3 + 0.0


def ties(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Few different numbers, each often."""
    return rng.integers(-2, 3, size=shape).astype(float)


Numbers = Callable[..., np.ndarray]


def whole(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Small positive integers."""
    return rng.integers(1, 6, size=shape).astype(float)


# --- samples ------------------------------------------------------------------------------------------------------------


def one(numbers: Numbers = normal, special: str = "") -> Samples:
    """One tensor ``x`` for what works element by element: several layouts, no elements, no axes, special values.

    ``special`` says why there are none of the last.
    """

    def make(rng: np.random.Generator) -> Iterable[Sample]:
        yield {"x": Input(numbers(rng, 5, 7))}
        yield {"x": Input(numbers(rng, 5, 7), "transposed")}
        yield {"x": Input(numbers(rng))}
        yield {"x": Input(numbers(rng, 0, 3))}
        if not special:
            yield {"x": Input(SPECIAL)}

    return make


def two(numbers: Numbers = normal, other: Numbers | None = None, special: str = "") -> Samples:
    """Tensors ``x`` and ``y``: alike, broadcast against each other, in different layouts, of no axes, of no elements, special."""
    second = other or numbers

    def make(rng: np.random.Generator) -> Iterable[Sample]:
        yield {"x": Input(numbers(rng, 5, 7)), "y": Input(second(rng, 5, 7))}
        yield {"x": Input(numbers(rng, 5, 1)), "y": Input(second(rng, 7))}
        yield {"x": Input(numbers(rng, 5, 7), "transposed"), "y": Input(second(rng))}
        yield {"x": Input(numbers(rng)), "y": Input(second(rng))}
        yield {"x": Input(numbers(rng, 0, 3)), "y": Input(second(rng, 1, 3))}
        if not special:
            yield {"x": Input(SPECIAL[:, None]), "y": Input(SPECIAL)}

    return make


def layouts(numbers: Numbers = normal) -> Samples:
    """One tensor ``x`` in every layout, of several ranks, and with special values."""

    def make(rng: np.random.Generator) -> Iterable[Sample]:
        for layout in ("plain", "transposed", "strided", "expanded"):
            yield {"x": Input(numbers(rng, 3, 4, 5), layout)}
        yield {"x": Input(numbers(rng, 37), "strided")}
        yield {"x": Input(numbers(rng, 2, 0, 3))}
        yield {"x": Input(numbers(rng))}
        yield {"x": Input(mixed(rng, numbers(rng, 3, 4, 5)))}

    return make


def of(
    *shapes: tuple[int, ...], numbers: Numbers = normal, layout: str = "plain", special: str = "", **others: Any
) -> Samples:
    """Tensors x, y, z of the given shapes, and further inputs by name (arrays that keep their dtype); then with special values.

    ``special`` says why there are none of the last.
    """

    def make(rng: np.random.Generator) -> Iterable[Sample]:
        fixed = {name: Input(np.asarray(array), "plain", True) for name, array in others.items()}
        yield {name: Input(numbers(rng, *shape), layout) for name, shape in zip("xyz", shapes)} | fixed
        if not special and any(np.prod(shape) for shape in shapes):
            for _ in range(2):
                yield {name: Input(mixed(rng, numbers(rng, *shape)), layout) for name, shape in zip("xyz", shapes)} | fixed

    return make


def mixed(rng: np.random.Generator, numbers: np.ndarray) -> np.ndarray:
    """Numbers among which there are special values."""
    return np.where(rng.random(numbers.shape) < 0.25, rng.choice(MIXED, size=numbers.shape), numbers)


def several(*samples: Samples) -> Samples:
    """All samples of several kinds."""

    def make(rng: np.random.Generator) -> Iterable[Sample]:
        for each in samples:
            yield from each(rng)

    return make


def positive_definite(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Square matrices that are symmetric with eigenvalues well above zero; of other shapes, any numbers."""
    if shape[-1] != shape[-2]:
        return normal(rng, *shape)
    a = rng.normal(size=shape)
    return a @ a.swapaxes(-1, -2) + np.eye(shape[-1])
