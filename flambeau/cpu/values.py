"""The values that generated code computes: kernels are written as Python expressions, one instruction an operation.

A :class:`Value` is an LLVM value: a number, a position, an address or a mask, one of it or ``lanes`` side by side. What an
operation means follows from the :class:`Type`. Python numbers beside a value are constants of its type, and a single
value beside a vector is repeated in every lane. ``a * b + c`` rounds twice; one rounding is spelled ``fma(a, b, c)``.

Integers are of two kinds. Data wraps around, and which signs it has the operation must say. What counts or places
something is an ``INDEX``: its sums and products do not overflow, and only what is not negative is divided.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..kernels.program import LANES as LANES_OF_SUMS

if TYPE_CHECKING:
    from .ir import Builder

#: Logical vector length of all generated code. LLVM splits it into whatever registers the machine has, so results (the shape
#: of reduction trees above all) are the same on every machine.
LANES = LANES_OF_SUMS

Number = int | float

_SUFFIXES = {"float": "f32", "double": "f64", "half": "f16", "ptr": "p0"}
_BYTES = {"float": 4, "double": 8, "half": 2, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "i128": 16, "ptr": 8}
_RELATIONS = ("lt", "le", "gt", "ge")


class Type:
    """``lanes`` elements of an LLVM type, or one. There is one object for each, so types are compared by identity."""

    __slots__ = (
        "element", "lanes", "to", "spelled", "bytes", "floating", "suffix", "instructions", "class_", "_mask", "_vector",
    )  # fmt: skip

    _known: ClassVar[dict[tuple[str, int], Type]] = {}
    _pointers: ClassVar[dict[Type, Type]] = {}

    def __init__(self, element: str, lanes: int = 1, to: Type | None = None, index: bool = False) -> None:
        self.element = element
        self.lanes = lanes
        #: What addresses of this type are addresses of.
        self.to = to
        self.spelled = spelled = element if lanes == 1 else f"<{lanes} x {element}>"
        #: Bytes of one element in memory.
        self.bytes = _BYTES[element]
        self.floating = element in ("float", "double", "half")
        short = _SUFFIXES.get(element, element)
        #: How the names of intrinsics spell the type.
        self.suffix = short if lanes == 1 else f"v{lanes}{short}"
        self.class_ = Value if to is None else Pointer
        if self.floating:
            names = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "eq": "fcmp oeq", "ne": "fcmp une"}
            names |= {relation: "fcmp o" + relation for relation in _RELATIONS}
        elif index:
            names = {"add": "add nsw", "sub": "sub nsw", "mul": "mul nsw", "floordiv": "udiv", "mod": "urem"}
            names["srem"] = "srem"
        else:
            names = {name: name for name in ("add", "sub", "mul", "sdiv", "udiv", "srem", "urem", "ashr")}
        if not self.floating:
            names |= {name: name for name in ("and", "or", "xor", "shl", "lshr")}
            names |= {"eq": "icmp eq", "ne": "icmp ne"}
            names |= {relation: "icmp s" + relation for relation in _RELATIONS}
            names |= {"u" + relation: "icmp u" + relation for relation in _RELATIONS}
        #: How an instruction on two operands of the type begins, by the operation.
        self.instructions = {name: f"{instruction} {spelled}" for name, instruction in names.items()}
        if to is not None:
            self.instructions["offset"] = f"getelementptr {to}, ptr"
        self._mask: Type | None = None
        self._vector: Type | None = None

    @classmethod
    def of(cls, element: str, lanes: int = 1) -> Type:
        """The type by LLVM's name of an element (``float``, ``i32``); integers are data."""
        found = cls._known.get((element, lanes))
        if found is None:
            found = cls._known[element, lanes] = cls(element, lanes)
        return found

    def vector(self, lanes: int = LANES) -> Type:
        """So many elements side by side."""
        if lanes != LANES:
            return Type.of(self.element, lanes)
        found = self._vector
        if found is None:
            found = self._vector = Type.of(self.element, lanes)
        return found

    @property
    def mask(self) -> Type:
        """As many truth values as there are lanes."""
        found = self._mask
        if found is None:
            found = self._mask = Type.of("i1", self.lanes)
        return found

    @property
    def pointer(self) -> Type:
        """Addresses of elements of this type."""
        found = Type._pointers.get(self)
        if found is None:
            found = Type._pointers[self] = Type("ptr", 1, self)
        return found

    def __repr__(self) -> str:
        return self.spelled

    def constant(self, number: Number) -> str:
        """How a number is written as an operand of this type, the same in every lane."""
        if self.lanes == 1 and not self.floating and self.element != "i1":
            return str(int(number))
        if self.floating:
            # LLVM writes a float, too, as the bits of the double of the same value.
            if self.element == "float":
                number = struct.unpack("<f", struct.pack("<f", number))[0]
            bits = struct.unpack("<Q", struct.pack("<d", number))[0]
            text, zero = f"0x{bits:016X}", not bits
        else:
            text, zero = str(int(number)), not number
            if self.element == "i1":
                text = "true" if number else "false"
        if self.lanes == 1:
            return text
        return "zeroinitializer" if zero else f"splat ({self.element} {text})"


class Value:
    """One value of generated code. Every operation on it appends to its builder's function."""

    __slots__ = ("builder", "type", "name")

    def __init__(self, builder: Builder, type: Type, name: str) -> None:
        self.builder = builder
        self.type = type
        self.name = name

    @property
    def element(self) -> str:
        """LLVM's name of the type of each lane."""
        return self.type.element

    @property
    def lanes(self) -> int:
        return self.type.lanes

    def __str__(self) -> str:
        """The value as an operand: its type and its name."""
        return f"{self.type.spelled} {self.name}"

    # --- building blocks -------------------------------------------------------------------------------------------

    def new(self, type: Type, instruction: str) -> Any:
        """What an instruction gives."""
        return type.class_(self.builder, type, self.builder.op(instruction))

    def constant(self, number: Number) -> Value:
        """A number with this value's type, in every lane."""
        return self.type.class_(self.builder, self.type, self.type.constant(number))

    def of_type(self, other: Value | Number) -> Value:
        """Another operand beside this value, with the same type."""
        if not isinstance(other, Value):
            return self.constant(other)
        return other if other.type is self.type else _alike(self, other)[1]

    def binary(self, operation: str, other: Value | Number) -> Value:
        """An instruction on two operands by its name in :attr:`Type.instructions`."""
        type = self.type
        left = self.name
        if not isinstance(other, Value):
            right = type.constant(other)
        elif other.type is type:
            right = other.name
        else:
            one, two = _alike(self, other)
            type, left, right = one.type, one.name, two.name
        builder = self.builder
        builder.count = count = builder.count + 1
        name = f"%v{count}"
        builder.lines.append(f"  {name} = {type.instructions[operation]} {left}, {right}")
        return Value(builder, type, name)

    def compare(self, relation: str, other: Value | Number) -> Value:
        """A mask: ``lt``, ``le``, ``gt``, ``ge``, ``eq`` or ``ne``, false for NaN but for the last; with a ``u`` in front for
        integers without a sign."""
        result = self.binary(relation, other)
        result.type = result.type.mask
        return result

    def call(self, intrinsic: str, *others: Value | Number) -> Value:
        """Call ``llvm.<intrinsic>`` overloaded on this value's type, with operands of that type."""
        builder, type, name = self.builder, self.type, f"llvm.{intrinsic}.{self.type.suffix}"
        spelled = type.spelled
        if name not in builder.module.declarations:
            builder.module.declare(name, spelled, *[spelled] * (1 + len(others)))
        given = f"{spelled} {self.name}"
        for other in others:
            if not isinstance(other, Value):
                operand = type.constant(other)
            else:
                operand = other.name if other.type is type else self.of_type(other).name
            given += f", {spelled} {operand}"
        builder.count = count = builder.count + 1
        builder.lines.append(f"  %v{count} = call {spelled} @{name}({given})")
        return Value(builder, type, f"%v{count}")

    # --- arithmetic ------------------------------------------------------------------------------------------------

    def __add__(self, other: Value | Number) -> Value:
        return self.binary("add", other)

    def __sub__(self, other: Value | Number) -> Value:
        return self.binary("sub", other)

    def __mul__(self, other: Value | Number) -> Value:
        return self.binary("mul", other)

    def __truediv__(self, other: Value | Number) -> Value:
        return self.binary("div", other)

    def __floordiv__(self, other: Value | Number) -> Value:
        return self.binary("floordiv", other)

    def __mod__(self, other: Value | Number) -> Value:
        return self.binary("mod", other)

    def __radd__(self, other: Number) -> Value:
        return self.binary("add", other)

    def __rmul__(self, other: Number) -> Value:
        return self.binary("mul", other)

    def __rsub__(self, other: Number) -> Value:
        return self.constant(other) - self

    def __rtruediv__(self, other: Number) -> Value:
        return self.constant(other) / self

    def __neg__(self) -> Value:
        if self.type.floating:
            return self.new(self.type, f"fneg {self}")
        return self.constant(0) - self

    def __abs__(self) -> Value:
        return self.call("fabs")

    def sqrt(self) -> Value:
        return self.call("sqrt")

    def copysign(self, sign: Value | Number) -> Value:
        """This magnitude with the sign of ``sign``."""
        return self.call("copysign", sign)

    def at_most(self, limit: Value | Number) -> Value:
        """The smaller one of two integers with a sign."""
        return self.call("smin", limit)

    def at_least(self, limit: Value | Number) -> Value:
        """The larger one of two integers with a sign."""
        return self.call("smax", limit)

    # --- bits ------------------------------------------------------------------------------------------------------

    def __and__(self, other: Value | Number) -> Value:
        return self.binary("and", other)

    def __or__(self, other: Value | Number) -> Value:
        return self.binary("or", other)

    def __xor__(self, other: Value | Number) -> Value:
        return self.binary("xor", other)

    def __invert__(self) -> Value:
        return self.binary("xor", -1)

    def __lshift__(self, count: Value | Number) -> Value:
        return self.binary("shl", count)

    def __rshift__(self, count: Value | Number) -> Value:
        """Logical shift: zeros come in from the left."""
        return self.binary("lshr", count)

    def bits(self) -> Value:
        """The bit pattern of a floating-point value, as integers of the same width."""
        return self.bitcast(f"i{8 * self.type.bytes}")

    # --- conversions -----------------------------------------------------------------------------------------------

    def cast(self, instruction: str, element: str) -> Value:
        """A conversion by LLVM's name (``zext``, ``sitofp``), lane by lane."""
        type = Type.of(element, self.type.lanes)
        return self.new(type, f"{instruction} {self.type.spelled} {self.name} to {type.spelled}")

    def bitcast(self, element: str) -> Value:
        """The same bits seen as another type."""
        return self.cast("bitcast", element)

    def widen(self) -> Value:
        """float to double."""
        return self.cast("fpext", "double")

    def narrow(self) -> Value:
        """double to float, rounded to nearest."""
        return self.cast("fptrunc", "float")

    def to_float(self, element: str) -> Value:
        """Signed integers to floating point."""
        return self.cast("sitofp", element)

    def truncate(self, element: str) -> Value:
        """The low bits of integers."""
        return self.cast("trunc", element)

    def as_index(self) -> Value:
        """An i64 of data that is known to count or place something."""
        assert self.type is Type.of("i64")
        return Value(self.builder, INDEX, self.name)

    def freeze(self) -> Any:
        """The same value, of which LLVM does not know how it was computed."""
        return self.new(self.type, f"freeze {self}")

    # --- comparisons -----------------------------------------------------------------------------------------------

    def __lt__(self, other: Value | Number) -> Value:
        return self.compare("lt", other)

    def __le__(self, other: Value | Number) -> Value:
        return self.compare("le", other)

    def __gt__(self, other: Value | Number) -> Value:
        return self.compare("gt", other)

    def __ge__(self, other: Value | Number) -> Value:
        return self.compare("ge", other)

    def equals(self, other: Value | Number) -> Value:
        return self.compare("eq", other)

    def differs(self, other: Value | Number) -> Value:
        """Not equal, or not a number."""
        return self.compare("ne", other)

    def is_nan(self) -> Value:
        return self.new(self.type.mask, f"fcmp uno {self}, {self.name}")

    def any(self) -> Value:
        """Whether a mask is set in any lane."""
        return self.reduce("or") if self.type.lanes > 1 else self

    # --- lanes -----------------------------------------------------------------------------------------------------

    def broadcast(self, lanes: int = LANES) -> Value:
        """A single value in every lane."""
        if lanes == 1:
            return self
        type = self.type.vector(lanes)
        if self.name[0] not in "%@":
            return Value(self.builder, type, f"splat ({self})")
        spelled = type.spelled
        single = self.builder.op(f"insertelement {spelled} poison, {self.type.spelled} {self.name}, i64 0")
        return self.new(type, f"shufflevector {spelled} {single}, {spelled} poison, <{lanes} x i32> zeroinitializer")

    def lane(self, number: int) -> Value:
        """One lane as a single value."""
        return self.new(Type.of(self.type.element), f"extractelement {self}, i64 {number}")

    def pick(self, lanes: Sequence[int], second: Value | None = None) -> Value:
        """A vector of lanes by number; those of a second vector follow the first one's."""
        type = Type.of(self.type.element, len(lanes))
        other = f"{self.type.spelled} poison" if second is None else str(second)
        picks = ", ".join(f"i32 {lane}" for lane in lanes)
        return self.new(type, f"shufflevector {self}, {other}, <{len(lanes)} x i32> <{picks}>")

    def halves(self) -> tuple[Value, Value]:
        """The lower and the upper half of the lanes; single values if there are two."""
        half = self.type.lanes // 2
        if half == 1:
            return self.lane(0), self.lane(1)
        return self.pick(range(half)), self.pick(range(half, 2 * half))

    def reduce(self, operation: str) -> Value:
        """All lanes combined by ``llvm.vector.reduce.<operation>``, whose order must not matter."""
        return self.builder.intrinsic(f"vector.reduce.{operation}", Type.of(self.type.element), self)


class Pointer(Value):
    """The address of elements of the type ``type.to``. They are aligned to one element."""

    __slots__ = ()

    @property
    def to(self) -> Type:
        """What lies there."""
        return self.type.to  # type: ignore[return-value]

    def of(self, to: Type | str) -> Pointer:
        """The same address, where something of another type lies."""
        return Pointer(self.builder, (Type.of(to) if isinstance(to, str) else to).pointer, self.name)

    def __add__(self, index: Value | Number) -> Pointer:  # type: ignore[override]
        """The address of the element so many further on."""
        builder, type = self.builder, self.type
        builder.count = count = builder.count + 1
        name = f"%v{count}"
        offset = index.name if isinstance(index, Value) else index
        builder.lines.append(f"  {name} = {type.instructions['offset']} {self.name}, i64 {offset}")
        return Pointer(builder, type, name)

    def load(self, lanes: int = 1, mask: Value | None = None, otherwise: Value | Number = 0, align: int = 0) -> Any:
        """The element there, or a vector of it and its neighbours. Memory outside the mask is not touched; the lanes are
        ``otherwise``."""
        to = self.to
        type = to if lanes == 1 else to.vector(lanes)
        builder = self.builder
        if mask is None:
            builder.count = count = builder.count + 1
            name = f"%v{count}"
            builder.lines.append(f"  {name} = load {type.spelled}, ptr {self.name}, align {align or to.bytes}")
            return type.class_(builder, type, name)
        callee = self.builder.module.declare(
            f"llvm.masked.load.{type.suffix}.p0", type.spelled, "ptr", mask.type.spelled, type.spelled
        )
        missing = type.constant(otherwise) if not isinstance(otherwise, Value) else otherwise.name
        where = f"ptr align {to.bytes} {self.name}"
        return self.new(type, f"call {type.spelled} {callee}({where}, {mask}, {type.spelled} {missing})")

    def store(self, value: Value | Number, mask: Value | None = None, align: int = 0) -> None:
        """Write an element, or a vector of neighbours. Memory outside the mask is not touched."""
        if not isinstance(value, Value):
            value = Value(self.builder, self.to, self.to.constant(value))
        if mask is None:
            self.builder.do(f"store {value}, ptr {self.name}, align {align or self.to.bytes}")
            return
        callee = self.builder.module.declare(
            f"llvm.masked.store.{value.type.suffix}.p0", "void", value.type.spelled, "ptr", mask.type.spelled
        )
        self.builder.do(f"call void {callee}({value}, ptr align {self.to.bytes} {self.name}, {mask})")

    def __getitem__(self, index: Value | int) -> Any:
        """Load one element."""
        builder, type, to = self.builder, self.type, self.to
        builder.count = count = builder.count + 2
        place, name = f"%v{count - 1}", f"%v{count}"
        offset = index.name if isinstance(index, Value) else index
        builder.lines.append(
            f"  {place} = {type.instructions['offset']} {self.name}, i64 {offset}\n"
            f"  {name} = load {to.spelled}, ptr {place}, align {to.bytes}"
        )
        return to.class_(builder, to, name)

    def __setitem__(self, index: Value | int, value: Value | Number) -> None:
        """Store an element, or a vector of neighbours."""
        (self + index).store(value)

    def load_atomic(self, ordering: str = "monotonic") -> Any:
        """The element there, when other threads may be writing it."""
        to = self.to
        return self.new(to, f"load atomic {to}, ptr {self.name} {ordering}, align {to.bytes}")

    def store_atomic(self, value: Value | Number, ordering: str = "monotonic") -> None:
        """Write an element that other threads may be reading."""
        value = Value(self.builder, self.to, "").of_type(value)
        self.builder.do(f"store atomic {value}, ptr {self.name} {ordering}, align {self.to.bytes}")

    def add_atomic(self, amount: Value | Number, ordering: str = "monotonic") -> None:
        """Add to the integer there, with nobody else coming in between."""
        amount = Value(self.builder, self.to, "").of_type(amount)
        self.builder.do(f"atomicrmw add ptr {self.name}, {amount} {ordering}, align {self.to.bytes}")

    def swap_if(self, expected: Value | Number, value: Value | Number, ordering: str = "acq_rel acquire") -> Value:
        """Whether the integer there was the expected one and is now ``value``, with nobody else coming in between."""
        to = self.to
        before, after = (str(Value(self.builder, to, "").of_type(operand)) for operand in (expected, value))
        swapped = self.builder.op(f"cmpxchg ptr {self.name}, {before}, {after} {ordering}, align {to.bytes}")
        flag: Value = self.new(FLAG, f"extractvalue {{ {to}, i1 }} {swapped}, 1")
        return flag

    def gather(self, positions: Value, mask: Value | None = None, otherwise: Value | Number = 0) -> Value:
        """The elements at several positions; lanes outside the mask are ``otherwise``, and their memory is not touched."""
        type, which, addresses = self.to.vector(positions.lanes), Type.of("i1", positions.lanes), self._at(positions)
        name = f"llvm.masked.gather.{type.suffix}.v{positions.lanes}p0"
        callee = self.builder.module.declare(
            name, type.spelled, f"<{positions.lanes} x ptr>", which.spelled, type.spelled
        )
        chosen = which.constant(1) if mask is None else mask.name
        missing = type.constant(otherwise) if not isinstance(otherwise, Value) else otherwise.name
        operands = f"{addresses}, {which.spelled} {chosen}, {type.spelled} {missing}"
        value: Value = self.new(type, f"call {type.spelled} {callee}({operands})")
        return value

    def scatter(self, value: Value, positions: Value, mask: Value | None = None) -> None:
        """Store to several positions, in the order of the lanes; memory of those outside the mask is not touched."""
        which, addresses = Type.of("i1", positions.lanes), self._at(positions)
        name = f"llvm.masked.scatter.{value.type.suffix}.v{positions.lanes}p0"
        callee = self.builder.module.declare(
            name, "void", value.type.spelled, f"<{positions.lanes} x ptr>", which.spelled
        )
        chosen = which.constant(1) if mask is None else mask.name
        self.builder.do(f"call void {callee}({value}, {addresses}, {which.spelled} {chosen})")

    def _at(self, positions: Value) -> str:
        """The addresses of several elements, as an operand."""
        addresses = self.builder.op(f"getelementptr {self.to.spelled}, ptr {self.name}, {positions}")
        return f"<{positions.lanes} x ptr> align {self.to.bytes} {addresses}"

    def prefetch(self, level: int = 1, write: bool = False) -> None:
        """Have a cache line that will soon be read (or written) fetched into the cache of that level. Any address will
        do: one that is not mapped has no effect."""
        callee = self.builder.module.declare("llvm.prefetch.p0", "void", "ptr", "i32", "i32", "i32")
        self.builder.do(f"call void {callee}({self}, i32 {int(write)}, i32 {4 - level}, i32 1)")


INDEX = Type("i64", index=True)
"""What counts or places something."""
BYTE = Type.of("i8")
FLAG = Type.of("i1")


def _alike(one: Value, two: Value) -> tuple[Value, Value]:
    """Two operands with one type: a single value beside a vector is repeated, an index beside data is data."""
    if one.lanes != two.lanes:
        one, two = (one.broadcast(two.lanes), two) if one.lanes == 1 else (one, two.broadcast(one.lanes))
    if one.type is not two.type:
        type = Type.of(one.element, one.lanes)
        one, two = Value(one.builder, type, one.name), Value(two.builder, Type.of(two.element, two.lanes), two.name)
        assert one.type is two.type, f"operands of {one.type} and {two.type}"
    return one, two


def where(mask: Value, yes: Value | Number, no: Value | Number) -> Any:
    """``yes`` where the mask is set, else ``no``; at least one of them is a :class:`Value`. A single mask chooses wholes."""
    if not (isinstance(yes, Value) and isinstance(no, Value)):
        like = yes if isinstance(yes, Value) else no
        assert isinstance(like, Value)
        yes, no = like.of_type(yes), like.of_type(no)
    if yes.type is not no.type:
        yes, no = _alike(yes, no)
    builder, type, chosen = yes.builder, yes.type, mask.type.spelled
    builder.count = count = builder.count + 1
    name, spelled = f"%v{count}", type.spelled
    builder.lines.append(f"  {name} = select {chosen} {mask.name}, {spelled} {yes.name}, {spelled} {no.name}")
    return type.class_(builder, type, name)


def fma(a: Value, b: Value | Number, c: Value | Number) -> Value:
    """``a * b + c`` rounded once; integers wrap."""
    return a.call("fma", b, c) if a.type.floating else a * b + c


def unraveled(flat: Value, extents: Sequence[Value]) -> list[Value]:
    """The index along each axis of a flat (row-major) number."""
    indices: list[Value] = []
    for extent in reversed(extents[1:]):
        indices.append(flat % extent)
        flat = flat // extent
    if extents:
        indices.append(flat)
    return indices[::-1]


def placed(indices: Sequence[Value], strides: Sequence[Value], start: Value | int = 0) -> Value | int:
    """``start + sum(indices * strides)``; axes behind the last stride do not count."""
    for index, stride in zip(indices, strides):
        term = index * stride
        start = start + term if isinstance(start, Value) else term + start if start else term
    return start
