"""The name that :mod:`flambeau.ao.nn.intrinsic.modules` had."""

from flambeau.ao.nn.intrinsic.modules import *  # noqa: F403
from flambeau.ao.nn.intrinsic.modules import __all__ as __all__
