"""Residual branches left out at random: G. Huang et al., "Deep Networks with Stochastic Depth" (2016)."""

from __future__ import annotations

from typing import Any

from flambeau import nn

__all__ = ["StochasticDepth", "stochastic_depth"]


def stochastic_depth(input: Any, p: float, mode: str, training: bool = True) -> Any:
    """``input`` (batch, ...) with probability ``p`` set to zero, whole (``mode="batch"``) or row by row (``"row"``).

    What stays is divided by ``1 - p``. Nothing happens unless ``training``. ``ValueError`` for other modes and for
    what is no probability.
    """
    if p < 0.0 or p > 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0.0:
        return input
    rows = input.shape[:1] if mode == "row" else (1,) * min(input.ndim, 1)
    noise = input.detach().new_empty((*rows, *(1,) * (input.ndim - 1))).bernoulli_(1.0 - p)
    if p < 1.0:
        noise = noise / (1.0 - p)
    return input * noise


class StochasticDepth(nn.Module):
    """See :func:`stochastic_depth`."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Any) -> Any:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
