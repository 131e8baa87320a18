"""Fourier transforms of the overlapping frames of a signal, and the signal of these."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from ...graph.notices import warn_once
from ..by_name import functional, real
from . import fft
from .calls import complex_operation
from .parts import as_complex
from .tensor import TABLE, ComplexTensor


def _window(window: Any, win_length: int, n_fft: int, like: Tensor) -> Tensor:
    """The window in the middle of ``n_fft`` elements."""
    values = like.new_ones(win_length) if window is None else window
    if values.ndim != 1 or values.shape[0] != win_length:
        raise RuntimeError(
            f"expected a 1D window tensor of size equal to win_length={win_length}, but got window with size {list(values.shape)}"
        )
    left = (n_fft - win_length) // 2
    pad = TABLE["pad"] if values.of_pairs else functional.pad
    padded: Tensor = pad(values, (left, n_fft - win_length - left))
    return padded


@complex_operation()
def stft(
    input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
    center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Tensor:  # fmt: skip
    hop, width = hop_length or n_fft // 4, win_length or n_fft
    complex_input = isinstance(input, ComplexTensor)
    if return_complex is None:
        if not complex_input and not isinstance(window, ComplexTensor):
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release."
            )
        return_complex = True
    elif not return_complex:
        warn_once(
            "stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex tensors for "
            "all inputs, and return_complex=False will raise an error."
        )
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {input.ndim}D tensor")
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"stft: expected 0 < win_length <= n_fft, but got win_length={width}")
    x = input if input.ndim == 2 else input.unsqueeze(0)
    if center:
        padded = TABLE["pad"] if complex_input else functional.pad
        x = padded(x.unsqueeze(1), (n_fft // 2, n_fft // 2), pad_mode).squeeze(1)
    if not 0 < n_fft <= x.shape[-1]:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {x.shape[-1]}, but got n_fft={n_fft}")
    frames = x.unfold(-1, n_fft, hop)
    frames = frames * _window(window, width, n_fft, x.real if complex_input else x)
    half = not isinstance(frames, ComplexTensor) if onesided is None else onesided
    if half and isinstance(frames, ComplexTensor):
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    transform = fft.rfft if half else fft.fft
    result = transform(frames, norm="ortho" if normalized else None).transpose(1, 2)
    result = result if input.ndim == 2 else result.squeeze(0)
    return result if return_complex else real.view_as_real(result)  # type: ignore[no-any-return]


@complex_operation()
def istft(
    input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
    center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
    return_complex: bool = False,
) -> Tensor:  # fmt: skip
    if not isinstance(input, ComplexTensor):
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    hop, width = hop_length or n_fft // 4, win_length or n_fft
    spectrum: Any = input if input.ndim == 3 else input.unsqueeze(0)
    half = spectrum.shape[1] != n_fft if onesided is None else onesided
    if spectrum.shape[1] != (n_fft // 2 + 1 if half else n_fft):
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft={n_fft} with "
            f"onesided={half}, but got {spectrum.shape[1]}"
        )
    norm = "ortho" if normalized else None
    frames: Any = spectrum.transpose(1, 2)
    if return_complex:
        frames = fft.ifft(frames, norm=norm)
    else:
        frames = fft.irfft(frames if half else frames.narrow(2, 0, n_fft // 2 + 1), n=n_fft, norm=norm)
    values = _window(window, width, n_fft, spectrum.real)
    count = frames.shape[1]
    total = n_fft + hop * (count - 1)
    signal = _added(frames * values, n_fft, hop, total)
    weights = _added((values * values).expand(1, count, n_fft), n_fft, hop, total)
    first = n_fft // 2 if center else 0
    last = first + length if length is not None else total - (n_fft // 2 if center else 0)
    weights = weights[:, first : min(last, total)]
    if not bool((weights.abs() > 1e-11).all()):
        raise RuntimeError(f"window overlap add min: {float(weights.abs().min())}")
    result = signal[:, first : min(last, total)] / weights
    if last > total:
        result = (TABLE["pad"] if result.of_pairs else functional.pad)(result, (0, last - total))
    return result if input.ndim == 3 else result.squeeze(0)


def _added(frames: Any, n_fft: int, hop: int, total: int) -> Any:
    """Frames (batch, frame, n_fft) added where they overlap: (batch, total)."""
    if isinstance(frames, ComplexTensor):
        return as_complex(_added(frames.real, n_fft, hop, total)) + as_complex(_added(frames.imag, n_fft, hop, total)) * 1j
    count = frames.shape[1]
    places = real.arange(count).unsqueeze(1) * hop + real.arange(n_fft)
    start = frames.new_zeros((frames.shape[0], total))
    return start.index_add(1, places.flatten(), frames.reshape(frames.shape[0], -1))
