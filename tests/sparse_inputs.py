"""Sparse tensors for the tests, of both libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import flambeau

LIBRARIES = (torch, flambeau)


class Coo:
    """The parts of a sparse tensor of coordinates."""

    def __init__(self, indices: Any, values: Any, size: tuple[int, ...], d: str = "float32") -> None:
        self.indices = np.array(indices, np.int64)
        self.values = np.array(values, d)
        self.size = size

    def made(self, library: Any, requires_grad: bool = False) -> tuple[Any, Any]:
        """The tensor, and its values as a leaf that requires grad (if asked for)."""
        values = library.tensor(self.values, requires_grad=requires_grad)
        indices = library.tensor(self.indices.reshape(len(self.indices), -1))
        return library.sparse_coo_tensor(indices, values, self.size), values


def entries(count: int, shape: tuple[int, ...] = (), d: str = "float32") -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, *shape)).astype(d)


MATRICES = {
    "in order": Coo([[0, 1, 1, 3], [2, 0, 2, 1]], entries(4), (4, 3)),
    "twice": Coo([[3, 0, 1, 0, 3, 0], [1, 2, 0, 2, 0, 2]], entries(6), (4, 3)),
    "double": Coo([[1, 0, 2], [1, 0, 0]], entries(3, d="float64"), (4, 3), "float64"),
    "one": Coo([[2], [1]], [2.5], (4, 3)),
    "none": Coo(np.zeros((2, 0)), np.zeros(0), (4, 3)),
}
"""Matrices of four rows and three columns."""

HYBRID = {
    "rows": Coo([[3, 0, 3, 1]], entries(4, (3,)), (4, 3)),
    "three": Coo([[0, 1, 1, 0], [2, 0, 0, 1]], entries(4, (2,)), (2, 3, 2)),
}


def dense(x: Any) -> np.ndarray:
    x = x.detach()
    return (x if x.layout in (torch.strided, flambeau.strided) else x.to_dense()).numpy()


def same(mine: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    """Results of both libraries are alike: layouts, dtypes, sizes, numbers of entries if coalesced, and values."""
    if not isinstance(theirs, torch.Tensor):
        if isinstance(theirs, (tuple, list)):
            assert len(mine) == len(theirs)
            for one, other in zip(mine, theirs):
                same(one, other, tolerance)
        else:
            assert mine == theirs
        return
    assert str(mine.layout) == str(theirs.layout)
    assert str(mine.dtype) == str(theirs.dtype)
    assert tuple(mine.shape) == tuple(theirs.shape)
    assert mine.requires_grad == theirs.requires_grad
    if theirs.layout is torch.sparse_coo:
        assert mine.sparse_dim() == theirs.sparse_dim()
        if theirs._nnz() > 1:  # PyTorch says only of some tensors with one entry that it is in order
            assert mine.is_coalesced() == theirs.is_coalesced()
        if theirs.is_coalesced():
            np.testing.assert_array_equal(mine.indices().numpy(), theirs.indices().numpy())
    np.testing.assert_allclose(dense(mine), dense(theirs), tolerance, tolerance)


def weighted(library: Any, x: Any) -> Any:
    """A number that depends on all elements of a result."""
    x = x if x.layout is library.strided else x.to_dense()
    weights = library.arange(x.numel(), dtype=x.dtype).sin().reshape(x.shape)
    return (x * weights).sum()
