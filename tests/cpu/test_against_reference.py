"""What the processor computes against the reference device: to the bit where there is one right result."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from reference_device import computing_there

import flambeau
from flambeau.graph import dtypes, trace
from flambeau.graph.primitives import PRIMITIVES

FROM_ELSEWHERE = {"fill", "iota", "random_bits", "cast", "check"}
"""Primitives that are tested with what uses them."""
BINARY = set(
    "add sub mul div maximum minimum fmax fmin floor_divide trunc_divide remainder fmod pow atan2 copysign nextafter "
    "eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor lshift rshift".split()
)
TERNARY = {"fma", "where"}
INEXACT = {p.name for p in PRIMITIVES.values() if p.kind == "map" and p.cost in (24, 32)}
"""Functions, which both devices compute within a few units in the last place."""
SLACK = {"float64": 2e-15, "float32": 5e-7, "float16": 1e-3, "bfloat16": 8e-3}
ELEMENTWISE = sorted(p.name for p in PRIMITIVES.values() if p.kind == "map" and p.name not in FROM_ELSEWHERE)


def values_of(d: dtypes.DType) -> np.ndarray:
    """Numbers that are special to a dtype, and a few that are not."""
    if d.kind == "bool":
        return np.array([False, True])
    if d.kind == "integer":
        limits = np.iinfo(d.numpy)
        bits, negative = 8 * d.itemsize, (-1, -2, -7) if d.signed else ()
        return np.array([limits.min, limits.min + 1, limits.max, 0, 1, 2, 3, 7, bits - 1, bits, *negative], d.numpy)
    tiny = [1e-40, -3e-5, 6e-8] if d.itemsize < 8 else [5e-324, 1e-300]
    numbers = [0.0, 1.0, 0.5, 2.5, 3.5, 1.7, 7.0, 100.3, 3e4, *tiny, np.inf]
    return np.array([*numbers, *np.negative(numbers), np.nan], d.numpy or np.float32)


def computed(name: str, d: dtypes.DType) -> np.ndarray | None:
    """A primitive of all combinations of values, or None if there is none for that dtype."""
    values = values_of(d)
    others = values[values != 0] if PRIMITIVES[name].late and d.kind == "integer" else values
    if name in TERNARY:
        operands = np.broadcast_arrays(values[:, None, None], values[None, :, None], values[None, None, ::3])
    else:
        operands = np.broadcast_arrays(values[:, None], others[None, :]) if name in BINARY else [values]
    tensors = [flambeau.tensor(np.ascontiguousarray(o)).to(d) for o in operands]
    if name == "where":
        tensors[0] = tensors[0] != 0
    try:
        node = trace.record(PRIMITIVES[name], None, *((t._read(), None) for t in tensors))
    except (NotImplementedError, RuntimeError):
        return None
    result = flambeau.Tensor._from_node(node)
    return np.array((result.float() if result.dtype is dtypes.bfloat16 else result).numpy())


@pytest.mark.parametrize("d", dtypes.ALL, ids=lambda d: d.name)
def test_primitives_agree(d: dtypes.DType) -> None:
    """To the bit where there is one right result, on special values and all combinations of them."""
    wrong = []
    for name in ELEMENTWISE:
        ours = computed(name, d)
        with computing_there():
            known = computed(name, d)
        assert (ours is None) == (known is None)
        if ours is None or known is None:
            continue
        assert ours.dtype == known.dtype and ours.shape == known.shape
        if name in INEXACT and ours.dtype.kind == "f":
            slack = SLACK[d.name if d.kind == "float" else "float32"]
            with np.errstate(all="ignore"):
                same = np.isclose(ours, known, slack, np.finfo(ours.dtype).smallest_subnormal * 4, equal_nan=True)
        else:
            same = (ours == known) & (np.signbit(ours) == np.signbit(known)) if ours.dtype.kind == "f" else ours == known
            same |= (ours != ours) & (known != known)
        if not same.all():
            place = tuple(int(i) for i in np.argwhere(~same)[0])
            wrong.append(f"{name} {place} of {values_of(d)}: {ours[place]} and not {known[place]}")
    assert not wrong, "\n".join(wrong)


REDUCTIONS = ("sum", "prod", "any", "all", "amax", "amin", "argmax", "argmin")
SHAPES = [(3, 16), (70, 17), (1, 1024), (2, 1025), (129, 3), (64, 257), (5, 65, 2), (2, 40000), (40000, 2)]
LONG = [(200_001,), (70_000, 3), (5000, 700), (300, 3000)]
"""Of which parts are reduced by tiles of their own, or not, by how much there is beside."""


def reduced(x: np.ndarray, d: dtypes.DType, names: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray]]:
    t = flambeau.tensor(x).to(d)
    for name in names:
        for axis in range(x.ndim):
            result = getattr(t, name)(axis)
            yield f"{name} {axis} of {d}", np.array((result.float() if result.dtype is dtypes.bfloat16 else result).numpy())


def assert_same_bits(x: np.ndarray, d: dtypes.DType, names: tuple[str, ...]) -> None:
    ours = list(reduced(x, d, names))
    with computing_there():
        known = list(reduced(x, d, names))
    for (name, mine), (_, other) in zip(ours, known, strict=True):
        np.testing.assert_array_equal(mine, other, name)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reductions_have_the_same_bits(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    for d in (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16, dtypes.int8, dtypes.int64, dtypes.uint8):
        x = random.uniform(-1.2, 1.2, shape) if d.kind == "float" else random.integers(0, 100, shape)
        assert_same_bits(x, d, REDUCTIONS)
        if d.kind == "float":
            x.flat[[5, -2]] = np.nan
            assert_same_bits(x, d, REDUCTIONS[4:])


@pytest.mark.parametrize("shape", LONG, ids=str)
def test_long_sums_have_the_same_bits(shape: tuple[int, ...]) -> None:
    assert_same_bits(np.random.default_rng(2).standard_normal(shape), dtypes.float32, ("sum",))


def test_random_numbers_are_the_same() -> None:
    def drawn() -> list[np.ndarray]:
        flambeau.manual_seed(11)
        results = [flambeau.rand(50), flambeau.rand(9, dtype=flambeau.float64), flambeau.randint(-5, 90, (33,))]
        results += [flambeau.randperm(40), flambeau.nn.functional.dropout(flambeau.ones(99))]
        return [np.array(result.numpy()) for result in results]

    ours = drawn()
    with computing_there():
        known = drawn()
    for mine, other in zip(ours, known, strict=True):
        np.testing.assert_array_equal(mine, other)
