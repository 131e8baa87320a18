"""The quantized tensor: integers, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import dtype
from ...graph.schemes import per_tensor_affine, qscheme
from ..of_parts import TensorOfParts, begin
from ..printing import content, with_suffixes
from .scheme import QUANTIZED, Scale, dequantized, quantized

_new = object.__new__

TABLE: dict[str, Callable[..., Any]] = {}
"""What operations do with quantized tensors, by the names under which the package exports them."""

TYPES = {"qint8": "QInt8", "quint8": "QUInt8", "qint32": "QInt32"}
"""What PyTorch calls the types of elements."""

modes: list[Callable[..., Any]] = []
"""What is asked of calls from the first quantized tensor on; put here by ``ops.quantized.calls``."""


class QuantizedTensor(TensorOfParts):
    """Numbers that are multiples of a scale: ``(integer - zero_point) * scale``. It has no gradients.

    The slots of other tensors are not set, so an operation that knows nothing of quantized tensors fails when it reads one.
    """

    __slots__ = ("_integers", "_scale")

    is_quantized = True

    _integers: Tensor
    _scale: Scale

    @classmethod
    def of(cls, integers: Tensor, scale: Scale) -> QuantizedTensor:
        """What ``integers`` (int8, uint8 or int32) stand for."""
        begin(modes)
        made: QuantizedTensor = _new(cls)
        made._integers = integers
        made._scale = scale
        return made

    # --- what is asked of the integers' meaning -----------------------------------------------------------------------

    @property
    def dtype(self) -> dtype:
        return QUANTIZED[self._integers.dtype]

    def qscheme(self) -> qscheme:
        """How integers are mapped to numbers."""
        return self._scale.scheme

    def _of_all(self, name: str) -> Scale:
        if self._scale.axis is not None:
            raise RuntimeError(f"Expected quantizer->qscheme() == kPerTensorAffine to be true, but got false. ({name})")
        return self._scale

    def q_scale(self) -> float:
        """The scale of all elements. ``RuntimeError`` if there is one for each index of an axis."""
        return float(self._of_all("q_scale").scale.item())

    def q_zero_point(self) -> int:
        """The integer that stands for zero. ``RuntimeError`` if there is one for each index of an axis."""
        return int(self._of_all("q_zero_point").zero_point.item())

    def _of_axis(self, name: str) -> Scale:
        if self._scale.axis is None:
            raise RuntimeError(f"Expected a tensor that is quantized per channel, but it has one scale ({name})")
        return self._scale

    def q_per_channel_scales(self) -> Tensor:
        """The scales for the indices of an axis. ``RuntimeError`` if there is one of all elements."""
        return self._of_axis("q_per_channel_scales").scale

    def q_per_channel_zero_points(self) -> Tensor:
        """The integers that stand for zero, for the indices of an axis."""
        return self._of_axis("q_per_channel_zero_points").zero_point

    def q_per_channel_axis(self) -> int:
        """The axis that has scales of its own for each index."""
        axis = self._of_axis("q_per_channel_axis").axis
        assert axis is not None
        return axis

    def int_repr(self) -> Tensor:
        """A copy of the integers."""
        return self._integers.clone()

    def dequantize(self) -> Tensor:
        """The numbers themselves, in float32."""
        return dequantized(self._integers, self._scale)

    def steps(self) -> Tensor:
        """The numbers in units of the scale: integers less their zero point, in float32."""
        return self._integers.float() - self._scale.along(self.ndim)[1]

    # --- values -------------------------------------------------------------------------------------------------------

    def item(self) -> float:
        """The value of a one-element tensor as a Python number."""
        return self.dequantize().item()

    def __bool__(self) -> bool:
        return bool(self.dequantize())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __len__(self) -> int:
        return len(self._integers)

    def __iter__(self) -> Iterator[Any]:
        return iter([self[place] for place in range(len(self))])

    def tolist(self) -> Any:
        """The numbers as nested lists, or one of Python's numbers."""
        return self.dequantize().tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """``TypeError``: NumPy has no such dtypes."""
        raise TypeError(f"Got unsupported ScalarType {TYPES[self.dtype.name]}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy()

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        if tensor_contents is None:
            tensor_contents = content(self.dequantize(), len("tensor(")) if self.numel() else "[]"
        further = [f"size={tuple(self.shape)}", f"dtype={self.dtype}", f"quantization_scheme={self.qscheme()}"]
        if self.qscheme() is per_tensor_affine:
            further += [f"scale={self.q_scale()}", f"zero_point={self.q_zero_point()}"]
        else:
            scales, zero_points = self._scale.scale, self._scale.zero_point
            further += [f"scale={scales}", f"zero_point={zero_points}", f"axis={self._scale.axis}"]
        return with_suffixes("tensor(" + tensor_contents, further, len("tensor("))

    def __format__(self, specification: str) -> str:
        return self.item().__format__(specification) if not self.dim() else object.__format__(self, specification)

    def __copy__(self) -> QuantizedTensor:
        made = QuantizedTensor.of(self._integers, self._scale)
        made.__dict__.update(self.__dict__)
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuilt, (self._integers, *self._scale)

    # --- gradients, of which there are none ---------------------------------------------------------------------------

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """``RuntimeError`` for True: integers have no gradients."""
        if requires_grad:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        return self

    def _input_of(self) -> Tensor:
        return self._integers

    def _gradient_of(self, gradient: Tensor) -> QuantizedTensor:
        return QuantizedTensor.of(gradient, self._scale)

    def _gradient_given(self, gradient: Any) -> Tensor:
        if not isinstance(gradient, QuantizedTensor):
            raise TypeError(f"expected a quantized tensor, but got {type(gradient).__name__}")
        return gradient._integers

    def _output_of(self, gradient: Any) -> tuple[Tensor, Any]:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")

def _asked_of_integers(name: str) -> property:
    return property(lambda self: getattr(self._integers, name))


for _name in ("shape", "ndim", "nbytes"):
    setattr(QuantizedTensor, _name, _asked_of_integers(_name))

_CALLED = "size dim ndimension numel nelement stride storage_offset is_contiguous element_size data_ptr is_shared share_memory_"
for _name in _CALLED.split():
    setattr(QuantizedTensor, _name, lambda self, *args, _called=_name, **more: getattr(self._integers, _called)(*args, **more))


def requantized(numbers: Tensor, like: QuantizedTensor, scale: Scale | None = None) -> QuantizedTensor:
    """Numbers, quantized as ``like`` is (or by another scale)."""
    scale = like._scale if scale is None else scale
    return QuantizedTensor.of(quantized(numbers, scale, like.dtype), scale)


def _rebuilt(integers: Tensor, scale: Tensor, zero_point: Tensor, axis: int | None) -> QuantizedTensor:
    return QuantizedTensor.of(integers, Scale(scale, zero_point, axis))
