"""The name that :mod:`flambeau.ao.nn.intrinsic.qat.modules` had."""

from flambeau.ao.nn.intrinsic.qat.modules import *  # noqa: F403
from flambeau.ao.nn.intrinsic.qat.modules import __all__ as __all__
