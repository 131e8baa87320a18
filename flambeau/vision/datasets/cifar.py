"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import os
from typing import Any
from urllib.error import URLError

import numpy as np

from .._pillow import image_module
from .batches import read_batch
from .utils import download_and_extract_archive, not_found, warn_if_different
from .vision import SplitDataset

__all__ = ["CIFAR10", "CIFAR100"]


_PIXELS = 3 * 32 * 32


def _pictures(batch: dict[str, Any], path: str) -> tuple[np.ndarray, list[int]]:
    """Pixels (n, 3072) in bytes, and n labels. ``RuntimeError`` if the batch holds something else."""
    pixels = batch.get("data")
    labels = batch.get("labels", batch.get("fine_labels"))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim < 1 or pixels[:1].size != _PIXELS:
        raise RuntimeError(f"{path} is damaged: its 'data' is no array of bytes (n, {_PIXELS})")
    if isinstance(labels, np.ndarray):
        labels = labels.tolist() if labels.ndim == 1 else None
    if not isinstance(labels, list) or not all(isinstance(label, (int, np.integer)) for label in labels):
        raise RuntimeError(f"{path} is damaged: its labels are no list of integers")
    if len(labels) != len(pixels):
        raise RuntimeError(f"{path} is damaged: it has {len(pixels)} pictures and {len(labels)} labels")
    return pixels.reshape(-1, _PIXELS), [int(label) for label in labels]


def _names(meta: dict[str, Any], key: str, path: str) -> list[str]:
    """The classes' names. ``RuntimeError`` if the file has none."""
    names = meta.get(key)
    if not isinstance(names, list) or not all(isinstance(name, (str, bytes)) for name in names):
        raise RuntimeError(f"{path} is damaged: its {key!r} is no list of names")
    return [name.decode("latin1") if isinstance(name, bytes) else name for name in names]


class CIFAR10(SplitDataset):
    """Colour pictures of ten kinds of things, 32 by 32 pixels: 50,000 to train with and 10,000 to test with.

    The files are in ``root/cifar-10-batches-py``; ``download=True`` gets them. ``data`` is a uint8 array (number, 32,
    32, 3), ``targets`` a list of integers. A sample is a picture (Pillow's) and an integer.

    ``RuntimeError`` if files are missing, or hold something else than pictures and labels; ``UnpicklingError`` if one is
    damaged.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {"filename": "batches.meta", "key": "label_names", "md5": "5ff9c542aee3614f3951f8cda6e48888"}

    def _load(self, download: bool) -> None:
        if download:
            self.download()
        files = [*(self.train_list if self.train else self.test_list), [self.meta["filename"], self.meta["md5"]]]
        paths = [self._path(name) for name, _ in files]
        if missing := [path for path in paths if not os.path.isfile(path)]:
            raise not_found(type(self).__name__, missing, self.url)
        for path, (_, md5) in zip(paths, files):
            warn_if_different(path, md5, type(self).__name__)
        pixels, labels = zip(*(_pictures(read_batch(path), path) for path in paths[:-1]))
        self.data: Any = np.ascontiguousarray(np.concatenate(pixels).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets: Any = [label for part in labels for label in part]
        self.classes = _names(read_batch(paths[-1]), self.meta["key"], paths[-1])
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}

    def _path(self, name: str) -> str:
        return os.path.join(os.fspath(self.root or ""), self.base_folder, name)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(image_module().fromarray(self.data[index]), self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        names = [name for name, _ in self.train_list + self.test_list]
        return all(os.path.isfile(self._path(name)) for name in [*names, self.meta["filename"]])

    def download(self) -> None:
        """Get the archive and unpack it, unless the files are there. ``RuntimeError`` says what failed."""
        if self._check_integrity():
            return
        try:
            download_and_extract_archive(self.url, self.root or "", filename=self.filename, md5=self.tgz_md5)
        except URLError as error:
            raise RuntimeError(f"Error downloading {self.filename}:\n{error.reason}") from error


class CIFAR100(CIFAR10):
    """As :class:`CIFAR10`, with a hundred kinds of things, in ``root/cifar-100-python``."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {"filename": "meta", "key": "fine_label_names", "md5": "7973b15100ade9c7d40fb424638fde48"}
