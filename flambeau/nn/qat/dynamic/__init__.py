"""The name that :mod:`flambeau.ao.nn.qat.dynamic` had."""

from flambeau.ao.nn.qat.dynamic import *  # noqa: F403
from flambeau.ao.nn.qat.dynamic import __all__ as __all__
