"""Which function computes the divergence of two classes of distributions."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ..distribution import Distribution

_KL_REGISTRY: dict[tuple[type, type], Callable[..., Any]] = {}
"""What was registered."""
_KL_MEMOIZE: dict[tuple[type, type], Any] = {}
"""What was found for pairs of classes that have been asked for."""


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """Decorator: a function of two distributions, of these classes or subclasses, that computes KL(p ‖ q).

    For two subclasses the most specific function is taken: that for the nearer class of p, and among these, of q. There is a
    warning if beginning with q leads to another one. ``TypeError`` for what is no class; any class will do, since programs mix
    distributions' classes with others.
    """
    for name, cls in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(cls, type):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {cls}")

    def decorator(function: Any) -> Any:
        _KL_REGISTRY[type_p, type_q] = function
        _KL_MEMOIZE.clear()
        return function

    return decorator


@functools.total_ordering
class _Match:
    """Classes that fit, in the order of importance: the smaller the more specific."""

    __slots__ = ("types",)

    def __init__(self, *types: type) -> None:
        self.types = types

    def __eq__(self, other: Any) -> bool:
        return self.types == other.types

    def __le__(self, other: Any) -> bool:
        for x, y in zip(self.types, other.types):
            if not issubclass(x, y):
                return False
            if x is not y:
                break
        return True


def _dispatch_kl(type_p: type, type_q: type) -> Any:
    """The most specific function for two classes; ``NotImplemented`` if there is none."""
    matches = [(p, q) for p, q in _KL_REGISTRY if issubclass(type_p, p) and issubclass(type_q, q)]
    if not matches:
        return NotImplemented
    left_p, left_q = min(_Match(p, q) for p, q in matches).types
    right_q, right_p = min(_Match(q, p) for p, q in matches).types
    found = _KL_REGISTRY[left_p, left_q]
    if found is not _KL_REGISTRY[right_p, right_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({left_p.__name__}, {right_q.__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return found


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p ‖ q), the mean of log p(x) - log q(x) over p, in the shape of the batch.

    ``NotImplementedError`` if no function was registered for the classes of p and q (:func:`register_kl`).
    """
    pair = type(p), type(q)
    function = _KL_MEMOIZE.get(pair)
    if function is None:
        function = _KL_MEMOIZE[pair] = _dispatch_kl(*pair)
    if function is NotImplemented:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {pair[0].__name__} and q type {pair[1].__name__}"
        )
    return function(p, q)


def infinite_where(condition: Tensor, divergence: Tensor) -> Tensor:
    """``divergence``, infinite where ``condition`` says that q has no place for all that p gives."""
    return flambeau.where(condition, math.inf, divergence)


def register_infinite(type_p: type, parameter: str, *types_q: type) -> None:
    """Divergences that are always infinite, in the shape of a parameter of p: all of p's samples may miss q's support."""

    def infinite(p: Any, q: Any) -> Tensor:
        return flambeau.full_like(getattr(p, parameter), math.inf)

    for type_q in types_q:
        register_kl(type_p, type_q)(infinite)


def describe_pairs() -> str:
    """The pairs of classes that are known."""
    pairs = sorted((p.__name__, q.__name__) for p, q in _KL_REGISTRY)
    return "Known are: " + ", ".join(f"({p}, {q})" for p, q in pairs) + "."
