"""Attention by functions of numbers: blocks, pictures, results and errors as PyTorch's, and gradients, which PyTorch's lacks
on processors, as those of the composition."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree, array, as_flambeau, assert_same, check, error

import flambeau
from flambeau.nn.attention import flex_attention as flex


def module(library: Any) -> Any:
    return importlib.import_module(f"{library.__name__}.nn.attention.flex_attention")


def causal(b: Any, h: Any, q: Any, k: Any) -> Any:
    return q >= k


def near(b: Any, h: Any, q: Any, k: Any) -> Any:
    return (q - k) ** 2 < 30 + 10 * h


def blocks(mask: Any) -> list[Any]:
    return [list(each) if isinstance(each, tuple) else each for each in mask.as_tuple()[:10]]


@pytest.mark.parametrize("mask", [causal, near], ids=lambda mask: mask.__name__)
def test_blocks(mask: Any) -> None:
    def program(T: Any) -> list[Any]:  # noqa: N803
        found = module(T)
        outcomes: list[Any] = [found.create_mask(mask, 2, 3, 10, 12, device="cpu")]
        for size, apart in (((3, 5), True), (4, False), (128, True)):
            made = found.create_block_mask(mask, 2, 3, 10, 12, "cpu", BLOCK_SIZE=size, separate_full_blocks=apart)
            outcomes += [blocks(made), str(made), repr(made), list(made.shape), made.sparsity(), made.numel(), made.to_dense()]
            outcomes += [made.to_string(2), made.to_string(limit=1)]
            for index in (0, -1, (slice(0, 2), 1), (1, 2, T.tensor([0]))):
                outcomes += [blocks(made[index]), list(made[index].shape)]
            outcomes += [blocks(made._adjust(7, 9)), list(made._adjust(7, 9).shape)]
        both, either = (combine(causal, near) for combine in (found.and_masks, found.or_masks))
        outcomes += [both.__name__, either.__name__]
        outcomes += [found.create_mask(each, None, 2, 5, 6, "cpu") for each in (both, either, found.noop_mask)]
        outcomes += [found.create_mask(lambda s, b, h, q, k: T.where(q > k, s, -math.inf), 1, 1, 4, 5, "cpu")]
        return outcomes

    agree(program)


def doubles(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense(T: Any, q: Any, k: Any, v: Any, change: Any, seen: Any) -> Any:  # noqa: N803
    """The same with the matrix of scores."""
    b, h, i, j = (T.arange(n).reshape([n if k == a else 1 for k in range(4)]) for a, n in enumerate((2, 4, 40, 70)))
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    scores = change(T, scores, b, h, i, j)
    if seen is not None:
        scores = T.where(seen(b, h, i, j), scores, -math.inf)
    return T.softmax(scores, -1) @ v


CHANGES = {
    "nothing": None,
    "distances": lambda T, s, b, h, q, k: s - (q - k).abs() * 0.1 * (h + 1),
    "softly capped": lambda T, s, b, h, q, k: 2 * T.tanh(s / 2),
    "by a table": lambda T, s, b, h, q, k: s + T.arange(110, dtype=T.float64).sin()[q - k + 69] * (b + 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_results_and_gradients(name: str) -> None:
    change = CHANGES[name]
    given = [doubles(2, 4, n, w, seed=n + w).requires_grad_() for n, w in ((40, 8), (70, 8), (70, 5))]
    for seen in (None, causal, near):

        def program(T: Any, q: Any, k: Any, v: Any, seen: Any = seen) -> Any:  # noqa: N803
            if T is torch:
                return dense(T, q, k, v, change or (lambda T, s, *places: s), seen)
            mask = seen and flex.create_block_mask(seen, 2, 4, 40, 70, BLOCK_SIZE=16)
            return flex.flex_attention(q, k, v, change and (lambda *x: change(T, *x)), mask)

        check(program, *given, tolerance=1e-10)


@pytest.mark.filterwarnings("ignore")
def test_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module(torch), "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
    q, k, v = (doubles(2, n, m, 8, seed=n) for n, m in ((4, 10), (2, 12), (2, 12)))

    def program(T: Any) -> list[Any]:  # noqa: N803
        found = module(T)
        given = [x if T is torch else as_flambeau(x) for x in (q, k, v)]
        mask = found.create_block_mask(lambda b, h, i, j: (i > j) & (i != 3), 2, None, 10, 12, "cpu")
        options = {"block_mask": mask, "enable_gqa": True}
        aux = found.flex_attention(*given, return_aux=found.AuxRequest(lse=True), **options)
        return [
            found.flex_attention(*given, scale=0.3, **options), list(aux[1]), aux[0],
            *found.flex_attention(*given, lambda s, b, h, i, j: s * h, return_lse=True, **options),
        ]  # fmt: skip

    agree(program, 1e-10)
    _, most = flex.flex_attention(*as_flambeau([q, q, q]), return_aux=flex.AuxRequest(max_scores=True))
    assert_same(most.max_scores, (q @ q.transpose(-2, -1)).amax(-1) / math.sqrt(8), 1e-10)
    half = [as_flambeau(x.half()) for x in (q, q, q)]
    result = flex.flex_attention(*half, lambda s, b, h, i, j: s + 1)
    assert result.dtype is flambeau.float16
    np.testing.assert_allclose(array(result), array(flex.flex_attention(*half)), atol=2e-3)


ERRORS = [
    "f.flex_attention(q, q[..., :3], q)", "f.flex_attention(q[0], q[0], q[0])", "f.flex_attention(q, q[:, :2], q[:, :2])",
    "f.flex_attention(q, q[:, :3], q[:, :3], enable_gqa=True)", "f.flex_attention(q, q[:1], q[:1])",
    "f.flex_attention(q, q, q, block_mask=m[0])", "f.flex_attention(q, q[:, :, :5], q[:, :, :5], block_mask=m)",
    "f.flex_attention(q[:, :, :4], q, q, block_mask=m)", "f.flex_attention(q, T.cat([q, q], 2), T.cat([q, q], 2), block_mask=m)",
    "f.flex_attention(q, q, q, return_lse=True, return_aux=f.AuxRequest())", "f.or_masks(3)", "f.and_masks(3)",
    "f.create_mask(lambda b: b, 1, 1, 2, 2, 'cpu')", "f.create_block_mask(lambda b, h, q, k: q, 1, 1, 2, 2, 'cpu')",
    "f.BlockMask.from_kv_blocks(T.ones(1), T.ones(1))",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_errors() -> None:
    def outcome(T: Any, expression: str) -> tuple[str, str]:  # noqa: N803
        found = module(T)
        mask = found.create_block_mask(causal, 2, None, 6, 6, "cpu")
        return error(eval, expression, {"T": T, "f": found, "q": T.ones(2, 4, 6, 8), "m": mask})

    unlike = [(ours, theirs) for each in ERRORS if (ours := outcome(flambeau, each)) != (theirs := outcome(torch, each))]
    assert not unlike, "\n".join(map(str, unlike))
