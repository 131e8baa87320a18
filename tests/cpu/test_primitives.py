"""Every primitive has all that a row of the set has, and the processor knows how to compute it."""

import numpy as np

import flambeau
from flambeau.cpu.device import TEMPLATES
from flambeau.cpu.elementwise import EMITTERS
from flambeau.graph.primitives import PRIMITIVES
from flambeau.ops.recording_paths import unary

#: Elementwise primitives of which loops make something of their own.
IN_LOOPS = {"fill", "iota", "random_bits", "copy", "cast"}


def of_kind(kind: str) -> set[str]:
    return {primitive.name for primitive in PRIMITIVES.values() if primitive.kind == kind}


def test_every_primitive_has_an_emitter():
    assert not of_kind("map") - EMITTERS.keys() - IN_LOOPS
    assert not of_kind("template") - {"convolution", *TEMPLATES}
    rest = {primitive.kind for primitive in PRIMITIVES.values()} - {"map", "template", "reduce"}
    kinds = "matmul attention ctc recurrent gather scatter write join scan host output partial leaf"
    assert rest == set(kinds.split())


def test_every_reduction_is_computed():
    wanted = {
        "sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all,
        "argmax": np.argmax, "argmin": np.argmin,
    }  # fmt: skip
    assert of_kind("reduce") == {f"reduce_{name}" for name in wanted}
    values = np.array([3, 0, 5, -2, 5, 1], np.int64)
    for name, function in wanted.items():
        result = unary(PRIMITIVES[f"reduce_{name}"], flambeau.tensor(values), None, (0, 0, (0,), flambeau.int64))
        assert result.item() == function(values), name


def test_every_primitive_has_a_cost_and_a_name_of_its_own():
    for name, primitive in PRIMITIVES.items():
        assert primitive.name == name and primitive.cost >= 1
