"""Layers of a network that follow each other, made one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from flambeau import nn

from .fuser_method_mappings import get_fuser_method

__all__ = ["fuse_known_modules", "fuse_modules", "fuse_modules_qat"]


def fuse_known_modules(mod_list: Any, is_qat: bool, additional_fuser_method_mapping: Any = None) -> list[Any]:
    """The layers with the first being all of them, and identities in the places of the others.

    ``NotImplementedError`` for layers that nothing makes one of.
    """
    types = tuple([nn.utils.parametrize.type_before_parametrizations(layer) for layer in mod_list])
    fuser = get_fuser_method(types, additional_fuser_method_mapping)
    fused = fuser(is_qat, *mod_list)
    first, last = mod_list[0], mod_list[-1]
    # What is to run before the first layer runs before the fused one; what is to run after the last, after it.
    for hook in first._forward_pre_hooks.values():
        fused.register_forward_pre_hook(hook)
    first._forward_pre_hooks.clear()
    for hook in last._forward_hooks.values():
        fused.register_forward_hook(hook)
    last._forward_hooks.clear()
    rest = [nn.Identity().train(first.training) for _ in mod_list[1:]]
    return [fused, *rest]


def _fuse_modules(
    model: Any, modules_to_fuse: Any, is_qat: bool, inplace: bool, fuser_func: Callable[..., Any], custom: Any
) -> Any:
    if not inplace:
        model = copy.deepcopy(model)
    groups = [modules_to_fuse] if all(isinstance(name, str) for name in modules_to_fuse) else modules_to_fuse
    mapping = (custom or {}).get("additional_fuser_method_mapping", {})
    for names in groups:
        fused = fuser_func([model.get_submodule(name) for name in names], is_qat, mapping)
        for name, module in zip(names, fused):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent) if parent else model, own, module)
    return model


def fuse_modules(
    model: Any, modules_to_fuse: Any, inplace: bool = False, fuser_func: Callable[..., Any] = fuse_known_modules,
    fuse_custom_config_dict: Any = None,
) -> Any:  # fmt: skip
    """A copy of ``model`` (itself, if ``inplace``) in which layers of these names, or of each list of names, are one.

    That is for networks that are not trained any more: normalizations become part of weights. ``AssertionError`` for layers that
    nothing makes one of.
    """
    return _fuse_modules(model, modules_to_fuse, False, inplace, fuser_func, fuse_custom_config_dict)


def fuse_modules_qat(
    model: Any, modules_to_fuse: Any, inplace: bool = False, fuser_func: Callable[..., Any] = fuse_known_modules,
    fuse_custom_config_dict: Any = None,
) -> Any:  # fmt: skip
    """:func:`fuse_modules` for networks that are to be trained: normalizations stay what they are."""
    return _fuse_modules(model, modules_to_fuse, True, inplace, fuser_func, fuse_custom_config_dict)
