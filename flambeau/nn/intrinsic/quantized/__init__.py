"""The name that :mod:`flambeau.ao.nn.intrinsic.quantized` had."""

from flambeau.ao.nn.intrinsic.quantized import *  # noqa: F403
from flambeau.ao.nn.intrinsic.quantized import __all__ as __all__
