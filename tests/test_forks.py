"""Forks while other threads, or the forking thread itself, record and evaluate: children find everything whole and free."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import nn, optim
from flambeau.autograd.leaves import accumulating
from flambeau.compiler import report
from flambeau.core.composite import composite
from flambeau.cpu import jit, memory
from flambeau.cpu.memory import default_pool
from flambeau.graph.trace import local, step_boundary
from flambeau.interpreter import undisturbed as calling
from flambeau.utils.data import DataLoader, TensorDataset

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def in_child(function: Callable[[], Any]) -> int:
    """Fork, call a function in the child, and return the child's exit status: 0 if it returned something true."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 2
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)  # nobody hangs for longer
        status = 0 if function() else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


class Training:
    """A small model that trains without changing, so that its loss is known."""

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.0, momentum=0.9)
        self.x, self.labels = flambeau.randn(5, 8), flambeau.tensor([0, 1, 2, 0, 1])
        self.expected = self.step()

    def step(self) -> float:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def works(self) -> bool:
        with flambeau.enable_grad():  # a signal may come during the optimiser's step
            return all(self.step() == self.expected for _ in range(3))


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """``beside(function)`` calls a function again and again in a thread until the test ends."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(function: Callable[[], Any]) -> None:
        begun = threading.Event()

        def run() -> None:
            while not stop.is_set():
                function()
                begun.set()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        begun.wait()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_children_of_a_fork_beside_threads_that_train(beside: Callable[..., None]) -> None:
    shared, own = Training(), Training()
    beside(shared.step)
    beside(shared.step)
    assert [in_child(lambda: shared.works() and own.works()) for _ in range(20)] == [0] * 20


def test_a_loader_with_workers_beside_a_thread_that_computes(beside: Callable[..., None]) -> None:
    training = Training()
    beside(training.step)
    data = TensorDataset(flambeau.arange(24.0).reshape(12, 2) * 2 + 1)
    for _ in range(3):
        loader = DataLoader(data, batch_size=3, num_workers=2, timeout=60)
        np.testing.assert_array_equal(
            np.concatenate([batch.numpy() for (batch,) in loader]), np.arange(24).reshape(12, 2) * 2 + 1
        )


def test_a_child_never_sees_half_an_update(beside: Callable[..., None]) -> None:
    value = flambeau.zeros(1 << 20)

    def update() -> None:
        value.add_(1)
        step_boundary()

    def whole() -> bool:
        seen = (value + 0).numpy()
        return bool((seen == seen[0]).all())

    beside(update)
    assert [in_child(whole) for _ in range(10)] == [0] * 10


LOCKS: dict[str, Callable[[], Any]] = {
    "memory": lambda: default_pool._lock,
    "reused memory": lambda: memory._reusers_lock,
    "gradients": lambda: accumulating,
    "plan": lambda: report._last[0].lock,
    "trace": lambda: local.trace.lock,
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_that_another_thread_holds_is_free_in_a_child(name: str) -> None:
    training = Training()
    pending = training.x * 2
    lock = LOCKS[name]()
    held, forked = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            forked.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    status = in_child(lambda: training.works() and np.array_equal(pending.numpy(), training.x.numpy() * 2))
    forked.set()
    thread.join()
    assert status == 0 and training.works()


def test_a_fork_waits_for_the_compiler() -> None:
    entered, left = threading.Event(), []

    def compile() -> None:
        with jit._lock:
            entered.set()
            threading.Event().wait(0.1)
            left.append(True)

    thread = threading.Thread(target=compile)
    thread.start()
    entered.wait()
    assert in_child(lambda: left == [True]) == 0
    thread.join()


def test_what_is_pending_in_a_thread_that_stands_still_while_it_learns_a_composite() -> None:
    x = flambeau.arange(4.0)
    begun, forked = threading.Event(), threading.Event()
    pending: list[Any] = []

    def define(_: None, value: Any, number: Any) -> Any:
        doubled = value * number + x
        begun.set()
        forked.wait()
        return (doubled,)

    def record() -> None:
        pending.append(x + 1)
        pending.extend(composite(define, None, pending[0], 3.0))

    thread = threading.Thread(target=record)
    thread.start()
    begun.wait()
    status = in_child(lambda: (pending[0] * x).tolist() == [0, 2, 6, 12] and (x * 2).tolist() == [0, 2, 4, 6])
    forked.set()
    thread.join()
    assert status == 0
    assert [t.tolist() for t in pending] == [[1, 2, 3, 4], [3, 7, 11, 15]]


def test_forks_of_a_signals_handler_at_any_moment() -> None:
    training = Training()
    statuses: list[int] = []

    def handler(*_: Any) -> None:
        statuses.append(in_child(training.works))

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for count in range(15):
            signal.setitimer(signal.ITIMER_REAL, 1e-4 + count * 7e-5)
            while len(statuses) == count:
                training.step()
                (flambeau.ones(count + 1, 3) * 2).sum().item()  # planning, too
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert set(statuses) == {0} and training.works()


def test_a_child_that_goes_on_where_its_parent_waited_for_a_call() -> None:
    children: list[int] = []
    result: object = None
    before = signal.signal(signal.SIGALRM, lambda *_: children.append(os.fork()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        result = calling.undisturbed(lambda: [time.sleep(0.2), "given"][1])
    finally:
        if children == [0]:
            os._exit(0 if result == "given" else 1)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    (child,) = children
    for _ in range(100):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        pytest.fail("the child waits for a thread that is not there")
    assert status == 0 and result == "given"
