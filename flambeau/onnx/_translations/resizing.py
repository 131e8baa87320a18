"""Pictures of other sizes, and samples of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._builder import Builder, Value
from .shapes import reshape, transpose

Row = Callable[..., Any]


def _resize(g: Builder, x: Value, sizes: Any, scales: Any, antialias: bool = False, **settings: Any) -> Any:
    nothing = g.constant(np.zeros(0, np.float32))
    if antialias:
        g.needs(18)
        settings |= {"antialias": 1, "exclude_outside": 1}
    if scales is not None:
        return g.Resize(x, nothing, np.array([1, 1, *scales], np.float32), **settings)
    front = [g.size_of(x, 0), g.size_of(x, 1)]
    return g.Resize(x, nothing, None, g.sizes([*front, *sizes]), **settings)


def _nearest(exact: bool) -> Row:
    def row(g: Builder, x: Any, output_size: Any, scale_factors: Any) -> Any:
        if exact:
            how: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"}
        else:
            how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return _resize(g, x, output_size, scale_factors, mode="nearest", **how)

    return row


def _interpolated(mode: str, antialias: bool = False) -> Row:
    def row(g: Builder, x: Any, output_size: Any, align_corners: bool, scale_factors: Any) -> Any:
        how: dict[str, Any] = {"coordinate_transformation_mode": "align_corners" if align_corners else "half_pixel"}
        if mode == "cubic":
            how["cubic_coeff_a"] = -0.5 if antialias else -0.75
        return _resize(g, x, output_size, scale_factors, antialias, mode=mode, **how)

    return row


def _grid_sampler(g: Builder, x: Any, grid: Any, interpolation: int, padding: int, align_corners: bool) -> Any:
    if x.rank > 4:
        g.needs(20)
    names = ("linear", "nearest", "cubic") if g.opset >= 20 else ("bilinear", "nearest", "bicubic")
    beyond = ("zeros", "border", "reflection")[padding]
    return g.GridSample(x, grid, mode=names[interpolation], padding_mode=beyond, align_corners=int(align_corners))


def _affine_grid(g: Builder, theta: Any, size: Any, align_corners: bool) -> Any:
    """The places of all pixels, as coordinates between -1 and 1, times matrices (N, d, d + 1)."""
    extents = [*size[2:]]
    if any(isinstance(extent, Value) for extent in extents):
        raise g.unsupported("the sizes of pictures may differ")
    axes = []
    for extent in extents:
        line = np.linspace(-1, 1, extent) if extent > 1 else np.zeros(1)
        axes.append(line if align_corners else line * (extent - 1) / extent)
    places = [*reversed(np.meshgrid(*axes, indexing="ij")), np.ones(extents)]
    base = np.stack([place.ravel() for place in places], 1).astype(theta.dtype.numpy)
    made = g.MatMul(base, transpose(g, theta, [0, 2, 1]))
    return reshape(g, made, [g.size_of(theta, 0), *extents, len(extents)])


def _upsampled(row: Row, places: int) -> Row:
    """The forms that are given sizes, and the scales of each dimension."""

    def choose(g: Builder, x: Any, output_size: Any, *args: Any) -> Any:
        corners, scales = args[:places], args[places:]
        if len(scales) == 1 and (scales[0] is None or isinstance(scales[0], (list, tuple))):
            return row(g, x, output_size, *corners, scales[0])
        known = [*scales] if scales and None not in scales else None
        return row(g, x, output_size, *corners, known)

    return choose


ROWS: dict[str, Row] = {
    **{f"upsample_nearest{count}d": _upsampled(_nearest(False), 0) for count in (1, 2, 3)},
    **{f"_upsample_nearest_exact{count}d": _upsampled(_nearest(True), 0) for count in (1, 2, 3)},
    "upsample_linear1d": _upsampled(_interpolated("linear"), 1), "upsample_bilinear2d": _upsampled(_interpolated("linear"), 1),
    "upsample_trilinear3d": _upsampled(_interpolated("linear"), 1), "upsample_bicubic2d": _upsampled(_interpolated("cubic"), 1),
    "_upsample_bilinear2d_aa": _upsampled(_interpolated("linear", True), 1),
    "_upsample_bicubic2d_aa": _upsampled(_interpolated("cubic", True), 1),
    "grid_sampler": _grid_sampler, "affine_grid_generator": _affine_grid,
}  # fmt: skip

