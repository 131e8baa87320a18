"""Python numbers whose value must not be looked at: they stand for what is given anew at each run."""

from __future__ import annotations

from typing import Any


class Given:
    """A number (or a view's offset) while a composite is recorded for the first time.

    Recording hands it on as it is, which tells where it goes. Whatever needs its value (arithmetic, a comparison, a look-up)
    raises, so that no result of today's value can be taken for what holds always.
    """

    __slots__ = ("kind", "number")

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, kind: str, number: int) -> None:
        #: ``"f"``, ``"i"`` or ``"b"``, as :func:`~flambeau.graph.trace.number_kind` says of what it stands for.
        self.kind = kind
        #: Which of the given numbers it is.
        self.number = number

    # A view's offset that is given anew is never zero: a view without offset is another view.

    def __gt__(self, other: Any) -> bool:
        return self._beyond_zero(other)

    def __le__(self, other: Any) -> bool:
        return not self._beyond_zero(other)

    def _beyond_zero(self, other: Any) -> bool:
        if self.kind != "offset" or other != 0:
            raise TypeError("the value of a number that is given anew cannot be looked at")
        return True

    def __bool__(self) -> bool:
        if self.kind != "offset":
            raise TypeError("the value of a number that is given anew cannot be looked at")
        return True

    def __eq__(self, other: object) -> bool:
        raise TypeError("the value of a number that is given anew cannot be looked at")
