"""A training step of two layers of LSTM with 128 features, on batches of 32 sequences of 60 steps."""

from __future__ import annotations

from functools import partial

from benchmarks.case import Case, main
from benchmarks.models import recurrent_training

CASE = Case(partial(recurrent_training, body="LSTM"), ratio=1.5)

if __name__ == "__main__":
    main(CASE)
