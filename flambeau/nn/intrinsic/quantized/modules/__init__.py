"""The name that :mod:`flambeau.ao.nn.intrinsic.quantized.modules` had."""

from flambeau.ao.nn.intrinsic.quantized.modules import *  # noqa: F403
from flambeau.ao.nn.intrinsic.quantized.modules import __all__ as __all__
