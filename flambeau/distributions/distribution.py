"""What is common to all distributions."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Sequence
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..graph.shapes import Size
from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]

SCALAR = Size()
"""The shape of one number, and of one sample."""


class Distribution:
    """A distribution, or a batch of independent ones.

    ``batch_shape`` is the shape of the batch, ``event_shape`` that of what one of them gives. Subclasses declare in
    ``arg_constraints`` what their parameters must satisfy, in ``support`` where samples lie.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are looked at from now on, where a constructor is not told."""
        if value not in [True, False]:
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Sequence[int] = SCALAR,
        event_shape: Sequence[int] = SCALAR,
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape: Any = batch_shape
        self._event_shape: Any = event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self) -> None:
        """``ValueError`` if a parameter does not satisfy its constraint. What can only be told from others is not asked."""
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            arg_constraints = {}
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
        asked = []
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue
            value = getattr(self, name)
            asked.append((name, constraint, value, constraint.check(value).all()))
        for name, constraint, value, valid in asked:  # all have been recorded before one is looked at
            if not valid:
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The distribution with its batch expanded to ``batch_shape``, without copying its parameters.

        A subclass with a constructor of its own gives what it made as ``_instance`` to the ``expand`` that it overrides.
        """
        raise NotImplementedError

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one distribution."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """What each parameter must satisfy."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The constraint that samples satisfy."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """Where the density is greatest."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Sequence[int] = SCALAR) -> Tensor:
        """Samples (``sample_shape``, batch, event), without gradients."""
        with flambeau.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = SCALAR) -> Tensor:
        """Samples (``sample_shape``, batch, event) through which gradients reach the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """``n`` samples. Use ``sample((n,))``."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", category=FutureWarning, stacklevel=2
        )
        return self.sample(Size((n,)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at ``value``."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The distribution function: the probability of what is not above ``value``."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of the distribution function."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along a first axis; the batch's axes have extent 1 unless ``expand``."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy, in nats, of each distribution of the batch."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """exp of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Sequence[int] = SCALAR) -> Size:
        """The shape of samples."""
        return Size(tuple(sample_shape) + tuple(self._batch_shape) + tuple(self._event_shape))

    def _validate_sample(self, value: Any) -> None:
        """``ValueError`` unless ``value`` has a shape and values of samples."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        actual = value.size()
        if actual[len(actual) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {actual} vs {self._event_shape}.")
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(actual), reversed(expected)):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {actual} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please initialize the distribution "
                "with `validate_args=False` to turn off validation.",
                stacklevel=2,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _check_value(self, value: Any) -> None:
        """:meth:`_validate_sample`, if arguments are to be looked at."""
        if self._validate_args:
            self._validate_sample(value)

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """A new object for ``cls.expand`` to fill: ``_instance``, or one of the same class, if that has the constructor of
        ``cls``."""
        if _instance is None and type(self).__init__ != cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom __init__ method must also define a "
                "custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        shown = []
        for name in self.arg_constraints:
            if name in self.__dict__:
                value = self.__dict__[name]
                shown.append(f"{name}: {value if value.numel() == 1 else value.size()}")
        return f"{self.__class__.__name__}({', '.join(shown)})"


def expandable(*expanded: str, kept: Sequence[str] = ()) -> Any:
    """Class decorator: derives ``expand``. The attributes ``expanded``, tensors and distributions whose shapes begin with
    the batch's, are expanded, as far as an object has them; what is ``kept`` is taken over as it is.

    The rest is left to the ``expand`` that the class inherits, if there is one.
    """

    def decorate(cls: Any) -> Any:
        inherited = cls.expand

        def expand(self: Any, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(cls, _instance)
            batch_shape, before = Size(batch_shape), len(self._batch_shape)
            own = vars(self)
            for name in expanded:
                if name in own:
                    value = own[name]
                    shape = value.batch_shape if isinstance(value, Distribution) else value.shape
                    setattr(new, name, value.expand(batch_shape + shape[before:]))
            for name in kept:
                setattr(new, name, own[name])
            if inherited is not Distribution.expand:
                return inherited(self, batch_shape, _instance=new)
            Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
            new._validate_args = self._validate_args
            return new

        functools.update_wrapper(expand, inherited)
        expand.__module__, expand.__qualname__ = cls.__module__, f"{cls.__qualname__}.expand"
        del expand.__wrapped__  # type: ignore[attr-defined]
        cls.expand = expand
        return cls

    return decorate


class _PartOf(property):
    """The attribute of the same name of one of the object's parts."""

    def __init__(self, part: str) -> None:
        super().__init__(self._read)
        self._part = part

    def __set_name__(self, owner: type, name: str) -> None:
        self._find = operator.attrgetter(f"{self._part}.{name}")

    def _read(self, instance: Any) -> Any:
        return self._find(instance)


def part_of(part: str) -> Any:
    """Declares an attribute that is found in a part of the object (``"base_dist"``), under its own name."""
    return _PartOf(part)
