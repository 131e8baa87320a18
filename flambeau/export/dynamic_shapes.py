"""``Dim``: sizes of inputs that are not always those of the examples."""

from __future__ import annotations

from typing import Any

__all__ = ["Constraint", "Dim", "ShapesCollection", "dims"]


class _Hint:
    """What is said of a size without a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"DimHint({self.name})"


class Dim:
    """A size by name, between ``min`` and ``max``; two inputs that have the same one have the same size."""

    AUTO, DYNAMIC, STATIC = _Hint("AUTO"), _Hint("DYNAMIC"), _Hint("STATIC")

    def __init__(self, name: str, *, min: int | None = None, max: int | None = None) -> None:
        if not name.isidentifier():
            raise ValueError(f"Dim name must be a valid identifier, got {name}")
        self.min, self.max = 0 if min is None else min, max
        if max is not None and max <= self.min:
            raise ValueError(f"Cannot create Dim with inconsistent min={self.min}, max={max}")
        self.__name__ = name

    def __repr__(self) -> str:
        return f"Dim('{self.__name__}', min={self.min}, max={self.max})"

    def __str__(self) -> str:
        return self.__name__


def dims(*names: str, min: int | None = None, max: int | None = None) -> tuple[Dim, ...]:
    """Several sizes with the same bounds."""
    return tuple(Dim(name, min=min, max=max) for name in names)


class ShapesCollection:
    """What is said of the sizes of tensors, by the tensors themselves."""

    def __init__(self) -> None:
        self._shapes: dict[int, Any] = {}

    def __setitem__(self, tensor: Any, shape: Any) -> None:
        self._shapes[id(tensor)] = shape

    def __getitem__(self, tensor: Any) -> Any:
        return self._shapes.setdefault(id(tensor), {})


Constraint = Any


def dynamic_axes(leaf: Any, said: Any) -> dict[int, Any]:
    """{axis: Dim or hint} of the sizes of a tensor that may differ, from what was said of it: a dictionary, or a sequence."""
    if said is None:
        return {}
    pairs = said.items() if isinstance(said, dict) else enumerate(said)
    found = {}
    for axis, size in pairs:
        if size is None or size is Dim.STATIC or isinstance(size, int):
            continue
        found[axis % leaf.ndim] = size
    return found
