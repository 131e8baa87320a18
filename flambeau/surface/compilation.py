"""What steers PyTorch's compilers, which do not exist here: everything is compiled while it runs, without being asked."""

from __future__ import annotations

from typing import Any

from .answers import context, decorator, given_back

_DECORATORS = {
    "allow_in_graph(fn)": given_back, "assume_constant_result(fn)": given_back,
    "disable(fn=None, recursive=True, *, reason=None, wrapping=True)": given_back, "nested_compile_region(fn=None)": given_back,
    "substitute_in_graph(original_fn, *, can_constant_fold_through=False, skip_signature_check=False)": decorator,
    "wrap_numpy(fn)": given_back,
}  # fmt: skip
_STATE = {
    "is_compiling()": False, "is_dynamo_compiling()": False, "is_exporting()": False, "reset()": None,
    "list_backends(exclude_tags=('debug', 'experimental'))": ["inductor"], "cudagraph_mark_step_begin()": None,
    "set_stance(stance='default', *, skip_guard_eval_unsafe=False, force_backend=None)": context,
    "set_enable_guard_collectives(enabled)": False, "get_default_backend()": "inductor", "set_default_backend(backend)": None,
    "save_cache_artifacts()": None, "load_cache_artifacts(serialized_artifacts)": None,
}  # fmt: skip
_MARKS = {
    "mark_dynamic(t, index, *, hint_override=None, min=None, max=None, specialize_on=None)": None,
    "maybe_mark_dynamic(t, index)": None, "mark_static(t, index=None)": None, "mark_static_address(t, guard=False)": None,
    "mark_unbacked(t, index, hint_override=None, strict=False, specialize_on=None)": None, "graph_break(msg='')": None,
    "disallow_in_graph(fn)": given_back, "forbid_in_graph(fn)": given_back, "nonstrict_trace(traceable_fn)": given_back,
    "run(fn=None)": given_back, "disable_nested_graph_breaks(fn=None)": given_back, "dont_skip_tracing(fn=None)": given_back,
    "error_on_graph_break(error_on_graph_break)": context, "patch_dynamo_config(arg1=None, arg2=None, **kwargs)": context,
    "skip_frame(msg='')": None, "is_dynamo_disable_recursive(method)": None, "set_recursion_limit(limit)": None,
    "reset_recompile_user_contexts()": None,
}  # fmt: skip
_OPTIMIZE = "optimize(backend='inductor', *, nopython=False, guard_export_fn=None, guard_fail_fn=None, dynamic=None, **options)"

COMPILATION: dict[str, dict[str, Any]] = {
    "torch.compiler": {**_DECORATORS, **_STATE},
    "torch._dynamo": {
        **_DECORATORS, **_STATE, **_MARKS, _OPTIMIZE: decorator,
        "register_backend(compiler_fn=None, name=None, tags=())": given_back,
    },
    "torch._dynamo.decorators": {**_DECORATORS, **_MARKS},
    "torch._dynamo.backends.registry": {"register_backend(compiler_fn=None, name=None, tags=())": given_back},
    "torch._dynamo.eval_frame": {
        "is_dynamo_supported()": False, "is_inductor_supported()": False, "disable(fn=None, recursive=True)": given_back,
    },
    "torch._dynamo.utils": {"is_compile_supported(device_type)": False},
    "torch._inductor": {
        "cudagraph_mark_step_begin()": None, "list_options()": [],
        "list_mode_options(mode=None, dynamic=None)": {"default": {}, "reduce-overhead": {}, "max-autotune": {}},
    },
    "torch._inductor.decomposition": {"register_decomposition(ops)": decorator},
    "torch._decomp": {"register_decomposition(aten_op, registry=None, *, type='post_autograd', unsafe=False)": decorator},
    "torch._inductor.lowering": {
        "register_lowering(aten_fn, broadcast=False, type_promotion_kind=None, convert_input_to_bool=False, lowering_dict=None)":
        decorator,
        "make_fallback(op, layout_constraint=None, warn=True, override_decomp=False, get_decomp_fn=None)": None,
    },
    "torch._utils": {"is_compiling()": False},
    "torch._logging": {"set_logs(**options)": None, "hide_warnings()": context},
    "torch._lazy": {"mark_step(device='', wait=False)": None},
}  # fmt: skip
"""{module: {how a function is called: what it answers}}"""

SETTINGS: dict[str, dict[str, Any]] = {
    "torch.compiler.config": {
        "recompile_limit": 8, "accumulated_recompile_limit": 256, "dynamic_sources": "", "force_disable_caches": False,
        "dynamic_shapes": True, "assume_static_by_default": True, "automatic_dynamic_shapes": True, "job_id": None,
    },
    "torch._dynamo.config": {
        "cache_size_limit": 8, "recompile_limit": 8, "accumulated_cache_size_limit": 256, "accumulated_recompile_limit": 256,
        "suppress_errors": False, "verbose": False, "disable": False, "dynamic_shapes": True, "assume_static_by_default": True,
        "automatic_dynamic_shapes": True, "capture_scalar_outputs": False, "capture_dynamic_output_shape_ops": False,
        "optimize_ddp": True, "guard_nn_modules": True, "log_level": None, "inline_inbuilt_nn_modules": True,
        "allow_unspec_int_on_nn_module": False, "skip_fwd_side_effects_in_bwd_under_checkpoint": False,
        "compiled_autograd": False, "specialize_int": False, "error_on_recompile": False, "repro_level": None,
        "repro_after": None,
    },
    "torch._inductor.config": {
        "max_autotune": False, "max_autotune_gemm": False, "coordinate_descent_tuning": False, "conv_1x1_as_mm": False,
        "epilogue_fusion": True, "force_fuse_int_mm_with_mul": False, "use_mixed_mm": False, "fx_graph_cache": True,
        "coordinate_descent_check_all_directions": False, "freezing": False, "cpp_wrapper": False, "debug": False,
        "shape_padding": True, "fallback_random": False, "compile_threads": 1, "reorder_for_compute_comm_overlap": False,
        "max_autotune_gemm_search_space": "DEFAULT", "pre_grad_custom_pass": None, "post_grad_custom_pre_pass": None,
        "post_grad_custom_post_pass": None, "joint_custom_pre_pass": None, "joint_custom_post_pass": None,
        "triton": {}, "cpp": {}, "cuda": {}, "trace": {}, "aot_inductor": {},
    },
    "torch.utils.deterministic": {"fill_uninitialized_memory": True},
    "torch._functorch.config": {
        "donated_buffer": False, "activation_memory_budget": 1.0, "functionalize_rng_ops": False, "debug_assert": False,
        "enable_autograd_cache": True, "use_fake_tensor": True,
    },
}  # fmt: skip
"""Settings with PyTorch's defaults: dictionaries are groups of settings. Others can be set, but not read before."""
