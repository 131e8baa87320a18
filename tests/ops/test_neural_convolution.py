"""Convolutions against PyTorch: results, first and second derivatives, errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as TF
from neural_oracle import assert_same_error, check, floats

import flambeau
from flambeau.ops import convolution as C

CASES: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ("conv2d", (2, 3, 7, 6), (4, 3, 3, 3), {}),
    ("conv2d", (2, 3, 7, 6), (4, 3, 3, 2), {"stride": (2, 1), "padding": (1, 2)}),
    ("conv2d", (2, 4, 7, 6), (6, 2, 3, 3), {"groups": 2, "dilation": 2, "padding": 2}),
    ("conv2d", (2, 4, 5, 5), (4, 1, 3, 3), {"groups": 4, "padding": 1}),
    ("conv2d", (2, 5, 4, 4), (3, 5, 1, 1), {"stride": 2}),
    ("conv2d", (3, 7, 6), (4, 3, 3, 3), {}),
    ("conv2d", (2, 3, 7, 6), (4, 3, 4, 3), {"padding": "same"}),
    ("conv2d", (2, 3, 7, 6), (4, 3, 3, 5), {"padding": "same", "dilation": (2, 1)}),
    ("conv2d", (2, 3, 7, 6), (4, 3, 3, 3), {"padding": "valid"}),
    ("conv1d", (2, 3, 9), (4, 3, 3), {"stride": 2, "padding": 1}),
    ("conv1d", (3, 9), (4, 3, 3), {"dilation": 3}),
    ("conv1d", (2, 4, 9), (6, 2, 4), {"groups": 2, "padding": "same"}),
    ("conv3d", (2, 3, 5, 4, 6), (4, 3, 3, 2, 3), {"stride": (2, 1, 2), "padding": 1}),
    ("conv3d", (2, 5, 4, 6), (4, 1, 2, 2, 2), {"groups": 2, "dilation": (2, 1, 1)}),
    ("conv_transpose2d", (2, 4, 3, 5), (4, 3, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose2d", (2, 4, 3, 5), (4, 2, 3, 2), {"groups": 2, "dilation": 2}),
    ("conv_transpose2d", (2, 4, 3, 5), (4, 3, 3, 3), {"dilation": 3, "output_padding": 2, "padding": 1}),
    ("conv_transpose2d", (4, 3, 5), (4, 3, 2, 2), {"stride": 2}),
    ("conv_transpose1d", (2, 4, 6), (4, 3, 3), {"stride": 3, "output_padding": 2, "padding": 1}),
    ("conv_transpose3d", (2, 4, 3, 2, 3), (4, 3, 3, 2, 2), {"stride": 2, "padding": (1, 0, 1), "output_padding": 1}),
    ("conv_transpose3d", (4, 3, 2, 3), (4, 1, 2, 2, 2), {"groups": 2, "dilation": 2}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding=.same.")
@pytest.mark.parametrize(("name", "x", "w", "options"), CASES, ids=str)
def test_convolution(name: str, x: tuple[int, ...], w: tuple[int, ...], options: dict[str, Any]) -> None:
    ours, theirs = getattr(C, name), getattr(TF, name)
    channels = w[1] * options.get("groups", 1) if "transpose" in name else w[0]
    operands = [floats(*x, dtype=torch.float64), floats(*w, dtype=torch.float64), floats(channels, dtype=torch.float64)]
    check(lambda x, w, b: ours(x, w, b, **options), lambda x, w, b: theirs(x, w, b, **options), *operands, second=True)
    check(
        lambda x, w: ours(x, w, **options), lambda x, w: theirs(x, w, **options),
        floats(*x), floats(*w), tolerance=1e-5,
    )  # fmt: skip


def test_single_gradients() -> None:
    for wanted in range(3):
        operands = [floats(2, 3, 5, 5), floats(4, 3, 3, 3), floats(4)]
        operands = [t if k == wanted else t.detach() for k, t in enumerate(operands)]
        check(C.conv2d, TF.conv2d, *operands)
        operands = [floats(2, 4, 5, 5), floats(4, 3, 3, 3), floats(3)]
        operands = [t if k == wanted else t.detach() for k, t in enumerate(operands)]
        check(C.conv_transpose2d, TF.conv_transpose2d, *operands)


def test_strided_operands() -> None:
    check(
        lambda x, w: C.conv2d(x.transpose(1, 3), w[:, ::2]), lambda x, w: TF.conv2d(x.transpose(1, 3), w[:, ::2]),
        floats(2, 5, 6, 3), floats(4, 6, 3, 3), tolerance=1e-5,
    )  # fmt: skip
    check(
        lambda x, w: C.conv2d(x[1:], w[2:]), lambda x, w: TF.conv2d(x[1:], w[2:]),
        floats(3, 3, 5, 6), floats(4, 3, 3, 3), tolerance=1e-5,
    )  # fmt: skip
    check(
        lambda x, w: C.conv2d(x.expand(2, 3, 5, 5), w), lambda x, w: TF.conv2d(x.expand(2, 3, 5, 5), w),
        floats(1, 3, 5, 5), floats(4, 3, 3, 3), tolerance=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64], ids=str)
def test_other_dtypes(dtype: torch.dtype) -> None:
    if dtype.is_floating_point:
        check(C.conv2d, TF.conv2d, floats(2, 3, 5, 5, dtype=dtype), floats(4, 3, 3, 3, dtype=dtype), floats(4, dtype=dtype))
    else:
        x, w = torch.arange(96).reshape(2, 3, 4, 4), torch.arange(-20, 34).reshape(2, 3, 3, 3)
        check(C.conv2d, TF.conv2d, x, w)


def test_empty_batch() -> None:
    check(C.conv2d, TF.conv2d, floats(0, 3, 5, 5), floats(4, 3, 3, 3), floats(4))
    check(C.conv_transpose2d, TF.conv_transpose2d, floats(0, 4, 5, 5), floats(4, 3, 3, 3), floats(3))


def test_gradient_name() -> None:
    x = flambeau.ones(1, 1, 3, 3, requires_grad=True)
    assert C.conv2d(x, flambeau.ones(1, 1, 2, 2), flambeau.ones(1)).grad_fn.name() == "ConvolutionBackward0"
    assert C.conv_transpose2d(x, flambeau.ones(1, 1, 2, 2)).grad_fn.name() == "ConvolutionBackward0"


ERRORS: list[tuple[str, tuple[int, ...], tuple[int, ...], int | None, dict[str, Any]]] = [
    ("conv2d", (2, 3, 4, 4), (5, 2, 3, 3), None, {}),
    ("conv2d", (2, 3, 2, 2), (5, 3, 3, 3), None, {}),
    ("conv2d", (3, 4), (5, 3, 3, 3), None, {}),
    ("conv2d", (2, 3, 4, 4), (5, 3, 3), None, {}),
    ("conv2d", (2, 3, 4, 4), (5, 3, 3, 3), 4, {}),
    ("conv2d", (2, 4, 4, 4), (5, 2, 3, 3), None, {"groups": 2}),
    ("conv2d", (2, 4, 4, 4), (5, 4, 3, 3), None, {"stride": 0}),
    ("conv2d", (2, 4, 4, 4), (5, 4, 3, 3), None, {"padding": -1}),
    ("conv2d", (2, 4, 4, 4), (5, 4, 3, 3), None, {"padding": "same", "stride": 2}),
    ("conv2d", (2, 4, 4, 4), (5, 4, 3, 3), None, {"padding": "foo"}),
    ("conv2d", (2, 4, 4, 4), (5, 4, 3, 3), None, {"stride": (1, 1, 1)}),
    ("conv2d", (2, 4, 4, 4), (5, 4, 3, 3), None, {"groups": 0}),
    ("conv2d", (1, 2, 0, 4), (5, 2, 3, 3), None, {}),
    ("conv1d", (4,), (5, 2, 3), None, {}),
    ("conv1d", (2, 4, 2), (5, 4, 3), None, {}),
    ("conv3d", (2, 4, 2), (5, 4, 3, 3, 3), None, {}),
    ("conv_transpose2d", (2, 4, 2, 2), (5, 4, 3, 3), None, {}),
    ("conv_transpose2d", (2, 4, 2, 2), (4, 4, 3, 3), 3, {}),
    ("conv_transpose2d", (2, 4, 2, 2), (4, 4, 3, 3), None, {"output_padding": 1}),
    ("conv_transpose2d", (2, 4, 2, 2), (4, 4, 3, 3), None, {"groups": 3}),
    ("conv_transpose1d", (2, 4, 2, 2), (4, 3, 3), None, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "x", "w", "b", "options"), ERRORS, ids=str)
def test_errors(name: str, x: Any, w: Any, b: int | None, options: dict[str, Any]) -> None:
    def run(library: Any, function: Any) -> Any:
        return function(library.ones(x), library.ones(w), None if b is None else library.ones(b), **options)

    assert_same_error(lambda: run(flambeau, getattr(C, name)), lambda: run(torch, getattr(TF, name)))


def test_dtypes_that_do_not_fit() -> None:
    def run(library: Any, function: Any, doubled: int) -> Any:
        operands = [library.ones(2, 3, 4, 4), library.ones(5, 3, 3, 3), library.ones(5)]
        operands[doubled] = operands[doubled].double()
        return function(*operands)

    for doubled in (1, 2):
        assert_same_error(lambda d=doubled: run(flambeau, C.conv2d, d), lambda d=doubled: run(torch, TF.conv2d, d))
