"""Element types, and PyTorch's rules for combining them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Kind = Literal["bool", "integer", "float", "complex"]
CATEGORY = {"bool": 0, "integer": 1, "float": 2, "complex": 3}


class dtype:
    """One element type. ``numpy`` is ``None`` for those that NumPy does not know; it sees ``memory``, their bits."""

    __slots__ = ("name", "kind", "itemsize", "numpy", "memory", "rank", "signed", "category", "stored")

    def __init__(self, name: str, kind: Kind, itemsize: int, numpy: Any, rank: int, signed: bool = True) -> None:
        self.name = name
        self.kind = kind
        self.itemsize = itemsize
        self.numpy = None if numpy is None else np.dtype(numpy)
        self.memory = np.dtype(f"u{min(itemsize, 8)}") if self.numpy is None else self.numpy
        self.rank = rank
        self.signed = signed
        self.category = CATEGORY[kind]
        #: Whether tensors of it are there to be kept, moved and converted, and next to nothing is computed in it.
        self.stored = False

    @property
    def is_floating_point(self) -> bool:
        return self.kind == "float"

    @property
    def is_complex(self) -> bool:
        return self.kind == "complex"

    @property
    def is_signed(self) -> bool:
        return self.signed

    def to_real(self) -> dtype:
        """The dtype of this dtype's real part: itself, unless it is complex."""
        return REAL_OF.get(self, self)

    def to_complex(self) -> dtype:
        """The complex dtype whose real part has this dtype. ``RuntimeError`` if there is none."""
        if self.kind == "complex":
            return self
        if self not in COMPLEX_OF:
            raise RuntimeError(f"no complex dtype has {self} for its parts")
        return COMPLEX_OF[self]

    def __repr__(self) -> str:
        return "torch." + self.name

    def __reduce__(self) -> str:
        return self.name


DType = dtype
"""The class under a name that attributes called ``dtype`` do not hide."""

float64 = double = dtype("float64", "float", 8, np.float64, 8)
float32 = float_ = dtype("float32", "float", 4, np.float32, 7)
bfloat16 = dtype("bfloat16", "float", 2, None, 6)
float16 = half = dtype("float16", "float", 2, np.float16, 5)
int64 = long = dtype("int64", "integer", 8, np.int64, 4)
int32 = int_ = dtype("int32", "integer", 4, np.int32, 3)
int16 = short = dtype("int16", "integer", 2, np.int16, 2)
int8 = dtype("int8", "integer", 1, np.int8, 1)
uint8 = dtype("uint8", "integer", 1, np.uint8, 1, signed=False)
bool_ = dtype("bool", "bool", 1, np.bool_, 0, signed=False)

ALL = (float64, float32, bfloat16, float16, int64, int32, int16, int8, uint8, bool_)



def _stored(name: str, kind: Kind, itemsize: int, numpy: Any = None, signed: bool = False) -> dtype:
    made = dtype(name, kind, itemsize, numpy, -1, signed)
    made.stored = True
    return made


uint16, uint32, uint64 = (_stored(f"uint{8 * n}", "integer", n, np.dtype(f"u{n}")) for n in (2, 4, 8))
float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz = (
    _stored(f"float8_{name}", "float", 1, signed=True) for name in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz")
)
float8_e8m0fnu = _stored("float8_e8m0fnu", "float", 1)

STORED = (uint16, uint32, uint64, float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu)
"""Dtypes that are only stored. Floats of eight bits have so many of exponent and fraction; ``fn`` have no infinities, ``uz`` no
negative zero (Micikevicius and others 2022; Noune and others 2022; e8m0: OCP Microscaling Formats 1.0)."""

complex128 = dtype("complex128", "complex", 16, np.complex128, 11)
complex64 = dtype("complex64", "complex", 8, np.complex64, 10)
complex32 = dtype("complex32", "complex", 4, None, 9)

COMPLEX = (complex128, complex64, complex32)
"""Of these there are no values in the engine: a tensor of complex numbers is one of pairs (see ``ops.complex``)."""
REAL_OF = {complex128: float64, complex64: float32, complex32: float16}
COMPLEX_OF = {real: made for made, real in REAL_OF.items()} | {bfloat16: complex64}

BY_NAME = {d.name: d for d in (*ALL, *STORED, *COMPLEX)}
FROM_NUMPY = {d.numpy: d for d in (*ALL, *STORED) if d.numpy is not None}

#: What Python's types stand for where a dtype is asked for.
OF_PYTHON: dict[Any, dtype] = {float: float64, int: int64, bool: bool_, complex: complex128}


def given_dtype(d: Any) -> dtype:
    """The dtype that a dtype or one of Python's types of numbers stands for; ``TypeError`` for anything else."""
    if isinstance(d, dtype):
        return d
    found = OF_PYTHON.get(d) if isinstance(d, type) else None
    if found is None:
        raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(d).__name__}")
    return found


_default: list[dtype] = [float32]


def get_default_dtype() -> dtype:
    """The floating-point dtype of new tensors made from Python floats."""
    return _default[0]


def set_default_dtype(d: dtype) -> None:
    """Set the dtype that Python floats become; only floating-point dtypes are allowed (``TypeError``)."""
    if not isinstance(d, dtype) or d.kind != "float":
        raise TypeError("only floating-point types are supported as the default type")
    _default[0] = d


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both convert to, as PyTorch's table has it."""
    a, b = type1, type2
    if a is b and isinstance(a, dtype):
        return a
    if not (isinstance(a, dtype) and isinstance(b, dtype)):
        raise _no_dtypes("promote_types", type1=a, type2=b)
    if a.stored or b.stored:
        floats = any([d.stored and d.kind == "float" for d in (a, b)])
        if floats or a.category == b.category:
            what = "Float8 Types" if floats else "uint16, uint32, uint64 types"
            raise RuntimeError(
                f"Promotion for {what} is not supported, attempted to promote {TYPE_NAMES[a]} and {TYPE_NAMES[b]}"
            )
    if "complex" in (a.kind, b.kind):
        return promote_types(a.to_real(), b.to_real()).to_complex()
    if a.category != b.category:
        return a if a.category > b.category else b
    if a.kind == "float":
        if {a.name, b.name} == {"float16", "bfloat16"}:
            return float32
        return a if a.rank > b.rank else b
    if {a.name, b.name} == {"uint8", "int8"}:
        return int16
    if a.itemsize != b.itemsize:
        return a if a.itemsize > b.itemsize else b
    return a if a.rank > b.rank else b


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of dtype ``from_`` may be written into a tensor of dtype ``to`` (no step down in category)."""
    try:
        return from_.category <= to.category
    except AttributeError:
        raise _no_dtypes("can_cast", from_=from_, to=to) from None


def _no_dtypes(function: str, **arguments: object) -> TypeError:
    """What PyTorch's parser says of the first argument that is no dtype."""
    name = next(name for name, value in arguments.items() if not isinstance(value, dtype))
    position = list(arguments).index(name) + 1
    given = type(arguments[name]).__name__
    return TypeError(f"{function}(): argument '{name}' (position {position}) must be torch.dtype, not {given}")


def scalar_dtype(kind: str) -> dtype:
    """The dtype that a lone Python number takes: ``"f"`` the default float, ``"i"`` int64, ``"b"`` bool."""
    if kind == "f":
        return _default[0]
    return int64 if kind == "i" else bool_


def result_type(parts: list[tuple[dtype, int]]) -> dtype:
    """PyTorch's promotion over operands given as (dtype, priority).

    Priority 0 is a tensor with dimensions, 1 a zero-dimensional tensor, 2 a Python number. Lower-priority operands
    count only when their category (bool < integer < float) is higher than that of all operands before them.
    """
    result: dtype | None = None
    for priority in (0, 1, 2):
        level: dtype | None = None
        for d, p in parts:
            if p == priority:
                level = d if level is None else promote_types(level, d)
        if level is None:
            continue
        if result is None or level.category > result.category:
            # A Python float beside an integer tensor becomes the default float dtype; it was given as such.
            result = level
    assert result is not None
    return result


TYPE_NAMES = {
    float64: "Double",
    float32: "Float",
    float16: "Half",
    bfloat16: "BFloat16",
    int64: "Long",
    int32: "Int",
    int16: "Short",
    int8: "Char",
    uint8: "Byte",
    bool_: "Bool",
    complex128: "ComplexDouble",
    complex64: "ComplexFloat",
    complex32: "ComplexHalf",
    **{d: d.name.replace("uint", "UInt").replace("float", "Float") for d in STORED},
}

C_NAMES = {
    float64: "double",
    float32: "float",
    float16: "c10::Half",
    bfloat16: "c10::BFloat16",
    int64: "long int",
    int32: "int",
    int16: "short int",
    int8: "signed char",
    uint8: "unsigned char",
    bool_: "bool",
    complex128: "c10::complex<double>",
    complex64: "c10::complex<float>",
    complex32: "c10::complex<c10::Half>",
    **{d: f"{d.name}_t" if d.kind == "integer" else f"c10::{d.name.capitalize()}" for d in STORED},
}
"""What PyTorch's messages call dtypes that must agree."""
