"""``backward`` and ``grad``: what they return, add up, keep and refuse, as in PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from oracle import agree, error, evaluated, leaf

import flambeau


def test_gradients_add_up_over_uses_and_over_calls() -> None:
    def program(T: Any) -> Any:
        x, w = leaf(T, 1.0, 2.0, 3.0), leaf(T, 0.5)
        (x * w + x.exp() + x).sum().backward()
        first = x.grad.clone(), w.grad.clone()
        held = x.grad
        (x * x).sum().backward()
        return first, x.grad, w.grad, held is x.grad, held

    agree(program)


def test_grad_of_a_leaf_is_its_own_tensor() -> None:
    def program(T: Any) -> Any:
        x, y = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0)
        given = T.ones(2, dtype=T.float64)
        (x + y).backward(given)
        x.grad.mul_(10)
        given.fill_(7)
        return x.grad, y.grad, x.grad.requires_grad, x.grad.is_leaf, x.grad.grad_fn is None

    agree(program)


def test_grad_is_laid_out_and_typed_as_its_leaf() -> None:
    def program(T: Any) -> Any:
        x = T.arange(6.0).reshape(2, 3).t().requires_grad_()
        half = T.ones(3, dtype=T.float16, requires_grad=True)
        (x.double() * half.double()[:2]).sum().backward()
        return x.grad, str(x.grad.dtype), half.grad, str(half.grad.dtype), tuple(x.grad.shape)

    agree(program)


def test_gradient_argument() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        y = x * 3
        y.backward(T.tensor([1.0, -2.0], dtype=T.float64), retain_graph=True)
        y.backward(gradient=T.tensor([1, 1]), retain_graph=True)
        y[0].backward()
        z = (x * 2)[:1]
        z.backward()
        return x.grad

    agree(program)


def test_several_tensors_at_once() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        y, z = (x * x).sum(), x * 5
        T.autograd.backward([y, z], [None, T.tensor([1.0, 2.0], dtype=T.float64)])
        total = x.grad.clone()
        grads = T.autograd.grad((x.sum(), (x**3).sum()), (x,))
        same = x.sin().sum()
        (twice,) = T.autograd.grad([same, same], [x])
        return total, grads, twice

    agree(program)


def test_grad_leaves_grad_alone() -> None:
    def program(T: Any) -> Any:
        x, w = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0)
        h = x * w
        found = T.autograd.grad((h * h).sum(), [h, x, w])
        itself = T.autograd.grad(x.sum(), x), T.autograd.grad(h, h, T.ones(2, dtype=T.float64))
        return found, itself, x.grad, w.grad, isinstance(found, tuple), found[0].requires_grad

    agree(program)


def test_inputs_of_backward() -> None:
    def program(T: Any) -> Any:
        x, w = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0)
        h = x * w
        h.sum().backward(inputs=[x], retain_graph=True)
        first = x.grad.clone(), w.grad
        h.sum().backward(inputs=w)
        h = x * w
        h.retain_grad()
        (h * h).sum().backward(inputs=[h, x])
        return first, x.grad, w.grad, h.grad

    agree(program)


def test_inputs_that_are_no_leaves_retain_their_gradient() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        h = x * x
        (h * h).sum().backward(inputs=[h, h], retain_graph=True)
        first = h.grad.clone()
        h.sum().backward()
        return first, h.grad, h.retains_grad, x.grad

    agree(program)


def test_retain_graph() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        y = (x * x).sum()
        y.backward(retain_graph=True)
        y.backward()
        linear = (x + 1).sum()
        linear.backward()
        linear.backward()
        shared = x.exp()
        shared.sum().backward()
        return (
            x.grad,
            error(lambda: y.backward()),
            error(lambda: T.autograd.grad(y, x)),
            error(lambda: (shared * 2).sum().backward()),
        )

    agree(program)


def test_create_graph_keeps_the_graph() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        y = (x**3).sum()
        (g,) = T.autograd.grad(y, x, create_graph=True)
        (again,) = T.autograd.grad(y, x)
        return g, again, g.requires_grad, again.requires_grad, error(lambda: T.autograd.grad(y, x))

    agree(program)


def test_third_and_fourth_derivatives() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 0.3, -1.2, 2.0)
        value = x.sin() * x**4 + x.tanh()
        found = [value]
        for _ in range(4):
            (value,) = T.autograd.grad(value.sum(), x, create_graph=True)
            found.append(value)
        return found

    agree(program, 1e-9)


def test_backward_through_a_penalty_on_gradients() -> None:
    def program(T: Any) -> Any:
        x = T.linspace(-1, 1, 12, dtype=T.float64).reshape(3, 4).requires_grad_()
        w = T.linspace(0.1, 2, 8, dtype=T.float64).reshape(4, 2).requires_grad_()
        out = (x @ w).tanh()
        (g,) = T.autograd.grad(out.sum(), x, create_graph=True)
        ((g.norm(dim=1) - 1) ** 2).mean().backward()
        return g, w.grad, x.grad

    agree(program, 1e-9)


def test_backward_with_create_graph_makes_a_differentiable_grad() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        (x**3).sum().backward(create_graph=True)
        tracked = x.grad.requires_grad
        (second,) = T.autograd.grad(x.grad.sum(), x)
        (x**2).sum().backward(create_graph=True)
        return tracked, second, x.grad, x.grad.requires_grad

    agree(program)


def test_backward_within_no_grad() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        y = (x * x).sum()
        with T.no_grad():
            (g,) = T.autograd.grad(y, x, create_graph=True)
            enabled = T.is_grad_enabled()
        return g, g.requires_grad, enabled

    agree(program)


@pytest.mark.parametrize("allow", [None, True, False])
@pytest.mark.parametrize("materialize", [True, False])
def test_unused_inputs(allow: bool | None, materialize: bool) -> None:
    def program(T: Any) -> Any:
        x, unused = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0, 5.0)
        try:
            return T.autograd.grad((x * x).sum(), [x, unused], allow_unused=allow, materialize_grads=materialize)
        except (RuntimeError, ValueError) as raised:
            return type(raised).__name__, str(raised)

    agree(program)


def test_batches_of_gradients() -> None:
    def program(T: Any) -> Any:
        x, unused = leaf(T, 1.0, 2.0, 3.0), leaf(T, 1.0)
        y = x * x
        vectors = T.eye(3, dtype=T.float64)
        (rows,) = T.autograd.grad(y, x, vectors, is_grads_batched=True, retain_graph=True)
        pair = T.autograd.grad(y, [x, unused], vectors[:2], is_grads_batched=True, allow_unused=True)
        return rows, pair

    agree(program)


def test_gradient_edges_as_inputs_and_outputs() -> None:
    def program(T: Any) -> Any:
        edge_of = T.autograd.graph.get_gradient_edge
        x = leaf(T, 1.0, 2.0)
        h = x.exp()
        y = (h * h).sum()
        edge = edge_of(h)
        found = T.autograd.grad(y, [edge, edge_of(x)], retain_graph=True)
        T.autograd.backward(y, inputs=[x], retain_graph=True)
        from_edge = T.autograd.grad(edge_of(y), x, T.ones((), dtype=T.float64))
        return found, x.grad, from_edge, edge.output_nr, edge.node is h.grad_fn

    agree(program)


REFUSED = [
    "T.ones(()).backward()", "T.autograd.backward([x.sum(), T.ones(())])", "(x * 2).backward()", "(x * 2)[:0].backward()",
    "(x * 2).backward(T.ones(3))", "(x * 2).backward([1.0])", "x.sum().backward(1.0)", "x.sum().backward(inputs=[])",
    "T.autograd.grad(x.sum(), [])", "T.autograd.grad(x.sum(), T.ones(2))", "x.sum().backward(inputs=[T.ones(2)])",
    "T.autograd.grad(T.ones(()), x)", "T.autograd.grad(x * 2, x)", "T.autograd.grad(x * 2, x, T.ones(3))",
    "T.autograd.grad((x * 2).sum(), leaf(T, 1.0))", "T.ones(2, dtype=T.int64, requires_grad=True)",
    "T.ones(2, dtype=T.int64).requires_grad_()", "(x * 2).requires_grad_(False)", 'setattr(x * 2, "requires_grad", False)',
    'setattr(x, "grad", 3)', 'setattr(x, "grad", x)', 'setattr(x, "grad", T.ones(3, dtype=T.float64))', "x.numpy()",
    "(x * 2).numpy()", "T.autograd.graph.get_gradient_edge(T.ones(2))",
]  # fmt: skip


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: str) -> None:
    agree(lambda T: error(lambda: evaluated(T, call, x=leaf(T, 1.0, 2.0), leaf=leaf)))


def test_other_numbers_of_gradients_than_tensors_are_refused() -> None:
    x = leaf(flambeau, 1.0, 2.0)
    ones = flambeau.ones(2)
    with pytest.raises(RuntimeError, match="got 1 tensors and 2 gradients"):
        flambeau.autograd.backward([x.sum()], [None, None])
    with pytest.raises(RuntimeError, match="got 1 tensors and 2 gradients"):
        flambeau.autograd.grad(x * 2, x, [ones, ones])
    with pytest.raises(RuntimeError, match=r"grad_output\[1\] has a shape of torch.Size\(\[1\]\)"):
        flambeau.autograd.backward([x, x * 2], [ones, ones[:1]])


def test_grads_of_another_dtype_and_copies_of_results_are_refused() -> None:
    x = leaf(flambeau, 1.0, 2.0)
    with pytest.raises(RuntimeError, match="with dtype .* to a tensor with grad_dtype"):
        x.grad = flambeau.ones(2)
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(x * 2)


def test_assigned_grads() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        mine = T.tensor([5.0, 6.0], dtype=T.float64)
        x.grad = mine
        (x * x).sum().backward()
        kept = x.grad is mine
        x.grad = None
        (x * 3).sum().backward()
        after = x.grad.clone()
        del x.grad
        return kept, mine, after, x.grad

    agree(program)


def test_broadcasting_and_promotion_are_undone() -> None:
    def program(T: Any) -> Any:
        x = T.ones(3, 1, dtype=T.float32, requires_grad=True)
        y = T.ones(2, 1, 4, dtype=T.float64, requires_grad=True)
        z = T.tensor(2.0, requires_grad=True)
        out = x * y + z
        (out * T.arange(24.0, dtype=T.float64).reshape(2, 3, 4)).sum().backward()
        return [[t.grad, str(t.grad.dtype), tuple(t.grad.shape)] for t in (x, y, z)], str(out.dtype)

    agree(program)


def test_non_floats_have_no_gradient() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.5, -2.5)
        written = T.zeros(2, dtype=T.int64)
        written.copy_(x)
        outputs = x > 0, x.long(), x.argmax(), x.int() * 2, x.sort().indices, x.floor().to(T.uint8), written
        (x.sort().values * T.tensor([1.0, 2.0])).sum().backward()
        return [o.requires_grad for o in outputs], [o.is_leaf for o in outputs], x.grad

    agree(program)


def test_a_long_chain_needs_no_recursion() -> None:
    x = leaf(flambeau, 1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.sum().backward()
    assert y.item() == 20_001.0
    assert x.grad is not None and x.grad.item() == 1.0
    del y


def test_a_wide_fan_adds_up_in_order() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 0.1, 0.2)
        parts = [x * k for k in range(1, 200)]
        T.stack(parts).sum().backward()
        return x.grad

    agree(program, 1e-12)


def test_the_same_line_after_an_error_in_backward() -> None:
    class Failing(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            raise ZeroDivisionError("mine")

    x = leaf(flambeau, 1.0, 2.0)
    with pytest.raises(ZeroDivisionError, match="mine"):
        Failing.apply(x).sum().backward()
    assert flambeau.is_grad_enabled()
    assert x.grad is None
    (x * x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0]


def test_gradients_of_values_on_the_way_lie_in_logical_order() -> None:
    """Those that are kept, by ``retain_grad`` or as ``inputs``, whatever the gradient that comes lies like."""

    def kept(library: Any) -> list[Any]:
        x = library.ones(3, 4, requires_grad=True)
        middle, given = x * 2, library.arange(12.0).reshape(4, 3).t()
        y = (middle * 3).t().t() + 1
        y.retain_grad()
        y.backward(given, inputs=[middle], retain_graph=True)
        first = middle.grad
        y.backward(given)
        return [(value.stride(), value.tolist()) for value in (first, middle.grad, y.grad)]

    assert kept(flambeau) == kept(torch)


def test_explicit_strides_of_a_leaf_that_is_a_view():
    """Its gradient goes to the leaf, not to what that is a view of."""
    found = []
    for library in (flambeau, torch):
        leaf = library.arange(4.0).reshape(2, 2).requires_grad_()
        (leaf.as_strided((2, 2), (1, 1)) ** 2).sum().backward()
        found.append(leaf.grad.tolist())
    assert found[0] == found[1]
