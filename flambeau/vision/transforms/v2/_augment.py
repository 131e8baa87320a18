"""Transforms that overwrite, mix, and compress."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import flambeau

from ....nn.functional import one_hot
from ....nn.modules._layer import layer
from ....utils._pytree import tree_flatten, tree_unflatten
from ..._pillow import is_picture
from ...tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video, wrap
from .. import _random
from .. import values as _v1
from . import functional as F
from ._geometry import warn_of_passing
from ._transform import Sometimes, Transform
from ._utils import check_sequence, has_any, labels_getter_of, query_chw, query_size
from .functional import is_pure_tensor


@layer()
class RandomErasing(Sometimes):
    """With probability ``p``, overwrite a rectangle.

    ``scale``: range of its share of the area; ``ratio``: of its height to its width; ``value``: a number, one for each
    channel, or ``"random"`` for noise.
    """

    _v1_transform_cls = _v1.RandomErasing

    scale: Sequence[float] = (0.02, 0.33)
    ratio: Sequence[float] = (0.3, 3.3)
    value: Any = 0.0
    inplace: bool = False

    def _settle(self) -> None:
        value = self.value
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        _random.check_ranges(self.scale, self.ratio)
        if self.scale[0] < 0 or self.scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        numbers = [value] if isinstance(value, (int, float)) else value
        self.value = None if isinstance(numbers, str) else [float(number) for number in numbers]

    def _call_kernel(self, functional: Any, inpt: Any, *args: Any, **kwargs: Any) -> Any:
        warn_of_passing(self, inpt)
        return super()._call_kernel(functional, inpt, *args, **kwargs)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels, rows, columns = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, channels):
            raise ValueError(
                f"If value is a sequence, it should have either a single value or {channels} (number of inpt channels)"
            )
        part = _v1.erased_part(channels, rows, columns, self.scale, self.ratio, self.value)
        return dict(zip("ijhwv", part or (0, 0, rows, columns, None)))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt if params["v"] is None else self._call_kernel(F.erase, inpt, **params, inplace=self.inplace)


class _Mix(Transform):
    """Base of what mixes each picture of a batch, and its label, with the one before."""

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None, labels_getter: Any = "default") -> None:
        from ....distributions import Beta

        super().__init__()
        self.alpha = float(alpha)
        self._dist = Beta(flambeau.tensor([self.alpha]), flambeau.tensor([self.alpha]))
        self.num_classes = num_classes
        self._labels_getter = labels_getter_of(labels_getter)

    def forward(self, *inputs: Any) -> Any:
        given = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs, spec = tree_flatten(given)
        needed = self._needs_transform_list(flat_inputs)
        if has_any(flat_inputs, is_picture, BoundingBoxes, Mask, KeyPoints):
            raise ValueError(
                f"{type(self).__name__}() does not support PIL images, bounding boxes, keypoints and masks."
            )
        labels = self._labels_getter(given)
        self._check_labels(labels)
        drawn = self.make_params([inpt for inpt, is_needed in zip(flat_inputs, needed) if is_needed])
        params = {"labels": labels, "batch_size": labels.shape[0], **drawn}
        outputs = [
            self.transform(inpt, params) if is_needed or inpt is labels else inpt
            for inpt, is_needed in zip(flat_inputs, needed)
        ]
        return tree_unflatten(outputs, spec)

    def _check_labels(self, labels: Any) -> None:
        if not isinstance(labels, flambeau.Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        given: Any = labels
        if given.ndim not in (1, 2):
            raise ValueError(
                "labels should be index based with shape (batch_size,) or probability based with shape (batch_size, "
                f"num_classes), but got a tensor of shape {given.shape} instead."
            )
        if given.ndim == 2 and self.num_classes is not None and given.shape[-1] != self.num_classes:
            raise ValueError(
                "When passing 2D labels, the number of elements in last dimension must match num_classes: "
                f"{given.shape[-1]} != {self.num_classes}. You can Leave num_classes to None."
            )
        if given.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if inpt is params["labels"]:
            return self._mixed_labels(inpt, params["lam"])
        if not isinstance(inpt, (Image, Video)) and not is_pure_tensor(inpt):
            return inpt
        axes = 5 if isinstance(inpt, Video) else 4
        if inpt.ndim != axes:
            raise ValueError(f"Expected a batched input with {axes} dims, but got {inpt.ndim} dimensions instead.")
        if inpt.shape[0] != params["batch_size"]:
            raise ValueError(
                "The batch size of the image or video does not match the batch size of the labels: "
                f"{inpt.shape[0]} != {params['batch_size']}."
            )
        output = self._mixed(inpt, params)
        return wrap(output, like=inpt) if isinstance(inpt, (Image, Video)) else output

    def _mixed(self, inpt: Any, params: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _mixed_labels(self, labels: Any, share: float) -> Any:
        if labels.ndim == 1:
            labels = one_hot(labels, num_classes=self.num_classes)  # type: ignore[arg-type]
        if not labels.is_floating_point():
            labels = labels.float()
        return labels.roll(1, 0) * (1.0 - share) + labels * share


class MixUp(_Mix):
    """Pictures and labels mixed with those before, in a share drawn from Beta(``alpha``, ``alpha``).

    H. Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2017).
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"lam": float(self._dist.sample(()))}

    def _mixed(self, inpt: Any, params: dict[str, Any]) -> Any:
        share = params["lam"]
        return inpt.roll(1, 0) * (1.0 - share) + inpt * share


class CutMix(_Mix):
    """A rectangle of each picture from the one before, and labels mixed by its area, drawn from Beta(``alpha``, ``alpha``).

    S. Yun et al., "CutMix" (2019).
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        share = float(self._dist.sample(()))
        height, width = query_size(flat_inputs)
        x, y = _random.integer(0, width), _random.integer(0, height)
        side = 0.5 * math.sqrt(1.0 - share)
        half_width, half_height = int(side * width), int(side * height)
        left, top = max(x - half_width, 0), max(y - half_height, 0)
        right, bottom = min(x + half_width, width), min(y + half_height, height)
        area = (right - left) * (bottom - top)
        return {"box": (left, top, right, bottom), "lam": float(1.0 - area / (width * height))}

    def _mixed(self, inpt: Any, params: dict[str, Any]) -> Any:
        left, top, right, bottom = params["box"]
        output = inpt.clone()
        output[..., top:bottom, left:right] = inpt.roll(1, 0)[..., top:bottom, left:right]
        return output


@layer()
class JPEG(Transform):
    """What is left after JPEG, of a ``quality`` from 1 to 100, or within a range of them."""

    quality: Any

    def _settle(self) -> None:
        quality = self.quality
        if isinstance(quality, bool):
            raise TypeError("quality can't be bool")
        if isinstance(quality, int):
            quality = [quality, quality]
        check_sequence(quality, "quality")
        if not (all(isinstance(q, int) for q in quality) and 1 <= quality[0] <= quality[1] <= 100):
            raise ValueError(f"quality must be an integer from 1 to 100, got quality ={quality!r}")
        self.quality = quality

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"quality": _random.integer(self.quality[0], self.quality[1] + 1)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.jpeg, inpt, quality=params["quality"])
