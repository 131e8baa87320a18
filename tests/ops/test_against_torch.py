"""Every line of the table against PyTorch: values, dtypes, shapes, strides; first and second derivatives.

All lines of a family are recorded before the first value is looked at, so that a test takes few evaluations.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from oracle import array
from table import DTYPES, FAMILIES, Row, samples
from table.samples import Input, Sample, cast, generator, prepared, viewed

import flambeau
import flambeau.nn.functional

RELATIVE = {"float64": 4e-14, "float32": 2e-6, "float16": 2e-3, "bfloat16": 1.6e-2}
"""Relative error allowed for one operation; half types are rounded after every primitive."""
EPSILON = {"float64": 2.3e-16, "float32": 1.2e-7, "float16": 9.8e-4, "bfloat16": 7.9e-3}


class Outcome:
    """What an expression gave in one library: tensors (or other values) and the leaves that they came from."""

    def __init__(self, library: Any, row: Row, sample: Sample, name: str, derivatives: bool, absolute: bool = False) -> None:
        self.leaves: list[Any] = []
        values: dict[str, Any] = {"torch": library, "F": library.nn.functional}
        for key, given in sample.items():
            numbers = given.array if given.fixed else cast(np.abs(given.array) if absolute else given.array, name)
            base = library.tensor(prepared(numbers, given.layout))
            if name == "bfloat16" and not given.fixed:
                base = base.bfloat16()
            if derivatives and not given.fixed:
                base.requires_grad_()
                self.leaves.append(base)
            values[key] = viewed(base, given.layout, numbers.shape)
        try:
            made = eval(library is torch and row.reference or row.expression, values)  # the table's own expressions
        except Exception as error:
            if library is torch:
                raise
            made = f"{type(error).__name__}: {error}"  # compared with what PyTorch gives, and found to differ
        self.parts = list(made) if isinstance(made, (tuple, list)) else [made]

    def gradients(self, library: Any, parts: Sequence[Any], create_graph: bool) -> list[Any]:
        """Gradients of a fixed weighted sum of the parts with respect to the leaves (those that there are)."""
        total: Any = None
        for index, part in enumerate(parts):
            if part is None or not part.requires_grad:
                continue
            weight = generator(f"weight {index}").normal(size=tuple(part.shape)) + 0.5
            term = (part * library.tensor(np.asarray(weight), dtype=part.dtype)).sum()
            total = term if total is None else total + term
        if total is None:
            return [None] * len(self.leaves)
        found = library.autograd.grad(total, self.leaves, create_graph=create_graph, allow_unused=True)
        return list(found)


def close(actual: np.ndarray, expected: np.ndarray, relative: float, absolute: Any) -> bool:
    """Whether arrays agree: the same NaNs and infinities, and numbers within the tolerance."""
    with np.errstate(all="ignore"):
        same = (actual == expected) | (np.isnan(actual) & np.isnan(expected)) if actual.dtype.kind == "f" else actual == expected
        near = np.abs(actual - expected) <= relative * np.abs(expected) + absolute if actual.dtype.kind == "f" else same
        return bool((same | (near & np.isfinite(expected))).all())


def difference(actual: Any, expected: Any, relative: float, absolute: Any, strides: bool = True) -> str | None:
    """How two results differ, or None. Where PyTorch's result is contiguous, ours is to be so too (if ``strides``)."""
    if not isinstance(expected, torch.Tensor):
        return None if actual == expected else f"{actual!r} instead of {expected!r}"
    if not isinstance(actual, flambeau.Tensor):
        return f"{actual!r} instead of a tensor"
    if str(actual.dtype) != str(expected.dtype):
        return f"dtype {actual.dtype} instead of {expected.dtype}"
    if tuple(actual.shape) != tuple(expected.shape):
        return f"shape {tuple(actual.shape)} instead of {tuple(expected.shape)}"
    if strides and expected.is_contiguous() and not actual.is_contiguous():
        return f"strides {actual.stride()} instead of {expected.stride()}"
    a, b = array(actual), array(expected)
    if not close(a, b, relative, absolute):
        with np.errstate(all="ignore"):
            worst = np.nanmax(np.abs(a.astype(float) - b) / np.maximum(np.abs(b), 1e-300)) if a.size else 0
        return f"values differ (relative error up to {worst:.2g}):\n{a}\ninstead of\n{b}"
    return None


def lines(family: str, letter: str) -> list[Row]:
    """The family's rows that have a dtype."""
    return [row for row in FAMILIES[family] if letter in row.dtypes]


def expected_of(row: Row, sample: Sample, name: str) -> Outcome:
    """What PyTorch gives, or what it gives in float64 rounded to the dtype that it would have."""
    outcome = Outcome(torch, row, sample, name, False)
    if row.slack == "float64" and name in RELATIVE:
        exact = [{k: i if i.fixed else i._replace(array=shown_in(i, name), fixed=True) for k, i in sample.items()}]
        parts = Outcome(torch, row, exact[0], "float64", False).parts
        outcome.parts = [e.to(part.dtype) for e, part in zip(parts, outcome.parts, strict=True)]
    return outcome


def shown_in(given: Input, name: str) -> np.ndarray:
    """An input's numbers as they are in a dtype, in float64."""
    numbers = cast(given.array, name)
    return (torch.tensor(numbers).bfloat16().double().numpy() if name == "bfloat16" else numbers).astype("float64")


def allowed(row: Row, sample: Sample, expected: Any) -> tuple[float, Any]:
    """Relative and absolute tolerance for a result."""
    name = str(getattr(expected, "dtype", ""))[6:]
    if name not in RELATIVE:
        return 0.0, 0.0
    smallest = float(torch.finfo(expected.dtype).smallest_normal) * EPSILON[name] if name == "float16" else 1.2e-38
    if row.slack == "linear":
        sizes = Outcome(torch, row, sample, "float64", False, absolute=True).parts[0].detach().numpy()
        return RELATIVE[name], smallest + 4 * EPSILON[name] * (sizes if sizes.shape == expected.shape else 0)
    if row.slack == "float64":
        return EPSILON[name] if name in ("float16", "bfloat16") else RELATIVE[name], smallest
    if row.slack == "absolute":
        return RELATIVE[name], 4 * EPSILON[name]
    assert isinstance(row.slack, float | int)
    return RELATIVE[name] * row.slack, smallest


@pytest.mark.parametrize(
    ("family", "letter"), [(f, c) for f, rows in FAMILIES.items() for c in DTYPES if any(c in r.dtypes for r in rows)]
)
def test_values(family: str, letter: str) -> None:
    name = DTYPES[letter]
    cases = [(row, sample) for row in lines(family, letter) for sample in samples(row)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = [Outcome(flambeau, row, sample, name, False) for row, sample in cases]
        theirs = [expected_of(row, sample, name) for row, sample in cases]
        failures = []
        for (row, sample), actual, expected in zip(cases, ours, theirs):
            if len(actual.parts) != len(expected.parts):
                failures.append(f"{row.expression} of {described(sample)}: {actual.parts!r}")
                continue
            for a, b in zip(actual.parts, expected.parts):
                found = difference(a, b, *allowed(row, sample, b), family != "decompositions")
                if found:
                    failures.append(f"{row.expression} of {described(sample)}: {found}")
    assert not failures, "\n".join(failures)


def described(sample: Sample) -> str:
    """A sample in short."""
    return ", ".join(f"{key} {i.array.shape} {i.layout}" for key, i in sample.items())


@pytest.mark.parametrize("family", [f for f, rows in FAMILIES.items() if any(r.derivatives for r in rows)])
def test_derivatives(family: str) -> None:
    cases = []
    for row in lines(family, "d"):
        for sample in samples(row):
            # What is left of sums of huge numbers depends on their order.
            ordinary = all((np.abs(i.array) < 1e3).all() for i in sample.values() if i.array.dtype.kind == "f")
            if row.derivatives and ordinary:
                cases.append((row, sample))
    failures = []
    results = []
    for library in (flambeau, torch):
        found = []
        for row, sample in cases:
            outcome = Outcome(library, row, sample, "float64", True)
            second = row.derivatives > 1
            first = outcome.gradients(library, [p for p in outcome.parts if hasattr(p, "requires_grad")], second)
            found.append((first, outcome.gradients(library, first, False) if second else []))
        results.append(found)
    for (row, sample), ours, theirs in zip(cases, *results):
        slack = row.slack if not isinstance(row.slack, str) else 4
        for order in (0, 1):
            for a, b in zip(ours[order], theirs[order]):
                if b is None or a is None:  # a gradient that is not there stands for zeros
                    given = a if b is None else b
                    if given is not None and bool((given.abs() > 1e-13).any()):
                        failures.append(f"derivative {order + 1} of {row.expression}: {a} instead of {b}")
                    continue
                size = np.nanmax(np.abs(array(b)), initial=1.0)
                unlike = difference(a, b, 2e-12 * slack, 1e-13 * slack * size, strides=False)
                if unlike:
                    failures.append(f"derivative {order + 1} of {row.expression} of {described(sample)}: {unlike}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("family", FAMILIES)
def test_fused(family: str) -> None:
    """The second time that a program does the same its kernels are fused: the same bits as the first time (NaN has many)."""

    def bits(tensor: flambeau.Tensor) -> bytes:
        values = array(tensor)
        return (np.where(np.isnan(values), np.nan, values) if values.dtype.kind == "f" else values).tobytes()

    cases = [(row, sample) for row in lines(family, "f") for sample in samples(row)[:2]]
    runs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            made = [Outcome(flambeau, row, sample, "float32", False).parts for row, sample in cases]
            runs.append([[bits(p) for p in parts if isinstance(p, flambeau.Tensor)] for parts in made])
    unlike = [row.expression for (row, _), first, second in zip(cases, *runs, strict=True) if first != second]
    assert not unlike
