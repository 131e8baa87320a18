"""Downloading: files, and weights of models."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.error import URLError
from urllib.parse import urlparse

from ..interpreter.whole_file import whole_file

__all__ = ["download_url_to_file", "get_dir", "load_state_dict_from_url", "set_dir"]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
"""Where the name of a file with weights has the beginning of its digest."""

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 60
_directory: str | None = None


HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
"""Where the name of a file has the beginning of its SHA-256."""


def get_dir() -> str:
    """Where downloads are kept: what :func:`set_dir` said, or ``$TORCH_HOME/hub`` (``~/.cache/torch/hub``)."""
    return _directory if _directory is not None else os.path.join(_get_torch_home(), "hub")


def _get_torch_home() -> str:
    """``$TORCH_HOME``, or ``~/.cache/torch``."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    return os.path.expanduser(os.environ.get("TORCH_HOME") or os.path.join(cache, "torch"))


def set_dir(d: str | os.PathLike[str]) -> None:
    """Keep downloads in ``d``."""
    global _directory
    _directory = os.path.expanduser(os.fspath(d))


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Download ``url`` to the path ``dst``, which appears when it is whole.

    ``hash_prefix`` is the beginning of its SHA-256 (``RuntimeError`` if it is not). ``URLError`` says what failed.
    """
    with _whole_file(dst) as file:
        digest = download(url, file, hashlib.sha256(), progress)
        if hash_prefix is not None and not digest.startswith(hash_prefix):
            raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest}")')


def download(url: str, file: BinaryIO, digest: Any, progress: bool) -> str:
    """Copy what is at ``url`` into ``file`` and ``digest``; returns the digest in hexadecimal.

    ``progress`` shows a bar if tqdm is installed. ``URLError`` if the transfer fails or ends early.
    """
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    if urlparse(url).scheme not in ("http", "https", "file"):
        raise ValueError(f"cannot download {url!r}: only http, https and file addresses are known")
    try:
        with urlopen(Request(url, headers={"User-Agent": "flambeau"}), timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
            done = 0
            with _bar(total, progress) as advance:
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    advance(len(chunk))
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise URLError(f"downloading {url} failed: {reason}") from error
    if total is not None and done < total:
        raise URLError(f"downloading {url} failed: the connection closed after {done} of {total} bytes")
    return str(digest.hexdigest())


@contextmanager
def _bar(total: int | None, progress: bool) -> Iterator[Any]:
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        progress = False
    if not progress:
        yield lambda count: None
        return
    with tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024) as bar:
        yield bar.update


@contextmanager
def _whole_file(path: str) -> Iterator[BinaryIO]:
    """A file that gets its name only if the block ends well, in a directory that is made if it is not there."""
    path = os.path.expanduser(path)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with whole_file(path) as file:
        yield file


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> Any:
    """What was saved in the file at ``url``; it is downloaded once, to ``model_dir`` (``<hub>/checkpoints``).

    ``check_hash`` verifies the digits in its name. Without a network, ``RuntimeError`` says where to put the file.
    """
    import flambeau

    directory = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        match = HASH_REGEX.search(name) if check_hash else None
        try:
            download_url_to_file(url, path, match[1] if match else None, progress)
        except URLError as error:
            raise RuntimeError(
                f"{error.reason}. To go on without a network, get that file by other means and put it at {path}"
            ) from error
    return flambeau.load(path, map_location=map_location, weights_only=weights_only)
