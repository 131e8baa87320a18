"""What symbolic functions of programs are written with: see ``register_custom_op_symbolic``.

They are given numbers as they are, so most of this has little to do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import flambeau

from ._builder import CODES, Value
from ._enumerations import TensorProtoDataType
from .errors import OnnxExporterError, SymbolicValueError

__all__: list[str] = []

_PARSERS: dict[str, Callable[[Any], Any]] = {
    "i": int, "f": float, "b": bool, "s": str, "t": lambda value: value, "is": lambda value: [int(part) for part in value],
    "fs": lambda value: [float(part) for part in value], "none": lambda value: None, "v": lambda value: value,
}  # fmt: skip


def _parse_arg(value: Any, desc: str, arg_name: str | None = None, node_name: str | None = None) -> Any:
    """An argument as what a symbolic function says it wants. ``SymbolicValueError`` if it is no constant but must be."""
    if desc not in _PARSERS:
        raise OnnxExporterError(f"ONNX symbolic does not know to unpack argument of kind '{desc}'")
    if value is None or desc == "v":
        return value
    if isinstance(value, Value):
        raise SymbolicValueError(f"ONNX symbolic expected a constant value of the '{arg_name}' argument", value)
    return _PARSERS[desc](value)


def parse_args(*arg_descriptors: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that says what the arguments behind the graph are.

    Values "v", or constants: "i" and "is", "f" and "fs", "b", "s", "t", "none".
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(g: Any, *args: Any, **kwargs: Any) -> Any:
            if len(args) > len(arg_descriptors):
                raise OnnxExporterError(
                    f"A mismatch between the number of arguments ({len(args)}) and their descriptors ({len(arg_descriptors)}) "
                    f"was found at symbolic function '{function.__name__}'."
                )
            told = enumerate(zip(args, arg_descriptors))
            parsed = [_parse_arg(value, desc, f"number {place}") for place, (value, desc) in told]
            return function(g, *parsed, **kwargs)

        return wrapper

    return decorate


def _maybe_get_const(value: Any, descriptor: str) -> Any:
    return value if isinstance(value, Value) else _parse_arg(value, descriptor)


def _get_const(value: Any, desc: str, arg_name: str) -> Any:
    return _parse_arg(value, desc, arg_name)


def _is_none(x: Any) -> bool:
    return x is None


def _is_value(x: Any) -> bool:
    return isinstance(x, Value)


def _is_constant(value: Any) -> bool:
    return not isinstance(value, Value)


def _get_tensor_rank(x: Value) -> int | None:
    return None if x.shape is None else len(x.shape)


def _get_tensor_sizes(x: Value, allow_nonstatic: bool = True) -> list[int | None] | None:
    if x.shape is None or not allow_nonstatic and None in x.shape:
        return None
    return [*x.shape]


def _get_tensor_dim_size(x: Value, dim: int) -> int | None:
    return None if x.shape is None else x.shape[dim]


def _unimplemented(op: str, msg: str, value: Any = None) -> None:
    _onnx_unsupported(f"{op}, {msg}", value)


def _onnx_unsupported(op_name: str, value: Any = None) -> NoReturn:
    message = f"Unsupported: ONNX export of operator {op_name}."
    if isinstance(value, Value):
        raise SymbolicValueError(message, value)
    raise OnnxExporterError(message)


def _unpack_list(list_value: Any) -> list[Any]:
    return [*list_value]


_NAMES = {
    "Byte": "uint8", "Char": "int8", "Double": "float64", "Float": "float32", "Half": "float16", "Int": "int32", "Long": "int64",
    "Short": "int16", "Bool": "bool", "ComplexFloat": "complex64", "ComplexDouble": "complex128", "BFloat16": "bfloat16",
}  # fmt: skip
cast_pytorch_to_onnx = {name: TensorProtoDataType(CODES[kind]) for name, kind in _NAMES.items()}
scalar_type_to_pytorch_type = [
    getattr(flambeau, name)
    for name in ("uint8 int8 int16 int32 int64 float16 float32 float64 complex32 complex64 complex128 bool").split()
]
scalar_type_to_onnx = [
    TensorProtoDataType(CODES.get(kind.name, 0)) for kind in scalar_type_to_pytorch_type
]  # in the order of ATen's numbers
