"""The name that :mod:`flambeau.ao.quantization.quantization_mappings` had."""

from ..ao.quantization.quantization_mappings import *  # noqa: F403
from ..ao.quantization.quantization_mappings import __all__ as __all__
