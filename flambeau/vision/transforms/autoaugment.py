"""Policies that change pictures at random, in many ways (:mod:`_policies` says whose they are)."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import nn

from ...nn.modules._layer import layer
from . import _policies, _random
from . import functional as F
from ._policies import SIGNED, AutoAugmentPolicy
from .functional import InterpolationMode

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]

#: Full brightness: these transforms are for bytes.
_BRIGHT = 255.0


def _apply_op(img: Any, op_name: str, magnitude: float, interpolation: InterpolationMode, fill: Any) -> Any:
    """One operation by its name, which programs with policies of their own call."""
    return _policies.apply(F, img, op_name, magnitude, interpolation, fill)


def _apply(policy: Any, img: Any, name: str, amount: float) -> Any:
    return _apply_op(img, name, amount, policy.interpolation, policy.fill)


def _drawn(policy: Any, img: Any, space: _policies.Space, bins: int, bin: Any) -> Any:
    """One operation of ``space``; ``bin`` gives the bin of its strength."""
    name = list(space)[_random.integer(0, len(space))]
    amount = 0.0 if space[name] is None else _policies.strength(name, space[name], bins, bin())
    if name in SIGNED and _random.integer(0, 2):
        amount = -amount
    return _apply(policy, img, name, amount)


@layer(shows="policy={policy}, fill={fill}")
class AutoAugment(nn.Module):
    """Two operations, of a policy drawn from those that were found for a data set."""

    policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET
    interpolation: InterpolationMode = InterpolationMode.NEAREST
    fill: Any = None

    def _settle(self) -> None:
        self.policies = _policies.found(self.policy)

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, Any, Any]:
        """The number of a policy, and for both its operations a number from 0 to 1 and a sign, 0 or 1."""
        number = _random.integer(0, transform_num)
        chances = flambeau.tensor([_random.unit() for _ in range(2)])
        return number, chances, flambeau.tensor([_random.integer(0, 2) for _ in range(2)])

    def forward(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        number, chances, signs = self.get_params(len(self.policies))
        space = _policies.of_auto_augment(height, width, _BRIGHT)
        steps = zip(self.policies[number], chances.tolist(), signs.tolist())
        for (name, probability, bin), chance, sign in steps:
            if chance <= probability:
                amount = 0.0 if bin is None else _policies.strength(name, space[name], 10, bin)
                img = _apply(self, img, name, -amount if name in SIGNED and sign == 0 else amount)
        return img


_SHOWN = "num_magnitude_bins={num_magnitude_bins}, interpolation={interpolation}, fill={fill}"


@layer(shows=f"num_ops={{num_ops}}, magnitude={{magnitude}}, {_SHOWN}")
class RandAugment(nn.Module):
    """``num_ops`` operations, all of strength ``magnitude`` of ``num_magnitude_bins``."""

    num_ops: int = 2
    magnitude: int = 9
    num_magnitude_bins: int = 31
    interpolation: InterpolationMode = InterpolationMode.NEAREST
    fill: Any = None

    def forward(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        space = _policies.of_rand_augment(height, width, _BRIGHT)
        for _ in range(self.num_ops):
            img = _drawn(self, img, space, self.num_magnitude_bins, lambda: self.magnitude)
        return img


@layer(shows=_SHOWN)
class TrivialAugmentWide(nn.Module):
    """One operation, of any strength of ``num_magnitude_bins``."""

    num_magnitude_bins: int = 31
    interpolation: InterpolationMode = InterpolationMode.NEAREST
    fill: Any = None

    def forward(self, img: Any) -> Any:
        bins = self.num_magnitude_bins
        return _drawn(self, img, _policies.of_trivial_augment(_BRIGHT), bins, lambda: _random.integer(0, bins))


@layer(
    shows="severity={severity}, mixture_width={mixture_width}, chain_depth={chain_depth}, alpha={alpha}, "
    "all_ops={all_ops}, interpolation={interpolation}, fill={fill}"
)
class AugMix(nn.Module):
    """A mixture of the picture and of ``mixture_width`` chains of operations, of strengths below ``severity`` of ten.

    A chain has ``chain_depth`` operations, one to three if that is not positive; the shares are Dirichlet numbers of
    concentration ``alpha``. Without ``all_ops``, colours and sharpness are left alone.
    """

    severity: int = 3
    mixture_width: int = 3
    chain_depth: int = -1
    alpha: float = 1.0
    all_ops: bool = True
    interpolation: InterpolationMode = InterpolationMode.BILINEAR
    fill: Any = None

    def _settle(self) -> None:
        if not 1 <= self.severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {self.severity} instead.")

    def forward(self, orig_img: Any) -> Any:
        is_tensor = isinstance(orig_img, flambeau.Tensor)
        img = orig_img if is_tensor else F.pil_to_tensor(orig_img)
        _, height, width = F.get_dimensions(img)
        space = _policies.of_aug_mix(height, width, self.all_ops, _BRIGHT)
        mix = mixed(
            self, img, 4, lambda chain: _drawn(self, chain, space, 10, lambda: _random.integer(0, self.severity))
        )
        return mix if is_tensor else F.to_pil_image(mix)


def mixed(policy: Any, img: Any, axes: int, step: Any) -> Any:
    """The mixture of AugMix, of a tensor to which ``axes`` are made up; ``step`` does one operation of a chain."""
    batch = img.reshape([1] * max(axes - img.ndim, 0) + list(img.shape))
    count, *rest = batch.shape
    shape = (count, *[1] * len(rest))
    shares = dirichlet(policy.alpha, 2, count)
    weights = dirichlet(policy.alpha, policy.mixture_width, count) * shares[:, 1:]
    mix = shares[:, 0].reshape(shape) * batch
    for chain in range(policy.mixture_width):
        changed = batch
        for _ in range(policy.chain_depth if policy.chain_depth > 0 else _random.integer(1, 4)):
            changed = step(changed)
        mix = mix + weights[:, chain].reshape(shape) * changed
    return mix.reshape(img.shape).to(img.dtype)


def dirichlet(alpha: float, width: int, count: int) -> Any:
    """``count`` rows of ``width`` shares of one, of equal concentrations ``alpha``."""
    return flambeau._sample_dirichlet(flambeau.full((count, width), float(alpha)))
