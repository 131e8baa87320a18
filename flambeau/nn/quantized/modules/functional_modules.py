"""The name that :mod:`flambeau.ao.nn.quantized.modules.functional_modules` had."""

from flambeau.ao.nn.quantized.modules.functional_modules import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.functional_modules import __all__ as __all__
