"""Small data sets in the file formats of the real ones: digits drawn with a coarse font, moved about, with noise.

:func:`write_mnist` writes IDX files (a big-endian magic number and extents, then bytes), :func:`write_cifar10` the
directory that the "python version" of CIFAR-10 unpacks to (https://www.cs.toronto.edu/~kriz/cifar.html), pickled as
Python 2 pickled it.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

#: The ten digits, three points wide and five high; each row of a digit is an octal number.
_FONT = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717")

CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def _glyph(digit: int, scale: int) -> np.ndarray:
    """A digit as an array [5 scale, 3 scale] of zeros and ones."""
    points = [[int(row) >> 2 & 1, int(row) >> 1 & 1, int(row) & 1] for row in _FONT[digit]]
    return np.kron(np.array(points), np.ones((scale, scale), int))


def grey_digits(count: int, seed: int, size: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """``count`` pictures [count, size, size] of bytes and their digits [count] as int64."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, count)
    images = generator.integers(0, 40, (count, size, size))
    for image, label in zip(images, labels):
        glyph = _glyph(label, 4)
        height, width = glyph.shape
        top = (size - height) // 2 + generator.integers(-2, 3)
        left = (size - width) // 2 + generator.integers(-2, 3)
        image[top : top + height, left : left + width] += glyph * generator.integers(120, 215)
    return images.astype(np.uint8), labels


def coloured_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` pictures [count, 3, 32, 32] of bytes, each channel of its own brightness, and their digits [count]."""
    generator = np.random.default_rng(seed)
    grey, labels = grey_digits(count, seed, 32)
    weights = generator.uniform(0.3, 1.0, (count, 3, 1, 1))
    return (grey[:, None] * weights).astype(np.uint8), labels


def _write_idx(path: Path, values: np.ndarray) -> None:
    """An IDX file of bytes: magic number 0x0000_08_<number of axes>, the extents, the values."""
    header = struct.pack(f">I{values.ndim}I", 0x0800 | values.ndim, *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def write_mnist(root: Path, train: int, test: int) -> None:
    """MNIST's four files below ``root``/MNIST/raw, where programs look for them."""
    directory = root / "MNIST" / "raw"
    directory.mkdir(parents=True)
    for prefix, count, seed in (("train", train, 1), ("t10k", test, 2)):
        images, labels = grey_digits(count, seed)
        _write_idx(directory / f"{prefix}-images-idx3-ubyte", images)
        _write_idx(directory / f"{prefix}-labels-idx1-ubyte", labels)


class _Python2Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes ``str`` and ``bytes`` as the byte strings that ``str`` was in Python 2, and NumPy's old module names."""

    dispatch = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def save_string(self, value: str | bytes) -> None:
        data = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    def save_global(self, value: Any, name: str | None = None) -> None:
        module = value.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{name or value.__qualname__}\n".encode())
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_string
    dispatch[type] = save_global
    dispatch[type(_glyph)] = save_global
    dispatch[type(np.frombuffer)] = save_global


def _write_pickle(path: Path, content: dict[str, Any]) -> None:
    with path.open("wb") as file:
        _Python2Pickler(file, protocol=2).dump(content)


def write_cifar10(root: Path, train: int, test: int) -> None:
    """CIFAR-10's five training batches, its test batch and the names, below ``root``/cifar-10-batches-py."""
    directory = root / "cifar-10-batches-py"
    directory.mkdir(parents=True)
    batches = [(f"data_batch_{number}", f"training batch {number} of 5", train // 5, number) for number in range(1, 6)]
    for name, title, count, seed in [*batches, ("test_batch", "testing batch 1 of 1", test, 6)]:
        images, labels = coloured_digits(count, seed)
        content = {
            "batch_label": title,
            "labels": labels.tolist(),
            "data": images.reshape(count, 3 * 32 * 32),
            "filenames": [f"digit_{index:06}.png" for index in range(count)],
        }
        _write_pickle(directory / name, content)
    names = {"num_cases_per_batch": train // 5, "label_names": CIFAR10_CLASSES, "num_vis": 3 * 32 * 32}
    _write_pickle(directory / "batches.meta", names)
