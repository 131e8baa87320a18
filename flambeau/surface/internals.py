"""PyTorch's own affairs that programs ask about: its compiled part, and what it says to its tools."""

from __future__ import annotations

import sys
from typing import Any

from .answers import context, decorator, given_back

_FUSERS = [
    "_jit_can_fuse_on_cpu()", "_jit_can_fuse_on_gpu()", "_jit_override_can_fuse_on_cpu(enabled)",
    "_jit_override_can_fuse_on_gpu(enabled)", "_jit_set_nvfuser_enabled(enabled)", "_jit_set_nvfuser_guard_mode(enabled)",
    "_jit_set_profiling_executor(enabled)", "_jit_set_profiling_mode(enabled)", "_jit_set_texpr_fuser_enabled(enabled)",
    "_debug_set_autodiff_subgraph_inlining(enabled)", "_debug_set_fusion_group_inlining(enabled)",
    "_get_graph_executor_optimize()",
]  # fmt: skip

INTERNALS: dict[str, dict[str, Any]] = {
    "torch": {
        "get_autocast_ipu_dtype()": None, "is_autocast_ipu_enabled()": False, "is_autocast_xla_enabled()": False,
        "set_autocast_ipu_enabled(enabled)": None, "set_autocast_xla_enabled(enabled)": None, "is_vulkan_available()": False,
        "init_num_threads()": None, "cudnn_is_acceptable(input)": False, "has_lapack": True, "has_mkl": False,
        "has_openmp": False,        "has_spectral": True,
    },
    "torch._C": {
        **dict.fromkeys(_FUSERS, False), "_log_api_usage_once(event)": None, "_log_api_usage_metadata(event, metadata_map)": None,
        "_get_tracing_state()": None, "_is_tracing()": False, "_set_graph_executor_optimize(optimize)": None,
        "_jit_set_bailout_depth(depth)": 0, "_jit_set_num_profiled_runs(runs)": 0, "_jit_set_fusion_strategy(strategy)": [],
        "_jit_clear_class_registry()": None, "_get_privateuse1_backend_name()": "privateuseone", "_get_accelerator()": None,
        "_are_functorch_transforms_active()": False, "_get_cudnn_enabled()": False, "_get_mkldnn_enabled()": False,
        "_cuda_getDeviceCount()": 0, "_cuda_isDriverSufficient()": False, "_cuda_isCurrentStreamCapturing()": False,
        "_cuda_clearCublasWorkspaces()": None, "_is_mps_available()": False,
        "_set_math_sdp_allow_fp16_bf16_reduction(enabled)": None, "_set_default_mobile_cpu_allocator()": None,
        "_unset_default_mobile_cpu_allocator()": None, "_debug_only_display_vmap_fallback_warnings(enabled)": None,
        "_GLIBCXX_USE_CXX11_ABI": True, "_has_cuda": False, "_has_mkldnn": False, "has_cuda": False,
        "_has_xpu": False, "_current_graph_task_id()": -1,
        "_demangle(name)": given_back, "_get_default_device()": "cpu",
    },
    "torch._C._functorch": {
        f"{name}(tensor)": False
        for name in (
            "is_batchedtensor", "is_functionaltensor", "is_functorch_wrapped_tensor", "is_gradtrackingtensor",
            "is_legacy_batchedtensor",
        )
    },
    "torch._C._autograd": {"kineto_available()": False},
    "torch._C._distributed_rpc": {"_is_current_rpc_agent_set()": False},
    "torch._subclasses.fake_tensor": {"is_fake(x)": False, "maybe_get_fake_mode(t)": None},
    "torch.autograd": {"_profiler_enabled()": False, "_is_checkpoint_valid()": True, "set_multithreading_enabled(mode)": context},
    "torch.autograd.grad_mode": {"set_multithreading_enabled(mode)": context},
    "torch.autograd.graph": {
        "set_warn_on_accumulate_grad_stream_mismatch(enabled)": None, "set_override_stale_capture_stream(enabled)": None,
    },
    "torch.utils._triton": {"has_triton()": False, "has_triton_package()": False, "has_triton_tma()": False},
    "torch.utils.data": {
        "functional_datapipe(name, enable_df_api_tracing=False)": decorator, "runtime_validation(f)": given_back,
        "non_deterministic(arg)": decorator, "guaranteed_datapipes_determinism()": context, "argument_validation(f)": given_back,
        "runtime_validation_disabled()": context,
    },
    "torch.distributed.rpc.api": {"_require_initialized(func)": given_back},
    "torch.backends": {"fp32_precision": "none"},
    "torch._utils_internal": {"justknobs_check(name, default=True)": True, "is_fb_unit_test()": False},
    "torch.utils.cpp_extension": {
        "CUDA_HOME": None, "ROCM_HOME": None, "CUDNN_HOME": None, "IS_HIP_EXTENSION": False,
        "IS_WINDOWS": sys.platform == "win32",
        "IS_MACOS": sys.platform == "darwin", "IS_LINUX": sys.platform.startswith("linux"), "SYCL_HOME": None,
        "LIB_EXT": ".pyd" if sys.platform == "win32" else ".so", "is_ninja_available()": False,
    },
}  # fmt: skip
"""{module: {how a function is called: what it answers, or the name of a value: the value}}"""
