"""A finished graph as ONNX's own objects: what is not used is left out, and constants become the file's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import flambeau

from ..core.tensor import Tensor
from ..version import __version__
from . import _package
from ._builder import CODES, Value, code_of
from ._facts import Fact
from ._translate import Translated

_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}
"""{operator set: the version of the format that came with it}."""

DimensionNames = Mapping[str, Mapping[int, str]]
"""{input or output: {axis: name}}."""


def model_of(translated: Translated, names: DimensionNames) -> Any:
    """A ``ModelProto``. Sizes that may differ have the ``names`` that are given, or those of inputs that are as long."""
    onnx = _package.onnx()
    helper, builder = onnx.helper, translated.builder
    nodes = _used(builder.nodes, [value.name for value, _ in translated.outputs])
    read = {name for node in nodes for name in node.input} | {value.name for value, _ in translated.outputs}
    known: dict[tuple[int, int], str] = {}
    inputs = [_info(value, fact, names, known, True) for value, fact in translated.inputs]
    outputs = [_info(value, fact, names, known, False) for value, fact in translated.outputs]
    constants = [tensor_of(value, name) for name, value in builder.initializers.items() if name in read]
    graph = helper.make_graph(nodes, "main_graph", inputs, outputs, constants)
    imports = [helper.make_opsetid("", builder.opset)]
    used = {node.domain for node in nodes if node.domain}
    imports += [helper.make_opsetid(domain, builder.domains.get(domain, 1)) for domain in sorted(used)]
    made = helper.make_model(graph, opset_imports=imports, producer_name="flambeau", producer_version=__version__)
    made.ir_version = _VERSIONS.get(builder.opset, 10)
    return made


def _used(nodes: list[Any], outputs: list[str]) -> list[Any]:
    """The nodes that outputs depend on."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    return [*reversed(kept)]


def _info(value: Value, fact: Fact, names: DimensionNames, known: dict[tuple[int, int], str], given: bool) -> Any:
    """The type of an input or an output. Sizes that are the same in both runs are called the same."""
    own = names.get(value.name, {})
    sizes: list[int | str] = []
    for axis, size in enumerate(fact.shape):
        if axis in own:
            sizes.append(own[axis])
        elif size is not None:
            sizes.append(size)
        else:
            sizes.append(known.get(fact.pairs[axis], f"{value.name}_dim_{axis}"))
        if given and size is None:
            known.setdefault(fact.pairs[axis], str(sizes[-1]))
    return _package.onnx().helper.make_tensor_value_info(value.name, code_of(fact.dtype), sizes)


def tensor_of(value: Tensor | np.ndarray, name: str) -> Any:
    """A constant of the file."""
    onnx = _package.onnx()
    if isinstance(value, np.ndarray):
        return onnx.numpy_helper.from_array(np.asarray(value, order="C"), name)
    made = onnx.TensorProto(name=name, data_type=CODES[value.dtype.name], dims=[*value.shape])
    plain = value.detach().contiguous()
    plain = plain.view(flambeau.int16) if plain.dtype is flambeau.bfloat16 else plain
    made.raw_data = plain.numpy().tobytes()
    return made
