"""The name that :mod:`flambeau.ao.nn.quantized.modules.dropout` had."""

from flambeau.ao.nn.quantized.modules.dropout import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.dropout import __all__ as __all__
