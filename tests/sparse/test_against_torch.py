"""Operations on sparse tensors: values, layouts, dtypes and gradients beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sparse_inputs import HYBRID, LIBRARIES, MATRICES, Coo, same, weighted

import flambeau

pytestmark = pytest.mark.filterwarnings("ignore")

Program = Callable[..., Any]

OF_ONE: dict[str, Program] = {
    "coalesce": lambda t, s: s.coalesce(),
    "values": lambda t, s: s.coalesce().values(),
    "to_dense": lambda t, s: s.to_dense(),
    "clone": lambda t, s: s.clone(),
    "neg": lambda t, s: -s,
    "abs": lambda t, s: abs(s),
    "sin": lambda t, s: s.sin(),
    "tanh": lambda t, s: torch.tanh(s) if t is torch else flambeau.tanh(s),
    "relu": lambda t, s: t.relu(s),
    "square": lambda t, s: s.square(),
    "sign": lambda t, s: s.sgn(),
    "expm1": lambda t, s: s.expm1(),
    "pow": lambda t, s: s**3,
    "times a number": lambda t, s: 2.5 * s,
    "times a tensor without dimensions": lambda t, s: s * t.tensor(3.0),
    "over a number": lambda t, s: s / 2,
    "floor": lambda t, s: s.detach().div(0.3, rounding_mode="floor"),
    "plus itself": lambda t, s: s + s,
    "minus": lambda t, s: s.coalesce() - 2 * s.coalesce(),
    "add with alpha": lambda t, s: t.add(s, s, alpha=0.5),
    "times itself": lambda t, s: s * s,
    "times dense": lambda t, s: s * t.arange(12.0).reshape(4, 3),
    "dense times": lambda t, s: t.arange(12.0).reshape(4, 3) * s,
    "times a row": lambda t, s: s * t.arange(3.0),
    "times a column": lambda t, s: s * t.arange(4.0).reshape(4, 1),
    "dense plus": lambda t, s: t.ones(4, 3) + s,
    "dense minus": lambda t, s: t.ones(4, 3) - s,
    "dense plus with alpha": lambda t, s: t.add(t.ones(4, 3), s, alpha=-2),
    "sum": lambda t, s: s.sum(),
    "sparse sum": lambda t, s: t.sparse.sum(s),
    "sum over rows": lambda t, s: t.sparse.sum(s, 0),
    "sum over columns": lambda t, s: t.sparse.sum(s, dim=-1),
    "sum over both": lambda t, s: t.sparse.sum(s, [0, 1]),
    "method sum": lambda t, s: s.sum(1),
    "sum kept": lambda t, s: s.sum(0, keepdim=True),
    "softmax": lambda t, s: t.sparse.softmax(s, 1),
    "softmax of columns": lambda t, s: t.sparse.softmax(s, dim=0),
    "log_softmax": lambda t, s: t.sparse.log_softmax(s, 1),
    "softmax in double": lambda t, s: t.sparse.softmax(s, 1, dtype=t.float64),
    "norm": lambda t, s: s.norm(),
    "norm 1": lambda t, s: t.norm(s, p=1),
    "transpose": lambda t, s: s.transpose(0, 1),
    "t": lambda t, s: s.t(),
    "T": lambda t, s: s.T,
    "permute": lambda t, s: s.permute(1, 0),
    "unsqueeze": lambda t, s: s.unsqueeze(1),
    "select": lambda t, s: s[3],
    "select a column": lambda t, s: s[:, 2],
    "element": lambda t, s: s[0, 2],
    "new axis": lambda t, s: s[None, ..., 1],
    "unbind": lambda t, s: s.unbind(0)[1],
    "index_select": lambda t, s: s.index_select(0, t.tensor([3, 0, 3])),
    "index_select columns": lambda t, s: t.index_select(s, 1, t.tensor([2, 0])),
    "narrow_copy": lambda t, s: s.narrow_copy(0, 1, 2),
    "cat": lambda t, s: t.cat([s, s]),
    "cat columns": lambda t, s: t.cat([s, s * 2], dim=1),
    "stack": lambda t, s: t.stack([s, s], 0),
    "to": lambda t, s: s.to(t.float64),
    "double": lambda t, s: s.double(),
    "half": lambda t, s: s.detach().half(),
    "long": lambda t, s: s.detach().long(),
    "bool": lambda t, s: s.detach().coalesce().bool(),
    "isnan": lambda t, s: s.detach().isnan(),
    "mask of dense": lambda t, s: t.arange(12.0).reshape(4, 3).sparse_mask(s.detach().coalesce()),
    "mask of sparse": lambda t, s: s.coalesce().sparse_mask(s.detach().coalesce()),
    "zeros_like": lambda t, s: t.zeros_like(s),
    "csr": lambda t, s: s.detach().to_sparse_csr(),
    "csc": lambda t, s: s.detach().to_sparse(layout=t.sparse_csc),
    "csr and back": lambda t, s: s.to_sparse_csr().to_dense(),
    "bsr": lambda t, s: s.detach().to_dense().to_sparse_bsr((2, 3)),
}

PRODUCTS: dict[str, Program] = {
    "mm": lambda t, s, d: t.mm(s, d),
    "sparse.mm": lambda t, s, d: t.sparse.mm(s, d),
    "spmm": lambda t, s, d: t.spmm(s, d),
    "matmul": lambda t, s, d: s @ d,
    "method": lambda t, s, d: s.mm(d),
    "smm": lambda t, s, d: t.smm(s.detach(), d.detach()).to_dense(),
    "hspmm": lambda t, s, d: t.hspmm(s.detach(), d.detach()).to_dense(),
    "mv": lambda t, s, d: t.mv(s, d[:, 0]),
    "with a vector": lambda t, s, d: s @ d[:, 1],
    "from the left": lambda t, s, d: d.t() @ s.t(),
    "addmm": lambda t, s, d: t.addmm(t.ones(4, 5, dtype=d.dtype), s, d, beta=0.5, alpha=2),
    "addmm broadcast": lambda t, s, d: t.addmm(d[0], s, d),
    "sparse.addmm": lambda t, s, d: t.sparse.addmm(t.ones(4, 5, dtype=d.dtype), s, d, beta=0.5, alpha=2),
    "linear": lambda t, s, d: t.nn.functional.linear(s, d.t(), d[0]),
    "both sparse": lambda t, s, d: t.sparse.mm(s, s.t()),
    "a square": lambda t, s, d: s.t() @ s,
    "strided": lambda t, s, d: t.sparse.mm(s, d.t().contiguous().t()),
    "sliced": lambda t, s, d: t.sparse.mm(s, d[:, ::2]),
    "csr": lambda t, s, d: s.to_sparse_csr() @ d,
    "csc": lambda t, s, d: s.detach().to_sparse_csc() @ d,
    "csr vector": lambda t, s, d: s.to_sparse_csr() @ d[:, 0],
    "csr mean": lambda t, s, d: t.sparse.mm(s.to_sparse_csr(), d, reduce="mean"),
    "csr amax": lambda t, s, d: t.sparse.mm(s.detach().to_sparse_csr(), d, reduce="amax"),
    "csr both": lambda t, s, d: (s.detach().to_sparse_csr() @ s.detach().t().to_sparse_csr()).to_dense(),
    "sampled": lambda t, s, d: t.sparse.sampled_addmm(s.to_sparse_csr(), t.cat([d, d[:1]]), d.t(), beta=0.5, alpha=2.0),
}

OF_HYBRID: dict[str, Program] = {
    "coalesce": lambda t, s: s.coalesce(),
    "to_dense": lambda t, s: s.to_dense(),
    "sum over what is sparse": lambda t, s: t.sparse.sum(s, 0),
    "sum over what is dense": lambda t, s: t.sparse.sum(s, -1),
    "sum": lambda t, s: s.sum(),
    "softmax over what is dense": lambda t, s: t.sparse.softmax(s, -1),
    "softmax over what is sparse": lambda t, s: t.sparse.softmax(s, 0),
    "select": lambda t, s: s[1],
    "select what is dense": lambda t, s: s.select(-1, 1),
    "cat what is dense": lambda t, s: t.cat([s, s], -1).to_dense(),
    "dense plus": lambda t, s: t.ones(s.shape) + s,
    "plus": lambda t, s: (s + s).to_dense(),
    "times": lambda t, s: s * t.arange(2.0, 2.0 + s.shape[-1]),
    "index_select": lambda t, s: s.index_select(0, t.tensor([1, 0])),
}


def compared(program: Program, coo: Coo, *dense_shapes: tuple[int, ...], gradients: bool = True) -> None:
    results, leaves, gradients_too = [], [], gradients
    for library in LIBRARIES:
        s, values = coo.made(library, gradients)
        generator = np.random.default_rng(0)
        arrays = [generator.standard_normal(shape).astype(coo.values.dtype) for shape in dense_shapes]
        others = [library.tensor(array, requires_grad=gradients) for array in arrays]
        result = program(library, s, *others)
        results.append(result)
        if gradients and result.requires_grad:
            try:
                weighted(library, result).backward()
            except RuntimeError:  # of many functions PyTorch cannot differentiate what they do with sparse tensors
                if library is flambeau:
                    raise
                gradients_too = False
        leaves.append([values, *others])
    same(results[1], results[0], 1e-3 if results[0].dtype == torch.float16 else 2e-5)
    for theirs, mine in zip(*leaves) if gradients_too else ():
        assert (mine.grad is None) == (theirs.grad is None)
        if theirs.grad is not None:
            np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), 3e-5, 3e-5)


NOT_DIFFERENTIABLE = {
    "softmax over what is dense": "PyTorch's gradient of entries at the same place is not that of their sum",
}


@pytest.mark.parametrize("name", OF_ONE)
def test_one(name: str) -> None:
    for case, coo in MATRICES.items():
        try:
            compared(OF_ONE[name], coo)
        except AssertionError as error:
            raise AssertionError(f"{name} of {case}: {error}") from error


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str) -> None:
    for case, coo in MATRICES.items():
        try:
            compared(PRODUCTS[name], coo, (3, 5))
        except AssertionError as error:
            raise AssertionError(f"{name} of {case}: {error}") from error


@pytest.mark.parametrize("name", OF_HYBRID)
def test_hybrid(name: str) -> None:
    for case, coo in HYBRID.items():
        try:
            compared(OF_HYBRID[name], coo, gradients=name not in NOT_DIFFERENTIABLE)
        except AssertionError as error:
            raise AssertionError(f"{name} of {case}: {error}") from error


def test_batches() -> None:
    coo = Coo([[0, 1, 1, 0], [2, 0, 1, 2], [1, 0, 1, 1]], [1.0, 2, 3, 4], (2, 3, 2))
    compared(lambda t, s, d: t.bmm(s, d), coo, (2, 2, 4))
    compared(lambda t, s, d: t.sparse.sum(s, (0, 2)), coo, (2, 2, 4), gradients=False)


def test_in_place() -> None:
    def program(t: Any) -> list[Any]:
        s, _ = MATRICES["twice"].made(t)
        x, y = t.ones(4, 3), t.ones(4, 3)
        x += s
        x -= s * 3
        x.add_(s, alpha=0.5)
        y.sub_(s)
        y.mul_(s.coalesce())
        z = s.clone().mul_(2).div_(4)
        z *= 3
        z += s.clone()
        parameter = t.nn.Parameter(t.ones(4, 3))
        parameter.data.add_(s, alpha=-0.1)
        return [x, y, z.to_dense(), s.clone().neg_(), s.clone().zero_(), s.clone().copy_(s.coalesce()), parameter]

    same(program(flambeau), program(torch))


def test_what_is_pending_is_read() -> None:
    base = flambeau.arange(4)
    values = (flambeau.arange(4.0) * 2).requires_grad_()
    s = flambeau.sparse_coo_tensor(flambeau.stack([base, base.flip(0)]) % 3, values * values, (3, 3))
    result = (s @ (flambeau.ones(3, 2) + 1)).sum() + (s._values() * 0).sum()
    result.backward()
    np.testing.assert_allclose(result.item(), 4 * (0 + 4 + 16 + 36))
    np.testing.assert_allclose(values.grad.numpy(), 8 * values.detach().numpy())


def test_memory_is_shared_as_in_pytorch() -> None:
    def program(t: Any) -> list[Any]:
        s, values = MATRICES["in order"].made(t)
        s._values().mul_(2)
        values[0] = 7
        view = s.t()
        s._values()[1] = 5
        return [s.to_dense(), view.to_dense(), values]

    same(program(flambeau), program(torch))


def test_gradients_of_leaves() -> None:
    def program(t: Any) -> list[Any]:
        results = []
        for step in (
            lambda s, d: s.to_dense() @ d,
            lambda s, d: t.sparse.mm(s, d),
            lambda s, d: t.sparse.addmm(t.ones(4, 2), s, d),
            lambda s, d: t.sparse.sum(s * 3),
        ):
            s = MATRICES["in order"].made(t)[0].coalesce().requires_grad_()
            assert s.is_leaf and s.grad is None
            weighted(t, step(s, t.arange(6.0).reshape(3, 2))).backward()
            results.append(s.grad.coalesce().detach())
        d = t.ones(3, 2, requires_grad=True)
        s = MATRICES["in order"].made(t)[0].requires_grad_()
        results += [g.coalesce() if g.is_sparse else g for g in t.autograd.grad(t.sparse.mm(s, d).pow(2).sum(), (s, d))]
        s.detach_()
        (s * 2).to_dense()
        v = t.ones(4, requires_grad=True)
        out = t.sparse_coo_tensor(t.tensor([[0, 1, 1, 3], [2, 0, 2, 1]]), v, (4, 3)) * 3
        out.backward(t.ones(4, 3).to_sparse())
        return [*results, v.grad]

    mine, theirs = program(flambeau), program(torch)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one.to_dense().numpy(), other.to_dense().numpy(), 1e-5)
        assert str(one.layout) == str(other.layout)


def test_gradients_of_gradients() -> None:
    values = flambeau.rand(4, dtype=flambeau.float64, requires_grad=True)
    matrix = flambeau.rand(3, 2, dtype=flambeau.float64, requires_grad=True)

    def program(values: Any, matrix: Any) -> Any:
        s = flambeau.sparse_coo_tensor(flambeau.tensor([[0, 1, 1, 0], [2, 0, 2, 2]]), values, (2, 3))
        return flambeau.sparse.mm(flambeau.sparse.softmax(s * s, 1), matrix).sin()

    assert flambeau.autograd.gradcheck(program, (values, matrix))
    assert flambeau.autograd.gradgradcheck(program, (values, matrix))


def test_hooks_and_functions() -> None:
    seen = []
    s = flambeau.eye(3).to_sparse().requires_grad_()
    s.register_hook(lambda g: seen.append(g.is_sparse) or g * 2)
    flambeau.sparse.sum(s).backward()
    assert seen == [True] and s.grad.to_dense().diagonal().tolist() == [2.0] * 3

    def program(t: Any) -> list[Any]:
        class Product(t.autograd.Function):
            @staticmethod
            def forward(ctx: Any, indices: Any, values: Any, b: Any) -> Any:
                a = t.sparse_coo_tensor(indices, values, (2, 3))
                ctx.save_for_backward(a, b)
                return a @ b

            @staticmethod
            def backward(ctx: Any, grad: Any) -> Any:
                a, b = ctx.saved_tensors
                return None, (grad @ b.t())[a._indices()[0], a._indices()[1]], a.t() @ grad

        values, b = t.arange(1.0, 4.0, requires_grad=True), t.ones(3, 2, requires_grad=True)
        Product.apply(t.tensor([[0, 1, 1], [2, 0, 2]]), values, b).pow(2).sum().backward()
        return [values.grad, b.grad]

    same(program(flambeau), program(torch))
