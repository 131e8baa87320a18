"""Sizes, strides, places and numbers that are out of all bounds: PyTorch's error, or its result; never native code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau

VIEWS = """
ones(1, 1).expand(-2000, -2000)
ones(1, 1).expand(2**40, 2**40)
ones(1, 1).expand(2**31, 2**32)
ones(2).expand(2**62, 2)
ones(1).expand(2**63 - 1)[:2]
ones(2).expand(2**61, 2)[5:7]
ones(12).as_strided((2, 3), (2**62, 2**62))
ones(12).as_strided((1,), (2**63 - 1,)) + 1
ones(12).as_strided((1, 1), (2**63 - 1, 2**63 - 1)).sum()
ones(12).as_strided((0, 1), (2**63 - 1, 2**63 - 1)).sum()
ones(12).as_strided((0,), (1,), 2**62).sum()
ones(12).as_strided((2,), (1,), -1)
ones(12).as_strided((2,), (1,), -7)
ones(12).as_strided((-1,), (1,))
ones(12).as_strided((1,), (-1,))
ones(12).as_strided((1, 2), (1,))
ones(12).as_strided((20,), (1,))
ones(12)[4:].as_strided((12,), (1,))
ones(12)[4:].as_strided((9,), (1,), 4)
ones(3).set_(ones(12), 1, (2, 3), (3, 1))
ones(3).set_(arange(12.), 1, (2, 30), (3, 1))[:, :2]
ones(3).set_(ones(12), -1, (2, 3), (3, 1))
ones(3).set_(ones(12), 1, (2, -3), (3, 1))
ones(3).set_(ones(12).untyped_storage(), 1, (2, 3), (3, 1))
ones(3).set_(ones(12), 0, (2,), (-1,))
ones(3).set_(ones(12).long())
ones(3).resize_(-1)
ones(3).resize_(2**62)
ones(3).resize_(2**40, 2**40)
ones(3, 2).repeat(2**62, 1)
ones(3, 2).repeat(-1, 1)
ones(3).tile(2**62)
ones(0).expand(2**40, 0)
ones(8).unfold(0, -1, 1)
ones(8).unfold(0, 2, 2**63 - 1)
ones(8).narrow(0, 2, 2**63 - 1)
ones(8).narrow(0, -2**63, 1)
ones(2, 3).size(2**64)
ones(2, 3).stride(2**64)
ones(2, 3).stride(5)
ones(()).stride(0)
ones(1).expand(2**62).unsafe_split(2)
ones(1).expand(2**62).split(2)[0]
arange(2, 9, 2**63)
arange(2**63, 2**63, 3)
ones(3).set_("a")
ones(3).set_({}, 1, (2,), (1,))
ones(3, 4).diagonal(2**63 - 1)
ones(3, 4).diagonal(-2**63)
ones(3, 4).tril(2**63 - 1)
ones(3, 4).triu(-2**63)
""".strip().splitlines()

CREATION = """
zeros(2**40, 2**40)
zeros(2**61)
zeros(2**40, 2**40, 0)
zeros(2, -3)
empty(2**62)
full((2, -3), 1.0)
full((2**62,), 1.0)
rand(2, -3)
rand(2**62)
arange(2**62)
empty_strided((2, 3), (-1, 1))
empty_strided((2, -3), (1, 1))
empty_strided((2, 3), (2**62, 1))
empty_strided((2, 3), (1,))
zeros(2**44)
ones(1).expand(2**44) + 1
eye(2**31, 2**31)
""".strip().splitlines()

NUMBERS = """
ones(3) + 2**63
ones(3) + 2**64
ones(3, dtype=int64) + 2**63
ones(3, dtype=int64) * -2**64
ones(3) < 2**63
ones(3, dtype=int64) < 2**63
ones(3).fill_(2**63)
ones(3).fill_(2**64)
ones(3, dtype=int64).fill_(2**63)
full((3,), 2**63)
full((3,), 2**64)
ones(3).clamp(0, 2**64)
ones(3).pow(2**64)
ones(3).fill_(1e308)
ones(3).fill_(float("inf"))
ones(3, dtype=int8).fill_(1000)
ones(3, dtype=uint8).fill_(-3)
ones(3, dtype=uint8).fill_(-300)
ones(3, dtype=int8) + 1000
full((3,), 1e308)
full((3,), 1000, dtype=int8)
full((3,), float("nan"), dtype=int8)
full((3,), 70000, dtype=float16)
""".strip().splitlines()

WINDOWS = """
nn.functional.max_pool1d(ones(1, 8), 2, 2**63 - 1)
nn.functional.max_pool2d(ones(1, 8, 8), 2, 2**31 - 1)
nn.functional.max_pool2d(ones(1, 8, 8), 2, 2**31)
nn.functional.max_pool2d(ones(1, 8, 8), 2, 2**63 - 1)
nn.functional.max_pool2d(ones(1, 8, 8), 2**31, 1)
nn.functional.max_pool2d(ones(1, 8, 8), 2, 2, 0, 2**31)
nn.functional.max_pool2d(ones(1, 8, 8), 2, 2, 2**31)
nn.functional.max_pool2d(ones(1, 8, 8), 2, (2**30, 7), 1, 1, True)
nn.functional.max_pool2d(ones(1, 8, 8), (3, 2**29), 1)
nn.functional.max_pool3d(ones(1, 4, 8, 8), 2, (2**31 - 1, 2, 2))
nn.functional.avg_pool1d(ones(1, 8), 2, 2**40)
nn.functional.avg_pool2d(ones(1, 8, 8), 2, 2**31 - 1)
nn.functional.avg_pool2d(ones(1, 8, 8), 2, 2**40)
nn.functional.avg_pool2d(ones(1, 8, 8), 2, (1, 2**29), 1, True)
nn.functional.avg_pool2d(ones(1, 8, 8), 2, 2, 0, False, True, 2**40)
nn.functional.adaptive_avg_pool2d(ones(1, 8, 8), (2**40, 2**40))
nn.functional.adaptive_avg_pool2d(ones(1, 8, 8), (2.5, 1))
nn.functional.conv2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 2**31)
nn.functional.conv2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 2**63 - 1)
nn.functional.conv2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 1, 2**31)
nn.functional.conv2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 1, 2**62)
nn.functional.conv2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 1, 0, 2**62)
nn.functional.conv2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 1, 0, 1, 2**62)
nn.functional.conv_transpose2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 2**62)
nn.functional.conv_transpose2d(ones(1, 1, 8, 8), ones(1, 1, 2, 2), None, 1, 2**62)
nn.functional.interpolate(ones(1, 1, 8), 2**62)
nn.functional.interpolate(ones(1, 1, 8), scale_factor=2.0**62)
nn.functional.pad(ones(1, 8), (2**62, 2**62))
nn.functional.pad(ones(1, 8), (-2**63, 0))
""".strip().splitlines()


def outcome(library: Any, line: str) -> Any:
    """A call's value as an array, or the type of what it raised."""
    try:
        return eval(line, dict(vars(library)) | {name: getattr(library, name) for name in ("ones", "nn", "int64")}).numpy()
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("line", VIEWS + CREATION + NUMBERS + WINDOWS)
def test_beyond_all_bounds(line: str) -> None:
    theirs = outcome(torch, line)
    for _ in range(3):  # one primitive at a time, then fused
        ours = outcome(flambeau, line)
        if isinstance(theirs, type):
            assert ours is theirs
        else:
            assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("line", [
    "x.as_strided((3,), (1,), 0)", "x.as_strided((8,), (1,), 0)", "x.as_strided((2, 2), (3, 1), 3)",
    "x.as_strided((2, 3), (1, 2), 2)", "x.as_strided((3, 2), (2, 2), 0)", "x.as_strided((2,), (0,), 0)",
    "x.reshape(3, 2).t().as_strided((2, 3), (1, 2))",
])  # fmt: skip
def test_gradient_of_a_view_that_reaches_outside_its_base(line: str) -> None:
    """``as_strided`` may leave the tensor it is called on for other parts of its storage, which get no gradient."""
    found = []
    for library in (torch, flambeau):
        x = library.arange(8, dtype=library.float64)[1:7].detach().requires_grad_()
        for _ in range(3):
            y = eval(line, {"x": x})
            (y * library.arange(1.0, y.numel() + 1, dtype=library.float64).reshape(y.shape)).sum().backward()
        found.append(x.grad.numpy().copy())
    np.testing.assert_array_equal(found[1], found[0])


def test_a_write_through_a_view_that_reaches_outside_its_base() -> None:
    """PyTorch refuses to differentiate this; the base's elements that were written to are known all the same."""
    leaf = flambeau.arange(6, dtype=flambeau.float64).requires_grad_()
    for _ in range(3):
        x = flambeau.arange(8, dtype=flambeau.float64)[1:7].detach()
        x.copy_(leaf)
        x.as_strided((3,), (2,), 0).mul_(3)
        (x * flambeau.arange(1.0, 7.0, dtype=flambeau.float64)).sum().backward()
    np.testing.assert_array_equal(x.detach().numpy(), [0, 3, 2, 9, 4, 5])
    np.testing.assert_array_equal(leaf.grad.numpy(), [3, 18, 9, 36, 15, 18])


def test_a_view_outside_its_memory_is_never_read() -> None:
    """Whatever makes a view, one that reaches outside its storage is refused when something reads it."""
    from flambeau.graph.shapes import View

    x = flambeau.ones(12)
    x._share()
    x._view = View((3, 5), (5, 1), 0)
    with pytest.raises(RuntimeError, match="out of bounds for storage of size 48"):
        x + 1
