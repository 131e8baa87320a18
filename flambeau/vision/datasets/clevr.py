"""CLEVR: rendered scenes, and how many things are in them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ._files import ListedDataset, Source, SplitDataset, contents_of


class CLEVRClassification(SplitDataset, ListedDataset):
    """Pictures ``root/clevr/CLEVR_v1.0/images/SPLIT/*``; a target is the number of things, or None for ``split="test"``."""

    _sources = (
        Source("https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip", "b11922020e72d0cd9154779b2d3d07d2", "clevr"),
    )
    _splits = ("train", "val", "test")

    @property
    def _data(self) -> Path:
        return self._directory / "clevr" / "CLEVR_v1.0"

    def _required(self) -> Iterable[Path]:
        scenes = [] if self._split == "test" else [self._data / "scenes" / f"CLEVR_{self._split}_scenes.json"]
        return [self._data / "images" / self._split, *scenes]

    def _read(self) -> None:
        pictures, *scenes = self._required()
        counts: dict[str, int] = {}
        for path in scenes:
            with contents_of(path), open(path, encoding="utf-8") as file:
                counts = {scene["image_filename"]: len(scene["objects"]) for scene in json.load(file)["scenes"]}
        self._set((path, counts[path.name] if scenes else None) for path in sorted(pictures.glob("*")))
