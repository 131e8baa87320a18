"""Operations that programs define, with kernels, gradients and shapes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import flambeau
from flambeau import Tensor

from .. import _ops
from ..autograd import Function
from ..core.below_autograd import below_autograd
from ..graph.trace import local
from ..surface.refusals import refuse
from .infer_schema import FunctionSchema, infer_schema, parse_schema

__all__ = ["CustomOpDef", "custom_op"]

OPDEF_TO_LIB: dict[str, CustomOpDef] = {}
"""What is defined, by full name."""

ANYWHERE = "anywhere"
"""The kernel for tensors on any device."""


class CustomOpDef:
    """An operation by its full name (``namespace::name``) and schema; calling it runs the kernel for where its tensors are."""

    def __init__(self, name: str, schema: FunctionSchema) -> None:
        self._namespace, _, self._name = name.partition("::")
        self._qualname, self._schema = name, schema
        self._kernels: dict[str, Callable[..., Any]] = {}
        self._disabled: set[str] = set()
        self._fake: Callable[..., Any] | None = None
        self._autocast: Any = None
        self._composite = False
        self._below = False  # defined by a `Library`: kernels are called as they are, histories are theirs
        self._autograd_kernel: Callable[..., Any] | None = None
        self._rule: Callable[..., Any] | None = None
        self._function: type[Function] = _undifferentiated(self)
        self._opoverload = _ops.define(name, schema.overload_name, self._run, schema)
        OPDEF_TO_LIB[schema.full_name] = self

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._opoverload(*arguments, **options)

    # --- what it consists of ------------------------------------------------------------------------------------------

    def register_kernel(
        self, device_types: str | Sequence[str] | None, fn: Callable[..., Any] | None = None, /
    ) -> Callable[..., Any]:
        """Say what computes it on devices of these types (None for all); as a function or a decorator."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            types = [device_types] if isinstance(device_types, str) else device_types
            for kind in (ANYWHERE,) if types is None else types:
                self._kernels[ANYWHERE if kind == "default" else kind] = function
            return function

        return register if fn is None else register(fn)

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """Say which sizes and dtypes results have: ``fn`` makes empty tensors of them, for tensors that have no values."""
        self._fake = fn
        return fn

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Say what the gradient is: ``backward(ctx, *grads)``, with what ``setup_context(ctx, inputs, output)`` kept."""
        if any(argument.is_write for argument in self._schema.arguments):
            raise RuntimeError(
                f"Cannot register autograd formula for non-functional operator {self} with schema {self._schema}. "
                "Please create a functional operator and register an autograd formula for that."
            )
        self._function = _differentiated(self, backward, setup_context)

    def register_autocast(self, device_type: str, cast_inputs: Any) -> None:
        """Say that inputs are cast to ``cast_inputs`` under autocast."""
        if device_type == "cpu":
            self._autocast = cast_inputs

    def register_vmap(self, func: Callable[..., Any] | None = None) -> Any:
        """Say what ``torch.vmap`` of it is: ``func(info, in_dims, *arguments)`` gives (output, out_dims) for all samples.

        Without a rule the operation runs once for each element of the batch.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._rule = function
            return function

        return register if func is None else register(func)

    def register_torch_dispatch(self, torch_dispatch_class: Any, fn: Callable[..., Any] | None = None, /) -> Any:
        """Refused."""
        refuse("torch.library.register_torch_dispatch")

    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Any:
        """Whether the kernel for a device type is used; a context that undoes it at its end."""
        return _Enabled(self._disabled, device_type, enabled)

    # --- running it ---------------------------------------------------------------------------------------------------

    def _run(self, *arguments: Any, **options: Any) -> Any:
        values = self._schema.bind(arguments, options)
        if self._autocast is not None and flambeau.is_autocast_enabled("cpu"):
            values = _cast(values, self._autocast)
        if self._rule is not None and local.trace.sampling:
            return _with_rule(self, self._rule).apply(*values)
        if self._autograd_kernel is not None and self._for_autograd(values):
            return self._autograd_kernel(*self._positional(values), **self._named(values))
        if self._composite or (self._below and isinstance(self._function, _LazyFunction)):
            return self._computed(*values)
        if flambeau.is_grad_enabled() and any(tensor.requires_grad for tensor in _tensors(values)):
            return self._function.apply(*values)
        return self._computed(*values)

    def _for_autograd(self, values: Sequence[Any]) -> bool:
        """Whether the kernel that makes the history is asked: it is for all tensors on processors, whatever they require."""
        asked = not below_autograd() and not flambeau.is_inference_mode_enabled()
        return asked and any(tensor.device.type == "cpu" for tensor in _tensors(values))

    def _positional(self, values: Sequence[Any]) -> list[Any]:
        """Those arguments that need no name."""
        return [value for argument, value in zip(self._schema.arguments, values) if not argument.kwarg_only]

    def _named(self, values: Sequence[Any]) -> dict[str, Any]:
        """Those arguments that have to be given by name."""
        return {argument.name: value for argument, value in zip(self._schema.arguments, values) if argument.kwarg_only}

    def _computed(self, *values: Any) -> Any:
        """What the kernel gives; it gets those arguments by name that have to be given so."""
        arguments, options = self._positional(values), self._named(values)
        places = {tensor.device.type for tensor in _tensors(values)} or {"cpu"}
        if "meta" in places:
            if self._fake is None and not self._schema.returns:  # it only writes, and there is nothing to write
                return None
            if self._fake is None:
                raise NotImplementedError(
                    f"{self._qualname}: no fake implementation was registered, which tells the sizes of what it gives for meta "
                    "tensors: use torch.library.register_fake"
                )
            return self._fake(*arguments, **options)
        place = next(iter(places))
        kernel = None if place in self._disabled else self._kernels.get(place)
        kernel = kernel or self._kernels.get(ANYWHERE)
        if kernel is None:
            raise NotImplementedError(
                f"Could not run '{self._qualname}' with arguments from the '{place.upper()}' backend: it has kernels for "
                f"{sorted(self._kernels)}"
            )
        result = kernel(*arguments, **options)
        if self._below:
            return result
        taken = {id(tensor) for tensor in _tensors(values)}
        if any(id(tensor) in taken for tensor in _tensors([result])):
            raise RuntimeError(
                f"{self._qualname}: the output of this custom operator must not also be an input to it. Return a clone "
                "(x.clone()), or let the operator return nothing for what it wrote to."
            )
        return result


class _Enabled:
    """The state of a kernel, and its end."""

    def __init__(self, disabled: set[str], kind: str, enabled: bool) -> None:
        self.disabled, self.before = disabled, set(disabled)
        disabled.discard(kind) if enabled else disabled.add(kind)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        self.disabled.clear()
        self.disabled.update(self.before)


def _tensors(values: Iterable[Any]) -> list[Tensor]:
    """The tensors among values, and in lists of them."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [item for item in value if isinstance(item, Tensor)]
    return found


def _cast(values: list[Any], dtype: Any) -> list[Any]:
    """Values with floating-point tensors in another dtype."""

    def cast(value: Any) -> Any:
        return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value

    return [[cast(item) for item in value] if isinstance(value, (list, tuple)) else cast(value) for value in values]


def _differentiated(
    operation: CustomOpDef, backward: Callable[..., Any], setup_context: Callable[..., Any] | None
) -> type[Function]:
    """The history of an operation with a gradient."""

    def forward(*values: Any) -> Any:
        return operation._computed(*values)

    def setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if setup_context is not None and not by_name:
            setup_context(ctx=ctx, inputs=inputs, output=output)
        elif setup_context is not None:
            given, named = tuple(operation._positional(inputs)), operation._named(inputs)
            setup_context(ctx=ctx, inputs=given, keyword_only_inputs=named, output=output)

    def backward_of_all(ctx: Any, *grads: Any) -> Any:
        """Gradients also of what is given by name, which has none."""
        found = backward(ctx, *grads)
        return (*(found if isinstance(found, tuple) else (found,)), *[None] * by_name)

    by_name = sum([argument.kwarg_only for argument in operation._schema.arguments])
    name = "GeneratedBackwardFor_" + str(operation._opoverload).replace(".", "_")
    members = {"forward": forward, "setup_context": setup, "backward": backward_of_all if by_name else backward}
    return type(name, (Function,), {key: staticmethod(value) for key, value in members.items()})


def _undifferentiated(operation: CustomOpDef) -> type[Function]:
    """The history of an operation whose gradient nobody has said."""

    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            f"Trying to backward through {operation._opoverload} but no autograd formula was registered. "
            "Please use register_autograd to add one."
        )

    return _LazyFunction(operation, backward)  # type: ignore[return-value]


def _with_rule(operation: CustomOpDef, rule: Callable[..., Any]) -> type[Function]:
    """The function of an operation with a rule for batches."""

    def vmap(info: Any, in_dims: Sequence[Any], *values: Any) -> Any:
        given = operation._positional(values)
        arguments = [argument for argument in operation._schema.arguments if not argument.kwarg_only]
        while given and _is_default(arguments[len(given) - 1], given[-1]):  # what is not given, rules are not told
            given.pop()
        return rule(info, tuple(operation._positional(in_dims)[: len(given)]), *given, **operation._named(values))

    function = operation._function
    base = _differentiated(operation, function.backward, None) if isinstance(function, _LazyFunction) else function
    return type(base.__name__, (base,), {"vmap": staticmethod(vmap)})


def _is_default(argument: Any, value: Any) -> bool:
    default = argument.default_value
    return argument.has_default_value() and type(value) is type(default) and value == default


class _LazyFunction:
    """A :class:`Function` that is made when it is applied: most operations get another one before."""

    def __init__(self, operation: CustomOpDef, backward: Callable[..., Any]) -> None:
        self.operation, self.backward = operation, backward

    def apply(self, *values: Any) -> Any:
        return _differentiated(self.operation, self.backward, None).apply(*values)


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Make a function an operation of the name ``namespace::name``; as a function or a decorator.

    ``mutates_args`` names the arguments that it writes to. Its schema follows from its annotations if ``schema`` does not say it.
    """

    def define(function: Callable[..., Any]) -> CustomOpDef:
        if name.count("::") != 1:
            raise ValueError(f"Expected 'name' to be of the form 'namespace::name', got {name!r}")
        text = infer_schema(function, mutates_args=mutates_args) if schema is None else schema
        operation = CustomOpDef(name, parse_schema(name + text))
        operation._init_fn = function  # type: ignore[attr-defined]
        operation.register_kernel(device_types, function)
        return operation

    return define if fn is None else define(fn)
