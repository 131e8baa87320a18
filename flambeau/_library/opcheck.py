"""``torch.library.opcheck``: whether what a program registered for an operation fits together, on examples of arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..utils._pytree import tree_flatten, tree_map_only
from .custom_ops import CustomOpDef

Tolerance = dict[str, float]


class OpCheckError(Exception):
    """An operation failed one of the tests."""


def checked(
    operation: CustomOpDef, args: Sequence[Any], kwargs: dict[str, Any], names: Sequence[str], stop: bool, near: Tolerance
) -> dict[str, Any]:
    """``"SUCCESS"`` or the error of each test by its name; :class:`OpCheckError` for the first that fails if ``stop``."""
    results: dict[str, Any] = {}
    for name in names:
        try:
            TESTS[name](operation, args, kwargs, near)
            results[name] = "SUCCESS"
        except Exception as error:
            if stop:
                raise OpCheckError(f"opcheck(op, ...): {name} failed with {error} (scroll up for stack trace)") from error
            results[name] = error
    return results


def _schema(operation: CustomOpDef, args: Sequence[Any], kwargs: dict[str, Any], near: Tolerance) -> None:
    """Only what the schema says is written to changes, and no result shares memory with an argument."""
    args, kwargs = _copies(args, kwargs)
    values = operation._schema.bind(tuple(args), kwargs)
    before = _copies(values)
    with flambeau.no_grad():
        results = _tensors(operation(*args, **kwargs))
    for argument, value, was in zip(operation._schema.arguments, values, before):
        for tensor, old in zip(_tensors(value), _tensors(was)):
            if not argument.is_write and not _same(tensor, old):
                raise RuntimeError(f"Argument {argument.name} is not defined as mutable but was mutated")
            memory = tensor.untyped_storage().data_ptr()
            if tensor.numel() and any(memory == result.untyped_storage().data_ptr() for result in results):
                raise RuntimeError(f"Argument {argument.name} is not defined to alias output but was aliasing")


def _autograd(operation: CustomOpDef, args: Sequence[Any], kwargs: dict[str, Any], near: Tolerance) -> None:
    """It runs on arguments that require gradients. Histories are right here wherever a gradient was registered."""
    args, kwargs = _copies(args, kwargs)
    if any(tensor.requires_grad for tensor in _tensors((args, kwargs))):
        operation(*args, **kwargs)


def _fake(operation: CustomOpDef, args: Sequence[Any], kwargs: dict[str, Any], near: Tolerance) -> None:
    """The fake implementation gives tensors of the sizes, strides and dtypes that the operation gives."""
    copies, named = _copies(args, kwargs)
    with flambeau.no_grad():
        expected = _tensors(operation(*copies, **named))
    found = _fake_results(operation, args, kwargs, len(expected))
    for number, (a, b) in enumerate(zip(found, expected)):
        for what, one, other in (
            ("Shapes", a.shape, b.shape), ("Dtypes", a.dtype, b.dtype), ("Strides", _strides(a), _strides(b)),
        ):  # fmt: skip
            if one != other:
                raise RuntimeError(
                    f"When comparing the output of {operation._qualname} on FakeTensor and concrete Tensors, found mismatched "
                    f"tensor metadata of output {number}: {what} {one} and {other} are not equal!"
                )


def _compiled(dynamic: bool) -> Callable[..., None]:
    def test(operation: CustomOpDef, args: Sequence[Any], kwargs: dict[str, Any], near: Tolerance) -> None:
        """Compiled it gives the same results and gradients, and writes the same; a fake implementation gives as many."""
        copies, named = _copies(args, kwargs)
        with flambeau.no_grad():
            count = len(_tensors(operation(*copies, **named)))
        _fake_results(operation, args, kwargs, count)

        def call(*args: Any, **kwargs: Any) -> Any:
            return operation(*args, **kwargs)

        plain, compiled = (
            _results_and_gradients(function, *_copies(args, kwargs))
            for function in (call, flambeau.compile(call, dynamic=dynamic, fullgraph=True))
        )
        flambeau.testing.assert_close(compiled, plain, equal_nan=True, **near)

    return test


TESTS = {
    "test_schema": _schema, "test_autograd_registration": _autograd, "test_faketensor": _fake,
    "test_aot_dispatch_static": _compiled(False), "test_aot_dispatch_dynamic": _compiled(True),
}  # fmt: skip


def _fake_results(operation: CustomOpDef, args: Sequence[Any], kwargs: dict[str, Any], count: int) -> list[Tensor]:
    """What the fake implementation gives; ``RuntimeError`` if that is not ``count`` tensors."""
    args, kwargs = tree_map_only(Tensor, _without_values, (tuple(args), kwargs))
    with flambeau.no_grad():
        found = _tensors(operation(*args, **kwargs))
    if len(found) != count:
        raise RuntimeError(f"{operation._qualname} gives {count} tensors, but its fake implementation gives {len(found)}")
    return found


def _results_and_gradients(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """The results, the arguments as they are then, and gradients of the results' sum."""
    results = _tensors(function(*args, **kwargs))
    given = _tensors((args, kwargs))
    wanted = [tensor for tensor in given if tensor.requires_grad and tensor.is_leaf]
    outputs = [tensor for tensor in results if tensor.requires_grad]
    gradients: Sequence[Any] = ()
    if wanted and outputs:
        total = sum((tensor.abs() if tensor.is_complex() else tensor).sum() for tensor in outputs)
        gradients = flambeau.autograd.grad(total, wanted, allow_unused=True)  # type: ignore[arg-type]
    return [x.detach() for x in (*results, *given, *(x for x in gradients if x is not None))]


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_flatten(values)[0] if isinstance(value, Tensor)]


def _copies(*values: Any) -> Any:
    """The same with tensors of their own, which require gradients as those do."""
    copied = tree_map_only(Tensor, lambda x: x.detach().clone().requires_grad_(x.requires_grad), values)
    return copied[0] if len(values) == 1 else copied


def _without_values(tensor: Tensor) -> Tensor:
    return flambeau.empty_strided(tuple(tensor.shape), tensor.stride(), dtype=tensor.dtype, device="meta")


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _strides(tensor: Tensor) -> list[int]:
    """Of the axes along which one can walk."""
    return [step for step, size in zip(tensor.stride(), tensor.shape) if size > 1] if tensor.numel() else []
