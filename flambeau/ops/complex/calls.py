"""How calls with complex numbers are found, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES, complex64, dtype
from ...graph.notices import warn_once
from ..assignment import write_results
from ..calls import innermost
from .tensor import TABLE, ComplexTensor, modes, pair_of

_F = TypeVar("_F", bound=Callable[..., Any])

OF_NESTED = {"tensor", "as_tensor", "asarray", "new_tensor", "scalar_tensor"}
"""Operations that are given nested sequences of numbers."""

LATER = {
    name: module
    for module, names in {
        "frames": "stft istft",
        "least_squares": "linalg_lstsq linalg_matrix_rank linalg_pinv pinverse svd_lowrank pca_lowrank",
        "packed_factors": "geqrf orgqr ormqr linalg_householder_product linalg_ldl_factor linalg_ldl_factor_ex linalg_ldl_solve",
    }.items()
    for name in names.split()
}
"""Operations that few programs call on complex numbers: {name: the module that is loaded for it}."""

COMPOSED = {"triplet_margin_loss", "triplet_margin_with_distance_loss"}
"""Functions that are written in exported operations alone, and so are the same for complex numbers."""


def complex_operation(*names: str) -> Callable[[_F], _F]:
    """Decorator: what the operations of these names (the function's own, if there are none) do with complex numbers."""

    def register(function: _F) -> _F:
        for name in names or (function.__name__,):
            TABLE[name] = function
        return function

    return register


def is_complex_value(value: Any, depth: int = 0) -> bool:
    """Whether an argument makes a call one of complex numbers."""
    kind = type(value)
    if kind is Tensor or kind is float or kind is int or value is None or kind is bool or kind is str:
        return False
    if kind is ComplexTensor or kind is complex or value is complex:
        return True
    if kind is list or kind is tuple:
        return depth < 64 and any([is_complex_value(member, depth + 1) for member in value])
    if kind is dtype:
        return value.kind == "complex"
    return isinstance(value, (complex, np.complexfloating)) or isinstance(value, np.ndarray) and value.dtype.kind == "c"


def complex_call(name: str, call: Callable[..., Any] | None, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The result of the operation ``name`` if it is given complex numbers, or a dtype of these; else ``NotImplemented``."""
    if not any(map(is_complex_value, arguments)) and not (keywords and any(map(is_complex_value, keywords.values()))):
        return NotImplemented
    out = keywords.pop("out", None) if "out" in keywords and name not in TABLE else keywords.get("out")
    if out is not None:
        keywords = {key: value for key, value in keywords.items() if key != "out"}
    if name in COMPOSED or "::" in name:  # the operation under a full name is seen when that calls it
        return NotImplemented
    if call is not None and isinstance(out, Tensor) and not any(map(is_complex_value, (*arguments, *keywords.values()))):
        exported = getattr(call, "__checked__", None)  # real numbers, of which the result is to be complex
        if exported is None or not exported.forms.typed:
            return _written(name, call, out, call(*arguments, **keywords))
        keywords["dtype"] = out.dtype
    function = _known(name)
    if keywords and function is not None:
        arguments, keywords = _as_declared(call, function, arguments, keywords)
    if arguments and isinstance(arguments[0], complex) and name not in OF_NESTED:
        if not any([isinstance(value, Tensor) for value in arguments]):  # a number where a tensor is to be
            return NotImplemented
    if function is not None:
        changes = bool(keywords.pop("inplace", False)) if "inplace" in keywords and "inplace" not in _taken(function) else False
        try:
            result = function(*arguments, **keywords)
        except AttributeError as error:
            if error.name in ("_pair", "_conjugated"):  # something else stands where a complex tensor is to be
                return NotImplemented
            raise
        if changes:
            return assigned(arguments[0], result)
        return result if out is None else _written(name, call, out, result)
    if name.endswith("_") and not name.startswith("_") and (function := _known(name[:-1])) is not None:
        return assigned(arguments[0], function(*arguments, **keywords))
    if name.endswith("_copy") and (function := TABLE.get(name[:-5])) is not None:
        result = function(*arguments, **keywords)
        result = tuple([part.clone() for part in result]) if isinstance(result, tuple) else result.clone()
        return result if out is None else _written(name, call, out, result)
    kinds = [value.dtype for value in (*arguments, *keywords.values()) if isinstance(value, ComplexTensor)]
    raise NotImplementedError(f"\"{name}\" not implemented for '{TYPE_NAMES[kinds[0] if kinds else complex64]}'")


modes.append(complex_call)


def _known(name: str) -> Callable[..., Any] | None:
    """What an operation does with complex numbers, if anything."""
    function = TABLE.get(name)
    if function is None and name in LATER:
        import_module(f".{LATER[name]}", __package__)
        function = TABLE[name]
    return function


def _taken(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's parameters."""
    code = innermost(function).__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]  # type: ignore[no-any-return]


def _as_declared(
    call: Callable[..., Any] | None, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call with the parameters' own names in the place of others (NumPy's, those of overloads), and sizes by position."""
    exported = getattr(call, "__checked__", None)
    if exported is None:
        return arguments, keywords
    forms = exported.forms
    taken = _taken(function)
    if forms.sequence in keywords and forms.sequence not in taken and len(arguments) <= 1:
        keywords = dict(keywords)
        arguments = (*arguments, keywords.pop(forms.sequence))
    return arguments, {key if key in taken else forms.names.get(key, key): value for key, value in keywords.items()}


def assigned(x: Tensor, value: Any) -> Tensor:
    """``x`` with new numbers in place. ``RuntimeError`` for complex ones where it is real."""
    if isinstance(x, ComplexTensor):
        pair = pair_of(value, x._pair)
        if x._conjugated:
            pair = pair_of(ComplexTensor.of(pair, True), x._pair)
        x._pair.copy_(pair)
        return x
    if isinstance(value, ComplexTensor):
        raise RuntimeError(
            f"result type {TYPE_NAMES[value.dtype]} can't be cast to the desired output type {TYPE_NAMES[x.dtype]}"
        )
    return x.copy_(value)


def _written(name: str, call: Callable[..., Any] | None, out: Any, result: Any) -> Any:
    """A result, put into what was given as ``out=``, if the operation is declared to take that."""
    exported = getattr(call, "__checked__", None)
    if exported is not None and "out" not in exported.__signature__.parameters:
        raise TypeError(f"{name}() got an unexpected keyword argument 'out'")
    return write_results(name, out, result, "" if exported is None else exported.forms.out)


def discarding(x: ComplexTensor) -> Tensor:
    """The real parts, with PyTorch's warning that the others are lost."""
    warn_once("Casting complex values to real discards the imaginary part")
    return x.real
