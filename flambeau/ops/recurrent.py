"""Recurrent networks as PyTorch's functions: stacked layers over padded or packed sequences, and single steps (cells)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..core.composite import composite
from ..core.tensor import Meta, Tensor
from ..graph.dtypes import TYPE_NAMES, float64
from ..graph.shapes import Size, size_along
from .axes import transpose
from .conversion import check_floating
from .dispatch import tracked
from .dropout import dropout as dropped
from .joining import cat, stack
from .operation import Tensors, operation
from .packed_layer import walk_of
from .packing import sizes_of_steps
from .parts import unbind
from .recurrence import Gru, Lstm, Recurrence, Relu, Tanh, Weights
from .recurrent_layer import Walk, layer
from .reshaping import reshape, view
from .views import shown_as


def _weights(params: Sequence[Tensor], has_biases: bool, projected: bool) -> list[Weights]:
    """The weights of each direction of each layer, given one behind the other."""
    each = (4 if has_biases else 2) + projected
    if len(params) % each:
        raise RuntimeError("got an incorrect number of RNN parameters")
    found = []
    for start in range(0, len(params), each):
        w_ih, w_hh, *others = params[start : start + each]
        b_ih, b_hh = others[:2] if has_biases else (None, None)
        found.append(Weights(w_ih, w_hh, b_ih, b_hh, others[-1] if projected else None))
    return found


def _meta(tensors: Sequence[Tensor | None]) -> tuple[Meta | None, ...]:
    return tuple([None if x is None else x._output_meta(0) for x in tensors])


@lru_cache(maxsize=256)
def _check(
    count: int, rows: Meta, sequences: int, initial: tuple[Meta, ...], weights: tuple[Meta | None, ...]
) -> None:
    """``RuntimeError`` unless the operands of a layer with so many gates fit together: it reads their memory unasked.

    The same shapes and dtypes are looked at once.
    """
    (w_ih, d), (w_hh, _), b_ih, b_hh, hr = weights  # type: ignore[misc]
    w_hr = None if hr is None else hr[0]
    for other in (rows, *initial, *weights):
        if other is not None and other[1] is not d:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {TYPE_NAMES[other[1]]} and {TYPE_NAMES[d]}"
            )
    for matrix in (w_ih, w_hh) if w_hr is None else (w_ih, w_hh, w_hr):
        if len(matrix) != 2:
            raise RuntimeError(f"mat2 must be a matrix, got {len(matrix)}-D tensor")
    for state, _ in initial:
        if len(state) != 2:
            raise RuntimeError(f"states of layers must have 2 dimensions, (sequences, hidden), got {len(state)}")
    check_floating("addmm_impl_cpu_", d)
    gates, width = w_hh
    for (x, _), matrix in ((rows, w_ih), (initial[0], w_hh)):
        if x[-1] != matrix[1]:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({x[0]}x{x[-1]} and {matrix[1]}x{matrix[0]})"
            )
    hidden = width if w_hr is None else w_hr[1]
    if gates != count * hidden or w_ih[0] != gates or w_hr is not None and w_hr[0] != width:
        raise RuntimeError(
            f"weights of {w_ih[0]} and {gates} rows do not give {count} gates of {hidden} hidden units"
        )
    for (state, _), size in zip(initial, (width, hidden)):
        for axis, (given, wanted) in enumerate(zip(state, (sequences, size))):
            if given != wanted:
                raise RuntimeError(
                    f"The size of tensor a ({given}) must match the size of tensor b ({wanted}) at non-singleton dimension "
                    f"{axis}"
                )
    for bias in (b_ih, b_hh):
        if bias is not None and bias[0] not in ((gates,), (1,), ()):
            raise RuntimeError(f"The expanded size of the tensor ({gates}) must match the existing size {list(bias[0])}")


def _layers(
    kind: type[Recurrence], rows: Tensor, sizes: tuple[int, ...], hx: Sequence[Tensor], params: Any, has_biases: bool,
    num_layers: int, dropout: float, train: bool, bidirectional: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Layers one upon the other: the rows of the last one's output, and the states at the end of all."""
    if not sizes:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    walk = walk_of(sizes) if len(sizes) > 1 else None
    directions = 2 if bidirectional else 1
    projected = kind.states == 2 and hx[0].shape[-1] != hx[1].shape[-1]
    weights = _weights(params, has_biases, projected)
    initial = list(zip(*[unbind(state, 0) for state in hx]))
    if bidirectional and (len(weights) % 2 or len(initial) % 2):
        raise RuntimeError("Odd number of params or hiddens given to a bidirectional RNN")
    if len(initial) != num_layers * directions:
        raise RuntimeError("Expected more hidden states in stacked_rnn")
    if len(weights) != num_layers * directions:
        raise RuntimeError("Expected more weights in stacked_rnn")
    ends = []
    for number in range(num_layers):
        outputs = []
        for direction in range(directions):
            place = number * directions + direction
            _check(kind.gates, rows._output_meta(0), sizes[0], _meta(initial[place]), _meta(weights[place]))
            if walk is None:
                output, *states = layer(kind, Walk(sizes, direction == 1), rows, initial[place], weights[place])
            else:
                output, *states = walk.layer(kind, direction == 1, rows, initial[place], weights[place])
            outputs.append(output)
            ends.append(states)
        rows = outputs[0] if directions == 1 else cat(outputs, 1)
        if train and dropout != 0 and number < num_layers - 1:
            rows = dropped(rows, dropout, True)
    return rows, *[stack(list(states), 0) for states in zip(*ends)]


def _network(kind: type[Recurrence], *arguments: Any) -> tuple[Tensor, ...]:
    """:func:`_layers` over a padded batch, or over a packed one, where ``batch_sizes`` come second."""
    packed = isinstance(arguments[3], (list, tuple))
    if not isinstance(arguments[3 + packed], bool) or not isinstance(arguments[6 + packed], bool):
        raise TypeError("whether there are biases, and whether this is training, must be bool")
    if packed:
        data, batch_sizes, hx, *settings = arguments
        sizes = sizes_of_steps(batch_sizes)
        count = sum(sizes)
        rows = data if data.shape[0] == count else data.narrow(0, 0, count)
        return _layers(kind, rows, sizes, hx if kind.states == 2 else (hx,), *settings)
    input, hx, params, *settings = arguments
    operands = input, *(hx if kind.states == 2 else (hx,)), *params
    shape = input.shape
    if len(shape) != 3 or shape[settings[-1]] != 1 or tracked(*operands) or _drops(*settings):
        return _padded((kind, *settings), *operands)
    signature = kind, *settings, _meta(operands)
    if signature in _known:
        return tuple(composite(_padded, (kind, *settings), *operands))
    results = _padded((kind, *settings), *operands)
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known.add(signature)
    return results


MOST_KNOWN = 1024
_known: set[Any] = set()
"""Networks and operands of which a single step was found to fit together: it is recorded by one look-up from then on."""


def _drops(has_biases: bool, num_layers: int, dropout: float, train: bool, *_: bool) -> bool:
    return train and dropout != 0 and num_layers > 1


def _padded(static: tuple[Any, ...], input: Tensor, *operands: Tensor) -> tuple[Tensor, ...]:
    """:func:`_layers` over a padded batch; ``operands`` are the states before it and the weights."""
    kind, *settings, batch_first = static
    rank = len(input.shape)
    if rank != 3:
        raise RuntimeError(f"input must have 3 dimensions, got {rank}")
    if batch_first:
        input = transpose(input, 0, 1)
    steps, sequences, width = input.shape
    rows = reshape(input, steps * sequences, width)
    hx, params = operands[: kind.states], operands[kind.states :]
    rows, *ends = _layers(kind, rows, (sequences,) * steps, hx, params, *settings)
    output = shown_as(view(rows, steps, sequences, rows.shape[1]), _name_of_history(kind, rows, settings))
    if batch_first:
        output = shown_as(transpose(output, 0, 1), "TransposeBackward0" if kind.states == 2 else "TransposeBackward1")
    return output, *ends


def _name_of_history(kind: type[Recurrence], rows: Tensor, settings: Sequence[Any]) -> str:
    """What puts an output together in PyTorch, which programs print: two directions are put beside each other, else steps after
    each other, except for LSTMs, of which a layer is one function (in float64 it is not)."""
    if settings[-1]:
        return "CatBackward0"
    return "MkldnnRnnLayerBackward0" if kind.states == 2 and rows.dtype is not float64 else "StackBackward0"


_PACKED = "(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)"
"""The parameters of the overload that takes a packed batch."""


@operation("lstm" + _PACKED, method=False)
def lstm(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Long short-term memory: output (steps, sequences, hidden) and the states (layers · directions, sequences, hidden) at the
    end, of ``input`` (steps, sequences, features) and the two states ``hx`` at the beginning.

    Of a packed batch: ``lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``.
    """
    states = params if isinstance(has_biases, (list, tuple)) else hx
    if len(states) != 2:
        raise RuntimeError("lstm expects two hidden states")
    return _network(  # type: ignore[return-value]
        Lstm, input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


@operation("gru" + _PACKED, method=False)
def gru(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Gated recurrent units, called as :func:`lstm` but with one state."""
    return _network(  # type: ignore[return-value]
        Gru, input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


@operation("rnn_tanh" + _PACKED, method=False)
def rnn_tanh(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Layers of ``tanh(W x + U h + b)``, called as :func:`gru`."""
    return _network(  # type: ignore[return-value]
        Tanh, input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


@operation("rnn_relu" + _PACKED, method=False)
def rnn_relu(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Layers of ``max(W x + U h + b, 0)``, called as :func:`gru`."""
    return _network(  # type: ignore[return-value]
        Relu, input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


# --- single steps -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _check_cell(
    gates: int, input: Meta, initial: tuple[Meta, ...], weights: tuple[Meta | None, ...]
) -> None:
    """``RuntimeError`` unless the operands of a single step fit together. The same shapes and dtypes are looked at once."""
    x, (w_ih, _), (w_hh, _) = input[0], weights[0], weights[1]  # type: ignore[misc]
    if gates == 1:  # as PyTorch asks
        _check_rows(1, size_along(w_hh, 1), w_ih, w_hh)
    if size_along(x, 1) != size_along(w_ih, 1):
        raise RuntimeError(f"input has inconsistent input_size: got {x[1]} expected {w_ih[1]}")
    for number, (state, _) in enumerate(initial):
        if x[0] != size_along(state, 0):
            raise RuntimeError(f"Input batch size {x[0]} doesn't match hidden{number} batch size {state[0]}")
        if size_along(state, 1) != size_along(w_hh, 1):
            raise RuntimeError(f"hidden{number} has inconsistent hidden_size: got {state[1]}, expected {w_hh[1]}")
    _check_rows(gates, w_hh[1], w_ih, w_hh)
    if len(x) != 2 or any(len(state) != 2 for state, _ in initial):
        raise RuntimeError("a cell takes matrices, of which each row is of one sequence")
    _check(gates, input, x[0], initial, weights)


def _check_rows(gates: int, hidden: int, w_ih: Size, w_hh: Size) -> None:
    """``RuntimeError`` unless the weights have as many rows as ``gates`` of the hidden size."""
    for name, matrix in (("weight_ih", w_ih), ("weight_hh", w_hh)):
        if size_along(matrix, 0) != gates * hidden:
            raise RuntimeError(
                f"{name} first dim must be {gates} * hidden_size = {gates * hidden}, but got {matrix[0]}"
            )


def _cell(
    kind: type[Recurrence], input: Tensor, initial: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None,
    b_hh: Tensor | None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The states after one step, of ``input`` (sequences, features) and the states before it."""
    weights = Weights(w_ih, w_hh, b_ih, b_hh)
    meta = input._output_meta(0)
    _check_cell(kind.gates, meta, _meta(initial), _meta(weights))
    _, *states = layer(kind, Walk((meta[0][0],), False), input, initial, weights)
    return tuple(states)


@operation(method=False)
def lstm_cell(
    input: Tensor, hx: Tensors, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One step of :func:`lstm`: the two states (sequences, hidden) after it."""
    if len(hx) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")
    return _cell(Lstm, input, hx, w_ih, w_hh, b_ih, b_hh)  # type: ignore[return-value]


@operation(method=False)
def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of :func:`gru`: the state (sequences, hidden) after it."""
    return _cell(Gru, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@operation(method=False)
def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of :func:`rnn_tanh`."""
    return _cell(Tanh, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@operation(method=False)
def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of :func:`rnn_relu`."""
    return _cell(Relu, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]
