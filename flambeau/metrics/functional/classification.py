"""Metrics of classification as functions of one batch: right and wrong answers, counted, and the ratios made of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import flambeau

__all__ = ["accuracy", "f1_score", "precision", "recall"]

TASKS = ("binary", "multiclass", "multilabel")


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


def _check_same_shape(preds: Any, target: Any) -> None:
    if preds.shape != target.shape:
        raise ValueError(
            "The `preds` and `target` should have the same shape, got `preds` with shape="
            f"{tuple(preds.shape)} and `target` with shape={tuple(target.shape)}."
        )


def check_average(average: str | None) -> None:
    """``ValueError`` unless it is one that :func:`ratio` knows."""
    if average not in ("micro", "macro", "weighted", "none", None):
        raise ValueError(f"Expected argument `average` to be one of micro, macro, weighted, none, but got {average}")


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
        _check_same_shape(preds, target)
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
    """Count yes-or-no answers; ``preds`` are 0 and 1, probabilities or logits, of the shape of ``target``."""
    return count_multilabel(preds.reshape(-1, 1), target.reshape(-1, 1), 1, threshold, ignore_index)


def count_multilabel(
    preds: Any, target: Any, num_labels: int, threshold: float = 0.5, ignore_index: int | None = None
) -> Counts:
    """Count yes-or-no answers for each label: both tensors are (number, labels, ...)."""
    _check_same_shape(preds, target)
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
    check_average(average)
    if average in ("micro", "none", None):
        return value
    weights = counts.tp + counts.fn
    if average == "macro":
        occurring = weights if top_k > 1 else weights + counts.fp
        weights = (occurring > 0).to(value.dtype)
    return (value * weights).sum() / weights.sum().clamp(min=1)


def check_task(task: str, size: int | None) -> None:
    """``ValueError`` for an unknown task, or one without the number of classes or labels that it needs."""
    if task not in TASKS:
        raise ValueError(f"Invalid Classification: expected one of {TASKS}, but got {task}.")
    if task != "binary" and not isinstance(size, int):
        name = "num_classes" if task == "multiclass" else "num_labels"
        raise ValueError(f"`{name}` is expected to be `int` but `{type(size)} was passed.`")


def check_multidim_average(value: str) -> None:
    """``ValueError`` for averages over the axes of a sample, which are not offered."""
    if value != "global":
        raise ValueError(f"`multidim_average` has to be 'global', got {value!r}")


def infer_task(preds: Any, target: Any) -> tuple[str, int]:
    """The task that shapes and dtypes tell, and the number of classes or labels.

    Scores (number, classes, ...) for targets (number, ...) are multiclass; scores of the targets' own shape are
    binary, or multilabel with more than one axis; classes as answers are multiclass.
    """
    if preds.is_floating_point():
        if preds.ndim == target.ndim + 1:
            return "multiclass", int(preds.shape[1])
        return ("binary", 1) if preds.ndim == 1 else ("multilabel", int(preds.shape[1]))
    return "multiclass", int(max(preds.max(), target.max())) + 1


def count(
    task: str,
    preds: Any,
    target: Any,
    size: int | None,
    threshold: float = 0.5,
    top_k: int = 1,
    ignore_index: int | None = None,
) -> Counts:
    """Right and wrong answers for a task; ``size`` is the number of classes or labels."""
    check_task(task, size)
    if task == "binary":
        return count_binary(preds, target, threshold, ignore_index)
    assert size is not None
    if task == "multiclass":
        return count_multiclass(preds, target, size, top_k, ignore_index)
    return count_multilabel(preds, target, size, threshold, ignore_index)


def accuracy_of(counts: Counts, task: str, average: str | None, top_k: int = 1) -> Any:
    """Share of right answers; of classes, share of those expected that were found."""
    if task == "multiclass":
        return ratio(counts.tp, counts.tp + counts.fn, counts, average, top_k)
    right = counts.tp + counts.tn
    total = right + counts.fp + counts.fn
    if task == "binary":
        return ratio(right, total, counts, "micro")
    if average == "macro":  # labels that never occur have their right answers, too
        return ratio(right, total, counts, None).mean()
    return ratio(right, total, counts, average)


def precision_of(counts: Counts, task: str, average: str | None, top_k: int = 1) -> Any:
    """Share of the positive answers that were right."""
    return ratio(counts.tp, counts.tp + counts.fp, counts, "micro" if task == "binary" else average, top_k)


def recall_of(counts: Counts, task: str, average: str | None, top_k: int = 1) -> Any:
    """Share of the expected positives that were found."""
    return ratio(counts.tp, counts.tp + counts.fn, counts, "micro" if task == "binary" else average, top_k)


def f1_score_of(counts: Counts, task: str, average: str | None, top_k: int = 1) -> Any:
    """Harmonic mean of precision and recall."""
    twice = 2 * counts.tp
    return ratio(twice, twice + counts.fp + counts.fn, counts, "micro" if task == "binary" else average)


def _metric(name: str, of: Any) -> Any:
    def function(
        preds: Any,
        target: Any,
        task: str | None = None,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = "micro",
        multidim_average: str = "global",
        top_k: int | None = 1,
        ignore_index: int | None = None,
        validate_args: bool = True,
    ) -> Any:
        check_multidim_average(multidim_average)
        size = num_labels if task == "multilabel" else num_classes
        if task is None:
            task, found = infer_task(preds, target)
            size = found if size is None else size
        return of(count(task, preds, target, size, threshold, top_k or 1, ignore_index), task, average, top_k or 1)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{of.__doc__}\n\n"
        "    ``task`` is ``binary``, ``multiclass`` (with ``num_classes``) or ``multilabel`` (with ``num_labels``); by\n"
        "    default it is taken from the shapes. ``preds`` are classes, probabilities or logits; ``average`` is\n"
        "    ``micro``, ``macro``, ``weighted`` or ``none``.\n    "
    )
    return function


accuracy = _metric("accuracy", accuracy_of)
precision = _metric("precision", precision_of)
recall = _metric("recall", recall_of)
f1_score = _metric("f1_score", f1_score_of)
