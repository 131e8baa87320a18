"""``torch.func`` beside PyTorch: nested transforms, what has a history, modules as functions, ensembles, random programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree, array, error

import flambeau

RANDOM = np.random.default_rng(0)
V = RANDOM.normal(size=3)
W = RANDOM.normal(size=(3, 5))
Y = RANDOM.normal(size=(4, 5))

#: Expressions of the library ``T``, its ``func`` ``f`` and numbers.
EXPRESSIONS = [
    "f.grad(lambda a: (a.sin() * a).sum())(v)",
    "f.grad(f.grad(f.grad(lambda a: a.sin() * a)))(v[0])",
    "f.vmap(f.grad(lambda w, a: (w @ a).tanh().sum()), in_dims=(None, 0))(w, y)",
    "f.vmap(f.grad(lambda a, w: (w @ a).tanh().sum(), argnums=(0, 1)), in_dims=(0, None))(y, w)",
    "f.grad_and_value(lambda a: (a.sum(), a * 2), has_aux=True)(v)",
    "f.grad(lambda a, b: (a * b['k']).sum(), argnums=1)(v, {'k': v.exp()})['k']",
    "f.vjp(lambda a: (a.exp(), a.sum()), v)[1]((v, v[0]))",
    "f.vjp(lambda a: (a.exp(), a * 3), v, has_aux=True)[2]",
    "f.jacrev(lambda a: (a.sin() * a, a[:2].cumsum(0)))(v)",
    "f.jacrev(lambda a: a.sin() * a, chunk_size=2)(v)",
    "f.jacrev(lambda a: (a.exp(), a), has_aux=True)(v)",
    "f.jacfwd(lambda a: (a.sin() * a, a[:2].cumsum(0)))(v)",
    "f.jacrev(lambda a, b: b.T @ a, argnums=(0, 1))(v, w)",
    "f.jacfwd(lambda a, b: (b.T @ a).exp(), argnums=(0, 1))(v, w)",
    "f.hessian(lambda a: (a.sin() * a * a.flip(0)).sum())(v)",
    "f.hessian(lambda a, b: (a @ b).exp().sum(), argnums=(0, 1))(v, w)",
    "f.jacrev(f.jacfwd(lambda a: (a.sin() * a).prod()))(v)",
    "f.jvp(lambda a: (a.sin(), a.exp()), (v,), (v * 2,))",
    "f.jvp(lambda a: f.jvp(lambda b: b.sin() * a, (a,), (a,))[1], (v,), (v,))",
    "f.jvp(f.grad(lambda a: a.sin().prod()), (v,), (v * 2,))",
    "f.jvp(lambda a: (a.sin(), a * 2), (v,), (v,), has_aux=True)",
    "f.linearize(lambda a: a.exp(), v)[1](v)",
    "f.vmap(f.hessian(lambda a: (a.sin() * a).sum().exp()))(w)",
    "f.vmap(f.jacrev(lambda a: (a.sin() * a).cumsum(0)))(w)",
    "f.vmap(f.jacfwd(lambda a: a.sin() * a))(w)",
    "f.vmap(lambda a: f.vmap(f.grad(lambda b: (b * a).sin().sum()))(w))(y)",
    "f.vmap(lambda t: f.jvp(lambda a: a.sin() * a.sum(), (v,), (t,))[1])(w.T)",
    "f.vmap(f.vjp(lambda a: w.T @ a.exp(), v)[1])(y)[0]",
    "f.grad(lambda a: f.vmap(lambda b: (b * b).sum())(a).exp().sum())(w)",
    "f.hessian(lambda a: f.vmap(lambda b: (b * a).sin().sum())(w).exp().sum())(w[0])",
    "f.grad(lambda a: f.jacrev(lambda b: b.exp() * a)(a).sum())(v)",
    "f.grad(lambda a: f.hessian(lambda b: (b * a).exp().sum())(a).sin().sum())(v)",
    "f.functionalize(lambda a: a.clone().add_(1))(v)",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions(expression: str) -> None:
    def program(T: Any) -> Any:
        space = {"T": T, "f": T.func, "v": T.tensor(V), "w": T.tensor(W), "y": T.tensor(Y)}
        found = eval(expression, space)
        for leaf in found if isinstance(found, tuple) else (found,):
            assert not isinstance(leaf, T.Tensor) or not leaf.requires_grad
        return found

    agree(program, 1e-9)


def test_histories_lead_outside() -> None:
    def program(T: Any) -> Any:
        v, w = T.tensor(V), T.tensor(W, requires_grad=True)
        y = T.tensor(Y, requires_grad=True)
        found = [
            T.func.grad(lambda a: ((a @ w) ** 3).sum())(v),
            T.func.vmap(lambda a: (w @ a).sigmoid())(y),
            T.func.jvp(lambda a: (a @ w).sin(), (v,), (v,))[1],
            T.func.jacrev(lambda a: (a @ w).sin())(v),
            T.func.vmap(T.func.grad(lambda a: (w @ a).sin().sum()))(y),
            T.func.grad(lambda a: (a * 2).sum())(w),
            T.func.vjp(lambda a: (a @ w).sin(), v)[0],
        ]
        tracked = [bool(each.requires_grad) for each in found]
        first = T.autograd.grad(sum((x * x).sum() for x in found if x.requires_grad), (w, y), create_graph=True)
        second = T.autograd.grad(sum((g * g).sum() for g in first), (w, y))
        with T.no_grad():
            without = T.func.grad(lambda a: ((a @ w) ** 3).sum())(v)
        return [x.detach() for x in found], tracked, [g.detach() for g in first], second, without, without.requires_grad

    agree(program, 1e-8)


def test_no_grad_inside() -> None:
    def program(T: Any) -> Any:
        def function(a: Any) -> Any:
            with T.no_grad():
                b = a.exp()
            return (a * b).sum()

        v = T.tensor(V)
        return T.func.grad(function)(v), T.func.jvp(function, (v,), (v,))

    agree(program, 1e-9)


def network(T: Any) -> Any:
    """A small network with a batch normalisation that keeps no statistics, and parameters by formula."""
    made = T.nn.Sequential(T.nn.Linear(5, 6), T.nn.Tanh(), T.nn.LayerNorm(6), T.nn.Linear(6, 3)).double()
    with T.no_grad():
        for number, p in enumerate(made.parameters()):
            p.copy_((T.arange(p.numel(), dtype=T.float64) * (number + 0.7)).sin().reshape(p.shape))
    return made


def test_gradients_of_each_sample() -> None:
    def program(T: Any) -> Any:
        model = network(T)
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        labels = T.tensor([0, 2, 1, 2])

        def loss(parameters: Any, x: Any, label: Any) -> Any:
            made = T.func.functional_call(model, parameters, (x[None],))
            return T.nn.functional.cross_entropy(made, label[None])

        return T.func.vmap(T.func.grad(loss), in_dims=(None, 0, 0))(parameters, T.tensor(Y), labels)

    agree(program, 1e-9)


def test_ensembles() -> None:
    def program(T: Any) -> Any:
        models = [network(T) for _ in range(3)]
        with T.no_grad():
            for number, model in enumerate(models):
                model[0].weight.mul_(number + 1)
        parameters, buffers = T.func.stack_module_state(models)

        def call(parameters: Any, buffers: Any, x: Any) -> Any:
            return T.func.functional_call(models[0], (parameters, buffers), (x,))

        x = T.tensor(Y)
        results = T.func.vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
        (results**2).sum().backward()
        alone = T.stack([model(x) for model in models])
        return results.detach(), (results - alone).abs().max().detach() < 1e-12, {n: p.grad for n, p in parameters.items()}

    agree(program, 1e-9)


def test_functional_call() -> None:
    def program(T: Any) -> Any:
        norm = T.nn.BatchNorm1d(5).double()
        state = {"running_mean": T.zeros(5, dtype=T.float64), "weight": T.full((5,), 2.0, dtype=T.float64)}
        result = T.func.functional_call(norm, state, (T.tensor(Y),))
        tied = T.nn.Module()
        tied.a = T.nn.Linear(2, 2)
        tied.b = tied.a
        tied.forward = lambda x: tied.b(x)
        one = T.func.functional_call(tied, {"a.weight": T.eye(2), "a.bias": T.ones(2)}, (T.ones(1, 2),))
        T.func.replace_all_batch_norm_modules_(norm)
        return result.detach(), state["running_mean"], norm.running_mean is None, one, [*dict(tied.named_parameters())]

    agree(program, 1e-9)


MISTAKES = [
    lambda T: T.func.grad(lambda a: a)(T.ones(2)),
    lambda T: T.func.grad(lambda a: 1)(T.ones(2)),
    lambda T: T.func.grad(lambda a: a.sum(), argnums=1)(T.ones(2)),
    lambda T: T.func.grad(lambda a: a.sum(), argnums=(0, 0))(T.ones(2)),
    lambda T: T.func.grad(lambda a: a.sum(), argnums=())(T.ones(2)),
    lambda T: T.func.grad(lambda a: a.sum(), argnums="a")(T.ones(2)),
    lambda T: T.func.grad(lambda a: a.sum(), has_aux=True)(T.ones(2)),
    lambda T: T.func.jvp(lambda a: a, T.ones(2), (T.ones(2),)),
    lambda T: T.func.jvp(lambda a: a, (T.ones(2),), (T.ones(2), T.ones(2))),
    lambda T: T.func.jvp(lambda a: a, (T.ones(2),), (T.ones(3),)),
    lambda T: T.func.vjp(lambda a: a, T.ones(2))[1]((T.ones(2), T.ones(2))),
    lambda T: T.func.jacrev(lambda a: a, chunk_size=0),
    lambda T: T.func.linearize(lambda a: a, T.ones(2))[1](T.ones(3)),
    lambda T: T.func.functionalize(lambda a: a, remove="all")(T.ones(2)),
    lambda T: T.func.stack_module_state([]),
    lambda T: T.func.stack_module_state([T.nn.Linear(1, 1), T.nn.Tanh()]),
    lambda T: T.func.stack_module_state([T.nn.Linear(1, 1), T.nn.Linear(1, 1).eval()]),
    lambda T: T.func.functional_call(T.nn.Linear(1, 1), 3, T.ones(1)),
    lambda T: T.func.functional_call(T.nn.Linear(1, 1), [{"bias": T.ones(1)}, {"bias": T.ones(1)}], T.ones(1)),
    lambda T: T.func.functional_call(T.nn.Linear(1, 1), {"bias": T.ones(1)}, T.ones(1), strict=True),
    lambda T: T.func.functional_call(T.nn.Linear(1, 1), {"x": T.ones(1)}, T.ones(1), strict=True),
]  # fmt: skip


@pytest.mark.parametrize("mistake", range(len(MISTAKES)))
def test_mistakes_raise_what_they_raise_in_pytorch(mistake: int) -> None:
    assert error(MISTAKES[mistake], flambeau)[0] == error(MISTAKES[mistake], torch)[0]


UNARY = ["sin", "tanh", "sigmoid", "exp", "square", "cos"]


def random_function(seed: int) -> str:
    """An expression of a vector ``a`` of four numbers and a captured one ``c``, built of a few operations."""
    random = np.random.default_rng(seed)
    expression = "a"
    for _ in range(random.integers(3, 7)):
        kind = random.integers(7)
        expression = [
            f"({expression}).{random.choice(UNARY)}()", f"({expression}) * c", f"({expression}).flip(0) + a",
            f"({expression}).cumsum(0) * 0.3", f"(m @ ({expression}))", f"({expression}).softmax(0)",
            f"T.cat([({expression})[1:], a[:1]])",
        ][kind]  # fmt: skip
    return expression


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed: int) -> None:
    expression = random_function(seed)
    numbers = np.random.default_rng(seed + 100).normal(size=(3, 4))

    def program(T: Any) -> Any:
        space = {"T": T, "c": T.tensor(numbers[0]), "m": T.tensor(np.outer(numbers[1], numbers[2]))}
        function, f, x = eval(f"lambda a: {expression}", space), T.func, T.tensor(numbers)

        def total(a: Any) -> Any:
            return function(a).sum()

        return (
            f.vmap(function)(x), f.vmap(f.grad(total))(x), f.vmap(f.jacrev(function))(x), f.vmap(f.hessian(total))(x),
            f.jacfwd(f.grad(total))(x[0]), f.jvp(f.vmap(function), (x,), (x,)), f.grad(lambda y: f.vmap(total)(y).prod())(x),
        )  # fmt: skip

    agree(program, 1e-8)


def test_custom_functions_in_transforms() -> None:
    class Cube(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad * 3 * x**2

    x = flambeau.tensor(W)
    np.testing.assert_allclose(array(flambeau.vmap(flambeau.func.grad(lambda a: Cube.apply(a).sum()))(x)), 3 * W**2)
    np.testing.assert_allclose(array(flambeau.func.jvp(Cube.apply, (x,), (x,))[1]), 3 * W**3)
