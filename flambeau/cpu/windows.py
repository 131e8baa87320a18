"""Templates for convolution and pooling primitives, chosen by name."""

from __future__ import annotations

from typing import Any

from .kernel import Call, Operand


def lower_template(name: str, attributes: Any, inputs: list[Operand], outputs: list[Operand | None]) -> list[Call]:
    """The calls of a windowed primitive: ``attributes`` are (shape, dtype, geometry)."""
    from .convolution import lower_forward, lower_input_gradient, lower_weight_gradient

    _, _, geometry = attributes
    target = outputs[0]
    assert target is not None
    if name == "convolution":
        return lower_forward(geometry, inputs[0], inputs[1], target)
    if name == "convolution_input_gradient":
        return lower_input_gradient(geometry, inputs[0], inputs[1], target)
    if name == "convolution_weight_gradient":
        return lower_weight_gradient(geometry, inputs[0], inputs[1], target)
    raise AssertionError(name)
