"""What transforms ask of their inputs, and of their own arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._pillow import is_picture
from ...tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video
from .functional import get_dimensions, get_size, is_pure_tensor

Check = type | Callable[[Any], bool]


def check_type(obj: Any, types_or_checks: Sequence[Check]) -> bool:
    """Whether ``obj`` is of one of the classes, or one of the functions says yes."""
    return any(isinstance(obj, check) if isinstance(check, type) else bool(check(obj)) for check in types_or_checks)


def has_any(flat_inputs: Sequence[Any], *types_or_checks: Check) -> bool:
    """Whether there is an input of one of these kinds."""
    return any(check_type(inpt, types_or_checks) for inpt in flat_inputs)


def has_all(flat_inputs: Sequence[Any], *types_or_checks: Check) -> bool:
    """Whether there is an input of each of these kinds."""
    return all(any(check_type(inpt, (check,)) for inpt in flat_inputs) for check in types_or_checks)


def get_bounding_boxes(flat_inputs: Sequence[Any]) -> Any:
    """The first boxes. ``ValueError`` if there are none."""
    for inpt in flat_inputs:
        if isinstance(inpt, BoundingBoxes):
            return inpt
    raise ValueError("No bounding boxes were found in the sample")


def get_keypoints(flat_inputs: Sequence[Any]) -> Any:
    """The first points. ``ValueError`` if there are none."""
    for inpt in flat_inputs:
        if isinstance(inpt, KeyPoints):
            return inpt
    raise ValueError("No keypoints were found in the sample")


_PICTURES: tuple[Check, ...] = (is_pure_tensor, Image, is_picture, Video)


def query_chw(flat_inputs: Sequence[Any]) -> tuple[int, int, int]:
    """Channels, height and width of the pictures. ``TypeError`` if there are none, ``ValueError`` if they differ."""
    return _common(flat_inputs, _PICTURES, get_dimensions, "No image or video was found in the sample", "CxHxW")


def query_size(flat_inputs: Sequence[Any]) -> tuple[int, int]:
    """Height and width of the pictures. ``TypeError`` if there are none, ``ValueError`` if they differ."""
    kinds = (*_PICTURES, Mask, BoundingBoxes, KeyPoints)
    missing = "No image, video, mask, bounding box of keypoint was found in the sample"
    return _common(flat_inputs, kinds, get_size, missing, "HxW")


def _common(flat_inputs: Sequence[Any], kinds: Sequence[Check], ask: Any, missing: str, what: str) -> Any:
    found = {tuple(ask(inpt)) for inpt in flat_inputs if check_type(inpt, kinds)}
    if not found:
        raise TypeError(missing)
    if len(found) > 1:
        *first, last = [str(size) for size in sorted(found)]
        raise ValueError(f"Found multiple {what} dimensions in the sample: {', '.join(first)} and {last}")
    return found.pop()


# --- arguments --------------------------------------------------------------------------------------------------------


def two_numbers(value: Any, name: str) -> list[float]:
    """A number, or one or two, as two. ``TypeError`` and ``ValueError`` for others."""
    if not isinstance(value, (int, float, Sequence)):
        raise TypeError(f"{name} should be a number or a sequence of numbers. Got {type(value)}")
    numbers = [value] if isinstance(value, (int, float)) else list(value)
    if len(numbers) not in (1, 2):
        raise ValueError(f"If {name} is a sequence its length should be 1 or 2. Got {len(numbers)}")
    for number in numbers:
        if not isinstance(number, (int, float)):
            raise ValueError(f"{name} should be a sequence of numbers. Got {type(number)}")
    return [float(number) for number in numbers * (2 // len(numbers))]


def check_sequence(value: Any, name: str, lengths: Sequence[int] = (2,)) -> None:
    """``TypeError`` unless ``value`` is a sequence, ``ValueError`` unless it is of one of the lengths."""
    words = " or ".join(map(str, lengths))
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be a sequence of length {words}.")
    if len(value) not in lengths:
        raise ValueError(f"{name} should be a sequence of length {words}.")


def fill_by_kind(fill: Any) -> dict[Any, Any]:
    """What to fill with, by the kind of input; ``"others"`` for those that are not named."""
    given = fill if isinstance(fill, dict) else {"others": fill}
    return {kind: _fill(value) for kind, value in given.items()}


def _fill(value: Any) -> Any:
    if value is None or isinstance(value, (int, float)):
        return value
    if not isinstance(value, (tuple, list)):
        raise TypeError("Got inappropriate fill arg, only Numbers, tuples, lists and dicts are allowed.")
    return [float(number) for number in value]


def fill_for(fills: Mapping[Any, Any], inpt: Any) -> Any:
    """What to fill ``inpt`` with."""
    kind = type(inpt)
    return fills[kind] if kind in fills else fills.get("others")


def check_padding(padding: Any) -> None:
    """``ValueError`` for what is no padding."""
    amounts = [padding] if isinstance(padding, int) else padding
    if (
        not isinstance(amounts, (tuple, list))
        or len(amounts) not in (1, 2, 4)
        or not all(isinstance(amount, int) for amount in amounts)
    ):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element of tuple or list, got {padding}.")


def labels_getter_of(labels_getter: Any) -> Callable[[Any], Any]:
    """How to find labels: ``"default"``, a function, or None for none. ``ValueError`` for others."""
    if labels_getter == "default":
        return _labels
    if callable(labels_getter):
        return labels_getter  # type: ignore[no-any-return]
    if labels_getter is None:
        return lambda _: None
    raise ValueError(f"labels_getter should either be 'default', a callable, or None, but got {labels_getter}.")


def _labels(inputs: Any) -> Any:
    """What is called labels, or has ``label`` in its name; of a pair, the second if it is a tensor."""
    if isinstance(inputs, (tuple, list)):
        inputs = inputs[1]
    if is_pure_tensor(inputs):
        return inputs
    if not isinstance(inputs, Mapping):
        raise ValueError(
            "When using the default labels_getter, the input passed to forward must be a dictionary or a two-tuple "
            f"whose second item is a dictionary or a tensor, but got {inputs} instead."
        )
    names = [name for name in inputs if name.lower() == "labels"] or [
        name for name in inputs if "label" in name.lower()
    ]
    if not names:
        raise ValueError(
            "Could not infer where the labels are in the sample. Try passing a callable as the labels_getter parameter?"
            "If there are no labels in the sample by design, pass labels_getter=None."
        )
    return inputs[names[0]]
