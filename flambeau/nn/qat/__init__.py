"""The name that :mod:`flambeau.ao.nn.qat` had."""

from flambeau.ao.nn.qat import *  # noqa: F403
from flambeau.ao.nn.qat import __all__ as __all__
