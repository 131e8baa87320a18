"""gradcheck, and derivatives of functions as functions (Jacobians, Hessians, products), as in PyTorch."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import agree, error, leaf

import flambeau


def point(T: Any) -> tuple[Any, Any]:
    x = T.linspace(-1.3, 2.0, 6, dtype=T.float64).reshape(2, 3).clone().requires_grad_()
    return x, T.tensor([0.7, -0.4, 1.1], dtype=T.float64, requires_grad=True)


# --- gradcheck --------------------------------------------------------------------------------------------------------------

RIGHT = {
    "one output": lambda T, x, w: (x * w).tanh(),
    "several outputs": lambda T, x, w: (x.exp(), (x * w).sum()),
    "an output without grad": lambda T, x, w: (x.sin() * w, x.detach() * 0),
    "a view": lambda T, x, w: x.t()[1:],
    "linear": lambda T, x, w: x * 3,
    "unused input": lambda T, x, w: w.exp(),
    "writing in place": lambda T, x, w: (x * 1).mul_(w).exp_(),
    "writing through a view": lambda T, x, w: (lambda h: (h[0].mul_(w), h)[1])(x * 2),
    "numbers and keywords": lambda T, x, w: T.addcmul(x, x, w, value=0.5),
    "constant": lambda T, x, w: T.ones(2, dtype=T.float64),
}


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients(name: str, fast: bool) -> None:
    def program(T: Any) -> Any:
        check = T.autograd.gradcheck(lambda x, w: RIGHT[name](T, x, w), point(T), fast_mode=fast)
        if name == "constant":
            return check
        return check, T.autograd.gradgradcheck(lambda x, w: RIGHT[name](T, x, w), point(T), fast_mode=fast)

    assert agree(program) in (True, (True, True))


def wrong(T: Any, backward: Any) -> Any:
    body = {"forward": staticmethod(lambda ctx, x: x * 2), "backward": staticmethod(backward)}
    return type("Wrong", (T.autograd.Function,), body).apply


WRONG = {
    "factor": lambda ctx, g: g * 3,
    "sign": lambda ctx, g: -g * 2,
    "zero": lambda ctx, g: g * 0,
    "none": lambda ctx, g: None,
    "not multiplied": lambda ctx, g: g * 2 + 1,
}


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients(name: str, fast: bool) -> None:
    def program(T: Any) -> Any:
        function = wrong(T, WRONG[name])
        raised = error(lambda: T.autograd.gradcheck(function, point(T)[0], fast_mode=fast))
        quiet = T.autograd.gradcheck(function, point(T)[0], fast_mode=fast, raise_exception=False)
        return raised[0], raised[1][:60], quiet

    agree(program)


def test_wrong_second_gradients() -> None:
    def program(T: Any) -> Any:
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x.detach() ** 2

        body = {
            "forward": staticmethod(lambda ctx, x: (ctx.save_for_backward(x), x**3)[1]),
            "backward": staticmethod(backward),
        }
        cube = type("Cube", (T.autograd.Function,), body).apply
        x, _ = point(T)
        return T.autograd.gradcheck(cube, x), error(lambda: T.autograd.gradgradcheck(cube, x))[0]

    agree(program)


def test_backward_that_differs_from_call_to_call() -> None:
    def program(T: Any) -> Any:
        count = [0]

        def backward(ctx: Any, g: Any) -> Any:
            count[0] += 1
            return g * (2 + 1e-9 * count[0])

        function = wrong(T, backward)
        strict = error(lambda: T.autograd.gradcheck(function, point(T)[0]))
        return strict[0], strict[1][:60], T.autograd.gradcheck(function, point(T)[0], nondet_tol=1e-6)

    agree(program)


def test_what_gradcheck_refuses() -> None:
    def program(T: Any) -> Any:
        check = T.autograd.gradcheck
        x, _ = point(T)
        expanded = leaf(T, 1.0).expand(3)
        return [
            error(lambda: check(T.exp, x.detach()))[0],
            error(lambda: check(T.exp, expanded))[0],
            error(lambda: check(lambda x: (_ for _ in ()).throw(KeyError("mine")), x)),
            check(lambda x, n, text: x * n, (x, 2, "text")),
        ]

    agree(program)


def test_gradcheck_warns_of_single_precision() -> None:
    with pytest.warns(UserWarning, match="not a double precision"):
        flambeau.autograd.gradcheck(flambeau.sin, flambeau.ones(2, requires_grad=True), raise_exception=False)


def test_batches_and_given_grad_outputs() -> None:
    def program(T: Any) -> Any:
        x, w = point(T)
        function = lambda x, w: (x * w).sin()  # noqa: E731
        weights = T.linspace(0, 1, 6, dtype=T.float64).reshape(2, 3).clone().requires_grad_()
        return [
            T.autograd.gradcheck(function, (x, w), check_batched_grad=True),
            T.autograd.gradgradcheck(function, (x, w), weights),
            T.autograd.gradgradcheck(function, (x, w), [weights], gen_non_contig_grad_outputs=True),
            T.autograd.gradcheck(function, (x, w), atol=1e-3, rtol=1e-2, eps=1e-4, check_undefined_grad=False),
        ]

    agree(program)


# --- derivatives as functions -----------------------------------------------------------------------------------------------

FUNCTIONS = {
    "tensor of tensor": lambda x: x.exp(),
    "number of tensor": lambda x: (x**3).sum(),
    "tensor of tensors": lambda x, w: (x * w).sin().sum(1),
    "tensors of tensors": lambda x, w: (x.exp() @ w, (w * w).sum(), w * 2),
    "number of tensors": lambda x, w: (x * w).tanh().sum() * w.prod(),
    "without dependence": lambda x, w: (x * x).sum(),
}


def inputs_of(T: Any, name: str) -> Any:
    x, w = point(T)
    return (x, w) if name.endswith("tensors") or name == "without dependence" else x


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian(name: str, create_graph: bool) -> None:
    def program(T: Any) -> Any:
        result = T.autograd.functional.jacobian(FUNCTIONS[name], inputs_of(T, name), create_graph=create_graph)
        return result, str(result).count("requires_grad") + str(result).count("grad_fn") > 0

    agree(program, 1e-9)


@pytest.mark.parametrize("name", ["number of tensor", "number of tensors", "without dependence"])
def test_hessian(name: str) -> None:
    def program(T: Any) -> Any:
        functional = T.autograd.functional
        inputs = inputs_of(T, name)
        return functional.hessian(FUNCTIONS[name], inputs), functional.hessian(FUNCTIONS[name], inputs, vectorize=True)

    agree(program, 1e-9)


def like(T: Any, values: Any) -> Any:
    """A vector for products: tensors of the given ones' shapes."""
    if isinstance(values, tuple):
        return tuple(like(T, value) for value in values)
    return (T.arange(values.numel(), dtype=T.float64) * 0.3 - 0.5).reshape(values.shape)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_products_with_vectors(name: str, create_graph: bool) -> None:
    def program(T: Any) -> Any:
        functional, function, inputs = T.autograd.functional, FUNCTIONS[name], inputs_of(T, name)
        outputs = function(*inputs) if isinstance(inputs, tuple) else function(inputs)
        found = [
            functional.vjp(function, inputs, like(T, outputs), create_graph=create_graph),
            functional.jvp(function, inputs, like(T, inputs), create_graph=create_graph),
        ]
        if name.startswith("number") or name == "without dependence":
            found.append(functional.vjp(function, inputs))
            found.append(functional.vhp(function, inputs, like(T, inputs), create_graph=create_graph))
            found.append(functional.hvp(function, inputs, like(T, inputs), create_graph=create_graph))
        return found

    agree(program, 1e-9)


def test_results_of_create_graph_can_be_differentiated() -> None:
    def program(T: Any) -> Any:
        functional = T.autograd.functional
        x, w = point(T)
        total = functional.jacobian(lambda x: (x * w).sin(), x, create_graph=True).sum()
        total = total + functional.hessian(lambda x: (x**3).sum() * w.sum(), x, create_graph=True).sum()
        total = total + functional.vjp(lambda x: (x * x).sum(), x, create_graph=True)[1].sum()
        total = total + functional.jvp(lambda x: (x * w).exp(), x, like(T, x), create_graph=True)[1].sum()
        return T.autograd.grad(total, (x, w))

    agree(program, 1e-9)


FUNCTIONAL_REFUSED = {
    "vjp without v": lambda F, T, x: F.vjp(lambda x: x * 2, x),
    "vjp of another size": lambda F, T, x: F.vjp(lambda x: x * 2, x, T.ones(2)),
    "vjp with too many": lambda F, T, x: F.vjp(lambda x: x * 2, x, (T.ones(2, 3), T.ones(2))),
    "jvp without v": lambda F, T, x: F.jvp(lambda x: x * 2, x),
    "output no tensor": lambda F, T, x: F.jacobian(lambda x: 3, x),
    "outputs no tensors": lambda F, T, x: F.jacobian(lambda x: (x, 3), x),
    "input no tensor": lambda F, T, x: F.jacobian(lambda x: x, 3.0),
    "inputs in a list": lambda F, T, x: F.jacobian(lambda x: x, [x]),
    "hessian of several": lambda F, T, x: F.hessian(lambda x: x * 2, x),
    "hessian of a tuple": lambda F, T, x: F.hessian(lambda x: (x.sum(), x.sum()), x),
    "hvp of another size": lambda F, T, x: F.hvp(lambda x: (x**2).sum(), x, T.ones(3)),
    "strict, independent": lambda F, T, x: F.jacobian(lambda x: T.ones(2, requires_grad=True) * 1, x, strict=True),
    "strict, without grad": lambda F, T, x: F.jacobian(lambda x: T.ones(2), x, strict=True),
    "strict, linear": lambda F, T, x: F.hessian(lambda x: x.sum(), x, strict=True),
    "strict vjp": lambda F, T, x: F.vjp(lambda x: T.ones(()), x, strict=True),
    "strategy": lambda F, T, x: F.jacobian(lambda x: x, x, strategy="sideways"),
}


@pytest.mark.parametrize("name", FUNCTIONAL_REFUSED)
def test_what_derivatives_refuse(name: str) -> None:
    def program(T: Any) -> Any:
        return error(lambda: FUNCTIONAL_REFUSED[name](T.autograd.functional, T, point(T)[0]))

    agree_without_library_names(program)


def agree_without_library_names(program: Any) -> None:
    """Types are printed with their module, which differs."""
    agree(lambda T: tuple(part.replace(f"class '{T.__name__}.", "class '") for part in program(T)))
