"""``export``: a module as a graph of operations beneath Python."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flambeau

from .. import random
from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..fx import Graph, Node
from ..nn.modules.module import Module
from ..utils import _pytree
from ._recording import Recorder
from ._sizes import Axes, generalise
from .dynamic_shapes import Dim, dynamic_axes
from .exported_program import CallSpec, ExportedProgram
from .graph_signature import (
    ConstantArgument,
    ExportGraphSignature,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    TensorArgument,
)


def export(
    mod: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, *, dynamic_shapes: Any = None, strict: bool = False,
    preserve_module_call_signature: tuple[str, ...] = (), prefer_deferred_runtime_asserts_over_guards: bool = False,
) -> ExportedProgram:  # fmt: skip
    """The program that a module is for inputs like the examples: of their sizes, but for those with a ``Dim``.

    ``ValueError`` for what is no module, ``RuntimeError`` if what it does depends on values, ``NotImplementedError`` for what
    is not written as an operation of aten's.
    """
    if not isinstance(mod, Module):
        raise ValueError(f"Expected `mod` to be an instance of `torch.nn.Module`, got {type(mod)}.")
    if not isinstance(args, tuple):
        raise TypeError(f"Expecting `args` to be a tuple of example positional inputs, got {type(args)}")
    signature = inspect.signature(mod.forward)
    given = signature.bind(*args, **(kwargs or {})).arguments
    ordered = {name: kwargs[name] for name in _flat_names(signature, given) if kwargs and name in kwargs}
    leaves, in_spec = _pytree.tree_flatten((args, ordered))
    names = [name for name in _flat_names(signature, given) if name not in ordered] + [*ordered]
    paths = _paths(names, (args, ordered))
    with _unchanged(mod):
        recorded = _Recorded(mod, leaves, in_spec, paths)
    axes = _axes(dynamic_shapes, names, (args, ordered), paths, leaves)
    sizes: dict[str, dict[int, int | None]] = {
        path: dict(enumerate(leaf.shape)) for path, leaf in zip(paths, leaves) if isinstance(leaf, Tensor)
    }
    if axes:
        with _unchanged(mod):
            other = _Recorded(
                mod, [_resized(leaf, axes.get(path)) for path, leaf in zip(paths, leaves)], in_spec, paths
            )
        generalise(recorded.graph, other.graph, axes)
        for path, found in axes.items():
            sizes[path].update(dict.fromkeys(found))
    constraints = {f"{path}.size({axis})": "[0, int_oo]" for path, found in axes.items() for axis in found}
    kept = mod.state_dict(keep_vars=True)
    state = {name: kept.pop(name) for name, _ in mod.named_parameters() if name in kept} | kept
    program = ExportedProgram(
        recorded.graph, recorded.signature, state, recorded.constants, CallSpec(in_spec, recorded.out_spec), names,
        (args, kwargs or {}), constraints, sizes,
    )  # fmt: skip
    _check(program, mod, _pytree.tree_unflatten([_altered(leaf) for leaf in leaves], in_spec))
    return program


@contextmanager
def _unchanged(module: Module) -> Iterator[None]:
    """A block that changes neither the buffers of a module nor the numbers that are drawn behind it."""
    state = random.get_rng_state()
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        random.set_rng_state(state)
        with no_grad():
            for buffer, value in before:
                buffer.copy_(value)


def _altered(leaf: Any) -> Any:
    """Another input like an example, which tells whether a result follows from it."""
    return leaf.detach() * 0.75 + 0.125 if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf


def _check(program: ExportedProgram, module: Module, given: Any) -> None:
    """``RuntimeError`` if a program gives something else than the module that it was recorded from."""
    args, kwargs = given
    with no_grad():
        try:
            with _unchanged(module):
                expected = _pytree.tree_leaves(module(*args, **kwargs))
        except Exception:
            return  # these inputs are none of its
        with _unchanged(module):
            found = _pytree.tree_leaves(program.module(check_guards=False)(*args, **kwargs))
        for ours, theirs in zip(found, expected, strict=True):
            if isinstance(theirs, Tensor) and not _same(ours, theirs):
                raise RuntimeError(
                    "torch.export: the operations that were recorded give something else than the module"
                )


def _same(ours: Tensor, theirs: Tensor) -> bool:
    if ours.shape != theirs.shape or ours.dtype is not theirs.dtype:
        return False
    if not theirs.is_floating_point():
        return bool((ours == theirs).all())
    return bool(flambeau.allclose(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True))


class _Recorded:
    """One recording: the graph with its inputs, what they are, and the structure of the result."""

    def __init__(self, module: Module, leaves: list[Any], in_spec: Any, paths: list[str]) -> None:
        self.constants: dict[str, Any] = {}
        self._specs: dict[Node, InputSpec] = {}
        self._own = {
            id(value): f"{path}.{name}" if path else name
            for path, part in module.named_modules()
            for name, value in vars(part).items()
            if isinstance(value, Tensor)
        }
        recorder = Recorder(self._constant)
        self.graph: Graph = recorder.graph
        for name, parameter in module.named_parameters():
            recorder.know(parameter, self._input("p", name, InputKind.PARAMETER))
        kept = set(module.state_dict())
        lost: dict[str, Any] = {}
        for name, buffer in module.named_buffers():
            recorder.know(buffer, self._input("b", name, InputKind.BUFFER, name in kept))
            if name not in kept:
                lost[name] = buffer
        self._first: Node | None = None
        for path, leaf in zip(paths, leaves):
            node = self.graph.placeholder(path)
            self._first = self._first or node
            tensor = isinstance(leaf, Tensor)
            argument = TensorArgument(node.name) if tensor else ConstantArgument(node.name, leaf)
            self._specs[node] = InputSpec(InputKind.USER_INPUT, argument, None)
            if tensor:
                recorder.know(leaf, node)
        args, kwargs = _pytree.tree_unflatten(leaves, in_spec)
        with recorder.recording():
            result = module(*args, **kwargs)
        self.constants |= lost
        self.results, self.out_spec = _pytree.tree_flatten(result)
        for value in self.results:
            if isinstance(value, Tensor):
                recorder.node_of(value)
        self.graph.output(tuple(recorder.argument(value) for value in self.results))
        inputs = [self._specs[node] for node in self.graph.nodes if node.op == "placeholder"]
        returned = self.graph.output_node().args[0]
        said = [
            TensorArgument(part.name) if isinstance(part, Node) else ConstantArgument("", part) for part in returned
        ]
        outputs = [OutputSpec(OutputKind.USER_OUTPUT, part) for part in said]
        self.signature = ExportGraphSignature(inputs, outputs)

    def _input(self, kind: str, target: str, what: InputKind, persistent: bool | None = None) -> Node:
        node = self.graph.placeholder(f"{kind}_{re.sub('[^0-9a-zA-Z_]', '_', target)}")
        self._specs[node] = InputSpec(what, TensorArgument(node.name), target, persistent)
        return node

    def _constant(self, tensor: Tensor, number: int) -> Node:
        """An input, before those of the user, for a tensor that the module has otherwise."""
        target = self._own.get(id(tensor), f"lifted_tensor_{number}")
        self.constants[target] = tensor
        if self._first is None:
            return self._input("c", target, InputKind.CONSTANT_TENSOR)
        with self.graph.inserting_before(self._first):
            return self._input("c", target, InputKind.CONSTANT_TENSOR)


def _flat_names(signature: inspect.Signature, given: dict[str, Any]) -> list[str]:
    """The names of arguments; those that come one by one are numbered."""
    names = []
    for name, value in given.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            names += [f"{name}_{place}" for place in range(len(value))]
        elif kind is inspect.Parameter.VAR_KEYWORD:
            names += [*value]
        else:
            names.append(name)
    return names


def _paths(names: list[str], values: Any) -> list[str]:
    """A name for each leaf of the arguments: ``x``, ``pair_0``, ``table_key``."""
    args, kwargs = values
    paths = []
    for name, value in zip(names, (*args, *kwargs.values())):
        for path, _ in _pytree.tree_leaves_with_path(value):
            parts = [str(getattr(key, "idx", getattr(key, "key", getattr(key, "name", "")))) for key in path]
            paths.append("_".join([name, *parts]))
    return paths


def _axes(said: Any, names: list[str], values: Any, paths: list[str], leaves: list[Any]) -> Axes:
    """The sizes that may differ, with the examples' and others: the same ``Dim`` has the same other size."""
    if said is None:
        return {}
    args, kwargs = values
    if not isinstance(said, dict):
        said = dict(zip(names, said))
    found: Axes = {}
    place = 0
    others: dict[Any, int] = {}
    for name, value in zip(names, (*args, *kwargs.values())):
        count = len(_pytree.tree_leaves(value))
        told = said.get(name)
        nested = isinstance(value, (list, tuple, dict))
        each = _pytree.tree_leaves(told, is_leaf=lambda part: part is None or _is_shape(part)) if nested else [told]
        for path, leaf, shape in zip(paths[place : place + count], leaves[place : place + count], each):
            for axis, dim in dynamic_axes(leaf, shape).items() if isinstance(leaf, Tensor) else ():
                key = dim if isinstance(dim, Dim) else (path, axis)
                size = leaf.shape[axis]
                other = others.setdefault(key, 7919 + 2 * len(others) if size > 7000 else size + 3 + len(others))
                found.setdefault(path, {})[axis] = (size, other)
        place += count
    return found


def _is_shape(value: Any) -> bool:
    """Whether something is what is said of one tensor."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return all(not isinstance(member, (dict, tuple, list)) for member in members)


def _resized(leaf: Any, axes: Any) -> Any:
    """An example of other sizes, made of the values of the one that is given."""
    for axis, (size, other) in (axes or {}).items():
        leaf = flambeau.index_select(leaf, axis, flambeau.arange(other) % max(size, 1))
    return leaf
