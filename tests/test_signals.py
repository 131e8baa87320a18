"""Whatever comes in while a program is recorded, in the handler of a signal, finds traces whole and leaves them so."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import Tensor, nn, optim
from flambeau.graph.steps import forget_steps
from flambeau.graph.trace import set_eager
from flambeau.interpreter.undisturbed import elsewhere


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


class _Late(Exception):
    """What a handler raises."""


def test_what_a_handler_raises_while_a_thread_is_started_is_what_comes_out() -> None:
    armed = False

    def handler(*_: Any) -> None:
        if armed:
            raise _Late

    draw = random.Random(0)
    given, late = 0, 0
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(400):
            try:
                try:
                    armed = True
                    signal.setitimer(signal.ITIMER_REAL, 1e-5 + draw.random() * 2e-4)
                    for _ in range(20):
                        given += elsewhere(lambda: 1) or 0
                finally:
                    armed = False
            except _Late:
                late += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert given and late
