"""Metrics of classification as functions of one batch."""

from __future__ import annotations

from typing import Any

from .counts import Counts, count_binary, count_multiclass, count_multilabel, ratio

__all__ = ["accuracy", "f1_score", "precision", "recall"]

TASKS = ("binary", "multiclass", "multilabel")


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
    if task == "binary":
        return count_binary(preds, target, threshold, ignore_index)
    if task not in TASKS:
        raise ValueError(f"Invalid Classification: expected one of {TASKS}, but got {task}.")
    if not isinstance(size, int):
        name = "num_classes" if task == "multiclass" else "num_labels"
        raise ValueError(f"`{name}` is expected to be `int` but `{type(size)} was passed.`")
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


def _metric(name: str, of: Any, default_average: str) -> Any:
    def function(
        preds: Any,
        target: Any,
        task: str | None = None,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = default_average,
        multidim_average: str = "global",
        top_k: int | None = 1,
        ignore_index: int | None = None,
        validate_args: bool = True,
    ) -> Any:
        if multidim_average != "global":
            raise ValueError(f"`multidim_average` has to be 'global', got {multidim_average!r}")
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


accuracy = _metric("accuracy", accuracy_of, "micro")
precision = _metric("precision", precision_of, "micro")
recall = _metric("recall", recall_of, "micro")
f1_score = _metric("f1_score", f1_score_of, "micro")
