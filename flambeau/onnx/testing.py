"""Whether an exported program gives what the program gives that it was made from."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..testing import assert_close
from ..utils import _pytree
from ._program import ONNXProgram

__all__ = ["assert_onnx_program"]


def assert_onnx_program(
    program: ONNXProgram, *, rtol: float | None = None, atol: float | None = None, args: tuple[Any, ...] | None = None,
    kwargs: dict[str, Any] | None = None, strategy: str | None = "TorchExportNonStrictStrategy", backend: str = "onnxruntime",
) -> None:  # fmt: skip
    """``AssertionError`` unless the outputs for the arguments (those of the export by default) are as close as tests ask.

    ``backend`` is "onnxruntime" or "reference". ``ValueError`` without a program to compare with.
    """
    if strategy is not None and program._capture_strategy != strategy:
        raise ValueError(
            f"Expected strategy '{strategy}' is used to capture the exported program, but got '{program._capture_strategy}'."
        )
    if backend not in ("onnxruntime", "reference"):
        raise ValueError(f"Unsupported backend '{backend}'. Supported backends are 'onnxruntime' and 'reference'.")
    given, named = example_of(program, args, kwargs)
    found = program(*given, **named) if backend == "onnxruntime" else program.call_reference(*given, **named)
    assert program.exported_program is not None
    expected = _pytree.tree_leaves(program.exported_program.module()(*given, **named))
    tensors = [value if isinstance(value, Tensor) else flambeau.tensor(value) for value in expected if value is not None]
    assert_close(tuple(found), tuple(tensors), rtol=rtol, atol=atol, equal_nan=True, check_device=False)


def example_of(program: ONNXProgram, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments, or those of the export. ``ValueError`` if nothing is known of it."""
    if program.exported_program is None:
        raise ValueError(
            "The ONNXProgram does not contain an ExportedProgram. To verify the ONNX program, initialize ONNXProgram with an "
            "ExportedProgram, or assign the ExportedProgram to the ONNXProgram.exported_program attribute."
        )
    if args is None and kwargs is None:
        args, kwargs = program.exported_program.example_inputs
    return args or (), kwargs or {}
