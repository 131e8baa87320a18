"""Getting the files of data sets: downloading, checking, unpacking."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import tarfile
import warnings
import zipfile
from collections.abc import Iterable
from typing import IO, Any
from urllib.error import URLError

from ... import hub
from ...serialization.source import ARCHIVE_DAMAGE

Path = str | os.PathLike[str]

#: What the standard library raises for damaged archives.
_DAMAGE: tuple[type[Exception], ...] = (*ARCHIVE_DAMAGE, tarfile.TarError, gzip.BadGzipFile)
with contextlib.suppress(ImportError):  # which not every Python has
    from lzma import LZMAError

    _DAMAGE = (*_DAMAGE, LZMAError)


def calculate_md5(fpath: Path, chunk_size: int = 1024 * 1024) -> str:
    """MD5 of a file, in hexadecimal. It guards against damage, not against malice."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def check_md5(fpath: Path, md5: str) -> bool:
    """Whether a file has this MD5."""
    return calculate_md5(fpath) == md5


def check_integrity(fpath: Path, md5: str | None = None) -> bool:
    """Whether a file is there and, if ``md5`` is given, has it."""
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


def warn_if_different(path: Path, md5: str, dataset: str, stacklevel: int) -> None:
    """Warn about a file that is not the published one: it is used, for it may be the user's own.

    ``stacklevel`` is the distance to the line that made the data set, counted from the caller as 2.
    """
    if not check_md5(path, md5):
        warnings.warn(
            f"{os.fspath(path)} is not the published file of {dataset} (its MD5 is not {md5}); using it as it is",
            stacklevel=stacklevel,
        )


def download_url(
    url: str, root: Path, filename: Path | None = None, md5: str | None = None, max_redirect_hops: int = 3
) -> None:
    """Download ``url`` into the directory ``root``, unless the file is there.

    ``RuntimeError`` if the file does not have this ``md5``; ``URLError`` says what failed, and where to put the file
    by hand.
    """
    path = os.path.join(os.path.expanduser(root), os.fspath(filename) if filename else os.path.basename(url))
    if check_integrity(path, md5):
        return
    try:
        with hub._whole_file(path) as file:
            digest = hub.download(url, file, hashlib.md5(usedforsecurity=False), progress=True)
            if md5 is not None and digest != md5:
                raise RuntimeError(f"File not found or corrupted. {url} has the MD5 {digest}, not {md5}.")
    except URLError as error:
        raise URLError(f"{error.reason}. To go on without a network, put the file at {path}") from error


def extract_archive(from_path: Path, to_path: Path | None = None, remove_finished: bool = False) -> str:
    """Unpack a ``.tar``, ``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz``, ``.zip`` or ``.gz`` file.

    Returns the directory (for ``.gz`` the file) it went to, by default beside the archive. ``RuntimeError`` for an
    unknown ending, for a damaged archive, and for one that would write outside that directory.
    """
    source = os.fspath(from_path)
    target = os.path.dirname(source) if to_path is None else os.fspath(to_path)
    try:
        target = _unpack(source, target)
    except _DAMAGE as error:
        raise RuntimeError(f"{source} is damaged: {type(error).__name__}: {error}") from error
    except OSError as error:
        if error.errno is not None:  # the system's, not that of a decompressor
            raise
        raise RuntimeError(f"{source} is damaged: {error}") from error
    if remove_finished:
        os.remove(source)
    return target


def _unpack(source: str, target: str) -> str:
    if source.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")):
        with tarfile.open(source) as archive:
            for member in archive:
                contents = archive.extractfile(member) if member.isfile() else None
                if contents is not None:  # not a directory, a link or a device
                    _write_member(contents, target, member.name)
    elif source.endswith(".zip"):
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as contents:
                        _write_member(contents, target, info.filename)
    elif source.endswith(".gz"):
        if not os.path.getsize(source):  # which the decompressor takes for nothing, compressed
            raise EOFError("it is empty")
        name = os.path.basename(source).removesuffix(".gz")
        with gzip.open(source) as file:
            _write_member(file, target, name)
        return os.path.join(target, name)
    else:
        raise RuntimeError(f"Unknown compression or archive type: '{os.path.basename(source)}'")
    return target


def _write_member(contents: IO[bytes] | gzip.GzipFile, directory: str, name: str) -> None:
    path = os.path.realpath(os.path.join(directory, name))
    if os.path.commonpath([path, os.path.realpath(directory)]) != os.path.realpath(directory):
        raise RuntimeError(f"the archive holds {name!r}, which lies outside of {directory}")
    with hub._whole_file(path) as file:
        shutil.copyfileobj(contents, file)


def download_and_extract_archive(
    url: str,
    download_root: Path,
    extract_root: Path | None = None,
    filename: Path | None = None,
    md5: str | None = None,
    remove_finished: bool = False,
) -> None:
    """:func:`download_url`, then :func:`extract_archive`."""
    root = os.path.expanduser(download_root)
    name = os.fspath(filename) if filename else os.path.basename(url)
    download_url(url, root, name, md5)
    extract_archive(os.path.join(root, name), root if extract_root is None else extract_root, remove_finished)


def verify_str_arg(value: Any, arg: str | None = None, valid_values: Iterable[str] | None = None) -> str:
    """``value``, if it is one of the strings in ``valid_values``; ``ValueError`` otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"Expected type str for argument {arg}, but got type {type(value)}.")
    values = None if valid_values is None else list(valid_values)
    if values is not None and value not in values:
        raise ValueError(f"Unknown value '{value}' for argument {arg}. Valid values are {values}.")
    return value


def not_found(dataset: str, missing: Iterable[Path], source: str) -> RuntimeError:
    """The error for files that are not there: which, and how to get them."""
    files = "\n".join(f"  {os.fspath(path)}" for path in missing)
    return RuntimeError(
        "Dataset not found. You can use download=True to download it\n"
        f"{dataset} expects these files, which are not there:\n{files}\n"
        f"They come from {source}."
    )
