"""How often Python looks for garbage in cycles.

What one step of a program records is thousands of objects, which refer to each other in one direction and go when the step is
done. The interpreter looks through what is there whenever some hundred more objects were made than have gone, so it would look
through a step's objects again and again while the step is recorded, and, what lived that long being thought to stay, through the
whole heap soon after: up to half of the time of a program of many small operations. A program that has chosen otherwise keeps
what it chose.
"""

from __future__ import annotations

import gc

MADE_BEFORE_COLLECTION = 10_000
"""So many more objects must have been made than have gone before young ones are looked through."""


def collect_less_often() -> None:
    """Raise the interpreter's own threshold, unless the program has set another, or none."""
    young, *older = gc.get_threshold()
    if young in (700, 2000):  # those of CPython 3.11 and 3.12, and of 3.13
        gc.set_threshold(MADE_BEFORE_COLLECTION, *older)
