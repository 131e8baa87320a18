"""Which results share memory with their input, and which are the input itself: as in PyTorch, where nothing is to be done too."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import evaluated

import flambeau


def numbers(T: Any, *shape: int) -> Any:
    return (T.arange(float(np.prod(shape))) + 1).reshape(shape).clone()


INPUTS: dict[str, Callable[[Any], Any]] = {
    "number": lambda T: T.tensor(2.0),
    "one element": lambda T: numbers(T, 1),
    "vector": lambda T: numbers(T, 4),
    "matrix": lambda T: numbers(T, 3, 3),
    "transposed": lambda T: numbers(T, 3, 3).t(),
    "one row": lambda T: numbers(T, 1, 1, 1, 4),
    "channels last": lambda T: numbers(T, 2, 4, 4, 6).contiguous(memory_format=T.channels_last),
}
SEQUENCES: dict[str, Callable[[Any], Any]] = {"sequence": lambda T: numbers(T, 2, 3, 4)}
PICTURES: dict[str, Callable[[Any], Any]] = {
    "one row": lambda T: numbers(T, 1, 1, 1, 4),
    "picture": lambda T: numbers(T, 2, 4, 4, 6),
    "channels last": INPUTS["channels last"],
    "transposed": lambda T: numbers(T, 2, 4, 4, 6).transpose(1, 2),
}

OF_ANY_RANK = [
    "F.relu(x)", "F.relu(x, inplace=True)", "x.clamp(min=-1e9)", "x.abs()", "+x", "x + 0", "x**1", "x.floor()", "x.conj()",
    "T.real(x)", "x.resolve_conj()", "T.where(x > -1, x, x)", "x.masked_fill(x < -5, 0)", "x.masked_scatter(x < -1, x)",
    "T.maximum(x, x)", "F.dropout(x, 0.5, False)", "F.dropout(x, 0.0, True)", "F.alpha_dropout(x, 0.5, False)",
    "T.nn.Dropout(0.5).eval()(x)", "T.nn.Identity()(x)", "T.nn.Sequential()(x)", "F.normalize(x, dim=0)", "x.clone()",
    "x.contiguous()", "x.detach()", "x.data", "x.to(T.float32)", 'x.to("cpu")', "x.to(T.float32, copy=True)", "x.float()",
    "x.type(T.float32)", "x.type_as(x)", "x.cpu()", "x.to(x)", "x.to(memory_format=T.preserve_format)",
    "x.to(memory_format=T.contiguous_format)", "T.as_tensor(x)", "T.from_numpy(x.numpy())", "T.tensor(x.numpy())",
    "T.nn.Parameter(x).data", "copy.copy(x)", "copy.deepcopy(x)", "T.utils.data.default_convert(x)",
    "T.utils.data.default_collate([x])", "x.reshape(x.shape)", "x.view_as(x)", "x.ravel()", "x.flatten()", "x.flatten(0, 0)",
    "x.reshape(-1)", "x.squeeze()", "x.expand(x.shape)", "x.expand_as(x)", "T.broadcast_to(x, x.shape)",
    "T.broadcast_tensors(x, x)[0]", "x[...]", "x[()]", "x[None]", "x.permute(tuple(range(x.ndim)))", "x.movedim(0, 0)",
    "x.transpose(0, 0)", "T.atleast_1d(x)", "T.atleast_3d(x)", "x.as_strided(x.shape, x.stride())", "x.view(T.float32)",
    "T.stack([x])", "T.hstack([x])", "T.dstack([x])", "x.repeat(*[1] * max(x.ndim, 1))", "x.tile(())", "x.flip(())",
    "x.roll(0)", "x.index_select(0, T.arange(x.shape[0] if x.ndim else 1))", "x.gather(0, T.zeros(x.shape, dtype=T.int64))",
    "x.take(T.arange(x.numel()))", "x[x > -1]", "x.masked_select(x > -1)", 'T.einsum("...->...", x)',
    "x.sum(0, keepdim=True)", "x.mean(0, keepdim=True)", "x.amax(0, keepdim=True)", "x.cumsum(0)", "x.sort(0)[0]",
    "x.median(0, keepdim=True)[0]", "T.unique(x)",
]  # fmt: skip
OF_AXES = [
    "T.cat([x])", "T.cat([x, T.zeros(0)])", "x[:]", "x.chunk(1)[0]", "x.split(x.shape[0])[0]", "x.unbind(0)[0]",
    "x.narrow(0, 0, x.shape[0])", "x.narrow_copy(0, 0, x.shape[0])", "x[0]", "x[[0]]", "x[T.tensor(0)]",
    "x[T.arange(x.shape[0])]", "x.flip(0)", "x.roll(0, 0)", "x.repeat_interleave(1, 0)",
    "x.index_fill(0, T.zeros(0, dtype=T.int64), 1.0)", "x.index_put((T.zeros(0, dtype=T.int64),), T.tensor(1.0))",
    "x.slice_scatter(x)", "F.pad(x, (0, 0))", "F.pad(x, (-1, 1))", "x.unflatten(0, (-1, 1))", "x.diff(n=0)",
    'T.einsum("i...->...", x)', "x @ T.eye(x.shape[-1])", "F.linear(x, T.eye(x.shape[-1]))", "x.unfold(0, 1, 1)",
]  # fmt: skip
OF_MATRICES = [
    "x.t()", 'T.einsum("ij->ij", x)', 'T.einsum("ij->ji", x)', 'T.einsum("ii->i", x)', "T.linalg.matrix_power(x, 1)",
    "T.chain_matmul(x)", "x.rot90(0)", "x.tril(9)", "x.diag()", "T.block_diag(x)",
]  # fmt: skip
OF_SEQUENCES = [
    "F.interpolate(x, size=x.shape[2])", "F.max_pool1d(x, 1)", 'F.interpolate(x, size=x.shape[2], mode="linear")',
    "F.avg_pool1d(x, 1)", 'F.pad(x, (0, 0), mode="reflect")', "F.unfold(x, 1)", "F.pixel_shuffle(x, 1)",
]  # fmt: skip
OF_PICTURES = [
    "F.interpolate(x, size=tuple(x.shape[2:]))", "F.interpolate(x, scale_factor=1)", "T.nn.Upsample(scale_factor=1)(x)",
    'F.interpolate(x, size=tuple(x.shape[2:]), mode="bilinear")', 'F.interpolate(x, size=tuple(x.shape[2:]), mode="area")',
    "F.pixel_shuffle(x, 1)", "F.pixel_unshuffle(x, 1)", "F.channel_shuffle(x, 1)", "F.unfold(x, 1)",
    "F.unfold(x, (1, x.shape[3]))", "F.unfold(x, tuple(x.shape[2:]))",
    "F.fold(x.reshape(x.shape[0], x.shape[1], -1), tuple(x.shape[2:]), 1)", "F.max_pool2d(x, 1)", "F.avg_pool2d(x, 1)",
    "F.adaptive_avg_pool2d(x, (None, None))", 'F.pad(x, (0, 0, 0, 0), mode="reflect")',
    'F.pad(x, (0, 0, 0, 0), mode="circular")', "T.nn.ZeroPad2d(0)(x)", "x.contiguous(memory_format=T.channels_last)",
    "x.to(memory_format=T.channels_last)", "x.clone(memory_format=T.channels_last)", "F.dropout2d(x, 0.5, False)",
    "F.scaled_dot_product_attention(x, x, x)",
]  # fmt: skip


def relation(T: Any, expression: str, x: Any) -> str:
    """What the result is to the input: the same tensor, other memory, or the same memory."""
    result = evaluated(T, expression, x=x, copy=copy)
    if result is x:
        return "itself"
    before = x.tolist()
    with T.no_grad():
        result.fill_(77)
    return "new memory" if x.tolist() == before else "a view"


@pytest.mark.parametrize(
    ("inputs", "expressions"),
    [
        (INPUTS, OF_ANY_RANK),
        ({name: make for name, make in INPUTS.items() if name != "number"}, OF_AXES),
        ({name: INPUTS[name] for name in ("matrix", "transposed")}, OF_MATRICES),
        (SEQUENCES, OF_SEQUENCES),
        (PICTURES, OF_PICTURES),
    ],
    ids=["any rank", "axes", "matrices", "sequences", "pictures"],
)
def test_results(inputs: dict[str, Callable[[Any], Any]], expressions: list[str]) -> None:
    wrong = []
    for expression in expressions:
        for kind, make in inputs.items():
            ours, theirs = (relation(T, expression, make(T)) for T in (flambeau, torch))
            if ours != theirs:
                wrong.append(f"{expression} of {kind}: {ours} instead of {theirs}")
    assert not wrong


def test_shallow_copies_are_leaves_of_the_same_class() -> None:
    x = flambeau.nn.Parameter(numbers(flambeau, 3))
    x.note = "kept"
    made = copy.copy(x)
    assert isinstance(made, flambeau.nn.Parameter) and made.requires_grad and made.is_leaf and made.note == "kept"
    assert copy.copy(numbers(flambeau, 3).requires_grad_() * 2).is_leaf


def test_copies_of_what_shares_memory_share_it() -> None:
    def program(T: Any) -> list[Any]:
        x = T.arange(6.0) * 2
        together = {"whole": x, "view": x[1:4], "again": [x.view(2, 3).t(), x]}
        twin = copy.deepcopy(together)
        twin["view"][0] = 100.0
        twin["again"][0].mul_(2)
        x.zero_()
        return [twin["whole"], twin["view"], *twin["again"], twin["again"][0].stride(), twin["whole"] is twin["again"][1], x]

    ours, theirs = program(flambeau), program(torch)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.tolist(), mine.stride()) == (other.tolist(), other.stride()) if hasattr(mine, "tolist") else mine == other
