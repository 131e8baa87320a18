"""The name that :mod:`flambeau.ao.nn.quantized.dynamic` had."""

from flambeau.ao.nn.quantized.dynamic import *  # noqa: F403
from flambeau.ao.nn.quantized.dynamic import __all__ as __all__
