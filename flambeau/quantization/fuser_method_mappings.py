"""The name that :mod:`flambeau.ao.quantization.fuser_method_mappings` had."""

from ..ao.quantization.fuser_method_mappings import *  # noqa: F403
from ..ao.quantization.fuser_method_mappings import __all__ as __all__
