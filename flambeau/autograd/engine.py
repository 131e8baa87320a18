"""The engine: walks recorded history from the latest operation to the earliest, adding up gradients on the way.

No recursion, no dependency counting: an operation's inputs were always recorded before it, so taking gradient nodes by
falling sequence number visits each after everything that used its result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

from ..core.history import Edge, Gradient
from ..core.tensor import Tensor
from ..graph.notices import warn_once
from ..graph.sites import user_site
from ..graph.trace import local
from ..ops.creation import zeros_like
from ..ops.joining import stack
from ..ops.one_node import run_between
from .leaves import accumulate, accumulating, both, finish_due, finish_leaf, has_hooks
from .node import gradients_of, run_pre_hooks, run_tensor_hooks
from .observed import OBSERVERS
from .roots import GradientEdge, Key, Roots, any_of_parts, as_edge, key_of, roots_of, sequence_of
from .stretches import in_order, run_together, stretches_in


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
    if any_of_parts(many):
        from .parts import outputs_as_parts

        many, grads = outputs_as_parts(many, grads)
    roots = roots_of(many, grads)
    keep = bool(create_graph if retain_graph is None else retain_graph) or local.forward > 0
    if create_graph:
        warn_once(
            "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient which "
            "can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you have to use "
            "this function, make sure to reset the .grad fields of your parameters to None after use to break the cycle and "
            "avoid the leak."
        )
    if inputs is None:
        _run(Run(keep, None, True), roots, create_graph)
        return
    wanted = sequence_of(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if any_of_parts(wanted):
        from .parts import inputs_as_parts

        wanted = inputs_as_parts(wanted)
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
    if any_of_parts(many) or any_of_parts(wanted):
        from .parts import gradients_of_parts

        options = {"retain_graph": retain_graph, "create_graph": create_graph, "allow_unused": allow_unused}
        options |= {"is_grads_batched": is_grads_batched, "materialize_grads": materialize_grads}
        return gradients_of_parts(grad, many, wanted, grads, **options)
    keep = bool(create_graph if retain_graph is None else retain_graph) or local.forward > 0
    unused = bool(allow_unused) or materialize_grads
    if is_grads_batched:
        results = _batched(many, wanted, grads, keep, create_graph, unused)
    else:
        targets = _targets(wanted)
        _run(Run(keep, targets, False), roots_of(many, grads), create_graph)
        results = [targets[key_of(as_edge(tensor))] for tensor in wanted]
        for index, result in enumerate(results):
            if result is None and not unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
                    "Set allow_unused=True if this is the desired behavior."
                )
    if materialize_grads:
        return tuple(zeros_like(t) if result is None else result for t, result in zip(wanted, results, strict=True))
    return tuple(results)


def _batched(
    outputs: Sequence[Any], inputs: Sequence[Any], grads: Sequence[Tensor | None], keep: bool, create: bool, unused: bool
) -> list[Tensor | None]:
    """One pass for each vector, the results stacked."""
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
    return {key_of(as_edge(tensor)): None for tensor in wanted}


# --- one run ----------------------------------------------------------------------------------------------------------


class Run:
    """One backward pass: what it keeps, what it collects, and what is to be called when it is done."""

    __slots__ = (
        "keep", "targets", "accumulate", "begin", "needed", "leaves", "hooked", "due", "callbacks", "forward", "__weakref__",
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
        #: Whether it is the first pass of forward mode, of which only the history counts (see ``autograd.levels``).
        self.forward = False


class _Running(threading.local):
    def __init__(self) -> None:
        self.runs: list[Run] = []


_running = _Running()


def current_run() -> Run | None:
    """This thread's innermost backward pass."""
    return _running.runs[-1] if _running.runs else None


def in_forward_mode() -> bool:
    """Whether this thread's innermost pass is the first one of forward mode."""
    return bool(_running.runs) and _running.runs[-1].forward


def queue_callback(callback: Callable[[], None]) -> None:
    """Call a function when the backward pass that runs now is done. ``RuntimeError`` if there is none."""
    if not _running.runs:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    _running.runs[-1].callbacks.append(callback)


def _run(run: Run, roots: Roots, create_graph: bool) -> None:
    before, line = local.grad, local.line
    try:
        local.grad = create_graph or local.forward > 0  # a tangent of a gradient follows from its history
        local.line = line or user_site()
        _running.runs += (run,)
        _propagate(run, roots)
        for callback in run.callbacks:
            callback()
    finally:
        local.grad, local.line = before, line
        del _running.runs[-1:]


def _propagate(run: Run, roots: Roots) -> None:
    pending: dict[Gradient, Any] = {}
    leaves = run.leaves
    targets = run.targets
    run.begin = [edge[0] if type(edge) is tuple else edge for edge, _ in roots]
    if targets is not None and run.needed is None:
        run.needed = _leading_to(targets, run.begin)
    needed: Container[Any] = run.needed or ()
    captured = {identity for identity, _ in targets or ()}

    def send(edge: Edge, value: Tensor) -> None:
        number = 0
        if type(edge) is tuple:
            edge, number = edge
        if not isinstance(edge, Gradient):
            held = leaves.get(id(edge))
            if held is None:
                leaves[id(edge)] = edge, value
                if edge._autograd is not None and not run.hooked and has_hooks(edge):
                    run.hooked = True
            else:
                leaves[id(edge)] = edge, both(held[1], value)
            return
        held = pending.get(edge)
        if held is None:
            pending[edge] = value if number == 0 and edge.outputs == 1 else {number: value}
        elif type(held) is dict:
            held[number] = both(held[number], value) if number in held else value
        else:
            pending[edge] = both(held, value)

    def wanted(target: Any, number: int) -> bool:
        """Whether a gradient leads to the targets."""
        return target in needed or targets is not None and (id(target), number) in targets

    def alone(node: Gradient) -> bool:
        """Whether something is to be seen of a node's gradients."""
        return node not in needed or id(node) in captured

    for edge, value in roots:
        send(edge, value)
    roots.clear()
    order = in_order(run.begin, run.needed)
    together = not run.hooked and not local.grad and not local.watched and not OBSERVERS
    gradients = OBSERVERS[0].gradients if OBSERVERS else gradients_of
    for stretch in stretches_in(order, None if targets is None else alone) if together else (order,):
        several = len(stretch) > 1 and together and not run.hooked
        if several and run_together(stretch, pending, leaves, None if targets is None else wanted):
            if not run.keep:
                for node in stretch:
                    node.release()
            continue
        for node in stretch:
            value = pending.pop(node, None)
            if value is None:
                continue
            attached = node.attached
            if attached is not None:
                value = run_tensor_hooks(node, value)
            if targets is not None:
                _capture(node, value, targets)
                if node not in needed:
                    continue
            if attached is not None and attached.pre_hooks:
                value = run_pre_hooks(node, value)
            results = gradients(node, value)
            if not run.keep:
                node.release()
            for edge, result in zip(node.edges, results):
                if edge is None or result is None:
                    continue
                if targets is not None and not wanted(*edge if type(edge) is tuple else (edge, 0)):
                    continue
                send(edge, result)
            if run.hooked:
                finish_due(run, pending, node.sequence)
    # A hook that ran on the way may have given one to a leaf that had been met before.
    if run.hooked or targets is not None or any([has_hooks(leaf) for leaf, _ in leaves.values()]):
        while leaves:
            finish_leaf(run, *leaves.pop(next(iter(leaves))))
    else:
        with accumulating:
            for leaf, value in leaves.values():
                accumulate(leaf, value)


def _between(roots: Roots, ends: Sequence[Gradient | None]) -> tuple[Tensor | None, ...]:
    """The gradients that arrive at the nodes ``ends``, beyond which nothing is run; saved values are kept."""
    run = Run(True, {(id(end), 0): None for end in ends if end is not None}, False)
    stop = {end for end in ends if end is not None}
    run.needed = _reachable([edge[0] if type(edge) is tuple else edge for edge, _ in roots], stop)[0] - stop
    _propagate(run, roots)
    assert run.targets is not None
    return tuple(None if end is None else run.targets[id(end), 0] for end in ends)


run_between.append(_between)


def _reachable(begin: list[Any], stop: Iterable[Gradient] = ()) -> tuple[set[Gradient], set[int]]:
    """The nodes, and the identities of the leaves, that backward from ``begin`` can come to, not going beyond ``stop``."""
    nodes: set[Gradient] = set(stop)
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
    for edge in map(as_edge, edges):
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


def _capture(node: Gradient, value: Any, targets: dict[Key, Tensor | None]) -> None:
    for number, part in value.items() if type(value) is dict else ((0, value),):
        if (id(node), number) in targets:
            targets[id(node), number] = part


Tensor._run_backward = staticmethod(backward)  # type: ignore[assignment]
