"""Running sums, products, extrema and logarithms against PyTorch: every way in which lines may lie, and what is special."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from reference_device import computing_there

import flambeau

NAMES = ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
SHAPES = [
    (1,), (300,), (3, 5), (37, 20), (2, 700), (9, 40), (260, 3), (5, 1, 33), (3, 4, 5), (20, 30, 4), (2, 3, 70, 3), (17, 16, 16),
    (2, 18, 40), (6, 9, 140),
]  # fmt: skip
DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "uint8", "bool")
CLOSE = {"float32": 3e-7, "float64": 1e-13, "float16": 1e-3, "bfloat16": 8e-3}
INF, NAN = float("inf"), float("nan")

LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    "repeated": lambda x: x[..., :1].expand(x.shape),
    "along the first": lambda x: x[:1].expand(x.shape),
    "every second": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "behind": lambda x: x.repeat([2] + [1] * (x.ndim - 1))[x.shape[0] :],
    "pending": lambda x: x if x.dtype in (torch.bool, flambeau.bool) else x + x - x,
}


def elements(shape: tuple[int, ...], d: str, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if d in CLOSE:
        return np.round(random.standard_normal(shape), 2)  # so that some are equal
    return random.integers(0, 2 if d == "bool" else 4, shape)


def made(T: Any, values: np.ndarray, d: str, layout: str = "contiguous") -> Any:
    return LAYOUTS[layout](T.tensor(values).to(getattr(T, d)))


def scanned(x: Any, name: str, dim: int) -> list[Any]:
    results = getattr(x, name)(dim)
    return list(results) if isinstance(results, tuple) else [results]


def as_array(x: Any) -> np.ndarray:
    if "bfloat16" in str(x.dtype):
        x = x.float()
    return np.array(x.detach().numpy())


def refused(name: str, d: str) -> bool:
    return name == "logcumsumexp" and d not in CLOSE


def assert_agree(ours: list[Any], theirs: list[Any], d: str, what: Any) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert str(mine.dtype).split(".")[1] == str(other.dtype).split(".")[1], what
        assert tuple(mine.stride()) == tuple(other.stride()), what
        slack = CLOSE.get(d, 0.0)
        np.testing.assert_allclose(as_array(mine), as_array(other), slack, slack, err_msg=str(what))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_however_lines_lie(shape: tuple[int, ...]) -> None:
    for name, d, layout, dim in itertools.product(NAMES, ("float32", "bool"), LAYOUTS, range(len(shape))):
        if not refused(name, d):
            values = elements(shape, d)
            ours, theirs = (scanned(made(T, values, d, layout), name, dim) for T in (flambeau, torch))
            assert_agree(ours, theirs, d, (name, d, layout, dim))


@pytest.mark.parametrize("d", DTYPES)
def test_values_of_all_dtypes(d: str) -> None:
    for name, shape, dim in itertools.product(NAMES, ((2, 300), (21, 40)), (0, 1)):
        if not refused(name, d):
            values = elements(shape, d)
            ours, theirs = (scanned(made(T, values, d), name, dim) for T in (flambeau, torch))
            assert_agree(ours, theirs, d, (name, d, dim))


def test_no_elements_and_no_dimensions() -> None:
    for name, shape in itertools.product(NAMES, ((), (0,), (0, 3), (3, 0))):
        for dim in range(-max(len(shape), 1), max(len(shape), 1)):
            x = np.full(shape, 0.5, np.float32)
            assert_agree(
                scanned(flambeau.tensor(x), name, dim), scanned(torch.tensor(x), name, dim), "float32", (name, shape)
            )


def test_dtypes_asked_for() -> None:
    values = elements((5, 40), "float32") * 40
    for source, d in itertools.product(
        ("float32", "float64", "int32", "bool"), ("float32", "float64", "float16", "int64", "int16", "uint8")
    ):
        if source.startswith("float") and d == "uint8":
            continue  # negative numbers are undefined there
        for name, dim in itertools.product(("cumsum", "cumprod"), (0, 1)):
            if name == "cumprod" and d == "float16":
                continue
            ours, theirs = (
                [getattr(made(T, values, source), name)(dim, dtype=getattr(T, d))] for T in (flambeau, torch)
            )
            assert_agree(ours, theirs, d, (name, source, d))


SPECIAL = [
    [NAN, 1.0, 2.0, NAN, 3.0], [1.0, NAN, INF, 0.0, -INF], [INF, INF, -INF, 1.0, 2.0], [-INF, -INF, 0.0, INF, 1.0],
    [-INF] * 5, [INF, 1.0, 0.0, INF, 0.0], [0.0, -0.0, 0.0, -0.0, 0.0], [-0.0] * 5, [1e38, 3e38, 3e38, -3e38, -3e38],
    [1e-38, 1e-30, 1e30, 1e38, 1e38], [88.0, 800.0, -800.0, 1e4, -1e4], [1e-45, -1e-45, 1e-45, 2e-45, 0.0],
]  # fmt: skip


@pytest.mark.parametrize("d", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_special_values(name: str, d: str) -> None:
    """In every form of the kernels: among few lines and many, along them, beside them, and behind many other elements."""
    if d == "float64":
        rows = [
            [x * 1e270 if 1e30 < abs(x) < INF else x / 1e270 if 0 < abs(x) < 1e-30 else x for x in row]
            for row in SPECIAL
        ]
    else:
        rows = SPECIAL
    few = np.array(rows)
    for values in (few, few[:3], np.tile(few, (2, 1)), np.tile(few, (1, 60))[:3], np.tile(few, (2, 7)), *few[:, None]):
        for turned in (values, values.T):
            for dim in (0, 1):
                ours, theirs = (scanned(made(T, turned.copy(), d), name, dim) for T in (flambeau, torch))
                for mine, other in zip(ours, theirs, strict=True):
                    mine, other = as_array(mine), as_array(other)
                    np.testing.assert_allclose(mine, other, CLOSE[d], 0, err_msg=str((turned.shape, dim)))
                    np.testing.assert_array_equal(np.signbit(mine) & (mine == 0), np.signbit(other) & (other == 0))


def test_sums_that_leave_the_range_come_back_or_not_as_in_order() -> None:
    for big in ([1e308, 1e308, -1e308, -1e308], [-1e308, 1e308, 1e308, -1e308]):
        values = np.zeros(600)
        values[253:257] = big
        for x in (values, np.stack([values] * 20)):
            for name in ("cumsum", "cumprod"):
                assert_agree(scanned(flambeau.tensor(x), name, -1), scanned(torch.tensor(x), name, -1), "float64", name)


def test_running_sums_never_fall() -> None:
    """Of what is not negative, at any rounding."""
    for shape, axis in (((100_000,), 0), ((3, 5000), 1), ((5000, 30), 0), ((40, 3000), 1)):
        for d in ("float32", "float64"):
            x = made(flambeau, np.random.default_rng(3).random(shape) ** 30, d)
            assert bool((x.cumsum(axis).diff(dim=axis) >= 0).all())


# --- gradients ---------------------------------------------------------------------------------------------------------


def gradients(T: Any, values: np.ndarray, weights: np.ndarray, name: str, dim: int) -> Iterator[np.ndarray | None]:
    """Of first and second order, by the elements and by what the results are weighted with."""
    x, w = T.tensor(values, requires_grad=True), T.tensor(weights, requires_grad=True)
    (first,) = T.autograd.grad((scanned(x, name, dim)[0] * w).sum(), x, create_graph=True)
    yield as_array(first)
    turned = T.tensor(np.cos(np.arange(values.size)).reshape(values.shape))
    for second in T.autograd.grad((first * turned).sum() + (first * first).sum(), (x, w), allow_unused=True):
        yield None if second is None else as_array(second)


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name: str) -> None:
    random = np.random.default_rng(5)
    for shape, zeros in itertools.product([(6,), (40,), (3, 5), (20, 9), (4, 3, 2), (2, 17, 3)], (0.0, 0.1, 0.4)):
        values = np.where(random.random(shape) < zeros, 0.0, random.standard_normal(shape))
        weights = random.standard_normal(shape)
        for dim in range(len(shape)):
            ours, theirs = (list(gradients(T, values, weights, name, dim)) for T in (flambeau, torch))
            for mine, other in zip(ours, theirs, strict=True):
                if other is not None:
                    np.testing.assert_allclose(np.zeros(shape) if mine is None else mine, other, 1e-9, 1e-9)


def test_gradients_of_other_dtypes_and_layouts() -> None:
    for name, d, layout in itertools.product(
        NAMES, ("float32", "float16", "bfloat16"), ("contiguous", "transposed", "repeated")
    ):
        values = elements((4, 30, 3), d) * 0.5 + 1.25
        found = []
        for T in (flambeau, torch):
            x = made(T, values, d).requires_grad_()
            scanned(LAYOUTS[layout](x), name, 1)[0].sum().backward()
            found.append(as_array(x.grad).astype(np.float64))
        scale = np.abs(found[1]).max()
        np.testing.assert_allclose(found[0] / scale, found[1] / scale, 0, 8 * CLOSE[d], err_msg=str((name, d, layout)))


def test_gradient_of_a_long_product() -> None:
    """What PyTorch divides by a result that has become zero; here nothing is divided."""
    x = flambeau.full((2000,), 0.5, dtype=flambeau.float64, requires_grad=True)
    x.cumprod(0)[:3].sum().backward()
    np.testing.assert_allclose(x.grad[:4].numpy(), [1.75, 0.75, 0.25, 0.0])


# --- the same bits -------------------------------------------------------------------------------------------------------


def test_bits_depend_on_the_shape_alone() -> None:
    threads = flambeau.get_num_threads()
    for shape, d, name in itertools.product(
        [(70_000,), (5, 900), (130, 300), (300, 130), (7, 60, 40)], ("float32", "float64", "bfloat16"), NAMES
    ):
        values, dim = elements(shape, d), len(shape) // 2
        results = []
        for count, layout in itertools.product((1, 2), ("contiguous", "transposed", "behind", "pending")):
            flambeau.set_num_threads(count)
            results.append([as_array(r) for r in scanned(made(flambeau, values, d, layout), name, dim)])
        flambeau.set_num_threads(threads)
        for other in results[1:]:
            for one, two in zip(results[0], other, strict=True):
                np.testing.assert_array_equal(one, two)


def test_another_device_gives_the_same() -> None:
    """To the bit where all go in order; logarithms differ within rounding, and so do gradients."""

    def computed() -> list[tuple[str, np.ndarray]]:
        results = []
        for d, name, layout in itertools.product(DTYPES, NAMES, ("contiguous", "transposed")):
            if refused(name, d):
                continue
            x = made(flambeau, elements((19, 40), d), d, layout)
            results += [(name, as_array(part)) for dim in (0, 1) for part in scanned(x, name, dim)]
            if d in CLOSE and layout == "transposed":
                x = x.detach().requires_grad_()
                scanned(x, name, 1)[0].sum().backward()
                results.append(("gradient", as_array(x.grad)))
        return results

    ours = computed()
    with computing_there():
        known = computed()
    for (name, mine), (_, other) in zip(ours, known, strict=True):
        if name in ("logcumsumexp", "gradient"):
            np.testing.assert_allclose(mine.astype(np.float64), other.astype(np.float64), 4e-3, 1e-5)
        else:
            np.testing.assert_array_equal(mine, other, name)


# --- forms of calls, and errors ------------------------------------------------------------------------------------------


def test_forms_of_calls() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for T in (flambeau, torch):
            x = T.tensor([[3.0, 1.0, 2.0], [1.0, 5.0, 4.0]])
            out = T.empty(0)
            assert T.cumsum(x, 1, out=out) is out and out.tolist() == [[3, 4, 6], [1, 6, 10]]
            values, places = T.empty(0), T.empty(0, dtype=T.int64)
            found = T.cummax(x, 1, out=(values, places))
            assert found.values is values and places.tolist() == [[0, 0, 0], [0, 1, 1]]
            assert x.clone().cumprod_(0).tolist() == [[3, 1, 2], [3, 5, 8]]
            assert T.cummin(x, dim=0).indices.tolist() == [[0, 0, 0], [1, 0, 0]]
            assert T.cumulative_trapezoid(x).tolist() == [[2.0, 3.5], [3.0, 7.5]]


def test_errors() -> None:
    calls = [
        ("cumsum", 2, {}), ("cummax", -3, {}), ("logcumsumexp", 5, {}), ("cumprod", 0, {"dtype": "bool"}),
        ("cumsum", 1, {"dtype": "bool"}),
    ]  # fmt: skip
    for name, dim, keywords in calls:
        raised = []
        for T in (flambeau, torch):
            with pytest.raises(Exception) as caught:  # noqa: PT011
                getattr(T.ones(2, 3), name)(dim, **{key: getattr(T, value) for key, value in keywords.items()})
            raised.append((type(caught.value), str(caught.value)))
        assert raised[0] == raised[1]
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        flambeau.arange(3).logcumsumexp(0)
