"""Small helpers of ``torch.utils``: context managers as decorators, a lock between processes, what a bug report says."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import torch
import torch.utils._contextlib
import torch.utils.collect_env
import torch.utils.file_baton

import flambeau

BOTH = pytest.mark.parametrize("library", [flambeau, torch], ids=["flambeau", "torch"])


@BOTH
def test_context_managers_decorate_functions_and_generators(library):
    c = library.utils._contextlib
    depth: list[int] = []

    class Inside(c._NoParamDecoratorContextManager):
        def __enter__(self) -> None:
            depth.append(1)

        def __exit__(self, *exception: Any) -> None:
            depth.pop()

    class Named(c._DecoratorContextManager):
        def __init__(self, name: str) -> None:
            self.name = name

        def clone(self) -> Named:
            return Named(self.name)

        def __enter__(self) -> None:
            depth.extend(self.name)

        def __exit__(self, *exception: Any) -> None:
            del depth[-len(self.name) :]

    @Inside
    def bare() -> int:
        return len(depth)

    @Named("ab")
    def named(more: int) -> int:
        return len(depth) + more

    @Inside()
    def steps():
        got = yield len(depth)
        while True:
            try:
                got = yield (got, len(depth))
            except KeyError:
                got = "error"

    assert bare() == 1 and named(3) == 5 and bare.__name__ == "bare" and not depth
    running = steps()
    assert next(running) == 1 and not depth
    assert running.send(7) == (7, 1) and running.throw(KeyError) == ("error", 1) and not depth
    running.close()
    assert c.context_decorator(lambda: Named("x"), lambda: len(depth))() == 1
    with pytest.raises(RuntimeError, match="Cannot decorate classes"):
        c.context_decorator(lambda: Named("x"), int)
    with pytest.raises(AssertionError, match="both callable"):
        c.context_decorator(Inside(), len)
    with pytest.warns(FutureWarning, match="Decorating classes is deprecated"):
        Named("x")(int)


@BOTH
def test_one_has_the_baton(library, tmp_path):
    kind = library.utils.file_baton.FileBaton
    first, second = kind(str(tmp_path / "lock")), kind(str(tmp_path / "lock"), wait_seconds=0.005, warn_after_seconds=0.01)
    assert first.try_acquire() and not second.try_acquire()
    threading.Timer(0.1, first.release).start()
    began = time.monotonic()
    with pytest.warns(UserWarning, match="Waited on lock file"):
        second.wait()
    assert time.monotonic() - began > 0.05 and second.try_acquire()
    second.release()
    assert not (tmp_path / "lock").exists()


def test_the_environment_is_described():
    c = flambeau.utils.collect_env
    found = c.get_env_info()
    assert found._fields == torch.utils.collect_env.SystemEnv._fields
    assert found.is_cuda_available == "False" and "numpy==" in found.pip_packages
    text = c.get_pretty_env_info()
    assert "PyTorch version:" in text and "Kernel cache:" in text and "cuda runtime" not in text.lower()
