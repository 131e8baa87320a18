"""Bases of data sets that consist of files: what must be there, where it is published, and samples that are files with labels."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.error import URLError

from ...serialization.source import ARCHIVE_DAMAGE
from .folder import default_loader
from .utils import download_url, extract_archive, not_found, verify_str_arg, warn_if_different
from .vision import Transform, VisionDataset

Root = str | os.PathLike[str]
Loader = Callable[[Any], Any]


class Source(NamedTuple):
    """A published file: its address and MD5, and the directory below the root that it is put into, and unpacked in."""

    url: str
    md5: str | None = None
    folder: str = ""
    filename: str | None = None
    archive: bool = True

    def fetch(self, root: Path) -> None:
        """Get it. ``RuntimeError`` says what failed."""
        name = self.filename or os.path.basename(self.url)
        folder = Path(os.path.normpath(root / self.folder))
        try:
            download_url(self.url, folder, name, self.md5)
        except URLError as error:
            raise RuntimeError(f"Error downloading {name}:\n{error.reason}") from error
        if self.archive:
            extract_archive(folder / name)


def google_drive(identifier: str) -> str:
    """The address of a file on Google Drive."""
    return f"https://drive.google.com/file/d/{identifier}/view"


class FileDataset(VisionDataset):
    """A data set whose files lie below ``root``: those that :meth:`_required` names must be there before :meth:`_read`."""

    #: What :meth:`download` gets, and where a reader may look who has to get it by hand.
    _sources: Sequence[Source] = ()
    _page: ClassVar[str] = ""
    #: What is raised if files are missing.
    _missing: ClassVar[type[Exception]] = RuntimeError
    #: What ``repr`` says besides: a format of attributes.
    _shown: ClassVar[str] = ""

    def __init__(
        self,
        root: Root,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
        transforms: Transform = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.loader = loader
        if download:
            self.download()
        self._check()
        self._read()

    @property
    def _directory(self) -> Path:
        return Path(self.root or "")

    def _required(self) -> Iterable[Path]:
        """Files and directories without which there is no data set."""
        raise NotImplementedError

    def _digests(self) -> Mapping[Path, str]:
        """MD5 of files that are read as a whole, as they were published."""
        return {}

    def _read(self) -> None:
        """Find out what the samples are."""

    def _check_exists(self) -> bool:
        return all(path.exists() for path in self._required())

    def _check(self) -> None:
        """An error if files are missing; a warning for each that is not the published one."""
        if missing := [path for path in self._required() if not path.exists()]:
            addresses = " and ".join(dict.fromkeys(source.url for source in self._sources)) or self._page
            error = not_found(type(self).__name__, missing, addresses, bool(self._sources))
            raise self._missing(str(error))
        for path, md5 in self._digests().items():
            warn_if_different(path, md5, type(self).__name__)

    def download(self) -> None:
        """Get and unpack the published files, unless they are there. ``RuntimeError`` says what failed."""
        if not self._check_exists():
            for source in self._sources:
                source.fetch(self._directory)

    def extra_repr(self) -> str:
        return self._shown.format(**vars(self))


class ListedDataset(FileDataset):
    """Pictures in the files ``_image_files``, with the labels ``_labels``."""

    def _set(self, samples: Iterable[tuple[Any, Any]]) -> None:
        pairs = list(samples)
        self._image_files = [path for path, _ in pairs]
        self._labels = [label for _, label in pairs]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self.loader(self._image_files[index]), self._labels[index])

    def __len__(self) -> int:
        return len(self._image_files)


class SampledDataset(FileDataset):
    """Pictures in files, each with its label, in ``_samples``."""

    _samples: list[tuple[Any, Any]]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self._samples[index]
        return self._transformed(self.loader(path), label)

    def __len__(self) -> int:
        return len(self._samples)


class SplitDataset(FileDataset):
    """A data set in parts, of which :attr:`_splits` has the names; it is one of these. Comes before a base with samples."""

    _splits: ClassVar[Sequence[str]]
    _shown = "split={_split}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", self._splits)
        super().__init__(root, transform, target_transform, download, loader)


def numbered(names: Iterable[Any]) -> dict[Any, int]:
    """The place of each name."""
    return {name: number for number, name in enumerate(names)}


def one_or_all(targets: Sequence[Any]) -> Any:
    """Several targets as a tuple, one as it is, and None for none."""
    return tuple(targets) if len(targets) > 1 else targets[0] if targets else None


@contextlib.contextmanager
def contents_of(path: Root) -> Iterator[None]:
    """What fails inside is the fault of the file: ``RuntimeError``, which names it."""
    try:
        yield
    except (*ARCHIVE_DAMAGE, ValueError, LookupError, TypeError, AttributeError) as error:
        raise RuntimeError(
            f"{os.fspath(path)} is damaged or holds something else: {type(error).__name__}: {error}"
        ) from error


def lines_of(path: Root) -> list[str]:
    """The lines of a text file, without spaces around them; empty ones at its end are left out."""
    with contents_of(path), open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def load_mat(path: Root, **options: Any) -> dict[str, Any]:
    """What a file of MATLAB's holds, by SciPy. ``RuntimeError`` if that is missing, or the file is damaged."""
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError:
        raise RuntimeError(
            "Scipy is not found. This dataset needs to have scipy installed: pip install scipy"
        ) from None
    with contents_of(path):
        try:
            return loadmat(path, **options)
        except MatReadError as error:
            raise ValueError(str(error)) from error
