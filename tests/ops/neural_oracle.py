"""The same computation in Flambeau and in PyTorch: values, gradients and gradients of gradients.

Everything is computed three times: the first time one primitive at a time, then fused. The bits must be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import flambeau
from flambeau.autograd.engine import grad as flambeau_grad

TOLERANCES = {torch.float64: 1e-10, torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def as_flambeau(value: Any) -> Any:
    """A PyTorch tensor's values (with ``requires_grad``) as a Flambeau tensor, dtypes by name; the rest as it is."""
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.bfloat16:
            made = flambeau.tensor(value.detach().float().numpy()).to(flambeau.bfloat16)
        else:
            made = flambeau.tensor(value.detach().numpy().copy())
        return made.requires_grad_() if value.requires_grad else made
    if isinstance(value, torch.dtype):
        return getattr(flambeau, str(value).removeprefix("torch."))
    return value


def array(value: Any) -> np.ndarray:
    """A tensor of either kind as an array; bfloat16 as float32."""
    value = value.detach()
    if str(value.dtype).endswith("bfloat16"):
        value = value.float()
    return np.array(value.numpy())


def assert_close(ours: Any, theirs: Any, tolerance: float, what: str = "") -> None:
    """Same shape and dtype, values within ``tolerance`` relative to the largest value (and NaN where NaN is)."""
    if theirs is None:
        assert ours is None, what
        return
    assert tuple(ours.shape) == tuple(theirs.shape), what
    assert str(ours.dtype) == str(theirs.dtype), what
    a, b = array(ours), array(theirs)
    finite = b[np.isfinite(b)] if b.dtype.kind == "f" else b
    scale = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=what)


Results = list[Any]


def derivatives(
    function: Callable[..., Any], inputs: Sequence[Any], weights: Sequence[Any], grad: Callable[..., Any], second: bool
) -> Results:
    """The outputs, the gradients of their weighted sum (of squares if ``second``), and those of these gradients' squares."""
    outputs = function(*inputs)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    results = list(outputs)
    wanted = [x for x in inputs if getattr(x, "requires_grad", False)]
    tracked = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    if not tracked or not wanted:
        return results
    total = sum((y * y * w).sum() if second else (y * w).sum() for y, w in tracked)
    first = grad(total, wanted, create_graph=second, allow_unused=True)
    results += first
    if second:
        squares = sum((g * g).sum() for g in first if g is not None and g.requires_grad)
        results += grad(squares, wanted, allow_unused=True) if not isinstance(squares, int) else []
    return results


def check(
    ours: Callable[..., Any], theirs: Callable[..., Any], *inputs: Any, second: bool = False,
    tolerance: float | None = None,
) -> Any:  # fmt: skip
    """Compare outputs, gradients and (if ``second``) second derivatives; returns Flambeau's outputs."""
    with torch.no_grad():
        outputs = theirs(*inputs)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    torch.manual_seed(1)
    weights = [torch.randn(y.shape, dtype=torch.float64).to(y.dtype) for y in outputs]
    floats = [t.dtype for t in (*inputs, *outputs) if isinstance(t, torch.Tensor) and t.is_floating_point()]
    if tolerance is None:
        tolerance = max((TOLERANCES[d] for d in floats), default=0.0)
    expected = derivatives(theirs, inputs, weights, torch.autograd.grad, second)
    previous: list[np.ndarray] | None = None
    for run in range(3):
        # No looking in between: what is recorded is evaluated as a whole.
        our_inputs = [as_flambeau(x) for x in inputs]
        actual = derivatives(ours, our_inputs, [as_flambeau(w) for w in weights], flambeau_grad, second)
        assert len(actual) == len(expected)
        bits = [array(a) if a is not None else np.zeros(0) for a in actual]
        if previous is not None:
            for place, (a, b) in enumerate(zip(previous, bits, strict=True)):
                np.testing.assert_array_equal(a, b, err_msg=f"run {run}, result {place}: other bits than before")
        previous = bits
    for place, (a, b) in enumerate(zip(actual, expected, strict=True)):
        assert_close(a, b, tolerance, f"result {place} of {len(expected)}")
    return actual[: len(outputs)] if len(outputs) > 1 else actual[0]


def floats(*shape: int, dtype: torch.dtype = torch.float32, grad: bool = True, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers that want a gradient."""
    generator = torch.Generator().manual_seed(seed + 7 * sum(shape))
    made = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return made.requires_grad_(grad)


def assert_same_error(ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
    """Both raise, with the same type of exception and the same message (late errors may say more after it)."""
    try:
        theirs()
    except Exception as error:  # noqa: BLE001
        expected = error
    else:
        raise AssertionError("PyTorch raised nothing")
    try:
        result = ours()
        for part in result if isinstance(result, tuple) else (result,):
            array(part)
    except Exception as error:  # noqa: BLE001
        assert type(error) is type(expected), f"{error!r} instead of {expected!r}"
        message, wanted = str(error).split(" (recorded at")[0], str(expected).split("\n")[0]
        assert message == wanted, f"{message!r} instead of {wanted!r}"
    else:
        raise AssertionError(f"nothing raised instead of {expected!r}")
