"""Pictures before, and what was found in them after a network for detection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from .image_list import ImageList
from .roi_heads import paste_masks_in_image

Targets = list[dict[str, Any]]


def _resize_image_and_masks(
    image: Any, self_min_size: int, self_max_size: int, target: dict[str, Any] | None = None,
    fixed_size: tuple[int, int] | None = None,
) -> tuple[Any, dict[str, Any] | None]:  # fmt: skip
    """A picture of ``fixed_size`` (width, height), or whose shorter side is ``self_min_size`` unless the longer one would
    exceed ``self_max_size``; and the same for ``target["masks"]``."""
    how: dict[str, Any] = {}
    if fixed_size is not None:
        how["size"] = [fixed_size[1], fixed_size[0]]
    else:
        shape = image.shape[-2:]
        how["scale_factor"] = min(self_min_size / min(shape), self_max_size / max(shape))
        how["recompute_scale_factor"] = True
    image = F.interpolate(image[None], mode="bilinear", align_corners=False, **how)[0]
    if target is not None and "masks" in target:
        target["masks"] = F.interpolate(target["masks"][:, None].float(), **how)[:, 0].byte()
    return image, target


class GeneralizedRCNNTransform(nn.Module):
    """Normalises pictures and makes them of one size; gives boxes, masks and keypoints in the sizes that they had.

    ``min_size`` may be several, one of which is chosen at random while training, the last otherwise.
    """

    def __init__(
        self, min_size: Any, max_size: int, image_mean: Sequence[float], image_std: Sequence[float],
        size_divisible: int = 32, fixed_size: tuple[int, int] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self.min_size = min_size if isinstance(min_size, (list, tuple)) else (min_size,)
        self.max_size = max_size
        self.image_mean = image_mean
        self.image_std = image_std
        self.size_divisible = size_divisible
        self.fixed_size = fixed_size
        self._skip_resize = kwargs.pop("_skip_resize", False)

    def forward(self, images: Sequence[Any], targets: Targets | None = None) -> tuple[ImageList, Targets | None]:
        made, changed = [], []
        for i, image in enumerate(images):
            if image.dim() != 3:
                raise ValueError(
                    f"images is expected to be a list of 3d tensors of shape [C, H, W], got {image.shape}"
                )
            target = None if targets is None else dict(targets[i])
            image, target = self.resize(self.normalize(image), target)
            made.append(image)
            changed.append(target)
        sizes = [(int(image.shape[-2]), int(image.shape[-1])) for image in made]
        batch = self.batch_images(made, size_divisible=self.size_divisible)
        return ImageList(batch, sizes), None if targets is None else changed  # type: ignore[return-value]

    def normalize(self, image: Any) -> Any:
        """A picture minus the mean, over the deviation. ``TypeError`` unless it is of floating-point numbers."""
        if not image.is_floating_point():
            raise TypeError(
                f"Expected input images to be of floating type (in range [0, 1]), but found type {image.dtype} instead"
            )
        mean, std = (
            flambeau.as_tensor(values, dtype=image.dtype, device=image.device)[:, None, None]
            for values in (self.image_mean, self.image_std)
        )
        return (image - mean) / std

    def torch_choice(self, k: Sequence[int]) -> int:
        """One of several numbers at random."""
        return k[int(flambeau.empty(1).uniform_(0.0, float(len(k))).item())]

    def resize(self, image: Any, target: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any] | None]:
        """A picture in another size, and what is in it."""
        before = image.shape[-2:]
        if self.training and self._skip_resize:
            return image, target
        size = self.torch_choice(self.min_size) if self.training else self.min_size[-1]
        image, target = _resize_image_and_masks(image, size, self.max_size, target, self.fixed_size)
        if target is not None:
            target["boxes"] = resize_boxes(target["boxes"], before, image.shape[-2:])
            if "keypoints" in target:
                target["keypoints"] = resize_keypoints(target["keypoints"], before, image.shape[-2:])
        return image, target

    def max_by_axis(self, the_list: list[list[int]]) -> list[int]:
        """The largest of several sizes, along each axis."""
        return [max(extents) for extents in zip(*the_list)]

    def batch_images(self, images: Sequence[Any], size_divisible: int = 32) -> Any:
        """Pictures in one tensor, whose height and width are multiples of ``size_divisible``, with zeros behind them."""
        channels, *extents = self.max_by_axis([list(image.shape) for image in images])
        height, width = (math.ceil(extent / size_divisible) * size_divisible for extent in extents)
        batch = images[0].new_full((len(images), channels, height, width), 0)
        for place, image in zip(batch, images):
            place[: image.shape[0], : image.shape[1], : image.shape[2]].copy_(image)
        return batch

    def postprocess(
        self, result: Targets, image_shapes: Sequence[tuple[int, int]], original_image_sizes: Sequence[tuple[int, int]]
    ) -> Targets:
        """What was found, in the sizes that pictures had; while training, as it is."""
        if self.training:
            return result
        for found, now, before in zip(result, image_shapes, original_image_sizes):
            found["boxes"] = resize_boxes(found["boxes"], now, before)
            if "masks" in found:
                found["masks"] = paste_masks_in_image(found["masks"], found["boxes"], before)
            if "keypoints" in found:
                found["keypoints"] = resize_keypoints(found["keypoints"], now, before)
        return result

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(\n    Normalize(mean={self.image_mean}, std={self.image_std})"
            f"\n    Resize(min_size={self.min_size}, max_size={self.max_size}, mode='bilinear')\n)"
        )


def _ratios(original_size: Sequence[int], new_size: Sequence[int]) -> tuple[Any, Any]:
    """Height and width over what they were, as numbers in single precision."""
    height, width = (
        flambeau.tensor(new, dtype=flambeau.float32) / flambeau.tensor(old, dtype=flambeau.float32)
        for new, old in zip(new_size, original_size)
    )
    return height, width


def resize_keypoints(keypoints: Any, original_size: Sequence[int], new_size: Sequence[int]) -> Any:
    """Keypoints (..., 3) of a picture in another size (height, width)."""
    height, width = _ratios(original_size, new_size)
    parts = (keypoints[..., 0] * width, keypoints[..., 1] * height, keypoints[..., 2])
    return flambeau.stack(parts, dim=-1)


def resize_boxes(boxes: Any, original_size: Sequence[int], new_size: Sequence[int]) -> Any:
    """Boxes (n, 4) of a picture in another size (height, width)."""
    height, width = _ratios(original_size, new_size)
    return boxes * flambeau.stack((width, height, width, height))
