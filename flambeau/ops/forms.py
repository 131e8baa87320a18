"""The further forms in which PyTorch lets operations be called.

An operation is written in its plain form. What PyTorch takes besides stands here: ``out=``, other names of
parameters (NumPy's ``axis`` and ``keepdims``, those of overloads), Python's types for dtypes, and the overloads of old that
have numbers first. ``ops.arguments`` exports operations in all of them; a call in the plain form goes straight on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from inspect import CO_VARARGS
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import OF_PYTHON
from ..graph.notices import warn
from .apart import write_apart
from .operation import write_out

TAKES_OUT = frozenset(
    """
    addbmm addmv addr all amax amin aminmax any arange arctan2 argmax argmin argsort as_strided_copy atan2 baddbmm
    bernoulli chain_matmul clamp_max clamp_min conj_physical copysign cummax cummin cumprod cumsum deg2rad diff
    empty eye float_power fmax fmin frac frexp frobenius_norm full gather ger hardshrink heaviside histogram hypot
    index_add index_copy index_reduce index_select isin kthvalue linspace log1p logaddexp logcumsumexp logit
    logspace logsumexp lu lu_factor lu_solve lu_unpack masked_select max mean median min mode msort multinomial
    nan_to_num nanmean nanmedian nansum narrow_copy nextafter nonzero_static normal nuclear_norm ones outer
    polygamma prod qr rad2deg rand randint randn randperm range renorm scatter scatter_add scatter_reduce signbit
    slice_scatter slogdet sort square std sum svd take take_along_dim threshold topk triangular_solve true_divide
    var xlogy zeros
    """.split()
)
"""Functions whose result can be put into a tensor given as ``out=`` (into several, where there are several results)."""

APART = {"gather", "index_select", "kthvalue", "take"}
"""Functions that refuse to write into the memory that they read."""

NUMBERS_FIRST = {
    "add": ("alpha",), "sub": ("alpha",), "addcmul": ("value",), "addcdiv": ("value",),
    "addmm": ("beta", "alpha"), "addmv": ("beta", "alpha"), "addr": ("beta", "alpha"),
    "addbmm": ("beta", "alpha"), "baddbmm": ("beta", "alpha"),
}  # fmt: skip
"""The parameters that overloads of old take by position, before the tensors that they scale."""

OTHER_NAMES: dict[str, dict[str, str]] = {
    "bucketize": {"self": "input"},
    "cholesky_inverse": {"input": "L"},
    "cholesky_solve": {"input": "B", "input2": "L"},
    "copy_": {"other": "src"},
    "det": {"input": "A"},
    "dsplit": {"indices": "indices_or_sections", "sections": "indices_or_sections"},
    "hsplit": {"indices": "indices_or_sections", "sections": "indices_or_sections"},
    "inverse": {"input": "A"},
    "isin": {"element": "elements", "test_element": "test_elements"},
    "lu_solve": {"input": "b"},
    "map_": {"other": "tensor"},
    "max": {"other": "dim"},
    "min": {"other": "dim"},
    "matrix_exp": {"A": "input"},
    "matrix_power": {"A": "input"},
    "pinverse": {"input": "A"},
    "record_stream": {"s": "stream"},
    "resize_as_": {"input": "self", "the_template": "other"},
    "scalar_tensor": {"s": "value"},
    "searchsorted": {"self": "input"},
    "slogdet": {"input": "A"},
    "split": {"input": "tensor", "split_size": "split_size_or_sections", "split_sizes": "split_size_or_sections"},
    "transpose": {"axis0": "dim0", "axis1": "dim1"},
    "transpose_": {"axis0": "dim0", "axis1": "dim1"},
    "split_with_sizes": {"split_sizes": "split_size_or_sections"},
    "tensor_split": {
        "indices": "indices_or_sections", "sections": "indices_or_sections", "tensor_indices_or_sections": "indices_or_sections",
    },
    "triangular_solve": {"input": "b"},
    "unsafe_split": {"input": "tensor", "split_sizes": "split_size"},
    "vdot": {"other": "tensor"},
    "vsplit": {"indices": "indices_or_sections", "sections": "indices_or_sections"},
}  # fmt: skip
"""Names that overloads and older versions have for parameters: {operation: {name: parameter here}}."""

SEQUENCES = {"size", "shape", "dims", "repeats"}
"""What operations take by position one by one or as one sequence, and by keyword under this name."""

INERT = {"layout", "pin_memory"}
"""What functions that make tensors on a device take, of which there is one kind here."""

EVERYWHERE = {"axis": "dim", "keepdims": "keepdim"}
"""NumPy's names of parameters, which all operations take."""


class Forms:
    """The further forms of one operation: what tells that a call is in one, and what it is in the plain form."""

    def __init__(self, name: str, aliases: Iterable[str], plain: Callable[..., Any], takes_out: bool) -> None:
        code = _innermost(plain).__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        sequence = code.co_varnames[len(parameters)] if code.co_flags & CO_VARARGS else None
        self.name = name
        self.aliases = tuple(aliases)
        self.plain = plain
        self.sequence = sequence if sequence in SEQUENCES else None
        self.least = code.co_argcount
        self.numbers = next((NUMBERS_FIRST[n] for n in (a.rstrip("_") for a in aliases) if n in NUMBERS_FIRST), ())
        #: How many positional arguments the plain form has, if there is another one with more.
        self.most = parameters.index(self.numbers[0]) if self.numbers else 1 << 30
        self.inert = INERT.difference(parameters) if {"device", "dtype"}.issubset(parameters) else set()
        names = {**EVERYWHERE, **{other: own for alias in aliases for other, own in OTHER_NAMES.get(alias, {}).items()}}
        self.names = {other: own for other, own in names.items() if own in parameters and other not in parameters}
        self.typed = "dtype" in parameters
        positional = parameters[: code.co_argcount]
        #: How many positional arguments come before a dtype, if that may be given by position.
        self.before_dtype = positional.index("dtype") if "dtype" in positional else 1 << 30
        self.takes_out = takes_out and "out" not in parameters
        names_out = self.takes_out or "dim" in parameters and "out" not in parameters  # NumPy's functions give None
        self.apart = not APART.isdisjoint(aliases)
        #: The keywords that tell a further form from the plain one. (What is given as dtype may be one of Python's types.)
        self.keywords = frozenset(self.names) | self.inert
        if names_out:
            self.keywords |= {"out"}
        if self.typed:
            self.keywords |= {"dtype"}
        if self.sequence is not None:
            self.keywords |= {self.sequence}

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The result of a call in a further form."""
        keywords = dict(keywords)
        out = keywords.pop("out", None) if "out" in self.keywords else None
        if out is not None and not self.takes_out:
            raise TypeError(f"{self.name}() got an unexpected keyword argument 'out'")
        if "dtype" in keywords:
            keywords["dtype"] = OF_PYTHON.get(keywords["dtype"], keywords["dtype"])
        if len(arguments) > (place := self.before_dtype):
            arguments = (*arguments[:place], OF_PYTHON.get(arguments[place], arguments[place]), *arguments[place + 1 :])
        if self.sequence in keywords:
            if len(arguments) > self.least:
                raise TypeError(f"{self.name}() got multiple values for argument '{self.sequence}'")
            arguments = (*arguments, keywords.pop(self.sequence))
        for other in self.inert.intersection(keywords):
            del keywords[other]
        for other in self.names.keys() & keywords.keys():
            own = self.names[other]
            if own in keywords:
                raise TypeError(f"{self.name}() got multiple values for argument '{own}'")
            keywords[own] = keywords.pop(other)
        if len(arguments) > self.most:
            arguments = self._numbers_behind(arguments, keywords)
        if out is None:
            return self.plain(*arguments, **keywords)
        if self.typed and isinstance(out, Tensor):
            if (keywords.get("dtype") or out.dtype) is not out.dtype:
                raise RuntimeError(
                    f"Expected out tensor to have dtype {keywords['dtype']}, but got {out.dtype} instead"
                )
            keywords["dtype"] = out.dtype
        read = [x for x in (*arguments, *keywords.values()) if isinstance(x, Tensor)] if self.apart else []
        return put_out(self.name, out, self.plain(*arguments, **keywords), read)

    def _numbers_behind(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        """The tensors of a call of an old overload; its numbers become keywords."""
        given = [a for a in arguments if not isinstance(a, Tensor)]
        if not 0 < len(given) <= len(self.numbers) or not isinstance(arguments[-1], Tensor):
            return arguments
        warn(
            f"This overload of {self.name} is deprecated: give {' and '.join(self.numbers)} by keyword, behind the tensors."
        )
        keywords.update(zip(self.numbers, given))
        return tuple([a for a in arguments if isinstance(a, Tensor)])


def _innermost(function: Callable[..., Any]) -> Any:
    """The function behind wrappers, which has the parameters."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def put_out(name: str, out: Any, result: Any, apart: Sequence[Tensor] = ()) -> Any:
    """Results put into what was given as ``out=``. ``TypeError`` if that is not as many tensors as there are results,
    ``RuntimeError`` if it overlaps what it must lie apart from.
    """
    several = not isinstance(result, Tensor)
    places, parts = (out, result) if several else ((out,), (result,))
    if (
        not isinstance(places, (tuple, list))
        or len(places) != len(parts)
        or not all(isinstance(o, Tensor) for o in places)
    ):
        wanted = f"tuple of {len(parts)} Tensors" if several else "Tensor"
        raise TypeError(f"{name}(): argument 'out' must be {wanted}, not {type(out).__name__}")
    written = [write_apart(o, r, *apart) if apart else write_out(o, r) for o, r in zip(places, parts)]
    return type(result)(written) if several else written[0]
