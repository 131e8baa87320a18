"""Reading the symbol table of a 64-bit little-endian object file (ELF, Mach-O or COFF).

LLVM's code generator may call library functions that the IR never mentions (``__truncdfhf2``, ``fmod``, ``__divti3``).
Whether such a function happens to be found depends on what else the process has loaded, so objects are read before
they are linked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Symbol(NamedTuple):
    name: str
    defined: bool


class ObjectFormatError(ValueError):
    """The bytes are not an object file of a known format."""


def external_symbols(code: bytes) -> list[Symbol]:
    """Every symbol that the object offers to or wants from others.

    Raises :class:`ObjectFormatError` if the bytes are of another format or cut short.
    """
    try:
        if code[:6] == b"\x7fELF\x02\x01":
            return list(_elf(code))
        if code[:4] == b"\xcf\xfa\xed\xfe":
            return list(_macho(code))
        if code[:2] in (b"\x64\x86", b"\x64\xaa"):
            return list(_coff(code))
    except (struct.error, IndexError, ValueError) as error:
        raise ObjectFormatError(f"damaged object file: {error}") from error
    raise ObjectFormatError("not an ELF, Mach-O or COFF object file of 64 bits")


def _string(code: bytes, start: int) -> str:
    return code[start : code.index(b"\0", start)].decode()


def _elf(code: bytes) -> Iterator[Symbol]:
    """ELF-64: the section headers name the symbol table (type 2) and, by its link, the strings."""
    (table,) = struct.unpack_from("<Q", code, 0x28)
    entry_size, count = struct.unpack_from("<HH", code, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, table + index * entry_size) for index in range(count)]
    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind != 2:
            continue
        strings = sections[link][4]
        for position in range(offset, offset + size, 24):
            name, info, _, section = struct.unpack_from("<IBBH", code, position)
            if name and info >> 4 != 0:  # local symbols are nobody else's business
                yield Symbol(_string(code, strings + name), section != 0)


def _macho(code: bytes) -> Iterator[Symbol]:
    """Mach-O: the load command LC_SYMTAB (2) places symbols and strings; C names carry a leading underscore."""
    (count,) = struct.unpack_from("<I", code, 16)
    position = 32
    for _ in range(count):
        command, size = struct.unpack_from("<II", code, position)
        if command == 2:
            symbols, number, strings, _ = struct.unpack_from("<IIII", code, position + 8)
            for entry in range(symbols, symbols + 16 * number, 16):
                name, kind = struct.unpack_from("<IB", code, entry)
                if kind & 0xE0 == 0 and kind & 1:  # not for debuggers, and external
                    yield Symbol(_string(code, strings + name).removeprefix("_"), kind & 0x0E != 0)
        position += size


def _coff(code: bytes) -> Iterator[Symbol]:
    """COFF: the header places 18-byte symbols, followed by the strings; auxiliary entries are stepped over."""
    symbols, number = struct.unpack_from("<II", code, 8)
    strings = symbols + 18 * number
    index = 0
    while index < number:
        raw, _, section, _, storage, auxiliary = struct.unpack_from("<8sIhHBB", code, symbols + 18 * index)
        if storage == 2:  # external
            short, long = struct.unpack("<II", raw)
            name = _string(code, strings + long) if short == 0 else raw.rstrip(b"\0").decode()
            yield Symbol(name, section != 0)
        index += 1 + auxiliary
