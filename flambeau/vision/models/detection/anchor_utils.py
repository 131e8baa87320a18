"""Boxes of several sizes and proportions around each place of a map, from which predicted boxes are counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import Tensor, nn

from .image_list import ImageList


def _grid(rows: Any, columns: Any) -> tuple[Any, Any]:
    """x and y of each place, row by row."""
    y, x = flambeau.meshgrid(rows, columns, indexing="ij")
    return x.reshape(-1), y.reshape(-1)


class AnchorGenerator(nn.Module):
    """Boxes around each place of several maps.

    ``sizes`` and ``aspect_ratios`` (height over width) are of each map: each size comes in each proportion. Plain numbers
    are one size for each map, and proportions for all of them.
    """

    __annotations__ = {"cell_anchors": list[Tensor]}

    def __init__(self, sizes: Any = ((128, 256, 512),), aspect_ratios: Any = ((0.5, 1.0, 2.0),)) -> None:
        super().__init__()
        if not isinstance(sizes[0], (list, tuple)):
            sizes = tuple((size,) for size in sizes)
        if not isinstance(aspect_ratios[0], (list, tuple)):
            aspect_ratios = (aspect_ratios,) * len(sizes)
        self.sizes = sizes
        self.aspect_ratios = aspect_ratios
        self.cell_anchors = [self.generate_anchors(size, ratio) for size, ratio in zip(sizes, aspect_ratios)]

    def generate_anchors(
        self, scales: Sequence[int], aspect_ratios: Sequence[float], dtype: Any = flambeau.float32, device: Any = "cpu"
    ) -> Any:
        """Boxes (x1, y1, x2, y2) around zero, in whole numbers: (proportions * sizes, 4)."""
        sizes = flambeau.as_tensor(scales, dtype=dtype, device=device)
        heights = flambeau.sqrt(flambeau.as_tensor(aspect_ratios, dtype=dtype, device=device))
        w = ((1 / heights)[:, None] * sizes[None, :]).view(-1)
        h = (heights[:, None] * sizes[None, :]).view(-1)
        return (flambeau.stack([-w, -h, w, h], dim=1) / 2).round()

    def set_cell_anchors(self, dtype: Any, device: Any) -> None:
        """Keep the boxes around zero as another dtype."""
        self.cell_anchors = [anchors.to(dtype=dtype, device=device) for anchors in self.cell_anchors]

    def num_anchors_per_location(self) -> list[int]:
        """How many boxes there are around each place, for each map."""
        return [len(sizes) * len(ratios) for sizes, ratios in zip(self.sizes, self.aspect_ratios)]

    def grid_anchors(self, grid_sizes: Sequence[Any], strides: Sequence[Any]) -> list[Any]:
        """The boxes of each map: (height * width * boxes, 4), for places that are ``strides`` pixels apart."""
        flambeau._assert(self.cell_anchors is not None, "cell_anchors should not be None")
        flambeau._assert(
            len(grid_sizes) == len(strides) == len(self.cell_anchors),
            "Anchors should be Tuple[Tuple[int]] because each feature map could potentially have different sizes and aspect "
            "ratios. There needs to be a match between the number of feature maps passed and the number of sizes / aspect "
            "ratios specified.",
        )
        anchors = []
        for (height, width), (stride_y, stride_x), cell in zip(grid_sizes, strides, self.cell_anchors):
            rows = flambeau.arange(0, height, dtype=flambeau.int32, device=cell.device) * stride_y
            columns = flambeau.arange(0, width, dtype=flambeau.int32, device=cell.device) * stride_x
            x, y = _grid(rows, columns)
            shifts = flambeau.stack((x, y, x, y), dim=1)
            anchors.append((shifts.view(-1, 1, 4) + cell.view(1, -1, 4)).reshape(-1, 4))
        return anchors

    def forward(self, image_list: ImageList, feature_maps: list[Any]) -> list[Any]:
        grids = [tuple(features.shape[-2:]) for features in feature_maps]
        height, width = image_list.tensors.shape[-2:]
        self.set_cell_anchors(feature_maps[0].dtype, feature_maps[0].device)
        anchors = flambeau.cat(self.grid_anchors(grids, [(height // rows, width // columns) for rows, columns in grids]))
        return [anchors for _ in image_list.image_sizes]


class DefaultBoxGenerator(nn.Module):
    """Boxes around each place of several maps, as SSD has them: squares of two sizes, and others of ``aspect_ratios``.

    Sizes are parts of the picture: ``scales``, or evenly from ``min_ratio`` to ``max_ratio``. ``steps`` are how far apart
    places are, in pixels.
    """

    def __init__(
        self, aspect_ratios: list[list[int]], min_ratio: float = 0.15, max_ratio: float = 0.9,
        scales: list[float] | None = None, steps: list[int] | None = None, clip: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if steps is not None and len(aspect_ratios) != len(steps):
            raise ValueError("aspect_ratios and steps should have the same length")
        self.aspect_ratios = aspect_ratios
        self.steps = steps
        self.clip = clip
        count = len(aspect_ratios)
        if scales is None:
            scales = [min_ratio, max_ratio]
            if count > 1:
                step = (max_ratio - min_ratio) / (count - 1.0)
                scales = [min_ratio + step * k for k in range(count)] + [1.0]
        self.scales = scales
        self._wh_pairs = self._generate_wh_pairs(count)

    def _generate_wh_pairs(
        self, num_outputs: int, dtype: Any = flambeau.float32, device: Any = "cpu"
    ) -> list[Any]:
        """Widths and heights of each map's boxes, as parts of the picture."""
        pairs = []
        for k in range(num_outputs):
            size, between = self.scales[k], math.sqrt(self.scales[k] * self.scales[k + 1])
            boxes = [[size, size], [between, between]]
            for ratio in self.aspect_ratios[k]:
                long, short = size * math.sqrt(ratio), size / math.sqrt(ratio)
                boxes += [[long, short], [short, long]]
            pairs.append(flambeau.as_tensor(boxes, dtype=dtype, device=device))
        return pairs

    def num_anchors_per_location(self) -> list[int]:
        """How many boxes there are around each place, for each map."""
        return [2 + 2 * len(ratios) for ratios in self.aspect_ratios]

    def _grid_default_boxes(self, grid_sizes: Sequence[Any], image_size: Sequence[int], dtype: Any = flambeau.float32) -> Any:
        """All boxes, as centres, widths and heights in parts of the picture: (count, 4)."""
        found = []
        for k, (rows, columns) in enumerate(grid_sizes):
            high, wide = (rows, columns) if self.steps is None else (extent / self.steps[k] for extent in image_size)
            shifts_x = ((flambeau.arange(0, columns) + 0.5) / wide).to(dtype=dtype)
            shifts_y = ((flambeau.arange(0, rows) + 0.5) / high).to(dtype=dtype)
            sizes = self._wh_pairs[k].clamp(min=0, max=1) if self.clip else self._wh_pairs[k]
            centres = flambeau.stack(_grid(shifts_y, shifts_x), dim=-1)
            boxes = (centres[:, None].expand(-1, len(sizes), -1), sizes[None].expand(len(centres), -1, -1))
            found.append(flambeau.cat(boxes, dim=2).reshape(-1, 4))
        return flambeau.cat(found, dim=0)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(aspect_ratios={self.aspect_ratios}, clip={self.clip}, scales={self.scales}, "
            f"steps={self.steps})"
        )

    def forward(self, image_list: ImageList, feature_maps: list[Any]) -> list[Any]:
        grids = [tuple(features.shape[-2:]) for features in feature_maps]
        height, width = image_list.tensors.shape[-2:]
        boxes = self._grid_default_boxes(grids, (height, width), dtype=feature_maps[0].dtype).to(feature_maps[0].device)
        size = flambeau.tensor([width, height], device=boxes.device)
        centres, half = boxes[:, :2], 0.5 * boxes[:, 2:]
        corners = flambeau.cat([(centres - half) * size, (centres + half) * size], -1)
        return [corners for _ in image_list.image_sizes]
