"""How matrices that LAPACK computes lie in memory: by columns, where PyTorch leaves them so."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import agree

SQUARE = (
    "cholesky(a)", "cholesky(a, upper=True)", "inv(a)", "eigh(a)", "svd(a)", "qr(a)", "lu(a)", "lu_factor(a)", "inv_ex(a)",
    "cholesky_ex(a)", "lu_factor_ex(a)", "solve(a, a)", "solve(a, b)", "solve(a, a.mT)", "solve(a, a, left=False)",
    "solve_triangular(a, a, upper=True)", "solve_triangular(a, a, upper=False, left=False)",
    "lu_solve(*T.linalg.lu_factor(a), a)", "matrix_power(a, 3)", "matrix_power(a, -1)", "pinv(a)", "matrix_exp(a)",
)  # fmt: skip
OLD = (
    "inverse(a)", "cholesky(a)", "cholesky(a, upper=True)", "svd(a)", "cholesky_solve(a, a)", "cholesky_inverse(a)",
    "triangular_solve(a, a)",
)  # fmt: skip
WIDE = ("svd(w)", "svd(w, full_matrices=False)", "qr(w)", "qr(w, 'complete')", "qr(w, 'r')", "lu(w)", "lu_factor(w)", "pinv(w)")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("batch", [(), (2,), (2, 1, 3)])
def test_strides(batch: tuple[int, ...]) -> None:
    def program(T: Any) -> Any:
        a = (T.arange(9.0, dtype=T.float64).reshape(3, 3) / 10 + T.eye(3) * 2).expand(*batch, 3, 3)
        a = (a @ a.mT).contiguous()
        tall = T.arange(15.0, dtype=T.float64).reshape(5, 3).cos().expand(*batch, 5, 3).contiguous()
        given = {"T": T, "a": a, "b": a[..., :1].contiguous()}
        calls = [(f"T.linalg.{call}", given) for call in SQUARE] + [(f"T.{call}", given) for call in OLD]
        calls += [(f"T.linalg.{call}", {"T": T, "w": w}) for call in WIDE for w in (tall, tall.mT.contiguous())]
        found = []
        for call, names in calls:
            results = eval(call, names)
            results = (results,) if isinstance(results, T.Tensor) else tuple(results)
            found.append((call, [each.stride() for each in results if each.numel()]))
        return found

    agree(program)


def test_gradients_and_later_use() -> None:
    def program(T: Any) -> Any:
        x = (T.arange(9.0, dtype=T.float64).reshape(3, 3).cos() + T.eye(3) * 3).requires_grad_()
        a = x @ x.mT
        g = T.linalg
        results = [g.inv(a), g.cholesky(a), g.solve(a, x), g.svd(a)[0].abs(), g.eigh(a)[1].abs()]
        total = sum((each * each.t().sin()).sum() for each in results)
        (gradient,) = T.autograd.grad(total, x, create_graph=True)
        return results, gradient, T.autograd.grad(gradient.sum(), x), [(each + 1).stride() for each in results]

    agree(program, 1e-8)
