"""``ExportedProgram``: a graph of operations beneath Python, with the parameters that it takes as inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from ..core.tensor import Tensor
from ..fx import Graph, GraphModule
from ..fx._code import _PyTreeCodeGen, _PyTreeInfo
from ..fx.graph_module import _assign_attr
from ..fx.node import Node, map_aggregate
from ..nn.modules.module import Module
from ..nn.parameter import Parameter
from .graph_signature import ExportGraphSignature, InputKind

__all__ = ["CallSpec", "ExportedProgram", "ModuleCallEntry", "ModuleCallSignature"]


class CallSpec(NamedTuple):
    """The structures of what the module takes and gives."""

    in_spec: Any
    out_spec: Any


class ModuleCallSignature(NamedTuple):
    """The inputs and outputs of a call of a module, and their structures."""

    inputs: list[Any]
    outputs: list[Any]
    in_spec: Any
    out_spec: Any


class ModuleCallEntry(NamedTuple):
    """A module that is called in a program, by its dotted name."""

    fqn: str
    signature: ModuleCallSignature | None = None


class ExportedProgram:
    """What ``export`` makes of a module. :meth:`module` is a module again; the graph itself takes all tensors as inputs."""

    dialect = "TRAINING"

    def __init__(
        self, graph: Graph, signature: ExportGraphSignature, state_dict: dict[str, Any], constants: dict[str, Any],
        call_spec: CallSpec, names: list[str], example_inputs: Any, range_constraints: dict[Any, Any],
        sizes: dict[str, dict[int, int | None]],
    ) -> None:  # fmt: skip
        self.graph_module = GraphModule(Module(), graph)
        self.graph_signature, self.state_dict, self.constants = signature, state_dict, constants
        self.call_spec, self.example_inputs, self.range_constraints = call_spec, example_inputs, range_constraints
        self._names, self._sizes = names, sizes
        #: {input: {axis: name}} of the sizes that may differ.
        self._dims: dict[str, dict[int, str]] = {}
        #: {input: {axis: (the example's size, another)}} of these.
        self._axes: dict[str, dict[int, tuple[int, int]]] = {}
        specs = [spec.arg for spec in signature.input_specs if spec.kind is InputKind.USER_INPUT]
        call = ModuleCallSignature(specs, [spec.arg for spec in signature.output_specs], *call_spec)
        self.module_call_graph = [ModuleCallEntry("", call)]

    @property
    def graph(self) -> Graph:
        """The graph, whose inputs are parameters, buffers and constants, and then what is given at each call."""
        return self.graph_module.graph

    @property
    def tensor_constants(self) -> dict[str, Any]:
        """Tensors that are neither parameters nor buffers."""
        return self.constants

    def parameters(self) -> Iterator[Any]:
        """The parameters."""
        return (value for _, value in self.named_parameters())

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """The parameters by their dotted names."""
        return ((name, self.state_dict[name]) for name in self.graph_signature.parameters)

    def buffers(self) -> Iterator[Any]:
        """The buffers."""
        return (value for _, value in self.named_buffers())

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        """The buffers by their dotted names, those too that are not part of the state."""
        lost = set(self.graph_signature.non_persistent_buffers)
        found = self.graph_signature.buffers
        return ((name, (self.constants if name in lost else self.state_dict)[name]) for name in found)

    def module(self, check_guards: bool = True) -> GraphModule:
        """A module that takes and gives what the exported one did. ``RuntimeError`` for inputs of sizes it is not for."""
        root, graph = Module(), Graph()
        known: dict[Node, Any] = {}
        inputs: dict[str, Node] = {}
        for spec, node in zip(self.graph_signature.input_specs, self.graph.nodes):
            if spec.kind is InputKind.USER_INPUT:
                known[node] = inputs[spec.arg.name] = graph.placeholder(node.name)
            else:
                target = str(spec.target)
                stored = self.constants if target in self.constants else self.state_dict
                value = stored[target]
                if spec.kind is InputKind.PARAMETER and not isinstance(value, Parameter):
                    value = Parameter(value, value.requires_grad)
                _assign_attr(value, root, target)
                known[node] = graph.get_attr(target)
            known[node].meta = dict(node.meta)
        if check_guards:
            root._guards_fn = _Guards([*inputs], {name: self._sizes.get(name) for name in inputs})
            graph.call_module("_guards_fn", tuple(inputs.values()))
        graph.output(graph.graph_copy(self.graph, known))
        graph.set_codegen(_PyTreeCodeGen(_PyTreeInfo([*self._names], *self.call_spec)))
        return GraphModule(root, graph)

    def run_decompositions(self, decomp_table: Any = None, decompose_custom_triton_ops: bool = False) -> NoReturn:
        """Refused."""
        raise NotImplementedError("torch.export: operations are not decomposed into others")

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(
            "Unable to call ExportedProgram directly. You should use `exported_program.module()` instead."
        )

    def __getstate__(self) -> dict[str, Any]:
        def written(value: Any) -> Any:
            return map_aggregate(value, lambda part: _Reference(part.name) if isinstance(part, Node) else part)

        nodes = [(n.op, n.name, n.target, written(n.args), dict(written(n.kwargs))) for n in self.graph.nodes]
        return {**self.__dict__, "graph_module": nodes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        graph = Graph()
        made: dict[str, Node] = {}
        for op, name, target, args, kwargs in state["graph_module"]:
            args, kwargs = map_aggregate((args, kwargs), lambda p: made[p.name] if isinstance(p, _Reference) else p)
            made[name] = graph.create_node(op, target, args, dict(kwargs), name)
            made[name].name = name
        self.__dict__.update(state, graph_module=GraphModule(Module(), graph))

    def __str__(self) -> str:
        code = self.graph_module.print_readable(False).replace("\n", "\n    ")
        signature = str(self.graph_signature).replace("\n", "\n    ")
        text = (
            f"ExportedProgram:\n    {code}\nGraph signature: {signature}\nRange constraints: {self.range_constraints}\n"
        )
        return "\n".join(line if line.strip() else line.rstrip() for line in text.split("\n"))


class _Reference:
    """A node by its name, in files."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Guards(Module):
    """Checks that inputs have the sizes and dtypes that a graph is for."""

    _is_impure = True

    def __init__(self, names: list[str], sizes: dict[str, Any]) -> None:
        super().__init__()
        self.names, self.sizes = names, sizes

    def forward(self, *values: Any) -> None:
        for name, value in zip(self.names, values):
            wanted = self.sizes[name]
            if wanted is None or not isinstance(value, Tensor):
                continue
            if value.ndim != len(wanted):
                raise AssertionError(f"Guard failed: {name}.ndim == {len(wanted)}, got {value.ndim}")
            for axis, size in wanted.items():
                if size is not None and value.shape[axis] != size:
                    raise AssertionError(f"Guard failed: {name}.size()[{axis}] == {size}, got {value.shape[axis]}")
