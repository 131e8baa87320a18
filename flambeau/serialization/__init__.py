"""``save`` and ``load``: PyTorch's files, written and read.

The format is a zip archive: ``data.pkl``, a pickle in which each tensor names its memory, offset, sizes and strides,
and one uncompressed record for each memory. Tensors that share memory when saved share it when loaded. Files of
either framework are read by the other.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import IO, Any

from .. import _utils
from ..core.device import device
from ..interpreter.whole_file import whole_file
from .memory import _get_layout as _get_layout
from .memory import default_restore_location, restorer
from .reading import read_legacy, read_zip, unpickler_maker
from .restricted import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .source import Source, named
from .writing import write_legacy, write_zip

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "default_restore_location",
    "get_safe_globals",
    "load",
    "safe_globals",
    "save",
]

DEFAULT_PROTOCOL = 2

FileLike = str | os.PathLike[str] | IO[bytes]

# Names of types for annotations.
FILE_LIKE = FileLike
MAP_LOCATION = Callable[[Any, str], Any] | device | str | dict[str, str] | None


def save(
    obj: object,
    f: FileLike,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write ``obj`` to ``f``, a path or a file opened for writing bytes.

    At a path the old file is replaced when the new one is whole. ``pickle_module`` other than :mod:`pickle` (say
    ``dill``) writes files that only Flambeau reads. Modules are saved with the names of their classes, not their code.
    """
    path = os.fspath(f) if isinstance(f, (str, os.PathLike)) else None
    name = "archive" if path is None else os.path.splitext(os.path.basename(path))[0] or "archive"

    def write(file: IO[bytes]) -> None:
        if _use_new_zipfile_serialization:
            write_zip(obj, file, name, pickle_module, pickle_protocol)
        else:
            write_legacy(obj, file, pickle_protocol)

    if path is not None:
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise RuntimeError(f"Parent directory {os.path.dirname(path)} does not exist.")
        with whole_file(path) as file:
            write(file)
        return
    if not hasattr(f, "write"):
        raise AttributeError(
            f"expected 'f' to be string, path, or a file-like object with a 'write' attribute, got {f!r}"
        )
    write(f)  # type: ignore[arg-type]


def load(
    f: FileLike,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read what ``save`` wrote from ``f``, a path or a seekable file opened for reading bytes.

    By default nothing in the file can run: tensors, containers, numbers and text are read, and other classes only if
    they were declared safe (:func:`add_safe_globals`); the rest raises ``UnpicklingError``. ``weights_only=False`` (or
    giving ``pickle_module``) reads anything, and lets the file run anything: only for files whose source you trust.

    ``map_location`` says where tensors go: None where they were, a device or its name, a dict from name to name, or a
    function (storage, name) -> storage. ``mmap`` is accepted: memory is always read straight into the tensors.

    A damaged file raises ``RuntimeError``, ``UnpicklingError`` (where its pickle is damaged) or ``EOFError`` (where that
    ends early, or the file is empty); each says which file. It costs no more memory than a few times its size. With
    ``weights_only=False`` a class that is not there is an ``AttributeError`` or ``ImportError``, and code that the file
    runs may raise anything. ``OSError`` (``FileNotFoundError``) if the file cannot be read.
    """
    if weights_only is None:
        weights_only = pickle_module is None
    elif weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError("f must be a file path in order to use the mmap argument")
    options = {"encoding": "utf-8", **pickle_load_args}
    make = unpickler_maker(weights_only, pickle if pickle_module is None else pickle_module, options)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file, repr(os.fspath(f)), make, map_location, bool(mmap))
    if not hasattr(f, "read"):
        raise AttributeError(
            f"expected 'f' to be string, path, or a file-like object with a 'read' attribute, got {f!r}"
        )
    name = getattr(f, "name", None)
    return _read(f, repr(name) if isinstance(name, (str, bytes)) else "the file", make, map_location)


def _read(file: IO[bytes], name: str, make: Any, map_location: Any, mmap: bool = False) -> Any:
    with named(name):
        source = Source(file)
        before, _utils.reading.sparse = _utils.reading.sparse, []
        try:
            result = _of_format(source, make, map_location, mmap)
            for sparse in _utils.reading.sparse:
                sparse.validate()
        finally:
            _utils.reading.sparse = before
        return result


def _of_format(source: Source, make: Any, map_location: Any, mmap: bool) -> Any:
    head = source.read(4)
    if not head:
        raise EOFError("empty: ran out of input")
    source.skip_back(len(head))
    if head == b"PK\x03\x04":
        return read_zip(source, make, restorer(map_location))
    if mmap:
        raise RuntimeError(
            "mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True)`"
        )
    return read_legacy(source, make, restorer(map_location))
