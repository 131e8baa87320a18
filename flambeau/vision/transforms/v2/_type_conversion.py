"""Transforms between arrays, Pillow's pictures and tensors; and of films to some of their frames."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import flambeau

from ....nn.modules._layer import layer
from ..._pillow import is_picture
from ...tv_tensors import Image, TVTensor
from .. import functional as _F
from . import functional as F
from ._transform import Transform
from .functional import is_pure_tensor


class PILToTensor(Transform):
    """A tensor (channels, height, width) of a picture of Pillow's, of its own dtype."""

    _transformed_types = (is_picture,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.pil_to_tensor(inpt)


class ToImage(Transform):
    """A picture of a tensor, an array, or a picture of Pillow's."""

    _transformed_types = (is_pure_tensor, is_picture, np.ndarray)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_image(inpt)


@layer()
class ToPILImage(Transform):
    """A picture of Pillow's of a tensor or an array."""

    _transformed_types = (is_pure_tensor, Image, np.ndarray)

    mode: str | None = None

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_pil_image(inpt, mode=self.mode)


class ToPureTensor(Transform):
    """A plain tensor of one of which something is said."""

    _transformed_types = (TVTensor,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt.as_subclass(flambeau.Tensor)


class ToTensor(Transform):
    """A tensor of a picture of Pillow's or an array; bytes become floats from 0 to 1. Warns: it is a name of before."""

    _transformed_types = (is_picture, np.ndarray)

    def __init__(self) -> None:
        warnings.warn(
            "The transform `ToTensor()` is deprecated and will be removed in a future release. Instead, please use "
            "`v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])`.Output is equivalent up to float "
            "precision."
        )
        super().__init__()

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return _F.to_tensor(inpt)


@layer()
class UniformTemporalSubsample(Transform):
    """``num_samples`` frames of a film, evenly from the first to the last."""

    _transformed_types = (flambeau.Tensor,)

    num_samples: int

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.uniform_temporal_subsample, inpt, self.num_samples)
