"""The name that :mod:`flambeau.ao.nn.intrinsic` had."""

from flambeau.ao.nn.intrinsic import *  # noqa: F403
from flambeau.ao.nn.intrinsic import __all__ as __all__

from . import qat as qat
from . import quantized as quantized
