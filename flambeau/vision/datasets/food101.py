"""Food-101: dishes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ._files import ListedDataset, Loader, Root, Source, contents_of, numbered
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform


class Food101(ListedDataset):
    """Pictures ``root/food-101/images/DISH/*.jpg`` that ``root/food-101/meta/SPLIT.json`` lists."""

    _sources = (Source("http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz", "85eeb15f3717b99a5da872d97d918f87"),)
    _shown = "split={_split}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "test"))
        super().__init__(root, transform, target_transform, download, loader)

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
