"""COCO: pictures with boxes, outlines and captions in one JSON file."""

from __future__ import annotations

import os
from typing import Any

from .._pillow import read_picture
from ._coco_index import index_of
from ._files import Root
from .vision import Transform, VisionDataset


class CocoDetection(VisionDataset):
    """Pictures in ``root`` that the file ``annFile`` names; a target is the list of a picture's annotations (dictionaries).

    ``coco`` is pycocotools' ``COCO`` if that is installed, and else an index with its methods for looking up.
    """

    def __init__(
        self,
        root: Root,
        annFile: str,
        transform: Transform = None,
        target_transform: Transform = None,
        transforms: Transform = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.coco = index_of(annFile)
        self.ids = sorted(self.coco.imgs)

    def _load_image(self, id: int) -> Any:
        name = self.coco.loadImgs(id)[0]["file_name"]
        return read_picture(os.path.join(self.root or "", name), "RGB")

    def _load_target(self, id: int) -> list[Any]:
        return self.coco.loadAnns(self.coco.getAnnIds(id))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not isinstance(index, int):
            raise ValueError(f"Index must be of type integer, got {type(index)} instead.")
        number = self.ids[index]
        return self._both(self._load_image(number), self._load_target(number))

    def __len__(self) -> int:
        return len(self.ids)


class CocoCaptions(CocoDetection):
    """As :class:`CocoDetection`; a target is the list of a picture's captions."""

    def _load_target(self, id: int) -> list[str]:
        return [annotation["caption"] for annotation in super()._load_target(id)]
