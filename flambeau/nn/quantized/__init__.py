"""The name that :mod:`flambeau.ao.nn.quantized` had."""

from flambeau.ao.nn.quantized import *  # noqa: F403
from flambeau.ao.nn.quantized import __all__ as __all__

from . import dynamic as dynamic
from . import functional as functional
