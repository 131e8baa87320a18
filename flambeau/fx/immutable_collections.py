"""Lists and dictionaries that cannot be changed: the arguments of a node, whose graph must know of every change."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

_T = TypeVar("_T")
_K = TypeVar("_K")
_V = TypeVar("_V")

_HELP = """\
If you are attempting to modify the kwargs or args of a torch.fx.Node object,
instead create a new copy of it and assign the copy to the node:

    new_args = ...  # copy and mutate args
    node.args = new_args"""


def _no_mutation(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
    raise TypeError(f"{type(self).__name__!r} object does not support mutation. {_HELP}")


class immutable_list(list[_T]):
    """A list that cannot be changed (``TypeError``)."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __reduce__(self) -> Any:
        return type(self), (tuple(self),)


class immutable_dict(dict[_K, _V]):
    """A dictionary that cannot be changed (``TypeError``)."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> Any:
        return type(self), (tuple(self.items()),)


for _name in ("__delitem__", "__setitem__", "clear", "pop"):
    setattr(immutable_list, _name, _no_mutation)
    setattr(immutable_dict, _name, _no_mutation)
for _name in ("__iadd__", "__imul__", "append", "extend", "insert", "remove", "reverse", "sort"):
    setattr(immutable_list, _name, _no_mutation)
for _name in ("__ior__", "popitem", "setdefault", "update"):
    setattr(immutable_dict, _name, _no_mutation)
