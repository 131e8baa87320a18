"""Boxes, masks, points and flows drawn into pictures."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

import flambeau

from ..core.modes import no_grad
from ._pillow import image_module
from .transforms.functional import _tensor, pil_to_tensor, to_pil_image

Colour = str | tuple[int, int, int]
Colours = list[Colour] | Colour | None


def _check(image: Any, channels: tuple[int, ...], words: str) -> None:
    if not isinstance(image, flambeau.Tensor):
        raise TypeError(f"The image must be a tensor, got {type(image)}")
    given: Any = image
    if given.dtype != flambeau.uint8 and not given.is_floating_point():
        raise ValueError(f"The image dtype must be uint8 or float, got {given.dtype}")
    if given.dim() != 3:
        raise ValueError("Pass individual images, not batches")
    if given.size(0) not in channels:
        raise ValueError(words)


def _colours(colours: Any, count: int) -> list[tuple[int, ...]]:
    """A colour (red, green, blue) for each of ``count`` objects; a palette if none are given."""
    if colours is None:
        # Far apart, and the same for each number of objects.
        return [tuple(k * step % 255 for step in (2**25 - 1, 2**15 - 1, 2**21 - 1)) for k in range(count)]
    if isinstance(colours, list):
        if len(colours) < count:
            raise ValueError(
                "Number of colors must be equal or larger than the number of objects, "
                f"but got {len(colours)} < {count}."
            )
    elif not isinstance(colours, (tuple, str)):
        raise ValueError(f"colors must be a tuple or a string, or a list thereof, but got {colours}.")
    elif isinstance(colours, tuple) and len(colours) != 3:
        raise ValueError(f"If passed as tuple, colors should be an RGB triplet, but got {colours}.")
    else:
        colours = [colours] * count
    from PIL import ImageColor

    return [ImageColor.getrgb(colour) if isinstance(colour, str) else tuple(colour) for colour in colours]


class _Canvas:
    """A tensor as a picture of Pillow's to draw into, and the way back."""

    def __init__(self, image: Any, opacity: bool = False) -> None:
        from PIL import ImageDraw

        image_module()
        self.dtype = image.dtype
        bytes_ = _tensor.convert_image_dtype(image, flambeau.uint8)
        self.picture = to_pil_image(bytes_.expand(3, *image.shape[1:]) if image.size(0) == 1 else bytes_)
        self.draw: Any = ImageDraw.Draw(self.picture, "RGBA") if opacity else ImageDraw.Draw(self.picture)

    def tensor(self) -> Any:
        return _tensor.convert_image_dtype(pil_to_tensor(self.picture), self.dtype)


@no_grad()
def draw_bounding_boxes(
    image: Any,
    boxes: Any,
    labels: list[str] | None = None,
    colors: Colours = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: Colours = None,
    label_background_colors: Colours = None,
    fill_labels: bool = False,
) -> Any:
    """A picture (3, height, width) of ``image`` (1 or 3 channels) with boxes drawn into it, and ``labels`` beside them.

    ``boxes`` are (number, 4), as corners, or (number, 8): all corners of turned ones. Colours are names or triples, one
    for all or one for each. ``fill`` fills boxes, ``fill_labels`` what is behind labels; ``font`` is a file of TrueType.
    ``ValueError`` for other pictures and boxes.
    """
    from PIL import ImageFont

    _check(image, (1, 3), "Only grayscale and RGB images are supported")
    if boxes.shape[-1] == 4 and bool(((boxes[:, 0] > boxes[:, 2]) | (boxes[:, 1] > boxes[:, 3])).any()):
        raise ValueError(
            "Boxes need to be in (xmin, ymin, xmax, ymax) format. Use torchvision.ops.box_convert to convert them"
        )
    count = len(boxes)
    if count == 0:
        warnings.warn("boxes doesn't contain any box. No box was drawn")
        return image
    if labels is not None and len(labels) != count:
        raise ValueError(
            f"Number of boxes ({count}) and labels ({len(labels)}) mismatch. Please specify labels for each box."
        )
    outlines = _colours(colors, count)
    texts = _colours(label_colors or "black", count) if label_colors or fill_labels else outlines
    behind = _colours(label_background_colors, count) if fill_labels and label_background_colors else outlines
    if font is None and font_size is not None:
        warnings.warn("Argument 'font_size' will be ignored since 'font' is not set.")
    letters: Any = ImageFont.load_default() if font is None else ImageFont.truetype(font=font, size=font_size or 10)
    canvas = _Canvas(image, opacity=bool(fill))
    draw = canvas.draw
    for number, box in enumerate(boxes.to(flambeau.int64).tolist()):
        colour = outlines[number]
        inside = (*colour, 100) if fill else None
        if len(box) == 4:
            draw.rectangle(box, width=width, outline=colour, fill=inside)
        else:
            corners = list(zip(box[0::2], box[1::2]))
            _dashed(draw, corners[0], corners[1], width, colour)  # which shows where its top is
            for first, second in zip(corners[1:], [*corners[2:], corners[0]]):
                draw.line((first, second), width=width, fill=colour)
            draw.polygon(box, fill=inside, outline=None, width=0)
        if labels is not None:
            place = (box[0] + width + 1, box[1] + width + 1)
            if fill_labels:
                left, top, right, bottom = draw.textbbox(place, labels[number], font=letters)
                draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=behind[number])
            draw.text(place, labels[number], fill=texts[number], font=letters)
    return canvas.tensor()


def _dashed(draw: Any, first: tuple[int, int], last: tuple[int, int], width: int, colour: Any, dash: int = 5) -> None:
    """A line of dashes, with as much between them."""
    x, y = last[0] - first[0], last[1] - first[1]
    length = math.hypot(x, y)
    for start in range(0, math.ceil(length), 2 * dash):
        ends = [(first[0] + x * at / length, first[1] + y * at / length) for at in (start, min(start + dash, length))]
        draw.line(ends, fill=colour, width=width)


@no_grad()
def draw_segmentation_masks(image: Any, masks: Any, alpha: float = 0.8, colors: Colours = None) -> Any:
    """``image`` (3, height, width) with the pixels of each mask (booleans: number, height, width) coloured.

    ``alpha`` is how much of the colour one sees; where masks overlap there is black. ``ValueError`` for others.
    """
    _check(image, (3,), "Pass an RGB image. Other Image formats are not supported")
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.ndim != 3:
        raise ValueError("masks must be of shape (H, W) or (batch_size, H, W)")
    if masks.dtype != flambeau.bool:
        raise ValueError(f"The masks must be of dtype bool. Got {masks.dtype}")
    if masks.shape[-2:] != image.shape[-2:]:
        raise ValueError("The image and the masks must have the same height and width")
    if len(masks) == 0:
        warnings.warn("masks doesn't contain any mask. No mask was drawn")
        return image
    scale = 255 if image.is_floating_point() else 1
    painted = image
    for mask, colour in zip(masks, _colours(colors, len(masks))):
        values = flambeau.tensor([value / scale for value in colour]).to(image.dtype)
        painted = flambeau.where(mask, values[:, None, None], painted)
    painted = flambeau.where(masks.sum(dim=0) > 1, flambeau.zeros_like(painted), painted)
    return (image * (1 - alpha) + painted * alpha).to(image.dtype)


@no_grad()
def draw_keypoints(
    image: Any,
    keypoints: Any,
    connectivity: list[tuple[int, int]] | None = None,
    colors: Colour | None = None,
    radius: int = 2,
    width: int = 3,
    visibility: Any = None,
) -> Any:
    """``image`` (3, height, width) with points (objects, points, 2) as discs, and lines between those of ``connectivity``.

    ``visibility`` (objects, points) says which are drawn. ``ValueError`` for others.
    """
    _check(image, (3,), "Pass an RGB image. Other Image formats are not supported")
    if keypoints.ndim != 3:
        raise ValueError("keypoints must be of shape (num_instances, K, 2)")
    visible = flambeau.ones(keypoints.shape[:-1], dtype=flambeau.bool) if visibility is None else visibility
    visible = visible.squeeze(-1) if visible.ndim == 3 else visible
    if visible.ndim != 2:
        raise ValueError(f"visibility must be of shape (num_instances, K). Got ndim={visible.ndim}")
    if visible.shape != keypoints.shape[:-1]:
        raise ValueError(
            "keypoints and visibility must have the same dimensionality for num_instances and K. "
            f"Got visibility.shape={visible.shape!r} and keypoints.shape={keypoints.shape!r}"
        )
    canvas = _Canvas(image)
    for points, seen in zip(keypoints.to(flambeau.int64).tolist(), visible.bool().tolist()):
        for (x, y), is_seen in zip(points, seen):
            if is_seen:
                disc = [x - radius, y - radius, x + radius, y + radius]
                canvas.draw.ellipse(disc, fill=colors, outline=None, width=0)
        for first, second in connectivity or ():
            if seen[first] and seen[second]:
                canvas.draw.line((tuple(points[first]), tuple(points[second])), width=width)
    return canvas.tensor()


#: From one of six colours to the next, how many steps there are, and which channel rises or falls.
_WHEEL = ((15, 1, True), (6, 0, False), (4, 2, True), (11, 1, False), (13, 0, True), (6, 2, False))


def _wheel() -> np.ndarray:
    """Colours (55, 3) around a circle, as S. Baker et al. have them ("A Database ... for Optical Flow", 2011)."""
    colour = np.array([255.0, 0.0, 0.0])
    rows = []
    for steps, channel, rises in _WHEEL:
        for step in range(steps):
            part = math.floor(255 * step / steps)
            row = colour.copy()
            row[channel] = part if rises else 255 - part
            rows.append(row)
        colour[channel] = 255 if rises else 0
    return np.array(rows)


@no_grad()
def flow_to_image(flow: Any) -> Any:
    """Directions ([number,] 2, height, width) in float32 as colours ([number,] 3, height, width) in bytes; zero is white."""
    if flow.dtype != flambeau.float32:
        raise ValueError(f"Flow should be of dtype torch.float, got {flow.dtype}.")
    flows = flow[None] if flow.ndim == 3 else flow
    if flows.ndim != 4 or flows.shape[1] != 2:
        raise ValueError(f"Input flow should have shape (2, H, W) or (N, 2, H, W), got {flow.shape}.")
    length = (flows**2).sum(dim=1).sqrt().max()
    flows = flows / (length + flambeau.finfo(flows.dtype).eps)
    wheel = flambeau.tensor(_wheel(), dtype=flambeau.float32)
    angle = flambeau.atan2(-flows[:, 1], -flows[:, 0]) / math.pi
    place = (angle + 1) / 2 * (len(wheel) - 1)
    first = place.floor().long()
    share = (place - first)[..., None]
    colour = (1 - share) * (wheel[first] / 255.0) + share * (wheel[(first + 1) % len(wheel)] / 255.0)
    colour = 1 - (flows**2).sum(dim=1).sqrt()[..., None] * (1 - colour)
    made = (255 * colour).floor().to(flambeau.uint8).permute(0, 3, 1, 2).contiguous()
    return made[0] if flow.ndim == 3 else made
