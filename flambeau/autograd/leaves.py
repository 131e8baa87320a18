"""Where gradients end: the hooks of leaves, and their ``grad``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..core.history import Gradient
from ..core.storage import Storage, is_exposed, shows_all, whole
from ..core.tensor import Tensor
from ..graph.trace import local
from ..interpreter.forks import new_lock
from ..ops.conversion import laid_like
from .observed import OBSERVERS

if TYPE_CHECKING:
    from .engine import Run


def replaced(hook: Callable[..., Any], value: Tensor) -> Tensor:
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


def both(held: Tensor, value: Tensor) -> Tensor:
    """The sum of two gradients, either of which may be sparse: to a dense one."""
    return value + held if held.of_entries else held + value


def add_to(tensor: Tensor, value: Tensor) -> None:
    state = tensor._autograd_state()
    if state.grad is None:
        state.grad = value if value.of_entries else unshared(value.contiguous())
    else:
        state.grad = both(state.grad, value)


def finish_due(run: Run, nodes: Iterable[Gradient], done: int) -> None:
    """Finish the leaves with hooks that nothing more will flow into, now that node number ``done`` has run; ``nodes`` have
    gradients still to be propagated.

    Others wait for the end of the run; that is the same for them, and costs nothing.
    """
    due = run.due
    if due is None:
        due = run.due = _last_uses(list(nodes), run.needed)
        later = {id(leaf) for leaves in due.values() for leaf in leaves}
        ready = [leaf for leaf, _ in run.leaves.values() if has_hooks(leaf) and id(leaf) not in later]
    else:
        ready = due.pop(done, [])
    for leaf in ready:
        if id(leaf) in run.leaves:
            finish_leaf(run, *run.leaves.pop(id(leaf)))


def has_hooks(leaf: Tensor) -> bool:
    state = leaf._autograd
    return state is not None and bool(state.hooks or state.accumulate_hooks)


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
            elif target is not None and has_hooks(target):
                held = last.get(id(target))
                last[id(target)] = (node.sequence if held is None else min(held[0], node.sequence)), target
    due: dict[int, list[Tensor]] = {}
    for number, leaf in last.values():
        due.setdefault(number, []).append(leaf)
    return due


accumulating = new_lock()
"""Threads that run backward at the same time may share leaves."""


def finish_leaf(run: Run, leaf: Tensor, value: Tensor) -> None:
    """All of a leaf's gradient is there: run its hooks, and add it to ``grad``."""
    state = leaf._autograd_state()
    if state.hooks:
        for hook in list(state.hooks.values()):
            value = replaced(hook, value)
    if run.targets is not None:
        if (id(leaf), 0) not in run.targets:
            return
        run.targets[id(leaf), 0] = value
    if not run.accumulate:
        return
    with accumulating:
        accumulate(leaf, value)
    if state.accumulate_hooks:
        for hook in list(state.accumulate_hooks.values()):
            result = hook(leaf)
            if result is None:
                continue
            if isinstance(result, Tensor):
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")
            raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")


def accumulate(leaf: Tensor, value: Tensor) -> None:
    """Add to a leaf's ``grad``. A first one lies in memory as the leaf does, if that is dense, else in logical order."""
    state = leaf._autograd_state()
    held = state.grad
    if OBSERVERS:
        arrived = OBSERVERS[0].arrive(leaf, value)
        if arrived is None:
            return
        value = arrived
    if value.of_entries or held is not None and held.of_entries:
        state.grad = _with_sparse(held, value if local.grad or not value.requires_grad else value.detach())
    elif held is None:
        # A gradient that is someone else's tensor, or a view, must not be shared: ``grad`` may be written in place.
        value = value if local.grad or not value._tracked else value.detach()
        alike = _lies_plainly(value) and (leaf._view is None or leaf._view.contiguous)
        state.grad = unshared(value if alike else laid_like(value, leaf))
    elif local.grad:
        state.grad = held + value
    else:
        held.add_(value)


def _with_sparse(held: Tensor | None, value: Tensor) -> Tensor:
    """What ``grad`` becomes where it or what is added is sparse; a dense one is written in place, as it is otherwise."""
    if held is None:
        return value.with_entries(unshared(value._entries))  # type: ignore[no-any-return]
    if held.of_entries or local.grad:
        return both(held, value)
    return held.add_(value)  # type: ignore[no-any-return]


def _lies_plainly(value: Tensor) -> bool:
    return value._view is None or value._view is whole(value._read().shape)


def unshared(value: Tensor) -> Tensor:
    """A tensor that only the leaf's ``grad`` refers to: another tensor of the same value, or a copy of a view."""
    node, view = value._read(), value._view
    if is_exposed(node) or not _lies_plainly(value) and not shows_all(view, node.shape.numel()):  # type: ignore[arg-type]
        return value.clone()
    result = Tensor._from_node(node) if _lies_plainly(value) else Tensor._from_node(None, view, Storage(node))
    result._tracked, result._gradient = value._tracked, value._gradient
    return result
