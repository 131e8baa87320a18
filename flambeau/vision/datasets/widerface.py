"""WIDER FACE: crowds, and the faces in them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import flambeau

from .._pillow import open_picture
from ._files import FileDataset, Root, Source, contents_of, google_drive, lines_of
from .utils import verify_str_arg
from .vision import Transform

#: What a face's numbers mean after those of its box.
_KINDS = ("blur", "expression", "illumination", "occlusion", "pose", "invalid")


class WIDERFace(FileDataset):
    """Pictures ``root/widerface/WIDER_train/images/EVENT/*.jpg``; faces are in text files in ``root/widerface/wider_face_split``.

    A target is a dictionary of tensors, one row for each face: ``bbox`` (x, y, width, height), ``blur``, ``expression``,
    ``illumination``, ``occlusion``, ``pose``, ``invalid``; or None for ``split="test"``.
    """

    BASE_FOLDER = "widerface"
    FILE_LIST = [
        ("15hGDLhsx8bLgLcIRD5DhYt5iBxnjNF1M", "3fedf70df600953d25982bcd13d91ba2", "WIDER_train.zip"),
        ("1GUCogbp16PMGa39thoMMeWxp7Rp5oM8Q", "dfa7d7e790efa35df3788964cf0bbaea", "WIDER_val.zip"),
        ("1HIfDbVEWKmsYKJZm4lchTBDLW5N7dY5T", "e5d8f4248ed24c334bbd12f49c29dd40", "WIDER_test.zip"),
    ]
    ANNOTATIONS_FILE = (
        "http://shuoyang1213.me/WIDERFACE/support/bbx_annotation/wider_face_split.zip",
        "0e3767bcf0e326556d407bf5bff5d27c",
        "wider_face_split.zip",
    )
    _sources = (
        *(Source(google_drive(identifier), md5, "", name) for identifier, md5, name in FILE_LIST),
        Source(*ANNOTATIONS_FILE[:2]),
    )
    _shown = "Split: {split}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        self.split = verify_str_arg(split, "split", ("train", "val", "test"))
        super().__init__(os.path.join(root, self.BASE_FOLDER), transform, target_transform, download)

    def _required(self) -> Iterable[Path]:
        listing = "wider_face_test_filelist.txt" if self.split == "test" else f"wider_face_{self.split}_bbx_gt.txt"
        return [self._directory / f"WIDER_{self.split}", self._directory / "wider_face_split" / listing]

    def _read(self) -> None:
        folder, listing = self._required()
        self.img_info: list[dict[str, Any]] = []
        with contents_of(listing):
            lines = iter(lines_of(listing))
            for name in lines:
                information: dict[str, Any] = {"img_path": os.path.abspath(folder / "images" / name)}
                if self.split != "test":
                    information["annotations"] = self._faces(lines)
                self.img_info.append(information)

    @staticmethod
    def _faces(lines: Iterable[str]) -> dict[str, Any]:
        """The faces in a picture, from their number and a line for each. (There is a line of zeros where there is none.)"""
        count = int(next(iter(lines), ""))
        rows = [[int(number) for number in next(iter(lines), "").split()] for _ in range(max(count, 1))]
        if any(len(row) != 4 + len(_KINDS) for row in rows):
            raise ValueError(f"there are lines that do not have {4 + len(_KINDS)} numbers")
        table = flambeau.tensor(rows)
        kinds = {name: table[:, 4 + place].clone() for place, name in enumerate(_KINDS)}
        return {"bbox": table[:, :4].clone(), **kinds}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        information = self.img_info[index]
        return self._transformed(open_picture(information["img_path"]), information.get("annotations"))

    def __len__(self) -> int:
        return len(self.img_info)
