"""Window functions, as ``torch.signal.windows``: M numbers by which the elements of a piece of a signal are multiplied.

All take ``sym``: a symmetric window (for filters), or a periodic one (for spectra), which is the symmetric one of M + 1
elements without the last. Values are float32 or float64 (``dtype``, the default dtype otherwise). ``ValueError`` for a negative
length, other dtypes and layouts, and parameters out of their range. The formulas are those of Harris (1978), "On the use of
windows for harmonic analysis".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..graph.dtypes import float32, float64, get_default_dtype

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann", "kaiser",
    "nuttall",
]  # fmt: skip


def _checked(name: str, M: int, dtype: Any, layout: Any) -> Any:
    """The dtype of a window of ``M`` elements, if there can be one."""
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not None and layout is not flambeau.strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    d = get_default_dtype() if dtype is None else dtype
    if d not in (float32, float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {d}")
    return d


def _finished(values: Tensor, device: Any, requires_grad: bool) -> Tensor:
    return (values if device is None else values.to(device)).requires_grad_(requires_grad)


def _steps(first: float, step: float, M: int, d: Any) -> Tensor:
    """``M`` numbers from ``first * step`` on, ``step`` apart."""
    return flambeau.linspace(first * step, (first + (M - 1)) * step, M, dtype=d)  # type: ignore[no-any-return]


def _extent(M: int, sym: bool) -> int:
    """The distance of a window's ends."""
    return M if not sym and M > 1 else M - 1


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``exp(-|n - center| / tau)``; a ``center`` is given for periodic windows only."""
    d = _checked("exponential", M, dtype, layout)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _extent(M, sym) / 2.0 if center is None else center
    return _finished(flambeau.exp(-_steps(-middle, 1 / tau, M, d).abs()), device, requires_grad)


def cosine(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``sin(pi (n + 0.5) / M)``."""
    d = _checked("cosine", M, dtype, layout)
    step = math.pi / (_extent(M, sym) + 1) if M else 1.0
    return _finished(flambeau.sin(_steps(0.5, step, M, d)), device, requires_grad)


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``exp(-(n / std)^2 / 2)``, n counted from the middle."""
    d = _checked("gaussian", M, dtype, layout)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    values = _steps(-_extent(M, sym) / 2.0, 1 / (std * math.sqrt(2)), M, d)
    return _finished(flambeau.exp(-(values**2)), device, requires_grad)


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``I0(beta sqrt(1 - x^2)) / I0(beta)``, x from -1 to 1; I0 is the modified Bessel function of order 0."""
    d = _checked("kaiser", M, dtype, layout)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M < 2:
        return flambeau.ones(M, dtype=d, device=device, requires_grad=requires_grad)  # type: ignore[no-any-return]
    step = 2.0 * beta / _extent(M, sym)
    values = flambeau.linspace(-beta, min(beta, (M - 1) * step - beta), M, dtype=d)
    edge = flambeau.tensor(float(beta), dtype=d)
    return _finished(flambeau.i0((beta * beta - values**2).clamp_min(0).sqrt()) / flambeau.i0(edge), device, requires_grad)


def bartlett(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``1 - |2 n / (M - 1) - 1|``: a triangle."""
    d = _checked("bartlett", M, dtype, layout)
    if M < 2:
        return flambeau.ones(M, dtype=d, device=device, requires_grad=requires_grad)  # type: ignore[no-any-return]
    step = 2.0 / _extent(M, sym)
    values = flambeau.linspace(-1, (M - 1) * step - 1, M, dtype=d)
    return _finished(1 - values.abs(), device, requires_grad)


def general_cosine(
    M: int, *, a: Iterable[float], sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``sum((-1)^i a[i] cos(2 pi i n / (M - 1)))``."""
    d = _checked("general_cosine", M, dtype, layout)
    if M < 2:
        return flambeau.ones(M, dtype=d, device=device, requires_grad=requires_grad)  # type: ignore[no-any-return]
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = list(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")
    angles = _steps(0, 2 * math.pi / _extent(M, sym), M, d)
    signed = flambeau.tensor([(-1) ** i * weight for i, weight in enumerate(weights)], dtype=d)
    orders = flambeau.arange(len(weights), dtype=d)
    values = (signed.unsqueeze(-1) * flambeau.cos(orders.unsqueeze(-1) * angles)).sum(0)
    return _finished(values, device, requires_grad)


def general_hamming(M: int, *, alpha: float = 0.54, **options: Any) -> Tensor:
    """:func:`general_cosine` with the coefficients ``alpha`` and ``1 - alpha``."""
    return general_cosine(M, a=[alpha, 1.0 - alpha], **options)


def hamming(M: int, **options: Any) -> Tensor:
    """:func:`general_hamming` with 0.54."""
    return general_hamming(M, **options)


def hann(M: int, **options: Any) -> Tensor:
    """:func:`general_hamming` with 0.5."""
    return general_hamming(M, alpha=0.5, **options)


def blackman(M: int, **options: Any) -> Tensor:
    """:func:`general_cosine` with 0.42, 0.5, 0.08."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], **options)


def nuttall(M: int, **options: Any) -> Tensor:
    """:func:`general_cosine` with Nuttall's (1981) coefficients of the window with the least side lobes."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], **options)
