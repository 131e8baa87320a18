"""CelebA: faces of celebrities, with what is to be seen of them."""

from __future__ import annotations

import csv
from collections import namedtuple
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import flambeau

from .._pillow import open_picture
from ._files import FileDataset, Root, Source, contents_of, google_drive, one_or_all
from .utils import verify_str_arg
from .vision import Transform

_SPLITS = {"train": 0, "valid": 1, "test": 2, "all": None}


#: A table: names of the columns, names of the rows, and integers.
CSV = namedtuple("CSV", ["header", "index", "data"])


class CelebA(FileDataset):
    """Faces in ``root/celeba/img_align_celeba``, and lists of what is known of them in ``root/celeba``.

    ``target_type`` is one of ``"attr"`` (40 zeros and ones, named by ``attr_names``), ``"identity"`` (a number), ``"bbox"``
    (x, y, width, height) and ``"landmarks"`` (ten coordinates), all tensors; a tuple of them for a list; and for an empty
    list the target is None. ``split`` is ``"train"``, ``"valid"``, ``"test"`` or ``"all"``.
    """

    base_folder = "celeba"
    file_list = [
        ("0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb", "img_align_celeba.zip"),
        ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c", "list_attr_celeba.txt"),
        ("1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS", "32bd1bd63d3c78cd57e08160ec5ed1e2", "identity_CelebA.txt"),
        ("0B7EVK8r0v71pbThiMVRxWXZ4dU0", "00566efa6fedff7a56946cd1c10f1c16", "list_bbox_celeba.txt"),
        ("0B7EVK8r0v71pd0FJY3Blby1HUTQ", "cc24ecafdb5b50baae59b03474781f8c", "list_landmarks_align_celeba.txt"),
        ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668", "list_eval_partition.txt"),
    ]
    _sources = tuple(
        Source(google_drive(identifier), md5, "celeba", name, name.endswith(".zip"))
        for identifier, md5, name in file_list
    )
    _shown = "Target type: {target_type}\nSplit: {split}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        target_type: list[str] | str = "attr",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        self.split = split
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        if not self.target_type and target_transform is not None:
            raise RuntimeError("target_transform is specified but target_type is empty")
        self._part = _SPLITS[
            verify_str_arg(split.lower() if isinstance(split, str) else split, "split", tuple(_SPLITS))
        ]
        super().__init__(root, transform, target_transform, download)

    def _required(self) -> Iterable[Path]:
        return [self._directory / self.base_folder / name.removesuffix(".zip") for _, _, name in self.file_list]

    def _digests(self) -> Mapping[Path, str]:
        return {self._directory / self.base_folder / name: md5 for _, md5, name in self.file_list[1:]}

    def _read(self) -> None:
        parts = self._load_csv("list_eval_partition.txt")
        attributes = self._load_csv("list_attr_celeba.txt", 1)
        rows = range(len(parts.index))
        if self._part is not None:
            rows = [row for row, part in enumerate(parts.data[:, 0].tolist()) if part == self._part]  # type: ignore[assignment]
        chosen = flambeau.tensor(list(rows), dtype=flambeau.int64)
        self.filename = [parts.index[row] for row in rows]
        self.identity = self._load_csv("identity_CelebA.txt").data[chosen]
        self.bbox = self._load_csv("list_bbox_celeba.txt", 1).data[chosen]
        self.landmarks_align = self._load_csv("list_landmarks_align_celeba.txt", 1).data[chosen]
        self.attr = (attributes.data[chosen] + 1) // 2  # published as -1 and 1
        self.attr_names = attributes.header

    def _load_csv(self, filename: str, header: int | None = None) -> CSV:
        """A table in a file, the names of whose columns are in the line numbered ``header``, if there is one."""
        path = self._directory / self.base_folder / filename
        with contents_of(path), open(path, encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter=" ", skipinitialspace=True))
            names = [] if header is None else rows[header]
            rows = rows[0 if header is None else header + 1 :]
            numbers = flambeau.tensor([[int(number) for number in row[1:]] for row in rows])
            return CSV(names, [row[0] for row in rows], numbers)

    def _target(self, kind: str, index: int) -> Any:
        if kind == "identity":
            return self.identity[index, 0]
        tables = {"attr": self.attr, "bbox": self.bbox, "landmarks": self.landmarks_align}
        if kind not in tables:
            raise ValueError(f'Target type "{kind}" is not recognized.')
        return tables[kind][index]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = open_picture(self._directory / self.base_folder / "img_align_celeba" / self.filename[index])
        target = one_or_all([self._target(kind, index) for kind in self.target_type])
        if not self.target_type:
            return (picture if self.transform is None else self.transform(picture)), None
        return self._transformed(picture, target)

    def __len__(self) -> int:
        return len(self.attr)
