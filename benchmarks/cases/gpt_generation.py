"""200 tokens of text by a decoder of four layers, with what was computed of earlier ones; batches of every size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import gpt

TOKENS, PROMPT = 200, 8


def prepare(framework: Any) -> Callable[..., Any]:
    model = gpt(framework, layers=4, width=128, heads=4, vocabulary=256, longest=PROMPT + TOKENS)
    prompts = np.random.default_rng(1).integers(0, 256, (12, PROMPT))

    def step(batch: int) -> Any:
        total = 0.0
        with framework.no_grad():
            cache: list[Any] = []
            given = framework.tensor(prompts[:batch])
            for _ in range(TOKENS):
                best, word = model(given, cache)[:, -1].max(1)
                given = word.unsqueeze(1)
                total += best[0].item()
        return total

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(1, 13),))

if __name__ == "__main__":
    main(CASE)
