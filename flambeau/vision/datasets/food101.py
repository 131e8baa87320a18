"""Food-101: dishes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ._files import ListedDataset, Source, SplitDataset, contents_of, numbered


class Food101(SplitDataset, ListedDataset):
    """Pictures ``root/food-101/images/DISH/*.jpg`` that ``root/food-101/meta/SPLIT.json`` lists."""

    _sources = (Source("http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz", "85eeb15f3717b99a5da872d97d918f87"),)
    _splits = ("train", "test")

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "food-101"
        return [folder / "images", folder / "meta" / f"{self._split}.json"]

    def _read(self) -> None:
        pictures, listing = self._required()
        with contents_of(listing), open(listing, encoding="utf-8") as file:
            dishes = json.load(file)
            self.classes = sorted(dishes)
            self.class_to_idx = numbered(self.classes)
            self._set(
                (pictures.joinpath(*f"{name}.jpg".split("/")), self.class_to_idx[dish])
                for dish, names in dishes.items()
                for name in names
            )
