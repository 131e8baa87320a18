"""What the augmentation policies choose from: operations, how strong they are, and policies that were found by search.

E. D. Cubuk et al., "AutoAugment" (2018) and "RandAugment" (2019); S. G. Müller and F. Hutter, "TrivialAugment" (2021);
D. Hendrycks et al., "AugMix" (2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any

import flambeau


class AutoAugmentPolicy(Enum):
    """Data sets for which policies of AutoAugment were found."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


Range = tuple[float, float] | None
Space = dict[str, Range]
"""By the name of an operation: its strength at the first bin and at the last; None for those that have no strength."""

SIGNED = frozenset(
    ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness")
)
"""Operations that also go the other way."""


def of_auto_augment(height: int, width: int, bright: float = 1.0) -> Space:
    """Those of AutoAugment, for a picture of that size; ``bright`` is full brightness."""
    across, down = 150.0 / 331.0 * width, 150.0 / 331.0 * height
    shears = {"ShearX": (0.0, 0.3), "ShearY": (0.0, 0.3)}
    colours = dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), (0.0, 0.9))
    moves = {"TranslateX": (0.0, across), "TranslateY": (0.0, down), "Rotate": (0.0, 30.0)}
    rest: Space = {"Posterize": (8.0, 4.0), "Solarize": (bright, 0.0), "AutoContrast": None, "Equalize": None}
    return {**shears, **moves, **colours, **rest, "Invert": None}


def of_rand_augment(height: int, width: int, bright: float = 1.0) -> Space:
    """Those of RandAugment."""
    space = of_auto_augment(height, width, bright)
    del space["Invert"]
    return {"Identity": None, **space}


def of_trivial_augment(bright: float = 1.0) -> Space:
    """Those of TrivialAugment, for pictures of any size."""
    moves = {"TranslateX": (0.0, 32.0), "TranslateY": (0.0, 32.0), "Rotate": (0.0, 135.0), "Posterize": (8.0, 2.0)}
    space = of_rand_augment(1, 1, bright)
    return {name: moves.get(name, (0.0, 0.99) if name in SIGNED else space[name]) for name in space}


def of_aug_mix(height: int, width: int, all_ops: bool, bright: float = 1.0) -> Space:
    """Those of AugMix; without ``all_ops``, those alone that do not change what robustness is measured with."""
    space = of_auto_augment(height, width, bright)
    moves = {"TranslateX": (0.0, width / 3.0), "TranslateY": (0.0, height / 3.0), "Posterize": (4.0, 0.0)}
    partial = (
        "ShearX",
        "ShearY",
        "TranslateX",
        "TranslateY",
        "Rotate",
        "Posterize",
        "Solarize",
        "AutoContrast",
        "Equalize",
    )
    names = partial + (("Brightness", "Color", "Contrast", "Sharpness") if all_ops else ())
    return {name: moves.get(name, space[name]) for name in names}


def strength(name: str, range_: Range, bins: int, bin: int) -> float:
    """How strong an operation is in a bin: evenly from the first to the last, of bits the nearest whole number."""
    if range_ is None:
        return 0.0
    first, last = range_
    if name == "Posterize":
        return float(round(first - bin / ((bins - 1) / (first - last))))
    return float(flambeau.linspace(first, last, bins)[bin])


def apply(F: Any, img: Any, name: str, amount: float, interpolation: Any, fill: Any) -> Any:
    """Do one operation by the functions of ``F``."""
    mapped: dict[str, Any] = {"interpolation": interpolation, "fill": fill}
    if name.startswith("Shear"):
        angle = math.degrees(math.atan(amount))
        shear = [angle, 0.0] if name == "ShearX" else [0.0, angle]
        return F.affine(img, angle=0.0, translate=[0, 0], scale=1.0, shear=shear, center=[0, 0], **mapped)
    if name.startswith("Translate"):
        move = [int(amount), 0] if name == "TranslateX" else [0, int(amount)]
        return F.affine(img, angle=0.0, translate=move, scale=1.0, shear=[0.0, 0.0], **mapped)
    if name == "Rotate":
        return F.rotate(img, angle=amount, **mapped)
    simple: dict[str, Callable[[], Any]] = {
        "Identity": lambda: img,
        "Brightness": lambda: F.adjust_brightness(img, 1.0 + amount),
        "Color": lambda: F.adjust_saturation(img, 1.0 + amount),
        "Contrast": lambda: F.adjust_contrast(img, 1.0 + amount),
        "Sharpness": lambda: F.adjust_sharpness(img, 1.0 + amount),
        "Posterize": lambda: F.posterize(img, int(amount)),
        "Solarize": lambda: F.solarize(img, amount),
        "AutoContrast": lambda: F.autocontrast(img),
        "Equalize": lambda: F.equalize(img),
        "Invert": lambda: F.invert(img),
    }
    if name not in simple:
        raise ValueError(f"The provided operator {name} is not recognized.")
    return simple[name]()


Step = tuple[str, float, int | None]
"""An operation, its probability, and the bin of its strength."""

#: A line for each policy; of both its operations the name, the probability and the bin of ten.
_FOUND = {
    AutoAugmentPolicy.IMAGENET: """
        Posterize 0.4 8 Rotate 0.6 9
        Solarize 0.6 5 AutoContrast 0.6 -
        Equalize 0.8 - Equalize 0.6 -
        Posterize 0.6 7 Posterize 0.6 6
        Equalize 0.4 - Solarize 0.2 4
        Equalize 0.4 - Rotate 0.8 8
        Solarize 0.6 3 Equalize 0.6 -
        Posterize 0.8 5 Equalize 1.0 -
        Rotate 0.2 3 Solarize 0.6 8
        Equalize 0.6 - Posterize 0.4 6
        Rotate 0.8 8 Color 0.4 0
        Rotate 0.4 9 Equalize 0.6 -
        Equalize 0.0 - Equalize 0.8 -
        Invert 0.6 - Equalize 1.0 -
        Color 0.6 4 Contrast 1.0 8
        Rotate 0.8 8 Color 1.0 2
        Color 0.8 8 Solarize 0.8 7
        Sharpness 0.4 7 Invert 0.6 -
        ShearX 0.6 5 Equalize 1.0 -
        Color 0.4 0 Equalize 0.6 -
        Equalize 0.4 - Solarize 0.2 4
        Solarize 0.6 5 AutoContrast 0.6 -
        Invert 0.6 - Equalize 1.0 -
        Color 0.6 4 Contrast 1.0 8
        Equalize 0.8 - Equalize 0.6 -
    """,
    AutoAugmentPolicy.CIFAR10: """
        Invert 0.1 - Contrast 0.2 6
        Rotate 0.7 2 TranslateX 0.3 9
        Sharpness 0.8 1 Sharpness 0.9 3
        ShearY 0.5 8 TranslateY 0.7 9
        AutoContrast 0.5 - Equalize 0.9 -
        ShearY 0.2 7 Posterize 0.3 7
        Color 0.4 3 Brightness 0.6 7
        Sharpness 0.3 9 Brightness 0.7 9
        Equalize 0.6 - Equalize 0.5 -
        Contrast 0.6 7 Sharpness 0.6 5
        Color 0.7 7 TranslateX 0.5 8
        Equalize 0.3 - AutoContrast 0.4 -
        TranslateY 0.4 3 Sharpness 0.2 6
        Brightness 0.9 6 Color 0.2 8
        Solarize 0.5 2 Invert 0.0 -
        Equalize 0.2 - AutoContrast 0.6 -
        Equalize 0.2 - Equalize 0.6 -
        Color 0.9 9 Equalize 0.6 -
        AutoContrast 0.8 - Solarize 0.2 8
        Brightness 0.1 3 Color 0.7 0
        Solarize 0.4 5 AutoContrast 0.9 -
        TranslateY 0.9 9 TranslateY 0.7 9
        AutoContrast 0.9 - Solarize 0.8 3
        Equalize 0.8 - Invert 0.1 -
        TranslateY 0.7 9 AutoContrast 0.9 -
    """,
    AutoAugmentPolicy.SVHN: """
        ShearX 0.9 4 Invert 0.2 -
        ShearY 0.9 8 Invert 0.7 -
        Equalize 0.6 - Solarize 0.6 6
        Invert 0.9 - Equalize 0.6 -
        Equalize 0.6 - Rotate 0.9 3
        ShearX 0.9 4 AutoContrast 0.8 -
        ShearY 0.9 8 Invert 0.4 -
        ShearY 0.9 5 Solarize 0.2 6
        Invert 0.9 - AutoContrast 0.8 -
        Equalize 0.6 - Rotate 0.9 3
        ShearX 0.9 4 Solarize 0.3 3
        ShearY 0.8 8 Invert 0.7 -
        Equalize 0.9 - TranslateY 0.6 6
        Invert 0.9 - Equalize 0.6 -
        Contrast 0.3 3 Rotate 0.8 4
        Invert 0.8 - TranslateY 0.0 2
        ShearY 0.7 6 Solarize 0.4 8
        Invert 0.6 - Rotate 0.8 4
        ShearY 0.3 7 TranslateX 0.9 3
        ShearX 0.1 6 Invert 0.6 -
        Solarize 0.7 2 TranslateY 0.6 7
        ShearY 0.8 4 Invert 0.8 -
        ShearX 0.7 9 TranslateY 0.8 3
        ShearY 0.8 5 AutoContrast 0.7 -
        ShearX 0.7 2 Invert 0.1 -
    """,
}


def found(policy: Any) -> list[tuple[Step, Step]]:
    """The policies for a data set. ``ValueError`` for one that is not known."""
    if policy not in _FOUND:
        raise ValueError(f"The provided policy {policy} is not recognized.")
    policies = []
    for line in _FOUND[policy].split("\n"):
        words = line.split()
        if words:
            steps = [(words[k], float(words[k + 1]), _bin(words[k + 2])) for k in (0, 3)]
            policies.append((steps[0], steps[1]))
    return policies


def _bin(word: str) -> int | None:
    return None if word == "-" else int(word)
