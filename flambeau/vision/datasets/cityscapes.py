"""Cityscapes: streets of fifty cities, each pixel with what it belongs to."""

from __future__ import annotations

import json
import os
from collections import namedtuple
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._pillow import open_picture, read_picture
from ._files import FileDataset, Root, contents_of, one_or_all
from .utils import extract_archive, iterable_to_str, verify_str_arg
from .vision import Transform

_SUFFIXES = {
    "instance": "instanceIds.png", "semantic": "labelIds.png", "color": "color.png", "polygon": "polygons.json",
}  # fmt: skip

CityscapesClass = namedtuple(
    "CityscapesClass",
    ["name", "id", "train_id", "category", "category_id", "has_instances", "ignore_in_eval", "color"],
)

#: Names with the number used in training (255 for what is left out) and the colour, by category.
_CLASSES: dict[str, list[tuple[str, int, tuple[int, int, int]]]] = {
    "void": [
        ("unlabeled", 255, (0, 0, 0)), ("ego vehicle", 255, (0, 0, 0)), ("rectification border", 255, (0, 0, 0)),
        ("out of roi", 255, (0, 0, 0)), ("static", 255, (0, 0, 0)), ("dynamic", 255, (111, 74, 0)),
        ("ground", 255, (81, 0, 81)),
    ],
    "flat": [
        ("road", 0, (128, 64, 128)), ("sidewalk", 1, (244, 35, 232)), ("parking", 255, (250, 170, 160)),
        ("rail track", 255, (230, 150, 140)),
    ],
    "construction": [
        ("building", 2, (70, 70, 70)), ("wall", 3, (102, 102, 156)), ("fence", 4, (190, 153, 153)),
        ("guard rail", 255, (180, 165, 180)), ("bridge", 255, (150, 100, 100)), ("tunnel", 255, (150, 120, 90)),
    ],
    "object": [
        ("pole", 5, (153, 153, 153)), ("polegroup", 255, (153, 153, 153)), ("traffic light", 6, (250, 170, 30)),
        ("traffic sign", 7, (220, 220, 0)),
    ],
    "nature": [("vegetation", 8, (107, 142, 35)), ("terrain", 9, (152, 251, 152))],
    "sky": [("sky", 10, (70, 130, 180))],
    "human": [("person", 11, (220, 20, 60)), ("rider", 12, (255, 0, 0))],
    "vehicle": [
        ("car", 13, (0, 0, 142)), ("truck", 14, (0, 0, 70)), ("bus", 15, (0, 60, 100)), ("caravan", 255, (0, 0, 90)),
        ("trailer", 255, (0, 0, 110)), ("train", 16, (0, 80, 100)), ("motorcycle", 17, (0, 0, 230)),
        ("bicycle", 18, (119, 11, 32)), ("license plate", -1, (0, 0, 142)),
    ],
}  # fmt: skip


def _classes() -> list[Any]:
    classes: list[Any] = []
    for place, (category, members) in enumerate(_CLASSES.items()):
        for name, train_id, colour in members:
            number = len(classes) if train_id >= 0 else -1
            single = category in ("human", "vehicle") and train_id >= 0
            classes.append(
                CityscapesClass(name, number, train_id, category, place, single, train_id in (255, -1), colour)
            )
    return classes


class Cityscapes(FileDataset):
    """Pictures ``root/leftImg8bit/SPLIT/CITY/..._leftImg8bit.png``, and targets in ``root/gtFine`` or ``root/gtCoarse``.

    ``mode`` is ``"fine"`` or ``"coarse"``; ``target_type`` is one of ``"instance"``, ``"semantic"``, ``"color"`` (pictures)
    and ``"polygon"`` (a dictionary), or a list of them. Archives that lie in ``root`` are unpacked.
    """

    CityscapesClass = CityscapesClass
    classes: list[Any] = _classes()
    _page = "https://www.cityscapes-dataset.com, which wants a registration"
    _shown = "Split: {split}\nMode: {mode}\nType: {target_type}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        mode: str = "fine",
        target_type: list[str] | str = "instance",
        transform: Transform = None,
        target_transform: Transform = None,
        transforms: Transform = None,
    ) -> None:
        verify_str_arg(mode, "mode", ("fine", "coarse"))
        splits = ("train", "test" if mode == "fine" else "train_extra", "val")
        verify_str_arg(
            split, "split", splits,
            f"Unknown value '{split}' for argument split if mode is '{mode}'. Valid values are {{{iterable_to_str(splits)}}}.",
        )  # fmt: skip
        self.mode = "gtFine" if mode == "fine" else "gtCoarse"
        self.split = split
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        for kind in self.target_type:
            verify_str_arg(kind, "target_type", ("instance", "semantic", "polygon", "color"))
        super().__init__(root, transform, target_transform, transforms=transforms)

    def _required(self) -> Iterable[Path]:
        return [Path(self.images_dir), Path(self.targets_dir)]

    def _check(self) -> None:
        pictures = f"leftImg8bit_{'trainextra' if self.split == 'train_extra' else 'trainvaltest'}.zip"
        targets = f"{self.mode}_trainvaltest.zip" if self.mode == "gtFine" else f"{self.mode}.zip"
        archives = [self._directory / pictures, self._directory / targets]
        if not self._check_exists() and all(archive.is_file() for archive in archives):
            for archive in archives:
                extract_archive(archive, self._directory)
        super()._check()

    @property
    def images_dir(self) -> str:
        """Where the pictures are."""
        return os.path.join(self._directory, "leftImg8bit", self.split)

    @property
    def targets_dir(self) -> str:
        """Where the targets are."""
        return os.path.join(self._directory, self.mode, self.split)

    def _read(self) -> None:
        self.images: list[str] = []
        self.targets: list[list[str]] = []
        for city in sorted(os.listdir(self.images_dir)):
            for name in sorted(os.listdir(os.path.join(self.images_dir, city))):
                place = name.split("_leftImg8bit")[0]
                names = [f"{place}_{self.mode}_{_SUFFIXES[kind]}" for kind in self.target_type]
                self.images.append(os.path.join(self.images_dir, city, name))
                self.targets.append([os.path.join(self.targets_dir, city, target) for target in names])

    def _target(self, kind: str, path: str) -> Any:
        if kind != "polygon":
            return open_picture(path)
        with contents_of(path), open(path, encoding="utf-8") as file:
            return json.load(file)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = read_picture(self.images[index], "RGB")
        targets = [self._target(kind, path) for kind, path in zip(self.target_type, self.targets[index])]
        return self._both(picture, one_or_all(targets))

    def __len__(self) -> int:
        return len(self.images)
