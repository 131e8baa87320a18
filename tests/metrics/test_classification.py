"""Metrics of classification against counting by hand."""

import numpy as np
import pytest

import flambeau
from flambeau import metrics
from flambeau.metrics import functional
from flambeau.metrics.functional_metrics import Accuracy

RANDOM = np.random.RandomState(0)
SCORES = RANDOM.randn(60, 4).astype(np.float32)
CLASSES = RANDOM.randint(0, 3, 60)  # the fourth class never occurs
KINDS = {
    "Accuracy": functional.accuracy,
    "Precision": functional.precision,
    "Recall": functional.recall,
    "F1Score": functional.f1_score,
}


def by_hand(name, answers, expected, classes, average):
    """A metric of class numbers, class by class."""
    tp = np.array([((answers == c) & (expected == c)).sum() for c in range(classes)])
    fp = np.array([((answers == c) & (expected != c)).sum() for c in range(classes)])
    fn = np.array([((answers != c) & (expected == c)).sum() for c in range(classes)])
    above, below = {
        "Accuracy": (tp, tp + fn),
        "Recall": (tp, tp + fn),
        "Precision": (tp, tp + fp),
        "F1Score": (2 * tp, 2 * tp + fp + fn),
    }[name]
    if average == "micro":
        return above.sum() / below.sum()
    values = np.where(below == 0, 0.0, above / np.maximum(below, 1))
    if average == "none":
        return values
    weights = tp + fn if average == "weighted" else (tp + fp + fn) > 0
    return (values * weights).sum() / weights.sum()


def batches(*arrays):
    for start in range(0, len(arrays[0]), 25):
        yield [flambeau.tensor(array[start : start + 25]) for array in arrays]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "none"])
@pytest.mark.parametrize("scores", [True, False])
def test_multiclass(name, average, scores):
    answers = SCORES.argmax(1)
    given = SCORES if scores else answers
    expected = by_hand(name, answers, CLASSES, 4, average)
    options = {"task": "multiclass", "num_classes": 4, "average": average}
    metric = getattr(metrics, name)(**options)
    for batch in batches(given, CLASSES):
        metric.update(*batch)
    assert np.allclose(metric.compute().numpy(), expected)
    once = KINDS[name](flambeau.tensor(given), flambeau.tensor(CLASSES), **options)
    assert np.allclose(once.numpy(), expected)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("kind", ["logits", "probabilities", "answers"])
def test_binary(name, kind):
    logits = SCORES[:, 0]
    given = {"logits": logits, "probabilities": 1 / (1 + np.exp(-logits)), "answers": (logits > 0).astype(np.int64)}[
        kind
    ]
    target = CLASSES % 2
    result = KINDS[name](flambeau.tensor(given), flambeau.tensor(target), task="binary")
    if name == "Accuracy":
        expected = ((logits > 0) == target).mean()
    else:
        expected = by_hand(name, (logits > 0).astype(int), target, 2, "none")[1]
    assert result.item() == pytest.approx(expected)


def test_threshold():
    answers = flambeau.tensor([0.2, 0.6, 0.8])
    target = flambeau.tensor([0, 0, 1])
    assert metrics.BinaryAccuracy(threshold=0.7)(answers, target) == 1.0
    assert metrics.BinaryAccuracy()(answers, target).item() == pytest.approx(2 / 3)


def test_multilabel():
    target = (RANDOM.rand(60, 4) > 0.5).astype(np.int64)
    right = (SCORES > 0) == target
    given = flambeau.tensor(SCORES), flambeau.tensor(target)
    assert metrics.MultilabelAccuracy(4)(*given).item() == pytest.approx(right.mean())
    assert np.allclose(metrics.MultilabelAccuracy(4, average="none")(*given).numpy(), right.mean(0))
    with pytest.raises(ValueError, match="number of labels, 3"):
        functional.accuracy(*given, task="multilabel", num_labels=3)


def test_top_k():
    order = np.argsort(-SCORES, 1)
    hits = (order[:, :2] == CLASSES[:, None]).any(1)
    given = flambeau.tensor(SCORES), flambeau.tensor(CLASSES)
    result = functional.accuracy(*given, task="multiclass", num_classes=4, top_k=2)
    assert result.item() == pytest.approx(hits.mean())
    with pytest.raises(ValueError, match="top_k"):
        functional.accuracy(*given, task="multiclass", num_classes=4, top_k=5)


def test_ignored_targets_and_more_axes():
    scores = RANDOM.randn(6, 3, 5, 2).astype(np.float32)
    target = RANDOM.randint(0, 3, (6, 5, 2))
    target[0] = -1
    expected = (scores.argmax(1) == target)[target >= 0].mean()
    metric = metrics.Accuracy(task="multiclass", num_classes=3, ignore_index=-1)
    assert metric(flambeau.tensor(scores), flambeau.tensor(target)).item() == pytest.approx(expected)


def test_without_arguments_the_first_batch_tells():
    accuracy = Accuracy()
    for batch in batches(SCORES, CLASSES):
        accuracy.update(*batch)
    assert accuracy.compute().item() == pytest.approx((SCORES.argmax(1) == CLASSES).mean())
    answers = Accuracy()
    answers.update(flambeau.tensor([0, 1]), flambeau.tensor([0, 1]))
    answers.update(flambeau.tensor([5, 3]), flambeau.tensor([5, 5]))  # classes not seen before
    assert answers.compute() == 0.75
    assert Accuracy()(flambeau.tensor([0.9, 0.2]), flambeau.tensor([1, 1])) == 0.5
    assert functional.accuracy(flambeau.tensor(SCORES), flambeau.tensor(CLASSES)) == accuracy.compute()


def test_gathering_does_not_keep_history():
    scores = flambeau.tensor(SCORES).requires_grad_()
    metric = metrics.Accuracy(task="multiclass", num_classes=4)
    metric.update(scores, flambeau.tensor(CLASSES))
    assert not metric.compute().requires_grad


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "sorting"}, "Invalid Classification"),
        ({"task": "multiclass"}, "num_classes"),
        ({"task": "multilabel"}, "num_labels"),
        ({"average": "median"}, "average"),
        ({"multidim_average": "samplewise"}, "multidim_average"),
        ({"nonsense": 1}, "Unexpected keyword"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        metrics.Accuracy(**options)


def test_wrong_shapes():
    for preds, target in (
        (flambeau.zeros(3, 4), flambeau.zeros(2, dtype=flambeau.int64)),
        (flambeau.tensor([1]), flambeau.tensor([1, 2])),
    ):
        with pytest.raises(ValueError, match="shape"):
            functional.accuracy(preds, target, task="multiclass", num_classes=4)
    with pytest.raises(ValueError, match="number of classes, 5"):
        functional.accuracy(flambeau.zeros(3, 4), flambeau.tensor([0, 0, 0]), task="multiclass", num_classes=5)
