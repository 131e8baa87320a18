"""The name that :mod:`flambeau.ao.nn.quantized.dynamic.modules` had."""

from flambeau.ao.nn.quantized.dynamic.modules import *  # noqa: F403
from flambeau.ao.nn.quantized.dynamic.modules import __all__ as __all__
