"""``assert_close``: whether values, alone or in containers, agree up to what their dtypes' precision lets differ."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..core.tensor import Tensor
from ..graph import dtypes
from ..ops.from_data import tensor
from ._mismatch import ErrorMeta
from ._pairs import (
    BooleanPair,
    NonePair,
    NumberPair,
    ObjectPair,
    Pair,
    TensorLikePair,
    UnsupportedInputs,
    default_tolerances,
)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """``AssertionError`` unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere, and attributes agree.

    Tensors are compared, what tensors can be made of, numbers, None, and sequences and mappings of these. Tolerances are
    given both or neither; those of the dtype are the default. ``msg`` is the message instead, or makes one of it.
    """
    __tracebackhide__ = True
    errors = not_close_error_metas(
        actual, expected, pair_types=(NonePair, BooleanPair, NumberPair, TensorLikePair),
        allow_subclasses=allow_subclasses, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=check_device,
        check_dtype=check_dtype, check_layout=check_layout, check_stride=check_stride,
    )  # fmt: skip
    if errors:
        raise errors[0].to_error(msg)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older :func:`assert_close`, with looser tolerances, and dtypes that may differ."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. "
        "Please use `torch.testing.assert_close()` instead.",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, Tensor):
        actual = tensor(actual)
    if not isinstance(expected, Tensor):
        expected = tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        precisions = {dtypes.float16: (1e-3, 1e-3), dtypes.float32: (1e-4, 1e-5), dtypes.float64: (1e-5, 1e-8)}
        rtol, atol = default_tolerances(actual, expected, dtype_precisions=precisions)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)


def not_close_error_metas(
    actual: Any,
    expected: Any,
    *,
    pair_types: Sequence[type[Pair]] = (ObjectPair,),
    sequence_types: tuple[type, ...] = (Sequence,),
    mapping_types: tuple[type, ...] = (Mapping,),
    **options: Any,
) -> list[ErrorMeta]:
    """How values differ, as errors to raise; those that cannot be compared at all raise at once."""
    __tracebackhide__ = True
    try:
        pairs = originate_pairs(
            actual, expected, pair_types=pair_types, sequence_types=sequence_types, mapping_types=mapping_types, **options
        )
    except ErrorMeta as error:
        raise error.to_error() from None
    return list(_differing(pairs))


def _differing(pairs: list[Pair]) -> Iterator[ErrorMeta]:
    for pair in pairs:
        try:
            pair.compare()
        except ErrorMeta as error:
            yield error.with_traceback(None)
        except Exception as error:
            raise RuntimeError(f"Comparing\n\n{pair}\n\nresulted in the unexpected exception above.") from error


def originate_pairs(
    actual: Any,
    expected: Any,
    *,
    pair_types: Sequence[type[Pair]],
    sequence_types: tuple[type, ...] = (Sequence,),
    mapping_types: tuple[type, ...] = (Mapping,),
    id: tuple[Any, ...] = (),
    **options: Any,
) -> list[Pair]:
    """The pairs of values in containers of the same structure, each of the first type that takes it."""

    def both(types: tuple[type, ...]) -> bool:
        return isinstance(actual, types) and isinstance(expected, types)

    places: Any
    if both(sequence_types) and not isinstance(actual, str) and not isinstance(expected, str):
        if len(actual) != len(expected):
            message = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
            raise ErrorMeta(AssertionError, message, id=id)
        places = range(len(actual))
    elif both(mapping_types):
        places, others = set(actual), set(expected)
        if places != others:
            raise ErrorMeta(
                AssertionError,
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(others - places)}\n"
                f"Additional keys in the actual mapping: {sorted(places - others)}",
                id=id,
            )
        with contextlib.suppress(TypeError):  # keys that have no order come in any
            places = sorted(places)
    else:
        return [_pair(actual, expected, pair_types, id, options)]
    how: dict[str, Any] = {"pair_types": pair_types, "sequence_types": sequence_types, "mapping_types": mapping_types}
    return [
        pair
        for place in places
        for pair in originate_pairs(actual[place], expected[place], id=(*id, place), **how, **options)
    ]


def _pair(actual: Any, expected: Any, types: Sequence[type[Pair]], id: tuple[Any, ...], options: dict[str, Any]) -> Pair:
    for pair in types:
        try:
            return pair(actual, expected, id=id, **options)
        except UnsupportedInputs:
            continue
    kinds = f"{type(actual)} and {type(expected)}"
    raise ErrorMeta(TypeError, f"No comparison pair was able to handle inputs of type {kinds}.", id=id)


__all__ = [
    "BooleanPair", "ErrorMeta", "NonePair", "NumberPair", "ObjectPair", "Pair", "TensorLikePair", "UnsupportedInputs",
    "assert_allclose", "assert_close", "default_tolerances", "not_close_error_metas", "originate_pairs",
]  # fmt: skip
