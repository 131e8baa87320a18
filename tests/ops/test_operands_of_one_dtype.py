"""Operands of different dtypes: PyTorch promotes some, computes in the first one's dtype in others, and refuses the rest."""

import itertools

import pytest
import torch

import flambeau

CALLS = {
    "linear": ("F.linear(a, b, c)", (2, 3), (4, 3), (4,)),
    "linear of a vector": ("F.linear(a, b, c)", (3,), (4, 3), (4,)),
    "linear of a batch": ("F.linear(a, b, c)", (2, 2, 3), (4, 3), (4,)),
    "linear of one output": ("F.linear(a, b, c)", (2, 3), (1, 3), (1,)),
    "a layer": ("F.linear(a, b.requires_grad_(), c.requires_grad_())", (2, 3), (4, 3), (4,)),
    "bilinear": ("F.bilinear(a, a, b, c)", (2, 3), (4, 3, 3), (4,)),
    "attention": ("F.multi_head_attention_forward(a, a, a, 2, 1, b, c, None, None, False, 0.0, b[:2], c[:2])[0]", (2, 1, 2),
                  (6, 2), (6,)),
    "bmm": ("torch.bmm(a, b)", (1, 2, 3), (1, 3, 2)),
    "matmul": ("a @ b", (2, 2, 3), (2, 3, 2)),
    "mm": ("torch.mm(a, b)", (2, 3), (3, 2)),
    "dot": ("torch.dot(a, b)", (3,), (3,)),
    "einsum": ("torch.einsum('bij,bjk->bik', a, b)", (1, 2, 3), (1, 3, 2)),
    "addmm": ("torch.addmm(a, b, c)", (2, 2), (2, 3), (3, 2)),
    "layer_norm": ("F.layer_norm(a, (3,), b, c)", (4, 3), (3,), (3,)),
    "group_norm": ("F.group_norm(a, 3, b, c)", (4, 3, 2), (3,), (3,)),
    "instance_norm": ("F.instance_norm(a, None, None, b, c)", (4, 3, 2), (3,), (3,)),
    "batch_norm": ("F.batch_norm(a, None, None, b, c, True)", (4, 3), (3,), (3,)),
    "batch_norm with running statistics": ("F.batch_norm(a, b, b.clone(), c, c, True)", (4, 3), (3,), (3,)),
    "batch_norm by running statistics": ("F.batch_norm(a, b, c, None, None, False)", (4, 3), (3,), (3,)),
    "grid_sample": ("F.grid_sample(a, b, align_corners=False)", (1, 1, 3, 3), (1, 2, 2, 2)),
    "the nearest pixel": ("F.grid_sample(a, b, 'nearest', align_corners=False)", (1, 1, 3, 3), (1, 2, 2, 2)),
    "grid_sample of volumes": ("F.grid_sample(a, b, align_corners=False)", (1, 1, 3, 3, 3), (1, 2, 2, 2, 3)),
    "binary_cross_entropy": ("F.binary_cross_entropy(a, b, c)", (3,), (3,), (3,)),
    "weighted elements": ("F.binary_cross_entropy(a, a, b, reduction='none')", (3,), (3,)),
    "cholesky_solve": ("torch.cholesky_solve(a, b)", (3, 1), (3, 3)),
    "normal": ("torch.normal(a, b)", (3,), (3,)),
    "normal of given means": ("torch.normal(a, 1.0)", (3,)),
}  # fmt: skip

NOT_COMPARED = {("cholesky_solve", "int64", "int64"), ("attention", "int64", "int64", "int64")}
"""Integers that PyTorch gets as far as another kernel with."""


def outcome(library, call, shapes, dtypes):
    values = [library.full(shape, 0.5).to(getattr(library, d)) for shape, d in zip(shapes, dtypes)]
    try:
        result = eval(call, {"torch": library, "F": library.nn.functional, **dict(zip("abc", values))})
        return str(result.detach().dtype).rpartition(".")[2]
    except (RuntimeError, NotImplementedError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("other", ["float64", "bfloat16", "int64"])
@pytest.mark.parametrize("name", CALLS)
def test_dtypes_are_promoted_or_refused_as_by_pytorch(name, other):
    call, *shapes = CALLS[name]
    for dtypes in itertools.product(("float32", other), repeat=len(shapes)):
        if (name, *dtypes) not in NOT_COMPARED:
            expected = outcome(torch, call, shapes, dtypes)
            assert outcome(flambeau, call, shapes, dtypes) == expected, dtypes


def test_weights_of_a_wider_dtype_do_not_widen_a_loss():
    values = [torch.tensor(v) for v in ([0.2, 0.6], [0.0, 1.0])]
    weight = torch.tensor([0.3, 1.7], dtype=torch.float64)
    expected = torch.nn.functional.binary_cross_entropy(*values, weight)
    got = flambeau.nn.functional.binary_cross_entropy(
        *[flambeau.tensor(v.tolist()) for v in values], flambeau.tensor(weight.tolist(), dtype=flambeau.float64)
    )
    assert got.dtype is flambeau.float32 and got.item() == pytest.approx(expected.item(), rel=1e-6)
