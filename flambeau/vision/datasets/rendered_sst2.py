"""Rendered SST2: sentences of reviews as pictures of text, negative or positive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ._files import SampledDataset, Source, SplitDataset, numbered
from .folder import make_dataset

_FOLDERS = {"train": "train", "val": "valid", "test": "test"}


class RenderedSST2(SplitDataset, SampledDataset):
    """Pictures ``root/rendered-sst2/SPLIT/negative/*.png`` and ``.../positive/*.png``."""

    classes = ["negative", "positive"]
    class_to_idx = numbered(classes)
    _sources = (
        Source("https://openaipublic.azureedge.net/clip/data/rendered-sst2.tgz", "2384d08e9dcfa4bd55b324e610496ee5"),
    )
    _splits = tuple(_FOLDERS)

    def _required(self) -> Iterable[Path]:
        return [self._directory / "rendered-sst2" / _FOLDERS[self._split] / name for name in self.classes]

    def _read(self) -> None:
        folder = self._directory / "rendered-sst2" / _FOLDERS[self._split]
        self._samples = make_dataset(str(folder), extensions=("png",))
