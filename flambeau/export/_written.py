"""Calls that are written beneath Python otherwise than under their own name: with other arguments, or as several operations."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import flambeau

from ..core.device import device, strided
from ..core.tensor import Tensor
from ..graph.dtypes import dtype
from ..nn import functional
from ..ops import NAMESPACE
from ._aten import bound, is_number
from ._sizes import Extent

Emit = Callable[..., Any]
"""Records a call of an operation by its name and form, and gives its result: ``emit("add.Tensor", x, 1)``."""



def _listed(value: Any, count: int) -> list[Any]:
    return [*value] if isinstance(value, (tuple, list)) else [value] * count


def _without_defaults(values: list[Any], defaults: list[Any]) -> list[Any]:
    values = [*values]
    while defaults and not isinstance(values[-1], Tensor) and values[-1] == defaults[-1]:
        values.pop()
        defaults = defaults[:-1]
    return values


def _convolution(count: int) -> Callable[..., Any]:
    def write(
        emit: Emit, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Any:  # fmt: skip
        form = "padding" if isinstance(padding, str) else "default"
        pad = padding if form == "padding" else _listed(padding, count)
        values = [bias, _listed(stride, count), pad, _listed(dilation, count), groups]
        defaults = [None, [1] * count, "valid" if form == "padding" else [0] * count, [1] * count, 1]
        return emit(f"conv{count}d.{form}", input, weight, *_without_defaults(values, defaults))

    return write


def _pool(name: str, count: int) -> Callable[..., Any]:
    def write(
        emit: Emit, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        kernel, step = _listed(kernel_size, count), _listed(kernel_size if stride is None else stride, count)
        values = [step, _listed(padding, count), _listed(dilation, count), ceil_mode]
        form = f"max_pool{count}d{'_with_indices' if return_indices else ''}.default"
        # What is not given is as wide as the kernel; given, it is said.
        defaults = [kernel if stride is None else [], [0] * count, [1] * count, False]
        return emit(form, input, kernel, *_without_defaults(values, defaults))

    return write


def _batch_norm(
    emit: Emit, input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    return emit("batch_norm.default", input, weight, bias, running_mean, running_var, training, momentum, eps, False)


def _layer_norm(
    emit: Emit, input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    return emit("layer_norm.default", input, [*normalized_shape], weight, bias, eps, False)


def _group_norm(
    emit: Emit, input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    return emit("group_norm.default", input, num_groups, weight, bias, eps, False)


def _dropout(emit: Emit, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return emit("dropout_.default" if inplace else "dropout.default", input, p, training)


def _embedding(
    emit: Emit, input: Any, weight: Any, padding_idx: int | None = None, max_norm: Any = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    values = [-1 if padding_idx is None else padding_idx, scale_grad_by_freq, sparse]
    return emit("embedding.default", weight, input, *_without_defaults(values, [-1, False, False]))


_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _cross_entropy(
    emit: Emit, input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    values = [weight, _REDUCTIONS[reduction], ignore_index, label_smoothing]
    return emit("cross_entropy_loss.default", input, target, *_without_defaults(values, [None, 1, -100, 0.0]))


def _loss(name: str) -> Callable[..., Any]:
    """A loss that has nothing but a reduction."""

    def write(
        emit: Emit, input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> Any:
        input, target = emit("broadcast_tensors.default", [input, target])
        return emit(f"{name}.default", input, target, *_without_defaults([_REDUCTIONS[reduction]], [1]))

    return write


def _softmax(name: str, of_layers: bool) -> Callable[..., Any]:
    """The function of the package, or that of ``nn.functional``, which has another parameter before ``dtype``."""

    def write(emit: Emit, input: Any, dim: Any = None, *args: Any, dtype: Any = None, _stacklevel: int = 3) -> Any:
        kind = args[-1] if len(args) > of_layers else dtype
        if dim is None:
            dim = 0 if input.ndim in (0, 1, 3) else 1
        return emit(f"{name}.int", input, dim, *([] if kind is None else [kind]))

    return write


def _split(emit: Emit, tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    name = "split.Tensor" if isinstance(split_size_or_sections, int) else "split_with_sizes.default"
    return emit(name, tensor, split_size_or_sections, *([dim] if dim else []))


def _to(emit: Emit, input: Any, *args: Any, **kwargs: Any) -> Any:
    _assert_kind(emit, input)
    kinds = [value for value in (*args, kwargs.get("dtype")) if isinstance(value, dtype)]
    kinds += [value.dtype for value in (*args, kwargs.get("other")) if isinstance(value, Tensor)]
    if kinds:
        return emit("to.dtype", input, kinds[0])
    return emit("to.dtype_layout", input, dtype=input.dtype, layout=strided, device=input.device)


def _cast(name: str) -> Callable[..., Any]:
    def write(emit: Emit, input: Any) -> Any:
        _assert_kind(emit, input)
        return emit("to.dtype", input, getattr(flambeau, name))

    return write


def _assert_kind(emit: Emit, input: Any) -> None:
    """What stands before each conversion: the input is what it was in the example."""
    emit("_assert_tensor_metadata.default", input, dtype=input.dtype, device=input.device, layout=strided)


def _constant(emit: Emit, *args: Any, **kwargs: Any) -> Any:
    """A tensor made of numbers, which is a constant of the program."""
    if args and isinstance(args[0], Tensor):
        return _to(emit, args[0], *[value for value in kwargs.values() if isinstance(value, dtype)])
    return emit("detach_.default", emit("lift_fresh_copy.default", flambeau.tensor(*args, **kwargs)))


def _axes_taken(part: Any) -> int:
    """How many axes of a tensor a part of an index is for."""
    if part is None or part is ...:
        return 0
    return part.ndim if isinstance(part, Tensor) and part.dtype in (flambeau.bool, flambeau.uint8) else 1


def _basic_items(emit: Emit, input: Any, key: Any) -> tuple[Any, list[Any] | None]:
    """What ``input[key]`` looks at, one axis after another, and the tensors by which it is indexed then."""
    parts = [*key] if isinstance(key, tuple) else [key]
    taken = sum(_axes_taken(part) for part in parts)
    if ... in [part for part in parts if not isinstance(part, Tensor)]:
        place = next(place for place, part in enumerate(parts) if part is ...)
        parts[place : place + 1] = [slice(None)] * (input.ndim - taken)
    axis, indices = 0, {}
    for part in parts:
        if part is None:
            input, axis = emit("unsqueeze.default", input, axis), axis + 1
        elif isinstance(part, (bool, np.bool_)):
            raise NotImplementedError("torch.export: an index that is True or False is not written as an operation")
        elif isinstance(part, (Tensor, list, tuple, np.ndarray, range)):
            index = part if isinstance(part, Tensor) else _constant(emit, part)
            indices[axis], axis = index, axis + _axes_taken(index)
        elif isinstance(part, slice):
            size = input.shape[axis]
            start, end, step = part.indices(size)
            if (start, end, step) != (0, size, 1) or isinstance(part.start, Extent) or isinstance(part.stop, Extent):
                stop = 2**63 - 1 if part.stop is None else part.stop
                begin = 0 if part.start is None else part.start
                input = emit("slice.Tensor", input, axis, begin, stop, *([] if step == 1 else [step]))
            axis += 1
        else:
            input = emit("select.int", input, axis, part if isinstance(part, Extent) else operator.index(part))
    if not indices:
        return input, None
    listed: list[Any] = []
    for place in sorted(indices):
        listed += [None] * (place - sum(map(_axes_taken, [one if one is not None else 0 for one in listed])))
        listed.append(indices[place])
    return input, listed


def _items(emit: Emit, input: Any, key: Any) -> Any:
    """``input[key]``, one axis after another."""
    input, indices = _basic_items(emit, input, key)
    return input if indices is None else emit("index.Tensor", input, indices)


def _set_items(emit: Emit, input: Any, key: Any, value: Any) -> None:
    """``input[key] = value``: what is looked at is written to."""
    part, indices = _basic_items(emit, input, key)
    if not isinstance(value, Tensor):
        value = emit("lift_fresh_copy.default", flambeau.tensor(value, dtype=input.dtype))
    if indices is not None:
        emit("index_put_.default", part, indices, value)
    elif value.ndim == 0:
        emit("fill_.Tensor", part, value)
    else:
        while value.ndim > part.ndim and value.shape[0] == 1:
            value = emit("squeeze.dim", value, 0)
        emit("copy_.default", part, value)


def _activation(name: str) -> Callable[..., Any]:
    """A function of ``nn.functional`` with a parameter ``inplace``, which is in the operation's name."""

    def write(emit: Emit, *args: Any, **kwargs: Any) -> Any:
        values, _ = bound(getattr(functional, name), args, kwargs)
        place = [*inspect.signature(getattr(functional, name)).parameters].index("inplace")
        inplace = values.pop(place) if len(values) > place else False
        if name in ("elu", "celu") and len(values) == 1:
            values.append(1.0)
        return emit(f"{name}{'_' if inplace else ''}.default", *values)

    return write


def _created(name: str, said: dict[str, Any]) -> Callable[..., Any]:
    """A function that makes a tensor, with what is said of where it is."""

    def write(emit: Emit, *args: Any, **kwargs: Any) -> Any:
        values, named = bound(NAMESPACE[name], args, {key: kwargs[key] for key in kwargs if key not in said})
        form = "default"
        if name == "empty":
            form = "memory_format"
        elif name == "arange" and len(values) > 1:
            form = "start_step" if len(values) > 2 else "start"
        return emit(f"{name}.{form}", *values, **named, **said)

    return write


_HERE = {"device": device("cpu"), "pin_memory": False}

def _randint(
    emit: Emit, *args: Any, low: Any = None, high: Any = None, size: Any = None, dtype: Any = None, generator: Any = None,
    **said: Any,
) -> Any:  # fmt: skip
    rest = [*args]
    size = rest.pop() if size is None else size
    high = rest.pop() if high is None else high
    low = rest.pop() if rest else low
    named = {name: value for name, value in (("dtype", dtype), ("generator", generator)) if value is not None} | _HERE
    return emit("randint.default" if low is None else "randint.low", *([] if low is None else [low]), high, [*size], **named)


def _type(emit: Emit, input: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    return input.type() if dtype is None else _to(emit, input, flambeau.tensor([]).type(dtype).dtype)


def _norm(
    emit: Emit, input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Any:
    axes = [dim] if isinstance(dim, int) else dim if dim is None else [*dim]
    kind = 2 if p in ("fro", None) else p
    kinds = {} if dtype is None else {"dtype": dtype}
    return emit("linalg_vector_norm.default", input, *_without_defaults([kind, axes, keepdim], [2, None, False]), **kinds)


def _vector_norm(
    emit: Emit, input: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    return _norm(emit, input, ord, dim, keepdim, dtype=dtype)


def _moment(name: str) -> Callable[..., Any]:
    """``var`` and ``std``, whose second argument is an axis or whether to correct for the mean."""

    def write(emit: Emit, input: Any, *args: Any, **kwargs: Any) -> Any:
        names = ("unbiased",) if args and isinstance(args[0], bool) else ("dim", "unbiased", "keepdim")
        given = dict(zip(names, args)) | kwargs
        dim, keepdim = given.get("dim"), given.get("keepdim", False)
        axes = [dim] if isinstance(dim, int) else dim if dim is None else [*dim]
        if "correction" in given or dim is None and "unbiased" not in given:
            options = {key: given[key] for key in ("correction", "keepdim") if key in given}
            return emit(f"{name}.correction", input, *([] if axes is None else [axes]), **options)
        if axes is None:
            return emit(f"{name}.default", input, given["unbiased"])
        return emit(f"{name}.dim", input, axes, *_without_defaults([given.get("unbiased", True), keepdim], [True, False]))

    return write


def _adaptive_max_pool(count: int) -> Callable[..., Any]:
    def write(emit: Emit, input: Any, output_size: Any, return_indices: bool = False) -> Any:
        listed = _listed(output_size, count)
        sizes = [input.shape[axis - count] if size is None else size for axis, size in enumerate(listed)]
        found = emit(f"adaptive_max_pool{count}d.default", input, sizes)
        return tuple(found) if return_indices else found[0]

    return write


def _adaptive_avg_pool(count: int) -> Callable[..., Any]:
    def write(emit: Emit, input: Any, output_size: Any) -> Any:
        listed = _listed(output_size, count)
        sizes = [input.shape[axis - count] if size is None else size for axis, size in enumerate(listed)]
        return emit(f"adaptive_avg_pool{count}d.default", input, sizes)

    return write


def _avg_pool(count: int) -> Callable[..., Any]:
    def write(
        emit: Emit, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Any:  # fmt: skip
        kernel = _listed(kernel_size, count)
        values = [kernel if stride in (None, []) else _listed(stride, count), _listed(padding, count), ceil_mode]
        values += [count_include_pad, *([] if count == 1 else [divisor_override])]
        defaults = [kernel if stride in (None, []) else [], [0] * count, False, True, *([] if count == 1 else [None])]
        return emit(f"avg_pool{count}d.default", input, kernel, *_without_defaults(values, defaults))

    return write


def _instance_norm(
    emit: Emit, input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    values = [weight, bias, running_mean, running_var, use_input_stats, momentum, eps, False]
    return emit("instance_norm.default", input, *values)


_RESIZINGS = {
    ("nearest", 1): "upsample_nearest1d", ("nearest", 2): "upsample_nearest2d", ("nearest", 3): "upsample_nearest3d",
    ("nearest-exact", 1): "_upsample_nearest_exact1d", ("nearest-exact", 2): "_upsample_nearest_exact2d",
    ("nearest-exact", 3): "_upsample_nearest_exact3d", ("linear", 1): "upsample_linear1d",
    ("bilinear", 2): "upsample_bilinear2d", ("bicubic", 2): "upsample_bicubic2d", ("trilinear", 3): "upsample_trilinear3d",
}  # fmt: skip


def _interpolate(
    emit: Emit, input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None,
    recompute_scale_factor: Any = None, antialias: bool = False,
) -> Any:  # fmt: skip
    functional.interpolate(input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)  # its checks
    count = input.ndim - 2
    sizes = None if size is None else _listed(size, count)
    scales = None if scale_factor is None else [float(scale) for scale in _listed(scale_factor, count)]
    if scales is not None and (recompute_scale_factor or mode == "area"):
        whole = [int(scale) if scale == int(scale) else scale for scale in scales]
        products = [extent * scale for extent, scale in zip(input.shape[2:], whole)]
        sizes, scales = [int(one) if isinstance(one, float) else one for one in products], None
    if mode == "area":
        return emit(f"adaptive_avg_pool{count}d.default", input, sizes)
    name = _RESIZINGS[mode, count]
    if antialias:
        name = f"_{name}_aa"
    corners = [] if mode.startswith("nearest") else [bool(align_corners)]
    return emit(f"{name}.vec", input, sizes, *corners, scales)


def _grid_sample(
    emit: Emit, input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: Any = None
) -> Any:
    functional.grid_sample(input, grid, mode, padding_mode, align_corners)  # its checks
    modes, paddings = ["bilinear", "nearest", "bicubic"], ["zeros", "border", "reflection"]
    return emit("grid_sampler.default", input, grid, modes.index(mode), paddings.index(padding_mode), bool(align_corners))


def _embedding_bag(
    emit: Emit, input: Any, weight: Any, offsets: Any = None, max_norm: Any = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    if max_norm is not None:
        raise NotImplementedError("torch.export: embedding_bag with max_norm is not written as an operation of aten's")
    if input.ndim == 2:
        bags, entries = input.shape
        offsets = emit("arange.start_step", 0, bags * entries, entries, **_HERE)
        input = emit("reshape.default", input, [-1])
        if per_sample_weights is not None:
            per_sample_weights = emit("reshape.default", per_sample_weights, [-1])
    elif offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    kind = ("sum", "mean", "max").index(mode)
    values = [scale_grad_by_freq, kind, sparse, per_sample_weights, include_last_offset, padding_idx]
    return emit("embedding_bag.padding_idx", weight, input, offsets, *values)[0]


def _reduced_loss(name: str, *between: str, **keywords: Any) -> Callable[..., Any]:
    """A loss with further arguments (``between``) before the number of its reduction, or by keyword behind it."""

    def write(emit: Emit, input: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
        own = getattr(functional, keywords.get("function", name))
        given = dict(zip(inspect.signature(own).parameters, (input, target, *args))) | kwargs
        behind = {key: given[key] for key in keywords.get("named", ()) if key in given}
        reduction = _REDUCTIONS[given.get("reduction", "mean")]
        last = [given.get(key, default) for key, default in keywords.get("last", {}).items()]
        values = [*(given.get(key) for key in between), reduction, *last]
        return emit(f"{name}.default", input, target, *values, **behind)

    return write


def _pad(emit: Emit, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    return emit("pad.default", input, [*pad], *_without_defaults([mode, value], ["constant", None]))


def _fold(name: str) -> Callable[..., Any]:
    def write(emit: Emit, input: Any, *args: Any, **kwargs: Any) -> Any:
        given = dict(zip([*inspect.signature(getattr(functional, name)).parameters][1:], args)) | kwargs
        sizes = [_listed(given["output_size"], 2)] if name == "fold" else []
        sizes += [_listed(given["kernel_size"], 2), _listed(given.get("dilation", 1), 2)]
        sizes += [_listed(given.get("padding", 0), 2), _listed(given.get("stride", 1), 2)]
        return emit("col2im.default" if name == "fold" else "im2col.default", input, *sizes)

    return write


def _new(name: str) -> Callable[..., Any]:
    def write(emit: Emit, input: Any, *args: Any, **kwargs: Any) -> Any:
        values, named = bound(getattr(Tensor, name), (input, *args), {k: v for k, v in kwargs.items() if k in ("dtype", "size")})
        if name == "new_full" or len(values) == 2 and isinstance(values[1], (list, tuple)):
            values[1] = [*values[1]]
        return emit(f"{name}.default", *values, **named, pin_memory=False)

    return write


def _new_tensor(emit: Emit, input: Any, data: Any, *, dtype: Any = None, **more: Any) -> Any:
    return _constant(emit, data, dtype=dtype or input.dtype)


def _meshgrid(emit: Emit, *tensors: Any, indexing: str | None = None) -> Any:
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    return tuple(emit("meshgrid.indexing", [*given], indexing=indexing or "ij"))


def _einsum(emit: Emit, equation: str, *operands: Any) -> Any:
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    return emit("einsum.default", equation, [*given])


def _chunked_along(dim: int, name: str) -> Callable[..., Any]:
    def write(emit: Emit, input: Any, parts: Any) -> Any:
        form = "sections" if isinstance(parts, int) else "indices"
        axis = 0 if name == "hsplit" and input.ndim == 1 else dim
        return tuple(emit(f"tensor_split.{form}", input, parts, axis))

    return write


def _at_least(name: str) -> Callable[..., Any]:
    def write(emit: Emit, *tensors: Any) -> Any:
        given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
        found = tuple([emit(f"{name}.default", tensor) for tensor in given])
        return found[0] if len(tensors) == 1 and isinstance(tensors[0], Tensor) else found

    return write


def _where(emit: Emit, condition: Any, *operands: Any, **named: Any) -> Any:
    if not operands and not named:
        places = emit("nonzero.default", condition)
        return tuple([emit("select.int", places, 1, axis) for axis in range(condition.ndim)])
    input, other = (*operands, *(named[key] for key in ("input", "x", "other", "y") if key in named))
    forms = {(False, False): "self", (False, True): "ScalarOther", (True, False): "ScalarSelf", (True, True): "Scalar"}
    return emit(f"where.{forms[is_number(input), is_number(other)]}", condition, input, other)


def _tensordot(emit: Emit, a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        dims = [*range(a.ndim - dims, a.ndim)], [*range(dims)]
    first, second = (_listed(axes, 1) for axes in dims)
    return emit("tensordot.default", a, b, [axis % a.ndim for axis in first], [axis % b.ndim for axis in second])


def _max_unpool(count: int) -> Callable[..., Any]:
    def write(
        emit: Emit, input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Any:
        kernel, pads = _listed(kernel_size, count), _listed(padding, count)
        step = kernel if stride is None else _listed(stride, count)
        sizes = [(e - 1) * s + k - 2 * p for e, s, k, p in zip(input.shape[-count:], step, kernel, pads)]
        sizes = sizes if output_size is None else [*output_size][-count:]
        if count == 1:
            wide = [emit("unsqueeze.default", x, -2) for x in (input, indices)]
            return emit("squeeze.dim", emit("max_unpool2d.default", *wide, [1, *sizes]), -2)
        extra = [] if count == 2 else [step, pads]
        return emit(f"max_unpool{count}d.default", input, indices, sizes, *extra)

    return write


def _always_told(name: str) -> Callable[..., Any]:
    """A dropout whose mode must be said beneath Python."""

    def write(emit: Emit, input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
        return emit(f"{name}{'_' if inplace else ''}.default", input, p, training)

    return write


def _rows(emit: Emit, input: Any) -> Any:
    return iter(emit("unbind.int", input))


def _swapped(name: str) -> Callable[..., Any]:
    """A number divided by a tensor as Python's ``//`` and ``%`` do."""

    def write(emit: Emit, x: Any, y: Any) -> Any:
        return emit(name, emit("full_like.default", x, y, pin_memory=False), x)

    return write


WRITTEN: dict[str, Callable[..., Any]] = {
    **{f"conv{count}d": _convolution(count) for count in (1, 2, 3)},
    **{f"max_pool{count}d": _pool("max_pool", count) for count in (1, 2, 3)},
    **{f"adaptive_max_pool{count}d": _adaptive_max_pool(count) for count in (1, 2, 3)},
    **{f"adaptive_avg_pool{count}d": _adaptive_avg_pool(count) for count in (1, 2, 3)},
    **{f"avg_pool{count}d": _avg_pool(count) for count in (1, 2, 3)},
    **{
        name: _activation(name)
        for name in "relu elu selu celu silu mish hardswish hardsigmoid hardtanh leaky_relu relu6".split()
    },
    **{f"functional.{name}": _activation(name) for name in ("threshold", "rrelu")},
    **{f"functional.{name}": _always_told(name) for name in ("alpha_dropout", "feature_alpha_dropout")},
    **{f"atleast_{count}d": _at_least(f"atleast_{count}d") for count in (1, 2, 3)},
    **{f"max_unpool{count}d": _max_unpool(count) for count in (1, 2, 3)},
    **{name: _created(name, _HERE) for name in ("ones", "zeros", "full", "arange", "empty", "rand", "randn", "eye")},
    **{name: _created(name, _HERE) for name in ("linspace", "randperm", "tril_indices", "triu_indices")}, "randint": _randint,
    **{name: _created(name, {"pin_memory": False})
       for name in ("ones_like", "zeros_like", "full_like", "rand_like", "empty_like", "randn_like")},
    **{name: _new(name) for name in ("new_zeros", "new_ones", "new_full", "new_empty")}, "new_tensor": _new_tensor,
    **{name: _cast({"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}.get(name, name))
       for name in ("float", "double", "half", "bfloat16", "long", "int", "bool")}, "type": _type,
    "short": _cast("int16"), "char": _cast("int8"), "byte": _cast("uint8"),
    "functional.batch_norm": _batch_norm, "functional.layer_norm": _layer_norm, "functional.group_norm": _group_norm,
    "instance_norm": _instance_norm, "functional.instance_norm": _instance_norm, "dropout": _dropout,
    "functional.embedding": _embedding, "functional.embedding_bag": _embedding_bag,
    "cross_entropy": _cross_entropy, "mse_loss": _loss("mse_loss"), "l1_loss": _loss("l1_loss"),
    "functional.nll_loss": _reduced_loss("nll_loss_nd", "weight", function="nll_loss", last={"ignore_index": -100}),
    "functional.binary_cross_entropy": _reduced_loss("binary_cross_entropy", "weight"),
    "functional.binary_cross_entropy_with_logits": _reduced_loss("binary_cross_entropy_with_logits", "weight", "pos_weight"),
    "binary_cross_entropy_with_logits": _reduced_loss("binary_cross_entropy_with_logits", "weight", "pos_weight"),
    "functional.kl_div": _reduced_loss("kl_div", named=("log_target",)),
    "functional.smooth_l1_loss": _reduced_loss("smooth_l1_loss", last={"beta": 1.0}),
    "functional.huber_loss": _reduced_loss("huber_loss", last={"delta": 1.0}),
    "softmax": _softmax("softmax", False), "log_softmax": _softmax("log_softmax", False),
    "functional.softmax": _softmax("softmax", True), "functional.log_softmax": _softmax("log_softmax", True),
    "interpolate": _interpolate, "functional.grid_sample": _grid_sample, "functional.pad": _pad, "pad": _pad,
    "functional.affine_grid": lambda emit, theta, size, align_corners=None: emit(
        "affine_grid_generator.default", theta, [*size], bool(align_corners)),
    "functional.fold": _fold("fold"), "functional.unfold": _fold("unfold"),
    "norm": _norm, "linalg_vector_norm": _vector_norm, "linalg_norm": _vector_norm, "var": _moment("var"), "std": _moment("std"),
    "where": _where, "tensordot": _tensordot, "meshgrid": _meshgrid, "einsum": _einsum, "hsplit": _chunked_along(1, "hsplit"),
    "vsplit": _chunked_along(0, "vsplit"), "dsplit": _chunked_along(2, "dsplit"),
    "split": _split, "to": _to, "__getitem__": _items, "__setitem__": _set_items, "__iter__": _rows,
    "__radd__": lambda emit, x, y: emit("add.Tensor", x, y), "__rmul__": lambda emit, x, y: emit("mul.Tensor", x, y),
    "__rsub__": lambda emit, x, y: emit("rsub.Scalar", x, y), "__rpow__": lambda emit, x, y: emit("pow.Scalar", y, x),
    "__rtruediv__": lambda emit, x, y: emit("mul.Tensor", emit("reciprocal.default", x), y),
    "__rfloordiv__": _swapped("floor_divide.default"), "__rmod__": _swapped("remainder.Tensor"),
    **dict.fromkeys(["tensor", "as_tensor", "from_numpy", "asarray"], _constant),
    "T": lambda emit, x: emit("numpy_T.default", x), "mT": lambda emit, x: emit("mT.default", x),
    "data": lambda emit, x: emit("detach.default", x),
}  # fmt: skip
"""{name of a call: how it is written}."""
