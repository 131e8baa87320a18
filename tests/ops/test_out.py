"""``out=``: obeyed, with PyTorch's resizing, conversions and warnings, or refused with its type of error."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
import flambeau.linalg
import flambeau.special


def plain(value: Any) -> np.ndarray:
    """A tensor's values as an array."""
    return value.detach().numpy()


def wanted() -> set[str]:
    """The functions that take ``out=`` in PyTorch and exist here: what its schemas and the stubs of its functions say."""
    stub = ast.parse((Path(torch.__file__).parent / "_C" / "_VariableFunctions.pyi").read_text()).body
    named = {
        node.name
        for node in stub
        if isinstance(node, ast.FunctionDef) and any(p.arg == "out" for p in node.args.args + node.args.kwonlyargs)
    }
    schemas = {
        schema.name.removeprefix("aten::")
        for schema in torch._C._jit_get_all_schemas()
        if any(argument.is_out for argument in schema.arguments)
    }
    names = {name for name in schemas & named if hasattr(torch, name) and hasattr(flambeau, name)}
    for module in ("linalg", "special"):
        inner = {name.removeprefix(module + "_") for name in schemas if name.startswith(module + "_")}
        owners = getattr(torch, module), getattr(flambeau, module)
        names |= {f"{module}.{name}" for name in inner if all(hasattr(owner, name) for owner in owners)}
    # The first has a schema with it, but does not take it; some take lists; the results of the others are complex; _int_mm takes
    # only what fits (tests/surface/test_eager_names.py).
    lists = {"split_copy", "split_with_sizes_copy", "unbind_copy"}
    return names - {"_int_mm", "linalg.matrix_exp", "linalg.eig", "linalg.eigvals", "complex", "polar"} - lists


CALLS = {
    "[a, a], 0, 1": "_chunk_cat",
    "a.flatten()[None], *[a.flatten()] * 3, a.flatten().abs() + 1, False, 0.1, 1e-5": (
        "native_batch_norm _native_batch_norm_legit"
    ),
    "a": "any all",
    "a + 1": "acosh arccosh",
    "n": "bitwise_not",
    "n, n": "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift gcd lcm",
    "a, b": "max min isin",
    "a, a, b": "addcmul addcdiv",
    "a, a, 0.25": "lerp",
    "a, 0": """cumsum cumprod logcumsumexp cummax cummin softmax log_softmax logsumexp special.logsumexp all any amax amin
        argmax argmin mean sum prod std var max min median nanmedian mode sort frobenius_norm""",
    "a, 0.5": "clamp clip clamp_min clamp_max quantile nanquantile",
    "a, stable=True": "argsort",
    "a, 1": "kthvalue topk",
    "a, 2": "mvlgamma special.multigammaln histogram",
    "1, a": "polygamma special.polygamma",
    "a, b.t()": "mm matmul linalg.matmul",
    "a[None], b.t()[None]": "bmm",
    "s, a, b.t()": "addmm",
    "s, a[None], b.t()[None]": "addbmm",
    "s[None], a[None], b.t()[None]": "baddbmm",
    "v, v": "dot vdot outer ger",
    "a[:, 0], a, v": "addmv",
    "a, a[:, 0], v": "addr",
    "a, b.t().contiguous().t()": "linalg.cross cross",
    "s": """linalg.ldl_factor linalg.ldl_factor_ex
        cholesky inverse slogdet linalg.cholesky linalg.cholesky_ex linalg.det linalg.inv linalg.inv_ex linalg.eigh
        linalg.eigvalsh linalg.slogdet cholesky_inverse nuclear_norm""",
    "s, 3": "matrix_power linalg.matrix_power",
    "s, a": "chain_matmul linalg.solve linalg.solve_ex linalg.lstsq",
    "a, s": "triangular_solve cholesky_solve",
    "s, a, upper=True": "linalg.solve_triangular",
    "linalg.lu_factor(s)[0], linalg.lu_factor(s)[1], a": "linalg.lu_solve",
    "a, linalg.lu_factor(s)[0], linalg.lu_factor(s)[1]": "lu_solve",
    "linalg.lu_factor(s)[0], linalg.lu_factor(s)[1]": "lu_unpack",
    "[s, a]": "linalg.multi_dot",
    "[a, b]": "cat concat concatenate stack hstack vstack row_stack dstack column_stack",
    "a, 1, i": "index_select",
    "a, 1, i[None]": "gather",
    "a, i": "take",
    "a, i[None]": "take_along_dim",
    "a, 0, i[None], b": "scatter scatter_add",
    "a, 0, i[None], b, 'sum'": "scatter_reduce",
    "a, 0, i, b": "index_add index_copy",
    "a, 0, i, b, 'mean'": "index_reduce",
    "a, a > 1": "masked_select",
    "a > 1, a, b": "where",
    "a, b, 0": "slice_scatter",
    "a, 0, 0, 1": "narrow_copy",
    "a, 1, 0, 1.5": "renorm",
    "a, 0.5, 2.0": "threshold",
    "a, size=2": "nonzero_static",
    "v, a": "searchsorted",
    "a, v": "bucketize mv",
    "a, (2,), (1,)": "as_strided_copy",
    "a.t().contiguous(), a[:, 0]": "linalg.householder_product orgqr",
    "a.t().contiguous(), a[:, 0], b.t()": "ormqr",
    "linalg.ldl_factor(s)[0], linalg.ldl_factor(s)[1], a": "linalg.ldl_solve",
    "s, ind=1": "linalg.tensorinv",
    "s, a[:, 0]": "linalg.tensorsolve",
    "a, (1, 0)": "permute_copy",
    "a, 0, 1": "select_copy transpose_copy",
    "a, (2, *a.shape)": "expand_copy",
    "a, (-1,)": "view_copy",
    "a, 0, 1, 1": "unfold_copy",
    "a[None], 0": "squeeze_copy unsqueeze_copy",
    "3": "arange randperm eye",
    "0, 3": "range",
    "0, 3, 4": "linspace logspace",
    "2, 3": "empty ones zeros rand randn",
    "(2, 3), 1.5": "full",
    "3, (2,)": "randint",
    "a, a": "normal",
    "abs(a), 2": "multinomial",
    "abs(a) + 2, abs(b) + 1": "special.zeta",
}
"""Calls of functions that take ``out=``, by what they are given; of others than those that are given one or two such tensors."""

RANDOM = {"bernoulli", "rand", "randn", "randint", "randperm", "normal", "multinomial", "empty"}

PLACES: dict[str, Callable[[Any, Any], Any]] = {
    "fitting": lambda lib, result: lib.empty(tuple(result.shape), dtype=result.dtype),
    "without elements": lambda lib, result: lib.empty(0, dtype=result.dtype),
    "of another size": lambda lib, result: lib.zeros(7, dtype=result.dtype),
}
for _name in ("float64", "float32", "float16", "int64", "int32", "bool"):
    PLACES[_name] = lambda lib, result, name=_name: lib.zeros(tuple(result.shape), dtype=getattr(lib, name))

OTHERWISE = {
    # PyTorch leaves what has no elements as it was.
    *((name, "of another size") for name in ("native_batch_norm", "_native_batch_norm_legit")),
    # what PyTorch converts inside the kernel, or fills in parts
    ("bernoulli", "int64"), ("bernoulli", "int32"), ("bernoulli", "bool"), ("nansum", "int64"), ("nansum", "int32"),
    ("nansum", "bool"), ("addbmm", "of another size"), ("geqrf", "float64"), ("geqrf", "float16"),
    ("linalg.lstsq", "float64"), ("linalg.lstsq", "float32"), ("linalg.lstsq", "float16"),
}  # fmt: skip


def parts_of(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def outcome(lib: Any, name: str, arguments: str, place: Callable[[Any, Any], Any]) -> Any:
    """What a call gives, with ``out=``; the error's type, if it fails."""
    scope = {
        "linalg": lib.linalg,
        "a": lib.tensor([[0.5, 0.25, 0.75], [0.125, 0.375, 0.625]]),
        "b": lib.tensor([[1.0, 2, 0.5], [3, 1, 2]]),
        "s": lib.tensor([[2.0, 1], [1, 3]]),
        "v": lib.tensor([0.25, 0.5, 0.75]),
        "n": lib.tensor([[1, 2, 3], [4, 5, 6]]),
        "i": lib.tensor([1, 0]),
    }
    module, _, inner = name.rpartition(".")
    scope["function"] = getattr(getattr(lib, module) if module else lib, inner)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = eval(f"function({arguments})", scope)
        places = [place(lib, part) for part in parts_of(result)]
        scope["out"] = places if isinstance(result, (tuple, list)) else places[0]
        caught.clear()
        try:
            made = eval(f"function({arguments}, out=out)", scope)
        except (RuntimeError, TypeError) as error:
            return "refused" if isinstance(error, RuntimeError) or "can't be cast" in str(error) else str(error)
    assert all(part is given for part, given in zip(parts_of(made), places, strict=True)), name
    values = [] if name in RANDOM else [np.round(plain(part.double()), 4) for part in places]
    if name.endswith("svd"):  # of which each pair of vectors may have either sign
        values = [abs(array) for array in values]
    resized = any("was resized" in str(warning.message) for warning in caught)
    return [str(part.dtype) for part in places], [tuple(part.shape) for part in places], [v.tolist() for v in values], resized


def calls() -> Iterator[tuple[str, str]]:
    """(name, arguments): what is listed, and for all other functions as many tensors as they need."""
    listed = {name for names in CALLS.values() for name in names.split()}
    yield from ((name, arguments) for arguments, names in CALLS.items() for name in names.split())
    of_sparse = {"hspmm", "sspaddmm", "smm"}  # tested in tests/sparse
    for name in sorted(wanted() - listed - of_sparse | {"all", "any", "max", "min"}):
        module, _, inner = name.rpartition(".")
        function = getattr(getattr(flambeau, module) if module else flambeau, inner)
        needed = [[p.kind for p in form if not p.optional] for form in function.__checked__.native_forms()]
        count = min(len(kinds) for kinds in needed if set(kinds) == {"Tensor"})
        yield name, ", ".join("ab"[:count])


@pytest.mark.parametrize("kind", PLACES)
def test_results_go_where_they_are_wanted(kind: str) -> None:
    """Every function that takes ``out=``: the result in the tensor given, which is returned; warnings and errors as PyTorch's."""
    wrong = []
    several = list(calls())
    assert len(several) > 290
    for name, arguments in several:
        if (name, kind) not in OTHERWISE:
            theirs, ours = (outcome(lib, name, arguments, PLACES[kind]) for lib in (torch, flambeau))
            if theirs != ours:
                wrong.append(f"{name}({arguments}): {ours} instead of {theirs}")
    assert not wrong, "\n".join(wrong)


OPERANDS = {
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
        for kind, place in OPERANDS.items():
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
    lib.topk(a, 2, out=[v, i])
    lib.linalg.solve(a[:, :2], a.t(), left=False, out=v)
    lib.gather(lib.tensor(2.0), 0, lib.tensor(0), out=v)
    lib.sum(a.int(), 1, out=n)
    lib.prod(a.int(), 1, out=n)
    lib.prod(a.int(), 1, out=i)
    lib.sum(a, 1, dtype=lib.double, out=v)
    lib.sum(a, 1, dtype=float, out=v)
    lib.rand(2, out=i)
    lib.linspace(0, 4, 5, out=i)
    lib.randint(1, (2,), out=v)
    lib.nansum(a.int(), out=n)
    lib.cumsum(a.int(), 0, out=n)
    lib.any(a > 2, 1, out=m)
    lib.all(a, out=m)
    lib.var(a, dim=(0, 1), keepdim=True, out=v)
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
