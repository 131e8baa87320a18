"""The name that :mod:`flambeau.ao.nn.quantized.modules.linear` had."""

from flambeau.ao.nn.quantized.modules.linear import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.linear import __all__ as __all__
