"""Sparse tensors as text, character by character as PyTorch writes them."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import bool_, get_default_dtype, int64
from ..printing import content, history_suffix, with_suffixes
from .tensor import SparseTensor


def _part(name: str, tensor: Tensor, indent: int) -> str:
    """One of the parts, as ``name=tensor(…)``."""
    head = f"{name}=tensor("
    text = content(tensor.detach(), indent + len(head)) if tensor.numel() else "[]"
    return head + text + (f", size={tuple(tensor.shape)}" if not tensor.numel() else "") + ")"


def sparse_text(tensor: SparseTensor, contents: Any = None) -> str:
    """A sparse tensor as ``repr`` and ``print`` show it; ``contents`` takes the place of its parts."""
    prefix = "tensor("
    indent = len(prefix)
    start = ("Parameter containing:\n" if tensor.__dict__.get("_is_param") else "") + prefix
    suffixes = [f"size={tuple(tensor.shape)}", f"nnz={tensor._nnz()}"]
    if tensor.dtype.to_real() not in (get_default_dtype(), int64, bool_):
        suffixes.append(f"dtype={tensor.dtype}")
    if contents is None:
        parts = [_part(name, part, indent) for name, part in tensor.named_parts()]
        contents = (",\n" + " " * indent).join(parts)
    suffixes.append(f"layout={tensor.layout}")
    return with_suffixes(start + contents, [*suffixes, *history_suffix(tensor)], indent, tensor.is_sparse)


def _shown(self: SparseTensor, *, tensor_contents: Any = None) -> str:
    return sparse_text(self, tensor_contents)


SparseTensor.__repr__ = _shown  # type: ignore[assignment, method-assign]
