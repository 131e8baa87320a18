"""Hooks of modules: their registration, on one module or on all, and the call of a module that has some."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...core.hooks import RemovableHandle
from ...core.tensor import Tensor
from ...graph.notices import warn

if TYPE_CHECKING:
    from .module import Module

Hook = Callable[..., Any]
Hooks = OrderedDict[int, Hook]

_global_backward_pre_hooks: Hooks = OrderedDict()
_global_backward_hooks: Hooks = OrderedDict()
_global_is_full_backward_hook: bool | None = None
_global_forward_pre_hooks: Hooks = OrderedDict()
_global_forward_hooks: Hooks = OrderedDict()
_global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
_global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
_global_buffer_registration_hooks: Hooks = OrderedDict()
_global_module_registration_hooks: Hooks = OrderedDict()
_global_parameter_registration_hooks: Hooks = OrderedDict()

_MIXED = "Cannot use both regular backward hooks and full backward hooks {}. Please use only one of them."


def _add(hooks: Any, hook: Hook, prepend: bool = False, **flags: tuple[Any, bool]) -> RemovableHandle:
    """Register ``hook`` in ``hooks``; each flag is a dictionary and whether the hook's id is to be noted in it."""
    handle = RemovableHandle.add(hooks, hook, prepend, extra_dict=[notes for notes, _ in flags.values()])
    for notes, noted in flags.values():
        if noted:
            notes[handle.id] = True
    return handle


def register_module_buffer_registration_hook(hook: Callable[..., None]) -> RemovableHandle:
    """``hook(module, name, buffer)`` runs whenever a buffer is registered; what it returns replaces the buffer."""
    return _add(_global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable[..., None]) -> RemovableHandle:
    """``hook(module, name, submodule)`` runs whenever a submodule is registered; what it returns replaces it."""
    return _add(_global_module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook: Callable[..., None]) -> RemovableHandle:
    """``hook(module, name, parameter)`` runs whenever a parameter is registered; what it returns replaces it."""
    return _add(_global_parameter_registration_hooks, hook)


def register_module_forward_pre_hook(hook: Callable[..., None]) -> RemovableHandle:
    """``hook(module, args)`` runs before every module's ``forward``, ahead of the module's own pre-hooks."""
    return _add(_global_forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Callable[..., None], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """``hook(module, args, output)`` runs after every module's ``forward``, ahead of the module's own hooks."""
    return _add(
        _global_forward_hooks,
        hook,
        with_kwargs=(_global_forward_hooks_with_kwargs, with_kwargs),
        always_called=(_global_forward_hooks_always_called, always_call),
    )


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """The deprecated global hook on the gradient function of every module's output."""
    _set_global_kind(full=False)
    return _add(_global_backward_hooks, hook)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """``hook(module, grad_output)`` runs before any module's gradients are computed."""
    return _add(_global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """``hook(module, grad_input, grad_output)`` runs when the gradients of any module's inputs are known."""
    _set_global_kind(full=True)
    return _add(_global_backward_hooks, hook)


def _set_global_kind(full: bool) -> None:
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is not None and _global_is_full_backward_hook is not full:
        raise RuntimeError(_MIXED.format("as a global Module hook"))
    _global_is_full_backward_hook = full


def _has_any_global_hook() -> bool:
    return bool(
        _global_backward_pre_hooks or _global_backward_hooks or _global_forward_hooks or _global_forward_pre_hooks
    )


__all__ = [name for name in globals() if name.startswith("register_module_")]


class _WrappedHook:
    """A hook that is handed its module first, which it refers to weakly."""

    def __init__(self, hook: Hook, module: Any = None) -> None:
        import weakref

        self.hook = hook
        self.with_module = module is not None
        self.module: Any = None if module is None else weakref.ref(module)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.with_module:
            return self.hook(*args, **kwargs)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        state = {"hook": self.hook, "with_module": self.with_module}
        if self.with_module:
            state["module"] = self.module()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["with_module"] and state["module"] is None:
            raise RuntimeError("You are trying to revive the hook of a dead Module!")
        self.__init__(state["hook"], state.get("module"))  # type: ignore[misc]


class ModuleHooks:
    """The part of a module that registers hooks and calls ``forward`` among them."""

    training: bool
    forward: Callable[..., Any]
    _backward_pre_hooks: Hooks
    _backward_hooks: Hooks
    _is_full_backward_hook: bool | None
    _forward_hooks: Hooks
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: Hooks
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _compiled_call_impl: Any = None

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """``hook(module, grad_output)`` runs before the module's gradients are computed and may replace the latter."""
        return _add(self._backward_pre_hooks, hook, prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """The deprecated hook on the gradient function of the module's output; prefer the full backward hook."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(_MIXED.format("on a single Module"))
        self._is_full_backward_hook = False
        return _add(self._backward_hooks, hook)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """``hook(module, grad_input, grad_output)`` runs when the inputs' gradients are known and may replace them."""
        if self._is_full_backward_hook is False:
            raise RuntimeError(_MIXED.format("on a single Module"))
        self._is_full_backward_hook = True
        return _add(self._backward_hooks, hook, prepend)

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """``hook(module, args)`` (or ``hook(module, args, kwargs)``) runs before ``forward`` and may replace both."""
        return _add(
            self._forward_pre_hooks, hook, prepend, with_kwargs=(self._forward_pre_hooks_with_kwargs, with_kwargs)
        )

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """``hook(module, args, output)`` (or with ``kwargs`` third) runs after ``forward`` and may replace the output.

        With ``always_call`` it also runs when ``forward`` raises.
        """
        return _add(
            self._forward_hooks,
            hook,
            prepend,
            with_kwargs=(self._forward_hooks_with_kwargs, with_kwargs),
            always_called=(self._forward_hooks_always_called, always_call),
        )

    def _get_backward_hooks(self) -> tuple[list[Hook], list[Hook]]:
        """The full and the other backward hooks, global ones first."""
        full: list[Hook] = []
        other: list[Hook] = []
        (full if _global_is_full_backward_hook is True else other).extend(_global_backward_hooks.values())
        (full if self._is_full_backward_hook is True else other).extend(self._backward_hooks.values())
        return full, other

    def _get_backward_pre_hooks(self) -> list[Hook]:
        return [*_global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]

    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        # Written out in one condition: a module without hooks is called many times a step.
        if not (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
            or _global_forward_hooks
            or _global_forward_pre_hooks
            or _global_backward_hooks
            or _global_backward_pre_hooks
        ):
            return self.forward(*args, **kwargs)
        return _HookedCall(self, args, kwargs).run()  # type: ignore[arg-type]

    __call__: Callable[..., Any] = _call_impl

    def _wrapped_call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return self._call_impl(*args, **kwargs)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Check the options, as :func:`flambeau.compile` does: every program is compiled as it runs."""
        from ..._dynamo.options import checked

        self.__dict__["_compiled_call_impl"] = checked(self._call_impl, *args, **kwargs)


class _HookedCall:
    """One call of a module that has hooks."""

    def __init__(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.called: set[int] = set()  # hooks with ``always_call`` that have run

    def run(self) -> Any:
        try:
            return self._run()
        except Exception:
            self._call_always_called_hooks()
            raise

    def _run(self) -> Any:
        module = self.module
        full_hooks, other_hooks = module._get_backward_hooks()
        pre_hooks = module._get_backward_pre_hooks()
        self._call_forward_pre_hooks()
        backward_hook = None
        if full_hooks or pre_hooks:
            from ..backward_hook import BackwardHook

            backward_hook = BackwardHook(module, full_hooks, pre_hooks)
            self.args = backward_hook.setup_input_hook(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        self._call_forward_hooks()
        if backward_hook is not None:
            if not isinstance(self.result, (Tensor, tuple)):
                warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but "
                    f"received {type(self.result)}",
                )
            self.result = backward_hook.setup_output_hook(self.result)
        if other_hooks:
            self._register_on_gradient(other_hooks)
        return self.result

    def _call_forward_pre_hooks(self) -> None:
        module = self.module
        for number, hook in (*_global_forward_pre_hooks.items(), *module._forward_pre_hooks.items()):
            if number in module._forward_pre_hooks_with_kwargs:
                replaced = hook(module, self.args, self.kwargs)
                if replaced is None:
                    continue
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
                    )
                self.args, self.kwargs = replaced
            else:
                replaced = hook(module, self.args)
                if replaced is not None:
                    self.args = replaced if isinstance(replaced, tuple) else (replaced,)

    def _call_forward_hooks(self) -> None:
        module = self.module
        for number, hook in (*_global_forward_hooks.items(), *module._forward_hooks.items()):
            if number in module._forward_hooks_always_called or number in _global_forward_hooks_always_called:
                self.called.add(number)
            replaced = self._call_forward_hook(number, hook)
            if replaced is not None:
                self.result = replaced

    def _call_forward_hook(self, number: int, hook: Hook) -> Any:
        if number in self.module._forward_hooks_with_kwargs or number in _global_forward_hooks_with_kwargs:
            return hook(self.module, self.args, self.kwargs, self.result)
        return hook(self.module, self.args, self.result)

    def _call_always_called_hooks(self) -> None:
        module = self.module
        for title, hooks, always_called in (
            ("global module", _global_forward_hooks, _global_forward_hooks_always_called),
            ("module", module._forward_hooks, module._forward_hooks_always_called),
        ):
            for number, hook in hooks.items():
                if number not in always_called or number in self.called:
                    continue
                try:
                    replaced = self._call_forward_hook(number, hook)
                except Exception as error:
                    warn(
                        f"{title} forward hook with ``always_call=True`` raised an exception that was silenced as "
                        f"another error was raised in forward: {error}",
                    )
                else:
                    if replaced is not None:
                        self.result = replaced

    def _register_on_gradient(self, hooks: list[Hook]) -> None:
        """The deprecated kind of backward hook: it goes to the gradient function of the first tensor returned."""
        value = self.result
        while not isinstance(value, Tensor):
            if isinstance(value, dict):
                value = next(item for item in value.values() if isinstance(item, Tensor))
            else:
                value = value[0]
        if value.grad_fn is not None:
            for hook in hooks:
                value.grad_fn.register_hook(_WrappedHook(hook, self.module))
            self._warn_about_partial_gradients(value.grad_fn)

    def _warn_about_partial_gradients(self, grad_fn: Any) -> None:
        """Say so if the gradient function's inputs or outputs are not those of the module."""
        results = self.result if isinstance(self.result, tuple) else (self.result,)
        if not all(isinstance(value, Tensor) for value in results):
            problem = "hooks on a Module that does not return a single Tensor or a tuple of Tensors"
            missing = "some of the grad_output"
        elif not all(isinstance(value, Tensor) for value in self.args):
            problem = "hooks on a Module that does not take as input a single Tensor or a tuple of Tensors"
            missing = "some of the grad_input"
        elif len({value.grad_fn for value in results if value.grad_fn is not None}) > 1:
            problem = "hook when outputs are generated by different autograd Nodes"
            missing = "some grad_output"
        elif {value.grad_fn for value in self.args if value.grad_fn is not None} != {
            function for function, _ in grad_fn.next_functions
        }:
            problem = "hook when the forward contains multiple autograd Nodes"
            missing = "some grad_input"
        else:
            return
        article = "" if problem.startswith("hooks") else "a "
        warn(
            f"Using {article}non-full backward {problem} is deprecated and will be removed in future versions. This "
            f"hook will be missing {missing}. Please use register_full_backward_hook to get the documented behavior.",
            FutureWarning,
        )
