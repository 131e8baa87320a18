"""The name that :mod:`flambeau.ao.quantization` had."""

from ..ao.quantization import *  # noqa: F403
from ..ao.quantization import __all__ as __all__
