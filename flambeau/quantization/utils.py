"""The name that :mod:`flambeau.ao.quantization.utils` had."""

from ..ao.quantization.utils import *  # noqa: F403
from ..ao.quantization.utils import __all__ as __all__
