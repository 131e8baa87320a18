"""Running one node of the history: its gradients, and the hooks around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.composite import recorded
from ..core.history import Edge, Gradient, is_half
from ..core.recording import Pair, contexts, tensor_of
from ..core.storage import Storage
from ..core.tensor import Tensor
from ..graph.dtypes import dtype, float32
from ..graph.notices import warn
from ..graph.shapes import Size
from ..graph.trace import local, record_constant
from ..ops.views import sum_to
from .leaves import add_to, replaced

_new = object.__new__


def gradients_of(node: Gradient, value: Any) -> Sequence[Tensor | None]:
    """Run one node: the gradients for its edges, each of its edge's shape and dtype."""
    saved = node.saved
    plain = node.attached is None and type(value) is Tensor and not local.grad and not local.watched
    if plain and saved is not None and node.recurs():
        name: list[Any] = [type(node), node.context, len(node.edges)]
        for edge in node.edges:
            if edge is None:
                name.append(None)
            else:
                name += edge[0]._output_meta(edge[1]) if type(edge) is tuple else edge._output_meta(0)
        pair = value._node if value._storage is None else value._read(), value._view
        gradients: list[Tensor | None] = []
        for result, view in recorded(name, [pair, *saved], _computed_from, node):
            if result is None:
                gradients.append(None)
                continue
            gradient = _new(Tensor)  # what ``tensor_of`` does, in line
            gradient._node = result if view is None else None
            gradient._storage = None if view is None else Storage(result)
            gradient._view = view
            gradient._tracked = False
            gradient._gradient = None
            gradient._autograd = None
            gradients.append(gradient)
        return gradients
    line, local.line = local.line, None  # of what the user's functions and hooks record, their own lines are told
    try:
        return _computed(node, value)
    finally:
        local.line = line


def _computed_from(node: Gradient, pairs: list[Pair]) -> Sequence[Tensor | None]:
    """The gradients for a node's edges when its result's gradient and what it saved are ``pairs``."""
    return _computed(saving(node, tuple(pairs[1:])), tensor_of(*pairs[0]))


def saving(node: Gradient, saved: tuple[Pair, ...]) -> Gradient:
    """A node as it is, but for what it saved. (Another thread may be running the node itself.)"""
    return type(node).of(node.edges, saved, node.shape, node.dtype, node.context)


class Input:
    """An edge of which only shape and dtype are known."""

    __slots__ = ("_meta",)

    def __init__(self, shape: Size, d: dtype) -> None:
        self._meta = shape, d

    def _output_meta(self, _: int) -> tuple[Size, dtype]:
        return self._meta


def _like(node: Gradient, name: Sequence[Any], pairs: list[Pair]) -> Gradient:
    """A node as it would be with other sizes: those in the name and in the operands that it is recorded by."""
    following = iter(name[3:])
    edges = tuple([None if shape is None else Input(shape, next(following)) for shape in following])
    value, view = pairs[0]
    return type(node).of(edges, (), value.shape if view is None else view.sizes, value.dtype, name[1])


contexts[_computed_from] = _like


def _computed(node: Gradient, value: Any) -> Sequence[Tensor | None]:
    results = _call(node, value)
    if type(results) is not tuple:
        results = (results,)
    attached = node.attached
    if attached is not None and attached.post_hooks:
        results = run_post_hooks(node, value, results)
    edges = node.edges
    if len(results) != len(edges) and any(edge is not None for edge in edges[len(results) :]):
        raise RuntimeError(f"{node.name()} returned {len(results)} gradients for {len(edges)} inputs")
    fitting: list[Tensor | None] = []
    for index, (edge, result) in enumerate(zip(edges, results)):
        if edge is not None and result is not None:
            shape, d = edge[0]._output_meta(edge[1]) if type(edge) is tuple else edge._output_meta(0)
            if result.shape != shape or result.dtype is not d:
                result = _fitted(result, shape, d, node, index)
            fitting.append(result)
        else:
            fitting.append(None)
    if node.zero_curvature and local.grad and fitting[0] is not None:
        fitting[0] = _depending_on(edges[0], fitting[0])
    return fitting


class ZeroCurvature(Gradient):
    """History of a gradient that does not change with the input it depends on: edges (of the gradient, of that input)."""

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        return grad, Tensor._from_node(record_constant(tuple(grad.shape), 0, grad.dtype))


def _depending_on(edge: Edge, result: Tensor) -> Tensor:
    """A gradient whose history leads to an input too, to which it gives zeros."""
    own = (result._gradient or result) if result._tracked else None
    node = result._read()
    history = ZeroCurvature.of((own, edge), (), result.shape, node.dtype)
    return Gradient.make_tensor(node, result._view, history)


def _fitted(result: Tensor, shape: Size, d: dtype, node: Gradient, index: int) -> Tensor:
    """Reduce a broadcast gradient to its input's shape, and bring it to its dtype."""
    if result.shape != shape:
        result = sum_to(result, shape, node.name(), index, node.strict)
    return result if result.dtype is d else result.to(d)


def _call(node: Gradient, value: Any) -> Any:
    """Run one node; under anomaly detection, errors and NaN name the line that recorded it."""
    try:
        results = node.backward(_widened(value) if node.wide and node.saves else value)
    except Exception as error:
        _name_site(node, error)
        raise
    if local.anomaly and local.check_nan:
        for index, result in enumerate(results if type(results) is tuple else (results,)):
            if result is not None and result.dtype.category == 2 and bool(result.isnan().any()):
                found = RuntimeError(f"Function '{node.name()}' returned nan values in its {index}th output.")
                _name_site(node, found)
                raise found
    return results


def _name_site(node: Gradient, error: Exception) -> None:
    """Have an error, and a warning, name the line that recorded the node, if that is known."""
    if node.attached is not None and node.attached.site is not None:
        error.add_note(f"Error detected in {node.name()}. The forward call that caused it: {node.attached.site}")
        warn(f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n  {node.attached.site}\n")


def _widened(value: Any) -> Any:
    """Gradients of half types as float32."""
    if type(value) is dict:
        return {number: part.to(float32) if is_half(part) else part for number, part in value.items()}
    return value.to(float32) if is_half(value) else value


# --- hooks ------------------------------------------------------------------------------------------------------------


def run_tensor_hooks(node: Gradient, value: Any) -> Any:
    """Run the hooks of the tensors that are the node's outputs, and keep the gradients that these retain."""
    attached = node.attached
    assert attached is not None
    for number, hooks in attached.tensor_hooks.items():
        part = value if type(value) is not dict else value.get(number)
        if part is None:
            continue
        for hook in list(hooks.values()):
            part = replaced(hook, part)
        if type(value) is dict:
            value[number] = part
        else:
            value = part
    for number, reference in attached.retained.items():
        tensor = reference()
        part = value if type(value) is not dict else value.get(number)
        if tensor is not None and part is not None:
            add_to(tensor, part)
    return value


def _parts(node: Gradient, value: Any) -> tuple[Any, ...]:
    return tuple(value.get(k) for k in range(node.outputs)) if type(value) is dict else (value,)


def _replaced(hooks: Any, values: tuple[Any, ...], *others: Any) -> tuple[Any, ...]:
    """What hooks make of gradients, one after the other. ``TypeError`` or ``RuntimeError`` unless they give as many, or None."""
    for hook in list(hooks.values()):
        result = hook(values, *others)
        if result is None:
            continue
        if not isinstance(result, tuple):
            raise TypeError(f"expected tuple, but hook returned '{type(result).__name__}'")
        if len(result) != len(values):
            name = getattr(hook, "__name__", type(hook).__name__)
            raise RuntimeError(
                f"hook '{name}' has returned an incorrect number of values (got {len(result)}, but expected {len(values)})"
            )
        for each in result:
            if each is not None and not isinstance(each, Tensor):
                raise TypeError(f"expected Variable, but hook returned '{type(each).__name__}'")
        values = result
    return values


def run_pre_hooks(node: Gradient, value: Any) -> Any:
    assert node.attached is not None
    given = _replaced(node.attached.pre_hooks, _parts(node, value))
    return {k: part for k, part in enumerate(given) if part is not None} if type(value) is dict else given[0]


def run_post_hooks(node: Gradient, value: Any, results: tuple[Any, ...]) -> tuple[Any, ...]:
    assert node.attached is not None
    rest = len(node.edges) - len(results)  # hooks are told of all inputs
    return _replaced(node.attached.post_hooks, (*results, *[None] * rest), _parts(node, value))
