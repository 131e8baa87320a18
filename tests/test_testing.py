"""``torch.testing``: what differs is told in PyTorch's words, and random values are drawn from the ranges asked for."""

from __future__ import annotations

import unittest
import warnings
from collections import OrderedDict
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau.testing._internal.common_utils import TestCase, instantiate_parametrized_tests, parametrize, subtest

COMPARISONS = """
close(t([1., 2, 3]), t([1., 2, 3.0000001])); close(t([1., 2, 3]), t([1., 2, 4]))
close(t([1., 2, 3]), t([1., 2, 4]), rtol=0, atol=0)
close(t([[1., 2], [3, 4]]), t([[1., 0], [5, 4]])); close(t([[1, 2], [3, 4]]), t([[1, 0], [5, 4]])); close(t(1.), t(2.))
close(t([1., 2]), t([1., 2]).double()); close(t([1., 2]), t([1., 2]).double(), check_dtype=False)
close(t([1., 2.1]), t([1., 2]).double(), check_dtype=False); close(t([1., 2]), t([[1., 2]])); close(1, 1.0); close(1, 2)
close(1.0, 1.0 + 1e-9); close(1.0, 1.1); close(1.0, 0.0); close(1 + 2j, 1 + 3j); close(3, 3.0, check_dtype=False)
close(3, 3.5, check_dtype=False)
close(t([nan, 1.]), t([nan, 1.])); close(t([nan, 1.]), t([nan, 1.]), equal_nan=True); close(nan, nan)
close(nan, nan, equal_nan=True)
close(t([inf, 1.]), t([inf, 1.])); close(t([inf, 1.]), t([-inf, 1.])); close(t([inf, 1.]), t([1., 1.])); close(inf, 1.0)
close(t([1.]), t([2.]), rtol=1); close(t([1.]), t([2.]), atol=1); close(t([1.]), t([2.]), rtol=1, atol=1)
close(1, 2, rtol=0.5)
close([t([1.]), 2], [t([1.]), 3]); close((t([1.]), 2), [t([1.]), 2]); close([1, 2], [1]); close([1, [2, 3]], [1, [2, 4]])
close({'a': 1, 'b': t([1., 2])}, {'a': 1, 'b': t([1., 3])}); close({'a': 1}, {'b': 1})
close({'a': [1, {'c': 2.0}]}, {'a': [1, {'c': 2.5}]})
close(OrderedDict(a=1), {'a': 1}); close({2: 1, 'a': 3}, {2: 1, 'a': 4}); close(True, True); close(True, False)
close(np.bool_(True), True)
close(None, None); close(None, 1); close(t([1.]), None); close('a', 'a'); close(t([1.]), 1.0); close(t(1.), np.float32(1))
close(np.array([1., 2]), np.array([1., 2.5])); close(np.float32(1), np.float32(1.5)); close(np.int64(1), 1)
close(np.array([1., 2]), t([1., 2]))
close(t([True, False]), t([True, True])); close(t([1, 2, 300]).to(torch.uint8), t([1, 2, 3]).to(torch.uint8))
close(t([]), t([])); close([], [])
close(t([1., 2.]).half(), t([1., 2.5]).half()); close(t([1., 2., 3.]).bfloat16(), t([1., 2.5, 3.01]).bfloat16())
close(t([1., 2]), t([1., 3]), msg='said so'); close(t([1., 2]), t([1., 3]), msg=lambda m: 'Header: ' + m)
close([1], [2], msg=lambda m: m + '!')
close(torch.ones(2, 3).t(), torch.ones(3, 2), check_stride=True); close(torch.ones(2, 3).t(), torch.ones(3, 2))
close(torch.nn.Parameter(t([1., 2])), t([1., 2])); close(torch.nn.Parameter(t([1., 2])), t([1., 2]), allow_subclasses=False)
close(t([1., 2], requires_grad=True), t([1., 2.5], requires_grad=True))
close(t([[[1., nan], [0, 0]]]), t([[[1., 2], [3, 4]]]))
close(t([0., 2]), t([0., 0])); close(t([1, 2, 3]), t([1, 2, 3]), rtol=0, atol=0); close(t(1), t(3))
close(t([1e-9]), t([2e-9]))
close(object, object); close({1, 2}, {1, 2}); close([t([1.]), 'a'], [t([1.]), 'b']); close(range(3), [0, 1, 2])
close([[1., 2.]], [[1., 3.]])
allclose(t([1., 2]), t([1., 2.0001])); allclose(t([1., 2]), [1., 2.5]); allclose([1, 2], [1, 3]); allclose(t([nan]), t([nan]))
allclose(1., t(1.).double())
allclose(t([1.]), t([2.]), rtol=1, atol=1); allclose(t([1.]), t([2.]), msg='so')
"""

REQUESTS = """
make(3, dtype=torch.float32); make((2, 3), dtype=torch.float64); make(2, 3, dtype=torch.int64); make([4], dtype=torch.uint8)
make(50, dtype=torch.bool); make((), dtype=torch.int32); make(0, dtype=torch.float32)
make(20, dtype=torch.float32, low=2, high=3)
make(20, dtype=torch.int8, low=-500, high=500); make(20, dtype=torch.int64, low=2.5, high=4.5)
make(4, 5, dtype=torch.float32, noncontiguous=True)
make(1, dtype=torch.float32, noncontiguous=True); make(20, dtype=torch.int16, low=0, high=2, exclude_zero=True)
make(1, 2, 3, 4, dtype=torch.float32, memory_format=torch.channels_last); make(3, dtype=torch.float16, requires_grad=True)
make(3, dtype=torch.int64, requires_grad=True); make(3, dtype=torch.float32, low=3, high=2)
make(3, dtype=torch.float32, low=2, high=2)
make(3, dtype=torch.float32, low=float('nan')); make(3, dtype=torch.uint8, low=300, high=400)
make(3, dtype=torch.uint8, low=-3, high=-1)
make(3, dtype=torch.float32, noncontiguous=True, memory_format=torch.channels_last)
make(3, dtype=torch.float32, low=-float('inf'), high=float('inf'))
make(3, dtype=torch.bool, low=0, high=1); make(3, dtype=torch.bool, low=1); make(3, dtype=torch.bfloat16, low=0, high=0.5)
"""


def each(text: str) -> list[str]:
    return [expression.strip() for line in text.strip().splitlines() for expression in line.split(";")]


def outcome(library: ModuleType, expression: str) -> Any:
    def make(*shape: Any, **options: Any) -> Any:
        return library.testing.make_tensor(*shape, device="cpu", **options)

    names = {
        "torch": library, "t": library.tensor, "close": library.testing.assert_close, "make": make, "np": np,
        "allclose": library.testing.assert_allclose, "nan": float("nan"), "inf": float("inf"), "OrderedDict": OrderedDict,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(expression, names)
        except Exception as error:
            return type(error).__name__, str(error).replace("flambeau.", "torch.")


@pytest.mark.parametrize("line", COMPARISONS.strip().splitlines())
def test_what_differs_is_told_as_pytorch_tells_it(line):
    for expression in each(line):
        assert outcome(flambeau, expression) == outcome(torch, expression), expression


def test_tensors_are_made_in_the_ranges_and_layouts_asked_for():
    for expression in each(REQUESTS):
        ours, theirs = outcome(flambeau, expression), outcome(torch, expression)
        if isinstance(theirs, tuple):
            assert ours == theirs, expression
            continue
        for attribute in ("shape", "dtype", "requires_grad"):
            one, other = getattr(ours, attribute), getattr(theirs, attribute)
            assert str(one).replace("flambeau", "torch") == str(other), expression
        assert ours.stride() == theirs.stride(), expression
        if theirs.numel() and theirs.dtype is not torch.bool:
            widest = torch.finfo(theirs.dtype).max if "inf" in expression else max(float(theirs.abs().max()), 9.0) * 1.5 + 1
            assert float(ours.abs().max()) <= widest, expression


def test_ranges_are_kept():
    make = flambeau.testing.make_tensor
    values = make(1000, dtype=flambeau.float32, device="cpu", low=2, high=3)
    assert values.min() >= 2 and values.max() < 3 and values.std() > 0.25
    values = make(1000, dtype=flambeau.int64, device="cpu", low=2.5, high=4.5)
    assert values.unique().tolist() == [3, 4]
    values = make(100, dtype=flambeau.int8, device="cpu", low=-1, high=2, exclude_zero=True)
    assert values.unique().tolist() == [-1, 1]
    assert make(100, dtype=flambeau.bool, device="cpu").unique().tolist() == [False, True]


class Suite(TestCase):
    """Tests for ``unittest``, of which one is to fail."""

    __test__ = False  # pytest is not to find them

    def test_passes(self):
        self.assertEqual(flambeau.tensor([1.0, 2]), [1, 2])
        self.assertEqual(flambeau.tensor([1.0, float("nan")]), np.array([1, np.nan], np.float32))
        self.assertEqual(flambeau.tensor([3]), 3)
        self.assertEqual(flambeau.tensor(True), True)
        self.assertEqual({"a": [1, "b", None]}, {"a": [1.0, "b", None]})
        self.assertNotEqual(flambeau.tensor([1.0, 2]), flambeau.tensor([1.0, 2]).double())
        self.assertEqualIgnoreType(flambeau.tensor([1.0, 2]), flambeau.tensor([1.0, 2]).double())
        self.assertEqual(flambeau.tensor([1.0]), flambeau.tensor([1.5]), atol=1, rtol=0)

    def test_fails(self):
        self.assertEqual(flambeau.tensor([1.0]), flambeau.tensor([2.0]), "here")

    @parametrize("shape", [(2,), subtest((3, 4), name="wide")])
    @parametrize("dtype,low", [(flambeau.float32, 1), (flambeau.int64, 2)])
    def test_made(self, shape, dtype, low):
        values = flambeau.testing.make_tensor(shape, dtype=dtype, device="cpu", low=low)
        assert values.shape == shape and values.dtype is dtype and values.min() >= low


def test_test_cases_compare_tensors():
    names = [name for name in dir(instantiate_parametrized_tests(Suite)) if name.startswith("test_")]
    assert names == [
        "test_fails", "test_made_float32_low_1_shape0", "test_made_float32_low_1_wide", "test_made_int64_low_2_shape0",
        "test_made_int64_low_2_wide", "test_passes",
    ]  # fmt: skip
    result = unittest.TestSuite(map(Suite, names)).run(unittest.TestResult())
    ((_, told),) = result.failures
    assert not result.errors and "Greatest absolute difference: 1.0 at index (0,)" in told and told.endswith("here\n")
