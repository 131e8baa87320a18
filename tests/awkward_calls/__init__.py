"""Calls with awkward arguments: every operation, with sizes, numbers, tensors and types that it was not made for.

A call is a line of Python in which ``torch`` stands for either library, ``F`` for its ``nn.functional``, and ``T``, ``L``,
``M`` and ``S`` make tensors of a shape: floats, small integers, a mask, a positive definite matrix. :data:`PLAIN` holds
calls that are right; :func:`awkward` replaces some of their arguments. What it makes follows from the seed alone.
"""

from .comparison import Comparison, compared, outcomes
from .mutation import awkward
from .plain import PLAIN, RARE

__all__ = ["PLAIN", "RARE", "Comparison", "awkward", "compared", "outcomes"]
