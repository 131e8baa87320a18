"""``op_db``: every operation with PyTorch's samples, in each dtype that PyTorch's takes, in every form in which it is called."""

from __future__ import annotations

import functools
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch.testing._internal import common_utils
from torch.testing._internal.common_device_type import precisionOverride
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo import core as opinfo

import flambeau

from .comparison import array, difference, parts, strides_differ
from .counterparts import Converter, Unusable, counterpart, function_of, operation
from .derivatives import derivatives, gradients_differ, tangents
from .tally import Tally

# For each list of samples it goes through the stack of calls in search of a test of PyTorch's own.
common_utils.extract_test_fn = opinfo.extract_test_fn = lambda: None


def _unseeded(op: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """In the place of what gives random numbers the same seed in each call: they are seeded here."""
    return op(*arguments, **keywords)


for _module in list(sys.modules.values()):
    if getattr(_module, "__name__", "").startswith("torch.testing") and hasattr(_module, "wrapper_set_seed"):
        _module.wrapper_set_seed = _unseeded

__all__ = ["DTYPES", "FORMS", "check", "full_name", "op_db"]

FORMS = ("values", "strides", "method", "in place", "out=", "gradients", "second gradients", "forward mode")

DTYPES = (
    "float32", "float64", "float16", "bfloat16", "complex64", "complex128", "int64", "int32", "int16", "int8", "uint8", "bool",
)  # fmt: skip

UNWRITTEN = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided", "resize_", "resize_as_"}
"""Operations whose results nothing was written to: only their dtype, shape and strides are compared."""


ORDERING = {"sort": 1, "argsort": 1, "topk": 2, "kthvalue": 2}
"""Operations that say in which order elements are, and which argument (by position) the axis is."""


class Sample:
    """One call: PyTorch's arguments, and fresh counterparts of them each time that they are asked for."""

    def __init__(self, sample: Any) -> None:
        self.sample = sample

    def theirs(self, grad: bool = False) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """PyTorch's arguments as leaves of their own, so that a call that writes leaves the sample as it was."""
        seen: dict[int, torch.Tensor] = {}

        def fresh(value: Any) -> Any:
            if isinstance(value, torch.Tensor) and value.layout is torch.strided:
                if id(value) not in seen:
                    made = value.detach() if _overlaps(value) else _copied(value)
                    seen[id(value)] = made.requires_grad_(grad and value.requires_grad)
                return seen[id(value)]
            if type(value) in (list, tuple):
                return type(value)(map(fresh, value))
            return value

        s = self.sample
        return fresh(s.input), fresh(s.args), {key: fresh(value) for key, value in s.kwargs.items()}

    def ours(self, grad: bool = False) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        here = Converter()
        return tuple(map(here, self.theirs(grad)))  # type: ignore[return-value]


def _overlaps(value: torch.Tensor) -> bool:
    """Whether elements of a tensor share memory, so that a copy with the same strides cannot be written."""
    return any(step == 0 and n > 1 for n, step in zip(value.shape, value.stride()))


def _copied(value: torch.Tensor) -> torch.Tensor:
    """A copy with the same strides and offset."""
    base = value.detach()
    storage = torch.empty(0, dtype=value.dtype).set_(base.untyped_storage()).clone()
    return storage.as_strided(value.shape, value.stride(), value.storage_offset())


Call = Callable[..., Any]


def run(function: Call, arguments: tuple[Any, tuple[Any, ...], dict[str, Any]], **more: Any) -> Any:
    """What a call gives, computed."""
    input, rest, keywords = arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(input, *rest, **keywords, **more)
        for part in parts(result):
            if isinstance(part, flambeau.Tensor):
                part = part.detach()
                part = part if part.layout is flambeau.strided else part.to_dense()
                (part.float() if "bfloat16" in str(part.dtype) else part).numpy(force=True)
    return result


def seeded(library: Any, number: int, function: Call, arguments: Any, **more: Any) -> Any:
    library.manual_seed(number)
    return run(function, arguments, **more)


class Checks:
    """The checks of one operation in one dtype."""

    def __init__(self, info: Any, tally: Tally, dtype: torch.dtype, forms: Sequence[str]) -> None:
        self.info, self.tally, self.dtype, self.forms = info, tally, dtype, forms
        self.name = str(dtype)[6:]
        self.drawn: bool | None = None
        #: PyTorch's own tests allow for this absolute error in results of this dtype, for what it computes less accurately.
        self.precision = max((d.d.get(dtype, 0.0) for d in info.decorators if isinstance(d, precisionOverride)), default=0.0)
        try:
            self.function: Call | None = operation(info)
            self.missing = ""
        except Unusable as error:
            self.function, self.missing = None, str(error)

    def samples(self, limit: int | None) -> Iterator[Sample]:
        grad = self.info.supports_autograd and self.dtype in self.info.supported_backward_dtypes("cpu")
        made = self.info.sample_inputs("cpu", self.dtype, requires_grad=grad)
        yield from map(Sample, islice(made, limit))

    def add(self, form: str, check: Callable[[], str | None]) -> None:
        """Count a check, of which errors are differences, too."""
        try:
            unlike = check()
        except Unusable as error:
            self.tally.left[str(error)] += 1
            return
        except Exception as error:
            unlike = f"{type(error).__name__}: {error}"
        self.tally.add(self.name, form, unlike)

    def check(self, sample: Sample) -> None:
        """All forms of one call; what PyTorch itself refuses is no sample of it."""
        try:
            expected = seeded(torch, 0, self.info.op, sample.theirs())
        except Exception as error:
            self.tally.left[f"PyTorch raises {type(error).__name__}"] += 1
            return
        if self.function is None:
            self.tally.add(self.name, "values", self.missing)
            return
        function = self.function
        values = self._has_values(sample, expected)
        found: list[Any] = []

        def plain() -> str | None:
            found.append(seeded(flambeau, 0, function, sample.ours()))
            return self._difference(sample, found[0], expected, values)

        self.add("values", plain)
        if not found:
            return
        if "strides" in self.forms:
            self.add("strides", lambda: strides_differ(found[0], expected))
        for form, variant in (("method", self.info.method_variant), ("in place", self.info.inplace_variant)):
            if form in self.forms and variant is not None and not (form == "in place" and sample.sample.broadcasts_input):
                self._check_variant(form, variant, sample, values)
        if "out=" in self.forms and self.info.supports_out:
            self._check_out(sample, expected, values)
        self._check_derivatives(sample, expected, values)

    def _has_values(self, sample: Sample, expected: Any) -> bool:
        """Whether results are the same whenever they are computed: random numbers, and memory as it was found, are not."""
        if self.info.name in UNWRITTEN:
            self.tally.left["values of memory that nothing was written to"] += 1
            return False
        if not self.drawn:  # as soon as one sample is drawn at random, any may be
            again = seeded(torch, 1, self.info.op, sample.theirs())
            pairs = zip(parts(expected), parts(again))
            self.drawn = any(
                isinstance(a, torch.Tensor) and a.layout is torch.strided and a.shape == b.shape
                and not torch.equal(a.detach().nan_to_num(), b.detach().nan_to_num())
                for a, b in pairs
            )  # fmt: skip
        if self.drawn:
            self.tally.left["values drawn at random"] += 1
        return not self.drawn

    def _difference(self, sample: Sample, actual: Any, expected: Any, values: bool) -> str | None:
        unlike = difference(actual, expected, values, 1.0, self.precision)
        if unlike and self.info.name in ORDERING and not sample.sample.kwargs.get("stable"):
            unlike = self._order_differs(sample, actual, expected)
            if not unlike:
                self.tally.left["which of equal elements comes first, which PyTorch does not promise"] += 1
        process = sample.sample.output_process_fn_grad
        if unlike and isinstance(process, types.FunctionType):
            # What is determined up to a sign or a basis: PyTorch's own function makes of it what can be compared.
            return difference(counterpart(process)(actual), process(expected), values, 1.0, self.precision)
        return unlike

    def _order_differs(self, sample: Sample, actual: Any, expected: Any) -> str | None:
        """How results differ if not places count, but the elements that are there."""
        input, arguments, keywords = sample.theirs()
        place = ORDERING[self.info.name]
        axis = keywords.get("dim", arguments[place - 1] if len(arguments) >= place else -1)
        if not isinstance(axis, int):
            return "another order"

        ours, theirs = list(parts(actual)), list(parts(expected))
        if len(ours) != len(theirs) or any(difference(a, b, False) for a, b in zip(ours, theirs)):
            return "another order"
        unlike = difference(ours[:-1], theirs[:-1])
        picked = [self._picked(input, axis, torch.from_numpy(array(each))) for each in (ours[-1], theirs[-1])]
        return unlike or (None if torch.equal(*picked) else "another order")

    @staticmethod
    def _picked(input: torch.Tensor, axis: int, places: torch.Tensor) -> torch.Tensor:
        if places.ndim == input.ndim:
            return input.gather(axis, places)
        return input.gather(axis, places.unsqueeze(axis)).squeeze(axis)

    def _check_variant(self, form: str, variant: Any, sample: Sample, values: bool) -> None:
        name = getattr(variant, "__name__", "")
        try:
            theirs = sample.theirs()
            expected = seeded(torch, 0, variant, theirs)
        except Exception:
            return  # in place, PyTorch refuses what would change the dtype; a number has no methods

        def check() -> str | None:
            ours = sample.ours()
            result = seeded(flambeau, 0, function_of(variant, "Tensor." + name), ours)
            unlike = self._difference(sample, result, expected, values)
            if form == "in place" and not unlike:
                unlike = difference(ours[0], theirs[0], values)
            return unlike

        self.add(form, check)

    def _check_out(self, sample: Sample, expected: Any, values: bool) -> None:
        several = not isinstance(expected, torch.Tensor)
        wanted = list(expected) if several else [expected]
        if not all(isinstance(part, torch.Tensor) and part.layout is torch.strided for part in wanted):
            return
        theirs = [torch.empty_like(part) for part in wanted]
        try:
            seeded(torch, 0, self.info.op, sample.theirs(), out=tuple(theirs) if several else theirs[0])
        except Exception:
            return
        if values and difference(Converter()(theirs), wanted):
            self.tally.left["what PyTorch puts into out= is not what it returns otherwise"] += 1
            return

        def check() -> str | None:
            assert self.function is not None
            here = Converter()
            given = [here(torch.zeros_like(part)) for part in wanted]
            result = seeded(flambeau, 0, self.function, sample.ours(), out=tuple(given) if several else given[0])
            back = list(result) if several else [result]
            if not all(a is b for a, b in zip(back, given)):
                return "the result is not what was given as out="
            pair = (tuple(given), tuple(theirs)) if several else (given[0], theirs[0])
            return self._difference(sample, *pair, values)

        self.add("out=", check)

    def _check_derivatives(self, sample: Sample, expected: Any, values: bool) -> None:
        wanted = [form for form in ("gradients", "second gradients") if form in self.forms]
        differentiable = self.info.supports_autograd and self.dtype in self.info.supported_backward_dtypes("cpu")
        if differentiable and "forward mode" in self.forms:
            self._check_forward(sample, values)
        if not wanted or not differentiable or self.name not in ("float32", "float64", "complex64", "complex128"):
            return
        second = self.info.supports_gradgrad and self.name in ("float64", "complex128") and "second gradients" in wanted
        try:
            theirs = derivatives(torch, self.info.op, sample, sample.theirs(True), second)
        except Exception as error:
            self.tally.left[f"PyTorch raises {type(error).__name__} in backward"] += 1
            return
        if not theirs[0]:
            return
        mine: list[Any] = []

        def first() -> str | None:
            assert self.function is not None
            mine.extend(derivatives(flambeau, self.function, sample, sample.ours(True), second))
            return gradients_differ(mine[0], theirs[0], values)

        self.add("gradients", first)
        if second and mine and theirs[1]:
            self.add("second gradients", lambda: gradients_differ(mine[1], theirs[1], values))

    def _check_forward(self, sample: Sample, values: bool) -> None:
        """The tangents of results, where PyTorch has forward mode; in the two dtypes that tell more than others.

        What reads one triangle of a matrix is given a whole one by the function with which PyTorch's own tests differentiate it:
        the derivative in another direction means nothing.
        """
        if not self.info.supports_forward_ad or self.name not in ("float64", "complex128"):
            return
        wrapper = self.info.gradcheck_wrapper
        if any(word in getattr(wrapper, "__name__", "") for word in ("seed", "masked")):
            wrapper = _unseeded  # seeded it is here; and what a mask leaves out of a result may be compared
        try:
            given = functools.partial(wrapper, self.info.op)
            theirs = tangents(torch, given, sample, sample.theirs(True))
        except Exception as error:
            self.tally.left[f"PyTorch raises {type(error).__name__} in forward mode"] += 1
            return
        if not theirs:
            return

        def check() -> str | None:
            given = functools.partial(counterpart(wrapper), self.function)
            return gradients_differ(tangents(flambeau, given, sample, sample.ours(True)), theirs, values)

        self.add("forward mode", check)


def full_name(info: Any) -> str:
    return f"{info.name} ({info.variant_test_name})" if info.variant_test_name else str(info.name)


def check(info: Any, dtypes: Sequence[str] = DTYPES, forms: Sequence[str] = FORMS, limit: int | None = None) -> Tally:
    """One operation in some dtypes."""
    tally = Tally(full_name(info))
    os.environ.setdefault("PYTORCH_TESTING_DEVICE_ONLY_FOR", "cpu")
    for dtype in sorted(info.supported_dtypes("cpu"), key=str):
        name = str(dtype)[6:]
        if name not in dtypes:
            continue
        checks = Checks(info, tally, dtype, forms)
        try:
            for sample in checks.samples(limit):
                checks.check(sample)
        except Exception as error:
            tally.left[f"PyTorch's samples raise {type(error).__name__}"] += 1
    if not info.supported_dtypes("cpu"):
        tally.left["an operation that PyTorch does not have on processors"] += 1
    return tally
