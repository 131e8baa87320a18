"""The name that :mod:`flambeau.ao.nn.quantized.modules.batchnorm` had."""

from flambeau.ao.nn.quantized.modules.batchnorm import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.batchnorm import __all__ as __all__
