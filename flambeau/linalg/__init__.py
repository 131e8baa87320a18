"""Linear algebra under the names of ``torch.linalg``."""

from ..ops.arguments import export
from ..ops.decompositions import eigvalsh, lu_factor, svdvals
from ..ops.decompositions import linalg_eigh as eigh
from ..ops.decompositions import linalg_lu as lu
from ..ops.decompositions import linalg_lu_solve as lu_solve
from ..ops.decompositions import linalg_qr as qr
from ..ops.decompositions import linalg_svd as svd
from ..ops.least_squares import lstsq, matrix_exp, matrix_rank, pinv
from ..ops.matrix import matmul
from ..ops.matrix_norms import cond, matrix_norm, norm, vector_norm
from ..ops.products import matrix_power, multi_dot
from ..ops.systems import LinAlgError, det, inv, solve, solve_triangular
from ..ops.systems import linalg_cholesky as cholesky
from .checked import cholesky_ex, inv_ex, slogdet, solve_ex
from .vectors import cross, diagonal, vander, vecdot

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "inv_ex",
    "lstsq", "lu", "lu_factor", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot",
    "norm", "pinv", "qr",
    "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "vander", "vecdot", "vector_norm",
]  # fmt: skip

globals().update(export(globals(), __name__, "linalg_", takes_out=lambda name: True))
del export
