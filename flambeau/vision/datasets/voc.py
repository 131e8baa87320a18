"""PASCAL VOC: things in photographs, as boxes or pixel by pixel."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, parse

from .._pillow import open_picture, read_picture
from ._files import FileDataset, Root, Source, contents_of, lines_of
from .utils import verify_str_arg
from .vision import Transform

_BASE = "https://thor.robots.ox.ac.uk/pascal/VOC/"
#: Archives by year: place, MD5, name here, directory.
_ARCHIVES = {
    "2012": ("voc2012/VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd", None, "VOCdevkit/VOC2012"),
    "2011": ("voc2011/VOCtrainval_25-May-2011.tar", "6c3384ef61512963050cb5d687e5bf1e", None, "TrainVal/VOCdevkit/VOC2011"),
    "2010": ("voc2010/VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb", None, "VOCdevkit/VOC2010"),
    "2009": ("voc2009/VOCtrainval_11-May-2009.tar", "a3e00b113cfcfebf17e343f59da3caa1", None, "VOCdevkit/VOC2009"),
    "2008": (
        "voc2008/VOCtrainval_14-Jul-2008.tar", "2629fa636546599198acfcfbfcf1904a", "VOCtrainval_11-May-2012.tar",
        "VOCdevkit/VOC2008",
    ),
    "2007": ("voc2007/VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64", None, "VOCdevkit/VOC2007"),
    "2007-test": ("voc2007/VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f", None, "VOCdevkit/VOC2007"),
}  # fmt: skip
DATASET_YEAR_DICT = {
    year: {
        "url": _BASE + place,
        "filename": name or os.path.basename(place),
        "md5": md5,
        "base_dir": os.path.join(*folder.split("/")),
    }
    for year, (place, md5, name, folder) in _ARCHIVES.items()
}


class _VOC(FileDataset):
    """Pictures ``root/VOCdevkit/VOC2012/JPEGImages/*.jpg`` that a text file in ``ImageSets`` names, and one target for each."""

    _SPLITS_DIR: str
    _TARGET_DIR: str
    _TARGET_FILE_EXT: str

    def __init__(
        self,
        root: Root,
        year: str = "2012",
        image_set: str = "train",
        download: bool = False,
        transform: Transform = None,
        target_transform: Transform = None,
        transforms: Transform = None,
    ) -> None:
        self.year = verify_str_arg(year, "year", [str(number) for number in range(2007, 2013)])
        sets = ["train", "trainval", "val", *(["test"] if year == "2007" else [])]
        self.image_set = verify_str_arg(image_set, "image_set", sets)
        archive = DATASET_YEAR_DICT["2007-test" if (year, image_set) == ("2007", "test") else year]
        self.url, self.filename, self.md5 = archive["url"], archive["filename"], archive["md5"]
        self._base = archive["base_dir"]
        self._sources = [Source(self.url, self.md5, "", self.filename)]
        super().__init__(root, transform, target_transform, download, transforms=transforms)

    def _required(self) -> Iterable[Path]:
        folder = self._directory / self._base
        return [folder / "ImageSets" / self._SPLITS_DIR / f"{self.image_set}.txt", folder / "JPEGImages"]

    def _read(self) -> None:
        listing, pictures = self._required()
        names = lines_of(listing)
        self.images = [os.path.join(pictures, f"{name}.jpg") for name in names]
        folder = os.path.join(self._directory, self._base, self._TARGET_DIR)
        self.targets = [os.path.join(folder, name + self._TARGET_FILE_EXT) for name in names]

    def _target(self, path: str) -> Any:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._both(read_picture(self.images[index], "RGB"), self._target(self.targets[index]))

    def __len__(self) -> int:
        return len(self.images)


class VOCSegmentation(_VOC):
    """Pictures of PASCAL VOC; a target is a picture whose pixels are numbers of classes (255 at the edges)."""

    _SPLITS_DIR = "Segmentation"
    _TARGET_DIR = "SegmentationClass"
    _TARGET_FILE_EXT = ".png"

    @property
    def masks(self) -> list[str]:
        """The files of the targets."""
        return self.targets

    def _target(self, path: str) -> Any:
        return open_picture(path)


class VOCDetection(_VOC):
    """Pictures of PASCAL VOC; a target is what an XML file says of a picture, as dictionaries of text."""

    _SPLITS_DIR = "Main"
    _TARGET_DIR = "Annotations"
    _TARGET_FILE_EXT = ".xml"

    @property
    def annotations(self) -> list[str]:
        """The files of the targets."""
        return self.targets

    def _target(self, path: str) -> Any:
        try:
            with contents_of(path):
                return self.parse_voc_xml(parse(path).getroot())
        except ParseError as error:
            raise RuntimeError(f"{path} is damaged: {error}") from error

    @staticmethod
    def parse_voc_xml(node: Element) -> dict[str, Any]:
        """``{tag: text}``, or what the element's children are by tag: a list of what is there more often than once.

        An annotation's objects are always a list.
        """
        if not len(node):
            return {node.tag: node.text.strip()} if node.text else {}
        children: dict[str, list[Any]] = defaultdict(list)
        for child in node:
            for tag, value in VOCDetection.parse_voc_xml(child).items():
                children[tag].append(value)
        if node.tag == "annotation":
            children["object"] = [children["object"]]
        return {node.tag: {tag: values[0] if len(values) == 1 else values for tag, values in children.items()}}
