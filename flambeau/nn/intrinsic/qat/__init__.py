"""The name that :mod:`flambeau.ao.nn.intrinsic.qat` had."""

from flambeau.ao.nn.intrinsic.qat import *  # noqa: F403
from flambeau.ao.nn.intrinsic.qat import __all__ as __all__
