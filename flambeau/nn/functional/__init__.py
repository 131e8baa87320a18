"""Layers as functions: every operation of a network without the parameters that go with it.

What operations declare as ``functional.name`` is here, and the public functions of the files of this folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _reduction as _Reduction  # noqa: F401
from .._arguments import _pair, _single, _triple  # noqa: F401
from ._exports import exports
from .activation import _get_softmax_dim  # noqa: F401
from .attention import (  # noqa: F401
    _canonical_mask,
    _each,
    _in_projection,
    _in_projection_packed,
    _mha_shape_check,
    _none_or_dtype,
    _self_attention_at_inference,
)

globals().update(exports(__name__))
del exports

if TYPE_CHECKING:
    from .functions import *  # noqa: F403

    def __getattr__(name: str) -> Any: ...
