"""Declaring models: a class of published weights, and a function that makes the model and fills them in.

What is known of weights is in ``published.json``, written by ``tools/published_models.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Optional

from flambeau import nn

from ..transforms import _presets
from ._api import Weights, WeightsEnum, register_model
from ._utils import _ovewrite_named_param, handle_legacy_interface


@cache
def _table() -> Any:
    return json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8"))


def lists() -> dict[str, list[str]]:
    """Names of classes that several models share."""
    return _table()["lists"]  # type: ignore[no-any-return]


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def weights_of(name: str, module: str) -> Any:
    """The class ``<name>_Weights`` of the weights of a model, as if it were defined in ``module``."""
    files = dict(_table()["weights"][f"{name}_Weights"])
    default = files.pop("DEFAULT")
    members: dict[str, Weights] = {}
    for key, file in files.items():
        meta = _tuples({k: v for k, v in file["meta"].items() if k not in ("categories", "keypoint_names")})
        for listed in ("categories", "keypoint_names"):
            if listed in file["meta"]:
                value = file["meta"][listed]
                meta[listed] = _table()["lists"][value] if isinstance(value, str) else value
        preset, options = getattr(_presets, file["transforms"]), _tuples(file["options"])
        if "interpolation" in options:
            options["interpolation"] = _presets.InterpolationMode(options["interpolation"])
        members[key] = Weights(file["url"], partial(preset, **options) if options else preset, meta)
    kinds: Any = WeightsEnum
    return kinds(f"{name}_Weights", {**members, "DEFAULT": members[default]}, module=module)


def model(kinds: Any, legacy: Any = None, **backbones: Any) -> Callable[[Any], Any]:
    """Declare a function that makes a model from ``weights`` (a member of ``kinds``, or None) and further options.

    It is listed by its name, checks that it is given weights of its own, by themselves or by their names, and understands
    old programs; ``legacy`` names what ``pretrained=True`` means, if that is not the first member (or is a function of the
    other arguments that gives it; it is empty if it means nothing). ``backbones`` are
    parameters that take the weights of a part of it, and what True means for them.
    """

    def declare(build: Any) -> Any:
        meant = next(iter(kinds)) if legacy is None else legacy if callable(legacy) else kinds[legacy] if legacy else None
        meanings = {"weights": ("pretrained", meant)}
        meanings |= {name: (name.replace("weights", "pretrained"), member) for name, member in backbones.items()}
        classes = {"weights": kinds, **{name: type(member) for name, member in backbones.items()}}
        build.__annotations__ |= {name: Optional[kind] for name, kind in classes.items()}  # noqa: UP045 - of a value

        def checked(**kwargs: Any) -> Any:
            verified = {name: kind.verify(kwargs[name]) for name, kind in classes.items() if name in kwargs}
            return build(**{**kwargs, **verified})

        checked.__wrapped__ = build  # type: ignore[attr-defined]
        for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
            setattr(checked, name, getattr(build, name))
        return register_model()(handle_legacy_interface(**meanings)(checked))

    return declare


def built(make: Callable[..., Any], weights: Any, progress: bool, **options: Any) -> Any:
    """What ``make(**options)`` makes, with ``weights``, of whose classes there are then as many, or as it is if they are None."""
    if weights is not None:
        _ovewrite_named_param(options, "num_classes", len(weights.meta["categories"]))
    return filled(make(**options), weights, progress)


def filled(network: Any, weights: Any, progress: bool) -> Any:
    """``network`` with ``weights``, or as it is if they are None."""
    if weights is not None:
        network.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))
    return network


def published(
    module: str, name: str, description: str, make: Callable[..., Any], legacy: Any = None, **with_weights: Any
) -> tuple[Any, Callable[..., Any]]:
    """The weights of a model, a class called ``<name>_Weights``, and the function that makes the model.

    ``make(**options)`` makes the model. Where it is to have weights, ``with_weights`` are among the options, and no others of
    their names are taken; those that can be called are given the weights.
    """
    kinds = weights_of(name, module)

    def build(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> Any:
        if weights is not None:
            if weights.meta["categories"] is not None:
                _ovewrite_named_param(kwargs, "num_classes", len(weights.meta["categories"]))
            for option, value in with_weights.items():
                _ovewrite_named_param(kwargs, option, value(weights) if callable(value) else value)
        return filled(make(**kwargs), weights, progress)

    build.__name__ = build.__qualname__ = name.lower()
    build.__module__, build.__doc__ = module, description
    return kinds, model(kinds, legacy)(build)


def initialize(network: nn.Module, linear: float | None = None) -> None:
    """Start convolutions as K. He et al. have it ("Delving Deep into Rectifiers", 2015), and normalisations as identities.

    Linear layers, if ``linear`` is given, are normal with that standard deviation, without bias.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm)):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear) and linear is not None:
            nn.init.normal_(module.weight, 0, linear)
            nn.init.zeros_(module.bias)


def names_of(module: dict[str, Any], *further: str) -> list[str]:
    """What a file of models exports: its weights, the functions that make models, and ``further`` names."""
    made = [name for name, value in module.items() if getattr(value, "__module__", None) == module["__name__"]]
    models = [name for name in made if f"{name}_weights" in {other.lower() for other in made}]
    return [*further, *(name for name in made if name.endswith("_Weights")), *models]
