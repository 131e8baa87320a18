"""Points in many dimensions, for TensorBoard's projector: tables of their coordinates and labels, and pictures."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import numpy as np

from ._convert_np import make_np
from ._pictures import make_grid, pillow


def write_tensors(points: np.ndarray, folder: str) -> None:
    """One line for each point [n, dimensions]."""
    with open(os.path.join(folder, "tensors.tsv"), "w", encoding="utf-8") as file:
        file.writelines("\t".join(str(number.item()) for number in point) + "\n" for point in points)


def write_labels(labels: Any, folder: str, header: list[str] | None = None) -> None:
    """One line for each point: a label, or one for each column of ``header``."""
    if header:
        if len(header) != len(labels[0]):
            raise AssertionError("len of header must be equal to the number of columns in metadata")
        lines = ["\t".join(map(str, line)) for line in [header, *labels]]
    else:
        lines = list(map(str, labels))
    with open(os.path.join(folder, "metadata.tsv"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def write_sprite(pictures: Any, folder: str) -> None:
    """Pictures [n, channels, height, width] in one square picture."""
    array = make_np(pictures)
    grid = make_grid(array, ncols=math.ceil(len(array) ** 0.5)).transpose(1, 2, 0)
    square = np.zeros((grid.shape[1], grid.shape[1], 3))
    square[: grid.shape[0]] = grid
    picture = pillow().fromarray((square * 255).clip(0, 255).astype(np.uint8))
    picture.save(os.path.join(folder, "sprite.png"), format="PNG")


def config_of(folder: str, step: int, tag: str, labelled: bool, picture: tuple[int, int] | None) -> str:
    """What the projector's configuration, a text of messages, says of the points in ``folder``; a picture is (width, height)."""
    lines = [f"tensor_name: {json.dumps(f'{tag}:{step:05}')}"]
    if labelled:
        lines.append(f"metadata_path: {json.dumps(folder + '/metadata.tsv')}")
    if picture is not None:
        inner = [f"image_path: {json.dumps(folder + '/sprite.png')}", *(f"single_image_dim: {size}" for size in picture)]
        lines += ["sprite {", *("  " + line for line in inner), "}"]
    lines.append(f"tensor_path: {json.dumps(folder + '/tensors.tsv')}")
    return "\n".join(["embeddings {", *("  " + line for line in lines), "}"]) + "\n"
