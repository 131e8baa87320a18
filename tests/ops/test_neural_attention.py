"""Attention against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from neural_oracle import array, as_flambeau, assert_same_error, check, floats

import flambeau
from flambeau.ops.attention import scaled_dot_product_attention as attention

theirs = TF.scaled_dot_product_attention


def operands(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    return [floats(*shape, dtype=dtype, seed=k) for k, shape in enumerate(shapes)]


MASK = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)) > 0
OPTIONS: list[dict[str, Any]] = [
    {}, {"is_causal": True}, {"scale": 0.3}, {"attn_mask": MASK}, {"attn_mask": MASK.double() * 2},
    {"attn_mask": torch.where(MASK, 0.5, -float("inf")).double()}, {"attn_mask": MASK.expand(2, 3, 5, 6)},
    {"attn_mask": torch.cat([MASK[:3], torch.zeros(2, 6, dtype=torch.bool)])},
    {"attn_mask": torch.full((5, 6), -float("inf"), dtype=torch.float64)},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_attention(options: dict[str, Any]) -> None:
    ours_options = {key: as_flambeau(value) for key, value in options.items()}
    check(
        lambda q, k, v: attention(q, k, v, **ours_options), lambda q, k, v: theirs(q, k, v, **options),
        *operands((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 7)), tolerance=1e-9,
    )  # fmt: skip


def test_second_derivative() -> None:
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        check(
            lambda q, k, v: attention(q, k, v, is_causal=True), lambda q, k, v: theirs(q, k, v, is_causal=True),
            *operands((2, 5, 4), (2, 5, 4), (2, 5, 3)), second=True, tolerance=1e-9,
        )  # fmt: skip


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [None, (5, 6), (2, 1, 5, 6), (2, 4, 5, 6)], ids=str)
def test_grouped_heads(mask: tuple[int, ...] | None, causal: bool) -> None:
    if causal and mask is not None:
        return
    given = None if mask is None else torch.randn(mask, generator=torch.Generator().manual_seed(0)) > -1
    ours_given = None if given is None else as_flambeau(given)
    check(
        lambda q, k, v: attention(q, k, v, ours_given, is_causal=causal, enable_gqa=True),
        lambda q, k, v: theirs(q, k, v, given, is_causal=causal, enable_gqa=True),
        *operands((2, 4, 5, 3), (2, 2, 6, 3), (2, 2, 6, 7)), tolerance=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_dtypes(dtype: torch.dtype) -> None:
    check(attention, theirs, *operands((2, 5, 4), (2, 5, 4), (2, 5, 4), dtype=dtype))


def test_views() -> None:
    check(
        lambda x: attention(*(t.transpose(1, 2) for t in x.chunk(3, -1))),
        lambda x: theirs(*(t.transpose(1, 2) for t in x.chunk(3, -1))),
        floats(2, 5, 3, 12), tolerance=5e-5,
    )  # fmt: skip


def test_dropped_weights() -> None:
    flambeau.manual_seed(0)
    q, k = flambeau.zeros(1, 400, 2), flambeau.zeros(1, 300, 2)
    result = array(attention(q, k, flambeau.eye(300)[None], dropout_p=0.25))
    values = np.unique(result)
    np.testing.assert_allclose(values, [0, 1 / 300 / 0.75], rtol=1e-5)
    assert abs((result == 0).mean() - 0.25) < 0.01


def test_errors() -> None:
    def run(library: Any, function: Any, case: int) -> Any:
        q = library.ones(2, 3, 4, 8)
        arguments: list[Any] = [
            (q, q, q.double()), (q[0, 0, 0], q, q), (q, q, q, library.ones(4, 4).long()), (q, q, q, library.ones(4, 4).double()),
        ]  # fmt: skip
        return function(*arguments[case])

    for case in range(4):
        assert_same_error(lambda c=case: run(flambeau, attention, c), lambda c=case: run(torch, theirs, c))
    x = flambeau.ones(2, 3, 4)
    with pytest.raises(RuntimeError, match="Explicit attn_mask should not be set when is_causal=True"):
        attention(x, x, x, flambeau.ones(3, 3), is_causal=True)
