"""The table's lines for products, decompositions and systems of matrices."""

from __future__ import annotations

from .samples import Row, of, positive_definite, several

MATRICES = [
    *(
        Row(expression, of((3, 4), (4, 5)), "fdhbl", 2, slack="linear")
        for expression in ("x @ y", "torch.mm(x, y)", "x[0] @ y", "x @ y[:, 0]", "x[0] @ y[:, 0]", "x.mv(y[:, 0])",
        "x[0].dot(y[:, 0])")
    ),
    Row("x.T.contiguous().T @ y.T.contiguous().T", of((3, 4), (4, 5)), "fd", slack="linear"),
    Row("x @ y", of((64, 70), (70, 130)), "fd", 1, slack="linear"),
    Row("x @ y", of((2, 3, 4), (4, 5)), "fdl", slack="linear"),
    Row("x @ y", of((2, 3, 4), (2, 4, 5)), "fdhl", slack="linear"),
    Row("x @ y", of((2, 1, 3, 4), (6, 4, 5)), "fd", slack="linear"),
    Row("x @ y", of((4,), (2, 4, 5)), "fd", slack="linear"),
    Row("x @ y", of((2, 3, 4), (4,)), "fd", slack="linear"),
    Row("x @ y", several(of((3, 0), (0, 5)), of((0, 4), (4, 5)), of((2, 3, 0), (0, 5))), "fd", 1),
    Row("torch.bmm(x, y)", of((2, 3, 4), (2, 4, 5)), "fdl", slack="linear"),
    Row("torch.addmm(z, x, y)", of((3, 4), (4, 5), (5,)), "fdhl", slack="linear"),
    Row("torch.addmm(z, x, y, beta=0.5, alpha=2)", of((3, 4), (4, 5), (3, 5)), "fd", slack="linear"),
    Row("torch.addmv(z, x, y, beta=2)", of((3, 4), (4,), (3,)), "fd", 1, slack="linear"),
    Row("torch.addr(z, x, y)", of((3,), (4,), (3, 4)), "fd", 1, slack="linear"),
    Row("torch.baddbmm(z, x, y, alpha=0.5)", of((2, 3, 4), (2, 4, 5), (3, 5)), "fd", 1, slack="linear"),
    Row("torch.addbmm(z, x, y)", of((2, 3, 4), (2, 4, 5), (3, 5)), "fd", 1, slack="linear"),
    Row("torch.outer(x, y)", of((3,), (4,)), "fdl"),
    Row("torch.nn.functional.linear(x, y, z)", of((2, 3, 4), (5, 4), (5,)), "fd", slack="linear"),
    Row("torch.inner(x, y)", of((2, 4), (3, 4)), "fd", 1, slack="linear"),
    Row("torch.vdot(x, y)", of((4,), (4,)), "fd", 1, slack="linear"),
    Row("torch.kron(x, y)", of((2, 3), (3, 2)), "fdl"),
    Row("torch.kron(x, y)", of((2,), (2, 3, 2)), "fd", 1),
    Row("torch.cross(x, y, 1)", of((4, 3), (4, 3)), "fdl", 2, slack=4),
    Row("torch.linalg.cross(x, y)", of((4, 3), (1, 3)), "fd", 2, slack=4),
    Row("torch.tensordot(x, y, 2)", of((2, 3, 4), (3, 4, 5)), "fd", slack="linear"),
    Row("torch.tensordot(x, y, dims=([0, 2], [1, 0]))", of((2, 3, 4), (4, 2, 5)), "fd", slack="linear"),
    *(
        Row(f"torch.einsum('{equation}', {', '.join('xyz'[: len(shapes)])})", of(*shapes), "fd", slack="linear")
        for equation, shapes in (
            ("ij,jk->ik", ((2, 3), (3, 4))), ("ij,jk", ((2, 3), (3, 4))), ("ii->i", ((3, 3),)), ("ii", ((3, 3),)),
            ("ij->ji", ((2, 3),)), ("i,j->ij", ((2,), (3,))), ("...ij,...jk->...ik", ((5, 2, 3), (1, 3, 4))),
            ("bhqd,bhkd->bhqk", ((2, 3, 4, 5), (2, 3, 6, 5))), ("bqhd,bkhd->bhqk", ((2, 3, 4, 5), (2, 6, 4, 5))),
            ("ab,ab->a", ((2, 3), (2, 3))), ("ab,cd,bd->ac", ((2, 3), (4, 5), (3, 5))), ("i...->...", ((2, 3, 4),)),
            ("iij,jk->ik", ((3, 3, 2), (2, 4))), ("bi,oij,bj->bo", ((2, 3), (4, 3, 5), (2, 5))), ("ij,j->i", ((2, 1), (3,))),
            ("nctkv,kvw->nctw", ((2, 3, 4, 2, 5), (2, 5, 5))), ("i,i,i->i", ((3,), (3,), (3,))), (" i j , j -> i ", ((2, 3),
            (3,))),
        )
    ),
    Row("torch.einsum(x, [0, 1], y, [1, 2], [0, 2])", of((2, 3), (3, 4)), "fd", slack="linear"),
    Row("torch.cdist(x, y)", of((2, 4, 3), (2, 5, 3)), "fd", 1, slack=8),
    Row("torch.cdist(x, y)", of((30, 3), (5, 3)), "d", 1, slack=8),
    *(Row(f"torch.cdist(x, y, {p})", of((4, 3), (5, 3)), "fd", 1, slack=8) for p in ("1.0", "3.0")),
    Row("torch.cdist(x, y, float('inf'))", of((4, 3), (5, 3), special="PyTorch's largest difference overlooks NaN"), "fd", 1, 8),
    Row("torch.nn.functional.pdist(x)", of((5, 3)), "fd", 1, slack=8),
    Row("torch.linalg.multi_dot([x, y, z])", of((3, 4), (4, 5), (5, 2)), "fd", 2, slack="linear"),
    Row("torch.matrix_power(x, 3)", of((3, 3)), "fd", 1, slack=8),
    Row("torch.norm_except_dim(x, 2, 1)", of((3, 4)), "fd", 1, slack=4),
    Row("torch.nuclear_norm(x)", of((3, 4), special="what is not finite has no singular values"), "d", 1, slack=100),
    Row("torch.renorm(x, 2, 0, 1.5)", of((3, 4)), "fd", 1, slack=4),
]

_FINITE = "what is not finite has no decomposition: LAPACK's answer, or whether it has one, follows from its blocking"
_SQUARE, _WIDE, _TALL = (of(*shapes, special=_FINITE) for shapes in (((2, 4, 4), (2, 4, 3)), ((3, 5),), ((5, 3),)))
_DEFINITE = of((2, 4, 4), (2, 4, 3), numbers=positive_definite, special=_FINITE)
_SECOND = "torch.tensor([0, 1, 0]).view(3, 1, 1)"
_FAILING = f"torch.where({_SECOND} == 1, 0, x)"
_SIGNS = (
    "(lambda q: q * (q * torch.arange(1.0, 1 + q.shape[-2]).to(q.dtype).unsqueeze(-1)).sum(-2, True).sign().detach())"
)
DECOMPOSITIONS = [
    *(
        Row(f"torch.{expression}", _SQUARE, "d", 2, slack=1e3)
        for expression in (
            "det(x)", "linalg.slogdet(x)", "linalg.inv(x)", "linalg.solve(x, y)", "linalg.solve(x, y[..., 0])",
            "linalg.solve(x, y.mT, left=False)", "linalg.solve_triangular(x, y, upper=True)",
            "linalg.solve_triangular(x, y, upper=False, unitriangular=True)",
            "linalg.solve_triangular(x, y.mT, upper=True, left=False)", "triangular_solve(y, x, True, True)[0]", "linalg.qr(x)",
            "linalg.svdvals(x)", "linalg.pinv(x)", "linalg.matrix_rank(x)", "linalg.cond(x)", "matrix_exp(x)",
            "linalg.matrix_power(x, -2)", "linalg.norm(x, 'nuc', dim=(1, 2))", "linalg.eigvalsh(x)",
            "linalg.vander(x)", "linalg.diagonal(x)", "linalg.vecdot(x, x)",
        )
    ),
    *(
        Row(f"torch.{expression}", _DEFINITE, "d", 2, slack=1e3)
        for expression in (
            "logdet(x)", "linalg.cholesky(x)", "linalg.cholesky(x, upper=True)", "cholesky_solve(y, torch.linalg.cholesky(x))",
            "cholesky_inverse(torch.linalg.cholesky(x))",
        )
    ),
    *(
        Row(f"torch.{expression}", several(_SQUARE, _WIDE, _TALL), "d", 0, slack=1e3)
        for expression in ("linalg.lu_factor(x)", "linalg.lu(x)", "lu_unpack(*x.lu())")
    ),
    *(
        Row(f"torch.{expression}", _SQUARE, "d", 2, slack=1e3)
        for expression in (
            "linalg.lu(x)[1:]", "linalg.lu_solve(*torch.linalg.lu_factor(x), y)", "lu_solve(y, *x.lu())",
            "linalg.lu_solve(*torch.linalg.lu_factor(x), y.mT, left=False, adjoint=True)",
        )
    ),
    Row(f"{_SIGNS}(torch.linalg.eigh(x)[1])", _DEFINITE, "d", 2, slack=1e4),
    Row(f"{_SIGNS}(torch.linalg.svd(x, full_matrices=False)[0])", _SQUARE, "d", 2, slack=1e4),
    *(
        Row(f"torch.{expression}", several(_WIDE, _TALL), "d", 2, slack=1e3)
        for expression in (
            "linalg.qr(x)", "linalg.svdvals(x)", "linalg.svd(x, False)[1]", "linalg.pinv(x)", "linalg.matrix_rank(x)",
            "linalg.lstsq(x, x.sum(1, keepdim=True) + 1)[0]", "linalg.norm(x)", "linalg.vector_norm(x, 3, 0)",
        )
    ),
    *(
        Row(f"torch.linalg.matrix_norm(x, {order}{rest})", of((2, 3, 4), special=_FINITE), "d", 1, slack=1e3)
        for order in ("'fro'", "'nuc'", "1", "-1", "2", "-2", "float('inf')", "-float('inf')")
        for rest in ("", ", (0, 1), True")
    ),
    *(
        Row(f"torch.linalg.cond({matrices}, {order})", of((2, 4, 4), special=_FINITE), "fd", derivatives, slack=1e3)
        for order in ("'nuc'", "-2", "'fro'", "1", "-1", "float('inf')")
        for matrices, derivatives in (("x", int(order in ("'nuc'", "-2"))), ("x[:, :0, :0]", 0))
    ),
    *(
        Row(f"torch.linalg.cond(torch.tensor([[[1.0, 2], [2, 4]], [[1, 0], [0, 2]]]).to(x.dtype), {order})", of((2, 2)), "fd", 0)
        for order in ("'fro'", "1", "-1", "float('inf')")
    ),
    *(  # the second matrix of three fails
        Row(f"(lambda r: (r[0][::2], r[1]))(torch.linalg.{call})", of((3, 4, 4), numbers=positive_definite, special=_FINITE),
            "fd", derivatives, slack=1e3)
        for call, derivatives in (
            (f"inv_ex({_FAILING})", 1), (f"inv_ex(torch.where({_SECOND} * torch.arange(4) == 2, 0, x))", 0),
            (f"solve_ex({_FAILING}, x.sin())", 0), (f"solve_ex({_FAILING}, x.sin(), left=False)", 0),
            (f"solve_ex({_FAILING}, x.sin()[..., 0])", 0), (f"solve_ex({_FAILING}, torch.ones(4).to(x.dtype))", 1),
            (f"cholesky_ex({_FAILING})", 1), (f"cholesky_ex({_FAILING}.triu(), upper=True)", 1),
            (f"cholesky_ex(x - {_SECOND} * torch.tensor([0, 0, 99, 0]).to(x.dtype).diag())", 0),
        )
    ),
    Row("torch.linalg.pinv(x, hermitian=True)", of((2, 4, 4), special=_FINITE), "fd", 0, slack=1e3),  # one triangle
    Row("torch.linalg.lstsq(x, y, driver='gelsd').residuals", of((2, 5, 3), (2, 5, 2), special=_FINITE), "d", 1, slack=1e3),
    Row("torch.linalg.inv(x)", _DEFINITE, "f", 0, slack=100),
    Row("torch.linalg.cholesky(x)", _DEFINITE, "f", 0, slack=100),
    Row("torch.linalg.qr(x)", _TALL, "f", 0, slack=100),
    Row("torch.linalg.qr(x, 'complete')", _TALL, "d", 0, slack=100),
    Row("torch.linalg.qr(x, 'r')[1]", _TALL, "d", 0, slack=100),
]
