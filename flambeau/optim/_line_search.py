"""A line search for the strong Wolfe conditions.

Algorithms 3.5 and 3.6 of Nocedal and Wright, Numerical Optimization.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..core.tensor import Tensor

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9


@dataclass(slots=True)
class Point:
    """Where a step along the direction leads: its length, the loss there, its gradient and its slope."""

    step: float
    loss: float
    gradient: Tensor
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], first_step: float, start: Point, longest: float, tolerance_change: float,
    max_evaluations: int,
) -> tuple[Point, int]:  # fmt: skip
    """A step that decreases the loss enough and flattens its slope enough, and how often the loss was evaluated.

    ``start`` is the point of step 0, ``longest`` the direction's largest component in magnitude, ``max_evaluations``
    the number of trials besides the first.
    """
    trial = evaluate(first_step)
    trials = 0
    bracket: list[Point] | None = None
    previous = start
    while trials < max_evaluations:
        if _too_high(trial, start) or (trials > 1 and trial.loss >= previous.loss):
            bracket = [previous, trial]
            break
        if abs(trial.slope) <= -CURVATURE * start.slope:
            return trial, trials + 1
        if trial.slope >= 0:
            bracket = [previous, trial]
            break
        nearest = trial.step + 0.01 * (trial.step - previous.step)
        step = _cubic_minimum(previous, trial, nearest, trial.step * 10)
        previous = trial
        trial = evaluate(step)
        trials += 1
    if bracket is None:
        bracket = [start, trial]
    low, high = sorted(bracket, key=lambda point: point.loss)
    stuck = False
    while trials < max_evaluations and abs(high.step - low.step) * longest >= tolerance_change:
        left, right = sorted((low.step, high.step))
        step = _cubic_minimum(low, high, left, right)
        step, stuck = _away_from_ends(step, left, right, stuck)
        trial = evaluate(step)
        trials += 1
        if _too_high(trial, start) or trial.loss >= low.loss:
            high = trial
            if high.loss < low.loss:
                low, high = high, low
            continue
        if abs(trial.slope) <= -CURVATURE * start.slope:
            low = trial
            break
        if trial.slope * (high.step - low.step) >= 0:
            high = low
        low = trial
    return low, trials + 1


def _too_high(trial: Point, start: Point) -> bool:
    return trial.loss > start.loss + SUFFICIENT_DECREASE * trial.step * start.slope


def _cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through two points with their slopes is least, within ``low`` … ``high``."""
    if a.step > b.step:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    divisor = b.slope - a.slope + 2 * d2
    if divisor == 0:
        return (low + high) / 2.0
    return min(max(b.step - (b.step - a.step) * ((b.slope + d2 - d1) / divisor), low), high)


def _away_from_ends(step: float, left: float, right: float, stuck: bool) -> tuple[float, bool]:
    """Move a trial that is too close to an end of the bracket a tenth inside, if it is so for the second time."""
    margin = 0.1 * (right - left)
    if min(right - step, step - left) >= margin:
        return step, False
    if not (stuck or step >= right or step <= left):
        return step, True
    return (right - margin if abs(step - right) < abs(step - left) else left + margin), False
