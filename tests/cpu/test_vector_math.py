"""Every vector function against references of higher precision, and the properties its users rely on."""

from __future__ import annotations

import ctypes
import functools
import inspect
import itertools
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
import scipy.special
import torch
from mpmath import mp, mpf  # type: ignore[import-untyped]

from flambeau.cpu.ir import Builder, Module
from flambeau.cpu.jit import Library, compile_module, load
from flambeau.cpu.symbols import external_symbols
from flambeau.cpu.values import INDEX, Type
from flambeau.cpu.vector_math import FUNCTIONS, coefficients

DTYPES = {"float": np.float32, "double": np.float64}
INF, NAN = float("inf"), float("nan")


# --- running them ------------------------------------------------------------------------------------------------


def add_loop(module: Module, name: str, type: str, lanes: int) -> None:
    """``void (ptr x, [ptr y,] ptr result, i64 count)``: the function of arrays whose length is a multiple of 16."""
    array = Type.of(type).pointer
    operands = [f"operand{k}" for k in range(arity(name))]
    b = Builder(module, f"{name}_{type}_{lanes}", dict.fromkeys([*operands, "result"], array) | {"count": INDEX})
    given = b.parameters
    with b.loop(0, given.count, lanes) as index:
        loaded = [(getattr(given, operand) + index).load(lanes) for operand in operands]
        (given.result + index).store(FUNCTIONS[name](*loaded))
    b.finish()


def arity(name: str) -> int:
    return len(inspect.signature(FUNCTIONS[name]).parameters)


def everything() -> str:
    """A module with all functions of both types, of vectors and of scalars."""
    module = Module()
    for name, type, lanes in itertools.product(FUNCTIONS, DTYPES, (16, 1)):
        add_loop(module, name, type, lanes)
    return module.text()


@functools.cache
def address(name: str) -> int:
    return library().address(name)


@functools.cache
def library() -> Library:
    return load(compile_module(everything()))


def run(name: str, *operands: np.ndarray, lanes: int = 16) -> np.ndarray:
    """The function of arrays of one length, in the type of the arrays."""
    dtype = operands[0].dtype
    type = "float" if dtype == np.float32 else "double"
    count = operands[0].size
    padded = [np.concatenate([operand, np.ones(-count % 16, dtype)]) for operand in operands]
    result = np.empty_like(padded[0])
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(operands) + 1), ctypes.c_int64)
    function = signature(address(f"{name}_{type}_{lanes}"))
    function(*(operand.ctypes.data for operand in padded), result.ctypes.data, result.size)
    return result[:count]


# --- measuring errors ----------------------------------------------------------------------------------------------


def ulps(result: np.ndarray, reference: np.ndarray, rest: np.ndarray | float = 0.0) -> np.ndarray:
    """Errors in units of the last place of ``reference + rest``, given in double precision; infinite where result and
    reference differ in being NaN, infinite or (for zeros) negative."""
    with np.errstate(all="ignore"):
        rounded = reference.astype(result.dtype)
        information = np.finfo(result.dtype)
        exponent = np.frexp(reference)[1] - (information.nmant + 1)
        exponent = np.clip(exponent, information.minexp - information.nmant, information.maxexp - information.nmant - 1)
        difference = np.abs((result.astype(np.float64) - reference) - rest)
        # Two factors, since one unit may be below the smallest double's reciprocal.
        errors = np.ldexp(np.ldexp(difference, -(exponent // 2)), -(exponent - exponent // 2))
        errors = np.where(
            np.isinf(rounded), np.where(result == rounded, 0.0, np.where(np.isinf(reference), INF, errors)), errors
        )
        errors = np.where((rounded == 0) & (result == 0) & (np.signbit(rounded) != np.signbit(result)), INF, errors)
        return np.where(
            np.isnan(reference), np.where(np.isnan(result), 0.0, INF), np.where(np.isnan(errors), INF, errors)
        )


def assert_accurate(bound: float, result: np.ndarray, reference: np.ndarray, *operands: np.ndarray) -> None:
    errors = ulps(result, reference)
    worst = int(errors.argmax())
    message = (
        f"{errors[worst]:.3f} ulp at {[operand[worst] for operand in operands]}: {result[worst]}, {reference[worst]}"
    )
    assert errors[worst] <= bound, message


def all_exponents(dtype: type, count: int = 100_000) -> np.ndarray:
    """Numbers of every exponent, sign and kind: equally spaced bit patterns, and all sorts of special ones."""
    bits = np.dtype(dtype).itemsize * 8
    patterns = np.arange(0, 2**bits, 2**bits // count + 12345, dtype=np.uint64).astype(f"u{bits // 8}")
    tiny, largest = float(np.finfo(dtype).smallest_subnormal), float(np.finfo(dtype).max)
    positive = [0.0, 1.0, 0.5, 2.0, 3.0, INF, tiny, 3 * tiny, float(np.finfo(dtype).tiny), largest]
    special: np.ndarray = np.array([*positive, *(-number for number in positive), NAN], dtype)
    with np.errstate(over="ignore"):
        near = np.nextafter(special, np.array([-INF, INF], dtype)[:, None]).ravel()
    return np.concatenate([patterns.view(dtype), special, near])


def usual(dtype: type, count: int = 20_000) -> np.ndarray:
    """Numbers as programs have them: small, around one, and within the interesting ranges of most functions."""
    generator = np.random.default_rng(1)
    parts = [generator.normal(size=count), generator.uniform(-1, 1, count), generator.uniform(-30, 30, count)]
    parts += [generator.uniform(-120, 120, count), 1 + generator.normal(size=count) * 1e-3]
    return np.concatenate(parts).astype(dtype)


def logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x))))


def logarithm_of_gamma(x: np.ndarray) -> np.ndarray:
    """PyTorch's, since SciPy's loses all digits next to 2."""
    return np.asarray(torch.lgamma(torch.from_numpy(x)).numpy())


REFERENCES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[mpf], mpf]]] = {
    "exp": (np.exp, mp.exp),
    "exp2": (np.exp2, lambda x: mpf(2) ** x),
    "expm1": (np.expm1, mp.expm1),
    "sigmoid": (logistic, lambda x: 1 / (1 + mp.exp(-x))),
    "log": (np.log, mp.log),
    "log2": (np.log2, lambda x: mp.log(x) / mp.log(2)),
    "log10": (np.log10, mp.log10),
    "log1p": (np.log1p, mp.log1p),
    "sin": (np.sin, mp.sin),
    "cos": (np.cos, mp.cos),
    "tan": (np.tan, mp.tan),
    "asin": (np.arcsin, mp.asin),
    "acos": (np.arccos, mp.acos),
    "atan": (np.arctan, mp.atan),
    "sinh": (np.sinh, mp.sinh),
    "cosh": (np.cosh, mp.cosh),
    "tanh": (np.tanh, mp.tanh),
    "asinh": (np.arcsinh, mp.asinh),
    "acosh": (np.arccosh, mp.acosh),
    "atanh": (np.arctanh, mp.atanh),
    "erf": (scipy.special.erf, mp.erf),
    "erfc": (scipy.special.erfc, mp.erfc),
    "erfcx": (scipy.special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x) if x < 1e9 else 1 / (x * mp.sqrt(mp.pi))),
    "erfinv": (scipy.special.erfinv, mp.erfinv),
    "lgamma": (logarithm_of_gamma, lambda x: mp.re(mp.loggamma(x))),
    "digamma": (scipy.special.digamma, mp.digamma),
    "sqrt": (np.sqrt, mp.sqrt),
    "rsqrt": (lambda x: 1 / np.sqrt(x), lambda x: 1 / mp.sqrt(x)),
    "reciprocal": (lambda x: 1 / x, lambda x: 1 / x),
}
EXACT = {"round": np.rint, "trunc": np.trunc, "floor": np.floor, "ceil": np.ceil}


# --- accuracy ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFERENCES)
def test_float_is_within_two_ulp_everywhere(name: str) -> None:
    x = np.concatenate([all_exponents(np.float32), usual(np.float32)])
    with np.errstate(all="ignore"):
        reference = np.asarray(REFERENCES[name][0](x.astype(np.float64)))
        if name == "erfinv":
            reference = np.copysign(reference, x)  # SciPy gives +0 for -0
    assert_accurate(2.0, run(name, x), reference, x)


@pytest.mark.parametrize("name", REFERENCES)
def test_float_is_within_twice_pytorchs_error(name: str) -> None:
    """Over the whole range, relative to half a unit in the last place if PyTorch rounds correctly."""
    x = np.concatenate([all_exponents(np.float32, 200_000), usual(np.float32, 100_000)])
    with np.errstate(all="ignore"):
        reference = np.asarray(REFERENCES[name][0](x.astype(np.float64)))
    normal = np.abs(reference) >= np.finfo(np.float32).tiny
    x, reference = x[normal], reference[normal]
    pytorch = getattr(torch.special if name == "erfcx" else torch, name)(torch.from_numpy(x)).numpy()
    assert_accurate(2 * max(ulps(pytorch, reference).max(), 0.5), run(name, x), reference, x)


@pytest.mark.parametrize(
    "name", "exp exp2 expm1 log log10 log1p sin cos asin acos sinh cosh tanh asinh acosh erf".split()
)
def test_double_is_within_twice_pytorchs_error(name: str) -> None:
    x = np.random.default_rng(7).uniform(-4, 4, 3000)
    with mp.workprec(120):
        exact = [mp.mpmathify(REFERENCES[name][1](mpf(float(number)))) for number in x]
    inside = [isinstance(number, mpf) for number in exact]  # not complex: in the domain
    x, exact = x[inside], [number for number in exact if isinstance(number, mpf)]
    reference = np.array([float(number) for number in exact])
    rest = np.array([float(number - mpf(near)) for number, near in zip(exact, reference, strict=True)])
    pytorch = getattr(torch, name)(torch.from_numpy(x)).numpy()
    assert ulps(run(name, x), reference, rest).max() <= 2 * max(ulps(pytorch, reference, rest).max(), 0.5)


def domain(name: str) -> np.ndarray:
    """Numbers at which a function of double has something to compute."""
    generator = np.random.default_rng(2)
    count = 150
    inside = np.concatenate([generator.uniform(-1, 1, count), 1 - np.exp(generator.uniform(-36, 0, count))])
    positive = np.concatenate([np.exp(generator.uniform(-740, 700, count)), generator.uniform(0, 20, count)])
    near_one = 1 + np.exp(generator.uniform(-36, 0, count)) * generator.choice([-1, 1], count)
    tiny = np.exp(generator.uniform(-740, -2, count)) * generator.choice([-1, 1], count)
    moderate = np.concatenate([generator.normal(size=count), generator.uniform(-10, 10, count), tiny, near_one])
    if name in ("asin", "acos", "atanh", "erfinv"):
        return np.concatenate([inside, tiny])
    if name in ("log", "log2", "log10", "sqrt", "rsqrt", "lgamma", "digamma"):
        return np.concatenate([positive, near_one])
    if name == "log1p":
        return np.concatenate([positive, tiny, inside])
    if name == "acosh":
        return 1 + positive
    if name in ("sin", "cos", "tan"):
        large = generator.uniform(-1, 1, count) * np.exp2(generator.uniform(0, 1023, count))
        # The double that is nearest to a multiple of pi/2 relative to its size (J.-M. Muller, "Elementary Functions").
        return np.concatenate([moderate, large, [6381956970095103.0 * 2.0**797]])
    if name in ("erf", "erfc"):
        return np.concatenate([moderate, generator.uniform(-6, 27.2, count)])
    if name == "erfcx":
        return np.concatenate([moderate, positive, generator.uniform(-26, 30, count)])
    if name in ("exp", "exp2", "expm1", "sigmoid", "sinh", "cosh"):
        return np.concatenate([moderate, generator.uniform(-745, 709, 2 * count)])
    return np.concatenate([moderate, positive])


@pytest.mark.parametrize("name", REFERENCES)
def test_double_is_within_four_ulp(name: str) -> None:
    x = domain(name)
    result = run(name, x)
    with mp.workprec(160), np.errstate(all="ignore"):
        exact = [REFERENCES[name][1](mpf(float(number))) for number in x]
        reference = np.array([float(number) for number in exact])
        rest = np.array(
            [
                float(number - mpf(near)) if np.isfinite(near) else 0.0
                for number, near in zip(exact, reference, strict=True)
            ]
        )
    errors = ulps(result, reference, rest)
    worst = int(errors.argmax())
    assert errors[worst] <= 4.0, f"{errors[worst]:.3f} ulp at {x[worst]}: {result[worst]}, {reference[worst]}"


@pytest.mark.parametrize("name", REFERENCES)
def test_double_agrees_with_references_of_the_same_precision_everywhere(name: str) -> None:
    """No coarse error between the points of the precise test. SciPy's own errors make the bounds coarse."""
    x = np.concatenate([all_exponents(np.float64, 50_000), usual(np.float64)])
    if name in ("lgamma", "digamma"):
        x = x[x > 0]  # next to negative integers the references have no digit right
    with np.errstate(all="ignore"):
        reference = np.asarray(REFERENCES[name][0](x))
        if name == "erfinv":
            reference = np.copysign(reference, x)
    assert_accurate(
        {"erfc": 2000.0, "erfcx": 2000.0, "lgamma": 50.0, "digamma": 50.0}.get(name, 6.0), run(name, x), reference, x
    )


@pytest.mark.parametrize("name", ["lgamma", "digamma"])
def test_between_negative_integers_errors_are_small_next_to_the_terms(name: str) -> None:
    """At negative numbers two terms cancel next to the roots: a few ulp of the larger one are left."""
    x = -np.random.default_rng(3).uniform(0, 15, 400)
    with mp.workprec(120):
        reference = np.array([float(REFERENCES[name][1](mpf(float(number)))) for number in x])
    np.testing.assert_allclose(run(name, x), reference, rtol=1e-15, atol=2e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_rounding_is_exact(name: str, dtype: type) -> None:
    x = np.concatenate([all_exponents(dtype), usual(dtype), np.arange(-20, 20, dtype=dtype) / 4])
    with np.errstate(invalid="ignore"):
        assert_accurate(0.0, run(name, x), EXACT[name](x).astype(np.float64), x)


# --- two operands --------------------------------------------------------------------------------------------------


def pairs(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Operands of all sizes, of alike sizes, and every pair of special numbers."""
    generator = np.random.default_rng(4)
    count = 40_000
    limit = 87 if dtype == np.float32 else 705
    x, y = (np.exp(generator.uniform(-limit, limit, count)) * generator.choice([-1, 1], count) for _ in range(2))
    close = generator.normal(size=count) * 100
    special = np.array(
        [0, 1, 2, 3, 0.5, 1.5, 7, 1e-45, 1e-30, 1e30, 3e38, 2.0**24 + 2, 5e-324, 1e308, INF, 0.9999999, 1.0000001]
    )
    special = np.concatenate([special, -special, [NAN]])
    left, right = np.meshgrid(special, special)
    with np.errstate(over="ignore"):
        first: np.ndarray = np.concatenate([x, close, np.floor(close), close, left.ravel()]).astype(dtype)
        second = np.concatenate(
            [y, generator.normal(size=count), np.floor(y) % 10 + 1, close * (1 + 1e-6), right.ravel()]
        )
        return first, second.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fmod_is_exact_for_all_sizes(dtype: type) -> None:
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        assert_accurate(0.0, run("fmod", x, y), np.fmod(x, y).astype(np.float64), x, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["remainder", "floor_divide", "copysign", "nextafter"])
def test_same_numbers_as_pytorch(name: str, dtype: type) -> None:
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        # PyTorch's vectorised remainder gives NaN for quotients that its integers cannot hold.
        keep = ~(np.abs(x / y) > 2.0**22) | ~np.isfinite(x) | ~np.isfinite(y) | (y == 0)
    x, y = x[keep], y[keep]
    reference = getattr(torch, name)(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    assert_accurate(0.0, run(name, x, y), reference.astype(np.float64), x, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sign_is_pytorchs(dtype: type) -> None:
    x = all_exponents(dtype)
    np.testing.assert_array_equal(run("sign", x), torch.sign(torch.from_numpy(x)).numpy())


def test_atan2_float() -> None:
    x, y = pairs(np.float32)
    assert_accurate(2.0, run("atan2", x, y), np.arctan2(x.astype(np.float64), y.astype(np.float64)), x, y)


def test_atan2_double() -> None:
    x, y = pairs(np.float64)
    assert_accurate(3.0, run("atan2", x, y), np.arctan2(x, y), x, y)


def powers(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Bases and exponents whose powers are in range, integral exponents of negative bases, and :func:`pairs`."""
    generator = np.random.default_rng(5)
    count = 40_000
    limit = 87 if dtype == np.float32 else 705
    logarithm = np.concatenate([generator.uniform(-limit, limit, count), generator.normal(size=count) * 1e-3])
    result = generator.uniform(-1.1 * limit, 1.02 * limit, 2 * count)
    negative, whole = -np.floor(generator.uniform(0, 60, count)), np.floor(generator.uniform(-20, 20, count))
    x, y = pairs(dtype)
    return (
        np.concatenate([np.exp(logarithm), negative, x]).astype(dtype),
        np.concatenate([result / logarithm, whole, y]).astype(dtype),
    )


def test_pow_float() -> None:
    x, y = powers(np.float32)
    with np.errstate(all="ignore"):
        assert_accurate(2.0, run("pow", x, y), np.power(x.astype(np.float64), y.astype(np.float64)), x, y)


def test_pow_double() -> None:
    x, y = powers(np.float64)
    with np.errstate(all="ignore"):
        assert_accurate(3.0, run("pow", x, y), np.power(x, y), x, y)


# --- special values ------------------------------------------------------------------------------------------------

SPECIAL = [
    ("exp", [(0.0, 1.0), (-INF, 0.0), (INF, INF), (-1e30, 0.0), (1e30, INF)]),
    ("exp2", [(10.0, 1024.0), (-126.0, 2.0**-126), (-INF, 0.0), (INF, INF)]),
    ("expm1", [(0.0, 0.0), (-0.0, -0.0), (-INF, -1.0), (INF, INF)]),
    ("sigmoid", [(0.0, 0.5), (-INF, 0.0), (INF, 1.0), (200.0, 1.0)]),
    ("log", [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (-INF, NAN), (INF, INF)]),
    ("log2", [(8.0, 3.0), (2.0**-130, -130.0), (0.0, -INF), (-1.0, NAN)]),
    ("log10", [(1000.0, 3.0), (1e5, 5.0), (0.0, -INF), (-1.0, NAN)]),
    ("log1p", [(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-2.0, NAN), (INF, INF)]),
    ("sin", [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)]),
    ("cos", [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN)]),
    ("tan", [(0.0, 0.0), (-0.0, -0.0), (INF, NAN)]),
    ("asin", [(-0.0, -0.0), (1.0, np.pi / 2), (-1.0, -np.pi / 2), (1.5, NAN), (-INF, NAN)]),
    ("acos", [(1.0, 0.0), (-1.0, np.pi), (0.0, np.pi / 2), (1.5, NAN)]),
    ("atan", [(-0.0, -0.0), (INF, np.pi / 2), (-INF, -np.pi / 2)]),
    ("sinh", [(-0.0, -0.0), (INF, INF), (-INF, -INF)]),
    ("cosh", [(0.0, 1.0), (-INF, INF)]),
    ("tanh", [(-0.0, -0.0), (INF, 1.0), (-INF, -1.0)]),
    ("asinh", [(-0.0, -0.0), (INF, INF), (-INF, -INF)]),
    ("acosh", [(1.0, 0.0), (0.5, NAN), (-5.0, NAN), (INF, INF), (-INF, NAN)]),
    ("atanh", [(-0.0, -0.0), (1.0, INF), (-1.0, -INF), (2.0, NAN), (INF, NAN)]),
    ("erf", [(-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (5.0, 1.0 - 1.5374597944280349e-12)]),
    ("erfc", [(0.0, 1.0), (INF, 0.0), (-INF, 2.0)]),
    ("erfcx", [(0.0, 1.0), (INF, 0.0), (-INF, INF), (-30.0, INF)]),
    ("erfinv", [(-0.0, -0.0), (1.0, INF), (-1.0, -INF), (1.5, NAN)]),
    ("lgamma", [(1.0, 0.0), (2.0, 0.0), (0.0, INF), (-3.0, INF), (INF, INF), (-INF, INF)]),
    ("digamma", [(0.0, -INF), (-0.0, INF), (-3.0, NAN), (INF, INF), (-INF, NAN)]),
    ("sqrt", [(-0.0, -0.0), (-1.0, NAN), (INF, INF)]),
    ("rsqrt", [(0.0, INF), (INF, 0.0), (-1.0, NAN)]),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name, cases", SPECIAL, ids=[name for name, _ in SPECIAL])
def test_special_values(name: str, cases: list[tuple[float, float]], dtype: type) -> None:
    x, expected = np.array([*cases, (NAN, NAN)], dtype).T.copy()
    result = run(name, x)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(np.signbit(result[~np.isnan(expected)]), np.signbit(expected[~np.isnan(expected)]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sin", "cos", "tanh", "erf", "sigmoid"])
def test_bounded_functions_never_exceed_one(name: str, dtype: type) -> None:
    multiples = np.arange(-20_000, 20_000) * (np.pi / 2)
    around = multiples[:, None] + np.linspace(-1e-3, 1e-3, 9)
    x = np.concatenate([around.ravel().astype(dtype), np.linspace(-10, 10, 100_001).astype(dtype)])
    assert np.abs(run(name, x)).max() == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "erf", "erfinv"])
def test_odd_functions_are_odd_to_the_bit(name: str, dtype: type) -> None:
    x = usual(dtype)
    np.testing.assert_array_equal(run(name, -x), -run(name, x))


# --- code ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_scalar_and_vector_give_the_same_bits_in_any_company(name: str, dtype: type) -> None:
    x, y = pairs(dtype)
    operands = (x, y)[: arity(name)]
    order = np.random.default_rng(6).permutation(x.size)
    together = run(name, *operands)
    np.testing.assert_array_equal(run(name, *(operand[order] for operand in operands)), together[order])
    alone = run(name, *operands, lanes=1)
    numbers = ~np.isnan(alone)
    unsigned = f"u{x.itemsize}"
    np.testing.assert_array_equal(np.isnan(together), ~numbers)
    np.testing.assert_array_equal(together.view(unsigned)[numbers], alone.view(unsigned)[numbers])


@pytest.mark.parametrize(
    "triple, cpu", [("x86_64-unknown-linux-gnu", "haswell"), ("aarch64-unknown-linux-gnu", "generic")]
)
def test_other_processors_need_no_library_functions(triple: str, cpu: str) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=1, reloc="pic", codemodel="small")
    module = llvm.parse_assembly(everything())
    module.triple = triple
    code = machine.emit_object(module)
    assert [symbol.name for symbol in external_symbols(code) if not symbol.defined] == []


def test_no_fast_math_flags() -> None:
    words = set(everything().split())
    assert words.isdisjoint({"fast", "nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"})


MINIMAX = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "minimax.py"))


@pytest.mark.parametrize("fit", [fit for fit in MINIMAX["FITS"] if "float" in fit.terms], ids=lambda fit: fit.name)
def test_coefficients_are_those_that_the_fit_gives(fit: Any) -> None:
    assert tuple(MINIMAX["rounded_fit"](fit, "float")[0]) == getattr(coefficients, fit.name)["float"]
