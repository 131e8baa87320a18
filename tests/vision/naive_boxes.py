"""What operations on boxes and regions are, one number after the other."""

from __future__ import annotations

import math

import numpy as np


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def kept(boxes, scores, threshold, kinds=None):
    order = sorted(range(len(boxes)), key=lambda number: -scores[number])
    stays = []
    for number in order:
        rivals = [k for k in stays if kinds is None or kinds[k] == kinds[number]]
        if all(overlap(boxes[k], boxes[number]) <= threshold for k in rivals):
            stays.append(number)
    return stays


def pixel(picture, y, x):
    """A sample between pixels; those just outside are at the border."""
    height, width = picture.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = picture[top, left] * (1 - dx) + picture[top, right] * dx
    lower = picture[below, left] * (1 - dx) + picture[below, right] * dx
    return upper * (1 - dy) + lower * dy


def zero_outside(picture, y, x):
    """A sample between pixels, all of which are zero outside."""
    total = 0.0
    for j in (math.floor(y), math.floor(y) + 1):
        for i in (math.floor(x), math.floor(x) + 1):
            if 0 <= j < picture.shape[0] and 0 <= i < picture.shape[1]:
                total += picture[j, i] * (1 - abs(y - j)) * (1 - abs(x - i))
    return total


def aligned(maps, rows, bins, scale, ratio, half_pixel, at_least_one=None, own_channels=False):
    high, wide = bins
    at_least_one = not half_pixel if at_least_one is None else at_least_one
    channels = maps.shape[1] // (high * wide) if own_channels else maps.shape[1]
    out = np.zeros((len(rows), channels, high, wide))
    for k, (number, *corners) in enumerate(rows):
        x1, y1, x2, y2 = (c * scale - (0.5 if half_pixel else 0) for c in corners)
        w, h = x2 - x1, y2 - y1
        if at_least_one:
            w, h = max(w, 1), max(h, 1)
        ny, nx = (ratio, ratio) if ratio > 0 else (math.ceil(h / high), math.ceil(w / wide))
        for c, p, q in np.ndindex(channels, high, wide):
            picture = maps[int(number), (c * high + p) * wide + q if own_channels else c]
            total = 0.0
            for j in range(ny):
                for i in range(nx):
                    y, x = y1 + (p + (j + 0.5) / ny) * h / high, x1 + (q + (i + 0.5) / nx) * w / wide
                    total += pixel(picture, y, x)
            out[k, c, p, q] = total / max(ny * nx, 1)
    return out


def pooled(maps, rows, bins, scale, reduce, own_channels=False):
    """Whole pixels: all of them and the greatest, or all but the last ones and means, with channels of their own."""
    high, wide = bins
    height, width = maps.shape[2:]
    height, width, more = (height - 1, width - 1, 0) if own_channels else (height, width, 1)
    channels = maps.shape[1] // (high * wide) if own_channels else maps.shape[1]
    out = np.zeros((len(rows), channels, high, wide))
    for k, (number, *corners) in enumerate(rows):
        x1, y1, x2, y2 = (math.copysign(math.floor(abs(c * scale) + 0.5), c) for c in corners)
        h, w = max(y2 - y1 + more, 1) / high, max(x2 - x1 + more, 1) / wide
        for c, p, q in np.ndindex(channels, high, wide):
            top, bottom = (int(min(max(v + y1, 0), height)) for v in (math.floor(p * h), math.ceil((p + 1) * h)))
            left, right = (int(min(max(v + x1, 0), width)) for v in (math.floor(q * w), math.ceil((q + 1) * w)))
            part = maps[int(number), (c * high + p) * wide + q if own_channels else c, top:bottom, left:right]
            out[k, c, p, q] = reduce(part) if part.size else 0
    return out


def deformed(input, offset, weight, bias, stride, padding, dilation, mask):
    batch, channels = input.shape[:2]
    outputs, per_group, high, wide = weight.shape
    rows, columns = offset.shape[2:]
    groups, taps = channels // per_group, high * wide
    offset_groups = offset.shape[1] // (2 * taps)
    out = np.zeros((batch, outputs, rows, columns))
    for n, o, y, x, c, tap in np.ndindex(batch, outputs, rows, columns, per_group, taps):
        channel = o // (outputs // groups) * per_group + c
        group = channel // (channels // offset_groups)
        dy, dx = offset[n, (group * taps + tap) * 2 : (group * taps + tap) * 2 + 2, y, x]
        place_y = y * stride[0] - padding[0] + tap // wide * dilation[0] + dy
        place_x = x * stride[1] - padding[1] + tap % wide * dilation[1] + dx
        value = zero_outside(input[n, channel], place_y, place_x) * weight[o, c, tap // wide, tap % wide]
        out[n, o, y, x] += value if mask is None else value * mask[n, group * taps + tap, y, x]
    return out if bias is None else out + bias[:, None, None]
