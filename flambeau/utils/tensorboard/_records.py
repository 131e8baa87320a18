"""Files of records: each with its length, and checksums of both, as TensorFlow frames them."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

_POLYNOMIAL = 0x82F63B78
"""Castagnoli's, the lowest power in the highest bit."""


def _byte_table() -> np.ndarray:
    rest = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        rest = np.where(rest & 1, rest >> 1 ^ _POLYNOMIAL, rest >> 1).astype(np.uint32)
    return rest


_TABLE = _byte_table()
_ENTRIES: list[int] = _TABLE.tolist()
_SHORT = 4096
"""Fewer bytes than this are done one by one."""


def _shifted(sums: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """What remains of sums when zeros follow, as many as ``tables`` is for: one table for each of a sum's bytes."""
    result = tables[0][sums & 0xFF]
    for place in (1, 2, 3):
        result = result ^ tables[place][sums >> np.uint32(8 * place) & 0xFF]
    return result


def crc32c(data: bytes) -> int:
    """The cyclic redundancy check with Castagnoli's polynomial (RFC 3720, appendix B.4).

    It is linear, so the sums of all bytes of long data are joined in pairs, each pair of sums as one operation of NumPy.
    """
    begin = 0xFFFFFFFF
    rest = len(data) if len(data) < _SHORT else len(data) % 8
    for byte in data[:rest]:
        begin = begin >> 8 ^ _ENTRIES[(begin ^ byte) & 0xFF]
    if rest == len(data):
        return begin ^ 0xFFFFFFFF
    values = np.frombuffer(data, np.uint8, offset=rest).copy()
    values[:4] ^= np.frombuffer(struct.pack("<I", begin), np.uint8)  # what was summed so far goes on with what follows
    sums = _TABLE[values]
    bytes_of = np.arange(256, dtype=np.uint32)
    # Behind one zero byte: what the lowest byte was is looked up, the others have moved down.
    tables = np.stack([_TABLE, bytes_of, bytes_of << 8, bytes_of << 16])
    while len(sums) > 1:
        if len(sums) % 2:
            sums = np.concatenate([np.zeros(1, np.uint32), sums])
        sums = _shifted(sums[::2], tables) ^ sums[1::2]
        tables = np.stack([_shifted(table, tables) for table in tables])  # twice as many zeros
    return int(sums[0]) ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    """A checksum in the form in which it may itself be part of what is summed."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def write_record(file: BinaryIO, data: bytes) -> None:
    """Append one record."""
    length = struct.pack("<Q", len(data))
    file.write(length + _masked(length) + data + _masked(data))
