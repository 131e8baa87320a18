"""Places365: scenes of 365 kinds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ._files import FileDataset, Loader, Root, Source, contents_of, lines_of
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform

_BASE = "http://data.csail.mit.edu/places/places365/"
_CATEGORIES = ("categories_places365.txt", "06c963b85866bd0649f97cb43dd16673")
_DEVKITS = {
    "standard": ("filelist_places365-standard.tar", "35a0585fee1fa656440f3ab298f8479c"),
    "challenge": ("filelist_places365-challenge.tar", "70a8307e459c3de41690a7c76c931734"),
}
_LISTS = {
    "train-standard": ("places365_train_standard.txt", "30f37515461640559006b8329efbed1a"),
    "train-challenge": ("places365_train_challenge.txt", "b2931dc997b8c33c27e7329c073a6b57"),
    "val": ("places365_val.txt", "e9f2fd57bfd9d07630173f4e8708e4b1"),
    "test": ("places365_test.txt", "2fce8233fe493576d724142e45d93653"),
}
#: Archives of pictures, by part, and whether they are the small ones.
_PICTURES = {
    ("train-standard", False): ("train_large_places365standard.tar", "67e186b496a84c929568076ed01a8aa1"),
    ("train-challenge", False): ("train_large_places365challenge.tar", "605f18e68e510c82b958664ea134545f"),
    ("val", False): ("val_large.tar", "9b71c4993ad89d2d8bcbdc4aef38042f"),
    ("test", False): ("test_large.tar", "41a4b6b724b1d2cd862fb3871ed59913"),
    ("train-standard", True): ("train_256_places365standard.tar", "53ca1c756c3d1e7809517cc47c5561c5"),
    ("train-challenge", True): ("train_256_places365challenge.tar", "741915038a5e3471ec7332404dfb64ef"),
    ("val", True): ("val_256.tar", "e27b17d8d44f4af9a78502beb927f808"),
    ("test", True): ("test_256.tar", "f532f6ad7b582262a2ec8009075e186b"),
}


class Places365(FileDataset):
    """Pictures that ``root/places365_SPLIT.txt`` lists, in ``root/data_large_standard``, ``root/val_256`` and the like.

    ``small=True`` chooses those of 256 by 256 pixels. A target is the scene's number, or None for ``split="test"``. Lists
    must be there; that pictures are is not asked before they are read.
    """

    _shown = "Split: {split}\nSmall: {small}"

    def __init__(
        self,
        root: Root,
        split: str = "train-standard",
        small: bool = False,
        download: bool = False,
        transform: Transform = None,
        target_transform: Transform = None,
        loader: Loader = default_loader,
    ) -> None:
        self.split = verify_str_arg(split, "split", tuple(_LISTS))
        self.small = small
        self._sources = [Source(_BASE + name, md5) for name, md5 in (_DEVKITS[self.variant],)]
        super().__init__(root, transform, target_transform, download, loader)

    @property
    def variant(self) -> str:
        """``"challenge"`` or ``"standard"``."""
        return "challenge" if "challenge" in self.split else "standard"

    @property
    def images_dir(self) -> str:
        """Where the pictures are."""
        size = "256" if self.small else "large"
        name = f"data_{size}_{self.variant}" if self.split.startswith("train") else f"{self.split}_{size}"
        return os.path.join(self._directory, name)

    def _required(self) -> Iterable[Path]:
        return [self._directory / name for name, _ in (_CATEGORIES, _LISTS[self.split])]

    def _digests(self) -> Mapping[Path, str]:
        return {self._directory / name: md5 for name, md5 in (_CATEGORIES, _LISTS[self.split])}

    def download(self) -> None:
        """Get the lists and the pictures, unless they are there."""
        super().download()
        self.download_images()

    def download_images(self) -> None:
        """Get the pictures, unless they are there."""
        if os.path.exists(self.images_dir):
            return
        name, md5 = _PICTURES[self.split, self.small]
        Source(_BASE + name, md5).fetch(self._directory)
        if self.split.startswith("train"):  # the archives of both variants have the same directory
            os.rename(self.images_dir.rpartition("_")[0], self.images_dir)

    def _read(self) -> None:
        categories, listing = self._required()
        with contents_of(categories):
            pairs = [line.split() for line in lines_of(categories)]
            self.class_to_idx = {name: int(number) for name, number in pairs}
        self.classes = sorted(self.class_to_idx)
        with contents_of(listing):
            rows = [[*line.split(), None][:2] for line in lines_of(listing)]
            self.imgs = [
                (os.path.join(self.images_dir, *str(name).strip("/").split("/")), None if label is None else int(label))
                for name, label in rows
            ]
        self.targets = [target for _, target in self.imgs]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.imgs[index]
        return self._both(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.imgs)
