"""Schemas of operations: what arguments they take and what they give, as text and from a function's annotations."""

from __future__ import annotations

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Number
from typing import Any, Union

import flambeau
from flambeau import Tensor

NOTHING = inspect.Parameter.empty

TYPES: dict[Any, str] = {
    Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", flambeau.dtype: "ScalarType",
    flambeau.device: "Device", Number: "Scalar", int | float | bool: "Scalar",
}  # fmt: skip
"""What annotations are called in a schema."""

RESULTS: dict[Any, str] = {Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", Number: "Scalar"}
"""The same for what an operation gives."""


@dataclass(frozen=True)
class Argument:
    """An argument of an operation."""

    name: str
    type: str
    default_value: Any = NOTHING
    kwarg_only: bool = False
    is_write: bool = False

    def has_default_value(self) -> bool:
        """Whether it may be left out."""
        return self.default_value is not NOTHING

    def accepts(self, value: Any) -> bool:
        """Whether a value is of the argument's type."""
        return _accepts(self.type, value)

    def __str__(self) -> str:
        return f"{self.type} {self.name}" + ("" if self.default_value is NOTHING else f"={_written(self.default_value)}")


@dataclass(frozen=True)
class FunctionSchema:
    """What an operation takes and gives."""

    name: str
    overload_name: str
    arguments: tuple[Argument, ...]
    returns: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """``namespace::name.overload``, or ``namespace::name`` if it is the only or first form."""
        return f"{self.name}.{self.overload_name}" if self.overload_name else self.name

    def __str__(self) -> str:
        texts = [str(argument) for argument in self.arguments]
        first = next((place for place, argument in enumerate(self.arguments) if argument.kwarg_only), None)
        if first is not None:
            texts.insert(first, "*")
        results = self.returns[0] if len(self.returns) == 1 else f"({', '.join(self.returns)})"
        return f"{self.full_name}({', '.join(texts)}) -> {results}"

    def bind(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
        """The values of all arguments in order; ``RuntimeError`` if what was given does not fit."""
        positional = [argument for argument in self.arguments if not argument.kwarg_only]
        if len(arguments) > len(positional):
            raise RuntimeError(
                f"{self.name}() expected at most {len(positional)} argument(s) but received {len(arguments)} argument(s). "
                f"Declaration: {self}"
            )
        given = {argument.name: value for argument, value in zip(positional, arguments)}
        values = []
        for place, argument in enumerate(self.arguments):
            if argument.name in given:
                value = given[argument.name]
            elif argument.name in options:
                value = options[argument.name]
            elif argument.has_default_value():
                value = argument.default_value
            else:
                raise RuntimeError(f"{self.name}() is missing value for argument '{argument.name}'. Declaration: {self}")
            if not argument.accepts(value):
                raise RuntimeError(
                    f"{self.name}() Expected a value of type '{argument.type}' for argument '{argument.name}' but instead "
                    f"found type '{type(value).__name__}'.\nPosition: {place}\nValue: {value!r}\nDeclaration: {self}"
                )
            values.append(value)
        for name in options:
            if name in given or all(argument.name != name for argument in self.arguments):
                raise RuntimeError(f"Unknown keyword argument '{name}' for operator '{self.name}'. Schema: {self}")
        return values


def _written(value: Any) -> str:
    """A default as schemas write it."""
    return f'"{value}"' if isinstance(value, str) else str(value)


def _accepts(kind: str, value: Any) -> bool:
    if kind.endswith("?"):
        return value is None or _accepts(kind[:-1], value)
    if kind.endswith("]"):
        element = kind[: kind.index("[")]
        return isinstance(value, (list, tuple)) and all(_accepts(element, item) for item in value)
    kind = re.sub(r"\(.*\)", "", kind).rstrip("!")
    numbers = (int, float, complex)
    known: dict[str, Any] = {
        "Tensor": Tensor, "int": int, "SymInt": int, "bool": bool, "str": str, "Scalar": numbers, "float": numbers,
        "ScalarType": flambeau.dtype, "Device": (flambeau.device, str),
    }  # fmt: skip
    return isinstance(value, known.get(kind, object))


def parse_schema(text: str) -> FunctionSchema:
    """The schema written as ``name.overload(Tensor x, int k=3, *, float[] w=[]) -> Tensor``; ``RuntimeError`` if it is none."""
    match = re.fullmatch(r"\s*([\w:]+)(?:\.(\w+))?\s*\((.*)\)\s*->\s*(.*?)\s*", text, re.DOTALL)
    if match is None:
        raise RuntimeError(f"no schema of an operation: {text!r}, which should be like 'name(Tensor x, int k=3) -> Tensor'")
    name, overload, inside, results = match.groups()
    arguments, keyword = [], False
    for part in re.split(r",\s*(?![^\[(]*[\])])", inside.strip()) if inside.strip() else []:
        if part == "*":
            keyword = True
            continue
        found = re.fullmatch(r"([\w\[\]]+(?:\([^)]*\))?[\w\[\]?!]*)\s+(\w+)(?:\s*=\s*(.*))?", part.strip())
        if found is None:
            raise RuntimeError(f"no argument of an operation: {part!r} in {text!r}")
        default = NOTHING if found[3] is None else _read(found[3])
        arguments.append(Argument(found[2], found[1], default, keyword, "!" in found[1]))
    inner = results[1:-1] if results.startswith("(") else results
    returns = [part.strip() for part in inner.split(",") if part.strip()]
    return FunctionSchema(name, overload or "", tuple(arguments), tuple(returns))


def _read(text: str) -> Any:
    """A default that a schema writes."""
    words = {"None": None, "True": True, "False": False}
    if text in words:
        return words[text]
    if text.startswith("["):
        return [_read(part.strip()) for part in text[1:-1].split(",") if part.strip()]
    if text[:1] in "\"'":
        return text[1:-1]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def infer_schema(
    prototype_function: Callable[..., Any], /, *, mutates_args: str | Iterable[str], op_name: str | None = None, tags: Any = ()
) -> str:
    """The schema that a function's annotations say, as text; ``ValueError`` for what none can say.

    ``mutates_args`` names the arguments that it writes to; ``"unknown"`` means that it may be any of them.
    """
    signature = inspect.signature(prototype_function)

    def error(what: str) -> ValueError:
        return ValueError(f"infer_schema(func): {what} Got func with signature {signature})")

    hints = typing.get_type_hints(prototype_function)
    written, parts, keyword = [], [], False
    for number, (name, parameter) in enumerate(signature.parameters.items()):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise error("We do not support positional-only args, varargs, or varkwargs.")
        if parameter.kind == parameter.KEYWORD_ONLY and not keyword:
            keyword = True
            parts.append("*")
        if name not in hints:
            raise error(f"Parameter {name} must have a type annotation.")
        kind = _schema_type(hints[name], TYPES)
        if kind is None:
            raise error(f"Parameter {name} has unsupported type {hints[name]}.")
        if mutates_args == "unknown" or name in mutates_args:
            if not kind.startswith("Tensor"):
                if mutates_args != "unknown":
                    raise error(f"Parameter {name} is in mutable_args but only Tensors or collections of Tensors can be mutated")
            else:
                kind = kind.replace("Tensor", f"Tensor(a{number}!)", 1)
                written.append(name)
        parts.append(str(Argument(name, kind, parameter.default)))
    if mutates_args != "unknown" and set(mutates_args) - set(written):
        raise error(f"{sorted(set(mutates_args) - set(written))} in mutates_args were not found in the custom op's signature.")
    result = hints.get("return", NOTHING)
    if result is NOTHING:
        raise error("No return type annotation was provided. Please add one.")
    several = result.__args__ if typing.get_origin(result) is tuple else (result,)
    kinds = [] if result in (None, type(None)) else [_schema_type(one, RESULTS) for one in several]
    if None in kinds:
        raise error(f"Return has unsupported type {result}.")
    results = kinds[0] if len(kinds) == 1 else f"({', '.join(str(kind) for kind in kinds)})"
    return f"{op_name or ''}({', '.join(parts)}) -> {results}"


def _schema_type(annotation: Any, known: dict[Any, str]) -> str | None:
    """What an annotation is called, or None."""
    if annotation in known:
        return known[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable) and len(inner) == 1:
        element = _schema_type(inner[0], known)
        return None if element is None else f"{element}[]"
    if origin in (Union, types.UnionType) and type(None) in inner:
        rest = [one for one in inner if one is not type(None)]
        element = _schema_type(rest[0] if len(rest) == 1 else Union[tuple(rest)], known)  # noqa: UP007
        return None if element is None else f"{element}?"
    return None
