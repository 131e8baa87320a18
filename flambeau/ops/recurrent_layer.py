"""One direction of one recurrent layer over all steps, as one operation with one history node.

What lies in time is kept in rows: those of the first step, then those of the second, and so on, in a padded batch as many at
each step, in a packed one ever fewer, as sequences end (the longest come first). So the products of what does not depend on
the step are one product over all rows: of the input with its weights before the steps are taken, and afterwards the
gradients of the weights and of the input. Between them the same short step is applied to its own results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..core.composite import composite
from ..core.history import Gradient, is_half
from ..core.modes import without_history
from ..core.storage import Storage, whole
from ..core.tensor import Tensor
from ..graph.shapes import Size, View
from ..graph.trace import local, record_constant
from .dispatch import tracked
from .joining import cat, join
from .matrix import mm, transposed
from .recurrence import Recurrence, Weights


class Walk(NamedTuple):
    """In which order a layer takes its steps: ``sizes`` has the number of rows at each time."""

    sizes: tuple[int, ...]
    reverse: bool

    def steps(self) -> list[tuple[int, int]]:
        """The first row and the number of rows of each step, in the order in which they are taken."""
        return _steps(self.sizes, self.reverse)

    def in_order(self, taken: list[Tensor]) -> Tensor:
        """The rows of all times, given those of the steps as they were taken."""
        return joined(taken[::-1] if self.reverse else taken)

    def before(self, rows: Tensor, initial: Tensor) -> Tensor:
        """For each row of a state, the state before that step, the rows of ``initial`` where there was no step."""
        sizes = self.sizes
        pieces: list[tuple[Tensor, int, int]] = []  # where from, the first row, the number of rows
        start = 0
        if self.reverse:
            for size, later in zip(sizes, (*sizes[1:], 0)):
                start += size
                pieces += (rows, start, later), (initial, later, size - later)
        else:
            pieces.append((initial, 0, sizes[0]))
            for size, later in zip(sizes, sizes[1:]):
                pieces.append((rows, start, later))
                start += size
        return joined([part(*piece) for piece in _merged(pieces)] or [part(initial, 0, 0)])


@lru_cache(maxsize=256)
def _steps(sizes: tuple[int, ...], reverse: bool) -> list[tuple[int, int]]:
    steps, start = [], 0
    for size in sizes:
        steps.append((start, size))
        start += size
    return steps[::-1] if reverse else steps


def _merged(pieces: list[tuple[Tensor, int, int]]) -> list[tuple[Tensor, int, int]]:
    """Pieces with rows, those that lie one behind the other as one."""
    merged: list[tuple[Tensor, int, int]] = []
    for source, start, count in pieces:
        if merged and merged[-1][0] is source and merged[-1][1] + merged[-1][2] == start:
            merged[-1] = source, merged[-1][1], merged[-1][2] + count
        elif count:
            merged.append((source, start, count))
    return merged


def part(x: Tensor, start: int, count: int) -> Tensor:
    """``count`` rows of ``x``."""
    return x if count == x.shape[0] else cut(x, [(start, count)])[0]


def cut(x: Tensor, steps: Sequence[tuple[int, int]], block: int = 0, blocks: int = 1) -> list[Tensor]:
    """The rows of each step, or one of equal blocks of their columns.

    Without history ``x`` does not become a view of its memory for that, and all parts, which nobody writes to, share one storage.
    """
    width = x.shape[1] // blocks
    if x._tracked and local.grad:
        columns = x if blocks == 1 else x.narrow(1, block * width, width)
        return [columns.narrow(0, start, count) for start, count in steps]
    node = x._read()
    view = x._view or whole(node.shape)
    down, across = view.strides
    first = view.offset + block * width * across
    storage = Storage(node)
    parts = []
    known, seen = -1, view
    for start, count in steps:
        if count != known:
            known, seen = count, _rectangle(count, width, down, across)
        parts.append(Tensor._from_node(None, seen.at(first + start * down), storage))
    return parts


@lru_cache(maxsize=4096)
def _rectangle(rows: int, columns: int, down: int, across: int) -> View:
    """The view of a matrix, wherever it begins."""
    return View((rows, columns), (down, across), 1).moved


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Parts one below the other."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if tracked(*parts):
        return cat(list(parts))  # type: ignore[no-any-return]
    return join(parts, Size((sum(x.shape[0] for x in parts), *first.shape[1:])), first.dtype, 0, False)


class States:
    """A state, or its gradient, of the sequences under way. ``others`` has the rows of those that come later."""

    def __init__(self, others: Tensor) -> None:
        self.others = others
        self.rows: Tensor | None = None
        #: The rows of those that are no longer under way, the last first.
        self.ended: list[Tensor] = []

    def of(self, count: int) -> Tensor:
        """The rows of the first ``count`` sequences, from now on under way."""
        rows = self.rows
        if rows is None:
            rows = part(self.others, 0, count)
        else:
            have = rows.shape[0]
            if count < have:
                self.ended.insert(0, part(rows, count, have - count))
                rows = part(rows, 0, count)
            elif count > have:
                rows = joined([rows, part(self.others, have, count - have)])
        self.rows = rows
        return rows

    def all(self) -> Tensor:
        """The rows of all sequences, of each as it was last."""
        assert self.rows is not None
        return joined([self.rows, *self.ended])


def _taker(*operands: Tensor | None) -> Callable[..., Sequence[Any]]:
    """What takes steps: by one look-up each, or with their history if gradients of gradients are wanted."""
    return _with_history if tracked(*operands) else composite


def _with_history(step: Callable[..., Sequence[Any]], static: None, *operands: Tensor | None) -> Sequence[Any]:
    return step(static, *operands)


Settings = tuple[type[Recurrence], Walk, Any]


def _walked(settings: Settings, *inputs: Any) -> list[Tensor]:
    """The output's rows, the states at the end, and what is kept for the gradient if the settings say so."""
    kind, walk, keep = settings
    rows, *rest = inputs
    initial, (w_ih, w_hh, b_ih, b_hh, w_hr) = rest[: kind.states], rest[kind.states :]
    projected = mm(rows, transposed(w_ih))
    biases = [bias for bias in ((b_ih,) if kind.apart else (b_ih, b_hh)) if bias is not None]
    if biases:
        projected = projected + (biases[0] if len(biases) == 1 else biases[0] + biases[1])
    # Turned in memory once, so that each step reads it as it lies.
    weight = transposed(w_hh).contiguous()
    projection = None if w_hr is None else transposed(w_hr).contiguous()
    bias = b_hh if kind.apart else None
    blocks = kind.blocks.get("projected", 1)
    states = [States(state) for state in initial]
    names = kind.results if keep else kind.results[:1]
    steps = walk.steps()
    take = _taker(*inputs)
    taken = []
    for (_, count), *gates in zip(steps, *[cut(projected, steps, block, blocks) for block in range(blocks)]):
        now = [state.of(count) for state in states]
        results = take(kind.step, None, *gates, *now, weight, bias, projection)
        for state, new in zip(states, results):
            state.rows = new
        taken.append(results)
    found = {name: walk.in_order(list(each)) for name, each in zip(names, zip(*taken))}
    found["projected"] = projected
    return [found["h"], *[state.all() for state in states], *[found[name] for name in (kind.kept if keep else ())]]


def _walked_back(settings: Settings, d_output: Any, *given: Any) -> list[Tensor | None]:
    """The gradients of the inputs, given those of the output and of the states at the end (or None), the inputs, the output
    and what was kept. The settings say of each input whether its gradient is needed."""
    kind, walk, needed = settings
    d_ends, inputs, kept = given[: kind.states], given[kind.states :][: len(needed)], given[kind.states + len(needed) :]
    rows, *rest = inputs
    initial, (w_ih, w_hh, _, _, w_hr) = rest[: kind.states], rest[kind.states :]
    values = dict(zip(("h", *kind.kept), kept))
    values["h before"] = walk.before(values["h"], initial[0])
    if kind.states == 2:
        values["c before"] = walk.before(values["c"], initial[1])
    steps = walk.steps()[::-1]
    read: list[Sequence[Tensor | None]] = []
    for name in kind.reads:
        blocks = kind.blocks.get(name, 1)
        read += [cut(values[name], steps, block, blocks) for block in range(blocks)]
    states = [States(_zeros(state) if end is None else end) for end, state in zip(d_ends, initial)]
    take = _taker(d_output, *given)
    found = []
    of_output: Sequence[Tensor | None] = [None] * len(steps) if d_output is None else cut(d_output, steps)
    for (_, count), d_now, *now in zip(steps, of_output, *read):
        d_states = [state.of(count) for state in states]
        results = take(kind.gradient, None, d_now, *d_states, *now, w_hh, w_hr)
        for state, new in zip(states, results):
            state.rows = new
        found.append(results[len(states) :])
    back = walk._replace(reverse=not walk.reverse)
    d_projected, *others = [back.in_order(list(each)) for each in zip(*found)]
    d_hidden = others[0] if kind.apart else d_projected
    _, *_, ih, hh, bias_ih, bias_hh, hr = needed
    return [
        mm(d_projected, w_ih) if needed[0] else None,
        *[state.all() for state in states],
        mm(transposed(d_projected), rows) if ih else None,
        mm(transposed(d_hidden), values["h before"]) if hh else None,
        d_projected.sum(0) if bias_ih else None,
        d_hidden.sum(0) if bias_hh else None,
        mm(transposed(others[0]), others[1]) if hr else None,
    ]


def _zeros(like: Tensor) -> Tensor:
    return Tensor._from_node(record_constant(tuple(like.shape), 0, like.dtype))


class RecurrentLayerBackward(Gradient):
    """Inputs are the rows, the initial states and the weights; saved behind them are the output and what its kind keeps.

    ``context`` (kind, walk). Outputs are the rows of the output, and the states at the end.
    """

    replayable = False  # its steps are, which are the same for all numbers of them
    outputs = 2

    def backward(self, grad: Any) -> Any:
        kind, walk = self.context
        count = len(self.edges)
        inputs = [self.input(k) for k in range(count)]
        if local.grad:  # once more, so that what was kept has a history
            output, *rest = _walked((kind, walk, True), *inputs)
            kept = [output, *rest[kind.states :]]
        else:
            kept = [self.original(count + k) for k in range(1 + len(kind.kept))]
        given = [grad.get(number) for number in range(self.outputs)]
        settings = kind, walk, tuple([edge is not None for edge in self.edges])
        return tuple(_recorded(_walked_back, settings, *given, *inputs, *kept))


class RecurrentLayerOfTwoStatesBackward(RecurrentLayerBackward):
    outputs = 3


def _recorded(define: Callable[..., Any], settings: Settings, *operands: Any) -> Any:
    """What ``define`` gives. A single step, such as a cell takes, is recorded as a whole by one look-up, others step by step,
    so that walks of all lengths are made of the same."""
    if len(settings[1].sizes) == 1 and not tracked(*operands):
        return composite(define, settings, *operands)
    return define(settings, *operands)


def layer(
    kind: type[Recurrence], walk: Walk, rows: Tensor, initial: Sequence[Tensor], weights: Weights
) -> tuple[Tensor, ...]:
    """One direction of one layer: the rows of its output, and the states (sequences, hidden) at the end."""
    d = rows.dtype
    if is_half(rows):  # computed in float32 throughout, and rounded once
        wide: Any = [None if x is None else x.float() for x in weights]
        results = layer(kind, walk, rows.float(), [x.float() for x in initial], Weights(*wide))
        return tuple([x.to(d) for x in results])
    inputs = [rows, *initial, *weights]
    keep = tracked(*inputs)
    values = without_history(lambda: _recorded(_walked, (kind, walk, keep), *inputs))
    results = tuple(values[: 1 + kind.states])
    if keep:
        saved = [*inputs, values[0], *values[len(results) :]]
        pairs = tuple([(None, None) if x is None else (x._read(), x._view) for x in saved])
        edges = tuple([(x._gradient or x) if x is not None and x._tracked else None for x in inputs])
        gradient = RecurrentLayerOfTwoStatesBackward if kind.states == 2 else RecurrentLayerBackward
        history = gradient.of(edges, pairs, [x.shape for x in results], [d] * len(results), (kind, walk))
        if local.watched:
            history.observe()
        for number, result in enumerate(results):
            result._tracked = True
            result._gradient = history, number
    return results
