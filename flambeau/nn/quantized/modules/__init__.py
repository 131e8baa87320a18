"""The name that :mod:`flambeau.ao.nn.quantized.modules` had."""

from flambeau.ao.nn.quantized.modules import *  # noqa: F403
from flambeau.ao.nn.quantized.modules import __all__ as __all__
