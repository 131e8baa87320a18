"""Pickled batches of pictures as CIFAR has them, read without running anything that is in them.

A batch is a dict of lists, text and NumPy arrays. Python 2 wrote the published ones; those of Python 3 name ``bytes``,
and NumPy's modules have been renamed. An array's state is what NumPy's native code trusts, so each is checked here.
"""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from math import prod
from typing import Any

import numpy as np

from ...serialization.source import Source, describe, named
from ...serialization.unpickling import ListedUnpickler, encode, make_bytearray

_DTYPES = re.compile(r"[<>=|]?([biu][1248]|f[248]|c8|c16|[SU][0-9]{1,6})")
_LONGEST_SHAPE = 32
_LARGEST_EXTENT = 1 << 40


def _bytes() -> bytes:
    """``bytes()``, which is how old protocols write none."""
    return b""


def _dtype(code: Any, align: Any = False, copy: Any = True) -> np.dtype:
    """A dtype of its own, whose order of bytes the file may set: numbers and fixed text."""
    text = code.decode("latin1") if isinstance(code, bytes) else code
    if not isinstance(text, str) or not _DTYPES.fullmatch(text):
        raise pickle.UnpicklingError(f"an array of the dtype {describe(code)}")
    return np.dtype(text, copy=True)


def _set_dtype(dtype: np.dtype, state: Any) -> None:
    """Set the order of bytes; all else in ``state`` must be as it is."""
    expected = dtype.__reduce__()[2]  # type: ignore[misc]
    if not isinstance(state, tuple) or len(state) != len(expected) or not isinstance(state[1], str):
        raise pickle.UnpicklingError(f"the dtype {dtype} with the state {describe(state)}")
    if state[:1] + state[2:] != expected[:1] + expected[2:] or state[1] not in ("<", ">", "=", "|"):
        raise pickle.UnpicklingError(f"the dtype {dtype} with a state that it cannot have")
    dtype.__setstate__(state)  # type: ignore[attr-defined]


def _reconstruct(kind: Any, shape: Any, code: Any) -> np.ndarray:
    """An empty array, whose contents are set from the state that follows in the file."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError(f"{describe(kind)} in the place of an array")
    return np.ndarray((0,), np.int8)


def _contents(data: Any, dtype: Any, count: int) -> bytes | bytearray:
    """The bytes of an array's elements: as many as there must be."""
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(data, (bytes, bytearray)) or not isinstance(dtype, np.dtype):
        raise pickle.UnpicklingError(f"an array of {describe(dtype)} with the contents {describe(data)}")
    if len(data) != count * dtype.itemsize:
        raise pickle.UnpicklingError(f"an array of {count} elements of {dtype} in {len(data)} bytes")
    return data


def _shape(shape: Any) -> tuple[int, ...]:
    if (
        not isinstance(shape, tuple)
        or len(shape) > _LONGEST_SHAPE
        or not all(type(extent) is int and 0 <= extent <= _LARGEST_EXTENT for extent in shape)
    ):
        raise pickle.UnpicklingError("an array of an impossible shape")
    return shape


def _set_array(array: np.ndarray, state: Any) -> None:
    """Set an array's shape, dtype and contents from (version, shape, dtype, whether in Fortran's order, contents)."""
    if not isinstance(state, tuple) or len(state) != 5 or state[0] != 1:
        raise pickle.UnpicklingError(f"an array with the state {describe(state)}")
    _, shape, dtype, fortran, data = state
    data = _contents(data, dtype, prod(_shape(shape)))
    array.__setstate__((1, shape, dtype, fortran is True or fortran == 1, bytes(data)))  # type: ignore[arg-type]


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """The array of these bytes."""
    data = _contents(data, dtype, prod(_shape(shape)))
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")


def _scalar(dtype: Any, data: Any) -> Any:
    """One number of NumPy's."""
    return np.frombuffer(_contents(data, dtype, 1), dtype)[0]


_CALLED = {
    "builtins.bytes": _bytes,
    "builtins.bytearray": make_bytearray,
    "_codecs.encode": encode,
    "collections.OrderedDict": OrderedDict,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _frombuffer,
}


class _BatchUnpickler(ListedUnpickler):
    def __init__(self, source: Source) -> None:
        super().__init__(source, _CALLED, {"numpy.ndarray": np.ndarray}, encoding="latin1")

    def refusal(self, what: str) -> pickle.UnpicklingError:
        return pickle.UnpicklingError(f"a batch of pictures should not need {what}")

    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(module.replace("numpy._core", "numpy.core"), name)

    def set_state(self, instance: Any, state: Any) -> None:
        if isinstance(instance, np.dtype):
            _set_dtype(instance, state)
        elif isinstance(instance, np.ndarray):
            _set_array(instance, state)
        else:
            super().set_state(instance, state)


def read_batch(path: str) -> dict[str, Any]:
    """The dict in one of the pickled files, without running any code it may hold.

    ``UnpicklingError`` if the file is damaged, holds something else, or asks for more than a batch needs.
    """
    with named(path), open(path, "rb") as file:
        try:
            batch = _BatchUnpickler(Source(file)).load()
        except EOFError as error:
            raise pickle.UnpicklingError(str(error)) from error
        if not isinstance(batch, dict):
            raise pickle.UnpicklingError(f"holds {describe(batch)}, not a dict")
    return {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
