"""Pictures in files. (Films are refused.)"""

from . import image, video
from .image import *  # noqa: F403
from .video import *  # noqa: F403

__all__ = [*image.__all__, *video.__all__]
