"""Complex numbers: tensors of pairs, and what operations do with them.

A tensor of complex numbers (:mod:`.tensor`) holds a real one whose last axis has two elements, the real and the imaginary part.
The engine computes with real numbers alone: what an operation does with complex ones is written as operations on their parts, so
they are fused, compiled and differentiated like all others. The gradient of a pair is PyTorch's gradient of a complex number: the
derivative by the real part plus i times that by the imaginary part.

Calls come here by :func:`.calls.complex_call`; it is a mode from the first complex tensor on, so that programs without any pay
nothing.
"""

from . import (  # for what they declare  # noqa: F401
    arithmetic,
    compositions,
    factorizations,
    fourier,
    functions,
    layers,
    linear,
    logarithms,
    making,
    products,
    reductions,
    views,
)
from .calls import complex_call
from .tensor import ComplexTensor

__all__ = ["ComplexTensor", "complex_call"]
