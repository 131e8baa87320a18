"""Labelled Faces in the Wild: whose faces they are, and pairs of faces."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ._files import FileDataset, Loader, Root, contents_of, lines_of, numbered
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform

_PARTS = {"10fold": "", "train": "DevTrain", "test": "DevTest"}


class _LFW(FileDataset):
    """Faces ``root/lfw-py/FOLDER/NAME/NAME_0001.jpg``; what belongs together is in text files beside the folder."""

    base_folder = "lfw-py"
    names = "lfw-names.txt"
    file_dict = {
        "original": ("lfw", "lfw.tgz", "a17d05bd522c52d84eca14327a23d494"),
        "funneled": ("lfw_funneled", "lfw-funneled.tgz", "1b42dfed7d15c9b2dd63d5e5840c86ad"),
        "deepfunneled": ("lfw-deepfunneled", "lfw-deepfunneled.tgz", "68331da3eb755a505a502b5aacb3c201"),
    }
    checksums = {
        "pairs.txt": "9f1ba174e4e1c508ff7cdf10ac338a7d",
        "pairsDevTest.txt": "5132f7440eb68cf58910c8a45a2ac10b",
        "pairsDevTrain.txt": "4f27cbf15b2da4a85c1907eb4181ad21",
        "people.txt": "450f0863dd89e85e73936a6d71a3474b",
        "peopleDevTest.txt": "e4bf5be0a43b5dcd9dc5ccfcb8fb19c5",
        "peopleDevTrain.txt": "54eaac34beb6d042ed3a7d883e247a21",
        "lfw-names.txt": "a6d0a479bd074669f656265a6e693f6d",
    }
    _view: str
    _page = "http://vis-www.cs.umass.edu/lfw, or https://www.kaggle.com/datasets/jessicali9530/lfw-dataset"
    _shown = "Alignment: {image_set}\nSplit: {split}"

    def __init__(
        self,
        root: Root,
        split: str = "10fold",
        image_set: str = "funneled",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self.image_set = verify_str_arg(image_set.lower(), "image_set", list(self.file_dict))
        self.split = verify_str_arg(split.lower(), "split", list(_PARTS))
        self.view = self._view
        self._folder, self.filename, self.md5 = self.file_dict[self.image_set]
        self.labels_file = f"{self.view}{_PARTS[self.split]}.txt"
        super().__init__(os.path.join(root, self.base_folder), transform, target_transform, download, loader)

    @property
    def images_dir(self) -> str:
        """Where the faces are."""
        return os.path.join(self._directory, self._folder)

    def _required(self) -> Iterable[Path]:
        names = [self.names] if self.view == "people" else []
        return [Path(self.images_dir), *(self._directory / name for name in [self.labels_file, *names])]

    def _digests(self) -> Mapping[Path, str]:
        _, *texts = self._required()
        return {path: self.checksums[path.name] for path in texts}

    def download(self) -> None:
        """``ValueError``: the files are not published any more."""
        raise ValueError(f"LFW dataset is no longer available for automatic download. Its files were at {self._page}.")

    def _get_path(self, identity: str, no: int | str) -> str:
        return os.path.join(self.images_dir, identity, f"{identity}_{int(no):04d}.jpg")

    def _rows(self) -> list[list[str]]:
        return [line.split("\t") for line in lines_of(self._directory / self.labels_file)]

    def __len__(self) -> int:
        return len(self.data)

    data: list[Any]


class LFWPeople(_LFW):
    """Faces of people; a target is the person's number, by ``class_to_idx``."""

    _view = "people"

    def _read(self) -> None:
        names = self._directory / self.names
        with contents_of(names):
            self.class_to_idx = numbered(line.split()[0] for line in lines_of(names))
        with contents_of(self._directory / self.labels_file):
            rows = self._rows()
            folds = int(rows.pop(0)[0]) if self.split == "10fold" else 1
            people = []
            for _ in range(folds):
                count = int(rows.pop(0)[0])
                people += rows[:count]
                del rows[:count]
            faces = [(name, number + 1) for name, count in people for number in range(int(count))]
            self.data = [self._get_path(name, number) for name, number in faces]
            self.targets = [self.class_to_idx[name] for name, _ in faces]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self.loader(self.data[index]), self.targets[index])

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}\nClasses (identities): {len(self.class_to_idx)}"


class LFWPairs(_LFW):
    """Pairs of faces; a sample is both, and 1 if they are the same person's, else 0."""

    _view = "pairs"

    def _read(self) -> None:
        with contents_of(self._directory / self.labels_file):
            rows = self._rows()
            head = [int(number) for number in rows.pop(0)]
            folds, count = head if self.split == "10fold" else (1, head[0])
            both = []
            for _ in range(folds):
                both += [(name, name, first, second) for name, first, second in rows[:count]]
                both += [(one, other, first, second) for one, first, other, second in rows[count : 2 * count]]
                del rows[: 2 * count]
            self.pair_names = [(one, other) for one, other, _, _ in both]
            self.data = [
                (self._get_path(one, first), self._get_path(other, second)) for one, other, first, second in both
            ]
            self.targets = [int(one == other) for one, other in self.pair_names]

    def __getitem__(self, index: int) -> tuple[Any, Any, int]:
        one, other = (self.loader(path) for path in self.data[index])
        if self.transform is not None:
            one, other = self.transform(one), self.transform(other)
        target = self.targets[index]
        return one, other, target if self.target_transform is None else self.target_transform(target)
