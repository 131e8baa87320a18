"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import flambeau
from flambeau import nn

from .. import _random
from .. import containers as _v1
from ._transform import Transform, check_probability


class _Several(Transform):
    """Base of what has ``transforms``."""

    transforms: Any

    def _take(self, transforms: Any, or_list: bool = False) -> None:
        if not isinstance(transforms, Sequence) and not (or_list and isinstance(transforms, nn.ModuleList)):
            words = " or a `nn.ModuleList`" if or_list else ""
            raise TypeError(f"Argument transforms should be a sequence of callables{words}")
        if len(transforms) == 0:
            raise ValueError("Pass at least one transform")
        super().__init__()
        self.transforms = transforms

    def _through(self, transforms: Iterable[Callable[..., Any]], inputs: tuple[Any, ...]) -> Any:
        """What the transforms make of the inputs, one after the other."""
        several = len(inputs) > 1
        for transform in transforms:
            outputs = transform(*inputs)
            inputs = outputs if several else (outputs,)
        return inputs if several else inputs[0]


class Compose(_Several):
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self._take(transforms)

    def forward(self, *inputs: Any) -> Any:
        return self._through(self.transforms, inputs)

    def extra_repr(self) -> str:
        return "\n".join(f"    {transform}" for transform in self.transforms)


class RandomApply(_Several):
    """All transforms, or none: with probability ``p`` all."""

    _v1_transform_cls = _v1.RandomApply

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        self._take(transforms, or_list=True)
        check_probability(p)
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        return self._through(self.transforms if _random.happens(self.p) else (), inputs)

    def extra_repr(self) -> str:
        return "\n".join(f"    {transform}" for transform in self.transforms)


class RandomChoice(_Several):
    """One transform, chosen with weights ``p``."""

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None) -> None:
        self._take(transforms)
        weights = [1.0] * len(transforms) if p is None else list(p)
        if len(weights) != len(transforms):
            raise ValueError(f"Length of p doesn't match the number of transforms: {len(weights)} != {len(transforms)}")
        total = sum(weights)
        self.p = [weight / total for weight in weights]

    def forward(self, *inputs: Any) -> Any:
        return self.transforms[int(flambeau.multinomial(flambeau.tensor(self.p), 1))](*inputs)


class RandomOrder(_Several):
    """All transforms, in random order."""

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self._take(transforms)

    def forward(self, *inputs: Any) -> Any:
        return self._through([self.transforms[place] for place in _random.order(len(self.transforms))], inputs)
