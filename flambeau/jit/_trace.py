"""``trace``: what it is given is called once with the examples, and is kept as it is.

PyTorch writes down the operations of that call and forgets the Python. Here the Python runs again each time, so what
depends on values takes the branch that they say.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from ..core.tensor import Tensor
from ..nn.modules.module import Module
from ._script import ScriptFunction, ScriptModule, copied, script

_F = TypeVar("_F", bound=Callable[..., Any])
_running: ContextVar[bool] = ContextVar("tracing", default=False)


class TracerWarning(Warning):
    """What PyTorch warns of where a trace would forget something. No trace does here."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """Ignore these warnings where PyTorch's own files would give them."""
        warnings.filterwarnings("ignore", category=TracerWarning, module="torch.(?!jit)")


class TracingCheckError(Exception):
    """What PyTorch raises where a trace gives something else than what was traced."""

    def __init__(
        self, graph_diff_error: str | None, tensor_compare_error: str | None, extra_msg: str | None = None
    ) -> None:
        parts = ["Tracing failed sanity checks!", extra_msg, graph_diff_error, tensor_compare_error]
        self.message = "\n".join(filter(None, parts))
        super().__init__(self.message)


class TracedModule(ScriptModule):
    """A module that was traced."""

    def _get_name(self) -> str:
        return self.original_name

    def extra_repr(self) -> str:
        return f"original_name={self.original_name}"


class TopLevelTracedModule(TracedModule):
    """What ``trace`` makes of a module."""


def is_tracing() -> bool:
    """Whether a call of :func:`trace` is in the middle of calling what it traces."""
    return _running.get()


@contextmanager
def _tracing() -> Iterator[None]:
    token = _running.set(True)
    try:
        yield
    finally:
        _running.reset(token)


def _check_result(result: Any, strict: bool) -> None:
    """``RuntimeError`` for results that a traced program cannot have."""
    if isinstance(result, Tensor):
        return
    if isinstance(result, dict):
        if strict:
            raise RuntimeError(
                "Encountering a dict at the output of the tracer might cause the trace to be incorrect, this is only valid "
                "if the container structure does not change based on the module's inputs. Consider using a constant "
                "container instead (e.g. for `list`, use a `tuple` instead. for `dict`, use a `NamedTuple` instead). If you "
                "absolutely need this and know the side effects, pass strict=False to trace() to allow this behavior."
            )
        result = tuple(result.values())
    if not isinstance(result, (tuple, list)):
        raise RuntimeError(
            "Only tensors, lists, tuples of tensors, or dictionary of tensors can be output from traced functions"
        )
    for member in result:
        _check_result(member, strict)


def _run(function: Callable[..., Any], inputs: Any, keywords: Any, strict: bool) -> None:
    """Call what is traced. A single tensor, or a dictionary, stands for a tuple of one."""
    if inputs is None:
        inputs = ()
    elif isinstance(inputs, (Tensor, dict)):
        inputs = (inputs,)
    with _tracing():
        result = function(*inputs, **(keywords or {}))
    if result is None:
        raise RuntimeError(
            "The traced function didn't return any values! Side-effects are not captured in traces, so it would be a no-op."
        )
    _check_result(result, strict)


def trace(
    func: Any, example_inputs: Any = None, optimize: Any = None, check_trace: bool = True, check_inputs: Any = None,
    check_tolerance: float = 1e-5, strict: bool = True, _force_outplace: bool = False, _module_class: Any = None,
    _compilation_unit: Any = None, example_kwarg_inputs: Any = None, _store_inputs: bool = True,
) -> Any:  # fmt: skip
    """A module or function after one call with the examples, which tells what it gives.

    Results are tensors, tuples and lists of them; with ``strict=False`` dictionaries, too (``RuntimeError``). There is
    nothing to be checked by ``check_trace``: what was traced runs itself.
    """
    if isinstance(func, (ScriptModule, ScriptFunction)):
        warnings.warn(
            "The input to trace is already a ScriptModule, tracing it is a no-op. Returning the object as is.",
            stacklevel=2,
        )
        return func
    if example_inputs is None and example_kwarg_inputs is None:
        raise RuntimeError("example_kwarg_inputs should be a dict")
    if example_kwarg_inputs is not None and not isinstance(example_kwarg_inputs, dict):
        raise RuntimeError("example_kwarg_inputs should be a dict")
    owner = getattr(func, "__self__", None)
    if isinstance(owner, Module) and getattr(func, "__name__", "") == "forward":
        func = owner
    if isinstance(func, Module):
        _run(func, example_inputs, example_kwarg_inputs, strict)
        return copied(func, TopLevelTracedModule)
    if isinstance(owner, Module):
        raise AttributeError("trace doesn't support compiling individual module's functions.\nPlease use trace_module")
    if not callable(func):
        raise TypeError(f"torch.jit.trace expects a function or a module, got {type(func).__name__}")
    _run(func, example_inputs, example_kwarg_inputs, strict)
    return ScriptFunction(func if inspect.isroutine(func) else functools.wraps(type(func).__call__)(func.__call__))


def trace_module(
    mod: Any, inputs: Any, optimize: Any = None, check_trace: bool = True, check_inputs: Any = None,
    check_tolerance: float = 1e-5, strict: bool = True, _force_outplace: bool = False, _module_class: Any = None,
    _compilation_unit: Any = None, example_inputs_is_kwarg: bool = False, _store_inputs: bool = True,
) -> Any:  # fmt: skip
    """A module after a call of each method that ``inputs`` names, with its examples (:func:`trace`)."""
    if not isinstance(mod, Module):
        raise AttributeError("expected torch.nn.Module as the first argument")
    if not isinstance(inputs, dict):
        raise AttributeError("expected a dictionary of (method_name, input) pairs")
    for name, examples in inputs.items():
        given, keywords = (None, examples) if example_inputs_is_kwarg else (examples, None)
        _run(mod if name == "forward" else getattr(mod, name), given, keywords, strict)
    return copied(mod, TopLevelTracedModule)


def _script_if_tracing(fn: _F) -> _F:
    """A function that is scripted when it is called while tracing, which changes nothing in what it gives."""

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return (script(fn) if is_tracing() else fn)(*args, **kwargs)

    wrapper.__dict__["__original_fn"] = fn
    wrapper.__dict__["__script_if_tracing_wrapper"] = True
    return wrapper  # type: ignore[return-value]


def _unique_state_dict(module: Module, keep_vars: bool = False) -> dict[str, Any]:
    """``state_dict`` with each tensor under its first name only."""
    seen: set[int] = set()
    found: dict[str, Any] = {}
    for name, value in module.state_dict(keep_vars=True).items():
        if id(value) not in seen:
            seen.add(id(value))
            found[name] = value if keep_vars or not isinstance(value, Tensor) else value.detach()
    return found
