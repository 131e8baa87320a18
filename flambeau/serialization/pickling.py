"""Tensors as the standard library's pickles have them, in the form that PyTorch gives them."""

from __future__ import annotations

import sys
from typing import Any

from ..core.storage import Storage
from ..core.tensor import Tensor
from ..graph.shapes import View
from .writing import reduced_tensor


def reduced(tensor: Tensor) -> Any:
    """How a tensor is pickled, or copied by ``copy.copy``: with all of the memory that it looks at, and where it looks."""
    other = sys.modules.get("multiprocessing.reduction")
    if other is not None:
        # What goes to another process is no more than the tensor's own elements.
        other.ForkingPickler.register(type(tensor), _reduced_for_a_process)
    return reduced_tensor(tensor, _storage_of)


def _reduced_for_a_process(tensor: Tensor) -> Any:
    storage = tensor._storage if not tensor.of_parts else None
    if storage is None or storage.node.shape.numel() <= tensor.numel() or type(tensor) is not Tensor:
        return reduced(tensor)
    own = tensor.detach().clone().requires_grad_(tensor.requires_grad)
    own.__dict__.update(tensor.__dict__)
    return reduced(own)


def _storage_of(owner: Any, node: Any, kind: Any) -> Any:
    """Memory as a storage that shares it."""
    shared: Storage = owner if isinstance(owner, Storage) else owner._share()
    storage = kind._of(Tensor._from_node(None, View((node.shape.numel(),), (1,), 0), shared))
    d = getattr(kind, "dtype", node.dtype)
    if d is not node.dtype and d.kind == "complex":
        from ..ops.complex import ComplexTensor

        storage._tensor, storage.dtype = ComplexTensor.of(storage._tensor.view(-1, 2)), d
    return storage
