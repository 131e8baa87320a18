"""Between arrays, Pillow's pictures and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import flambeau

from .... import tv_tensors
from ...._pillow import is_picture
from ...functional import pil_to_tensor as pil_to_tensor
from ...functional import to_pil_image as to_pil_image


def to_image(inpt: Any) -> Any:
    """A tensor, an array (height, width[, channels]) or a picture of Pillow's as a picture. ``TypeError`` for others."""
    if isinstance(inpt, np.ndarray):
        output: Any = flambeau.from_numpy(np.ascontiguousarray(np.atleast_3d(inpt).transpose(2, 0, 1)))
    elif is_picture(inpt):
        output = pil_to_tensor(inpt)
    elif isinstance(inpt, flambeau.Tensor):
        output = inpt
    else:
        raise TypeError(
            f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
        )
    return tv_tensors.Image(output)
