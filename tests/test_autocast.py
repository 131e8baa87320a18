"""Mixed precision: dtypes and values as PyTorch's under ``autocast`` on the CPU, its state, and what it leaves alone."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau.ops import autocast as lists
from flambeau.ops import calls

SHAPES = {
    "x": (4, 6), "y": (6, 5), "s": (4, 4), "r": (4, 6), "w": (5, 6), "b": (5,), "v": (6,),
    "p": (2, 4, 6), "q": (2, 6, 3), "i1": (2, 3, 8), "k1": (4, 3, 3), "i2": (2, 3, 6, 6), "k2": (4, 3, 3, 3),
    "i3": (1, 2, 4, 4, 4), "k3": (3, 2, 2, 2, 2), "t1": (3, 4, 3), "t2": (3, 4, 3, 3), "t3": (2, 3, 2, 2, 2),
    "g": (2, 3, 3, 2), "m": (2, 6, 6),
}  # fmt: skip

EXPRESSIONS = """
x @ y; torch.mm(x, y); x.matmul(y); torch.bmm(p, q); torch.baddbmm(torch.bmm(p, q), p, q); torch.addmm(b, x, y)
torch.addbmm(torch.mm(x, x.T)[:, :3], p, q); F.linear(x, w, b); F.linear(x, w); torch.linalg.multi_dot([x, y, w])
torch.chain_matmul(x, y, w); torch.einsum('ij,jk->ik', x, y); torch.einsum('ij->ji', x); torch.tensordot(x, y, 1)
torch.linalg.vecdot(x, r); torch.linalg.matmul(x, y); torch.inner(x, r); torch.cov(x); torch.matrix_power(s, 3)
F.conv1d(i1, k1); F.conv2d(i2, k2, padding=1); torch.conv2d(i2, k2); F.conv3d(i3, k3); F.conv_transpose1d(i1, t1)
F.conv_transpose2d(i2, t2); F.conv_transpose3d(i3, t3); F.prelu(x, v); F.scaled_dot_product_attention(p, p, p)
torch.mv(x, v); torch.dot(v, v); torch.addmv(v[:4], x, v); x + r; x * 2; torch.softmax(x, 1); x.exp(); x.sum()
F.layer_norm(x, (6,), v, v); F.batch_norm(x, None, None, training=True); F.gelu(x)
F.bilinear(x, x, m)
F.mse_loss(x, r); F.l1_loss(x, r); F.smooth_l1_loss(x, r); F.huber_loss(x, r); F.kl_div(x, r.softmax(1), reduction='sum')
F.cross_entropy(x, torch.arange(4)); F.nll_loss(x, torch.arange(4)); F.binary_cross_entropy(x.sigmoid(), r.sigmoid())
F.binary_cross_entropy_with_logits(x, r.sigmoid()); F.poisson_nll_loss(x, r); F.soft_margin_loss(x, r.sign())
F.hinge_embedding_loss(x, r.sign()); F.margin_ranking_loss(x, r, r.sign()); F.triplet_margin_loss(x, r, x * r)
F.cosine_embedding_loss(x, r, r[:, 0].sign()); F.multi_margin_loss(x, torch.arange(4))
F.avg_pool3d(i3, 2); F.max_pool3d(i3, 2); F.adaptive_avg_pool3d(i3, 2); F.grid_sample(i2, g.tanh(), align_corners=False)
F.avg_pool2d(i2, 2); F.max_pool2d(i2, 2); F.pad(i2, (1, 1, 1, 1)); x.prod(); x.prod(1)
torch.quantile(x.flatten(), 0.5); torch.cdist(x, r)
torch.trace(s); torch.linalg.inv(s + 4 * torch.eye(4)); torch.linalg.svdvals(x); torch.linalg.qr(x)[1].abs()
torch.cat([x, r.double()]); torch.cat([x, r.bfloat16()]); torch.stack([x.bfloat16(), r]); torch.cat([x, r])
"""
CASES = [e.strip() for line in EXPRESSIONS.strip().splitlines() for e in line.split(";")]


def evaluated(framework: ModuleType, expression: str, dtype: str) -> Any:
    generator = np.random.default_rng(7)
    values = {name: framework.tensor(generator.standard_normal(shape)) for name, shape in SHAPES.items()}
    values = {name: value.to(getattr(framework, dtype)) for name, value in values.items()}
    with framework.autocast("cpu"):
        return eval(expression, {"torch": framework, "F": framework.nn.functional, **values})


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_dtypes_and_values(dtype: str) -> None:
    wrong = []
    for expression in CASES:
        try:
            expected = evaluated(torch, expression, dtype)
        except RuntimeError:
            continue  # of mixed dtypes, or without a kernel
        actual = evaluated(flambeau, expression, dtype)
        if str(actual.dtype) != str(expected.dtype):
            wrong.append(f"{expression}: {actual.dtype} instead of {expected.dtype}")
            continue
        # Products of bfloat16 are rounded once here, and by PyTorch after parts of them.
        relative = 2e-2 if "bfloat16" in (dtype, str(expected.dtype)[6:]) else 2e-2 if "float32" == dtype else 1e-9
        ours, theirs = np.array(actual.double().tolist()), expected.double().numpy()
        if not np.allclose(ours, theirs, rtol=relative, atol=relative * max(1, np.abs(theirs).max())):
            wrong.append(f"{expression}: {ours} instead of {theirs}")
    assert not wrong, "\n".join(wrong)


def test_what_is_listed_exists_in_pytorch():
    known = {name.partition("::")[2].partition(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    known |= set(dir(torch.nn.functional)) | set(dir(torch))
    assert lists.LOWER | lists.SINGLE | lists.WIDEST | lists.LIKE_STATE <= known


def test_state():
    for framework in (torch, flambeau):
        x = framework.ones(2, 2)
        assert not framework.is_autocast_enabled("cpu") and framework.get_autocast_dtype("cpu") is framework.bfloat16
        with framework.autocast("cpu", dtype=framework.float16):
            assert framework.is_autocast_cpu_enabled() and framework.get_autocast_cpu_dtype() is framework.float16
            assert (x @ x).dtype is framework.float16
            with framework.amp.autocast("cpu", enabled=False):
                assert (x @ x).dtype is framework.float32
            assert (x @ x).dtype is framework.float16
            assert framework.mm(x, x, out=framework.empty(2, 2)).dtype is framework.float32
            assert x.clone().addmm_(x, x).dtype is framework.float32
        assert not framework.is_autocast_enabled("cpu") and (x @ x).dtype is framework.float32
        with pytest.warns(UserWarning, match="target dtype is not supported"), framework.autocast("cpu", framework.float32):
            assert (x @ x).dtype is framework.float32
        with pytest.raises(ValueError):
            framework.autocast(3)
        with pytest.raises(RuntimeError):
            framework.autocast("toaster")
        product = framework.autocast("cpu")(lambda a, _f=framework: _f.mm(a, a))
        assert product(x).dtype is framework.bfloat16
    assert lists.autocast not in calls.ACTIVE


def test_another_thread_is_left_alone():
    x, found = flambeau.ones(2, 2), []
    with flambeau.autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append((x @ x).dtype))
        thread.start()
        thread.join()
    assert found == [flambeau.float32]


def test_an_error_leaves_it_as_it_was():
    with flambeau.autocast("cpu"):
        with pytest.raises(RuntimeError):
            flambeau.mm(flambeau.ones(2, 3), flambeau.ones(2, 3))
        assert flambeau.is_autocast_enabled("cpu")
    assert lists.autocast not in calls.ACTIVE


@pytest.mark.parametrize("cached", [True, False])
def test_a_weight_used_twice(cached: bool) -> None:
    """Its gradients add up in bfloat16 if it is cast once, in float32 if it is cast twice."""
    grads = []
    for framework in (torch, flambeau):
        generator = np.random.default_rng(3)
        w, x = (framework.tensor(generator.standard_normal((5, 5)).astype(np.float32)) for _ in range(2))
        w.requires_grad_()
        with framework.autocast("cpu", cache_enabled=cached):
            loss = ((x @ w) + (x * 3) @ w).float().sum()
        loss.backward()
        assert w.grad.dtype is framework.float32
        grads.append(np.array(w.grad.tolist()))
    np.testing.assert_allclose(*grads, rtol=1e-2, atol=2e-2)


@pytest.mark.parametrize("module", [flambeau, torch], ids=["flambeau", "torch"])
def test_a_weight_used_without_history_first(module: ModuleType) -> None:
    weight = module.ones(4, 4, requires_grad=True)
    with module.autocast("cpu", dtype=module.bfloat16):
        with module.no_grad():
            assert not module.mm(weight, weight).requires_grad
        module.mm(weight, weight).float().sum().backward()
    assert weight.grad.tolist() == [[8.0] * 4] * 4


def test_functions_with_gradients_of_their_own():
    for framework in (torch, flambeau):
        seen: list[Any] = []

        def remember(value: Any, kinds: Any = seen) -> Any:
            kinds.append(str(value.dtype))
            return value

        class Product(framework.autograd.Function):
            @staticmethod
            @framework.amp.custom_fwd(device_type="cpu")
            def forward(ctx: Any, a: Any) -> Any:
                ctx.save_for_backward(a)
                return remember(a @ a)

            @staticmethod
            @framework.amp.custom_bwd(device_type="cpu")
            def backward(ctx: Any, grad: Any) -> Any:
                return remember(grad.float() @ ctx.saved_tensors[0]).float()

        class Single(framework.autograd.Function):
            @staticmethod
            @framework.amp.custom_fwd(device_type="cpu", cast_inputs=framework.float32)
            def forward(ctx: Any, a: Any) -> Any:
                return remember(a @ a)

            @staticmethod
            @framework.amp.custom_bwd(device_type="cpu")
            def backward(ctx: Any, grad: Any) -> Any:
                return grad

        x = framework.ones(2, 2, requires_grad=True)
        with framework.autocast("cpu"):
            result = Product.apply(x)
            Single.apply(x.bfloat16())
        result.float().sum().backward()
        Product.apply(x).sum().backward()
        assert seen == ["torch.bfloat16", "torch.float32", "torch.bfloat16", "torch.float32", "torch.float32"]


def losses(framework: ModuleType, checkpointed: bool) -> list[float]:
    nn, generator = framework.nn, np.random.default_rng(0)
    x = framework.tensor(generator.standard_normal((8, 3, 8, 8)).astype(np.float32))
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 5)]
    model = nn.Sequential(*layers)
    with framework.no_grad():
        for parameter in model.parameters():
            parameter.copy_(framework.tensor(generator.standard_normal(tuple(parameter.shape)).astype(np.float32) * 0.1))
    optimiser = framework.optim.SGD(model.parameters(), lr=0.1)
    found = []
    for _ in range(4):
        optimiser.zero_grad()
        with framework.autocast("cpu"):
            scores = framework.utils.checkpoint.checkpoint(model, x, use_reentrant=False) if checkpointed else model(x)
            assert scores.dtype is framework.bfloat16
            loss = nn.functional.cross_entropy(scores, framework.arange(8) % 5)
        assert loss.dtype is framework.float32
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("checkpointed", [False, True])
def test_training(checkpointed: bool) -> None:
    import torch.utils.checkpoint

    import flambeau.utils.checkpoint  # noqa: F401

    np.testing.assert_allclose(losses(flambeau, checkpointed), losses(torch, checkpointed), rtol=2e-2)
