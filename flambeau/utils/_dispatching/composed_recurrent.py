"""Recurrent layers and cells, of which PyTorch composes all but whole LSTMs before modes see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .composed import COMPOSED, composed
from .composed_layers import _dropout
from .emitting import emit

Weights = list[Any]
"""Of one layer in one direction: to the gates from the input and from the state, and the biases of both, or None."""


def _linear(input: Any, weight: Any, bias: Any) -> Any:
    return COMPOSED["linear.default"](input, weight, bias)


def _parts(gates: Any, count: int) -> Any:
    return emit("unsafe_split.Tensor", gates, gates.shape[1] // count, 1)


def _gru(gates: Any, state: Any, weights: Weights) -> Any:
    """The next state, given what the input has to say."""
    of_input, of_state = _parts(gates, 3), _parts(_linear(state, weights[1], weights[3]), 3)
    reset = emit("sigmoid_.default", emit("add_.Tensor", of_state[0], of_input[0]))
    keep = emit("sigmoid_.default", emit("add_.Tensor", of_state[1], of_input[1]))
    new = emit("tanh_.default", emit("add.Tensor", of_input[2], emit("mul_.Tensor", of_state[2], reset)))
    return emit("add_.Tensor", emit("mul_.Tensor", emit("sub.Tensor", state, new), keep), new)


def _simple(function: str) -> Callable[[Any, Any, Weights], Any]:
    def next_state(gates: Any, state: Any, weights: Weights) -> Any:
        return emit(function, emit("add_.Tensor", _linear(state, weights[1], weights[3]), gates))

    return next_state


def _run(cell: Callable[[Any, Any, Weights], Any], input: Any, state: Any, weights: Weights, backwards: bool) -> tuple[Any, Any]:
    """All steps of one layer in one direction: the outputs, and the last state."""
    steps = emit("unbind.int", _linear(input, weights[0], weights[2]))
    outputs = []
    for gates in reversed(steps) if backwards else steps:
        state = cell(gates, state, weights)
        outputs.append(state)
    return emit("stack.default", outputs[::-1] if backwards else outputs), state


def _layers(cell: Callable[[Any, Any, Weights], Any]) -> Callable[..., Any]:
    def recurrent(
        input: Any, hx: Any, params: Any, has_biases: bool, num_layers: int, dropout: float, train: bool, bidirectional: bool,
        batch_first: bool,
    ) -> Any:  # fmt: skip
        if batch_first:
            input = emit("transpose.int", input, 0, 1)
        states = emit("unbind.int", hx)
        size = 4 if has_biases else 2
        each = [[*params[k : k + size], None, None][:4] for k in range(0, len(params), size)]
        directions = 2 if bidirectional else 1
        last = []
        for layer in range(num_layers):
            found = []
            for way in range(directions):
                place = directions * layer + way
                outputs, state = _run(cell, input, states[place], each[place], way == 1)
                found.append(outputs)
                last.append(state)
            input = emit("cat.default", found, found[0].ndim - 1) if bidirectional else found[0]
            if layer < num_layers - 1:
                input = _dropout(input, dropout, train)
        output = emit("transpose.int", input, 0, 1) if batch_first else input
        return output, emit("stack.default", last)

    return recurrent


COMPOSED["gru.input"] = _layers(_gru)
COMPOSED["rnn_tanh.input"] = _layers(_simple("tanh.default"))
COMPOSED["rnn_relu.input"] = _layers(_simple("relu.default"))


def _cell(next_state: Callable[[Any, Any, Weights], Any]) -> Callable[..., Any]:
    def cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
        return next_state(_linear(input, w_ih, b_ih), hx, [w_ih, w_hh, b_ih, b_hh])

    return cell


COMPOSED["gru_cell.default"] = _cell(_gru)
COMPOSED["rnn_tanh_cell.default"] = _cell(_simple("tanh.default"))
COMPOSED["rnn_relu_cell.default"] = _cell(_simple("relu.default"))


@composed("lstm_cell.default")
def _lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    state, memory = hx
    gates = emit("add_.Tensor", _linear(input, w_ih, b_ih), _linear(state, w_hh, b_hh))
    enter, keep, new, leave = _parts(gates, 4)
    enter, keep = emit("sigmoid_.default", enter), emit("sigmoid_.default", keep)
    new, leave = emit("tanh_.default", new), emit("sigmoid_.default", leave)
    memory = emit("add_.Tensor", emit("mul.Tensor", keep, memory), emit("mul.Tensor", enter, new))
    return emit("mul.Tensor", leave, emit("tanh.default", memory)), memory
