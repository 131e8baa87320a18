"""The name that :mod:`flambeau.ao.quantization.fuse_modules` had."""

from ..ao.quantization.fuse_modules import *  # noqa: F403
from ..ao.quantization.fuse_modules import __all__ as __all__
