"""The name that :mod:`flambeau.ao.quantization.quantize` had."""

from ..ao.quantization.quantize import *  # noqa: F403
from ..ao.quantization.quantize import __all__ as __all__
