"""200 tokens of one text by a decoder of four layers, with what was computed of earlier ones; always of the same lengths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.case import Case, main
from benchmarks.cases import gpt_generation


def prepare(framework: Any) -> Callable[[], Any]:
    return partial(gpt_generation.prepare(framework), 1)


CASE = Case(prepare, ratio=2.0)

if __name__ == "__main__":
    main(CASE)
