"""Discrete Fourier transforms under the names of ``torch.fft``."""

from .ops.complex.fft import *  # noqa: F403
from .ops.complex.fft import __all__  # noqa: F401
