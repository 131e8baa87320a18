"""DTD: textures, described by one word each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ._files import ListedDataset, Loader, Root, Source, contents_of, lines_of, numbered
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform


class DTD(ListedDataset):
    """Pictures ``root/dtd/dtd/images/WORD/...`` that ``root/dtd/dtd/labels/SPLIT1.txt`` lists.

    ``partition``, from 1 to 10, chooses one of ten ways to split. ``classes`` are the words.
    """

    _sources = (
        Source(
            "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
            "fff73e5086ae6bdbea199a49dfb8a4c1",
            "dtd",
        ),
    )
    _shown = "split={_split}, partition={_partition}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        partition: int = 1,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        if not isinstance(partition, int) or not 1 <= partition <= 10:
            raise ValueError(
                f"Parameter 'partition' should be an integer with `1 <= partition <= 10`, but got {partition} instead"
            )
        self._partition = partition
        super().__init__(root, transform, target_transform, download, loader)

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "dtd" / "dtd"
        return [folder / "images", folder / "labels" / f"{self._split}{self._partition}.txt"]

    def _read(self) -> None:
        pictures, listing = self._required()
        with contents_of(listing):
            pairs = [line.split("/") for line in lines_of(listing)]
            self.classes = sorted({word for word, _ in pairs})
            self.class_to_idx = numbered(self.classes)
            self._set((pictures / word / name, self.class_to_idx[word]) for word, name in pairs)
