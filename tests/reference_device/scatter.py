"""Writing to computed positions, in the row-major order of the values."""

from __future__ import annotations

import numpy as np

from flambeau.graph.dtypes import int64
from flambeau.kernels.kernel import Call, Scatter, Strided

from . import memory
from .arguments import Arguments
from .maths import PRIMITIVES
from .programs import checked_index, places_of
from .registers import convert, from_storage, rounded, storage_dtype, to_storage
from .runner import Kernel

_COMBINE = {"add": "add", "mul": "mul", "amax": "maximum", "amin": "minimum"}


def lower_scatter(scatter: Scatter) -> Call:
    """The call of a scatter. Its arguments are the target, the value, and for each index where it is, extent and error."""
    s = scatter

    def read(arguments: Arguments, at: int, access: Strided) -> np.ndarray:
        raw = memory.read(arguments.address(at), storage_dtype(access.dtype), places_of(s.shape, access.strides))
        return np.broadcast_to(from_storage(access.dtype, raw), s.shape)

    def run(arguments: Arguments) -> None:
        value = convert(s.value.dtype, s.dtype, read(arguments, 2, s.value))
        places = np.broadcast_to(places_of(s.shape, s.strides), s.shape)
        for k, (index, step) in enumerate(zip(s.indices, s.steps)):
            at = 4 + 4 * k
            found = convert(index.dtype, int64, read(arguments, at, index))
            places = places + step * checked_index(arguments, found, at + 2, at + 3, s.wraps)
        put(s, arguments.address(0), places.ravel(), value.ravel())

    arguments: list[object] = [s.base, s.value.base]
    for index, extent, error in zip(s.indices, s.extents, s.errors):
        arguments += [index.base, extent, error]
    accesses = (s.value, *s.indices)
    described = [(access.dtype.name, access.strides) for access in accesses]
    key = f"scatter {s.dtype.name} {s.mode} {s.shape} {s.strides} {described} {s.steps} {s.wraps}"
    reads = tuple(dict.fromkeys(access.operand for access in accesses))
    return Call(Kernel(key, run), arguments, 1, reads=reads, writes=(s.target,), label=f"scatter {s.mode}")


def put(s: Scatter, address: int, places: np.ndarray, value: np.ndarray) -> None:
    """Write, or combine with what is there: first what comes first at each place, then what comes second, and so on."""
    order = np.argsort(places, kind="stable")
    new = np.diff(places[order], prepend=-1) != 0
    begins = np.maximum.accumulate(np.where(new, np.arange(order.size), 0))
    turn = np.empty(order.size, np.int64)
    turn[order] = np.arange(order.size) - begins
    for number in range(int(turn.max(initial=-1)) + 1):
        now = turn == number
        result = value[now]
        if s.mode != "set":
            before = from_storage(s.dtype, memory.read(address, storage_dtype(s.dtype), places[now]))
            result = rounded(s.dtype, PRIMITIVES[_COMBINE[s.mode]](s.dtype, before, result))
        memory.write(address, places[now], to_storage(s.dtype, result))
