"""What can be seen of the history: ``grad_fn`` and its names, edges and notes, as PyTorch shows them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from oracle import agree, error

import flambeau

#: Operations that have a gradient of their own here too; others are composed of these and show the last one's name.
RESULTS = {
    "add": lambda T, x, y: x + y,
    "add number": lambda T, x, y: x + 1,
    "sub": lambda T, x, y: x - y,
    "mul": lambda T, x, y: x * y,
    "div": lambda T, x, y: x / y,
    "div by number": lambda T, x, y: x / 3,
    "pow number": lambda T, x, y: x**2,
    "pow tensor": lambda T, x, y: x**y,
    "neg": lambda T, x, y: -x,
    "abs": lambda T, x, y: x.abs(),
    "exp": lambda T, x, y: x.exp(),
    "log": lambda T, x, y: x.log(),
    "sqrt": lambda T, x, y: x.sqrt(),
    "sin": lambda T, x, y: x.sin(),
    "tanh": lambda T, x, y: x.tanh(),
    "sigmoid": lambda T, x, y: x.sigmoid(),
    "relu": lambda T, x, y: x.relu(),
    "gelu": lambda T, x, y: T.nn.functional.gelu(x),
    "silu": lambda T, x, y: T.nn.functional.silu(x),
    "leaky relu": lambda T, x, y: T.nn.functional.leaky_relu(x),
    "softplus": lambda T, x, y: T.nn.functional.softplus(x),
    "clamp": lambda T, x, y: x.clamp(0, 1),
    "clamp min": lambda T, x, y: x.clamp(min=0),
    "maximum": lambda T, x, y: T.maximum(x, y),
    "where": lambda T, x, y: T.where(x > 0, x, y),
    "sum": lambda T, x, y: x.sum(),
    "sum over an axis": lambda T, x, y: x.sum(0),
    "mean": lambda T, x, y: x.mean(),
    "mean over an axis": lambda T, x, y: x.mean(1),
    "prod": lambda T, x, y: x.prod(),
    "var": lambda T, x, y: x.var(),
    "max": lambda T, x, y: x.max(),
    "max over an axis": lambda T, x, y: x.max(1).values,
    "amax": lambda T, x, y: x.amax(1),
    "norm": lambda T, x, y: x.norm(),
    "cumsum": lambda T, x, y: x.cumsum(0),
    "softmax": lambda T, x, y: x.softmax(1),
    "log_softmax": lambda T, x, y: x.log_softmax(1),
    "sort": lambda T, x, y: x.sort().values,
    "topk": lambda T, x, y: x.topk(1).values,
    "matmul": lambda T, x, y: x @ y.T,
    "bmm": lambda T, x, y: T.bmm(x[None], y.T[None]),
    "linear": lambda T, x, y: T.nn.functional.linear(x, y),
    "linear with bias": lambda T, x, y: T.nn.functional.linear(x, y, y[:, 0]),
    "transpose": lambda T, x, y: x.transpose(0, 1),
    "t": lambda T, x, y: x.t(),
    "permute": lambda T, x, y: x.permute(1, 0),
    "view": lambda T, x, y: x.view(-1),
    "reshape": lambda T, x, y: x.reshape(6),
    "unsqueeze": lambda T, x, y: x.unsqueeze(0),
    "squeeze": lambda T, x, y: x[None].squeeze(),
    "expand": lambda T, x, y: x[None].expand(4, 2, 3),
    "select": lambda T, x, y: x[0],
    "slice": lambda T, x, y: x[:, 1:],
    "diagonal": lambda T, x, y: x.diagonal(),
    "chunk": lambda T, x, y: x.chunk(2)[0],
    "index": lambda T, x, y: x[T.tensor([0, 1, 1])],
    "mask": lambda T, x, y: x[x > 1],
    "gather": lambda T, x, y: x.gather(1, T.tensor([[0], [1]])),
    "clone": lambda T, x, y: x.clone(),
    "contiguous": lambda T, x, y: x.t().contiguous(),
    "float": lambda T, x, y: x.float(),
    "cat": lambda T, x, y: T.cat([x, y]),
    "stack": lambda T, x, y: T.stack([x, y]),
    "flip": lambda T, x, y: x.flip(0),
    "roll": lambda T, x, y: x.roll(1, 0),
    "repeat": lambda T, x, y: x.repeat(2, 1),
    "tril": lambda T, x, y: x.tril(),
    "pad": lambda T, x, y: T.nn.functional.pad(x, (1, 1)),
    "embedding": lambda T, x, y: T.nn.functional.embedding(T.tensor([1, 0]), x),
    "layer_norm": lambda T, x, y: T.nn.functional.layer_norm(x, (3,)),
    "conv": lambda T, x, y: T.nn.functional.conv1d(x[None], y[:, :, None].permute(1, 0, 2)),
    "max_pool": lambda T, x, y: T.nn.functional.max_pool2d(x[None], 2),
    "nll_loss": lambda T, x, y: T.nn.functional.nll_loss(x, T.tensor([0, 1])),
    "add in place": lambda T, x, y: (x * 1).add_(y),
    "mul in place": lambda T, x, y: (x * 1).mul_(y),
    "relu in place": lambda T, x, y: (x * 1).relu_(),
    "copy in place": lambda T, x, y: (x * 1).copy_(y),
}


def arguments(T: Any) -> tuple[Any, Any]:
    x = T.arange(1.0, 7.0, dtype=T.float64).reshape(2, 3).requires_grad_()
    return x, T.linspace(0.5, 2.0, 6, dtype=T.float64).reshape(2, 3).requires_grad_()


@pytest.mark.parametrize("name", RESULTS)
def test_names(name: str) -> None:
    def program(T: Any) -> Any:
        result = RESULTS[name](T, *arguments(T))
        return result.grad_fn.name(), type(result.grad_fn).__name__, result.is_leaf, result.output_nr

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
