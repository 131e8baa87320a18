"""Special functions under the names of ``torch.special``."""

from __future__ import annotations

from typing import Any

from .core.tensor import Tensor
from .graph.primitives import TYPE_NAMES
from .ops import rounding
from .ops.arguments import export
from .ops.error_functions import erf, erfc, erfcx, erfinv, log_ndtr, ndtr, ndtri
from .ops.exponentials import exp2, expm1, log1p, logit
from .ops.exponentials import sigmoid as expit
from .ops.gamma import digamma, polygamma
from .ops.gamma import lgamma as gammaln
from .ops.gamma import mvlgamma as multigammaln
from .ops.softmax import log_softmax, logsumexp, softmax
from .ops.special import entr, i0, modified_bessel, sinc
from .ops.two_arguments import xlog1py, xlogy

psi = digamma


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Nearest floating-point number of so many decimal places, halves to even. ``NotImplementedError`` for integers."""
    if input.dtype.category < 2:
        raise NotImplementedError(f"\"round_vml_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    return rounding.round(input, decimals=decimals)


def i0e(input: Tensor) -> Tensor:
    """exp(-|x|) I₀(x)."""
    return modified_bessel(input, 0, True)


def i1(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind of order 1."""
    return modified_bessel(input, 1, False)


def i1e(input: Tensor) -> Tensor:
    """exp(-|x|) I₁(x)."""
    return modified_bessel(input, 1, True)


__all__: list[Any] = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e", "log1p",
    "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc",
    "softmax", "xlog1py", "xlogy",
]  # fmt: skip

globals().update(export(globals(), __name__, "special_", takes_out=lambda name: True))
del export
