"""All transforms, under the name that PyTorch's files know them by."""

from . import colours, containers, conversions, geometric
from .colours import *  # noqa: F403
from .containers import *  # noqa: F403
from .conversions import *  # noqa: F403
from .functional import InterpolationMode
from .geometric import *  # noqa: F403

__all__ = ["InterpolationMode", *colours.__all__, *containers.__all__, *conversions.__all__, *geometric.__all__]
