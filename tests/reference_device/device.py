"""The reference device: implements what :mod:`flambeau.kernels.contract` asks for, as plainly as can be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from flambeau.graph.dtypes import DType
from flambeau.graph.windows import Convolution, Pooling
from flambeau.kernels.contract import Tiling
from flambeau.kernels.kernel import (
    Alignment,
    Attention,
    Call,
    Epilogue,
    MatrixAccess,
    Operand,
    Recurrent,
    Scan,
    Scatter,
    Strided,
)
from flambeau.kernels.program import Program
from flambeau.kernels.symbols import definite

from . import programs
from .attention import lower_attention, lower_attention_gradient
from .ctc import lower_ctc_gradient, lower_ctc_loss
from .memory import AlwaysNew, Memory
from .pooling import lower_pooling
from .recurrent import lower_recurrent, lower_recurrent_gradient
from .runner import Kernel, Runner
from .scan import lower_scan
from .scatter import lower_scatter
from .templates import lower_convolution, lower_convolution_gradient, lower_product


class Reference:
    """Computes one call after the other with NumPy. Tiles are small, for there to be several."""

    tiling = Tiling(elements=1024, columns=32, kept=1 << 18, parted=2048, few_rows=16, few_columns=1024)

    def __init__(self) -> None:
        self.runner = Runner()

    def loop(self, program: Program, inner: int) -> tuple[Kernel, int]:
        return Kernel(program.key, partial(programs.run, program)), 0

    def product(
        self, dtype: DType, batch: tuple[int, ...], m: int, n: int, k: int, a: MatrixAccess, b: MatrixAccess,
        result: MatrixAccess | Epilogue,
    ) -> list[Call]:  # fmt: skip
        place = result if isinstance(result, Epilogue) else definite(result)
        return [lower_product(dtype, *definite((batch, m, n, k, a, b)), place)]

    def convolution(self, geometry: Convolution, x: Operand, w: Operand, result: Operand | Epilogue) -> list[Call]:
        return [lower_convolution(definite(geometry), x, w, result)]

    def windows(
        self, name: str, dtype: DType, geometry: Convolution | Pooling, inputs: Sequence[Operand],
        outputs: Sequence[Operand | None],
    ) -> list[Call]:  # fmt: skip
        geometry = definite(geometry)
        if isinstance(geometry, Convolution):
            (result,) = outputs
            assert result is not None
            return [lower_convolution_gradient(name, geometry, tuple(inputs), result)]
        return [lower_pooling(name, dtype, geometry, inputs, outputs)]

    def attention(self, attention: Attention, result: Strided, sums: Operand) -> list[Call]:
        return [lower_attention(definite(attention), definite(result), sums)]

    def attention_gradient(
        self, attention: Attention, gradient: Strided, sums: Operand, delta: Operand, results: tuple[Operand, Operand, Operand]
    ) -> list[Call]:
        return [lower_attention_gradient(definite(attention), definite(gradient), sums, delta, results)]

    def scatter(self, scatter: Scatter) -> Call:
        return lower_scatter(definite(scatter))

    def scan(self, scan: Scan) -> list[Call]:
        return lower_scan(definite(scan))

    def ctc_loss(self, dtype: DType, problem: Alignment, loss: Operand, states: Operand) -> list[Call]:
        return lower_ctc_loss(dtype, definite(problem), loss, states)

    def ctc_gradient(
        self, dtype: DType, problem: Alignment, zero_infinity: bool, grad: Strided, loss: Operand, states: Operand,
        result: Operand,
    ) -> list[Call]:  # fmt: skip
        return lower_ctc_gradient(dtype, definite(problem), zero_infinity, grad, loss, states, result)

    def recurrent(
        self, problem: Recurrent, projected: Strided, initial: Sequence[Strided], bias: Operand | None, output: Operand,
        ends: Sequence[Operand], kept: tuple[Operand, Sequence[Operand]] | None,
    ) -> list[Call]:  # fmt: skip
        return lower_recurrent(definite(problem), *definite((projected, tuple(initial))), bias, output, ends, kept)

    def recurrent_gradient(
        self, problem: Recurrent, d_output: Strided | None, d_ends: Sequence[Strided], kept: Operand,
        before: Sequence[Operand], d_projected: Operand, d_initial: Sequence[Operand], d_product: Operand | None,
    ) -> list[Call]:  # fmt: skip
        given = definite((problem, d_output, tuple(d_ends)))
        return lower_recurrent_gradient(*given, kept, before, d_projected, d_initial, d_product)

    def load(self, kernels: Sequence[Any]) -> list[int]:
        return [self.runner.load(kernel) for kernel in kernels]

    def allocate(self, nbytes: int) -> Memory:
        return Memory(nbytes)

    def reused(self, sizes: Sequence[int]) -> AlwaysNew:
        return AlwaysNew(sizes)
