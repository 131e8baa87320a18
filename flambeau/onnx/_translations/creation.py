"""Tensors made of numbers and sizes, and random ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from .._builder import Builder, Value

Row = Callable[..., Any]


def _filled(g: Builder, sizes: Any, value: Any) -> Any:
    kind = g.result.dtype
    number = g.operand(value, kind) if isinstance(value, Value) else g.number(value, kind)
    shape = sizes if isinstance(sizes, Value) else g.sizes([*sizes])
    return g.Expand(number, shape)


def _of_sizes(value: float) -> Row:
    return lambda g, size, **named: _filled(g, size, value)


def _like(value: float) -> Row:
    return lambda g, x, **named: _filled(g, g.shape_of(x), value)


def _new(value: float) -> Row:
    return lambda g, x, size, **named: _filled(g, size, value)


def _arange(g: Builder, *args: Any, **named: Any) -> Any:
    start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    kind = g.result.dtype
    return g.Range(g.scalar(start, kind), g.scalar(end, kind), g.scalar(step, kind), dtype=kind)


def _linspace(g: Builder, start: Any, end: Any, steps: Any, **named: Any) -> Any:
    kind = g.result.dtype
    places = g.cast(g.Range(g.number(0, flambeau.int64), g.scalar(steps), g.number(1, flambeau.int64)), kind)
    last = g.Max(g.Sub(g.scalar(steps, kind), 1), 1)
    start, end = g.operand(start, kind), g.operand(end, kind)
    return g.Add(g.Mul(places, g.Div(g.Sub(end, start), last)), start)


def _eye(g: Builder, n: Any, m: Any = None, **named: Any) -> Any:
    sizes = g.sizes([n, n if m is None or not isinstance(m, (int, Value)) else m])
    zeros = g.Expand(g.number(0, flambeau.float32), sizes)
    return g.cast(g.EyeLike(zeros), g.result.dtype)


def _random(kind: str) -> Row:
    """Numbers drawn anew whenever the graph runs, of the sizes that are given."""

    def row(g: Builder, size: Any, *args: Any, **named: Any) -> Any:
        shape = g.shape_of(size) if isinstance(size, Value) else g.sizes([*size])
        zeros = g.Expand(g.number(0, flambeau.float32), shape)
        return g.cast(g.node(f"Random{kind}Like", zeros), g.result.dtype)

    return row


def _drawn(kind: str) -> Row:
    """Numbers in the place of a tensor's."""

    def row(g: Builder, x: Any, low: float = 0.0, high: float = 1.0, **named: Any) -> Any:
        names = ("low", "high") if kind == "Uniform" else ("mean", "scale")
        settings: dict[str, Any] = dict(zip(names, (float(low), float(high))))
        return g.node(f"Random{kind}Like", x, **settings)

    return row


def _bernoulli(g: Builder, x: Any, p: Any = None, **named: Any) -> Any:
    chances = x if p is None else g.Expand(g.operand(p, x.dtype), g.shape_of(x))
    drawn = g.RandomUniformLike(g.cast(x, flambeau.float32))
    return g.cast(g.Less(drawn, g.cast(chances, flambeau.float32)), g.result.dtype)


def _exponential(g: Builder, x: Any, lambd: float = 1.0, **named: Any) -> Any:
    drawn = g.RandomUniformLike(x, low=1e-7, high=1.0)
    return g.Div(g.Neg(g.Log(drawn)), float(lambd))


def _multinomial(g: Builder, x: Any, num_samples: int, replacement: bool = False, **named: Any) -> Any:
    if num_samples > 1 and not replacement:
        raise g.unsupported("several samples without replacement")
    rows = x if x.rank == 2 else g.Unsqueeze(x, [0])
    made = g.Multinomial(g.Log(rows), sample_size=num_samples)
    made.dtype = flambeau.int32
    made = g.cast(made, flambeau.int64)
    return made if x.rank == 2 else g.Squeeze(made, [0])


def _scalar_tensor(g: Builder, value: Any, **named: Any) -> Any:
    return g.scalar(value, g.result.dtype)


ROWS: dict[str, Row] = {
    "zeros": _of_sizes(0), "ones": _of_sizes(1), "empty": _of_sizes(0),
    "full": lambda g, size, value, **named: _filled(g, size, value),
    "zeros_like": _like(0), "ones_like": _like(1), "empty_like": _like(0),
    "full_like": lambda g, x, value, **named: _filled(g, g.shape_of(x), value),
    "new_zeros": _new(0), "new_ones": _new(1), "new_empty": _new(0),
    "new_full": lambda g, x, size, value, **named: _filled(g, size, value),
    "fill": lambda g, x, value: _filled(g, g.shape_of(x), value), "zero": _like(0), "arange": _arange, "linspace": _linspace,
    "eye": _eye, "scalar_tensor": _scalar_tensor, "rand": _random("Uniform"), "randn": _random("Normal"),
    "rand_like": _random("Uniform"), "randn_like": _random("Normal"), "uniform": _drawn("Uniform"), "normal": _drawn("Normal"),
    "bernoulli": _bernoulli, "exponential": _exponential, "multinomial": _multinomial,
    "_shape_as_tensor": lambda g, x: g.shape_of(x),
}  # fmt: skip

