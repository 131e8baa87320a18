"""Products, normalisations, softmax, embedding and attention of nested tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import dtype as dtype_type
from ..joining import cat, stack
from ..operation import MODULES, NAMESPACE
from .calls import nested_operation
from .jagged import JaggedTensor, of_padded, padded
from .strided import Places, StridedNestedTensor
from .tensor import NestedTensor, axis_of, refuse
from .views import transpose

functional = MODULES["functional"]


def _in_order(x: Any) -> Any:
    """A jagged tensor whose rows lie along the first dimension of its values, or a strided one without gaps."""
    if isinstance(x, JaggedTensor):
        if x._rows.lengths is not None or x._ragged_idx != 1:
            raise ValueError("expected a contiguous jagged layout NestedTensor")
        return x
    return x if x._packed() else x._of_parts(x._parts())


def _by_last(x: StridedNestedTensor, function: Callable[[Tensor], Tensor], size: int) -> StridedNestedTensor:
    """A function of rows, which are as long in all samples and become ``size`` long."""
    packed = _in_order(x)
    result = function(packed._values.view(-1, packed.size(-1)))
    places = Places(tuple([(*own[:-1], size) for own in packed._places.sizes]))
    return StridedNestedTensor.of(result.reshape(-1), places, x.dim() - 1)


@nested_operation()
def linear(input: Any, weight: Tensor, bias: Any = None) -> NestedTensor:
    function = functional["linear"]
    if isinstance(weight, NestedTensor) or isinstance(bias, NestedTensor) or not isinstance(input, NestedTensor):
        raise ValueError("linear: only the input may be nested")
    if isinstance(input, JaggedTensor):
        ordered = _in_order(input)
        return ordered._with(function(ordered._values, weight, bias))  # type: ignore[no-any-return]
    if input.dim() != 3:
        raise RuntimeError(
            f"Linear requires nested_tensor.dim == 3 and dense_matrix.dim == 2. Nested tensor dim: {input.dim()}."
        )
    return _by_last(input, lambda rows: function(rows, weight, bias), weight.shape[0])  # type: ignore[arg-type]


@nested_operation()
def matmul(input: Any, other: Any) -> Any:
    """Products of samples, or of each sample with a matrix; (samples, m, ragged) @ (samples, ragged, n) is (samples, m, n)."""
    both = isinstance(input, NestedTensor) and isinstance(other, NestedTensor)
    if isinstance(input, StridedNestedTensor) or isinstance(other, StridedNestedTensor):
        if not both:
            first, second = ["nested" if isinstance(x, NestedTensor) else "non-nested" for x in (input, other)]
            raise RuntimeError(f"Expected both to be nested, but got a {first} self and {second} other")
        _as_many(input, other)
        return input._of_parts([a @ b for a, b in zip(input._parts(), other._parts())])
    if not both:
        nt, dense = (input, other) if isinstance(input, JaggedTensor) else (other, input)
        free = nt._ragged_idx < nt.dim() - 1 if nt is input else nt._ragged_idx >= 2
        if nt.dim() >= 3 and nt.dim() == dense.dim() and free:
            whole = padded(nt, 0.0)
            product = whole @ dense if nt is input else dense @ whole
            return nt._with(of_padded(product, nt._rows, nt._ragged_idx, nt._values.shape[nt._ragged_idx - 1]))
        if dense.dim() == 2 and nt.dim() > 2 and free:
            return nt._with(nt._values @ dense if nt is input else dense @ nt._values)
    elif input.dim() > 3 and other.dim() > 3 and input._matches(other) and input._ragged_idx < input.dim() - 2:
        return input._with(input._values @ other._values)
    elif input.dim() == 3 and other.dim() == 3 and input._ragged_idx == 2 and other._ragged_idx == 1:
        if input._rows.size == other._rows.size:
            return stack([a @ b for a, b in zip(input._parts(), other._parts())])
    raise RuntimeError(f"matmul(): not supported between inputs of shapes {input.shape} and {other.shape}")


def _as_many(*tensors: Any) -> None:
    if len({t.size(0) for t in tensors}) != 1:
        raise RuntimeError(
            f"matmul: expected nested tensors of as many samples, but got {[t.size(0) for t in tensors]}"
        )


@nested_operation()
def bmm(input: Any, mat2: Any) -> Any:
    error = ValueError if isinstance(input, JaggedTensor) else RuntimeError
    for name, x in (("input", input), ("mat2", mat2)):
        if x.dim() != 3:
            raise error(f"bmm(): {name} must be 3D")
    return matmul(input, mat2)


# --- over rows --------------------------------------------------------------------------------------------------------


@nested_operation()
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> NestedTensor:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    function = NAMESPACE["layer_norm"]
    if isinstance(input, JaggedTensor):
        _not_ragged("layer_norm", input, shape)
        return input._with(function(input._values, shape, weight, bias, eps))  # type: ignore[return-value]
    if weight is None or bias is None:
        raise ValueError("NestedTensor layer_norm requires weight and bias")
    return input._of_parts([function(part, shape, weight, bias, eps) for part in input._parts()])  # type: ignore[no-any-return]


@nested_operation()
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> NestedTensor:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not isinstance(input, JaggedTensor):
        refuse("rms_norm")
    _not_ragged("rms_norm", input, shape)
    return input._with(functional["rms_norm"](input._values, shape, weight, eps))  # type: ignore[return-value]


def _not_ragged(name: str, x: JaggedTensor, shape: tuple[int, ...]) -> None:
    if len(shape) > x.dim() - x._ragged_idx - 1:
        raise ValueError(f"{name}(): Normalization over the ragged dim not supported for nested tensors")


def _softmax(name: str) -> None:
    function = NAMESPACE[name]

    def over(input: Any, dim: Any = None, _stacklevel: Any = 3, dtype: Any = None) -> NestedTensor:
        if isinstance(_stacklevel, dtype_type):  # where it is no layer's function
            dtype = _stacklevel
        if dim is None:
            raise ValueError(f"{name}: the dimension of a nested tensor must be given")
        axis = axis_of(input, dim)
        if not axis:
            raise RuntimeError(f"{name}(): not supported when reducing across the batch dimension for NestedTensor")
        options = {} if dtype is None else {"dtype": dtype}
        if isinstance(input, StridedNestedTensor):
            if name != "softmax":
                refuse(name)
            return input._of_parts([function(part, axis - 1, **options) for part in input._parts()])
        if axis != input._ragged_idx:
            return input._with(function(input._values, axis - 1, **options))  # type: ignore[no-any-return]
        if name != "softmax":
            raise RuntimeError(f"{name}(): not supported when reducing along the ragged dimension for NestedTensor")
        if input._rows.lengths is not None:
            raise RuntimeError(
                f"{name}(): not supported where lengths is not None when reducing across the ragged dimension for NestedTensor"
            )
        result = function(padded(input, float("-inf")), axis, **options)
        return input._with(of_padded(result, input._rows, axis, input._values.shape[axis - 1]))  # type: ignore[no-any-return]

    nested_operation(name)(over)


_softmax("softmax")
_softmax("log_softmax")


@nested_operation()
def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> NestedTensor:  # fmt: skip
    """Rows of ``weight`` for the numbers of each sample. (``torch.embedding`` has the weight first.)"""
    if not isinstance(input, NestedTensor):
        input, weight = weight, input
    if max_norm is not None:
        raise NotImplementedError("embedding: max_norm is not offered for nested tensors")
    packed = _in_order(input)
    padding = -1 if padding_idx is None else padding_idx % weight.shape[0]
    found = NAMESPACE["embedding"](weight, packed._values, padding, scale_grad_by_freq, sparse)
    if isinstance(packed, JaggedTensor):
        return packed._with(found)
    places = Places(tuple([(*size, weight.shape[1]) for size in packed._places.sizes]))
    return StridedNestedTensor.of(found.reshape(-1), places, input.dim())


# --- attention --------------------------------------------------------------------------------------------------------


@nested_operation()
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> NestedTensor:  # fmt: skip
    """Attention within each sample, of shapes (samples, heads, ragged, features)."""
    function = functional["scaled_dot_product_attention"]
    given = (query, key, value)
    if not all([isinstance(x, NestedTensor) for x in given]):
        kinds = ", ".join([f"{name}.is_nested: {x.is_nested}" for name, x in zip(("query", "key", "value"), given)])
        raise ValueError(f"Expected query, key, and value to be nested for dense/nested attention, but got {kinds}")
    if len({type(x) for x in given}) != 1:
        raise ValueError("Expected query, key, and value to have the same layout")
    if any([x.dtype is not query.dtype for x in given]):
        raise ValueError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype}, key.dtype: {key.dtype}, "
            f"and value.dtype: {value.dtype} instead."
        )
    if any([x.dim() < 3 for x in given]):
        raise ValueError(
            f"Expected query, key, and value to all be  at least 3 dimensional, but got query.dim: {query.dim()}, key.dim: "
            f"{key.dim()} and value.dim: {value.dim()} instead."
        )
    if len({getattr(x, "_ragged_idx", 0) for x in given}) != 1:
        raise ValueError(
            f"Expected query, key, and value to all be ragged on the same dimension, but got ragged dims {query._ragged_idx}, "
            f"{key._ragged_idx}, and {value._ragged_idx}, respectively."
        )
    options: dict[str, Any] = {"dropout_p": dropout_p, "is_causal": is_causal, "scale": scale, "enable_gqa": enable_gqa}
    if isinstance(query, JaggedTensor) and query._ragged_idx == 1 and all([x.dim() > 3 for x in given]):
        mask = attn_mask._values if isinstance(attn_mask, JaggedTensor) else attn_mask
        return query._with(function(*[x._values for x in given], attn_mask=mask, **options))
    if attn_mask is not None:
        raise ValueError("Masks are not yet supported!")
    if len({x.size(0) for x in given}) != 1:
        raise RuntimeError("scaled_dot_product_attention: expected nested tensors of as many samples")
    results = [function(*parts, **options) for parts in zip(*[x._parts() for x in given])]
    if isinstance(query, StridedNestedTensor):
        return query._of_parts(results)
    # As PyTorch's: the heads of a row lie behind each other, so that what follows can be flattened without a copy.
    rows = cat([part.transpose(0, 1) for part in results])
    return transpose(JaggedTensor.of(rows, query._rows), 1, 2)
