"""What only values can tell: indices, classes, offsets and probabilities are checked when they are computed with.

The error has PyTorch's type, whatever computes: the first tier, a fused plan, or one operation at a time. Nothing is written
out of bounds, and what was written in place is as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import flambeau
import flambeau.nn.functional
from flambeau.graph import trace

WORDS = [  # the whole message is PyTorch's
    "x.gather(1, at(-1))", "x.gather(1, at(3))", "x.gather(0, at(5))", "v[0].gather(0, n(3))", "v[0].gather(0, n(-1))",
    "x.scatter(1, at(-1), 1.0)", "x.scatter(1, at(3), x)", "x.scatter_add(1, at(-1), x)", "x.scatter_add(0, at(5), x)",
    "x.scatter_reduce(1, at(3), x, 'amax')", "x.scatter_reduce(1, at(-1), x, 'mean', include_self=False)",
    "x.scatter(1, at(3), x, reduce='add')", "x.index_select(0, n(-1))", "x.index_select(1, n(7))", "e.index_select(0, n(7))",
    "v.index_select(0, n(5))", "v[0].index_select(0, n(1))", "x.index_add(0, n(7), x[:1])", "x.index_add(0, n(-1), x[:1])",
    "x.index_add(1, n(3), x[:, :1])", "v.index_add(0, n(5), v[:1])", "x.index_copy(0, n(7), x[:1])",
    "x.index_copy(1, n(-1), x[:, :1])", "x.index_fill(0, n(7), 1.0)", "x.index_fill(1, n(-6), 1.0)",
    "x.index_reduce(0, n(-1), x[:1], 'amax')", "x.take(n(15))", "x.take(n(-16))", "x.put(n(15), v[:1])",
    "x.put(n(-16), v[:1], accumulate=True)", "x.index_add(0, n(9), x[:1], alpha=2)", "x.index_add(0, n(9), x[:1])",
    "x[None].index_add(1, n(9), x[None, :1])", "torch.take_along_dim(x, n(15))", "torch.take_along_dim(x, n(-1))",
    "x[n(5)]", "x[n(-6)]", "x[n(0), n(7)]", "x[:, n(7)]", "y[1, :, n(7)]", "x.index_put((n(7),), v[:3])",
    "x.index_put((n(0), n(7)), v[:1])", "F.embedding(n(7), x)", "F.embedding(n(-1), x)", "F.embedding(n(7), e)",
    "F.nll_loss(x, n(0, 1, 2, 3, 0))", "F.nll_loss(x, n(0, 1, -1, 0, 0), reduction='none')",
    "F.cross_entropy(x, n(0, 1, 2, 0, 7))", "F.cross_entropy(x, n(0, 1, 2, 0, -1), label_smoothing=0.1)",
    "F.one_hot(n(-1))", "F.one_hot(n(-1), 3)", "F.one_hot(n(3), 3)",
    "F.binary_cross_entropy(v + 0.5, v)", "F.binary_cross_entropy(v - 1.5, v)", "F.binary_cross_entropy(v, v + 0.5)",
    "F.binary_cross_entropy(v * float('nan'), v)", "F.binary_cross_entropy(v, v - 2)", "torch.normal(v, v - 2)",
    "torch.normal(0.0, v * float('nan'))", "torch.poisson(-v)", "torch.quantile(v, v[:2] + 1)",
    "torch.repeat_interleave(v, n(1, 1, 1, 1, -1))", "torch.bincount(n(-1))", "torch.multinomial(-v, 1)",
    "torch.multinomial(v * 0, 1)", "torch.cov(x, fweights=n(1, -1, 1))", "torch.searchsorted(v, v, sorter=n(0, 1, 2, 3, 5))",
    "i // n(1, 0, 1)", "i % 0", "x.masked_scatter(x > 0, v)",
]  # fmt: skip

TYPES = [
    "F.multilabel_margin_loss(x[:2], n(0, 3, -1, 0, -1, -1).view(2, 3))",
    "F.multilabel_margin_loss(x[:2], n(0, -2, -1, 0, -1, -1).view(2, 3))", "F.multi_margin_loss(x[:2], n(0, 3))",
    "F.multi_margin_loss(x[:2], n(0, -1))", "F.embedding_bag(n(7), x, n(0))", "F.embedding_bag(n(-1), x, n(0))",
    "F.embedding_bag(n(0, 7), x, n(0), mode='max')", "F.embedding_bag(n(0, 7).view(1, 2), x)",
    "F.embedding_bag(n(1, 2), x, n(1))", "F.embedding_bag(n(1, 2), x, n(0, 5))", "F.embedding_bag(n(1, 2), x, n(0, 2, 1))",
    "F.max_unpool2d(y[:, None, :2, :2], n(0, 1, 2, 16, 0, 1, 2, 3).view(2, 1, 2, 2), 2)",
    "F.max_unpool1d(y[:, :2, :2], n(0, 1, 2, -1, 0, 1, 2, 3).view(2, 2, 2), 2)", "torch.bernoulli(v + 0.5)",
    "torch.bernoulli(-v)", "torch.bernoulli(v * float('nan'))", "v.clone().bernoulli_(v + 0.5)",
    "torch.zeros(0, 3).gather(0, at(0))", "torch.zeros(0, 3).scatter(0, at(0), 1.0)", "torch.zeros(0, 3)[n(0)]",
]  # fmt: skip

AT_ONCE = [  # parameters that are numbers: said when they are given
    "torch.bernoulli(v, 1.5)", "v.bernoulli_(-0.5)", "v.bernoulli_(float('nan'))", "torch.normal(v, -1.0)",
    "torch.normal(0.0, -1.0, (2,))", "v.normal_(0, -1)", "v.normal_(0, float('nan'))", "v.uniform_(2, 1)",
    "v.uniform_(0, float('inf'))", "v.uniform_(float('nan'), 1)", "v.uniform_(-3e38, 3e38)", "v.half().uniform_(0, 1e6)",
    "v.exponential_(0)", "v.exponential_(-1)", "v.exponential_(float('nan'))", "v.geometric_(0)", "v.geometric_(1)",
    "v.geometric_(-1)", "v.cauchy_(0, 0)", "v.cauchy_(0, -1)", "v.log_normal_(0, 0)", "v.log_normal_(0, -1)", "v.random_(3, 3)",
    "v.random_(0)", "v.to(torch.uint8).random_(-5, 3)", "v.to(torch.uint8).random_(0, 300)", "v.to(torch.int8).random_(0, 129)",
    "v.bool().random_(0, 3)", "v.half().random_(0, 70000)", "torch.randint(0, 300, (2,), dtype=torch.uint8)",
    "torch.randint(3, 3, (2,))", "torch.randperm(-1)", "torch.randperm(3000, dtype=torch.half)", "i.exponential_()",
    "i.cauchy_()", "i.log_normal_()", "i.normal_()", "v.bool().geometric_(0.5)", "torch.bernoulli(i)", "torch.poisson(i)",
    "torch.dropout(v, 1.5, True)", "F.dropout(v, -0.1)", "F.alpha_dropout(v, 1.5)", "F.feature_alpha_dropout(x, 1.5)",
    "torch.multinomial(v, 0)", "torch.multinomial(v, 9)", "torch.multinomial(i, 1)", "torch.multinomial(y, 1)",
    "torch.quantile(v, 1.5)", "F.rrelu(v, 0.3, 0.1)", "torch.isclose(v, v, rtol=-1)", "F.smooth_l1_loss(v, v, beta=-1)",
]  # fmt: skip


def given(library: Any, pending: bool = False) -> dict[str, Any]:
    """Names for expressions: small tensors, which are yet to be computed if ``pending``."""

    def tensor(*numbers: int) -> Any:
        made = library.tensor(numbers, dtype=library.int64)
        return made + 0 if pending else made

    x = library.ones(5, 3)
    return {
        "torch": library, "F": library.nn.functional, "x": x * 1 if pending else x, "y": library.ones(2, 5, 3),
        "v": library.ones(5), "e": library.ones(5, 0), "i": library.ones(3, dtype=library.int64), "n": tensor,
        "at": lambda number: tensor(number).view(1, 1),
    }  # fmt: skip


def raised(library: Any, expression: str, pending: bool = False) -> BaseException | None:
    names = given(library, pending)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = eval(expression, names)
            result.detach().numpy() if hasattr(result, "detach") else [part.numpy() for part in result]
        except Exception as error:
            return error
    return None


def words(error: BaseException | None) -> str:
    return str(error).split(" (recorded at")[0].split("\n")[0].split("  (Could")[0].strip()


@pytest.fixture(params=[False, True], ids=["planned", "eager"])
def eager(request: pytest.FixtureRequest) -> Iterator[bool]:
    before = trace.EAGER
    trace.set_eager(request.param)
    yield request.param
    trace.set_eager(before)


@pytest.mark.parametrize("expression", WORDS + TYPES)
def test_late_errors(expression: str, eager: bool) -> None:
    expected = raised(torch, expression)
    assert expected is not None
    for pending in (False, True, True, True):  # at last fused, for it has been seen before
        actual = raised(flambeau, expression, pending)
        assert type(actual) is type(expected), f"{actual!r} instead of {expected!r}"
        if expression in WORDS:
            assert words(actual) == words(expected)


@pytest.mark.parametrize("expression", AT_ONCE)
def test_parameters(expression: str) -> None:
    expected = raised(torch, expression)
    names = given(flambeau)
    with pytest.raises(type(expected)) as actual:
        eval(expression, names)  # nothing is looked at
    assert words(actual.value) == words(expected) or "1e+06" in words(actual.value)


WRITES = [
    "x.scatter_(1, at(9), 2.0)", "x.scatter_add_(0, at(-1), x)", "x.index_add_(0, n(0, 9), x[:2])",
    "x.index_copy_(0, n(0, -9), x[:2])", "x.index_fill_(0, n(0, 9), 2.0)", "x.put_(n(0, 99), v[:2])",
    "x.__setitem__((n(0, 9),), 2.0)", "x.index_put_((n(0, 9),), v[:3])", "x.bernoulli_(x + 0.5)",
]  # fmt: skip


@pytest.mark.parametrize("statement", WRITES)
def test_a_failed_write_leaves_what_there_was(statement: str, eager: bool) -> None:
    for _ in range(3):
        names = given(flambeau)
        x = names["x"] = flambeau.arange(15.0).view(5, 3) * 1
        with pytest.raises((RuntimeError, IndexError)):
            eval(statement, names)
            x.numpy()
        assert x.tolist() == flambeau.arange(15.0).view(5, 3).tolist()


def test_a_check_names_the_line() -> None:
    loss = flambeau.nn.functional.binary_cross_entropy(flambeau.ones(3) * 2, flambeau.ones(3))  # this line
    with pytest.raises(RuntimeError, match="between 0 and 1 .*test_value_checks.py"):
        loss.item()
