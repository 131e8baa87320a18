"""Templates for primitives that work on windows, chosen by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..graph.convolution import Convolution
from ..graph.dtypes import DType
from ..graph.pooling import EvenWindows, Pooling, SlidingMeans
from ..kernels.kernel import Call, Operand
from .convolution import lower_input_gradient, lower_weight_gradient
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


def lower_windows(
    name: str, dtype: DType, geometry: Convolution | Pooling, inputs: Sequence[Operand], outputs: Sequence[Operand | None]
) -> list[Call]:
    """The calls of a windowed primitive (see :meth:`flambeau.kernels.contract.Device.windows`)."""
    template = TEMPLATES[name]
    if isinstance(geometry, Convolution):
        return template(geometry, *inputs, outputs[0])
    if isinstance(geometry, SlidingMeans):
        return template(dtype.llvm, *geometry[:-2], *inputs, outputs[0], *geometry[-2:])
    if name == "adaptive_max_pool" and len(outputs) == 1:
        assert isinstance(geometry, EvenWindows)
        count = geometry.planes * geometry.out_height * geometry.out_width
        outputs = [*outputs, Operand(8 * count, "places")]  # always found, though nobody wants them
    return template(dtype.llvm, *geometry, *inputs, *outputs)
