"""Products summed over chosen axes: ``einsum`` and ``tensordot``, by way of batched matrix products."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from math import prod
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import int64
from ..graph.shapes import wrap_dim
from .assignment import write_out
from .operation import operation
from .reshaping import view_as_self

Labels = list[Any]
"""Names of a tensor's axes: letters (or numbers, in the form with lists); axes of an ellipsis are negative numbers."""


# --- understanding an equation ------------------------------------------------------------------------------------------


def _terms(equation: str, count: int) -> tuple[list[Labels], Labels | None]:
    """The labels of each operand, and of the output if given; an ellipsis stands as ``Ellipsis``."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != count:
        more = "more" if len(parts) < count else "fewer"
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation")
    return [_labels(part, f"operand {k}") for k, part in enumerate(parts)], _labels(right, "output") if arrow else None


def _labels(text: str, where: str) -> Labels:
    labels: Labels = []
    k = 0
    while k < len(text):
        if text.startswith("...", k):
            if Ellipsis in labels:
                raise RuntimeError(
                    f"einsum(): found '.' for {where} for which an ellipsis was already found"
                )
            labels.append(Ellipsis)
            k += 3
            continue
        if text[k] == ".":
            raise RuntimeError(f"einsum(): found '.' for {where} that is not part of any ellipsis")
        if not (text[k].isascii() and text[k].isalpha()):
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {k} in the equation string, subscripts must be in [a-zA-Z]"
            )
        labels.append(text[k])
        k += 1
    return labels


def _listed(labels: Any) -> Labels:
    """Labels given as integers, of which there are as many as letters, and the ellipsis."""
    listed = [label if label is Ellipsis else operator.index(label) for label in labels]
    if any(label is not Ellipsis and not 0 <= label < 52 for label in listed):
        raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
    return listed


def _spelled(labels: Labels, rank: int, index: int) -> Labels:
    """The ellipsis replaced by one negative label for each axis it covers, -1 being the last."""
    named = sum(label is not Ellipsis for label in labels)
    if Ellipsis not in labels:
        if named != rank:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                f"({rank}) for operand {index} and no ellipsis was given"
            )
        return labels
    if named > rank:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions "
            f"({rank}) for operand {index}"
        )
    at = labels.index(Ellipsis)
    return [*labels[:at], *range(named - rank, 0), *labels[at + 1 :]]


def _output(spelled: list[Labels], output: Labels | None) -> Labels:
    """The labels of the result: those asked for, or the ellipsis and then all that occur once, in order."""
    broadcast = sorted({label for labels in spelled for label in labels if _from_ellipsis(label)})
    if output is None:
        every = [label for labels in spelled for label in labels if not _from_ellipsis(label)]
        return [*broadcast, *sorted(label for label in set(every) if every.count(label) == 1)]
    result: Labels = []
    for label in output:
        if label is Ellipsis:
            result.extend(broadcast)
            continue
        if label in result:
            raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
        if not any(label in labels for labels in spelled):
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input operand"
            )
        result.append(label)
    return result


def _from_ellipsis(label: Any) -> bool:
    return isinstance(label, int) and label < 0


def _without_repeats(x: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """Labels that an operand has twice name its diagonal."""
    kept = list(labels)
    for label in dict.fromkeys(labels):
        while kept.count(label) > 1:
            first = kept.index(label)
            second = kept.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand but the sizes don't match, "
                    f"{x.shape[second]} != {x.shape[first]}"
                )
            x = x.diagonal(0, first, second)
            del kept[second], kept[first]
            kept.append(label)
    return x, kept


def _check_sizes(operands: Sequence[tuple[Tensor, Labels]]) -> None:
    sizes: dict[Any, int] = {}
    for index, (x, labels) in enumerate(operands):
        for label, n in zip(labels, x.shape):
            known = sizes.setdefault(label, n)
            if n != known and n != 1 and known != 1:
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {n} for operand {index} which does not broadcast with "
                    f"previously seen size {known}"
                )
            sizes[label] = max(n, known) if n and known else 0


# --- contracting --------------------------------------------------------------------------------------------------------


def _summed(x: Tensor, labels: Labels, needed: set[Any]) -> tuple[Tensor, Labels]:
    """The sum over axes whose labels nothing else needs."""
    drop = [axis for axis, label in enumerate(labels) if label not in needed]
    if not drop:
        return x, labels
    if all(x.shape[axis] == 1 for axis in drop):
        return x.squeeze(drop), [label for label in labels if label in needed]
    return x.sum(drop, dtype=x.dtype), [label for label in labels if label in needed]


def _aligned(x: Tensor, labels: Labels, order: Sequence[Any]) -> Tensor:
    return x if labels == list(order) else x.permute([labels.index(label) for label in order])


def _without_ones(x: Tensor, labels: Labels, y: Tensor, other: Labels) -> tuple[Tensor, Labels]:
    """Drops axes of extent 1 that the other operand has in full: there they need no repetition."""
    drop = [k for k, label in enumerate(labels) if x.shape[k] == 1 and label in other and y.shape[other.index(label)] != 1]
    if not drop:
        return x, labels
    return x.squeeze(drop), [label for k, label in enumerate(labels) if k not in drop]


def _pair(x: Tensor, first: Labels, y: Tensor, second: Labels, needed: set[Any]) -> tuple[Tensor, Labels]:
    """The product of two operands, summed over the labels that are not needed further on."""
    x, first = _summed(x, first, needed | set(second))
    y, second = _summed(y, second, needed | set(first))
    x, first = _without_ones(x, first, y, second)
    y, second = _without_ones(y, second, x, first)
    x, first = _summed(x, first, needed | set(second))
    y, second = _summed(y, second, needed | set(first))
    shared = [label for label in first if label in second]
    batch = [label for label in shared if label in needed]
    inner = [label for label in shared if label not in needed]
    rows = [label for label in first if label not in second]
    columns = [label for label in second if label not in first]
    result = [*batch, *rows, *columns]
    x = _aligned(x, first, [*batch, *rows, *inner])
    y = _aligned(y, second, [*batch, *inner, *columns])
    lead = len(batch)
    sizes = [*x.shape[: lead + len(rows)], *y.shape[lead + len(inner) :]]
    if not inner:
        return x.reshape([*x.shape, *[1] * len(columns)]) * y.reshape(
            [*y.shape[:lead], *[1] * len(rows), *y.shape[lead:]]
        ), result
    m, n = prod(x.shape[lead : lead + len(rows)]), prod(y.shape[lead + len(inner) :])
    k = prod(x.shape[lead + len(rows) :])
    if batch:
        size = prod(x.shape[:lead])
        product = x.reshape(size, m, k).bmm(y.reshape(size, k, n))
    else:
        product = x.reshape(m, k).mm(y.reshape(k, n))
    return product.reshape(sizes), result


def _contracted(operands: list[tuple[Tensor, Labels]], output: Labels) -> Tensor:
    """All operands multiplied from left to right, each label summed over as soon as nothing needs it."""
    x, labels = operands[0]
    for k, (y, others) in enumerate(operands[1:], 2):
        needed = set(output).union(*(later for _, later in operands[k:]))
        x, labels = _pair(x, labels, y, others, needed)
    x, labels = _summed(x, labels, set(output))
    return _aligned(x, labels, output)


_NO_OPERANDS = (
    "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list"
)


@operation(method=False)
def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sums of products in Einstein's notation: ``einsum("bij,bjk->bik", a, b)``.

    Labels that the output lacks are summed over; without ``->`` it has those that occur once, in alphabetical order.
    ``...`` stands for axes that are broadcast; a label twice in one operand takes its diagonal. Labels may be given as
    lists of integers behind each operand instead: ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.
    """
    if isinstance(equation, str):
        many = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
        if not many:
            raise ValueError(_NO_OPERANDS)
        for place, operand in enumerate(many):
            if not isinstance(operand, Tensor):
                kind = type(operand).__name__
                raise TypeError(f"einsum(): expected Tensor as element {place} in argument 1, but got {kind}")
        terms, output = _terms(equation, len(many))
    elif not isinstance(equation, (Tensor, list, tuple)):
        raise TypeError(f"einsum(): argument 'equation' (position 1) must be str, not {type(equation).__name__}")
    else:
        rest = [equation, *operands]
        pairs = len(rest) // 2
        if not pairs:
            raise ValueError(_NO_OPERANDS)
        many = rest[0 : 2 * pairs : 2]
        terms = [_listed(labels) for labels in rest[1 : 2 * pairs : 2]]
        output = _listed(rest[-1]) if len(rest) % 2 else None
    spelled = [_spelled(labels, x.ndim, index) for index, (x, labels) in enumerate(zip(many, terms))]
    result = _output(spelled, output)
    parts = [_without_repeats(x, labels) for x, labels in zip(many, spelled)]
    _check_sizes(parts)
    summed = any(label not in result for _, labels in parts for label in labels)
    if summed and len(parts) == 1 and parts[0][0].dtype.category < 2:  # sums of integers alone are int64
        parts = [(parts[0][0].to(int64), parts[0][1])]
    return _unlike_operands(_contracted(parts, result), many, summed)


def _unlike_operands(result: Tensor, operands: Sequence[Tensor], summed: bool) -> Tensor:
    """A view where an operand's axes were only put in another order; new memory for a sum, be it over axes of extent 1."""
    if any(result is x or result._storage is not None and result._storage is x._storage for x in operands):
        return result.clone() if summed else view_as_self(result)
    return result


@operation(method=False)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """The sum of products over axes: the last ``dims`` of ``a`` with the first of ``b``, or the axes listed of both."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}"
            )
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        listed = [[side] if isinstance(side, int) else list(side) for side in dims]
        if a.dtype is not b.dtype:
            raise RuntimeError("both inputs should have same dtype")
        first, second = [wrap_dim(k, a.ndim) for k in listed[0]], [wrap_dim(k, b.ndim) for k in listed[1]]
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    for k, j in zip(first, second):
        if a.shape[k] != b.shape[j] and 1 not in (a.shape[k], b.shape[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[k]} in dim {k} and second has size "
                f"{b.shape[j]} in dim {j}"
            )
    rows = [k for k in range(a.ndim) if k not in first]
    columns = [k for k in range(b.ndim) if k not in second]
    for k, j in zip(first, second):  # an axis of extent 1 on one side: the other side is summed over it
        if a.shape[k] != b.shape[j]:
            a, b = (a, b.sum(j, True, dtype=b.dtype)) if a.shape[k] == 1 else (a.sum(k, True, dtype=a.dtype), b)
    inner = prod(a.shape[k] for k in first)
    left = a.permute([*rows, *first]).reshape(prod(a.shape[k] for k in rows), inner)
    right = b.permute([*second, *columns]).reshape(inner, prod(b.shape[k] for k in columns))
    result = left.mm(right).reshape([*(a.shape[k] for k in rows), *(b.shape[k] for k in columns)])
    return result if out is None else write_out(out, result)
