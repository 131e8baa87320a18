"""Quantized tensors and fake quantization, compared with PyTorch's: integers, scales, text, errors, gradients, files."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau._ops import namespace

_OF_ALL = """
    q | q.int_repr() | q[0] | q[:, 1] | q[0, 1].item() | q.reshape(6) | q.view(-1) | q.flatten() | q.T | q.t().contiguous()
    q.permute(1, 0).is_contiguous() | q.unsqueeze(1) | q.squeeze() | q.expand(2, 2, 3) | q.repeat(2, 1) | q.clone()
    q.detach() | q.unbind(0) | q.chunk(2, 1) | q.flip(0) | q.index_select(0, torch.tensor([1, 0])) | torch.cat([q, q], 1)
    torch.stack([q, q]) | torch.cat([q, other]) | q.sort(1) | q.topk(2) | q.max() | q.min(1) | q.relu() | F.relu(q)
    torch.sigmoid(q) | torch.tanh(q) | F.gelu(q) | F.leaky_relu(q, 0.3) | F.hardtanh(q, -0.5, 0.5) | q.clamp(-0.2, 0.7)
    F.threshold(q, 0.1, 0.0) | q.mean() | q.mean(1) | q.std() | F.max_pool2d(q[None], 2, 1)
    F.avg_pool2d(q[None, None], 2, 1) | F.adaptive_avg_pool2d(q[None, None], (2, 1))
    F.interpolate(q[None, None], scale_factor=2) | q.masked_fill(torch.tensor(True), 0.3) | q == q | q > 0 | q.ne(other)
    torch.equal(q, q.clone()) | torch.equal(q, other) | q.clone().copy_(x * 2) | q.clone().fill_(0.25)
    torch.empty_like(q).q_scale() | q.dtype | q.is_quantized | x.is_quantized | q.qscheme()
    isinstance(q.qscheme(), torch.qscheme) | q.q_scale() | q.q_zero_point() | q.shape | q.size(0) | q.stride() | q.dim()
    q.numel() | len(q) | q.element_size() | q.nbytes | q.layout | q.device | q.type() | q.requires_grad
    q.is_floating_point() | list(q)[1] | q.dequantize() | x.dequantize() is x | torch.dequantize([q, other])
    torch.q_scale(q) | torch.int_repr(q) | q.cpu() | q.to(torch.quint8) | torch.quantize_per_tensor(x, 0.1, 3, torch.qint32)
    torch.quantize_per_tensor(x, torch.tensor(0.1), torch.tensor(3), torch.quint8)
    torch.quantize_per_tensor([x, x], torch.tensor([0.1, 0.2]), torch.tensor([3, 4]), torch.quint8)
    torch.quantize_per_tensor(extremes, 0.1, 1, torch.qint8).int_repr() | torch.quantize_per_tensor(x, 0.0, 1, torch.qint8)
    torch.quantize_per_tensor_dynamic(x, torch.quint8, False) | torch.quantize_per_tensor_dynamic(x, torch.qint8, True)
    torch.quantize_per_tensor_dynamic(x * 1e-7, torch.quint8, False)
    torch.quantize_per_tensor_dynamic(x.abs() + 1, torch.quint8, False)
    torch.quantize_per_tensor_dynamic(x * 0, torch.quint8, False) | c | c.int_repr() | c[0] | c[:, 0] | c[:, 1:]
    c.select(0, 1) | c.unsqueeze(0) | c.reshape(2, 3, 1) | c.clone().q_per_channel_scales() | c.q_per_channel_zero_points()
    c.q_per_channel_axis() | c.dequantize() | rows | rows.qscheme()
    torch._make_per_tensor_quantized_tensor(q.int_repr(), 0.1, 10)
    torch._make_per_channel_quantized_tensor(c.int_repr(), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0, 1, 2]), 1)
    q.numpy() | q.requires_grad_() | q + q | q.abs() | q.sum() | q.pow(2) | q.float() | q.to(torch.float) | x.copy_(q)
    c.transpose(0, 1) | c.q_scale() | q.q_per_channel_axis() | F.elu(q) | torch.where(torch.tensor(True), q, q)
    torch.int_repr(x) | torch.quantize_per_tensor(x.double(), 0.1, 1, torch.qint8)
    torch.quantize_per_tensor(x, 0.1, 300, torch.quint8) | torch.quantize_per_tensor(x, 0.1, 3, torch.float)
    torch.quantize_per_channel(x, scales, torch.tensor([0, 1, 2]), 0, torch.qint8)
    torch.fake_quantize_per_tensor_affine(x, 0.1, 0, -3, 3) | torch.fake_quantize_per_tensor_affine(x, 0.1, 9, -3, 3)
    torch.fake_quantize_per_tensor_affine(x, torch.tensor(0.1), torch.tensor(1, dtype=torch.int32), -3, 3)
    torch.fake_quantize_per_channel_affine(x, scales, torch.tensor([0, 1, 2], dtype=torch.int32), 1, -3, 3)
    torch.fake_quantize_per_channel_affine(x, scales, torch.tensor([0, 1, 2]), 1, -3, 3)
    torch.fake_quantize_per_channel_affine(x, scales, torch.tensor([0, 1, 2], dtype=torch.int32), 0, -3, 3)
"""
EXPRESSIONS = [part.strip() for line in _OF_ALL.strip().splitlines() for part in line.split(" | ")]


def names(framework: Any) -> dict[str, Any]:
    x = framework.tensor([[-1.0, 1.2, -0.9], [0.5, -0.8, -1.0]])
    scales = framework.tensor([0.1, 0.2, 0.3])
    return {
        "torch": framework,
        "F": framework.nn.functional,
        "x": x,
        "scales": scales,
        "extremes": framework.tensor([float("nan"), float("inf"), -float("inf"), 1e30, -1e30, 0.25, 0.35, 0.45]),
        "q": framework.quantize_per_tensor(x, 0.1, 10, framework.quint8),
        "other": framework.quantize_per_tensor(x * 2, 0.3, 7, framework.quint8),
        "signed": framework.quantize_per_tensor(x, 0.1, 0, framework.qint8),
        "c": framework.quantize_per_channel(x, scales, framework.tensor([0, 1, 2]), 1, framework.qint8),
        "rows": framework.quantize_per_channel(x, scales, framework.tensor([0.0, 1.5, 2.0]), 1, framework.quint8),
    }


def outcome(expression: str, framework: Any) -> str:
    try:
        return str(eval(expression, names(framework)))
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.filterwarnings("ignore")
def test_as_in_pytorch(expression: str) -> None:
    """The same text (values to four digits, scales, schemes), or the same type of error."""
    ours, theirs = outcome(expression, flambeau), outcome(expression, torch)
    if expression == "F.gelu(q)":  # which rounds the scale to float32 in PyTorch
        theirs = theirs.replace("scale=0.10000000149011612,\n       ", "scale=0.1, ")
    assert ours.split() == theirs.split()


@pytest.mark.parametrize("kind", ["qint8", "quint8", "qint32"])
def test_many_numbers_are_rounded_as_in_pytorch(kind: str) -> None:
    generator = np.random.default_rng(0)
    numbers = np.concatenate([
        generator.standard_normal(20_000) * 5, np.arange(-400, 400) * 0.05, generator.standard_normal(500) * 1e6
    ]).astype(np.float32)  # fmt: skip
    for scale, zero_point in ((0.1, 3), (0.037, 100), (3e-4, 7), (2.0, 0)):
        found = [
            framework.quantize_per_tensor(framework.from_numpy(numbers), scale, zero_point, getattr(framework, kind))
            for framework in (flambeau, torch)
        ]
        ours, theirs = [quantized.int_repr().numpy().astype(np.int64) for quantized in found]
        # PyTorch rounds the ends of its vectors otherwise: there the zero point is added afterwards, which tells in the middle.
        apart = np.abs(ours - theirs)
        assert apart.max() <= 1 and (apart > 0).sum() < 5
        if kind != "qint32":  # whose greatest numbers overflow in PyTorch when the zero point is taken from them
            same = apart == 0
            assert np.array_equal(found[0].dequantize().numpy()[same], found[1].dequantize().numpy()[same])


def test_fake_quantization_passes_gradients_on_within_the_limits() -> None:
    numbers = np.linspace(-2, 2, 41, dtype=np.float32).reshape(1, 41)
    for expression in (
        "torch.fake_quantize_per_tensor_affine(x, 0.1, 2, -8, 7)",
        "torch.fake_quantize_per_channel_affine(x, torch.tensor([0.2]), torch.tensor([1], dtype=torch.int32), 0, -8, 7)",
    ):
        gradients = []
        for framework in (flambeau, torch):
            x = framework.from_numpy(numbers.copy()).requires_grad_()
            result = eval(expression, {"torch": framework, "x": x})
            assert result.grad_fn is not None
            (result * framework.arange(41.0)).sum().backward()
            gradients.append(x.grad.numpy())
        assert np.array_equal(*gradients)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("per_row", [False, True])
def test_a_moving_range_is_followed(per_row: bool, symmetric: bool) -> None:
    generator = np.random.default_rng(1)
    batches = [generator.standard_normal((3, 7)).astype(np.float32) * size for size in (1, 5, 0.1)]
    states = []
    for framework in (flambeau, torch):
        shape = (3,) if per_row else ()
        low, high = framework.full(shape, float("inf")), framework.full(shape, float("-inf"))
        scale, zero_point = framework.ones(3 if per_row else 1), framework.zeros(3 if per_row else 1, dtype=framework.int32)
        on = framework.ones(1, dtype=framework.int64)
        limits = (-128, 127) if symmetric else (0, 255)
        results = [
            framework.fused_moving_avg_obs_fake_quant(
                framework.from_numpy(x), on, on, low, high, scale, zero_point, 0.1, *limits, 0, per_row, symmetric
            )
            for x in batches
        ]
        states.append([t.numpy() for t in (*results, low, high, scale, zero_point)])
    for ours, theirs in zip(*states):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def _layer_results(framework: Any, operations: Any) -> list[Any]:
    generator = np.random.default_rng(2)

    def numbers(*shape: int) -> Any:
        return framework.from_numpy(generator.standard_normal(shape).astype(np.float32))

    weight, bias, x = numbers(7, 33), numbers(7), numbers(5, 33)
    each = framework.from_numpy(np.linspace(0.01, 0.03, 7))
    weights = (
        framework.quantize_per_tensor(weight, 0.02, 0, framework.qint8),
        framework.quantize_per_channel(weight, each, framework.zeros(7, dtype=framework.long), 0, framework.qint8),
    )
    q = framework.quantize_per_tensor(x, 0.031, 110, framework.quint8)
    results = []
    for w in weights:
        packed = operations.linear_prepack(w, bias)
        results += [operations.linear(q, packed, 0.1, 100), operations.linear_relu(q, packed, 0.1, 100)]
        results += [operations.linear_dynamic(x, packed, True), operations.linear_dynamic(x.view(5, 1, 33), packed, False)]
    filters = framework.quantize_per_channel(
        numbers(6, 4, 3, 3), framework.from_numpy(np.linspace(0.01, 0.03, 6)), framework.zeros(6, dtype=framework.long), 0,
        framework.qint8,
    )  # fmt: skip
    pictures = framework.quantize_per_tensor(numbers(2, 4, 9, 8), 0.031, 100, framework.quint8)
    packed = operations.conv2d_prepack(filters, numbers(6), [2, 1], [1, 0], [1, 1], 1)
    results += [operations.conv2d(pictures, packed, 0.1, 90)]
    packed = operations.conv2d_prepack(filters, None, [1, 1], [1, 2], [2, 1], 1)
    results += [operations.conv2d_relu(pictures, packed, 0.1, 90)]
    a = framework.quantize_per_tensor(numbers(4, 5), 0.03, 100, framework.quint8)
    b = framework.quantize_per_tensor(numbers(4, 5), 0.05, 120, framework.quint8)
    results += [getattr(operations, name)(a, b, 0.041, 110) for name in ("add", "mul", "add_relu", "mul_relu")]
    for name in ("add_scalar", "mul_scalar", "add_scalar_relu", "mul_scalar_relu"):
        results += [getattr(operations, name)(a, number) for number in (0.5, -0.7, 9.0, -8.0)]
    ones = framework.ones(4)
    results += [operations.batch_norm2d(pictures, ones * 2, ones, ones * 0.1, ones * 2, 1e-5, 0.051, 100)]
    results += [operations.hardswish(a, 0.051, 100), operations.elu(a, 0.051, 100, 0.7), operations.sigmoid(a, 0.011, 3)]
    results += [operations.leaky_relu(a, 0.1, False, 0.051, 100), operations.softmax(a, 1, 0.01, 0)]
    results += [operations.layer_norm(a, [5], framework.ones(5), framework.ones(5) * 0.5, 1e-5, 0.051, 100)]
    return results


@pytest.mark.filterwarnings("ignore")
def test_layers_give_what_pytorch_gives() -> None:
    ours, theirs = _layer_results(flambeau, namespace("quantized")), _layer_results(torch, torch.ops.quantized)
    for number, (own, their) in enumerate(zip(ours, theirs, strict=True)):
        if not their.is_quantized:
            np.testing.assert_allclose(own.numpy(), their.numpy(), rtol=1e-5, atol=1e-5)
            continue
        assert own.q_scale() == pytest.approx(their.q_scale(), rel=1e-9) and own.q_zero_point() == their.q_zero_point()
        apart = np.abs(own.int_repr().numpy().astype(int) - their.int_repr().numpy().astype(int))
        assert apart.max() <= 1 and (apart > 0).mean() < 0.02, number


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_files_are_read_by_either(zipped: bool) -> None:
    saved = {}
    for framework in (flambeau, torch):
        values = {name: names(framework)[name] for name in ("q", "signed", "c")}
        values["scheme"], values["dtype"] = framework.per_channel_affine, framework.qint8
        file = io.BytesIO()
        framework.save(values, file, _use_new_zipfile_serialization=zipped)
        saved[framework] = file.getvalue()
    ours, theirs = flambeau.load(io.BytesIO(saved[torch])), torch.load(io.BytesIO(saved[flambeau]))
    for name in ("q", "signed", "c"):
        assert flambeau.equal(ours[name], names(flambeau)[name]) and torch.equal(theirs[name], names(torch)[name])
    assert ours["scheme"] is flambeau.per_channel_affine and theirs["dtype"] is torch.qint8


def test_copies_and_pickles() -> None:
    own = names(flambeau)
    for name in ("q", "c", "rows"):
        for copied in (copy.deepcopy(own[name]), copy.copy(own[name]), pickle.loads(pickle.dumps(own[name]))):
            assert copied.qscheme() is own[name].qscheme() and str(copied) == str(own[name])
    assert pickle.loads(pickle.dumps(flambeau.per_tensor_affine)) is flambeau.per_tensor_affine


def test_a_damaged_file_is_refused() -> None:
    from flambeau._utils import _rebuild_qtensor

    storage = flambeau.zeros(6, dtype=flambeau.uint8).storage()
    whole = (storage, 0, (2, 3), (3, 1))
    for parameters in (
        (flambeau.per_tensor_affine, "0.1", 3), ("per_tensor_affine", 0.1, 3),
        (flambeau.per_channel_affine, flambeau.ones(2), flambeau.zeros(3), 0),
        (flambeau.per_channel_affine, flambeau.ones(2), flambeau.zeros(2), 5),
        (flambeau.per_channel_affine, 0.1, 3, 0),
    ):  # fmt: skip
        with pytest.raises(RuntimeError):
            _rebuild_qtensor(*whole, parameters, False, None)
