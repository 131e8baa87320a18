"""Pooling against PyTorch: values, places, first and second derivatives, errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as TF
from neural_oracle import assert_same_error, check, floats

import flambeau
from flambeau.ops import pooling as P

MAXIMA: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("max_pool2d", (2, 3, 6, 7), {"kernel_size": 2}),
    ("max_pool2d", (2, 3, 7, 40), {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}),
    ("max_pool2d", (3, 6, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ("max_pool2d", (2, 3, 9, 8), {"kernel_size": 2, "dilation": (2, 3), "stride": 1}),
    ("max_pool2d", (1, 1, 1, 1), {"kernel_size": 1}),
    ("max_pool1d", (2, 3, 11), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool1d", (3, 10), {"kernel_size": 4, "ceil_mode": True}),
    ("max_pool3d", (2, 3, 4, 5, 6), {"kernel_size": 2}),
    ("max_pool3d", (3, 5, 6, 7), {"kernel_size": (2, 3, 3), "stride": (1, 2, 2), "padding": (1, 1, 0), "ceil_mode": True}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "options"), MAXIMA, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_maximum(name: str, shape: tuple[int, ...], options: dict[str, Any], dtype: torch.dtype) -> None:
    ours, theirs = getattr(P, name), getattr(TF, name)
    second = dtype in (torch.float32, torch.float64)
    x = floats(*shape, dtype=dtype)
    check(lambda x: ours(x, **options), lambda x: theirs(x, **options), x, second=second)
    check(
        lambda x: ours(x, return_indices=True, **options), lambda x: theirs(x, return_indices=True, **options), x.detach()
    )


def test_maximum_of_nan_ties_and_infinities() -> None:
    nan, inf = float("nan"), float("inf")
    x = torch.tensor([[[1.0, 1.0, nan, 2.0, -inf, -inf], [1.0, 0.0, 3.0, nan, -inf, -inf]]], requires_grad=True)
    for options in ({"kernel_size": 2}, {"kernel_size": (1, 2)}, {"kernel_size": 2, "padding": 1}):
        check(
            lambda x, o=options: P.max_pool2d(x, return_indices=True, **o),
            lambda x, o=options: TF.max_pool2d(x, return_indices=True, **o),
            x,
        )  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.int8], ids=str)
def test_maximum_of_integers(dtype: torch.dtype) -> None:
    x = torch.randint(-100, 200, (2, 3, 6, 6), generator=torch.Generator().manual_seed(0)).to(dtype)
    check(lambda x: P.max_pool2d(x, 2, return_indices=True), lambda x: TF.max_pool2d(x, 2, return_indices=True), x)


MEANS: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("avg_pool2d", (2, 3, 6, 7), {"kernel_size": 2}),
    ("avg_pool2d", (2, 3, 7, 40), {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}),
    ("avg_pool2d", (3, 6, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True, "padding": 1, "count_include_pad": False}),
    ("avg_pool2d", (3, 6, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True, "padding": 1}),
    ("avg_pool2d", (2, 3, 6, 7), {"kernel_size": 2, "divisor_override": 3}),
    ("avg_pool1d", (2, 3, 11), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("avg_pool1d", (3, 10), {"kernel_size": 4, "ceil_mode": True, "count_include_pad": False}),
    ("avg_pool3d", (2, 3, 4, 5, 6), {"kernel_size": 2}),
    ("avg_pool3d", (3, 5, 6, 7), {"kernel_size": (2, 3, 3), "stride": 2, "padding": (1, 1, 0), "ceil_mode": True}),
    ("avg_pool3d", (3, 5, 6, 7), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    ("avg_pool3d", (3, 5, 6, 7), {"kernel_size": 2, "divisor_override": 5}),
    ("adaptive_avg_pool2d", (2, 3, 7, 40), {"output_size": (3, 5)}),
    ("adaptive_avg_pool2d", (3, 7, 4), {"output_size": (None, 7)}),
    ("adaptive_avg_pool2d", (2, 3, 7, 5), {"output_size": 1}),
    ("adaptive_avg_pool1d", (2, 3, 7), {"output_size": 3}),
    ("adaptive_avg_pool3d", (2, 3, 5, 6, 7), {"output_size": (2, 3, 4)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "options"), MEANS, ids=str)
def test_mean(name: str, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    ours, theirs = getattr(P, name), getattr(TF, name)
    for dtype in (torch.float32, torch.float64):
        check(lambda x: ours(x, **options), lambda x: theirs(x, **options), floats(*shape, dtype=dtype), second=True)
    if "3d" not in name:  # which PyTorch does not have for half types
        check(lambda x: ours(x, **options), lambda x: theirs(x, **options), floats(*shape, dtype=torch.bfloat16))


def test_mean_of_integers() -> None:
    x = torch.arange(-36, 36).reshape(2, 1, 6, 6)
    check(lambda x: P.avg_pool2d(x, 2), lambda x: TF.avg_pool2d(x, 2), x)
    assert_same_error(
        lambda: P.avg_pool2d(flambeau.ones(1, 2, 2, dtype=flambeau.int32), 2),
        lambda: TF.avg_pool2d(torch.ones(1, 2, 2, dtype=torch.int32), 2),
    )


@pytest.mark.parametrize(("shape", "size"), [((2, 3, 7, 40), (3, 5)), ((3, 7, 4), (None, 7)), ((2, 3, 5, 5), 1)])
def test_adaptive_maximum(shape: tuple[int, ...], size: Any) -> None:
    check(lambda x: P.adaptive_max_pool2d(x, size)[0], lambda x: TF.adaptive_max_pool2d(x, size), floats(*shape), second=True)
    check(
        lambda x: P.adaptive_max_pool2d(x, size), lambda x: TF.adaptive_max_pool2d(x, size, return_indices=True),
        floats(*shape, grad=False),
    )  # fmt: skip


def test_adaptive_maximum_of_lines() -> None:
    check(
        lambda x: P.adaptive_max_pool1d(x, 3), lambda x: TF.adaptive_max_pool1d(x, 3, return_indices=True),
        floats(2, 3, 7, grad=False),
    )  # fmt: skip


def test_strided_input() -> None:
    check(lambda x: P.max_pool2d(x.transpose(1, 3), 2), lambda x: TF.max_pool2d(x.transpose(1, 3), 2), floats(2, 6, 5, 3))
    check(lambda x: P.avg_pool2d(x[1:, :, ::2], 2), lambda x: TF.avg_pool2d(x[1:, :, ::2], 2), floats(3, 2, 8, 4))


def test_empty() -> None:
    x = floats(0, 3, 4, 4)
    for name, options in (("max_pool2d", {"kernel_size": 2}), ("avg_pool2d", {"kernel_size": 2}),
                          ("adaptive_avg_pool2d", {"output_size": 2})):  # fmt: skip
        check(lambda x, n=name, o=options: getattr(P, n)(x, **o), lambda x, n=name, o=options: getattr(TF, n)(x, **o), x)
    assert P.adaptive_avg_pool2d(flambeau.ones(2, 3, 4, 4), 0).shape == (2, 3, 0, 0)


ERRORS: list[tuple[str, tuple[int, ...], tuple[Any, ...], dict[str, Any]]] = [
    ("max_pool2d", (2, 3, 4, 4), (5,), {}),
    ("max_pool2d", (2, 3, 4, 4), (2, 0), {}),
    ("max_pool2d", (2, 3, 4, 4), (2,), {"padding": 2}),
    ("max_pool2d", (2, 3, 4, 4), (2,), {"padding": -1}),
    ("max_pool2d", (2, 3, 4, 4), (2,), {"dilation": 0}),
    ("max_pool2d", (4, 4), (2,), {}),
    ("max_pool2d", (2, 3, 4, 4), ((2, 2, 2),), {}),
    ("max_pool2d", (2, 3, 4, 4), (2, (2, 2, 2)), {}),
    ("max_pool2d", (2, 0, 4, 4), (2,), {}),
    ("max_pool1d", (2, 3, 5), (6,), {}),
    ("max_pool1d", (2, 3, 5), (2,), {"padding": 2}),
    ("max_pool1d", (5,), (2,), {}),
    ("max_pool1d", (2, 3, 4, 4), (2,), {}),
    ("max_pool1d", (2, 3, 5), (2, 0), {}),
    ("avg_pool2d", (2, 3, 4, 4), (5,), {}),
    ("avg_pool2d", (2, 3, 4, 4), (2, 0), {}),
    ("avg_pool2d", (2, 3, 4, 4), (2,), {"padding": 2}),
    ("avg_pool2d", (2, 3, 4, 4), (2,), {"divisor_override": 0}),
    ("avg_pool1d", (2, 3, 5), (6,), {}),
    ("avg_pool1d", (5,), (2,), {}),
    ("adaptive_avg_pool2d", (2, 3, 4, 4), ((2, 2, 2),), {}),
    ("adaptive_avg_pool2d", (2, 3, 4, 4), (-1,), {}),
    ("adaptive_avg_pool2d", (2, 3, 0, 4), (2,), {}),
    ("adaptive_avg_pool1d", (5,), (2,), {}),
    ("adaptive_max_pool2d", (4, 4), (2,), {}),
    ("adaptive_max_pool2d", (2, 3, 0, 4), (2,), {}),
    ("adaptive_max_pool1d", (2, 3, 4, 4), (2,), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "arguments", "options"), ERRORS, ids=str)
def test_errors(name: str, shape: Any, arguments: Any, options: dict[str, Any]) -> None:
    assert_same_error(
        lambda: getattr(P, name)(flambeau.ones(shape), *arguments, **options),
        lambda: getattr(TF, name)(torch.ones(shape), *arguments, **options),
    )
