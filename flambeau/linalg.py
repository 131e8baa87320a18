"""Linear algebra under the names of ``torch.linalg``."""

from .ops.arguments import export
from .ops.operation import MODULES
from .ops.systems import LinAlgError

__all__ = ["LinAlgError", *MODULES["linalg"]]

globals().update(export(MODULES["linalg"], __name__, "linalg_"))
del MODULES, export
