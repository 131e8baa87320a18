"""Translating a sentence greedily, a GRU with attention (Bahdanau et al. 2014); sentences and translations of every length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import initialise

WORDS, WIDTH = 500, 64


def prepare(framework: Any) -> Callable[..., Any]:
    nn, functional = framework.nn, framework.nn.functional

    class Encoder(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.gru = nn.Embedding(WORDS, WIDTH), nn.GRU(WIDTH, WIDTH, batch_first=True)

        def forward(self, sentence: Any) -> Any:
            return self.gru(self.words(sentence))

    class Decoder(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.gru = nn.Embedding(WORDS, WIDTH), nn.GRU(2 * WIDTH, WIDTH, batch_first=True)
            self.query, self.key, self.score = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 1)
            self.output = nn.Linear(WIDTH, WORDS)

        def forward(self, word: Any, state: Any, outputs: Any) -> Any:
            scores = self.score(framework.tanh(self.query(state.transpose(0, 1)) + self.key(outputs)))
            context = framework.bmm(functional.softmax(scores, 1).transpose(1, 2), outputs)
            found, state = self.gru(framework.cat([self.words(word), context], 2), state)
            return functional.log_softmax(self.output(found), -1), state

    encoder, decoder = initialise(framework, Encoder()), initialise(framework, Decoder())
    sentences = np.random.default_rng(1).integers(0, WORDS, 60)

    def step(length: int, most: int) -> Any:
        with framework.no_grad():
            outputs, state = encoder(framework.tensor(sentences[None, :length]))
            word = framework.zeros(1, 1, dtype=framework.int64)
            total = 0.0
            for _ in range(most):
                likelihoods, state = decoder(word, state, outputs)
                best, word = likelihoods.squeeze(1).topk(1)
                total += best.item()
        return total

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(5, 60), range(5, 40)))

if __name__ == "__main__":
    main(CASE)
