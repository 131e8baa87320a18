"""What can be seen of the history: ``grad_fn`` and its names, edges and notes, as PyTorch shows them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from oracle import agree, error, evaluated, leaf

import flambeau

#: Operations that have a gradient of their own here too; others are composed of these and show the last one's name.
RESULTS = [
    "x + y", "x + 1", "x - y", "x * y", "x / y", "x / 3", "x**2", "x**y", "-x", "x.abs()", "x.exp()", "x.log()", "x.sqrt()",
    "x.sin()", "x.tanh()", "x.sigmoid()", "x.relu()", "F.gelu(x)", "F.silu(x)", "F.leaky_relu(x)", "F.softplus(x)",
    "x.clamp(0, 1)", "x.clamp(min=0)", "T.maximum(x, y)", "T.where(x > 0, x, y)", "x.sum()", "x.sum(0)", "x.mean()",
    "x.mean(1)", "x.prod()", "x.var()", "x.max()", "x.max(1).values", "x.amax(1)", "x.norm()", "x.cumsum(0)", "x.softmax(1)",
    "x.log_softmax(1)", "x.sort().values", "x.topk(1).values", "x @ y.T", "T.bmm(x[None], y.T[None])", "F.linear(x, y)",
    "F.linear(x, y, y[:, 0])", "x.transpose(0, 1)", "x.t()", "x.permute(1, 0)", "x.view(-1)", "x.reshape(6)",
    "x.unsqueeze(0)", "x[None].squeeze()", "x[None].expand(4, 2, 3)", "x[0]", "x[:, 1:]", "x.diagonal()", "x.chunk(2)[0]",
    "x[T.tensor([0, 1, 1])]", "x[x > 1]", "x.gather(1, T.tensor([[0], [1]]))", "x.clone()", "x.t().contiguous()", "x.float()",
    "T.cat([x, y])", "T.stack([x, y])", "x.flip(0)", "x.roll(1, 0)", "x.repeat(2, 1)", "x.tril()", "F.pad(x, (1, 1))",
    "F.embedding(T.tensor([1, 0]), x)", "F.layer_norm(x, (3,))", "F.conv1d(x[None], y[:, :, None].permute(1, 0, 2))",
    "F.max_pool2d(x[None], 2)", "F.nll_loss(x, T.tensor([0, 1]))", "F.mse_loss(x, y)", "F.smooth_l1_loss(x, y)",
    "F.huber_loss(x, y)", "F.mse_loss(x, y, reduction='none')", "(x * 1).add_(y)", "(x * 1).mul_(y)", "(x * 1).relu_()",
    "(x * 1).copy_(y)",
]  # fmt: skip
#: Parts: what is taken last gives the name, and what takes all of an axis takes nothing.
PARTS = [
    "x[:, 0]", "x[1:, 0]", "x[0, 1:]", "x[0, :]", "x[0, 0:3]", "x[0:2, 0]", "x[..., 0]", "x[0, ...]", "x[..., 1:, 0]",
    "x[0, ..., 1:]", "x[:, T.tensor(1)]", "x[:]", "x[0:2]", "x[...]", "x[:, :]", "x[None]", "x[:, None]", "x[0, None]",
    "x[-1, -1]", "x[::2, 1:2]", "x[True]", "x[1:][0]",
]  # fmt: skip
#: The same of pictures.
OF_PICTURES = [
    "F.relu(x)", "F.leaky_relu(x)", "F.relu6(x)", "F.elu(x)", "F.celu(x)", "F.gelu(x)", "F.silu(x)", "F.softmax(x, 1)",
    "F.log_softmax(x, 1)", "F.layer_norm(x, (4,))", "F.group_norm(x, 3)", "F.batch_norm(x, None, None, training=True)",
    "F.conv2d(x, x.detach())", "F.conv2d(x, x.detach(), T.ones(2))", "F.conv_transpose2d(x, x.detach().transpose(0, 1))",
    "F.max_pool2d(x, 2)", "F.avg_pool2d(x, 2)", "F.adaptive_avg_pool2d(x, 2)", "F.adaptive_avg_pool2d(x, 1)",
    "F.cross_entropy(x, T.zeros(2, 4, 4, dtype=T.int64))", "F.cross_entropy(x[:, :, 0, 0], T.zeros(2, dtype=T.int64))",
]  # fmt: skip


def arguments(T: Any) -> tuple[Any, Any]:
    x = T.arange(1.0, 7.0, dtype=T.float64).reshape(2, 3).requires_grad_()
    return x, T.linspace(0.5, 2.0, 6, dtype=T.float64).reshape(2, 3).requires_grad_()


@pytest.mark.parametrize("expression", RESULTS + PARTS + OF_PICTURES)
def test_names(expression: str) -> None:
    def program(T: Any) -> Any:
        x, y = arguments(T) if expression not in OF_PICTURES else (T.ones(2, 3, 4, 4, requires_grad=True), None)
        result = evaluated(T, expression, x=x, y=y)
        return result.grad_fn.name(), type(result.grad_fn).__name__, result.is_leaf, result.output_nr

    agree(program)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_names_of_recurrent_networks(kind: str) -> None:
    def program(T: Any) -> Any:
        names = []
        for layers, both, first, dtype in [
            (1, False, False, T.float32), (2, False, False, T.float32), (1, True, False, T.float32),
            (1, False, True, T.float32), (2, True, True, T.float32), (1, False, False, T.float64),
        ]:  # fmt: skip
            network = getattr(T.nn, kind)(2, 3, layers, bidirectional=both, batch_first=first, dtype=dtype)
            for shape in [(4, 3, 2), (4, 2)]:
                output, ends = network(T.zeros(shape, dtype=dtype))
                names.append([x.grad_fn.name() for x in (output, *(ends if kind == "LSTM" else (ends,)))])
        return names

    agree(program)


def test_a_new_axis_alone_is_one_step() -> None:
    def program(T: Any) -> Any:
        return history((arguments(T)[0][None] + 0).grad_fn), history((arguments(T)[0][:, None] + 0).grad_fn)

    agree(program)


def history(node: Any) -> Any:
    """The whole of a small history as nested lists; leaves by shape."""
    if node is None:
        return None
    if hasattr(node, "variable"):
        return [type(node).__name__, list(node.variable.shape)]
    return [type(node).__name__, *((history(following), number) for following, number in node.next_functions)]


def test_edges() -> None:
    def program(T: Any) -> Any:
        x, y = arguments(T)
        constant = T.ones(3, dtype=T.float64)
        outcome = ((x * y + constant).relu()[0] - x.sum() * 2).exp().sum()
        return history(outcome.grad_fn), history((constant * x).grad_fn), history((x * 3).grad_fn)

    agree(program)


def test_edges_to_several_outputs() -> None:
    def program(T: Any) -> Any:
        x, _ = arguments(T)
        Two = type("Two", (T.autograd.Function,), {
            "forward": staticmethod(lambda ctx, a: (a * 2, a * 3)), "backward": staticmethod(lambda ctx, g, h: g + h),
        })  # fmt: skip
        one, other = Two.apply(x)
        values, places = x.sort()
        return [
            one.output_nr, other.output_nr, one.grad_fn is other.grad_fn, other.exp().grad_fn.next_functions[0][1],
            values.output_nr, places.grad_fn, places.output_nr, history((one * other).grad_fn),
        ]  # fmt: skip

    agree(program)


def test_leaves_have_no_grad_fn() -> None:
    def program(T: Any) -> Any:
        x, _ = arguments(T)
        plain = T.ones(2)
        return [
            x.grad_fn, plain.grad_fn, (plain * 2).grad_fn, x.detach().grad_fn, x.data.grad_fn,
            [t.is_leaf for t in (x, plain, plain * 2, x * 2, x.detach(), x[0])],
        ]  # fmt: skip

    agree(program)


def test_grad_fn_is_the_same_object_each_time() -> None:
    def program(T: Any) -> Any:
        x, y = arguments(T)
        z = x * y
        node = z.grad_fn
        accumulate = node.next_functions[0][0]
        return [
            node is z.grad_fn,
            (z + 1).grad_fn.next_functions[0][0] is node,
            accumulate.variable is x,
            (x + 1).grad_fn.next_functions[0][0] == accumulate,
            isinstance(node, T.autograd.graph.Node),
            isinstance(accumulate, T.autograd.graph.Node),
            len({node, accumulate, z.grad_fn}),
        ]

    agree(program)


def test_metadata() -> None:
    def program(T: Any) -> Any:
        x, _ = arguments(T)
        z = x.exp()
        z.grad_fn.metadata["where"] = "here"
        return z.grad_fn.metadata, (x * 2).grad_fn.metadata

    agree(program)


def test_a_node_can_be_called() -> None:
    def program(T: Any) -> Any:
        x, y = arguments(T)
        ones = T.ones(2, 3, dtype=T.float64)
        return (x * y).grad_fn(ones), x.exp().grad_fn(ones), x.sum().grad_fn(T.tensor(2.0, dtype=T.float64))

    agree(program)


def test_saved_tensors_of_nodes() -> None:
    def program(T: Any) -> Any:
        x, y = arguments(T)
        product = (x * y).grad_fn
        seen = product._saved_self, product._saved_other, x.exp().grad_fn._saved_result, x.sin().grad_fn._saved_self
        half = (x * T.ones(3)).grad_fn
        z = x.exp().sum()
        node = z.grad_fn.next_functions[0][0]
        z.backward()
        return seen, half._saved_self, half._saved_other, error(lambda: node._saved_result)[0]

    agree(program)


def test_printing() -> None:
    def program(T: Any) -> Any:
        x, y = arguments(T)
        written = x * 1
        written[0] = 1
        return [repr(t) for t in (x, x * y, x[0], written, x.sum(), x.detach())]

    agree(program)


def test_names_after_writing_through_views() -> None:
    def program(T: Any) -> Any:
        x, y = arguments(T)
        base = x * 1
        view = base[0]
        before = view.grad_fn.name()
        view.mul_(2)
        other = base[1]
        base[:, 1] = y[:, 0]
        base.add_(1)
        names = [before, base.grad_fn.name(), view.grad_fn.name(), other.grad_fn.name()]
        other.mul_(x[0])
        return names, base.grad_fn.name(), [type(t.grad_fn).__name__ for t in (base, view, other)]

    agree(program)


def test_histories_are_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x, y = arguments(flambeau)
        z = (x * y).tanh()
        view = z[0]
        view.add_(1)
        nodes = [weakref.ref(z.grad_fn), weakref.ref(view.grad_fn)]
        z.sum().backward()
        del z, view
        assert [node() for node in nodes] == [None, None]
    finally:
        gc.enable()


def test_backward_frees_what_was_saved() -> None:
    x, _ = arguments(flambeau)
    z = x.exp()
    saved = weakref.ref(z._read())
    y = z.tanh().sum()
    del z
    y.backward()
    assert x.grad is not None
    x.grad.tolist()
    assert saved() is None


def test_parts_share_one_node() -> None:
    """All that a tensor is split into has one history, whose gradients come back together, zeros where none came."""

    def program(T: Any) -> list[Any]:  # noqa: N803
        outcomes: list[Any] = []
        for form in ("x.split(2, 1)", "x.split([1, 4], 1)", "x.chunk(3, 1)", "x.unbind(0)", "x.unbind(1)", "x.split(9, 1)"):
            for wanted in (slice(None), slice(1), slice(-1, None), slice(0, None, 2)):
                x = T.arange(15, dtype=T.float64).reshape(3, 5).requires_grad_()
                parts = eval(form, {"x": x})
                names = [(part * 1).grad_fn.next_functions[0][0].name() for part in parts]
                places = [(part * 1).grad_fn.next_functions[0][1] for part in parts]
                total = sum((part**3).sum() for part in parts[wanted])
                (first,) = T.autograd.grad(total, x, create_graph=True)
                (second,) = T.autograd.grad((first**2).sum(), x)
                outcomes += [names, places, first.detach(), second]
        return outcomes

    agree(program)


def test_what_accumulates_is_one_object_as_long_as_somebody_sees_it() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        y, z = x * 2, x.exp()
        accumulate = y.grad_fn.next_functions[0][0]
        assert accumulate is z.grad_fn.next_functions[0][0] and accumulate.variable is x
        assert T.autograd.graph.get_gradient_edge(x).node is accumulate and y.grad_fn.next_functions[0][0] is accumulate
        assert issubclass(type(accumulate), T.autograd.graph.Node) and issubclass(type(y.grad_fn), T.autograd.graph.Node)
        accumulate.metadata["seen"] = 1
        assert y.grad_fn._sequence_nr() < z.grad_fn._sequence_nr()
        return accumulate.metadata, x._is_view(), y[:1]._is_view(), y.detach()._is_view(), (y + 1)._is_view()

    agree(program)
    x = leaf(flambeau, 1.0)
    assert (x * 2).grad_fn.next_functions[0][0].variable is x
    gone = weakref.ref(x)
    del x
    assert gone() is None  # without a cycle


def test_gradients_of_edges() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        edge = T.autograd.graph.get_gradient_edge((x * x).sum())
        found = T.autograd.grad(edge, x, retain_graph=True)
        T.autograd.backward(edge)
        return found, x.grad, error(T.autograd.grad, T.autograd.graph.get_gradient_edge(x * x), x)

    agree(program)


def test_hooks_of_a_tensor_are_seen() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0)
        before = x._backward_hooks
        handle = x.register_hook(lambda grad: grad)
        y = x * 2
        other = y.register_hook(lambda grad: None)
        found = [before, list(x._backward_hooks) == [handle.id], list(y._backward_hooks) == [other.id], (x * 1)._backward_hooks]
        handle.remove()
        return [*found, len(x._backward_hooks)]

    agree(program)
