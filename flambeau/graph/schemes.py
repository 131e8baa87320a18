"""The schemes by which integers stand for numbers in quantized tensors: names alone (see :mod:`flambeau.ops.quantized`)."""

from __future__ import annotations

from typing import Any

__all__ = [
    "per_channel_affine", "per_channel_affine_float_qparams", "per_channel_symmetric", "per_tensor_affine",
    "per_tensor_symmetric", "qscheme",
]  # fmt: skip


class qscheme:  # noqa: N801
    """How the elements of a quantized tensor are mapped to numbers; there are five of them."""

    __slots__ = ("name",)
    __module__ = "torch"

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return _scheme, (self.name,)


per_tensor_affine = qscheme("per_tensor_affine")
per_tensor_symmetric = qscheme("per_tensor_symmetric")
per_channel_affine = qscheme("per_channel_affine")
per_channel_symmetric = qscheme("per_channel_symmetric")
per_channel_affine_float_qparams = qscheme("per_channel_affine_float_qparams")

SCHEMES = {value.name: value for value in globals().copy().values() if isinstance(value, qscheme)}


def _scheme(name: str) -> qscheme:
    return SCHEMES[name]
