"""Scans: what is accumulated along one axis, at each element of it.

What lies along the axis is a line, and goes from its first element to its last, whatever lies beside it. How it gets through
depends on how the lines lie, and on what an element takes:

===============  =============================================================================================
:mod:`.exact`    neighbouring elements in lanes, where any order gives the same bits (extrema, integers)
:mod:`.blocks`   blocks of a line in lanes, where there are few lines and order makes hardly a difference
:mod:`.singles`  four lines in turn, element by element, for sums and products
:mod:`.lines`    sixteen lines in lanes
===============  =============================================================================================

Only blocks are not in order, and the shape alone decides on them. So the same bits come out whatever the strides are, and on
any number of threads.
"""

from .lower import lower_scan

__all__ = ["lower_scan"]
