"""``vmap`` of a :class:`~flambeau.autograd.function.Function` by its own ``vmap``, which is given all samples at once.

It is called where the vmapped function was called. What is differentiated in there is differentiated by ``backward``, sample by
sample; what is differentiated outside, by the gradients of whatever the rule does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.batching import Operand, Value, spread
from ..core.history import Edge, Gradient, edge_of
from ..core.samples import SampleTrace, catch_up_now, node_of_all, outside
from ..core.storage import Storage
from ..core.tensor import Tensor
from ..graph.trace import enter, local
from ..interpreter.trees import broadcast_to, tree_flatten
from .levels import LevelEntrance
from .parts import elements_of, kind_of
from .samples import Batch


class VmapInfo(NamedTuple):
    """What a rule is told of the batch: how many samples, and what random operations do there."""

    batch_size: int
    randomness: str


def check_rules(function: Any) -> None:
    """``RuntimeError`` if a function with a rule has ``generate_vmap_rule`` as well, or an old-style ``forward``."""
    if function.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {function.__name__}, but it has both generate_vmap_rule=True and an overridden vmap "
            "staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid ambiguity."
        )
    if not function._sets_up():
        raise RuntimeError(
            f"In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override "
            f"the setup_context staticmethod, which {function.__name__} does not."
        )


class Ruled(NamedTuple):
    """What a rule gave: the output for one sample, and whether its history is there already."""

    output: Any
    complete: bool


def by_own_rule(function: Any, arguments: tuple[Any, ...]) -> Ruled | None:
    """A function of one sample by its rule; None if its arguments are the same for all samples."""
    trace = local.trace
    assert isinstance(trace, SampleTrace) and isinstance(trace.batch, Batch)
    batch = trace.batch
    leaves, spec = tree_flatten(arguments)
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    elements = [elements_of(leaves[place]) for place in places]
    nodes = [x._read() for x in elements]
    nodes = [node if node.trace is trace else enter(trace, node) for node in nodes]
    catch_up_now(trace)
    values = [trace.values[node.place] for node in nodes]
    batched = any(value.batched for value in values)
    if not batched and not trace.outer.sampling:
        return None
    edges = [edge_of(x) for x in elements]
    inside = local.grad and _differentiated_inside(batch, edges)
    given = list(leaves)
    axes: list[int | None] = [None] * len(leaves)

    def for_all() -> tuple[Any, Any]:
        for place, x, value, edge in zip(places, elements, values, edges):
            whole = _all_of(value, x, batch.count)
            if local.grad and not inside and edge is not None:
                # A tensor that is the same for all samples is led to as if it were not: its gradients are added up.
                whole = whole if value.batched else whole.expand(batch.count, *whole.shape)
                batch._lead([whole], [edge])
            elif not value.batched:
                whole = whole.detach()
            kind = kind_of(leaves[place])
            given[place] = whole if kind is None else kind(whole)
            axes[place] = 0 if value.batched or whole._tracked else None
        info = VmapInfo(batch.count, batch.randomness)
        if not any(axis == 0 for axis in axes):
            return function.apply(*spec.unflatten(given)), None
        result = function.vmap(info, spec.unflatten(axes), *spec.unflatten(given))
        if not isinstance(result, tuple) or len(result) != 2:
            raise RuntimeError(
                "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible "
                f"with the output. Got a {type(result)} instead"
            )
        return result

    def without_inner_history() -> tuple[Any, Any]:
        before = local.grad
        try:
            local.grad = local.grad and not inside
            return for_all()
        finally:
            local.grad = before

    output, out_dims = outside(trace, without_inner_history)
    flat, made = tree_flatten(output)
    out_axes = broadcast_to(out_dims, made)
    if out_axes is None or not all(axis is None or isinstance(axis, int) for axis in out_axes):
        raise RuntimeError(
            f"The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected out_dims="
            f"{out_dims} to be compatible with the structure of `output`. out_dims has structure {tree_flatten(out_dims)[1]} "
            f"but output has structure {made}."
        )
    samples = [_sample_of(trace, each, axis, batch) for each, axis in zip(flat, out_axes)]
    return Ruled(made.unflatten(samples), not inside)


def _differentiated_inside(batch: Batch, edges: Sequence[Edge]) -> bool:
    """Whether something that is differentiated within the vmapped function leads here."""
    seen: set[int] = set()
    waiting = [edge for edge in edges if edge is not None]
    while waiting:
        edge = waiting.pop()
        node = edge[0] if type(edge) is tuple else edge
        if not isinstance(node, Gradient) or id(node) in seen or batch._enters(node) or not batch.owns(node):
            continue
        if isinstance(node, LevelEntrance) and node.context.active:
            return True
        seen.add(id(node))
        waiting += [following for following in node.edges if following is not None]
    return False


def _all_of(value: Value, tensor: Tensor, count: int) -> Tensor:
    """All samples of a tensor, the batch in front, or the one that is the same for all; without history."""
    if not value.batched:
        view = tensor._view
        return Tensor._from_node(value.node, view, None if view is None else Storage(value.node))
    node, view = spread(Operand(value.node, True, tensor._view, tensor._read().shape), count)
    return Tensor._from_node(node, view, None if view is None else Storage(node))


def _sample_of(trace: SampleTrace, result: Any, axis: int | None, batch: Batch) -> Any:
    """One sample of what a rule gave."""
    if not isinstance(result, Tensor):
        return result
    elements, kind = elements_of(result), kind_of(result)

    def prepared() -> tuple[Tensor, Any]:
        if axis is None:
            whole = elements.expand(batch.count, *elements.shape) if elements.requires_grad and local.grad else elements
        else:
            whole = elements.movedim(axis % result.ndim, 0)
            if whole.shape[0] != batch.count:
                raise RuntimeError(
                    f"vmap: the rule of an autograd.Function gave {whole.shape[0]} samples, where there are {batch.count}"
                )
        return whole, node_of_all(whole)

    whole, node = outside(trace, prepared)
    if axis is None and whole is elements:
        sample = Tensor._from_node(trace.leaf(whole.shape, node.dtype, Value(node, False)))
    else:
        sample = batch._sample(trace, whole, node)
    return sample if kind is None else kind(sample)
