"""One direction of one recurrent layer over all steps, as one operation with one history node.

What lies in time is kept in rows: those of the first step, then those of the second, and so on, in a padded batch as many at
each step, in a packed one ever fewer, as sequences end (the longest come first). So the products of what does not depend on
the step are one product over all rows: of the input with its weights before the steps are taken, and afterwards the
gradients of the weights and of the input. Between them the same short step is applied to its own results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, groupby
from typing import Any, NamedTuple

from ..core.composite import composite_values
from ..core.history import Gradient, Packed, is_half
from ..core.modes import without_history
from ..core.recording import Pair, tensor_of, values_of
from ..core.storage import is_exposed
from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES
from ..graph.trace import local, record_constant
from .dispatch import share, tracked
from .matrix import mm, transposed
from .recurrence import Recurrence, Weights
from .rows import Steps, way_for


class Walk(NamedTuple):
    """In which order a layer takes its steps: ``sizes`` has the number of rows at each time."""

    sizes: tuple[int, ...]
    reverse: bool

    def steps(self) -> Steps:
        """The first row and the number of rows of each step, in the order in which they are taken."""
        steps = tuple(zip(accumulate(self.sizes, initial=0), self.sizes))
        return steps[::-1] if self.reverse else steps

    def in_order(self, taken: Sequence[Any]) -> Sequence[Any]:
        """What there is of each time, given that of the steps as they were taken."""
        return taken[::-1] if self.reverse else taken

    def before(self, way: Any, rows: Any, initial: Any) -> Any:
        """For each row of a state, the state before that step, the rows of ``initial`` where there was no step."""
        runs = [(size, len(list(equal))) for size, equal in groupby(self.sizes)]
        pieces: list[tuple[Any, int, int]] = []  # where from, the first row, the number of rows
        start = 0
        if self.reverse:
            for (size, count), (later, _) in zip(runs, (*runs[1:], (0, 0))):
                # All but the last step of a run begin with what the next one gave, and of that one those rows that go on.
                pieces += (rows, start + size, (count - 1) * size + later), (initial, later, size - later)
                start += size * count
        else:
            source, first = initial, 0
            for size, count in runs:
                pieces += (source, first, size), (rows, start, (count - 1) * size)
                start += size * count
                source, first = rows, start - size
        some = [piece for piece in pieces if piece[2]] or pieces[:1]
        return way.joined([way.cut(source, ((start, count),))[0] for source, start, count in some])


class States:
    """A state, or its gradient, of the sequences under way. ``others`` has the rows of those that come later."""

    def __init__(self, way: Any, others: Any) -> None:
        self.way, self.others = way, others
        self.rows: Any = None
        self.have = 0
        #: The rows of those that are no longer under way, the last first.
        self.ended: list[Any] = []

    def of(self, count: int) -> Any:
        """The rows of the first ``count`` sequences, from now on under way."""
        have = self.have
        if count != have or self.rows is None:
            cut, rows = self.way.cut, self.rows
            if count < have:
                self.ended.insert(0, cut(rows, ((count, have - count),))[0])
                rows = cut(rows, ((0, count),))[0]
            else:
                (new,) = cut(self.others, ((have, count - have),))
                rows = new if rows is None else self.way.joined([rows, new])
            self.rows, self.have = rows, count
        return self.rows

    def all(self) -> Tensor:
        """The rows of all sequences, of each as it was last."""
        return self.way.tensor(self.way.joined([self.rows, *self.ended]))  # type: ignore[no-any-return]


Settings = tuple[type[Recurrence], Walk, Any]


def _walked(settings: Settings, *inputs: Any) -> list[Tensor]:
    """The output's rows, the states at the end, and what is kept for the gradient if the settings say so."""
    kind, walk, keep = settings
    way = way_for(*inputs)
    rows, *rest = inputs
    initial, (w_ih, w_hh, b_ih, b_hh, w_hr) = rest[: kind.states], rest[kind.states :]
    projected = mm(rows, transposed(w_ih))
    biases = [bias for bias in ((b_ih,) if kind.apart else (b_ih, b_hh)) if bias is not None]
    if biases:
        projected = projected + (biases[0] if len(biases) == 1 else biases[0] + biases[1])
    # Turned in memory once, so that each step reads it as it lies.
    weight = way.of(transposed(w_hh).contiguous())
    projection = way.of(None if w_hr is None else transposed(w_hr).contiguous())
    bias = way.of(b_hh if kind.apart else None)
    states = [States(way, way.of(state)) for state in initial]
    steps = walk.steps()
    blocks = kind.blocks.get("projected", 1)
    gates = [way.cut(way.of(projected), steps, block, blocks) for block in range(blocks)]
    taken = []
    for (_, count), *now in zip(steps, *gates):
        results = way.take(kind.step, *now, *[state.of(count) for state in states], weight, bias, projection)
        for state, new in zip(states, results):
            state.rows = new
        taken.append(results)
    found = {"projected": projected}
    for name, each in zip(kind.results if keep else kind.results[:1], zip(*taken)):
        found[name] = way.tensor(way.joined(walk.in_order(each)))
    return [found["h"], *[state.all() for state in states], *[found[name] for name in (kind.kept if keep else ())]]


def _walked_back(settings: Settings, d_output: Any, *given: Any) -> list[Tensor | None]:
    """The gradients of the inputs, given those of the output and of the states at the end (or None), the inputs, the output
    and what was kept. The settings say of each input whether its gradient is needed."""
    kind, walk, needed = settings
    way = way_for(d_output, *given)
    d_ends, inputs, kept = given[: kind.states], given[kind.states :][: len(needed)], given[kind.states + len(needed) :]
    rows, *rest = inputs
    initial, (w_ih, w_hh, _, _, w_hr) = rest[: kind.states], rest[kind.states :]
    values = {name: way.of(x) for name, x in zip(("h", *kind.kept), kept)}
    for name, state in zip(kind.results, initial):
        values[f"{name} before"] = walk.before(way, values[name], way.of(state))
    steps = walk.steps()[::-1]
    read = [[way.of(None)] * len(steps) if d_output is None else way.cut(way.of(d_output), steps)]
    for name in kind.reads:
        blocks = kind.blocks.get(name, 1)
        read += [way.cut(values[name], steps, block, blocks) for block in range(blocks)]
    states = [States(way, way.of(_zeros(state) if end is None else end)) for end, state in zip(d_ends, initial)]
    weight, projection = way.of(_unshared(w_hh)), way.of(None if w_hr is None else _unshared(w_hr))
    taken = []
    for (_, count), d_now, *now in zip(steps, *read):
        results = way.take(kind.gradient, d_now, *[state.of(count) for state in states], *now, weight, projection)
        for state, new in zip(states, results):
            state.rows = new
        taken.append(results[len(states) :])
    back = walk._replace(reverse=not walk.reverse)
    d_projected, *others = [way.tensor(way.joined(back.in_order(each))) for each in zip(*taken)]
    d_hidden = others[0] if kind.apart else d_projected
    _, *_, ih, hh, bias_ih, bias_hh, hr = needed
    return [
        mm(d_projected, w_ih) if needed[0] else None,
        *[state.all() for state in states],
        mm(transposed(d_projected), rows) if ih else None,
        mm(transposed(d_hidden), way.tensor(values["h before"])) if hh else None,
        d_projected.sum(0) if bias_ih else None,
        d_hidden.sum(0) if bias_hh else None,
        mm(transposed(others[0]), others[1]) if hr else None,
    ]


def _unshared(weight: Tensor) -> Tensor:
    """A weight; a copy if others can write to its memory, which would otherwise be read anew at each step."""
    return weight.clone() if is_exposed(weight._read()) else weight


def _zeros(like: Tensor) -> Tensor:
    return Tensor._from_node(record_constant(tuple(like.shape), 0, like.dtype))


class RecurrentLayerBackward(Gradient):
    """Inputs are the rows, the initial states and the weights; saved behind them are the output and what its kind keeps.

    ``context`` (kind, walk). Outputs are the rows of the output, and the states at the end.
    """

    replayable = False  # its steps are, which are the same for all numbers of them
    outputs = 2

    def original(self, index: int) -> Any:
        """As it was saved. What a user's hook gives back is read unasked, too, so ``RuntimeError`` if that is of another kind."""
        value = super().original(index)
        saved = self.saved[index][0]
        if type(saved) is Packed and (value.shape != saved.shape or value.dtype is not saved.dtype):
            raise RuntimeError(
                f"unpack_hook gave {TYPE_NAMES[value.dtype]} of shape {list(value.shape)} for what was saved as "
                f"{TYPE_NAMES[saved.dtype]} of shape {list(saved.shape)}"
            )
        return value

    def given(self, grad: Any) -> list[Tensor | None]:
        """The gradient of each output, or None; of those that a user's hook or call gives no other part asks what they are."""
        found: list[Tensor | None] = [grad.get(number) for number in range(self.outputs)]
        for number, value in enumerate(found):
            shape, d = self._output_meta(number)
            if value is not None and (value.shape != shape or value.dtype is not d):
                raise RuntimeError(
                    f"{self.name()} needs a gradient of {TYPE_NAMES[d]} and shape {list(shape)} for output {number}, but got "
                    f"{TYPE_NAMES[value.dtype]} of shape {list(value.shape)}"
                )
        return found

    def backward(self, grad: Any) -> Any:
        kind, walk = self.context
        count = len(self.edges)
        inputs = [self.input(k) for k in range(count)]
        if local.grad:  # once more, so that what was kept has a history
            output, *rest = _walked((kind, walk, True), *inputs)
            kept = [output, *rest[kind.states :]]
        else:
            kept = [self.original(count + k) for k in range(1 + len(kind.kept))]
        given = self.given(grad)
        settings = kind, walk, tuple([edge is not None for edge in self.edges])
        operands = *given, *inputs, *kept
        if tracked(*operands):
            return tuple(_walked_back(settings, *operands))
        return tuple([tensor_of(*pair) for pair in _recorded(_walked_back, settings, *operands)])


class RecurrentLayerOfTwoStatesBackward(RecurrentLayerBackward):
    outputs = 3


def _recorded(define: Callable[..., Any], settings: Settings, *operands: Any) -> list[Pair]:
    """Values and views of what ``define`` gives. A single step, such as a cell takes, is recorded as a whole by one look-up,
    others step by step, so that walks of all lengths are made of the same."""
    if len(settings[1].sizes) == 1:
        return composite_values(define, settings, operands)
    return without_history(lambda: values_of(define(settings, *operands), []))


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
    values = _recorded(_walked, (kind, walk, keep), *inputs)
    results = tuple([tensor_of(*pair) for pair in values[: 1 + kind.states]])
    if keep:
        pairs = *[(None, None) if x is None else (x._read(), x._view) for x in inputs], values[0], *values[len(results) :]
        edges = tuple([(x._gradient or x) if x is not None and x._tracked else None for x in inputs])
        gradient = RecurrentLayerOfTwoStatesBackward if kind.states == 2 else RecurrentLayerBackward
        history = gradient.of(edges, pairs, [x.shape for x in results], [d] * len(results), (kind, walk))
        share(history, results)
    return results
