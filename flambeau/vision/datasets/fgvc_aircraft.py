"""FGVC Aircraft: aeroplanes by variant, family or manufacturer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ._files import ListedDataset, Loader, Root, Source, contents_of, lines_of, numbered
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform

_NAMES = {"variant": "variants.txt", "family": "families.txt", "manufacturer": "manufacturers.txt"}


class FGVCAircraft(ListedDataset):
    """Pictures ``root/fgvc-aircraft-2013b/data/images/*.jpg`` that ``data/images_LEVEL_SPLIT.txt`` lists.

    ``annotation_level`` is ``"variant"``, ``"family"`` or ``"manufacturer"``; ``classes`` are the names.
    """

    _sources = (Source("https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz"),)

    def __init__(
        self,
        root: Root,
        split: str = "trainval",
        annotation_level: str = "variant",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "val", "trainval", "test"))
        self._annotation_level = verify_str_arg(annotation_level, "annotation_level", tuple(_NAMES))
        super().__init__(root, transform, target_transform, download, loader)

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "fgvc-aircraft-2013b" / "data"
        listing = f"images_{self._annotation_level}_{self._split}.txt"
        return [folder / "images", folder / _NAMES[self._annotation_level], folder / listing]

    def _read(self) -> None:
        pictures, names, listing = self._required()
        self.classes = lines_of(names)
        self.class_to_idx = numbered(self.classes)
        with contents_of(listing):
            pairs = [line.split(" ", 1) for line in lines_of(listing)]
            self._set((os.path.join(pictures, f"{name}.jpg"), self.class_to_idx[label]) for name, label in pairs)
