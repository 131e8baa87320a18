"""How a dictionary becomes names and values, and how names and values get back into one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ...core.tensor import Tensor

__all__ = ["DefaultLoadPlanner", "DefaultSavePlanner", "flatten_state_dict", "put"]

Path = tuple[Any, ...]


@dataclasses.dataclass
class DefaultSavePlanner:
    """PyTorch's options of writing; those that several processes need are of no account."""

    flatten_state_dict: bool = True
    flatten_sharded_tensors: bool = True
    dedup_replicated_tensors: bool | None = None
    dedup_save_to_lowest_rank: bool = False
    enable_plan_caching: bool = False


@dataclasses.dataclass
class DefaultLoadPlanner:
    """PyTorch's options of reading: with ``allow_partial_load``, what the checkpoint has not stays as it is."""

    flatten_state_dict: bool = True
    flatten_sharded_tensors: bool = True
    allow_partial_load: bool = False


@dataclasses.dataclass
class _EmptyStateDictLoadPlanner(DefaultLoadPlanner):
    """Reads all that there is, or what is below one of ``keys``, into an empty dictionary."""

    keys: set[str] | None = None

    def wants(self, name: str) -> bool:
        """Whether a name is read."""
        return self.keys is None or any(name == key or name.startswith(f"{key}.") for key in self.keys)


def check_planner(planner: Any, kind: type[Any]) -> Any:
    """The planner, or one with default options; ``NotImplementedError`` for a program's own."""
    if planner is None:
        return kind()
    if type(planner) not in (kind, _EmptyStateDictLoadPlanner) or not planner.flatten_state_dict:
        raise NotImplementedError(f"torch.distributed.checkpoint with a planner of the program's own: {type(planner).__name__}")
    return planner


def _whole(value: Any) -> bool:
    """Whether a value is stored as one: dictionaries are not, nor lists in which there are tensors."""
    if isinstance(value, Mapping):
        return False
    if not isinstance(value, list):
        return True
    return not any(isinstance(each, Tensor) or (isinstance(each, Mapping | list) and not _whole(each)) for each in value)


def flatten_state_dict(state_dict: Mapping[str, Any]) -> dict[str, tuple[Path, Any]]:
    """For each name (keys joined by dots) the keys that lead to a value, and the value."""
    found: dict[str, tuple[Path, Any]] = {}

    def visit(path: Path, value: Any) -> None:
        if _whole(value):
            name = ".".join(map(str, path))
            if name in found:
                raise ValueError(f"duplicated flatten key {name}")
            found[name] = path, value
            return
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            visit((*path, str(key) if isinstance(value, Mapping) else key), inner)

    for key, value in state_dict.items():
        visit((str(key),), value)
    return found


def put(state_dict: Any, path: Path, value: Any) -> None:
    """Put a value where ``path`` leads, through dictionaries and lists, which are made where there are none."""
    place = state_dict
    for key, following in zip(path, path[1:]):
        place = _at(place, key, [] if isinstance(following, int) else {})
    if isinstance(place, list):
        place.extend([None] * (path[-1] + 1 - len(place)))
        place[path[-1]] = value
    else:
        place[_own_key(place, path[-1])] = value


def _at(place: Any, key: Any, otherwise: Any) -> Any:
    if isinstance(place, list):
        place.extend([None] * (key + 1 - len(place)))
        if place[key] is None:
            place[key] = otherwise
        return place[key]
    return place.setdefault(_own_key(place, key), otherwise)


def _own_key(place: Any, key: Any) -> Any:
    """The key of a dictionary that is written so: names know no numbers."""
    return next((own for own in place if str(own) == key), key)
