"""``out=``: obeyed, with PyTorch's resizing, conversions and warnings, or refused with its type of error."""

from __future__ import annotations

import ast
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

sys.path.insert(0, str(Path(__file__).parent))
from table import DTYPES, FAMILIES, Row  # noqa: E402
from test_against_torch import Outcome, plain, samples  # noqa: E402


def with_out(row: Row, parts: list[Any]) -> Row | None:
    """A row that gives its result and what it was put into, if the row is one call of a function."""
    call = ast.parse(row.expression, mode="eval").body
    if not isinstance(call, ast.Call) or not ast.unparse(call.func).startswith("torch."):
        return None
    if ast.unparse(call.func).startswith("torch.nn."):  # where out= is not documented
        return None
    if not all(isinstance(part, torch.Tensor) for part in parts) or any(
        keyword.arg == "out" for keyword in call.keywords
    ):
        return None
    call.keywords.append(ast.keyword("out", ast.Name("out")))
    places = ", ".join(f"torch.empty(0, dtype={part.dtype})" for part in parts)
    places = f"({places})" if len(parts) > 1 else places
    return row._replace(expression=f"(lambda out: ({ast.unparse(call)}, out))({places})")


@pytest.mark.parametrize("family", FAMILIES)
def test_results_go_where_they_are_wanted(family: str) -> None:
    """Each function of the table that takes ``out=`` in PyTorch: the same bits as without, in the tensor given."""
    failures = []
    for row in FAMILIES[family]:
        sample, name = samples(row)[0], DTYPES[row.dtypes[0]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = with_out(row, Outcome(torch, row, sample, name, False).parts)
            if other is None:
                continue
            try:
                Outcome(torch, other, sample, name, False)
            except (TypeError, RuntimeError, AttributeError):
                continue
            expected = Outcome(flambeau, row, sample, name, False).parts
            parts = Outcome(flambeau, other, sample, name, False).parts
        if len(parts) != 2:
            failures.append(f"{other.expression}: {parts[0]}")
            continue
        result, out = (list(part) if isinstance(part, tuple) else [part] for part in parts)
        for made, place, wanted in zip(result, out, expected, strict=True):
            if made is not place:
                failures.append(f"{other.expression}: not what was given")
            elif not np.array_equal(plain(place), plain(wanted), equal_nan=wanted.is_floating_point()):
                failures.append(f"{other.expression}: {place} instead of {wanted}")
    assert not failures, "\n".join(failures)


PLACES = {
    "exact": "lib.zeros(2, 3)",
    "without elements": "lib.empty(0)",
    "another shape": "lib.zeros(4)",
    "double": "lib.zeros(2, 3, dtype=lib.double)",
    "whole": "lib.zeros(2, 3, dtype=lib.int64)",
    "transposed": "lib.zeros(3, 2).t()",
    "a part": "lib.zeros(5, 3)[1:3]",
    "a column": "lib.zeros(2, 3, 2)[:, :, 1]",
    "expanded": "lib.zeros(1, 3).expand(2, 3)",
    "the operand": "a",
    "a parameter": "lib.zeros(2, 3, requires_grad=True)",
    "a pair": "(lib.zeros(2, 3), lib.zeros(2, 3))",
    "nothing": "None",
}

FUNCTIONS = """
    lib.add(a, b, out=out)
    lib.max(a, b, out=out)
    lib.min(a, b, out=out)
    lib.maximum(a, b, out=out)
    lib.atan2(a, b, out=out)
    lib.sqrt(a, out=out)
    lib.frac(a, out=out)
    lib.clamp_min(a, 1, out=out)
    lib.logaddexp(a, b, out=out)
    lib.heaviside(a, b, out=out)
    lib.mul(tracked, b, out=out)
    lib.hypot(tracked, b, out=out)
    lib.nn.functional.softplus(a, out=out)
    lib.nn.functional.softshrink(a, out=out)
    lib.nn.functional.hardshrink(a, out=out)
    lib.nn.functional.normalize(a, out=out)
"""


@pytest.mark.parametrize("expression", [line.strip() for line in FUNCTIONS.strip().splitlines()])
def test_places(expression: str) -> None:
    said = []
    for lib in (torch, flambeau):
        found = []
        for kind, place in PLACES.items():
            scope = {"lib": lib, "a": lib.tensor([[1.0, 5, 2], [7, 3, 0]]), "b": lib.tensor([[2.0, 4, 2], [1, 9, 3]])}
            scope["tracked"] = lib.tensor([[1.0, 5, 2], [7, 3, 1]], requires_grad=True)
            scope["out"] = out = eval(place, scope)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    result = eval(expression, scope)
                except Exception as error:
                    found.append((kind, type(error)))
                    continue
            resized = any("was resized" in str(w.message) for w in caught)
            base = None if out is None or out._base is None else np.round(plain(out._base), 4).tolist()
            values = np.round(plain(result), 4).tolist()
            found.append(
                (kind, out is None or result is out, str(result.dtype), result.stride(), values, base, resized)
            )
        said.append(found)
    for (kind, *ours), (_, *theirs) in zip(said[1], said[0], strict=True):
        if kind == "double" and theirs == [RuntimeError]:
            continue  # not every function of PyTorch's converts what it puts into another dtype
        assert ours == theirs, kind


def test_what_is_no_tensor() -> None:
    a = flambeau.ones(2)
    for call in (
        "add(a, a, out=3)",
        "atan2(a, a, out=3)",
        "max(a, 0, out=a)",
        "max(a, 0, out=(a,))",
        "sqrt(a, out='a')",
    ):
        with pytest.raises(TypeError, match="argument 'out' must be"):
            eval("flambeau." + call, {"flambeau": flambeau, "a": a})


REDUCTIONS = """
    lib.max(a, 1, out=(v, i))
    lib.min(a, dim=0, keepdim=True, out=(v, i))
    lib.sort(a, 1, out=(v, i))
    lib.topk(a, 2, out=[v, i])
    lib.kthvalue(a, 1, out=(v, i))
    lib.median(a, 0, out=(v, i))
    lib.max(a, out=v)
    lib.mode(a, out=(v, i))
    lib.cummax(a, 0, out=(v, i))
    lib.aminmax(a, out=(v, v2))
    lib.frexp(a, out=(v, n))
    lib.linalg.slogdet(a[:, :2], out=(v, v2))
    lib.linalg.qr(a, out=(v, v2))
    lib.linalg.eigh(a[:, :2] + a[:, :2].t(), out=(v, v2))
    lib.linalg.solve(a[:, :2], a, out=v)
    lib.linalg.solve(a[:, :2], a.t(), left=False, out=v)
    lib.linalg.inv_ex(a[:, :2], out=(v, n))
    lib.special.entr(a, out=v)
    lib.special.i1(a, out=v)
    lib.polygamma(0, a, out=v)
    lib.index_select(a, 1, lib.tensor([2, 0]), out=v)
    lib.gather(a, 1, lib.tensor([[2], [0]]), out=v)
    lib.gather(lib.tensor(2.0), 0, lib.tensor(0), out=v)
    lib.take(a, lib.tensor([2, 0]), out=v)
    lib.argmax(a, 1, out=i)
    lib.sum(a.int(), 1, out=n)
    lib.sum(a, 1, out=v)
    lib.prod(a.int(), 1, out=n)
    lib.prod(a.int(), 1, out=i)
    lib.sum(a, 1, dtype=lib.double, out=v)
    lib.sum(a, 1, dtype=float, out=v)
    lib.rand(2, out=i)
    lib.linspace(0, 4, 5, out=i)
    lib.arange(3, out=v)
    lib.randint(1, (2,), out=v)
    lib.nansum(a.int(), out=n)
    lib.cumsum(a.int(), 0, out=n)
    lib.any(a > 2, 1, out=m)
    lib.all(a, out=m)
    lib.std(a, 1, out=v)
    lib.var(a, dim=(0, 1), keepdim=True, out=v)
    lib.logsumexp(a, 1, out=v)
    lib.amax(a, 1, out=v)
    lib.nanmean(a, 1, out=v)
    lib.masked_select(a, a > 2, out=v)
    lib.isin(a, a[0], out=m)
    lib.signbit(a, out=m)
    lib.outer(a[0], a[1], out=v)
    lib.diff(a, out=v)
    lib.range(1, 4, out=v)
    lib.logspace(0, 2, 3, out=v)
    lib.arange(3, out=n)
    lib.linspace(0, 1, 3, out=v)
    lib.eye(2, out=i)
    lib.full((2,), 3, out=v)
    lib.zeros(2, 2, out=i)
    lib.randperm(1, out=i)
    lib.scatter_add(a, 1, lib.tensor([[0], [1]]), a, out=v)
    lib.where(a > 2, a, a * 2, out=v)
    lib.max(a, 1, out=v)
    lib.max(a, 1, out=(v,))
    lib.max(a, 1, out=(v, i, n))
    lib.max(a, 1, out=(v, 3))
    lib.sort(a, out=v)
"""


@pytest.mark.parametrize("expression", [line.strip() for line in REDUCTIONS.strip().splitlines()])
def test_several_and_other_dtypes(expression: str) -> None:
    said = []
    for lib in (torch, flambeau):
        scope = {"lib": lib, "a": lib.tensor([[1.0, 5, 2], [7, 3, 1]]), "v": lib.empty(0), "v2": lib.empty(0)}
        scope["i"], scope["n"] = lib.empty(0, dtype=lib.int64), lib.empty(0, dtype=lib.int32)
        scope["m"] = lib.empty(0, dtype=lib.bool)
        try:
            result = eval(expression, scope)
        except Exception as error:
            said.append(type(error))
            continue
        places = [scope[key] for key in ("v", "v2", "i", "n", "m")]
        parts = [result] if isinstance(result, (torch.Tensor, flambeau.Tensor)) else list(result)
        assert all(any(part is place for place in places) for part in parts)
        said.append([plain(place).astype(float) for place in places])
    if isinstance(said[0], type):
        assert said[1] is said[0]
    else:
        for ours, theirs in zip(said[1], said[0], strict=True):
            assert ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


LAYERS = ["gelu(a)", "logsigmoid(a)", "linear(a, a)", "avg_pool2d(a[None], 2)", "avg_pool3d(a[None, None], 1)"]


@pytest.mark.parametrize("call", LAYERS)
def test_functions_of_layers_take_out_as_native_ones_do(call: str) -> None:
    for place in ("lib.empty(0)", "(F.{call} + 1)"):
        found = []
        for lib in (torch, flambeau):
            scope = {"lib": lib, "F": lib.nn.functional, "a": lib.tensor([[1.0, -1, 2], [7, 3, 0]])}
            scope["out"] = out = eval(place.format(call=call), scope)
            assert eval(f"F.{call[:-1]}, out=out)", scope) is out
            found.append(out.numpy())
        np.testing.assert_allclose(found[1], found[0], rtol=1e-6)
