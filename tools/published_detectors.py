"""Writes what torchvision's networks for finding things compute, when they are small, which tests compare with ours.

    python -m tools.published_detectors    # writes tests/vision/detectors.json; needs torchvision

Its compiled operations may be made for another PyTorch; what they do is written out here.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
from typing import Any

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # it compiles what stands in for the compiled operations

import torch  # noqa: E402

from tools.published_models import OPERATORS, ROOT  # noqa: E402

sys.path.insert(0, str(ROOT / "tests"))
from vision import small_detectors  # noqa: E402


def nms(boxes: Any, scores: Any, threshold: float) -> Any:
    """Numbers of the boxes that no better one overlaps by more than a threshold, the best first."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    for number in scores.argsort(descending=True, stable=True).tolist():
        others = boxes[kept]
        sides = (
            torch.minimum(others[:, 2:], boxes[number, 2:]) - torch.maximum(others[:, :2], boxes[number, :2])
        ).clamp(min=0)
        shared = sides.prod(1)
        if not (shared / (areas[kept] + areas[number] - shared) > threshold).any():
            kept.append(number)
    return torch.tensor(kept, dtype=torch.int64)


def torchvision() -> Any:
    """torchvision, with its operations in Python, and without chance."""
    for kind, implement in (("FRAGMENT", False), ("IMPL", True)):
        library = torch.library.Library("torchvision", kind)
        KEPT.append(library)
        if implement:
            library.impl("nms", nms, "CPU")
        else:
            for name, schema in OPERATORS.items():
                library.define(name + schema)
    package = importlib.import_module("torchvision")
    package.ops.boxes._assert_has_ops = lambda: None
    # The compiled operation reads nothing more than a pixel outside of the map, that in Python does.
    module: types.ModuleType = importlib.import_module("torchvision.ops.roi_align")
    between = module._bilinear_interpolate

    def inside(input: Any, places: Any, y: Any, x: Any, *masks: Any) -> Any:
        rows, columns = ((p >= -1) & (p <= extent) for p, extent in zip((y, x), input.shape[2:]))
        return between(input, places, y, x, *masks) * (
            rows[:, None, :, None, :, None] & columns[:, None, None, :, None, :]
        )

    module._bilinear_interpolate = inside
    torch.randperm = lambda n, **options: torch.arange(n)
    return package


KEPT: list[Any] = []


def main() -> None:
    package = torchvision()
    facts = {name: small_detectors.computed(name, torch, package) for name in small_detectors.NAMES}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(fact)}" for name, fact in facts.items())
    (ROOT / "tests" / "vision" / "detectors.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
