"""Weights of quantized layers, with their biases, made ready to be multiplied by."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import float16, float32
from .scheme import Scale
from .tensor import QuantizedTensor


class PackedWeight:
    """A layer's weight (out, in, …), quantized or of float16, its bias (out) or None, and the settings of a convolution.

    What the engine multiplies by are the steps: integers less their zero points, as float32.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, settings: dict[str, Any] | None = None) -> None:
        self.weight = weight
        self.origin = bias
        self.bias = None if bias is None else bias.detach()
        self.settings = settings or {}
        self._steps: Tensor | None = None
        self._scales: dict[tuple[int, int], Tensor] = {}

    @property
    def halved(self) -> bool:
        """Whether the weight is of float16, and inputs are not quantized."""
        return self.weight.dtype is float16

    def unpack(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as they were given."""
        return self.weight, self.origin

    @property
    def steps(self) -> Tensor:
        """The weight in units of its scale, as float32."""
        if self._steps is None:
            quantized = isinstance(self.weight, QuantizedTensor)
            self._steps = self.weight.steps() if quantized else self.weight.detach().to(float32)
        return self._steps

    def scale_of_outputs(self, ndim: int, axis: int) -> Tensor:
        """The weight's scale, to stand beside outputs that have their channels along ``axis`` of ``ndim``."""
        assert isinstance(self.weight, QuantizedTensor)
        if (ndim, axis) not in self._scales:
            scale: Scale = self.weight._scale
            shape = () if scale.axis is None else [-1 if place == axis else 1 for place in range(ndim)]
            self._scales[ndim, axis] = scale.scale.float().reshape(shape)
        return self._scales[ndim, axis]

    def bias_of_outputs(self, ndim: int, axis: int) -> Tensor | None:
        """The bias, to stand beside such outputs."""
        return None if self.bias is None else self.bias.reshape([-1 if place == axis else 1 for place in range(ndim)])

    def __reduce__(self) -> Any:
        return _made_anew, (self.weight, self.origin, self.settings)

    def __deepcopy__(self, memo: dict[int, Any]) -> PackedWeight:
        bias = None if self.origin is None else self.origin.detach().clone()
        return PackedWeight(self.weight.clone(), bias, dict(self.settings))


def _made_anew(weight: Tensor, bias: Tensor | None, settings: dict[str, Any]) -> PackedWeight:
    """What a file names instead of the class, which under PyTorch's names would count as ``torch``'s, and is not found there."""
    return PackedWeight(weight, bias, settings)
