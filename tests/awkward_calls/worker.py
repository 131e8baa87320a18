"""Runs awkward calls in one library, in a process of its own: ``worker.py LIBRARY CALLS FIRST OUTCOMES``.

``CALLS`` is a file with a line for each call, of which those from ``FIRST`` on are run. To ``OUTCOMES`` goes a line for
each: what it gave, or the type and text of what it raised. Whoever reads them tells from a missing line that the process
died, or was killed because a call took too long.
"""

from __future__ import annotations

import importlib
import json
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import CodeType
from typing import Any

MEMORY = 6 << 30
"""Bytes of address space that a process may take."""
SECONDS = 8
"""How long a call may compute."""
MOST_ELEMENTS = 1 << 16
"""A result with more is looked at in part."""


def names(torch: Any) -> dict[str, Any]:
    """What calls may name: see the package."""

    def floats(*shape: int) -> Any:
        count = 1
        for extent in shape:
            count *= extent
        return ((torch.arange(count) % 7).to(torch.float32) / 2 - 1.25).reshape(shape)

    def integers(*shape: int) -> Any:
        return (floats(*shape) + 1.25).to(torch.int64)

    def mask(*shape: int) -> Any:
        return floats(*shape) > 0

    def definite(extent: int) -> Any:
        return torch.eye(extent) * 3 + 0.5

    return {
        "torch": torch, "F": torch.nn.functional, "T": floats, "L": integers, "M": mask, "S": definite, "nan": float("nan"),
        "inf": float("inf"),
    }  # fmt: skip


def tensors_of(value: Any, kind: type) -> Iterator[Any]:
    """The tensors in a result."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (tuple, list)):
        for member in value[:64]:
            yield from tensors_of(member, kind)


def look(tensor: Any) -> None:
    """Have a tensor's values computed and read, at least those at its beginning."""
    part = tensor.detach()
    if part.numel() > MOST_ELEMENTS:
        for axis in range(part.dim()):
            part = part.narrow(axis, 0, min(part.shape[axis], 3))
        part = part.clone()
    part.tolist()


def run(code: CodeType, given: dict[str, Any], check: Callable[[Any], None]) -> list[Any]:
    """Make one call, look at what it gives, and differentiate it; what it gave."""
    tensor = given["torch"].Tensor
    value = eval(code, dict(given))
    found = list(tensors_of(value, tensor))
    for result in found:
        check(result)
        look(result)
    for result in found:
        if result.requires_grad and result.grad_fn is not None and result.numel() <= MOST_ELEMENTS:
            result.sum().backward()
            break
    return [str(value)[:40] if not found else [(list(t.shape), str(t.dtype)) for t in found]]


def within_its_memory(tensor: Any) -> None:
    """Raise ``SystemError`` if a tensor of Flambeau reaches outside its storage."""
    tensor = getattr(tensor, "_pair", tensor)
    view = tensor._view
    if view is None or 0 in view.sizes:
        return
    last = view.offset + sum((extent - 1) * step for extent, step in zip(view.sizes, view.strides))
    if min(view.sizes, default=0) < 0 or view.offset < 0 or last >= tensor._read().shape.numel():
        raise SystemError(f"{view} reaches outside its storage of {tensor._read().shape.numel()}")


def outcome(line: str, given: dict[str, Any], check: Callable[[Any], None]) -> list[Any]:
    """What a call gives, as data: ["gives", …] or ["raises", names of the exception's classes, text]."""
    try:
        return ["gives", run(compile(line, "<call>", "eval"), given, check)]
    except Exception as error:
        with suppress(Exception):
            given["torch"].zeros(1).item()  # what was recorded before the error ends here
        kinds = [kind.__name__.lstrip("_") for kind in type(error).__mro__[:-3]] or [type(error).__name__]
        return ["raises", kinds, str(error)[:300]]


def main() -> None:
    library, calls, first, outcomes = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    torch = importlib.import_module(library)
    importlib.import_module(f"{library}.nn.functional")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    ours = library == "flambeau"
    check: Callable[[Any], None] = within_its_memory if ours else lambda tensor: None
    pool = importlib.import_module("flambeau.cpu.memory").default_pool if ours else None
    given = names(torch)
    with open(calls) as lines, open(outcomes, "a") as out:
        for number, line in enumerate(lines):
            if number < int(first):
                continue
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            found = outcome(line, given, check)
            if ours and found[0] == "raises":
                # A second run, of a plan that is fused now, must find the same.
                again = outcome(line, given, check)
                if again[:2] != found[:2]:
                    found = ["changes", found, again]
            elif ours:
                outcome(line, given, check)
            if pool is not None and number % 16 == 0:
                pool.empty()  # malloc looks at the ends of memory that is given back
            out.write(json.dumps(found) + "\n")
            out.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
