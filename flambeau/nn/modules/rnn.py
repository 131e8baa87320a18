"""Recurrent networks over sequences, padded or packed, and their single steps (cells)."""

from __future__ import annotations

import math
import numbers
import weakref
from collections.abc import Callable
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.notices import warn
from ...ops.autocast import state as autocast
from .. import init
from .._packed_sequence import PackedSequence
from ..parameter import empty_parameter
from .module import Module

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
"""How many times the hidden size the rows of a weight are, by mode."""


def apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Tensor:
    """The old name of ``tensor.index_select(dim, permutation)``."""
    warn(
        "`apply_permutation` is deprecated, please use `tensor.index_select(dim, permutation)` instead", FutureWarning
    )
    return tensor.index_select(dim, permutation)


class RNNBase(Module):
    """What recurrent networks have in common: the weights of each direction of each layer, and how they are called.

    Weights are named ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``, ``bias_hh_l0`` and, with ``proj_size``,
    ``weight_hr_l0``, with the number of the layer, and ``_reverse`` behind it for the backward direction.
    """

    __constants__ = [
        "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size",
    ]  # fmt: skip

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_settings(dropout)
        self._name_weights()
        gates = _GATES[mode] * hidden_size
        state_size = proj_size or hidden_size
        directions = 2 if bidirectional else 1
        for place, names in enumerate(self._all_weights):
            features = input_size if place < directions else state_size * directions
            shapes = {"weight_ih": (gates, features), "weight_hh": (gates, state_size), "weight_hr": (proj_size, hidden_size)}
            for name in names:
                shape = shapes.get(name.partition("_l")[0], (gates,))
                setattr(self, name, empty_parameter(shape, device, dtype))
        self._init_flat_weights()
        self.reset_parameters()

    def _check_settings(self, dropout: Any) -> None:
        if not isinstance(dropout, numbers.Number) or not 0 <= self.dropout <= 1 or isinstance(dropout, bool):
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if self.dropout > 0 and self.num_layers == 1:
            warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
                f"greater than 1, but got dropout={dropout} and num_layers={self.num_layers}"
            )
        for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int), ("hidden_size", int)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
            if kind is int and value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + self.mode)

    # --- weights ---------------------------------------------------------------------------------------------------

    def _name_weights(self) -> None:
        kinds = ["weight_ih", "weight_hh"]
        if self.bias:
            kinds += ["bias_ih", "bias_hh"]
        if self.proj_size > 0:
            kinds += ["weight_hr"]
        self._all_weights = [
            [f"{kind}_l{layer}{suffix}" for kind in kinds]
            for layer in range(self.num_layers)
            for suffix in (("", "_reverse") if self.bidirectional else ("",))
        ]
        self._flat_weights_names = [name for names in self._all_weights for name in names]

    def _init_flat_weights(self) -> None:
        self._flat_weights: list[Any] = [getattr(self, name, None) for name in self._flat_weights_names]
        self._note_weights()
        self.flatten_parameters()

    def _note_weights(self) -> None:
        self._flat_weight_refs = [None if weight is None else weakref.ref(weight) for weight in self._flat_weights]

    def __setattr__(self, name: str, value: Any) -> None:
        names = self.__dict__.get("_flat_weights_names")
        if names is not None and name in names and "_flat_weights" in self.__dict__:
            self._flat_weights[names.index(name)] = value
        super().__setattr__(name, value)

    def flatten_parameters(self) -> None:
        """Weights lie wherever they are: that is for cuDNN."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        self._flat_weight_refs = []
        result = super()._apply(fn, recurse)
        self._init_flat_weights()
        return result

    def reset_parameters(self) -> None:
        """Draw all weights uniformly from ± 1 / √hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _weights_have_changed(self) -> bool:
        """Whether another tensor stands for a weight than when they were noted, as under ``functional_call``."""
        parameters = self._parameters
        for reference, name in zip(self._flat_weight_refs, self._flat_weights_names, strict=True):
            weight = parameters[name] if name in parameters else getattr(self, name, None)
            if weight is not None and reference is not None and reference() is not weight:
                return True
        return False

    def _update_flat_weights(self) -> None:
        if self._weights_have_changed():
            self._init_flat_weights()

    @property
    def all_weights(self) -> list[list[Any]]:
        """The weights of each direction of each layer."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def __getstate__(self) -> dict[str, Any]:
        self._update_flat_weights()
        state = super().__getstate__()
        del state["_flat_weight_refs"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "all_weights" in state:
            self._all_weights = state["all_weights"]
        if "proj_size" not in state:
            self.proj_size = 0
        if not isinstance(self._all_weights[0][0], str):  # modules that early versions pickled have the weights there
            self._name_weights()
            self._flat_weights = [getattr(self, name, None) for name in self._flat_weights_names]
        self._note_weights()

    def _replicate_for_data_parallel(self) -> Any:
        replica = super()._replicate_for_data_parallel()
        replica._flat_weights = replica._flat_weights[:]
        replica._flat_weights_names = replica._flat_weights_names[:]
        return replica

    # --- what it is called with ------------------------------------------------------------------------------------

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise what PyTorch does unless the input has the weights' dtype, the right rank and the right width."""
        d = self._flat_weights[0].dtype
        if input.dtype is not d and not autocast.enabled:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({d}). Convert input: input.to({d}), or "
                f"convert model: model.to({input.dtype})"
            )
        rank = 3 if batch_sizes is None else 2
        if input.dim() != rank:
            raise RuntimeError(f"input must have {rank} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            )

    def _expected_size(self, input: Tensor, batch_sizes: Tensor | None, width: int) -> tuple[int, int, int]:
        sequences = input.size(0 if self.batch_first else 1) if batch_sizes is None else int(batch_sizes[0])
        return self.num_layers * (2 if self.bidirectional else 1), sequences, width

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The size of the hidden state for an input, which is packed if there are ``batch_sizes``."""
        return self._expected_size(input, batch_sizes, self.proj_size or self.hidden_size)

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """``RuntimeError`` with ``msg`` unless the state has the expected size."""
        if hx.size() != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Check the input and the state."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state with its sequences in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        return text + "".join(f", {name}={self.__dict__[name]}" for name, value in usual.items() if self.__dict__[name] != value)

    # --- the call --------------------------------------------------------------------------------------------------

    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        """The state before the first step where none is given."""
        return flambeau.zeros(self.get_expected_hidden_size(input, batch_sizes), dtype=input.dtype)

    def _with_sequences(self, hx: Any, batched: bool) -> Any:
        """The given state with an axis of sequences; ``RuntimeError`` unless it fits the input's rank."""
        if batched:
            if hx.dim() != 3:
                raise RuntimeError(f"For batched 3-D input, hx should also be 3-D but got {hx.dim()}-D tensor")
            return hx
        if hx.dim() != 2:
            raise RuntimeError(f"For unbatched 2-D input, hx should also be 2-D but got {hx.dim()}-D tensor")
        return hx.unsqueeze(1)

    def _run(self, input: Any, hx: Any) -> tuple[Any, Any]:
        """The output, packed if the input is, and the state at the end."""
        self._update_flat_weights()
        settings = self._flat_weights, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional
        function = getattr(flambeau, self.mode.lower())
        if isinstance(input, PackedSequence):
            data, batch_sizes, sorted_indices, unsorted_indices = input
            hx = self._zeros(data, batch_sizes) if hx is None else self.permute_hidden(hx, sorted_indices)
            self.check_forward_args(data, hx, batch_sizes)
            output, *states = function(data, batch_sizes, hx, *settings)
            output = PackedSequence(output, batch_sizes, sorted_indices, unsorted_indices)
            return output, self.permute_hidden(self._joined(states), unsorted_indices)
        if input.dim() not in (2, 3):
            kind = self._get_name()
            raise ValueError(
                f"{kind}: Expected input to be 2D or 3D, got {input.dim()}D {'tensor ' if kind == 'RNN' else ''}instead"
            )
        batched = input.dim() == 3
        axis = 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(axis)
        hx = self._zeros(input, None) if hx is None else self._with_sequences(hx, batched)
        self.check_forward_args(input, hx, None)
        output, *states = function(input, hx, *settings, self.batch_first)
        if not batched:
            output, states = output.squeeze(axis), [state.squeeze(1) for state in states]
        return output, self._joined(states)

    def _joined(self, states: list[Tensor]) -> Any:
        """The states at the end as they are given back."""
        return states[0]


class RNN(RNNBase):
    """``h' = tanh(W x + b + U h + c)``, or with ``nonlinearity="relu"`` ``max(…, 0)``, over sequences (Elman 1990).

    ``RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, device=None, dtype=None)``. The input is (steps, sequences, input_size), or (steps, input_size), or a
    ``PackedSequence``, and with ``batch_first`` (sequences, steps, input_size); the state is (layers · directions, sequences,
    hidden_size).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.nonlinearity = nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        return self._run(input, hx)


class GRU(RNNBase):
    """Gated recurrent units over sequences (Cho and others 2014), the reset gate being applied behind the product.

    ``GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False, device=None,
    dtype=None)``; called as :class:`RNN`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        return self._run(input, hx)


class LSTM(RNNBase):
    """Long short-term memory over sequences (Hochreiter and Schmidhuber 1997).

    ``LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False, proj_size=0,
    device=None, dtype=None)``; called as :class:`RNN`, but with two states, the hidden one being ``proj_size`` wide if that is
    not 0.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The size of the cells' state for an input, which is packed if there are ``batch_sizes``."""
        return self._expected_size(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Check the input and both states."""
        self.check_input(input, batch_sizes)
        expected = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        for number, size in enumerate(expected):
            self.check_hidden_size(hidden[number], size, f"Expected hidden[{number}] size {{}}, got {{}}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Both states with their sequences in another order."""
        return hx if permutation is None else tuple([state.index_select(1, permutation) for state in hx])

    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        cells = flambeau.zeros(self.get_expected_cell_size(input, batch_sizes), dtype=input.dtype)
        return super()._zeros(input, batch_sizes), cells

    def _with_sequences(self, hx: Any, batched: bool) -> Any:
        first, second = hx[0].dim(), hx[1].dim()
        if batched:
            if first != 3 or second != 3:
                raise RuntimeError(
                    f"For batched 3-D input, hx and cx should also be 3-D but got ({first}-D, {second}-D) tensors"
                )
            return hx
        if first != 2 or second != 2:
            raise RuntimeError(
                f"For unbatched 2-D input, hx and cx should also be 2-D but got ({first}-D, {second}-D) tensors"
            )
        return hx[0].unsqueeze(1), hx[1].unsqueeze(1)

    def _joined(self, states: list[Tensor]) -> Any:
        return tuple(states)

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        return self._run(input, hx)


# --- cells ------------------------------------------------------------------------------------------------------------


class RNNCellBase(Module):
    """What cells have in common: the weights of one step."""

    __constants__ = ["input_size", "hidden_size", "bias"]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = empty_parameter((gates, input_size), device, dtype)
        self.weight_hh = empty_parameter((gates, hidden_size), device, dtype)
        self.register_parameter("bias_ih", empty_parameter(gates, device, dtype) if bias else None)
        self.register_parameter("bias_hh", empty_parameter(gates, device, dtype) if bias else None)
        self.reset_parameters()

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        usual = {"bias": True, "nonlinearity": "tanh"}
        given = {name: value for name, value in self.__dict__.items() if name in usual}
        return text + "".join(f", {name}={given[name]}" for name in usual if given.get(name, usual[name]) != usual[name])

    def reset_parameters(self) -> None:
        """Draw all weights uniformly from ± 1 / √hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _check_rank(self, what: str, x: Tensor) -> int:
        rank = x.dim()
        if rank not in (1, 2):
            raise ValueError(f"{self._get_name()}: Expected {what} to be 1D or 2D, got {rank}D instead")
        return rank

    def _step(self, function: Callable[..., Any], input: Tensor, hx: Any) -> Any:
        found = self._parameters.get  # asked first, attributes being looked for there last
        w_ih, w_hh, b_ih, b_hh = found("weight_ih"), found("weight_hh"), found("bias_ih"), found("bias_hh")
        return function(
            input, hx, self.weight_ih if w_ih is None else w_ih, self.weight_hh if w_hh is None else w_hh,
            self.bias_ih if b_ih is None else b_ih, self.bias_hh if b_hh is None else b_hh,
        )  # fmt: skip

    def _one_state(self, function: Callable[..., Tensor], input: Tensor, hx: Tensor | None) -> Tensor:
        """The new state of a cell that has one."""
        batched = self._check_rank("input", input) == 2
        if hx is not None:
            self._check_rank("hidden", hx)
        if not batched:
            input = input.unsqueeze(0)
        if hx is None:
            hx = flambeau.zeros(input.size(0), self.hidden_size, dtype=input.dtype)
        elif not batched:
            hx = hx.unsqueeze(0)
        result = self._step(function, input, hx)
        return result if batched else result.squeeze(0)  # type: ignore[no-any-return]


class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: the new state (sequences, hidden_size) of ``input`` (sequences, input_size) and the state."""

    __constants__ = ["input_size", "hidden_size", "bias", "nonlinearity"]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._one_state(getattr(flambeau, f"rnn_{self.nonlinearity}_cell"), input, hx)


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`, called as :class:`RNNCell`."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, num_chunks=3, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._one_state(flambeau.gru_cell, input, hx)


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: both new states (sequences, hidden_size) of ``input`` (sequences, input_size) and the states."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, num_chunks=4, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        batched = self._check_rank("input", input) == 2
        for number, state in enumerate(hx or ()):
            self._check_rank(f"hx[{number}]", state)
        if not batched:
            input = input.unsqueeze(0)
        if hx is None:
            zeros = flambeau.zeros(input.size(0), self.hidden_size, dtype=input.dtype)
            hx = (zeros, zeros)
        elif not batched:
            hx = (hx[0].unsqueeze(0), hx[1].unsqueeze(0))
        h, c = self._step(flambeau.lstm_cell, input, hx)
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))
