"""Every family compared with PyTorch's on PyTorch's samples: values, gradients, shapes, errors, representations."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from distributions.families import FAMILIES, compare, gradients, made, outcome

import flambeau

#: What PyTorch computes with less precision: by polynomials that are right to seven digits, or partly in float32; one family
#: it has in float32 alone.
ROUGH = {"VonMises": 1e-4, "Multinomial": 1e-7, "Multinomial logits": 1e-7, "GeneralizedPareto": 1e-5}


def compared(name: str, question: str, ours: Any, theirs: Any, mine: list[Any], parameters: list[Any]) -> None:
    """Two answers, and their gradients."""
    if isinstance(theirs, tuple):
        if theirs[0] is AttributeError:  # PyTorch's expanded Multinomial lacks a part
            return
        assert ours == theirs, question
        return
    rtol = ROUGH.get(name, 1e-9)
    compare(ours, theirs, rtol=rtol, atol=1e-10)
    slopes = outcome(lambda: gradients(flambeau, ours, mine)), outcome(lambda: gradients(torch, theirs, parameters))
    if isinstance(slopes[1], tuple):
        assert slopes[0][0] is slopes[1][0], question
        return
    for a, b in zip(*slopes):
        np.testing.assert_allclose(a, b, rtol=max(rtol * 100, 1e-8), atol=1e-9, err_msg=question)


QUESTIONS = [
    "mean",
    "mode",
    "variance",
    "stddev",
    "entropy()",
    "perplexity()",
    "enumerate_support()",
    "enumerate_support(False)",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FAMILIES)
def test_family(name: str) -> None:
    double = name != "GeneralizedPareto"
    theirs, parameters = made(FAMILIES[name], torch, double)
    ours, mine = made(FAMILIES[name], flambeau, double)
    batch = (2, *theirs.batch_shape)
    torch.manual_seed(0)
    values = made(FAMILIES[name], torch, double)[0].sample((4,)).numpy()
    for left, right in ((ours, theirs), (ours.expand(batch), theirs.expand(batch))):
        assert repr(left) == repr(right)
        assert repr(left.support) == repr(right.support)
        assert left.has_rsample == right.has_rsample and left.has_enumerate_support == right.has_enumerate_support
        assert tuple(left.batch_shape) == tuple(right.batch_shape) and tuple(left.event_shape) == tuple(
            right.event_shape
        )
        for question in QUESTIONS:
            answers = [outcome(partial(eval, "d." + question, {"d": d})) for d in (left, right)]
            compared(name, question, *answers, mine, parameters)
        shown = np.stack([values] * 2, 1) if left is not ours else values
        chances = np.linspace(0.02, 0.98, shown.size, dtype=shown.dtype).reshape(shown.shape)
        for question, given in (("log_prob", shown), ("cdf", shown), ("icdf", chances)):
            answers = [
                outcome(partial(getattr(d, question), of.from_numpy(given)))
                for d, of in ((left, flambeau), (right, torch))
            ]
            compared(name, question, *answers, mine, parameters)
        for shape in ((), (3,), (2, 5)):
            sample = left.sample(shape)
            assert tuple(sample.shape) == tuple(right.sample(shape).shape)
            assert sample.dtype == left.sample().dtype and str(sample.dtype) == str(right.sample().dtype)
            assert not sample.requires_grad and left.support.check(sample).all()
            if left.has_rsample:
                sample = left.rsample(shape)
                assert sample.requires_grad == right.rsample(shape).requires_grad
                assert all(np.isfinite(g).all() for g in gradients(flambeau, sample, mine))


def test_half_of_the_precision() -> None:
    """float32 parameters give float32 results, as near to float64's as they can be expected to be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, expression in FAMILIES.items():
            ours, theirs = (made(expression, package, double=False)[0] for package in (flambeau, torch))
            torch.manual_seed(1)
            values = theirs.sample((3,))
            compare(ours.log_prob(flambeau.from_numpy(values.numpy())), theirs.log_prob(values), rtol=3e-4, atol=1e-4)
            assert str(ours.sample().dtype) == str(theirs.sample().dtype), name
