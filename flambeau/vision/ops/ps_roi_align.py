"""Regions by samples, each bin of channels of its own: Z. Li et al., "Light-Head R-CNN" (2017)."""

from __future__ import annotations

from typing import Any

from flambeau import nn
from flambeau.nn.modules.utils import _pair

from ._utils import regions
from ._windows import check, wide
from .roi_align import aligned_regions

__all__ = ["PSRoIAlign", "ps_roi_align"]


def ps_roi_align(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1) -> Any:
    """As ``roi_align(aligned=True)``, but the bins of a result's channel read channels of their own, one after the other.

    The result has ``channels / (output_size[0] * output_size[1])`` channels; ``RuntimeError`` unless that goes in.
    """
    rows = regions(boxes)
    check(input, rows, "input should have the same type as rois")
    bins = _pair(output_size)
    parts = parts_of(input, bins)
    rows = wide(rows.detach())
    return aligned_regions(wide(input), rows, bins, spatial_scale, sampling_ratio, True, False, parts).to(input.dtype)


def parts_of(input: Any, bins: Any) -> int:
    """Number of bins; ``RuntimeError`` if the channels of ``input`` cannot be shared out among them."""
    parts = int(bins[0] * bins[1])
    if input.shape[1] % parts != 0:
        raise RuntimeError("input channels must be a multiple of pooling height * pooling width")
    return parts


class PSRoIAlign(nn.Module):
    """See :func:`ps_roi_align`."""

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio

    def forward(self, input: Any, rois: Any) -> Any:
        return ps_roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio})"
        )
