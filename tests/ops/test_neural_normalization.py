"""Normalisation against PyTorch: results, running statistics, first and second derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from neural_oracle import array, as_flambeau, assert_same_error, check, floats

import flambeau
from flambeau.ops import normalization as N

DTYPES = [torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("shape", "axes"), [((4, 33), 1), ((2, 3, 16), 1), ((2, 3, 4, 5), 2), ((7,), 1), ((3, 4), 2), ((2, 1), 1)]
)
def test_layer_norm(shape: tuple[int, ...], axes: int, dtype: torch.dtype) -> None:
    last = shape[-axes:]
    weight, bias = floats(*last, dtype=dtype, seed=1), floats(*last, dtype=dtype, seed=2)
    options = {"second": True, "tolerance": 1e-9 if dtype == torch.float64 else 2e-4}
    x = floats(*shape, dtype=dtype)
    check(lambda x: N.layer_norm(x, last), lambda x: TF.layer_norm(x, last), x, **options)
    check(lambda x, w: N.layer_norm(x, last, w), lambda x, w: TF.layer_norm(x, last, w), x, weight, **options)
    check(
        lambda x, w, b: N.layer_norm(x, last, w, b, 1e-3), lambda x, w, b: TF.layer_norm(x, last, w, b, 1e-3),
        x, weight, bias, **options,
    )  # fmt: skip


def test_layer_norm_of_far_values() -> None:
    x = (floats(4, 64, grad=False) + 1000).requires_grad_()
    check(lambda x: N.layer_norm(x, (64,)), lambda x: TF.layer_norm(x, (64,)), x, tolerance=2e-3)
    check(lambda x: N.layer_norm(x * 0 + 3, (64,)), lambda x: TF.layer_norm(x * 0 + 3, (64,)), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("parameters", ["same", "float32"])
def test_layer_norm_of_half_types(dtype: torch.dtype, parameters: str) -> None:
    kind = dtype if parameters == "same" else torch.float32
    weight, bias = floats(24, dtype=kind, seed=1), floats(24, dtype=kind, seed=2)
    check(
        lambda x, w, b: N.layer_norm(x, (24,), w, b), lambda x, w, b: TF.layer_norm(x, (24,), w, b),
        floats(5, 24, dtype=dtype), weight, bias,
    )  # fmt: skip


def test_native_layer_norm() -> None:
    check(
        lambda x: N.native_layer_norm(x, (5,), None, None, 1e-5), lambda x: torch.native_layer_norm(x, (5,), None, None, 1e-5),
        floats(3, 5, grad=False),
    )  # fmt: skip
    y = N.layer_norm(flambeau.ones(2, 3, requires_grad=True), (3,))
    assert y.grad_fn.name() == "NativeLayerNormBackward0"


def test_layer_norm_of_views_and_empty() -> None:
    check(lambda x: N.layer_norm(x.t(), (4,)), lambda x: TF.layer_norm(x.t(), (4,)), floats(4, 3))
    check(
        lambda x: N.layer_norm(x.permute(2, 0, 1), (4, 3)), lambda x: TF.layer_norm(x.permute(2, 0, 1), (4, 3)),
        floats(4, 3, 5),
    )  # fmt: skip
    check(
        lambda x, w, b: N.layer_norm(x, (4,), w, b), lambda x, w, b: TF.layer_norm(x, (4,), w, b),
        floats(0, 4), floats(4), floats(4),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "last", "weight", "bias"),
    [((2, 5), (4,), None, None), ((2, 5), (5,), 4, None), ((2, 5), (5,), 5, 4), ((2, 5), (), None, None),
     ((2, 5), (3, 2, 5), None, None)],
)  # fmt: skip
def test_layer_norm_errors(shape: Any, last: Any, weight: Any, bias: Any) -> None:
    def run(library: Any, norm: Any) -> Any:
        return norm(library.ones(shape), last, *(None if n is None else library.ones(n) for n in (weight, bias)))

    assert_same_error(lambda: run(flambeau, N.layer_norm), lambda: run(torch, TF.layer_norm))


def test_dtypes_that_do_not_fit() -> None:
    def run(library: Any, norm: Any) -> Any:
        return norm(library.ones(2, 5), (5,), library.ones(5).double())

    assert_same_error(lambda: run(flambeau, N.layer_norm), lambda: run(torch, TF.layer_norm))
    assert_same_error(
        lambda: N.layer_norm(flambeau.arange(5), (5,)), lambda: TF.layer_norm(torch.arange(5), (5,))
    )
    assert_same_error(
        lambda: N.batch_norm(flambeau.ones(2, 5).double(), flambeau.ones(5), None, None, None, True, 0.1, 1e-5),
        lambda: TF.batch_norm(torch.ones(2, 5).double(), None, None, torch.ones(5), None, True),
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("shape", "groups"), [((2, 6, 4, 3), 2), ((2, 6, 5), 3), ((3, 4), 2), ((2, 4, 3), 4), ((2, 4, 3), 1)])
def test_group_norm(shape: tuple[int, ...], groups: int, dtype: torch.dtype) -> None:
    channels = shape[1]
    weight, bias = floats(channels, dtype=dtype, seed=1), floats(channels, dtype=dtype, seed=2)
    x = floats(*shape, dtype=dtype)
    options = {"second": True, "tolerance": 1e-8 if dtype == torch.float64 else 2e-3}
    check(lambda x: N.group_norm(x, groups), lambda x: TF.group_norm(x, groups), x, **options)
    check(
        lambda x, w, b: N.group_norm(x, groups, w, b), lambda x, w, b: TF.group_norm(x, groups, w, b),
        x, weight, bias, **options,
    )  # fmt: skip


def test_group_norm_of_views_errors_and_empty() -> None:
    check(lambda x: N.group_norm(x.transpose(1, 2), 2), lambda x: TF.group_norm(x.transpose(1, 2), 2), floats(2, 5, 4))
    result = N.group_norm(flambeau.ones(0, 4, 3), 2, flambeau.ones(4), flambeau.ones(4))
    assert result.shape == (0, 4, 3)
    for shape, groups, parameters in (((2, 5), 2, ()), ((5,), 1, ()), ((2, 5), 1, (4,))):
        assert_same_error(
            lambda shape=shape, groups=groups, parameters=parameters: N.group_norm(
                flambeau.ones(shape), groups, *map(flambeau.ones, parameters)
            ),
            lambda shape=shape, groups=groups, parameters=parameters: TF.group_norm(
                torch.ones(shape), groups, *map(torch.ones, parameters)
            ),
        )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (3, 2, 4, 5), (2, 3, 2, 3, 2)])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_batch_norm(shape: tuple[int, ...], training: bool, dtype: torch.dtype) -> None:
    channels = shape[1]
    weight, bias = floats(channels, dtype=dtype, seed=1), floats(channels, dtype=dtype, seed=2)
    mean, var = floats(channels, dtype=dtype, grad=False), floats(channels, dtype=dtype, grad=False).abs() + 0.5
    options = {"second": True, "tolerance": 1e-8 if dtype == torch.float64 else 3e-3}

    def ours(x: Any, w: Any = None, b: Any = None) -> Any:
        m, v = as_flambeau(mean), as_flambeau(var)
        return N.batch_norm(x, w, b, m, v, training, 0.3, 1e-4), m, v

    def theirs(x: Any, w: Any = None, b: Any = None) -> Any:
        m, v = mean.clone(), var.clone()
        return TF.batch_norm(x, m, v, w, b, training, 0.3, 1e-4), m, v

    x = floats(*shape, dtype=dtype)
    check(ours, theirs, x, **options)
    check(ours, theirs, x, weight, bias, **options)
    check(lambda x, w: ours(x, w)[0], lambda x, w: theirs(x, w)[0], x.detach(), weight, **options)
    check(lambda x, w: ours(x, w)[0], lambda x, w: theirs(x, w)[0], x, weight.detach(), **options)


def test_batch_norm_of_half_types() -> None:
    parameters = [floats(3, seed=1), floats(3, seed=2)]
    check(
        lambda x, w, b: N.batch_norm(x, w, b, None, None, True, 0.1, 1e-5),
        lambda x, w, b: TF.batch_norm(x, None, None, w, b, True),
        floats(4, 3, 5, dtype=torch.bfloat16), *parameters,
    )  # fmt: skip


def test_running_statistics_are_written_in_place() -> None:
    mean, var = flambeau.zeros(3), flambeau.ones(3)
    seen = mean.numpy()  # shares the memory
    expected_mean, expected_var = torch.zeros(3), torch.ones(3)
    for seed in range(4):
        x = floats(5, 3, 2, grad=False, seed=seed)
        N.batch_norm(as_flambeau(x), None, None, mean, var, True, 0.1, 1e-5)
        TF.batch_norm(x, expected_mean, expected_var, None, None, True, 0.1, 1e-5)
    np.testing.assert_allclose(seen, expected_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(array(var), expected_var.numpy(), rtol=1e-5)


def test_batch_norm_empty_and_errors() -> None:
    mean, var = flambeau.zeros(5), flambeau.ones(5)
    result = N.batch_norm(flambeau.ones(0, 5), None, None, mean, var, True, 0.1, 1e-5)
    assert result.shape == (0, 5) and array(mean).tolist() == [0.0] * 5 and array(var).tolist() == [1.0] * 5

    def ours(shape: Any, training: bool, *parameters: int | None) -> Any:
        m, v, w, b = (None if n is None else flambeau.ones(n) for n in parameters)
        return N.batch_norm(flambeau.ones(shape), w, b, m, v, training, 0.1, 1e-5)

    def theirs(shape: Any, training: bool, *parameters: int | None) -> Any:
        m, v, w, b = (None if n is None else torch.ones(n) for n in parameters)
        return TF.batch_norm(torch.ones(shape), m, v, w, b, training)

    for arguments in (
        ((2, 5), True, 4, 5, None, None), ((2, 5), True, 5, 4, None, None), ((2, 5), True, None, None, 4, None),
        ((2, 5), True, None, None, None, 4), ((2, 5), False, None, None, None, None), ((2, 5), False, 5, None, None, None),
    ):  # fmt: skip
        assert_same_error(lambda a=arguments: ours(*a), lambda a=arguments: theirs(*a))


@pytest.mark.parametrize("shape", [(2, 3, 5), (3, 2, 4, 3)])
@pytest.mark.parametrize("stats", [True, False], ids=["of the input", "running"])
def test_instance_norm(shape: tuple[int, ...], stats: bool) -> None:
    channels = shape[1]
    weight, bias = floats(channels, seed=1), floats(channels, seed=2)

    def ours(x: Any, w: Any = None, b: Any = None) -> Any:
        m, v = flambeau.zeros(channels), flambeau.ones(channels) * 2
        return N.instance_norm(x, w, b, m, v, stats, 0.3, 1e-4), m, v

    def theirs(x: Any, w: Any = None, b: Any = None) -> Any:
        m, v = torch.zeros(channels), torch.ones(channels) * 2
        return TF.instance_norm(x, m, v, w, b, stats, 0.3, 1e-4), m, v

    check(ours, theirs, floats(*shape), second=True, tolerance=3e-3)
    check(ours, theirs, floats(*shape), weight, bias, second=True, tolerance=3e-3)


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float16, torch.bfloat16], ids=str)
def test_rms_norm(dtype: torch.dtype) -> None:
    second = dtype in DTYPES
    options = {"second": second, "tolerance": 5e-4 if dtype == torch.float32 else None}
    x, weight = floats(4, 3, 16, dtype=dtype), floats(16, dtype=dtype)
    check(lambda x: N.rms_norm(x, (16,)), lambda x: TF.rms_norm(x, (16,)), x, **options)
    check(lambda x, w: N.rms_norm(x, (16,), w, 1e-3), lambda x, w: TF.rms_norm(x, (16,), w, 1e-3), x, weight, **options)


def test_rms_norm_over_two_axes() -> None:
    check(
        lambda x, w: N.rms_norm(x, (3, 4), w), lambda x, w: TF.rms_norm(x, (3, 4), w), floats(2, 3, 4), floats(3, 4),
        second=True, tolerance=5e-4,
    )  # fmt: skip
