"""Published weights of models: where they are, and how a model asks for them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flambeau import nn

#: Where they are.
URL = "https://download.pytorch.org/models/"

_models: dict[str, Callable[..., Any]] = {}


@dataclass(frozen=True)
class Weights:
    """A file of weights by its address; ``meta`` is what else is known of it."""

    url: str
    resize_size: int = 256
    crop_size: int = 224
    meta: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)

    def transforms(self) -> Callable[[Any], Any]:
        """The transform of pictures that the model was trained for."""
        from ..transforms.containers import Compose
        from ..transforms.geometric import CenterCrop, Resize
        from ..transforms.values import Normalize, ToTensor

        normalize = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        return Compose([Resize(self.resize_size), CenterCrop(self.crop_size), ToTensor(), normalize])


class WeightsEnum(Enum):
    """Base of the weights of one model; members are :class:`Weights`, ``DEFAULT`` the best of them."""

    @classmethod
    def verify(cls, value: Any) -> Any:
        """``value``, or the member of that name; ``TypeError`` for anything else."""
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls[value.removeprefix(f"{cls.__name__}.")]
        raise TypeError(f"Invalid Weight class provided; expected {cls.__name__} but received {type(value).__name__}.")

    def get_state_dict(self, progress: bool = True, check_hash: bool = False, **options: Any) -> Any:
        """The weights, from the cache or the network."""
        from ...hub import load_state_dict_from_url

        return load_state_dict_from_url(self.url, progress=progress, check_hash=check_hash, **options)

    @property
    def url(self) -> str:
        """Address of the file."""
        return str(self.value.url)

    @property
    def meta(self) -> dict[str, Any]:
        """What else is known of it."""
        return dict(self.value.meta)

    @property
    def transforms(self) -> Callable[[], Callable[[Any], Any]]:
        """The transform of pictures that the model was trained for."""
        return self.value.transforms  # type: ignore[no-any-return]


def published(
    module: str, name: str, description: str, files: dict[str, Weights], make: Callable[..., Any], **with_weights: Any
) -> tuple[Any, Callable[..., Any]]:
    """The weights of a model, a class called ``<name>_Weights``, and the function that makes the model.

    ``files`` are the class's members, the last of which is also its ``DEFAULT``. ``make(**options)`` makes the model;
    where it is to have weights, ``with_weights`` is among the options. The function checks ``weights``, is listed by its
    name, and understands old programs: they say ``pretrained=True``, or just ``True``, for weights of the original recipe.
    """
    enumeration: Any = WeightsEnum
    kinds = enumeration(f"{name}_Weights", {**files, "DEFAULT": list(files.values())[-1]}, module=module)

    def build(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> Any:
        if weights is None:
            return make(**kwargs)
        if kwargs.setdefault("num_classes", 1000) != 1000:  # those of ImageNet
            raise ValueError(f"The parameter 'num_classes' expected value 1000 but got {kwargs['num_classes']} instead.")
        network = make(**kwargs, **with_weights)
        network.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))
        return network

    build.__name__ = build.__qualname__ = name.lower()
    build.__module__, build.__doc__ = module, description

    @functools.wraps(build)
    def function(weights: Any = None, progress: bool = True, **options: Any) -> Any:
        pretrained = options.pop("pretrained", weights if isinstance(weights, bool) else None)
        if pretrained is not None:
            warnings.warn(
                "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, please use "
                "'weights' instead.",
                stacklevel=2,
            )
            weights = kinds["IMAGENET1K_V1"] if pretrained else None
        return build(weights=kinds.verify(weights), progress=progress, **options)

    _models[build.__name__] = function
    return kinds, function


def initialize(network: nn.Module) -> None:
    """Start convolutions as K. He et al. have it ("Delving Deep into Rectifiers", 2015), and normalisations as identities."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.constant_(module.bias, 0)
        elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            nn.init.constant_(module.weight, 1)
            nn.init.constant_(module.bias, 0)


def list_models() -> list[str]:
    """Names of the models."""
    return sorted(_models)


def get_model(name: str, **config: Any) -> Any:
    """The model ``name``. ``ValueError`` if there is none."""
    if name not in _models:
        raise ValueError(f"Unknown model {name}")
    return _models[name](**config)
