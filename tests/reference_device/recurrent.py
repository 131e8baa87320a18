"""Recurrent layers, one sequence after the other, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flambeau.graph.dtypes import int64
from flambeau.kernels.kernel import GATES, KEPT, Call, Operand, Recurrent, Strided

from . import memory
from .arguments import Arguments
from .programs import places_of
from .runner import Kernel
from .templates import contiguous, store_contiguous

Arrays = Sequence[np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


def lstm(sums: Arrays, given: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
    i, f, g, o = (x + y for x, y in zip(given, sums))
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * states[1] + i * g
    return (o * np.tanh(c), c), (i, f, g, o)


def lstm_gradient(d: Arrays, kept: Arrays, states: Arrays) -> tuple[Arrays, Arrays, Arrays]:
    i, f, g, o = kept
    cell = np.tanh(f * states[1] + i * g)
    d_c = d[1] + d[0] * o * (1 - cell**2)
    gates = d_c * g * i * (1 - i), d_c * states[1] * f * (1 - f), d_c * i * (1 - g**2), d[0] * cell * o * (1 - o)
    return gates, gates, (np.zeros_like(d_c), d_c * f)


def gru(sums: Arrays, given: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
    r, z = sigmoid(given[0] + sums[0]), sigmoid(given[1] + sums[1])
    n = np.tanh(given[2] + r * sums[2])
    return ((1 - z) * n + z * states[0],), (r, z, n, sums[2])


def gru_gradient(d: Arrays, kept: Arrays, states: Arrays) -> tuple[Arrays, Arrays, Arrays]:
    r, z, n, by_n = kept
    d_n = d[0] * (1 - z) * (1 - n**2)
    d_r, d_z = d_n * by_n * r * (1 - r), d[0] * (states[0] - n) * z * (1 - z)
    return (d_r, d_z, d_n), (d_r, d_z, d_n * r), (d[0] * z,)


def tanh(sums: Arrays, given: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
    h = np.tanh(given[0] + sums[0])
    return (h,), (h,)


def tanh_gradient(d: Arrays, kept: Arrays, states: Arrays) -> tuple[Arrays, Arrays, Arrays]:
    gates = (d[0] * (1 - kept[0] ** 2),)
    return gates, gates, (np.zeros_like(d[0]),)


def relu(sums: Arrays, given: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
    h = np.maximum(given[0] + sums[0], 0)
    return (h,), (h,)


def relu_gradient(d: Arrays, kept: Arrays, states: Arrays) -> tuple[Arrays, Arrays, Arrays]:
    gates = (np.where(kept[0] <= 0, 0, d[0]),)
    return gates, gates, (np.zeros_like(d[0]),)


CELLS: dict[str, tuple[Callable[..., tuple[Arrays, Arrays]], Callable[..., tuple[Arrays, Arrays, Arrays]]]] = {
    "lstm": (lstm, lstm_gradient), "gru": (gru, gru_gradient), "tanh": (tanh, tanh_gradient), "relu": (relu, relu_gradient),
}  # fmt: skip


class _Layer:
    """What the calls forwards and backwards have in common. Arguments are operands, each of two places."""

    def __init__(self, p: Recurrent) -> None:
        self.p = p
        self.gates = GATES[p.kind] * p.hidden

    def read(self, address: int, rows: int, columns: int, strides: Sequence[int] | None = None) -> np.ndarray:
        places = places_of((rows, columns), tuple(strides or (columns, 1)))
        return np.array(np.broadcast_to(memory.read(address, self.p.dtype.numpy, places), (rows, columns)), np.float64)

    def weight(self, address: int) -> np.ndarray:
        access = self.p.weight
        return self.read(address, self.gates, self.p.hidden, (access.row_stride, access.column_stride))

    def sequences(self, address: int, reverse: bool) -> list[np.ndarray]:
        """The rows of each sequence, in the order in which they are taken."""
        sizes = contiguous(address, int64.numpy, (self.p.steps,))
        starts = np.cumsum(sizes) - sizes
        rows = [starts[sizes > number] + number for number in range(self.p.sequences)]
        return [each[::-1] if reverse else each for each in rows]

    def cut(self, rows: np.ndarray) -> list[np.ndarray]:
        return np.split(rows, rows.shape[-1] // self.p.hidden, axis=-1)

    def call(self, name: str, run: Callable[[list[int]], list[np.ndarray]], reads: list[Strided], writes: list[Operand]) -> Call:
        """A call that stores what ``run`` gives for the addresses of what it reads."""

        def stored(arguments: Arguments) -> None:
            addresses = [arguments.address(2 * k) for k in range(len(reads) + len(writes))]
            for address, result in zip(addresses[len(reads) :], run(addresses), strict=True):
                store_contiguous(address, result.astype(self.p.dtype.numpy))

        access = self.p.weight
        key = f"{name} {self.p[:7]} {access.row_stride} {access.column_stride} {[read.strides for read in reads]}"
        operands = [*(read.base for read in reads), *writes]
        return Call(
            Kernel(key, stored), operands, 1, reads=tuple(dict.fromkeys(read.operand for read in reads)),
            writes=tuple(writes), label=name,
        )  # fmt: skip

    def plain(self, operand: Operand) -> Strided:
        return Strided(operand, operand, self.p.dtype, ())


def lower_recurrent(
    p: Recurrent, projected: Strided, initial: Sequence[Strided], bias: Operand | None, output: Operand,
    ends: Sequence[Operand], kept: tuple[Operand, Sequence[Operand]] | None,
) -> list[Call]:  # fmt: skip
    layer, count = _Layer(p), len(initial)
    reads = [layer.plain(p.sizes), layer.plain(p.weight.operand), projected, *initial]
    if bias is not None:
        reads.append(layer.plain(bias))

    def run(addresses: list[int]) -> list[np.ndarray]:
        weight = layer.weight(addresses[1])
        given = layer.read(addresses[2], p.rows, layer.gates, projected.strides)
        states = [
            layer.read(address, p.sequences, p.hidden, state.strides) for address, state in zip(addresses[3:], initial)
        ]
        added = 0 if bias is None else layer.read(addresses[3 + count], 1, layer.gates)[0]
        out = np.empty((p.rows, p.hidden))
        activations = np.empty((p.rows, KEPT[p.kind] * p.hidden))
        before = [np.empty((p.rows, p.hidden)) for _ in states]
        for number, rows in enumerate(layer.sequences(addresses[0], p.reverse)):
            for row in rows:
                old = [state[number].copy() for state in states]
                new, keep = CELLS[p.kind][0](layer.cut(weight @ old[0] + added), layer.cut(given[row]), old)
                out[row], activations[row] = new[0], np.concatenate(keep)
                for state, place, was, now in zip(states, before, old, new):
                    place[row], state[number] = was, now
        return [out, *states, *([] if kept is None else [activations, *before])]

    writes = [output, *ends, *([] if kept is None else [kept[0], *kept[1]])]
    return [layer.call(f"{p.kind} {kept is None} {bias is None}", run, reads, writes)]


def lower_recurrent_gradient(
    p: Recurrent, d_output: Strided | None, d_ends: Sequence[Strided], kept: Operand, before: Sequence[Operand],
    d_projected: Operand, d_initial: Sequence[Operand], d_product: Operand | None,
) -> list[Call]:  # fmt: skip
    layer, count = _Layer(p), len(d_ends)
    reads = [layer.plain(p.sizes), layer.plain(p.weight.operand), layer.plain(kept), *map(layer.plain, before), *d_ends]
    if d_output is not None:
        reads.append(d_output)

    def run(addresses: list[int]) -> list[np.ndarray]:
        weight = layer.weight(addresses[1])
        activations = layer.read(addresses[2], p.rows, KEPT[p.kind] * p.hidden)
        states = [layer.read(address, p.rows, p.hidden) for address in addresses[3 : 3 + count]]
        d_states = [
            layer.read(address, p.sequences, p.hidden, state.strides)
            for address, state in zip(addresses[3 + count :], d_ends)
        ]
        d_rows = np.zeros((p.rows, p.hidden))
        if d_output is not None:
            d_rows = layer.read(addresses[3 + 2 * count], p.rows, p.hidden, d_output.strides)
        d_given, d_sums = np.empty((p.rows, layer.gates)), np.empty((p.rows, layer.gates))
        for number, rows in enumerate(layer.sequences(addresses[0], not p.reverse)):
            for row in rows:
                d = [state[number] for state in d_states]
                d[0] = d[0] + d_rows[row]
                found, product, old = CELLS[p.kind][1](d, layer.cut(activations[row]), [state[row] for state in states])
                d_given[row], d_sums[row] = np.concatenate(found), np.concatenate(product)
                for state, value in zip(d_states, old):
                    state[number] = value
                d_states[0][number] += d_sums[row] @ weight
        return [d_given, *d_states, *([] if d_product is None else [d_sums])]

    writes = [d_projected, *d_initial, *([] if d_product is None else [d_product])]
    return [layer.call(f"{p.kind} gradient {d_output is None}", run, reads, writes)]
