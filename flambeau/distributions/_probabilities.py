"""Families that are given by probabilities or by logits."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..graph.shapes import Size
from .utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits


class ByProbsOrLogits:
    """``probs`` and ``logits`` of two outcomes: one is given, the other worked out when it is asked for."""

    _param: Tensor

    def _take(self, probs: Any, logits: Any, *others: Any) -> tuple[Tensor, ...]:
        """Keep the one that is given, broadcast with ``others``, which are returned. ``ValueError`` for both or none."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        *others, given = broadcast_all(*others, logits if probs is None else probs)  # type: ignore[assignment]
        setattr(self, "logits" if probs is None else "probs", given)
        self._param = given
        return tuple(others)

    @lazy_property
    def logits(self) -> Any:
        """Logits of the probabilities."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Any:
        """Probabilities of one of the two outcomes."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._param.size()

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._param.new(*args, **kwargs)


def outcomes(distribution: Any, count: int, dtype: Any, expand: bool) -> Tensor:
    """0 to ``count`` - 1 along a first axis, for each distribution of a batch, or with extents of 1 in its place."""
    batch = distribution.batch_shape
    values = flambeau.arange(count, dtype=dtype, device=distribution._param.device).view((-1,) + (1,) * len(batch))
    return values.expand((-1,) + batch) if expand else values
