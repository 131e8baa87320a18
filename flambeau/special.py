"""Special functions under the names of ``torch.special``."""

from .ops.arguments import export
from .ops.operation import MODULES

__all__ = [*MODULES["special"]]

globals().update(export(MODULES["special"], __name__, "special_"))
del MODULES, export
