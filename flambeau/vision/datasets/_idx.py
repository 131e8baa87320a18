"""IDX files: two zero bytes, a dtype's number, the number of dimensions, each as four big-endian bytes, the data."""

from __future__ import annotations

import gzip
import os
import zlib
from math import prod
from typing import IO, Any

import numpy as np

#: Dtypes by their number in an IDX file; numbers are big-endian.
_DTYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_CHUNK = 1 << 20


def read_idx(path: str) -> np.ndarray:
    """The array in an IDX file, gzipped if the name ends in ``.gz``. ``ValueError`` if it is not one, or damaged."""
    with open(path, "rb") as file:
        if not path.endswith(".gz"):
            return _read(file, path, os.fstat(file.fileno()).st_size)
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(unpacked, path, None)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{path} is damaged or cut short: {error}") from error


def _read(file: IO[bytes] | gzip.GzipFile, path: str, length: int | None) -> np.ndarray:
    """The array in ``file``, which has ``length`` bytes if that is known."""
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _DTYPES or not 1 <= head[3] <= 3:
        raise ValueError(f"{path} is not an IDX file")
    extents = file.read(4 * head[3])
    if len(extents) < 4 * head[3]:
        raise ValueError(f"{path} is cut short: {len(head) + len(extents)} bytes")
    shape = tuple(int(extent) for extent in np.frombuffer(extents, ">u4"))
    dtype: np.dtype[Any] = np.dtype(_DTYPES[head[2]])
    size = prod(shape) * dtype.itemsize
    if length is not None and length != 4 + len(extents) + size:
        raise ValueError(f"{path} is cut short or damaged: {length} bytes for an array {shape} of {dtype}")
    data = bytearray()
    while len(data) < size and (chunk := file.read(min(_CHUNK, size - len(data)))):
        data += chunk
    # At its end a gzipped file tells whether it is whole.
    if len(data) < size or file.read(1):
        raise ValueError(f"{path} is cut short or damaged: {len(data)} bytes or more for an array {shape} of {dtype}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
