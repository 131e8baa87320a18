"""Gradients, those of gradients, and tangents of what is computed, with the same numbers in both libraries."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

import flambeau
import flambeau.autograd.forward_ad

from .comparison import difference, parts
from .counterparts import Converter, counterpart

Call = Callable[..., Any]


def gradients_differ(ours: list[Any], theirs: list[Any], values: bool) -> str | None:
    """A gradient that is not there stands for zeros."""
    ours = ours or [None] * len(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} gradients instead of {len(theirs)}"
    for a, b in zip(ours, theirs):
        if a is None or b is None:
            given = b if a is None else a
            if given is not None and values and bool((given.detach().abs() > 1e-6).any()):
                return f"{'no gradient' if a is None else 'a gradient'} instead of {'none' if a is not None else 'one'}"
            continue
        unlike = difference(a, b, values, 10.0)
        if unlike:
            return unlike
    return None


def derivatives(library: Any, function: Call, sample: Any, arguments: Any, second: bool) -> tuple[list[Any], list[Any]]:
    """The gradients of a fixed sum of the results with respect to all that wants one, and those of theirs."""
    tensor = library.Tensor
    library.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(arguments[0], *arguments[1], **arguments[2])
        process = sample.sample.output_process_fn_grad
        result = process(result) if library is torch else counterpart(process)(result)
        leaves = [x for x in parts(arguments) if isinstance(x, tensor) and x.requires_grad]
        outputs = [y for y in parts(result) if isinstance(y, tensor) and y.requires_grad]
        if not leaves or not outputs:
            return [], []
        first = library.autograd.grad(outputs, leaves, _weights(library, outputs, 1), create_graph=second, allow_unused=True)
        further: Any = []
        again = [g for g in first if g is not None and g.requires_grad] if second else []
        if again:
            further = library.autograd.grad(again, leaves, _weights(library, again, 2), allow_unused=True)
        for each in (*first, *further):
            if isinstance(each, flambeau.Tensor):
                each.detach().numpy(force=True)
    return list(first), list(further)


def _weights(library: Any, outputs: list[Any], seed: int) -> list[Any]:
    """The same numbers in both libraries."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for y in outputs:
        name = str(y.dtype)[6:]
        real = torch.rand(tuple(y.shape), generator=generator, dtype=torch.float64) + 0.5
        weight = real.to(getattr(torch, name))
        made.append(weight if library is torch else Converter()(weight))
    return made


def tangents(library: Any, function: Call, sample: Any, arguments: Any) -> list[Any]:
    """The tangents of the results, where all that wants a gradient has a fixed tangent."""
    forward = library.autograd.forward_ad
    library.manual_seed(0)
    with warnings.catch_warnings(), forward.dual_level():
        warnings.simplefilter("ignore")
        leaves = [x for x in parts(arguments) if isinstance(x, library.Tensor) and x.requires_grad]
        directions = _weights(library, leaves, 3)
        duals = {id(x): forward.make_dual(x.detach(), t) for x, t in zip(leaves, directions)}

        def replaced(value: Any) -> Any:
            if type(value) in (list, tuple):
                return type(value)(map(replaced, value))
            if isinstance(value, dict):
                return {key: replaced(each) for key, each in value.items()}
            return duals.get(id(value), value)

        input, rest, keywords = map(replaced, arguments)
        result = function(input, *rest, **keywords)
        process = sample.sample.output_process_fn_grad
        result = process(result) if library is torch else counterpart(process)(result)
        outputs = [y for y in parts(result) if isinstance(y, library.Tensor) and _varies(y)]
        found = [forward.unpack_dual(y).tangent for y in outputs]
        if library is flambeau:
            for each in found:
                if each is not None:
                    each.detach().numpy(force=True)
    return [] if all(each is None for each in found) else found


def _varies(y: Any) -> bool:
    return bool(y.is_floating_point() or y.is_complex())
