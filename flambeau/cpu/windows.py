"""Templates for convolution and pooling primitives, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ..kernels.kernel import Call, Operand
from .convolution import lower_forward, lower_input_gradient, lower_weight_gradient
from .pooling import (
    lower_adaptive_average_pool,
    lower_adaptive_average_pool_gradient,
    lower_adaptive_max_pool,
    lower_average_pool,
    lower_average_pool_gradient,
    lower_max_pool,
    lower_max_pool_gradient,
)

TEMPLATES: dict[str, Callable[..., list[Call]]] = {
    "convolution": lower_forward,
    "convolution_input_gradient": lower_input_gradient,
    "convolution_weight_gradient": lower_weight_gradient,
    "max_pool": lower_max_pool,
    "max_pool_gradient": lower_max_pool_gradient,
    "average_pool": lower_average_pool,
    "average_pool_gradient": lower_average_pool_gradient,
    "adaptive_pool": lower_adaptive_average_pool,
    "adaptive_pool_gradient": lower_adaptive_average_pool_gradient,
    "adaptive_max_pool": lower_adaptive_max_pool,
}


def lower_template(name: str, attributes: Any, inputs: list[Operand], outputs: list[Operand | None]) -> list[Call]:
    """The calls of a windowed primitive; ``attributes`` are (shape, dtype, geometry).

    The geometry is a :class:`~flambeau.cpu.convolution.Convolution`, or for pooling a tuple that begins with (planes,
    height, width) of what is pooled and goes on with kernel, stride, padding (and for maxima dilation), and the extents
    of the result; adaptive pooling and the gradient of maxima need the extents alone. Means have in the end whether
    padding counts, and what to divide by instead of the count or None.
    """
    shape, d, geometry = attributes
    template = TEMPLATES[name]
    if name.startswith("convolution"):
        return template(geometry, *inputs, outputs[0])
    if name.startswith("average"):
        return template(d.llvm, *geometry[:-2], *inputs, outputs[0], *geometry[-2:])
    if name == "adaptive_max_pool" and len(outputs) == 1:
        outputs = [*outputs, Operand(8 * prod(shape), "places")]  # always found, though nobody wants them
    return template(d.llvm, *geometry, *inputs, *outputs)
