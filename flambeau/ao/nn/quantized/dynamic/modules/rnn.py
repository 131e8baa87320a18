"""Recurrent layers whose weights are quantized, and that quantize what they are given and what they remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau.ao.nn.quantized.modules.utils import _quantize_weight
from flambeau.nn.utils.rnn import PackedSequence
from flambeau.ops.quantized.layers import linear_of_numbers, linear_prepack, linear_prepack_fp16
from flambeau.ops.quantized.packed import PackedWeight

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "PackedParameter", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "RNNCell": 1}


def _packed(weight: Tensor, bias: Tensor | None, qconfig: Any, dtype: Any) -> PackedWeight:
    if dtype is flambeau.float16:
        return linear_prepack_fp16(weight.detach().float(), bias)
    from flambeau.ao.quantization.qconfig import default_dynamic_qconfig

    observer = (qconfig.weight if qconfig is not None and qconfig.weight is not None else default_dynamic_qconfig.weight)()
    observer(weight)
    return linear_prepack(_quantize_weight(weight, observer), bias)


def _dtype_of(mod: Any) -> Any:
    """The dtype of a layer's weights, as its configuration has it. ``AssertionError`` for other dtypes."""
    from flambeau.ao.quantization.qconfig import default_dynamic_qconfig

    configured = getattr(mod, "qconfig", None)
    made = configured if configured is not None and configured.weight is not None else default_dynamic_qconfig
    dtype = made.weight().dtype
    assert dtype in (flambeau.qint8, flambeau.float16), (
        f"The only supported dtypes for dynamic quantized are qint8 and float16 got: {dtype}"
    )
    return dtype


class PackedParameter(nn.Module):
    """The weights of one direction of one layer: for what it is given, and for what it remembers."""

    def __init__(self, given: PackedWeight, remembered: PackedWeight) -> None:
        super().__init__()
        self.given, self.remembered = given, remembered

    @property
    def param(self) -> tuple[PackedWeight, PackedWeight]:
        """Both."""
        return self.given, self.remembered

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "param"] = (self.given.unpack(), self.remembered.unpack())

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        given, remembered = state_dict.pop(prefix + "param")
        self.given, self.remembered = PackedWeight(*given), PackedWeight(*remembered)
        super()._load_from_state_dict(state_dict, prefix, rest[0], False, *rest[2:])


def _step(kind: str, x: Tensor, h: Tensor, c: Tensor | None, weight: PackedWeight, nonlinearity: str = "tanh") -> Any:
    """One step; ``x`` has been multiplied by the weights already."""
    own = linear_of_numbers(h, weight, True)
    if kind.startswith("LSTM"):
        enter, keep, new, out = (x + own).chunk(4, 1)
        assert c is not None
        c = keep.sigmoid() * c + enter.sigmoid() * new.tanh()
        return out.sigmoid() * c.tanh(), c
    if kind.startswith("GRU"):
        (reset, update, new), (own_reset, own_update, own_new) = x.chunk(3, 1), own.chunk(3, 1)
        update = (update + own_update).sigmoid()
        new = (new + (reset + own_reset).sigmoid() * own_new).tanh()
        return (h - new) * update + new, None
    return ((x + own).tanh() if nonlinearity == "tanh" else (x + own).relu()), None


class RNNBase(nn.Module):
    """What the layers have in common: the arguments of ``nn.LSTM``, and the dtype of the weights."""

    _FLOAT_MODULE: Any = nn.RNNBase

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, dtype: Any = flambeau.qint8,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        self.dtype = dtype
        self.version = 2
        self.training = False
        rows = _GATES[mode] * hidden_size
        pairs = []
        for layer in range(num_layers):
            size = input_size if not layer else hidden_size * self._directions
            for _ in range(self._directions):
                zeros = [flambeau.zeros(rows) if bias else None for _ in range(2)]
                pairs.append(
                    PackedParameter(
                        _packed(flambeau.randn(rows, size), zeros[0], None, dtype),
                        _packed(flambeau.randn(rows, hidden_size), zeros[1], None, dtype),
                    )
                )
        self._all_weight_values = nn.ModuleList(pairs)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _get_name(self) -> str:
        return f"DynamicQuantized{type(self).__name__}"

    def __repr__(self) -> str:
        """As other layers, but for the packed weights."""
        return f"{self._get_name()}({self.extra_repr()})"

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, plain in (("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0), ("bidirectional", False)):
            if getattr(self, name) != plain:
                text += f", {name}={getattr(self, name)}"
        return text

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for one of ``nn``, with its weights quantized."""
        assert type(mod) in (nn.LSTM, nn.GRU), "nn.quantized.dynamic.RNNBase.from_float only works for nn.LSTM and nn.GRU"
        assert hasattr(mod, "qconfig"), "Input float module must have qconfig defined"
        dtype = _dtype_of(mod)
        made: Any = cls(
            mod.input_size, mod.hidden_size, mod.num_layers, mod.bias, mod.batch_first, mod.dropout, mod.bidirectional,
            dtype=dtype,
        )  # fmt: skip
        pairs = []
        for layer in range(mod.num_layers):
            for suffix in ("", "_reverse")[: made._directions]:
                weights = [
                    _packed(
                        getattr(mod, f"weight_{kind}_l{layer}{suffix}"), getattr(mod, f"bias_{kind}_l{layer}{suffix}", None),
                        mod.qconfig, dtype,
                    )
                    for kind in ("ih", "hh")
                ]  # fmt: skip
                pairs.append(PackedParameter(*weights))
        made._all_weight_values = nn.ModuleList(pairs)
        return made

    def _run(self, rows: Tensor, sizes: Sequence[int], state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All layers over ``rows`` (of all steps after each other; features), of which there are ``sizes`` in each step.

        States are (layers * directions, batch, hidden). Each layer quantizes all its rows together, as PyTorch does.
        """
        ends: list[Sequence[Tensor]] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self._directions):
                place = layer * self._directions + direction
                output, end = self._walk(rows, sizes, [part[place] for part in state], place, bool(direction))
                outputs.append(output)
                ends.append(end)
            rows = flambeau.cat(outputs, -1) if len(outputs) > 1 else outputs[0]
        return rows, tuple([flambeau.stack(parts) for parts in zip(*ends)])

    def _walk(
        self, rows: Tensor, sizes: Sequence[int], state: list[Tensor], place: int, backwards: bool
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """One direction of a layer: outputs as the rows are, and the state that each sequence ends with."""
        pair: Any = self._all_weight_values[place]
        begun, done, steps = state, [], []
        now = [part[: sizes[-1]] for part in begun] if backwards else begun
        given = linear_of_numbers(rows, pair.given, True).split(list(sizes))
        for part in reversed(given) if backwards else given:
            size, before = part.shape[0], now[0].shape[0]
            if size > before:  # further sequences begin, from their ends
                now = [flambeau.cat([one, first[before:size]]) for one, first in zip(now, begun)]
            elif size < before:  # some have ended
                done.append([one[size:] for one in now])
                now = [one[:size] for one in now]
            h, c = _step(self.mode, part, now[0], now[1] if len(now) > 1 else None, pair.remembered)
            now = [h] if c is None else [h, c]
            steps.append(h)
        ends = [flambeau.cat(parts) for parts in zip(now, *done[::-1])] if done else now
        return flambeau.cat(steps[::-1] if backwards else steps), ends

    def _checked(self, width: int, sequences: int, hx: Any, like: Tensor) -> tuple[Tensor, ...]:
        """The states to begin with. ``RuntimeError`` if they, or the input's width, are not of the layer's sizes."""
        if width != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {width}")
        wanted = (self.num_layers * self._directions, sequences, self.hidden_size)
        states = 2 if self.mode == "LSTM" else 1
        if hx is None:
            return (flambeau.zeros(wanted, dtype=like.dtype),) * states
        given = tuple(hx) if states > 1 else (hx,)
        for part in given:
            if tuple(part.shape) != wanted:
                raise RuntimeError(f"Expected hidden size {wanted}, got {tuple(part.shape)}")
        return given

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Outputs, and the last states, as the layer of ``nn`` gives them; ``input`` may be packed sequences."""
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() != 3:
            raise RuntimeError(f"input must have 3 dimensions, got {input.dim()}")
        x = input.transpose(0, 1) if self.batch_first else input
        steps, sequences, width = x.shape
        state = self._checked(width, sequences, hx, x)
        rows, ends = self._run(x.reshape(-1, width), (sequences,) * steps, state)
        output = rows.view(steps, sequences, -1)
        return output.transpose(0, 1) if self.batch_first else output, ends if len(ends) > 1 else ends[0]

    def _forward_packed(self, input: PackedSequence, hx: Any) -> tuple[Any, Any]:
        sizes = input.batch_sizes.tolist()
        state = self._checked(input.data.shape[-1], sizes[0], hx, input.data)
        if hx is not None and input.sorted_indices is not None:
            state = tuple([part.index_select(1, input.sorted_indices) for part in state])
        rows, ends = self._run(input.data, sizes, state)
        if input.unsorted_indices is not None:
            ends = tuple([part.index_select(1, input.unsorted_indices) for part in ends])
        output = PackedSequence(rows, input.batch_sizes, input.sorted_indices, input.unsorted_indices)
        return output, ends if len(ends) > 1 else ends[0]


class LSTM(RNNBase):
    """An LSTM whose weights are quantized."""

    _FLOAT_MODULE = nn.LSTM

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """A GRU whose weights are quantized."""

    _FLOAT_MODULE = nn.GRU

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(nn.Module):
    """What the cells have in common: the arguments of ``nn.LSTMCell``, and the dtype of the weights."""

    _FLOAT_MODULE: Any = nn.RNNCellBase

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, num_chunks: int = 4, dtype: Any = flambeau.qint8
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias, self.weight_dtype = input_size, hidden_size, bias, dtype
        rows = num_chunks * hidden_size
        zeros = [flambeau.zeros(rows) if bias else None for _ in range(2)]
        self._packed_weight_ih = _packed(flambeau.randn(rows, input_size), zeros[0], None, dtype)
        self._packed_weight_hh = _packed(flambeau.randn(rows, hidden_size), zeros[1], None, dtype)

    def _get_name(self) -> str:
        return f"DynamicQuantized{type(self).__name__}"

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name in ("_packed_weight_ih", "_packed_weight_hh"):
            destination[prefix + name] = getattr(self, name).unpack()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        for name in ("_packed_weight_ih", "_packed_weight_hh"):
            setattr(self, name, PackedWeight(*state_dict.pop(prefix + name)))
        super()._load_from_state_dict(state_dict, prefix, rest[0], False, *rest[2:])

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The cell for one of ``nn``, with its weights quantized."""
        assert type(mod) in (nn.LSTMCell, nn.GRUCell, nn.RNNCell), (
            "nn.quantized.dynamic.RNNCellBase.from_float only works for nn.LSTMCell, nn.GRUCell and nn.RNNCell"
        )
        assert hasattr(mod, "qconfig"), "Input float module must have qconfig defined"
        dtype = _dtype_of(mod)
        further = {"nonlinearity": mod.nonlinearity} if isinstance(mod, nn.RNNCell) else {}
        made = cls(mod.input_size, mod.hidden_size, bias=mod.bias, dtype=dtype, **further)
        made._packed_weight_ih = _packed(mod.weight_ih, mod.bias_ih, mod.qconfig, dtype)
        made._packed_weight_hh = _packed(mod.weight_hh, mod.bias_hh, mod.qconfig, dtype)
        return made

    def _stepped(self, kind: str, input: Tensor, state: Any, nonlinearity: str = "tanh") -> Any:
        if input.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.shape[1]}, expected {self.input_size}")
        zeros = flambeau.zeros(input.shape[0], self.hidden_size, dtype=input.dtype) if state is None else None
        h: Any = zeros
        c: Any = zeros
        if state is not None:
            h, c = state if kind == "LSTMCell" else (state, None)
        given = linear_of_numbers(input, self._packed_weight_ih, True)
        return _step(kind, given, h, c, self._packed_weight_hh, nonlinearity)


class LSTMCell(RNNCellBase):
    """One step of an LSTM whose weights are quantized."""

    _FLOAT_MODULE = nn.LSTMCell

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        """The next hidden and cell states."""
        return self._stepped("LSTMCell", input, hx)


class GRUCell(RNNCellBase):
    """One step of a GRU whose weights are quantized."""

    _FLOAT_MODULE = nn.GRUCell

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: Any = flambeau.qint8) -> None:
        super().__init__(input_size, hidden_size, bias, num_chunks=3, dtype=dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next hidden state."""
        return self._stepped("GRUCell", input, hx)[0]


class RNNCell(RNNCellBase):
    """One step of a recurrent layer whose weights are quantized."""

    _FLOAT_MODULE = nn.RNNCell

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", dtype: Any = flambeau.qint8
    ) -> None:
        super().__init__(input_size, hidden_size, bias, num_chunks=1, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next hidden state. ``RuntimeError`` for nonlinearities other than tanh and relu."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._stepped("RNNCell", input, hx, self.nonlinearity)[0]
