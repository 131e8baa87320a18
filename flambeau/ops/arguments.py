"""Arguments as PyTorch's parser takes them: what an operation's annotations say is checked where it is called from outside.

The package exports its operations behind :func:`checked`; inside, they call each other directly. What programs call at
every step (:data:`QUICK`) costs little more for that: most wrong arguments fail somewhere in the operation, and only then
their types are looked at, to raise what PyTorch's parser would have raised before anything else; flags alone are looked at
each time, since everything is true or false. All arguments of other operations are checked first.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial, update_wrapper
from itertools import repeat
from types import FunctionType
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph.bounds import LARGEST, SMALLEST
from ..graph.placeholder import Hidden
from ..graph.shapes import wrap_dims
from .calls import ACTIVE, KINDS, Forms, Specializing, are_common, each, innermost, type_of, under_modes  # noqa: F401
from .dispatch import FURTHER
from .operation import DECLARED, PLAIN
from .signatures import Parameter, derived, refusal, signatures

MANY = 200
"""After how many calls a wrapper is worth a signature of its own."""

_OPERATIONS = tuple("flambeau." + part for part in ("ops.", "nn.functional.", "linalg.", "special"))

_INTERNAL = (AttributeError, KeyError, UnboundLocalError)
"""What happens inside an operation that was given what it does not know."""

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, os.path.dirname(np.__file__) + os.sep
"""Where the code of the package is, and of what it calls."""


def _is_internal(error: Exception) -> bool:
    """Whether an error comes from an operation itself, and not from a function of the user's that it called."""
    trace = error.__traceback__
    if not isinstance(error, _INTERNAL) or trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename.startswith(_OWN)


class Parameters:
    """The parameters of a function, and what annotations say of each: (name, kind, may be None)."""

    def __init__(self, function: Callable[..., Any], method: bool) -> None:
        self.first = 0 if method else 1
        function = innermost(function)
        code = function.__code__
        count = code.co_argcount + code.co_kwonlyargcount
        self.names = code.co_varnames[:count]
        self.positional = self.names[: code.co_argcount]
        notes = function.__annotations__
        defaults = dict(zip(reversed(self.positional), reversed(function.__defaults__ or ())))
        defaults |= function.__kwdefaults__ or {}
        self.kinds: dict[str, tuple[str, bool]] = {}
        for name in self.names:
            kind, *others = str(notes.get(name, "Any")).split(" | ")
            if kind == "Any":
                kind, others = _BY_NAME.get(name, kind), ["None"]
            if kind in _KINDS and "Tensor" not in others and name not in _LOOSE:
                self.kinds[name] = kind, "None" in others or defaults.get(name, ...) is None
        #: The types of values that are right in each position, whatever else is; None if there is nothing to be said of it.
        self.plain = [_plain_types(*self.kinds.get(name, ("", True))) for name in self.positional]

    def bound(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Iterator[tuple[str, int | None, Any]]:
        """(name, position or None, value) of each argument; further positional ones have the last name."""
        for place, value in enumerate(arguments):
            yield self.positional[place] if place < len(self.positional) else "*", place + self.first, value
        for name, value in keywords.items():
            yield name, None, value


def _plain_types(kind: str, optional: bool) -> frozenset[type] | None:
    """The types of which every value is taken for a parameter of this kind (integers within 64 bits); None if all are."""
    if not kind:
        return None
    return frozenset((*_PLAIN.get(kind, ()), *((type(None),) if optional else ())))


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, np.integer)) or isinstance(value, Tensor) and value.dtype.category < 2


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) or isinstance(value, Tensor) and not value.ndim


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(map(_is_integer, value))


def _are_integers(value: Any) -> bool:
    return _is_sequence(value) or isinstance(value, str) or _is_integer(value) and not isinstance(value, Tensor)


def _are_tensors(value: Any) -> bool:
    """As PyTorch's parser looks at them: at the first of a sequence."""
    return isinstance(value, Tensor) or isinstance(value, (tuple, list)) and all(isinstance(t, Tensor) for t in value[:1])


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "Tensor": (lambda value: isinstance(value, Tensor), "Tensor"),
    "bool": (lambda value: isinstance(value, (bool, np.bool_)), "bool"),
    "int": (_is_integer, "int"),
    "float": (_is_number, "float"),
    "str": (lambda value: isinstance(value, str), "str"),
    "Sizes": (_is_sequence, "tuple of ints"),
    "Sequence[int]": (_is_sequence, "tuple of ints"),
    "integers": (_are_integers, "tuple of ints"),
    "Dims": (_are_integers, "tuple of ints"),
    "indices": (lambda value: _are_integers(value) or isinstance(value, Tensor), "tuple of ints"),
    "Scalar": (_is_number, "Number"),
    "norm": (lambda value: _is_number(value) or isinstance(value, str), "Number"),
    "Tensors": (_are_tensors, "tuple of Tensors"),
}
"""What is taken for an annotation, and what PyTorch calls it."""

_PLAIN: dict[str, tuple[type, ...]] = {
    "Tensor": (Tensor,), "bool": (bool,), "int": (int,), "float": (int, float), "str": (str,), "integers": (int,), "Dims": (int,),
    "Scalar": (int, float), "norm": (int, float, str),
}  # fmt: skip
"""Types of which every value is taken for an annotation (integers within 64 bits)."""

_BY_NAME = {
    **dict.fromkeys(
        "stride kernel_size padding dilation output_padding output_size dim shifts pad physical_layout".split(),
        "integers",
    ),
    "indices_or_sections": "indices",
    **dict.fromkeys("alpha beta value fill_value start end step".split(), "Scalar"),
    "ord": "norm",
    "tensors": "Tensors",
}
"""What parameters without an annotation of their own are, going by their names."""

_LOOSE = {"return_indices", "full", "hard", "inplace", "antialias", "need_weights"}
"""Flags of functions that PyTorch writes in Python, for which everything is true or false."""

NO_ROOM = ("DefaultCPUAllocator", "Storage size calculation overflowed")
"""What errors say where there is no memory for a result, which PyTorch asks for after it has looked at axes."""

_TOO_BIG = ("array is too big", "Maximum allowed dimension exceeded")
"""What NumPy's ``ValueError`` says of sizes beyond 63 bits."""

_WHOLE = ("int", "Sizes", "Sequence[int]", "integers", "Dims", "indices")
"""Kinds of integers, which 64 bits must hold."""

QUICK = frozenset(
    "abs adaptive_avg_pool2d add addcdiv addcmul addmm all any arange argmax argmin as_tensor avg_pool2d baddbmm "
    "batch_norm bernoulli binary_cross_entropy_with_logits bmm cat ceil chunk clamp clamp_max clamp_min clone "
    "contiguous conv1d conv2d conv3d conv_transpose2d copy cos cross_entropy cumsum detach div dot dropout einsum elu "
    "embedding empty empty_like eq erf exp expand expand_as fill flatten flip floor from_numpy full full_like gather ge "
    "gelu group_norm gru gru_cell gt index_add index_put index_select interpolate isfinite isnan item l1_loss "
    "layer_norm le leaky_relu lerp linear log log_softmax logical_and logical_not logsumexp lstm lstm_cell lt "
    "masked_fill matmul max max_pool2d maximum mean min minimum mm mse_loss mul narrow ne neg nll_loss norm normal ones "
    "ones_like outer pad permute pow prod rand rand_like randn randn_like reciprocal relu repeat reshape rnn_relu "
    "rnn_relu_cell rnn_tanh rnn_tanh_cell rsqrt scaled_dot_product_attention scatter scatter_add select sigmoid sign "
    "silu sin smooth_l1_loss softmax softplus split sqrt square squeeze stack std sub sum t tanh tensor to topk "
    "transpose tril triu unbind uniform unsqueeze var view view_as where zero zeros zeros_like".split()
)
"""Operations that programs call at every step: their arguments' types are looked at when they fail."""


def type_name(value: Any) -> str:
    """What PyTorch's messages call the type of a value."""
    kind = type(value)
    return (
        "Tensor"
        if isinstance(value, Tensor)
        else f"torch.{kind.__name__}"
        if kind.__name__ == "dtype"
        else kind.__name__
    )


def check_types(name: str, parameters: Parameters, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """``TypeError`` for an argument that is not of its annotation's type, ``ValueError`` for an integer beyond 64 bits."""
    if not keywords and len(arguments) <= len(parameters.plain):
        for value, types in zip(arguments, parameters.plain):
            if types is not None and (type(value) not in types or type(value) is int and not SMALLEST <= value <= LARGEST):
                break
        else:
            return
    for parameter, position, value in parameters.bound(arguments, keywords):
        kind, optional = parameters.kinds.get(parameter, ("", True))
        if not kind or value is None and optional or isinstance(value, Hidden):
            continue
        accepts, word = _KINDS[kind]
        if not accepts(value):
            place = "" if position is None else f" (position {position})"
            raise TypeError(f"{name}(): argument '{parameter}'{place} must be {word}, not {type_name(value)}")
        if kind in _WHOLE:
            check_whole(name, parameter, value)


def check_whole(name: str, parameter: str, value: Any) -> None:
    """``ValueError`` for an integer that 64 bits cannot hold, ``TypeError`` for a sequence with one."""
    if type(value) is int and not SMALLEST <= value <= LARGEST:
        raise ValueError(f"Overflow when unpacking long long: {name}() was given {parameter}={value}")
    if isinstance(value, (tuple, list)):
        for place, member in enumerate(value, 1):
            if type(member) is int and not SMALLEST <= member <= LARGEST:
                raise TypeError(
                    f"{name}(): argument '{parameter}' failed to unpack the object at pos {place}: {member} takes more than "
                    "64 bits"
                )


def translated(
    name: str,
    parameters: Parameters,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    error: Exception,
    unpacked: bool,
) -> Exception:
    """What PyTorch raises where a call failed with ``error``: its parser would have refused some arguments before.

    ``unpacked`` tells whether integers that are too big are looked for.
    """
    if isinstance(error, MemoryError):
        return RuntimeError(f"DefaultCPUAllocator: can't allocate memory{': ' if str(error) else ''}{error}")
    if isinstance(error, ValueError) and str(error).startswith(_TOO_BIG):
        return RuntimeError(f"Storage size calculation overflowed: {error}")
    if isinstance(error, OverflowError) or str(error).startswith("Overflow when unpacking"):
        return error
    given = list(parameters.bound(arguments, keywords))
    try:
        for parameter, _, value in given if unpacked else ():
            if parameter in ("data", "obj") or parameter in _LOOSE:  # whose dtype may hold more; which is no integer
                continue
            if parameters.kinds.get(parameter, ("", True))[0] not in ("Scalar", "norm", "float"):
                check_whole(name, parameter, [value] if parameter == "*" else value)
    except (TypeError, ValueError) as refused:
        return refused
    if _is_internal(error):
        types = ", ".join(
            type_name(value) if position is not None else f"{parameter}={type_name(value)}"
            for parameter, position, value in given
        )
        return TypeError(f"{name}() received an invalid combination of arguments - got ({types})")
    return error


def _flags_of(parameters: Parameters) -> tuple[list[int], list[str]]:
    """The parameters that are flags and nothing else: the places of the positional ones, and all names."""
    names = [name for name, (kind, optional) in parameters.kinds.items() if kind == "bool" and not optional]
    places = [place for place, name in enumerate(parameters.positional) if name in names]
    return places, names


class _Exported(Specializing):
    """An operation as a module exports it. Importing makes a thousand of them: most of each is only made when it is asked for."""

    def __init__(
        self, function: Callable[..., Any], forms: Callable[[], Forms], name: str, prefix: str, method: bool, first: bool
    ) -> None:
        self.__wrapped__ = function
        self._make_forms, self._prefix, self._first, self._method = forms, prefix, first, method
        #: What messages and modes call it.
        self._title = prefix + name
        #: Whether arguments are looked at only when the operation has failed.
        self.quick = not first or name.rstrip("_") in QUICK

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if "generally" not in self.__dict__:
            self._prepare()
        return object.__getattribute__(self, name)  # which another thread may have prepared meanwhile

    def _prepare(self) -> None:
        forms = self._make_forms()
        self.parameters = Parameters(self.__wrapped__, self._method)
        self._places, self._flag_names = _flags_of(self.parameters)
        super().__init__(self.__wrapped__, forms, self._flag_names)
        self._names = tuple(dict.fromkeys(self._prefix + name for name in (forms.name, *forms.aliases)))
        #: How many positional arguments need not be looked at before the operation has failed.
        self.most = min([forms.most, forms.before_dtype, *self._places])
        #: Gives True for calls of the general wrapper.
        self.generally = repeat(True, MANY) if self.possible else repeat(True)

    @property
    def __signature__(self) -> inspect.Signature:
        """What the operation takes under its name: with ``out``, where that is taken besides what it is written with."""
        forms = self.forms
        signature = inspect.signature(self.__wrapped__)
        parameters = list(signature.parameters.values())
        parameters = [p.replace(name=forms.called.get(p.name, p.name)) for p in parameters]
        if forms.takes_out:
            parameters.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Tensor | None"))
        return signature.replace(parameters=parameters)

    def check(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        check_types(self._title, self.parameters, arguments, keywords)

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The result of a call in any form, of which the flags are looked at: first, unless the operation has its say first."""
        if (ACTIVE or KINDS) and (result := under_modes(self._title, self.wrapper, arguments, keywords)) is not NotImplemented:
            return result
        flags = [arguments[place] for place in self._places if place < len(arguments)]
        if keywords:
            flags += [keywords[name] for name in self._flag_names if name in keywords]
        wrong = any(type(flag) is not bool for flag in flags)
        if wrong and self._first:
            self.check(arguments, keywords)
        forms = self.forms
        if len(arguments) > min(forms.most, forms.before_dtype) or not forms.keywords.isdisjoint(keywords):
            result = forms.call(arguments, keywords)
        else:
            result = forms.plain(*arguments, **keywords)
        if wrong:
            self.check(arguments, keywords)
        return result

    def native_forms(self) -> list[list[Parameter]]:
        """The forms that PyTorch's parser tries: those of the table, or the one that annotations say; none if neither does."""
        found = signatures(self._names, self._method)
        if not found:
            form = derived(self.__wrapped__, self._method, self.forms.called)
            return [] if form is None else [form]
        return found

    def _check_axes(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """``IndexError`` if a call names an axis that its first tensor has not."""
        if arguments and isinstance(arguments[0], Tensor):
            for name, _, value in self.parameters.bound(arguments, keywords):
                if name == "dim" and _are_integers(value) and not isinstance(value, str):
                    wrap_dims(value, arguments[0].ndim)

    def otherwise(self, error: Exception, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The result of a call that has failed with ``error``, if it is for one of :data:`FURTHER`; else that is refused."""
        for further in FURTHER:
            result = further(self._title, self.wrapper, arguments, keywords)
            if result is not NotImplemented:
                return result
        self.refuse(error, arguments, keywords)
        return NotImplemented

    def refuse(self, error: Exception, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Raise what PyTorch raises where a call has failed with ``error``, if that is something else."""
        native = self.native_forms() if self._first else []
        if native:
            refused = refusal(self._title, native, self._method, arguments, keywords)
            if refused is not None:
                raise refused
        # What PyTorch writes in Python says its own (ValueErrors, most often) before it calls what is native.
        late = self._first or _is_internal(error) or type(error) in (RuntimeError, IndexError)
        late = late or isinstance(error, NotImplementedError) and " not implemented for '" in str(error)
        if late and not native:
            self.check(arguments, keywords)
        if isinstance(error, MemoryError) or str(error).startswith(NO_ROOM):
            self._check_axes(arguments, keywords)
        other = translated(self._title, self.parameters, arguments, keywords, error, late and not native)
        if other is not error:
            raise other


def checked(
    function: Callable[..., Any], forms: Callable[[], Forms], name: str, module: str, prefix: str = "", method: bool = False,
    first: bool = True,
) -> Callable[..., Any]:  # fmt: skip
    """An operation as a module exports it: in all its ``forms``, with its arguments checked, and errors as PyTorch's.

    ``prefix`` is what PyTorch's messages put before the name. Unless types come ``first``, what an operation has to say
    itself comes before its arguments' types.
    """
    _exported, _function = _Exported(function, forms, name, prefix, method, first), function

    if not _exported.quick:

        def call(*arguments: Any, **keywords: Any) -> Any:
            forms = _exported.forms
            plain = not (keywords and not forms.keywords.isdisjoint(keywords) or len(arguments) > forms.most)
            try:
                if ACTIVE or KINDS:
                    result = under_modes(_exported._title, call, arguments, keywords)
                    if result is not NotImplemented:
                        return result
                if plain:
                    _exported.check(arguments, keywords)
                return _function(*arguments, **keywords) if plain else forms.call(arguments, keywords)
            except Exception as error:
                if (result := _exported.otherwise(error, arguments, keywords)) is NotImplemented:
                    raise
                return result

    else:

        def call(*arguments: Any, **keywords: Any) -> Any:
            try:
                if not next(_exported.generally, False):
                    _exported.specialize()
                if keywords or ACTIVE or KINDS or len(arguments) > _exported.most:
                    return _exported.call(arguments, keywords)
                return _function(*arguments)
            except Exception as error:
                if (result := _exported.otherwise(error, arguments, keywords)) is NotImplemented:
                    raise
                return result

    _exported.wrapper = call
    update_wrapper(call, function)
    call.__name__ = name
    call.__qualname__ = f"Tensor.{name}" if method else name
    call.__module__ = module
    call.__dict__["__checked__"] = _exported
    call.__dict__["__wrapped__"] = _exported  # which has the signature
    return call


def export(
    names: Mapping[str, Any],
    module: str,
    prefix: str = "",
    method: bool = False,
    first: Callable[[str], bool] = lambda name: True,
) -> dict[str, Any]:
    """The operations among what has ``names`` in a module (or in the class of tensors), behind their checks.

    ``first`` tells whether PyTorch looks at the types of an operation's arguments before anything else.
    """
    made: dict[Any, Callable[..., Any]] = {}
    exported = {}
    names_of: dict[int, list[str]] = {}
    for name, value in names.items():
        names_of.setdefault(id(value), []).append(name)
    for name, value in names.items():
        if not isinstance(value, FunctionType) or hasattr(value, "__checked__"):
            continue
        if name.startswith("__") or name.startswith("_") and value not in DECLARED:  # no operation
            continue
        if str(value.__module__).startswith(_OPERATIONS):
            declared = DECLARED.get(value, PLAIN)
            called = declared.parameters.get(prefix.replace("_", ".") + name)
            alone = called is not None  # parameters have names of their own under this name
            key = (value, name) if alone else value
            if key not in made:  # other names are the same function
                own = value.__name__
                own = own if own in names and names[own] is value and not alone else name
                aliases = [name] if alone else names_of[id(value)]
                further = alone and bool(prefix or name.rstrip("_") != value.__name__.rstrip("_"))
                forms = partial(Forms, own, aliases, value, declared, called or (), further, method)
                made[key] = checked(value, forms, own, module, prefix, method, first(own))
            exported[name] = made[key]
    return exported


def is_export_of(exported: Any, operation: Callable[..., Any]) -> bool:
    """Whether a function is ``operation`` behind its checks."""
    return getattr(getattr(exported, "__checked__", None), "__wrapped__", None) is operation


def export_all(namespace: dict[str, Any]) -> None:
    """Put all functions of the package's namespace and all methods of tensors behind their checks."""
    namespace.update(export(namespace, "flambeau"))
    for name, function in export(vars(Tensor), "flambeau", method=True).items():
        setattr(Tensor, name, function)
