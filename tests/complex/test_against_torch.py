"""Operations on complex numbers: values, dtypes, shapes and gradients beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

Program = Callable[..., Any]

UNARY = """abs angle sgn exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square neg positive sigmoid sin cos tan
    sinh cosh tanh asin acos atan asinh acosh atanh sinc conj_physical isnan isinf isfinite isreal sum mean prod var std
    flatten ravel t clone cumsum0 cumprod1 logical_not logsumexp1 all any count_nonzero nonzero trace tril triu diag""".split()
BINARY = """add sub mul div pow eq ne matmul vdot_ dot_ outer_ inner isclose allclose dist kron lerp_ addcmul_ addcdiv_
    where_""".split()


def numbers(shape: tuple[int, ...], seed: int, d: str) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(shape) + 1j * generator.standard_normal(shape)
    return (values * 1.5).astype(d)


def both(array: np.ndarray, requires_grad: bool = False) -> tuple[Any, Any]:
    return torch.tensor(array, requires_grad=requires_grad), flambeau.tensor(array, requires_grad=requires_grad)


def weighted(library: Any, result: Any) -> Any:
    """A real number that depends on all elements of a result."""
    real = library.view_as_real(result.resolve_conj()) if result.is_complex() else result
    weights = library.sin(library.arange(real.numel(), dtype=real.dtype)).reshape(real.shape)
    return (real * weights).sum()


def compare(program: Program, arrays: list[np.ndarray], gradients: bool = True) -> None:
    d = arrays[0].dtype
    tolerance = 3e-5 if d == np.complex64 else 1e-10
    pairs = [both(array, gradients) for array in arrays]
    expected, result = [program(library, *[pair[k] for pair in pairs]) for k, library in enumerate((torch, flambeau))]
    for one, other in zip(*[r if isinstance(r, tuple) else (r,) for r in (expected, result)], strict=True):
        if not isinstance(one, torch.Tensor):
            assert one == other
            continue
        assert str(one.dtype) == str(other.dtype) and tuple(one.shape) == tuple(other.shape)
        np.testing.assert_allclose(
            other.detach().resolve_conj().numpy(), one.detach().resolve_conj().numpy(), tolerance, tolerance
        )
        if gradients and one.requires_grad:
            weighted(torch, one).backward(retain_graph=True)
            weighted(flambeau, other).backward(retain_graph=True)
    if gradients:
        for mine, theirs in [(pair[1].grad, pair[0].grad) for pair in pairs]:
            assert (mine is None) == (theirs is None)
            if mine is not None:
                given, wanted = mine.resolve_conj().numpy(), theirs.resolve_conj().numpy()
                scale = np.abs(wanted).max(initial=1.0)
                np.testing.assert_allclose(given / scale, wanted / scale, 10 * tolerance, 10 * tolerance)


def unary(name: str) -> Program:
    if name[-1] in "01" and name not in ("expm1", "log10"):
        return lambda library, z: getattr(library, name[:-1])(z, int(name[-1]))
    return lambda library, z: getattr(library, name)(z)


def binary(name: str) -> Program:
    special: dict[str, Program] = {
        "vdot_": lambda library, z, w: library.vdot(z[0], w[1]),
        "dot_": lambda library, z, w: library.dot(z[0], w[1]),
        "outer_": lambda library, z, w: library.outer(z[0], w[1]),
        "lerp_": lambda library, z, w: library.lerp(z, w, 0.3),
        "addcmul_": lambda library, z, w: library.addcmul(z, w, z, value=0.5 + 1j),
        "addcdiv_": lambda library, z, w: library.addcdiv(z, z, w, value=2),
        "where_": lambda library, z, w: library.where(z.real > 0, z, w),
    }
    return special.get(name) or (lambda library, z, w: getattr(library, name)(z, w))


@pytest.mark.parametrize("d", ["complex64", "complex128"])
@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name: str, d: str) -> None:
    compare(unary(name), [numbers((3, 3), 1, d)])


@pytest.mark.parametrize("d", ["complex64", "complex128"])
@pytest.mark.parametrize("name", BINARY)
def test_two_operands(name: str, d: str) -> None:
    compare(binary(name), [numbers((3, 3), 1, d), numbers((3, 3), 2, d)])


PROGRAMS: dict[str, Program] = {
    "number": lambda f, z, w: z * (2 + 1j) + 1j - z / (1 - 2j) + 3 * z - (1j - w) * 0.5 + (1 + 1j) / w,
    "real tensors": lambda f, z, w: z * w.real + w.imag - z / (w.abs() + 1) + z.real * (1 - 2j),
    "powers": lambda f, z, w: z**2 + w**-3 + z**0.5 + 2**w + z ** (1 + 1j) + z**w.real,
    "matrices": lambda f, z, w: z @ w.mH + w.T @ z.conj() + f.addmm(z, z, w, beta=2, alpha=1j),
    "einsum": lambda f, z, w: f.einsum("ij,kj,kl->il", z, w.conj(), w.real + 0j),
    "indices": lambda f, z, w: (z[1:, ::2], z[..., 0], z[[2, 0]], z[z.real > 0], w[1], z[None, :, 1:2]),
    "shapes": lambda f, z, w: (z.reshape(9), z.view(1, -1), z.permute(1, 0), z.unsqueeze(1), z.expand(2, 3, 3), z.flatten(1)),
    "cut": lambda f, z, w: (*z.chunk(2), *z.split(2, 1), *z.unbind(1), z.narrow(0, 1, 2), z.diagonal(), z.select(1, 2)),
    "joined": lambda f, z, w: (f.cat([z, w], 1), f.stack([z, w]), f.hstack([z, w.real]), z.roll(1, 0), z.flip((0,))),
    "gathered": lambda f, z, w: (z.gather(1, f.tensor([[0, 2], [1, 1], [2, 0]])), z.index_select(0, f.tensor([2, 1])),
                                 z.masked_select(w.real > 0), z.scatter(1, f.tensor([[1], [0], [2]]), w[:, :1])),
    "masked": lambda f, z, w: (z.masked_fill(w.real > 0, 1 - 1j), f.nn.functional.pad(z, (1, 0), value=2.0)),
    "sums": lambda f, z, w: (z.sum(0), z.mean((0, 1)), z.sum(1, keepdim=True), z.prod(1), z.cumsum(1), z.cumprod(0), z.var(0)),
    "norms": lambda f, z, w: (z.norm(), f.linalg.vector_norm(z, 3), f.linalg.norm(z), f.nn.functional.normalize(z, dim=1)),
    "linalg": lambda f, z, w: (f.linalg.inv(z), f.linalg.solve(z, w), f.linalg.matrix_exp(z * 0.2), f.matrix_power(z, 3)),
    "convolutions": lambda f, z, w: (f.nn.functional.conv1d(z[None], w[None]), f.nn.functional.linear(z, w, w[0]),
                                     f.nn.functional.conv_transpose1d(z[None], w[:, None])),
    "parts": lambda f, z, w: (f.view_as_real(z), z.real * 2, z.imag + 1, f.complex(z.real, w.imag), f.polar(z.abs(), w.angle())),
    "conjugates": lambda f, z, w: (z.conj() * w, (z.conj() + w.conj()).conj(), z.conj().imag + 1, z.conj()[0].sum(), z.mH @ w),
    "losses": lambda f, z, w: (f.nn.functional.l1_loss(z, w), (z - w).abs().square().mean()),
    "logarithms of sums": lambda f, z, w: (f.logaddexp(z, w), f.logcumsumexp(z * 2, 1), f.logsumexp(z, (0, 1)),
                                           f.logsumexp(z[0, 0], 0)),
    "weighted": lambda f, z, w: (f.cov(z, fweights=f.tensor([1, 2, 3]), aweights=z.detach().abs()[0]), f.cov(z, correction=2)),
    "integrals": lambda f, z, w: (f.trapezoid(z, w[0]), f.trapezoid(z, dx=0.5, dim=0), f.cumulative_trapezoid(z, w.real),
                                  *f.gradient(z, spacing=0.5), f.diff(z, 1, 0, w[:1], append=z.real[:1])),
    "layers": lambda f, z, w: (f.nn.functional.rms_norm(z, (3,), w[0]), f.renorm(z, 2, 0, 1.5),
                               f.nn.functional.dropout(z, 0.5, False),
                               f.nn.functional.triplet_margin_loss(z, w, z.conj() * 2, swap=True)),
    "named otherwise": lambda f, z, w: (z.sum(axis=0), f.mean(z, axis=1, keepdims=True), z.reshape(shape=(9,)),
                                        z.permute(dims=(1, 0)), f.swapaxes(z, axis0=0, axis1=1), f.cat(tensors=[z, w], axis=1)),
    "made real": lambda f, z, w: (f.softmax(z, 0, dtype=f.float64), f.log_softmax(z, 1, f.float64), *f.meshgrid(z[0], w[0])),
    "placed": lambda f, z, w: (z.as_strided_scatter(w[0], (3,), (2,), 1).detach(), f._chunk_cat([z.detach(), w.detach()], 0, 2),
                               f.masked.var(z, 1, mask=w.real > -9), f.masked.logsumexp(z, 0, mask=w.real > 0)),
    "frames": lambda f, z, w: f.stft(z.flatten().real.repeat(8), 16, 4, return_complex=True),
}  # fmt: skip


@pytest.mark.parametrize("d", ["complex64", "complex128"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, d: str) -> None:
    compare(PROGRAMS[name], [numbers((3, 3), 3, d), numbers((3, 3), 4, d)])


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,)])
def test_awkward_shapes(shape: tuple[int, ...]) -> None:
    programs: list[Program] = [
        lambda f, z: z * 2j + z.conj(), lambda f, z: z.sum(), lambda f, z: z.exp().abs(), lambda f, z: z.reshape(-1),
        lambda f, z: f.stack([z, z]), lambda f, z: z.mean(), lambda f, z: z.prod(), lambda f, z: z.unsqueeze(0),
    ]  # fmt: skip
    for program in programs:
        if shape and 0 in shape and program is programs[5]:
            continue  # NaN, with a warning of NumPy's
        compare(program, [numbers(shape, 5, "complex64")])


SPECIAL = [complex(x, y) for x in (0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 1e20) for y in (0.0, -0.0, 0.5, -1.0, 1e-20)]


@pytest.mark.parametrize("name", ["abs", "angle", "sqrt", "log", "exp", "neg", "conj_physical", "isfinite", "isnan", "sgn"])
def test_special_values(name: str) -> None:
    array = np.array([z for z in SPECIAL if name not in ("exp", "sqrt", "sgn", "log") or np.isfinite(z)], np.complex128)
    with np.errstate(all="ignore"):
        expected, result = [getattr(library, name)(library.tensor(array)) for library in (torch, flambeau)]
    np.testing.assert_allclose(result.numpy(), expected.resolve_conj().numpy(), 1e-12, 1e-300)


def test_random_programs_on_complex_numbers() -> None:
    """Operations in any order, on what the ones before gave."""
    steps: list[Program] = [
        lambda f, z, w: z * w, lambda f, z, w: z + w.conj(), lambda f, z, w: z.t() @ w / 4, lambda f, z, w: z / (w.abs() + 1),
        lambda f, z, w: (z * 0.3).exp(), lambda f, z, w: z - w.mean(0), lambda f, z, w: f.cat([z[1:], w[:1]]),
        lambda f, z, w: z.sin() * 0.1,
        lambda f, z, w: f.where(z.imag > 0, z, w), lambda f, z, w: f.complex(z.real, w.imag),
    ]  # fmt: skip
    generator = np.random.default_rng(7)
    for seed in range(12):
        chosen = generator.integers(0, len(steps), 6)

        def program(library: Any, z: Any, w: Any, chosen: Any = chosen) -> Any:
            for number in chosen:
                z, w = steps[number](library, z, w), z
            return z

        compare(program, [numbers((4, 4), 10 + seed, "complex128"), numbers((4, 4), 30 + seed, "complex128")])
