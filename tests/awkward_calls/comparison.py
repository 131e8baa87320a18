"""Awkward calls on PyTorch and on Flambeau, each in processes of its own, and how what they do differs."""

from __future__ import annotations

import ctypes.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent

INTERNAL = (
    "AssertionError KeyError ZeroDivisionError OverflowError StopIteration AttributeError UnboundLocalError NameError "
    "RecursionError error SystemError MemoryError ArrayMemoryError AxisError UFuncTypeError FloatingPointError "
    "_UFuncNoLoopError"
).split()
"""What is an error of the library's own when PyTorch does not raise it."""


class Comparison(NamedTuple):
    """What a call did: ``kind`` says how PyTorch and Flambeau differ."""

    kind: str
    call: str
    theirs: list[Any]
    ours: list[Any]


def checked_memory() -> dict[str, str]:
    """An environment in which glibc checks its memory: its blocks' ends, and nothing is zero that was not written."""
    found = ctypes.util.find_library("c_malloc_debug")
    library = {"LD_PRELOAD": found} if found else {}
    return {**library, "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "GLIBC_TUNABLES": "glibc.malloc.check=3"}


def outcomes(library: str, lines: list[str]) -> list[list[Any]]:
    """What each call does in a library, in processes of its own: a new one whenever one dies."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent), "PYTHONHASHSEED": "0"}
    if library == "flambeau":
        environment |= checked_memory()
    found: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        calls, out = Path(folder, "calls"), Path(folder, "outcomes")
        calls.write_text("".join(line + "\n" for line in lines))
        while len(found) < len(lines):
            out.write_text("")
            command = [sys.executable, str(HERE / "worker.py"), library, str(calls), str(len(found)), str(out)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            found += map(json.loads, out.read_text().splitlines())
            if len(found) < len(lines):
                if done.returncode > 0 and not out.stat().st_size:
                    raise RuntimeError(done.stderr)
                late = done.returncode == -signal.SIGPROF
                found.append(["takes too long"] if late else ["dies", done.returncode, done.stderr[-300:]])
    return found


def compared(lines: list[str]) -> list[Comparison]:
    """What each call does in both libraries."""
    both = zip(lines, outcomes("torch", lines), outcomes("flambeau", lines))
    return [Comparison(difference(theirs, ours), line, theirs, ours) for line, theirs, ours in both]


def same_error(theirs: list[Any], ours: list[Any]) -> bool:
    """Whether two errors are of one type.

    PyTorch's functions that are written in Python trip over what is no tensor (``'int' object has no attribute 'dim'``);
    Flambeau says ``TypeError`` there, as all others do.
    """
    tripped = theirs[1][0] == "AttributeError" and "object has no attribute" in theirs[2]
    return theirs[1][0] in ours[1] or tripped and ours[1][0] == "TypeError"


def difference(theirs: list[Any], ours: list[Any]) -> str:
    """In what way Flambeau does something else than PyTorch."""
    if ours[0] in ("dies", "takes too long", "changes"):
        return ours[0] if theirs[0] not in ("dies", "takes too long") or ours[0] == "dies" else "both fail"
    if theirs[0] in ("dies", "takes too long"):
        return "PyTorch fails"
    if ours[0] == "gives":
        if theirs[0] == "gives":
            return "same" if ours == theirs else "another result"
        return "accepts"
    if theirs[0] == "raises" and same_error(theirs, ours):
        return "same error"
    if ours[1][0] in INTERNAL:
        return "internal error"
    return "another error" if theirs[0] == "raises" else "refuses"
