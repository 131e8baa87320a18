"""The modules of :mod:`flambeau.nn`, one file a family: all that a file defines is exported."""

# ruff: noqa: F403
from __future__ import annotations

import sys as _sys

from ...interpreter.lazy import export_where_defined as _export_where_defined
from .activation import *
from .adaptive import *
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
from .linear_loss import *
from .loss import *
from .module import Module
from .normalization import *
from .padding import *
from .pixelshuffle import *
from .pooling import *
from .rnn import *
from .sparse import *
from .transformer import *
from .upsampling import *

_ELSEWHERE = {"LazyModuleMixin", "NonDynamicallyQuantizableLinear"}
"""What PyTorch has in the files alone."""

__all__ = [
    _name
    for _name, _value in list(globals().items())
    if isinstance(_value, type) and issubclass(_value, Module) and not _name.startswith("_") and _name not in _ELSEWHERE
]
_export_where_defined(globals()[_name] for _name in __all__)
for _name in list(globals()):  # what the files themselves have imported
    if not (_name.startswith("_") or _name in __all__ or f"{__name__}.{_name}" in _sys.modules):
        del globals()[_name]
