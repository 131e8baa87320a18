"""What families of models share: rounding of channels, features from the middle of a network, old ways to ask for weights."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flambeau import nn

from ._api import WeightsEnum


class IntermediateLayerGetter(nn.ModuleDict):
    """The first children of a network, up to the last that is named in ``return_layers`` ({child: name of its result}).

    They are called one after the other; the result is a dictionary of the named ones. ``ValueError`` if there is no such
    child.
    """

    _version = 2

    def __init__(self, model: nn.Module, return_layers: dict[str, str]) -> None:
        wanted = {str(name) for name in return_layers}
        children = dict(model.named_children())
        if not wanted <= children.keys():
            raise ValueError("return_layers are not present in model")
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for name, module in children.items():
            layers[name] = module
            wanted.discard(name)
            if not wanted:
                break
        super().__init__(layers)
        self.return_layers = return_layers

    def forward(self, x: Any) -> Any:
        out: OrderedDict[str, Any] = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                out[self.return_layers[name]] = x
        return out


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """The multiple of ``divisor`` nearest to ``v``, at least ``min_value``, and not less than nine tenths of ``v``."""
    value = max(divisor if min_value is None else min_value, int(v + divisor / 2) // divisor * divisor)
    return value + divisor if value < 0.9 * v else value


def _ovewrite_named_param(kwargs: dict[str, Any], param: str, new_value: Any) -> None:
    """Set an option. ``ValueError`` if it is given, and something else."""
    kwargs[param] = _ovewrite_value_param(param, kwargs.get(param, new_value), new_value)


def _ovewrite_value_param(param: str, actual: Any, expected: Any) -> Any:
    """``expected``. ``ValueError`` if something else is given."""
    if actual is not None and actual != expected:
        raise ValueError(f"The parameter '{param}' expected value {expected} but got {actual} instead.")
    return expected


def handle_legacy_interface(**weights: tuple[str, Any]) -> Callable[[Any], Any]:
    """Let a function that makes models understand old programs.

    They say ``pretrained=True`` where ``weights`` is asked for now, or give True in its place, and give as positions what
    is taken by keyword alone. ``weights`` is {parameter: (what it was called, what True means)}; the latter may be a
    function of the other arguments.
    """

    def decorator(build: Callable[..., Any]) -> Callable[..., Any]:
        keywords = [name for name, p in inspect.signature(build).parameters.items() if p.kind is p.KEYWORD_ONLY]

        @functools.wraps(build)
        def function(*args: Any, **kwargs: Any) -> Any:
            if args:
                given = dict(zip(keywords, args))
                warnings.warn(
                    f"Using {' and '.join(repr(name) for name in given)} as positional parameter(s) is deprecated since 0.13 "
                    "and may be removed in the future. Please use keyword parameter(s) instead.",
                    stacklevel=2,
                )
                kwargs.update(given)
            for parameter, (old, meaning) in weights.items():
                _translate(build.__name__, kwargs, parameter, old, meaning)
            return build(**kwargs)

        return function

    return decorator


def _translate(name: str, kwargs: dict[str, Any], parameter: str, old: str, meaning: Any) -> None:
    """Put what is asked for in the old way into ``kwargs[parameter]``."""
    if parameter in kwargs:
        given = kwargs[parameter]
        if given is None or isinstance(given, WeightsEnum) or (isinstance(given, str) and given != "legacy"):
            return
        kwargs[old] = given
    elif old in kwargs:
        given = kwargs[old]
        warnings.warn(
            f"The parameter '{old}' is deprecated since 0.13 and may be removed in the future, please use '{parameter}' "
            "instead.",
            stacklevel=4,
        )
    else:
        return
    chosen = None
    if given:
        chosen = meaning(kwargs) if callable(meaning) and not isinstance(meaning, type) else meaning
        if not isinstance(chosen, WeightsEnum):
            raise ValueError(f"No weights available for model {name}")
    warnings.warn(
        f"Arguments other than a weight enum or `None` for '{parameter}' are deprecated since 0.13 and may be removed in the "
        f"future. The current behavior is equivalent to passing `{parameter}={chosen}`.",
        stacklevel=4,
    )
    del kwargs[old]
    kwargs[parameter] = chosen
