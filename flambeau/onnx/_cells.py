"""Tensors of a program that is written in place, as values of a graph in which nothing is.

A :class:`Cell` is a tensor: it has a value, or is a view of another one. Writing to a view gives what it is a view of a new
value, and other views are derived from that when they are read next.
"""

from __future__ import annotations

from collections.abc import Callable

from ._builder import Value

Derive = Callable[[Value], Value]
Restore = Callable[[Value, Value], Value]


class Cell:
    """A tensor: ``derive`` makes a view's value from its base's, ``restore`` a base's from its old one and the view's."""

    def __init__(
        self, value: Value, base: Cell | None = None, derive: Derive | None = None, restore: Restore | None = None
    ) -> None:
        self._value, self._base, self._derive, self._restore = value, base, derive, restore
        self._version = 0
        self._seen = self._root._version

    @property
    def _root(self) -> Cell:
        cell = self
        while cell._base is not None:
            cell = cell._base
        return cell

    def read(self) -> Value:
        """The value as it is now."""
        version = self._root._version
        if self._base is not None and self._seen != version:
            assert self._derive is not None
            self._value, self._seen = self._derive(self._base.read()), version
        return self._value

    def write(self, value: Value) -> None:
        """Let the tensor, and all that share its memory, have a new value."""
        if self._base is None:
            self._version += 1
        else:
            assert self._restore is not None
            self._base.write(self._restore(self._base.read(), value))
            self._seen = self._root._version
        self._value = value
