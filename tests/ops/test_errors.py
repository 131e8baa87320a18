"""Common mistakes: the same type of error as PyTorch's, at the line that makes the mistake, and mostly its words."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
import flambeau.nn.functional

SAME_WORDS = [
    "a + torch.ones(4)", "a @ torch.ones(2, 2)", "a @ torch.tensor(1.0)", "torch.mm(a, torch.ones(3))", "torch.bmm(a, a)",
    "torch.ones(2, 3, 4) @ torch.ones(2, 5, 4)", "a[5]", "a[:, 7]", "a[0, 0, 0]", "a[1.5]", "a[::-1]", "a[0][0][0]",
    "a[torch.ones(3, dtype=torch.bool)]", "a[torch.zeros(1)]", "torch.tensor(1.0)[0]", "a.view(5)", "a.T.view(6)",
    "a.reshape(4, -1)",
    "a.reshape(-1, -1)", "a.view(2, 2)", "a.expand(2, 4)", "a.expand(3)", "a.squeeze(5)", "a.unsqueeze(4)", "a.sum(3)",
    "a.sum((0, 0))", "a.transpose(0, 2)", "a.permute(0, 0)", "a.select(2, 0)", "a.select(0, 5)", "a.narrow(0, 1, 5)",
    "a.split([1, 3])", "a.chunk(0)", "a[0, 0].chunk(2)", "torch.cat([a, a], True)", "a.topk(True)",
    "a.tril(True)", "a.chunk(True)", "a.select(0, True)", "a[..., 5]", "a[None, 5]", "a[1:, None, 7]",
    "a[1, None, ..., 3]", "a.index_put((torch.tensor([0]),), torch.ones(5))",
    "a.diagonal(0, 0, 0)", "a.unfold(0, 5, 1)", "a.item()", "bool(a)", "bool(torch.ones(0))",
    "len(torch.tensor(1))", "iter(torch.tensor(1))", "int(a)", "torch.cat([])", "torch.cat([a, torch.ones(2)])",
    "torch.cat([a, torch.ones(3, 4)])", "torch.cat([a, torch.ones(3, 4)], 1)", "torch.cat([torch.tensor(1.0)])", "torch.cat(a)",
    "torch.cat([a, 1])", "torch.stack([])", "torch.stack([a, torch.ones(2)])", "torch.ones(3, dtype=torch.long).mean()",
    "torch.ones(2, dtype=torch.bool) - torch.ones(2, dtype=torch.bool)", "-torch.ones(2, dtype=torch.bool)", "a & a",
    "a.max(5)",
    "torch.ones(0).max()", "torch.ones(0, 2).max(0)", "torch.ones(0).argmax()", "a.median(2)", "a.topk(9)", "a.sort(2)",
    "a.kthvalue(5)", "torch.ones(2, 2, 2).t()", "torch.diag(torch.ones(2, 2, 2))", "torch.trace(torch.ones(2))",
    "torch.tril(torch.ones(2))",
    "torch.linalg.inv(torch.ones(2, 2))", "torch.linalg.inv(a)", "torch.linalg.inv(torch.ones(2, 3, 3))", "torch.linalg.det(a)",
    "torch.linalg.cholesky(-torch.eye(3))", "torch.linalg.cholesky(torch.ones(2, 3, 3))",
    "torch.linalg.solve(torch.ones(2, 2), a[:, :1])",
    "torch.linalg.solve(torch.eye(2), torch.ones(3, 1))",
    "torch.einsum('ij,jk', a)", "torch.einsum('ij', torch.ones(2))", "torch.einsum('ij,jk->ii', a, a.T)",
    "torch.einsum('ij->k', a)",
    "torch.einsum('ij,jk', a, a)", "torch.linalg.matrix_norm(a, 5)", "torch.linalg.norm(torch.ones(2, 2, 2), 3)",
    "torch.repeat_interleave(a, -1)", "a.repeat(2)", "a.flip(0, 0)", "torch.rot90(a, 1, (0, 0))", "a.roll(1, (0, 1))",
    "torch.gather(a, 0, torch.zeros(2, dtype=torch.long))", "torch.gather(a, 0, torch.zeros(2, 4, dtype=torch.long))",
    "torch.gather(a, 0, a)", "a.scatter(0, torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.double))",
    "a.index_add(0, torch.tensor([0]), torch.ones(()))", "a.index_add(1, torch.tensor([0]), torch.ones(2))",
    "a.index_add(0, torch.tensor([0]), torch.ones(1, 2))", "a.index_reduce(0, torch.tensor([0]), torch.ones(()), 'amax')",
    "a.index_select(0, torch.zeros(1, 1, dtype=torch.long))", "a.masked_select(a)", "a.masked_fill(a, 1)",
    "torch.where(a, a, a)", "torch.clamp(a)", "a.clone().add_(torch.ones(3, 2, 3))",
    "torch.ones(3, dtype=torch.long).add_(1.5)",
    "torch.ones(3, dtype=torch.long).div_(2)", "a.expand(4, 2, 3).add_(1)", "torch.ones(2, dtype=torch.long).pow(-1)",
    "torch.arange(0, 5, 0)", "torch.arange(5, 0)", "torch.zeros(-1)", "torch.ones(3, dtype=torch.long).requires_grad_()",
    "torch.ones(3, dtype=torch.long, requires_grad=True)", "torch.ones(3).backward()",
    "torch.ones(3, requires_grad=True).mul(2).backward()",
    "torch.ones(3, requires_grad=True).numpy()", "torch.ones(3, requires_grad=True).add_(1)", "torch.ones(3).retain_grad()",
    "torch.tensor([[1, 2], [3]])", "torch.tensor(None)", "torch.from_numpy(3)", "torch.dot(a, a)",
    "torch.dot(torch.ones(2), torch.ones(3))",
    "torch.outer(a, a)", "torch.cross(torch.ones(2), torch.ones(2))", "torch.cdist(torch.ones(2, 3), torch.ones(2, 4))",
    "torch.nn.functional.conv2d(torch.ones(1, 3, 4, 4), torch.ones(0, 3, 1, 1))",
    "torch.nn.functional.conv2d(torch.ones(1, 4, 4, 4), torch.ones(3, 2, 1, 1), groups=2)",
    "torch.nn.functional.conv_transpose2d(torch.ones(1, 4, 4, 4), torch.ones(1, 2, 1, 1), groups=2)",
    "torch.nn.functional.conv2d(torch.ones(1, 3, 4, 4), torch.ones(2, 3, 1, 1), dilation=0)",
    "torch.nn.functional.pad(a, (1,))", "torch.nn.functional.pad(a, (1, 1, 1, 1, 1, 1))",
    "torch.nn.functional.one_hot(a)", "torch.bincount(torch.tensor([-1]))", "torch.bincount(a)", "torch.histc(a, 0)",
    "torch.quantile(a, 2)", "torch.quantile(a.half(), 0.5)",
    "torch.multinomial(a, 5)", "torch.finfo(torch.int32)", "torch.iinfo(torch.float32)", "a.type('nothing')",
    "torch.set_default_dtype(torch.int32)", "torch.hsplit(a, 2)", "a.unflatten(1, (2, 2))",
    "torch.combinations(a)", "torch.tensordot(torch.ones(2, 3), torch.ones(2, 3), 3)", "a.as_strided((9,), (1,))",
    "torch.add(torch.ones(2, dtype=torch.long), 1, alpha=1.5)", "torch.var(torch.ones(2, dtype=torch.long))",
    "torch.randint(3, 3, (2,))",
    "a.flatten(1, 0)", "torch.chunk(a, -1)", "torch.linspace(0, 1, -1)", "torch.addmm(a, a, a)", "a.mv(torch.ones(4))",
    "torch.eye(-1)", "torch.cov(a > 0)",
]  # fmt: skip

SAME_TYPE = [
    "a.narrow(0, 0, True)", "a.narrow(0, True, 1)", "a.split([True, 1])", "a.expand((True, 2, 3))",
    "torch.ones(2, 3).foo", "torch.zeros(2, dtype=torch.float32) + 'a'", "torch.ones(2) @ 3", "torch.tensor('a')",
    "torch.ones(2, 'b')",
    "a.to('nowhere')", "torch.tensor([1, 'a'])", "torch.ones(2, 3).view('a')", "a[{}]", "torch.full((2,), 'a')", "a.sum('x')",
    "a.tril(2**63)", "a.triu(-2**64)", "torch.broadcast_shapes((2, (3, 4)))", "torch.broadcast_shapes(-3, (4, 4))",
    "torch.broadcast_shapes((-1,))", "torch.einsum(None, a)",
    "torch.matmul(a)", "torch.from_numpy(np.array(['a']))", "torch.tensordot(a, a, 1)", "torch.ones(2) < 'a'",
]  # fmt: skip


def raised(library: Any, expression: str) -> BaseException | None:
    """The error that an expression ends in; late ones are made to show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = eval(expression, {"torch": library, "a": library.ones(2, 3), "np": np})
            if hasattr(result, "detach"):
                result.detach().numpy()
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize("expression", SAME_WORDS)
def test_same_words(expression: str) -> None:
    expected, actual = raised(torch, expression), raised(flambeau, expression)
    assert expected is not None
    assert actual is not None, f"no error where PyTorch has {expected!r}"
    kind = next(k for k in type(expected).__mro__ if k.__module__ == "builtins")
    assert isinstance(actual, kind), f"{actual!r} instead of {expected!r}"
    assert str(actual).split(" (recorded at")[0].strip() == str(expected).split("\n")[0].strip()


@pytest.mark.parametrize("expression", SAME_TYPE)
def test_same_type(expression: str) -> None:
    expected, actual = raised(torch, expression), raised(flambeau, expression)
    assert expected is not None
    assert isinstance(actual, type(expected)), f"{actual!r} instead of {expected!r}"


@pytest.mark.parametrize(
    "program",
    [
        lambda library: library.zeros(4, 5) + library.zeros(3, 6),
        lambda library: library.zeros(2, 4, 5) + library.zeros(3, 6),
        lambda library: library.zeros(3, 4).expand(4, 5),
        lambda library: library.zeros(3, 4).expand(-2, 4, 5),
        lambda library: library.zeros(3, 1, 4).expand(2, 4, 1, 4),
        lambda library: library.broadcast_tensors(library.zeros(4, 5), library.zeros(3, 6)),
        lambda library: library.where(library.ones(3, 4, dtype=library.bool), library.zeros(5, 4), library.zeros(5, 6)),
    ],
)
def test_the_last_of_several_axes_that_do_not_fit_is_named(program: Any) -> None:
    messages = []
    for library in (torch, flambeau):
        with pytest.raises(RuntimeError) as found:
            program(library)
        messages.append(str(found.value))
    assert messages[0] == messages[1]
