"""Writes ``flambeau/surface/pytorch_names.txt``: the names that PyTorch has, of which Flambeau offers most.

Names alone are read from the installed PyTorch, and what kind of thing they stand for: no code and no text. All public names
of all public modules are there, and those private ones that public programs import::

    python -m tools.names           # writes the file
    python -m tools.names --check   # fails if the file is not what would be written
"""

from __future__ import annotations

import contextlib
import enum
import importlib
import inspect
import io
import pkgutil
import sys
import textwrap
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

TARGET = Path(__file__).parent.parent / "flambeau" / "surface" / "pytorch_names.txt"

HEAD = """\
# PyTorch {version}: modules, and what kind of thing each of their names stands for.
# Written by tools/names.py: change that, and run it.
"""

PROGRAMS = {"torch.testing._internal", "torch.utils.benchmark.examples", "torch.fx.passes.tests", "torch.backends.xeon.run_cpu"}
"""What nobody imports: PyTorch's own tests and programs."""

FURTHER_MODULES = """
torch._C torch._C._autograd torch._C._distributed_c10d torch._C._distributed_rpc torch._C._functorch torch._C._nn
torch._C._profiler torch._VF torch._classes torch._custom_ops torch._decomp torch._dispatch torch._dynamo
torch._dynamo.backends torch._dynamo.backends.common torch._dynamo.backends.registry torch._dynamo.config
torch._dynamo.decorators torch._dynamo.eval_frame torch._dynamo.exc torch._dynamo.testing torch._dynamo.utils torch._export
torch._functorch torch._functorch.aot_autograd torch._functorch.apis torch._functorch.config torch._functorch.eager_transforms
torch._functorch.functional_call torch._functorch.vmap torch._guards torch._higher_order_ops
torch._higher_order_ops.associative_scan torch._higher_order_ops.cond torch._higher_order_ops.scan
torch._higher_order_ops.while_loop torch._inductor torch._inductor.compile_fx torch._inductor.config
torch._inductor.cpu_vec_isa torch._inductor.runtime torch._inductor.runtime.cache_dir_utils torch._inductor.utils
torch._jit_internal torch._lazy torch._library torch._library.custom_ops torch._library.fake_impl torch._linalg_utils
torch._logging torch._lowrank torch._namedtensor_internals torch._ops torch._prims torch._prims_common
torch._prims_common.wrappers torch._refs torch._sources torch._storage_docs torch._subclasses torch._subclasses.fake_tensor
torch._tensor torch._tensor_str torch._utils torch._utils_internal torch._weights_only_unpickler
torch.ao.quantization.fx._decomposed torch.autograd._functions torch.classes torch.cuda._utils torch.distributed._composable
torch.distributed._composable.fsdp torch.distributed._composable.replicate torch.distributed._functional_collectives
torch.distributed._shard torch.distributed._shard.sharded_tensor torch.distributed._shard.sharded_tensor.api
torch.distributed._tensor torch.distributed._tensor.experimental
torch.distributed.algorithms._checkpoint torch.distributed.algorithms._checkpoint.checkpoint_wrapper
torch.distributed.algorithms._comm_hooks torch.distributed.checkpoint._consolidate_hf_safetensors
torch.distributed.tensor._utils torch.distributed.tensor.experimental._attention torch.distributed.utils torch.export._trace
torch.fx._compatibility torch.fx._pytree torch.fx._symbolic_trace torch.jit._builtins torch.jit._fuser
torch.jit._monkeytype_config torch.jit._recursive torch.jit._script torch.jit._serialization torch.jit._state torch.jit._trace
torch.nn.modules._functions torch.nn.parallel._functions torch.ops torch.optim._functional torch.optim._multi_tensor
torch.utils._config_module torch.utils._content_store torch.utils._contextlib torch.utils._cpp_extension_versioner
torch.utils._cxx_pytree torch.utils._device torch.utils._foreach_utils torch.utils._freeze torch.utils._import_utils
torch.utils._mode_utils torch.utils._python_dispatch torch.utils._pytree torch.utils._sympy torch.utils._sympy.functions
torch.utils._sympy.numbers torch.utils._sympy.value_ranges torch.utils._traceback torch.utils._triton
torch.utils._typing_utils torch.utils._zip torch.utils.data._utils torch.utils.data._utils.collate
torch.utils.data._utils.fetch torch.utils.data._utils.pin_memory torch.utils.data._utils.signal_handling
torch.utils.data._utils.worker
"""
"""Modules that are not files of PyTorch's, and private ones that public programs import."""

PRIVATE_NAMES = """
torch: _assert _check _check_index _check_is_size _check_not_implemented _check_tensor_all _check_tensor_all_with _check_type
 _check_value _check_with _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo _grouped_mm _scaled_mm
 _segment_reduce _shape_as_tensor _softmax_backward_data _tensor_classes _amp_foreach_non_finite_check_and_unscale_
 _amp_update_scale_ _assert_async _is_all_true _is_any_true _foreach_abs _foreach_add _foreach_add_ _foreach_addcdiv
 _foreach_addcdiv_ _foreach_addcmul _foreach_addcmul_ _foreach_clamp_max _foreach_clamp_min _foreach_copy_ _foreach_div
 _foreach_div_ _foreach_exp _foreach_lerp _foreach_lerp_ _foreach_log _foreach_maximum _foreach_maximum_ _foreach_minimum
 _foreach_minimum_ _foreach_mul _foreach_mul_ _foreach_neg _foreach_neg_ _foreach_norm _foreach_pow _foreach_pow_
 _foreach_reciprocal _foreach_reciprocal_ _foreach_sign _foreach_sqrt _foreach_sqrt_ _foreach_sub _foreach_sub_ _foreach_zero_
torch._C: _ImperativeEngine _LinAlgError _TensorMeta _VariableFunctions _are_functorch_transforms_active
 _disabled_torch_function_impl _functions _get_accelerator _get_default_device _get_privateuse1_backend_name
 _get_tracing_state _GLIBCXX_USE_CXX11_ABI _has_torch_function _infer_size _is_torch_function_enabled _is_tracing
 _jit_can_fuse_on_cpu _jit_can_fuse_on_gpu _jit_override_can_fuse_on_cpu _jit_override_can_fuse_on_gpu
 _jit_set_nvfuser_enabled _jit_set_nvfuser_guard_mode _jit_set_profiling_executor _jit_set_profiling_mode
 _jit_set_texpr_fuser_enabled _jit_set_bailout_depth _jit_set_fusion_strategy _jit_set_num_profiled_runs
 _jit_clear_class_registry _jit_pass_inline _log_api_usage_once _set_grad_enabled _set_math_sdp_allow_fp16_bf16_reduction
 _TensorBase _log_api_usage_metadata _cuda_getDeviceCount _cuda_isDriverSufficient _cuda_clearCublasWorkspaces
 _cuda_isCurrentStreamCapturing _get_mkldnn_enabled _get_cudnn_enabled _get_cpu_capability _set_default_mobile_cpu_allocator
 _unset_default_mobile_cpu_allocator _debug_only_display_vmap_fallback_warnings _debug_set_autodiff_subgraph_inlining
 _debug_set_fusion_group_inlining _set_graph_executor_optimize _get_graph_executor_optimize _vmapmode_increment_nesting
 _vmapmode_decrement_nesting _DisableTorchDispatch _DisableFuncTorch _DispatchKey _get_dispatch_mode _len_torch_dispatch_stack
 _storage_address _demangle _has_mkldnn _has_cuda _is_mps_available _show_config _parallel_info _cxx_flags
torch._C._nn: _parse_to _upsample_bicubic2d_aa _upsample_bilinear2d_aa
torch._C._distributed_rpc: _is_current_rpc_agent_set
torch._jit_internal: _overload _overload_method _copy_to_script_wrapper _qualified_name _get_model_id
torch._linalg_utils: _is_leaf
torch._tensor: _rebuild_from_type_v2 _convert
torch._tensor_str: PRINT_OPTS _add_suffixes _str_intern _tensor_str
torch._utils: _element_size _flatten_dense_tensors _get_all_device_indices _get_available_device_type
 _get_current_device_index _get_device_index _get_device_module _import_dotted_name _rebuild_parameter _rebuild_tensor
 _rebuild_tensor_v2 _reorder_tensors_as _take_tensors _to _type _unflatten_dense_tensors _flatten_sparse_tensors
 _unflatten_sparse_tensors _get_privateuse1_backend_name
torch.amp.autocast_mode: _cast _enter_autocast _exit_autocast
torch.autograd: _disable_profiler _enable_profiler _is_checkpoint_valid _profiler_enabled
torch.autograd.graph: _MultiHandle _engine_run_backward
torch.backends: ContextProp GenericModule PropModule _FP32Precision
torch.cuda: _is_in_bad_fork _initialized _lazy_call _lazy_init _sleep _check_capability _device_t _get_device_index
torch.distributed: _all_gather_base _broadcast_coalesced _reduce_scatter_base _get_default_group
torch.distributed.c10d_logger: _exception_logger _time_logger
torch.distributed.checkpoint.format_utils: _EmptyStateDictLoadPlanner
torch.distributed.checkpoint.state_dict_loader: _load_state_dict
torch.distributed.device_mesh: _mesh_resources
torch.distributed.distributed_c10d: _get_default_group _get_pg_default_device _pg_map _world _find_or_create_pg
 _find_pg_by_ranks_and_tag _get_group_size _new_process_group_helper _object_to_tensor _tensor_to_object
torch.distributed.fsdp.wrap: _or_policy _recursive_wrap _wrap
torch.distributed.fsdp.fully_sharded_data_parallel: _or_policy
torch.distributed.rpc.api: _all_gather _require_initialized
torch.distributed.tensor.experimental._attention: set_rotate_method
torch.distributed.tensor.placement_types: _StridedShard
torch.distributed.utils: _alloc_storage _free_storage _p_assert _sync_module_states
torch.hub: _get_torch_home _validate_not_a_forked_repo
torch.jit: _overload _overload_method _script_if_tracing
torch.jit._recursive: concrete_type_store
torch.library: _scoped_library
torch.nn.attention.flex_attention: _DEFAULT_SPARSE_BLOCK_SIZE
torch.nn.init: _calculate_correct_fan _calculate_fan_in_and_fan_out _no_grad_fill_ _no_grad_normal_ _no_grad_trunc_normal_
 _no_grad_uniform_ _no_grad_zero_
torch.nn.modules.activation: _is_make_fx_tracing
torch.nn.modules.batchnorm: _BatchNorm _NormBase _LazyNormBase
torch.nn.modules.conv: _ConvNd _ConvTransposeNd _LazyConvXdMixin
torch.nn.modules.dropout: _DropoutNd
torch.nn.modules.instancenorm: _InstanceNorm
torch.nn.modules.loss: _Loss _WeightedLoss
torch.nn.modules.module: _EXTRA_STATE_KEY_SUFFIX _IncompatibleKeys _addindent _WrappedHook _global_forward_hooks
torch.nn.modules.padding: _ConstantPadNd _ReflectionPadNd _ReplicationPadNd
torch.nn.modules.pooling: _AdaptiveAvgPoolNd _AdaptiveMaxPoolNd _AvgPoolNd _LPPoolNd _MaxPoolNd _MaxUnpoolNd
torch.nn.modules.transformer: _get_activation_fn _get_clones _get_seq_len _detect_is_causal_mask
 _generate_square_subsequent_mask
torch.nn.modules.utils: _list_with_default _ntuple _pair _quadruple _reverse_repeat_tuple _single _triple
torch.nn.parallel.distributed: _find_tensors
torch.nn.utils.clip_grad: _clip_grads_with_norm_ _get_total_norm
torch.onnx.utils: _export
torch.optim.lr_scheduler: _LRScheduler
torch.optim.optimizer: _default_to_fused_or_foreach _dispatch_sqrt _get_capturable_supported_devices _get_value
 _RequiredParameter _stack_if_compiling _use_grad_for_differentiable _view_as_real required
torch.overrides: _get_overloaded_args
torch.ops: load_library loaded_libraries
torch.classes: load_library loaded_libraries
torch.profiler.profiler: _default_schedule_fn
torch.serialization: _get_safe_import_globals_zipfile _legacy_load _load _open_zipfile_reader _open_zipfile_writer _is_zipfile
torch.storage: _LegacyStorage _StorageBase _TypedStorage _UntypedStorage
torch.utils._python_dispatch: _disable_current_modes _get_current_dispatch_mode _get_current_dispatch_mode_stack
torch.utils._pytree: _broadcast_to_and_flatten _dict_flatten _dict_flatten_with_keys _dict_unflatten _get_node_type
 _register_pytree_node
torch.utils.data.dataloader: _BaseDataLoaderIter _DatasetKind _InfiniteConstantSampler _MultiProcessingDataLoaderIter
 _SingleProcessDataLoaderIter
torch.utils.data._utils.worker: _worker_info
torch.utils.tensorboard._utils: figure_to_image make_np
"""
"""``module: names``, private ones that public programs use; continued on lines that begin with a space."""

TYPES = {"dtype", "layout", "memory_format", "qscheme", "Tag"}
"""Of PyTorch's types, those whose instances are known by name."""


def public_modules(name: str) -> list[str]:
    """A module and all public modules below it that can be imported."""
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit):  # it needs a library that is not installed, or is a program
        return []
    names = [name]
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if not found.name.startswith("_") and f"{name}.{found.name}" not in PROGRAMS:
            names += public_modules(f"{name}.{found.name}")
    return names


def private_names() -> dict[str, list[str]]:
    """The table ``PRIVATE_NAMES``."""
    lines = PRIVATE_NAMES.replace("\n ", " ").strip().splitlines()
    return {module: names.split() for module, _, names in (line.partition(":") for line in lines)}


def public_names(module: ModuleType) -> list[str]:
    """What a module says it exports, and what is defined there or in the modules below.

    A public module that does not say what it exports has all that PyTorch defines anywhere.
    """
    said = vars(module).get("__all__")
    place = "torch" if said is None and "._" not in module.__name__ else module.__name__
    defined = [name for name, value in vars(module).items() if not name.startswith("_") and is_defined_in(place, name, value)]
    return [*(name for name in said or () if hasattr(module, name)), *defined]


def is_defined_in(place: str, name: str, value: Any) -> bool:
    """Whether a value is defined in a package or module, as far as it shows."""
    if isinstance(value, ModuleType | TypeVar | ParamSpec) or name == "TYPE_CHECKING":
        return False
    module = getattr(value, "__module__", None)
    if isinstance(module, str):
        return f"{module}.".startswith(f"{place}.")
    known = type(value).__module__.partition(".")[0] in ("torch", "builtins")
    return inspect.isbuiltin(value) or (kind_of(value) == "value" and known)


def kind_of(value: Any) -> str:
    """``module``, ``class``, ``exception``, ``enumeration``, ``function`` or ``value``."""
    if isinstance(value, ModuleType):
        return "module"
    if isinstance(value, type) and issubclass(value, BaseException):
        return "exception"
    if isinstance(value, type):
        members = issubclass(value, enum.Enum) or hasattr(value, "__members__")
        return "enumeration" if members else "class"
    if callable(value) and type(value).__name__ not in TYPES:
        return "function"
    return "value"


def written_name(name: str, value: Any) -> str:
    """A name as it stands in the file: an enumeration's with its members, an exception's with its base among Python's."""
    if kind_of(value) == "exception":
        return f"{name}({next(base.__name__ for base in value.__mro__ if base.__module__ == 'builtins')})"
    return f"{name}({','.join(value.__members__)})" if kind_of(value) == "enumeration" else name


def section(title: str, names: dict[str, list[str]]) -> str:
    """A module's part of the file."""
    lines = [f"[{title}]"]
    for kind in sorted(names):
        wrapper = textwrap.TextWrapper(
            130, f"{kind} ", f"{kind} ", break_on_hyphens=False, break_long_words=False
        )
        lines += wrapper.wrap(" ".join(sorted(set(names[kind]))))
    return "\n".join(lines) + "\n"


def module_names(module: ModuleType, more: list[str], listed: dict[str, set[str]]) -> dict[str, list[str]]:
    """A module's names by what they are: ``parent`` for what is the same object in the package around.

    ``listed`` has the names of the packages around, and gets these.
    """
    around = sys.modules.get(module.__name__.rpartition(".")[0])
    there = listed.get(module.__name__.rpartition(".")[0], set())
    listed[module.__name__] = {*public_names(module), *more}
    kinds: dict[str, list[str]] = {}
    for name in [*public_names(module), *more]:
        value = getattr(module, name, None)
        kind = kind_of(value)
        if kind != "module" and hasattr(module, name):
            shared = name in there and kind != "value" and getattr(around, name, None) is value
            kinds.setdefault("parent" if shared else kind, []).append(name if shared else written_name(name, value))
    return kinds


def operation_names(operations: Any) -> dict[str, list[str]]:
    """The operations of a namespace, with their overloads."""
    overloads: dict[str, list[str]] = {}
    for full in importlib.import_module("torch._C")._dispatch_get_all_op_names():
        namespace, _, name = full.partition("::")
        if namespace == operations:
            operation, _, overload = name.partition(".")
            overloads.setdefault(operation, []).append(overload or "default")
    return {"operation": [f"{name}({','.join(sorted(found))})" for name, found in overloads.items()]}


def tensor_names(tensor: type) -> dict[str, list[str]]:
    """The public attributes of tensors: ``function`` is a method, ``value`` an attribute."""
    kinds: dict[str, list[str]] = {}
    for name in dir(tensor):
        if not name.startswith("_"):
            value = inspect.getattr_static(tensor, name)
            kinds.setdefault("function" if callable(value) or isinstance(value, classmethod) else "value", []).append(name)
    return kinds


def written() -> dict[Path, str]:
    """The file and its text."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        pytorch = importlib.import_module("torch")
        names = public_modules(pytorch.__name__)
        for name in FURTHER_MODULES.split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
                names.append(name)
        private = private_names()
        listed: dict[str, set[str]] = {}
        sections = {name: module_names(sys.modules[name], private.pop(name, []), listed) for name in sorted(set(names))}
    text = HEAD.format(version=pytorch.__version__.partition("+")[0])
    text += "".join(section(name, kinds) for name, kinds in sections.items())
    text += section("torch.Tensor", tensor_names(pytorch.Tensor)) + section("torch.ops.aten", operation_names("aten"))
    return {TARGET: text}


def main() -> int:
    """Write the file, or with ``--check`` say whether it is up to date."""
    for path, text in written().items():
        if "--check" in sys.argv:
            if path.read_text() != text:
                print(f"{path} is not what {__file__} writes")
                return 1
        else:
            path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
