"""Writing LLVM IR as text: a module, and builders that append lines to one function each.

Text is parsed by LLVM several times faster than the same IR is built through ``llvmlite.ir`` objects. What is computed is
written with the operators of :mod:`.values`; this module has what surrounds it: functions, variables, loops and branches.
Variables live in stack slots which LLVM's ``sroa`` pass turns into registers, so nothing here writes a phi by hand.

Every kernel has the signature ``void (ptr table, ptr arguments, i64 tile, ptr scratch)``:

``table``
    eight-byte slots filled anew for each run of a plan: base addresses of buffers, and Python numbers. Slot 0 holds
    the address of the error cell (an ``i64``, zero while nothing went wrong).
``arguments``
    eight-byte integers fixed when the plan was made: slot numbers, byte offsets, extents, strides.
``tile``
    which part of the work to do. Tiles are cut by shape alone.
``scratch``
    memory private to the running thread, aligned to 64 bytes, of the size the step asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from .values import BYTE, INDEX, LANES, Number, Pointer, Type, Value

Parameters = Mapping[str, Type]


def parameters(to: Type, pointers: str, indices: str, **others: Type) -> Parameters:
    """Parameters of a function by name: addresses of elements of a type, indices, and others."""
    return {**dict.fromkeys(pointers.split(), to.pointer), **dict.fromkeys(indices.split(), INDEX), **others}


KEPT_FUNCTIONS = 64
"""How many functions that kernels share are kept as text, for the next module that needs them."""


class Module:
    """One LLVM module in the making: declarations, and the text of finished functions."""

    def __init__(self) -> None:
        self.declarations: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self._functions: dict[str, str] = {}

    def declare(self, name: str, result: str, *parameters: str) -> str:
        """Declare an external function or intrinsic once; returns ``@name``."""
        if name not in self.declarations:
            self.declarations[name] = f"declare {result} @{name}({', '.join(parameters)})"
        return "@" + name

    def constant(self, name: str, definition: str) -> str:
        """Define a private constant array once, e.g. ``constant("table", "[2 x float] [float 0.0, float 1.0]")``."""
        self._globals[name] = f"@{name} = private unnamed_addr constant {definition}, align 64"
        return "@" + name

    def add(self, name: str, text: str) -> None:
        """Append the full text of a function definition."""
        self._functions[name] = text

    def function(
        self,
        name: str,
        parameters: Parameters,
        write: Callable[[Builder, Any], Value | None],
        attributes: str = "nounwind noinline",
        result: Type | None = None,
    ) -> Function:
        """An internal function, which ``write(builder, parameters by name)`` writes where no module has it yet, and whose result
        that returns: its name says all that its code depends on."""
        if name not in self._functions:
            written = _functions.get(name)
            if written is None:
                written = Module()
                b = Builder(written, name, parameters, result, internal=True, attributes=attributes)
                b.finish(write(b, b.parameters))
                if len(_functions) >= KEPT_FUNCTIONS:
                    _functions.clear()
                _functions[name] = written
            self.declarations |= written.declarations
            self._globals |= written._globals
            self._functions |= written._functions
        return Function(name, parameters, result)

    def text(self) -> str:
        """The module as LLVM assembly."""
        return "\n".join([*self._globals.values(), *self.declarations.values(), *self._functions.values(), ""])


_functions: dict[str, Module] = {}
"""Functions that were written, each in a module of its own with what it needs."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that others call."""

    name: str
    parameters: Parameters
    result: Type | None = None

    def __call__(self, b: Builder, at: Pointer | None = None, **values: Any) -> Any:
        """Call it, or one with the same parameters ``at`` an address, with values or numbers; those that it has no parameter
        for are dropped."""
        given = ((type, values[name]) for name, type in self.parameters.items())
        spelled = (str(x) if isinstance(x, Value) else f"{type} {type.constant(x)}" for type, x in given)
        call = f"{'@' + self.name if at is None else at.name}({', '.join(spelled)})"
        if self.result is None:
            return b.do(f"call void {call}")
        return self.result.class_(b, self.result, b.op(f"call {self.result} {call}"))

    def address(self, b: Builder) -> Pointer:
        """Where its code is."""
        return Pointer(b, BYTE.pointer, "@" + self.name)


class Variable:
    """A value that changes: a place on the stack, which LLVM turns into a register."""

    __slots__ = ("place", "type", "_builder", "_load")

    def __init__(self, place: Pointer, type: Type) -> None:
        self.place = place
        self.type = type
        self._builder = place.builder
        self._load = f" = load {type.spelled}, ptr {place.name}"

    @property
    def value(self) -> Any:
        builder, type = self._builder, self.type
        builder.count = count = builder.count + 1
        name = f"%v{count}"
        builder.lines.append(f"  {name}{self._load}")
        return type.class_(builder, type, name)

    @value.setter
    def value(self, value: Any) -> None:
        name = value.name if isinstance(value, Value) else self.type.constant(value)
        self._builder.lines.append(f"  store {self.type.spelled} {name}, ptr {self.place.name}")


@functools.cache
def _counting(element: str, lanes: int) -> str:
    return "<" + ", ".join(f"{element} {lane}" for lane in range(lanes)) + ">"


class Builder:
    """Appends instructions to one function of a module. Call :meth:`finish` when done."""

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: Parameters,
        result: Type | None = None,
        internal: bool = False,
        attributes: str = "nounwind",
    ) -> None:
        self.module = module
        self.name = name
        #: How many names of values and blocks there are.
        self.count = 0
        self.lines: list[str] = []
        self._slots: list[str] = []
        noalias = {"arguments", "scratch"}
        spelled = ", ".join(
            f"{type} {'noalias ' if type.to and name in noalias else ''}%{name}" for name, type in parameters.items()
        )
        self._head = f"define {'internal ' if internal else ''}{result or 'void'} @{name}({spelled}) {attributes} {{"
        #: The function's parameters by name.
        self.parameters = SimpleNamespace(
            **{name: type.class_(self, type, "%" + name) for name, type in parameters.items()}
        )

    def op(self, instruction: str) -> str:
        """Append ``%new = instruction`` and return the new name."""
        self.count = count = self.count + 1
        name = f"%v{count}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """Append an instruction without a result (a store, a void call)."""
        self.lines.append("  " + instruction)

    def finish(self, result: Value | None = None) -> None:
        """Return from the function and add it to the module."""
        self.do("ret void" if result is None else f"ret {result}")
        self.module.add(self.name, "\n".join([self._head, "entry:", *self._slots, *self.lines, "}"]))

    # --- values ----------------------------------------------------------------------------------------------------

    def constant(self, type: Type, number: Number) -> Value:
        """A number of a type, in every lane."""
        return Value(self, type, type.constant(number))

    def index(self, number: int) -> Value:
        return Value(self, INDEX, str(number))

    def lane_numbers(self, element: str = "i64", lanes: int = LANES) -> Value:
        """The constant <0, 1, 2, ...>."""
        return Value(self, Type.of(element, lanes), _counting(element, lanes))

    def first_lanes(self, count: Value, lanes: int = LANES) -> Value:
        """The mask of the first ``count`` lanes, which may exceed the lanes; in narrow registers."""
        return self.lane_numbers("i32", lanes).compare("ult", count.at_most(lanes).truncate("i32"))

    def variable(self, first: Value | Type) -> Variable:
        """A variable with its first value, or of a type and without a value yet."""
        type = first.type if isinstance(first, Value) else first
        variable = Variable(self._slot(type.spelled, type, 0), type)
        if isinstance(first, Value):
            variable.value = first
        return variable

    def array(self, type: Type, count: int, align: int = 64) -> Pointer:
        """Memory for so many elements on the stack."""
        return self._slot(f"[{count} x {type}]", type, align)

    def _slot(self, spelled: str, type: Type, align: int) -> Pointer:
        self.count = count = self.count + 1
        self._slots.append(f"  %slot{count} = alloca {spelled}" + (f", align {align}" if align else ""))
        return Pointer(self, type.pointer, f"%slot{count}")

    def intrinsic(self, name: str, result: Type, *operands: Value, flags: str = "") -> Any:
        """Call ``llvm.<name>``, overloaded on the type of the first operand; ``flags`` are constants behind the operands."""
        full = f"llvm.{name}.{operands[0].type.suffix}"
        spelled = result.spelled
        if full not in self.module.declarations:
            types = [operand.type.spelled for operand in operands]
            self.module.declare(full, spelled, *types, *flags.split()[:1])
        given = ", ".join([f"{operand.type.spelled} {operand.name}" for operand in operands])
        if flags:
            given += ", " + flags
        return result.class_(self, result, self.op(f"call {spelled} @{full}({given})"))

    def external(self, name: str, result: Type, *operands: Value) -> Any:
        """Call a function of a library."""
        callee = self.module.declare(name, result.spelled, *(operand.type.spelled for operand in operands))
        return result.class_(self, result, self.op(f"call {result} {callee}({', '.join(map(str, operands))})"))

    def fence(self, ordering: str) -> None:
        """Keep what lies before and behind apart as other threads see it."""
        self.do("fence " + ordering)

    # --- control flow ----------------------------------------------------------------------------------------------

    def _label(self, hint: str) -> str:
        self.count = count = self.count + 1
        return f"{hint}{count}"

    def _place(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def _jump(self, label: str) -> None:
        self.lines.append(f"  br label %{label}")

    def _branch(self, condition: Value, true: str, false: str) -> None:
        self.lines.append(f"  br {condition}, label %{true}, label %{false}")

    @contextmanager
    def loop(self, start: Value | int, stop: Value | int, step: Value | int = 1) -> Iterator[Value]:
        """``for index in range(start, stop, step)``; yields the index."""
        place = self._slot("i64", INDEX, 0).name
        first, last, by = (x.name if isinstance(x, Value) else x for x in (start, stop, step))
        self.count = number = self.count + 1
        index, head, body, end = f"%index{number}", f"head{number}", f"body{number}", f"end{number}"
        self.lines.append(
            f"  store i64 {first}, ptr {place}\n  br label %{head}\n{head}:\n  {index} = load i64, ptr {place}\n"
            f"  %more{number} = icmp slt i64 {index}, {last}\n  br i1 %more{number}, label %{body}, label %{end}\n{body}:"
        )
        yield Value(self, INDEX, index)
        self.lines.append(
            f"  %next{number} = add nsw i64 {index}, {by}\n  store i64 %next{number}, ptr {place}\n"
            f"  br label %{head}\n{end}:"
        )

    @contextmanager
    def repeat(self) -> Iterator[Callable[[Value], None]]:
        """A loop that ends where the function that is yielded is given a condition that does not hold."""
        head, end = self._label("head"), self._label("end")

        def proceed(condition: Value) -> None:
            body = self._label("body")
            self._branch(condition, body, end)
            self._place(body)

        self._jump(head)
        self._place(head)
        yield proceed
        self._jump(head)
        self._place(end)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """``if condition:``"""
        self.count = number = self.count + 1
        then, end = f"then{number}", f"end{number}"
        self.lines.append(f"  br {condition}, label %{then}, label %{end}\n{then}:")
        yield
        self.lines.append(f"  br label %{end}\n{end}:")

    def either(self, condition: Value) -> Iterator[bool]:
        """``for holds in b.either(condition)``: what the loop's body writes for True runs if the condition holds, what it
        writes for False runs if not."""
        labels, end = (self._label("then"), self._label("else")), self._label("end")
        self._branch(condition, *labels)
        for label, holds in zip(labels, (True, False)):
            self._place(label)
            yield holds
            self._jump(end)
        self._place(end)

    def vectors(self, start: Value | int, stop: Value) -> Iterator[tuple[Value, Value | None]]:
        """``for index, mask in b.vectors(start, stop)``: from start to stop in sixteens. The loop's body is written twice:
        for whole vectors without a mask, then for the rest."""
        count = stop - start
        whole = (count & -LANES) + start
        with self.loop(start, whole, LANES) as index:
            yield index, None
        rest = stop - whole
        with self.when(rest > 0):
            yield whole, self.first_lanes(rest)


KERNEL_PARAMETERS = {"table": INDEX.pointer, "arguments": INDEX.pointer, "tile": INDEX, "scratch": BYTE.pointer}


class KernelBuilder(Builder):
    """Writes a kernel: a function of the table, the arguments, the number of the tile and scratch memory."""

    def __init__(self, module: Module, name: str) -> None:
        super().__init__(module, name, KERNEL_PARAMETERS)
        given = self.parameters
        self.table: Pointer = given.table
        self.arguments: Pointer = given.arguments
        self.tile: Value = given.tile
        self.scratch: Pointer = given.scratch

    def slot(self, index: Value | int, type: Type) -> Any:
        """The contents of a slot of the table bound at run time."""
        return (self.table + index).of(type).load(align=8)

    def operand(self, index: int, to: Type) -> Pointer:
        """The address an operand starts at: arguments ``index`` (slot number) and ``index + 1`` (byte offset)."""
        base: Pointer = self.slot(self.arguments[index], BYTE.pointer)
        return (base + self.arguments[index + 1]).of(to)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Native code that knows no sizes.

    ``key`` describes the code completely (two kernels with one key are interchangeable), so it names the object on
    disk. ``emit(module, name)`` writes the function ``name``.
    """

    key: str
    emit: Callable[[Module, str], None] = field(compare=False, hash=False)
