"""The same computation in Flambeau and in PyTorch, from the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import flambeau


def to_flambeau(value: Any) -> Any:
    """A PyTorch tensor's values as a Flambeau tensor; other things as they are."""
    if isinstance(value, torch.Tensor):
        ours = flambeau.tensor(value.detach().numpy().copy())
        return ours.requires_grad_() if value.requires_grad else ours
    if isinstance(value, (list, tuple)):
        return type(value)(to_flambeau(item) for item in value)
    if isinstance(value, torch.dtype):
        return getattr(flambeau, str(value).removeprefix("torch."))
    return value


def to_numpy(value: Any) -> Any:
    return value.detach().numpy()


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-5, atol: float = 1e-6, what: str = "") -> None:
    """Both tensors (or tuples of them) have the same shape and dtype, and nearly the same values."""
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), what
        for place, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, rtol, atol, f"{what}[{place}]")
        return
    if theirs is None:
        assert ours is None, what
        return
    assert tuple(ours.shape) == tuple(theirs.shape), what
    assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1], what
    np.testing.assert_allclose(to_numpy(ours), to_numpy(theirs), rtol=rtol, atol=atol, err_msg=what)


def compare(
    ours: Callable[..., Any], theirs: Callable[..., Any], inputs: Sequence[Any], rtol: float = 1e-5,
    atol: float = 1e-6, **options: Any,
) -> None:  # fmt: skip
    """Results agree, and so do the gradients of every floating-point input that wants one."""
    their_inputs = [item.clone().requires_grad_() if wants_grad(item) else item for item in inputs]
    our_inputs = [to_flambeau(item) for item in their_inputs]
    expected = theirs(*their_inputs, **{name: value for name, value in options.items()})
    actual = ours(*our_inputs, **{name: to_flambeau(value) for name, value in options.items()})
    assert_same(actual, expected, rtol, atol, "result")
    first_expected = expected[0] if isinstance(expected, (list, tuple)) else expected
    first_actual = actual[0] if isinstance(actual, (list, tuple)) else actual
    if not first_expected.requires_grad:
        return
    torch.manual_seed(1)
    weights = torch.randn(first_expected.shape, dtype=first_expected.dtype)
    (first_expected * weights).sum().backward()
    (first_actual * to_flambeau(weights)).sum().backward()
    for place, (a, b) in enumerate(zip(our_inputs, their_inputs, strict=True)):
        if wants_grad(b):
            assert_same(a.grad, b.grad, rtol, atol, f"gradient {place}")


def wants_grad(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and not getattr(value, "constant", False)


def constant(tensor: torch.Tensor) -> torch.Tensor:
    """Mark an input as one whose gradient is not asked for."""
    tensor.constant = True  # type: ignore[attr-defined]
    return tensor


def copy_state(ours: Any, theirs: Any) -> None:
    """Give our module the other one's parameters and buffers."""
    ours.load_state_dict({name: to_flambeau(value) for name, value in theirs.state_dict().items()})
