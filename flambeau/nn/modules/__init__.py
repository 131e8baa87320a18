"""The modules of :mod:`flambeau.nn`, one file a family."""

# ruff: noqa: F403
from __future__ import annotations

import sys

from .activation import *
from .batchnorm import *
from .channelshuffle import *
from .container import *
from .conv import *
from .distance import *
from .dropout import *
from .flatten import *
from .fold import *
from .instancenorm import *
from .lazy_layers import *
from .linear import *
from .loss import *
from .module import Module
from .normalization import *
from .padding import *
from .pixelshuffle import *
from .pooling import *
from .sparse import *
from .upsampling import *

__all__ = ["Module"]
for _family in (
    "activation",
    "batchnorm",
    "channelshuffle",
    "container",
    "conv",
    "distance",
    "dropout",
    "flatten",
    "fold",
    "instancenorm",
    "lazy_layers",
    "linear",
    "loss",
    "normalization",
    "padding",
    "pixelshuffle",
    "pooling",
    "sparse",
    "upsampling",
):
    __all__ += sys.modules[f"{__name__}.{_family}"].__all__
del _family
