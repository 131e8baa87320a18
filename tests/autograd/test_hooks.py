"""Hooks on tensors, on nodes of the history, on what leaves accumulate and on what operations save, as in PyTorch."""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import Any

import pytest
import torch
from oracle import agree, error, leaf

import flambeau

# --- tensors --------------------------------------------------------------------------------------------------------------


def test_tensor_hooks_see_and_replace_gradients() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []
        x = leaf(T, 1.0, 2.0)
        h = x * 2
        h.register_hook(lambda g: seen.append(("first", g)))
        h.register_hook(lambda g: g * 10)
        h.register_hook(lambda g: seen.append(("third", g)))
        x.register_hook(lambda g: seen.append(("leaf", g)) or g + 1)
        (h * h + h).sum().backward()
        return seen, x.grad

    agree(program)


def test_hooks_see_the_sum_over_uses() -> None:
    def program(T: Any) -> Any:
        calls: list[Any] = []
        x = leaf(T, 1.0, 2.0)
        x.register_hook(lambda g: calls.append(g))
        h = x.exp()
        h.register_hook(lambda g: calls.append(g))
        (h * x + h + x).sum().backward()
        return calls, x.grad

    agree(program)


def test_removing_hooks() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        h = x * 2
        handles = [h.register_hook(lambda g: g * 3), x.register_hook(lambda g: g * 5)]
        with x.register_hook(lambda g: g * 7):
            h.sum().backward(retain_graph=True)
        first = x.grad.clone()
        for handle in handles:
            handle.remove()
            handle.remove()
        h.sum().backward()
        return first, x.grad

    agree(program)


def test_hooks_of_views_and_of_several_outputs() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []
        x = leaf(T, 3.0, 1.0, 2.0, 5.0)
        parts = x.chunk(2)
        parts[1].register_hook(lambda g: seen.append(g) or g * 10)
        view = x[1:3]
        view.register_hook(lambda g: seen.append(g) or g * 100)
        values, places = x.sort()
        values.register_hook(lambda g: seen.append(g))
        (parts[0].sum() + (parts[1] * 2).sum() + view.sum() + (values * T.arange(4)).sum()).backward()
        return sorted([s.tolist() for s in seen]), x.grad

    agree(program)


def test_hooks_and_captured_gradients() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        h = x * 3
        h.register_hook(lambda g: g * 10)
        x.register_hook(lambda g: g + 1)
        found = T.autograd.grad((h * h).sum(), x, retain_graph=True)
        only = T.autograd.grad((h * h).sum(), h, retain_graph=True)
        (h * h).sum().backward(inputs=[x])
        return found, only, x.grad

    agree(program)


def test_hooks_and_gradients_of_gradients() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        h = x * x
        h.register_hook(lambda g: g * h)
        (first,) = T.autograd.grad(h.sum(), x, create_graph=True)
        (second,) = T.autograd.grad(first.sum(), x)
        return first, second

    agree(program)


def test_a_hook_set_before_and_after_writing_in_place() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []
        x = leaf(T, 1.0, 2.0)
        h = x * 2
        h.register_hook(lambda g: seen.append(("before", g)))
        h.mul_(5)
        h.register_hook(lambda g: seen.append(("after", g)))
        h.sum().backward()
        return seen, x.grad

    agree(program)


REFUSED_RESULTS = {
    "no tensor": lambda T: lambda g: 3,
    "another shape": lambda T: lambda g: g[:1],
    "another dtype": lambda T: lambda g: g.float(),
}


@pytest.mark.parametrize("name", REFUSED_RESULTS)
@pytest.mark.parametrize("of_leaf", [True, False])
def test_refused_results_of_hooks(name: str, of_leaf: bool) -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        h = x * 2
        (x if of_leaf else h).register_hook(REFUSED_RESULTS[name](T))
        return error(lambda: h.sum().backward())[0]

    agree(program)


def test_where_hooks_may_be_registered() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0)
        return [
            error(lambda: T.ones(1).register_hook(print)),
            error(lambda: T.ones(1).register_post_accumulate_grad_hook(print)),
            error(lambda: (x * 2).register_post_accumulate_grad_hook(print)),
            error(lambda: T.ones(1).retain_grad()),
        ]

    agree(program)


def test_errors_in_hooks_come_through() -> None:
    def program(T: Any) -> Any:
        def failing(grad: Any) -> Any:
            raise KeyError("mine")

        x = leaf(T, 1.0)
        h = x * 2
        h.register_hook(failing)
        first = error(lambda: h.sum().backward())
        (x * 3).sum().backward()
        return first, x.grad

    agree(program)


# --- retained gradients -----------------------------------------------------------------------------------------------------


def test_retained_gradients() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        h = x * 2
        h.retain_grad()
        h.retain_grad()
        h.register_hook(lambda g: g * 10)
        k = h + 1
        k.retain_grad()
        x.retain_grad()
        (k * k).sum().backward(retain_graph=True)
        first = h.grad.clone()
        (k * k).sum().backward()
        return first, h.grad, k.grad, x.grad, h.retains_grad, x.retains_grad, (x * 2).retains_grad, h.grad.requires_grad

    agree(program)


def test_retained_gradients_follow_what_is_written_in_place() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0, 3.0)
        h = x * 2
        h.retain_grad()
        h.mul_(5)
        h[0] = 7
        h[1:].add_(x[:2])
        (h * h).sum().backward()
        return h.grad, x.grad

    agree(program)


def test_grad_of_a_result_warns() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0)
        h = x * 2
        retaining = x * 2
        retaining.retain_grad()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            seen = h.grad, retaining.grad, x.grad, h.detach().grad
        return seen, [(each.category.__name__, str(each.message)[:80], each.filename == __file__) for each in caught]

    agree(program)


# --- leaves -----------------------------------------------------------------------------------------------------------------


def test_post_accumulate_hooks() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []
        x, w = leaf(T, 1.0, 2.0), leaf(T, 3.0)

        def step(tensor: Any) -> None:
            seen.append((tensor is x, tensor.grad.clone()))
            with T.no_grad():
                tensor -= 0.1 * tensor.grad
            tensor.grad = None

        handle = x.register_post_accumulate_grad_hook(step)
        w.register_post_accumulate_grad_hook(lambda t: seen.append(("w", t.grad.clone())))
        (x * x * w).sum().backward()
        (x * w).sum().backward()
        handle.remove()
        (x * w).sum().backward()
        T.autograd.grad((x * w).sum(), x)
        return seen, x, x.grad, w.grad

    agree(program)


def test_a_leafs_hooks_run_as_soon_as_its_gradient_is_there() -> None:
    def program(T: Any) -> Any:
        order: list[str] = []
        early, late = leaf(T, 1.0), leaf(T, 2.0)
        early.register_post_accumulate_grad_hook(lambda t: order.append("early"))
        late.register_post_accumulate_grad_hook(lambda t: order.append("late"))
        h = early * 2
        h.register_hook(lambda g: order.append("h"))
        (h * late).sum().backward()
        return order

    agree(program)


# --- nodes ------------------------------------------------------------------------------------------------------------------


def test_node_hooks() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []
        x, w = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0)
        h = x * w
        node = h.grad_fn
        node.register_prehook(lambda grads: seen.append(("pre", grads)) or (grads[0] * 2,))
        node.register_prehook(lambda grads: seen.append(("pre again", grads)))
        node.register_hook(lambda grads, outputs: seen.append(("post", grads, outputs)) or (grads[0] * 10, None))
        removed = node.register_hook(lambda grads, outputs: seen.append("never"))
        removed.remove()
        h.register_hook(lambda g: seen.append(("tensor", g)))
        h.sum().backward()
        return seen, x.grad, w.grad

    agree(program)


def test_hooks_of_accumulating_nodes() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []
        x = leaf(T, 1.0, 2.0)
        y = x * 3
        node = y.grad_fn.next_functions[0][0]
        node.register_prehook(lambda grads: seen.append(("pre", grads)))
        handle = node.register_hook(lambda *_: seen.append(("post", x.grad.clone())))
        y.sum().backward()
        handle.remove()
        (x * 5).sum().backward()
        return node.name(), node.variable is x, seen, x.grad

    agree(program)


def test_several_gradients_at_once() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []
        x, w, unused = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0), leaf(T, 5.0)
        h = x * w
        several = T.autograd.graph.register_multi_grad_hook
        handle = several([h, x, unused], lambda grads: seen.append(list(grads)))
        several([x, h], lambda grad: seen.append(grad), mode="any")
        (h * h).sum().backward(retain_graph=True)
        h.sum().backward(inputs=[w], retain_graph=True)
        handle.remove()
        h.sum().backward()
        return seen, error(lambda: several([x], print, mode="some"))

    agree(program)


def test_callbacks_at_the_end() -> None:
    def program(T: Any) -> Any:
        engine = T.autograd.Variable._execution_engine
        order: list[str] = []
        x = leaf(T, 1.0)
        h = x * 2
        h.register_hook(lambda g: engine.queue_callback(lambda: order.append(f"end {x.grad.tolist()}")))
        x.register_hook(lambda g: order.append("leaf"))
        h.sum().backward()
        return order, error(lambda: engine.queue_callback(print))

    agree(program)


# --- what is saved ----------------------------------------------------------------------------------------------------------


def test_hooks_on_saved_tensors() -> None:
    def program(T: Any) -> Any:
        packed: list[Any] = []
        opened: list[Any] = []

        def pack(tensor: Any) -> Any:
            packed.append(tensor.detach().clone())
            return tensor.detach().clone() * 2, "mine"

        def unpack(content: Any) -> Any:
            opened.append(content[0].clone())
            assert content[1] == "mine"
            return content[0]

        x, w = leaf(T, 1.0, 2.0), leaf(T, 3.0, 4.0)
        with T.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = x * w
        z = y * w
        z.sum().backward()
        return sorted(p.tolist() for p in packed), sorted(p.tolist() for p in opened), x.grad, w.grad

    agree(program)


def test_nested_hooks_on_saved_tensors() -> None:
    def program(T: Any) -> Any:
        order: list[str] = []
        hooks = T.autograd.graph.saved_tensors_hooks

        def named(name: str) -> Any:
            return hooks(lambda t: order.append(f"pack {name}") or t, lambda t: order.append(f"unpack {name}") or t)

        x = leaf(T, 1.0, 2.0)
        with named("outer"):
            a = x.exp()
            with named("inner"):
                b = a.sin()
            c = b.tanh()
        c.sum().backward()
        return order, x.grad

    agree(program)


def test_packed_leaves_and_results_keep_gradients_of_gradients_right() -> None:
    def program(T: Any) -> Any:
        x, w = leaf(T, 0.1, 0.2), leaf(T, 0.3, 0.4)
        with T.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            y = (x * w).exp() * x
        first = T.autograd.grad(y.sum(), (x, w), create_graph=True)
        second = T.autograd.grad(sum(g.sum() for g in first), (x, w))
        return first, second

    agree(program, 1e-9)


def test_saving_can_be_counted_and_kept_on_disk() -> None:
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> int:
        kept[len(kept)] = tensor.detach().numpy().copy()
        return len(kept) - 1

    x = leaf(flambeau, 1.0, 2.0)
    with flambeau.autograd.graph.saved_tensors_hooks(pack, lambda key: flambeau.from_numpy(kept[key])):
        y = (x.sin() * x).sum()
    assert len(kept) == 3
    y.backward()
    agreed = agree(lambda T: (lambda x: T.autograd.grad((x.sin() * x).sum(), x))(leaf(T, 1.0, 2.0)))
    assert x.grad is not None and x.grad.tolist() == pytest.approx(agreed[0].tolist(), rel=1e-12)


def test_hooks_on_saved_tensors_within_functions_and_modules() -> None:
    def program(T: Any) -> Any:
        count = [0, 0]

        def pack(tensor: Any) -> Any:
            count[0] += 1
            return tensor

        def unpack(tensor: Any) -> Any:
            count[1] += 1
            return tensor

        class Square(T.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx: Any, grad: Any) -> Any:
                return grad * 2 * ctx.saved_tensors[0]

        x = leaf(T, 1.0, 2.0)
        with T.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = Square.apply(x)
        y.sum().backward()
        return count, x.grad

    agree(program)


def test_refused_uses_of_hooks_on_saved_tensors() -> None:
    def program(T: Any) -> Any:
        graph = T.autograd.graph
        x = leaf(T, 1.0, 2.0)
        with graph.saved_tensors_hooks(lambda t: t, lambda t: "text"):
            y = x.exp()
        wrong = error(lambda: y.sum().backward())[0]

        def failing(tensor: Any) -> Any:
            raise KeyError("mine")

        def enter() -> None:
            with graph.saved_tensors_hooks(failing, failing):
                x.exp()

        packing = error(enter)
        with graph.disable_saved_tensors_hooks("not here"):
            disabled = error(enter)
        z = x.exp().sum()
        z.backward()
        return wrong, packing, disabled, x.grad

    agree(program)


def test_save_on_cpu_and_mutation_of_saved_tensors() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        with T.autograd.graph.save_on_cpu():
            y = x.exp() * x
        y.sum().backward()
        w = leaf(T, 1.0, 2.0)
        with T.autograd.graph.allow_mutation_on_saved_tensors():
            h = w * 3
            k = h * h
            h.zero_()
            (k + h).sum().backward()
        return x.grad, w.grad

    agree(program)


# --- lifetimes --------------------------------------------------------------------------------------------------------------


def test_hooks_die_with_what_they_hang_on() -> None:
    class Thing:
        def __call__(self, grad: Any) -> None:
            pass

    gc.collect()
    gc.disable()
    try:
        for register in (
            lambda x, thing: (x * 2).register_hook(thing),
            lambda x, thing: x.register_hook(thing),
            lambda x, thing: x.register_post_accumulate_grad_hook(thing),
            lambda x, thing: (x * 2).grad_fn.register_prehook(thing),
        ):
            thing = Thing()
            reference = weakref.ref(thing)
            x = leaf(flambeau, 1.0)
            register(x, thing)
            del x, thing
            assert reference() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "register",
    [
        lambda T, x, y: y.grad_fn.register_hook(lambda gi, go: gi[0] * 10),
        lambda T, x, y: y.grad_fn.register_hook(lambda gi, go: [*gi]),
        lambda T, x, y: y.grad_fn.register_hook(lambda gi, go: "x"),
        lambda T, x, y: y.grad_fn.register_hook(lambda gi, go: ()),
        lambda T, x, y: y.grad_fn.register_hook(lambda gi, go: gi + gi),
        lambda T, x, y: y.grad_fn.register_hook(lambda gi, go: (1, 2)),
        lambda T, x, y: y.grad_fn.register_prehook(lambda go: go[0]),
        lambda T, x, y: y.grad_fn.register_prehook(lambda go: ()),
        lambda T, x, y: y.grad_fn.register_prehook(lambda go: go + go),
        lambda T, x, y: x.register_post_accumulate_grad_hook(lambda leaf: leaf.grad),
        lambda T, x, y: x.register_post_accumulate_grad_hook(lambda leaf: 1),
    ],
)
def test_what_hooks_must_not_return(register: Any) -> None:
    def refused(T: Any) -> tuple[str, str]:
        x = leaf(T, 1.0, 2.0)
        y = x * 2
        register(T, x, y)
        return error(y.sum().backward)

    assert refused(flambeau) == refused(torch)


def test_hooks_of_nodes_are_told_of_all_inputs() -> None:
    def program(T: Any) -> Any:
        x, seen = leaf(T, 1.0, 2.0), []
        for y in (x * 2, x + 1, x - x.detach()):
            y.grad_fn.register_hook(lambda gi, go: seen.append([g is None for g in gi]) or (gi[0] * 10, *gi[1:]))
            y.sum().backward()
        return seen, x.grad

    agree(program)
