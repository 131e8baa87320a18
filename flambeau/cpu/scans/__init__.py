"""Scans: what is accumulated along one axis, at each element of it.

Each line along the axis is walked in sequence, whatever lies beside it: sixteen lines in the lanes of vectors (:mod:`.lines`).
Of few lines, blocks are scanned in lanes where order makes hardly a difference (:mod:`.blocks`), which the shape alone decides;
where it makes none, neighbours are scanned in lanes (:mod:`.exact`). So the same bits come out whatever the strides are, and on
any number of threads.
"""

from .lower import lower_scan

__all__ = ["lower_scan"]
