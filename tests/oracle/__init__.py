"""PyTorch, the oracle of the tests: its values as Flambeau's, the same computation in both, and what must agree."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import flambeau

TOLERANCES = {torch.float64: 1e-10, torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def as_flambeau(value: Any) -> Any:
    """A PyTorch tensor's values (with ``requires_grad``) as a Flambeau tensor, dtypes by name; the rest as it is."""
    if isinstance(value, torch.Tensor):
        plain = value.detach()
        made = flambeau.tensor((plain.float() if plain.dtype == torch.bfloat16 else plain).numpy().copy())
        made = made.to(flambeau.bfloat16) if plain.dtype == torch.bfloat16 else made
        return made.requires_grad_() if value.requires_grad else made
    if isinstance(value, (list, tuple)):
        return type(value)(map(as_flambeau, value))
    if isinstance(value, torch.dtype):
        return getattr(flambeau, str(value).removeprefix("torch."))
    return value


def array(value: Any) -> np.ndarray:
    """A tensor of either kind as an array of its own; bfloat16 as float32."""
    value = value.detach()
    return np.array((value.float() if "bfloat16" in str(value.dtype) else value).numpy(force=True))


def assert_same(actual: Any, expected: Any, tolerance: float = 1e-5, what: str = "result") -> None:
    """What Flambeau gave is what PyTorch gave: in containers each value, of tensors shape, dtype and values.

    These may differ by ``tolerance``, relative to the largest.
    """
    if isinstance(expected, torch.Tensor):
        assert isinstance(actual, flambeau.Tensor), f"{what}: {actual!r} instead of a tensor"
        assert tuple(actual.shape) == tuple(expected.shape), f"{what}: {actual.shape} instead of {expected.shape}"
        assert str(actual.dtype) == str(expected.dtype), f"{what}: {actual.dtype} instead of {expected.dtype}"
        a, b = array(actual), array(expected)
        scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0))) if b.dtype.kind == "f" else 1.0
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=what)
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys(), what
        for key, value in expected.items():
            assert_same(actual[key], value, tolerance, f"{what}[{key!r}]")
    elif isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), f"{what}: {actual!r} instead of {expected!r}"
        for place, (one, other) in enumerate(zip(actual, expected)):
            assert_same(one, other, tolerance, f"{what}[{place}]")
    else:
        assert actual == expected, f"{what}: {actual!r} instead of {expected!r}"


def agree(program: Callable[[Any], Any], tolerance: float = 1e-6) -> Any:
    """``program(library)`` gives the same on both libraries; returns what Flambeau gave."""
    results = []
    for library in (torch, flambeau):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library.manual_seed(0)
            results.append(program(library))
    assert_same(results[1], results[0], tolerance)
    return results[1]


def evaluated(library: Any, expression: str, **names: Any) -> Any:
    """An expression of ``names`` in which ``T`` is the library and ``F`` its ``nn.functional``."""
    return eval(expression, {"T": library, "F": library.nn.functional, **names})


def leaf(library: Any, *values: Any) -> Any:
    """A float64 leaf that requires grad."""
    return library.tensor(values, dtype=library.float64, requires_grad=True)


def floats(*shape: int, dtype: torch.dtype = torch.float32, grad: bool = True, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers that want a gradient."""
    generator = torch.Generator().manual_seed(seed + 7 * sum(shape))
    made = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return made.requires_grad_(grad)


def error(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> tuple[str, str]:
    """Type and message of what a call raises, or computing its result does (but not where that was recorded)."""
    try:
        result = function(*arguments, **keywords)
        for part in result if isinstance(result, tuple) else (result,):
            if isinstance(part, flambeau.Tensor):
                array(part)
    except Exception as raised:
        return type(raised).__name__, str(raised).split(" (recorded at")[0].replace("flambeau", "torch")
    raise AssertionError("nothing was raised")


def copy_state(ours: Any, theirs: Any) -> None:
    """Give our module the other one's parameters and buffers."""
    ours.load_state_dict({name: as_flambeau(value) for name, value in theirs.state_dict().items()})


def check(
    program: Callable[..., Any], *inputs: Any, second: bool = False, tolerance: float | None = None
) -> Any:
    """``program(library, *inputs)`` gives the same results, gradients and (if ``second``) second derivatives on both.

    On Flambeau it runs three times: the first time one primitive at a time, then fused. The bits must be the same. Returns
    Flambeau's results.
    """
    with torch.no_grad():
        outputs = listed(program(torch, *inputs))
    torch.manual_seed(1)
    weights = [torch.randn(y.shape, dtype=torch.float64).to(y.dtype) for y in outputs]
    if tolerance is None:
        dtypes = [t.dtype for t in (*inputs, *outputs) if isinstance(t, torch.Tensor) and t.is_floating_point()]
        tolerance = max((TOLERANCES[d] for d in dtypes), default=0.0)
    expected = derivatives(torch, program, inputs, weights, second)
    previous: list[np.ndarray] | None = None
    for run in range(3):
        # No looking in between: what is recorded is evaluated as a whole.
        actual = derivatives(flambeau, program, as_flambeau(inputs), as_flambeau(weights), second)
        bits = [array(a) if a is not None else np.zeros(0) for a in actual]
        for place, (a, b) in enumerate(zip(previous or bits, bits, strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=f"run {run}, result {place}: other bits than before")
        previous = bits
    assert_same(actual, expected, tolerance)
    return actual[: len(outputs)] if len(outputs) > 1 else actual[0]


def derivatives(
    library: Any, program: Callable[..., Any], inputs: Sequence[Any], weights: Sequence[Any], second: bool
) -> list[Any]:
    """The outputs, the gradients of their weighted sum (of squares if ``second``), and those of these gradients' squares."""
    outputs = listed(program(library, *inputs))
    wanted = [x for x in inputs if getattr(x, "requires_grad", False)]
    tracked = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    if not tracked or not wanted:
        return outputs
    total = sum((y * y * w).sum() if second else (y * w).sum() for y, w in tracked)
    first = library.autograd.grad(total, wanted, create_graph=second, allow_unused=True)
    squares = [(g * g).sum() for g in first if g is not None and g.requires_grad] if second else []
    return [*outputs, *first, *(library.autograd.grad(sum(squares), wanted, allow_unused=True) if squares else ())]


def listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
