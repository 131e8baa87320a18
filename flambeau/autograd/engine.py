"""The engine: walks recorded history from the latest operation to the earliest, adding up gradients on the way.

No recursion, no dependency counting: an operation's inputs were always recorded before it, so taking gradient nodes by
falling sequence number visits each after everything that used its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from ..graph.dtypes import dtype
from ..graph.shapes import Size
from ..graph.trace import local
from ..storage import whole
from ..tensor import Tensor
from .gradient import Gradient
from .reduce import sum_to

Roots = list[tuple[Any, Tensor]]


def _edge(tensor: Tensor) -> Any:
    return tensor._gradient or tensor


def _roots(tensors: Sequence[Tensor], grads: Sequence[Tensor | None]) -> Roots:
    from ..ops.creation import ones_like

    roots: Roots = []
    for tensor, grad in zip(tensors, grads):
        if not tensor.requires_grad:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        if grad is None:
            if tensor.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            grad = ones_like(tensor)
        elif grad.shape != tensor.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[0] has a shape of {grad.shape} and output[0] has a shape of {tensor.shape}."
            )
        roots.append((_edge(tensor), grad))
    return roots


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` (weighted by ``grad_tensors``; ones for scalars) to the leaves' ``grad``."""
    many = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    grads = (grad_tensors,) if isinstance(grad_tensors, Tensor) or grad_tensors is None else tuple(grad_tensors)
    if grad_tensors is None:
        grads = (None,) * len(many)
    if len(grads) != len(many):
        raise RuntimeError(f"got {len(many)} tensors and {len(grads)} gradients")
    only: dict[Any, Tensor] | None = None
    if inputs is not None:
        wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        if not wanted:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        only = {_key(_edge(t)): t for t in wanted}
    _run(_roots(many, grads), bool(create_graph if retain_graph is None else retain_graph), create_graph, only, None)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, as a tuple; no ``grad`` is touched."""
    many = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    given = (grad_outputs,) if isinstance(grad_outputs, Tensor) else grad_outputs
    grads = (None,) * len(many) if given is None else tuple(given)
    if is_grads_batched:
        from ..ops.views import stack

        rows = [
            grad(many, wanted, [None if g is None else g[i] for g in grads], True, create_graph, True, allow_unused)
            for i in range(next(g for g in grads if g is not None).shape[0])
        ]
        return tuple(None if column[0] is None else stack(list(column)) for column in zip(*rows))
    for tensor in wanted:
        if not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    captured: dict[Any, Tensor | None] = {_key(_edge(t)): None for t in wanted}
    keep = bool(create_graph if retain_graph is None else retain_graph)
    _run(_roots(many, grads), keep, create_graph, None, captured)
    results: list[Tensor | None] = []
    for tensor in wanted:
        result = captured[_key(_edge(tensor))]
        if result is None:
            if materialize_grads:
                from ..ops.creation import zeros_like

                result = zeros_like(tensor)
            elif not allow_unused:
                raise RuntimeError(
                    "One of the differentiated Tensors appears to not have been used in the graph. "
                    "Set allow_unused=True if this is the desired behavior."
                )
        results.append(result)
    return tuple(results)


def _key(edge: Any) -> Any:
    return (id(edge[0]), edge[1]) if isinstance(edge, tuple) else (id(edge), 0)


def _run(
    roots: Roots,
    keep: bool,
    create_graph: bool,
    only: dict[Any, Tensor] | None,
    captured: dict[Any, Tensor | None] | None,
) -> None:
    """Propagate gradients. ``only`` limits which leaves accumulate; ``captured`` collects gradients instead."""
    before = local.grad
    local.grad = create_graph
    try:
        _propagate(roots, keep, only, captured)
    finally:
        local.grad = before
    callbacks, local_callbacks[:] = local_callbacks[:], []
    for callback in callbacks:
        callback()


local_callbacks: list[Any] = []
"""Functions to call when the running backward is done (``queue_callback``)."""


def _propagate(
    roots: Roots, keep: bool, only: dict[Any, Tensor] | None, captured: dict[Any, Tensor | None] | None
) -> None:
    pending: dict[Gradient, Any] = {}
    heap: list[tuple[int, Gradient]] = []
    leaves: dict[int, list[Any]] = {}

    def send(edge: Any, value: Tensor) -> None:
        number = 0
        if type(edge) is tuple:
            edge, number = edge
        if isinstance(edge, Gradient):
            held = pending.get(edge)
            if held is None:
                pending[edge] = value if number == 0 and edge.outputs == 1 else {number: value}
                heappush(heap, (-edge.sequence, edge))
            elif type(held) is dict:
                held[number] = held[number] + value if number in held else value
            else:
                pending[edge] = held + value
        else:
            _accumulate(edge, value, leaves, only, captured)

    for edge, value in roots:
        send(edge, value)
    roots.clear()
    while heap:
        node = heappop(heap)[1]
        value = pending.pop(node)
        if node.extra is not None:
            value = _before(node, value, only, captured)
        if captured is not None:
            if (id(node), 0) in captured or type(value) is dict:
                _capture(node, value, captured)
        if only is not None and type(value) is not dict and (id(node), 0) in only:
            _add_to(only[id(node), 0], value)
        results = _call(node, value)
        if node.extra is not None and node.extra.post_hooks:
            results = _after(node, value, results)
        if not keep:
            node.release()
        edges = node.edges
        if type(results) is not tuple:
            results = (results,)
        if len(results) != len(edges):
            if len(results) < len(edges) and any(e is not None for e in edges[len(results) :]):
                raise RuntimeError(f"{node.name()} returned {len(results)} gradients for {len(edges)} inputs")
        for edge, result in zip(edges, results):
            if edge is None or result is None:
                continue
            target = edge[0] if type(edge) is tuple else edge
            if type(edge) is tuple or type(target.shape) is list:
                shape, d = target.output_meta(edge[1] if type(edge) is tuple else 0)
            else:
                shape, d = target.shape, target.dtype
            if result.shape != shape or result.dtype is not d:
                result = _fitted(result, shape, d, node)
            send(edge, result)
    for _, (leaf, value) in leaves.items():
        _finish_leaf(leaf, value, only, captured)


def _fitted(result: Tensor, shape: Size, d: dtype, node: Gradient) -> Tensor:
    """Reduce a broadcast gradient to its input's shape, and bring it to its dtype."""
    if result.shape != shape:
        result = sum_to(result, shape, node.name())
    return result if result.dtype is d else result.to(d)


def _call(node: Gradient, value: Any) -> Any:
    try:
        results = node.backward(value)
    except Exception as error:
        if node.extra is not None and node.extra.site is not None:
            error.add_note(f"Error detected in {node.name()}. The forward call that caused it: {node.extra.site}")
        raise
    if local.anomaly and local.check_nan:
        for index, result in enumerate(results if type(results) is tuple else (results,)):
            if result is not None and result.dtype.category == 2 and bool(result.isnan().any()):
                site = node.extra.site if node.extra is not None else None
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {index}th output."
                    + (f" The forward call that caused it: {site}" if site else "")
                )
    return results


def _before(node: Gradient, value: Any, only: Any, captured: Any) -> Any:
    """Run the hooks of the node's output tensors, then the node's own pre-hooks; keep retained gradients."""
    extra = node.extra
    assert extra is not None
    for number, hooks in extra.tensor_hooks.items():
        part = value if type(value) is not dict else value.get(number)
        if part is None:
            continue
        for hook in list(hooks.values()):
            replaced = hook(part)
            if replaced is not None:
                part = replaced
        if type(value) is dict:
            value[number] = part
        else:
            value = part
    if extra.pre_hooks:
        given = tuple(value.get(k) for k in range(node.outputs)) if type(value) is dict else (value,)
        for hook in list(extra.pre_hooks.values()):
            replaced = hook(given)
            if replaced is not None:
                given = replaced if isinstance(replaced, tuple) else (replaced,)
        value = dict(enumerate(given)) if type(value) is dict else given[0]
    for number, reference in extra.retained.items():
        tensor = reference()
        part = value if type(value) is not dict else value.get(number)
        if tensor is not None and part is not None and captured is None:
            held = tensor._more().grad
            tensor._more().grad = part if held is None else held + part
    return value


def _after(node: Gradient, value: Any, results: Any) -> Any:
    assert node.extra is not None
    inputs = results if type(results) is tuple else (results,)
    outputs = tuple(value.get(k) for k in range(node.outputs)) if type(value) is dict else (value,)
    for hook in list(node.extra.post_hooks.values()):
        replaced = hook(inputs, outputs)
        if replaced is not None:
            inputs = replaced if isinstance(replaced, tuple) else (replaced,)
    return inputs


def _capture(node: Gradient, value: Any, captured: dict[Any, Tensor | None]) -> None:
    parts = value.items() if type(value) is dict else ((0, value),)
    for number, part in parts:
        if (id(node), number) in captured:
            captured[id(node), number] = part


def _add_to(tensor: Tensor, value: Tensor) -> None:
    extra = tensor._more()
    extra.grad = value if extra.grad is None else extra.grad + value


def _accumulate(
    leaf: Tensor, value: Tensor, leaves: dict[int, list[Any]], only: dict[Any, Tensor] | None, captured: Any
) -> None:
    """Add up what flows into a leaf; hooks run when all of it has arrived."""
    held = leaves.get(id(leaf))
    if held is None:
        leaves[id(leaf)] = [leaf, value]
    else:
        held[1] = held[1] + value


def _finish_leaf(leaf: Tensor, value: Tensor, only: dict[Any, Tensor] | None, captured: Any) -> None:
    extra = leaf._more()
    if extra.hooks:
        for hook in list(extra.hooks.values()):
            replaced = hook(value)
            if replaced is not None:
                value = replaced
    if captured is not None:
        if (id(leaf), 0) in captured:
            captured[id(leaf), 0] = value
        return
    if only is not None and (id(leaf), 0) not in only:
        return
    held = extra.grad
    if held is None:
        # A gradient that is someone else's tensor, or a view, must not be shared: ``grad`` may be written in place.
        extra.grad = own(value) if local.grad else own(value.detach() if value._tracked else value)
    elif local.grad:
        extra.grad = held + value
    else:
        held.add_(value)
    if extra.accumulate_hooks:
        for hook in list(extra.accumulate_hooks.values()):
            hook(leaf)


def own(value: Tensor) -> Tensor:
    """A tensor that only the leaf's ``grad`` refers to: a new handle on the same value, or a copy of a view."""
    node = value._read()
    if value._view is not None and value._view is not whole(node.shape):
        return value.clone()
    handle = Tensor._from_node(node)
    handle._tracked = value._tracked
    handle._gradient = value._gradient
    return handle
