"""How sparse tensors are made, asked and shown, and what is refused, beside PyTorch's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from sparse_inputs import HYBRID, LIBRARIES, MATRICES, same

import flambeau

pytestmark = pytest.mark.filterwarnings("ignore")

MADE = """
t.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0])
t.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 4))
t.sparse_coo_tensor([[0, 1], [2, 0]], [3, 4], [3, 3])
t.sparse_coo_tensor(t.tensor([[0, 1], [2, 0]]), t.tensor([3, 4]), t.Size([3, 3]), dtype=t.float64)
t.sparse_coo_tensor(t.tensor([[0, 1], [2, 0]], dtype=t.int32), t.ones(2, 2), (2, 3, 2), device="cpu")
t.sparse_coo_tensor(indices=t.zeros(2, 0, dtype=t.int64), values=t.zeros(0))
t.sparse_coo_tensor((2, 3))
t.sparse_coo_tensor(size=(2, 3), dtype=t.int64)
t.sparse_coo_tensor([[0, 1]], [3.0, 4.0], (2,), requires_grad=True)
t.sparse_coo_tensor([[0, 1]], [3.0, 4.0], (2,), is_coalesced=True)
t.sparse_coo_tensor(t.zeros(1, 1, dtype=t.int64), 3.0)
t.sparse_coo_tensor(t.zeros(0, 1, dtype=t.int64), t.ones(1), ())
t.sparse.FloatTensor(t.tensor([[0, 1], [2, 0]]), t.tensor([3.0, 4.0]), t.Size([2, 3]))
t.sparse.FloatTensor(2, 3)
t.sparse.LongTensor(t.tensor([[0, 1]]), t.tensor([3, 4]))
t.zeros(2, 3, layout=t.sparse_coo)
t.empty(3, layout=t.sparse_coo, requires_grad=True)
t.zeros_like(t.ones(2, 2), layout=t.sparse_coo)
t.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse()
t.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse(1)
t.eye(3).to_sparse(layout=t.sparse_coo)
t.tensor([[[1.0, 0.0], [0.0, 2.0]]]).to_sparse(2)
t.tensor(3.0).to_sparse()
t.eye(3, dtype=t.bool).to_sparse()
t.eye(2).to_sparse().new(t.tensor([[1], [1]]), t.tensor([5.0]), t.Size([2, 2]))
t.eye(2).to_sparse().new_zeros(3, 4)
t.eye(2).to_sparse().sparse_resize_((3, 4), 2, 0)
t.eye(2).to_sparse().sparse_resize_and_clear_((3, 4), 1, 1)
t.eye(2).to_sparse().resize_as_sparse_(t.ones(3, 3).to_sparse())
t.sparse.spdiags(t.arange(9.0).reshape(3, 3), t.tensor([0, -1, 2]), (4, 4))
t.sparse.spdiags(t.arange(1.0, 4.0), t.tensor(0), (3, 3))
t.sparse.spdiags(t.arange(6.0).reshape(2, 3), t.tensor([1, -2]), (3, 3), layout=t.sparse_csr)
t.sparse_csr_tensor([0, 2, 3], [1, 2, 0], [1.0, 2.0, 3.0])
t.sparse_csr_tensor(t.tensor([0, 2, 3], dtype=t.int32), t.tensor([1, 2, 0], dtype=t.int32), [1.0, 2.0, 3.0], (2, 4))
t.sparse_csr_tensor([0, 0, 0], [], [], (2, 3))
t.sparse_csc_tensor([0, 1, 2, 3], [1, 0, 0], [1, 2, 3], dtype=t.float64)
t.sparse_bsr_tensor([0, 1], [0], [[[1.0, 2.0], [3.0, 4.0]]])
t.sparse_bsc_tensor([0, 1], [1], [[[1.0, 2.0], [3.0, 4.0]]], (4, 2))
t.sparse_compressed_tensor([0, 2, 3], [1, 2, 0], [1.0, 2.0, 3.0], (2, 3), layout=t.sparse_csr, requires_grad=True)
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse_csr()
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse_csc()
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse_bsr((1, 3))
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse(layout=t.sparse_bsc, blocksize=(2, 1))
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse_csr().t()
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse_csr().to_sparse_csc()
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse_csc().to_sparse()
t.tensor([[0.0, 1, 2], [3, 0, 0]]).to_sparse_csr() * 2
t.eye(3).to_sparse_csr() + t.eye(3).to_sparse_csr()
t.eye(3).to_sparse_csr() * t.eye(3).to_sparse_csr()
t.eye(3).to_sparse_csr().sin()
t.eye(3).to_sparse_csr().double().clone().detach()
t.eye(3).to_sparse_csr().sum(1, keepdim=True)
t.eye(3).to_sparse_csr()[1]
t.ones(3, 3).sparse_mask(t.eye(3).to_sparse_csr())
t.ones(3, 3) + t.eye(3).to_sparse_csr()
t.zeros(2, 3, layout=t.sparse_csr)
t.eye(30).to_sparse()
t.sparse_coo_tensor(t.arange(2000).reshape(2, 1000), t.arange(1000.0), dtype=t.float16)
t.sparse_coo_tensor([[0, 1]], t.tensor([3.0, 4.0], requires_grad=True))
t.eye(2).to_sparse().requires_grad_()
t.nn.Parameter(t.eye(2).to_sparse())
""".strip().splitlines()  # fmt: skip


@pytest.mark.parametrize("line", MADE)
def test_made_and_shown(line: str) -> None:
    theirs, mine = [eval(line, {"t": library}) for library in LIBRARIES]
    same(mine, theirs)
    assert repr(mine) == repr(theirs)
    for question in ("_nnz", "sparse_dim", "dense_dim", "dim", "numel", "element_size", "size", "is_floating_point"):
        if hasattr(theirs, question) and theirs.layout != torch.strided:
            assert getattr(mine, question)() == getattr(theirs, question)(), question
    assert (mine.is_sparse, mine.is_sparse_csr, mine.is_leaf) == (theirs.is_sparse, theirs.is_sparse_csr, theirs.is_leaf)


REFUSED = """
t.sparse_coo_tensor()
t.sparse_coo_tensor(t.zeros(2, 1, dtype=t.int64))
t.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], 3)
t.sparse_coo_tensor("a", [1.0])
t.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2,))
t.sparse_coo_tensor([[0, 1], [2, 0]], [3.0], (2, 3))
t.sparse_coo_tensor([[0, -1]], [3.0, 1.0])
t.sparse_coo_tensor([[0, 5]], [3.0, 1.0], (2,), check_invariants=True)
t.sparse_coo_tensor([[0, 1]], t.ones(2, 3), (2, 4), check_invariants=True)
t.sparse_coo_tensor([[1, 0]], [3.0, 1.0], (2,), is_coalesced=True, check_invariants=True)
t.sparse_coo_tensor([[0, 1]], [3, 4], requires_grad=True)
t.sparse_coo_tensor([[0, 0]], [3.0, 4.0]).indices()
t.sparse_coo_tensor([[0, 0]], [3.0, 4.0]).values()
t.ones(2).coalesce()
t.ones(2).values()
t.ones(2).indices()
t.ones(2).crow_indices()
t.ones(2)._nnz()
t.ones(2)._values()
t.smm(t.ones(2, 2), t.ones(2, 2))
s + t.ones(3, 3)
s + 1
s - t.ones(3, 3)
s + t.eye(2).to_sparse()
s / s
2 / s
s * t.ones(2, 2)
s * t.eye(2).to_sparse()
s ** 0
s.exp()
s.cos()
s == s
s > 1
s.mean()
s.max()
s.argmax()
s.view(9)
s.reshape(9)
s.expand(2, 3, 3)
s.fill_(1)
s.cumsum(0)
s.numpy()
s.tolist()
s.item()
s.data_ptr()
s.untyped_storage()
bool(s)
s[0:1]
s[t.tensor([0, 1])]
s[5]
s.select(0, 7)
s.index_select(0, t.tensor([3]))
s.narrow_copy(0, 1, 5)
s.transpose(0, 2)
s.permute(0, 0)
s.contiguous()
s.crow_indices()
s.copy_(t.ones(3, 3))
t.ones(3, 3).copy_(s)
t.cat([s, t.ones(3, 3)])
t.cat([s, t.eye(2).to_sparse()])
t.stack([s, t.eye(2).to_sparse()])
t.softmax(s, 1)
t.ones_like(s)
t.rand_like(s)
t.sparse.sum(t.ones(3, 3))
t.sparse.sum(s, 2)
t.sparse.softmax(s, 2)
t.sparse.softmax(t.ones(3, 3), 1)
t.sparse.mm(s, t.ones(4, 2))
t.sparse.mm(s, t.ones(3, 2, dtype=t.float64))
t.sparse.mm(s, t.ones(3))
t.sparse.mm(s, t.ones(3, 2), reduce="mean")
t.mv(s, t.ones(4))
t.bmm(s, t.ones(3, 3, 3))
t.addmm(t.ones(2, 2), s, t.ones(3, 2))
t.ones(2, 2) @ s
t.dot(s[0], t.ones(3))
s.to_sparse(1)
s.norm(2, 0)
t.ones(3, 3).sparse_mask(t.ones(3, 3))
t.ones(2, 2).sparse_mask(s)
s.requires_grad_().mul_(2)
t.ones(2, 2).to_sparse_bsr((2, 3))
t.sparse_csr_tensor([0, 2, 4], [1, 2, 0], [1.0, 2.0, 3.0], (2, 3), check_invariants=True)
t.sparse_csr_tensor([0, 2, 3], [1, 5, 0], [1.0, 2.0, 3.0], (2, 3), check_invariants=True)
t.sparse_csr_tensor([0, 2, 3], [2, 1, 0], [1.0, 2.0, 3.0], (2, 3), check_invariants=True)
t.sparse_csr_tensor([1, 2, 3], [2, 1, 0], [1.0, 2.0, 3.0], (2, 3), check_invariants=True)
t.sparse_csr_tensor([0, 3, 2], [2, 1, 0], [1.0, 2.0, 3.0], (2, 3), check_invariants=True)
t.sparse_csr_tensor([0, 2, 3], [2, 1], [1.0, 2.0, 3.0], (2, 3), check_invariants=True)
t.sparse_csr_tensor([0, 3], [2, 1, 0], [1.0, 2.0, 3.0], (2, 3), check_invariants=True)
t.eye(3).to_sparse_csr().coalesce()
t.eye(3).to_sparse_csr().indices()
t.eye(3).to_sparse_csr().row_indices()
t.eye(3).to_sparse_csr().stride()
t.eye(3).to_sparse_csr() + 1
t.sparse.sum(t.eye(3).to_sparse_csr())
t.utils.data.default_collate([s, s])
t.optim.SparseAdam([t.nn.Parameter(s)])
""".strip().splitlines()


@pytest.mark.parametrize("line", REFUSED)
def test_refused(line: str) -> None:
    raised = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as found:
            eval(line, {"t": library, "s": library.eye(3).to_sparse()})
        raised.append(found.type)
    assert issubclass(raised[1], raised[0]), raised


def test_indices_out_of_range_are_always_refused() -> None:
    """PyTorch reads and writes beyond memory with them, unless asked to check."""
    with pytest.raises(RuntimeError, match="size is inconsistent with indices: for dim 1, size is 2 but found index 7"):
        flambeau.sparse_coo_tensor([[0, 1], [0, 7]], [1.0, 2.0], (2, 2))
    with pytest.raises(RuntimeError, match="col_indices < ncols"):
        flambeau.sparse_csr_tensor([0, 1], [7], [1.0], (1, 3))
    indices = flambeau.tensor([[0, 1]])
    s = flambeau.sparse_coo_tensor(indices, [1.0, 2.0], (2,))
    indices[0, 1] = 1 << 40
    for use in (
        lambda: s.to_dense().sum().item(),
        lambda: (flambeau.ones(2) + s).tolist(),
        lambda: flambeau.ones(2).sparse_mask(s)._values().tolist(),
    ):
        with pytest.raises((IndexError, RuntimeError)):
            use()


def test_invariants() -> None:
    check = flambeau.sparse.check_sparse_tensor_invariants
    assert not check.is_enabled()
    with check():
        assert check.is_enabled()
        with pytest.raises(RuntimeError, match="cannot set is_coalesced"):
            flambeau.sparse_coo_tensor([[1, 0]], [1.0, 2.0], is_coalesced=True)
    assert not check.is_enabled() and check()(check.is_enabled)()


def test_copies() -> None:
    for coo in (*MATRICES.values(), *HYBRID.values()):
        s = coo.made(flambeau)[0]
        for other in (copy.copy(s), copy.deepcopy(s), pickle.loads(pickle.dumps(s)), s.clone(), s.data, s.cpu(), s.to("cpu")):
            same(other.to_dense(), coo.made(torch)[0].to_dense())
        assert copy.deepcopy(s)._values().data_ptr() != s._values().data_ptr()
    c = flambeau.eye(3).to_sparse_csr()
    np.testing.assert_array_equal(copy.deepcopy(c).to_dense().numpy(), pickle.loads(pickle.dumps(c)).to_dense().numpy())


def test_old_types() -> None:
    for library in LIBRARIES:
        s = library.eye(2).to_sparse()
        assert s.type() == "torch.sparse.FloatTensor" and isinstance(s, library.sparse.FloatTensor)
        assert not isinstance(s, library.FloatTensor) and not isinstance(s, library.sparse.DoubleTensor)
        assert not isinstance(library.ones(2), library.sparse.FloatTensor)
        assert s.type(library.sparse.DoubleTensor).dtype == s.type(library.float64).dtype == library.float64


def test_in_modules() -> None:
    def program(t: Any) -> list[Any]:
        module = t.nn.Linear(3, 2)
        module.register_buffer("adjacency", t.eye(3).to_sparse())
        other = t.nn.Linear(3, 2)
        other.register_buffer("adjacency", t.zeros(3, 3).to_sparse())
        other.load_state_dict(module.state_dict())
        return [other.adjacency.to_dense(), module.double().adjacency, list(module.state_dict())]

    same(program(flambeau), program(torch))


def test_close() -> None:
    s = flambeau.eye(3).to_sparse()
    flambeau.testing.assert_close(s, s.clone())
    flambeau.testing.assert_close(s.to_sparse_csr(), s.to_sparse_csr())
    with pytest.raises(AssertionError, match="Sparse COO values"):
        flambeau.testing.assert_close(s, s * 2)
