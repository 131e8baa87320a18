"""PyTorch's operations by their names beneath Python: the same calls, with the same results."""

import importlib

import numpy as np
import pytest
import torch

import flambeau

OPS = {torch: torch.ops.aten, flambeau: importlib.import_module("flambeau.surface.ops").aten}
NUMBERS = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)

CALLS = """
add.Tensor(x, x, alpha=2)
add(x, 1)
mul.Scalar(x, 3.0)
sub.Tensor(self=x, other=x)
addmm.default(x[0, :, 0], x[0, :, :3], x[1, :, :3])
sum.default(x)
sum.dim_IntList(x, [1], True)
mean.dim(x, [0, 2])
amax.default(x, [1])
max.dim(x, 1)
var.correction(x, [1], correction=0)
view.default(x, [6, 4])
_unsafe_view.default(x, [6, 4])
expand.default(x[:, :1], [2, 3, 4])
permute.default(x, [2, 0, 1])
transpose.int(x, 0, 1)
t.default(x[0])
unsqueeze.default(x, 0)
squeeze.dim(x[:1], 0)
select.int(x, 1, 2)
slice.Tensor(x, 1, 1, 9223372036854775807)
slice.Tensor(x, 2, 0, 4, 2)
index.Tensor(x, [None, L])
cat.default([x, x], 1)
stack.default([x, x])
split.Tensor(x, 2, 1)
clone.default(x)
alias.default(x)
detach.default(x)
_to_copy.default(x, dtype=D)
_softmax.default(x, 1, False)
_log_softmax.default(x, 1, False)
relu.default(x)
gelu.default(x)
gelu.default(x, approximate="tanh")
silu.default(x)
leaky_relu.default(x, 0.2)
hardtanh.default(x, -0.5, 0.5)
sigmoid.default(x)
tanh.default(x)
pow.Tensor_Scalar(x, 2)
rsqrt.default(x.abs())
where.self(x > 0, x, x)
embedding.default(x[0], L)
mm.default(x[0], x[1].t())
bmm.default(x, x.transpose(1, 2))
linalg_vector_norm.default(x, 2)
special_expit.default(x)
mse_loss.default(x, x + 1, 2)
l1_loss.default(x, x + 1)
smooth_l1_loss.default(x, x + 1, 1, 0.5)
huber_loss.default(x, x + 3, 1, 0.5)
avg_pool2d.default(x, [2, 2])
native_layer_norm.default(x, [4], None, None, 1e-5)
full.default([2], 3.0)
arange.start(1, 4)
zeros_like.default(x)
_local_scalar_dense.default(x[0, 0, 0])
sym_size.int(x, 1)
expand_copy.default(x[:, :1], [2, 3, 4])
split_copy.Tensor(x, 2, 1)
_is_all_true.default(x > 0)
add.out(x, x, out=x.clone())
add_.Tensor(x.clone(), x)
"""


def run(library, call):
    """What a call gives, as arrays."""
    space = {"x": library.tensor(NUMBERS), "L": library.tensor([1, 0]), "D": library.float64, "aten": OPS[library]}
    result = eval(f"aten.{call}", space)
    parts = result if isinstance(result, (list, tuple)) else [result]
    return [part.numpy() if hasattr(part, "numpy") else np.asarray(part) for part in parts]


@pytest.mark.parametrize("call", CALLS.strip().splitlines())
def test_calls(call):
    ours, theirs = run(flambeau, call), run(torch, call)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one.dtype == other.dtype and one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_names():
    for library, aten in OPS.items():
        overload = aten.add.Tensor
        assert repr(aten.add) == "<OpOverloadPacket(op='aten.add')>" and str(overload) == "aten.add.Tensor", library
        assert repr(overload) == "<OpOverload(op='aten.add', overload='Tensor')>"
        assert overload.name() == "aten::add.Tensor" and overload.overloadpacket is aten.add and overload.namespace == "aten"
        assert {"Tensor", "Scalar", "out"} <= set(aten.add.overloads()) and aten.add.Tensor is overload
        with pytest.raises(AttributeError, match="The underlying op of 'aten.add' has no overload name 'missing'"):
            aten.add.missing  # noqa: B018
        with pytest.raises(AttributeError, match="'_OpNamespace' 'aten' object has no attribute 'missing'"):
            aten.missing  # noqa: B018


def test_what_is_not_offered_says_so_when_it_is_called():
    operation = OPS[flambeau]._scaled_dot_product_cudnn_attention.default
    with pytest.raises(NotImplementedError, match=r"does not offer torch.ops.aten._scaled_dot_product_cudnn_attention"):
        operation(flambeau.ones(1))


LISTS = """
add(x, 1)
add(x, y, alpha=2)
add(x, [1.0, 2.0])
sub(x, y)
mul(x, y)
div(x, y)
norm(x)
norm(x, 1)
pow(x, 2)
pow(2.0, x)
lerp(x, y, 0.25)
addcdiv(x, y, y, value=2)
addcdiv(x, y, y, [1.0, 2.0])
addcmul(x, y, y, V)
clamp_max(x, 0.5)
clamp_min(x, y)
maximum(x, y)
minimum(x, 0.25)
sqrt(y)
neg(x)
exp(x)
sign(x)
reciprocal(y)
add_(x, y)
mul_(x, 2)
addcmul_(x, y, y, value=3)
maximum_(x, y)
clamp_max_(x, [0.5, 0.25])
sqrt_(y)
copy_(x, y)
zero_(x)
max(x)
"""


@pytest.mark.parametrize("call", LISTS.strip().splitlines())
def test_operations_on_lists(call):
    found = []
    for library in (flambeau, torch):
        x = [library.tensor(NUMBERS[0]), library.tensor(NUMBERS[1, 0])]
        y = [tensor.abs() + 0.5 for tensor in x]
        name, _, rest = call.partition("(")
        space = {"f": getattr(library, f"_foreach_{name}"), "x": x, "y": y, "V": library.tensor([1.0, 3.0])}
        result = eval(f"f({rest}", space)
        parts = result if result is not None else (x if "(x" in call else y)
        found.append([part.numpy() for part in parts])
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_lists_must_be_equally_long():
    for library in (torch, flambeau):
        with pytest.raises(RuntimeError, match="Tensor lists must have the same number of tensors, got 2 and 1"):
            library._foreach_add([library.ones(1), library.ones(1)], [library.ones(1)])
