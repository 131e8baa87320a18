"""``save`` and ``load`` of scripted modules: a zip archive of a pickled module, and of the sources that it needs.

The archive is what :func:`flambeau.save` writes, with the records ``program.json`` (the sources, in order) and
``extra/name`` beside it. Loading runs these sources, so it is only for files whose origin is trusted.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ..interpreter.whole_file import whole_file
from ..serialization import save as write
from ..serialization.memory import restorer
from ..serialization.reading import read_zip, unpickler_maker
from ..serialization.source import Archive, Source, named
from ._sources import Program, execute

_PROGRAM = "program.json"
_FORMAT = 1


def archive_of(value: Any, extra_files: dict[str, Any] | None = None) -> bytes:
    """The archive of a module or function. ``RuntimeError`` if the source of something that it needs is not known."""
    program = Program()
    program.add_all(value)
    buffer = io.BytesIO()
    write((value, program.values), buffer)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"archive/{_PROGRAM}", json.dumps({"format": _FORMAT, "entries": program.entries}, indent=1))
        for name, content in (extra_files or {}).items():
            archive.writestr(f"archive/extra/{name}", content)
    return buffer.getvalue()


def write_archive(value: Any, f: Any, extra_files: dict[str, Any] | None = None) -> None:
    """Write the archive of a module or function to a path or a file."""
    content = archive_of(value, extra_files)
    if isinstance(f, (str, os.PathLike)):
        with whole_file(f) as file:
            file.write(content)
    else:
        f.write(content)


def save(m: Any, f: Any, _extra_files: dict[str, Any] | None = None) -> None:
    """Write a scripted module or function to ``f``, a path or a file opened for writing bytes.

    ``_extra_files`` are texts or bytes by name. ``AttributeError`` for what was neither scripted nor traced.
    """
    if isinstance(f, (str, os.PathLike)):
        m.save(f, _extra_files=_extra_files)
    else:
        f.write(m.save_to_buffer(_extra_files=_extra_files))


def load(
    f: Any, map_location: Any = None, _extra_files: dict[str, Any] | None = None, _restore_shapes: bool = False
) -> Any:
    """Read what :func:`save` wrote. This runs the program in the file: only for files whose origin you trust.

    Archives that PyTorch wrote are programs in TorchScript: ``RuntimeError``. ``_extra_files`` gets the contents (bytes)
    of the names that it has.
    """
    if isinstance(f, (str, os.PathLike)):
        if not os.path.exists(f):
            raise ValueError(f"The provided filename {f} does not exist")
        if os.path.isdir(f):
            raise ValueError(f"The provided filename {f} is a directory")
        with open(f, "rb") as file:
            return _read(file, repr(os.fspath(f)), map_location, _extra_files)
    return _read(f, "the file", map_location, _extra_files)


def _read(file: Any, name: str, map_location: Any, extra_files: dict[str, Any] | None) -> Any:
    with named(name):
        source = Source(file)
        start = source.file.tell()
        if source.read(4) != b"PK\x03\x04":
            raise RuntimeError("no archive of torch.jit.save")
        source.file.seek(start)
        archive = Archive(source)
        if "constants.pkl" in archive:
            raise RuntimeError(
                "an archive of PyTorch's TorchScript, a compiled program, which is not run here; torch.jit.load reads what "
                "torch.jit.save wrote here"
            )
        if _PROGRAM not in archive:
            raise RuntimeError(
                "an archive, but not one that torch.jit.save wrote; torch.load reads what torch.save wrote"
            )
        program = json.loads(archive.read(_PROGRAM))
        if program.get("format") != _FORMAT:
            raise RuntimeError(f"written by another version, in format {program.get('format')}")
        for wanted in extra_files or {}:
            if f"extra/{wanted}" in archive:
                extra_files[wanted] = archive.read(f"extra/{wanted}")  # type: ignore[index]
        source.file.seek(start)
        modules = execute(program["entries"])
        make = unpickler_maker(False, SimpleNamespace(Unpickler=_unpickler(modules)), {"encoding": "utf-8"})
        value, values = read_zip(source, make, restorer(map_location))
    for module, names in values.items():
        modules[module].__dict__.update(names)
    return value


def _unpickler(modules: dict[str, Any]) -> type[pickle.Unpickler]:
    """A class of unpicklers that find in ``modules`` what the program defines."""

    class Unpickler(pickle.Unpickler):
        persistent_load: Callable[[Any], Any]

        def find_class(self, module: str, name: str) -> Any:
            found = modules.get(module)
            if found is None:
                return super().find_class(module, name)
            for part in name.split("."):
                found = getattr(found, part)
            return found

    return Unpickler


def validate_map_location(map_location: Any = None) -> Any:
    """``map_location`` if it names a device. ``ValueError`` otherwise."""
    from ..core.device import device

    if isinstance(map_location, str):
        return device(map_location)
    if map_location is not None and not isinstance(map_location, device):
        raise ValueError(
            f"map_location should be either None, string or torch.device, but got type: {type(map_location)}"
        )
    return map_location


def _no_flatbuffer(*arguments: Any, **keywords: Any) -> Any:
    """Refused: PyTorch's format for mobile devices."""
    raise NotImplementedError(
        "torch.jit: flatbuffer files are not written or read; use torch.jit.save and torch.jit.load"
    )


jit_module_from_flatbuffer = save_jit_module_to_flatbuffer = get_flatbuffer_module_info = _no_flatbuffer
