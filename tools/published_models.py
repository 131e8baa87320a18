"""Writes what is known of torchvision's models: their published weights, and the names and shapes of what they consist of.

Facts alone are read from the installed torchvision (addresses, sizes, accuracies, categories), no text and no code::

    python -m tools.published_models    # writes flambeau/vision/models/published.json and tests/vision/models.json
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "flambeau" / "vision" / "models" / "published.json"
STRUCTURES = ROOT / "tests" / "vision" / "models.json"

OPERATORS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align": "(Tensor a, Tensor b, float c, SymInt d, SymInt e, int f, bool g) -> Tensor",
    "_roi_align_backward": "(Tensor a, Tensor b) -> Tensor",
    "roi_pool": "(Tensor a, Tensor b) -> (Tensor, Tensor)",
    "_roi_pool_backward": "(Tensor a, Tensor b) -> Tensor",
    "ps_roi_align": "(Tensor a, Tensor b) -> (Tensor, Tensor)",
    "_ps_roi_align_backward": "(Tensor a, Tensor b) -> Tensor",
    "ps_roi_pool": "(Tensor a, Tensor b) -> (Tensor, Tensor)",
    "_ps_roi_pool_backward": "(Tensor a, Tensor b) -> Tensor",
    "deform_conv2d": "(Tensor a, Tensor b) -> Tensor",
    "_deform_conv2d_backward": "(Tensor a, Tensor b) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
}
"""What torchvision's modules ask for when they are imported; its compiled part may be made for another PyTorch."""


def models() -> Any:
    """``torchvision.models``."""
    try:
        import torchvision.models
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name, schema in OPERATORS.items():
            library.define(name + schema)
        import torchvision.models
    return torchvision.models


def description(member: Any, lists: dict[str, Any]) -> dict[str, Any]:
    """What is known of one file of weights; long lists of categories go into ``lists``, and are named here."""
    transforms = member.transforms
    options = dict(transforms.keywords) if isinstance(transforms, functools.partial) else {}
    if "interpolation" in options:
        options["interpolation"] = options["interpolation"].value
    meta = {key: value for key, value in member.meta.items() if key != "_docs"}
    if len(meta.get("categories") or ()) > 2:
        names = {1000: "imagenet", 400: "kinetics", 91: "coco", 21: "voc"}
        name = names[len(meta["categories"])]
        assert lists.setdefault(name, meta["categories"]) == meta["categories"]
        meta["categories"] = name
    preset = getattr(transforms, "func", transforms).__name__
    return {"url": member.url, "transforms": preset, "options": options, "meta": meta}


def published(names: list[str]) -> str:
    """The text of ``published.json``: one line for each file of weights."""
    lists: dict[str, Any] = {}
    classes = {}
    for name in names:
        kinds = models().get_model_weights(name)
        files = {key: description(kinds[key], lists) for key in kinds.__members__ if key != "DEFAULT"}
        classes[kinds.__name__] = {"DEFAULT": kinds.DEFAULT.name, **files}
    rows = []
    for kind, members in classes.items():
        inner = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in members.items())
        rows.append(f' "{kind}": {{\n{inner}\n }}')
    heads = ",\n".join(f' "{name}": {json.dumps(values)}' for name, values in lists.items())
    return f'{{"lists": {{\n{heads}\n}},\n"weights": {{\n' + ",\n".join(rows) + "\n}}\n"


def structure(network: Any) -> list[Any]:
    """The number of parameters, and a digest of names and shapes of what a network's ``state_dict`` has, in order."""
    entries = [(key, list(value.shape)) for key, value in network.state_dict().items()]
    digest = hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:16]
    return [sum(value.numel() for value in network.parameters()), digest]


def structures(names: list[str]) -> str:
    """The text of ``models.json``. What parameters begin with does not matter, so nothing is drawn."""
    for name, function in vars(torch.nn.init).items():
        if name.endswith("_") and not name.startswith("_") and callable(function):
            setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    rows = []
    for name in names:
        options = inspect.signature(models().get_model_builder(name)).parameters
        network = models().get_model(name, **{key: None for key in ("weights", "weights_backbone") if key in options})
        rows.append(f' "{name}": {json.dumps(structure(network))}')
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main() -> None:
    """Write both files."""
    names = [name for name in models().list_models() if not name.startswith("quantized")]
    PUBLISHED.write_text(published(names), encoding="utf-8")
    STRUCTURES.write_text(structures(names), encoding="utf-8")


if __name__ == "__main__":
    main()
