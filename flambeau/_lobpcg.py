"""A few eigenvalues of a large symmetric matrix, of which only products are needed (LOBPCG, Knyazev 2001).

Each step looks for the best approximations in the span of the last ones, of their residuals (made better by a preconditioner),
and of the directions of the step before. That space is made orthonormal first, so no direction is lost to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

import flambeau

from .core.tensor import Tensor
from .ops.from_data import from_array

__all__ = ["LOBPCG", "lobpcg"]

Product = Callable[[np.ndarray], np.ndarray]


def lobpcg(
    A: Tensor, k: int | None = None, B: Tensor | None = None, X: Tensor | None = None, n: int | None = None,
    iK: Tensor | None = None, niter: int | None = None, tol: float | None = None, largest: bool | None = None,
    method: str | None = None, tracker: Callable[[Any], None] | None = None, ortho_iparams: dict[str, int] | None = None,
    ortho_fparams: dict[str, float] | None = None, ortho_bparams: dict[str, bool] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The ``k`` largest (or smallest) eigenvalues of A x = λ B x, and their vectors; matrices may be batched, or sparse.

    ``X`` are first approximations (random ones if not given), ``n`` how many are carried along, ``iK`` a preconditioner: an
    approximation of the inverse of A. ``tracker`` is called with the state (:class:`LOBPCG`) at each step. Of the methods and
    their settings only one is needed. ``ValueError`` if A has fewer than 3 n rows. Gradients are those of a dense A, without B.
    """
    if not isinstance(A, Tensor):
        raise TypeError(f"lobpcg(): argument 'A' (position 1) must be Tensor, not {type(A).__name__}")
    if A.ndim < 2:
        raise IndexError(f"lobpcg(): A must have two dimensions or more, but has {A.ndim}")
    assert A.shape[-2] == A.shape[-1], f"A must be square, got shape {A.shape}"
    if A.dtype.kind != "float" or A.dtype.itemsize < 4:
        raise ValueError(f"Expected A to be of float32 or float64, but got {A.dtype}")
    rows = A.shape[-1]
    k = (1 if X is None else X.shape[-1]) if k is None else k
    n = (k if X is None else X.shape[-1]) if n is None else n
    if rows < 3 * n:
        raise ValueError(
            f"LOBPCG algorithm is not applicable when the number of A rows (={rows}) is smaller than 3 x the number of requested "
            f"eigenpairs (={n})"
        )
    if A.requires_grad and flambeau.is_grad_enabled():
        if B is not None or A.of_parts:
            what = "sparse input" if A.of_parts else "backward with B != I"
            raise ValueError(f"lobpcg.backward does not support {what} yet.")
    tol = float(np.finfo(A.dtype.memory).eps) ** 0.5 if tol is None else tol
    batch = tuple(A.shape[:-2])
    start = flambeau.randn(*batch, rows, n, dtype=A.dtype) if X is None else X
    first = np.array(start.detach()[..., :n].expand(*batch, rows, n).numpy(), np.float64)
    values, vectors = np.empty((*batch, k)), np.empty((*batch, rows, k))
    for place in product(*map(range, batch)):
        parts = [None if x is None else x if x.ndim == 2 else x[place] for x in (A, B, iK)]
        state = LOBPCG(parts, first[place], k, tol, 1000 if niter is None else niter, largest is not False, tracker)
        values[place], vectors[place] = state.run()
    d = A.dtype.memory
    return _with_history(A, from_array(values.astype(d)), from_array(vectors.astype(d)))


def _with_history(A: Tensor, values: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and vectors as functions of A, to the first order in its change."""
    if not (A.requires_grad and flambeau.is_grad_enabled()):
        return values, vectors
    all_values, all_vectors = flambeau.linalg.eigh(A.detach())
    gaps = values.unsqueeze(-2) - all_values.unsqueeze(-1)
    own = gaps.abs() <= gaps.abs().amin(-2, keepdim=True)
    inverse = flambeau.where(own, 0.0, 1.0 / flambeau.where(own, 1.0, gaps))
    change = (A - A.detach()) @ vectors
    turned = all_vectors @ ((all_vectors.mT @ change) * inverse)
    return values + (vectors * change).sum(-2), vectors + turned


class LOBPCG:
    """The state of a search, which trackers see: ``ivars["istep"]``, ``tvars["rerr"]``, the eigenvalues ``E``, their vectors
    ``X``, and the residuals ``R``."""

    def __init__(
        self, parts: list[Any], start: np.ndarray, k: int, tol: float, niter: int, largest: bool, tracker: Any
    ) -> None:  # fmt: skip
        self._apply, self._weigh, self._improve = [_product_with(x) for x in parts]
        self._sign = -1.0 if largest else 1.0
        self._tracker = tracker
        self.ivars = {"m": len(start), "n": start.shape[1], "k": k, "niter": niter, "istep": 0, "converged_count": 0}
        self.fvars = {"tol": tol}
        self.bvars = {"largest": largest}
        self.tvars: dict[str, Any] = {}
        self.X, self.E, self.R = start, np.zeros(start.shape[1]), start
        self._step = start[:, :0]

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        """The eigenvalues and their vectors."""
        k = self.ivars["k"]
        basis = self.X
        for step in range(self.ivars["niter"] + 1):
            self.ivars["istep"] = step
            self._best_in(basis)
            errors = self._errors()
            self.tvars["rerr"] = from_array(errors)
            self.ivars["converged_count"] = int(np.argmin([*(errors < self.fvars["tol"]), False]))
            if self._tracker is not None:
                self._tracker(self)
            if self.ivars["converged_count"] >= k:
                break
            basis = np.concatenate([self.X, self._improve(self.R), self._step], 1)
        return self.E[:k], self.X[:, :k]

    def _best_in(self, basis: np.ndarray) -> None:
        """The best approximations in the span of a basis (Rayleigh and Ritz)."""
        n = self.ivars["n"]
        lengths, turn = np.linalg.eigh(basis.T @ self._weigh(basis))
        kept = lengths > lengths[-1] * 1e-14
        space = basis @ (turn[:, kept] / np.sqrt(lengths[kept]))
        space = space @ np.linalg.inv(np.linalg.cholesky(space.T @ self._weigh(space))).T  # once more, for what rounding left
        small = space.T @ self._apply(space)
        values, turn = np.linalg.eigh(self._sign * (small + small.T) / 2)
        best = space @ turn[:, :n]
        self._step = best - self.X @ (self.X.T @ self._weigh(best)) if self.ivars["istep"] else best[:, :0]
        self.X, self.E = best, self._sign * values[:n]
        self.R = self._apply(best) - self._weigh(best) * self.E

    def _errors(self) -> np.ndarray:
        """Residuals, relative to the sizes of the matrices."""
        size = np.linalg.norm(self.X)
        scale = np.linalg.norm(self._apply(self.X)) / size + np.abs(self.E) * np.linalg.norm(self._weigh(self.X)) / size
        errors: np.ndarray = np.linalg.norm(self.R, axis=0) / (np.linalg.norm(self.X, axis=0) * scale)
        return errors


def _product_with(matrix: Tensor | None) -> Product:
    if matrix is None:
        return lambda x: x
    if not matrix.of_parts:
        dense = matrix.detach().numpy().astype(np.float64)
        return lambda x: dense @ x
    kind = matrix.dtype.memory
    return lambda x: np.asarray((matrix.detach() @ from_array(x.astype(kind))).numpy(), np.float64)
