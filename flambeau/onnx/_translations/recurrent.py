"""Recurrent layers and cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flambeau

from .._builder import Builder, Value
from .elementwise import split
from .shapes import transpose

Row = Callable[..., Any]

_KINDS: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "lstm": ("LSTM", (0, 3, 1, 2), {}), "gru": ("GRU", (1, 0, 2), {"linear_before_reset": 1}),
    "rnn_tanh": ("RNN", (0,), {"activations": "Tanh"}), "rnn_relu": ("RNN", (0,), {"activations": "Relu"}),
}  # fmt: skip
"""{operation: (operator, the order of its gates in PyTorch's, settings)}."""


def _gates(g: Builder, weight: Value, order: Sequence[int]) -> Value:
    """A weight whose gates stand in the order of ONNX."""
    if order == (0,):
        return weight
    parts = split(g, weight, len(order), 0)
    return g.Concat(*[parts[place] for place in order], axis=0)  # type: ignore[no-any-return]


def _stacked(g: Builder, values: Sequence[Value]) -> Value:
    return g.joined([g.Unsqueeze(value, [0]) for value in values], 0)


def _network(name: str) -> Row:
    kind, order, settings = _KINDS[name]

    def row(
        g: Builder, x: Any, hx: Any, params: Any, has_biases: Any, num_layers: int, dropout: float, train: bool,
        bidirectional: bool, batch_first: bool = False,
    ) -> Any:  # fmt: skip
        if isinstance(has_biases, (list, tuple)):
            raise g.unsupported("a packed sequence; give padded sequences")
        states = [*hx] if name == "lstm" else [hx]
        count, directions = (4 if has_biases else 2), (2 if bidirectional else 1)
        projected = len(params) == num_layers * directions * (count + 1)
        if projected:
            raise g.unsupported("states are projected")
        x = transpose(g, x, [1, 0, 2]) if batch_first else x
        hidden = params[1].shape[1]
        how: dict[str, Any] = {key: value for key, value in settings.items() if key != "activations"}
        if "activations" in settings:
            how["activations"] = [settings["activations"]] * directions
        if bidirectional:
            how["direction"] = "bidirectional"
        last: list[list[Value]] = [[] for _ in states]
        for layer in range(num_layers):
            first = layer * directions * count
            each = [params[first + place * count : first + (place + 1) * count] for place in range(directions)]
            biases = None
            if has_biases:
                joined = [g.Concat(_gates(g, p[2], order), _gates(g, p[3], order), axis=0) for p in each]
                biases = _stacked(g, joined)
            own = [
                state if num_layers == 1 else g.slice(state, layer * directions, (layer + 1) * directions, 0) for state in states
            ]
            weights = [_stacked(g, [_gates(g, p[place], order) for p in each]) for place in (0, 1)]
            found = g.node(kind, x, *weights, biases, None, *own, outputs=1 + len(states), hidden_size=hidden, **how)
            # (steps, directions, sequences, hidden) to (steps, sequences, directions · hidden)
            x = g.Reshape(transpose(g, found[0], [0, 2, 1, 3]), [0, 0, directions * hidden])
            if train and dropout > 0 and layer < num_layers - 1:
                x = g.Dropout(x, g.number(dropout, flambeau.float32), g.number(True, flambeau.bool))
            for kept, state in zip(last, found[1:]):
                kept.append(state)
        x = transpose(g, x, [1, 0, 2]) if batch_first else x
        return x, *[g.joined(kept, 0) for kept in last]

    return row


# --- one step --------------------------------------------------------------------------------------------------------


def _products(g: Builder, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Value, Value]:
    return g.Gemm(x, w_ih, b_ih, transB=1), g.Gemm(h, w_hh, b_hh, transB=1)


def _lstm_cell(g: Builder, x: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    h, c = hx
    i, f, cell, o = split(g, g.Add(*_products(g, x, h, w_ih, w_hh, b_ih, b_hh)), 4, 1)
    c = g.Add(g.Mul(g.Sigmoid(f), c), g.Mul(g.Sigmoid(i), g.Tanh(cell)))
    return g.Mul(g.Sigmoid(o), g.Tanh(c)), c


def _gru_cell(g: Builder, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    one, two = (split(g, value, 3, 1) for value in _products(g, x, h, w_ih, w_hh, b_ih, b_hh))
    reset, update = g.Sigmoid(g.Add(one[0], two[0])), g.Sigmoid(g.Add(one[1], two[1]))
    new = g.Tanh(g.Add(one[2], g.Mul(reset, two[2])))
    return g.Add(new, g.Mul(update, g.Sub(h, new)))


def _cell(kind: str) -> Row:
    def row(g: Builder, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
        return g.node(kind, g.Add(*_products(g, x, h, w_ih, w_hh, b_ih, b_hh)))

    return row


ROWS: dict[str, Row] = {
    **{name: _network(name) for name in _KINDS}, "lstm_cell": _lstm_cell, "gru_cell": _gru_cell,
    "rnn_tanh_cell": _cell("Tanh"), "rnn_relu_cell": _cell("Relu"),
}  # fmt: skip
