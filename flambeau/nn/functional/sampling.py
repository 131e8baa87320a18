"""Reading a picture at arbitrary places (``grid_sample``; spatial transformers, Jaderberg and others 2015)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import reduce
from operator import add, and_, mul
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES
from ...graph.notices import warn
from ...ops.conversion import check_floating
from ...ops.one_node import one_node

_MODES = ("bilinear", "nearest", "bicubic")
_PADDING_MODES = ("zeros", "border", "reflection")


def _decided(align_corners: bool | None) -> bool:
    """What the caller asked for; False, with a warning, where nothing was said."""
    if align_corners is None:
        warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
            "specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for "
            "details.",
        )
        return False
    return align_corners


def _check_flag(align_corners: Any) -> None:
    if not isinstance(align_corners, bool):
        raise TypeError(f"argument 'align_corners' must be bool, not {type(align_corners).__name__}")


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Where an affine map takes the pixels of a picture: ``theta`` (N, 2, 3) and (N, C, H, W) give (N, H, W, 2).

    With ``theta`` (N, 3, 4) and (N, C, D, H, W) the grid is (N, D, H, W, 3). Coordinates run from -1 to 1, x first;
    they refer to the centres of the corner pixels with ``align_corners`` and to their outer edges otherwise.
    """
    align_corners = _decided(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    dimensions = len(size) - 2
    if dimensions not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {tuple(size)}."
        )
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (dimensions, dimensions + 1):
        raise ValueError(
            f"Expected a batch of {dimensions}D affine matrices of shape Nx{dimensions}x{dimensions + 1} for size "
            f"{tuple(size)}. Got {theta.shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    _check_flag(align_corners)
    extents = list(size[2:])
    axes = []
    for place, extent in enumerate(extents):
        steps = flambeau.linspace(-1, 1, extent, dtype=theta.dtype) if extent > 1 else theta.new_zeros(1)
        if not align_corners:
            steps = steps * ((extent - 1) / extent)
        shape = [extent if axis == place else 1 for axis in range(dimensions)]
        axes.append(steps.reshape(shape).expand(extents))
    base = flambeau.stack([*reversed(axes), theta.new_ones(extents)], -1).reshape(1, -1, dimensions + 1)
    return (base @ theta.transpose(1, 2)).reshape(size[0], *extents, dimensions)


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """Values of ``input`` (N, C, H, W) at the places ``grid`` (N, Ho, Wo, 2), given as :func:`affine_grid` gives them.

    With five dimensions: (N, C, D, H, W) at (N, Do, Ho, Wo, 3). Places outside read zeros, the border, or the picture
    reflected at its border.
    """
    if mode not in _MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    align_corners = _decided(align_corners)
    _check_flag(align_corners)
    _check(input, grid, mode)
    return _sampled(input, grid, mode, padding_mode, align_corners)


@one_node(lambda input, *_: f"GridSampler{input.dim() - 2}DBackward0")
def _sampled(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    extents = list(input.shape[2:])
    places = [_pixels(grid[..., -1 - axis], extents[axis], align_corners) for axis in range(len(extents))]
    if mode == "bicubic":
        return _bicubic(input, places, extents, padding_mode, align_corners)
    places = [
        _inside(place, extent, padding_mode, align_corners) for place, extent in zip(places, extents, strict=True)
    ]
    if mode == "nearest":
        return _pick(input, [place.detach().round() for place in places], extents)
    return _between_pixels(input, places, extents)


def _between_pixels(input: Tensor, places: list[Tensor], extents: list[int]) -> Tensor:
    """Values of (N, C, *extents) at places (N, …), in pixels, linear between pixels; outside there are zeros."""
    floors = [place.detach().floor() for place in places]
    fractions = [place - floor for place, floor in zip(places, floors, strict=True)]
    parts = []
    for corner in itertools.product((0, 1), repeat=len(extents)):
        shares = [fraction if upper else 1 - fraction for upper, fraction in zip(corner, fractions, strict=True)]
        part = _pick(input, [f + upper for f, upper in zip(floors, corner, strict=True)], extents)
        parts.append(part * reduce(mul, shares).unsqueeze(1))
    return reduce(add, parts)


def _check(input: Tensor, grid: Tensor, mode: str) -> None:
    if input.dim() not in (4, 5) or input.dim() != grid.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.size(0) != grid.size(0):
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.size(-1) != input.dim() - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.dim() - 2} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}"
        )
    if mode == "bicubic" and input.dim() == 5:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    check_floating("grid_sampler_2d_cpu_kernel_impl" if input.dim() == 4 else "grid_sampler3d_cpu", input.dtype)
    if input.dtype is not grid.dtype:
        raise RuntimeError(f"expected scalar type {TYPE_NAMES[input.dtype]} but found {TYPE_NAMES[grid.dtype]}")


def _pixels(place: Tensor, extent: int, align_corners: bool) -> Tensor:
    """Coordinates from -1 … 1 as pixel numbers."""
    if align_corners:
        return (place + 1) / 2 * (extent - 1)
    return ((place + 1) * extent - 1) / 2


def _inside(place: Tensor, extent: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Move places outside to the border, or reflect them at it; leave them where zeros are read."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        place = _reflect(place, extent, align_corners)
    return place.clamp(0, extent - 1)


def _reflect(place: Tensor, extent: int, align_corners: bool) -> Tensor:
    low, span = (0.0, float(extent - 1)) if align_corners else (-0.5, float(extent))
    if span == 0:
        return place * 0
    distance = (place - low).abs()
    flips = (distance.detach() / span).floor()
    rest = distance - flips * span
    return flambeau.where(flips % 2 == 0, rest + low, span - rest + low)


def _pick(input: Tensor, places: list[Tensor], extents: list[int]) -> Tensor:
    """The pixels at whole-numbered places (N, …) of (N, C, *extents); zeros for those outside."""
    valid = [(place >= 0) & (place <= extent - 1) for place, extent in zip(places, extents, strict=True)]
    # Not a number is a place, too: it must not reach memory.
    flat, *others = (flambeau.where(here, place, 0.0).long() for here, place in zip(valid, places, strict=True))
    for index, extent in zip(others, extents[1:], strict=True):
        flat = flat * extent + index
    samples, channels = input.shape[:2]
    columns = flat.reshape(samples, 1, flat.shape[1:].numel()).expand(samples, channels, -1)
    pixels = input.reshape(samples, channels, input.shape[2:].numel())  # -1 would say nothing where there are no samples
    values = pixels.gather(2, columns).reshape(samples, channels, *flat.shape[1:])
    return flambeau.where(reduce(and_, valid).unsqueeze(1), values, 0.0)


def _bicubic(input: Tensor, places: list[Tensor], extents: list[int], padding_mode: str, align_corners: bool) -> Tensor:
    """Keys' cubic convolution with a = -0.75 over the 4×4 pixels around each place."""
    floors = [place.detach().floor() for place in places]
    weights = [_cubic_weights(place - floor) for place, floor in zip(places, floors, strict=True)]
    parts = []
    for i, j in itertools.product(range(4), repeat=2):
        corner = [
            _inside(floor + (tap - 1), extent, padding_mode, align_corners)
            for floor, tap, extent in zip(floors, (i, j), extents, strict=True)
        ]
        parts.append(_pick(input, corner, extents) * (weights[0][i] * weights[1][j]).unsqueeze(1))
    return reduce(add, parts)


def _cubic_weights(t: Tensor) -> list[Tensor]:
    a = -0.75

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """:func:`grid_sample` with its modes as numbers: 0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border, 2 reflection."""
    return grid_sample(input, grid, _MODES[interpolation_mode], _PADDING_MODES[padding_mode], align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler
