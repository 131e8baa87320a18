"""Discrete Fourier transforms under the names of ``torch.fft``."""

from .ops.arguments import export
from .ops.complex import fft as _fft  # for what it declares  # noqa: F401
from .ops.operation import MODULES

__all__ = [*MODULES["fft"]]

globals().update(export(MODULES["fft"], __name__, "fft_"))
del MODULES, export
