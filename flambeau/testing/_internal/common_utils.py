"""``TestCase``, whose ``assertEqual`` compares tensors, and the names about it that tests of other programs import."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import socket
import sys
import tempfile
import unittest
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ...autograd.gradcheck import gradcheck, gradgradcheck
from ...core.tensor import Tensor
from ...graph import dtypes
from ...nn import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from ...ops.from_data import as_tensor
from ...ops.settings import set_default_dtype as _set_default_dtype
from ...random import get_rng_state, manual_seed, set_rng_state
from .._comparison import BooleanPair, NonePair, NumberPair, ObjectPair, TensorLikePair, not_close_error_metas
from .._creation import make_tensor
from .._pairs import UnsupportedInputs
from ._parametrize import instantiate_parametrized_tests, parametrize, subtest

SEED = 1234
IS_WINDOWS, IS_MACOS, IS_LINUX = sys.platform == "win32", sys.platform == "darwin", sys.platform == "linux"
IS_CI = bool(os.getenv("CI"))
IS_FBCODE = IS_SANDCASTLE = IS_JETSON = IS_PPC = False
TEST_CUDA = TEST_MULTIGPU = TEST_CUDNN = TEST_MPS = TEST_XPU = TEST_WITH_ROCM = TEST_MKL = TEST_MKLDNN = False
TEST_WITH_ASAN = TEST_WITH_TSAN = TEST_WITH_UBSAN = TEST_WITH_TORCHDYNAMO = TEST_WITH_TORCHINDUCTOR = False
TEST_WITH_CROSSREF = TEST_FAIRSEQ = False
TEST_WITH_SLOW = os.getenv("PYTORCH_TEST_WITH_SLOW") == "1"
TEST_NUMPY = True
TEST_SCIPY = importlib.util.find_spec("scipy") is not None

numpy_to_torch_dtype_dict = {theirs.type: ours for theirs, ours in dtypes.FROM_NUMPY.items()}
torch_to_numpy_dtype_dict = {ours: theirs for theirs, ours in numpy_to_torch_dtype_dict.items()}


def _of_one_element(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray) and int(np.prod(value.shape)) == 1


class _Relaxed:
    """A pair that takes a tensor of one element for the value that it has, if the other is a plain value."""

    _supported_types: tuple[type, ...]

    def _process_inputs(self, actual: Any, expected: Any, *, id: tuple[Any, ...]) -> tuple[Any, Any]:
        if isinstance(actual, self._supported_types) and _of_one_element(expected):
            expected = expected.item()
        elif isinstance(expected, self._supported_types) and _of_one_element(actual):
            actual = actual.item()
        return super()._process_inputs(actual, expected, id=id)  # type: ignore[misc]


class RelaxedBooleanPair(_Relaxed, BooleanPair):
    """Truth values, alone or as the one element of a tensor."""


class _AtLeast:
    """A pair whose tolerances are not below those of the test case."""

    def __init__(self, *args: Any, rtol_override: float = 0.0, atol_override: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rtol: float = max(self.rtol, rtol_override)
        self.atol: float = max(self.atol, atol_override)


class RelaxedNumberPair(_AtLeast, _Relaxed, NumberPair):
    """Numbers, alone or as the one element of a tensor."""

    def __init__(self, *args: Any, check_dtype: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, check_dtype=False, **kwargs)


class TensorOrArrayPair(_AtLeast, TensorLikePair):
    """Tensors and arrays, also one with the other."""

    def _process_inputs(
        self, actual: Any, expected: Any, *, id: tuple[Any, ...], allow_subclasses: bool
    ) -> tuple[Tensor, Tensor]:
        if not all(isinstance(value, Tensor | np.ndarray) for value in (actual, expected)):
            raise UnsupportedInputs
        return self._to_tensor(actual), self._to_tensor(expected)


class TestCase(unittest.TestCase):
    """A ``unittest.TestCase`` that seeds the random numbers, and compares tensors where others compare values."""

    precision: float = 0
    rel_tol: float = 0
    maxDiff = None

    def setUp(self) -> None:
        set_rng_seed(SEED)

    def assertEqual(  # type: ignore[override]
        self, x: Any, y: Any, msg: str | Callable[[str], str] | None = None, *, atol: float | None = None,
        rtol: float | None = None, equal_nan: bool = True, exact_dtype: bool = True, exact_device: bool = False,
        exact_layout: bool = False, exact_stride: bool = False, exact_is_coalesced: bool = False,
    ) -> None:  # fmt: skip
        """Values, tensors or containers of them are equal, up to what the dtype's precision lets differ."""
        __tracebackhide__ = True
        if isinstance(x, Tensor) and isinstance(y, Sequence):
            y = as_tensor(y, dtype=x.dtype)
        elif isinstance(y, Tensor) and isinstance(x, Sequence):
            x = as_tensor(x, dtype=y.dtype)
        errors = not_close_error_metas(
            x, y, pair_types=(NonePair, RelaxedBooleanPair, RelaxedNumberPair, TensorOrArrayPair, ObjectPair),
            sequence_types=(Sequence, Sequential, ModuleList, ParameterList),
            mapping_types=(Mapping, ModuleDict, ParameterDict), rtol=rtol, rtol_override=self.rel_tol, atol=atol,
            atol_override=self.precision, equal_nan=equal_nan, check_device=exact_device, check_dtype=exact_dtype,
            check_layout=exact_layout, check_stride=exact_stride,
        )  # fmt: skip
        if errors:
            appended = isinstance(msg, str) and self.longMessage
            raise errors[0].to_error((lambda text: f"{text}\n{msg}") if appended else msg)

    def assertNotEqual(self, x: Any, y: Any, msg: str | None = None, **options: Any) -> None:  # type: ignore[override]
        """:meth:`assertEqual` fails."""
        with self.assertRaises(AssertionError, msg=msg):
            self.assertEqual(x, y, msg, **options)

    def assertEqualIgnoreType(self, *args: Any, **kwargs: Any) -> None:
        """:meth:`assertEqual` of values whose dtypes may differ."""
        self.assertEqual(*args, exact_dtype=False, **kwargs)

    @contextlib.contextmanager
    def assertWarnsOnceRegex(self, category: type[Warning], regex: str = "") -> Iterator[None]:
        """Some warning of a category, that ``regex`` is found in."""
        with self.assertWarnsRegex(category, regex):
            yield

    def assertNotWarn(self, callable: Callable[[], Any], msg: str = "") -> None:
        """A call warns of nothing."""
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            callable()
        self.assertTrue(not seen, msg)


def run_tests(argv: list[str] | None = None) -> None:
    """Run the tests of the program's own file, as ``unittest.main``."""
    unittest.main(argv=argv)


def set_rng_seed(seed: int = SEED) -> None:
    """Seed the random numbers of the package, of Python and of NumPy."""
    manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


@contextlib.contextmanager
def freeze_rng_state() -> Iterator[None]:
    """Random numbers go on afterwards as if none had been drawn inside."""
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


@contextlib.contextmanager
def set_default_dtype(dtype: dtypes.dtype) -> Iterator[None]:
    """Another default dtype inside."""
    before = dtypes.get_default_dtype()
    _set_default_dtype(dtype)
    try:
        yield
    finally:
        _set_default_dtype(before)


@contextlib.contextmanager
def TemporaryFileName(*args: Any, **kwargs: Any) -> Iterator[str]:
    """The name of an empty file that is there inside."""
    with tempfile.NamedTemporaryFile(*args, **kwargs) as file:
        yield file.name


@contextlib.contextmanager
def TemporaryDirectoryName(suffix: str | None = None) -> Iterator[str]:
    """The name of an empty directory that is there inside."""
    with tempfile.TemporaryDirectory(suffix=suffix) as name:
        yield name


def dtype_name(dtype: dtypes.dtype) -> str:
    """A dtype's name as test names contain it."""
    return dtype.name


def find_free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        return int(listening.getsockname()[1])


def suppress_warnings(function: Callable) -> Callable:
    """A decorator: what the function warns of is not shown."""

    @wraps(function)
    def quiet(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)

    return quiet


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """The protocol of ``unittest``: all tests that were found."""
    return tests


def noncontiguous_like(tensor: Tensor) -> Tensor:
    """A copy whose elements do not lie side by side, if there are several; tracked if the tensor is."""
    if not tensor.is_contiguous():
        return tensor
    apart = tensor.detach().unsqueeze(-1).repeat_interleave(2, dim=-1)[..., 1]
    return apart.requires_grad_(tensor.requires_grad)


def is_iterable_of_tensors(iterable: Any, include_empty: bool = False) -> bool:
    """Whether a container's elements, of which there are any, are tensors; a tensor is no such container."""
    if isinstance(iterable, Tensor):
        return False
    try:
        elements = list(iterable)
    except TypeError:
        return False
    return all(isinstance(element, Tensor) for element in elements) if elements else include_empty


def _unchanged(function: Callable) -> Callable:
    return function


def _left_out_if(condition: bool, reason: str) -> Callable[[Callable], Callable]:
    return unittest.skipIf(condition, reason)


#: What is done differently for hardware and compilers that are not here.
skipIfRocm = skipIfTorchDynamo = skipIfTorchInductor = skipIfCrossRef = skipIfMps = skipIfXpu = _unchanged
xfailIfTorchDynamo = markDynamoStrictTest = skipIfNoLapack = _unchanged
slowTest = _left_out_if(not TEST_WITH_SLOW, "test is slow; run with PYTORCH_TEST_WITH_SLOW to enable test")
skipIfNoSciPy = _left_out_if(not TEST_SCIPY, "test require SciPy, but SciPy not found")

__all__ = [
    "IS_CI", "IS_FBCODE", "IS_JETSON", "IS_LINUX", "IS_MACOS", "IS_PPC", "IS_SANDCASTLE", "IS_WINDOWS", "SEED", "TEST_CUDA",
    "TEST_CUDNN", "TEST_FAIRSEQ", "TEST_MKL", "TEST_MKLDNN", "TEST_MPS", "TEST_MULTIGPU", "TEST_NUMPY", "TEST_SCIPY",
    "TEST_WITH_ASAN", "TEST_WITH_CROSSREF", "TEST_WITH_ROCM", "TEST_WITH_SLOW", "TEST_WITH_TORCHDYNAMO",
    "TEST_WITH_TORCHINDUCTOR", "TEST_WITH_TSAN", "TEST_WITH_UBSAN", "TEST_XPU", "TemporaryDirectoryName", "TemporaryFileName",
    "TestCase", "dtype_name", "find_free_port", "freeze_rng_state", "gradcheck", "gradgradcheck",
    "instantiate_parametrized_tests", "is_iterable_of_tensors", "load_tests", "make_tensor", "markDynamoStrictTest",
    "noncontiguous_like", "numpy_to_torch_dtype_dict", "parametrize", "run_tests", "set_default_dtype",
    "set_rng_seed", "skipIfCrossRef", "skipIfMps", "skipIfNoLapack", "skipIfNoSciPy", "skipIfRocm", "skipIfTorchDynamo",
    "skipIfTorchInductor", "skipIfXpu", "slowTest", "subtest", "suppress_warnings", "torch_to_numpy_dtype_dict",
    "xfailIfTorchDynamo",
]  # fmt: skip
