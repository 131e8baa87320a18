"""The modules of :mod:`flambeau.nn`, one file a family."""

# ruff: noqa: F403
from __future__ import annotations

from . import (
    activation,
    batchnorm,
    channelshuffle,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    linear,
    loss,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    sparse,
    upsampling,
)  # fmt: skip
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
for _file in (
    activation, batchnorm, channelshuffle, container, conv, distance, dropout, flatten, fold, instancenorm, linear,
    loss, normalization, padding, pixelshuffle, pooling, sparse, upsampling,
):  # fmt: skip
    __all__ += _file.__all__
del _file
