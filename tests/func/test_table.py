"""The table of operations: each for a batch as for its samples, and forward mode beside backward."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from table import FAMILIES, Row, samples
from table.samples import cast

import flambeau
import flambeau.func
import flambeau.nn.functional

DEPENDING = (
    "unique", "nonzero", "allclose", "equal", "bincount", "apply_", "map_", "gaussian_nll_loss", "_ex(", "residuals",
    ".view(torch.",
)  # fmt: skip
"""What looks at values, or has a result whose shape depends on them: it may raise that inside ``vmap``."""
RANDOM = ("rand", "dropout", "normal", "bernoulli", "multinomial", "empty")
NOT_TWICE = ("ctc_loss", "matrix_rank")
"""What has no second derivatives, here as in PyTorch, or none at all: it has no tangents."""


def functions(family: str) -> Iterator[tuple[Row, str, Callable[..., list[Any]], list[np.ndarray]]]:
    """The rows of a family with a dtype, a function of what is not fixed in their first sample, and that."""
    for row in FAMILIES[family]:
        name = next((name for letter, name in (("d", "float64"), ("f", "float32"), ("l", "int64")) if letter in row.dtypes), "")
        given = samples(row)[0]
        keys = [key for key, value in given.items() if not value.fixed]
        if not name or not keys or any(word in row.expression for word in RANDOM):
            continue
        fixed = {key: flambeau.tensor(value.array) for key, value in given.items() if value.fixed}
        space = {"torch": flambeau, "F": flambeau.nn.functional, **fixed}

        def function(*values: Any, row: Row = row, keys: Any = keys, space: Any = space) -> list[Any]:
            made = eval(row.expression, {**space, **dict(zip(keys, values))})
            return [x for x in (made if isinstance(made, (list, tuple)) else [made]) if isinstance(x, flambeau.Tensor)]

        yield row, name, function, [given[key].array for key in keys]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_gives_what_its_samples_give(family: str) -> None:
    pending = []
    for row, name, function, arrays in functions(family):
        batch = [np.stack([cast(array, name), cast(array * 0.75, name)]) for array in arrays]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            single = [function(*[flambeau.tensor(values[sample]) for values in batch]) for sample in range(2)]
            if any(a.shape != b.shape for a, b in zip(*single)):
                continue
            try:
                together = flambeau.vmap(function)(*[flambeau.tensor(values) for values in batch])
            except RuntimeError as error:
                assert "data-dependent" in str(error) and any(word in row.expression for word in DEPENDING), row.expression
                continue
        pending += [(row.expression, *each) for each in zip(together, *single, strict=True)]
    for expression, many, *single in pending:
        for sample, one in enumerate(single):
            assert (many.dtype, many[sample].shape) == (one.dtype, one.shape), expression
            np.testing.assert_allclose(
                many[sample].double().detach().numpy(), one.double().detach().numpy(), 1e-6, 1e-9, err_msg=expression
            )


@pytest.mark.parametrize("family", FAMILIES)
def test_forward_mode_agrees_with_backward(family: str) -> None:
    """u · (J v) is (uᵀ J) · v."""
    pending = []
    for row, name, function, arrays in functions(family):
        if name != "float64" or not row.derivatives or any(word in row.expression for word in NOT_TWICE):
            continue

        def floats(*values: Any, function: Any = function) -> list[Any]:
            return [x for x in function(*values) if x.is_floating_point()]

        values = [flambeau.tensor(cast(array, name)) for array in arrays]
        random = np.random.default_rng(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs, pull = flambeau.func.vjp(floats, *values)
            cotangents = [flambeau.tensor(random.normal(size=tuple(x.shape))) for x in outputs]
            directions = [flambeau.tensor(random.normal(size=tuple(x.shape))) for x in values]
            tangents = flambeau.func.jvp(floats, tuple(values), tuple(directions))[1]
        pairs = [*zip(cotangents, tangents)], [*zip(pull(cotangents), directions)], [*zip(outputs, cotangents)]
        pending.append((row.expression, *[sum((a * b).sum() for a, b in side) for side in pairs]))
    for expression, forward, backward, value in pending:
        if np.isfinite(float(backward)) and np.isfinite(float(value)):
            np.testing.assert_allclose(float(forward), float(backward), 1e-8, 1e-8, err_msg=expression)
