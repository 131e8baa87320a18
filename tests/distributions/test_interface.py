"""What programs rely on besides numbers: names, signatures, errors, warnings, subclasses, pickles."""

from __future__ import annotations

import importlib
import inspect
import math
import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributions
from distributions.families import FAMILIES, made, outcome

import flambeau

PARTS = """
    bernoulli beta binomial categorical cauchy chi2 constraint_registry constraints continuous_bernoulli dirichlet distribution
    exp_family exponential fishersnedecor gamma generalized_pareto geometric gumbel half_cauchy half_normal independent
    inverse_gamma kl kumaraswamy laplace lkj_cholesky log_normal logistic_normal lowrank_multivariate_normal mixture_same_family
    multinomial multivariate_normal negative_binomial normal one_hot_categorical pareto poisson relaxed_bernoulli
    relaxed_categorical studentT transformed_distribution transforms uniform utils von_mises weibull wishart""".split()


def test_names() -> None:
    """Modules and what they export are PyTorch's, and so are the parameters of constructors and methods."""
    assert set(torch.distributions.__all__) == set(flambeau.distributions.__all__)
    for part in PARTS:
        theirs = importlib.import_module(f"torch.distributions.{part}")
        ours = importlib.import_module(f"flambeau.distributions.{part}")
        for name in theirs.__all__:
            a, b = getattr(ours, name), getattr(theirs, name)
            assert type(a).__name__ == type(b).__name__, name
            if not inspect.isclass(b) or name == "lazy_property":
                continue
            assert [c.__name__ for c in b.__mro__ if "distributions" in c.__module__ and c.__name__[0] != "_"] == [
                c.__name__
                for c in a.__mro__
                if "distributions" in c.__module__ and c.__name__[0] != "_" and c.__name__ not in OURS
            ], name
            for member in (
                "__init__",
                "expand",
                "sample",
                "rsample",
                "log_prob",
                "cdf",
                "icdf",
                "enumerate_support",
                "with_cache",
            ):
                if hasattr(b, member):
                    known = [inspect.signature(getattr(c, member)).parameters for c in (a, b)]
                    assert [*known[0]] == [*known[1]], (name, member)
            for flag in ("has_rsample", "has_enumerate_support", "bijective", "is_discrete", "event_dim"):
                value = getattr(b, flag, None)
                if isinstance(value, (bool, int)):
                    assert getattr(a, flag) == value, (name, flag)
            assert a.__doc__, name


#: Classes that share what several families have in common.
OURS = {"ByProbsOrLogits", "Half", "ByClass"}

ERRORS = [
    "D.Normal(0.0, T.tensor([1.0, -1.0]))", "D.Normal(T.tensor(float('nan')), 1.0)", "D.Normal('a', 1.0)",
    "D.Normal(T.zeros(2), T.ones(3))", "D.Bernoulli()", "D.Bernoulli(0.5, 0.5)", "D.Bernoulli(1.5)", "D.Categorical()",
    "D.Categorical(T.tensor(0.5))", "D.Categorical(logits=T.tensor(0.5))", "D.Categorical(T.tensor([-0.5, 0.2]))",
    "D.Categorical(T.tensor([0.5, 0.2])).log_prob(T.tensor([1.0, 3.0]))", "D.Geometric(T.tensor([0.0, 0.5]))",
    "D.Geometric()", "D.Binomial(5)", "D.Binomial(-1, T.tensor(0.5))",
    "D.Binomial(T.tensor([1, 2]), T.tensor(0.5)).entropy()",
    "D.Binomial(T.tensor([1, 2]), T.tensor(0.5)).enumerate_support()", "D.NegativeBinomial(3)",
    "D.Multinomial(2.5, T.ones(2))", "D.NegativeBinomial(3, T.tensor(1.0))",
    "D.ContinuousBernoulli(T.tensor(1.5), validate_args=True)", "D.Uniform(1.0, 0.5)",
    "D.Uniform(0.0, 1.0).log_prob(T.tensor([1.0, 2.0]))", "D.Uniform(0.0, 1.0).cdf(T.tensor(-1.0))",
    "D.Normal(0.0, T.ones(2)).log_prob(1)", "D.Normal(0.0, T.ones(2)).log_prob(T.ones(3))",
    "D.Dirichlet(T.ones(2)).log_prob(T.ones(3))", "D.Dirichlet(T.ones(2)).log_prob(T.ones(2))",
    "D.Dirichlet(T.tensor(1.0))", "D.Beta(-1.0, 1.0)", "D.Gamma(1.0, 0.0)", "D.Poisson(-1.0)",
    "D.Poisson(1.0).log_prob(T.tensor(0.5))", "D.MultivariateNormal(T.tensor(1.0), T.eye(1))",
    "D.MultivariateNormal(T.zeros(2))", "D.MultivariateNormal(T.zeros(2), T.ones(2))",
    "D.MultivariateNormal(T.zeros(2), scale_tril=T.ones(2))",
    "D.MultivariateNormal(T.zeros(2), precision_matrix=T.ones(2))", "D.MultivariateNormal(T.zeros(2), -T.eye(2))",
    "D.MultivariateNormal(T.zeros(2), T.tensor([[1.0, 0.5], [0.0, 1.0]]))",
    "D.MultivariateNormal(T.zeros(2), scale_tril=T.ones(2, 2))", "D.MultivariateNormal(T.zeros(2), T.eye(2), T.eye(2))",
    "D.LowRankMultivariateNormal(T.tensor(0.0), T.ones(2, 1), T.ones(2))",
    "D.LowRankMultivariateNormal(T.zeros(2), T.ones(2), T.ones(2))",
    "D.LowRankMultivariateNormal(T.zeros(2), T.ones(3, 1), T.ones(2))",
    "D.LowRankMultivariateNormal(T.zeros(2), T.ones(2, 1), T.ones(3))",
    "D.LowRankMultivariateNormal(T.zeros(2, 2), T.ones(3, 2, 1), T.ones(2))", "D.LKJCholesky(1)", "D.LKJCholesky(2, -1.0)",
    "D.LKJCholesky(2).log_prob(T.eye(2) * 2)", "D.Wishart(1.0, T.eye(3))", "D.Wishart(T.tensor(4.0), T.ones(3))",
    "D.Independent(D.Normal(0.0, 1.0), 1)", "D.Independent(D.Bernoulli(T.tensor([0.5])), 1).enumerate_support()",
    "D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(T.zeros(2), 1.0))",
    "D.MixtureSameFamily(D.Categorical(T.ones(2)), 3)",
    "D.MixtureSameFamily(D.Categorical(T.ones(2)), D.Normal(T.zeros(3), 1.0))",
    "D.MixtureSameFamily(D.Categorical(T.ones(4, 2)), D.Normal(T.zeros(3, 2), 1.0))",
    "D.TransformedDistribution(D.Normal(0.0, 1.0), 3)", "D.TransformedDistribution(D.Normal(0.0, 1.0), [3])",
    "D.TransformedDistribution(D.Normal(0.0, 1.0), D.StickBreakingTransform())",
    "D.LogNormal(0.0, 1.0).log_prob(T.tensor(-1.0))", "D.HalfNormal(T.tensor(-1.0))",
    "D.Pareto(1.0, 2.0).log_prob(T.tensor(0.5))", "D.VonMises(T.tensor(0.0), T.tensor(-1.0))",
    "D.Normal(0.0, 1.0).enumerate_support()", "D.Gamma(1.0, 1.0).icdf(T.tensor(0.5))", "D.Poisson(1.0).rsample()",
    "D.Cauchy(0.0, 1.0).expand((2, 3)).sample((1,)).shape", "D.Chi2(-1.0)", "D.StudentT(-1.0)", "D.Distribution().mean",
    "D.Distribution.set_default_validate_args(3)", "D.utils.broadcast_all(1, 'a')",
    "D.Distribution(validate_args=False).mode", "D.utils.tril_matrix_to_vec(T.ones(2, 2), 3)",
    "D.utils.vec_to_tril_matrix(T.ones(4))", "D.ReshapeTransform((2,), (3,))",
    "D.ReshapeTransform((2,), (2, 1)).forward_shape((3,))", "D.ReshapeTransform((2,), (2, 1)).inverse_shape((3,))",
    "D.StickBreakingTransform().forward_shape(())", "D.CorrCholeskyTransform().forward_shape((4,))",
    "D.CorrCholeskyTransform().inverse_shape((4, 3))", "D.IndependentTransform(D.ExpTransform(), 1)(T.tensor(1.0))",
    "D.constraints.dependent.check(1)", "D.constraints.dependent.event_dim",
    "D.Normal(0.0, 1.0, validate_args=False).log_prob(T.tensor(2.0))",
    "D.GeneralizedPareto(0.0, 1.0, -0.5).log_prob(T.tensor(3.0))", "D.Kumaraswamy(0.0, 1.0)", "D.Weibull(1.0, -1.0)",
    "D.OneHotCategorical(T.ones(3)).log_prob(T.ones(3))", "D.RelaxedBernoulli(T.tensor(1.0))",
    "D.kl_divergence(D.Normal(0.0, 1.0), D.Poisson(1.0))",
]  # fmt: skip


def said(expression: str, package: Any) -> Any:
    """The outcome of an expression, and the warnings that it gave."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        result = outcome(lambda: repr(made(expression, package)[0]))
    return result, [(w.category, str(w.message).replace("flambeau", "torch")) for w in given]


def test_errors() -> None:
    """What is refused, in PyTorch's words."""
    ours, theirs = ([said(expression, package) for expression in ERRORS] for package in (flambeau, torch))
    wrong = [f"{text}\n  ours   {a}\n  theirs {b}" for text, a, b in zip(ERRORS, ours, theirs) if a != b]
    assert not wrong, "\n".join(wrong)


def with_subclasses(package: Any) -> list[Any]:
    """What becomes of distributions that programs define."""
    D, constraints = package.distributions, package.distributions.constraints

    class Plain(D.Distribution):
        pass

    class Shifted(D.Normal):
        def __init__(self, shift: float) -> None:
            self.shift = shift
            super().__init__(shift, 1.0)

    class Careful(Shifted):
        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Careful, _instance)
            new.shift = self.shift
            return super().expand(batch_shape, _instance=new)

    class Renamed(D.Gamma):
        arg_constraints = {}

    class Triangle(D.Distribution):
        arg_constraints = {"width": constraints.positive, "area": constraints.positive}

        def __init__(self, width: Any, validate_args: Any = None) -> None:
            (self.width,) = D.utils.broadcast_all(width)
            super().__init__(self.width.size(), validate_args=validate_args)

        @constraints.dependent_property(is_discrete=False, event_dim=0)
        def support(self) -> Any:
            return constraints.interval(0.0, self.width)

        @D.utils.lazy_property
        def area(self) -> Any:
            return self.width * 0.5

        def rsample(self, sample_shape: Any = ()) -> Any:
            return package.ones(self._extended_shape(sample_shape)) * self.width * 0.25

        def log_prob(self, value: Any) -> Any:
            if self._validate_args:
                self._validate_sample(value)
            return -value / self.width

    found: list[Any] = []
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        found += [
            outcome(lambda: Plain((2,)).expand((3,))),
            outcome(lambda: Plain()._validate_sample(package.zeros(2))),
        ]
        found.append(outcome(lambda: Plain().sample()))
    found.append([(w.category, str(w.message).split(" does not")[1]) for w in given])
    found.append(outcome(lambda: Shifted(1.0).expand((3,))))
    expanded = Careful(1.0).expand((3,))
    found += [type(expanded).__name__, expanded.shift, repr(expanded), expanded.sample((2,)).shape == (2, 3)]
    renamed = Renamed(1.0, 2.0).expand((2,))
    found += [repr(renamed), renamed.rate.tolist(), type(renamed).__name__]
    triangle = Triangle(package.tensor([1.0, 2.0]))
    found += [
        repr(triangle),
        "area" in vars(triangle),
        triangle.area.tolist(),
        "area" in vars(triangle),
        repr(triangle),
    ]
    found += [triangle.sample((2,)).tolist(), triangle.log_prob(package.tensor(0.5)).tolist(), repr(triangle.support)]
    found += [
        outcome(lambda: triangle.log_prob(package.tensor(1.5))),
        outcome(lambda: Triangle(-1.0)),
        repr(Triangle.support)[:30],
    ]
    found += [
        constraints.is_dependent(Triangle.support),
        Triangle.support.event_dim,
        isinstance(Triangle.area, property),
    ]
    assert isinstance(D.Binomial.logits, D.utils.lazy_property) and isinstance(D.Bernoulli.probs, D.utils.lazy_property)
    return found


def test_subclasses() -> None:
    ours, theirs = with_subclasses(flambeau), with_subclasses(torch)
    assert [repr(x).replace("flambeau", "torch") for x in ours] == [repr(x) for x in theirs]


def test_whether_arguments_are_looked_at() -> None:
    D = flambeau.distributions
    assert D.Distribution._validate_args
    try:
        D.Distribution.set_default_validate_args(False)
        D.Normal(0.0, -1.0)
        with pytest.raises(ValueError):
            D.Normal(0.0, -1.0, validate_args=True)
    finally:
        D.Distribution.set_default_validate_args(True)
    assert not D.Normal(0.0, 1.0, validate_args=False).expand((2,))._validate_args
    assert D.Bernoulli(0.5, validate_args=False).log_prob(flambeau.tensor(0.5)).isfinite()


@pytest.mark.filterwarnings("ignore")
def test_pickles() -> None:
    for name, expression in FAMILIES.items():
        distribution, _ = made(expression, flambeau, tracked=False)
        value = distribution.sample((2,))
        again = pickle.loads(pickle.dumps(distribution))
        assert repr(again) == repr(distribution), name
        np.testing.assert_array_equal(
            again.log_prob(value).detach().numpy(), distribution.log_prob(value).detach().numpy()
        )


def test_gradients_reach_lazy_properties() -> None:
    """Also where they are first asked for without gradients."""
    logits = flambeau.tensor([0.5, 1.0], requires_grad=True)
    distribution = flambeau.distributions.Bernoulli(logits=logits)
    with flambeau.no_grad():
        distribution.sample()
    assert distribution.probs.requires_grad and distribution.entropy().sum().backward() is None
    assert logits.grad is not None


def test_helpers() -> None:
    def asked(package: Any) -> list[Any]:
        utils = package.distributions.utils
        matrix = package.arange(18.0).reshape(2, 3, 3)
        found = [utils.tril_matrix_to_vec(matrix, diag).tolist() for diag in (-2, -1, 0, 1, 2)]
        found += [
            utils.vec_to_tril_matrix(package.arange(6.0), 0).tolist(),
            utils.vec_to_tril_matrix(package.arange(3.0), -1).tolist(),
        ]
        found += [utils._sum_rightmost(matrix, k).tolist() for k in range(4)]
        found += [t.dtype == package.float64 for t in utils.broadcast_all(1, package.ones(2, dtype=package.float64))]
        found += [
            [str(t.dtype) for t in utils.broadcast_all(1, 2.5)],
            utils.broadcast_all(True)[0].tolist(),
            utils.euler_constant,
        ]
        probs = package.tensor([0.0, 0.25, 1.0], dtype=package.float64)
        for binary in (False, True):
            found += [np.round(utils.probs_to_logits(probs, binary).numpy(), 12).tolist()]
            found += [np.round(utils.logits_to_probs(probs, binary).numpy(), 12).tolist()]
        return [
            *found,
            utils.clamp_probs(probs).tolist(),
            list(utils._standard_normal((2, 3), package.float32, "cpu").shape),
        ]

    assert asked(flambeau) == asked(torch)


def test_quantities_that_pytorch_has_by_approximations() -> None:
    stats = pytest.importorskip("scipy.stats")
    D = flambeau.distributions
    for k in (1e-3, 0.5, 3.0, 40.0, 5000.0):
        angle = flambeau.linspace(-3, 3, 7, dtype=flambeau.float64)
        von_mises = D.VonMises(flambeau.tensor(0.3, dtype=flambeau.float64), k)
        np.testing.assert_allclose(
            von_mises.log_prob(angle).numpy(), stats.vonmises(k, 0.3).logpdf(angle.numpy()), rtol=1e-9
        )
        np.testing.assert_allclose(
            float(von_mises.variance), 1 - abs(stats.vonmises(k).expect(np.cos, lb=-math.pi, ub=math.pi)), rtol=1e-5
        )
    multinomial = D.Multinomial(3, flambeau.tensor([0.2, 0.3, 0.5], dtype=flambeau.float64))
    np.testing.assert_allclose(
        float(multinomial.entropy()), stats.multinomial(3, [0.2, 0.3, 0.5]).entropy(), rtol=1e-12
    )


PROGRAM = """
import sys
import flambeau.command.aliases as aliases
aliases.activate()
import torch
before = "flambeau.distributions" in sys.modules
from torch.distributions import Normal, transforms as T
from torch.distributions.kl import register_kl
from torch.distributions.transforms import ComposeTransform
import torch.distributions.multivariate_normal as m
print(before, Normal, T.TanhTransform, register_kl.__name__, m._batch_mahalanobis.__module__, ComposeTransform.__module__)
"""


def test_under_the_name_of_pytorch() -> None:
    """It is loaded when it is used, and everything in it is named as PyTorch names it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == [
        "False", "<class", "'torch.distributions.normal.Normal'>", "<class", "'torch.distributions.transforms.TanhTransform'>",
        "register_kl", "torch.distributions.multivariate_normal", "torch.distributions.transforms",
    ], done.stderr  # fmt: skip
