"""Stanford Cars: cars by make, model and year."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ._files import Loader, Root, SampledDataset, contents_of, load_mat, numbered
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform


class StanfordCars(SampledDataset):
    """Pictures ``root/stanford_cars/cars_train/*.jpg`` or ``cars_test/*.jpg``; labels are in ``.mat`` files, read by SciPy."""

    _page = "https://ai.stanford.edu/~jkrause/cars/car_dataset.html, where they are not to be had any more"

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
