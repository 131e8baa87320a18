"""Checkpoints: the same gradients as without, and PyTorch's errors."""

import warnings

import pytest
import torch
import torch.utils.checkpoint

import flambeau

BOTH = pytest.mark.parametrize("T", [flambeau, torch], ids=["flambeau", "torch"])


def noisy(T, x, weight):
    h = T.relu(x @ weight).sin()
    return T.nn.functional.dropout(h, 0.5) * 2 + h


@BOTH
@pytest.mark.parametrize("reentrant", [True, False])
def test_what_is_computed_again_is_the_same(T, reentrant):
    checkpoint = T.utils.checkpoint.checkpoint
    gradients = []
    for call in (noisy, lambda *given: checkpoint(noisy, *given, use_reentrant=reentrant)):
        T.manual_seed(3)
        x = (T.arange(16.0).reshape(4, 4) / 7).requires_grad_()
        weight = T.full((4, 4), 0.3, requires_grad=True)
        call(T, x, weight).sum().backward()
        gradients.append((x.grad.tolist(), weight.grad.tolist(), T.rand(1).item()))
    assert gradients[0] == gradients[1]


@BOTH
@pytest.mark.parametrize("reentrant", [True, False])
def test_the_second_time_is_in_the_same_precision(T, reentrant):
    dtypes = []

    def product(x):
        y = x @ x
        dtypes.append(str(y.dtype))
        return y.sin()

    x = T.ones(4, 4, requires_grad=True)
    with T.autocast("cpu", dtype=T.bfloat16):
        y = T.utils.checkpoint.checkpoint(product, x, use_reentrant=reentrant)
    y.sum().backward()
    assert dtypes == ["torch.bfloat16"] * 2


@BOTH
def test_nested_and_sequential(T):
    checkpoint = T.utils.checkpoint.checkpoint
    x = T.linspace(-1, 1, 5, requires_grad=True)
    checkpoint(lambda v: checkpoint(T.exp, v.sin(), use_reentrant=False) * v, x, use_reentrant=False).sum().backward()
    plain = x.detach().clone().requires_grad_()
    (plain.sin().exp() * plain).sum().backward()
    assert x.grad.tolist() == plain.grad.tolist()
    parts = [T.sin, T.exp, T.tanh]
    T.utils.checkpoint.checkpoint_sequential(parts, 2, x, use_reentrant=False).sum().backward()
    plain.sin().exp().tanh().sum().backward()
    assert x.grad.tolist() == plain.grad.tolist()


def what_saved_values_want(T):
    """A chain whose values nobody holds, and what a function's backward is told of the values it saved."""

    class Told(T.autograd.Function):
        @staticmethod
        def forward(ctx, value, other):
            ctx.save_for_backward(value, other)
            return value * other

        @staticmethod
        def backward(ctx, grad):
            value, other = ctx.saved_tensors
            wants.append((value.requires_grad, value.is_leaf, other.requires_grad))
            return grad * other, None

    wants = []
    x, w = (T.linspace(-1, 1, 6, requires_grad=True) for _ in range(2))
    y = x
    for reentrant in (True, False, True, True):
        y = T.utils.checkpoint.checkpoint(lambda v: (v * w).sin() + v, y, use_reentrant=reentrant)
        y = Told.apply(y.tanh(), y.detach().cos())
    y.sum().backward()
    return wants, [f"{n:.3f}" for leaf in (x, w) for n in leaf.grad.tolist()], x.grad.requires_grad


def test_saved_values_that_nobody_holds_want_gradients_as_before():
    assert what_saved_values_want(flambeau) == what_saved_values_want(torch)


def errors(T):
    found = []

    def caught(function):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                function()
            except Exception as error:
                found.append((type(error).__name__, str(error)[:80]))

    module = T.utils.checkpoint
    x = T.ones(3, requires_grad=True)
    calls = iter(range(9))
    caught(lambda: module.checkpoint(lambda v: v + 0 if next(calls) else v.sin(), x, use_reentrant=False).sum().backward())
    caught(lambda: T.autograd.grad(module.checkpoint(T.sin, x, use_reentrant=True).sum(), x))
    caught(lambda: module.checkpoint(T.sin, x, use_reentrant=True, other=1))
    caught(lambda: module.checkpoint(T.sin, x, use_reentrant=True, debug=True))
    caught(lambda: module.checkpoint_sequential([T.sin], 1, x, use_reentrant=True, other=1))
    return found


def test_errors_are_pytorchs():
    assert errors(flambeau) == errors(torch)
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        flambeau.utils.checkpoint.checkpoint(flambeau.sin, flambeau.ones(2, requires_grad=True))


@BOTH
def test_backward_passes_of_a_group_compute_once(T):
    calls = []

    def work(x):
        calls.append(1)
        return x.exp(), x.sin() * x.exp()

    x = T.ones(3, requires_grad=True)
    c = T.utils.checkpoint
    first, second = c.checkpoint(work, x, use_reentrant=False)
    with c.GraphExecGroup():
        first.sum().backward()
        second.sum().backward()
        with pytest.raises(RuntimeError, match="cannot be nested"):
            c.GraphExecGroup().__enter__()
    assert len(calls) == 2 and x.grad is not None
    first, second = c.checkpoint(work, x, use_reentrant=False)
    first.sum().backward()
    second.sum().backward()
    assert len(calls) == 5


@BOTH
def test_what_programs_with_checkpoints_of_their_own_use(T):
    c = T.utils.checkpoint
    tracked = T.ones(2, requires_grad=True) * 2
    value, other, number = c.detach_variable((tracked, T.ones(1), 3))
    assert value.requires_grad and value.is_leaf and not other.requires_grad and number == 3
    with pytest.raises(RuntimeError, match="Only tuple of tensors is supported"):
        c.detach_variable([tracked])
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        c.check_backward_validity([T.ones(1), 3])
    assert c.get_device_states(tracked) == ([], []) and c.DefaultDeviceType.get_device_type() == "cpu"
    assert [policy.name for policy in c.CheckpointPolicy][:2] == ["MUST_SAVE", "PREFER_SAVE"]
    assert c.SelectiveCheckpointContext(is_recompute=False).op_output is None
    with c.set_checkpoint_debug_enabled(True):
        c.checkpoint(lambda x: x * 2, tracked, use_reentrant=False).sum().backward()
