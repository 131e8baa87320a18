"""Hue, saturation and value of colours (A. R. Smith, "Color Gamut Transform Pairs", 1978)."""

from __future__ import annotations

from typing import Any

import flambeau


def rgb_to_hsv(img: Any) -> tuple[Any, Any, Any]:
    """Three tensors in [0, 1] from a picture (..., 3, height, width) of floats. Greys have hue and saturation 0."""
    red, green, blue = img.unbind(-3)
    value = img.amax(dim=-3)
    least = img.amin(dim=-3)
    grey = value == least
    one = flambeau.ones_like(value)
    spread = value - least
    saturation = spread / flambeau.where(grey, one, value)
    divisor = flambeau.where(grey, one, spread)
    from_red, from_green, from_blue = ((value - channel) / divisor for channel in (red, green, blue))
    sector = flambeau.where(
        value == red,
        from_blue - from_green,
        flambeau.where(value == green, 2.0 + from_red - from_blue, 4.0 + from_green - from_red),
    )
    return flambeau.where(grey, 0.0, flambeau.fmod(sector / 6.0 + 1.0, 1.0)), saturation, value


def hsv_to_rgb(hue: Any, saturation: Any, value: Any) -> Any:
    """The picture (..., 3, height, width) of these three."""
    sector = (hue * 6.0).floor()
    fraction = hue * 6.0 - sector
    number = sector.to(flambeau.int64) % 6
    p = (value * (1.0 - saturation)).clamp(0.0, 1.0)
    q = (value * (1.0 - saturation * fraction)).clamp(0.0, 1.0)
    t = (value * (1.0 - saturation * (1.0 - fraction))).clamp(0.0, 1.0)

    def choose(*by_sector: Any) -> Any:
        result = by_sector[5]
        for position in range(4, -1, -1):
            result = flambeau.where(number == position, by_sector[position], result)
        return result

    red = choose(value, q, p, p, t, value)
    green = choose(t, value, value, q, p, p)
    blue = choose(p, p, t, value, value, q)
    return flambeau.stack([red, green, blue], dim=-3)
