"""Quantization of networks, layer by layer.

Three ways lead to a network that computes with integers. *Dynamic*: :func:`quantize_dynamic` quantizes weights, and what layers
are given when it comes. *Static*: :func:`prepare` puts observers behind layers; once they have seen data, :func:`convert` has
layers compute with quantized tensors, between a :class:`QuantStub` and a :class:`DeQuantStub`. *Training* with rounded numbers:
:func:`prepare_qat`, then :func:`convert`. Before that, :func:`fuse_modules` makes one layer of several.
"""

from .fake_quantize import *  # noqa: F403
from .fake_quantize import __all__ as _fake_quantize
from .fuse_modules import fuse_modules, fuse_modules_qat
from .fuser_method_mappings import *  # noqa: F403
from .fuser_method_mappings import __all__ as _fusers
from .observer import *  # noqa: F403
from .observer import __all__ as _observers
from .qconfig import *  # noqa: F403
from .qconfig import __all__ as _configurations
from .quantization_mappings import *  # noqa: F403
from .quantization_mappings import __all__ as _mappings
from .quantize import *  # noqa: F403
from .quantize import __all__ as _quantize
from .stubs import DeQuantStub, QuantStub, QuantWrapper

__all__ = [
    *_configurations, *_fake_quantize, *_fusers, *_mappings, *_observers, *_quantize, "DeQuantStub", "QuantStub", "QuantWrapper",
    "default_eval_fn", "fuse_modules", "fuse_modules_qat",
]  # fmt: skip


def default_eval_fn(model: object, calib_data: object) -> None:
    """Run ``model`` on the first of each pair of data."""
    for data, _ in calib_data:  # type: ignore[attr-defined]
        model(data)  # type: ignore[operator]
