"""What is known of each value of a program: its dtype, and the sizes that are always those of the example.

The graph is run with the example inputs, and once more with others, if sizes may differ. Sizes that differ then are not known.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import flambeau

from .. import random
from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..export import ExportedProgram
from ..export._export import _resized
from ..export.graph_signature import InputKind
from ..fx import Node
from ..fx.node import map_aggregate
from ..graph.dtypes import dtype
from ..utils import _pytree


class Fact(NamedTuple):
    """What is known of a tensor; of other values there is no fact. ``value`` if it is the same for all inputs."""

    dtype: dtype
    shape: tuple[int | None, ...]
    #: The sizes in both runs, which tell sizes that are the same from others.
    pairs: tuple[tuple[int, int], ...]
    value: Tensor | None
    #: The argument that it is, if the operation gave it back.
    same: int | None = None
    #: Whether it shares the memory of its first argument.
    view: bool = False


def stored(program: ExportedProgram, target: str) -> Tensor:
    """A parameter, a buffer or a constant of a program."""
    found: Tensor = (program.constants if target in program.constants else program.state_dict)[target]
    return found


def facts_of(program: ExportedProgram) -> dict[Node, Fact | list[Fact]]:
    """The facts of all tensors of a program, and of lists of them."""
    args, kwargs = program.example_inputs
    leaves = _pytree.tree_leaves((args, {name: kwargs[name] for name in program._names if name in kwargs}))
    users = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind is InputKind.USER_INPUT]
    axes = program._axes
    first = values_of(program, dict(zip(users, leaves)))
    resized = {name: _resized(leaf, axes.get(name), 1) for name, leaf in zip(users, leaves)}
    depends = any(_depends_onvalues_of(node) for node in program.graph.nodes)
    second = values_of(program, resized, longer=True) if axes or depends else first
    fixed = _fixed(program)
    found: dict[Node, Fact | list[Fact]] = {}
    for node, value in first.items():
        if isinstance(value, Tensor):
            same = _same(node, first) if _same(node, first) == _same(node, second) else None
            view = bool(node.args) and isinstance(node.args[0], Node) and _is_view(value, first.get(node.args[0]))
            found[node] = _fact(value, second[node], node in fixed, same)._replace(view=view)
        elif isinstance(value, (list, tuple)) and any(isinstance(part, Tensor) for part in value):
            found[node] = [_fact(one, two, False, None) for one, two in zip(value, second[node])]
    return found


def _fact(value: Tensor, other: Tensor, fixed: bool, same: int | None) -> Fact:
    pairs = tuple(zip(value.shape, other.shape))
    shape = tuple([size if size == second else None for size, second in pairs])
    return Fact(value.dtype, shape, pairs, value if fixed else None, same)


def _is_view(value: Tensor, base: Any) -> bool:
    return isinstance(base, Tensor) and value._storage is not None and value._storage is base._storage


def _same(node: Node, values: dict[Node, Any]) -> int | None:
    """Which of its arguments a node gives back."""
    return next(
        (place for place, arg in enumerate(node.args) if isinstance(arg, Node) and values[arg] is values[node]), None
    )


_RANDOM = ("rand", "bernoulli", "multinomial", "normal", "uniform", "exponential", "dropout", "poisson", "empty")


def _fixed(program: ExportedProgram) -> set[Node]:
    """The nodes that are made of numbers and constants alone, and to which nothing is written."""
    fixed: set[Node] = set()
    constants = program.graph_signature.inputs_to_lifted_tensor_constants
    for node in program.graph.nodes:
        name = str(getattr(node.target, "__name__", ""))
        if node.op == "placeholder":
            if node.name in constants:
                fixed.add(node)
        elif node.op == "call_function" and not any(word in name for word in _RANDOM):
            if all(arg in fixed for arg in node.all_input_nodes):
                fixed.add(node)
    written: set[Node] = set()
    for node in reversed([*program.graph.nodes]):
        name = str(getattr(node.target, "__name__", "")).partition(".")[0]
        in_place = name.endswith("_") and not name.startswith("_") and name != "detach_"
        if in_place or node in written:
            written |= {node, *[arg for arg in node.args[:1] if isinstance(arg, Node)]}
    # A view of what is written to changes with it, before and behind the writing.
    for node in program.graph.nodes:
        if any(arg in written for arg in node.all_input_nodes):
            written.add(node)
    return fixed - written


_COUNTED = {"nonzero", "argwhere", "masked_select"}
"""Operations whose result has as many rows as its values say."""


def _depends_onvalues_of(node: Node) -> bool:
    """Whether the sizes of a node's value follow from the values of others."""
    name = str(getattr(node.target, "__name__", "")).partition(".")[0]
    return name in _COUNTED or name == "index" and _has_masks(node)


def _has_masks(node: Node) -> bool:
    """Whether tensors of truths are among the indices of an operation."""
    indices: Any = node.args[1]
    return any(index is not None and index.meta.get("truths", False) for index in indices)


def _as_many(args: Any) -> Any:
    """Arguments of ``index_put`` with as many values as there are places, of which masks have fewer than was pretended."""
    values = args[2]
    many = next(int(index.sum()) for index in args[1] if index is not None and index.dtype is flambeau.bool)
    return (*args[:2], values[:many] if values.ndim and values.shape[0] == many + 1 else values, *args[3:])


def _one_more(value: Tensor, node: Node) -> Tensor:
    """A result with one row more than its values say, which shows in the sizes of all that follows."""
    axis = 0
    if str(getattr(node.target, "__name__", "")).startswith("index."):
        indices: Any = node.args[1]
        axis = next(place for place, index in enumerate(indices) if index is not None)
    return flambeau.cat([value, value.new_zeros([1 if a == axis else s for a, s in enumerate(value.shape)])], axis)


def values_of(program: ExportedProgram, given: dict[str, Any], longer: bool = False) -> dict[Node, Any]:
    """The value of each node for inputs. With ``longer``, sizes that follow from values are other ones than they say."""
    values: dict[Node, Any] = {}
    targets = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    state = random.get_rng_state()
    try:
        with no_grad():
            for node in program.graph.nodes:
                if node.op == "placeholder":
                    spec = targets[node.name]
                    if spec.kind is InputKind.USER_INPUT:
                        leaf = given[node.name]
                        # What is written to an input, or to a buffer, is written to a copy.
                        values[node] = leaf.detach().clone() if isinstance(leaf, Tensor) else leaf
                    else:
                        values[node] = stored(program, str(spec.target)).detach().clone()
                    node.meta["truths"] = getattr(values[node], "dtype", None) is flambeau.bool
                elif node.op == "call_function":
                    args, kwargs = map_aggregate(
                        (node.args, dict(node.kwargs)), lambda part: values[part] if isinstance(part, Node) else part
                    )
                    if longer and str(node.target.__name__).startswith("index_put") and _has_masks(node):  # type: ignore[union-attr]
                        args = _as_many(args)
                    value = node.target(*args, **kwargs)  # type: ignore[operator]
                    node.meta["truths"] = isinstance(value, Tensor) and value.dtype is flambeau.bool
                    values[node] = _one_more(value, node) if longer and _depends_onvalues_of(node) else value
    finally:
        random.set_rng_state(state)
    return values
