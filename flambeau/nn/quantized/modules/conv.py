"""The name that :mod:`flambeau.ao.nn.quantized.modules.conv` had."""

from flambeau.ao.nn.quantized.modules.conv import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.conv import __all__ as __all__
