"""Operations, one file a family; each operation is one contiguous block: its gradient, its function, its docstring."""

from . import (  # for what they declare  # noqa: F401
    activation,
    addressing,
    arithmetic,
    axes,
    choice,
    compositions,
    contraction,
    conversion,
    convolution,
    counting,
    creation,
    decompositions,
    dropout,
    from_data,
    functions,
    gather_scatter,
    indexing,
    joining,
    loss,
    matrix,
    matrix_functions,
    normalization,
    norms,
    operators,
    overwriting,
    padding,
    parts,
    pooling,
    products,
    properties,
    random,
    ranges,
    reductions,
    reshaping,
    scans,
    slices,
    softmax,
    sorting,
    special,
    statistics,
    systems,
    triangles,
    vectorize,
    views,
)
from .arguments import export_all
from .operation import NAMESPACE

export_all(NAMESPACE)

__all__ = ["NAMESPACE"]
