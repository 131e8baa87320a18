"""Fourier transforms beside PyTorch's: values, dtypes, shapes and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau

ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
SEVERAL = [name + suffix for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for suffix in ("2", "n")]


def numbers(name: str, shape: tuple[int, ...], d: str) -> np.ndarray:
    generator = np.random.default_rng(1)
    real = generator.standard_normal(shape)
    if name.startswith(("rfft", "ihfft")):
        return real.astype(d)
    return (real + 1j * generator.standard_normal(shape)).astype("complex64" if d == "float32" else "complex128")


def compare(name: str, array: np.ndarray, **options: Any) -> None:
    tolerance = 2e-5 if array.dtype.itemsize <= 8 and array.dtype != np.float64 else 1e-11
    results = []
    for library in (torch, flambeau):
        x = library.tensor(array, requires_grad=True)
        result = getattr(library.fft, name)(x, **options)
        real = library.view_as_real(result.resolve_conj()) if result.is_complex() else result
        (real * library.cos(library.arange(real.numel(), dtype=real.dtype)).reshape(real.shape)).sum().backward()
        results.append((str(result.dtype), result.detach().resolve_conj().numpy(), x.grad.resolve_conj().numpy()))
    assert results[0][0] == results[1][0]
    for expected, given in zip(results[0][1:], results[1][1:], strict=True):
        assert expected.shape == given.shape
        np.testing.assert_allclose(given, expected, tolerance, tolerance * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("norm", [None, "ortho", "forward", "backward"])
@pytest.mark.parametrize("name", ONE)
def test_in_one_dimension(name: str, norm: str | None) -> None:
    for d in ("float32", "float64"):
        for options in ({}, {"n": 5}, {"n": 12}, {"dim": 0}, {"n": 4, "dim": 1}):
            compare(name, numbers(name, (6, 7, 9), d), norm=norm, **options)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", SEVERAL)
def test_in_several_dimensions(name: str, norm: str | None) -> None:
    array = numbers(name, (4, 5, 6), "float64")
    for options in ({}, {"s": (3, 8)}, {"dim": (0, 2)}, {"s": (6, 5), "dim": (2, 0)}):
        compare(name, array, norm=norm, **options)


def test_of_integers_and_back() -> None:
    for library in (torch, flambeau):
        x = library.arange(10)
        assert str(library.fft.fft(x).dtype) == "torch.complex64"
        np.testing.assert_allclose(library.fft.irfft(library.fft.rfft(x), 10).numpy(), x.numpy(), 0, 1e-5)


def test_frequencies_and_shifts() -> None:
    for n in (1, 2, 7, 8):
        for name in ("fftfreq", "rfftfreq"):
            expected, result = [getattr(library.fft, name)(n, 0.5) for library in (torch, flambeau)]
            np.testing.assert_allclose(result.numpy(), expected.numpy(), 1e-7)
    for name in ("fftshift", "ifftshift"):
        for dim in (None, 0, (0, 1)):
            expected, result = [getattr(f.fft, name)(f.arange(35).reshape(5, 7), dim) for f in (torch, flambeau)]
            assert result.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("name", "options"), [("fft", {"n": 0}), ("fft", {"norm": "other"}), ("fft", {"dim": 3}), ("fftn", {"dim": (0, 0)})]
)
def test_errors(name: str, options: dict[str, Any]) -> None:
    raised = []
    for library in (torch, flambeau):
        with pytest.raises(Exception) as caught:
            getattr(library.fft, name)(library.ones(3, 4), **options)
        raised.append(type(caught.value))
    assert raised[0] is raised[1]
    with pytest.raises(RuntimeError, match="expects a real input"):
        flambeau.fft.rfft(flambeau.ones(3, dtype=flambeau.cfloat))


def outcome(library: Any, name: str, *arguments: Any, **options: Any) -> Any:
    """What is told of a result, or the type of the error."""
    try:
        result = getattr(library.fft, name)(*arguments, **options)
    except Exception as error:
        return type(error)
    told = str(result.dtype), tuple(result.shape), result.requires_grad, result.is_leaf
    return told, np.round(result.detach().resolve_conj().numpy(), 5).tolist()


@pytest.mark.parametrize("name", ONE)
def test_calls(name: str) -> None:
    """Dtypes, extents of zero and one, axes and lengths as one integer, and what is no argument at all."""
    for d in ("float16", "bfloat16", "int32", "bool", "float32", "complex64", "complex128"):
        assert outcome(flambeau, name, flambeau.ones(4, dtype=getattr(flambeau, d))) == outcome(
            torch, name, torch.ones(4, dtype=getattr(torch, d))
        )
    assert outcome(flambeau, name, flambeau.ones(3, 0)) == outcome(torch, name, torch.ones(3, 0))
    for shape in ((), (2, 3)):
        for arguments in ((), ("a",), (4,), (None, 2)):
            expected = outcome(torch, name, torch.ones(shape), *arguments)
            assert outcome(flambeau, name, flambeau.ones(shape), *arguments) == expected, arguments
        for options in ({"s": 4}, {"dim": 0}, {"s": 4, "dim": 1}, {"s": (4, -1)}, {"s": ()}, {"s": (1, 2, 3)}, {"dim": ()}):
            expected = outcome(torch, name + "n", torch.ones(shape), **options)
            assert outcome(flambeau, name + "n", flambeau.ones(shape), **options) == expected, options
    assert outcome(flambeau, name, [1, 2]) is outcome(torch, name, [1, 2]) is TypeError


@pytest.mark.parametrize("name", [*ONE, "fft2", "irfft2", "fftn", "irfftn"])
def test_given_outputs(name: str) -> None:
    """Of the result's kind, in any precision; nothing is differentiated through them."""
    for d in ("complex64", "complex128", "float32", "float64", "int64"):
        if d == "complex128" and name in ("ifft", "ihfft"):
            continue  # PyTorch refuses that for these two alone
        told = []
        for library in (torch, flambeau):
            out = library.empty(0, dtype=getattr(library, d))
            told.append(outcome(library, name, library.ones(2, 4), out=out))
            told[-1] = told[-1], out.tolist()
        assert told[0] == told[1], d
    for library in (torch, flambeau):
        wanted = library.complex64 if not name.startswith(("irfft", "hfft")) else library.float32
        assert outcome(library, name, library.ones(2, 4), out=library.ones(1, dtype=wanted, requires_grad=True)) is RuntimeError
    result = flambeau.ones(2, 4, requires_grad=True)
    assert outcome(flambeau, name, result, out=flambeau.empty(0, dtype=wanted)) is RuntimeError


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_are_made_as_asked(name: str) -> None:
    for arguments, options in [
        ((5,), {}), ((5, 0.1), {"requires_grad": True}), ((5,), {"dtype": "int64"}), ((5,), {"dtype": "float64"}), ((0,), {}),
        ((-2,), {}), ((5, 0.0), {}), ((5.0, 1.0), {}), ((5,), {"out": "float64"}), ((5,), {"out": "int64"}),
    ]:  # fmt: skip
        told = []
        for library in (torch, flambeau):
            own = dict(options)
            if "dtype" in own:
                own["dtype"] = getattr(library, own["dtype"])
            if "out" in own:
                own["out"] = library.empty(0, dtype=getattr(library, own["out"]))
            told.append(outcome(library, name, *arguments, **own))
        assert str(told[0]) == str(told[1]), (arguments, options)


def test_shifts_name_axes() -> None:
    for dim in (0, (0, 1), 3, -1):
        for shape in ((), (2, 3)):
            assert outcome(flambeau, "fftshift", flambeau.ones(shape), dim) == outcome(torch, "fftshift", torch.ones(shape), dim)
    numbers = [x.fft.ifftshift(x.arange(5) * (1 + 2j)).tolist() for x in (torch, flambeau)]
    assert numbers[0] == numbers[1]
    assert outcome(flambeau, "fftshift", flambeau.ones(3), out=flambeau.ones(3)) is TypeError


@pytest.mark.parametrize(("center", "normalized", "onesided"), [(True, False, None), (False, True, None), (True, True, False)])
def test_frames_and_back(center: bool, normalized: bool, onesided: bool | None) -> None:
    array = np.random.default_rng(2).standard_normal((2, 200)).astype(np.float64)
    options: dict[str, Any] = {"center": center, "normalized": normalized, "onesided": onesided}
    results = []
    for library in (torch, flambeau):
        x, window = library.tensor(array, requires_grad=True), library.hann_window(24, dtype=library.float64) + 0.1
        spectrum = library.stft(x, 32, 8, 24, window, return_complex=True, **options)
        padded = library.nn.functional.pad(window, (4, 4)) + 0.05
        other = library.stft(x, 32, 8, 32, padded, return_complex=True, **options)
        signal = library.istft(other, 32, 8, 32, padded, length=200 if center else None, **options)
        (spectrum.abs().sum() + (signal * signal).sum()).backward()
        results.append([spectrum.detach().numpy(), signal.detach().numpy(), x.grad.numpy()])
    for expected, given in zip(*results, strict=True):
        np.testing.assert_allclose(given, expected, 1e-9, 1e-9)
