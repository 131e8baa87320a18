"""The processor as a device: implements what :mod:`flambeau.kernels.contract` asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..graph.dtypes import DType
from ..graph.windows import Convolution, Pooling
from ..kernels.contract import Tiling, register
from ..kernels.kernel import Alignment, Attention, Call, Epilogue, MatrixAccess, Operand, Recurrent, Strided
from ..kernels.kernel import Kernel as AnyKernel
from ..kernels.program import Program
from .attention import lower_attention, lower_attention_gradient
from .conversion import register_type
from .convolution import lower_forward, lower_input_gradient, lower_weight_gradient
from .ctc import lower_ctc_gradient, lower_ctc_loss
from .gemm import lower_matmul
from .ir import Kernel
from .jit import default_compiler
from .loops import emit
from .loops.column import MOST_COLUMNS, scratch_bytes
from .loops.epilogue import FusedEpilogue
from .loops.passes import row_scratch_bytes
from .memory import ReusedBuffers, allocate
from .pooling import (
    lower_adaptive_average_pool,
    lower_adaptive_average_pool_gradient,
    lower_adaptive_max_pool,
    lower_average_pool,
    lower_average_pool_gradient,
    lower_max_pool,
    lower_max_pool_gradient,
)
from .recurrent import lower_recurrent, lower_recurrent_gradient
from .runner import default_runner
from .scans import lower_scan
from .scatter import lower_scatter

TEMPLATES: dict[str, Callable[..., list[Call]]] = {
    "convolution_input_gradient": lower_input_gradient,
    "convolution_weight_gradient": lower_weight_gradient,
    "max_pool": lower_max_pool,
    "max_pool_gradient": lower_max_pool_gradient,
    "average_pool": lower_average_pool,
    "average_pool_gradient": lower_average_pool_gradient,
    "adaptive_pool": lower_adaptive_average_pool,
    "adaptive_pool_gradient": lower_adaptive_average_pool_gradient,
    "adaptive_max_pool": lower_adaptive_max_pool,
}
"""What computes the primitives that work on windows."""


class Processor:
    """The cores and the memory of this machine.

    A tile is a few microseconds of work; rows that are longer than those kept would leave the caches.
    """

    def __init__(self) -> None:
        self.tiling = Tiling(
            elements=1 << 14, columns=MOST_COLUMNS, kept=1 << 18, parted=1 << 15, few_rows=16, few_columns=1024
        )
        self.runner = default_runner()
        self.allocate = allocate
        self.reused = ReusedBuffers
        self.scatter = lower_scatter
        self.scan = lower_scan

    def loop(self, program: Program, inner: int) -> tuple[AnyKernel, int]:
        scratch = scratch_bytes(program) if program.kind == "column" else row_scratch_bytes(program, inner)
        return Kernel(program.key, partial(emit, program)), scratch

    def product(
        self, dtype: DType, batch: tuple[int, ...], m: int, n: int, k: int, a: MatrixAccess, b: MatrixAccess,
        result: MatrixAccess | Epilogue,
    ) -> list[Call]:  # fmt: skip
        code = FusedEpilogue(result) if isinstance(result, Epilogue) else result
        return lower_matmul(register_type(dtype), batch, m, n, k, a, b, code)

    def convolution(self, geometry: Convolution, x: Operand, w: Operand, result: Operand | Epilogue) -> list[Call]:
        return lower_forward(geometry, x, w, FusedEpilogue(result) if isinstance(result, Epilogue) else result)

    def windows(
        self, name: str, dtype: DType, geometry: Convolution | Pooling, inputs: Sequence[Operand],
        outputs: Sequence[Operand | None],
    ) -> list[Call]:  # fmt: skip
        if isinstance(geometry, Convolution):
            return TEMPLATES[name](geometry, *inputs, *outputs)
        return TEMPLATES[name](register_type(dtype), geometry, *inputs, *outputs)

    def attention(self, attention: Attention, result: Strided, sums: Operand) -> list[Call]:
        return lower_attention(attention, result, sums)

    def attention_gradient(
        self, attention: Attention, gradient: Strided, sums: Operand, delta: Operand, results: tuple[Operand, Operand, Operand]
    ) -> list[Call]:
        return lower_attention_gradient(attention, gradient, sums, delta, results)

    def ctc_loss(self, dtype: DType, problem: Alignment, loss: Operand, states: Operand) -> list[Call]:
        return lower_ctc_loss(register_type(dtype), problem, loss, states)

    def ctc_gradient(
        self, dtype: DType, problem: Alignment, zero_infinity: bool, grad: Strided, loss: Operand, states: Operand,
        result: Operand,
    ) -> list[Call]:  # fmt: skip
        return lower_ctc_gradient(register_type(dtype), problem, zero_infinity, grad, loss, states, result)

    def recurrent(
        self, problem: Recurrent, projected: Strided, initial: Sequence[Strided], bias: Operand | None, output: Operand,
        ends: Sequence[Operand], kept: tuple[Operand, Sequence[Operand]] | None,
    ) -> list[Call]:  # fmt: skip
        return lower_recurrent(problem, projected, initial, bias, output, ends, kept)

    def recurrent_gradient(
        self, problem: Recurrent, d_output: Strided | None, d_ends: Sequence[Strided], kept: Operand,
        before: Sequence[Operand], d_projected: Operand, d_initial: Sequence[Operand], d_product: Operand | None,
    ) -> list[Call]:  # fmt: skip
        return lower_recurrent_gradient(problem, d_output, d_ends, kept, before, d_projected, d_initial, d_product)

    def load(self, kernels: Sequence[Any]) -> list[int]:
        return default_compiler().addresses(kernels)


register("cpu", Processor)
