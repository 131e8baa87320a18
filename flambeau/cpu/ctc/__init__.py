"""Connectionist temporal classification (Graves and others 2006): the loss, and its gradient.

A tile is a sample. Its L labels are aligned with the frames by way of L + 1 blanks around and between them. For each frame, the
logarithms of what the alignments that are at each of these states by then have together are a row of memory, in which labels
and blanks are apart, so that what is done for sixteen of either lies in neighbouring places:

====  ============================================================================================================
0     -∞, which stands for the label before the first
1     those of the L labels, and -∞
L + 2 those of the L + 1 blanks
====  ============================================================================================================
"""

from .gradient import lower_ctc_gradient
from .loss import lower_ctc_loss

__all__ = ["lower_ctc_gradient", "lower_ctc_loss"]
