"""GTSRB: German traffic signs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from ._files import Root, SampledDataset, Source, contents_of
from .folder import make_dataset
from .utils import verify_str_arg
from .vision import Transform

_BASE = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
_PUBLISHED = {
    "train": [("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478")],
    "test": [
        ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
        ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
    ],
}


class GTSRB(SampledDataset):
    """Signs ``root/gtsrb/GTSRB/Training/CLASS/*.ppm``, or, to test with, those that ``root/gtsrb/GT-final_test.csv`` lists."""

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "test"))
        super().__init__(root, transform, target_transform, download)

    @property
    def _sources(self) -> Sequence[Source]:  # type: ignore[override]
        return [Source(_BASE + name, md5, "gtsrb") for name, md5 in _PUBLISHED[self._split]]

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "gtsrb"
        if self._split == "train":
            return [folder / "GTSRB" / "Training"]
        return [folder / "GTSRB" / "Final_Test" / "Images", folder / "GT-final_test.csv"]

    def _read(self) -> None:
        pictures, *listings = self._required()
        if not listings:
            self._samples = make_dataset(str(pictures), extensions=(".ppm",))
            return
        with contents_of(listings[0]), open(listings[0], encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter=";", skipinitialspace=True)
            self._samples = [(str(pictures / row["Filename"]), int(row["ClassId"])) for row in rows]
