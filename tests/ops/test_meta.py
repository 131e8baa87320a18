"""The device ``meta``: shapes, dtypes and strides of what operations give there, as in PyTorch; what wants values raises."""

from __future__ import annotations

import copy
import io
import warnings
from types import ModuleType
from typing import Any

import pytest
import torch

import flambeau

BOTH = pytest.mark.parametrize("library", [flambeau, torch], ids=["flambeau", "torch"])

EXPRESSIONS = """
x + 1; 1 - x; x * y; x @ y.T; x > 0; ~(x > 0); x[0]; x[:, 1:]; x[..., None]; x[::2].t(); x.sum(); x.mean(1, keepdim=True)
x.max(0); x.argmax(1); x.softmax(1); x.log_softmax(0); x.cumsum(1); x.var(1); x.norm(); x.exp().sqrt(); x.pow(2); x.clamp(0, 1)
x.double(); x.to(torch.float16); x.long(); x.reshape(-1); x.view(2, 2, 6); x.permute(1, 0); x.expand(2, 4, 6); x.repeat(2, 1)
x.flatten(); torch.cat([x, y]); torch.stack([x, y], 1); x.chunk(2, 1); x.split(1); x.unbind(); torch.where(x > 0, x, y)
torch.where(x > 0, x, 0.0); x.gather(1, i); x.scatter(1, i, 1.0); x.index_select(0, i[:, 0]); x[i[:, 0]]; x.flip(0)
x.roll(1, 0); x.tril(); x.clone(); x.detach(); torch.zeros_like(x); torch.ones_like(x, dtype=torch.int32); torch.rand_like(x)
torch.randn_like(x); torch.empty_like(x.t()); x.new_zeros(3); x.new_full((2,), 3.0); x.new_empty(3, dtype=torch.int64)
torch.full_like(x, 2); torch.einsum('ij,kj->ik', x, y); torch.bmm(b, b); F.relu(x); F.gelu(x); F.dropout(x, 0.5, True)
F.linear(x, y); F.layer_norm(x, (6,)); F.mse_loss(x, y); F.cross_entropy(x, i[:, 0]); F.conv2d(p, w); F.max_pool2d(p, 2)
F.avg_pool2d(p, 2); F.interpolate(p, scale_factor=2); F.pad(p, (1, 1)); F.one_hot(i, 6); F.unfold(p, 2); F.embedding(i, x)
F.scaled_dot_product_attention(b, b, b); F.batch_norm(p, None, None, training=True); F.normalize(x); F.silu(x, inplace=False)
x.add_(1); x.mul_(y); x.zero_(); x.normal_(); x.fill_(3); x.copy_(y); x.t().add_(1); x[0].zero_(); x.requires_grad_()
x.contiguous(); x.t(); x.sort(1); x.topk(2); x.abs().sum(1).sqrt().unsqueeze(0); x.isnan().any(); x.all(); torch.logsumexp(x, 1)
x.type_as(i); x[:, :2] + i; x.float() + 2; p.contiguous(memory_format=torch.channels_last)
torch.meshgrid(x[0], y[0], indexing='ij'); x.unfold(1, 2, 2); x.diagonal(); torch.outer(x[0], y[0])
torch.empty(2, 3, device='meta'); torch.zeros(4, dtype=torch.int64, device='meta'); torch.rand(2, 2, device='meta')
torch.eye(3, device='meta'); torch.arange(5, device='meta'); torch.linspace(0, 1, 5, device='meta')
torch.tensor([1.0, 2], device='meta'); torch.full((2,), 3, device='meta'); torch.as_tensor([1, 2], device='meta')
torch.empty(10**6, 10**7, device='meta') + 1; torch.randint(3, (2, 2), device='meta'); torch.ones(3).to('meta')
torch.ones(2, 3).t().to('meta', torch.float64); torch.empty_strided((2, 3), (1, 2), device='meta')
torch.randperm(4, device='meta'); x.to(i.device)
"""


def each() -> list[str]:
    return [expression.strip() for line in EXPRESSIONS.strip().splitlines() for expression in line.split(";")]


def described(value: Any) -> Any:
    """A result, or several, by all that is known of it."""
    if isinstance(value, (tuple, list)):
        return [described(one) for one in value]
    return str(value.dtype).split(".")[-1], tuple(value.shape), value.stride(), str(value.device), value.is_meta


def values(library: ModuleType) -> dict[str, Any]:
    def empty(*sizes: int, dtype: Any = library.float32) -> Any:
        return library.empty(*sizes, dtype=dtype, device="meta")

    return {
        "torch": library, "F": library.nn.functional, "x": empty(4, 6), "y": empty(4, 6), "b": empty(2, 3, 3),
        "p": empty(2, 3, 8, 8), "w": empty(4, 3, 3, 3), "i": empty(4, 2, dtype=library.int64),
    }  # fmt: skip


@pytest.mark.parametrize("turn", range(2))
def test_results_are_described_as_pytorch_describes_them(turn):
    for expression in each():
        ours, theirs = (eval(expression, values(library)) for library in (flambeau, torch))
        assert described(ours) == described(theirs), expression


@BOTH
def test_what_wants_values_raises(library):
    x = library.empty(3, device="meta")
    for work in (x.tolist, x.cpu, lambda: x.to("cpu"), lambda: library.ones(3).copy_(x)):
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
            work()
    with pytest.raises(TypeError, match="can't convert meta device type tensor to numpy"):
        x.numpy()
    for work in (x.sum().item, lambda: bool(x.sum()), lambda: float(x[0])):
        with pytest.raises(RuntimeError, match="cannot be called on meta tensors"):
            work()
    assert repr(x) == "tensor(..., device='meta', size=(3,))"
    assert repr(x.long()[:2]) == "tensor(..., device='meta', size=(2,), dtype=torch.int64)"


def networks(library: ModuleType) -> Any:
    nn = library.nn
    yield nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)), (2, 3, 8, 8)
    yield nn.TransformerEncoderLayer(8, 2, 16), (5, 2, 8)
    yield nn.LSTM(4, 6, 2, bidirectional=True), (5, 2, 4)
    yield nn.MultiheadAttention(8, 2), None


@BOTH
def test_networks_are_made_run_and_differentiated(library):
    with library.device("meta"):
        made = list(networks(library))
    for network, sizes in made:
        assert all(t.is_meta for t in (*network.parameters(), *network.buffers()))
        if sizes is None:
            continue
        given = library.empty(*sizes, device="meta", requires_grad=True)
        out = network(given)
        out = out[0] if isinstance(out, tuple) else out
        assert out.is_meta and out.grad_fn is not None
        out.sum().backward()
        assert given.grad.shape == given.shape and given.grad.is_meta
        for parameter in network.parameters():
            assert parameter.grad.shape == parameter.shape and parameter.grad.is_meta
        optimizer = library.optim.AdamW(network.parameters(), foreach=False)
        optimizer.step()
        assert all(parameter.is_meta for parameter in network.parameters())


@BOTH
def test_modules_come_from_meta_and_go_there(library):
    nn = library.nn
    layer = nn.Linear(3, 2, device="meta")
    state = nn.Linear(3, 2).state_dict()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        layer.load_state_dict(state)
    assert layer.weight.is_meta and "which is a no-op" in str(seen[0].message)
    assert copy.deepcopy(layer).weight.is_meta
    layer.load_state_dict(state, assign=True)
    assert layer.weight.device.type == "cpu" and library.equal(layer.weight, state["weight"])
    layer.to("meta")
    assert layer.weight.is_meta and isinstance(layer.weight, nn.Parameter) and layer.weight.requires_grad
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        layer.cpu()
    layer.to_empty(device="cpu")
    layer.reset_parameters()
    assert not layer.weight.is_meta and layer.weight.abs().sum().item() > 0
    file = io.BytesIO()
    library.save(state, file)
    file.seek(0)
    loaded = library.load(file, map_location="meta")
    assert all(t.is_meta for t in loaded.values()) and loaded["weight"].shape == (2, 3)


@BOTH
def test_contexts_and_the_default_say_where_tensors_are_made(library):
    def kinds() -> list[str]:
        made = library.rand(2), library.tensor([1]), library.arange(3), library.zeros(2, device="cpu")
        return [tensor.device.type for tensor in made]

    with library.device("meta"):
        assert kinds() == ["meta", "meta", "meta", "cpu"] and library.get_default_device().type == "meta"
        with library.device("cpu"):
            assert kinds() == ["cpu"] * 4
        ones = library.ones(3, device="cpu")
        assert ones.sum().item() == 3 and library.ones_like(ones).device.type == "cpu" and ones.new_ones(2).device.type == "cpu"
    assert kinds() == ["cpu"] * 4
    library.set_default_device("meta")
    try:
        assert kinds() == ["meta", "meta", "meta", "cpu"]
    finally:
        library.set_default_device(None)
    assert kinds() == ["cpu"] * 4
    library.set_default_device("cpu")
    assert kinds() == ["cpu"] * 4
    library.set_default_device(None)


@BOTH
def test_contexts_leave_a_device_that_is_said_however_often(library):
    """A wrapper that is called often hands everything on by position."""

    def kinds() -> set[tuple[str, str]]:
        makers = [lambda **where: library.as_tensor([1.0], dtype=library.float32, **where) for _ in range(50)]
        return {(make(device="cpu").device.type, make().device.type) for make in makers}

    with library.device("meta"):
        assert kinds() == {("cpu", "meta")}
    assert kinds() == {("cpu", "cpu")}
    with library.device("meta"):
        assert kinds() == {("cpu", "meta")}


@BOTH
def test_a_module_is_made_without_memory_by_replacing_its_parameters(library):
    """As programs do that load what is larger than memory: parameters are replaced when they are registered."""
    nn = library.nn
    register = nn.Module.register_parameter

    def without_memory(module: Any, name: str, parameter: Any) -> None:
        register(module, name, parameter)
        if parameter is not None:
            kind = type(module._parameters[name])
            module._parameters[name] = kind(module._parameters[name].to("meta"), requires_grad=parameter.requires_grad)

    nn.Module.register_parameter = without_memory
    try:
        model = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Embedding(5, 2))
    finally:
        nn.Module.register_parameter = register
    assert all(parameter.is_meta and parameter.requires_grad for parameter in model.parameters())
    assert sum(parameter.numel() for parameter in model.parameters()) == 31


def test_what_has_values_is_not_disturbed():
    """The same operations with and without values in turns, recorded, replayed and evaluated."""
    layer, bare = flambeau.nn.Linear(4, 3), flambeau.nn.Linear(4, 3, device="meta")
    given, empty = flambeau.ones(2, 4), flambeau.ones(2, 4, device="meta")
    expected = layer(given).relu().sum(1).tolist()
    for _ in range(5):
        result = layer(given).relu().sum(1)
        nothing = bare(empty).relu().sum(1)
        assert nothing.shape == (2,) and nothing.is_meta
        assert result.tolist() == expected and not result.is_meta
    with flambeau.no_grad():
        for tensor in (layer.weight, bare.weight):
            tensor *= 2
            tensor[0] = 1
            tensor[1, 2] = 5
            tensor.t()[0].zero_()
    assert bare.weight.is_meta and layer.weight[1, 2] == 5 and layer.weight[:, 0].tolist() == [0, 0, 0]
