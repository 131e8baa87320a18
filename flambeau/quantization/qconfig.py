"""The name that :mod:`flambeau.ao.quantization.qconfig` had."""

from ..ao.quantization.qconfig import *  # noqa: F403
from ..ao.quantization.qconfig import __all__ as __all__
