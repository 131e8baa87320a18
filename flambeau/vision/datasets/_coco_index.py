"""What is in a file of annotations in COCO's format, looked up by the methods that pycocotools' ``COCO`` has for that."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ._files import Root, contents_of


def index_of(path: Root) -> Any:
    """The file's contents: pycocotools' ``COCO`` if that is installed, else an :class:`Index`."""
    try:
        from pycocotools.coco import COCO
    except ImportError:
        return Index(path)
    return COCO(path)


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set, dict)) else [value]


class Index:
    """Pictures, annotations and categories of a file by their numbers. Masks and evaluation need pycocotools."""

    def __init__(self, annotation_file: Root) -> None:
        with contents_of(annotation_file), open(annotation_file, encoding="utf-8") as file:
            self.dataset: dict[str, Any] = json.load(file)
            if not isinstance(self.dataset, dict):
                raise TypeError(f"a {type(self.dataset).__name__} in the place of an object")
            self.createIndex()

    def createIndex(self) -> None:
        """Sort what ``dataset`` holds by numbers."""
        self.imgs = {image["id"]: image for image in self.dataset.get("images", [])}
        self.cats = {category["id"]: category for category in self.dataset.get("categories", [])}
        self.anns: dict[Any, Any] = {}
        self.imgToAnns: dict[Any, list[Any]] = defaultdict(list)
        self.catToImgs: dict[Any, list[Any]] = defaultdict(list)
        for annotation in self.dataset.get("annotations", []):
            self.anns[annotation["id"]] = annotation
            self.imgToAnns[annotation["image_id"]].append(annotation)
            if "category_id" in annotation:
                self.catToImgs[annotation["category_id"]].append(annotation["image_id"])

    def getAnnIds(
        self, imgIds: Any = (), catIds: Any = (), areaRng: Any = (), iscrowd: bool | None = None
    ) -> list[Any]:
        """Numbers of the annotations of these pictures and categories, of an area between two numbers."""
        images, categories = _several(imgIds), set(_several(catIds))
        groups = [self.imgToAnns.get(number, []) for number in images] if images else [list(self.anns.values())]
        found = [annotation for group in groups for annotation in group]
        if categories:
            found = [annotation for annotation in found if annotation["category_id"] in categories]
        if len(areaRng):
            found = [annotation for annotation in found if areaRng[0] < annotation["area"] < areaRng[1]]
        return [a["id"] for a in found if iscrowd is None or a["iscrowd"] == iscrowd]

    def getCatIds(self, catNms: Any = (), supNms: Any = (), catIds: Any = ()) -> list[Any]:
        """Numbers of the categories of these names, of kinds of these names, and with these numbers."""
        conditions = [("name", _several(catNms)), ("supercategory", _several(supNms)), ("id", _several(catIds))]
        return [
            category["id"]
            for category in self.dataset.get("categories", [])
            if all(not wanted or category[key] in wanted for key, wanted in conditions)
        ]

    def getImgIds(self, imgIds: Any = (), catIds: Any = ()) -> list[Any]:
        """Numbers of those of these pictures in which all of these categories are."""
        found = set(_several(imgIds) or self.imgs)
        for category in _several(catIds):
            found &= set(self.catToImgs.get(category, []))
        return sorted(found)

    def _load(self, table: dict[Any, Any], ids: Any) -> list[Any]:
        numbers: Iterable[Any] = _several(ids)
        return [table[number] for number in numbers]

    def loadAnns(self, ids: Any = ()) -> list[Any]:
        """Annotations by their numbers."""
        return self._load(self.anns, ids)

    def loadCats(self, ids: Any = ()) -> list[Any]:
        """Categories by their numbers."""
        return self._load(self.cats, ids)

    def loadImgs(self, ids: Any = ()) -> list[Any]:
        """Pictures by their numbers."""
        return self._load(self.imgs, ids)

    def __getattr__(self, name: str) -> Any:
        if name in ("annToMask", "annToRLE", "loadRes", "showAnns", "download", "info", "loadNumpyAnnotations"):
            raise RuntimeError(f"{name} needs pycocotools, which is not installed: pip install pycocotools")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name)
