"""Scans, with NumPy's accumulations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flambeau.graph.dtypes import DType
from flambeau.kernels.kernel import Call, Scan, Strided

from . import memory
from .arguments import Arguments
from .programs import places_of
from .registers import convert, from_storage, is_half, rounded, storage_dtype, to_storage
from .runner import Kernel
from .templates import store_contiguous


def lower_scan(scan: Scan) -> list[Call]:
    """The call of a scan: its arguments are the sources, the result and the places."""
    s = scan

    def read(arguments: Arguments, number: int, source: Strided) -> np.ndarray:
        raw = memory.read(
            arguments.address(2 * number), storage_dtype(source.dtype), places_of(s.shape, source.strides)
        )
        values = np.broadcast_to(from_storage(source.dtype, raw), s.shape)
        return values if values.dtype == bool and len(s.sources) > 1 else convert(source.dtype, s.dtype, values)

    def run(arguments: Arguments) -> None:
        lines = [np.moveaxis(read(arguments, k, source), s.axis, 0) for k, source in enumerate(s.sources)]
        results = _FUNCTIONS[s.name](s.dtype, *(line[::-1] if s.backwards else line for line in lines))
        first, *places = (np.moveaxis(each[::-1] if s.backwards else each, 0, s.axis) for each in results)
        wanted = [to_storage(s.dtype, rounded(s.dtype, convert_carried(s.dtype, first))), *places]
        for k, result in enumerate(wanted[: 1 if s.places is None else 2]):
            store_contiguous(arguments.address(2 * (len(s.sources) + k)), result)

    described = [(source.dtype.name, source.strides) for source in s.sources]
    key = f"{s.name} {s.dtype.name} {s.shape} {s.axis} {s.backwards} {described} {s.places is not None}"
    writes = (s.result,) if s.places is None else (s.result, s.places)
    reads = tuple(dict.fromkeys(source.operand for source in s.sources))
    operands = [*(source.base for source in s.sources), *writes]
    return [Call(Kernel(key, run), operands, 1, reads=reads, writes=writes, label=s.name)] if 0 not in s.shape else []


def _carried(d: DType) -> np.dtype[np.generic]:
    """What sums, products and logarithms are accumulated as."""
    if d.kind != "float":
        return d.numpy
    return np.dtype(np.float32 if is_half(d) else np.float64)


def convert_carried(d: DType, x: np.ndarray) -> np.ndarray:
    return x if d.kind != "float" else x.astype(np.float32 if is_half(d) else d.numpy)


def _accumulation(ufunc: np.ufunc) -> Callable[..., list[np.ndarray]]:
    return lambda d, x: [ufunc.accumulate(x, axis=0, dtype=_carried(d))]


def _extremum(ufunc: np.ufunc) -> Callable[..., list[np.ndarray]]:
    def scan(d: DType, x: np.ndarray) -> list[np.ndarray]:
        best = ufunc.accumulate(x, axis=0)
        steps = np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1))
        places = np.maximum.accumulate(np.where((x == best) | (x != x), steps, 0), axis=0)
        return [np.take_along_axis(x, places, 0), places]

    return scan


def _recurrence(d: DType, factors: np.ndarray, terms: np.ndarray) -> list[np.ndarray]:
    carried = np.zeros(terms.shape, _carried(d))
    for k in range(len(terms) - 1):
        if factors.dtype == bool:
            kept = np.where(factors[k], carried[k], 0)
        else:
            kept = factors[k].astype(carried.dtype) * carried[k]
        carried[k + 1] = kept + terms[k]
    return [carried]


_FUNCTIONS: dict[str, Callable[..., list[np.ndarray]]] = {
    "scan_sum": _accumulation(np.add), "scan_prod": _accumulation(np.multiply),
    "scan_logaddexp": _accumulation(np.logaddexp), "scan_max": _extremum(np.maximum), "scan_min": _extremum(np.minimum),
    "scan_recurrence": _recurrence,
}  # fmt: skip
