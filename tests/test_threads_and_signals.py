"""Whatever comes in while a program is recorded, other threads or a signal, finds traces whole and leaves them so."""

from __future__ import annotations

import gc
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import traceback
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import Tensor, nn, optim
from flambeau.graph import steps
from flambeau.graph.steps import forget_steps
from flambeau.graph.trace import local, set_eager
from flambeau.kernels.patterns import Variants


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(*functions: Callable[[], None]) -> None:
    """Run functions in threads; raises what one of them raised."""
    errors: list[BaseException] = []

    def guarded(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# --- threads ----------------------------------------------------------------------------------------------------------


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


# --- signals ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted() -> Iterator[Callable[[Callable[[], Any], float], Any]]:
    """``interrupted(function, seconds)`` calls a function again and again until a signal comes; its last result."""

    def handler(*_: Any) -> None:
        raise KeyboardInterrupt

    def run(function: Callable[[], Any], seconds: float) -> Any:
        result = None

        def repeat() -> None:
            # A function of its own: CPython 3.13 does not count the jump back to a loop's beginning to the block around it.
            nonlocal result
            while True:
                result = function()

        try:
            try:
                # Again after a while: what a signal raises in a finaliser is lost.
                signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
                repeat()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            return result

    before = signal.signal(signal.SIGALRM, handler)
    yield run
    signal.signal(signal.SIGALRM, before)


def test_a_signal_while_recording_leaves_what_is_pending_whole(interrupted: Callable[..., Any]) -> None:
    weight, bias = flambeau.arange(20.0).reshape(5, 4) / 10, flambeau.ones(5)
    x = flambeau.arange(8.0).reshape(2, 4)

    def work(k: float) -> list[Tensor]:
        y = F.linear(F.softmax(x * k + 1.0, -1), weight, bias)
        return [(y[:, 1:3] * 2.5 - k).sum(), y]

    factors = (1.5, 2.5, 3.5)
    set_eager(True)
    try:
        expected = {k: [t.tolist() for t in work(k)] for k in factors}
    finally:
        set_eager(False)
    generator = random.Random(0)
    outcome: Counter[bool] = Counter()
    for _ in range(200):
        pending = [(k, work(k)) for k in factors[:2]]
        last = interrupted(lambda: work(factors[2]), generator.uniform(1e-5, 4e-4))
        pending.append((factors[1], work(factors[1])))
        if last is not None:
            pending.append((factors[2], last))
        for k, results in pending:
            outcome[[t.tolist() for t in results] == expected[k]] += 1
    assert not outcome[False], outcome


def test_a_signal_while_training_leaves_a_model_that_works(interrupted: Callable[..., Any]) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, labels = flambeau.randn(5, 8), flambeau.tensor([0, 1, 2, 0, 1])

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()

    for _ in range(10):
        step()
    generator = random.Random(0)
    for _ in range(100):
        interrupted(step, generator.uniform(1e-5, 3e-3))
        with flambeau.no_grad():
            found = model(x).numpy()
        first, shift, second, offset = (parameter.detach().numpy() for parameter in model.parameters())
        expected = np.maximum(x.numpy() @ first.T + shift, 0) @ second.T + offset
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


class Alarm(Exception):
    """What a signal's handler may raise: any exception."""


class Training:
    """Steps of a model with layers of several kinds, and what it computes worked out with NumPy."""

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
        self.optimizer = optim.Adam(self.model.parameters(), lr=1e-3)
        self.x, self.labels = flambeau.randn(5, 8), flambeau.tensor([0, 1, 2, 0, 1])
        self.table = flambeau.arange(12.0).reshape(4, 3)
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        self.optimizer.zero_grad()
        logits = self.model(self.x) + F.softmax(self.table[self.labels] * self.steps, 1)
        F.cross_entropy(logits, self.labels).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    def check(self) -> None:
        with flambeau.no_grad():
            found = self.model(self.x).numpy()
        first, shift, second, offset = (parameter.detach().numpy() for parameter in self.model.parameters())
        expected = np.maximum(self.x.numpy() @ first.T + shift, 0) @ second.T + offset
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def raised(function: Callable[[], None], here: Callable[[Any], bool]) -> bool | None:
    """Raise :class:`Alarm` at the beginning of a function or after a call of one in C, where signals come.

    ``here`` is asked at each, with the frame of the caller. Whether what was raised reached the caller; None if ``here``
    never said yes. (Generators that are closed seem to be called.)
    """
    asked = False

    def profile(frame: Any, event: str, _: Any) -> None:
        nonlocal asked
        if event == "c_return" or event == "call" and frame.f_code.co_name != "<genexpr>":
            if here(frame if event == "c_return" else frame.f_back):
                asked = True
                sys.setprofile(None)
                raise Alarm

    try:
        try:
            sys.setprofile(profile)
            function()
        finally:
            sys.setprofile(None)
    except Alarm:
        return True
    return False if asked else None


def test_what_is_raised_at_any_call_reaches_the_caller() -> None:
    """In known steps, which run the same calls each time."""
    training = Training()
    for _ in range(4):
        training.step()
    outcome: bool | None = True
    for first in range(1, 1 << 20, 23):
        number = iter(range(first, 0, -1))
        outcome = raised(training.step, lambda frame, number=number: next(number, 0) == 1)  # type: ignore[misc]
        if outcome is None:
            break
        assert outcome, first
        if first % 5 == 0:
            training.check()
    training.check()
    assert outcome is None and first > 900


def test_what_was_recorded_when_something_was_raised_can_be_used() -> None:
    """Each line that calls something is interrupted once, in steps that were never seen before, which are then seen again."""
    package = os.path.dirname(flambeau.__file__)
    folders = tuple([os.path.join(package, folder) + os.sep for folder in ("graph", "core", "compiler")])
    lines = set[tuple[str, int]]()

    def here(frame: Any) -> bool:
        line = frame.f_code.co_filename, frame.f_lineno
        if line in lines or not line[0].startswith(folders):
            return False
        lines.add(line)
        return True

    training = Training()
    while True:
        forget_steps()
        outcome = raised(training.step, here)
        if outcome is None:
            break
        assert outcome, lines
        training.step()
        training.check()
    assert len(lines) > 400


@pytest.mark.parametrize("kind", [Alarm, TimeoutError])
def test_no_exception_of_a_signals_handler_is_lost(kind: type[Exception]) -> None:
    raised, caught = 0, set[int]()

    def handler(*_: Any) -> None:
        nonlocal raised
        raised += 1
        raise kind(raised)

    def dropped(unraisable: Any) -> None:
        """Python itself drops what is raised in others' finalisers and callbacks of the collector (Hypothesis has one)."""
        files = [frame.filename for frame in traceback.extract_tb(unraisable.exc_traceback)]
        if isinstance(unraisable.exc_value, kind) and files and not files[0].startswith(os.path.dirname(flambeau.__file__)):
            caught.add(unraisable.exc_value.args[0])

    training, generator = Training(), random.Random(0)
    training.step()  # an interrupted import would leave a module half made
    hook, sys.unraisablehook = sys.unraisablehook, dropped
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for count in range(120):
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, generator.uniform(1e-5, 3e-3))
                    while raised == count:
                        training.step()
                        (flambeau.ones(count % 13 + 1, 3) * 2).sum().item()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except kind as error:
                caught.add(error.args[0])
            if count % 10 == 0:
                training.check()
    finally:
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = hook
    training.check()
    assert raised == 120 and caught == set(range(1, 121))


def test_a_handler_may_look_at_values_at_any_moment() -> None:
    """At pending ones, at parameters that are updated, at those of the very evaluation that it interrupts."""
    undisturbed, disturbed = Training(), Training()
    disturbed.model.load_state_dict(undisturbed.model.state_dict())
    disturbed.x = undisturbed.x
    seen: list[bool] = []

    def look() -> None:
        seen.append(all(np.isfinite(value.detach().numpy()).all() for value in disturbed.model.parameters()))
        disturbed.optimizer.state_dict()

    generator = random.Random(0)
    for number in range(60):
        if number % 4 == 0:
            forget_steps()
        undisturbed.step()
        called_at(disturbed.step, generator.randrange(1, 2000), look)
        for a, b in zip(undisturbed.model.parameters(), disturbed.model.parameters()):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    assert len(seen) > 20 and all(seen)


def called_at(function: Callable[[], None], number: int, handler: Callable[[], None]) -> None:
    """Call ``handler`` while ``function`` runs, at the beginning of a function or after a call of one in C."""
    count = 0

    def profile(_: Any, event: str, __: Any) -> None:
        nonlocal count
        count += event in ("call", "c_return")
        if count == number:
            sys.setprofile(None)
            handler()

    try:
        sys.setprofile(profile)
        function()
    finally:
        sys.setprofile(None)


COMPILING = """
import sys
from flambeau.cpu.jit import compile_module, load

class Alarm(Exception):
    pass

def compiled(number):
    name = f"function{number}"
    text = f"define i64 @{name}() {{\\n  ret i64 {number}\\n}}\\n"
    load(compile_module(text)).address(name)

def raised_at(number):
    count = 0
    def profile(frame, event, _):
        nonlocal count
        count += event in ("c_return", "call")
        if count == number:
            sys.setprofile(None)
            raise Alarm
    try:
        sys.setprofile(profile)
        compiled(number)
    except Alarm:
        return True
    finally:
        sys.setprofile(None)
    return count >= number

compiled(0)
number = 1
while raised_at(number):
    compiled(-number)
    number += 1
assert number > 50, number
"""


def test_an_alarm_while_kernels_are_compiled_leaves_the_compiler_whole(tmp_path: Path) -> None:
    environment = {**os.environ, "FLAMBEAU_CACHE_DIR": str(tmp_path), "PYTHONFAULTHANDLER": "1"}
    done = subprocess.run([sys.executable, "-c", COMPILING], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


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
