"""Models by name, and their published weights: where they are, what is known of them, and how a program asks for them."""

from __future__ import annotations

import fnmatch
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import ModuleType
from typing import Any, get_args

__all__ = [
    "Weights", "WeightsEnum", "get_model", "get_model_builder", "get_model_weights", "get_weight", "list_models",
    "register_model",
]  # fmt: skip

BUILTIN_MODELS: dict[str, Callable[..., Any]] = {}

#: Packages of models that are loaded when they are first asked for.
PACKAGES = ("detection", "optical_flow", "segmentation", "video")


@dataclass
class Weights:
    """A file of weights by its address, the transform of pictures that goes with it, and what else is known of it."""

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any]

    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, Weights):
            return NotImplemented
        return (self.url, self.meta, _parts(self.transforms)) == (other.url, other.meta, _parts(other.transforms))


def _parts(transforms: Any) -> Any:
    """What tells transforms apart: two partial functions are the same if all that they consist of is."""
    if isinstance(transforms, partial):
        return transforms.func, transforms.args, transforms.keywords
    return transforms


class WeightsEnum(Enum):
    """Base of the weights of one model; members are :class:`Weights`, ``DEFAULT`` the best of them."""

    @classmethod
    def verify(cls, obj: Any) -> Any:
        """``obj``, or the member of that name; ``TypeError`` for anything else."""
        if obj is None or isinstance(obj, cls):
            return obj
        if isinstance(obj, str):
            return cls[obj.replace(f"{cls.__name__}.", "")]
        raise TypeError(f"Invalid Weight class provided; expected {cls.__name__} but received {type(obj).__name__}.")

    def get_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The weights, from the cache or the network."""
        from ...hub import load_state_dict_from_url

        return load_state_dict_from_url(self.url, *args, **kwargs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self._name_}"

    @property
    def url(self) -> str:
        """Address of the file."""
        return str(self.value.url)

    @property
    def transforms(self) -> Any:
        """Makes the transform of pictures that the model was trained for."""
        return self.value.transforms

    @property
    def meta(self) -> dict[str, Any]:
        """What else is known of it."""
        return self.value.meta  # type: ignore[no-any-return]


def _packages() -> list[ModuleType]:
    """``models``, and the packages of models in it."""
    base = __name__.rpartition(".")[0]
    return [importlib.import_module(base), *(importlib.import_module(f"{base}.{name}") for name in PACKAGES)]


def get_weight(name: str) -> Any:
    """The weights ``"ResNet50_Weights.IMAGENET1K_V2"``, by their full name. ``ValueError`` if there is no such class."""
    kind, dot, member = name.partition(".")
    if not dot or "." in member:
        raise ValueError(f"Invalid weight name provided: '{name}'.")
    for package in _packages():
        found = vars(package).get(kind)
        if isinstance(found, type) and issubclass(found, WeightsEnum):
            return found[member]
    raise ValueError(f"The weight enum '{kind}' for the specific method couldn't be retrieved.")


def get_model_weights(name: Callable[..., Any] | str) -> Any:
    """The class of weights of a model, which is given by its name or by the function that makes it."""
    function = get_model_builder(name) if isinstance(name, str) else name
    parameters = inspect.signature(function).parameters
    if "weights" not in parameters:
        raise ValueError("The method is missing the 'weights' argument.")
    annotation = parameters["weights"].annotation
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, WeightsEnum):
            return kind
    raise ValueError(
        "The WeightsEnum class for the specific method couldn't be retrieved. Make sure the typing info is correct."
    )


def register_model(name: str | None = None) -> Callable[[Any], Any]:
    """Let :func:`get_model` know a function that makes a model. ``ValueError`` if the name is taken."""

    def register(function: Any) -> Any:
        key = function.__name__ if name is None else name
        if key in BUILTIN_MODELS:
            raise ValueError(f"An entry is already registered under the name '{key}'.")
        BUILTIN_MODELS[key] = function
        return function

    return register


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """Names of the models, those of one package (``module``), those that patterns such as ``"*resnet*"`` fit."""
    _packages()
    names = {
        name
        for name, function in BUILTIN_MODELS.items()
        if module is None or function.__module__.rpartition(".")[0] == module.__name__
    }
    if include:
        patterns = [include] if isinstance(include, str) else include
        names = {name for pattern in patterns for name in fnmatch.filter(names, pattern)}
    if exclude:
        for pattern in [exclude] if isinstance(exclude, str) else exclude:
            names -= set(fnmatch.filter(names, pattern))
    return sorted(names)


def get_model_builder(name: str) -> Callable[..., Any]:
    """The function that makes the model ``name``. ``ValueError`` if there is none."""
    name = name.lower()
    if name not in BUILTIN_MODELS:
        _packages()
    if name not in BUILTIN_MODELS:
        raise ValueError(f"Unknown model {name}")
    return BUILTIN_MODELS[name]


def get_model(name: str, **config: Any) -> Any:
    """The model ``name``. ``ValueError`` if there is none."""
    return get_model_builder(name)(**config)
