"""``export``: a module as a graph of operations beneath Python."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import flambeau

from .. import random
from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..fx import Graph, Node
from ..nn.modules.module import Module
from ..utils import _pytree
from ._recording import NotWrittenError, Recorder
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

__all__ = ["NotWrittenError", "export", "record"]


def export(
    mod: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, *, dynamic_shapes: Any = None, strict: bool = False,
    preserve_module_call_signature: tuple[str, ...] = (), prefer_deferred_runtime_asserts_over_guards: bool = False,
) -> ExportedProgram:  # fmt: skip
    """The program that a module is for inputs like the examples: of their sizes, but for those with a ``Dim``.

    ``ValueError`` for what is no module, ``RuntimeError`` if what it does depends on values, ``NotImplementedError`` for what
    is not written as an operation of aten's.
    """
    return record(mod, args, kwargs, dynamic_shapes)


def record(
    mod: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, dynamic_shapes: Any, bake: bool = False
) -> ExportedProgram:
    """What :func:`export` gives. With ``bake``, values that are looked at become part of the program, with a warning.

    ``dynamic_shapes`` may be a function of the inputs' names and the inputs, which gives {name: {axis: Dim}}.
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
    if callable(dynamic_shapes):
        dims = dynamic_shapes(paths, leaves)
    else:
        dims = _dims(dynamic_shapes, names, (args, ordered), paths, leaves)
    axes = _axes(dims, paths, leaves, _added)
    with _unchanged(mod):
        recorded = _Recorded(mod, leaves, in_spec, paths, bool(axes), bake)
    sizes: dict[str, dict[int, int | None]] = {
        path: dict(enumerate(leaf.shape)) for path, leaf in zip(paths, leaves) if isinstance(leaf, Tensor)
    }
    if axes:
        other, axes = _second(mod, axes, _axes(dims, paths, leaves, _multiplied), leaves, in_spec, paths, bake)
        generalise(recorded.graph, other.graph, axes, recorded.log, other.log)
        _check_constants(recorded.constants, other.constants)
        for path, found in axes.items():
            sizes[path].update(dict.fromkeys(found))
    constraints = {f"{path}.size({axis})": "[0, int_oo]" for path, found in axes.items() for axis in found}
    kept = mod.state_dict(keep_vars=True)
    state = {name: kept.pop(name) for name, _ in mod.named_parameters() if name in kept} | kept
    program = ExportedProgram(
        recorded.graph, recorded.signature, state, recorded.constants, CallSpec(in_spec, recorded.out_spec), names,
        (args, kwargs or {}), constraints, sizes,
    )  # fmt: skip
    program._axes = axes
    # Sizes without a name are called s0, s1, and so on.
    unnamed = (f"s{number}" for number in itertools.count())
    program._dims = {
        path: {axis: str(dim) if isinstance(dim, (Dim, str)) else next(unnamed) for axis, dim in found.items()}
        for path, found in dims.items()
    }
    if bake:
        return program
    _check(program, mod, [[_altered(leaf, order) for leaf in leaves] for order in (True, False)], in_spec)
    if axes:  # what follows from sizes by chance would not at others
        _check(program, mod, [[_resized(leaf, axes.get(path), 2) for path, leaf in zip(paths, leaves)]], in_spec)
    return program


def _second(
    module: Module, axes: Axes, further: Axes, leaves: list[Any], in_spec: Any, paths: list[str], bake: bool
) -> tuple[_Recorded, Axes]:
    """A recording for other sizes, and which: multiples if the module does not take the first."""
    for sizes in (axes, further):
        try:
            with _unchanged(module):
                resized = [_resized(leaf, sizes.get(path), 1) for path, leaf in zip(paths, leaves)]
                return _Recorded(module, resized, in_spec, paths, True, bake), sizes
        except Exception:
            if sizes is further:
                raise
    raise AssertionError


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


def _altered(leaf: Any, order: bool) -> Any:
    """Another input like an example, which tells whether a result follows from it; integers are those of the example."""
    if not isinstance(leaf, Tensor):
        return leaf
    if leaf.is_floating_point():
        return leaf.detach() * 0.75 + 0.125
    return leaf.flip(tuple(range(leaf.ndim))) if order else leaf


def _check(program: ExportedProgram, module: Module, candidates: list[list[Any]], in_spec: Any) -> None:
    """``RuntimeError`` if a program gives something else than the module that it was recorded from.

    It is given the first of the candidates that the module takes.
    """
    with no_grad():
        for leaves in candidates:
            args, kwargs = _pytree.tree_unflatten(leaves, in_spec)
            try:
                with _unchanged(module):
                    expected = _pytree.tree_leaves(module(*args, **kwargs))
                    for value in expected:  # some errors are only found when values are computed
                        _read(value) if isinstance(value, Tensor) else None
            except Exception:
                continue  # these inputs are none of its
            with _unchanged(module):
                found = _pytree.tree_leaves(program.module(check_guards=False)(*args, **kwargs))
            for ours, theirs in zip(found, expected, strict=True):
                if isinstance(theirs, Tensor) and not _same(ours, theirs):
                    raise RuntimeError(
                        "torch.export: the operations that were recorded give something else than the module"
                    )
            return


def _check_constants(ours: dict[str, Any], others: dict[str, Any]) -> None:
    """``RuntimeError`` if a constant of the program follows from the sizes of its inputs."""
    for name, value in ours.items():
        if not isinstance(value, Tensor):
            continue
        other = others.get(name)
        if other is None or other.shape != value.shape or not _same(value, other):
            raise RuntimeError(
                f"torch.export: {name}, a tensor that is made of numbers (of shape {list(value.shape)}), is another one for "
                "inputs of other sizes; make it of sizes by operations, or export the module with sizes that do not change"
            )


def _read(value: Tensor) -> np.ndarray:
    """The values of a tensor, computed now: with those of others they would be one more kernel to make."""
    plain = value.detach()
    return np.asarray((plain.float() if plain.dtype is flambeau.bfloat16 else plain).numpy())


def _same(ours: Tensor, theirs: Tensor) -> bool:
    if ours.shape != theirs.shape or ours.dtype is not theirs.dtype:
        return False
    found, wanted = _read(ours), _read(theirs)
    if not theirs.is_floating_point():
        return bool((found == wanted).all())
    return bool(np.allclose(found, wanted, rtol=1e-4, atol=1e-5, equal_nan=True))


class _Recorded:
    """One recording: the graph with its inputs, what they are, and the structure of the result."""

    def __init__(
        self, module: Module, leaves: list[Any], in_spec: Any, paths: list[str], extents: bool, bake: bool
    ) -> None:
        self.constants: dict[str, Any] = {}
        self._specs: dict[Node, InputSpec] = {}
        self._own = {
            id(value): f"{path}.{name}" if path else name
            for path, part in module.named_modules()
            for name, value in vars(part).items()
            if isinstance(value, Tensor)
        }
        recorder = Recorder(self._constant, extents, bake)
        self.log = recorder.log or []
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
            node.name = path  # also where that is a name of Python's, as ``input``
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


def _dims(said: Any, names: list[str], values: Any, paths: list[str], leaves: list[Any]) -> dict[str, dict[int, Any]]:
    """{input: {axis: Dim or hint}} of the sizes that may differ."""
    if not said:
        return {}
    args, kwargs = values
    if not isinstance(said, dict):
        said = dict(zip(names, said))
    found: dict[str, dict[int, Any]] = {}
    place = 0
    for name, value in zip(names, (*args, *kwargs.values())):
        count = len(_pytree.tree_leaves(value))
        told = said.get(name)
        nested = isinstance(value, (list, tuple, dict))
        each = _pytree.tree_leaves(told, is_leaf=lambda part: part is None or _is_shape(part)) if nested else [told]
        for path, leaf, shape in zip(paths[place : place + count], leaves[place : place + count], each):
            if isinstance(leaf, Tensor) and (axes := dynamic_axes(leaf, shape)):
                found[path] = axes
        place += count
    return found


def _added(size: int, number: int) -> int:
    return size + 3 + 2 * number


def _multiplied(size: int, number: int) -> int:
    return size * (2 + number)


def _axes(
    dims: dict[str, dict[int, Any]], paths: list[str], leaves: list[Any], choose: Callable[[int, int], int]
) -> Axes:
    """The examples' sizes that may differ, and others: the same ``Dim`` has the same other size."""
    others: dict[Any, int] = {}
    axes: Axes = {}
    for path, leaf in zip(paths, leaves):
        for axis, dim in dims.get(path, {}).items():
            size = leaf.shape[axis]
            key = dim if isinstance(dim, (Dim, str)) else (path, axis)
            # Products and sums of different sizes should hardly be the same in both.
            other = others.setdefault(key, choose(size, len(others)))
            axes.setdefault(path, {})[axis] = (size, other)
    return axes


def _is_shape(value: Any) -> bool:
    """Whether something is what is said of one tensor."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return all(not isinstance(member, (dict, tuple, list)) for member in members)


def _resized(leaf: Any, axes: Any, times: int) -> Any:
    """An example of other sizes, made of the values of the one that is given; the second time of yet others."""
    for axis, (size, other) in (axes or {}).items():
        extent = other if times == 1 else other + size if other % max(size, 1) == 0 else 2 * other - size + 1
        leaf = flambeau.index_select(leaf, axis, flambeau.arange(extent) % max(size, 1))
    return leaf
