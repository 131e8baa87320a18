"""Which layers take the place of which, in each kind of quantization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau import nn
from flambeau.ao.nn import intrinsic, qat
from flambeau.ao.nn import quantized as nnq
from flambeau.ao.nn.intrinsic import qat as fused_qat
from flambeau.ao.nn.intrinsic import quantized as fused
from flambeau.ao.nn.intrinsic.quantized import dynamic as fused_dynamic
from flambeau.ao.nn.qat import dynamic as dynamic_qat
from flambeau.ao.nn.quantized import dynamic
from flambeau.nn.modules.linear import NonDynamicallyQuantizableLinear

from .fake_quantize import default_fixed_qparams_range_0to1_fake_quant, default_fixed_qparams_range_neg1to1_fake_quant
from .stubs import DeQuantStub, QuantStub

__all__ = [
    "DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS", "DEFAULT_MODULE_TO_ACT_POST_PROCESS", "DEFAULT_QAT_MODULE_MAPPINGS",
    "DEFAULT_STATIC_QUANT_MODULE_MAPPINGS", "get_default_compare_output_module_list",
    "get_default_dynamic_quant_module_mappings", "get_default_qat_module_mappings", "get_default_qconfig_propagation_list",
    "get_default_static_quant_module_mappings", "get_dynamic_quant_module_class", "get_embedding_qat_module_mappings",
    "get_embedding_static_quant_module_mappings", "get_static_quant_module_class", "no_observer_set",
]  # fmt: skip

_SAME_NAMES = (
    "BatchNorm2d BatchNorm3d Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d Dropout ELU Embedding "
    "EmbeddingBag GroupNorm Hardswish InstanceNorm1d InstanceNorm2d InstanceNorm3d LayerNorm LeakyReLU Linear PReLU ReLU6"
)
_FUSED = "BNReLU2d BNReLU3d ConvReLU1d ConvReLU2d ConvReLU3d LinearReLU"

DEFAULT_STATIC_QUANT_MODULE_MAPPINGS: dict[Any, Any] = {
    QuantStub: nnq.Quantize,
    DeQuantStub: nnq.DeQuantize,
    NonDynamicallyQuantizableLinear: nnq.Linear,
    nnq.FloatFunctional: nnq.QFunctional,
    **{getattr(nn, name): getattr(nnq, name) for name in _SAME_NAMES.split()},
    **{getattr(intrinsic, name): getattr(fused, name) for name in _FUSED.split()},
    **{getattr(fused_qat, f"ConvBn{n}d"): getattr(nnq, f"Conv{n}d") for n in (1, 2, 3)},
    **{getattr(fused_qat, f"ConvBnReLU{n}d"): getattr(fused, f"ConvReLU{n}d") for n in (1, 2, 3)},
    **{getattr(fused_qat, f"ConvReLU{n}d"): getattr(fused, f"ConvReLU{n}d") for n in (1, 2, 3)},
    fused_qat.LinearReLU: fused.LinearReLU,
    fused_qat.LinearBn1d: nnq.Linear,
    **{getattr(qat, name): getattr(nnq, name) for name in ("Conv1d", "Conv2d", "Conv3d", "Linear")},
}
DEFAULT_QAT_MODULE_MAPPINGS: dict[Any, Any] = {
    **{getattr(nn, name): getattr(qat, name) for name in ("Conv2d", "Conv3d", "Linear")},
    NonDynamicallyQuantizableLinear: qat.Linear,
    **{
        getattr(intrinsic, name): getattr(fused_qat, name)
        for name in (
            "ConvBn1d", "ConvBn2d", "ConvBn3d", "ConvBnReLU1d", "ConvBnReLU2d", "ConvBnReLU3d", "ConvReLU2d", "ConvReLU3d",
            "LinearBn1d", "LinearReLU",
        )
    },
}  # fmt: skip
DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS: dict[Any, Any] = {
    **{getattr(nn, name): getattr(dynamic, name) for name in ("GRU", "GRUCell", "LSTM", "LSTMCell", "Linear", "RNNCell")},
    dynamic_qat.Linear: dynamic.Linear,
    NonDynamicallyQuantizableLinear: dynamic.Linear,
    intrinsic.LinearReLU: fused_dynamic.LinearReLU,
    nn.Embedding: nnq.Embedding,
    nn.EmbeddingBag: nnq.EmbeddingBag,
}
_EMBEDDINGS_QAT: dict[Any, Any] = {nn.Embedding: qat.Embedding, nn.EmbeddingBag: qat.EmbeddingBag}
_EMBEDDINGS_STATIC: dict[Any, Any] = {qat.Embedding: nnq.Embedding, qat.EmbeddingBag: nnq.EmbeddingBag}
DEFAULT_MODULE_TO_ACT_POST_PROCESS: dict[Any, Any] = {
    nn.Hardsigmoid: default_fixed_qparams_range_0to1_fake_quant,
    nn.Sigmoid: default_fixed_qparams_range_0to1_fake_quant,
    nn.Softmax: default_fixed_qparams_range_0to1_fake_quant,
    nn.Tanh: default_fixed_qparams_range_neg1to1_fake_quant,
}


def no_observer_set() -> set[Any]:
    """Layers that need no observer: what they give is quantized as what they are given."""
    return {nnq.Quantize, nnq.DeQuantize, nn.Dropout, QuantStub, DeQuantStub}


def get_default_static_quant_module_mappings() -> dict[Any, Any]:
    """The layers that take the places of observed ones."""
    return dict(DEFAULT_STATIC_QUANT_MODULE_MAPPINGS)


def get_default_qat_module_mappings() -> dict[Any, Any]:
    """The layers to train that take the places of those of ``nn``."""
    return dict(DEFAULT_QAT_MODULE_MAPPINGS)


def get_default_dynamic_quant_module_mappings() -> dict[Any, Any]:
    """The layers that quantize what they are given, by those whose places they take."""
    return dict(DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS)


def get_embedding_qat_module_mappings() -> dict[Any, Any]:
    """The layers to train, tables of vectors included."""
    return {**DEFAULT_QAT_MODULE_MAPPINGS, **_EMBEDDINGS_QAT}


def get_embedding_static_quant_module_mappings() -> dict[Any, Any]:
    """The layers that take the places of observed ones, trained tables of vectors included."""
    return {**DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, **_EMBEDDINGS_STATIC}


def get_default_qconfig_propagation_list() -> set[Any]:
    """The layers that configurations are for."""
    mappings = (DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, DEFAULT_QAT_MODULE_MAPPINGS, DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS)
    return {kind for mapping in mappings for kind in mapping} | {nn.Sequential}


def get_default_compare_output_module_list() -> set[Any]:
    """The layers whose results are compared when a quantized network is looked at."""
    mappings = (DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, DEFAULT_QAT_MODULE_MAPPINGS, DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS)
    return {kind for mapping in mappings for pair in mapping.items() for kind in pair}


def _class_for(float_module_class: Any, mapping: dict[Any, Any], what: str) -> Any:
    found = mapping.get(float_module_class)
    assert found is not None, (
        f"Floating point module class {float_module_class!s} does not have a corresponding {what} module class"
    )
    return found


def get_static_quant_module_class(
    float_module_class: Callable[..., Any], additional_static_quant_mapping: dict[Any, Any] | None = None,
    is_reference: bool = False,
) -> Any:  # fmt: skip
    """The layer that takes the place of an observed one. ``AssertionError`` if there is none."""
    mapping = {**DEFAULT_STATIC_QUANT_MODULE_MAPPINGS, **(additional_static_quant_mapping or {})}
    return _class_for(float_module_class, mapping, "quantized")


def get_dynamic_quant_module_class(
    float_module_class: Callable[..., Any], additional_dynamic_quant_mapping: dict[Any, Any] | None = None
) -> Any:
    """The layer that quantizes what it is given, for one of ``nn``. ``AssertionError`` if there is none."""
    mapping = {**DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS, **(additional_dynamic_quant_mapping or {})}
    return _class_for(float_module_class, mapping, "quantized")


def _get_special_act_post_process(module: Any) -> Any:
    """The observer of layers to train whose results have a known range, or None."""
    return module.training and DEFAULT_MODULE_TO_ACT_POST_PROCESS.get(nn.utils.parametrize.type_before_parametrizations(module))
