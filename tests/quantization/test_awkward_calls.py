"""Quantized tensors in awkward calls, beside PyTorch: operands by keyword, other dtypes, indices, what is no number."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch
import torch.ao.quantization
from oracle import agree, error

import flambeau
import flambeau.ao.quantization

BASE = np.random.RandomState(0).randn(2, 3, 4).astype(np.float32)
X = "t.tensor(base)"
Q = "t.quantize_per_tensor(t.tensor(base), 0.05, 10, t.quint8)"
Q8 = "t.quantize_per_tensor(t.tensor(base), 0.05, -3, t.qint8)"
C = "t.quantize_per_channel(t.tensor(base), t.tensor([0.1, 0.05, 0.2]), t.tensor([0, 3, 1]), 1, t.qint8)"
AWKWARD = "t.tensor([float('nan'), float('inf'), -float('inf'), 1e30, 0.05, 0.15])"


def _value(T: Any, call: str) -> Any:
    operations = torch.ops.quantized if T is torch else importlib.import_module("flambeau.surface.ops").quantized
    given = {name: eval(text, {"t": T, "base": BASE.tolist()}) for name, text in {"q": Q, "q8": Q8, "c": C, "x": X}.items()}
    found = eval(call, {"t": T, "F": T.nn.functional, "o": operations, "nan": eval(AWKWARD, {"t": T}), **given})
    if not getattr(found, "is_quantized", False):
        return found
    whole = found.qscheme() is T.per_tensor_affine
    scale = [found.q_scale(), found.q_zero_point()] if whole else [
        found.q_per_channel_scales(), found.q_per_channel_zero_points(), found.q_per_channel_axis()
    ]
    return [found.int_repr().contiguous(), str(found.dtype).rpartition(".")[2], scale]


CALLS = """
F.hardtanh(input=q, min_val=-0.5, max_val=0.5); F.threshold(input=q, threshold=0.1, value=0.5); F.leaky_relu(input=q8)
t.clamp(input=q, min=0.1); t.mean(input=q, dim=1); F.relu(input=q); t.relu(input=q); F.avg_pool2d(input=q, kernel_size=2)
F.hardtanh(q8, -0.5, 0.5, inplace=True); F.hardsigmoid(q, inplace=True); o.relu6(q); o.relu6(q, True)
c[..., 1:3]; c[None]; c[:, None, 1:]; c[0, ..., 1:]; c[:, 1]; c[None, 1, 2]; c[:, -2:, None, 1:]; c[..., 1, :]
t.ones_like(q); F.dropout(q, 0.5, training=False); t.channel_shuffle(q.view(1, 4, 3, 2), 2)
F.channel_shuffle(q.view(1, 4, 3, 2), 2)
t.fake_quantize_per_tensor_affine(nan, 0.1, 3, -5, 255); t.fake_quantize_per_tensor_affine(x, 0.0, 3, -5, 25)
t.fake_quantize_per_channel_affine(nan[:1].view(1, 1), t.tensor([0.1]), t.tensor([3], dtype=t.int32), 0, -5, 255)
t.sigmoid(q); t.tanh(q8); F.hardsigmoid(q8)
"""


@pytest.mark.parametrize("call", [call.strip() for line in CALLS.strip().splitlines() for call in line.split(";")])
def test_calls(call: str) -> None:
    agree(lambda T: _value(T, call))


@pytest.mark.parametrize("call", ["t.sigmoid(w)", "t.tanh(w)", "F.hardsigmoid(w)"])
def test_functions_of_32_bits(call: str) -> None:
    """Their scale is for all 32 bits about zero. (Single integers are beyond what float32 tells apart.)"""

    def program(T: Any) -> Any:
        wide = T.quantize_per_tensor(T.tensor(BASE.tolist()), 0.05, 10, T.qint32)
        found = eval(call, {"t": T, "F": T.nn.functional, "w": wide})
        return [found.q_scale(), found.q_zero_point(), found.dequantize()]

    agree(program)


REFUSED = """
o.add(q, q8, 0.1, 3); o.mul(q, q8, 0.1, 3); o.cat([q, q8], 1, 0.1, 3); t.clamp(c, -0.3, 0.5); t.sigmoid(c)
q.mean(dtype=t.float32)
t.fake_quantize_per_tensor_affine(x, t.tensor(0.1, requires_grad=True), t.tensor(3, dtype=t.int32), 0, 255)
t.fake_quantize_per_tensor_affine(x.long(), 0.1, 3, 0, 255); F.dropout(q, 0.5)
"""


@pytest.mark.parametrize("call", [call.strip() for line in REFUSED.strip().splitlines() for call in line.split(";")])
def test_refused(call: str) -> None:
    ours, theirs = (error(lambda: _value(T, call)) for T in (flambeau, torch))  # noqa: B023
    assert ours[0] == theirs[0]


def test_engines() -> None:
    """The library that computes can be chosen by PyTorch's names."""

    def program(T: Any) -> Any:
        backend = T.backends.quantized
        before, told = backend.engine, []
        try:
            for name in ("fbgemm", "qnnpack", "x86", "none", "nothing"):
                try:
                    backend.engine = name
                    told.append(backend.engine)
                except RuntimeError as refused:
                    told.append(str(refused))
        finally:
            backend.engine = before
        return [before, told, "fbgemm" in backend.supported_engines]

    assert program(flambeau) == program(torch)
    with pytest.raises(RuntimeError, match="Assignment not supported"):
        flambeau.backends.quantized.supported_engines = []


def test_dynamic_layers_take_float32_alone() -> None:
    for T in (flambeau, torch):
        layer = T.ao.quantization.quantize_dynamic(T.nn.Sequential(T.nn.Linear(3, 2)), {T.nn.Linear}, dtype=T.qint8)
        with pytest.raises(RuntimeError, match="Float but found Double"):
            layer(T.ones(1, 3).double())
