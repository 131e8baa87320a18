"""What a network records for an input, as the graph that TensorBoard shows.

Its nodes are primitives (see :mod:`flambeau.graph.primitives`), which is what is recorded, whatever Python leads there. Each
is named after the module that recorded it, as ``Net/Linear[fc1]/matmul_3``. Only what was recorded is shown: a branch that
the input did not take is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...core.modes import no_grad
from ...core.tensor import Tensor
from ...graph.places import node_at
from ...graph.primitives import LEAF
from ...graph.segments import expanded
from ...graph.steps import chain_to
from ...graph.trace import UNLIMITED, Trace, evaluate_trace, local
from . import _messages as m


def graph(model: Any, args: Any, verbose: bool = False) -> tuple[m.GraphDef, m.RunMetadata]:
    """The graph of ``model(*args)``, run once without training's behaviour, and that it ran on the CPU."""
    inputs = args if isinstance(args, tuple | list) else (args,)
    scopes = _Scopes(model)
    with _recording() as trace, scopes.watched(trace):
        outputs = model(*inputs)
        nodes = _nodes(trace, scopes, model, inputs, outputs)
    if verbose:
        print("\n".join(map(repr, nodes)))
    stats = m.StepStats(dev_stats=[m.DeviceStepStats(device="/device:CPU:0")])
    return m.GraphDef(node=nodes, versions=m.VersionDef(producer=22)), m.RunMetadata(step_stats=stats)


@contextmanager
def _recording() -> Iterator[Trace]:
    """A trace that begins here, and is not cut before the end."""
    evaluate_trace[0](local.trace)
    trace = local.trace
    limit, trace.limit = trace.limit, UNLIMITED
    try:
        with no_grad():
            yield trace
    finally:
        trace.limit = limit
        evaluate_trace[0](trace)


class _Scopes:
    """Which module records what: the places of a trace between the beginning and the end of each call."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.names: dict[Any, str] = {}
        #: (place, name) wherever another module goes on.
        self.changes: list[tuple[int, str]] = []
        self._name(model, type(model).__name__)

    def _name(self, module: Any, name: str) -> None:
        self.names.setdefault(module, name)
        for attribute, child in module.named_children():
            self._name(child, f"{name}/{type(child).__name__}[{attribute}]")

    @contextmanager
    def watched(self, trace: Trace) -> Iterator[None]:
        """Note where calls of modules begin and end, and have modules behave as they do when they are not trained."""
        inside: list[str] = []

        def begin(module: Any, *call: Any) -> None:
            inside.append(self.names[module])
            self.changes.append((trace.cursor.depth, inside[-1]))

        def end(module: Any, *call: Any) -> None:
            inside.pop()
            self.changes.append((trace.cursor.depth, inside[-1] if inside else self.names[self.model]))

        trained = [module for module in self.names if module.training]
        hooks = [module.register_forward_pre_hook(begin) for module in self.names]
        hooks += [module.register_forward_hook(end) for module in self.names]
        self.model.eval()
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            for module in trained:
                module.training = True

    def at(self, depth: int) -> list[str]:
        """The module's name for each place of the trace."""
        names = []
        for (begin, name), (end, _) in zip(self.changes, [*self.changes[1:], (depth, "")]):
            names += [name] * (end - begin)
        return [self.names[self.model]] * (depth - len(names)) + names


def _nodes(trace: Trace, scopes: _Scopes, model: Any, inputs: Any, outputs: Any) -> list[m.NodeDef]:
    """A node for each place that results depend on, and one for each result."""
    results = [(tensor, tensor._read()) for tensor in _tensors(outputs)]
    steps = expanded(chain_to(trace.cursor))
    known = _known_values(model, scopes, inputs)
    ends = [node.place for _, node in results if node.trace is trace]
    needed, waiting = set(ends), list(ends)
    while waiting:
        for place, _ in steps[waiting.pop()].operands:
            if type(place) is int and place not in needed:
                needed.add(place)
                waiting.append(place)
    names: dict[int, str] = {}
    nodes = []
    modules = scopes.at(len(steps))
    for place in sorted(needed):
        step = steps[place]
        if step.primitive is LEAF:
            name, kind = known.get(node_at(trace, place).buffer, (f"{modules[place]}/constant_{place}", "Constant"))
        else:
            name, kind = f"{modules[place]}/{step.primitive.name}_{place}", step.primitive.name
        names[place] = name
        sources = [names[source] for source, _ in step.operands if type(source) is int]
        nodes.append(_node(name, kind, sources, tuple(step.shape), str(step.dtype)))
    for number, (tensor, node) in enumerate(results, 1):
        sources = [names[node.place]] if node.trace is trace else []
        nodes.append(_node(f"output/output.{number}", "IO Node", sources, tuple(tensor.shape), str(tensor.dtype)))
    return nodes


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [tensor for one in inner for tensor in _tensors(one)]


def _known_values(model: Any, scopes: _Scopes, inputs: Any) -> dict[Any, tuple[str, str]]:
    """Names and kinds of the values in memory that a network starts from, by their memory."""
    known: dict[Any, tuple[str, str]] = {}
    for number, tensor in enumerate(_tensors(inputs), 1):
        known[tensor._read().buffer] = f"input/input.{number}", "IO Node"
    for module, scope in scopes.names.items():
        for kind, named in (("Parameter", module._parameters), ("Buffer", module._buffers)):
            for name, tensor in named.items():
                if tensor is not None:
                    known.setdefault(tensor._read().buffer, (f"{scope}/{name}", kind))
    known.pop(None, None)  # what is not in memory is no leaf
    return known


def _node(name: str, kind: str, sources: list[str], shape: tuple[int, ...], dtype: str) -> m.NodeDef:
    shapes = m.ShapeList(shape=[m.TensorShapeProto.of(shape)])
    attributes = [
        m.AttrEntry(key="attr", value=m.AttrValue(s=dtype.encode())),
        m.AttrEntry(key="_output_shapes", value=m.AttrValue(list=shapes)),
    ]
    return m.NodeDef(name=name, op=kind, input=sources, attr=attributes)


def onnx_graph(prototxt: Any) -> tuple[m.GraphDef, m.RunMetadata]:
    """The nodes and inputs of an ONNX file."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("add_onnx_graph needs the package onnx: pip install onnx", name="onnx") from error
    read = onnx.load(prototxt).graph
    nodes = [m.NodeDef(name=value.name, op=str(value.type)) for value in (*read.input, *read.output)]
    for node in read.node:
        name = node.output[0] if node.output else node.name
        nodes.append(m.NodeDef(name=name, op=node.op_type, input=list(node.input)))
    return m.GraphDef(node=nodes, versions=m.VersionDef(producer=22)), m.RunMetadata()
