"""Losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, ClassVar

from ...core.tensor import Tensor
from ...graph.notices import warn
from .. import _reduction
from .. import functional as F
from ._layer import layer
from .distance import PairwiseDistance
from .module import Module

Flag = bool | None


class _Loss(Module):
    """A loss; ``reduction`` is "mean", "sum" or "none", and the other two arguments are its old form."""

    reduction: str
    __settings__: ClassVar[dict[str, Any]] = {"reduction": "mean"}
    __constants__ = ["reduction"]

    def __init__(self, size_average: Flag = None, reduce: Flag = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = _reduction.resolve(size_average, reduce, reduction)


@layer(own_first=True)
class _WeightedLoss(_Loss):
    weight: Tensor | None = None


@layer(F.l1_loss)
class L1Loss(_Loss):
    """``|input - target|``."""


@layer(F.mse_loss)
class MSELoss(_Loss):
    """``(input - target)²``."""


@layer(F.smooth_l1_loss)
class SmoothL1Loss(_Loss):
    """Quadratic below ``beta`` and linear from there on."""

    beta: float = 1.0


@layer(F.huber_loss)
class HuberLoss(_Loss):
    """Quadratic up to ``delta`` and linear from there on."""

    reduction: str = "mean"
    delta: float = 1.0

    def _settle(self) -> None:
        if isinstance(self.delta, complex):
            raise TypeError(f"delta must be a float or int, got: {type(self.delta)}")


@layer()
class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of counts under Poisson distributions."""

    log_input: bool = True
    full: bool = False
    size_average: Flag = None
    eps: float = 1e-8
    reduce: Flag = None
    reduction: str = "mean"

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(
            log_input, target, log_input=self.log_input, full=self.full, eps=self.eps, reduction=self.reduction
        )


@layer(F.gaussian_nll_loss)
class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of values under normal distributions."""

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"


@layer(F.nll_loss)
class NLLLoss(_WeightedLoss):
    """Negative log-probability of the target class."""

    weight: Tensor | None = None
    size_average: Flag = None
    ignore_index: int = -100
    reduce: Flag = None
    reduction: str = "mean"


class NLLLoss2d(NLLLoss):
    """The old name of :class:`NLLLoss` for pictures."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn(
            "NLLLoss2d has been deprecated. Please use NLLLoss instead as a drop-in replacement and see "
            "https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.",
            FutureWarning,
        )
        super().__init__(*args, **kwargs)


@layer(F.cross_entropy)
class CrossEntropyLoss(_WeightedLoss):
    """Cross-entropy between unnormalised logits and class numbers or probabilities."""

    weight: Tensor | None = None
    size_average: Flag = None
    ignore_index: int = -100
    reduce: Flag = None
    reduction: str = "mean"
    label_smoothing: float = 0.0


@layer(F.kl_div)
class KLDivLoss(_Loss):
    """Kullback-Leibler divergence of the target from log-probabilities."""

    log_target: bool = False


@layer(F.binary_cross_entropy)
class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities."""


@layer(F.binary_cross_entropy_with_logits)
class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits."""

    weight: Tensor | None = None
    size_average: Flag = None
    reduce: Flag = None
    reduction: str = "mean"
    pos_weight: Tensor | None = None


@layer(F.hinge_embedding_loss, own_first=True)
class HingeEmbeddingLoss(_Loss):
    """``input`` where the target is 1, ``max(0, margin - input)`` where it is -1."""

    margin: float = 1.0


@layer(F.soft_margin_loss)
class SoftMarginLoss(_Loss):
    """``log(1 + exp(-target input))``."""


@layer(F.multilabel_margin_loss)
class MultiLabelMarginLoss(_Loss):
    """Hinge loss between every target class and every other class."""


@layer(F.multilabel_soft_margin_loss)
class MultiLabelSoftMarginLoss(_WeightedLoss):
    """Mean over the classes of binary cross-entropies with logits."""


@layer(F.multi_margin_loss, own_first=True)
class MultiMarginLoss(_WeightedLoss):
    """Hinge loss between the target class and every other class."""

    p: int = 1
    margin: float = 1.0

    def _settle(self) -> None:
        if self.p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if self.weight is not None and self.weight.dim() != 1:
            raise ValueError(
                f"MultiMarginLoss: expected weight to be None or 1D tensor, got {self.weight.dim()}D instead"
            )


@layer(F.margin_ranking_loss, own_first=True)
class MarginRankingLoss(_Loss):
    """``max(0, -target (input1 - input2) + margin)``."""

    margin: float = 0.0


@layer(F.cosine_embedding_loss, own_first=True)
class CosineEmbeddingLoss(_Loss):
    """``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1."""

    margin: float = 0.0


@layer(F.triplet_margin_loss, own_first=True)
class TripletMarginLoss(_Loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)``."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False

    def _settle(self) -> None:
        if self.margin <= 0:
            raise ValueError(f"TripletMarginLoss: expected margin to be greater than 0, got {self.margin} instead")


@layer(F.triplet_margin_with_distance_loss)
class TripletMarginWithDistanceLoss(_Loss):
    """:class:`TripletMarginLoss` with a distance of one's own."""

    _: KW_ONLY
    distance_function: Callable[[Any, Any], Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: str = "mean"

    def _settle(self) -> None:
        if self.margin <= 0:
            raise ValueError(
                f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {self.margin} instead"
            )
        if self.distance_function is None:
            self.distance_function = PairwiseDistance()


@layer(F.ctc_loss)
class CTCLoss(_Loss):
    """Negative log-probability of label sequences over all alignments with the input."""

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False
