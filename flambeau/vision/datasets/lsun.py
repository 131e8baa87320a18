"""LSUN: scenes, in one database of LMDB's for each category."""

from __future__ import annotations

import bisect
import itertools
import os
from collections.abc import Iterable
from typing import Any

from .._pillow import decoded
from ._files import Root
from .utils import iterable_to_str, verify_str_arg
from .vision import Transform, VisionDataset

_CATEGORIES = [
    "bedroom", "bridge", "church_outdoor", "classroom", "conference_room", "dining_room", "kitchen", "living_room",
    "restaurant", "tower",
]  # fmt: skip
_SPLITS = ["train", "val", "test"]


class LSUNClass(VisionDataset):
    """The pictures of one category, in the database ``root``; there are no targets. ``ImportError`` without lmdb."""

    def __init__(self, root: str, transform: Transform = None, target_transform: Transform = None) -> None:
        import lmdb

        super().__init__(root, transform=transform, target_transform=target_transform)
        self.env = lmdb.open(root, max_readers=1, readonly=True, lock=False, readahead=False, meminit=False)
        with self.env.begin(write=False) as transaction:
            self.length = transaction.stat()["entries"]
            self.keys = list(transaction.cursor().iternext(keys=True, values=False))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        key = self.keys[index]
        with self.env.begin(write=False) as transaction:
            data = transaction.get(key)
        picture = decoded(bytes(data), f"{key!r} in {self.root}", lambda picture: picture.convert("RGB"))
        return self._transformed(picture, None)

    def __len__(self) -> int:
        return self.length


class LSUN(VisionDataset):
    """Scenes in the databases ``root/CATEGORY_SPLIT_lmdb``; a target is the place of the category in ``classes``.

    ``classes`` is ``"train"``, ``"val"`` or ``"test"``, for all categories, or a list of "CATEGORY_SPLIT".
    """

    def __init__(
        self,
        root: Root,
        classes: str | list[str] = "train",
        transform: Transform = None,
        target_transform: Transform = None,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes = self._verify_classes(classes)
        self.dbs = [LSUNClass(os.path.join(root, f"{name}_lmdb"), transform=transform) for name in self.classes]
        self.indices = list(itertools.accumulate(len(database) for database in self.dbs))
        self.length = self.indices[-1] if self.indices else 0

    def _verify_classes(self, classes: Any) -> list[str]:
        if classes == "test":
            return ["test"]
        if isinstance(classes, str) and classes in _SPLITS:
            return [f"{category}_{classes}" for category in _CATEGORIES]
        if not isinstance(classes, Iterable):
            raise ValueError(f"Expected type str or Iterable for argument classes, but got type {type(classes)}.")
        names = list(classes)
        for name in names:
            if not isinstance(name, str):
                raise ValueError(f"Expected type str for elements in argument classes, but got type {type(name)}.")
            category, _, split = name.rpartition("_")
            for value, what, valid in ((category, "LSUN class", _CATEGORIES), (split, "postfix", _SPLITS)):
                message = f"Unknown value '{value}' for {what}. Valid values are {{{iterable_to_str(valid)}}}."
                verify_str_arg(value, valid_values=valid, custom_msg=message)
        return names

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < self.length:
            raise IndexError(f"{type(self).__name__} index out of range")
        target = bisect.bisect_right(self.indices, index)
        picture, _ = self.dbs[target][index - (self.indices[target - 1] if target else 0)]
        return picture, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return self.length

    def extra_repr(self) -> str:
        return f"Classes: {self.classes}"
