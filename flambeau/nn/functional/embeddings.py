"""Embeddings and one-hot vectors."""

from __future__ import annotations

import numpy as np

import flambeau

from ...core.at_once import SMALL, in_memory
from ...core.modes import no_grad
from ...core.tensor import Tensor
from ...graph.checks import Check
from ...graph.dtypes import TYPE_NAMES
from ...graph.notices import warn
from ...ops.conversion import rounded_once
from ...ops.dispatch import checked
from ...ops.embedding import embedding as rows_of
from ...ops.from_data import from_array
from ...ops.one_node import one_node
from ...ops.operation import operation
from .._arguments import row_in


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of ``weight`` (rows, width) chosen by the integers ``input``; the row ``padding_idx`` gets no gradient.

    With ``max_norm`` the chosen rows are first scaled down in place where their norm exceeds it. With ``sparse`` the
    gradient of ``weight`` is a sparse tensor.
    """
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    padding_idx = row_in(padding_idx, weight.size(0))
    if max_norm is not None:
        _renormalise(weight, input, max_norm, norm_type)
    return rows_of(weight, input, -1 if padding_idx is None else padding_idx, scale_grad_by_freq, sparse)


@no_grad()
def _renormalise(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows that ``input`` names down to ``max_norm``, in place."""
    rows = input.reshape(-1).unique().long()
    chosen = weight.index_select(0, rows)
    norms = chosen.norm(norm_type, dim=1, keepdim=True)
    scale = flambeau.where(norms > max_norm, max_norm / (norms + 1e-7), 1.0)
    weight.index_copy_(0, rows, chosen * scale)


_ENTRY = Check(RuntimeError, "an index of input takes value {value} which is not in the valid range")
_FIRST = Check(
    RuntimeError,
    "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {value}",
)
_LAST = Check(RuntimeError, "offsets[-1] can not be greater than input's length but got offsets[-1] of {value}")
_ORDER = Check(RuntimeError, "offsets must not decrease, but one of {value} follows a larger one")


def _checked_offsets(offsets: Tensor, length: int, include_last_offset: bool) -> Tensor:
    """The offsets of bags; ``RuntimeError`` if they are no numbers of entries that do not decrease from 0 on."""
    if offsets.dtype not in (flambeau.int64, flambeau.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'offsets' to have one of the following scalar types: Long, Int; but got "
            f"torch.{TYPE_NAMES[offsets.dtype]}Tensor instead (while checking arguments for embedding_bag)"
        )
    if include_last_offset and offsets.numel() == 0:
        raise RuntimeError("include_last_offset: number of offset should be at least 1")
    if offsets.numel() == 0:
        return offsets
    checked(offsets[0], offsets[0] == 0, _FIRST)
    checked(offsets[-1], offsets[-1] <= length, _LAST)
    if offsets.numel() > 1:
        checked(offsets[1:], offsets[1:] >= offsets[:-1], _ORDER)
    return offsets


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima over bags of embedding rows.

    A bag is a row of a two-dimensional ``input``, or what lies between two ``offsets`` in a one-dimensional one (the
    last offset is the end if ``include_last_offset``). Empty bags give zeros; entries equal to ``padding_idx`` do not
    take part.
    """
    if weight.dtype in (flambeau.int64, flambeau.int32) and input.is_floating_point():
        warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is "
            "deprecated, and should now be `embedding_bag(input, weight, ...)`.",
        )
        weight, input = input, weight
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the "
            f"same shape as the input ({input.shape})"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum or mean or max")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}'). Please open a feature request on GitHub."
        )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        bags = input.size(0)
        bag_of = flambeau.arange(bags).repeat_interleave(input.size(1))
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        offsets = _checked_offsets(offsets, input.size(0), include_last_offset)
        starts = offsets[:-1] if include_last_offset else offsets
        bags = starts.size(0)
        # How many bags have begun by each entry, less one: the bag the entry is in (empty bags are passed over).
        begun = flambeau.zeros(input.size(0) + 1, dtype=flambeau.int64)
        # What comes behind the last one's end is in a bag of its own, which is left out.
        begun = begun.index_add(0, offsets.long(), flambeau.ones(offsets.size(0), dtype=flambeau.int64))
        bag_of = begun[:-1].cumsum(0) - 1
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if per_sample_weights is not None and per_sample_weights.dtype is not weight.dtype:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have the same type as tensor for argument #1 'per_sample_weights'; but "
            f"type {weight.type()} does not equal {per_sample_weights.type()} (while checking arguments for embedding_bag)"
        )
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    if padding_idx is not None and not -weight.size(0) <= padding_idx < weight.size(0):
        raise RuntimeError(
            f"padding_idx must be within the number of embeddings, -{weight.size(0)} through {weight.size(0) - 1}, but got "
            f"{padding_idx}"
        )
    padding_idx = row_in(padding_idx, weight.size(0))
    input = checked(input, (input >= 0) & (input < weight.size(0)), _ENTRY)
    if padding_idx is not None:
        kept = input.ne(padding_idx).nonzero().squeeze(1)
        input, bag_of = input[kept], bag_of[kept]
        per_sample_weights = None if per_sample_weights is None else per_sample_weights[kept]
    if max_norm is not None:
        _renormalise(weight, input, max_norm, norm_type)
    ends = bool(include_last_offset) and offsets is not None
    return _bags(weight, input, bag_of, per_sample_weights, bags, ends, mode, scale_grad_by_freq, sparse)


@one_node("EmbeddingBagBackward0")
def _bags(
    weight: Tensor, input: Tensor, bag_of: Tensor, per_sample_weights: Tensor | None, bags: int, ends: bool,
    mode: str, scale_grad_by_freq: bool, sparse: bool,
) -> Tensor:  # fmt: skip
    """Each bag's rows put together, given the number of the bag that each entry of ``input`` is in.

    With ``ends``, entries may be in one bag more, which is left out.
    """
    rows = embedding(input, weight, None, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    if not ends:
        return _combined(rows, per_sample_weights, bag_of, bags, mode)
    return _combined(rows, per_sample_weights, bag_of, bags + 1, mode)[:bags]


@rounded_once
def _combined(rows: Tensor, weights: Tensor | None, bag_of: Tensor, bags: int, mode: str) -> Tensor:
    """Sums, means or maxima of the rows (weighted, if weights are given) that have the same number of a bag."""
    if weights is not None:
        rows = rows * weights.unsqueeze(1)
    result = flambeau.zeros(bags, rows.size(1), dtype=rows.dtype)
    if mode == "max":
        index = bag_of.unsqueeze(1).expand(-1, rows.size(1))
        return result.scatter_reduce(0, index, rows, "amax", include_self=False)
    result = result.index_add(0, bag_of, rows)
    if mode == "mean":
        count = flambeau.zeros(bags, dtype=rows.dtype)
        count = count.index_add(0, bag_of, flambeau.ones(bag_of.size(0), dtype=rows.dtype))
        result = result / count.clamp(min=1.0).unsqueeze(1)
    return result


_NEGATIVE = Check(RuntimeError, "Class values must be non-negative.")
_TOO_LARGE = Check(RuntimeError, "Class values must be smaller than num_classes.")


def _one_hot_now(classes: np.ndarray, count: int) -> Tensor:
    """:func:`one_hot` of few classes in memory, as a data set has them."""
    flat = classes.reshape(-1)
    for wrong, check in ((flat < 0, _NEGATIVE), (flat >= count, _TOO_LARGE)):
        if wrong.any():
            raise check.error(check.words)
    rows = np.zeros((flat.size, count), np.int64)
    rows[np.arange(flat.size), flat] = 1
    return from_array(rows.reshape(*classes.shape, count))


@operation(only="functional.one_hot")
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Integers in 0 … ``num_classes`` - 1 (by default, up to the largest present) as rows with a single 1."""
    if tensor.dtype != flambeau.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if num_classes == -1:
        num_classes = max(int(tensor.max()), 0) + 1
    elif num_classes < 1 and (num_classes < 0 or tensor.numel()):
        raise RuntimeError("num_classes should be positive" if num_classes < 0 else _TOO_LARGE.words)
    if in_memory(tensor) and 8 * tensor.numel() * num_classes <= SMALL:
        return _one_hot_now(tensor._array_now(), num_classes)
    # A class outside the range is found when it is computed with.
    tensor = checked(tensor, tensor >= 0, _NEGATIVE)
    tensor = checked(tensor, tensor < num_classes, _TOO_LARGE)
    zeros = flambeau.zeros(*tensor.shape, num_classes, dtype=flambeau.int64, device=tensor.device)
    return zeros.scatter_(-1, tensor.unsqueeze(-1), 1)
