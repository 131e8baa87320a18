"""Special functions under the names of ``torch.special``; those that have no other name are made when this is imported."""

from .ops import bessel as _bessel  # for what they declare  # noqa: F401
from .ops import orthogonal as _orthogonal  # noqa: F401
from .ops import zeta as _zeta  # noqa: F401
from .ops.arguments import export
from .ops.operation import MODULES

__all__ = [*MODULES["special"]]

globals().update(export(MODULES["special"], __name__, "special_"))
del MODULES, export
