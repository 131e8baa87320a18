"""Policies that change a picture or film at random, in many ways (``_policies`` says whose they are)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ....nn.modules._layer import layer
from ....utils._pytree import tree_flatten, tree_unflatten
from ..._pillow import is_picture
from ...tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video, wrap
from .. import _policies, _random
from .. import autoaugment as _v1
from .._policies import SIGNED, AutoAugmentPolicy
from ..functional._tensor import bound
from . import functional as F
from ._transform import Transform
from ._utils import check_type, fill_by_kind, fill_for
from .functional import is_pure_tensor


class _Policy(Transform):
    """Base of them: finds the one picture or film of a sample."""

    _shown_first = ("interpolation", "fill")

    interpolation: Any
    fill: Any

    def _settle(self) -> None:
        self._fill = fill_by_kind(self.fill)

    def forward(self, *inputs: Any) -> Any:
        flat_inputs, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        needed = self._needs_transform_list(flat_inputs)
        places = []
        for place, (inpt, is_needed) in enumerate(zip(flat_inputs, needed)):
            if is_needed and check_type(inpt, (Image, is_picture, is_pure_tensor, Video)):
                places.append(place)
            elif isinstance(inpt, (BoundingBoxes, Mask, KeyPoints)):
                raise TypeError(f"Inputs of type {type(inpt).__name__} are not supported by {type(self).__name__}()")
        if not places:
            raise TypeError("Found no image in the sample.")
        if len(places) > 1:
            raise TypeError(
                "Auto augment transformations are only properly defined for a single image or video, "
                f"but found {len(places)}."
            )
        flat_inputs[places[0]] = self._augmented(flat_inputs[places[0]], *F.get_size(flat_inputs[places[0]]))
        return tree_unflatten(flat_inputs, spec)

    def _augmented(self, image: Any, height: int, width: int) -> Any:
        raise NotImplementedError

    def _apply(self, image: Any, name: str, amount: float) -> Any:
        if name == "Solarize":
            amount *= bound(image.dtype) if isinstance(image, flambeau.Tensor) else 255.0
        return _policies.apply(F, image, name, amount, self.interpolation, fill_for(self._fill, image))

    def _drawn(self, image: Any, space: _policies.Space, bins: int, bin: Callable[[], int]) -> Any:
        """One operation of ``space``; ``bin`` gives the bin of its strength."""
        name = list(space)[_random.integer(0, len(space))]
        amount = 0.0 if space[name] is None else _policies.strength(name, space[name], bins, bin())
        return self._apply(image, name, _signed(name, amount))


def _signed(name: str, amount: float) -> float:
    return -amount if name in SIGNED and _random.unit() <= 0.5 else amount


@layer()
class AutoAugment(_Policy):
    """Two operations, of a policy drawn from those that were found for a data set."""

    _v1_transform_cls = _v1.AutoAugment

    policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET
    interpolation: Any = "nearest"
    fill: Any = None

    def _settle(self) -> None:
        super()._settle()
        self._policies = _policies.found(self.policy)

    def _augmented(self, image: Any, height: int, width: int) -> Any:
        space = _policies.of_auto_augment(height, width)
        for name, probability, bin in self._policies[_random.integer(0, len(self._policies))]:
            if _random.unit() <= probability:
                amount = 0.0 if bin is None else _signed(name, _policies.strength(name, space[name], 10, bin))
                image = self._apply(image, name, amount)
        return image


@layer()
class RandAugment(_Policy):
    """``num_ops`` operations, all of strength ``magnitude`` of ``num_magnitude_bins``."""

    _v1_transform_cls = _v1.RandAugment

    num_ops: int = 2
    magnitude: int = 9
    num_magnitude_bins: int = 31
    interpolation: Any = "nearest"
    fill: Any = None

    def _settle(self) -> None:
        super()._settle()
        if not isinstance(self.num_ops, int) or self.num_ops < 0:
            raise ValueError(f"num_ops should be a non-negative integer, but got {self.num_ops} instead.")

    def _augmented(self, image: Any, height: int, width: int) -> Any:
        space = _policies.of_rand_augment(height, width)
        for _ in range(self.num_ops):
            image = self._drawn(image, space, self.num_magnitude_bins, lambda: self.magnitude)
        return image


@layer()
class TrivialAugmentWide(_Policy):
    """One operation, of any strength of ``num_magnitude_bins``."""

    _v1_transform_cls = _v1.TrivialAugmentWide

    num_magnitude_bins: int = 31
    interpolation: Any = "nearest"
    fill: Any = None

    def _augmented(self, image: Any, height: int, width: int) -> Any:
        bins = self.num_magnitude_bins
        return self._drawn(image, _policies.of_trivial_augment(), bins, lambda: _random.integer(0, bins))


@layer()
class AugMix(_Policy):
    """A mixture of the picture and of ``mixture_width`` chains of operations; see the one of ``transforms``."""

    _v1_transform_cls = _v1.AugMix

    severity: int = 3
    mixture_width: int = 3
    chain_depth: int = -1
    alpha: float = 1.0
    all_ops: bool = True
    interpolation: Any = "bilinear"
    fill: Any = None

    def _settle(self) -> None:
        super()._settle()
        if not 1 <= self.severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {self.severity} instead.")

    def _augmented(self, image: Any, height: int, width: int) -> Any:
        tensor = F.pil_to_tensor(image) if is_picture(image) else image.as_subclass(flambeau.Tensor)
        space = _policies.of_aug_mix(height, width, self.all_ops)
        mix = _v1.mixed(
            self, tensor, 5 if isinstance(image, Video) else 4,
            lambda chain: self._drawn(chain, space, 10, lambda: _random.integer(0, self.severity)),
        )  # fmt: skip
        if is_picture(image):
            return F.to_pil_image(mix)
        return wrap(mix, like=image) if isinstance(image, (Image, Video)) else mix
