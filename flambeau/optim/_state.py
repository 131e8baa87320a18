"""What an optimiser remembers about a parameter."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy

import flambeau

from ..ops.from_data import tensor

FORGOTTEN: dict[str, float] = {}
"""The numbers of a state whose first step was undone."""


class ParameterState(dict[str, Any]):
    """A parameter's state, some of whose entries are numbers inside and zero-dimensional tensors outside.

    PyTorch keeps the count of steps (and a few more numbers) as float32 tensors. An optimiser that read them would
    have to evaluate the graph, so here they live in ``numbers`` as Python floats, and a tensor is made when somebody
    else asks. The entries that are tensors are read at the speed of a plain dictionary. Parameters that go in step share
    one dictionary of numbers: it is replaced, never changed.
    """

    __slots__ = ("numbers", "__weakref__")

    def __init__(self, numbers: dict[str, float], tensors: Mapping[str, Any] | Iterable[Any] = ()) -> None:
        super().__init__(tensors)
        self.numbers = numbers

    @classmethod
    def of(cls, state: Mapping[str, Any], names: tuple[str, ...]) -> ParameterState:
        """The state in a plain dictionary (loaded from a file, say); the entries called ``names`` are numbers."""
        numbers = {name: float(state[name]) for name in names if name in state}
        return cls(numbers, {key: value for key, value in state.items() if key not in names})

    def clear(self) -> None:
        self.numbers = FORGOTTEN
        super().clear()

    begun = property(fset=lambda self, begun: self.clear(), doc="Set when the step with which it began is undone.")

    def plain(self) -> dict[str, Any]:
        """All entries in a plain dictionary, numbers as tensors."""
        return dict(self.items())

    def __missing__(self, key: str) -> Any:
        return _tensor(self.numbers[key])

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self.numbers:
            self.numbers = {**self.numbers, key: float(value)}
        else:
            super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        if key in self.numbers:
            self.numbers = {name: value for name, value in self.numbers.items() if name != key}
        else:
            super().__delitem__(key)

    def __contains__(self, key: object) -> bool:
        return key in self.numbers or super().__contains__(key)

    def __len__(self) -> int:
        return len(self.numbers) + super().__len__()

    def __iter__(self) -> Iterator[str]:
        yield from self.numbers
        yield from super().__iter__()

    def __eq__(self, other: object) -> bool:
        return self.plain() == other

    def __repr__(self) -> str:
        return repr(self.plain())

    def __reduce__(self) -> Any:
        return dict, (self.plain(),)  # as PyTorch has it; it is one of these again with the next step

    def __deepcopy__(self, memo: dict[int, Any]) -> ParameterState:
        return ParameterState(self.numbers, {key: copy.deepcopy(self[key], memo) for key in super().__iter__()})

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def keys(self) -> Any:
        return dict.fromkeys(self).keys()

    def items(self) -> Any:
        return {key: self[key] for key in self}.items()

    def values(self) -> Any:
        return [self[key] for key in self]

    def copy(self) -> ParameterState:
        return ParameterState(self.numbers, {key: self[key] for key in super().__iter__()})

    def pop(self, key: str, *default: Any) -> Any:
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value


def _restore(names: tuple[str, ...], state: dict[str, Any]) -> ParameterState:
    return ParameterState.of(state, names)


def single(value: float) -> float:
    """Rounded to single precision, as these numbers are in files."""
    return float(numpy.float32(value))


def _tensor(value: float) -> Any:
    wide = flambeau.get_default_dtype() == flambeau.float64
    return tensor(value, dtype=flambeau.float64 if wide else flambeau.float32)
