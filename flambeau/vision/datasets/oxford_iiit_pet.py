"""Oxford-IIIT Pet: cats and dogs of 37 breeds, and where in the picture they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .._pillow import open_picture
from ._files import FileDataset, Root, Source, contents_of, lines_of, numbered, one_or_all
from .utils import verify_str_arg
from .vision import Transform

_BASE = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
_KINDS = ("category", "binary-category", "segmentation")


class OxfordIIITPet(FileDataset):
    """Pictures ``root/oxford-iiit-pet/images/*.jpg`` that ``annotations/SPLIT.txt`` lists.

    ``target_types`` is ``"category"`` (number of the breed), ``"binary-category"`` (0 for a cat, 1 for a dog) or
    ``"segmentation"`` (a picture), or a list of them for a tuple.
    """

    _sources = (
        Source(_BASE + "images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c", "oxford-iiit-pet"),
        Source(_BASE + "annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f", "oxford-iiit-pet"),
    )

    def __init__(
        self,
        root: Root,
        split: str = "trainval",
        target_types: Sequence[str] | str = "category",
        transforms: Transform = None,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("trainval", "test"))
        wanted = [target_types] if isinstance(target_types, str) else target_types
        self._target_types = [verify_str_arg(kind, "target_types", _KINDS) for kind in wanted]
        super().__init__(root, transform, target_transform, download, transforms=transforms)

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "oxford-iiit-pet"
        return [folder / "images", folder / "annotations", folder / "annotations" / f"{self._split}.txt"]

    def _read(self) -> None:
        pictures, annotations, listing = self._required()
        with contents_of(listing):
            rows = [(name, int(breed) - 1, int(kind) - 1) for name, breed, kind, _ in map(str.split, lines_of(listing))]
        names = [name for name, _, _ in rows]
        self._labels = [breed for _, breed, _ in rows]
        self._bin_labels = [kind for _, _, kind in rows]
        breeds = {(breed, name.rpartition("_")[0]) for name, breed, _ in rows}
        self.classes = [" ".join(word.title() for word in name.split("_")) for _, name in sorted(breeds)]
        self.bin_classes = ["Cat", "Dog"]
        self.class_to_idx = numbered(self.classes)
        self.bin_class_to_idx = numbered(self.bin_classes)
        self._images = [pictures / f"{name}.jpg" for name in names]
        self._segs = [annotations / "trimaps" / f"{name}.png" for name in names]

    def _target(self, kind: str, index: int) -> Any:
        if kind == "segmentation":
            return open_picture(self._segs[index])
        return (self._labels if kind == "category" else self._bin_labels)[index]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = self.loader(self._images[index])
        return self._both(picture, one_or_all([self._target(kind, index) for kind in self._target_types]))

    def __len__(self) -> int:
        return len(self._images)
