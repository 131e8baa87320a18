"""Dtypes that no tensor has here: named, compared and described as in PyTorch, and refused when a tensor is to have one."""

import pickle

import pytest
import torch

import flambeau
from flambeau.graph.dtypes import STORED
from flambeau.graph.named_dtypes import NAMES, NamedDtype

NAMES_WITH_LIMITS = [name for name in NAMES if name.startswith(("uint", "int", "qint"))]
ONLY_NAMED = [name for name in NAMES if isinstance(getattr(flambeau, name), NamedDtype)]


@pytest.mark.parametrize("name", NAMES)
def test_what_they_are_like(name):
    ours, theirs = getattr(flambeau, name), getattr(torch, name)
    assert isinstance(ours, flambeau.dtype) and repr(ours) == repr(theirs) and ours is getattr(flambeau, name)
    for attribute in ("itemsize", "is_floating_point", "is_complex"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    assert ours != flambeau.float32 and len({ours, flambeau.float32}) == 2
    assert pickle.loads(pickle.dumps(ours)) is ours


@pytest.mark.parametrize("name", [*NAMES_WITH_LIMITS, *[d.name for d in STORED]])
def test_limits(name):
    for kind in ("finfo", "iinfo"):
        try:
            theirs = getattr(torch, kind)(getattr(torch, name))
        except TypeError:
            with pytest.raises(TypeError):
                getattr(flambeau, kind)(getattr(flambeau, name))
            continue
        ours = getattr(flambeau, kind)(getattr(flambeau, name))
        for limit in ("bits", "max", "min", "eps", "tiny", "smallest_normal", "resolution"):
            assert getattr(ours, limit, None) == getattr(theirs, limit, None), limit


@pytest.mark.parametrize("name", ONLY_NAMED)
def test_no_tensor_has_one(name):
    dtype, x = getattr(flambeau, name), flambeau.ones(2)
    for make in (
        lambda: flambeau.zeros(2, dtype=dtype),
        lambda: flambeau.empty(2, dtype=dtype),
        lambda: flambeau.tensor([1.0], dtype=dtype),
        lambda: flambeau.full((2,), 1, dtype=dtype),
        lambda: x.to(dtype),
        lambda: x.type(dtype),
        lambda: flambeau.zeros_like(x, dtype=dtype),
        lambda: x.sum(dtype=dtype),
    ):
        with pytest.raises(NotImplementedError, match=f"does not offer tensors of dtype torch.{dtype.name}"):
            make().tolist()
