"""Attention and its gradients, with all scores at once, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flambeau.kernels.kernel import Attention, Call, Operand, Strided

from . import memory
from .arguments import Arguments
from .philox import philox
from .programs import places_of
from .registers import from_storage, storage_dtype
from .runner import Kernel
from .templates import contiguous, store_contiguous


class Given:
    """What a call reads: its arguments are numbers, query, key, value, perhaps a mask, and others from ``behind`` on."""

    def __init__(self, a: Attention, arguments: Arguments) -> None:
        self.a, self.arguments = a, arguments
        self.first = 1 + len(a.dropout or ())
        self.behind = self.first + (6 if a.mask is None else 8)
        extents = (a.rows, a.width), (a.places, a.width), (a.places, a.value_width)
        self.query, self.key, self.value = (
            self.elements(self.first + 2 * number, access, extent)
            for number, (access, extent) in enumerate(zip((a.query, a.key, a.value), extents, strict=True))
        )
        self.scale = arguments.number(0, "f")

    def elements(self, at: int, access: Strided, extents: tuple[int, int]) -> np.ndarray:
        shape = (*self.a.batch, *extents)
        raw = memory.read(self.arguments.address(at), storage_dtype(access.dtype), places_of(shape, access.strides))
        found = np.broadcast_to(from_storage(access.dtype, raw), shape)
        return found if access.dtype.kind == "bool" else found.astype(np.float64)

    def of_rows(self, at: int) -> np.ndarray:
        """One number for each row."""
        shape = (*self.a.batch, self.a.rows, 1)
        return contiguous(self.arguments.address(at), self.a.dtype.numpy, shape).astype(np.float64)

    def store(self, at: int, values: np.ndarray) -> None:
        store_contiguous(self.arguments.address(at), values.astype(self.a.dtype.numpy))

    def scores(self) -> np.ndarray:
        a = self.a
        scores = self.query @ np.swapaxes(self.key, -1, -2) * self.scale
        if a.mask is not None:
            mask = self.elements(self.first + 6, a.mask, (a.rows, a.places))
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        if a.causal:
            scores = np.where(np.arange(a.places) <= np.arange(a.rows)[:, None], scores, -np.inf)
        return scores

    def kept(self) -> Any:
        """What dropout multiplies the weights by."""
        a, arguments = self.a, self.arguments
        if a.dropout is None:
            return 1.0
        limit, seed, offset = (arguments.number(at, "i") for at in (1, 3, 4))
        shape = (*a.batch, a.rows, a.places)
        counters = np.arange(np.prod(shape)).reshape(shape).astype(np.uint64) + offset.astype(np.uint64)
        bits, _ = philox(seed, counters)
        return np.where(bits.astype(np.uint32).view(np.int32) >= limit, arguments.number(2, "f"), 0.0)


def lower_attention(a: Attention, result: Strided, sums: Operand) -> Call:
    shape = (*a.batch, a.rows, a.value_width)

    def run(given: Given) -> None:
        scores = given.scores()
        highest = scores.max(-1, keepdims=True)
        power = np.exp(scores - np.where(highest == -np.inf, 0, highest))
        total = power.sum(-1, keepdims=True)
        with np.errstate(divide="ignore"):
            given.store(given.behind + 2, np.where(total == 0, np.inf, np.log(total) + highest))
        values = power / np.where(total == 0, 1, total) * given.kept() @ given.value
        places = np.broadcast_to(places_of(shape, result.strides), shape)
        memory.write(given.arguments.address(given.behind), places.ravel(), values.astype(a.dtype.numpy).ravel())

    return _call(f"attention {result.strides}", a, run, [result.base, sums], (), (result.operand, sums))


def lower_attention_gradient(
    a: Attention, gradient: Strided, sums: Operand, delta: Operand, results: tuple[Operand, ...]
) -> Call:
    def run(given: Given) -> None:
        at = given.behind
        slope = given.elements(at, gradient, (a.rows, a.value_width))
        weights, kept = np.exp(given.scores() - given.of_rows(at + 2)), given.kept()
        slopes = weights * (kept * (slope @ np.swapaxes(given.value, -1, -2)) - given.of_rows(at + 4)) * given.scale
        given.store(at + 6, slopes @ given.key)
        given.store(at + 8, np.swapaxes(slopes, -1, -2) @ given.query)
        given.store(at + 10, np.swapaxes(weights * kept, -1, -2) @ slope)

    reads = (gradient.operand, sums, delta)
    return _call(f"attention gradient {gradient.strides}", a, run, [gradient.base, sums, delta, *results], reads, results)


def _call(
    name: str, a: Attention, run: Callable[[Given], None], behind: Sequence[Operand], reads: Sequence[Operand],
    writes: tuple[Operand, ...],
) -> Call:  # fmt: skip
    accesses = [a.query, a.key, a.value, *([] if a.mask is None else [a.mask])]
    described = [(access.dtype.name, access.strides) for access in accesses]
    key = f"{name} {a.batch} {a.rows} {a.places} {a.width} {a.value_width} {described} {a.causal} {a.dropout is None}"
    arguments = [a.scale, *(a.dropout or ()), *(access.base for access in accesses), *behind]
    read = tuple(dict.fromkeys((*(access.operand for access in accesses), *reads)))
    return Call(
        Kernel(key, lambda given: run(Given(a, given))), arguments, 1, reads=read, writes=writes, label=name.partition(" (")[0]
    )
