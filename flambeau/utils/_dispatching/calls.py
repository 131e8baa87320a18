"""What programs call, as operations of aten's that modes and classes of tensors are told of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._ops import OpOverload, namespace
from ...core.device import device
from ...core.meta import names_meta
from ...core.tensor import Tensor
from ...export._aten import OPERATORS, OTHER_NAMES, bound, overload_of
from ...export._composed import COMPOSED as IN_CALLS
from ...export._written import WRITTEN
from ...fx._names import module_of
from ...graph.dtypes import dtype
from ...graph.notices import warn_once
from ...graph.trace import local
from ...ops.assignment import write_results
from ...ops.dispatching import asked, at_work, silence, state, tensors_in
from . import composed_recurrent, formulas_of_layers, formulas_of_views  # noqa: F401  (they fill tables)
from .composed import COMPOSED, reshape
from .emitting import called, emit

_SIZES = {"size", "numel", "nelement", "dim", "ndimension", "stride", "storage_offset", "element_size", "is_contiguous"}
_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "item": lambda value: value, "__bool__": bool, "__int__": int, "__float__": float, "__index__": int, "is_nonzero": bool,
}  # fmt: skip


def operation_called(full_name: str, *args: Any, **kwargs: Any) -> Any:
    """Call an operation by its name and form; what PyTorch composes of others is these."""
    composed = COMPOSED.get(full_name)
    if (state.beneath or local.inference) and full_name not in _ALWAYS:
        composed = None
    return emit(full_name, *args, **kwargs) if composed is None else composed(*args, **kwargs)


_ALWAYS = {"_assert_tensor_metadata.default", "lift_fresh_copy.default", "contiguous.default", "detach_.default", "item.default"}
"""What is no operation of its own for whoever calls it."""


def _told(full_name: str, *args: Any, **kwargs: Any) -> Any:
    """The same for what writes calls as operations, which itself is nobody's business."""
    before, state.silent = state.silent, False
    try:
        return operation_called(full_name, *args, **kwargs)
    finally:
        state.silent = before


def see(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The mode of calls: the result of a call, or ``NotImplemented`` where nobody is to be told of it."""
    if state.silent:
        return NotImplemented
    if not at_work(arguments, keywords):
        return called(call, arguments, keywords) if isinstance(call, OpOverload) else NotImplemented
    if isinstance(call, OpOverload):
        composed = COMPOSED.get(call.__name__) if call.namespace == "aten" and not (state.beneath or local.inference) else None
        return called(call, arguments, keywords) if composed is None else composed(*arguments, **keywords)
    if not name.startswith(("linalg_", "fft_", "special_")):
        name = f"{'functional.' if module_of(call) == 'torch.nn.functional' else ''}{call.__name__}"
    return seen(name, call, arguments, keywords)


def seen(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A call, as operations."""
    own = name.rpartition(".")[2]
    own = OTHER_NAMES.get(own, own)
    if own in _SIZES:
        return NotImplemented
    if any([tensor.of_parts for tensor in tensors_in((arguments, keywords))]):
        with silence():
            return call(*arguments, **keywords)
    if names_meta(keywords.get("device")):
        return _untold(call, arguments, keywords)
    if keywords.get("out") is not None:
        return _into(own, call, arguments, keywords)
    if "requires_grad" in keywords and own != "requires_grad_":
        wanted = keywords["requires_grad"]
        made = call(*arguments, **{key: value for key, value in keywords.items() if key != "requires_grad"})
        return made.requires_grad_(wanted)
    if own in _NUMBERS:
        return _number(own, call, arguments, keywords)
    if name in _IN_CALLS or own in _IN_CALLS:
        return _IN_CALLS[name if name in _IN_CALLS else own](*arguments, **keywords)
    with silence():
        written = _FURTHER.get(name) or _FURTHER.get(own) or WRITTEN.get(name) or WRITTEN.get(own)
        if written is not None:
            return written(_told, *arguments, **keywords)
        values, named = bound(call, arguments, keywords)
        full_name = overload_of(own, values, named)
        if full_name is not None:
            result = _told(full_name, *values, **named)
            return tuple(result) if isinstance(result, list) else result
    return _untold(call, arguments, keywords)


def _into(own: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A call that writes to what is given as ``out=``: the form of its operation that does, if it is one operation."""
    rest = {key: value for key, value in keywords.items() if key != "out"}
    with silence():
        values, named = bound(call, arguments, rest)
        full_name = overload_of(own, values, named)
    if full_name is not None and full_name not in COMPOSED:
        name, _, form = full_name.partition(".")
        forms = getattr(namespace("aten"), name).overloads()
        found = next((other for other in (f"{form}_out", "out") if other in forms), None)
        if found is not None:
            return emit(f"{name}.{found}", *values, **named, out=keywords["out"])
    result = call(*arguments, **rest)
    with silence():
        return write_results(own, keywords["out"], result)


def _untold(call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A call that is no operation of aten's. ``NotImplementedError`` if a class is to be asked about it."""
    name = getattr(call, "__name__", str(call))
    if asked(arguments, keywords):
        raise NotImplementedError(f"__torch_dispatch__: {name} is not written as operations of aten's")
    with silence():
        result = call(*arguments, **keywords)
    if any(True for _ in tensors_in(result)):
        warn_once(f"__torch_dispatch__: {name} is not written as operations of aten's, so modes are not told of it")
    return result


def _number(own: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    tensor = arguments[0]
    if tensor.numel() != 1 or tensor.is_meta and not asked(arguments, keywords):
        return NotImplemented
    return _NUMBERS[own](emit("_local_scalar_dense.default", tensor))


# --- calls that are written otherwise than where they are exported ------------------------------------------------------


def _to(emit: Callable[..., Any], input: Any, *args: Any, **kwargs: Any) -> Any:
    kinds = [value for value in (*args, kwargs.get("dtype")) if isinstance(value, dtype)]
    kinds += [value.dtype for value in (*args, kwargs.get("other")) if isinstance(value, Tensor)]
    given = [value for value in args if isinstance(value, bool)]  # non_blocking, copy
    copy = kwargs.get("copy", given[1] if len(given) > 1 else False)
    places = [value for value in (*args, kwargs.get("device")) if isinstance(value, (str, device))]
    if any(map(names_meta, places)):
        return input.to(*args, **kwargs)
    if kwargs.get("memory_format") is not None:
        input = emit("contiguous.default", input, memory_format=kwargs["memory_format"])
    return emit("to.dtype", input, kinds[0] if kinds else input.dtype, False, copy)


def _cast(kind: str) -> Callable[..., Any]:
    def write(emit: Callable[..., Any], input: Any, *, memory_format: Any = None) -> Any:
        import flambeau

        return emit("to.dtype", input, getattr(flambeau, kind))

    return write


def _axes(emit: Callable[..., Any], input: Any, *dims: Any) -> Any:
    listed = [*dims[0]] if len(dims) == 1 and isinstance(dims[0], (list, tuple)) else [*dims]
    return emit("permute.default", input, listed)


def _data(emit: Callable[..., Any], input: Any) -> Any:
    return emit("detach.default", input)


def _expand(emit: Callable[..., Any], input: Any, *sizes: Any, **named: Any) -> Any:
    given = named.get("size", sizes)
    listed = [*given[0]] if len(given) == 1 and isinstance(given[0], (list, tuple)) else [*given]
    return emit("expand.default", input, listed)


def _view(emit: Callable[..., Any], input: Any, *sizes: Any, **named: Any) -> Any:
    given = named.get("size", sizes)
    if len(given) == 1 and isinstance(given[0], dtype):
        return emit("view.dtype", input, given[0])
    listed = [*given[0]] if len(given) == 1 and isinstance(given[0], (list, tuple)) else [*given]
    return emit("view.default", input, listed)


def _transposed(count: int) -> Callable[..., Any]:
    def write(
        emit: Callable[..., Any], input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        form = "default" if count == 1 else "input"
        settings = stride, padding, output_padding, groups, dilation
        return emit(f"conv_transpose{count}d.{form}", input, weight, bias, *settings)

    return write


def _ravel(emit: Callable[..., Any], input: Any) -> Any:
    return reshape(input, [-1])


_FURTHER: dict[str, Callable[..., Any]] = {
    "__rmatmul__": lambda emit, x, y: emit("matmul.default", y, x),
    "to": _to, "permute": _axes, "data": _data, "expand": _expand, "view": _view, "ravel": _ravel,
    **{f"conv_transpose{count}d": _transposed(count) for count in (1, 2, 3)},
    **{name: _cast(kind) for name, kind in {
        "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "long": "int64", "int": "int32",
        "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool"}.items()},
}  # fmt: skip

_IN_CALLS = {name: call for name, call in IN_CALLS.items() if name not in (
    "relu6", "functional.relu6", "mv", "frac")}  # fmt: skip
"""Functions that are calls of others here as well."""


def operator(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    """An operator, or another method of tensors, that tells of its calls."""
    further = name in _WITH_ANYTHING

    def applied(*args: Any, **kwargs: Any) -> Any:
        if state.silent or not (further or all([isinstance(arg, (Tensor, int, float, complex)) for arg in args[1:]])):
            return own(*args, **kwargs)
        if not at_work(args, kwargs):
            return own(*args, **kwargs)
        result = seen(OPERATORS.get(name, name), own, args, kwargs)
        return own(*args, **kwargs) if result is NotImplemented else result

    applied.__name__ = applied.__qualname__ = name
    applied.__module__ = getattr(own, "__module__", __name__)
    return applied


_WITH_ANYTHING = {"__getitem__", "__setitem__", "__iter__", *_NUMBERS}

METHODS = (
    *OPERATORS, "__getitem__", "__setitem__", "__iter__", "__radd__", "__rmul__", "__rsub__", "__rpow__", "__rtruediv__",
    "__rfloordiv__", "__rmod__", "__bool__", "__int__", "__float__", "__index__", "item", "__rmatmul__",
)  # fmt: skip
"""Methods of tensors that are not seen otherwise."""
PROPERTIES = ("T", "mT", "data")
