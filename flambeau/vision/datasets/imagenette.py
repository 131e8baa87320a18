"""Imagenette: ten classes of ImageNet that are easy to tell apart."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ._files import Loader, Root, SampledDataset, Source
from .folder import default_loader, find_classes, make_dataset
from .utils import verify_str_arg
from .vision import Transform

_BASE = "https://s3.amazonaws.com/fast-ai-imageclas/"
_ARCHIVES = {
    "full": ("imagenette2.tgz", "fe2fc210e6bb7c5664d602c3cd71e612"),
    "320px": ("imagenette2-320.tgz", "3df6f0d01a2c9592104656642f5e78a3"),
    "160px": ("imagenette2-160.tgz", "e793b78cc4c9e9a4ccc0c1155377a412"),
}

#: Names of the classes by their number in WordNet.
_CLASSES: dict[str, tuple[str, ...]] = {
    "n01440764": ("tench", "Tinca tinca"),
    "n02102040": ("English springer", "English springer spaniel"),
    "n02979186": ("cassette player",),
    "n03000684": ("chain saw", "chainsaw"),
    "n03028079": ("church", "church building"),
    "n03394916": ("French horn", "horn"),
    "n03417042": ("garbage truck", "dustcart"),
    "n03425413": ("gas pump", "gasoline pump", "petrol pump", "island dispenser"),
    "n03445777": ("golf ball",),
    "n03888257": ("parachute", "chute"),
}


class Imagenette(SampledDataset):
    """Pictures ``root/imagenette2/SPLIT/WNID/*.jpeg``; ``imagenette2-320`` or ``-160`` for the smaller ones.

    ``classes`` are tuples of names for each of ``wnids``; ``class_to_idx`` has each name.
    """

    def __init__(
        self,
        root: Root,
        split: str = "train",
        size: str = "full",
        download: bool = False,
        transform: Transform = None,
        target_transform: Transform = None,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ["train", "val"])
        self._size = verify_str_arg(size, "size", list(_ARCHIVES))
        name, md5 = _ARCHIVES[self._size]
        self._sources = [Source(_BASE + name, md5)]
        super().__init__(root, transform, target_transform, download, loader)

    def _required(self) -> Iterable[Path]:
        name, _ = _ARCHIVES[self._size]
        return [self._directory / name.removesuffix(".tgz") / self._split]

    def _read(self) -> None:
        folder = os.fspath(*self._required())
        self.wnids, self.wnid_to_idx = find_classes(folder)
        if unknown := sorted(set(self.wnids) - set(_CLASSES)):
            raise RuntimeError(f"{folder} holds directories of classes that are not Imagenette's: {', '.join(unknown)}")
        self.classes = [_CLASSES[wnid] for wnid in self.wnids]
        self.class_to_idx = {name: number for wnid, number in self.wnid_to_idx.items() for name in _CLASSES[wnid]}
        self._samples = make_dataset(folder, self.wnid_to_idx, extensions=".jpeg")
