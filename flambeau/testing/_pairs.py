"""Two values to compare, by kind: each pair takes inputs that it can compare, and says how they differ."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..core.device import strided
from ..core.tensor import Tensor
from ..graph.dtypes import dtype, promote_types
from ..ops.choice import isclose
from ..ops.from_data import as_tensor
from . import _mismatch
from ._mismatch import ErrorMeta, Identifier

#: The relative and absolute tolerance of each dtype; others are compared exactly.
PRECISIONS = {
    "float16": (0.001, 1e-5),
    "bfloat16": (0.016, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex32": (0.001, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}

#: The parts of a sparse tensor: what they are called, the method that gives them, and whether they are its values.
_PARTS = {
    "sparse_coo": ("COO", (("indices", "_indices", False), ("values", "_values", True))),
    **{
        f"sparse_{name.lower()}": (
            name, ((outer, outer, False), (inner, inner, False), ("values", "values", True)),
        )
        for name, outer, inner in (
            ("CSR", "crow_indices", "col_indices"), ("CSC", "ccol_indices", "row_indices"),
            ("BSR", "crow_indices", "col_indices"), ("BSC", "ccol_indices", "row_indices"),
        )
    },
}  # fmt: skip


def tolerances(*names: str, rtol: float | None, atol: float | None, id: tuple[Any, ...] = ()) -> tuple[float, float]:
    """The tolerances given, which are both or neither, or the loosest of those that belong to dtypes of these names."""
    if rtol is not None and atol is not None:
        return rtol, atol
    if rtol is not None or atol is not None:
        missing = "rtol" if rtol is None else "atol"
        message = f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        raise ErrorMeta(ValueError, message, id=id)
    known = [PRECISIONS.get(name, (0.0, 0.0)) for name in names]
    return max(r for r, _ in known), max(a for _, a in known)


def default_tolerances(
    *inputs: Tensor | dtype, dtype_precisions: dict[dtype, tuple[float, float]] | None = None
) -> tuple[float, float]:
    """The loosest relative and absolute tolerance of the dtypes of the inputs."""
    dtypes = []
    for input in inputs:
        if not isinstance(input, Tensor | dtype):
            raise TypeError(f"Expected a torch.Tensor or a torch.dtype, but got {type(input)} instead.")
        dtypes.append(input.dtype if isinstance(input, Tensor) else input)
    if dtype_precisions is None:
        return tolerances(*(d.name for d in dtypes), rtol=None, atol=None)
    known = [dtype_precisions.get(d, (0.0, 0.0)) for d in dtypes]
    return max(r for r, _ in known), max(a for _, a in known)


class UnsupportedInputs(Exception):
    """A pair does not compare what it was given; another kind may."""


class Pair:
    """Two values; ``id`` says where in containers they were. Options that a kind of pair has no use for are ignored."""

    def __init__(self, actual: Any, expected: Any, *, id: tuple[Any, ...] = (), **unknown_parameters: Any) -> None:
        self.actual = actual
        self.expected = expected
        self.id = id
        self._unknown_parameters = unknown_parameters

    def compare(self) -> None:
        """``ErrorMeta`` if the values differ."""
        raise NotImplementedError

    def extra_repr(self) -> Sequence[str | tuple[str, Any]]:
        """The options that the representation shows: names of attributes, or names with values."""
        return []

    @staticmethod
    def _inputs_not_supported() -> NoReturn:
        raise UnsupportedInputs

    @staticmethod
    def _check_inputs_isinstance(*inputs: Any, cls: type | tuple[type, ...]) -> None:
        if not all(isinstance(input, cls) for input in inputs):
            raise UnsupportedInputs

    def _fail(self, type: type[Exception], msg: str, *, id: tuple[Any, ...] = ()) -> NoReturn:
        raise ErrorMeta(type, msg, id=id or getattr(self, "id", ()))

    def __repr__(self) -> str:
        shown = [(name, getattr(self, name)) for name in ("id", "actual", "expected")]
        shown += [(extra, getattr(self, extra)) if isinstance(extra, str) else extra for extra in self.extra_repr()]
        return "\n".join([f"{type(self).__name__}(", *(f"    {name}={value!s}," for name, value in shown), ")"])


class ObjectPair(Pair):
    """Anything, compared by ``==``."""

    def compare(self) -> None:
        try:
            equal = self.actual == self.expected
        except Exception as error:
            message = f"{self.actual} == {self.expected} failed with:\n{error}."
            raise ErrorMeta(ValueError, message, id=self.id) from error
        if not equal:
            self._fail(AssertionError, f"{self.actual} != {self.expected}")


class NonePair(Pair):
    """None and None."""

    def __init__(self, actual: Any, expected: Any, **other_parameters: Any) -> None:
        if actual is not None and expected is not None:
            raise UnsupportedInputs
        super().__init__(actual, expected, **other_parameters)

    def compare(self) -> None:
        if self.actual is not self.expected:
            self._fail(AssertionError, f"None mismatch: {self.actual} is not {self.expected}")


class BooleanPair(Pair):
    """Truth values, Python's and NumPy's."""

    def __init__(self, actual: Any, expected: Any, *, id: tuple[Any, ...] = (), **other_parameters: Any) -> None:
        actual, expected = self._process_inputs(actual, expected, id=id)
        super().__init__(actual, expected, id=id, **other_parameters)

    @property
    def _supported_types(self) -> tuple[type, ...]:
        return bool, np.bool_

    def _process_inputs(self, actual: Any, expected: Any, *, id: tuple[Any, ...]) -> tuple[bool, bool]:
        self._check_inputs_isinstance(actual, expected, cls=self._supported_types)
        return bool(actual), bool(expected)

    def compare(self) -> None:
        if self.actual is not self.expected:
            self._fail(AssertionError, f"Booleans mismatch: {self.actual} is not {self.expected}")


class NumberPair(Pair):
    """Numbers, Python's and NumPy's; ``check_dtype`` wants them of one type."""

    _NAMES = {int: "int64", float: "float64", complex: "complex128", bool: "bool"}

    def __init__(
        self, actual: Any, expected: Any, *, id: tuple[Any, ...] = (), rtol: float | None = None,
        atol: float | None = None, equal_nan: bool = False, check_dtype: bool = False, **other_parameters: Any,
    ) -> None:  # fmt: skip
        actual, expected = self._process_inputs(actual, expected, id=id)
        super().__init__(actual, expected, id=id, **other_parameters)
        names = (self._NAMES[type(value)] for value in (actual, expected))
        self.rtol, self.atol = tolerances(*names, rtol=rtol, atol=atol, id=id)
        self.equal_nan = equal_nan
        self.check_dtype = check_dtype

    @property
    def _supported_types(self) -> tuple[type, ...]:
        return int, float, complex, np.number

    def _process_inputs(self, actual: Any, expected: Any, *, id: tuple[Any, ...]) -> tuple[Any, Any]:
        self._check_inputs_isinstance(actual, expected, cls=self._supported_types)
        number, other = (value.item() if isinstance(value, np.number) else value for value in (actual, expected))
        return number, other

    def compare(self) -> None:
        actual, expected = self.actual, self.expected
        if self.check_dtype and type(actual) is not type(expected):
            self._fail(AssertionError, f"The (d)types do not match: {type(actual)} != {type(expected)}.")
        if actual == expected or (self.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
            return
        difference = abs(actual - expected)
        if cmath.isfinite(difference) and difference <= self.atol + self.rtol * abs(expected):
            return
        self._fail(AssertionError, _mismatch.scalars(actual, expected, rtol=self.rtol, atol=self.atol))

    def extra_repr(self) -> Sequence[str]:
        return "rtol", "atol", "equal_nan", "check_dtype"


class TensorLikePair(Pair):
    """Tensors, and what tensors are made of: arrays and nested numbers. Attributes are compared before values."""

    def __init__(
        self, actual: Any, expected: Any, *, id: tuple[Any, ...] = (), allow_subclasses: bool = True,
        rtol: float | None = None, atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
        check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False, **other_parameters: Any,
    ) -> None:  # fmt: skip
        actual, expected = self._process_inputs(actual, expected, id=id, allow_subclasses=allow_subclasses)
        super().__init__(actual, expected, id=id, **other_parameters)
        self.rtol, self.atol = tolerances(actual.dtype.name, expected.dtype.name, rtol=rtol, atol=atol, id=id)
        self.equal_nan = equal_nan
        self.check_device = check_device
        self.check_dtype = check_dtype
        self.check_layout = check_layout
        self.check_stride = check_stride

    def _process_inputs(
        self, actual: Any, expected: Any, *, id: tuple[Any, ...], allow_subclasses: bool
    ) -> tuple[Tensor, Tensor]:
        related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
        if not related or (not allow_subclasses and type(actual) is not type(expected)):
            raise UnsupportedInputs
        return self._to_tensor(actual), self._to_tensor(expected)

    def _to_tensor(self, tensor_like: Any) -> Tensor:
        if isinstance(tensor_like, Tensor):
            return tensor_like
        try:
            return as_tensor(tensor_like)
        except Exception:
            raise UnsupportedInputs from None

    def compare(self) -> None:
        actual, expected = self.actual, self.expected
        self._compare_attributes(actual, expected)
        if "meta" not in (actual.device.type, expected.device.type):
            self._compare_values(*self._equalize_attributes(actual, expected))

    def _compare_attributes(self, actual: Tensor, expected: Tensor) -> None:
        dense = actual.layout == expected.layout == strided
        for name, wanted in (
            ("shape", True), ("layout", self.check_layout), ("stride()", self.check_stride and dense),
            ("device", self.check_device), ("dtype", self.check_dtype),
        ):  # fmt: skip
            if not wanted:
                continue
            one, other = (t.stride() if name == "stride()" else getattr(t, name) for t in (actual, expected))
            if one != other:
                message = f"The values for attribute '{name}' do not match: {one} != {other}."
                self._fail(AssertionError, message)

    def _equalize_attributes(self, actual: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
        if actual.dtype != expected.dtype:
            common = promote_types(actual.dtype, expected.dtype)
            actual, expected = actual.to(common), expected.to(common)
        if actual.layout != expected.layout:
            actual, expected = (t if t.layout == strided else t.to_dense() for t in (actual, expected))
        return actual, expected

    def _compare_values(self, actual: Tensor, expected: Tensor) -> None:
        tolerance: dict[str, Any] = {"rtol": self.rtol, "atol": self.atol, "equal_nan": self.equal_nan}
        if actual.layout == strided:
            return self._compare_regular_values_close(actual, expected, **tolerance)
        kind, parts = _PARTS[actual.layout.name]
        counts = [("specified values", t._nnz()) for t in (actual, expected)]
        if kind == "COO":
            counts = [("sparse dimensions", t.sparse_dim()) for t in (actual, expected)] + counts
        for (what, one), (_, other) in zip(counts[::2], counts[1::2]):
            if one != other:
                tensors = f"sparse {kind} tensors"
                self._fail(AssertionError, f"The number of {what} in {tensors} does not match: {one} != {other}")
        for name, method, values in parts:
            one, other = getattr(actual, method)(), getattr(expected, method)()
            identifier = f"Sparse {kind} {name}"
            if values:
                self._compare_regular_values_close(one, other, **tolerance, identifier=identifier)
            else:
                common = promote_types(one.dtype, other.dtype)
                self._compare_regular_values_equal(one.to(common), other.to(common), identifier=identifier)

    def _compare_regular_values_equal(
        self, actual: Tensor, expected: Tensor, *, equal_nan: bool = False, identifier: Identifier = None
    ) -> None:
        self._compare_regular_values_close(
            actual, expected, rtol=0, atol=0, equal_nan=equal_nan, identifier=identifier
        )

    def _compare_regular_values_close(
        self, actual: Tensor, expected: Tensor, *, rtol: float, atol: float, equal_nan: bool,
        identifier: Identifier = None,
    ) -> None:  # fmt: skip
        actual, expected = actual.detach(), expected.detach()
        matches = isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)
        if matches.all():
            return
        if actual.dim():
            text = _mismatch.tensors(actual, expected, matches, rtol=rtol, atol=atol, identifier=identifier)
        else:
            numbers = actual.item(), expected.item()
            text = _mismatch.scalars(*numbers, rtol=rtol, atol=atol, identifier=identifier)
        self._fail(AssertionError, text)

    def extra_repr(self) -> Sequence[str]:
        return "rtol", "atol", "equal_nan", "check_device", "check_dtype", "check_layout", "check_stride"
