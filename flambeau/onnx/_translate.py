"""A program as a graph of ONNX, node by node."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flambeau

from .._ops import OpOverload
from ..export import ExportedProgram
from ..export.graph_signature import InputKind
from ..fx import Node
from ..fx.node import map_aggregate
from ._builder import Builder, Value
from ._cells import Cell
from ._facts import Fact, facts_of, stored
from ._registry import registered
from ._translations import RESTORED, TABLE, VIEWS
from .errors import UnsupportedOperatorError

_SIZES = {operator.add: "Add", operator.sub: "Sub", operator.mul: "Mul", operator.floordiv: "Div", operator.mod: "Mod"}
"""Arithmetic of sizes, which are not negative."""

_NOTHING = {"_assert_tensor_metadata", "_assert_async", "_assert_scalar", "sym_constrain_range_for_size"}
_MOST_FOLDED = 1 << 20
"""How many elements a constant that is computed beforehand may have."""


class Translated(NamedTuple):
    """A graph: its builder, its inputs, and its outputs with what is known of them."""

    builder: Builder
    inputs: list[tuple[Value, Fact]]
    outputs: list[tuple[Value, Fact]]


def translate(
    program: ExportedProgram, opset: int, input_names: list[str], output_names: list[str], fold: bool = True,
    custom: Mapping[Any, Callable[..., Any]] | None = None,
) -> Translated:  # fmt: skip
    """The graph of a program. ``UnsupportedOperatorError``, naming the operation and its line, for what cannot be written."""
    return _Translation(program, opset, input_names, output_names, fold, custom or {}).run()


class _Translation:
    def __init__(
        self, program: ExportedProgram, opset: int, input_names: list[str], output_names: list[str], fold: bool,
        custom: Mapping[Any, Callable[..., Any]],
    ) -> None:  # fmt: skip
        self._program, self._fold, self._custom = program, fold, custom
        self._builder = Builder(opset)
        self._facts = facts_of(program)
        self._env: dict[Node, Any] = {}
        self._input_names, self._output_names = input_names, output_names
        for name in (*input_names, *output_names):  # nothing else is called so
            self._builder.name(name)

    def run(self) -> Translated:
        """All nodes in order."""
        inputs = self._placeholders()
        for node in self._program.graph.nodes:
            if node.op == "call_function":
                self._builder.begin(node.name)
                self._env[node] = self._call(node)
        outputs = self._outputs()
        return Translated(self._builder, inputs, outputs)

    # --- inputs and outputs ------------------------------------------------------------------------------------------

    def _placeholders(self) -> list[tuple[Value, Fact]]:
        inputs: list[tuple[Value, Fact]] = []
        names = iter(self._input_names)
        builder = self._builder
        for spec, node in zip(self._program.graph_signature.input_specs, self._program.graph.nodes):
            fact = self._facts.get(node)
            if spec.kind is not InputKind.USER_INPUT:
                name = builder.name(str(spec.target))
                builder.initializers[name] = stored(self._program, str(spec.target))
                assert isinstance(fact, Fact)
                self._env[node] = Cell(Value(name, fact.dtype, fact.shape))
            elif isinstance(fact, Fact):
                name = next(names, "")
                value = Value(name or builder.name(node.name), fact.dtype, fact.shape)
                inputs.append((value, fact))
                self._env[node] = Cell(value)
            else:
                self._env[node] = spec.arg.value
        return inputs

    def _outputs(self) -> list[tuple[Value, Fact]]:
        builder = self._builder
        made: list[tuple[Value, Fact]] = []
        taken = {*builder.initializers}
        taken |= {cell.read().name for node, cell in self._env.items() if node.op == "placeholder" and isinstance(cell, Cell)}
        names = iter(self._output_names)
        for part in self._program.graph.output_node().args[0]:
            found = self._env[part] if isinstance(part, Node) else part
            if found is None:
                continue
            fact = self._facts.get(part) if isinstance(part, Node) else None
            if not isinstance(found, Cell):
                value = builder.scalar(found, None if isinstance(found, (Value, int)) else flambeau.float32)
                fact = Fact(value.dtype, (), (), None)
            else:
                value = found.read()
            assert isinstance(fact, Fact)
            wanted = next(names, "")
            if value.name in taken:
                builder.begin(wanted or (part.name if isinstance(part, Node) else "output"))
                value = builder.Identity(value)
            if wanted:
                self._rename(value, wanted)
            taken.add(value.name)
            made.append((value, fact))
        return made

    def _rename(self, value: Value, name: str, start: int = 0) -> None:
        """Give what a node makes another name, there and where it is used."""
        old, value.name = value.name, name
        for made in self._builder.nodes[start:]:
            for names in (made.input, made.output):
                for place, one in enumerate(names):
                    if one == old:
                        names[place] = name

    # --- one node ----------------------------------------------------------------------------------------------------

    def _call(self, node: Node) -> Any:
        target: Any = node.target
        args, kwargs = map_aggregate((node.args, dict(node.kwargs)), self._given)
        if target is operator.getitem:
            return self._item(node, args)
        if target in _SIZES:
            return self._size(target, *args)
        if "symbolic" in node.meta:
            return self._symbol(node, args, kwargs)
        if not isinstance(target, OpOverload):
            raise UnsupportedOperatorError(str(target), self._builder.opset, None, self._where(node))
        name = target.__name__.partition(".")[0]
        if name == "sym_size":
            return self._builder.size_of(args[0].read(), args[1])
        if name == "sym_numel":
            return self._builder.scalar(self._builder.Size(args[0].read()))
        if name in _NOTHING:
            return None
        fact = self._facts.get(node)
        if isinstance(fact, Fact) and fact.value is not None and self._fold and fact.value.numel() <= _MOST_FOLDED:
            if name != "lift_fresh_copy" and name != "detach_":
                value = self._builder.constant(fact.value, node.name)
                return Cell(value)
        return self._operation(node, name, args, kwargs)

    def _given(self, part: Any) -> Any:
        return self._env[part] if isinstance(part, Node) else part

    def _operation(self, node: Node, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kwargs = {key: value for key, value in kwargs.items() if key not in ("pin_memory", "layout", "device", "memory_format")}
        fact = self._facts.get(node)
        writes = name.endswith("_") and not name.startswith("__") and name not in ("detach_", "requires_grad_")
        if writes:
            return self._written(node, name[:-1], args, kwargs)
        name = "detach" if name == "detach_" else name
        if args and isinstance(args[0], Cell) and isinstance(fact, Fact):
            if fact.same == 0 and name not in ("split", "chunk"):
                return args[0]
            if name in VIEWS and fact.view:
                return self._view(node, name, args, kwargs)
        made = self._translated(node, name, args, kwargs)
        if isinstance(fact, list):
            parts = [None if value is None else Cell(value) for value in made]
            return _Parts(parts, args[0] if args and isinstance(args[0], Cell) else None, name, args[1:], kwargs)
        return Cell(made)

    def _view(self, node: Node, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Cell:
        base: Cell = args[0]
        further = map_aggregate(args[1:], _read)

        def derive(whole: Value) -> Value:
            return self._translated(node, name, (whole, *further), kwargs)  # type: ignore[no-any-return]

        def restore(whole: Value, value: Value) -> Value:
            made: Value = RESTORED[name](self._builder, whole, value, *further, **kwargs)
            made.dtype, made.shape = whole.dtype, whole.shape
            return made

        return Cell(derive(base.read()), base, derive, restore if name in RESTORED else None)

    def _item(self, node: Node, args: tuple[Any, ...]) -> Any:
        source, place = args
        if isinstance(source, _Parts):
            return source.part(self, place)
        return source[place]

    def _written(self, node: Node, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Cell:
        """An operation in place: its first argument, and what shares memory with that, get a new value."""
        cell: Cell = args[0]
        try:
            cell.write(self._translated(node, name, args, kwargs))
        except AssertionError:
            raise UnsupportedOperatorError(
                f"aten::{name}_", self._builder.opset, None, f": it writes to a view that cannot be written to{self._where(node)}"
            ) from None
        return cell

    def _translated(self, node: Node, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the row of an operation gives, with the dtypes and sizes that are known."""
        builder, target = self._builder, node.target
        assert isinstance(target, OpOverload)
        full = f"{target.namespace}::{target.__name__.partition('.')[0]}"
        builder.operation = full
        fact = self._facts.get(node)
        args, kwargs = map_aggregate((args, dict(kwargs)), _read)
        row = self._custom.get(target) or self._custom.get(target.overloadpacket) or registered(full, builder.opset)
        if row is None and target.namespace == "aten":
            row = TABLE.get(name)
        if row is None:
            raise UnsupportedOperatorError(full, builder.opset, None, self._where(node))
        listed = isinstance(fact, list)
        facts: list[Any] = fact if listed else [fact]  # type: ignore[assignment]
        values = [Value("", one.dtype, one.shape) for one in facts if one is not None]
        builder.result = values if listed else values[0] if values else None
        used = {user.args[1] for user in node.users if user.target is operator.getitem and user.users}
        builder.result_used = [place in used for place in range(len(facts))] if listed else []
        start = len(builder.nodes)
        try:
            inspect.signature(row).bind(builder, *args, **kwargs)
        except TypeError as error:
            why = f" with these arguments ({error}){self._where(node)}"
            raise UnsupportedOperatorError(full, builder.opset, None, why) from None
        try:
            made = row(builder, *args, **kwargs)
        except UnsupportedOperatorError as error:
            error.args = (f"{error}{self._where(node)}",)
            raise
        except (TypeError, AttributeError, AssertionError, StopIteration, IndexError, ValueError) as error:
            why = f": it cannot be written for what it is given, or for sizes that may differ ({error})"
            raise UnsupportedOperatorError(full, builder.opset, None, f"{why}{self._where(node)}") from error
        found = [*made] if listed and made is not None else [made]
        for place, (value, one) in enumerate(zip(found, facts)):
            if value is not None and one is not None:
                found[place] = self._typed(value, one, node, place, start)
        return tuple(found) if listed else found[0]

    def _typed(self, value: Value, fact: Fact, node: Node, place: int, start: int) -> Value:
        """A result with the dtype that it must have, and named after its node."""
        if value.dtype is not fact.dtype:
            value = self._builder.cast(value, fact.dtype)
        made = any(value.name in one.output for one in self._builder.nodes[start:])
        known = Value(value.name, fact.dtype, fact.shape)
        if made and place == 0 and value.name != node.name and node.name not in self._builder._names:
            self._rename(known, self._builder.name(node.name), start)
        return known

    def _symbol(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a function of ``autograd`` says that it is."""
        fact = self._facts[node]
        args, kwargs = map_aggregate((args, dict(kwargs)), _read)
        made = node.meta["symbolic"](self._builder, *args, **kwargs)
        if isinstance(fact, list):
            return [Cell(self._typed(value, one, node, 1, 0)) for value, one in zip(made, fact)]
        return Cell(self._typed(made, fact, node, 1, 0))

    def _size(self, function: Any, one: Any, two: Any) -> Any:
        if not isinstance(one, Value) and not isinstance(two, Value):
            return function(one, two)
        builder = self._builder
        made = builder.node(_SIZES[function], builder.sizes([one]), builder.sizes([two]))
        made.size = True
        return made

    def _where(self, node: Node) -> str:
        site = node.meta.get("site")
        return "" if site is None else f" (at {site[0]}:{site[1]})"


def _read(part: Any) -> Any:
    return part.read() if isinstance(part, Cell) else part


class _Parts:
    """The results of an operation that gives several: parts of a tensor may be written to as views of it."""

    _VIEWS = {"split": 1, "split_with_sizes": 1, "chunk": 1, "tensor_split": 1, "unbind": 0}

    def __init__(self, cells: list[Cell | None], base: Cell | None, name: str, args: tuple[Any, ...], kwargs: Any) -> None:
        self._cells, self._base = cells, base
        self._place = self._VIEWS.get(name) if base is not None else None
        self._unbound = name == "unbind"
        dim = kwargs.get("dim", args[self._place] if self._place is not None and len(args) > self._place else 0)
        self._dim: int = dim if isinstance(dim, int) else 0

    def part(self, translation: _Translation, place: int) -> Cell | None:
        """One of them."""
        cell = self._cells[place]
        if self._place is None or cell is None or self._base is None:
            return cell
        builder = translation._builder
        value = cell.read()
        axis = self._dim % self._base.read().rank
        lengths = [1 if self._unbound else one.read().shape[axis] if one else None for one in self._cells[: place + 1]]  # type: ignore[index]
        if None in lengths:
            return cell
        start, length = sum(lengths[:-1]), lengths[-1]  # type: ignore[arg-type]

        def derive(whole: Value) -> Value:
            made = builder.slice(whole, start, start + length, axis)  # type: ignore[operator]
            made = builder.Squeeze(made, [axis]) if self._unbound else made
            return Value(made.name, value.dtype, value.shape)

        def restore(whole: Value, new: Value) -> Value:
            new = builder.Unsqueeze(new, [axis]) if self._unbound else new
            made: Value = RESTORED["slice"](builder, whole, new, axis, start, start + length)  # type: ignore[operator]
            made.dtype, made.shape = whole.dtype, whole.shape
            return made

        made = Cell(value, self._base, derive, restore)
        return made


