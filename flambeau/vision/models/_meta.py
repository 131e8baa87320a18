"""Names of the classes that published models tell apart, by the names that torchvision has for these lists."""

from __future__ import annotations

from typing import Any

from ._published import lists

_LISTS = {
    "_IMAGENET_CATEGORIES": "imagenet",
    "_COCO_CATEGORIES": "coco",
    "_VOC_CATEGORIES": "voc",
    "_KINETICS400_CATEGORIES": "kinetics",
}


def __getattr__(name: str) -> Any:
    if name in _LISTS:
        return lists()[_LISTS[name]]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
