"""Names of before."""

from __future__ import annotations

import warnings
from typing import Any

from ... import functional as _F


def to_tensor(inpt: Any) -> Any:
    """The function of the same name of :mod:`flambeau.vision.transforms.functional`, with a warning."""
    warnings.warn(
        "The function `to_tensor(...)` is deprecated and will be removed in a future release. Instead, please use "
        "`to_image(...)` followed by `to_dtype(..., dtype=torch.float32, scale=True)`."
    )
    return _F.to_tensor(inpt)


def get_image_size(inpt: Any) -> Any:
    """Width and height, with a warning: ``get_size`` gives height and width."""
    warnings.warn(
        "The function `get_image_size(...)` is deprecated and will be removed in a future release. Instead, please use "
        "`get_size(...)` which returns `[h, w]` instead of `[w, h]`."
    )
    return _F.get_image_size(inpt)
