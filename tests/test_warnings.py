"""What PyTorch warns of: the same categories and words, at the line of the program."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
import flambeau.nn.functional
from flambeau.graph import notices

STATEMENTS = [
    "torch.ones(1).std()", "torch.ones(3, 1).var(1)", "torch.var_mean(torch.ones(1))", "torch.std_mean(torch.ones(0))",
    "torch.ones(2).std(correction=2)", "torch.ones(2, 3).std()", "float(torch.ones(1, requires_grad=True))",
    "torch.no_grad()(lambda: float(torch.ones(1, requires_grad=True)))()", "complex(torch.ones(1, requires_grad=True))",
    "torch.no_grad()(int)",
    "int(torch.ones(1, requires_grad=True))", "torch.ones(1, requires_grad=True).item()", "float(torch.ones(1))",
    "torch.nn.functional.mse_loss(torch.ones(2, 1), torch.ones(2))", "torch.nn.L1Loss()(torch.ones(2, 1), torch.ones(2))",
    "torch.nn.functional.smooth_l1_loss(torch.ones(2, 1), torch.ones(2))",
    "torch.nn.functional.huber_loss(torch.ones(2, 1), torch.ones(2))", "(torch.ones(2, requires_grad=True) * 2).grad",
    "torch.nn.functional.softmax(torch.ones(2))", "torch.nn.Softmax()(torch.ones(2))", "torch.ones(2, 3, 4).T",
    "torch.ones(2, 3).T", "torch.range(0, 3)", "torch.meshgrid(torch.ones(2), torch.ones(2))",
    "torch.meshgrid(torch.ones(2), torch.ones(2), indexing='xy')", "torch.cartesian_prod(torch.ones(2), torch.ones(2))",
    "torch.qr(torch.ones(2, 2))",
    "torch.cholesky(torch.eye(2), upper=True)", "torch.chain_matmul(torch.ones(2, 2), torch.ones(2, 2))",
    "torch.cross(torch.ones(3, 3), torch.ones(3, 3))", "torch.ones(2).storage()",
    "torch.ones(2, requires_grad=True).sum().backward(create_graph=True)", "torch.set_default_tensor_type(torch.FloatTensor)",
    "torch.cuda.amp.GradScaler()", "torch.ones(2)[torch.tensor([1, 0], dtype=torch.uint8)]",
    "torch.where(torch.tensor([1, 0], dtype=torch.uint8), 1.0, 2.0)",
    "torch.scatter(torch.ones(2), 0, torch.tensor([0]), torch.ones(1), reduce='add')",
    "torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2), padding='same')",
    "torch.optim.lr_scheduler.StepLR(torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1), 1).step()",
    "torch.ones(2).random_(0, 2**25)", "torch.tensor(torch.ones(2))",
    "torch.ones(2).index_reduce(0, torch.tensor([0]), torch.ones(1), 'amax')",
]  # fmt: skip


@pytest.fixture
def always() -> Iterator[None]:
    """Warnings that are given once are given again."""
    said = notices._said
    notices._said = set()
    torch.set_warn_always(True)
    torch.storage._reset_warn_typed_storage_removal()
    yield
    torch.set_warn_always(False)
    notices._said = said


def given(library: Any, statement: str) -> list[tuple[type[Warning], str, str]]:
    """The warnings of a statement: category, beginning, and the file that is blamed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(statement, {"torch": library, "np": np})
    return [(w.category, str(w.message).split(" (Trigger")[0][:70].replace("torch.cuda.amp.", ""), w.filename) for w in caught]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_same_warnings(statement: str, always: None) -> None:
    expected, actual = given(torch, statement), given(flambeau, statement)
    assert [w[:2] for w in actual] == [w[:2] for w in expected]
    for theirs, ours in zip(expected, actual):
        assert ours[2] == theirs[2] or "/flambeau/" not in ours[2] or "/torch/" in theirs[2]


def test_what_is_said_once(always: None) -> None:
    statement = "float(torch.ones(1, requires_grad=True))"
    assert [len(given(flambeau, statement)) for _ in range(3)] == [1, 0, 0]


MODULES = (
    "torch torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.utils torch.utils.data torch.autograd torch.optim "
    "torch.optim.lr_scheduler torch.linalg torch.special torch.multiprocessing torch.cuda torch.amp torch.backends torch.hub"
).split()


@pytest.mark.parametrize("module", MODULES)
def test_whether_a_name_is_there_can_be_asked(module: str) -> None:
    theirs, ours = importlib.import_module(module), importlib.import_module(module.replace("torch", "flambeau", 1))
    for name in {*dir(theirs), "no_such_name", "tensorboard"}:
        hasattr(ours, name)  # answers, and does not raise
    assert not hasattr(ours, "no_such_name")
