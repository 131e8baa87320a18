"""Sliding windows as columns, and back."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ._layer import layer
from .module import Module


@layer(F.fold)
class Fold(Module):
    """Columns (N, C·kh·kw, windows) added up where their windows overlap."""

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


@layer(F.unfold)
class Unfold(Module):
    """The windows that slide over (N, C, H, W), as columns."""

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1
