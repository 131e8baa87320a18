"""``vmap``: a function of one sample as a function of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from ..autograd.samples import Batch
from ..core.tensor import Tensor
from ..interpreter.trees import TreeSpec, broadcast_to, tree_flatten
from ..ops.joining import cat
from ..random import default_generator

InDims = Any
OutDims = Any


def vmap(
    func: Callable[..., Any], in_dims: InDims = 0, out_dims: OutDims = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """``func`` of one sample as a function of many, computed together.

    ``in_dims`` says along which axis each argument has its samples (None: it is the same for all), as one number or in a tree
    like that of the arguments; ``out_dims`` where results get theirs. Arguments by keyword are the same for all. ``randomness``:
    random operations raise ("error"), or give "different" numbers to the samples, or the "same". With ``chunk_size``, so many
    samples are computed at a time.

    Inside, tensors have the shape of one sample and no values: what depends on them otherwise than by operations raises
    ``RuntimeError``. ``ValueError`` for axes that do not fit.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, axes, spec, count = _arguments(in_dims, args, func)
        if chunk_size is None or count <= chunk_size:
            flat, made = _mapped(func, leaves, axes, spec, kwargs, out_dims, Batch(count, randomness))
            return made.unflatten(flat)
        return _in_chunks(func, leaves, axes, spec, kwargs, out_dims, randomness, count, chunk_size)

    return mapped


def _in_chunks(
    func: Callable[..., Any], leaves: list[Any], axes: list[int | None], spec: TreeSpec, kwargs: dict[str, Any],
    out_dims: OutDims, randomness: str, count: int, chunk: int,
) -> Any:  # fmt: skip
    """The function of some samples at a time; the results are joined."""
    rows = []
    begin = default_generator.place
    for start in range(0, count, chunk):
        if randomness == "same":
            default_generator.place = begin
        some = min(chunk, count - start)
        part = [leaf if axis is None else leaf.narrow(axis, start, some) for leaf, axis in zip(leaves, axes)]
        flat, made = _mapped(func, part, axes, spec, kwargs, out_dims, Batch(some, randomness))
        rows.append(flat)
    places = _out_axes(out_dims, made, func)
    joined = [column[0] if axis is None else cat(column, axis) for axis, *column in zip(places, *rows)]
    return made.unflatten(joined)


def _mapped(
    func: Callable[..., Any], leaves: list[Any], axes: list[int | None], spec: TreeSpec, kwargs: dict[str, Any],
    out_dims: OutDims, batch: Batch,
) -> tuple[list[Any], TreeSpec]:  # fmt: skip
    """The function of all samples: the leaves of its results, and their structure."""
    mapped = [place for place, axis in enumerate(axes) if axis is not None]
    made: list[TreeSpec] = []
    given_back: list[Any] = []

    def for_one(*samples: Tensor) -> list[Tensor | None]:
        given = list(leaves)
        for place, sample in zip(mapped, samples):
            given[place] = sample
        flat, structure = tree_flatten(func(*spec.unflatten(given), **kwargs))
        made.append(structure)
        given_back.extend(flat)
        places = _out_axes(out_dims, structure, func)
        for each, axis in zip(flat, places):
            if not isinstance(each, Tensor) and axis is not None:
                raise ValueError(
                    f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type {type(each)}. Did you mean to "
                    "set out_dims= to None for output?"
                )
        return [each if isinstance(each, Tensor) else None for each in flat]

    def put_back(number: int, value: Tensor) -> None:
        place = mapped[number]
        leaves[place].copy_(value.movedim(0, axes[place]))

    results = batch.call(for_one, [leaves[place].movedim(axes[place], 0) for place in mapped], put_back)
    flat: list[Any] = []
    for result, other, axis in zip(results, given_back, _out_axes(out_dims, made[0], func)):
        if result is None:
            flat.append(other)
        elif axis is not None:
            flat.append(result[0].movedim(0, axis) if axis else result[0])
        elif result[1]:
            raise ValueError(
                f"vmap({_name(func)}, ...): `{_name(func)}` can not return a BatchedTensor when out_dim is None"
            )
        else:
            flat.append(result[0][0])
    return flat, made[0]


def _arguments(
    in_dims: InDims, args: tuple[Any, ...], func: Callable[..., Any]
) -> tuple[list[Any], list[int | None], TreeSpec, int]:
    """The leaves of the arguments, the axis of each from the front, their structure, and how many samples there are."""
    where = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, (int, tuple)):
        if not isinstance(in_dims, list):
            raise ValueError(
                f"{where}expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, got: "
                f"{type(in_dims)}."
            )
        in_dims = tuple(in_dims)
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
            "function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree_flatten(args)
    axes = broadcast_to(in_dims, spec)
    if axes is None:
        raise ValueError(
            f"{where}in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    found: list[int | None] = []
    sizes: list[int] = []
    for leaf, axis in zip(leaves, axes):
        if axis is None:
            found.append(None)
            continue
        if not isinstance(axis, int):
            raise ValueError(
                f"{where}Got in_dim={axis} for an input but in_dim must be either an integer dimension or None."
            )
        if not isinstance(leaf, Tensor):
            raise ValueError(
                f"{where}Got in_dim={axis} for an input but the input is of type {type(leaf)}. We cannot vmap over non-Tensor "
                "arguments, please use None as the respective in_dim"
            )
        if not -leaf.ndim <= axis < leaf.ndim:
            raise ValueError(
                f"{where}Got in_dim={axis} for some input, but that input is a Tensor of dimensionality {leaf.ndim} so expected "
                f"in_dim to satisfy -{leaf.ndim} <= in_dim < {leaf.ndim}."
            )
        found.append(axis % leaf.ndim)
        sizes.append(leaf.shape[axis])
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped "
            "dimension"
        )
    return leaves, found, spec, sizes[0]


def _out_axes(out_dims: OutDims, made: TreeSpec, func: Callable[..., Any]) -> Sequence[int | None]:
    """The axis of each result."""
    axes = broadcast_to(out_dims, made)
    if axes is None and isinstance(out_dims, tuple) and len(out_dims) == 1 and made.is_leaf():
        axes = list(out_dims)
    if axes is None or not all(axis is None or isinstance(axis, int) for axis in axes):
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims}): out_dims is not compatible with the structure of `outputs`. "
            f"out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure {made}."
        )
    return axes


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", None) or repr(func)
