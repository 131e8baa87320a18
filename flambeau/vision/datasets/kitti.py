"""KITTI: streets seen from a car, and where in space the things in them are."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._pillow import open_picture
from ._files import FileDataset, Root, Source, contents_of
from .vision import Transform


class Kitti(FileDataset):
    """Pictures ``root/Kitti/raw/training/image_2/*``, or those in ``testing``; things are in ``training/label_2/*.txt``.

    A target is a list of dictionaries (``type``, ``truncated``, ``occluded``, ``alpha``, ``bbox``, ``dimensions``,
    ``location``, ``rotation_y``), or None where ``train`` is False.
    """

    data_url = "https://s3.eu-central-1.amazonaws.com/avg-kitti/"
    resources = ["data_object_image_2.zip", "data_object_label_2.zip"]
    image_dir_name = "image_2"
    labels_dir_name = "label_2"

    def __init__(
        self,
        root: Root,
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
        transforms: Transform = None,
        download: bool = False,
    ) -> None:
        self.train = train
        raw = os.path.join(type(self).__name__, "raw")
        self._sources = [Source(self.data_url + name, None, raw) for name in self.resources]
        super().__init__(root, transform, target_transform, download, transforms=transforms)

    @property
    def _raw_folder(self) -> str:
        return os.path.join(self._directory, type(self).__name__, "raw")

    def _required(self) -> Iterable[Path]:
        folder = Path(self._raw_folder, "training" if self.train else "testing")
        return [folder / self.image_dir_name, folder / self.labels_dir_name][: 2 if self.train else 1]

    def _read(self) -> None:
        pictures, *labels = self._required()
        self.images = [os.path.join(pictures, name) for name in sorted(os.listdir(pictures))]
        names = [os.path.basename(path).split(".")[0] for path in self.images]
        self.targets = [os.path.join(folder, f"{name}.txt") for folder in labels for name in names]

    def _parse_target(self, index: int) -> list[dict[str, Any]]:
        path = self.targets[index]
        with contents_of(path), open(path, encoding="utf-8") as file:
            return [
                {
                    "type": line[0],
                    "truncated": float(line[1]),
                    "occluded": int(line[2]),
                    "alpha": float(line[3]),
                    "bbox": [float(number) for number in line[4:8]],
                    "dimensions": [float(number) for number in line[8:11]],
                    "location": [float(number) for number in line[11:14]],
                    "rotation_y": float(line[14]),
                }
                for line in csv.reader(file, delimiter=" ")
            ]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._both(open_picture(self.images[index]), self._parse_target(index) if self.train else None)

    def __len__(self) -> int:
        return len(self.images)
