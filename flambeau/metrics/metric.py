"""The base of metrics: numbers gathered over batches, from which a result is computed."""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau import nn

from ..core.modes import without_history

_REDUCTIONS = ("sum", "mean", "cat", "min", "max", None)


class Metric(nn.Module):
    """A result over batches.

    Subclasses declare what they gather with :meth:`add_state` and define ``update(*batch)`` and ``compute()``. Calling
    the metric updates it and returns the result for that batch alone.
    """

    is_differentiable: bool | None = None
    higher_is_better: bool | None = None
    full_state_update: bool | None = False

    def __init__(self, **kwargs: Any) -> None:
        known = (
            "compute_on_cpu",
            "dist_sync_on_step",
            "process_group",
            "dist_sync_fn",
            "sync_on_compute",
            "compute_with_cache",
            "distributed_available_fn",
        )
        if unknown := [name for name in kwargs if name not in known]:
            raise ValueError(f"Unexpected keyword arguments: {', '.join(f'`{name}`' for name in unknown)}")
        super().__init__()
        self._defaults: dict[str, Any] = {}
        self._persistent: dict[str, bool] = {}
        self._reductions: dict[str, Any] = {}
        self._update_count = 0
        self._computed: Any = None
        self._cache = kwargs.get("compute_with_cache", True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "update" in cls.__dict__:
            cls.update = _counting(cls.__dict__["update"])  # type: ignore[method-assign]
        if "compute" in cls.__dict__:
            cls.compute = _caching(cls.__dict__["compute"])  # type: ignore[method-assign]

    def add_state(
        self,
        name: str,
        default: Any,
        dist_reduce_fx: str | Callable[..., Any] | None = None,
        persistent: bool = False,
    ) -> None:
        """Make ``self.name`` part of what is gathered: a tensor, or an empty list to append tensors to.

        ``dist_reduce_fx`` says how the states of several processes make one; ``persistent`` puts it into the
        ``state_dict``.
        """
        if not isinstance(default, flambeau.Tensor) and default != []:
            raise ValueError("state variable must be a tensor or any empty list (where you can append tensors)")
        if not callable(dist_reduce_fx) and dist_reduce_fx not in _REDUCTIONS:
            raise ValueError("`dist_reduce_fx` must be callable or one of ['mean', 'sum', 'cat', 'min', 'max', None]")
        self._defaults[name] = copy.deepcopy(default)
        self._persistent[name] = persistent
        self._reductions[name] = dist_reduce_fx
        setattr(self, name, copy.deepcopy(default))

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Gather a batch."""
        raise NotImplementedError

    def compute(self) -> Any:
        """The result over all batches since the last reset."""
        raise NotImplementedError

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Gather a batch and return the result for it alone."""
        gathered, count = self._states(), self._update_count
        self.reset()
        self.update(*args, **kwargs)
        result = self.compute()
        # Gathering the batch once more is right for every state, whatever it means.
        for name, value in gathered.items():
            setattr(self, name, value)
        self._update_count = count
        self.update(*args, **kwargs)
        return result

    def reset(self) -> None:
        """Forget all batches."""
        self._update_count = 0
        self._computed = None
        for name, default in self._defaults.items():
            setattr(self, name, copy.deepcopy(default))

    def _states(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value := getattr(self, name), list) else value for name in self._defaults
        }

    @property
    def metric_state(self) -> dict[str, Any]:
        """What was gathered."""
        return {name: getattr(self, name) for name in self._defaults}

    @property
    def update_called(self) -> bool:
        """Whether there was a batch since the last reset."""
        return self._update_count > 0

    @property
    def update_count(self) -> int:
        """Number of batches since the last reset."""
        return self._update_count

    def clone(self) -> Metric:
        """An independent copy."""
        return copy.deepcopy(self)

    def persistent(self, mode: bool = False) -> None:
        """Put all states into the ``state_dict``, or none."""
        for name in self._persistent:
            self._persistent[name] = mode

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Those states that are persistent."""
        result = super().state_dict(*args, **kwargs)
        prefix = kwargs.get("prefix", "")
        for name, persistent in self._persistent.items():
            if persistent:
                value = getattr(self, name)
                result[prefix + name] = [v.detach() for v in value] if isinstance(value, list) else value.detach()
        return result

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        for name in self._defaults:
            if prefix + name in state_dict:
                setattr(self, name, state_dict.pop(prefix + name))
                self._computed = None
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


def _counting(update: Callable[..., None]) -> Callable[..., None]:
    """``update`` that notes that there was a batch."""

    @functools.wraps(update)
    def counted(self: Metric, *args: Any, **kwargs: Any) -> None:
        self._computed = None
        self._update_count += 1
        without_history(lambda: update(self, *args, **kwargs))

    return counted


def _caching(compute: Callable[..., Any]) -> Callable[..., Any]:
    """``compute`` that keeps its result until the next batch."""

    @functools.wraps(compute)
    def cached(self: Metric, *args: Any, **kwargs: Any) -> Any:
        if self._update_count == 0:
            warnings.warn(
                f"The ``compute`` method of metric {type(self).__name__} was called before the ``update`` method which "
                "may lead to errors, as metric states have not yet been updated.",
                stacklevel=2,
            )
        if self._computed is not None:
            return self._computed
        result = compute(self, *args, **kwargs)
        if self._cache:
            self._computed = result
        return result

    return cached
