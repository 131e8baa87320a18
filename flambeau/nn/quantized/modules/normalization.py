"""The name that :mod:`flambeau.ao.nn.quantized.modules.normalization` had."""

from flambeau.ao.nn.quantized.modules.normalization import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.normalization import __all__ as __all__
