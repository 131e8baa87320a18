"""The name that :mod:`flambeau.ao.nn.quantized.modules.utils` had."""

from flambeau.ao.nn.quantized.modules.utils import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.utils import __all__ as __all__
