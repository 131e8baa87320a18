"""Quantized tensors: integers that stand for multiples of a scale, and what operations do with them.

A quantized tensor (:mod:`.tensor`) holds an ordinary tensor of integers, and the numbers that say what these stand for
(:mod:`.scheme`). What moves elements is done on the integers; what computes is done on what they stand for, and quantized again
(:mod:`.functions`, :mod:`.layers`). Integers of eight bits, their products, and sums of a thousand of these are exact in
float32, so matrix products and convolutions are the engine's own.

Calls come here by :func:`.calls.quantized_call`; it is asked from the first quantized tensor on, so that programs without any
pay nothing.
"""

from . import calls, functions, views  # for what they declare  # noqa: F401
from .tensor import QuantizedTensor

__all__ = ["QuantizedTensor"]
