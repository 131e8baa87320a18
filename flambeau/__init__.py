"""Flambeau: a deep-learning framework with PyTorch's names and semantics that makes its own machine code.

The names of ``torch`` are here: tensors, dtypes, operations. Larger parts (``nn``, ``optim``, ``utils``, ``vision`` …)
are imported when they are first used.
"""

from __future__ import annotations

import math as _math
import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from .autograd import engine as _engine  # registers `backward`  # noqa: F401
from .compiler import evaluate as _evaluate  # registers the evaluator  # noqa: F401
from .core import device as _devices
from .core import hooks as _hooks
from .core import modes as _modes
from .core import tensor as _tensors
from .core.device import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    device,
    layout,
    memory_format,
    preserve_format,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from .core.tensor import Tensor, is_tensor
from .cpu import device as _processor  # registers the device  # noqa: F401
from .graph import dtypes as _dtypes
from .graph.dtypes import can_cast, dtype, get_default_dtype, promote_types
from .graph.shapes import Size
from .interpreter.collector import collect_less_often as _collect_less_often
from .interpreter.lazy import lazy_attribute as _lazy_attribute
from .ops import NAMESPACE as _NAMESPACE
from .random import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .surface import install as _find_further_modules
from .surface import module_below as _further_module

if TYPE_CHECKING:
    from .functions import *  # noqa: F403

__version__ = "0.1.0"


def _begin_asking(cls: type) -> None:
    from .utils._dispatching.entering import begin_for

    begin_for(cls)


Tensor._begin_asking = _begin_asking  # type: ignore[method-assign]
_collect_less_often()
_find_further_modules()
globals().update(_NAMESPACE)
globals().update({d.name: d for d in (*_dtypes.ALL, *_dtypes.STORED, *_dtypes.COMPLEX)})
cdouble, cfloat, chalf = _dtypes.COMPLEX
double, float, half = _dtypes.float64, _dtypes.float32, _dtypes.float16
long, int, short = _dtypes.int64, _dtypes.int32, _dtypes.int16
no_grad, enable_grad, inference_mode = _modes.no_grad, _modes.enable_grad, _modes.inference_mode
set_grad_enabled, is_grad_enabled = _modes.set_grad_enabled, _modes.is_grad_enabled
is_inference_mode_enabled = _modes.is_inference_mode_enabled
is_anomaly_enabled, is_anomaly_check_nan_enabled = _modes.is_anomaly_enabled, _modes.is_anomaly_check_nan_enabled
inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None
jagged = _devices.jagged

for _type in (Tensor, Size, device, dtype, layout, memory_format):
    _type.__module__ = __name__  # so that pickles do not depend on which file a type is defined in
    _type.__annotations__ = {}  # of what is private; here, where they would be evaluated, `int` is a dtype
# Where older pickles look for them.
_sys.modules |= {"flambeau.tensor": _tensors, "flambeau.device": _devices, "flambeau.autograd.handle": _hooks}

_LAZY_MODULES = {
    "__config__", "__future__",
    "_VF", "_jit_internal", "accelerator", "amp", "audio", "autograd", "backends", "cuda", "distributed", "export", "fft",
    "fx", "hub", "jit", "linalg", "metrics", "mps", "multiprocessing", "nested", "nn", "optim", "profiler", "quasirandom",
    "return_types",
    "_functorch", "func",
    "distributions",
    "overrides",
    "serialization", "sparse", "special", "testing", "utils", "version", "vision", "xpu",
}  # fmt: skip

_LAZY_NAMES = {
    name: module
    for module, names in {
        "_compile": "compile",
        "_higher_order_ops": "cond",
        "_utils": "get_device_module",
        "_functorch.apis": "vmap",
        "_lobpcg": "lobpcg",
        "amp": "autocast",
        "amp.autocast_mode": """
            autocast_decrement_nesting autocast_increment_nesting clear_autocast_cache get_autocast_cpu_dtype get_autocast_dtype
            get_autocast_gpu_dtype is_autocast_cache_enabled is_autocast_cpu_enabled is_autocast_enabled
            set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled set_autocast_dtype
            set_autocast_enabled set_autocast_gpu_dtype""",
        "cuda.errors": "AcceleratorError OutOfMemoryError",
        "graph.limits": "finfo iinfo",
        "graph.named_dtypes": """
            bit bits16 bits1x8 bits2x4 bits4x2 bits8 float4_e2m1fn_x2
            int1 int2 int3 int4 int5 int6 int7 qint32 qint8 quint2x4 quint4x2 quint8 uint1 uint2 uint3 uint4 uint5 uint6 uint7""",
        "nn.functional": """
            binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss margin_ranking_loss
            poisson_nll_loss triplet_margin_loss""",
        "nn.functional.sampling": "grid_sampler grid_sampler_2d grid_sampler_3d",
        "ops.beneath": """
            _chunk_cat _native_batch_norm_legit _unsafe_masked_index _unsafe_masked_index_put_accumulate native_batch_norm
            native_group_norm""",
        "ops.conditions": """
            _assert _assert_async _check _check_index _check_is_size _check_not_implemented _check_tensor_all
            _check_tensor_all_with _check_type _check_value _check_with""",
        "ops.copies": """
            alias_copy as_strided_copy detach_copy diagonal_copy expand_copy permute_copy select_copy slice_copy split_copy
            split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy""",
        "ops.default_device": "set_default_device",
        "ops.grouped": "_grouped_mm _int_mm",
        "ops.mapped_files": "from_file",
        "ops.nested.sizes": "SymInt",
        "ops.overriding": "DisableTorchFunction DisableTorchFunctionSubclass",
        "ops.quantization": """
            _empty_affine_quantized _make_per_channel_quantized_tensor _make_per_tensor_quantized_tensor dequantize
            fake_quantize_per_channel_affine fake_quantize_per_tensor_affine fused_moving_avg_obs_fake_quant int_repr
            q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point quantize_per_channel
            quantize_per_tensor quantize_per_tensor_dynamic""",
        "graph.schemes": """
            per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric
            qscheme""",
        "ops.printing": "get_printoptions set_printoptions",
        "ops.segments": "segment_reduce _segment_reduce",
        "ops.settings": """
            are_deterministic_algorithms_enabled get_default_device get_deterministic_debug_mode
            get_float32_matmul_precision get_num_interop_threads get_num_threads is_deterministic_algorithms_warn_only_enabled
            set_default_dtype set_default_tensor_type set_deterministic_debug_mode
            set_float32_matmul_precision set_flush_denormal set_num_interop_threads set_num_threads
            use_deterministic_algorithms""",
        "ops.streams": "Event Stream",
        "ops.symbolic": "sym_float sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum",
        "ops.storages": """
            BFloat16Storage BFloat16Tensor BoolStorage BoolTensor ByteStorage ByteTensor CharStorage CharTensor
            ComplexDoubleStorage ComplexFloatStorage DoubleStorage DoubleTensor FloatStorage FloatTensor HalfStorage
            HalfTensor IntStorage IntTensor LongStorage LongTensor QInt32Storage QInt8Storage QUInt8Storage
            ShortStorage ShortTensor TypedStorage UntypedStorage""",
        "serialization": "load save",
        "utils.dlpack": "to_dlpack",
    }.items()
    for name in names.split()
}
"""Names that are looked up in their module when they are first used."""


def __getattr__(name: str) -> Any:
    if name.startswith("_foreach_"):
        return getattr(_import_module("flambeau.ops.foreach"), name)
    try:
        return _lazy_attribute(__name__, name, _LAZY_MODULES, _LAZY_NAMES)
    except AttributeError:
        if name.startswith("__"):
            raise
        return _further_module("torch", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY_MODULES, *_LAZY_NAMES})


__all__ = [
    "Generator", "Size", "Tensor", "can_cast", "channels_last", "channels_last_3d", "contiguous_format", "default_generator",
    "device", "dtype", "fork_rng", "get_default_dtype", "get_rng_state", "initial_seed", "is_tensor", "layout", "manual_seed",
    "memory_format", "preserve_format", "promote_types", "seed", "set_rng_state", "sparse_bsc", "sparse_bsr",
    "sparse_coo", "sparse_csc", "sparse_csr", "strided",
]  # fmt: skip
