"""Forward mode by dual tensors, ``autograd.functional`` in all its ways, and ``gradcheck`` of forward mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.autograd.forward_ad
from oracle import agree, error

import flambeau

V = np.array([0.3, -1.2, 0.8])
W = np.random.default_rng(0).normal(size=(3, 5))


def test_dual_tensors() -> None:
    def program(T: Any) -> Any:
        forward = T.autograd.forward_ad
        v, w = T.tensor(V), T.tensor(W, requires_grad=True)
        with forward.dual_level():
            dual = forward.make_dual(v, v * 2)
            made = forward.unpack_dual((dual @ w).sin() * dual.sum())
            plain = forward.unpack_dual(w)
            with T.no_grad():
                without = forward.unpack_dual((dual * dual).exp())
            changed = dual.clone()
            changed[1:] *= dual[:-1]
            changed.add_(w[:, 0].detach())
            written = forward.unpack_dual(changed)
            same = forward.unpack_dual(dual)
        gradient = T.autograd.grad(made.tangent.sum(), w)
        return [x.detach() for x in made], plain.tangent, without, written, [x.detach() for x in same], gradient

    agree(program, 1e-9)


def test_tangents_of_other_dtypes() -> None:
    def program(T: Any) -> Any:
        forward = T.autograd.forward_ad
        found = []
        pairs = [("float64", "float32"), ("float32", "float16"), ("float32", "bfloat16"), ("complex64", "float32")]
        for primal, tangent in pairs:
            v = T.tensor([0.25, -1.5, 0.75], dtype=getattr(T, primal))
            with forward.dual_level():
                dual = forward.make_dual(v, T.tensor([1.0, 0.5, -2.0], dtype=getattr(T, tangent)))
                found.append(forward.unpack_dual(dual.sin()))
        return found

    agree(program, 1e-6)
    with flambeau.autograd.forward_ad.dual_level(), pytest.raises(RuntimeError, match="narrower"):
        flambeau.autograd.forward_ad.make_dual(flambeau.ones(2), flambeau.ones(2, dtype=flambeau.float64))


def test_forward_over_backward() -> None:
    def program(T: Any) -> Any:
        forward = T.autograd.forward_ad
        x = T.tensor(V, requires_grad=True)
        with forward.dual_level():
            dual = forward.make_dual(x, T.tensor(V) * 2)
            (found,) = T.autograd.grad((dual.sin() * dual).prod(), x)
            return forward.unpack_dual(found).tangent.detach()

    agree(program, 1e-9)


def test_modules() -> None:
    def program(T: Any) -> Any:
        forward = T.autograd.forward_ad
        model = T.nn.Sequential(T.nn.Conv1d(1, 2, 2), T.nn.ReLU(), T.nn.Flatten(), T.nn.Linear(4, 2)).double()
        with T.no_grad():
            for p in model.parameters():
                p.copy_((T.arange(p.numel(), dtype=T.float64) + 1).sin().reshape(p.shape))
        with forward.dual_level():
            made = model(forward.make_dual(T.tensor(V).reshape(1, 1, 3), T.ones(1, 1, 3, dtype=T.float64)))
            return forward.unpack_dual(made).tangent.detach()

    agree(program, 1e-9)


MISTAKES = [
    lambda T: T.autograd.forward_ad.make_dual(T.ones(2), T.ones(2)),
    lambda T: within(T, lambda f: f.make_dual(T.ones(2), T.ones(3))),
    lambda T: within(T, lambda f: f.make_dual(T.ones(2, dtype=T.int64), T.ones(2))),
    lambda T: within(T, lambda f: f.make_dual(T.ones(2), T.ones(2, dtype=T.int64))),
    lambda T: within(T, lambda f: f.enter_dual_level()),
    lambda T: T.autograd.forward_ad.exit_dual_level(),
]  # fmt: skip


def within(T: Any, call: Any) -> Any:
    with T.autograd.forward_ad.dual_level():
        return call(T.autograd.forward_ad)


@pytest.mark.parametrize("mistake", range(len(MISTAKES)))
def test_mistakes(mistake: int) -> None:
    assert error(MISTAKES[mistake], flambeau)[0] == error(MISTAKES[mistake], torch)[0]
    assert flambeau.is_grad_enabled()


WAYS = [{}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}, {"create_graph": True, "vectorize": True}]


@pytest.mark.parametrize("way", WAYS)
def test_jacobians(way: dict[str, Any]) -> None:
    def program(T: Any) -> Any:
        functional = T.autograd.functional
        found = functional.jacobian(
            lambda a, b: ((a[:, None] * b).sum(0).exp(), a.sum()), (T.tensor(V), T.tensor(W)), **way
        )
        kept = {name.replace("strategy", "outer_jacobian_strategy"): value for name, value in way.items()}
        second = functional.hessian(
            lambda a, b: (a[:, None] * b).sum(0).exp().sum(), (T.tensor(V), T.tensor(W)), **kept
        )
        return [[x.detach() for x in row] for row in (*found, *second)]

    agree(program, 1e-9)


def test_gradcheck() -> None:
    x = flambeau.tensor(W, requires_grad=True)

    def function(a: Any) -> Any:
        return (a.sin() * a).softmax(1)

    check, twice = flambeau.autograd.gradcheck, flambeau.autograd.gradgradcheck
    assert check(function, x, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True)
    assert check(function, x, check_forward_ad=True, fast_mode=True)
    assert twice(function, x, check_fwd_over_rev=True)

    class Wrong(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            return a * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 3

    with pytest.raises(RuntimeError, match="Forward-mode AD: Jacobian mismatch"):
        check(Wrong.apply, x, check_forward_ad=True, check_backward_ad=False)
    with pytest.raises(ValueError, match="requires check_forward_ad"):
        check(function, x, check_batched_forward_grad=True)
