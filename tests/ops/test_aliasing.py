"""Which results share memory with their input, and which are the input itself: as in PyTorch, where nothing is to be done too."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

Function = Callable[[Any, Any], Any]


def F(T: Any) -> Any:
    return T.nn.functional


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

OF_ANY_RANK: dict[str, Function] = {
    # element by element
    "relu": lambda T, x: F(T).relu(x), "relu_": lambda T, x: F(T).relu(x, inplace=True),
    "clamp": lambda T, x: x.clamp(min=-1e9), "abs": lambda T, x: x.abs(), "positive": lambda T, x: +x,
    "add nothing": lambda T, x: x + 0, "power of 1": lambda T, x: x**1, "floor": lambda T, x: x.floor(),
    "conj": lambda T, x: x.conj(), "real": lambda T, x: T.real(x), "resolve_conj": lambda T, x: x.resolve_conj(),
    "where": lambda T, x: T.where(x > -1, x, x), "masked_fill": lambda T, x: x.masked_fill(x < -5, 0),
    "masked_scatter": lambda T, x: x.masked_scatter(x < -1, x), "maximum": lambda T, x: T.maximum(x, x),
    "dropout, evaluating": lambda T, x: F(T).dropout(x, 0.5, False),
    "dropout of none": lambda T, x: F(T).dropout(x, 0.0, True),
    "alpha_dropout, evaluating": lambda T, x: F(T).alpha_dropout(x, 0.5, False),
    "Dropout": lambda T, x: T.nn.Dropout(0.5).eval()(x), "Identity": lambda T, x: T.nn.Identity()(x),
    "an empty Sequential": lambda T, x: T.nn.Sequential()(x), "normalize": lambda T, x: F(T).normalize(x, dim=0),
    # copies and conversions
    "clone": lambda T, x: x.clone(), "contiguous": lambda T, x: x.contiguous(), "detach": lambda T, x: x.detach(),
    "data": lambda T, x: x.data, "to its dtype": lambda T, x: x.to(T.float32), "to a device": lambda T, x: x.to("cpu"),
    "to a copy": lambda T, x: x.to(T.float32, copy=True), "float": lambda T, x: x.float(),
    "type": lambda T, x: x.type(T.float32), "type_as": lambda T, x: x.type_as(x), "cpu": lambda T, x: x.cpu(),
    "to another tensor": lambda T, x: x.to(x), "to a format": lambda T, x: x.to(memory_format=T.preserve_format),
    "to contiguous": lambda T, x: x.to(memory_format=T.contiguous_format), "as_tensor": lambda T, x: T.as_tensor(x),
    "from_numpy": lambda T, x: T.from_numpy(x.numpy()), "tensor of an array": lambda T, x: T.tensor(x.numpy()),
    "Parameter": lambda T, x: T.nn.Parameter(x).data, "copy": lambda T, x: copy.copy(x),
    "deepcopy": lambda T, x: copy.deepcopy(x), "default_convert": lambda T, x: T.utils.data.default_convert(x),
    "default_collate": lambda T, x: T.utils.data.default_collate([x]),
    # shapes
    "reshape": lambda T, x: x.reshape(x.shape), "view_as": lambda T, x: x.view_as(x), "ravel": lambda T, x: x.ravel(),
    "flatten": lambda T, x: x.flatten(), "flatten of one axis": lambda T, x: x.flatten(0, 0),
    "reshape to a vector": lambda T, x: x.reshape(-1), "squeeze": lambda T, x: x.squeeze(),
    "expand": lambda T, x: x.expand(x.shape), "expand_as": lambda T, x: x.expand_as(x),
    "broadcast_to": lambda T, x: T.broadcast_to(x, x.shape),
    "broadcast_tensors": lambda T, x: T.broadcast_tensors(x, x)[0], "...": lambda T, x: x[...], "()": lambda T, x: x[()],
    "None": lambda T, x: x[None], "permute": lambda T, x: x.permute(tuple(range(x.ndim))),
    "movedim": lambda T, x: x.movedim(0, 0),
    "transpose": lambda T, x: x.transpose(0, 0), "atleast_1d": lambda T, x: T.atleast_1d(x),
    "atleast_3d": lambda T, x: T.atleast_3d(x), "as_strided": lambda T, x: x.as_strided(x.shape, x.stride()),
    "view as its dtype": lambda T, x: x.view(T.float32),
    # joining, repeating, rearranging
    "stack": lambda T, x: T.stack([x]), "hstack": lambda T, x: T.hstack([x]), "dstack": lambda T, x: T.dstack([x]),
    "repeat": lambda T, x: x.repeat(*[1] * max(x.ndim, 1)), "tile": lambda T, x: x.tile(()),
    "flip of nothing": lambda T, x: x.flip(()), "roll by nothing": lambda T, x: x.roll(0),
    "index_select": lambda T, x: x.index_select(0, T.arange(x.shape[0] if x.ndim else 1)),
    "gather": lambda T, x: x.gather(0, T.zeros(x.shape, dtype=T.int64)), "take": lambda T, x: x.take(T.arange(x.numel())),
    "index by a mask": lambda T, x: x[x > -1], "masked_select": lambda T, x: x.masked_select(x > -1),
    "einsum": lambda T, x: T.einsum("...->...", x),
    # reductions and scans over one element
    "sum": lambda T, x: x.sum(0, keepdim=True), "mean": lambda T, x: x.mean(0, keepdim=True),
    "amax": lambda T, x: x.amax(0, keepdim=True), "cumsum": lambda T, x: x.cumsum(0), "sort": lambda T, x: x.sort(0)[0],
    "median": lambda T, x: x.median(0, keepdim=True)[0], "unique": lambda T, x: T.unique(x),
}  # fmt: skip
OF_AXES: dict[str, Function] = {
    "cat": lambda T, x: T.cat([x]), "cat with nothing": lambda T, x: T.cat([x, T.zeros(0)]), ":": lambda T, x: x[:],
    "chunk": lambda T, x: x.chunk(1)[0], "split": lambda T, x: x.split(x.shape[0])[0], "unbind": lambda T, x: x.unbind(0)[0],
    "narrow": lambda T, x: x.narrow(0, 0, x.shape[0]), "narrow_copy": lambda T, x: x.narrow_copy(0, 0, x.shape[0]),
    "select": lambda T, x: x[0], "index by a list": lambda T, x: x[[0]], "index by a number": lambda T, x: x[T.tensor(0)],
    "index by a range": lambda T, x: x[T.arange(x.shape[0])], "flip": lambda T, x: x.flip(0),
    "roll": lambda T, x: x.roll(0, 0), "repeat_interleave": lambda T, x: x.repeat_interleave(1, 0),
    "index_fill": lambda T, x: x.index_fill(0, T.zeros(0, dtype=T.int64), 1.0),
    "index_put": lambda T, x: x.index_put((T.zeros(0, dtype=T.int64),), T.tensor(1.0)),
    "slice_scatter": lambda T, x: x.slice_scatter(x), "pad": lambda T, x: F(T).pad(x, (0, 0)),
    "crop": lambda T, x: F(T).pad(x, (-1, 1)), "unflatten": lambda T, x: x.unflatten(0, (-1, 1)),
    "diff": lambda T, x: x.diff(n=0), "einsum over an axis": lambda T, x: T.einsum("i...->...", x),
    "matmul": lambda T, x: x @ T.eye(x.shape[-1]), "linear": lambda T, x: F(T).linear(x, T.eye(x.shape[-1])),
    "windows": lambda T, x: x.unfold(0, 1, 1),
}  # fmt: skip
OF_MATRICES: dict[str, Function] = {
    "t": lambda T, x: x.t(), "einsum": lambda T, x: T.einsum("ij->ij", x), "transposed": lambda T, x: T.einsum("ij->ji", x),
    "diagonal": lambda T, x: T.einsum("ii->i", x), "matrix_power": lambda T, x: T.linalg.matrix_power(x, 1),
    "chain_matmul": lambda T, x: T.chain_matmul(x), "rot90": lambda T, x: x.rot90(0), "tril": lambda T, x: x.tril(9),
    "diag": lambda T, x: x.diag(), "block_diag": lambda T, x: T.block_diag(x),
}  # fmt: skip
OF_SEQUENCES: dict[str, Function] = {
    "nearest": lambda T, x: F(T).interpolate(x, size=x.shape[2]), "max_pool1d": lambda T, x: F(T).max_pool1d(x, 1),
    "linear": lambda T, x: F(T).interpolate(x, size=x.shape[2], mode="linear"),
    "avg_pool1d": lambda T, x: F(T).avg_pool1d(x, 1), "reflect": lambda T, x: F(T).pad(x, (0, 0), mode="reflect"),
    "unfold": lambda T, x: F(T).unfold(x, 1), "pixel_shuffle": lambda T, x: F(T).pixel_shuffle(x, 1),
}  # fmt: skip
OF_PICTURES: dict[str, Function] = {
    "nearest": lambda T, x: F(T).interpolate(x, size=tuple(x.shape[2:])),
    "nearest by 1": lambda T, x: F(T).interpolate(x, scale_factor=1), "Upsample": lambda T, x: T.nn.Upsample(scale_factor=1)(x),
    "bilinear": lambda T, x: F(T).interpolate(x, size=tuple(x.shape[2:]), mode="bilinear"),
    "area": lambda T, x: F(T).interpolate(x, size=tuple(x.shape[2:]), mode="area"),
    "pixel_shuffle": lambda T, x: F(T).pixel_shuffle(x, 1), "pixel_unshuffle": lambda T, x: F(T).pixel_unshuffle(x, 1),
    "channel_shuffle": lambda T, x: F(T).channel_shuffle(x, 1), "unfold": lambda T, x: F(T).unfold(x, 1),
    "unfold of rows": lambda T, x: F(T).unfold(x, (1, x.shape[3])),
    "unfold of all": lambda T, x: F(T).unfold(x, tuple(x.shape[2:])),
    "fold": lambda T, x: F(T).fold(x.reshape(x.shape[0], x.shape[1], -1), tuple(x.shape[2:]), 1),
    "max_pool2d": lambda T, x: F(T).max_pool2d(x, 1), "avg_pool2d": lambda T, x: F(T).avg_pool2d(x, 1),
    "adaptive_avg_pool2d": lambda T, x: F(T).adaptive_avg_pool2d(x, (None, None)),
    "reflect": lambda T, x: F(T).pad(x, (0, 0, 0, 0), mode="reflect"),
    "circular": lambda T, x: F(T).pad(x, (0, 0, 0, 0), mode="circular"), "ZeroPad2d": lambda T, x: T.nn.ZeroPad2d(0)(x),
    "contiguous": lambda T, x: x.contiguous(memory_format=T.channels_last),
    "to": lambda T, x: x.to(memory_format=T.channels_last), "clone": lambda T, x: x.clone(memory_format=T.channels_last),
    "dropout2d, evaluating": lambda T, x: F(T).dropout2d(x, 0.5, False),
    "attention": lambda T, x: F(T).scaled_dot_product_attention(x, x, x),
}  # fmt: skip


def relation(T: Any, function: Function, x: Any) -> str:
    """What the result is to the input: the same tensor, other memory, or the same memory."""
    result = function(T, x)
    if result is x:
        return "itself"
    before = x.tolist()
    with T.no_grad():
        result.fill_(77)
    return "new memory" if x.tolist() == before else "a view"


@pytest.mark.parametrize(
    ("inputs", "table"),
    [
        (INPUTS, OF_ANY_RANK),
        ({name: make for name, make in INPUTS.items() if name != "number"}, OF_AXES),
        ({name: INPUTS[name] for name in ("matrix", "transposed")}, OF_MATRICES),
        (SEQUENCES, OF_SEQUENCES),
        (PICTURES, OF_PICTURES),
    ],
    ids=["any rank", "axes", "matrices", "sequences", "pictures"],
)
def test_results(inputs: dict[str, Callable[[Any], Any]], table: dict[str, Function]) -> None:
    wrong = []
    for name, function in table.items():
        for kind, make in inputs.items():
            ours, theirs = (relation(T, function, make(T)) for T in (flambeau, torch))
            if ours != theirs:
                wrong.append(f"{name} of {kind}: {ours} instead of {theirs}")
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
