"""Whatever comes in while a program is recorded, from other threads, finds traces whole and leaves them so."""

from __future__ import annotations

import gc
import queue
import random
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from in_threads import together
from trie import bytes_reached

import flambeau
import flambeau.nn.functional as F
from flambeau import Tensor, nn, optim
from flambeau.graph import segments, steps
from flambeau.graph.dtypes import scalar_dtype
from flambeau.graph.shapes import Size
from flambeau.graph.trace import local
from flambeau.kernels.patterns import Variants


def test_a_leaf_of_two_pending_traces() -> None:
    weight, x, other = flambeau.tensor([1.0, 2, 3]), flambeau.tensor([5.0, 6, 7]), flambeau.tensor([10.0, 20, 30])

    def elsewhere(seen: threading.Event, looked: threading.Event, results: list[Any]) -> None:
        z = weight * 3  # another place of another trace
        seen.set()
        looked.wait()
        results.append((z + other).tolist())

    for _ in range(4):
        y = x * 2 + weight
        seen, looked, results = threading.Event(), threading.Event(), list[Any]()
        thread = threading.Thread(target=elsewhere, args=(seen, looked, results))
        thread.start()
        seen.wait()
        again = y - weight
        assert y.tolist() == [11, 14, 17] and again.tolist() == [10, 12, 14]
        looked.set()
        thread.join()
        assert results == [[13, 26, 39]]


def test_leaves_of_a_thread_that_ended_without_looking() -> None:
    p, q = flambeau.tensor([10.0, 20, 30]), flambeau.tensor([1.0, 2, 3])
    pending: list[Any] = []

    def elsewhere() -> None:
        pending.append(weakref.ref(local.trace))
        _ = q * p

    for _ in range(6):
        y = p - q
        together(elsewhere)
        assert y.tolist() == [9, 18, 27]
        assert (p - q).tolist() == [9, 18, 27]
    gc.collect()
    assert all(trace() is None for trace in pending)  # their leaves do not keep them


def test_one_thread_trains_what_another_evaluates(hasty: None) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    x, labels, z = flambeau.randn(5, 8), flambeau.tensor([0, 1, 2, 0, 1]), flambeau.randn(2, 8)
    with flambeau.no_grad():
        expected = model(z).tolist()

    def train() -> None:
        for _ in range(150):
            optimizer.zero_grad()
            F.cross_entropy(model(x), labels).backward()
            optimizer.step()

    def evaluate() -> None:
        for _ in range(300):
            with flambeau.no_grad():
                assert model(z).tolist() == expected

    together(train, evaluate, evaluate)


def test_pending_values_are_handed_over_while_their_thread_goes_on(hasty: None) -> None:
    handed: queue.Queue[Any] = queue.Queue(8)

    def produce() -> None:
        for k in range(400):
            a = flambeau.full((4,), float(k))
            c = a * 2 + F.softmax(flambeau.arange(4.0) * 0 + 1, dim=0)
            handed.put((k, c, a))
            d = F.layer_norm(c, (4,))
            if k % 7 == 0:
                d.tolist()
        handed.put(None)

    def consume() -> None:
        while (received := handed.get()) is not None:
            k, c, a = received
            assert (c + a).tolist() == [3.0 * k + 0.25] * 4

    together(produce, consume)


def while_another(first: Callable[[], Any], then: Callable[[Any], Any], between: Callable[[Any], None]) -> list[Any]:
    """What ``then`` gives in a thread that has called ``first`` before, ``between`` having been called meanwhile in this one."""
    reached, go_on, results = threading.Event(), threading.Event(), list[Any]()

    def elsewhere() -> None:
        value = first()
        results.append(value)
        reached.set()
        go_on.wait()
        results[0] = then(value)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    reached.wait()
    try:
        between(results[0])
    finally:
        go_on.set()
        thread.join()
    return results


@pytest.mark.parametrize("leaf_here", [False, True])
@pytest.mark.parametrize("show", [lambda x: x.numpy(), lambda x: x.view(flambeau.int32).numpy()])
def test_what_another_thread_has_recorded_reads_memory_before_it_is_shown(leaf_here: bool, show: Callable[..., Any]) -> None:
    x = flambeau.arange(4.0) * 1
    x.tolist()
    pending = x + 1 if leaf_here else None

    def change(_: Any) -> None:
        show(x)[0] = 100

    assert while_another(lambda: x * 2, lambda y: y.tolist(), change) == [[0, 2, 4, 6]]
    assert pending is None or pending.tolist() == [1, 2, 3, 4]


def test_memory_that_values_of_two_threads_share_is_given_to_no_other_value() -> None:
    x = flambeau.arange(4.0) * 1
    x.tolist()
    pending = x + 1  # a leaf here, so it gets another node in another thread

    def elsewhere() -> None:
        weight = flambeau.ones(4, requires_grad=True)
        loss = (x * weight).sum() * 3
        loss.item()
        loss.backward()  # reads what was saved, which nothing else needs afterwards
        assert weight.grad is not None and weight.grad.tolist() == [0, 3, 6, 9]

    for _ in range(3):
        together(elsewhere)
    assert x.tolist() == [0, 1, 2, 3] and pending.tolist() == [1, 2, 3, 4]


def test_what_is_undone_for_an_error_is_not_what_another_thread_wrote() -> None:
    one, other, untouched = (flambeau.zeros(4) for _ in range(3))
    one.view(2, 2)

    def first() -> Tensor:
        bad = flambeau.arange(5.0)[flambeau.tensor([7])]
        for x in (one, other, untouched):
            x.fill_(1.0)
        return bad

    def write(_: Any) -> None:
        one.fill_(2.0)
        other[1] = 3.0

    def then(bad: Tensor) -> None:
        with pytest.raises(IndexError, match="index 7 is out of bounds"):
            bad.tolist()

    while_another(first, then, write)
    assert one.tolist() == [2, 2, 2, 2] and other.tolist() == [0, 3, 0, 0] and untouched.tolist() == [0, 0, 0, 0]


def test_an_error_is_told_to_the_thread_that_recorded_it() -> None:
    """Another one that needs a value of the same trace gets it, if it does not depend on what failed."""

    def first() -> tuple[Tensor, Tensor]:
        good = flambeau.arange(4.0) + 1
        return good, flambeau.arange(5.0)[flambeau.tensor([7])]

    def look(values: tuple[Tensor, Tensor]) -> None:
        assert (values[0] + 0).tolist() == [1, 2, 3, 4]
        assert values[0].tolist() == [1, 2, 3, 4]
        with pytest.raises(IndexError, match="index 7 is out of bounds"):
            values[1].tolist()

    def then(_: Any) -> bool:
        with pytest.raises(IndexError, match="index 7 is out of bounds"):
            _ = flambeau.ones(3) * 2
        return (flambeau.ones(3) * 2).tolist() == [2, 2, 2]  # it is told once

    assert while_another(first, then, look) == [True]


def test_threads_go_backward_through_one_graph(hasty: None) -> None:
    """Sizes come for the first time, so what backward records is learnt while other threads run the same nodes."""
    for rows in range(2, 9):
        for columns in range(2, 9):
            weight = flambeau.full((columns, columns), 0.25, requires_grad=True)
            scale = flambeau.ones(rows + 2, columns, requires_grad=True)
            x = flambeau.arange(float((rows + 3) * columns)).view(rows + 3, columns)[2 : 2 + rows] / 7
            hidden = F.softmax(F.layer_norm(F.linear(x, weight).tanh(), (columns,)), -1) * x * scale[1 : rows + 1]

            def gradients(factor: int, hidden: Tensor = hidden, to: Any = (weight, scale)) -> list[Any]:
                found = flambeau.autograd.grad((hidden * factor).pow(2).sum(), to, retain_graph=True)
                return [gradient.tolist() for gradient in found]

            results: list[list[Any]] = [[] for _ in range(4)]
            together(*[lambda k=k, f=gradients, found=results: found[k].extend(f(k)) for k in range(4)])  # type: ignore[misc]
            assert results == [gradients(factor) for factor in range(4)]


def test_threads_cut_off_forgotten_steps_together(hasty: None) -> None:
    """Each step is taken by one of them; the others find none left."""

    def work() -> None:
        for _ in range(50_000):
            steps._waiting.extend([None] * 4)
            steps._cut_off(4)

    together(*[work] * 4)
    assert None not in steps._waiting


class _Holds(NamedTuple):
    """A variant that holds for some integers."""

    number: int

    def at(self, integers: tuple[int, ...]) -> Any:
        return (self, self) if integers[0] == self.number else None


def test_threads_look_through_variants_together(hasty: None) -> None:
    """Each finds its own, whichever another one has put first meanwhile, and none is lost."""
    variants = Variants(4)
    for number in range(4):
        variants.add(_Holds(number))

    def work(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(30_000):
            number = draw.randrange(4)
            found = variants.at((number,))
            assert found is not None and found[0].number == number

    together(*[partial(work, seed) for seed in range(4)])
    assert sorted(variant.number for variant in variants.known) == [0, 1, 2, 3]


def test_threads_look_at_parts_of_what_is_no_view_yet(hasty: None) -> None:
    """Each makes the tensor a view of a storage; there must be one storage, and no moment without a value."""
    for _ in range(300):
        x = flambeau.arange(8.0) * 1
        start = threading.Barrier(4)
        found: list[object] = []

        def look(k: int, x: flambeau.Tensor = x, start: threading.Barrier = start, found: list[object] = found) -> None:
            start.wait()
            try:
                found.append(x[k].item() - k)
            except Exception as error:
                found.append(error)

        threads = [threading.Thread(target=look, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [0.0] * 4


def test_operands_have_the_places_that_they_had(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the traces of other threads have become meanwhile: what says which place it is they share."""
    segment = segments.Segment([], 0)
    none = scalar_dtype("b")
    wrong = []

    def learn(depths: range) -> None:
        for depth in depths:
            parent = steps.Step(None, segments.SEGMENT, segment, (), Size(), none, none, None)
            parent.depth = depth
            step = segments.segment_step(parent, segment, range(depth), None)
            wrong.extend([operand for place, operand in enumerate(step.operands) if operand != (place, None)])

    for _ in range(30):
        monkeypatch.setattr(segments, "_all_of", [])
        together(*[partial(learn, range(first, 3000, 400)) for first in (5, 50, 99, 350)])
    assert not wrong


def test_what_threads_forget_is_counted_off_once(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of them finds that there is too much."""
    steps.forget_steps()
    for n in range(2, 40):
        (flambeau.ones(n) * 2 + 1).sum().item()
        (flambeau.ones(n) * 2 + 1).sum().item()
    ends = len(steps._ends)
    assert ends > 30
    kept = steps._structure_bytes + steps._kept_bytes
    monkeypatch.setattr(steps, "KEPT_BYTES", kept + steps._step_bytes // 2 + (kept + steps._step_bytes // 2) // 15)
    monkeypatch.setattr(steps, "_forget_sizes", lambda: pytest.fail("all was forgotten"))
    together(*[steps._forget_some] * 4)
    assert 0 < len(steps._ends) < ends
    assert steps._step_bytes == bytes_reached()
