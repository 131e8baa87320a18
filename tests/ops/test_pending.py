"""Every line of the table on operands that nobody has computed yet: the same bits as on the same operands in memory.

An operand is pending in many ways: as a source (a range, a constant, random numbers), as a view of one, as the result of
another kernel of each kind. A kernel may compute it, read it or take it over; in none of these may a result change.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracle import array
from table import DTYPES, FAMILIES, Row, samples
from table.samples import Input, cast, prepared, viewed

import flambeau as torch
from flambeau.graph.trace import step_boundary

Tensor = torch.Tensor


def _range(x: Tensor, given: np.ndarray) -> Tensor:
    if x.dtype.is_floating_point:
        finite = given[np.isfinite(given)]
        low = float(finite.min(initial=0))
        step = (float(finite.max(initial=0)) - low) / x.numel() or 1.0
        return torch.arange(x.numel(), dtype=x.dtype).reshape(x.shape) * step + low
    return (torch.arange(x.numel()) % max(int(given.max()) + 1, 1)).to(x.dtype).reshape(x.shape)


def _whole_range(x: Tensor, given: np.ndarray) -> Tensor:
    """The source itself, where its numbers are fit to be indices."""
    if x.dtype.is_floating_point or x.dtype is torch.int64 and x.numel() <= int(given.max()) + 1:
        return torch.arange(x.numel(), dtype=x.dtype).reshape(x.shape)
    return _range(x, given)


def _turned_range(x: Tensor, given: np.ndarray) -> Tensor:
    return _whole_range(x.transpose(0, -1), given).transpose(0, -1)


def _written(x: Tensor, given: np.ndarray) -> Tensor:
    made = torch.zeros(x.shape, dtype=x.dtype)
    made[1:] = x[1:]
    return made


def _scattered(x: Tensor, given: np.ndarray) -> Tensor:
    return torch.zeros(x.shape, dtype=x.dtype).index_copy(0, torch.arange(x.shape[0]).flip(0), x)


PENDING: dict[str, Callable[[Tensor, np.ndarray], Tensor]] = {
    "range": _range,
    "the range itself": _whole_range,
    "range, transposed": _turned_range,
    "end of a range": lambda x, given: _range(torch.empty(x.numel() + 3, dtype=x.dtype), given)[3:].view(x.shape),
    "constant": lambda x, given: torch.full(x.shape, given.reshape(-1)[0].item(), dtype=x.dtype),
    "constant, expanded": lambda x, given: torch.full((1,) * x.ndim, given.reshape(-1)[0].item(), dtype=x.dtype).expand(x.shape),
    "random": lambda x, given: torch.rand(x.shape).floor().to(x.dtype) + x,
    "map": lambda x, given: torch.where(x == x, x, x),
    "copy": lambda x, given: x.clone(),
    "row reduction": lambda x, given: torch.stack([x, x], -1).amax(-1),
    "column reduction": lambda x, given: torch.stack([x, x]).amin(0),
    "gather": lambda x, given: x.flip(0).roll(1, -1),
    "join": lambda x, given: torch.cat([x[1:], x[:1]]),
    "write": _written,
    "scatter": _scattered,
    "product": lambda x, given: x @ torch.eye(x.shape[-1], dtype=x.dtype) if x.ndim == 2 and x.dtype.is_floating_point else x.T,
    "host function": lambda x, given: x.sort(0)[0],
}  # fmt: skip


def results(row: Row, inputs: dict[str, Input], letter: str, kinds: dict[str, str], compute_first: bool) -> list[Any]:
    """What a line gives, values and gradients, with some operands pending, or computed beforehand."""
    step_boundary()
    torch.manual_seed(3)
    values: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}
    leaves = []
    for key, given in inputs.items():
        numbers = given.array if given.fixed else cast(given.array, DTYPES[letter])
        leaf = torch.tensor(prepared(numbers, given.layout))
        if letter == "b" and not given.fixed:
            leaf = leaf.bfloat16()
        if row.derivatives and leaf.dtype.is_floating_point:
            leaves.append(leaf.requires_grad_())
        operand = viewed(leaf, given.layout, numbers.shape)
        if key in kinds and numbers.size and numbers.ndim:
            operand = PENDING[kinds[key]](operand, numbers)
        values[key] = operand
    if compute_first:
        step_boundary()
    try:
        made = eval(row.expression, values)  # the table's own expressions
        parts = [part for part in (made if isinstance(made, (tuple, list)) else [made]) if isinstance(part, Tensor)]
        tracked = [part.double().nan_to_num(0, 1, -1).sum() for part in parts if part.requires_grad]
        if tracked:
            parts += [g for g in torch.autograd.grad(sum(tracked), leaves, allow_unused=True) if g is not None]
        return [array(part) for part in parts]
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as error:
        return [f"{type(error).__name__}: {error}".split(" (recorded at")[0]]


def check(family: str, letter: str, turn: int) -> list[str]:
    """The lines that gave other bits; each operand is made pending in the way that is its turn."""
    unlike = []
    names = list(PENDING)
    for number, row in enumerate(row for row in FAMILIES[family] if letter in row.dtypes):
        given = samples(row)
        inputs = given[turn % len(given)]
        kinds = {key: names[(number + turn * 5 + 3 * place) % len(names)] for place, key in enumerate(inputs)}
        wanted = results(row, inputs, letter, kinds, compute_first=True)
        for run in ("one by one", "fused"):
            found = results(row, inputs, letter, kinds, compute_first=False)
            if not same(wanted, found):
                unlike.append(f"{row.expression} of {kinds}, {run}: {found} instead of {wanted}")
    return unlike


def same(wanted: list[Any], found: list[Any]) -> bool:
    """Whether all values are equal to the bit (which NaN it is nobody fixes)."""
    if len(wanted) != len(found):
        return False
    for a, b in zip(wanted, found):
        if isinstance(a, str) or isinstance(b, str):
            if not (isinstance(a, str) and isinstance(b, str)):
                return False
        elif a.dtype != b.dtype or a.shape != b.shape or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            return False
    return True


@pytest.mark.parametrize("letter", "fl")
@pytest.mark.parametrize("family", FAMILIES)
def test_pending_operands_change_nothing(family: str, letter: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unlike = check(family, letter, 0)
    assert not unlike, "\n".join(unlike)
