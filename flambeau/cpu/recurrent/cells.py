"""What one step does to an element of the states, and the gradient of that.

``forward(sums, given, states)`` takes what the product of the states gives to each gate, what the input gives, and the old
states, and gives the new states and what the gradient keeps: activations rather than what they are of. ``backward(d_h,
d_states, kept, states)`` takes the gradients of the new states (``d_states`` those behind the first), what was kept and the
old states, and gives the gradients of what the input gives to the gates, those of the product's results if they are others,
and those of the old states, but for what reaches the first one by way of the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..values import Value, where
from ..vector_math import FUNCTIONS

Values = Sequence[Value]

sigmoid, tanh = FUNCTIONS["sigmoid"], FUNCTIONS["tanh"]


class Gradients(NamedTuple):
    """What a cell gives backwards: ``product`` is empty where it would be the same as ``projected``."""

    projected: Values
    product: Values
    states: Values


class Cell(Protocol):
    def forward(self, sums: Values, given: Values, states: Values) -> tuple[Values, Values]: ...

    def backward(self, d_h: Value, d_states: Values, kept: Values, states: Values) -> Gradients: ...


class Lstm:
    def forward(self, sums: Values, given: Values, states: Values) -> tuple[Values, Values]:
        i, f, g, o = (x + y for x, y in zip(given, sums))
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * states[1] + i * g
        return (o * tanh(c), c), (i, f, g, o)

    def backward(self, d_h: Value, d_states: Values, kept: Values, states: Values) -> Gradients:
        i, f, g, o = kept
        c = states[1]
        cell = tanh(f * c + i * g)
        d_c = d_states[0] + d_h * o * (1 - cell * cell)
        projected = (
            d_c * g * (i * (1 - i)),
            d_c * c * (f * (1 - f)),
            d_c * i * (1 - g * g),
            d_h * cell * (o * (1 - o)),
        )
        return Gradients(projected, (), (d_c * f,))


class Gru:
    def forward(self, sums: Values, given: Values, states: Values) -> tuple[Values, Values]:
        r, z = (sigmoid(x + y) for x, y in zip(given[:2], sums))
        n = tanh(given[2] + r * sums[2])
        return ((states[0] - n) * z + n,), (r, z, n, sums[2])

    def backward(self, d_h: Value, d_states: Values, kept: Values, states: Values) -> Gradients:
        r, z, n, by_n = kept
        d_z = d_h * (states[0] - n) * (z * (1 - z))
        d_n = d_h * (1 - z) * (1 - n * n)
        d_r = d_n * by_n * (r * (1 - r))
        return Gradients((d_r, d_z, d_n), (d_r, d_z, d_n * r), (d_h * z,))


class Tanh:
    def forward(self, sums: Values, given: Values, states: Values) -> tuple[Values, Values]:
        h = tanh(given[0] + sums[0])
        return (h,), (h,)

    def backward(self, d_h: Value, d_states: Values, kept: Values, states: Values) -> Gradients:
        return Gradients((d_h * (1 - kept[0] * kept[0]),), (), ())


class Relu:
    def forward(self, sums: Values, given: Values, states: Values) -> tuple[Values, Values]:
        h = given[0] + sums[0]
        h = where(h <= 0, 0, h)  # NaN stays
        return (h,), (h,)

    def backward(self, d_h: Value, d_states: Values, kept: Values, states: Values) -> Gradients:
        return Gradients((where(kept[0] <= 0, 0, d_h),), (), ())


CELLS: dict[str, Cell] = {"lstm": Lstm(), "gru": Gru(), "tanh": Tanh(), "relu": Relu()}
"""By the name of the kind (:data:`~flambeau.kernels.kernel.GATES`)."""
