"""The name that :mod:`flambeau.ao.quantization.observer` had."""

from ..ao.quantization.observer import *  # noqa: F403
from ..ao.quantization.observer import __all__ as __all__
