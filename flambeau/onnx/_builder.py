"""Making a graph of ONNX: each call of :class:`Builder` appends a node and gives its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import flambeau

from ..core.tensor import Tensor
from ..graph.dtypes import dtype
from . import _package
from .errors import OnnxExporterError, UnsupportedOperatorError

LARGEST = 2**63 - 1
"""The end of a slice that has none."""

CODES = {
    "float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11,
    "complex64": 14, "complex128": 15, "bfloat16": 16,
}  # fmt: skip
"""{dtype: its number in files}."""


def code_of(kind: dtype) -> int:
    """The number that ONNX has for a dtype; ``OnnxExporterError`` if it has none."""
    if kind.name not in CODES:
        raise OnnxExporterError(f"ONNX has no tensors of {kind}")
    return CODES[kind.name]


class Value:
    """A value of the graph: its name, dtype and sizes (None for one that may differ; all None if they are not known).

    ``size`` says that it is a size, or was computed from some: one integer, as a tensor of shape (1,).
    """

    def __init__(self, name: str, kind: dtype, shape: tuple[int | None, ...] | None = None, size: bool = False) -> None:
        self.name, self.dtype, self.shape, self.size = name, kind, shape, size

    @property
    def rank(self) -> int:
        """The number of dimensions, which must be known."""
        assert self.shape is not None
        return len(self.shape)

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype}{'' if self.shape is None else list(self.shape)}"


_TRUTHS = set("Equal Less LessOrEqual Greater GreaterOrEqual Not And Or Xor IsNaN IsInf".split())
_PLACES = set("Shape Size ArgMax ArgMin NonZero".split())


class Builder:
    """A graph that grows. ``builder.Add(x, 1)`` appends a node of the kind ``Add`` and gives its :class:`Value`.

    Inputs are values, numbers (of the dtype of the first value among the inputs), lists of integers (int64), arrays, or None
    for one that is left out; keywords are attributes. With ``outputs`` it gives so many values.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.domains: dict[str, int] = {}
        #: Constants by name: tensors of the module, or arrays.
        self.initializers: dict[str, Tensor | np.ndarray] = {}
        #: What the node that is being translated gives (a :class:`Value` without a name, or several).
        self.result: Any = None
        self.result_used: list[bool] = []
        self.operation = ""
        self._names: set[str] = set()
        self._prefix = "value"
        self._known: dict[Any, Value] = {}

    # --- names -------------------------------------------------------------------------------------------------------

    def begin(self, prefix: str) -> None:
        """Name the values to come after a node of the program."""
        self._prefix = prefix

    def name(self, wanted: str) -> str:
        """A name like ``wanted`` that nothing else in the graph has."""
        name, number = wanted, 0
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    # --- nodes -------------------------------------------------------------------------------------------------------

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        if not kind[0].isupper():
            raise AttributeError(f"'Builder' object has no attribute '{kind}'")
        return lambda *inputs, **attributes: self.node(kind, *inputs, **attributes)

    def node(
        self, kind: str, *inputs: Any, outputs: int = 1, domain: str = "", dtype: dtype | None = None, **attributes: Any
    ) -> Any:
        """Append a node. The result has the dtype of the first input, unless ``dtype`` or the kind says otherwise."""
        first = next((value for value in inputs if isinstance(value, Value)), None)
        given = [self.input(value, first) for value in inputs]
        while given and given[-1] is None:
            given.pop()
        names = [self.name(self._prefix if number == 0 else f"{self._prefix}_{number}") for number in range(outputs)]
        attributes = {key: value for key, value in attributes.items() if value is not None}
        read = ["" if value is None else value.name for value in given]
        own = self.name(f"node_{kind}_{len(self.nodes)}")
        made_node = _package.onnx().helper.make_node(kind, read, names, own, domain=domain or None, **attributes)
        self.nodes.append(made_node)
        if domain:
            self.domains.setdefault(domain, 1)
        if dtype is None:
            dtype = flambeau.bool if kind in _TRUTHS else flambeau.int64 if kind in _PLACES else None
        if dtype is None and kind == "Where":
            dtype = given[1].dtype  # type: ignore[union-attr]
        if dtype is None:
            dtype = next((value.dtype for value in given if value is not None), flambeau.float32)
            dtype = flambeau.float32 if kind == "ConstantOfShape" else dtype
        made = [Value(name, dtype) for name in names]
        return made[0] if outputs == 1 else tuple(made)

    def op(self, opname: str, *raw_args: Any, outputs: int = 1, **kwargs: Any) -> Any:
        """Append a node as symbolic functions of programs do: ``g.op("Domain::Kind", x, alpha_f=1.0)``."""
        domain, _, kind = opname.rpartition("::")
        attributes = {}
        for name, value in kwargs.items():
            key, _, suffix = name.rpartition("_")
            if suffix not in ("f", "i", "s", "t") or not key:
                raise ValueError(
                    f"Invalid attribute specifier '{name}' names must be suffixed with type, e.g. 'dim_i' or 'dims_i'"
                )
            attributes[key] = self.tensor_of(value) if suffix == "t" else value
        if domain in ("onnx", "aten", "prim"):
            domain = ""
        return self.node(kind, *raw_args, outputs=outputs, domain=domain, **attributes)

    def tensor_of(self, value: Any) -> Any:
        """A tensor, an array or a number as an attribute of a node."""
        array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype == np.float64 and not isinstance(value, (Tensor, np.ndarray)):
            array = array.astype(np.float32)
        return _package.onnx().numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape))

    # --- constants ---------------------------------------------------------------------------------------------------

    def input(self, value: Any, like: Value | None) -> Value | None:
        """What a node is given as a value of the graph."""
        if value is None or isinstance(value, Value):
            return value
        if isinstance(value, (bool, int, float)):
            return self.number(value, flambeau.float32 if like is None else like.dtype)
        if isinstance(value, (list, tuple)):
            return self.sizes(value)
        return self.constant(value)

    def constant(self, value: Any, wanted: str = "") -> Value:
        """A tensor or an array as a value; small arrays that are the same are one value."""
        if isinstance(value, Tensor):
            name = self.name(wanted or "constant")
            self.initializers[name] = value
            return Value(name, value.dtype, tuple(value.shape))
        array = np.asarray(value)
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= 16 else None
        if key not in self._known or key is None:
            name = self.name(wanted or "constant")
            self.initializers[name] = array
            made = Value(name, getattr(flambeau, array.dtype.name), array.shape)
            if key is None:
                return made
            self._known[key] = made
        return self._known[key]

    def number(self, value: Any, kind: dtype) -> Value:
        """A number as a tensor without dimensions."""
        if kind is flambeau.bfloat16:
            key = ("bfloat16", value)
            if key not in self._known:
                self._known[key] = self.constant(flambeau.tensor(value, dtype=kind))
            return self._known[key]
        return self.constant(np.array(value).astype(kind.numpy))

    def sizes(self, values: Sequence[Any]) -> Value:
        """Integers and sizes as one tensor of int64."""
        if not any(isinstance(value, Value) for value in values):
            return self.constant(np.array([int(value) for value in values], np.int64))
        parts: list[Any] = []
        for value in values:
            if isinstance(value, Value):
                parts.append(value if value.size else self.Reshape(self.cast(value, flambeau.int64), [1]))
            elif parts and isinstance(parts[-1], list):
                parts[-1].append(int(value))
            else:
                parts.append([int(value)])
        return self.joined([self.sizes(part) if isinstance(part, list) else part for part in parts], 0)

    # --- what many translations need ---------------------------------------------------------------------------------

    def cast(self, value: Any, kind: dtype) -> Value:
        """A value, or a number, as one of a dtype."""
        if not isinstance(value, Value):
            return self.number(value, kind)
        if value.dtype is kind:
            return value
        made: Value = self.Cast(value, to=code_of(kind), dtype=kind)
        made.shape, made.size = value.shape, value.size
        return made

    def scalar(self, value: Any, kind: dtype | None = None) -> Value:
        """A number, or a size, as a tensor without dimensions."""
        if not isinstance(value, Value):
            return self.number(value, kind or flambeau.int64)
        made: Value = self.Reshape(value, self.constant(np.zeros(0, np.int64))) if value.size else value
        return made if kind is None else self.cast(made, kind)

    def operand(self, value: Any, kind: dtype) -> Value:
        """An operand of an operation of each element: of a dtype, and without dimensions if it is a size."""
        return self.cast(self.scalar(value, kind) if not isinstance(value, Value) or value.size else value, kind)

    def shape_of(self, value: Value) -> Value:
        """The sizes of a value."""
        if value.shape is not None and None not in value.shape:
            return self.sizes(value.shape)
        return self.Shape(value)  # type: ignore[no-any-return]

    def size_of(self, value: Value, axis: int) -> Any:
        """The size of a value along an axis: an integer if it is always the same."""
        if value.shape is not None and (extent := value.shape[axis]) is not None:
            return extent
        axis = axis % value.rank
        if self.opset < 15:
            found = self.Slice(self.Shape(value), [axis], [axis + 1], [0])
        else:
            found = self.Shape(value, start=axis, end=axis + 1)
        found.size = True
        return found

    def joined(self, values: Sequence[Value], axis: int) -> Value:
        """Values one behind the other."""
        return values[0] if len(values) == 1 else self.Concat(*values, axis=axis)

    def reduce(self, kind: str, value: Value, axes: Sequence[int] | None, keepdim: bool) -> Value:
        """``ReduceSum`` and so on. Up to version 17 axes are an attribute, but of ``ReduceSum``."""
        keep = int(keepdim)
        if axes is None or kind == "ReduceSum" or self.opset >= 18:
            return self.node(kind, value, axes if axes is None else self.sizes(axes), keepdims=keep)  # type: ignore[no-any-return]
        return self.node(kind, value, keepdims=keep, axes=[*axes])  # type: ignore[no-any-return]

    def slice(self, value: Value, start: Any, end: Any, axis: int, step: int = 1) -> Value:
        """What lies between two places along an axis."""
        made: Value = self.Slice(
            value, self.sizes([start]), self.sizes([end]), self.sizes([axis % max(value.rank, 1)]), self.sizes([step])
        )
        if value.shape is not None:
            made.shape = tuple([None if place == axis % value.rank else size for place, size in enumerate(value.shape)])
        return made

    def where(self, condition: Value, value: Any, other: Any, kind: dtype) -> Value:
        """A choice between two operands."""
        return self.Where(condition, self.operand(value, kind), self.operand(other, kind), dtype=kind)  # type: ignore[no-any-return]

    def expand(self, value: Value, sizes: Any) -> Value:
        """A value broadcast to sizes."""
        return self.Expand(value, sizes)  # type: ignore[no-any-return]

    def needs(self, opset: int) -> None:
        """``UnsupportedOperatorError`` if the operation that is being translated needs a later version."""
        if self.opset < opset:
            raise UnsupportedOperatorError(self.operation, self.opset, opset)

    def unsupported(self, why: str) -> UnsupportedOperatorError:
        """The error for an operation that cannot be written with the arguments that it has."""
        return UnsupportedOperatorError(self.operation, self.opset, None, f": {why}")
