"""A function done for all samples of a batch, and its gradient.

What the function records is recorded for one sample (:mod:`flambeau.core.samples`), histories included. To what is outside it is
one node of the history: backward through that is the backward of one sample's history, done for all samples as well. So
gradients of gradients need nothing more: the history of a gradient leads through the node's of the function it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.batching import Value
from ..core.history import FREED, Edge, Gradient, edge_of, sequence
from ..core.samples import Samples, SampleTrace, do_for_all, node_of_all, result_of, sampled, settle_writes
from ..core.tensor import Tensor
from ..graph.shapes import Size
from ..graph.trace import local
from ..ops import NAMESPACE
from .engine import Run, _reachable, _run, in_forward_mode
from .roots import key_of

view_as_real, view_as_complex = NAMESPACE["view_as_real"], NAMESPACE["view_as_complex"]


class SampleEntrance(Gradient):
    """Where one sample's history begins: ``context`` is the batch, and the edge of the tensor of all samples."""

    def backward(self, grad: Tensor) -> Any:
        raise AssertionError("nothing is run beyond an entrance")


class Batch(Samples):
    """A batch with the histories recorded for one of its samples."""

    def __init__(self, count: int, randomness: str = "error") -> None:
        super().__init__(count, randomness)
        #: The sequence numbers between which nodes belong to it.
        self.spans: list[tuple[int, int]] = []
        #: Where the calls began that have not ended yet.
        self.begun: list[int] = []

    def owns(self, edge: Edge) -> bool:
        """Whether an edge leads to one sample's history, and not to what is outside."""
        node = _node(edge)
        if not isinstance(node, Gradient):
            trace = node._read().trace
            return isinstance(trace, SampleTrace) and trace.batch is self
        number = node.sequence
        return any([begin < number < end for begin, end in self.spans]) or any([begin < number for begin in self.begun])

    def call(
        self, function: Callable[..., Sequence[Tensor | None]], inputs: Sequence[Tensor],
        put_back: Callable[[int, Tensor], None] | None = None,
    ) -> list[tuple[Tensor, bool] | None]:  # fmt: skip
        """What ``function`` gives for each sample, stacked along a first axis, which all inputs have; and whether it differs.

        If an input is written to in place, ``put_back`` is called with its number and what it is then. Complex numbers are
        handed over as pairs of real ones.
        """
        paired = [x.dtype.kind == "complex" for x in inputs]
        given_back: list[bool] = []

        def of_pairs(*samples: Tensor) -> list[Tensor | None]:
            results = function(*[view_as_complex(x) if pair else x for x, pair in zip(samples, paired)])
            given_back.extend(result is not None and result.dtype.kind == "complex" for result in results)
            return [as_pairs(result) if pair else result for result, pair in zip(results, given_back)]

        def put(number: int, value: Tensor) -> None:
            assert put_back is not None
            put_back(number, view_as_complex(value) if paired[number] else value)

        def as_pairs(value: Any) -> Tensor:
            return view_as_real(value.resolve_conj())  # type: ignore[no-any-return]

        real = [as_pairs(x) if pair else x for x, pair in zip(inputs, paired)]
        outputs = self._of_real(of_pairs, real, None if put_back is None else put)
        return [
            (view_as_complex(output[0]), output[1]) if pair and output is not None else output
            for output, pair in zip(outputs, given_back)
        ]

    def _of_real(
        self, function: Callable[..., Sequence[Tensor | None]], inputs: Sequence[Tensor],
        put_back: Callable[[int, Tensor], None] | None,
    ) -> list[tuple[Tensor, bool] | None]:  # fmt: skip
        """:meth:`call` for tensors of real numbers."""
        nodes = [node_of_all(tensor) for tensor in inputs]

        def for_one(trace: SampleTrace) -> tuple[list[Tensor], Sequence[Tensor | None]]:
            given = [self._sample(trace, tensor, node) for tensor, node in zip(inputs, nodes)]
            return given, function(*given)

        begin = sequence()
        self.begun.append(begin)
        try:
            trace, (given, results) = sampled(self, for_one)
        finally:
            self.begun.remove(begin)
            self.spans.append((begin, sequence()))
        edges = [None if result is None else edge_of(result) for result in results]
        do_for_all(trace)
        if put_back is not None:
            for number, tensor in enumerate(given):
                if tensor._read() not in self.values or self.values[tensor._read()].node is not nodes[number]:
                    put_back(number, self._lead([result_of(self, tensor)], [edge_of(tensor)])[0])
        settle_writes(trace)
        outputs = [None if result is None else (result_of(self, result), self.differs(result)) for result in results]
        there = [(output[0], edge) for output, edge in zip(outputs, edges) if output is not None]
        self._lead([output for output, _ in there], [edge for _, edge in there])
        return outputs

    def _sample(self, trace: SampleTrace, tensor: Tensor, node: Any) -> Tensor:
        """The tensor that one sample sees in the place of an input."""
        shape = Size(tensor.shape[1:])
        sample = Tensor._from_node(trace.leaf(shape, node.dtype, Value(node, True)))
        if tensor.requires_grad and local.grad:
            sample._tracked = True
            sample._gradient = SampleEntrance.of((), (), shape, node.dtype, (self, edge_of(tensor)))
        return sample

    def _lead(self, outputs: list[Tensor], edges: Sequence[Edge]) -> list[Tensor]:
        """Give outputs a history, those that lead outside."""
        ends = self._ends(edges)
        if not ends:
            return outputs
        outside = [end.context[1] if self._enters(end) else end for end in ends]
        tracked = [(output, edge) for output, edge in zip(outputs, edges) if edge is not None]
        shapes, dtypes = [t.shape for t, _ in tracked], [t.dtype for t, _ in tracked]
        several = len(tracked) > 1
        node = VmapBackward.named("VmapBackward", len(tracked)).of(
            tuple(outside), (), shapes if several else shapes[0], dtypes if several else dtypes[0],
            (self, [edge for _, edge in tracked], ends),
        )  # fmt: skip
        for number, (output, _) in enumerate(tracked):
            output._tracked = True
            output._gradient = (node, number) if several else node
        return outputs

    def _enters(self, node: Any) -> bool:
        """Whether a node is an entrance of this batch."""
        return isinstance(node, SampleEntrance) and node.context[0] is self

    def _ends(self, edges: Sequence[Edge]) -> list[Edge]:
        """The ends of one sample's history from these edges: entrances, and edges that lead outside."""
        ends: dict[Any, Edge] = {}
        seen: set[int] = set()
        waiting = [edge for edge in edges if edge is not None]
        while waiting:
            edge = waiting.pop()
            node = _node(edge)
            if self._enters(node):
                if node.context[1] is not None:
                    ends[key_of(edge)] = edge
            elif not self.owns(edge):
                ends[key_of(edge)] = edge
            elif isinstance(node, Gradient) and id(node) not in seen:
                seen.add(id(node))
                waiting += [following for following in node.edges if following is not None]
        return list(ends.values())


def _node(edge: Edge) -> Any:
    """The node, or the leaf, to which an edge leads."""
    return edge[0] if type(edge) is tuple else edge


class VmapBackward(Gradient):
    """History of a batch's outputs. ``context``: the batch, the edges of the outputs in one sample's history, and its ends."""

    replayable = False  # the nodes inside are

    def backward(self, grad: Any) -> tuple[Tensor | None, ...]:
        if self.context is None:
            raise RuntimeError(FREED)
        batch, edges, ends = self.context
        given = grad if type(grad) is dict else {0: grad}
        forward = in_forward_mode()
        # One end may lead to another, but that way is outside.
        stop = {node for node in map(_node, ends) if isinstance(node, Gradient)}

        def pull(*cotangents: Tensor) -> list[Tensor | None]:
            targets: dict[Any, Tensor | None] = {key_of(end): None for end in ends}
            roots = [(edges[number], cotangent) for number, cotangent in zip(given, cotangents)]
            run = Run(True, targets, False)
            run.forward = forward
            run.needed = _reachable([_node(edge) for edge, _ in roots], stop)[0] - stop
            _run(run, roots, local.grad)
            return list(targets.values())

        found = batch.call(pull, list(given.values()))
        return tuple(
            None if pair is None else pair[0] if batch._enters(end) else pair[0].sum(0) for pair, end in zip(found, ends)
        )

    def release(self) -> None:
        self.saved = self.context = None
