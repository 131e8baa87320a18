"""Devices that are not there: what their modules answer."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .answers import NO_ACCELERATOR, NO_CUDA, NO_MPS, NO_XPU, Refusal, context

NO_MTIA = Refusal(AssertionError, "Torch not compiled with MTIA enabled")

_COMMON = {"is_available()": False, "device_count()": 0, "empty_cache()": None}
_SEEDS = {"manual_seed(seed)": None, "manual_seed_all(seed)": None, "seed()": None, "seed_all()": None}
_MEMORY: dict[str, Any] = {
    f"{name}(device=None)": answer
    for answer, names in {
        0: "memory_allocated max_memory_allocated memory_reserved max_memory_reserved",
        None: "reset_peak_memory_stats reset_accumulated_memory_stats",
    }.items()
    for name in names.split()
} | {"empty_cache()": None, "memory_stats(device=None)": OrderedDict()}
_RANDOM: dict[str, Any] = {
    **_SEEDS, "initial_seed()": NO_CUDA, "get_rng_state(device='cuda')": NO_CUDA, "get_rng_state_all()": [],
    "set_rng_state(new_state, device='cuda')": None, "set_rng_state_all(new_states)": None,
}  # fmt: skip
_ACCELERATOR_MEMORY = {**_MEMORY, "empty_host_cache()": None, "get_memory_info(device=None)": NO_ACCELERATOR}
_UNUSED = {"is_available()": False}

DEVICES: dict[str, dict[str, Any]] = {
    "torch.cpu": {
        "is_available()": True, "is_initialized()": True, "device_count()": 1, "current_device()": "cpu",
        "set_device(device)": None, "synchronize(device=None)": None, "current_stream(device=None)": None,
        "stream(stream)": context, "get_capabilities()": {}, "_is_amx_tile_supported()": False, "_is_vnni_supported()": False,
    },
    "torch.mps": {
        **_COMMON, "manual_seed(seed)": None, "manual_seed_all(seed)": None, "seed()": None, "synchronize()": NO_MPS,
        "current_allocated_memory()": 0, "driver_allocated_memory()": 0, "recommended_max_memory()": 0,
    },
    "torch.mps.profiler": {"is_metal_capture_enabled()": False, "is_capturing_metal()": False},
    "torch.xpu": {
        **_COMMON, **_SEEDS, **_MEMORY, "synchronize(device=None)": NO_XPU, "init()": NO_XPU, "is_initialized()": False,
        "is_bf16_supported(including_emulation=True)": False, "current_device()": NO_XPU, "get_rng_state_all()": [],
        "get_device_name(device=None)": NO_XPU, "get_device_properties(device=None)": NO_XPU, "get_arch_list()": [],
        "get_device_capability(device=None)": NO_XPU, "mem_get_info(device=None)": NO_XPU, "is_tf32_supported()": False,
    },
    "torch.xpu.memory": {**_MEMORY, "mem_get_info(device=None)": NO_XPU},
    "torch.mtia": {
        **_COMMON, "is_initialized()": False, "init()": NO_MTIA, "manual_seed(seed)": None, "manual_seed_all(seed)": None,
        "seed()": None, "seed_all()": None, "synchronize(device=None)": NO_MTIA, "current_device()": NO_MTIA,
        "is_bf16_supported()": False, "get_rng_state_all()": [], "memory_allocated(device=None)": 0,
        "max_memory_allocated(device=None)": 0, "memory_stats(device=None)": OrderedDict(),
    },
    "torch.accelerator": {
        **_COMMON, **_ACCELERATOR_MEMORY, "current_accelerator(check_available=False)": None,
        "current_device_index()": NO_ACCELERATOR, "current_device_idx()": NO_ACCELERATOR,
        "set_device_index(device)": NO_ACCELERATOR, "set_device_idx(device)": NO_ACCELERATOR,
        "current_stream(device=None)": NO_ACCELERATOR, "set_stream(stream)": NO_ACCELERATOR,
        "synchronize(device=None)": NO_ACCELERATOR,
    },
    "torch.accelerator.memory": _ACCELERATOR_MEMORY,
    "torch.cuda": {
        **_COMMON, **_RANDOM, "is_initialized()": False, "is_bf16_supported(including_emulation=True)": False,
        "is_tf32_supported()": False, "is_current_stream_capturing()": False, "get_arch_list()": [], "get_gencode_flags()": "",
        "init()": NO_CUDA, "current_device()": NO_CUDA, "synchronize(device=None)": NO_CUDA,
        "get_device_name(device=None)": NO_CUDA, "get_device_capability(device=None)": NO_CUDA,
        "get_device_properties(device=None)": NO_CUDA, "current_stream(device=None)": NO_CUDA,
        "default_stream(device=None)": NO_CUDA, "set_stream(stream)": None,
        "can_device_access_peer(device, peer_device)": NO_CUDA,
        "cudart()": NO_CUDA, "current_blas_handle()": NO_CUDA, "get_sync_debug_mode()": 0, "_is_in_bad_fork()": False,
        "_lazy_call(callable, **options)": None, "_lazy_init()": NO_CUDA, "_sleep(cycles)": NO_CUDA,
        "_initialized": False,
    },
    "torch.cuda.random": {**_RANDOM, "manual_seed(seed)": None},
    "torch.cuda.graphs": {"is_current_stream_capturing()": False},
    "torch.cuda.amp": {"amp_definitely_not_available()": True},
    "torch.cuda.amp.common": {"amp_definitely_not_available()": True},
    "torch.cuda.comm": {
        "broadcast(tensor, devices=None, *, out=None)": NO_CUDA, "gather(tensors, dim=0, destination=None, *, out=None)": NO_CUDA,
        "broadcast_coalesced(tensors, devices, buffer_size=10485760)": NO_CUDA, "reduce_add(inputs, destination=None)": NO_CUDA,
        "reduce_add_coalesced(inputs, destination=None, buffer_size=10485760)": NO_CUDA,
        "scatter(tensor, devices=None, chunk_sizes=None, dim=0, streams=None, *, out=None)": NO_CUDA,
    },
    "torch.cuda.nvtx": {
        "mark(msg)": None, "range(msg, *args, **kwargs)": context, "range_push(msg)": 0, "range_pop()": 0,
        "range_start(msg)": 0, "range_end(range_id)": None,
    },
    "torch.cuda.profiler": {"start()": None, "stop()": None, "profile()": context},
    "torch.cuda.tunable": {"is_enabled()": False, "tuning_is_enabled()": False, "record_untuned_is_enabled()": False},
    "torch.cuda.memory": {
        **_MEMORY, "memory_cached(device=None)": 0, "max_memory_cached(device=None)": 0,
        "reset_max_memory_allocated(device=None)": None, "reset_max_memory_cached(device=None)": None, "ipc_collect()": None,
        "memory_snapshot(*arguments, **options)": [], "mem_get_info(device=None)": NO_CUDA,
        "memory_summary(device=None, abbreviated=False)": "No CUDA device: no CUDA memory in use.",
        "set_per_process_memory_fraction(fraction, device=None)": NO_CUDA, "host_memory_stats()": OrderedDict(),
        "reset_peak_host_memory_stats()": None, "reset_accumulated_host_memory_stats()": None,
        "get_allocator_backend()": NO_CUDA,
    },
    "torch.backends.cusparselt": {**_UNUSED, "version()": None, "get_max_alg_id()": None},
    "torch.backends.kleidiai": _UNUSED,
    "torch.backends.nnpack": {**_UNUSED, "set_flags(_enabled)": (False,), "flags(enabled=False)": context},
    "torch.backends.cuda": {
        "is_flash_attention_available()": False, "is_ck_sdpa_available()": False,
        "can_use_flash_attention(params, debug=False)": False, "can_use_efficient_attention(params, debug=False)": False,
        "can_use_cudnn_attention(params, debug=False)": False, "preferred_blas_library(backend=None)": "default",
        "allow_fp16_bf16_reduction_math_sdp(enabled)": None, "fp16_bf16_reduction_math_sdp_allowed()": False,
    },
    "torch.backends.mkl": {"verbose(enable)": context, "VERBOSE_OFF": 0, "VERBOSE_ON": 1},
    "torch.backends.mkldnn": {"verbose(level)": context, "VERBOSE_OFF": 0, "VERBOSE_ON": 1, "VERBOSE_ON_CREATION": 2},
    "torch.backends.mps": {"is_macos13_or_newer(minor=0)": False},
    "torch.nn.attention": {
        "list_flash_attention_impls()": [], "current_flash_attention_impl()": None, "restore_flash_attention_impl()": None,
    },
    "torch.profiler.itt": {"is_available()": False},
}  # fmt: skip
"""{module: {how a function is called: what it answers}}"""
