"""What all transforms do: find, among their inputs, what they are for, draw once, and change all of it alike."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import flambeau
from flambeau import nn

from ....utils._pytree import tree_flatten, tree_unflatten
from ..._pillow import is_picture
from ...tv_tensors import Image, Video
from .. import _random
from ._utils import Check, check_type, has_any
from .functional._registry import is_pure_tensor, kernel_of


class Transform(nn.Module):
    """Base of transforms of anything: pictures, films, masks, boxes, points, in tuples, lists and dictionaries of any depth.

    A transform defines ``transform(inpt, params)`` for one input, and perhaps ``make_params(flat_inputs)``, which draws, and
    ``check_inputs(flat_inputs)``. Where there is a picture or a film, plain tensors stay as they are; where there is none,
    the first plain tensor is the picture.
    """

    _transformed_types: ClassVar[tuple[Check, ...]] = (flambeau.Tensor, is_picture)

    #: The transform of pictures alone that draws in the same way.
    _v1_transform_cls: ClassVar[type | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        draw = getattr(cls._v1_transform_cls, "get_params", None)
        if draw is not None:
            cls.get_params = staticmethod(draw)

    get_params: ClassVar[Any]

    #: Settings that are shown before the others.
    _shown_first: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raise for inputs that the transform is not for."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What is drawn, once for all inputs."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The change of one input."""
        raise NotImplementedError

    def _call_kernel(self, functional: Callable[..., Any], inpt: Any, *args: Any, **kwargs: Any) -> Any:
        return kernel_of(functional, type(inpt), allow_passthrough=True)(inpt, *args, **kwargs)

    def forward(self, *inputs: Any) -> Any:
        flat_inputs, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        self.check_inputs(flat_inputs)
        return tree_unflatten(self._transformed(flat_inputs), spec)

    def _transformed(self, flat_inputs: list[Any]) -> list[Any]:
        needed = self._needs_transform_list(flat_inputs)
        params = self.make_params([inpt for inpt, is_needed in zip(flat_inputs, needed) if is_needed])
        return [self.transform(inpt, params) if is_needed else inpt for inpt, is_needed in zip(flat_inputs, needed)]

    def _needs_transform_list(self, flat_inputs: Sequence[Any]) -> list[bool]:
        """Which inputs are changed."""
        is_plain_picture = not has_any(flat_inputs, Image, Video, is_picture)
        needed = []
        for inpt in flat_inputs:
            is_needed = check_type(inpt, self._transformed_types)
            if is_needed and is_pure_tensor(inpt):
                is_needed, is_plain_picture = is_plain_picture, False
            needed.append(is_needed)
        return needed

    def extra_repr(self) -> str:
        settings = {name: vars(self)[name] for name in (*self._shown_first, *vars(self)) if not name.startswith("_")}
        kinds = (bool, int, float, str, tuple, list, enum.Enum)
        shown = [(name, value) for name, value in settings.items() if name != "training" and isinstance(value, kinds)]
        return ", ".join(f"{name}={value}" for name, value in shown)


def check_probability(p: float) -> None:
    """``ValueError`` for what is no probability."""
    if not 0.0 <= p <= 1.0:
        raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")


class Sometimes(Transform):
    """Base of transforms that happen with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        check_probability(p)
        super().__init__()
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        given = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs, spec = tree_flatten(given)
        self.check_inputs(flat_inputs)
        return tree_unflatten(self._transformed(flat_inputs), spec) if _random.happens(self.p) else given
