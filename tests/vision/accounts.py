"""What is told of a data set, as JSON: samples, attributes, how it is called, and what it raises."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_KINDS = ("BoundingBoxes", "Image", "Mask", "Tensor", "Video")


def told(value: Any, root: Path) -> Any:
    """A value as JSON has it: what kind it is, and what is in it."""
    if isinstance(value, Image.Image):
        return ["picture", value.mode, *value.size, digest(value.tobytes())]
    if isinstance(value, np.ndarray):
        return ["array", value.dtype.name, list(value.shape), digest(np.ascontiguousarray(value).tobytes())]
    if type(value).__name__ in _KINDS:
        kind = type(value).__name__
        pixels = [kind, str(value.dtype).rpartition(".")[2], list(value.shape), digest(value.contiguous().numpy().tobytes())]
        return [*pixels, value.format.name, list(value.canvas_size)] if kind == "BoundingBoxes" else pixels
    if isinstance(value, dict):
        return {str(told(key, root)): told(part, root) for key, part in value.items()}
    if isinstance(value, tuple):
        return ["tuple", *(told(part, root) for part in value)]
    if isinstance(value, (list, range)):
        return [told(part, root) for part in value]
    if isinstance(value, (str, Path)):
        return os.fspath(value).replace(str(root), "ROOT")
    if isinstance(value, np.generic):
        return value.item()
    return value


def digest(contents: bytes) -> str:
    return hashlib.md5(contents).hexdigest()[:12]


#: What is not told: where samples come from is told by samples, and how they are read is everybody's own affair.
_UNTOLD = {"transform", "target_transform", "transforms", "loader", "coco", "resources", "annotations"}


def account(dataset: Any, root: Path, unordered: bool) -> dict[str, Any]:
    """All that is told of a data set: how it shows itself, what it is of, its public attributes and its samples."""
    samples = [told(dataset[index], root) for index in range(len(dataset))]
    attributes = {
        name: told(value, root)
        for name, value in vars(dataset).items()
        if not name.startswith("_") and name not in _UNTOLD and not callable(value)
    }
    if unordered:
        samples.sort(key=json.dumps)
        attributes = {
            name: sorted(value, key=json.dumps) if isinstance(value, list) and name != "target_type" else value
            for name, value in attributes.items()
        }
    return {"repr": repr(dataset).replace(str(root), "ROOT"), "samples": samples, "attributes": attributes}


def arguments(options: dict[str, Any], root: Path) -> dict[str, Any]:
    """The arguments of a case, with the place of its files."""
    placed = {name: value.format(root=root) if isinstance(value, str) else value for name, value in options.items()}
    return {**placed, "root": str(root)}


def title(layout: str, name: str, options: dict[str, Any]) -> str:
    """The name of a case."""
    return f"{layout}: {name} {json.dumps(options)}"


#: What targets of wrapped data sets may hold, but for masks, which need another package.
_KEYS = {
    "CocoDetection": "area bbox boxes category_id image_id iscrowd labels segmentation",
    "Kitti": "alpha bbox boxes dimensions labels location occluded rotation_y truncated type",
    "VOCDetection": "annotation boxes labels",
    "WIDERFace": "bbox blur expression illumination invalid occlusion pose",
}


def wrapped(dataset: Any, wrap: Any, root: Path) -> list[Any]:
    """Samples as ``wrap`` gives them for transforms, without saying which parts, with the first, and with all."""
    found = []
    names = _KEYS.get(type(dataset).__name__, "boxes").split()
    for keys in (None, names[:1], names, ["nonsense"]):
        try:
            made = wrap(dataset, keys)
            found.append([told(made[index], root) for index in range(len(made))])
        except Exception as error:
            found.append(type(error).__name__)
    return found


#: What a class may be told to choose among, and is told wrongly.
_CHOICES = (
    "annotation_level", "calibration", "camera", "image_set", "mode", "pass_name", "size", "split", "target_type",
    "target_types", "variant", "version", "view", "what", "year",
)  # fmt: skip


def failures(cls: Any, options: dict[str, Any], root: Path, empty: Path) -> dict[str, Any]:
    """What is raised where there is nothing, and for choices that there are not."""

    def raised(folder: Path, changes: dict[str, Any]) -> Any:
        try:
            cls(**{**arguments(options, folder), **changes})
        except Exception as error:
            return [type(error).__name__, str(error).replace(str(folder), "ROOT")]
        return None

    chosen = [name for name in _CHOICES if name in inspect.signature(cls).parameters]
    nothing = raised(empty, {})
    return {"nothing": nothing and nothing[0], **{name: raised(root, {name: "nonsense"}) for name in chosen}}


def parameters(cls: Any) -> list[list[Any]]:
    """Names, kinds and defaults of what a class is called with."""
    return [
        [name, parameter.kind.name, repr(parameter.default) if not callable(parameter.default) else "callable"]
        for name, parameter in inspect.signature(cls).parameters.items()
    ]
