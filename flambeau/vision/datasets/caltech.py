"""Caltech 101 and Caltech 256: things in pictures from the web, one directory for each kind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._pillow import open_picture
from ._files import FileDataset, Root, Source, load_mat, one_or_all
from .utils import extract_archive, verify_str_arg
from .vision import Transform

#: Kinds whose annotations are in directories of other names.
_ANNOTATIONS = {
    "Faces": "Faces_2", "Faces_easy": "Faces_3", "Motorbikes": "Motorbikes_16", "airplanes": "Airplanes_Side_2",
}  # fmt: skip


class _Caltech(FileDataset):
    """Kinds of things in ``categories``; sample ``i`` is picture ``index[i]`` of kind ``y[i]``."""

    _pictures: str
    _name: str

    def _required(self) -> Iterable[Path]:
        return [self._directory / self._pictures]

    def _read(self) -> None:
        folder = self._directory / self._pictures
        self.categories = sorted(set(os.listdir(folder)) - {"BACKGROUND_Google"})
        self.index: list[int] = []
        self.y: list[int] = []
        for number, name in enumerate(self.categories):
            count = sum(file.endswith(".jpg") for file in os.listdir(folder / name))
            self.index += range(1, count + 1)
            self.y += [number] * count

    def _picture(self, index: int) -> Any:
        number = self.y[index]
        name = self._name.format(category=number + 1, number=self.index[index])
        return open_picture(self._directory / self._pictures / self.categories[number] / name)

    def __len__(self) -> int:
        return len(self.index)


class Caltech101(_Caltech):
    """Pictures ``root/caltech101/101_ObjectCategories/KIND/image_0001.jpg``.

    A target is the kind's number (``target_type="category"``), an outline of the thing as an array (``"annotation"``, from
    ``root/caltech101/Annotations``, read by SciPy), or a tuple, as a list of these asks for.
    """

    _pictures = "101_ObjectCategories"
    _name = "image_{number:04d}.jpg"
    _shown = "Target type: {target_type}"
    _sources = (
        Source(
            "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip", "3138e1922a9193bfa496528edbbc45d0"
        ),
    )

    def __init__(
        self,
        root: Root,
        target_type: list[str] | str = "category",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        wanted = [target_type] if isinstance(target_type, str) else target_type
        self.target_type = [verify_str_arg(kind, "target_type", ("category", "annotation")) for kind in wanted]
        super().__init__(os.path.join(root, "caltech101"), transform, target_transform, download)

    def _read(self) -> None:
        super()._read()
        self.annotation_categories = [_ANNOTATIONS.get(name, name) for name in self.categories]

    def _target(self, kind: str, index: int) -> Any:
        if kind == "category":
            return self.y[index]
        folder = self._directory / "Annotations" / self.annotation_categories[self.y[index]]
        return load_mat(folder / f"annotation_{self.index[index]:04d}.mat")["obj_contour"]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        target = one_or_all([self._target(kind, index) for kind in self.target_type])
        return self._transformed(self._picture(index), target)

    def download(self) -> None:
        """Get and unpack the archive, and the archives in it."""
        if self._check_exists():
            return
        super().download()
        folder = self._directory / "caltech-101"
        for archive in sorted(folder.iterdir()):
            if ".tar" in archive.suffixes:
                extract_archive(archive, self._directory)
        shutil.rmtree(folder)
        (self._directory / "caltech-101.zip").unlink()


class Caltech256(_Caltech):
    """Pictures ``root/caltech256/256_ObjectCategories/001.KIND/001_0001.jpg``; a target is the kind's number."""

    _pictures = "256_ObjectCategories"
    _name = "{category:03d}_{number:04d}.jpg"
    _sources = (
        Source(
            "https://data.caltech.edu/records/nyy15-4j048/files/256_ObjectCategories.tar",
            "67b4f42ca05d46448c6bb8ecd2220f6d",
        ),
    )

    def __init__(
        self, root: Root, transform: Transform = None, target_transform: Transform = None, download: bool = False
    ) -> None:
        super().__init__(os.path.join(root, "caltech256"), transform, target_transform, download)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self._picture(index), self.y[index])
