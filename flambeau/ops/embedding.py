"""Rows of a table by number, whose gradient is dense or sparse."""

from __future__ import annotations

from ..core.history import INPUTS, Gradient, shown_as
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import TYPE_NAMES
from ..graph.shapes import Size
from .addressing import ROW, SELECTED, check_range, put_at, taken
from .choice import where
from .creation import filled
from .dispatch import with_history
from .operation import operation


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """The rows of ``table`` (rows, width) that ``index`` names, without history."""
    return taken(table, {0: index}, ROW, None)


@shown_as("EmbeddingBackward0")
class _Dense(Gradient):
    """Rows' gradients are added up in the order of the indices.

    ``context`` (rows, the row without a gradient, whether to divide by how often a row was named).
    """

    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        rows, padding_idx, by_frequency = self.context
        index = self.input(1)
        if by_frequency:
            one, none = filled(Size(), 1, grad.dtype), filled(Size((rows,)), 0, grad.dtype)
            count = put_at(none, one, index.shape, [0] * index.ndim, 0, [rows], [1], [index], "add", ROW)
            grad = grad / _rows(count.unsqueeze(-1), index)
        return add_rows(grad, index, rows, padding_idx), None


@shown_as("EmbeddingBackward0")
class _Sparse(Gradient):
    """Rows' gradients and their indices are the entries of a sparse tensor. ``context`` as above."""

    saves = INPUTS
    replayable = False

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        from .sparse import CooTensor

        rows, padding_idx, by_frequency = self.context
        if by_frequency:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        index, width = self.input(1).reshape(-1).to(dtypes.int64), grad.shape[-1]
        entries = grad.reshape(-1, width)
        if padding_idx >= 0:
            kept = (index != padding_idx).nonzero().squeeze(1)
            index, entries = index.index_select(0, kept), entries.index_select(0, kept)
        return CooTensor.of(index.unsqueeze(0), entries, (rows, width), index.shape[0] < 2), None


def add_rows(grad: Tensor, index: Tensor, rows: int, padding_idx: int) -> Tensor:
    """A table of zeros with the rows of ``grad`` added where ``index`` says; ``padding_idx`` names a row left zero."""
    width = grad.shape[-1]
    place = index.unsqueeze(-1)
    if padding_idx >= 0:
        grad = where(place == padding_idx, 0.0, grad)
    target = filled(Size((rows, width)), 0, grad.dtype)
    result = put_at(target, grad, grad.shape, (*[0] * index.ndim, 1), 0, [rows], [width], [place], "add", ROW)
    return with_history(result, _AddRowsBackward, [grad, index], kept=[None, index])


class _AddRowsBackward(Gradient):
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        return embedding(grad, self.input(1)), None


@operation(method=False)
def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    """Rows of ``weight`` (rows, width) for ``indices`` of any shape: (…, width).

    The row ``padding_idx`` gets no gradient; with ``scale_grad_by_freq`` each row's is divided by how often it was
    named. An index out of range raises ``IndexError`` when the rows are computed. The gradient is a sparse tensor if
    ``sparse``.
    """
    sizes, d = weight.shape, indices.dtype
    if len(sizes) != 2:
        raise RuntimeError("'weight' must be 2-D")
    if d is not dtypes.int64 and d is not dtypes.int32:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{TYPE_NAMES[d]}Tensor instead (while checking arguments for embedding)"
        )
    rows, width = sizes
    if rows == 0 and indices.numel():
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    result = _rows(weight, indices)
    if rows == 0 or width == 0:
        check_range(indices, rows, SELECTED)
    context = (rows, padding_idx, scale_grad_by_freq)
    return with_history(result, _Sparse if sparse else _Dense, [weight, indices], context, kept=[None, indices])
