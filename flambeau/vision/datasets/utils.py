"""Getting the files of data sets: downloading, checking, unpacking."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from typing import IO, Any, TypeVar
from urllib.error import URLError

from ... import hub
from ...graph.notices import warn
from ...serialization.source import ARCHIVE_DAMAGE

Path = str | os.PathLike[str]
P = TypeVar("P", str, os.PathLike[str])

#: What the standard library raises for damaged archives.
_DAMAGE: tuple[type[Exception], ...] = (*ARCHIVE_DAMAGE, tarfile.TarError, gzip.BadGzipFile)
#: How a compressed file is opened, by its ending.
_OPENERS: dict[str, Callable[[str], IO[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open}  # type: ignore[dict-item]
with contextlib.suppress(ImportError):  # which not every Python has
    import lzma

    _DAMAGE = (*_DAMAGE, lzma.LZMAError)
    _OPENERS[".xz"] = lzma.open  # type: ignore[assignment]

_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")


# --- checking -----------------------------------------------------------------------------------------------------------


def calculate_md5(fpath: Path, chunk_size: int = 1024 * 1024) -> str:
    """MD5 of a file, in hexadecimal. It guards against damage, not against malice."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def check_md5(fpath: Path, md5: str, **kwargs: Any) -> bool:
    """Whether a file has this MD5."""
    return calculate_md5(fpath, **kwargs) == md5


def check_integrity(fpath: Path, md5: str | None = None) -> bool:
    """Whether a file is there and, if ``md5`` is given, has it."""
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


def warn_if_different(path: Path, md5: str, dataset: str) -> None:
    """Warn about a file that is not the published one: it is used, for it may be the user's own."""
    if not check_md5(path, md5):
        warn(f"{os.fspath(path)} is not the published file of {dataset} (its MD5 is not {md5}); using it as it is")


# --- downloading --------------------------------------------------------------------------------------------------------


def _drive_id(url: str) -> str | None:
    """The identifier in the address of a file on Google Drive; None for other addresses."""
    match = re.match(r"https?://(?:drive|docs)\.google\.com/file/d/([^/]*)", url)
    return match.group(1) if match else None


def download_url(
    url: str, root: Path, filename: Path | None = None, md5: str | None = None, max_redirect_hops: int = 3
) -> None:
    """Download ``url`` into the directory ``root``, unless the file is there.

    ``RuntimeError`` if the file does not have this ``md5``; ``URLError`` says what failed, and where to put the file
    by hand.
    """
    if (identifier := _drive_id(url)) is not None:
        return download_file_from_google_drive(identifier, root, filename, md5)
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


def download_file_from_google_drive(
    file_id: str, root: Path, filename: Path | None = None, md5: str | None = None
) -> None:
    """Download a file from Google Drive into ``root``, by the package gdown. ``RuntimeError`` if that is missing."""
    path = os.path.join(os.path.expanduser(root), os.fspath(filename) if filename else file_id)
    if check_integrity(path, md5):
        return
    try:
        import gdown
    except ModuleNotFoundError:
        raise RuntimeError(
            "To download files from GDrive, 'gdown' is required. You can install it with 'pip install gdown'. "
            f"To go on without it, put the file at {path}"
        ) from None
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    gdown.download(id=file_id, output=path, quiet=False)
    if not check_integrity(path, md5):
        raise RuntimeError(f"File not found or corrupted. {path} is not the published file.")


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


# --- unpacking ----------------------------------------------------------------------------------------------------------


def extract_archive(from_path: P, to_path: Path | None = None, remove_finished: bool = False) -> P:
    """Unpack a tar or zip archive, or a single compressed file (``.gz``, ``.bz2``, ``.xz``).

    Returns the directory (for a single file that file) it went to, by default beside the archive. ``RuntimeError`` for an
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
    return target if isinstance(from_path, str) else pathlib.Path(target)  # type: ignore[return-value]


def _unpack(source: str, target: str) -> str:
    ending = os.path.splitext(source)[1]
    if source.endswith(_TAR_ENDINGS):
        with tarfile.open(source) as archive:
            for member in archive:
                contents = archive.extractfile(member) if member.isfile() else None
                if contents is not None:  # not a directory, a link or a device
                    _write_member(contents, target, member.name)
    elif ending == ".zip":
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as contents:
                        _write_member(contents, target, info.filename)
    elif ending in _OPENERS:
        if not os.path.getsize(source):  # which the decompressor takes for nothing, compressed
            raise EOFError("it is empty")
        name = os.path.basename(source).removesuffix(ending)
        with _OPENERS[ending](source) as file:
            _write_member(file, target, name)
        return os.path.join(target, name)
    else:
        raise RuntimeError(f"Unknown compression or archive type: '{os.path.basename(source)}'")
    return target


def _write_member(contents: IO[bytes], directory: str, name: str) -> None:
    path = os.path.realpath(os.path.join(directory, name))
    if os.path.commonpath([path, os.path.realpath(directory)]) != os.path.realpath(directory):
        raise RuntimeError(f"the archive holds {name!r}, which lies outside of {directory}")
    with hub._whole_file(path) as file:
        shutil.copyfileobj(contents, file)


def _decompress(from_path: Path, to_path: Path | None = None, remove_finished: bool = False) -> pathlib.Path:
    """Unpack a single compressed file, by default beside it, and give the place of what was in it."""
    made = pathlib.Path(extract_archive(os.fspath(from_path), remove_finished=remove_finished))
    return made if to_path is None else pathlib.Path(shutil.move(made, to_path))


# --- files and arguments ------------------------------------------------------------------------------------------------


def _entries(root: Path, chosen: Callable[[str], bool], prefix: bool) -> list[str]:
    directory = os.path.expanduser(root)
    names = sorted(name for name in os.listdir(directory) if chosen(os.path.join(directory, name)))
    return [os.path.join(directory, name) for name in names] if prefix else names


def list_dir(root: Path, prefix: bool = False) -> list[str]:
    """Names of the directories in ``root``, sorted; with ``prefix`` their paths."""
    return _entries(root, os.path.isdir, prefix)


def list_files(root: Path, suffix: str, prefix: bool = False) -> list[str]:
    """Names of the files in ``root`` that end in ``suffix``, sorted; with ``prefix`` their paths."""
    return _entries(root, lambda path: path.endswith(suffix) and os.path.isfile(path), prefix)


def makedir_exist_ok(dirpath: Path) -> None:
    """Make a directory, unless it is there. (torchvision had this until 0.5.)"""
    os.makedirs(dirpath, exist_ok=True)


def iterable_to_str(iterable: Iterable[Any]) -> str:
    """The items in quotation marks, with commas between them."""
    return ", ".join(f"'{item}'" for item in iterable)


def verify_str_arg(
    value: Any, arg: str | None = None, valid_values: Iterable[Any] | None = None, custom_msg: str | None = None
) -> Any:
    """``value``, if it is one of the strings in ``valid_values``; ``ValueError``, with ``custom_msg``, otherwise."""
    if not isinstance(value, str):
        place = "" if arg is None else f" for argument {arg}"
        raise ValueError(f"Expected type str{place}, but got type {type(value)}.")
    values = None if valid_values is None else list(valid_values)
    if values is not None and value not in values:
        raise ValueError(
            custom_msg or f"Unknown value '{value}' for argument {arg}. Valid values are {{{iterable_to_str(values)}}}."
        )
    return value


def not_found(dataset: str, missing: Iterable[Path], source: str, downloads: bool = True) -> RuntimeError:
    """The error for files that are not there: which, and how to get them."""
    files = "\n".join(f"  {os.fspath(path)}" for path in missing)
    how = " You can use download=True to download it" if downloads else ""
    return RuntimeError(
        f"Dataset not found.{how}\n{dataset} expects these files, which are not there:\n{files}\nThey come from {source}."
    )
