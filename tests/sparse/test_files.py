"""Sparse tensors in files, each library reading the other's."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from sparse_inputs import HYBRID, MATRICES, same

import flambeau

pytestmark = pytest.mark.filterwarnings("ignore")


def through_a_file(writer: Any, reader: Any, value: Any, **options: Any) -> Any:
    file = io.BytesIO()
    writer.save(value, file, **options)
    file.seek(0)
    return reader.load(file)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("writer, reader", [(torch, flambeau), (flambeau, torch), (flambeau, flambeau)])
def test_both_ways(writer: Any, reader: Any, zipped: bool) -> None:
    for coo in (*MATRICES.values(), *HYBRID.values()):
        for form in ("coo", "coalesced", "csr", "csc", "bsr"):
            if form not in ("coo", "coalesced") and len(coo.values.shape) > 1:
                continue
            s = coo.made(writer)[0]
            if form == "coalesced":
                s = s.coalesce()
            elif form == "bsr":
                s = s.to_dense().to_sparse_bsr((2, 1))
            elif form != "coo":
                s = getattr(s, f"to_sparse_{form}")()
            state = {"a": s, "plain": writer.ones(2)}
            read = through_a_file(writer, reader, state, _use_new_zipfile_serialization=zipped)["a"]
            assert repr(read) == repr(s)
            if form in ("coo", "coalesced"):
                assert read.is_coalesced() == s.is_coalesced()


def test_state_of_a_module() -> None:
    def module(t: Any) -> Any:
        made = t.nn.Linear(2, 2)
        made.register_buffer("adjacency", t.eye(3).to_sparse())
        made.weights = t.nn.Parameter(t.eye(2).to_sparse())
        return made

    for writer, reader in ((torch, flambeau), (flambeau, torch)):
        read = through_a_file(writer, reader, module(writer).state_dict())
        other = module(reader)
        other.load_state_dict(read)
        np.testing.assert_array_equal(other.adjacency.to_dense().numpy(), np.eye(3))


def test_momentum_that_is_sparse() -> None:
    w = flambeau.nn.Parameter(flambeau.ones(4, 2))
    optimizer = flambeau.optim.SGD([w], lr=0.1, momentum=0.9)
    flambeau.nn.functional.embedding(flambeau.tensor([1, 2]), w, sparse=True).sum().backward()
    optimizer.step()
    read = through_a_file(flambeau, torch, optimizer.state_dict())
    same(optimizer.state[w]["momentum_buffer"], read["state"][0]["momentum_buffer"])


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged(zipped: bool) -> None:
    """Parts that do not fit each other are refused, however they come into the file."""
    for change in (
        lambda s: s._indices().fill_(7),
        lambda s: s._indices().fill_(-1),
        lambda s: s._coalesced_(True),
    ):
        s = torch.sparse_coo_tensor([[1, 0], [0, 1]], [1.0, 2.0], (2, 2))
        change(s)
        with pytest.raises(RuntimeError):
            through_a_file(torch, flambeau, s, _use_new_zipfile_serialization=zipped)
    c = torch.eye(3).to_sparse_csr()
    c.col_indices().fill_(9)
    with pytest.raises(RuntimeError, match="col_indices"):
        through_a_file(torch, flambeau, c, _use_new_zipfile_serialization=zipped)
    for parts in ((1, 2, (3,)), (torch.ones(1, 1), torch.ones(1)), (), 5):
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            flambeau._utils._rebuild_sparse_tensor(flambeau.sparse_coo, parts)
