"""The engine: walks recorded history from the latest operation to the earliest, adding up gradients on the way.

No recursion, no dependency counting: an operation's inputs were always recorded before it, so taking gradient nodes by
falling sequence number visits each after everything that used its result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from ..composite import Pair, handle, recorded
from ..graph.dtypes import dtype
from ..graph.shapes import Size
from ..graph.trace import local
from ..storage import Storage, is_exposed, whole
from ..tensor import Tensor
from .gradient import Edge, Gradient
from .reduce import sum_to
from .roots import GradientEdge, Key, Roots, edge_of, key_of, roots_of, sequence_of

_new = object.__new__


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` (weighted by ``grad_tensors``; ones for scalars) to the leaves' ``grad``.

    With ``inputs`` only to theirs, whether they are leaves or not.
    """
    many = sequence_of(tensors)
    grads = (None,) * len(many) if grad_tensors is None else sequence_of(grad_tensors)
    roots = roots_of(many, grads)
    keep = bool(create_graph if retain_graph is None else retain_graph)
    if inputs is None:
        _run(Run(keep, None, True), roots, create_graph)
        return
    wanted = sequence_of(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    for tensor in wanted:
        if isinstance(tensor, Tensor):
            tensor.retain_grad()
    _run(Run(keep, _targets(wanted), True), roots, create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, as a tuple; no ``grad`` is touched.

    ``RuntimeError`` for inputs that were not used, unless ``allow_unused`` (None for them) or ``materialize_grads``
    (zeros). With ``is_grads_batched`` the first axis of ``grad_outputs`` counts vectors, one gradient each.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    many, wanted = sequence_of(outputs), sequence_of(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = (None,) * len(many) if grad_outputs is None else sequence_of(grad_outputs)
    keep = bool(create_graph if retain_graph is None else retain_graph)
    unused = bool(allow_unused) or materialize_grads
    if is_grads_batched:
        results = _batched(many, wanted, grads, keep, create_graph, unused)
    else:
        targets = _targets(wanted)
        _run(Run(keep, targets, False), roots_of(many, grads), create_graph)
        results = [targets[key_of(edge_of(tensor))] for tensor in wanted]
        for index, result in enumerate(results):
            if result is None and not unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
                    "Set allow_unused=True if this is the desired behavior."
                )
    if materialize_grads:
        from ..ops.creation import zeros_like

        return tuple(zeros_like(t) if result is None else result for t, result in zip(wanted, results, strict=True))
    return tuple(results)


def _batched(
    outputs: Sequence[Any], inputs: Sequence[Any], grads: Sequence[Tensor | None], keep: bool, create: bool, unused: bool
) -> list[Tensor | None]:
    """One pass for each vector, the results stacked."""
    from ..ops.joining import stack

    count = next(g for g in grads if g is not None).shape[0]
    rows = [
        grad(outputs, inputs, [None if g is None else g[i] for g in grads], keep or i + 1 < count, create, True, unused)
        for i in range(count)
    ]
    return [None if column[0] is None else stack(column) for column in zip(*rows, strict=True)]


def _targets(wanted: Sequence[Any]) -> dict[Key, Tensor | None]:
    for tensor in wanted:
        if isinstance(tensor, Tensor) and not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    return {key_of(edge_of(tensor)): None for tensor in wanted}


# --- one run ----------------------------------------------------------------------------------------------------------


class Run:
    """One backward pass: what it keeps, what it collects, and what is to be called when it is done."""

    __slots__ = (
        "keep", "targets", "accumulate", "begin", "needed", "leaves", "hooked", "due", "callbacks", "__weakref__",
    )  # fmt: skip

    def __init__(self, keep: bool, targets: dict[Key, Tensor | None] | None, accumulate: bool) -> None:
        #: Whether saved values are kept for another run.
        self.keep = keep
        #: Gradients to collect, by edge; only what leads to them is run. None: all leaves.
        self.targets = targets
        #: Whether leaves add to their ``grad``.
        self.accumulate = accumulate
        #: The nodes and leaves that it began with.
        self.begin: list[Any] = []
        #: The nodes to run, where not all are.
        self.needed: set[Gradient] | None = None
        #: What has flowed into leaves so far.
        self.leaves: dict[int, tuple[Tensor, Tensor]] = {}
        #: Whether a leaf with hooks has been met.
        self.hooked = False
        #: Leaves with hooks, by the sequence number of the last node that leads to them; None until one is met.
        self.due: dict[int, list[Tensor]] | None = None
        self.callbacks: list[Callable[[], None]] = []


class _Running(threading.local):
    def __init__(self) -> None:
        self.runs: list[Run] = []


_running = _Running()


def current_run() -> Run | None:
    """This thread's innermost backward pass."""
    return _running.runs[-1] if _running.runs else None


def queue_callback(callback: Callable[[], None]) -> None:
    """Call a function when the backward pass that runs now is done. ``RuntimeError`` if there is none."""
    if not _running.runs:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    _running.runs[-1].callbacks.append(callback)


def _run(run: Run, roots: Roots, create_graph: bool) -> None:
    before = local.grad
    local.grad = create_graph
    _running.runs.append(run)
    try:
        _propagate(run, roots)
        for callback in run.callbacks:
            callback()
    finally:
        _running.runs.pop()
        local.grad = before


def _propagate(run: Run, roots: Roots) -> None:
    pending: dict[Gradient, Any] = {}
    heap: list[tuple[int, Gradient]] = []
    leaves = run.leaves
    targets = run.targets
    run.begin = [edge[0] if type(edge) is tuple else edge for edge, _ in roots]
    if targets is not None:
        run.needed = _leading_to(targets, run.begin)
    needed = run.needed

    def send(edge: Edge, value: Tensor) -> None:
        number = 0
        if type(edge) is tuple:
            edge, number = edge
        if not isinstance(edge, Gradient):
            held = leaves.get(id(edge))
            if held is None:
                leaves[id(edge)] = edge, value
                if edge._extra is not None and not run.hooked and _has_hooks(edge):
                    run.hooked = True
            else:
                leaves[id(edge)] = edge, held[1] + value
            return
        held = pending.get(edge)
        if held is None:
            pending[edge] = value if number == 0 and edge.outputs == 1 else {number: value}
            heappush(heap, (-edge.sequence, edge))
        elif type(held) is dict:
            held[number] = held[number] + value if number in held else value
        else:
            pending[edge] = held + value

    for edge, value in roots:
        send(edge, value)
    roots.clear()
    while heap:
        node = heappop(heap)[1]
        value = pending.pop(node)
        extra = node.extra
        if extra is not None:
            value = _tensor_hooks(node, value)
        if targets is not None:
            _capture(node, value, targets)
            if node not in needed:  # type: ignore[operator]
                continue
        if extra is not None and extra.pre_hooks:
            value = _pre_hooks(node, value)
        results = _gradients(node, value)
        if not run.keep:
            node.release()
        for edge, result in zip(node.edges, results):
            if edge is None or result is None:
                continue
            if needed is not None:
                target = edge[0] if type(edge) is tuple else edge
                if target not in needed and key_of(edge) not in targets:  # type: ignore[operator]
                    continue
            send(edge, result)
        if run.hooked:
            _finish_due(run, heap, node.sequence)
    if run.hooked or targets is not None:
        while leaves:
            _finish_leaf(run, *leaves.pop(next(iter(leaves))))
    else:
        with _accumulating:
            for leaf, value in leaves.values():
                _accumulate(leaf._more(), value)


def _reachable(begin: list[Any]) -> tuple[set[Gradient], set[int]]:
    """The nodes, and the identities of the leaves, that backward from ``begin`` can come to."""
    nodes: set[Gradient] = set()
    leaves: set[int] = set()
    stack = list(begin)
    while stack:
        node = stack.pop()
        if not isinstance(node, Gradient):
            leaves.add(id(node))
        elif node not in nodes:
            nodes.add(node)
            stack.extend(edge[0] if type(edge) is tuple else edge for edge in node.edges if edge is not None)
    return nodes, leaves


def will_reach(run: Run, edges: Sequence[GradientEdge]) -> list[bool]:
    """For each edge whether the pass computes its gradient, or has done so."""
    nodes, leaves = _reachable(run.begin)
    found = []
    for edge in map(edge_of, edges):
        target = edge[0] if type(edge) is tuple else edge
        reached = target in nodes if isinstance(target, Gradient) else id(target) in leaves
        if run.targets is not None:
            reached = reached and (key_of(edge) in run.targets or any(target is node for node in run.needed or ()))
        found.append(reached)
    return found


def _leading_to(targets: dict[Key, Any], begin: list[Any]) -> set[Gradient]:
    """The nodes on the way from ``begin`` to the targets."""
    leading: set[Gradient] = set()
    for node in sorted(_reachable(begin)[0], key=lambda node: node.sequence):
        for edge in node.edges:
            if edge is None:
                continue
            target = edge[0] if type(edge) is tuple else edge
            if key_of(edge) in targets or isinstance(target, Gradient) and target in leading:
                leading.add(node)
                break
    return leading


def _gradients(node: Gradient, value: Any) -> Sequence[Tensor | None]:
    """Run one node: the gradients for its edges, each of its edge's shape and dtype."""
    saved = node.saved
    plain = node.extra is None and type(value) is Tensor and not local.grad and not local.watched
    if plain and node.replayable and saved is not None:
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
            gradient = _new(Tensor)
            gradient._node = result if view is None else None
            gradient._storage = None if view is None else Storage(result)
            gradient._view = view
            gradient._tracked = False
            gradient._gradient = None
            gradient._extra = None
            gradients.append(gradient)
        return gradients
    return _computed(node, value)


def _computed_from(node: Gradient, pairs: list[Pair]) -> Sequence[Tensor | None]:
    """The gradients for a node's edges when its result's gradient and what it saved are ``pairs``."""
    saved = node.saved
    node.saved = tuple(pairs[1:])
    try:
        return _computed(node, handle(*pairs[0]))
    finally:
        node.saved = saved


def _computed(node: Gradient, value: Any) -> Sequence[Tensor | None]:
    results = _call(node, value)
    if type(results) is not tuple:
        results = (results,)
    extra = node.extra
    if extra is not None and extra.post_hooks:
        results = _post_hooks(node, value, results)
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
    return fitting


def _fitted(result: Tensor, shape: Size, d: dtype, node: Gradient, index: int) -> Tensor:
    """Reduce a broadcast gradient to its input's shape, and bring it to its dtype."""
    if result.shape != shape:
        result = sum_to(result, shape, node.name(), index, node.strict)
    return result if result.dtype is d else result.to(d)


def _call(node: Gradient, value: Any) -> Any:
    """Run one node; under anomaly detection, errors and NaN name the line that recorded it."""
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


# --- hooks ------------------------------------------------------------------------------------------------------------


def _replaced(hook: Callable[..., Any], value: Tensor) -> Tensor:
    """What a tensor's hook makes of its gradient; it must not change shape or dtype."""
    result = hook(value)
    if result is None or result is value:
        return value
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(result, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
    if result.dtype is not value.dtype:
        raise RuntimeError(
            f"hook '{name}' has changed the type of value (was {value.type()} got {result.type()})"
        )
    if result.shape != value.shape:
        raise RuntimeError(f"hook '{name}' has changed the size of value")
    return result


def _tensor_hooks(node: Gradient, value: Any) -> Any:
    """Run the hooks of the tensors that are the node's outputs, and keep the gradients that these retain."""
    extra = node.extra
    assert extra is not None
    for number, hooks in extra.tensor_hooks.items():
        part = value if type(value) is not dict else value.get(number)
        if part is None:
            continue
        for hook in list(hooks.values()):
            part = _replaced(hook, part)
        if type(value) is dict:
            value[number] = part
        else:
            value = part
    for number, reference in extra.retained.items():
        tensor = reference()
        part = value if type(value) is not dict else value.get(number)
        if tensor is not None and part is not None:
            _add_to(tensor, part)
    return value


def _parts(node: Gradient, value: Any) -> tuple[Any, ...]:
    return tuple(value.get(k) for k in range(node.outputs)) if type(value) is dict else (value,)


def _pre_hooks(node: Gradient, value: Any) -> Any:
    assert node.extra is not None
    given = _parts(node, value)
    for hook in list(node.extra.pre_hooks.values()):
        replaced = hook(given)
        if replaced is not None:
            given = replaced if isinstance(replaced, tuple) else (replaced,)
    return {k: part for k, part in enumerate(given) if part is not None} if type(value) is dict else given[0]


def _post_hooks(node: Gradient, value: Any, results: tuple[Any, ...]) -> tuple[Any, ...]:
    assert node.extra is not None
    outputs = _parts(node, value)
    for hook in list(node.extra.post_hooks.values()):
        replaced = hook(results, outputs)
        if replaced is not None:
            results = replaced if isinstance(replaced, tuple) else (replaced,)
    return results


# --- where gradients end ------------------------------------------------------------------------------------------------


def _capture(node: Gradient, value: Any, targets: dict[Key, Tensor | None]) -> None:
    for number, part in value.items() if type(value) is dict else ((0, value),):
        if (id(node), number) in targets:
            targets[id(node), number] = part


def _add_to(tensor: Tensor, value: Tensor) -> None:
    extra = tensor._more()
    extra.grad = own(value) if extra.grad is None else extra.grad + value


def _finish_due(run: Run, heap: list[tuple[int, Gradient]], done: int) -> None:
    """Finish the leaves with hooks that nothing more will flow into, now that node number ``done`` has run.

    Others wait for the end of the run; that is the same for them, and costs nothing.
    """
    due = run.due
    if due is None:
        due = run.due = _last_uses([node for _, node in heap], run.needed)
        later = {id(leaf) for leaves in due.values() for leaf in leaves}
        ready = [leaf for leaf, _ in run.leaves.values() if _has_hooks(leaf) and id(leaf) not in later]
    else:
        ready = due.pop(done, [])
    for leaf in ready:
        if id(leaf) in run.leaves:
            _finish_leaf(run, *run.leaves.pop(id(leaf)))


def _has_hooks(leaf: Tensor) -> bool:
    extra = leaf._extra
    return extra is not None and bool(extra.hooks or extra.accumulate_hooks)


def _last_uses(nodes: list[Gradient], needed: set[Gradient] | None) -> dict[int, list[Tensor]]:
    """For the leaves with hooks that ``nodes`` lead to: the sequence number of the last node that does."""
    last: dict[int, tuple[int, Tensor]] = {}
    seen: set[Gradient] = set()
    while nodes:
        node = nodes.pop()
        if node in seen or needed is not None and node not in needed:
            continue
        seen.add(node)
        for edge in node.edges:
            target = edge[0] if type(edge) is tuple else edge
            if isinstance(target, Gradient):
                nodes.append(target)
            elif target is not None and _has_hooks(target):
                held = last.get(id(target))
                last[id(target)] = (node.sequence if held is None else min(held[0], node.sequence)), target
    due: dict[int, list[Tensor]] = {}
    for number, leaf in last.values():
        due.setdefault(number, []).append(leaf)
    return due


_accumulating = threading.RLock()
"""Threads that run backward at the same time may share leaves."""


def _finish_leaf(run: Run, leaf: Tensor, value: Tensor) -> None:
    """All of a leaf's gradient is there: run its hooks, and add it to ``grad``."""
    extra = leaf._more()
    if extra.hooks:
        for hook in list(extra.hooks.values()):
            value = _replaced(hook, value)
    if run.targets is not None:
        if (id(leaf), 0) not in run.targets:
            return
        run.targets[id(leaf), 0] = value
    if not run.accumulate:
        return
    with _accumulating:
        _accumulate(extra, value)
    if extra.accumulate_hooks:
        for hook in list(extra.accumulate_hooks.values()):
            hook(leaf)


def _accumulate(extra: Any, value: Tensor) -> None:
    """Add to the ``grad`` in a leaf's extra state."""
    held = extra.grad
    if held is None:
        # A gradient that is someone else's tensor, or a view, must not be shared: ``grad`` may be written in place.
        extra.grad = own(value if local.grad or not value._tracked else value.detach())
    elif local.grad:
        extra.grad = held + value
    else:
        held.add_(value)


def own(value: Tensor) -> Tensor:
    """A tensor that only the leaf's ``grad`` refers to: a new handle on the same value, or a copy of a view."""
    node = value._read()
    if value._view is not None and value._view is not whole(node.shape) or node.buffer is not None and is_exposed(node):
        return value.clone()
    handle = _new(Tensor)
    handle._node = node
    handle._storage = None
    handle._view = None
    handle._tracked = value._tracked
    handle._gradient = value._gradient
    handle._extra = None
    return handle


Tensor._run_backward = staticmethod(backward)  # type: ignore[assignment]
