"""Writing LLVM IR as text: a module, and a builder that appends lines to one function.

Text is parsed by LLVM several times faster than the same IR is built through ``llvmlite.ir`` objects. Values are
their textual names (``"%7"``, ``"%n"``) or constants (``"0"``); types are their textual spelling (``"float"``,
``"<16 x i32>"``). Mutable variables live in stack slots which LLVM's ``sroa`` pass turns into registers, so nothing
here writes a phi by hand.

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

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from ..kernels.program import LANES as lanes_of_sums

LANES = lanes_of_sums
"""Logical vector length of all generated code. LLVM splits it into whatever registers the machine has, so results
(the shape of reduction trees above all) are the same on every machine."""

KERNEL_PARAMETERS = (("ptr", "table"), ("ptr", "arguments"), ("i64", "tile"), ("ptr", "scratch"))


def float_constant(value: float, type: str = "float") -> str:
    """The exact LLVM spelling of a floating-point constant of scalar type ``float`` or ``double``.

    LLVM writes both as the hexadecimal bits of the double of the same value.
    """
    if type == "float":
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def vector(type: str, lanes: int) -> str:
    """``<lanes x type>``, or the scalar type itself for one lane."""
    return type if lanes == 1 else f"<{lanes} x {type}>"


def splat(type: str, constant: str, lanes: int) -> str:
    """A constant repeated in every lane, for use as an operand (without its type)."""
    if lanes == 1:
        return constant
    return "<" + ", ".join(f"{type} {constant}" for _ in range(lanes)) + ">"


class Module:
    """One LLVM module in the making: declarations, and the text of finished functions."""

    def __init__(self) -> None:
        self._declarations: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self._functions: list[str] = []
        self._names: set[str] = set()

    def declare(self, name: str, result: str, *parameters: str) -> str:
        """Declare an external function or intrinsic once; returns ``@name``."""
        self._declarations[name] = f"declare {result} @{name}({', '.join(parameters)})"
        return "@" + name

    def constant(self, name: str, definition: str) -> str:
        """Define a private constant array once, e.g. ``constant("table", "[2 x float] [float 0.0, float 1.0]")``."""
        self._globals[name] = f"@{name} = private unnamed_addr constant {definition}, align 64"
        return "@" + name

    def has_function(self, name: str) -> bool:
        """Whether a function of that name was added already (helper functions are shared within a module)."""
        return name in self._names

    def add(self, name: str, text: str) -> None:
        """Append the full text of a function definition."""
        self._names.add(name)
        self._functions.append(text)

    def text(self) -> str:
        """The module as LLVM assembly."""
        return "\n".join([*self._globals.values(), *self._declarations.values(), *self._functions, ""])


class Builder:
    """Appends instructions to one function of a module. Call :meth:`finish` when done."""

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: tuple[tuple[str, str], ...] = KERNEL_PARAMETERS,
        result: str = "void",
        internal: bool = False,
        attributes: str = "nounwind",
    ) -> None:
        self.module = module
        self.name = name
        noalias = {"arguments", "scratch"}
        spelled = ", ".join(
            f"{type} {'noalias ' if type == 'ptr' and name in noalias else ''}%{name}" for type, name in parameters
        )
        self._head = f"define {'internal ' if internal else ''}{result} @{name}({spelled}) {attributes} {{"
        self._slots: list[str] = []
        self._lines: list[str] = []
        self._next = 0
        self.block = "entry"

    def fresh(self, hint: str = "v") -> str:
        """A new value name, ``%v12``."""
        self._next += 1
        return f"%{hint}{self._next}"

    def op(self, instruction: str) -> str:
        """Append ``%new = instruction`` and return the new name."""
        name = self.fresh()
        self._lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """Append an instruction without a result (a store, a void call)."""
        self._lines.append("  " + instruction)

    # --- variables -------------------------------------------------------------------------------------------------

    def variable(self, type: str, initial: str | None = None, align: int | None = None) -> str:
        """A stack slot made in the entry block (``sroa`` turns it into a register); returns its address."""
        name = self.fresh("slot")
        self._slots.append(f"  {name} = alloca {type}" + (f", align {align}" if align else ""))
        if initial is not None:
            self.do(f"store {type} {initial}, ptr {name}")
        return name

    def load(self, type: str, address: str, align: int | None = None) -> str:
        return self.op(f"load {type}, ptr {address}" + (f", align {align}" if align else ""))

    def store(self, type: str, value: str, address: str, align: int | None = None) -> None:
        self.do(f"store {type} {value}, ptr {address}" + (f", align {align}" if align else ""))

    def prefetch(self, address: str, level: int = 1, write: bool = False) -> None:
        """Have a cache line that will soon be read (or written) fetched into the cache of that level. Any address will
        do: one that is not mapped has no effect."""
        callee = self.module.declare("llvm.prefetch.p0", "void", "ptr", "i32", "i32", "i32")
        self.do(f"call void {callee}(ptr {address}, i32 {int(write)}, i32 {4 - level}, i32 1)")

    # --- integers and addresses ------------------------------------------------------------------------------------

    def argument(self, index: int, type: str = "i64") -> str:
        """Load the kernel's static argument number ``index``."""
        return self.load(type, self.op(f"getelementptr i64, ptr %arguments, i64 {index}"), 8)

    def slot(self, index: str, type: str = "ptr") -> str:
        """Load slot ``index`` (a value) of the table bound at run time."""
        return self.load(type, self.op(f"getelementptr i64, ptr %table, i64 {index}"), 8)

    def operand(self, index: int) -> str:
        """The address an operand starts at: arguments ``index`` (slot number) and ``index + 1`` (byte offset)."""
        base = self.slot(self.argument(index))
        return self.op(f"getelementptr i8, ptr {base}, i64 {self.argument(index + 1)}")

    def offset(self, type: str, address: str, index: str) -> str:
        """Address of element ``index`` (i64) of an array of ``type``."""
        return self.op(f"getelementptr {type}, ptr {address}, i64 {index}")

    def add(self, a: str, b: str) -> str:
        return self.op(f"add nsw i64 {a}, {b}")

    def sub(self, a: str, b: str) -> str:
        return self.op(f"sub nsw i64 {a}, {b}")

    def mul(self, a: str, b: str) -> str:
        return self.op(f"mul nsw i64 {a}, {b}")

    def divide(self, a: str, b: str) -> str:
        """Unsigned quotient; the divisor must not be zero."""
        return self.op(f"udiv i64 {a}, {b}")

    def remainder(self, a: str, b: str) -> str:
        return self.op(f"urem i64 {a}, {b}")

    def minimum(self, a: str, b: str) -> str:
        return self.op(f"call i64 {self.module.declare('llvm.smin.i64', 'i64', 'i64', 'i64')}(i64 {a}, i64 {b})")

    def maximum(self, a: str, b: str) -> str:
        return self.op(f"call i64 {self.module.declare('llvm.smax.i64', 'i64', 'i64', 'i64')}(i64 {a}, i64 {b})")

    # --- control flow ----------------------------------------------------------------------------------------------

    def label(self, hint: str) -> str:
        """A new label name (not yet placed)."""
        self._next += 1
        return f"{hint}{self._next}"

    def place(self, label: str) -> None:
        """Start the block ``label`` here."""
        self._lines.append(f"{label}:")
        self.block = label

    def jump(self, label: str) -> None:
        self.do(f"br label %{label}")

    def branch(self, condition: str, true: str, false: str) -> None:
        self.do(f"br i1 {condition}, label %{true}, label %{false}")

    @contextmanager
    def loop(self, start: str, stop: str, step: str = "1") -> Iterator[str]:
        """``for index in range(start, stop, step)`` over i64 values; yields the index."""
        index = self.variable("i64", start)
        head, body, end = self.label("head"), self.label("body"), self.label("end")
        self.jump(head)
        self.place(head)
        current = self.load("i64", index)
        self.branch(self.op(f"icmp slt i64 {current}, {stop}"), body, end)
        self.place(body)
        yield current
        self.store("i64", self.add(current, step), index)
        self.jump(head)
        self.place(end)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """``if condition:`` for an i1 value."""
        then, end = self.label("then"), self.label("end")
        self.branch(condition, then, end)
        self.place(then)
        yield
        self.jump(end)
        self.place(end)

    # --- vectors ---------------------------------------------------------------------------------------------------

    def broadcast(self, type: str, value: str, lanes: int) -> str:
        """Repeat a scalar value in every lane (the value itself for one lane)."""
        if lanes == 1:
            return value
        whole = vector(type, lanes)
        single = self.op(f"insertelement {whole} poison, {type} {value}, i64 0")
        zeros = vector("i32", lanes) + " zeroinitializer"
        return self.op(f"shufflevector {whole} {single}, {whole} poison, {zeros}")

    def call(self, name: str, result: str, *arguments: tuple[str, str]) -> str:
        """Call an external function or intrinsic, declaring it; ``arguments`` are (type, value) pairs."""
        callee = self.module.declare(name, result, *(type for type, _ in arguments))
        return self.op(f"call {result} {callee}({', '.join(f'{type} {value}' for type, value in arguments)})")

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self, result: str = "void") -> None:
        """Return from the function and add it to the module."""
        self.do("ret " + result)
        self.module.add(self.name, "\n".join([self._head, "entry:", *self._slots, *self._lines, "}"]))
