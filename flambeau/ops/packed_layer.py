"""One direction of one recurrent layer over a batch, packed or of equal lengths, as one operation with one history node.

All steps are one primitive, forwards and backwards, which reads from memory how many sequences have each step: whatever the
lengths are, the same is recorded. What does not depend on the step is products over all rows, before and behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.history import is_half
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph.primitives import RECURRENT, RECURRENT_GRADIENT
from ..graph.trace import local, record_constant, record_outputs
from ..kernels.kernel import GATES, KEPT
from .dispatch import share, tracked
from .from_data import from_array
from .matrix import mm, transposed
from .recurrence import Recurrence, Weights
from .recurrent_layer import RecurrentLayerBackward, Walk, layer
from .views import contiguous_node

MOST_WEIGHTS = 1 << 20
"""More of them leave the caches from step to step, and are better read once in each step, by all sequences together."""


@lru_cache(maxsize=64)
def walk_of(sizes: tuple[int, ...]) -> PackedWalk:
    """The walk through steps of which ``sizes`` has the numbers of sequences."""
    return PackedWalk(sizes)


class PackedWalk:
    """In which order the steps are taken of which ``sizes`` has the numbers of sequences."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        #: The same in memory, which nobody else sees.
        self.counts = from_array(np.array(sizes, np.int64))

    def layer(
        self, kind: type[Recurrence], reverse: bool, rows: Tensor, initial: Sequence[Tensor], weights: Weights
    ) -> tuple[Tensor, ...]:
        """One direction of one layer: the rows of its output, and the states (sequences, hidden) at the end."""
        walk = Walk(self.sizes, reverse)
        empty = not self.sizes[0] or not weights.w_hh.numel()  # nothing for the kernel to divide into tiles
        if empty or weights.w_hr is not None or weights.w_hh.numel() > MOST_WEIGHTS:
            return layer(kind, walk, rows, initial, weights)
        if is_half(rows):  # computed in float32 throughout, and rounded once
            wide: Any = [None if x is None else x.float() for x in weights]
            results = self.layer(kind, reverse, rows.float(), [x.float() for x in initial], Weights(*wide))
            return tuple([x.to(rows.dtype) for x in results])
        inputs = [rows, *initial, *weights]
        keeps = tracked(*inputs)
        values = without_history(lambda: _walked(kind, reverse, keeps, self.counts, inputs))
        results = tuple(values[: 1 + kind.states])
        if keeps:
            saved = [*inputs, *values[len(results) :]]
            pairs = tuple([(None, None) if x is None else (x._read(), x._view) for x in saved])
            edges = tuple([(x._gradient or x) if x is not None and x._tracked else None for x in inputs])
            gradient = PackedLayerOfTwoStatesBackward if kind.states == 2 else PackedLayerBackward
            shapes, dtypes = [x.shape for x in results], [rows.dtype] * len(results)
            history = gradient.of(edges, pairs, shapes, dtypes, (kind, walk))
            share(history, results)
        return results


def _adjoining(x: Tensor) -> Any:
    """The value and view of a matrix of which elements adjoin along rows."""
    if x.stride()[-1] != 1:
        x = x.contiguous()
    return x._read(), x._view


def _walked(kind: type[Recurrence], reverse: bool, keeps: bool, counts: Tensor, inputs: Sequence[Any]) -> list[Tensor]:
    """The output's rows, the states at the end, and if it ``keeps`` them for the gradient, activations and the states before
    each row."""
    rows, *rest = inputs
    initial, (w_ih, w_hh, b_ih, b_hh, _) = rest[: kind.states], rest[kind.states :]
    projected = mm(rows, transposed(w_ih))
    biases = [bias for bias in ((b_ih,) if kind.apart else (b_ih, b_hh)) if bias is not None]
    if biases:
        projected = projected + (biases[0] if len(biases) == 1 else biases[0] + biases[1])
    name, d, hidden = kind.name, rows.dtype, w_hh.shape[1]
    count, sequences = rows.shape[0], initial[0].shape[0]
    operands = [_adjoining(projected), (contiguous_node(counts), None), (w_hh._read(), w_hh._view)]
    operands += [_adjoining(state) for state in initial]
    biased = kind.apart and b_hh is not None
    if biased:
        operands.append((contiguous_node(b_hh.expand(GATES[name] * hidden)), None))
    shapes = [(sequences, hidden)] * kind.states
    if keeps:
        shapes += [(count, hidden * KEPT[name]), *[(count, hidden)] * kind.states]
    outputs = [(shape, d, number + 1) for number, shape in enumerate(shapes)]
    attributes = (count, hidden), d, name, reverse, biased, keeps
    return [*map(Tensor._from_node, record_outputs(RECURRENT, attributes, outputs, *operands))]


class PackedLayerBackward(RecurrentLayerBackward):
    """Saved behind the inputs are the activations and the states before each row.

    The numbers of sequences are the walk's: hooks on saved values would change them, which say what memory is written to.
    """

    def backward(self, grad: Any) -> Any:
        if local.grad:  # step by step, so that each has a history
            return super().backward(grad)
        kind, walk = self.context
        name, count = kind.name, len(self.edges)
        rows, *rest = [self.input(k) for k in range(count)]
        initial, (w_ih, w_hh, *_) = rest[: kind.states], rest[kind.states :]
        activations, *before = [self.original(count + k) for k in range(1 + kind.states)]
        d, hidden = rows.dtype, w_hh.shape[1]
        d_output, *d_ends = self.given(grad)
        counts = walk_of(walk.sizes).counts
        operands = [(contiguous_node(counts), None), (w_hh._read(), w_hh._view)]
        operands += [(contiguous_node(x), None) for x in (activations, *before)]
        for state, d_end in zip(initial, d_ends):
            operands.append((record_constant(tuple(state.shape), 0, d), None) if d_end is None else _adjoining(d_end))
        if d_output is not None:
            operands.append(_adjoining(d_output))
        wide = (rows.shape[0], hidden * GATES[name])
        shapes = [*[state.shape for state in initial], *[wide] * kind.apart]
        outputs = [(tuple(shape), d, number + 1) for number, shape in enumerate(shapes)]
        attributes = wide, d, name, walk.reverse, d_output is not None
        nodes = record_outputs(RECURRENT_GRADIENT, attributes, outputs, *operands)
        d_projected, *others = map(Tensor._from_node, nodes)
        d_product = others[kind.states] if kind.apart else d_projected
        _, *_, ih, hh, bias_ih, bias_hh, _ = [edge is not None for edge in self.edges]
        d_bias = d_projected.sum(0) if bias_ih or bias_hh else None
        return (
            mm(d_projected, w_ih) if self.edges[0] is not None else None,
            *others[: kind.states],
            mm(transposed(d_projected), rows) if ih else None,
            mm(transposed(d_product), before[0]) if hh else None,
            d_bias if bias_ih else None,
            d_bias if bias_hh and not kind.apart else d_product.sum(0) if bias_hh else None,
            None,
        )


class PackedLayerOfTwoStatesBackward(PackedLayerBackward):
    outputs = 3
