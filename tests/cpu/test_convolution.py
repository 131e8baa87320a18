"""Convolution templates against PyTorch in double precision, and the promise that how work is cut does not show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from kernel_calls import Prepared, execute

from flambeau.cpu.conversion import register_type
from flambeau.cpu.convolution import (
    lower_forward,
    lower_input_gradient,
    lower_weight_gradient,
)
from flambeau.cpu.epilogue import StoreResults
from flambeau.cpu.ir import KernelBuilder
from flambeau.cpu.register_tile import Registers
from flambeau.cpu.values import LANES, Type, Value, where
from flambeau.graph.dtypes import float16, float32, float64
from flambeau.graph.windows import Convolution
from flambeau.kernels.kernel import Call, Operand

MACHINES = (Registers(32, 64), Registers(16, 32), Registers(32, 16))


def convolution(
    batch: int,
    channels: tuple[int, int],
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Convolution:
    return Convolution(float32, batch, channels[0], *size, channels[1], kernel, stride, padding, dilation, groups)


CASES = {
    "plain": convolution(2, (3, 6), (8, 9), (3, 3)),
    "padded": convolution(3, (5, 20), (18, 19), (3, 3), padding=(1, 1)),
    "wide": convolution(2, (2, 3), (3, 300), (3, 5), padding=(0, 2)),
    "tall": convolution(2, (3, 40), (70, 1), (5, 1)),
    "one row, as of one dimension": convolution(3, (4, 24), (1, 50), (1, 7), padding=(0, 3), stride=(1, 2)),
    "window as large as the input": convolution(5, (3, 17), (4, 5), (4, 5)),
    "pointwise": convolution(2, (33, 20), (7, 7), (1, 1)),
    "pointwise, strided": convolution(2, (16, 40), (9, 9), (1, 1), (2, 2)),
    "strided": convolution(3, (5, 20), (18, 19), (3, 2), (2, 2), (1, 1)),
    "strided by three": convolution(2, (4, 9), (17, 23), (3, 3), (3, 3), (1, 1)),
    "stride longer than window": convolution(2, (3, 5), (11, 13), (2, 2), (4, 3)),
    "dilated": convolution(2, (6, 18), (14, 15), (3, 3), padding=(2, 3), dilation=(2, 3)),
    "all at once": convolution(3, (6, 40), (18, 19), (3, 2), (1, 3), (5, 3), (2, 2), 2),
    "strided and dilated": convolution(2, (4, 10), (20, 21), (3, 3), (2, 3), (2, 1), (3, 2)),
    "much padding": convolution(2, (3, 4), (3, 3), (2, 2), padding=(4, 5), stride=(2, 1)),
    "depthwise": convolution(2, (12, 12), (13, 40), (3, 3), padding=(1, 1), groups=12),
    "depthwise, strided, two outputs each": convolution(2, (7, 14), (13, 11), (5, 3), (2, 2), (1, 1), groups=7),
    "small images, many channels": convolution(7, (40, 72), (4, 4), (3, 3), padding=(1, 1)),
    "small images, few outputs": convolution(9, (40, 4), (4, 4), (3, 3), padding=(1, 1)),
    "short rows, few outputs": convolution(9, (60, 3), (1, 10), (1, 3)),
    "many outputs": convolution(4, (3, 300), (6, 6), (3, 3), padding=(1, 1)),
    "many channels": convolution(2, (300, 20), (5, 5), (3, 3)),
    "bands of rows": convolution(1, (2, 18), (61, 47), (3, 3), padding=(1, 1)),
    "LeNet, first": convolution(4, (3, 6), (32, 32), (5, 5)),
    "LeNet, second": convolution(4, (6, 16), (14, 14), (5, 5)),
    "ResNet, first": convolution(1, (3, 64), (50, 50), (7, 7), (2, 2), (3, 3)),
}


class Problem:
    """A convolution with values for all of its operands."""

    def __init__(self, c: Convolution, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.c = c
        self.dtype = c.dtype.numpy

        def values(*shape: int) -> np.ndarray:
            return random.standard_normal(shape).astype(self.dtype)

        self.x = values(c.batch, c.in_channels, c.height, c.width)
        self.w = values(c.out_channels, c.in_channels // c.groups, *c.kernel)
        self.grad_y = values(c.batch, c.out_channels, c.out_height, c.out_width)

    def reference(self, magnitudes: bool = False) -> dict[str, np.ndarray]:
        """PyTorch's results in double precision, of the operands or of their absolute values."""
        c = self.c
        arrays = [array.astype(np.float64) for array in (self.x, self.w, self.grad_y)]
        x, w, grad_y = (torch.from_numpy(np.abs(array) if magnitudes else array) for array in arrays)
        options = c.stride, c.padding, c.dilation
        y = torch.conv2d(x, w, None, *options, c.groups)
        grad_x, grad_w, _ = torch.ops.aten.convolution_backward(
            grad_y, x, w, None, *options, False, [0, 0], c.groups, [True, True, False]
        )
        return {"y": y.numpy(), "grad_x": grad_x.numpy(), "grad_w": grad_w.numpy()}

    def prepare(self, which: str, registers: Registers | None = None) -> tuple[Prepared, np.ndarray]:
        """The calls for one result, bound to this problem's values, and where that result will be."""
        c = self.c
        arrays = {"x": self.x, "w": self.w, "grad_y": self.grad_y}
        like = {"y": self.grad_y, "grad_x": self.x, "grad_w": self.w}[which]
        result = np.full(like.shape, np.nan, self.dtype)
        operands = {name: Operand(array.nbytes, name) for name, array in arrays.items()}
        target = Operand(result.nbytes, which)
        x, w, grad_y = operands["x"], operands["w"], operands["grad_y"]
        lower: dict[str, Callable[[], list[Call]]] = {
            "y": lambda: lower_forward(c, x, w, target, registers=registers),
            "grad_x": lambda: lower_input_gradient(c, grad_y, w, target, registers=registers),
            "grad_w": lambda: lower_weight_gradient(c, grad_y, x, target, registers=registers),
        }
        memory = {operands[name]: array for name, array in arrays.items()}
        return Prepared(lower[which](), memory | {target: result}), result

    def compute(self, which: str, registers: Registers | None = None) -> np.ndarray:
        prepared, result = self.prepare(which, registers)
        prepared.run()
        return result


RESULTS = ("y", "grad_x", "grad_w")


def assert_close(problem: Problem, which: str, result: np.ndarray, expected: np.ndarray) -> None:
    """Within the probabilistic error bound of an inner product of n terms, n**0.5 * eps / 2 times the sum of their
    magnitudes (Higham and Mary 2019, A new approach to probabilistic rounding error analysis), for both sides."""
    c = problem.c
    window = c.kernel[0] * c.kernel[1]
    terms = {
        "y": c.in_channels // c.groups * window,
        "grad_x": c.out_channels // c.groups * window,
        "grad_w": c.batch * c.out_height * c.out_width,
    }[which]
    assert result.dtype == problem.dtype
    bound = terms**0.5 * float(np.finfo(problem.dtype).eps) * problem.reference(magnitudes=True)[which]
    assert (np.abs(result - expected) <= bound).all()


def in_double(c: Convolution) -> Convolution:
    return replace(c, dtype=float64)


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_pytorch(name: str) -> None:
    for c in (CASES[name], in_double(CASES[name])):
        problem = Problem(c)
        for which, expected in problem.reference().items():
            assert_close(problem, which, problem.compute(which), expected)


@pytest.mark.parametrize("which", RESULTS)
@pytest.mark.parametrize("name", ["all at once", "depthwise", "small images, many channels", "LeNet, first", "strided"])
def test_registers_threads_and_order_do_not_show(name: str, which: str) -> None:
    problem = Problem(CASES[name])
    results = [problem.compute(which, registers) for registers in MACHINES]
    prepared, result = problem.prepare(which)
    prepared.run(threads=1)
    results.append(result.copy())
    result.fill(np.nan)
    prepared.run_backwards()
    results.append(result)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0].view(np.int32), other.view(np.int32))


@pytest.mark.parametrize("registers", MACHINES[1:])
def test_other_machines_in_double(registers: Registers) -> None:
    for name in ("plain", "many outputs", "depthwise"):
        problem = Problem(in_double(CASES[name]))
        for which in RESULTS:
            np.testing.assert_array_equal(problem.compute(which, registers), problem.compute(which))


@pytest.mark.parametrize("which", ["y", "grad_x"])
def test_bits_of_an_image_do_not_depend_on_the_batch(which: str) -> None:
    c = CASES["small images, many channels"]
    whole = Problem(c)
    single = Problem(replace(c, batch=1))
    single.w, single.x, single.grad_y = whole.w, whole.x[3:4].copy(), whole.grad_y[3:4].copy()
    np.testing.assert_array_equal(whole.compute(which)[3:4], single.compute(which))


@pytest.mark.parametrize("which", RESULTS)
def test_an_empty_batch(which: str) -> None:
    problem = Problem(convolution(0, (3, 4), (5, 5), (3, 3)))
    result = problem.compute(which)
    np.testing.assert_array_equal(result, np.zeros_like(result))


@pytest.mark.parametrize("name", ["padded", "strided", "depthwise", "LeNet, first", "pointwise, strided"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_where_it_belongs(name: str, value: float) -> None:
    """Also behind the ends of rows, which vectors of positions cross."""
    problem = Problem(CASES[name])
    problem.x[0, 1, 2, 3] = value
    problem.x[-1, -1, -1, -1] = -value
    problem.grad_y[0, 1, 1, 2] = value
    for which, expected in problem.reference().items():
        result = problem.compute(which)
        np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
        np.testing.assert_array_equal(np.isposinf(result), np.isposinf(expected))
        np.testing.assert_array_equal(np.isneginf(result), np.isneginf(expected))


class ScaleAndShift(StoreResults):
    """``max(value, shift[channel])``, then stored; also records which vectors it was given."""

    def __init__(self, c: Convolution, shift: Operand, y: Operand) -> None:
        positions = c.out_height * c.out_width
        super().__init__(register_type(c.dtype), y, 0, (c.out_channels * positions,), positions)
        self.key = "at least shift"
        self._shift_at = len(self.arguments) + 1
        self.arguments = [*self.arguments, shift]
        self.reads = (shift,)

    def begin(self, b: KernelBuilder, first_argument: int) -> None:
        super().begin(b, first_argument)
        self._shift = b.operand(first_argument + self._shift_at, Type.of("float"))

    def emit(
        self, value: Value, outer: Sequence[Value], middle: Value, inner: Value, mask: Value | None = None
    ) -> None:
        assert value.lanes == LANES
        shift = self._shift[middle]
        super().emit(where(value > shift, value, shift), outer, middle, inner, mask)


@pytest.mark.parametrize("name", ["all at once", "depthwise", "small images, many channels", "pointwise, strided"])
def test_an_epilogue_sees_the_very_bits(name: str) -> None:
    c = CASES[name]
    problem = Problem(c)
    shift = np.linspace(-1, 1, c.out_channels, dtype=np.float32)
    y = np.full_like(problem.grad_y, np.nan)
    operands = [Operand(array.nbytes) for array in (problem.x, problem.w, shift, y)]
    epilogue = ScaleAndShift(c, operands[2], operands[3])
    calls = lower_forward(c, operands[0], operands[1], epilogue)
    execute(calls, dict(zip(operands, (problem.x, problem.w, shift, y), strict=True)))
    np.testing.assert_array_equal(y, np.maximum(problem.compute("y"), shift[:, None, None]))


def test_transposed_convolution_with_output_padding() -> None:
    """The input gradient serves it: rows of the output that no tap reaches are zero."""
    c = convolution(2, (5, 8), (12, 13), (3, 3), (3, 2), (1, 1))
    problem = Problem(c)
    output_padding = (c.height - ((c.out_height - 1) * 3 - 2 + 3), c.width - ((c.out_width - 1) * 2 - 2 + 3))
    assert max(output_padding) > 0
    expected = torch.conv_transpose2d(
        torch.from_numpy(problem.grad_y).double(), torch.from_numpy(problem.w).double(), None, (3, 2), 1, output_padding
    )
    assert_close(problem, "grad_x", problem.compute("grad_x"), expected.numpy())


@pytest.mark.parametrize(
    "wrong",
    [
        {"dtype": float16},
        {"kernel": (9, 9)},
        {"groups": 2},
        {"stride": (0, 1)},
        {"padding": (-1, 0)},
        {"in_channels": 0},
        {"batch": -1},
    ],
)
def test_impossible_convolutions_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        replace(CASES["plain"], **wrong)
