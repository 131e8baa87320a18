"""Loop kernels: elementwise work and the reductions between it, written as LLVM IR from a size-free program."""

from ...kernels.program import Program
from ..ir import Module
from .column import emit_column
from .row import emit_row

__all__ = ["Program", "emit", "emit_column", "emit_row"]


def emit(program: Program, module: Module, name: str) -> None:
    """Write the kernel of a program into a module."""
    (emit_row if program.kind == "loop" else emit_column)(program, module, name)
