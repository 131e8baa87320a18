"""Transforms and constraints compared with PyTorch's."""

from __future__ import annotations

import math
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from distributions.families import compare, gradients, made, outcome

import flambeau

#: Expression, and the shape of what is transformed: numbers from -2 to 2, or with "+" from 0 to 1.
TRANSFORMS = [
    ("D.ExpTransform()", (3, 2), ""),
    ("D.PowerTransform(p([2.0, 0.5]))", (3, 2), "+"),
    ("D.PowerTransform(p([[2.0], [-0.5]]))", (1, 2), "+"),
    ("D.SigmoidTransform()", (3, 2), ""),
    ("D.SoftplusTransform()", (3, 2), ""),
    ("D.TanhTransform()", (3, 2), ""),
    ("D.AbsTransform()", (3, 2), ""),
    ("D.AffineTransform(p([1.0, 2.0]), p([-3.0, 0.5]))", (3, 2), ""),
    ("D.AffineTransform(1, -2.5)", (3, 2), ""),
    ("D.AffineTransform(p([1.0, 2.0]), p([-3.0, 0.5]), event_dim=1)", (2,), ""),
    ("D.AffineTransform(0.0, 2, 2)", (2, 3, 2), ""),
    ("D.SoftmaxTransform()", (3, 2), ""),
    ("D.StickBreakingTransform()", (3, 2), ""),
    ("D.CorrCholeskyTransform()", (2, 6), ""),
    ("D.LowerCholeskyTransform()", (2, 3, 3), ""),
    ("D.PositiveDefiniteTransform()", (2, 3, 3), ""),
    ("D.ReshapeTransform((2, 3), (6,))", (4, 2, 3), ""),
    ("D.ComposeTransform([])", (3,), ""),
    ("D.ComposeTransform([D.AffineTransform(p(1.0), 2.0), D.StickBreakingTransform()])", (3, 2), ""),
    ("D.ComposeTransform([D.ExpTransform(), D.AffineTransform(0.5, p([-2.0, 1.0])), D.TanhTransform()])", (3, 2), ""),
    ("D.IndependentTransform(D.ExpTransform(), 1)", (3, 2), ""),
    ("D.IndependentTransform(D.StickBreakingTransform(), 2)", (4, 3, 2), ""),
    (
        "D.CatTransform([D.ExpTransform(), D.AffineTransform(1, 2), D.identity_transform], dim=1, lengths=[2, 1, 2])",
        (3, 5),
        "",
    ),
    ("D.CatTransform([D.ExpTransform(), D.TanhTransform()], dim=-1)", (3, 2), ""),
    ("D.CatTransform([D.StickBreakingTransform().inv.inv.inv.inv], dim=0, lengths=[3])", (3, 2), ""),
    ("D.StackTransform([D.ExpTransform(), D.AffineTransform(1, 2)], dim=-1)", (3, 2), ""),
    ("D.CumulativeDistributionTransform(D.Normal(p(0.3), p(1.2)))", (3, 2), ""),
    ("D.ExpTransform().inv", (3, 2), "+"),
    ("D.TransformedDistribution(D.Normal(p(0.3), 1.0), [D.ExpTransform()]).transforms[0].inv", (2,), "+"),
]


def described(transform: Any) -> list[Any]:
    """What can be asked of a transform without giving it anything."""
    questions = [
        "domain",
        "codomain",
        "event_dim",
        "bijective",
        "domain.event_dim",
        "codomain.event_dim",
        "domain.is_discrete",
    ]
    found = [repr(outcome(partial(eval, f"t.{q}", {"t": transform}))) for q in questions]
    sign = outcome(lambda: transform.sign)
    return [*found, sign.tolist() if hasattr(sign, "tolist") else sign, repr(transform), repr(transform.inv)]


@pytest.mark.parametrize(("expression", "shape", "kind"), TRANSFORMS)
def test_transforms(expression: str, shape: tuple[int, ...], kind: str) -> None:
    x = np.random.default_rng(0).uniform(*((0.01, 0.99) if kind else (-2, 2)), shape)
    answers = []
    for package in (flambeau, torch):
        transform, parameters = made(expression, package)
        given = package.from_numpy(x).requires_grad_()
        y = transform(given)
        back = outcome(partial(transform.inv, y.detach()))
        slope = outcome(partial(transform.log_abs_det_jacobian, given, y))
        assert transform.inv.inv is transform and transform.with_cache(0) is transform
        if not isinstance(slope, tuple):  # of the inverse it is the negative
            negative = transform.inv.log_abs_det_jacobian(y, given)
            np.testing.assert_allclose(negative.detach().numpy(), -slope.detach().numpy())
        shapes = [
            outcome(partial(transform.forward_shape, given.shape)),
            outcome(partial(transform.inverse_shape, y.shape)),
        ]
        shapes = [[*shape] for shape in shapes]
        answers.append((described(transform), shapes, [y, back, slope], [given, *parameters]))
    ours, theirs = answers
    assert ours[:2] == theirs[:2]
    for a, b in zip(ours[2], theirs[2]):
        if isinstance(b, tuple):
            assert a == b
            continue
        compare(a, b, rtol=1e-9, atol=1e-11)
        for mine, its in zip(gradients(flambeau, a, ours[3]), gradients(torch, b, theirs[3])):
            np.testing.assert_allclose(mine, its, rtol=1e-8, atol=1e-9)


def test_jacobians() -> None:
    """Of bijections, by differentiating them."""
    D = flambeau.distributions
    generator = np.random.default_rng(0)
    for transform, n in ((D.StickBreakingTransform(), 3), (D.CorrCholeskyTransform(), 3), (D.TanhTransform(), 1)):
        x = flambeau.from_numpy(generator.normal(size=n))
        y = transform(x)
        jacobian = flambeau.autograd.functional.jacobian(transform, x).reshape(-1, n)
        if y.dim() == 2:  # the numbers below the diagonal
            jacobian = jacobian[flambeau.ones(3, 3).tril(-1).bool().reshape(-1)]
        determinant = jacobian[:n].det().abs().log()
        np.testing.assert_allclose(transform.log_abs_det_jacobian(x, y).sum().numpy(), determinant.numpy(), rtol=1e-9)


def cached(package: Any) -> list[Any]:
    """What a cache of one pair does."""
    D = package.distributions
    x = package.tensor([30.0, -1.0])
    found: list[Any] = []
    for transform in (
        D.TanhTransform(cache_size=1),
        D.TanhTransform().with_cache(),
        D.AffineTransform(1.0, 2.0).with_cache(1),
    ):
        y = transform(x)
        found += [
            transform.inv(y) is x,
            transform(x) is y,
            transform.inv(y.clone()) is x,
            transform.inv.with_cache().inv(x) is y,
        ]
    compose = D.ComposeTransform([D.TanhTransform(), D.AffineTransform(1.0, 2.0)], cache_size=1)
    found += [compose.inv(compose(x)) is x, repr(compose), [part._cache_size for part in compose.parts]]
    found += [
        outcome(lambda: D.TanhTransform(cache_size=2)),
        outcome(lambda: D.Transform()(x)),
        D.Transform(0) == D.Transform(0),
    ]
    copied = pickle.loads(pickle.dumps(compose.with_cache(0)))
    found += [copied == compose, copied(x).tolist() == compose(x).tolist()]
    return found


def test_caches() -> None:
    assert cached(flambeau) == cached(torch)


def test_which_transforms_are_equal() -> None:
    made_of = [
        "D.ExpTransform()", "D.ExpTransform().inv", "D.AffineTransform(0, 1)", "D.AffineTransform(0., T.tensor([1.]))",
        "D.AffineTransform(0, 2)", "D.PowerTransform(T.tensor(2.))", "D.PowerTransform(T.tensor(3.))", "D.SoftmaxTransform()",
        "D.ComposeTransform([D.ExpTransform()])", "D.CorrCholeskyTransform()", "D.identity_transform",
        "D.AffineTransform(0, 1).inv",
    ]  # fmt: skip

    def table(package: Any) -> list[list[bool]]:
        transforms = [[made(text, package)[0] for text in made_of] for _ in range(2)]
        return [[bool(a == b) and not a != b for b in transforms[1]] for a in transforms[0]]

    assert table(flambeau) == table(torch)


#: Constraints, in the order in which they are looked at, each with the shape of values.
CONSTRAINTS = {
    "boolean": (4,), "one_hot": (4, 3), "nonnegative_integer": (4,), "positive_integer": (4,), "integer_interval(-1, 2)": (4,),
    "real": (4,), "real_vector": (4, 3), "positive": (4,), "nonnegative": (4,), "greater_than(0.5)": (4,),
    "greater_than_eq(1)": (4,), "less_than(1)": (4,), "multinomial(2)": (4, 3), "unit_interval": (4,), "interval(-1, 1)": (4,),
    "half_open_interval(-1.0, 1.0)": (4,), "simplex": (4, 3), "lower_triangular": (4, 3, 3), "lower_cholesky": (4, 3, 3),
    "corr_cholesky": (4, 3, 3), "square": (2, 3, 2), "symmetric": (4, 3, 3), "positive_semidefinite": (4, 3, 3),
    "positive_definite": (4, 3, 3), "independent(positive, 1)": (4, 3), "independent(simplex, 1)": (2, 4, 3),
    "cat([positive, real], 0, [1, 3])": (4,), "stack([positive, real, unit_interval], -1)": (4, 3), "stack([real], 0)": (1, 2),
    "MixtureSameFamilyConstraint(positive)": (4,), "dependent": (4,), "dependent(is_discrete=True, event_dim=1)": (4,),
    "_IntegerLessThan(1)": (4,), "interval(T.tensor(-1.), T.tensor([0., 1., 2., 3.]))": (4,),
}  # fmt: skip


def values_for(shape: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(1)
    whole = generator.integers(-1, 3, shape).astype(np.float64)
    floats = generator.normal(size=shape)
    found = [
        whole,
        floats,
        np.abs(floats),
        np.eye(shape[-1])[generator.integers(0, shape[-1], shape[:-1])],
        whole * 0 + np.nan,
    ]
    found.append(np.abs(floats) / np.abs(floats).sum(-1, keepdims=True))
    if len(shape) > 2 and shape[-1] == shape[-2]:
        factor = np.tril(floats)
        found += [factor, np.abs(factor), factor @ factor.swapaxes(-1, -2), floats + floats.swapaxes(-1, -2)]
        found.append(np.abs(factor) / np.linalg.norm(factor, axis=-1, keepdims=True))
    return found


@pytest.mark.parametrize("text", CONSTRAINTS)
def test_constraints(text: str) -> None:
    """What they allow, how they are shown, and where the registries lead."""

    def asked(package: Any) -> list[Any]:
        constraint = eval(text, {**vars(package.distributions.constraints), "T": package})
        found: list[Any] = [
            repr(constraint), outcome(lambda: constraint.event_dim), outcome(lambda: constraint.is_discrete),
            package.distributions.constraints.is_dependent(constraint),
        ]  # fmt: skip
        for value in values_for(CONSTRAINTS[text]):
            valid = outcome(partial(constraint.check, package.from_numpy(value)))
            found.append(valid if isinstance(valid, tuple) else (str(valid.dtype), valid.tolist()))
        for registry in (package.distributions.biject_to, package.distributions.transform_to):
            transform = outcome(partial(registry, constraint))
            found.append(transform if isinstance(transform, tuple) else repr(transform))
            if not isinstance(transform, tuple):
                shape = (2, 6) if text == "corr_cholesky" else CONSTRAINTS[text]
                x = package.from_numpy(np.linspace(-1, 1, math.prod(shape)).reshape(shape))
                found.append(np.round(transform(x).numpy(), 10).tolist())
        return found

    assert asked(flambeau) == asked(torch)


def test_registering_a_constraint() -> None:
    D = flambeau.distributions

    class Even(D.constraints.Constraint):
        pass

    registry = D.constraint_registry.ConstraintRegistry()
    factory = registry.register(Even)(lambda constraint: D.ExpTransform())
    assert registry(Even()) == D.ExpTransform() and registry.register(Even(), factory) is factory
    with pytest.raises(
        TypeError, match="Expected constraint to be either a Constraint subclass or instance, but got 1"
    ):
        registry.register(1, factory)
    with pytest.raises(NotImplementedError, match="Cannot transform _Real constraints"):
        registry(D.constraints.real)
