"""MNIST, and the data sets made in its image."""

from __future__ import annotations

import os
import string
import warnings
from typing import Any
from urllib.error import URLError

import numpy as np

import flambeau

from .._pillow import image_module
from ._idx import read_idx
from .utils import download_and_extract_archive, extract_archive, not_found, verify_str_arg, warn_if_different
from .vision import SplitDataset

__all__ = ["EMNIST", "KMNIST", "MNIST", "QMNIST", "FashionMNIST"]


def _resources(*digests: str) -> list[tuple[str, str]]:
    """The four files of a data set, and the MD5 of each."""
    parts = [f"{half}-{part}-ubyte.gz" for half in ("train", "t10k") for part in ("images-idx3", "labels-idx1")]
    return list(zip(parts, digests))


def _renamed(old: str, new: str) -> Any:
    """An attribute under its old name."""

    def get(self: Any) -> Any:
        warnings.warn(f"{old} has been renamed {new}")
        return getattr(self, new)

    return property(get, doc=f"The old name of ``{new}``.")


class MNIST(SplitDataset):
    """Handwritten digits, 28 by 28 pixels: 60,000 to train with and 10,000 to test with.

    The files are in ``root/MNIST/raw``, with or without ``.gz``; ``download=True`` gets them. ``data`` is a uint8
    tensor (number, 28, 28), ``targets`` an int64 tensor. A sample is a grey picture (Pillow's) and an integer.

    ``RuntimeError`` if files are missing, ``ValueError`` if one is damaged.
    """

    mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"]
    resources = _resources(
        "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c",
    )  # fmt: skip
    training_file = "training.pt"
    test_file = "test.pt"
    classes = [f"{n} - {name}" for n, name in enumerate("zero one two three four five six seven eight nine".split())]

    def _load(self, download: bool) -> None:
        train = self.train
        self._arrays: tuple[Any, Any, np.ndarray, np.ndarray] | None = None
        processed = os.path.join(self.processed_folder, self.training_file if train else self.test_file)
        if os.path.isfile(processed):  # written by old versions of torchvision
            pair = flambeau.load(processed)
            if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(t, flambeau.Tensor) for t in pair)):
                raise RuntimeError(f"{processed} is damaged: it should hold two tensors")
            self.data, self.targets = pair
            return
        if download:
            self.download()
        self.data, self.targets = self._load_data()

    def _prefix(self, train: bool) -> str:
        return "train" if train else "t10k"

    def _load_data(self) -> tuple[Any, Any]:
        return self._read_files(self._names(), 1)

    def _names(self) -> list[str]:
        """The files of pictures and of labels."""
        prefix = self._prefix(self.train)
        return [f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"]

    def _read_files(self, names: list[str], axes: int) -> tuple[Any, Any]:
        """Pictures and labels, of which each has one number (``axes`` is 1) or several (2)."""
        paths = [self._find(name) for name in names]
        missing = [os.path.join(self.raw_folder, name) for name, path in zip(names, paths) if path is None]
        if missing:
            raise not_found(
                type(self).__name__,
                [f"{path} (or {os.path.basename(path)}.gz)" for path in missing],
                " or ".join(self._sources()),
            )
        published = {os.path.basename(place): md5 for place, md5 in self._published()}
        images, labels = (read_idx(path) for path in paths if path is not None)
        for path in paths:
            if path is not None and os.path.basename(path) in published:
                warn_if_different(path, published[os.path.basename(path)], type(self).__name__)
        if images.ndim != 3 or images.dtype != np.uint8 or labels.ndim != axes or labels.dtype.kind not in "iu":
            extents = "(n)" if axes == 1 else "(n, 8)"
            raise ValueError(
                f"{paths[0]} should hold bytes (n, height, width) and {paths[1]} integers {extents}, but they hold "
                f"{images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
            )
        if len(images) != len(labels):
            raise ValueError(f"{paths[0]} holds {len(images)} pictures, but {paths[1]} {len(labels)} labels")
        return flambeau.tensor(images), flambeau.tensor(labels.astype(np.int64))  # type: ignore[operator]

    def _sources(self) -> list[str]:
        return self.mirrors

    def _published(self) -> list[tuple[str, str]]:
        return self.resources

    def _find(self, name: str) -> str | None:
        for ending in ("", ".gz"):
            path = os.path.join(self.raw_folder, name + ending)
            if os.path.isfile(path):
                return path
        return None

    def _pixels_and_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """``data`` and ``targets`` as arrays over the same memory; programs may replace them at any time."""
        if self._arrays is None or self._arrays[0] is not self.data or self._arrays[1] is not self.targets:
            self._arrays = (self.data, self.targets, np.asarray(self.data), np.asarray(self.targets))
        return self._arrays[2:]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_arrays": None}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels, labels = self._pixels_and_labels()
        return self._transformed(image_module().fromarray(pixels[index]), int(labels[index]))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def raw_folder(self) -> str:
        """Where the files are."""
        return os.path.join(os.fspath(self.root or ""), type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """Where old versions of torchvision kept tensors."""
        return os.path.join(os.fspath(self.root or ""), type(self).__name__, "processed")

    @property
    def images_file(self) -> str:
        """Where the pictures are."""
        return os.path.join(self.raw_folder, self._names()[0])

    @property
    def labels_file(self) -> str:
        """Where the labels are."""
        return os.path.join(self.raw_folder, self._names()[1])

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Numbers of classes by name."""
        return {name: number for number, name in enumerate(self.classes)}

    def _check_exists(self) -> bool:
        return all(self._find(name.removesuffix(".gz")) for name, _ in self.resources)

    def download(self) -> None:
        """Get the files that are not there, from the first mirror that has them. ``RuntimeError`` says what failed."""
        for name, md5 in self.resources:
            if self._find(name.removesuffix(".gz")):
                continue
            errors = []
            for mirror in self.mirrors:
                try:
                    download_and_extract_archive(mirror + name, self.raw_folder, filename=name, md5=md5)
                    break
                except (RuntimeError, URLError) as error:
                    errors.append(f"Tried {mirror}, got:\n{getattr(error, 'reason', error)}")
            else:
                raise RuntimeError("\n".join([f"Error downloading {name}:", *errors]))

    train_labels, test_labels = _renamed("train_labels", "targets"), _renamed("test_labels", "targets")
    train_data, test_data = _renamed("train_data", "data"), _renamed("test_data", "data")


class FashionMNIST(MNIST):
    """Pieces of clothing in MNIST's format, in ``root/FashionMNIST/raw``."""

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = _resources(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
    )  # fmt: skip
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


class KMNIST(MNIST):
    """Japanese characters in old handwriting in MNIST's format, in ``root/KMNIST/raw``."""

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = _resources(
        "bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134",
    )  # fmt: skip
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class EMNIST(MNIST):
    """Handwritten letters and digits in MNIST's format, in ``root/EMNIST/raw``; ``split`` says which.

    Pictures are stored transposed.
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    resources = []
    # Letters whose capital looks the same.
    _merged = set("cijklmopsuvwxyz")
    _all = set(string.digits + string.ascii_letters)
    classes_split_dict = {
        "byclass": sorted(_all),
        "bymerge": sorted(_all - _merged),
        "balanced": sorted(_all - _merged),
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(self, root: str | os.PathLike[str], split: str, **kwargs: Any) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        self.training_file = f"training_{split}.pt"
        self.test_file = f"test_{split}.pt"
        super().__init__(root, **kwargs)
        self.classes = self.classes_split_dict[self.split]

    def _prefix(self, train: bool) -> str:
        return f"emnist-{self.split}-{'train' if train else 'test'}"

    def _sources(self) -> list[str]:
        return [self.url]

    def _check_exists(self) -> bool:
        return all(self._find(name) for name in self._names())

    def download(self) -> None:
        """Get the archive of all splits (about 560 MB) and unpack it."""
        if self._check_exists():
            return
        try:
            download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
        except URLError as error:
            raise RuntimeError(f"Error downloading EMNIST:\n{error.reason}") from error
        folder = os.path.join(self.raw_folder, "gzip")
        for name in os.listdir(folder):
            if name.endswith(".gz"):
                extract_archive(os.path.join(folder, name), self.raw_folder, remove_finished=True)


def read_sn3_pascalvincent_tensor(path: str, strict: bool = True) -> Any:
    """The tensor in an IDX file. ``ValueError`` if it is not one, or damaged."""
    return flambeau.from_numpy(read_idx(path))


def read_image_file(path: str) -> Any:
    """Pictures in an IDX file: bytes (number, height, width)."""
    return _of_bytes(path, 3)


def read_label_file(path: str) -> Any:
    """Labels in an IDX file of bytes, as int64."""
    return _of_bytes(path, 1).long()


def _of_bytes(path: str, axes: int) -> Any:
    numbers = read_sn3_pascalvincent_tensor(path)
    if numbers.dtype != flambeau.uint8:
        raise TypeError(f"x should be of dtype torch.uint8 instead of {numbers.dtype}")
    if numbers.ndim != axes:
        raise ValueError(f"x should have {axes} dimension{'s' * (axes > 1)} instead of {numbers.ndim}")
    return numbers


_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"


class QMNIST(MNIST):
    """MNIST with all the digits that there were to test with, and what is known of each, in ``root/QMNIST/raw``.

    ``what`` is ``"train"``, ``"test"``, ``"test10k"``, ``"test50k"`` (of the 60,000 to test with) or ``"nist"`` (all 402,953).
    With ``compat=False`` a target is a tensor of eight numbers, of which the digit is the first.
    """

    subsets = {"train": "train", "test": "test", "test10k": "test", "test50k": "test", "nist": "nist"}
    resources: Any = {
        "train": [
            (_QMNIST + "qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            (_QMNIST + "qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ],
        "test": [
            (_QMNIST + "qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            (_QMNIST + "qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ],
        "nist": [
            (_QMNIST + "xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
            (_QMNIST + "xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d"),
        ],
    }
    _parts = {"test10k": slice(10000), "test50k": slice(10000, None)}

    def __init__(
        self,
        root: str | os.PathLike[str],
        what: str | None = None,
        compat: bool = True,
        train: bool = True,
        **kwargs: Any,
    ) -> None:
        wanted = ("train" if train else "test") if what is None else what
        self.what = verify_str_arg(wanted, "what", tuple(self.subsets))
        self.compat = compat
        self.data_file = self.training_file = self.test_file = f"{self.what}.pt"
        super().__init__(root, train, **kwargs)

    def _published(self) -> list[tuple[str, str]]:
        return self.resources[self.subsets[self.what]]  # type: ignore[no-any-return]

    def _names(self) -> list[str]:
        return [os.path.splitext(os.path.basename(url))[0] for url, _ in self._published()]

    def _sources(self) -> list[str]:
        return [url for url, _ in self._published()]

    def _check_exists(self) -> bool:
        return all(self._find(name) for name in self._names())

    def _load_data(self) -> tuple[Any, Any]:
        pictures, targets = self._read_files(self._names(), 2)
        part = self._parts.get(self.what, slice(None))
        return pictures[part].clone(), targets[part].clone()

    def download(self) -> None:
        """Get the files that are not there. ``RuntimeError`` says what failed."""
        for (url, md5), name in zip(self._published(), self._names()):
            if self._find(name):
                continue
            try:
                download_and_extract_archive(url, self.raw_folder, md5=md5)
            except URLError as error:
                raise RuntimeError(f"Error downloading {name}:\n{error.reason}") from error

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels, _ = self._pixels_and_labels()
        target = self.targets[index]
        return self._transformed(image_module().fromarray(pixels[index]), int(target[0]) if self.compat else target)

    def extra_repr(self) -> str:
        return f"Split: {self.what}"
