"""Modes of several threads, above and beneath autograd, are entered and left in any order."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import flambeau
from flambeau.overrides import TorchFunctionMode
from flambeau.utils._python_dispatch import TorchDispatchMode


class Beneath(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Above(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def _sum() -> list[float]:
    return (flambeau.ones(2) * 2 + flambeau.ones(2)).tolist()  # type: ignore[no-any-return]


def test_any_order() -> None:
    """Above begins, beneath begins, above ends and begins again, beneath ends and begins again, and so on."""
    before = dict(vars(flambeau.Tensor))
    steps = [threading.Event() for _ in range(12)]
    found: list[Any] = []

    def take_turns(kind: Any, first: int) -> None:
        for step in range(first, 12, 4):
            steps[step].wait(60)
            with kind():
                found.append(_sum())
                steps[step + 1].set()
                if step + 2 < 12:
                    steps[step + 2].wait(60)
                found.append(_sum())
            if step + 3 < 12:
                steps[step + 3].set()

    above = threading.Thread(target=take_turns, args=(Above, 0))
    beneath = threading.Thread(target=take_turns, args=(Beneath, 1))
    above.start(), beneath.start()
    steps[0].set()
    deadline = time.monotonic() + 60
    while (above.is_alive() or beneath.is_alive()) and time.monotonic() < deadline:
        for step in steps:  # whoever waits for a turn that nobody gives goes on
            time.sleep(0.005)
            step.set()
    above.join(60), beneath.join(60)
    assert len(found) == 12 and all(each == [3.0, 3.0] for each in found)
    assert dict(vars(flambeau.Tensor)) == before


def test_at_once() -> None:
    before, interval = dict(vars(flambeau.Tensor)), sys.getswitchinterval()
    wrong: list[Any] = []
    end = time.monotonic() + 1.0

    def work(kind: Any) -> None:
        try:
            while time.monotonic() < end and not wrong:
                with kind():
                    assert _sum() == [3.0, 3.0]
                assert _sum() == [3.0, 3.0]
                sub = type("Sub", (flambeau.Tensor,), {})
                assert type(flambeau.ones(2).as_subclass(sub) + 1) is sub
        except BaseException as error:
            wrong.append(error)

    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(kind,)) for kind in (Above, Beneath, Above, Beneath)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert dict(vars(flambeau.Tensor)) == before
