"""Which of a network's modules are wrapped: policies, and the walk that asks them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...nn.modules.activation import MultiheadAttention
from ...nn.modules.container import ModuleDict, ModuleList
from ...nn.modules.module import Module

__all__ = [
    "CustomPolicy", "ModuleWrapPolicy", "always_wrap_policy", "enable_wrap", "lambda_auto_wrap_policy",
    "size_based_auto_wrap_policy", "transformer_auto_wrap_policy", "wrap",
]  # fmt: skip

EXCLUDED: set[type[Module]] = {ModuleList, ModuleDict}
"""Containers that are never called, so that wrapping them would do nothing."""
KEPT_WHOLE: set[type[Module]] = {MultiheadAttention}
"""Modules that read the parameters of those inside."""


def always_wrap_policy(*args: Any, **kwargs: Any) -> bool:
    """Wrap every module."""
    return True


def lambda_auto_wrap_policy(
    module: Module, recurse: bool, nonwrapped_numel: int, lambda_fn: Callable[[Module], bool]
) -> bool:
    """Wrap the modules for which ``lambda_fn(module)``."""
    return True if recurse else lambda_fn(module)


def transformer_auto_wrap_policy(
    module: Module, recurse: bool, nonwrapped_numel: int, transformer_layer_cls: set[type[Module]]
) -> bool:
    """Wrap the modules of these classes."""
    return _module_wrap_policy(module, recurse, nonwrapped_numel, transformer_layer_cls)


def _module_wrap_policy(module: Module, recurse: bool, nonwrapped_numel: int, module_classes: set[type[Module]]) -> bool:
    return True if recurse else isinstance(module, tuple(module_classes))


def size_based_auto_wrap_policy(
    module: Module,
    recurse: bool,
    nonwrapped_numel: int,
    min_num_params: int = 100_000_000,
    force_leaf_modules: set[type[Module]] | None = None,
    exclude_wrap_modules: set[type[Module]] | None = None,
) -> bool:
    """Wrap modules with so many elements in parameters that are not wrapped yet."""
    whole = size_based_auto_wrap_policy.FORCE_LEAF_MODULES if force_leaf_modules is None else force_leaf_modules  # type: ignore[attr-defined]
    excluded = size_based_auto_wrap_policy.EXCLUDE_WRAP_MODULES if exclude_wrap_modules is None else exclude_wrap_modules  # type: ignore[attr-defined]
    large = nonwrapped_numel >= min_num_params
    return large and not isinstance(module, tuple(whole if recurse else excluded))


size_based_auto_wrap_policy.EXCLUDE_WRAP_MODULES = EXCLUDED  # type: ignore[attr-defined]
size_based_auto_wrap_policy.FORCE_LEAF_MODULES = KEPT_WHOLE  # type: ignore[attr-defined]


class ModuleWrapPolicy:
    """Wrap the modules of these classes."""

    def __init__(self, module_classes: Iterable[type[Module]]) -> None:
        self._module_classes = set(module_classes)
        self._module_classes_str = str(self._module_classes)

    def __call__(self, module: Module, recurse: bool, *args: Any, **kwargs: Any) -> bool:
        return _module_wrap_policy(module, recurse, -1, self._module_classes)

    def __repr__(self) -> str:
        return f"{super().__repr__()}({self._module_classes_str})"


class CustomPolicy:
    """Wrap the modules for which ``lambda_fn(module)`` is true, or a dictionary of options for the wrapper."""

    def __init__(self, lambda_fn: Callable[[Module], bool | dict[str, Any]]) -> None:
        self._lambda_fn = lambda_fn


_wrapper: list[tuple[Callable[..., Module], dict[str, Any]]] = []
"""What :func:`wrap` wraps in, the innermost context last."""


@contextlib.contextmanager
def enable_wrap(*, wrapper_cls: Any, **wrapper_kwargs: Any) -> Iterator[None]:
    """A context in which :func:`wrap` makes ``wrapper_cls(module, **wrapper_kwargs)``."""
    _wrapper.append((wrapper_cls, wrapper_kwargs))
    try:
        yield
    finally:
        _wrapper.pop()


def wrap(module: Module, **wrap_overrides: Any) -> Module:
    """``module`` wrapped as :func:`enable_wrap` says; outside of it, the module itself."""
    if not _wrapper:
        return module
    wrapper, options = _wrapper[-1]
    return wrapper(module, **{**options, **wrap_overrides})


def _recursive_wrap(
    module: Module,
    auto_wrap_policy: Callable[..., bool],
    wrapper_cls: Callable[..., Any],
    ignored_modules: set[Module],
    ignored_params: set[Any],
    only_wrap_children: bool = False,
    **kwargs: Any,
) -> tuple[Module, int]:
    """Wrap those modules inside of which the policy says so, the innermost first; and how many elements that covers."""
    numbers = [parameter.numel() for parameter in module.parameters() if parameter not in ignored_params]
    total = sum(numbers)
    if not auto_wrap_policy(module=module, recurse=True, nonwrapped_numel=total):
        return module, 0
    covered = 0
    for name, child in list(module.named_children()):
        if child not in ignored_modules:
            wrapped, count = _recursive_wrap(child, auto_wrap_policy, wrapper_cls, ignored_modules, ignored_params, **kwargs)
            setattr(module, name, wrapped)
            covered += count
    if not only_wrap_children and auto_wrap_policy(module=module, recurse=False, nonwrapped_numel=total - covered):
        return wrapper_cls(module, **kwargs), total
    return module, covered
