"""Named tuples that operations with several results return."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def _structure(name: str, fields: str) -> Any:
    base: Any = namedtuple(name, fields)  # type: ignore[misc]  # the fields are known only here

    class Result(base):
        __slots__ = ()

        def __new__(cls, *values: Any) -> Any:
            # PyTorch's take one sequence, and a dictionary; code that rebuilds a tuple may call with the values one by one.
            first = values[0] if len(values) == 1 or len(values) == 2 and isinstance(values[1], dict) else None
            many = first if isinstance(first, (tuple, list)) else values
            return base.__new__(cls, *many)

        def __reduce__(self: Any) -> Any:
            return type(self), (tuple(self), {})

        def __repr__(self: Any) -> str:
            lines = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
            return f"torch.return_types.{name}(\n{lines})"

    Result.__name__ = Result.__qualname__ = name
    Result.__doc__ = f"Result of ``{name}``: ({', '.join(base._fields)})."
    return Result


max, min, median, nanmedian, mode, sort, topk, kthvalue, cummax, cummin = (
    _structure(name, "values indices")
    for name in "max min median nanmedian mode sort topk kthvalue cummax cummin".split()
)
aminmax = _structure("aminmax", "min max")
histogram, histogramdd = (_structure(name, "hist bin_edges") for name in ("histogram", "histogramdd"))
frexp = _structure("frexp", "mantissa exponent")
qr = _structure("qr", "Q R")
svd = _structure("svd", "U S V")
slogdet = _structure("slogdet", "sign logabsdet")
triangular_solve = _structure("triangular_solve", "solution cloned_coefficient")
geqrf = _structure("geqrf", "a tau")
linalg_qr = _structure("linalg_qr", "Q R")
linalg_svd = _structure("linalg_svd", "U S Vh")
linalg_eig = _structure("linalg_eig", "eigenvalues eigenvectors")
linalg_eigh = _structure("linalg_eigh", "eigenvalues eigenvectors")
linalg_slogdet = _structure("linalg_slogdet", "sign logabsdet")
linalg_lstsq = _structure("linalg_lstsq", "solution residuals rank singular_values")
linalg_inv_ex = _structure("linalg_inv_ex", "inverse info")
linalg_cholesky_ex = _structure("linalg_cholesky_ex", "L info")
linalg_solve_ex = _structure("linalg_solve_ex", "result info")
linalg_lu_factor = _structure("linalg_lu_factor", "LU pivots")
linalg_lu_factor_ex = _structure("linalg_lu_factor_ex", "LU pivots info")
linalg_ldl_factor = _structure("linalg_ldl_factor", "LD pivots")
linalg_ldl_factor_ex = _structure("linalg_ldl_factor_ex", "LD pivots info")
lu_unpack = _structure("lu_unpack", "P L U")
linalg_lu = _structure("linalg_lu", "P L U")
