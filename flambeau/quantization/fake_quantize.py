"""The name that :mod:`flambeau.ao.quantization.fake_quantize` had."""

from ..ao.quantization.fake_quantize import *  # noqa: F403
from ..ao.quantization.fake_quantize import __all__ as __all__
