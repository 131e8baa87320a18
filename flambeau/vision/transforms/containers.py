"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flambeau

from ...nn.modules._layer import layer
from . import _random
from ._random import WithProbability

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "RandomOrder", "RandomTransforms"]


class _Transforms:
    """Base of what holds transforms; shows one a line."""

    transforms: Sequence[Callable[[Any], Any]]

    def __repr__(self) -> str:
        return "\n".join([f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"])


class Compose(_Transforms):
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img


class Lambda:
    """A function as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class RandomTransforms(_Transforms):
    """Base of those that choose among transforms."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        raise NotImplementedError


class RandomOrder(RandomTransforms):
    """All transforms, in random order."""

    def __call__(self, img: Any) -> Any:
        for position in _random.order(len(self.transforms)):
            img = self.transforms[position](img)
        return img


class RandomChoice(RandomTransforms):
    """One transform, chosen with weights ``p``."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, img: Any) -> Any:
        if self.p is None:
            return self.transforms[_random.integer(0, len(self.transforms))](img)
        weights = flambeau.as_tensor(self.p, dtype=flambeau.float64)
        return self.transforms[int(flambeau.multinomial(weights, 1))](img)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


@layer(own_first=True)
class RandomApply(WithProbability):
    """All transforms, or none: with probability ``p`` all."""

    transforms: Any  # type: ignore[misc]  # before an inherited default

    def _changed(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        lines = [f"p={self.p}", *map(str, self.transforms)]
        return "\n".join([f"{type(self).__name__}(", *(f"    {line}" for line in lines), ")"])
