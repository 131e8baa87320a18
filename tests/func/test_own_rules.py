"""Functions with rules of their own for batches (``vmap``) and for forward mode (``jvp``), in all transforms, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.autograd.forward_ad
from oracle import agree, error

import flambeau

X = np.array([[3.0, 1.0, 2.0], [5.0, 9.0, 7.0]])
W = np.arange(3.0)


def odd(T: Any) -> Any:
    """A function whose rules each give something else, so that it shows which one was used."""

    class Odd(T.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x.sin() * 2

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad * x.cos() * 3

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            (x,) = ctx.saved_tensors
            return tangent * x.cos() * 5

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any) -> Any:
            assert type(info).__name__ == "VmapInfo" and info.randomness == "error"
            assert x.shape[in_dims[0]] == info.batch_size
            return Odd.apply(x) * 1.5, in_dims[0]

    return Odd.apply


def sorted_by_numpy(T: Any) -> Any:
    """Sorting, and taking along an axis, done by NumPy: neither can be recorded for one sample of a batch."""

    class Take(T.autograd.Function):
        @staticmethod
        def forward(x: Any, order: Any, back: Any, dim: int) -> Any:
            return T.tensor(np.take_along_axis(x.numpy(), order.numpy(), dim))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            _, order, back, ctx.dim = inputs
            ctx.save_for_backward(order, back)
            ctx.save_for_forward(order, back)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            order, back = ctx.saved_tensors
            return Take.apply(grad, back, order, ctx.dim), None, None, None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, *others: Any) -> Any:
            order, back = ctx.saved_tensors
            return Take.apply(tangent, order, back, ctx.dim)

        @staticmethod
        def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
            *tensors, dim = arguments
            whole = [
                x.expand(info.batch_size, *x.shape) if axis is None else x.movedim(axis, 0)
                for x, axis in zip(tensors, in_dims)
            ]
            return Take.apply(*whole, dim + 1), 0

    class Sort(T.autograd.Function):
        @staticmethod
        def forward(x: Any, dim: int) -> Any:
            order = np.argsort(x.numpy(), axis=dim)
            back = np.argsort(order, axis=dim)
            return T.tensor(np.take_along_axis(x.numpy(), order, dim)), T.tensor(order), T.tensor(back)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            _, ctx.dim = inputs
            _, order, back = output
            ctx.mark_non_differentiable(order, back)
            ctx.save_for_backward(order, back)
            ctx.save_for_forward(order, back)

        @staticmethod
        def backward(ctx: Any, grad: Any, *others: Any) -> Any:
            order, back = ctx.saved_tensors
            return Take.apply(grad, back, order, ctx.dim), None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, _: Any) -> Any:
            order, back = ctx.saved_tensors
            return Take.apply(tangent, order, back, ctx.dim), None, None

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any, dim: int) -> Any:
            return Sort.apply(x.movedim(in_dims[0], 0), dim + 1), (0, 0, 0)

    return lambda x: Sort.apply(x, 0)[0]


CALLS = [
    "t.vmap(f)(x)",
    "t.vmap(f, in_dims=1, out_dims=1)(x)",
    "t.grad(lambda x: (f(x) * w).sum())(x[0])",
    "t.jvp(f, (x[0],), (w,))",
    "t.vjp(f, x[0])[1](w)",
    "t.jacrev(f)(x[0])",
    "t.jacfwd(f)(x[0])",
    "t.vmap(t.jacrev(f))(x)",
    "t.vmap(t.jacfwd(f))(x)",
    "t.vmap(t.grad(lambda a: (f(a) ** 2 * w).sum()))(x)",
    "t.grad(lambda x: (t.vmap(f)(x) ** 2 * w).sum())(x)",
    "t.grad(lambda x: (t.vmap(lambda a: f(a * 2) * a)(x) * w).sum())(x)",
    "t.jvp(t.vmap(f), (x,), (x * 2,))",
    "t.vmap(lambda a, b: t.jvp(f, (a,), (b,)))(x, x * 2)",
    "t.jvp(t.grad(lambda a: (f(a) ** 3 * w).sum()), (x[0],), (w,))",
    "t.hessian(lambda a: (f(a) ** 3 * w).sum())(x[0])",
    "t.jacrev(t.jacrev(lambda a: (f(a) ** 3 * w).sum()))(x[0])",
    "t.jacrev(t.jacfwd(lambda a: (f(a) ** 3 * w).sum()))(x[0])",
    "t.jacrev(t.jacfwd(f))(x[0])",
    "t.grad(lambda a: (t.jvp(f, (a,), (w,))[1] * a).sum())(x[0])",
    "t.vmap(t.grad(lambda a: t.jvp(f, (a,), (a * w,))[1].sum()))(x)",
    "t.vmap(lambda a: t.vmap(lambda b: f(b + a))(x))(x)",
    "t.vmap(lambda a: t.vmap(lambda b: f(a) * b)(x))(x)",
    "t.vmap(lambda a: (f(a) * 2, f(w)))(x)",
]

#: Those for which it matters which rule is used where in between, so rules must agree with each other.
CONSISTENT = [
    "t.jacfwd(t.jacfwd(lambda a: (f(a) ** 3 * w).sum()))(x[0])",
    "t.grad(lambda x: (t.vmap(t.grad(lambda a: (f(a) ** 3 * w).sum()))(x) ** 2).sum())(x)",
]


@pytest.mark.parametrize("function, calls", [(odd, CALLS), (sorted_by_numpy, CALLS + CONSISTENT)])
def test_rules_are_followed(function: Any, calls: list[str]) -> None:
    for call in calls:

        def program(T: Any, call: str = call) -> Any:
            return eval(call, {"t": T.func, "f": function(T), "x": T.tensor(X), "w": T.tensor(W)})

        agree(program, 1e-9)


def test_gradients_of_a_batch_that_is_differentiated_later() -> None:
    def program(T: Any) -> Any:
        f = sorted_by_numpy(T)
        x = T.tensor(X, requires_grad=True)
        y = T.vmap(lambda a: f(a * 2) * a)(x)
        return y, T.autograd.grad((y * T.tensor(W)).sum(), x)

    agree(program)


def test_tangents() -> None:
    def program(T: Any) -> Any:
        forward = T.autograd.forward_ad

        class Product(T.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any, y: Any, factor: float) -> Any:
                ctx.save_for_forward(x, y)
                ctx.save_for_backward(x, y)
                ctx.factor = factor
                return x * y * factor, x + y

            @staticmethod
            def backward(ctx: Any, grad: Any, other: Any) -> Any:
                x, y = ctx.saved_tensors
                return grad * y * ctx.factor + other, grad * x * ctx.factor + other, None

            @staticmethod
            def jvp(ctx: Any, of_x: Any, of_y: Any, nothing: Any) -> Any:
                assert nothing is None
                x, y = ctx.saved_tensors
                return (of_x * y + x * of_y) * ctx.factor, of_x + of_y

        class Twice(T.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.mark_dirty(x)
                return x.mul_(2)

            @staticmethod
            def jvp(ctx: Any, tangent: Any) -> Any:
                return tangent.mul_(2)

        x, v, w = T.tensor(X), T.tensor(X) * 2, T.tensor(X, requires_grad=True)
        found = []
        with forward.dual_level():
            dual = forward.make_dual(x.clone(), v.clone())
            for pair in ((dual, x), (x, dual), (dual, dual)):
                found += [forward.unpack_dual(y) for y in Product.apply(*pair, 3.0)]
            both = forward.unpack_dual(Product.apply(forward.make_dual(w, v.clone()), w, 2.0)[0]).tangent
            found.append([each.detach() for each in T.autograd.grad(both.sum(), w)])
            found.append(forward.unpack_dual(Twice.apply(dual)))
            found.append(forward.unpack_dual(dual))
        inputs = [T.tensor(X, requires_grad=True), T.tensor(X + 1, requires_grad=True)]
        found.append(T.autograd.gradcheck(lambda x, y: Product.apply(x, y, 3.0), inputs, check_forward_ad=True))
        return found

    agree(program)


def test_complex_numbers() -> None:
    def program(T: Any) -> Any:
        class Product(T.autograd.Function):
            @staticmethod
            def forward(x: Any, y: Any) -> Any:
                return x * y, (x * x.conj()).real

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                ctx.save_for_backward(*inputs)
                ctx.save_for_forward(*inputs)

            @staticmethod
            def backward(ctx: Any, grad: Any, other: Any) -> Any:
                x, y = ctx.saved_tensors
                return grad * y.conj() + 2 * other * x, grad * x.conj()

            @staticmethod
            def jvp(ctx: Any, of_x: Any, of_y: Any) -> Any:
                x, y = ctx.saved_tensors
                return of_x * y + x * of_y, 2 * (of_x * x.conj()).real

            @staticmethod
            def vmap(info: Any, in_dims: Any, x: Any, y: Any) -> Any:
                assert in_dims == (0, None)
                return Product.apply(x, y.expand(info.batch_size, 2)), (0, 0)

        t, f = T.func, Product.apply
        x, y = T.tensor([[1 + 2j, 3 - 1j], [2j, 1.0]]), T.tensor([1j, 2 + 1j])
        of_one = t.grad(lambda a: f(a, y)[0].abs().sum() + f(a, y)[1].sum())
        of_all = t.grad(lambda x: t.vmap(lambda a: f(a, y))(x)[0].abs().sum())
        plain = t.jvp(lambda a: (a * a).exp(), (y,), (x[0],)), t.vjp(lambda a: a * a * y, y)[1](x[0])
        return t.jvp(f, (x[0], y), (y, x[1])), t.vmap(f, (0, None))(x, y), t.vmap(of_one)(x), of_all(x), plain

    agree(program)


def test_what_is_returned_besides_tensors_and_given_in_structures() -> None:
    def program(T: Any) -> Any:
        class Sort(T.autograd.Function):
            @staticmethod
            def forward(x: Any, options: Any) -> Any:
                return tuple(x.sort(options["dim"]))

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                ctx.mark_non_differentiable(output[1])

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                return grads[0], None

            @staticmethod
            def vmap(info: Any, in_dims: Any, x: Any, options: Any) -> Any:
                assert in_dims == (0, {"dim": None}) and info.randomness == "different"
                return Sort.apply(x, {"dim": options["dim"] + 1}), 0

        return T.vmap(lambda a: Sort.apply(a, {"dim": 0}), randomness="different")(T.tensor(X))

    agree(program)


WRONG = {
    "not a pair": lambda T, f, x: [x],
    "too many axes": lambda T, f, x: (f(x), (0, 0, 0)),
}


@pytest.mark.parametrize("name", ["both", *WRONG])
def test_wrong_rules(name: str) -> None:
    def program(T: Any) -> Any:
        class Wrong(T.autograd.Function):
            generate_vmap_rule = name == "both"

            @staticmethod
            def forward(x: Any) -> Any:
                return x * 2, x * 3

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None: ...

            @staticmethod
            def vmap(info: Any, in_dims: Any, x: Any) -> Any:
                return WRONG[name](T, Wrong.apply, x)

        return T.vmap(Wrong.apply)(T.tensor(X))

    (kind, message), (expected, other) = error(program, flambeau), error(program, torch)
    assert kind == expected == "RuntimeError" and message[:60] == other[:60]


def test_writing_to_what_is_differentiated() -> None:
    def program(T: Any) -> Any:
        forward, found = T.autograd.forward_ad, []

        def changed(x: Any) -> Any:
            x.mul_(2)
            x[0] = 5
            return x.sin()

        for transform in (T.func.jvp, lambda f, x, v: T.func.jacfwd(f)(*x)):
            x = T.tensor(X[0])
            found += [transform(changed, (x,), (T.tensor(W),)), x]
        x = T.tensor(X)
        with forward.dual_level():
            dual = forward.make_dual(x, T.ones(2, 3, dtype=T.float64))
            dual.mul_(3)
            dual[0].add_(dual[1])
            found += [forward.unpack_dual(dual), forward.unpack_dual(dual[1]), x]
        return found

    agree(program)
    for write in ("x.mul_(2)", "x[0].zero_()", "x.__setitem__(0, 1)"):
        for transform in ("grad(f)(x)", "jacrev(f)(x)", "vjp(f, x)"):

            def refused(T: Any, write: str = write, transform: str = transform) -> Any:
                def f(x: Any) -> Any:
                    eval(write, {"x": x})
                    return x.sum()

                return eval(f"T.func.{transform}", {"T": T, "f": f, "x": T.tensor(X)})

            assert error(refused, flambeau) == error(refused, torch)
