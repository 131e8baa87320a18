"""Searching for the likeliest sentence with four beams, after contexts, and to lengths, of every size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import initialise, normal

WORDS, WIDTH, BEAMS = 300, 64, 4


def prepare(framework: Any) -> Callable[..., Any]:
    nn, functional = framework.nn, framework.nn.functional

    class Decoder(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.cell = nn.Embedding(WORDS, WIDTH), nn.GRUCell(WIDTH, WIDTH)
            self.output = nn.Linear(2 * WIDTH, WORDS)

        def forward(self, words: Any, states: Any, context: Any) -> Any:
            states = self.cell(self.words(words), states)
            seen = functional.softmax(states @ context.t(), 1) @ context
            return functional.log_softmax(self.output(framework.cat([states, seen], 1)), 1), states

    decoder = initialise(framework, Decoder())
    contexts = normal(framework, 100, WIDTH)

    def step(size: int, length: int) -> Any:
        context = contexts[:size]
        with framework.no_grad():
            states = context.mean(0, keepdim=True).expand(BEAMS, WIDTH)
            sentences = framework.zeros(BEAMS, 1, dtype=framework.int64)
            scores = framework.tensor([0.0] + [-1e9] * (BEAMS - 1))
            for _ in range(length):
                likelihoods, states = decoder(sentences[:, -1], states, context)
                scores, places = (scores.unsqueeze(1) + likelihoods).view(-1).topk(BEAMS)
                beams, words = places // WORDS, places % WORDS
                states = states[beams]
                sentences = framework.cat([sentences[beams], words.unsqueeze(1)], 1)
        return scores[0].item()

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(5, 100), range(10, 40)))

if __name__ == "__main__":
    main(CASE)
