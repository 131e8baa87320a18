"""Every operation that is exported, in ``onnxruntime`` beside PyTorch: of sizes that stay, and of sizes that do not."""

from __future__ import annotations

import re
from typing import Any

import onnx_cases
import pytest
import torch
from onnx_exported import check, module_of

import flambeau
import flambeau.export
from flambeau.onnx.errors import OnnxExporterError

FAMILIES = ("ELEMENTWISE", "REDUCTIONS", "SHAPES", "INDEXING", "PRODUCTS", "LAYERS")
INPUTS = onnx_cases.inputs()


def case(expression: str) -> tuple[list[str], Any]:
    """The names of an expression's inputs, and a function that makes a module of it."""
    names = sorted({name for name in re.findall(r"(?<![\w.'])([a-z]\w*)\b(?!\()", expression) if name in INPUTS})

    def build(library: Any) -> Any:
        def function(*args: Any) -> Any:
            return eval(expression, {"T": library, "F": library.nn.functional, **dict(zip(names, args))})

        return module_of(library, function)

    return names, build


@pytest.mark.parametrize("family", FAMILIES)
def test_of_sizes_that_stay(family: str) -> None:
    wrong = []
    for expression in getattr(onnx_cases, family):
        names, build = case(expression)
        try:
            check(build(flambeau), build(torch), [INPUTS[name] for name in names])
        except Exception as error:
            wrong.append(f"{expression}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)


STATIC = {
    "split(2, 1)", "chunk(3, -1)", "tensor_split(x, 3", "unbind(", "diagonal(", "diag(", "diag_embed", "channel_shuffle",
    "F.unfold", "r in x", "F.embedding_bag", "batch_norm", "instance_norm(i2)", "adaptive_", "max_unpool",
    "recompute_scale_factor", "mode='area'", "enable_gqa",
}  # fmt: skip
"""What cannot be exported for all sizes that differ here: numbers of channels, of parts, of windows."""
TIES = ("topk", "sort", "kthvalue", "aminmax", "median", "msort")
"""What gives the places of equal elements in any order, as those of repeated rows are."""


def others(args: list[Any]) -> list[Any]:
    """The inputs with other sizes; equal ones stay equal."""
    sizes = sorted({size for arg in args for size in arg.shape})
    longer = {size: size + place + 1 for place, size in enumerate(sizes)}
    found = []
    for arg in args:
        for axis, size in enumerate(arg.shape):
            arg = arg.index_select(axis, torch.arange(longer[size]) % size)
        found.append(arg)
    return found


@pytest.mark.parametrize("family", FAMILIES[1:])
def test_of_sizes_that_differ(family: str) -> None:
    wrong = []
    for expression in getattr(onnx_cases, family):
        names, build = case(expression)
        args = [INPUTS[name] for name in names]
        longer = others(args)
        try:
            build(torch)(*longer)
        except Exception:
            continue  # it is for the sizes of the example alone
        dims = {size: flambeau.export.Dim(f"d{size}") for arg in args for size in arg.shape}
        shapes = {f"args_{place}": {axis: dims[size] for axis, size in enumerate(arg.shape)} for place, arg in enumerate(args)}
        compared = [] if any(name in expression for name in TIES) else [longer]
        try:
            check(build(flambeau), build(torch), args, compared, dynamic_shapes=shapes)
        except OnnxExporterError as error:
            if not any(name in expression for name in STATIC):
                wrong.append(f"{expression}: {error}")
        except Exception as error:
            if not any(name in expression for name in STATIC):
                wrong.append(f"{expression}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)
