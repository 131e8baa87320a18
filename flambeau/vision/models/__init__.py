"""Networks for pictures."""

from . import alexnet as _alexnet_module
from . import resnet, vgg
from ._weights import get_model, list_models
from .alexnet import *  # noqa: F403
from .resnet import *  # noqa: F403
from .vgg import *  # noqa: F403

__all__ = [*_alexnet_module.__all__, *resnet.__all__, *vgg.__all__, "get_model", "list_models"]
