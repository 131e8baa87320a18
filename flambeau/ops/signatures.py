"""What PyTorch's parser says of a call that failed: it looks at all arguments before the operation looks at any value.

The parser tries the forms of a function one after the other and takes the first that the arguments' types fit; where none
does, that is a ``TypeError``. Then it unpacks numbers, which may be too big. Nothing of this happens to a call that succeeds.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..core.device import memory_format
from ..core.tensor import Tensor
from ..graph.bounds import LARGEST, SMALLEST
from ..graph.dtypes import OF_PYTHON
from ..graph.dtypes import dtype as DType
from ..graph.placeholder import Hidden
from .signature_table import SIGNATURES

OPTIONS = "dtype? dtype=, any? layout=, any? device=, bool? pin_memory=, bool? requires_grad="
"""Parameters of functions that make tensors."""

TAKE_NUMBERS = frozenset(
    name + suffix
    for name in "add sub mul div subtract multiply divide true_divide floor_divide".split()
    for suffix in ("", "_")
)
"""Functions that take a number for a tensor."""

OTHER_NAMES = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}
"""NumPy's names of parameters."""


class Parameter(NamedTuple):
    kind: str
    #: For sequences of integers: how many one integer stands for; 0 if it stands for none.
    size: int
    name: str
    optional: bool
    none: bool
    keyword: bool


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex, np.number, np.bool_))


def _is_scalar(value: Any) -> bool:
    return is_number(value) or isinstance(value, Tensor) and not value.ndim and not value.requires_grad


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, Tensor) and _is_scalar(value)


def _is_integer(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.dtype.category < 2 and value.numel() == 1
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_index(value: Any) -> bool:
    """Whether a member of a sequence is an integer: tensors of one are."""
    if isinstance(value, Tensor):
        return value.dtype.category < 2 and value.numel() == 1
    return not isinstance(value, (bool, np.bool_)) and hasattr(value, "__index__")


def _starts(value: Any, accepts: Callable[[Any], bool]) -> bool:
    """Whether a value is a sequence with such a first member: the parser looks at no other."""
    return isinstance(value, (tuple, list)) and all(map(accepts, value[:1]))


ACCEPTS: Mapping[str, Callable[[Any], bool]] = {
    "Tensor": lambda value: isinstance(value, Tensor) or hasattr(type(value), "__torch_function__"),
    "Scalar": _is_scalar,
    "float": _is_real,
    "int": _is_integer,
    "bool": lambda value: isinstance(value, (bool, np.bool_)),
    "str": lambda value: isinstance(value, str),
    "dtype": lambda value: isinstance(value, DType) or isinstance(value, type) and value in OF_PYTHON,
    "MemoryFormat": lambda value: isinstance(value, memory_format),
    "int[]": lambda value: _starts(value, _is_index),
    "float[]": lambda value: _starts(value, _is_real),
    "Scalar[]": lambda value: _starts(value, _is_scalar),
    "Tensor[]": lambda value: isinstance(value, (tuple, list)) and all(isinstance(member, Tensor) for member in value),
    "Storage": lambda value: isinstance(value, Tensor) or hasattr(value, "nbytes"),
    "pair": lambda value: _is_integer(value) or _starts(value, _is_index),
    "Tensor?[]": lambda value: isinstance(value, (tuple, list))
    and all(member is None or isinstance(member, Tensor) for member in value),
}  # fmt: skip
"""What is taken for a type; anything for others."""

WORDS = {
    "Scalar": "Number", "int[]": "tuple of ints", "pair": "tuple of ints", "float[]": "tuple of floats",
    "Scalar[]": "tuple of Scalars", "Tensor[]": "tuple of Tensors", "Tensor?[]": "tuple of Tensors", "dtype": "torch.dtype",
}  # fmt: skip
"""What messages call types."""


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    """{function: its forms as written}."""
    found = re.findall(r"\(([^)]*)\)([^(]*)", SIGNATURES)
    return {name: " ".join(forms.split()) for forms, names in found for name in names.split()}


def _parameters(form: str) -> list[Parameter]:
    parameters = []
    keyword = False
    for part in form.replace("options", OPTIONS).split(", ") if form else ():
        if part == "*":
            keyword = True
            continue
        kind, name = part.split()
        none = kind.endswith("?")
        kind = kind.rstrip("?")
        size = re.search(r"\[(\d)\]", kind)
        kind = re.sub(r"\d", "", kind)
        parameters.append(
            Parameter(kind, int(size[1]) if size else 0, name.rstrip("="), name.endswith("="), none, keyword)
        )
    return parameters


@lru_cache(maxsize=512)
def _forms(name: str, method: bool) -> list[list[Parameter]]:
    """The forms of a function, or of a method without the tensor itself; none if it is not one of PyTorch's native ones."""
    table = _table()
    own = [table[n] for n in ("Tensor." + name, "Tensor." + name.rstrip("_")) if method and n in table]
    shared = [table[n] for n in (name, name.rstrip("_")) if n in table]
    if not own and not shared:
        return []
    forms = list(map(_parameters, (own or shared)[0].split(" | ")))
    if own or not method:
        return forms
    found = []
    for form in forms:
        itself = next((place for place, p in enumerate(form) if p.name in ("input", "self")), None)
        if itself is not None:
            found.append(form[:itself] + form[itself + 1 :])
    return found


def signatures(names: tuple[str, ...], method: bool) -> list[list[Parameter]]:
    """The forms that the table has of a function of several names."""
    found: list[list[Parameter]] = []
    for name in names:
        found += [form for form in _forms(name, method) if form not in found]
    return found


_KINDS = {
    "Tensor": "Tensor", "int": "int", "float": "float", "bool": "bool", "str": "str", "Scalar": "Scalar", "Sizes": "int[]",
    "Sequence[int]": "int[]", "Dims": "int[]", "Tensors": "Tensor[]", "Generator": "Generator", "MemoryFormat": "MemoryFormat",
}  # fmt: skip
"""What the parser calls the types that operations are annotated with."""

_KINDS_BY_NAME = {"dtype": "dtype", "memory_format": "MemoryFormat", "device": "Device"}
"""What parameters are that are annotated as anything."""


def derived(function: Callable[..., Any], method: bool, called: Mapping[str, str]) -> list[Parameter] | None:
    """The form of a function that has one, as its annotations say; None if they do not say enough.

    ``called`` has the names under which parameters are known, where these are others.
    """
    form = []
    for place, parameter in enumerate(inspect.signature(function).parameters.values()):
        if method and not place:
            continue
        annotation, *others = str(parameter.annotation).split(" | ")
        kind = _KINDS.get(annotation) or _KINDS_BY_NAME.get(parameter.name)
        if kind == "Tensor" and parameter.kind is parameter.VAR_POSITIONAL:  # tensors one by one
            return None
        if kind is None or others not in ([], ["None"]) or parameter.kind is parameter.VAR_KEYWORD:
            return None
        optional = parameter.default is not parameter.empty
        none = bool(others) or annotation == "Any" or annotation == "Dims" and optional
        size = 1 if annotation == "Dims" else 0
        name = called.get(parameter.name, parameter.name)
        form.append(Parameter(kind, size, name, optional, none, parameter.kind is parameter.KEYWORD_ONLY))
    return form


def _accepts(parameter: Parameter, value: Any, numbers: bool) -> bool:
    if value is None and parameter.none or isinstance(value, Hidden):
        return True
    accepts = ACCEPTS.get(parameter.kind)
    if accepts is None or accepts(value):
        return True
    if parameter.kind == "Tensor":
        return numbers and is_number(value)
    return parameter.size > 0 and _is_integer(value)


def _match(
    form: list[Parameter], arguments: tuple[Any, ...], keywords: dict[str, Any], numbers: bool
) -> list[tuple[Parameter, Any]] | str:
    """The parameters and what is given for them; what is wrong, if something is."""
    given: list[tuple[Parameter, Any]] = []
    left = dict(keywords)
    left.pop("out", None)
    place = 0
    places = [p for p in form if not p.keyword]
    several = len(places) == 1 and places[0].kind == "int[]"
    if len(arguments) > len(places) and not several:
        return f"takes {len(places)} positional arguments but {len(arguments)} were given"
    for parameter in form:
        if not parameter.keyword and place < len(arguments):
            value = arguments[place]
            place += 1
            where = f"argument '{parameter.name}' (position {place})"
            if several and _is_index(value):  # integers one by one
                value = arguments
                place = len(arguments)
        else:
            for name in (parameter.name, *OTHER_NAMES.get(parameter.name, ())):
                if name in left:
                    break
            else:
                if not parameter.optional:
                    return f"is missing argument '{parameter.name}'"
                continue
            value = left.pop(name)
            where = f"argument '{name}'"
        if not _accepts(parameter, value, numbers):
            if parameter.kind == "Tensor[]" and isinstance(value, (tuple, list)):
                member = next(i for i, x in enumerate(value) if not isinstance(x, Tensor))
                kind = type(value[member]).__name__
                return f"expected Tensor as element {member} in argument {len(given)}, but got {kind}"
            return f"{where} must be {WORDS.get(parameter.kind, parameter.kind)}, not {type(value).__name__}"
        given.append((parameter, value))
    if place < len(arguments):
        return f"takes {place} positional arguments but {len(arguments)} were given"
    if left:
        return f"got an unexpected keyword argument '{next(iter(left))}'"
    return given


def _is_too_big(value: Any, largest: int = LARGEST) -> bool:
    return isinstance(value, int) and not SMALLEST <= value <= largest


def _unpacked(name: str, given: list[tuple[Parameter, Any]]) -> Exception | None:
    """What unpacking the arguments raises: the last ones are unpacked first."""
    for parameter, value in reversed(given):
        kind = parameter.kind
        if kind == "pair":
            kind, value = "int[]", value if isinstance(value, (tuple, list)) else (value, value)
        if kind in ("Scalar", "Tensor") and _is_too_big(value, 2 * LARGEST + 1):
            return OverflowError(f"int too big to convert: {name}() was given {parameter.name}={value}")
        if kind == "Scalar[]" and any(_is_too_big(member, 2 * LARGEST + 1) for member in value or ()):
            return OverflowError(f"int too big to convert: {name}() was given {parameter.name}={value}")
        if kind in ("int", "int[]") and _is_too_big(value):
            return ValueError(f"Overflow when unpacking long long: {name}() was given {parameter.name}={value}")
        if kind == "int[]" and isinstance(value, (tuple, list)):
            for place, member in enumerate(value, 1):
                what = f"{name}(): argument '{parameter.name}' failed to unpack the object at pos {place}"
                if _is_too_big(member):
                    return TypeError(f'{what} with error "Overflow when unpacking long long": {member}')
                if not _is_index(member) and not isinstance(member, bool):
                    return TypeError(f'{what} with error "type must be tuple of ints, but got {type(member).__name__}"')
    return None


def refusal(
    title: str, forms: list[list[Parameter]], method: bool, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Exception | None:
    """What the parser raises for a call of a function that has these ``forms``; None if it takes the arguments.

    ``method`` says that the first argument is the tensor whose method is called.
    """
    if method:
        arguments = arguments[1:]
    wrong = []
    for form in forms:
        found = _match(form, arguments, keywords, title in TAKE_NUMBERS)
        if not isinstance(found, str):
            return _unpacked(title, found)
        wrong.append(found)
    if not wrong:
        return None
    if len(wrong) == 1:
        by_kind = {"argument": f"{title}(): ", "expected": ""}
        return TypeError(by_kind.get(wrong[0][:8], f"{title}() ") + wrong[0])
    types = [type(value).__name__ for value in arguments]
    types += [f"{name}={type(value).__name__}" for name, value in keywords.items()]
    reasons = "".join(f"\n * {reason}" for reason in wrong)
    return TypeError(f"{title}() received an invalid combination of arguments - got ({', '.join(types)}):{reasons}")
