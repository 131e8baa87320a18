"""The name that :mod:`flambeau.ao.quantization.stubs` had."""

from ..ao.quantization.stubs import *  # noqa: F403
from ..ao.quantization.stubs import __all__ as __all__
