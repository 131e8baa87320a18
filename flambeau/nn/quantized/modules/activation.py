"""The name that :mod:`flambeau.ao.nn.quantized.modules.activation` had."""

from flambeau.ao.nn.quantized.modules.activation import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.activation import __all__ as __all__
