"""What layers do with complex numbers: normalisation by the root of the mean square, and dropout while it does nothing."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES
from ...graph.limits import finfo
from ..calls import innermost
from ..statistics import renorm as real_renorm
from .calls import complex_operation
from .functions import rsqrt
from .tensor import ComplexTensor


@complex_operation()
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """The squares are those of complex numbers, not of their sizes."""
    sizes = tuple(normalized_shape)
    if not sizes or tuple(input.shape[-len(sizes) :]) != sizes:
        raise RuntimeError(f"Given normalized_shape={list(sizes)}, expected input with shape [*, {', '.join(map(str, sizes))}], "
                           f"but got input of size{list(input.shape)}")  # fmt: skip
    mean = (input * input).mean(tuple(range(-len(sizes), 0)), True)
    result = input * rsqrt(mean + (finfo(input.dtype).eps if eps is None else eps))
    return result if weight is None else result * weight  # type: ignore[no-any-return]


@complex_operation()
def renorm(input: ComplexTensor, p: float, dim: int, maxnorm: float) -> Tensor:
    return innermost(real_renorm)(input, p, dim, maxnorm)  # type: ignore[no-any-return]


def _dropped(name: str, trains: bool) -> None:
    def drop(input: Any, p: float = 0.5, train: bool = trains, inplace: bool = False, *, training: bool | None = None) -> Tensor:
        if p and (train if training is None else training):
            raise NotImplementedError(f"\"bernoulli_scalar_cpu_\" not implemented for '{TYPE_NAMES[input.dtype]}'")
        return input  # type: ignore[no-any-return]

    complex_operation(name)(drop)


for _name in ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout"):
    _dropped(_name, True)
for _name in ("alpha_dropout", "feature_alpha_dropout"):
    _dropped(_name, False)
