"""The base of metrics."""

import pickle

import pytest

import flambeau
from flambeau.metrics import Accuracy, MeanMetric, Metric, MetricCollection, Recall, SumMetric


class Largest(Metric):
    """A metric with a state of each kind."""

    def __init__(self):
        super().__init__()
        self.add_state("largest", flambeau.tensor(0.0), dist_reduce_fx="max", persistent=True)
        self.add_state("seen", [], dist_reduce_fx="cat")

    def update(self, values):
        self.largest = flambeau.maximum(self.largest, values.max())
        self.seen.append(values)

    def compute(self):
        return self.largest + 0 * flambeau.cat(self.seen).sum()


def test_results_over_batches_and_of_one():
    metric = Largest()
    assert metric(flambeau.tensor([3.0, 1.0])) == 3.0
    assert metric(flambeau.tensor([2.0])) == 2.0
    assert metric.compute() == 3.0 and metric.update_count == 2 and len(metric.seen) == 2
    metric.reset()
    assert not metric.update_called and metric.largest == 0.0 and metric.seen == []


def test_results_are_kept_until_the_next_batch():
    metric = Largest()
    metric.update(flambeau.tensor([1.0]))
    assert metric.compute() is metric.compute()
    metric.update(flambeau.tensor([4.0]))
    assert metric.compute() == 4.0


def test_computing_nothing_warns():
    with pytest.warns(UserWarning, match="was called before the ``update`` method"):
        Accuracy().compute()


def test_copies_are_independent():
    metric = Largest()
    metric.update(flambeau.tensor([1.0]))
    for copy in (metric.clone(), pickle.loads(pickle.dumps(metric))):
        copy.update(flambeau.tensor([5.0]))
        assert copy.compute() == 5.0
    assert metric.compute() == 1.0


def test_persistent_states_are_saved():
    metric = Largest()
    metric.update(flambeau.tensor([7.0]))
    state = metric.state_dict()
    assert list(state) == ["largest"]
    other = Largest()
    other.load_state_dict(state)
    assert other.largest == 7.0
    metric.persistent(False)
    assert not metric.state_dict()


def test_states_must_be_tensors_or_lists():
    with pytest.raises(ValueError, match="must be a tensor"):
        Metric().add_state("x", 3)
    with pytest.raises(ValueError, match="dist_reduce_fx"):
        Metric().add_state("x", flambeau.zeros(1), "median")


def test_means_and_sums():
    mean = MeanMetric()
    mean.update(2.0)
    mean.update(flambeau.tensor([4.0, 5.0]), weight=2)
    assert mean.compute() == 4.0
    total = SumMetric()
    total.update([1.0, 2.0])
    total.update(3)
    assert total.compute() == 6.0


def test_collections():
    collection = MetricCollection([Accuracy(), Recall(task="multiclass", num_classes=2)], prefix="val_")
    batch = flambeau.tensor([0, 1, 1]), flambeau.tensor([0, 1, 0])
    assert set(collection(*batch)) == {"val_Accuracy", "val_Recall"}
    collection.update(*batch)
    assert collection.compute()["val_Accuracy"].item() == pytest.approx(2 / 3)
    collection.reset()
    collection.update(batch[0], batch[0])
    assert collection.compute()["val_Recall"] == 1.0
    assert set(collection.clone(prefix="test_").compute()) == {"test_Accuracy", "test_Recall"}
    with pytest.raises(ValueError, match="both named"):
        MetricCollection([Accuracy(), Accuracy()])
    with pytest.raises(ValueError, match="not an instance"):
        MetricCollection({"a": 3})
