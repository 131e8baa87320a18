"""Operands of two dtypes: promoted, refused, or given in one operand's dtype, exactly where PyTorch does so."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
import flambeau.nn.functional

DTYPES = ["float32", "float64", "float16", "int64", "uint8", "bool"]

EXPRESSIONS = [
    "F.mse_loss(x, y)", "F.smooth_l1_loss(x, y)", "F.huber_loss(x, y)", "F.kl_div(x, y)", "F.soft_margin_loss(x, y)",
    "F.poisson_nll_loss(x, y)",
    "F.hinge_embedding_loss(x, y)", "F.cosine_similarity(x, y)", "F.l1_loss(x, y)", "F.nll_loss(x, y[:, 0])",
    "F.cross_entropy(x, y[:, 0])", "F.cross_entropy(x, y)", "F.layer_norm(x, (4,), y[0])", "x.index_copy(0, places, y)",
    "x.index_add(0, places, y)", "x.index_put((places,), y)", "written(x, places, y)", "written(x, slice(0, 3), y)",
    "x.copy_(y)", "x.scatter(0, places[:, None], y)", "torch.lerp(x, y, 0.5)", "torch.addmm(x[:, :3], y, y.t())",
    "torch.addmv(x[:, 0], y, y[0])", "torch.baddbmm(x[None, :, :3], y[None], y.t()[None])",
    "torch.addbmm(x[:, :3], y[None], y.t()[None])", "torch.addr(x, y[:, 0], y[0])", "torch.bmm(x[None], y.t()[None])",
    "torch.addcmul(x, y, y)", "torch.linalg.cross(x[:, :3], y[:, :3])", "F.bilinear(x, y, x[:2, :, None] + x[0])",
    "torch.xlogy(x, y)", "torch.maximum(x, y)", "torch.where(x > 0, x, y)", "torch.ldexp(x, y)",
]  # fmt: skip
INTEGERS = [
    "torch.addmm(x[:, :3], x, x.t(), beta=0.6, alpha=0.2)", "torch.addmv(x[:, 0], x, x[0], beta=1.6, alpha=2.7)",
    "torch.addr(x, x[:, 0], x[0], beta=3, alpha=2)", "torch.baddbmm(x[None, :, :3], x[None], x.t()[None], beta=2.5)",
    "torch.addbmm(x[:, :3], x[None], x.t()[None])", "torch.nansum(x)", "torch.nansum(x, 0)", "torch.einsum('ij->i', x)",
    "torch.einsum('ij,ij->i', x, x)", "torch.einsum('ij,kj->ik', x, x)", "torch.tensordot(x[:, :1], x, ([1], [1]))",
    "torch.unravel_index(x, (4, 5))[0]", "torch.unravel_index(x, (4, 5))[1]", "torch.trace(x)",
    "torch.hypot(x, x)", "torch.logaddexp(x, x)", "torch.sinc(x)", "torch.special.ndtri(x)", "torch.special.entr(x)",
    "torch.lerp(x, x, 0.5)", "torch.mean(x)", "torch.nanmean(x)",
    "x.any(())", "x.all(dim=())", "torch.any(x, [], keepdim=True)",
]  # fmt: skip


def written(x: Any, index: Any, value: Any) -> Any:
    """``x`` after ``x[index] = value``."""
    x[index] = value
    return x


def outcome(library: Any, expression: str, *dtypes: str) -> Any:
    """What an expression of small whole numbers gives, or the error that it raises."""
    numbers = np.random.default_rng(5).integers(0, 3, size=(2, 3, 4))
    names = {
        "torch": library, "F": library.nn.functional, "written": written, "places": library.tensor([0, 1, 2]),
        **{k: library.tensor(array).to(getattr(library, d)) for k, array, d in zip("xy", numbers, dtypes)},
    }  # fmt: skip
    try:
        result = eval(expression, names)
        return str(result.dtype), np.asarray(result.double().numpy())
    except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError) as error:
        return type(error)


def unlike(expression: str, *dtypes: str) -> str | None:
    ours, theirs = (outcome(library, expression, *dtypes) for library in (flambeau, torch))
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        same = ours[0] == theirs[0] and np.allclose(ours[1], theirs[1], 2e-3, 1e-3, equal_nan=True)
    else:
        same = ours is theirs
    return None if same else f"{expression} of {dtypes}: {ours} instead of {theirs}"


@pytest.mark.parametrize("first", DTYPES)
def test_two_dtypes(first: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [unlike(e, first, second) for e, second in itertools.product(EXPRESSIONS, DTYPES)]
    assert not [text for text in found if text], "\n".join(text for text in found if text)


def test_integers() -> None:
    found = [unlike(e, d) for e, d in itertools.product(INTEGERS, ["int64", "int32", "int8", "uint8"])]
    assert not [text for text in found if text], "\n".join(text for text in found if text)
