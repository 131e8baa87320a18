"""Stanford Cars: cars by make, model and year."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ._files import SampledDataset, SplitDataset, contents_of, load_mat, numbered


class StanfordCars(SplitDataset, SampledDataset):
    """Pictures ``root/stanford_cars/cars_train/*.jpg`` or ``cars_test/*.jpg``; labels are in ``.mat`` files, read by SciPy."""

    _page = "https://ai.stanford.edu/~jkrause/cars/car_dataset.html, where they are not to be had any more"
    _shown = ""
    _splits = ("train", "test")

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "stanford_cars"
        labels = {"train": "devkit/cars_train_annos.mat", "test": "cars_test_annos_withlabels.mat"}[self._split]
        return [folder / f"cars_{self._split}", folder / labels, folder / "devkit" / "cars_meta.mat"]

    def download(self) -> None:
        """``ValueError``: the files are not published any more."""
        raise ValueError("The original URL is broken so the StanfordCars dataset cannot be downloaded anymore.")

    def _read(self) -> None:
        pictures, labels, names = self._required()
        with contents_of(labels):
            rows = load_mat(labels, squeeze_me=True)["annotations"].reshape(-1)
            self._samples = [(str(pictures / str(row["fname"])), int(row["class"]) - 1) for row in rows]
        with contents_of(names):
            self.classes: Any = load_mat(names, squeeze_me=True)["class_names"].reshape(-1).tolist()
        self.class_to_idx = numbered(self.classes)
