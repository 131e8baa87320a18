"""Scaling losses, so that small gradients survive half precision."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import flambeau

from ..core.modes import without_history
from ..core.tensor import Tensor

__all__ = ["GradScaler"]

_SAVED = {name: f"_{name}" for name in ("scale", "growth_factor", "backoff_factor", "growth_interval")}
_SAVED["_growth_tracker"] = "_growth_tracker"


class GradScaler:
    """Multiplies losses by a scale and divides gradients by it before the optimiser's step.

    A step whose gradients are not finite is left out, and the scale multiplied by ``backoff_factor``; after
    ``growth_interval`` steps that were not, it is multiplied by ``growth_factor``. Disabled (as it is for a device that
    is not there), it passes everything through.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = device
        if enabled and device != "cpu":
            warnings.warn(
                f"torch.{device}.amp.GradScaler is enabled, but {device.upper()} is not available.  Disabling.",
                stacklevel=2,
            )
            enabled = False
        if enabled and growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if enabled and backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        # For each optimiser since the last update: whether its gradients, already unscaled, were finite.
        self._finite: dict[int, bool] = {}
        self._stepped: set[int] = set()

    def scale(self, outputs: Any) -> Any:
        """``outputs``, a tensor or an iterable of them, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, flambeau.Tensor):
            return outputs * self._scale
        if isinstance(outputs, Iterable):
            scaled = [self.scale(output) for output in outputs]
            return scaled if isinstance(outputs, list) else tuple(scaled)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimiser's parameters by the scale, once between updates."""
        if not self._enabled:
            return
        if id(optimizer) in self._stepped:
            raise RuntimeError("unscale_() is being called after step().")
        if id(optimizer) in self._finite:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        bad = without_history(lambda: self._divide(gradients))
        self._finite[id(optimizer)] = bad is None or not bool(bad)

    def _divide(self, gradients: list[Tensor]) -> Tensor | None:
        """Divide gradients by the scale; returns whether one of them is not finite."""
        bad = None
        for gradient in gradients:
            gradient.mul_(1.0 / self._scale)
            entries = gradient._values() if gradient.of_entries else gradient
            here = flambeau.logical_not(flambeau.isfinite(entries).all())
            bad = here if bad is None else flambeau.logical_or(bad, here)
        return bad

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step(...)`` if its gradients are finite; unscales them if that was not done."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        if id(optimizer) in self._stepped:
            raise RuntimeError("step() has already been called since the last update().")
        if id(optimizer) not in self._finite:
            self.unscale_(optimizer)
        self._stepped.add(id(optimizer))
        return optimizer.step(*args, **kwargs) if self._finite[id(optimizer)] else None

    def update(self, new_scale: Any = None) -> None:
        """Adapt the scale to how the steps since the last update went, or set it."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._finite:
            raise AssertionError("No inf checks were recorded prior to update.")
        elif all(self._finite.values()):
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                self._scale *= self._growth_factor
                self._growth_tracker = 0
        else:
            self._scale *= self._backoff_factor
            self._growth_tracker = 0
        self._finite.clear()
        self._stepped.clear()

    def get_scale(self) -> float:
        """The scale; 1 if disabled."""
        return self._scale if self._enabled else 1.0

    def is_enabled(self) -> bool:
        """Whether losses are scaled."""
        return self._enabled

    def get_growth_factor(self) -> float:
        """What the scale grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale grows by."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale shrinks by."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale shrinks by."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """Steps between two growths."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set the steps between two growths."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """What to save in a checkpoint; empty if disabled."""
        if not self._enabled:
            return {}
        return {name: getattr(self, attribute) for name, attribute in _SAVED.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave. ``RuntimeError`` for the empty one of a disabled scaler."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        for name, attribute in _SAVED.items():
            setattr(self, attribute, state_dict[name])
        self._scale = float(self._scale)
