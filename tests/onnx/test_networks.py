"""Networks, exported for sizes that stay and for sizes that differ, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from onnx_exported import assert_same, check, run, session
from onnx_networks import networks
from oracle import as_flambeau, copy_state

import flambeau
import flambeau.onnx
from flambeau.export import Dim

OURS, THEIRS = networks(flambeau), networks(torch)
B, L, M, H, W = (Dim(name) for name in ("batch", "length", "other", "height", "width"))


def floats(*shape: int) -> Any:
    return torch.randn(*shape)


def words(most: int, *shape: int) -> Any:
    return torch.randint(0, most, shape)


def padding(length: int, *lengths: int) -> Any:
    return torch.arange(length)[None] >= torch.tensor(lengths)[:, None]


CASES: dict[str, Any] = {
    "Perceptron": ([floats(4, 6)], [floats(7, 6)], ({0: B},)),
    "LeNet": ([floats(2, 1, 28, 28)], [floats(5, 1, 28, 28)], ({0: B},)),
    "ResNet": ([floats(2, 3, 64, 64)], [floats(3, 3, 80, 48)], ({0: B, 2: H, 3: W},)),
    "Vgg": ([floats(2, 3, 32, 32)], [floats(5, 3, 32, 32)], ({0: B},)),
    "Encoder": ([words(20, 2, 7), padding(7, 5, 7)], [words(20, 3, 9), padding(9, 5, 9, 2)], ({0: B, 1: L}, {0: B, 1: L})),
    "Translator": ([floats(2, 5, 16), floats(2, 4, 16)], [floats(3, 6, 16), floats(3, 9, 16)], ({0: B, 1: L}, {0: B, 1: M})),
    "Gpt": ([words(30, 2, 8)], [words(30, 3, 13)], ({0: B, 1: L},)),
    "Recurrent": ([floats(2, 4, 5)], [floats(3, 7, 5)], ({0: B, 1: L},)),
    "Cells": ([floats(2, 4, 5)], [floats(6, 4, 5)], ({0: B},)),
    "UNet": ([floats(1, 3, 16, 16)], [floats(2, 3, 24, 20)], ({0: B, 2: H, 3: W},)),
    "Heads": ([floats(5, 2, 8), floats(4, 2, 6), floats(5, 4)], [floats(7, 3, 8), floats(6, 3, 6), floats(7, 6)],
              ({0: L, 1: B}, {0: M, 1: B}, {0: L, 1: M})),
}  # fmt: skip


def pair(name: str) -> tuple[Any, Any]:
    """A network of each library, with the same parameters and statistics that say something."""
    torch.manual_seed(0)
    ours, theirs = OURS[name]().eval(), THEIRS[name]().eval()
    for module in theirs.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    copy_state(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize("name", CASES)
def test_networks(name: str) -> None:
    ours, theirs = pair(name)
    example, other, shapes = CASES[name]
    check(ours, theirs, example)
    check(ours, theirs, example, [other], dynamic_shapes=shapes)


def test_tables_and_keywords() -> None:
    ours, theirs = pair("Tables")
    batch = {"words": torch.tensor([1, 2, 3, 4]), "starts": torch.tensor([0, 3]), "x": floats(2)}
    table = {key: as_flambeau(value) for key, value in batch.items()}
    extra = flambeau.tensor([1.0])
    program = flambeau.onnx.export(ours, (table, 3.0), kwargs={"extra": extra})
    assert [one.name for one in program.model_proto.graph.input] == ["batch_words", "batch_starts", "batch_x", "extra"]
    expected = theirs(batch, 3.0, extra=torch.tensor([1.0]))
    given = [batch["words"], batch["starts"], batch["x"], torch.tensor([1.0])]
    with torch.no_grad():
        wanted = [expected["y"], expected["pair"][0], expected["pair"][1][0], expected["extra"]]
    assert_same(run(session(program.model_proto), given), wanted)
    found = program(table, 3.0, extra=extra)
    assert_same([value.numpy() for value in found], wanted)


@pytest.mark.parametrize("opset", [17, 18, 21, 23])
def test_operator_sets(opset: int) -> None:
    for name in ("UNet", "Gpt", "Recurrent", "Heads"):
        ours, theirs = pair(name)
        example, other, shapes = CASES[name]
        program = check(ours, theirs, example, [other], dynamic_shapes=shapes, opset_version=opset)
        assert program.model_proto.opset_import[0].version == opset
