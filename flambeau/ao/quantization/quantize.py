"""Networks made ready to be observed, or trained with rounded numbers, and converted into quantized ones."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau import nn
from flambeau.ao.nn import quantized as nnq
from flambeau.nn.utils.parametrize import type_before_parametrizations

from . import qconfig as configurations
from .fake_quantize import FakeQuantizeBase
from .observer import _is_activation_post_process
from .quantization_mappings import (
    _get_special_act_post_process,
    get_default_dynamic_quant_module_mappings,
    get_default_qat_module_mappings,
    get_default_qconfig_propagation_list,
    get_default_static_quant_module_mappings,
    no_observer_set,
)
from .stubs import DeQuantStub, QuantWrapper
from .utils import has_no_children_ignoring_parametrizations

__all__ = [
    "add_quant_dequant", "convert", "get_default_custom_config_dict", "prepare", "prepare_qat", "propagate_qconfig_", "quantize",
    "quantize_dynamic", "quantize_qat", "swap_module",
]  # fmt: skip


def get_default_custom_config_dict() -> dict[str, Any]:
    """What modules of a program's own become when they are observed, and when they are converted: nothing, by default."""
    return {"float_to_observed_custom_module_class": {}, "observed_to_quantized_custom_module_class": {}}


def propagate_qconfig_(module: Any, qconfig_dict: Any = None, prepare_custom_config_dict: Any = None) -> None:
    """Give ``qconfig`` to all layers within a module: of their name or type in ``qconfig_dict``, or what is around them has."""
    _propagate(module, qconfig_dict or {}, None, "", prepare_custom_config_dict or {})


def _propagate(module: Any, by_name: Any, around: Any, prefix: str, custom: Any) -> None:
    found = by_name.get(type_before_parametrizations(module), around)
    found = by_name.get(prefix, found)
    own = getattr(module, "qconfig", found)
    module.qconfig = own
    for name, child in module.named_children():
        if name in custom.get("non_traceable_module_name", []) or type(child) in custom.get("non_traceable_module_class", []):
            continue
        _propagate(child, by_name, own, f"{prefix}.{name}" if prefix else name, custom)


def _forward_hook(module: Any, input: Any, output: Any) -> Any:
    return module.activation_post_process(output)


def _forward_pre_hook(module: Any, input: Any) -> Any:
    return module.activation_post_process(input[0])


def _observe(module: Any, made: Any, before: bool = False) -> None:
    """Have an observer see what a layer gives (or what it is given, ``before``), before all other hooks."""
    module.add_module("activation_post_process", made)
    if before:
        module.register_forward_pre_hook(_forward_pre_hook, prepend=True)
    else:
        module.register_forward_hook(_forward_hook, prepend=True)


def _add_observer_(module: Any, propagated: Any, non_leaf: Any = None, custom: Any = None) -> None:
    propagated = get_default_qconfig_propagation_list() if propagated is None else propagated
    custom = custom or {}
    for name, child in module.named_children():
        kind = type_before_parametrizations(child)
        configuration = getattr(child, "qconfig", None)
        if kind in (nn.Dropout,) or _is_activation_post_process(child):
            continue
        special = _get_special_act_post_process(child)
        if issubclass(kind, (nnq.FloatFunctional, nnq.QFunctional)):
            if configuration is not None:
                child.activation_post_process = configuration.activation()
        elif isinstance(child, nn.Sequential) and type(child).__module__.startswith(_INTRINSIC):
            if configuration is not None:
                _observe(child, configuration.activation())
        elif non_leaf is not None and kind in non_leaf:
            if configuration is not None:
                _observe(child, configuration.activation())
        elif configuration is not None and special:
            _observe(child, special())
        elif configuration is not None and kind in custom:
            observed = custom[kind].from_float(child)
            setattr(module, name, observed)
            if not issubclass(custom[kind], tuple(no_observer_set())):
                _observe(observed, configuration.activation())
        elif isinstance(child, DeQuantStub):
            continue
        elif configuration is not None and kind in propagated and has_no_children_ignoring_parametrizations(child):
            if not isinstance(child, nn.Sequential):
                _observe(child, configuration.activation())
        elif isinstance(getattr(child, "weight_fake_quant", None), FakeQuantizeBase) and configuration is not None:
            _observe(child, configuration.activation())
        else:
            _add_observer_(child, propagated, non_leaf, custom)
    if has_no_children_ignoring_parametrizations(module) and not isinstance(module, nn.Sequential):
        kind = type_before_parametrizations(module)
        if kind in propagated and getattr(module, "qconfig", None) is not None:
            _observe(module, module.qconfig.activation())


_INTRINSIC = ("flambeau.ao.nn.intrinsic", "torch.ao.nn.intrinsic")


def add_quant_dequant(module: Any) -> Any:
    """``module`` with each layer that has a configuration between a place that quantizes and one that gives numbers again."""
    if has_no_children_ignoring_parametrizations(module) and getattr(module, "qconfig", None):
        return QuantWrapper(module)
    for name, child in module.named_children():
        module._modules[name] = add_quant_dequant(child)
    return module


def prepare(
    model: Any, inplace: bool = False, allow_list: Any = None, observer_non_leaf_module_list: Any = None,
    prepare_custom_config_dict: Any = None,
) -> Any:  # fmt: skip
    """A copy of ``model`` (itself, if ``inplace``) in which observers see what layers give.

    ``qconfig`` of the model, and of layers within it, says which. A warning if there is none.
    """
    custom = (prepare_custom_config_dict or {}).get("float_to_observed_custom_module_class", {})
    if not inplace:
        model = copy.deepcopy(model)
    propagate_qconfig_(model)
    if not any(getattr(module, "qconfig", None) for module in model.modules()):
        warnings.warn(
            "None of the submodule got qconfig applied. Make sure you passed correct configuration through `qconfig_dict` or "
            "by assigning the `.qconfig` attribute directly on submodules"
        )
    _add_observer_(model, allow_list, observer_non_leaf_module_list, custom)
    return model


def _remove_qconfig(module: Any) -> None:
    for child in module.children():
        _remove_qconfig(child)
    if hasattr(module, "qconfig"):
        del module.qconfig
    seen = getattr(module, "activation_post_process", None)
    if seen is not None and _is_activation_post_process(seen):
        del module.activation_post_process
    for hooks, hook in ((module._forward_hooks, _forward_hook), (module._forward_pre_hooks, _forward_pre_hook)):
        for key in [key for key, value in hooks.items() if value is hook]:
            del hooks[key]


def quantize(model: Any, run_fn: Callable[..., Any], run_args: Any, mapping: Any = None, inplace: bool = False) -> Any:
    """``model``, observed while ``run_fn(model, *run_args)`` runs, and converted."""
    mapping = get_default_static_quant_module_mappings() if mapping is None else mapping
    if not inplace:
        model = copy.deepcopy(model)
    model.eval()
    prepare(model, inplace=True)
    run_fn(model, *run_args)
    convert(model, mapping, inplace=True)
    return model


def quantize_dynamic(
    model: Any, qconfig_spec: Any = None, dtype: Any = flambeau.qint8, mapping: Any = None, inplace: bool = False
) -> Any:
    """``model`` with weights quantized, whose layers quantize what they are given when it comes.

    ``qconfig_spec`` says which layers: a set of types and names, or a dictionary of their configurations; by default linear maps
    and recurrent layers. ``dtype`` is that of the weights: ``qint8``, ``float16``, or ``quint8`` for tables of vectors.
    ``ValueError`` for others.
    """
    if qconfig_spec is None:
        recurrent = (nn.Linear, nn.LSTM, nn.GRU, nn.LSTMCell, nn.RNNCell, nn.GRUCell)
        if dtype is flambeau.qint8:
            qconfig_spec = dict.fromkeys(recurrent, configurations.default_dynamic_qconfig)
        elif dtype is flambeau.float16:
            qconfig_spec = dict.fromkeys(recurrent, configurations.float16_dynamic_qconfig)
        elif dtype is flambeau.quint8:
            qconfig_spec = dict.fromkeys((nn.EmbeddingBag, nn.Embedding), configurations.float_qparams_weight_only_qconfig)
        else:
            raise ValueError(
                f"Don't know how to quantize with default settings for {dtype}. Provide full qconfig please"
            )
    elif isinstance(qconfig_spec, set):
        chosen = {
            flambeau.qint8: configurations.default_dynamic_qconfig,
            flambeau.float16: configurations.float16_dynamic_qconfig,
            flambeau.quint8: configurations.float_qparams_weight_only_qconfig,
        }
        if dtype not in chosen:
            raise RuntimeError("Unknown dtype specified for quantize_dynamic: ", str(dtype))
        qconfig_spec = dict.fromkeys(qconfig_spec, chosen[dtype])
    mapping = get_default_dynamic_quant_module_mappings() if mapping is None else mapping
    if not inplace:
        model = copy.deepcopy(model)
    model.eval()
    propagate_qconfig_(model, qconfig_spec)
    convert(model, mapping, inplace=True)
    return model


def prepare_qat(model: Any, mapping: Any = None, inplace: bool = False) -> Any:
    """A copy of ``model`` (itself, if ``inplace``) whose layers round weights and what they give, to be trained so.

    ``AssertionError`` unless it is in training mode.
    """
    assert model.training, "prepare_qat only works on models in training mode"
    mapping = get_default_qat_module_mappings() if mapping is None else mapping
    if not inplace:
        model = copy.deepcopy(model)
    propagate_qconfig_(model)
    convert(model, mapping=mapping, inplace=True, remove_qconfig=False)
    prepare(model, observer_non_leaf_module_list=set(mapping.values()), inplace=True)
    return model


def quantize_qat(model: Any, run_fn: Callable[..., Any], run_args: Any, inplace: bool = False) -> Any:
    """``model``, trained by ``run_fn(model, *run_args)`` with rounded numbers, and converted."""
    if not inplace:
        model = copy.deepcopy(model)
    model.train()
    prepare_qat(model, inplace=True)
    run_fn(model, *run_args)
    convert(model, inplace=True)
    return model


def convert(
    module: Any, mapping: Any = None, inplace: bool = False, remove_qconfig: bool = True, is_reference: bool = False,
    convert_custom_config_dict: Any = None, use_precomputed_fake_quant: bool = False,
) -> Any:  # fmt: skip
    """A copy of ``module`` (itself, if ``inplace``) with quantized layers in the places of observed ones.

    ``mapping`` has the layers by the types whose places they take. ``NotImplementedError`` for ``is_reference``.
    """
    if is_reference:
        raise NotImplementedError("convert(): networks of reference layers (is_reference=True) are not offered")
    custom = (convert_custom_config_dict or {}).get("observed_to_quantized_custom_module_class", {})
    if not inplace:
        module = copy.deepcopy(module)
    _convert(module, get_default_static_quant_module_mappings() if mapping is None else mapping, custom)
    if remove_qconfig:
        _remove_qconfig(module)
    return module


def _convert(module: Any, mapping: Any, custom: Any) -> None:
    swapped = {}
    for name, child in module.named_children():
        fused = isinstance(child, nn.Sequential) and type(child).__module__.startswith(_INTRINSIC)
        if not fused and type_before_parametrizations(child) not in custom:
            _convert(child, mapping, custom)
        swapped[name] = swap_module(child, mapping, custom)
    module._modules.update(swapped)


def swap_module(mod: Any, mapping: Any, custom_module_class_mapping: Any, use_precomputed_fake_quant: bool = False) -> Any:
    """The layer that takes the place of ``mod``, with its hooks, or ``mod`` itself."""
    if getattr(mod, "qconfig", None) is None:
        return mod
    kind = type_before_parametrizations(mod)
    made = mod
    if kind in custom_module_class_mapping:
        made = custom_module_class_mapping[kind].from_observed(mod)
    elif kind in mapping:
        made = mapping[kind].from_float(mod)
    if made is mod:
        return mod
    for hook in mod._forward_pre_hooks.values():
        made.register_forward_pre_hook(hook)
    for hook in mod._forward_hooks.values():
        if hook is not _forward_hook:
            made.register_forward_hook(hook)
    return made
