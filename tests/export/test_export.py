"""Exported programs beside PyTorch's: the operations of aten that they have, their signatures, and that they run."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
import torch.export
from oracle import agree, as_flambeau, assert_same, copy_state, floats

import flambeau
import flambeau.export


def shown(value: Any) -> Any:
    """Arguments with nodes as their names."""
    return str(value).replace("flambeau", "torch")


def nodes_of(program: Any) -> list[tuple[str, str, str, str, str]]:
    return [(n.op, n.name, shown(n.target), shown(n.args), shown(dict(n.kwargs))) for n in program.graph.nodes]


def network(T: Any) -> Any:
    F = T.nn.functional

    class Net(T.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.drop = T.nn.Conv2d(3, 8, 3, padding=1), T.nn.BatchNorm2d(8), T.nn.Dropout(0.1)
            self.last, self.layer, self.table = T.nn.Linear(128, 5), T.nn.LayerNorm(5), T.nn.Embedding(4, 5)
            self.register_buffer("scale", T.ones(5))
            self.register_buffer("hidden", T.ones(5), persistent=False)
            self.shift = T.arange(5.0)

        def forward(self, x, *, index=None):  # type: ignore[no-untyped-def]
            y = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
            y = self.layer(self.last(self.drop(y.flatten(1)))) * self.scale + self.shift
            y = 2 * (y + 1) - y.mean(-1, keepdim=True) * self.hidden
            y = F.softmax(T.cat([y, y], 1)[:, :5], -1)
            y = F.gelu(y) + y.view(y.shape[0], -1).transpose(0, 1).t()
            a, b = y.split([2, 3], 1)
            return {
                "out": y @ self.last.weight[:, :5].t(),
                "e": self.table(index) if index is not None else a,
                "b": [b],
            }

    return Net().eval()


def test_a_network_has_pytorch_s_operations() -> None:
    def program(T: Any) -> Any:
        exported = T.export.export(network(T), (T.ones(2, 3, 8, 8),), {"index": T.tensor([1, 2])})
        signature = exported.graph_signature
        notes = [nodes_of(exported), str(signature), [*exported.state_dict], [*exported.constants]]
        notes += [signature.user_inputs, signature.user_outputs, signature.parameters, signature.buffers]
        notes += [
            dict(signature.inputs_to_parameters),
            dict(signature.inputs_to_buffers),
            signature.lifted_tensor_constants,
        ]
        notes += [[name for name, _ in exported.named_parameters()], [name for name, _ in exported.named_buffers()]]
        return [*notes, exported.module().code.replace("flambeau", "torch")]

    agree(program)


def test_modules_of_programs_give_what_the_network_gives() -> None:
    theirs, ours = network(torch), network(flambeau)
    copy_state(ours, theirs)
    x = floats(2, 3, 8, 8, grad=False)
    index = torch.tensor([3, 0])
    exported = flambeau.export.export(ours, (flambeau.ones(2, 3, 8, 8),), {"index": flambeau.tensor([1, 2])})
    module = exported.module()
    assert_same(module(as_flambeau(x), index=as_flambeau(index)), theirs(x, index=index), 1e-5)
    with pytest.raises(AssertionError, match="Guard failed"):
        module(flambeau.ones(3, 3, 8, 8), index=flambeau.tensor([1, 2]))
    with pytest.raises(RuntimeError, match="directly"):
        exported(flambeau.ones(1))
    module(as_flambeau(x), index=as_flambeau(index))["out"].sum().backward()
    assert ours.conv.weight.grad is not None  # the parameters are the network's


OPERATIONS: dict[str, Any] = {
    "arithmetic": lambda T, x: (x + 1 - x) * 2 / 3 + 1 / x - (2 - x) ** 2 + 2.0**x + x // 2 + x % 3 - x,
    "comparisons": lambda T, x: ((x > 0) & (x < T.ones(3)) | ~(x == 1)).to(T.float64),
    "items": lambda T, x: (x[0], x[:, 1:], x[..., None, ::2], x[None, -1, 1], x[:, T.tensor([0, 2])]),
    "reductions": lambda T, x: (x.sum(), x.sum(1), x.mean((0, 1)), T.max(x), x.max(1)[0], x.argmax(1), x.any(), x.prod(1)),
    "shapes": lambda T, x: (x.reshape(3, 2), x.view(-1), x.permute(1, 0), x.unsqueeze(1).squeeze(1), x.expand(4, 2, 3), x.T),
    "joining": lambda T, x: (T.cat([x, x], 1), T.stack((x, x)), x.chunk(2, 1), T.split(x, 1), x.unbind(0), x.repeat(2, 1)),
    "creation": lambda T, x: (T.zeros(2, 3) + x, T.ones_like(x), T.full((2,), 3.0), T.arange(3) + x, T.zeros_like(x)),
    "functions": lambda T, x: (x.exp().log().abs().sqrt(), T.clamp(x, 0, 1), x.clamp(min=0), T.where(x > 0, x, -x), x.sin()),
    "activations": lambda T, x: [getattr(T.nn.functional, n)(x) for n in "relu elu silu mish hardswish leaky_relu selu".split()],
    "matrices": lambda T, x: (x @ x.t(), T.matmul(x, x.T), T.bmm(x[None], x.t()[None]), x.softmax(0), x.log_softmax(-1)),
    "casts": lambda T, x: (x.double(), x.float(), x.long(), x.to(T.int32), x.to("cpu"), x.bool()),
    "losses": lambda T, x: (
        T.nn.functional.cross_entropy(x, T.tensor([0, 2])), T.nn.functional.l1_loss(x, x * 3, reduction="sum"),
    ),
    "attention": lambda T, x: T.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True),
    "padding": lambda T, x: (T.nn.functional.pad(x, (1, 2)), T.nn.functional.pad(x, (0, 1), value=3.0)),
    "masks": lambda T, x: (x.masked_fill(x > 0, 2.0), x.tril(), T.triu(x, 1), x.cumsum(1), x.gather(1, T.tensor([[0], [1]]))),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str) -> None:
    def program(T: Any) -> Any:
        class Net(T.nn.Module):  # type: ignore[misc,name-defined]
            def forward(self, x):  # type: ignore[no-untyped-def]
                return OPERATIONS[name](T, x)

        net, x = Net(), T.arange(6.0).reshape(2, 3) + 1
        exported = T.export.export(net, (x,))
        assert_close = exported.module()(x * 2)
        return [nodes_of(exported) if T is torch else nodes_of(exported), assert_close]

    agree(program)


def test_sizes_that_change() -> None:
    def program(T: Any) -> Any:
        class Net(T.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.layer = T.nn.Linear(3, 3)
                self.layer.weight.data.fill_(0.5)
                self.layer.bias.data.fill_(1)

            def forward(self, x, y):  # type: ignore[no-untyped-def]
                x = self.layer(x).view(x.shape[0], 3, 1)
                return x.expand(x.size(0), 3, 2) + y

        batch = T.export.Dim("batch")
        exported = T.export.export(Net(), (T.ones(4, 3), T.ones(2)), dynamic_shapes={"x": {0: batch}, "y": None})
        targets = [shown(node.target) for node in exported.graph.nodes if node.op == "call_function"]
        return [targets, exported.module()(T.arange(21.0).reshape(7, 3), T.tensor([1.0, 2.0]))]

    agree(program)


def test_what_cannot_be_exported_is_refused() -> None:
    class Branch(flambeau.nn.Module):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    class Sizes(flambeau.nn.Module):
        def forward(self, x: Any) -> Any:
            return x * (1 / x.shape[0])

    class Unwritten(flambeau.nn.Module):
        def forward(self, x: Any) -> Any:
            return flambeau.nn.functional.multi_margin_loss(x, flambeau.tensor([0, 1]))

    export, x = flambeau.export.export, (flambeau.ones(2, 4),)
    with pytest.raises(RuntimeError, match="looks at a tensor's values"):
        export(Branch(), x)
    with pytest.raises(RuntimeError, match="no integer"):
        export(Sizes(), x, dynamic_shapes=({0: flambeau.export.Dim("n")},))
    with pytest.raises(NotImplementedError, match="multi_margin_loss"):
        export(Unwritten(), x)
    with pytest.raises(ValueError, match="nn.Module"):
        export(lambda x: x, x)
    with pytest.raises(NotImplementedError, match="decomposed"):
        export(flambeau.nn.ReLU(), x).run_decompositions()


def test_files() -> None:
    exported = flambeau.export.export(network(flambeau), (flambeau.ones(2, 3, 8, 8),))
    file = io.BytesIO()
    flambeau.export.save(exported, file, extra_files={"notes": "some"})
    file.seek(0)
    notes = {"notes": ""}
    loaded = flambeau.export.load(file, extra_files=notes)
    x = flambeau.rand(2, 3, 8, 8)
    assert notes == {"notes": "some"} and nodes_of(loaded) == nodes_of(exported)
    assert flambeau.equal(loaded.module()(x)["out"], exported.module()(x)["out"])
