"""Right and wrong answers, counted for each class, and the ratios made of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import flambeau

__all__ = ["Counts", "count_binary", "count_multiclass", "count_multilabel", "ratio"]


class Counts(NamedTuple):
    """True and false positives and negatives: int64 tensors (classes)."""

    tp: Any
    fp: Any
    tn: Any
    fn: Any


def _count(predicted: Any, expected: Any, counted: Any) -> Counts:
    """Count over the first axis of boolean tensors (answers, classes), where ``counted`` holds."""

    def total(condition: Any) -> Any:
        return (condition & counted).sum(0)

    return Counts(
        total(predicted & expected),
        total(predicted & ~expected),
        total(~predicted & ~expected),
        total(~predicted & expected),
    )


def count_multiclass(
    preds: Any, target: Any, num_classes: int, top_k: int = 1, ignore_index: int | None = None
) -> Counts:
    """Count answers among ``num_classes``.

    ``preds``: classes, of the shape of ``target``, or floats with one more axis, the second, for the classes; with
    ``top_k`` an answer is right if the target is among the ``top_k`` greatest. Targets ``ignore_index`` do not count.
    """
    if preds.is_floating_point():
        if preds.ndim != target.ndim + 1 or preds.shape[0] != target.shape[0] or preds.shape[2:] != target.shape[1:]:
            raise ValueError(
                "If `preds` have one dimension more than `target`, the shape of `preds` should be (N, C, ...), and the "
                f"shape of `target` should be (N, ...); got {tuple(preds.shape)} and {tuple(target.shape)}."
            )
        if preds.shape[1] != num_classes:
            raise ValueError(
                f"If `preds` have one dimension more than `target`, `preds.shape[1]` should be equal to number of "
                f"classes, {num_classes}, but is {preds.shape[1]}."
            )
        if top_k > num_classes:
            raise ValueError(f"`top_k` ({top_k}) cannot be greater than the number of classes ({num_classes})")
        answers = preds.argmax(1)
        if top_k > 1:
            among = (preds.topk(top_k, dim=1).indices == target.unsqueeze(1)).any(1)
            answers = flambeau.where(among, target, answers)
    else:
        if preds.shape != target.shape:
            raise ValueError(
                "The `preds` and `target` should have the same shape, got `preds` with shape="
                f"{tuple(preds.shape)} and `target` with shape={tuple(target.shape)}."
            )
        answers = preds
    answers, target = answers.reshape(-1, 1), target.reshape(-1, 1)
    classes = flambeau.arange(num_classes)
    counted = target == target if ignore_index is None else target != ignore_index
    return _count(answers == classes, target == classes, counted)


def _decided(preds: Any, threshold: float) -> Any:
    """Yes or no: of probabilities, of logits (if any lies outside 0..1), or of zeros and ones."""
    if not preds.is_floating_point():
        return preds == 1
    logits = ((preds < 0) | (preds > 1)).any()
    return flambeau.where(logits, preds.sigmoid(), preds) > threshold


def count_binary(preds: Any, target: Any, threshold: float = 0.5, ignore_index: int | None = None) -> Counts:
    """Count answers yes or no; ``preds`` are 0 and 1, probabilities or logits, of the shape of ``target``."""
    return count_multilabel(preds.reshape(-1, 1), target.reshape(-1, 1), 1, threshold, ignore_index)


def count_multilabel(
    preds: Any, target: Any, num_labels: int, threshold: float = 0.5, ignore_index: int | None = None
) -> Counts:
    """Count answers yes or no for each label: both tensors are (number, labels, ...)."""
    if preds.shape != target.shape:
        raise ValueError(
            "The `preds` and `target` should have the same shape, got `preds` with shape="
            f"{tuple(preds.shape)} and `target` with shape={tuple(target.shape)}."
        )
    if preds.ndim < 2 or preds.shape[1] != num_labels:
        raise ValueError(
            f"Expected both `target.shape[1]` and `preds.shape[1]` to be equal to the number of labels, {num_labels}, "
            f"but got shape {tuple(preds.shape)}."
        )
    decided = _decided(preds, threshold).transpose(0, 1).reshape(num_labels, -1).t()
    target = target.transpose(0, 1).reshape(num_labels, -1).t()
    counted = target == target if ignore_index is None else target != ignore_index
    return _count(decided, target == 1, counted)


def ratio(numerator: Any, denominator: Any, counts: Counts, average: str | None, top_k: int = 1) -> Any:
    """``numerator / denominator`` of classes, averaged; zero where there is nothing to divide by.

    ``average``: ``micro`` divides the sums, ``macro`` takes the mean over classes that occur (with ``top_k``: that are
    expected), ``weighted`` weighs classes by how often they are expected, ``none`` (or None) gives a ratio for each.
    """
    if average == "micro":
        numerator, denominator = numerator.sum(), denominator.sum()
    value = flambeau.where(denominator == 0, 0.0, numerator / denominator.clamp(min=1))
    if average in ("micro", "none", None):
        return value
    if average == "weighted":
        weights = counts.tp + counts.fn
    elif average == "macro":
        occurring = counts.tp + counts.fn if top_k > 1 else counts.tp + counts.fp + counts.fn
        weights = (occurring > 0).to(value.dtype)
    else:
        raise ValueError(f"Expected argument `average` to be one of micro, macro, weighted, none, but got {average}")
    return (value * weights).sum() / weights.sum().clamp(min=1)
