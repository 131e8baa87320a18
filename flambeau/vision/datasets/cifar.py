"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import codecs
import os
import pickle
from typing import Any
from urllib.error import URLError

import numpy as np

from .._pillow import image_module
from .utils import download_and_extract_archive, not_found, warn_if_different
from .vision import Transform, VisionDataset

__all__ = ["CIFAR10", "CIFAR100", "read_batch"]


class _BatchUnpickler(pickle.Unpickler):
    """Reads dicts of lists, text and arrays, and refuses to look up anything else."""

    def find_class(self, module: str, name: str) -> Any:
        # NumPy has renamed its modules; each of these only makes an array of what follows in the file.
        module = module.replace("numpy._core", "numpy.core")
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return _reconstruct
        if (module, name) == ("numpy.core.numeric", "_frombuffer"):
            return _frombuffer
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):
            return codecs.encode
        raise pickle.UnpicklingError(f"a batch of pictures should not need {module}.{name}")


def _reconstruct(kind: type, shape: tuple[int, ...], code: Any) -> np.ndarray:
    """An empty array, whose contents NumPy sets from the state that follows in the file."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError(f"a batch of pictures should not need a {kind!r} of shape {shape}")
    return np.ndarray(shape, np.int8)


def _frombuffer(data: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    """The array of these bytes."""
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")


def read_batch(path: str) -> dict[str, Any]:
    """The dict in one of the pickled files, without running any code it may hold (``UnpicklingError``)."""
    with open(path, "rb") as file:
        try:
            batch = _BatchUnpickler(file, encoding="latin1").load()
        except (EOFError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise pickle.UnpicklingError(f"{path} is damaged: {error}") from error
    if not isinstance(batch, dict):
        raise pickle.UnpicklingError(f"{path} holds a {type(batch).__name__}, not a dict")
    return {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in batch.items()}


class CIFAR10(VisionDataset):
    """Colour pictures of ten kinds of things, 32 by 32 pixels: 50,000 to train with and 10,000 to test with.

    The files are in ``root/cifar-10-batches-py``; ``download=True`` gets them. ``data`` is a uint8 array (number, 32,
    32, 3), ``targets`` a list of integers. A sample is a picture (Pillow's) and an integer.
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

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        files = [*(self.train_list if train else self.test_list), [self.meta["filename"], self.meta["md5"]]]
        paths = [self._path(name) for name, _ in files]
        if missing := [path for path in paths if not os.path.isfile(path)]:
            raise not_found(type(self).__name__, missing, self.url)
        for path, (_, md5) in zip(paths, files):
            warn_if_different(path, md5, type(self).__name__, stacklevel=3)
        batches = [read_batch(path) for path in paths[:-1]]
        pixels = np.concatenate([np.asarray(batch["data"], dtype=np.uint8) for batch in batches])
        self.data: Any = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels = [batch["labels"] if "labels" in batch else batch["fine_labels"] for batch in batches]
        self.targets: Any = [int(label) for part in labels for label in part]
        self.classes = [str(name) for name in read_batch(paths[-1])[self.meta["key"]]]
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

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """As :class:`CIFAR10`, with a hundred kinds of things, in ``root/cifar-100-python``."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {"filename": "meta", "key": "fine_label_names", "md5": "7973b15100ade9c7d40fb424638fde48"}
