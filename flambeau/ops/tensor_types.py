"""PyTorch's old tensor types, one a dtype: constructors that are also names of dtypes."""

from __future__ import annotations

from typing import Any

from ..core.device import check_device
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import dtype
from ..graph.primitives import TYPE_NAMES
from .creation import finished
from .from_data import construct


class TensorType(type):
    """Type of the old tensor types: ``isinstance`` looks at the dtype, a call makes a tensor (of sizes, or of data)."""

    dtype: dtype
    is_cuda = False
    is_sparse = False

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __call__(cls, *arguments: Any, **keywords: Any) -> Tensor:
        return finished(construct(cls.dtype, *arguments, **keywords))

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


def _tensor_type(d: dtype) -> TensorType:
    name = TYPE_NAMES[d] + "Tensor"
    return TensorType(name, (), {"dtype": d, "__module__": "torch", "__doc__": f"Tensors of {d.name}."})


TENSOR_TYPES = {d: _tensor_type(d) for d in TYPE_NAMES}
"""The old type of each dtype."""

FloatTensor, DoubleTensor = TENSOR_TYPES[dtypes.float32], TENSOR_TYPES[dtypes.float64]
HalfTensor, BFloat16Tensor = TENSOR_TYPES[dtypes.float16], TENSOR_TYPES[dtypes.bfloat16]
LongTensor, IntTensor = TENSOR_TYPES[dtypes.int64], TENSOR_TYPES[dtypes.int32]
ShortTensor, CharTensor = TENSOR_TYPES[dtypes.int16], TENSOR_TYPES[dtypes.int8]
ByteTensor, BoolTensor = TENSOR_TYPES[dtypes.uint8], TENSOR_TYPES[dtypes.bool_]

_BY_NAME = {f"torch.{t.__name__}": d for d, t in TENSOR_TYPES.items()}


def dtype_of(kind: Any) -> dtype:
    """The dtype that a dtype, an old tensor type or its name (``"torch.FloatTensor"``) stands for.

    ``ValueError`` for anything else; what ``check_device`` raises for types of tensors on other devices.
    """
    if isinstance(kind, dtype):
        return kind
    if isinstance(kind, TensorType):
        return kind.dtype
    if kind is Tensor:
        return dtypes.get_default_dtype()
    name = kind if isinstance(kind, str) else f"{getattr(kind, '__module__', '')}.{getattr(kind, '__name__', kind)}"
    if name.startswith("torch.cuda."):
        check_device("cuda")
    if name == "torch.Tensor":
        return dtypes.get_default_dtype()
    if name not in _BY_NAME:
        raise ValueError(f"invalid type: '{name}'")
    return _BY_NAME[name]
