"""Small files of the kinds that data sets consist of, with contents by chance, but always the same."""

from __future__ import annotations

import csv
import hashlib
import os
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image


def numbers(path: Path, *shape: int, high: int = 256, dtype: Any = np.uint8) -> np.ndarray:
    """Numbers by chance, the same for the same name of a file."""
    seed = int(hashlib.md5(path.name.encode()).hexdigest()[:8], 16)
    return np.random.RandomState(seed).randint(0, high, shape).astype(dtype)


def picture(path: Path, mode: str = "RGB", size: tuple[int, int] = (6, 5)) -> None:
    """A file with a picture of noise, of which nothing is lost, whatever it is called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    if mode == "I;16":
        Image.fromarray(numbers(path, height, width, high=65536, dtype=np.uint16)).save(path, "PNG")
        return
    channels = {"RGB": 3, "L": 1, "P": 1}[mode]
    pixels = numbers(path, height, width, channels)
    made = Image.fromarray(pixels if channels == 3 else pixels[..., 0])
    if mode == "P":
        made.putpalette(list(range(256)) * 3)
    made.save(path, "PPM" if path.suffix == ".ppm" else "PNG")


def pictures(folder: Path, *names: str, mode: str = "RGB") -> None:
    for name in names:
        picture(folder / name, mode)


def text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def data(path: Path, contents: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)


def mat(path: Path, **values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, values)


def flo(path: Path) -> None:
    motion = numbers(path, 5, 6, 2).astype("<f4") / 7
    data(path, b"PIEH" + np.array([6, 5], "<i4").tobytes() + motion.tobytes())


def pfm(path: Path, kind: str = "PF") -> None:
    levels = numbers(path, 5, 6, 3 if kind == "PF" else 1).astype("<f4") - 100
    data(path, f"{kind}\n6 5\n-1.0\n".encode() + levels.tobytes())


def deep_png(path: Path, channels: int = 3) -> None:
    """A PNG file of 16 bits for each channel, each row by another filter, which Pillow does not write."""
    levels = numbers(path, 5, 6, channels, high=65536, dtype=">u2")
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    data(path, deep_png_of(levels, kind))


def written_flow(path: str) -> tuple[np.ndarray, np.ndarray]:
    """The motion that :func:`deep_png` has written into a file, and where it is known."""
    planes = numbers(Path(path), 5, 6, 3, high=65536, dtype=np.float32).transpose(2, 0, 1)
    return (planes[:2] - 2**15) / 64, planes[2] != 0


def deep_png_of(levels: np.ndarray, kind: int) -> bytes:
    """The bytes of a PNG file of these levels (height, width, channels), big-endian."""
    height, width, channels = levels.shape
    rows = levels.astype(">u2").view(np.uint8).reshape(height, -1).astype(int)
    step = 2 * channels
    left = np.pad(rows, ((0, 0), (step, 0)))[:, :-step]
    above = np.pad(rows, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(left, ((1, 0), (0, 0)))[:-1]
    guess = left + above - corner
    distances = [abs(guess - part) for part in (left, above, corner)]
    paeth = np.where(
        (distances[0] <= distances[1]) & (distances[0] <= distances[2]),
        left,
        np.where(distances[1] <= distances[2], above, corner),
    )
    predictions = [0 * rows, left, above, (left + above) // 2, paeth]
    body = b"".join(
        bytes([row % 5]) + ((rows[row] - predictions[row % 5][row]) % 256).astype(np.uint8).tobytes()
        for row in range(height)
    )
    head = np.array([width, height], ">u4").tobytes() + bytes([16, kind, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(name, part) for name, part in ((b"IHDR", head), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    )


def chunk(name: bytes, contents: bytes) -> bytes:
    """A part of a PNG file."""
    check = zlib.crc32(name + contents).to_bytes(4, "big")
    return len(contents).to_bytes(4, "big") + name + contents + check


def archive(path: Path, folder: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as written:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                written.add(file, os.path.normpath(os.path.join(name, file.relative_to(folder))))


def idx(array: np.ndarray) -> bytes:
    head = (
        bytes([0, 0, {"uint8": 8, "int32": 12}[array.dtype.name], array.ndim]) + np.array(array.shape, ">u4").tobytes()
    )
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def fer_rows(*rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    pixels = " ".join(str(level) for level in numbers(Path("face"), 48 * 48))
    return [tuple(pixels if cell == "pixels" else cell for cell in row) for row in rows]


def table(path: Path, head: tuple[str, ...], *rows: tuple[Any, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *fer_rows(*rows)])
