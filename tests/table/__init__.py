"""The table of operations: one line each, run against PyTorch by ``test_against_torch.py``.

An expression is evaluated with ``torch`` standing for either library, ``F`` for its ``nn.functional``, and the inputs of a
sample by name. ``dtypes`` has
a letter for each dtype that the inputs are given in; ``derivatives`` says how often it is differentiated (in float64).
``slack`` multiplies the tolerance, for functions that magnify rounding errors (or that PyTorch computes less
accurately); "linear" makes it relative to the result of the expression for the inputs' absolute values (sums and products
of many elements), "absolute" relative to 1. "float64" compares with what PyTorch gives in float64, rounded once: for what
PyTorch computes less accurately, or what half types must not accumulate in.
"""

from .elementwise import ARITHMETIC, COMPARISON, FUNCTIONS, PROMOTION
from .matrices import DECOMPOSITIONS, MATRICES
from .neural import ACTIVATIONS, ATTENTION, CONVOLUTIONS, LOSSES, NORMALISATION, POOLING, RESIZING, TABLES
from .samples import DTYPES, Row, Sample, generator
from .tensors import COUNTING, CREATION, INDEXING, JOINING, REDUCTIONS, SCANS, SORTING, VIEWS, WRITING

FAMILIES: dict[str, list[Row]] = {
    "functions": FUNCTIONS,
    "arithmetic": ARITHMETIC,
    "promotion": PROMOTION,
    "comparison": COMPARISON,
    "reductions": REDUCTIONS,
    "views": VIEWS,
    "indexing": INDEXING,
    "joining": JOINING,
    "scans": SCANS,
    "sorting": SORTING,
    "counting": COUNTING,
    "matrices": MATRICES,
    "decompositions": DECOMPOSITIONS,
    "creation": CREATION,
    "writing": WRITING,
    "activations": ACTIVATIONS,
    "convolutions": CONVOLUTIONS,
    "pooling": POOLING,
    "normalisation": NORMALISATION,
    "tables": TABLES,
    "attention": ATTENTION,
    "resizing": RESIZING,
    "losses": LOSSES,
}


def samples(row: Row) -> list[Sample]:
    """A row's samples, the same for both libraries and in every run."""
    return list(row.samples(generator(row.expression)))


__all__ = ["DTYPES", "FAMILIES", "Row", "samples"]
