"""Rows of a table by number."""

from __future__ import annotations

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.shapes import Size
from .addressing import ROW, SELECTED, check_range, put_at, take_at
from .creation import filled
from .dispatch import attach, tracked
from .operation import operation
from .views import geometry


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """The rows of ``table`` (rows, width) that ``index`` names, without history."""
    (rows, width), (down, across), offset = geometry(table)
    shape = (*index.shape, width)
    return take_at(table, shape, (*[0] * index.ndim, across), offset, [rows], [down], [index.unsqueeze(-1)], ROW)


class EmbeddingBackward0(Gradient):
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


def add_rows(grad: Tensor, index: Tensor, rows: int, padding_idx: int) -> Tensor:
    """A table of zeros with the rows of ``grad`` added where ``index`` says; ``padding_idx`` names a row left zero."""
    from .choice import where

    width = grad.shape[-1]
    place = index.unsqueeze(-1)
    if padding_idx >= 0:
        grad = where(place == padding_idx, 0.0, grad)
    target = filled(Size((rows, width)), 0, grad.dtype)
    result = put_at(target, grad, grad.shape, (*[0] * index.ndim, 1), 0, [rows], [width], [place], "add", ROW)
    if tracked(grad):
        attach(result, _AddRowsBackward, [grad, index], [(None, None), (index._read(), index._view)])
    return result


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
    named. An index out of range raises ``IndexError`` when the rows are computed. Gradients are always dense.
    """
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if indices.dtype is not dtypes.int64 and indices.dtype is not dtypes.int32:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{p.TYPE_NAMES[indices.dtype]}Tensor instead (while checking arguments for embedding)"
        )
    if weight.shape[0] == 0 and indices.numel():
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    result = _rows(weight, indices)
    if weight.numel() == 0:
        check_range(indices, weight.shape[0], SELECTED)
    if tracked(weight):
        saved = [(None, None), (indices._read(), indices._view)]
        context = (weight.shape[0], padding_idx, scale_grad_by_freq)
        attach(result, EmbeddingBackward0, [weight, indices], saved, context)
    return result
