"""All transforms, under the name that PyTorch's files know them by."""

from . import autoaugment, containers, geometric, values
from .autoaugment import *  # noqa: F403
from .containers import *  # noqa: F403
from .functional import InterpolationMode
from .geometric import *  # noqa: F403
from .values import *  # noqa: F403

__all__ = ["InterpolationMode", *autoaugment.__all__, *containers.__all__, *geometric.__all__, *values.__all__]
