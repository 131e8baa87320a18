"""The name that :mod:`flambeau.ao.nn.quantized.modules.embedding_ops` had."""

from flambeau.ao.nn.quantized.modules.embedding_ops import *  # noqa: F403
from flambeau.ao.nn.quantized.modules.embedding_ops import __all__ as __all__
