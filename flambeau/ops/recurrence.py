"""One step of a recurrent layer: what becomes of its states, and the gradients of that.

A step is given what the input gives to its gates (``projected``, computed for all steps at once), the states of the sequences
that are under way, one row each, and the weights. Of its results the first are the new states; all may be kept for the
gradient, whose formulas compute activations again rather than have them stored. Steps are written as operations of tensors,
so that they are recorded by one look-up (:func:`~flambeau.core.composite.composite`) where no history is wanted, and have one
where gradients of gradients are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from ..core.tensor import Tensor
from .choice import where
from .joining import cat
from .matrix import mm


class Weights(NamedTuple):
    """Of one direction of one layer, in PyTorch's order: by the input, by the state, their biases, and the projection."""

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor | None
    b_hh: Tensor | None
    w_hr: Tensor | None = None


class Recurrence:
    """What distinguishes one kind of recurrent layer from others.

    ``step(None, *projected, *states, weight, bias, projection)`` gives ``results``, of which the first are the new states; the
    matrices are turned, so that rows are multiplied by them. ``gradient(None, d_output, *d_states, *values, weight,
    projection)``, where the values are what ``reads`` names (results, ``projected``, and the states ``before`` the step), gives
    the gradients of the states that the step began with, and those of what the products are of: ``projected``, if ``apart``
    what the state gives to the gates, and, where there is a projection, its result and its factor. What is read by gates
    comes in ``blocks`` of columns, each of which is then one operand.
    """

    #: What devices call it.
    name: ClassVar[str]
    #: How many times the hidden size the gates are wide.
    gates: ClassVar[int]
    states: ClassVar[int] = 1
    results: ClassVar[tuple[str, ...]]
    reads: ClassVar[tuple[str, ...]]
    #: In how many blocks of columns values come, if not as a whole.
    blocks: ClassVar[dict[str, int]] = {}
    #: What is kept for that besides the output: what it reads, and what the states before are made of.
    kept: ClassVar[tuple[str, ...]] = ()
    step: ClassVar[Callable[..., Sequence[Tensor]]]
    gradient: ClassVar[Callable[..., Sequence[Tensor]]]
    #: Whether the bias of the state's product is added to that product alone, and both have gradients of their own.
    apart: ClassVar[bool] = False


class Tanh(Recurrence):
    """``h' = tanh(projected + W h)`` (Elman 1990)."""

    name = "tanh"
    gates = 1
    results = ("h",)
    reads = ("h",)

    @staticmethod
    def step(_: None, projected: Tensor, h: Tensor, weight: Tensor, bias: None, projection: None) -> tuple[Tensor]:
        return ((projected + mm(h, weight)).tanh(),)

    @staticmethod
    def gradient(
        _: None, d_output: Tensor | None, d_h: Tensor, new: Tensor, weight: Tensor, projection: None
    ) -> tuple[Tensor, Tensor]:
        d_projected = _sum(d_output, d_h) * (1 - new * new)
        return mm(d_projected, weight), d_projected


class Relu(Recurrence):
    """``h' = max(projected + W h, 0)``."""

    name = "relu"
    gates = 1
    results = ("h",)
    reads = ("h",)

    @staticmethod
    def step(_: None, projected: Tensor, h: Tensor, weight: Tensor, bias: None, projection: None) -> tuple[Tensor]:
        return ((projected + mm(h, weight)).relu(),)

    @staticmethod
    def gradient(
        _: None, d_output: Tensor | None, d_h: Tensor, new: Tensor, weight: Tensor, projection: None
    ) -> tuple[Tensor, Tensor]:
        d_projected = where(new <= 0, 0.0, _sum(d_output, d_h))
        return mm(d_projected, weight), d_projected


class Lstm(Recurrence):
    """``c' = σ(f) c + σ(i) tanh(g)`` and ``h' = σ(o) tanh(c')`` with the gates ``i, f, g, o = projected + W h``
    (Hochreiter and Schmidhuber 1997; Gers and others 2000), the new ``h'`` projected to fewer numbers if there is a matrix
    for that (Sak and others 2014)."""

    name = "lstm"
    gates = 4
    states = 2
    results = ("h", "c", "gates")
    reads = ("c", "gates", "c before")
    kept = ("c", "gates")
    blocks = {"gates": 4}

    @staticmethod
    def step(
        _: None, projected: Tensor, h: Tensor, c: Tensor, weight: Tensor, bias: None, projection: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        gates = projected + mm(h, weight)
        i, f, g, o = gates.chunk(4, 1)
        new = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * new.tanh()
        return h if projection is None else mm(h, projection), new, gates

    @staticmethod
    def gradient(
        _: None, d_output: Tensor | None, d_h: Tensor, d_c: Tensor, new: Tensor, i: Tensor, f: Tensor, g: Tensor, o: Tensor,
        c: Tensor, weight: Tensor, projection: Tensor | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cell = new.tanh()
        d_h = d_projection = _sum(d_output, d_h)
        if projection is not None:
            d_h = mm(d_h, projection)
        d_c = d_c + d_h * o * (1 - cell * cell)
        d_i = d_c * g * (i * (1 - i))
        d_f = d_c * c * (f * (1 - f))
        d_g = d_c * i * (1 - g * g)
        d_o = d_h * cell * (o * (1 - o))
        d_projected = cat([d_i, d_f, d_g, d_o], 1)
        found = mm(d_projected, weight), d_c * f, d_projected
        return found if projection is None else (*found, d_projection, o * cell)


class Gru(Recurrence):
    """``h' = (h - n) σ(z) + n`` with ``n = tanh(projected + σ(r) (W h + b))`` (Cho and others 2014), the reset being applied
    to the product as in cuDNN; blocks of the weights are ``r, z, n``."""

    name = "gru"
    gates = 3
    results = ("h", "hidden")
    reads = ("projected", "hidden", "h before")
    kept = ("projected", "hidden")
    blocks = {"projected": 3, "hidden": 3}
    apart = True

    @staticmethod
    def step(
        _: None, r: Tensor, z: Tensor, n: Tensor, h: Tensor, weight: Tensor, bias: Tensor | None, projection: None
    ) -> tuple[Tensor, Tensor]:
        hidden = mm(h, weight)
        if bias is not None:
            hidden = hidden + bias
        by_r, by_z, by_n = hidden.chunk(3, 1)
        update = (z + by_z).sigmoid()
        new = (n + (r + by_r).sigmoid() * by_n).tanh()
        return (h - new) * update + new, hidden

    @staticmethod
    def gradient(
        _: None, d_output: Tensor | None, d_h: Tensor, r: Tensor, z: Tensor, n: Tensor, by_r: Tensor, by_z: Tensor, by_n: Tensor,
        h: Tensor, weight: Tensor, projection: None,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        reset, update = (r + by_r).sigmoid(), (z + by_z).sigmoid()
        new = (n + reset * by_n).tanh()
        d_h = _sum(d_output, d_h)
        d_update = d_h * (h - new) * (update * (1 - update))
        d_new = d_h * (1 - update) * (1 - new * new)
        d_reset = d_new * by_n * (reset * (1 - reset))
        d_projected = cat([d_reset, d_update, d_new], 1)
        d_hidden = cat([d_reset, d_update, d_new * reset], 1)
        return d_h * update + mm(d_hidden, weight), d_projected, d_hidden


def _sum(d_output: Tensor | None, d_h: Tensor) -> Tensor:
    return d_h if d_output is None else d_output + d_h
