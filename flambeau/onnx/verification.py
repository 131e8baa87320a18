"""How far the values of an exported program lie from those of the program that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..export.graph_signature import InputKind
from ..utils import _pytree
from ._facts import values_of
from ._program import ONNXProgram
from .testing import example_of

__all__ = ["VerificationInfo", "verify_onnx_program"]

_EDGES = [0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 1000000.0]


@dataclass
class VerificationInfo:
    """The largest differences of a value, absolute and relative, and histograms (counts, edges) of all of them."""

    name: str
    max_abs_diff: float
    max_rel_diff: float
    abs_diff_hist: tuple[Tensor, Tensor]
    rel_diff_hist: tuple[Tensor, Tensor]
    expected_dtype: flambeau.dtype
    actual_dtype: flambeau.dtype

    @classmethod
    def from_tensors(cls, name: str, expected: Any, actual: Any) -> VerificationInfo:
        """What two tensors, or numbers, differ by."""
        wanted, found = (value if isinstance(value, Tensor) else flambeau.tensor(value) for value in (expected, actual))
        kinds = wanted.dtype, found.dtype
        wanted, found = (value.detach().to(flambeau.float64) for value in (wanted, found))
        if wanted.numel() == 0 or found.numel() == 0:
            far = flambeau.tensor([float("inf")])
            absolute, relative = far, far
        else:
            absolute = (wanted - found).abs()
            relative = absolute / (wanted.abs() + 1e-7)
        edges = flambeau.tensor(_EDGES)
        histograms = [flambeau.histogram(value.float().flatten(), bins=edges) for value in (absolute, relative)]
        return cls(name, float(absolute.max()), float(relative.max()), histograms[0], histograms[1], *kinds)

    def asdict(self) -> dict[str, Any]:
        """All of it as numbers, lists and texts."""
        return {
            "name": self.name, "max_abs_diff": self.max_abs_diff, "max_rel_diff": self.max_rel_diff,
            "abs_diff_hist": [part.tolist() for part in self.abs_diff_hist],
            "rel_diff_hist": [part.tolist() for part in self.rel_diff_hist],
            "expected_dtype": str(self.expected_dtype), "actual_dtype": str(self.actual_dtype),
        }  # fmt: skip


def verify_onnx_program(
    onnx_program: ONNXProgram, args: tuple[Any, ...] | None = None, kwargs: dict[str, Any] | None = None,
    compare_intermediates: bool = False,
) -> list[VerificationInfo]:  # fmt: skip
    """What outputs differ by from the program's, for arguments (those of the export by default).

    With ``compare_intermediates`` also all values that are called as the program's.
    """
    given, named = example_of(onnx_program, args, kwargs)
    program = onnx_program.exported_program
    assert program is not None
    outputs = [value for value in _pytree.tree_leaves(program.module()(*given, **named)) if value is not None]
    names = [one.name for one in onnx_program.model_proto.graph.output]
    expected: dict[str, Any] = dict(zip(names, outputs))
    if compare_intermediates:
        users = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind is InputKind.USER_INPUT]
        values = values_of(program, dict(zip(users, _pytree.tree_leaves((given, named)))))
        made = {name for node in onnx_program.model_proto.graph.node for name in node.output}
        within = {node.name: value for node, value in values.items() if isinstance(value, Tensor) and node.name in made}
        expected = within | expected
    found = onnx_program.compute_values([*expected], given, named)
    return [VerificationInfo.from_tensors(name, wanted, got) for (name, wanted), got in zip(expected.items(), found)]
