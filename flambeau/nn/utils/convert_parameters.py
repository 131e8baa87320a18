"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import flambeau

from ...core.tensor import Tensor
from .._typename import typename

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after the other, with history."""
    parts = []
    device = None
    for parameter in parameters:
        device = _same_device(parameter, device)
        parts.append(parameter.view(-1))
    return flambeau.cat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make the parameters' data slices of ``vec``."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    device = None
    start = 0
    for parameter in parameters:
        device = _same_device(parameter, device)
        count = parameter.numel()
        parameter.data = vec[start : start + count].view_as(parameter).data
        start += count


def _same_device(parameter: Tensor, device: object) -> object:
    if device is not None and parameter.device != device:
        raise TypeError("Found two parameters on different devices, this is currently not supported.")
    return parameter.device
