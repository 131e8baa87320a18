"""Regions read from the map of a pyramid whose pixels suit their size (T.-Y. Lin et al., 2016)."""

from __future__ import annotations

import math
from typing import Any

import flambeau
from flambeau import nn

from ._utils import rows_of
from .boxes import box_area
from .roi_align import roi_align

__all__ = ["MultiScaleRoIAlign"]


def initLevelMapper(
    k_min: int, k_max: int, canonical_scale: int = 224, canonical_level: int = 4, eps: float = 1e-6
) -> LevelMapper:
    """A :class:`LevelMapper`."""
    return LevelMapper(k_min, k_max, canonical_scale, canonical_level, eps)


class LevelMapper:
    """Numbers of the maps for boxes: level ``canonical_level`` for ``canonical_scale`` pixels, one more for twice as many."""

    def __init__(
        self, k_min: int, k_max: int, canonical_scale: int = 224, canonical_level: int = 4, eps: float = 1e-6
    ) -> None:
        self.k_min = k_min
        self.k_max = k_max
        self.s0 = canonical_scale
        self.lvl0 = canonical_level
        self.eps = eps

    def __call__(self, boxlists: list[Any]) -> Any:
        size = flambeau.sqrt(flambeau.cat([box_area(boxes) for boxes in boxlists]))
        level = flambeau.floor(self.lvl0 + flambeau.log2(size / self.s0) + self.eps)
        return level.clamp(min=self.k_min, max=self.k_max).to(flambeau.int64) - self.k_min


def _scale(feature: Any, image: tuple[int, int]) -> float:
    """The power of two by which a map is smaller than the picture."""
    return 2.0 ** round(math.log2(feature.shape[-2] / image[0]))


class MultiScaleRoIAlign(nn.Module):
    """Regions of several maps by :func:`roi_align`, each from the map that suits its size.

    ``forward(x, boxes, image_shapes)``: maps by name, of which ``featmap_names`` are used; a list of boxes (n, 4) for
    each picture, in its pixels; the pictures' sizes (height, width). The result is (k, channels, *``output_size``).
    """

    __annotations__ = {"scales": list[float] | None, "map_levels": LevelMapper | None}

    def __init__(
        self,
        featmap_names: list[str],
        output_size: int | tuple[int, ...] | list[int],
        sampling_ratio: int,
        *,
        canonical_scale: int = 224,
        canonical_level: int = 4,
    ) -> None:
        super().__init__()
        self.featmap_names = featmap_names
        self.sampling_ratio = sampling_ratio
        self.output_size = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
        self.scales: list[float] | None = None
        self.map_levels: LevelMapper | None = None
        self.canonical_scale = canonical_scale
        self.canonical_level = canonical_level

    def forward(self, x: dict[str, Any], boxes: list[Any], image_shapes: list[tuple[int, int]]) -> Any:
        maps = [feature for name, feature in x.items() if name in self.featmap_names]
        if self.scales is None or self.map_levels is None:
            self.scales, self.map_levels = self._levels(maps, image_shapes)
        rows = rows_of(boxes)
        settings: dict[str, Any] = {"output_size": self.output_size, "sampling_ratio": self.sampling_ratio}
        if len(maps) == 1:
            return roi_align(maps[0], rows, spatial_scale=self.scales[0], **settings)
        levels = self.map_levels(boxes)
        places = [flambeau.where(levels == level)[0] for level in range(len(maps))]
        parts = [
            roi_align(feature, rows[place], spatial_scale=scale, **settings)
            for feature, place, scale in zip(maps, places, self.scales)
        ]
        # Autocast may have given maps different dtypes; the first one's is the result's.
        joined = flambeau.cat([part.to(maps[0].dtype) for part in parts])
        return joined[flambeau.argsort(flambeau.cat(places))]

    def _levels(self, maps: list[Any], shapes: list[tuple[int, int]]) -> tuple[list[float], LevelMapper]:
        if not shapes:
            raise ValueError("images list should not be empty")
        largest = (max(shape[0] for shape in shapes), max(shape[1] for shape in shapes))
        scales = [_scale(feature, largest) for feature in maps]
        first, last = int(-math.log2(scales[0])), int(-math.log2(scales[-1]))
        return scales, initLevelMapper(first, last, self.canonical_scale, self.canonical_level)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(featmap_names={self.featmap_names}, output_size={self.output_size}, "
            f"sampling_ratio={self.sampling_ratio})"
        )
