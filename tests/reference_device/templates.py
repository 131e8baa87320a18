"""Kernels made for one geometry, of which the arguments are the operands: products and convolutions."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from flambeau.graph.dtypes import DType
from flambeau.graph.windows import Convolution
from flambeau.kernels.kernel import Call, Epilogue, MatrixAccess, Operand

from . import memory
from .arguments import Arguments
from .programs import EpilogueInterpreter, places_of
from .runner import Kernel

Compute = Callable[..., np.ndarray]


def template(
    key: str, inputs: tuple[Operand, ...], compute: Compute, result: Operand | Epilogue,
    store: Callable[[int, np.ndarray], None],
) -> Call:  # fmt: skip
    """A call of ``compute`` with the addresses of the inputs, of which the result is stored at an address or handed on."""
    behind = 2 * len(inputs)

    def computed(arguments: Arguments) -> np.ndarray:
        return compute(*[arguments.address(2 * k) for k in range(len(inputs))])

    if not isinstance(result, Epilogue):
        kernel = Kernel(key, lambda arguments: store(arguments.address(behind), computed(arguments)))
        return Call(kernel, [*inputs, result], 1, reads=inputs, writes=(result,), label=key.partition(" ")[0])
    program = result.program

    def run(arguments: Arguments) -> None:
        EpilogueInterpreter(program, arguments.behind(behind), computed(arguments)).run()

    return Call(
        Kernel(f"{key} {program.key}", run), [*inputs, *result.arguments], 1, reads=(*inputs, *result.reads),
        writes=result.writes, label=key.partition(" ")[0],
    )  # fmt: skip


def contiguous(address: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """A copy of a contiguous value."""
    return memory.read(address, dtype, np.arange(prod(shape)).reshape(shape))


def store_contiguous(address: int, values: np.ndarray) -> None:
    memory.write(address, np.arange(values.size), values.ravel())


# --- products -----------------------------------------------------------------------------------------------------


def lower_product(
    d: DType, batch: tuple[int, ...], m: int, n: int, k: int, a: MatrixAccess, b: MatrixAccess, result: MatrixAccess | Epilogue
) -> Call:  # fmt: skip
    """Products of strided matrices, added up in float64 (integers in their own dtype, where they wrap)."""
    work = np.float64 if d.kind == "float" else d.numpy

    def places(access: MatrixAccess, rows: int, columns: int) -> np.ndarray:
        strides = (*access.batch_strides, access.row_stride, access.column_stride)
        return np.broadcast_to(places_of((*batch, rows, columns), strides) + access.offset, (*batch, rows, columns))

    def compute(first: int, second: int) -> np.ndarray:
        x, y = memory.read(first, d.numpy, places(a, m, k)), memory.read(second, d.numpy, places(b, k, n))
        return np.matmul(x.astype(work), y.astype(work)).astype(d.numpy)

    def store(address: int, values: np.ndarray) -> None:
        assert isinstance(result, MatrixAccess)
        memory.write(address, places(result, m, n), values)

    def described(access: MatrixAccess) -> tuple[object, ...]:
        return access.offset, access.batch_strides, access.row_stride, access.column_stride

    key = f"matmul {d.name} {batch} {m} {n} {k} {described(a)} {described(b)}"
    inputs = a.operand, b.operand
    if isinstance(result, Epilogue):
        return template(key, inputs, compute, result, store)
    return template(f"{key} {described(result)}", inputs, compute, result.operand, store)


# --- convolutions -------------------------------------------------------------------------------------------------


class Windows:
    """A convolution by the elements of its kernel: what of the padded input each is multiplied by."""

    def __init__(self, c: Convolution) -> None:
        self.c = c
        self.x_shape = c.batch, c.in_channels, c.height, c.width
        self.w_shape = c.out_channels, c.in_channels // c.groups, *c.kernel
        self.y_shape = c.batch, c.out_channels, c.out_height, c.out_width

    def grouped(self, x: np.ndarray, axis: int) -> np.ndarray:
        """An axis of channels cut into groups."""
        return x.reshape(*x.shape[:axis], self.c.groups, -1, *x.shape[axis + 1 :])

    def padded(self, x: np.ndarray) -> np.ndarray:
        down, across = self.c.padding
        return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(down, down), (across, across)])

    def slices(self) -> list[tuple[int, int, slice, slice]]:
        """For each element of the kernel its row and column, and the rows and columns of the padded input that it meets."""
        c = self.c

        def along(axis: int, place: int, count: int) -> slice:
            start = place * c.dilation[axis]
            return slice(start, start + (count - 1) * c.stride[axis] + 1, c.stride[axis])

        return [
            (r, s, along(0, r, c.out_height), along(1, s, c.out_width))
            for r in range(c.kernel[0])
            for s in range(c.kernel[1])
        ]

    def read(self, address: int, shape: tuple[int, ...], axis: int) -> np.ndarray:
        return self.grouped(contiguous(address, self.c.dtype.numpy, shape).astype(np.float64), axis)

    def forward(self, x_address: int, w_address: int) -> np.ndarray:
        x, w = self.padded(self.read(x_address, self.x_shape, 1)), self.read(w_address, self.w_shape, 0)
        y = self.grouped(np.zeros(self.y_shape), 1)
        for r, s, rows, columns in self.slices():
            y += np.einsum("ngcij,gkc->ngkij", x[..., rows, columns], w[..., r, s])
        return y.reshape(self.y_shape).astype(self.c.dtype.numpy)

    def input_gradient(self, y_address: int, w_address: int) -> np.ndarray:
        y, w = self.read(y_address, self.y_shape, 1), self.read(w_address, self.w_shape, 0)
        x = self.padded(self.grouped(np.zeros(self.x_shape), 1))
        for r, s, rows, columns in self.slices():
            x[..., rows, columns] += np.einsum("ngkij,gkc->ngcij", y, w[..., r, s])
        down, across = self.c.padding
        inside = x[..., down : down + self.c.height, across : across + self.c.width]
        return inside.reshape(self.x_shape).astype(self.c.dtype.numpy)

    def weight_gradient(self, y_address: int, x_address: int) -> np.ndarray:
        y, x = self.read(y_address, self.y_shape, 1), self.padded(self.read(x_address, self.x_shape, 1))
        w = self.grouped(np.zeros(self.w_shape), 0)
        for r, s, rows, columns in self.slices():
            w[..., r, s] = np.einsum("ngkij,ngcij->gkc", y, x[..., rows, columns])
        return w.reshape(self.w_shape).astype(self.c.dtype.numpy)


def lower_convolution(c: Convolution, x: Operand, w: Operand, result: Operand | Epilogue) -> Call:
    return template(f"convolution {c}", (x, w), Windows(c).forward, result, store_contiguous)


def lower_convolution_gradient(name: str, c: Convolution, inputs: tuple[Operand, ...], result: Operand) -> Call:
    windows = Windows(c)
    compute = windows.input_gradient if name == "convolution_input_gradient" else windows.weight_gradient
    return template(f"{name} {c}", inputs, compute, result, store_contiguous)
