"""Conditions and loops as functions: they call what they are given, as the program would.

PyTorch has them for its compilers, which cannot look at a condition's value; here they are Python's own ``if`` and ``for``, with
the same checks, and their histories are those of what was called.
"""

from .associative_scan import associative_scan
from .cond import cond
from .map import map
from .scan import scan
from .while_loop import while_loop

__all__ = ["associative_scan", "cond", "map", "scan", "while_loop"]
