"""The name that :mod:`flambeau.ao.nn.quantized.functional` had."""

from flambeau.ao.nn.quantized.functional import *  # noqa: F403
from flambeau.ao.nn.quantized.functional import __all__ as __all__
