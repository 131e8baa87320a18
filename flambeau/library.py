"""``torch.library``: programs define operations, which are then in ``torch.ops`` and may have gradients of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ._library.custom_ops import ANYWHERE, OPDEF_TO_LIB, CustomOpDef, custom_op
from ._library.infer_schema import infer_schema, parse_schema
from .surface.pytorch_names import names_of
from .surface.refusals import refuse

__all__ = [
    "CustomOpDef", "Library", "custom_op", "define", "fallthrough_kernel", "impl", "impl_abstract", "infer_schema",
    "opcheck", "register_autocast", "register_autograd", "register_fake", "register_kernel", "register_vmap", "triton_op",
    "wrap_triton",
]  # fmt: skip

KEYS = {
    "": ANYWHERE, "CompositeExplicitAutograd": ANYWHERE, "CompositeImplicitAutograd": ANYWHERE, "default": ANYWHERE,
    "CompositeExplicitAutogradNonFunctional": ANYWHERE,
    **{name: name.lower() for name in "CPU CUDA HIP XPU MPS HPU XLA MTIA MAIA IPU VE Lazy Vulkan Metal PrivateUse1".split()},
}  # fmt: skip
"""Where a kernel works that is registered for one of PyTorch's dispatch keys."""

WAITING: dict[str, list[tuple[Callable[..., Any], str]]] = {}
"""Kernels of operations that are not defined yet: a kernel may come before what it belongs to."""


def _operation(op: Any) -> CustomOpDef:
    """The operation that a name, an overload or a definition means; ``RuntimeError`` if a program did not define it."""
    if isinstance(op, CustomOpDef):
        return op
    name = op if isinstance(op, str) else op.name()
    found = OPDEF_TO_LIB.get(name.removesuffix(".default"))
    if found is None:
        raise RuntimeError(f"operator {name} does not exist: it is not defined by torch.library")
    return found


def _decorating(register: Callable[[Callable[..., Any]], Any], function: Callable[..., Any] | None) -> Any:
    """Register a function, or give the decorator that does."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        register(function)
        return function

    return decorate if function is None else decorate(function)


def _check_key(key: str) -> None:
    """``RuntimeError`` if there is no such dispatch key; those that would be heeded, but are not, are refused."""
    if key in KEYS or key == "Meta" or key.removeprefix("Autograd") in ("", *KEYS):
        return
    members = names_of("torch")["DispatchKey"][1]
    if key not in members:
        raise RuntimeError(f"could not parse dispatch key: {key}")
    if key.removeprefix("Autocast") not in KEYS or key == "AutocastCPU":  # the others are for devices that do not exist
        refuse(f"torch.library.Library.impl for the dispatch key {key}")


def _register(operation: CustomOpDef, fn: Callable[..., Any], key: str) -> None:
    """Give an operation a kernel for a dispatch key that was checked."""
    if key == "Meta":
        operation.register_fake(fn)
    elif key in ("Autograd", "AutogradCPU"):
        operation._autograd_kernel = fn
    elif key in KEYS:
        operation._composite = operation._composite or key in ("", "CompositeImplicitAutograd")
        operation._kernels[KEYS[key]] = fn


class Library:
    """Operations of a namespace ``ns``: ``kind`` is ``"DEF"`` or ``"FRAGMENT"`` to define them, ``"IMPL"`` to give kernels."""

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError("Unsupported kind: ", kind)
        if ns in ("prim", "prims") and kind != "IMPL":
            raise ValueError(ns, " is a reserved namespace. Please try creating a library with another name.")
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._own: list[str] = []

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Define an operation by its schema, ``name(Tensor x) -> Tensor``; returns its name."""
        parsed = parse_schema(f"{self.ns}::{schema.strip()}")
        if parsed.full_name in OPDEF_TO_LIB:
            raise RuntimeError(
                f"Tried to register an operator ({parsed}) with the same name and overload name multiple times. Each "
                "overload's schema should only be registered with a single call to def()."
            )
        operation = CustomOpDef(parsed.name, parsed)
        operation._below = True
        self._own.append(parsed.full_name)
        for kernel, key in WAITING.pop(parsed.full_name, ()):
            _register(operation, kernel, key)
        return parsed.name.partition("::")[2]

    def impl(
        self,
        op_name: Any,
        fn: Callable[..., Any],
        dispatch_key: str = "",
        *,
        with_keyset: bool = False,
        allow_override: bool = False,
    ) -> None:
        """Give an operation a kernel for a dispatch key; ``"CompositeImplicitAutograd"`` means that it is differentiated."""
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        name = op_name if isinstance(op_name, str) else op_name.name()
        full = name if "::" in name else f"{self.ns}::{name}"
        if full.startswith(("aten::", "prims::")):
            refuse(f"torch.library.Library.impl for {full}")
        key = dispatch_key or self.dispatch_key
        _check_key(key)
        operation = OPDEF_TO_LIB.get(full.removesuffix(".default"))
        if operation is None:
            WAITING.setdefault(full.removesuffix(".default"), []).append((fn, key))
        else:
            _register(operation, fn, key)

    def fallback(self, fn: Callable[..., Any], dispatch_key: str = "", *, with_keyset: bool = False) -> None:
        """Refused."""
        refuse("torch.library.Library.fallback")


def fallthrough_kernel() -> None:
    """A kernel that stands for none."""
    raise NotImplementedError("fallthrough_kernel() should never be called.")


def define(qualname: Any, schema: str, *, lib: Library | None = None, tags: Any = ()) -> Any:
    """Define the operation ``namespace::name`` by the rest of its schema; with a :class:`Library`, a decorator."""
    if isinstance(qualname, Library):
        name = qualname.define(schema)
        return lambda function: qualname.impl(name, function)
    if not isinstance(qualname, str):
        raise ValueError(f"define(qualname, schema): expected qualname to be instance of str, got {type(qualname)}")
    namespace, _, name = qualname.partition("::")
    if not name:
        raise RuntimeError(f"Expected qualname to be of the form 'namespace::name', got {qualname!r}")
    (lib or Library(namespace, "FRAGMENT")).define(name + schema)
    return None


def impl(qualname: Any, types: str | Sequence[str], func: Any = None, *, lib: Library | None = None) -> Any:
    """Give an operation a kernel for types of devices (``"cpu"``, ``"default"``); as a function or a decorator."""
    if isinstance(qualname, Library):  # (library, name, dispatch key)
        return _decorating(lambda function: qualname.impl(types, function, func or ""), None)
    kinds = {types} if isinstance(types, str) else set(types)

    def register(function: Callable[..., Any]) -> None:
        operation = _operation(qualname)
        for kind in kinds:
            if kind in ("CompositeImplicitAutograd",):
                operation._composite = True
            operation._kernels[KEYS.get(kind, kind)] = function

    return _decorating(register, func)


def register_kernel(op: Any, device_types: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None) -> Any:
    """:meth:`CustomOpDef.register_kernel` by name."""
    return _decorating(lambda function: _operation(op).register_kernel(device_types, function), func)


def register_fake(
    op: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None, _stacklevel: int = 1, allow_override: bool = True
) -> Any:
    """:meth:`CustomOpDef.register_fake` by name."""
    return _decorating(lambda function: _operation(op).register_fake(function), func)


def impl_abstract(qualname: str, func: Callable[..., Any] | None = None, *, lib: Any = None, _stacklevel: int = 1) -> Any:
    """The former name of :func:`register_fake`."""
    return register_fake(qualname, func)


def register_autograd(
    op: Any, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None, lib: Any = None
) -> None:
    """:meth:`CustomOpDef.register_autograd` by name."""
    _operation(op).register_autograd(backward, setup_context=setup_context)


def register_autocast(op: Any, device_type: str, cast_inputs: Any, /, *, lib: Any = None) -> None:
    """:meth:`CustomOpDef.register_autocast` by name."""
    _operation(op).register_autocast(device_type, cast_inputs)


def register_vmap(op: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None) -> Any:
    """:meth:`CustomOpDef.register_vmap` by name."""
    return _operation(op).register_vmap(func)


def triton_op(
    name: str, fn: Callable[..., Any] | None = None, /, *, mutates_args: Any, schema: str | None = None
) -> Any:
    """As :func:`custom_op`: an operation whose function may call Triton's kernels, which it does when it is called."""
    return custom_op(name, fn, mutates_args=mutates_args, schema=schema)


def wrap_triton(triton_kernel: Callable[..., Any], /) -> Callable[..., Any]:
    """The kernel itself: nothing here looks into the functions that call one."""
    return triton_kernel


def opcheck(
    op: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    *,
    test_utils: str | Sequence[str] = (
        "test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic",
    ),
    raise_exception: bool = True,
    atol: float | None = None,
    rtol: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Whether what was registered for an operation fits together, on these arguments, which stay as they are.

    The result has ``"SUCCESS"``, or the error if not ``raise_exception``, for each test: what the schema says of writing and
    sharing memory, gradients, sizes and dtypes of the fake implementation, and the same results when compiled.
    """
    from ._library.opcheck import TESTS, checked

    if (rtol is None) != (atol is None):
        raise ValueError("opcheck(op, ...): if you specify one of rtol/atol, you must specify both")
    names = tuple(TESTS) if test_utils == "ALL" else (test_utils,) if isinstance(test_utils, str) else tuple(test_utils)
    if not set(names) <= set(TESTS):
        raise ValueError(
            f"opcheck(op, ..., test_utils={names}), expected test_utils to be subset of {tuple(TESTS)} but it was not"
        )
    near = {} if rtol is None or atol is None else {"rtol": rtol, "atol": atol}
    return checked(_operation(op), args, kwargs or {}, names, raise_exception, near)
