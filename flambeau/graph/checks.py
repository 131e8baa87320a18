"""What only values can tell: the errors that are found while kernels run, and what is said then."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """An error that running may find.

    ``words`` is the message, in which ``{value}`` stands for the value that was wrong. Of an index out of range it may
    also name the number of the index, ``{dim}``, and the extent it went beyond, ``{size}``; the message holds no sizes
    itself, for a plan serves them all. ``wraps`` says that negative indices count from the end.
    """

    error: type[Exception]
    words: str
    wraps: bool = False

    def exception(self, value: int, dim: int, size: int, where: str) -> Exception:
        """The error for a wrong value, and ``where`` the operation was recorded."""
        return self.error(self.words.format(value=value, dim=dim, size=size) + where)


INDEX = Check(IndexError, "index {value} is out of bounds for dimension {dim} with size {size}", wraps=True)
"""An index tensor in square brackets; messages number the index tensors, as PyTorch's do."""
DIVISION = Check(RuntimeError, "ZeroDivisionError")
"""An integer divided by zero."""
