"""Nested tensors: samples of different sizes in one tensor, and what operations do with them.

A nested tensor (:mod:`.tensor`) holds a tensor of the elements of all its samples, which has the history and is what the engine
computes with. There are two layouts. In the jagged one (:mod:`.jagged`) one dimension is ragged, and the samples lie behind each
other along it; in the strided one (:mod:`.strided`) each sample has sizes and a place of its own in a buffer. What works element
by element is done on the values; what else there is, is written in one table, under the operations' names.

Calls come here by :func:`.calls.nested_call`; it is a mode from the first nested tensor on, so that programs without any pay
nothing.
"""

from . import layers, making, operators, reductions, views  # for what they declare  # noqa: F401
from .jagged import JaggedTensor
from .strided import StridedNestedTensor
from .tensor import NestedTensor

__all__ = ["JaggedTensor", "NestedTensor", "StridedNestedTensor"]
