"""Functions with gradients of the user's own, as PyTorch runs them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from oracle import agree, error, leaf

import flambeau


def made(library: Any, forward: Any, backward: Any, name: str = "Made", **more: Any) -> Any:
    """A subclass of ``Function`` of these static methods."""
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    body.update({key: staticmethod(value) for key, value in more.items()})
    return type(name, (library.autograd.Function,), body)


def test_attributes_and_arguments_that_are_no_tensors() -> None:
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any, power: int, options: dict, y: Any = None) -> Any:
            ctx.power, ctx.shape, ctx.dtype, ctx.context = power, x.shape, "mine", options
            ctx.save_for_backward(x)
            return x**power + options["add"]

        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            assert ctx.shape == grad.shape and ctx.dtype == "mine" and ctx.context == {"add": 2.0}
            return grad * ctx.power * x ** (ctx.power - 1), None, None, None, None

        x = leaf(T, 1.0, 2.0, 3.0)
        y = made(T, forward, backward, "Power").apply(x, 3, {"add": 2.0})
        y.sum().backward()
        return y, x.grad, y.grad_fn.name(), type(y.grad_fn).__name__, y.requires_grad, y.grad_fn.needs_input_grad

    agree(program)


def test_setup_context_and_default_arguments() -> None:
    def program(T: Any) -> Any:
        class Scale(T.autograd.Function):
            @staticmethod
            def forward(x: Any, factor: float = 2.0) -> Any:
                return x * factor

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                x, ctx.factor = inputs
                ctx.save_for_backward(x, output)

            @staticmethod
            def vjp(ctx: Any, grad: Any) -> Any:
                x, y = ctx.saved_tensors
                return grad * ctx.factor + 0 * x * y, None

        x = leaf(T, 1.0, -2.0)
        first = Scale.apply(x)
        second = Scale.apply(x, factor=5.0)
        (first + second).sum().backward()
        return first, second, x.grad

    agree(program)


def test_several_outputs_missing_gradients_and_marks() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []

        def forward(ctx: Any, x: Any, materialize: bool) -> Any:
            ctx.set_materialize_grads(materialize)
            constant, index = x * 7, x.argmax()
            ctx.mark_non_differentiable(constant)
            return x * 2, constant, index, "text", x * 3

        def backward(ctx: Any, *grads: Any) -> Any:
            seen.append([None if g is None else g.tolist() for g in grads])
            return sum(g for g in grads[::4] if g is not None) * 2, None

        F = made(T, forward, backward)
        results = []
        for materialize in (True, False):
            x = leaf(T, 1.0, 5.0, 3.0)
            a, constant, index, text, b = F.apply(x, materialize)
            a.sum().backward()
            results.append([a, constant, index, text, b, x.grad, constant.requires_grad, index.requires_grad])
            results.append([a.requires_grad, b.output_nr, b.grad_fn is a.grad_fn])
        return results, seen

    agree(program)


def test_inputs_that_come_out_again() -> None:
    def program(T: Any) -> Any:
        Same = made(T, lambda ctx, x, y: (x, y, x), lambda ctx, a, b, c: (a * 2 + c * 5, b * 3))
        x, y = leaf(T, 1.0, 2.0), T.tensor([3.0, 4.0], dtype=T.float64)
        a, b, c = Same.apply(x, y)
        (a * 1 + b * 10 + c * 100).sum().backward()
        with T.no_grad():
            d, _, _ = Same.apply(x, y)
        return a, x.grad, a is x, a.requires_grad, b.requires_grad, d.requires_grad, x.is_leaf

    agree(program)


def test_writing_in_place() -> None:
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            x.mul_(y)
            ctx.mark_dirty(x)
            ctx.save_for_backward(x, y)
            return x

        def backward(ctx: Any, grad: Any) -> Any:
            x, y = ctx.saved_tensors
            return grad * y, (grad * x / y).sum()

        Scale = made(T, forward, backward, "Scale")
        x, y = leaf(T, 1.0, 2.0, 3.0), leaf(T, 4.0)[0]
        z = x * 1
        out = Scale.apply(z, y)
        part = (x * 2)[:2]
        whole = part._base
        written = Scale.apply(part, y)
        (out.sum() + whole.sum()).backward()
        return [
            out is z, out, z.grad_fn.name(), x.grad, whole, written is part,
            error(lambda: Scale.apply(leaf(T, 1.0), y)),
            error(lambda: made(T, lambda ctx, x: ctx.mark_dirty(x) or x * 1, lambda ctx, g: g).apply(x * 1)),
        ]  # fmt: skip

    agree(program)


def test_views_returned_by_forward() -> None:
    def program(T: Any) -> Any:
        F = made(T, lambda ctx, x: x.view(3, 1), lambda ctx, g: g.view(3) * 10)
        x = leaf(T, 1.0, 2.0, 3.0)
        y = F.apply(x)
        y.sum().backward()
        return y, x.grad, y.grad_fn.name()

    agree(program)


WRONG = {
    "too few": lambda ctx, g: g,
    "too many": lambda ctx, g: (g, g, g),
    "no tensor": lambda ctx, g: (g, 3.0),
    "shape": lambda ctx, g: (g, g[:2]),
    "smaller": lambda ctx, g: (g.sum(), g),
    "extra nones": lambda ctx, g: (g, g, None, None),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients(name: str) -> None:
    def program(T: Any) -> Any:
        x, y = leaf(T, 1.0, 2.0, 3.0), leaf(T, 1.0, 2.0, 3.0)
        out = made(T, lambda ctx, a, b: a * b, WRONG[name]).apply(x, y)
        if name == "extra nones":
            out.sum().backward()
            return x.grad, y.grad
        return error(lambda: out.sum().backward())

    agree(program)


def test_other_misuse() -> None:
    def program(T: Any) -> Any:
        Function = T.autograd.Function
        x = leaf(T, 1.0, 2.0)
        bare = type("Bare", (Function,), {"forward": staticmethod(lambda ctx, a: a * 2)})
        product = made(T, lambda ctx, a, b: a * b, lambda ctx, g: (g, g))
        saving = made(T, lambda ctx, a: (ctx.save_for_backward(a, 3), a * 2)[1], lambda ctx, g: g)
        return [
            error(lambda: Function()(x)),
            error(lambda: type("Empty", (Function,), {}).apply(x)),
            error(lambda: bare.apply(x).sum().backward()),
            error(lambda: product.apply(x, 2.0).sum().backward()),
            error(lambda: saving.apply(x)),
        ]

    agree(program)


def test_backward_twice() -> None:
    def program(T: Any) -> Any:
        def keeping(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        def noting(ctx: Any, x: Any) -> Any:
            ctx.value = x.detach()
            return x * 2

        x = leaf(T, 1.0, 2.0)
        a = made(T, keeping, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x).sum()
        a.backward(retain_graph=True)
        a.backward()
        b = made(T, noting, lambda ctx, g: g * ctx.value).apply(x).sum()
        b.backward()
        b.backward()
        return x.grad, error(lambda: a.backward())

    agree(program)


def test_gradients_of_gradients_through_saved_inputs_and_outputs() -> None:
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            y = (x * w).exp()
            ctx.save_for_backward(x, w, y)
            return y

        def backward(ctx: Any, grad: Any) -> Any:
            x, w, y = ctx.saved_tensors
            return grad * y * w, grad * y * x

        F = made(T, forward, backward)
        x, w = leaf(T, 0.1, 0.2, -0.3), leaf(T, 0.5, 0.7, 1.1)
        y = F.apply(x * 1, w)
        first = T.autograd.grad((y * y).sum(), (x, w), create_graph=True)
        second = T.autograd.grad(sum((g * g).sum() for g in first), (x, w), create_graph=True)
        third = T.autograd.grad(sum(g.sum() for g in second), (x, w))
        return first, second, third

    agree(program, 1e-9)


def test_gradcheck_of_a_function() -> None:
    class Swish(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x.sigmoid()

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            s = x.sigmoid()
            return grad * (s + x * s * (1 - s))

    x = flambeau.randn(2, 3, dtype=flambeau.float64, requires_grad=True)
    assert flambeau.autograd.gradcheck(Swish.apply, (x,))
    assert flambeau.autograd.gradgradcheck(Swish.apply, (x,))


def test_once_differentiable() -> None:
    def program(T: Any) -> Any:
        from importlib import import_module

        once = import_module(T.__name__ + ".autograd.function").once_differentiable

        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 2 * ctx.saved_tensors[0]

        F = made(T, lambda ctx, x: (ctx.save_for_backward(x), x * x)[1], once(backward))
        x, w = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0)
        F.apply(x).sum().backward()
        (g,) = T.autograd.grad((F.apply(x) * w).sum(), x, create_graph=True)
        return x.grad, g, error(lambda: g.sum().backward())

    agree(program)


def test_straight_through_numpy_and_grad_inside_backward() -> None:
    def program(T: Any) -> Any:
        Round = made(T, lambda ctx, x: x.round(), lambda ctx, g: g, "Round")

        def in_numpy(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return T.from_numpy(np.sin(x.detach().numpy()))

        Sine = made(T, in_numpy, lambda ctx, g: g * ctx.saved_tensors[0].cos())

        def again(ctx: Any, grad: Any) -> Any:
            with T.enable_grad():
                x = ctx.saved_tensors[0].detach().requires_grad_()
                return T.autograd.grad((x**3).sum(), x, grad.sum())[0]

        Nested = made(T, lambda ctx, x: (ctx.save_for_backward(x), x**3)[1], again)
        x = leaf(T, 0.4, 1.6, -2.3)
        y = Nested.apply(Sine.apply(Round.apply(x * 2)))
        y.sum().backward()
        return y, x.grad

    agree(program)


def test_saved_input_keeps_its_identity_and_saved_output_makes_no_cycle() -> None:
    identical = []

    class Keep(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * 2
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, y = ctx.saved_tensors
            identical.append(x is source)
            return grad * 2 + 0 * y

    source = leaf(flambeau, 1.0, 2.0)
    gc.collect()
    gc.disable()
    try:
        y = Keep.apply(source)
        node = weakref.ref(y.grad_fn)
        value = weakref.ref(y._read())
        y.sum().backward()
        del y
        assert source.grad is not None and source.grad.tolist() == [2.0, 2.0]  # what is pending lives until it is run
        assert node() is None and value() is None
        z = Keep.apply(source)
        node = weakref.ref(z.grad_fn)
        del z
        assert node() is None
    finally:
        gc.enable()
    assert identical == [True]


def test_a_saved_tensor_that_is_written_to_afterwards_is_what_it_was() -> None:
    class Square(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 2 * ctx.saved_tensors[0]

    x = leaf(flambeau, 1.0, 2.0)
    h = x * 1
    y = Square.apply(h)
    h.zero_()
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0]
