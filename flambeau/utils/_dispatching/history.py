"""The history of an operation that modes or classes were asked about: backward is operations that they are asked about."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from ... import random
from ..._ops import OpOverload
from ...core.history import FREED, Gradient, Packed, edge_of
from ...core.modes import without_history
from ...core.tensor import Tensor
from ...graph.trace import Node, local
from ...ops.assignment import check_writable, write_through_view
from ...ops.dispatching import silence, state, tensors_in
from .._pytree import tree_flatten, tree_map_only, tree_unflatten
from .formula import FORMULAS, Formula
from .running import run

emit: list[Callable[..., Any]] = []
"""Calls an operation by its name; put here by ``emitting``."""


class Absent:
    """A tensor among the arguments of which nothing was saved but what it is like."""

    def __init__(self, shape: Any, dtype: Any) -> None:
        self.shape, self.dtype = shape, dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)


class _Place:
    """Where a saved tensor stands among the arguments."""

    def __init__(self, number: int) -> None:
        self.number = number


class Recorded(NamedTuple):
    """What is remembered of a call: its arguments with places for tensors, how many they are, and the sizes of what is absent."""

    formula: Formula
    arguments: Any
    tensors: int
    absent: dict[int, Absent]


class AtenGradient(Gradient):
    """History of an operation of aten's. Saved are tensors among its arguments, and its results behind them."""

    __slots__ = ("outputs",)

    replayable = False

    def backward(self, grad: Any) -> tuple[Tensor | None, ...]:
        if self.saved is None:
            raise RuntimeError(FREED)
        recorded: Recorded = self.context
        slopes = recorded.formula.slopes
        assert slopes is not None
        args = tree_map_only(_Place, lambda place: self._argument(recorded, place.number), recorded.arguments)
        grads = [grad.get(k) for k in range(self.outputs)] if type(grad) is dict else [grad]
        results = [self._restored(k) for k in range(recorded.tensors, len(self.saved))]
        flat = iter(range(recorded.tensors))
        wanted = [any([self.needs(next(flat)) for _ in _places(arg)]) for arg in recorded.arguments]
        found = slopes(grads if self.outputs > 1 else grads[0], results, wanted, args)
        given: list[Tensor | None] = []
        for argument, slope in zip(recorded.arguments, found):
            count = len(_places(argument))
            given += (None,) * count if slope is None else slope if isinstance(slope, (list, tuple)) else (slope,)
        return tuple([
            None if slope is None or edge is None else _reduced(slope, edge) for slope, edge in zip(given, self.edges)
        ])  # fmt: skip

    def _argument(self, recorded: Recorded, number: int) -> Any:
        absent = recorded.absent.get(number)
        return self._restored(number) if absent is None else absent

    def _restored(self, number: int) -> Any:
        value, view = self.saved[number]
        if type(value) is Packed:
            value, view = value.open()
        if type(value) is not Node:
            return value
        edge = None
        if number >= len(self.edges) and number - len(self.edges) not in self.context.formula.apart:
            if not local.grad:
                return emit[0]("detach.default", self.make_tensor(value, view, None))
        if local.grad:
            edge = self.edges[number] if number < len(self.edges) else self
            edge = (self, number - len(self.edges)) if edge is self and self.outputs > 1 else edge
        return self.make_tensor(value, view, edge)


def _reduced(slope: Tensor, edge: Any) -> Tensor:
    """A gradient added up over the axes along which its input was repeated."""
    shape = edge[0]._output_meta(edge[1])[0] if type(edge) is tuple else edge._output_meta(0)[0]
    lead = slope.ndim - len(shape)
    if slope.shape == shape or lead < 0:
        return slope
    if not len(shape):
        return emit[0]("sum.default", slope)  # type: ignore[no-any-return]
    axes = [*range(lead), *[k for k, n in enumerate(shape, lead) if n == 1 != slope.shape[k]]]
    if axes:
        slope = emit[0]("sum.dim_IntList", slope, axes, True)
    return emit[0]("view.default", slope, [*shape]) if lead else slope


def _places(argument: Any) -> list[_Place]:
    if type(argument) is _Place:
        return [argument]
    return [part for part in argument if type(part) is _Place] if type(argument) is list else []


@cache
def _named(func: OpOverload, formula: Formula) -> type[AtenGradient]:
    name = func.__name__.partition(".")[0].rstrip("_")
    return AtenGradient.named("".join(part.capitalize() for part in name.split("_")) + f"Backward{formula.number}")


def changes(func: OpOverload) -> bool:
    """Whether an operation changes its first argument."""
    name = func.__name__.partition(".")[0]
    return name.endswith("_") and not name.endswith("__")


def with_history(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of an operation, with its history if that is recorded."""
    if not local.grad or not any([tensor.requires_grad for tensor in tensors_in((args, kwargs))]):
        return run(func, args, kwargs)
    full_name = func.__name__
    in_place = changes(func)
    if in_place:
        name, _, form = full_name.partition(".")
        full_name = f"{name[:-1]}.{form}"
        check_writable(args[0])
    formula = FORMULAS.get(full_name)
    if formula is None and func.namespace != "aten":
        return _history_of_a_program(func, args, kwargs)
    if formula is None:
        return _own_history_in_place(func, args, kwargs) if in_place else _own_history(func, args, kwargs)
    if formula.slopes is None:
        return run(func, args, kwargs)
    arguments = [list(arg) if isinstance(arg, (list, tuple)) else arg for arg in formula.spelled(args, kwargs)]
    flat = [*tensors_in(arguments)]
    edges = tuple([edge_of(tensor) for tensor in flat])
    saved, absent = [], {}
    kept = {id(tensor) for place in formula.keeps for tensor in tensors_in(arguments[place : place + 1])}
    for number, tensor in enumerate(flat):
        if in_place and number == 0 and id(tensor) in kept and any([edge is not None for edge in edges[1:]]):
            saved.append(_saved(without_history(partial(emit[0], "clone.default", tensor))))  # as it is before
        elif id(tensor) in kept:
            saved.append(_saved(tensor))
        else:
            saved.append((None, None))
            absent[number] = Absent(tensor.shape, tensor.dtype)
    numbers = iter(range(len(flat)))
    places = [tree_map_only(Tensor, lambda _: _Place(next(numbers)), argument) for argument in arguments]
    result = run(func, args, kwargs)
    listed = [result] if isinstance(result, Tensor) else [*result]
    history = _named(func, formula).of(edges, (), None, None, Recorded(formula, places, len(flat), absent))
    history.outputs = len(listed)
    if in_place:
        _rebase(args[0], history)
        listed = [args[0]]
    else:
        listed = [_given(func, part, flat, history, k, len(listed), formula) for k, part in enumerate(listed)]
    results = [_saved_result(part, k, formula) for k, part in enumerate(listed)] if formula.keeps_results else ()
    history.saved = (*saved, *results)
    if local.watched:
        history.observe()
    if isinstance(result, Tensor):
        return listed[0]
    return type(result)(*listed) if hasattr(result, "_fields") else type(result)(listed)


def _saved(tensor: Tensor) -> tuple[Any, Any]:
    if tensor._asked_beneath:
        return tensor, None
    return tensor._read(), tensor._view


def _saved_result(tensor: Tensor, number: int, formula: Formula) -> tuple[Any, Any]:
    """A result as it is saved: without its history, which would lead to itself."""
    if number not in formula.keeps_results:
        return None, None
    return _saved(tensor if number in formula.apart else without_history(lambda: emit[0]("detach.default", tensor)))


def _another(tensor: Any) -> Any:
    """The same as another object, without history."""
    made = object.__new__(type(tensor))
    made._node, made._storage, made._view = tensor._node, tensor._storage, tensor._view
    made._tracked, made._gradient, made._autograd = False, None, None
    made.__dict__.update(tensor.__dict__)
    for cls in type(tensor).__mro__[: type(tensor).__mro__.index(Tensor)]:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(tensor, name):
                setattr(made, name, getattr(tensor, name))
    return made


def _given(
    func: OpOverload, part: Any, flat: list[Tensor], history: AtenGradient, number: int, count: int, formula: Formula
) -> Any:
    """One of the results, which gets its place in the history."""
    if number == 0:
        history.shape, history.dtype = ([], []) if count > 1 else (None, None)
    if not isinstance(part, Tensor):
        return part
    if any([part is argument for argument in flat]):
        part = _another(part)
    if count > 1:
        history.shape.append(part.shape)
        history.dtype.append(part.dtype)
    else:
        history.shape, history.dtype = part.shape, part.dtype
    if func.__name__ == "unsafe_split.Tensor":
        part._autograd = None  # its parts are views to nobody who writes to them
    if part.dtype.category >= 2 and number not in formula.apart:
        part._tracked = True
        part._gradient = history if count == 1 else (history, number)
    return part


def _rebase(tensor: Tensor, history: AtenGradient) -> None:
    """A tensor that was written to gets the history of what was written."""
    history.shape, history.dtype = tensor.shape, tensor.dtype
    if tensor._base is not None:
        write_through_view[0](tensor, (history,))
    else:
        tensor._rebase(history)
        tensor._autograd_state().version += 1


# --- operations whose gradient is not written in operations ---------------------------------------------------------------


def _own_history(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result that modes give, with the history that the operation leaves by itself: nobody is told of its gradient."""
    _check_plain(func, args, kwargs)
    before = random.get_rng_state()
    result = run(func, args, kwargs)
    after = random.get_rng_state()
    random.set_rng_state(before)
    with silence():
        own = func._function(*args, **kwargs)
    random.set_rng_state(after)
    parts, structure = tree_flatten(result)
    others = tree_flatten(own)[0]
    return tree_unflatten([_in_place_of(part, other) for part, other in zip(parts, others, strict=True)], structure)


def _history_of_a_program(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The same for operations that programs define: run but once, if a mode calls it with these arguments."""
    before, state.pending = state.pending, (func, args[0] if args else None)
    try:
        result = run(func, args, kwargs)
        if state.pending is None:
            return result
    finally:
        state.pending = before
    return _own_history(func, args, kwargs)


def _in_place_of(part: Any, own: Any) -> Any:
    if not isinstance(part, Tensor) or not own.requires_grad:
        return part
    if own.of_parts:
        elements = own._input_of()
        return part if part.of_parts and _in_place_of(part._input_of(), elements) is not elements else own
    if part._storage is not None and part._storage is own._storage and part._view == own._view:
        return own
    part._tracked, part._gradient = True, own._gradient
    return part


def _own_history_in_place(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The same for operations that change a tensor: when a mode calls the operation, it leaves its history."""
    _check_plain(func, args, kwargs)
    before, state.pending = state.pending, (func, args[0])
    try:
        result = run(func, args, kwargs)
        if state.pending is not None:
            raise NotImplementedError(
                f"__torch_dispatch__: {func} changes a tensor with a history, and is not called by a mode"
            )
        return result
    finally:
        state.pending = before


def _check_plain(func: OpOverload, args: Any, kwargs: Any) -> None:
    if any([tensor._asked_beneath for tensor in tensors_in((args, kwargs))]):
        raise NotImplementedError(
            f"__torch_dispatch__: the gradient of {func} is not written in operations that a class could be asked about"
        )
