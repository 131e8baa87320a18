"""``ShapeProp``: shapes and dtypes of all values of a graph, from a run with example inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...core.device import channels_last, channels_last_3d, contiguous_format, memory_format
from ...core.tensor import Tensor
from ...graph.dtypes import dtype
from ...graph.shapes import Size
from ..interpreter import Interpreter
from ..node import Node, map_aggregate

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What a tensor is, but for its values."""

    shape: Size
    dtype: dtype
    requires_grad: bool
    stride: tuple[int, ...]
    memory_format: memory_format | None
    is_quantized: bool
    qparams: dict[str, Any]


def _extract_tensor_metadata(result: Tensor, include_contiguity: bool = True) -> TensorMetadata:
    """What a tensor is, but for its values."""
    format = None
    if include_contiguity:
        for candidate in (contiguous_format, channels_last, channels_last_3d):
            if {channels_last: 4, channels_last_3d: 5}.get(candidate, result.ndim) != result.ndim:
                continue
            if result.is_contiguous(memory_format=candidate):
                format = candidate
                break
    return TensorMetadata(result.shape, result.dtype, result.requires_grad, result.stride(), format, False, {})


class ShapeProp(Interpreter):
    """Runs a graph, and notes as ``meta["tensor_meta"]`` of each node what its tensors are; ``meta["type"]`` is the type."""

    def __init__(self, gm: Any, fake_mode: Any = None) -> None:
        super().__init__(gm)

    def run_node(self, n: Node) -> Any:
        """The value of a node, of which is noted what it is."""
        try:
            result = super().run_node(n)
        except Exception as error:
            raise RuntimeError(f"ShapeProp error for: node={n.format_node()} with meta={n.meta}") from error
        tensors = 0

        def describe(value: Any) -> Any:
            nonlocal tensors
            if isinstance(value, Tensor):
                tensors += 1
                return _extract_tensor_metadata(value)
            return value

        described = map_aggregate(result, describe)
        if tensors:
            n.meta["tensor_meta"] = described
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args: Any) -> Any:
        """Run the graph with example inputs, and give what it gives."""
        return self.run(*args)
