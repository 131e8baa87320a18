"""Comparing gradients with finite differences."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph.dtypes import float64
from ..graph.trace import local
from ..ops.creation import zeros_like
from ..ops.from_data import from_array
from ..ops.random import randn
from .engine import grad
from .forward_ad import dual_level, make_dual, unpack_dual
from .levels import Level, Linear, entered
from .samples import Batch

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """What :func:`gradcheck` found wrong."""


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of ``func`` by those ``inputs`` that require grad agree with central differences.

    The inputs should be float64. ``GradcheckError`` says what disagrees, unless ``raise_exception`` is False.
    ``fast_mode`` compares along one random direction instead of element by element. ``check_forward_ad`` checks forward mode.
    """
    if check_batched_forward_grad and not check_forward_ad:
        raise ValueError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    check = _Check(func, inputs, eps, atol, rtol, nondet_tol)
    try:
        check.outputs_and_inputs()
        if not check.outputs:
            check.constant()
            return True
        if check_forward_ad:
            check.forward(fast_mode)
            if check_batched_forward_grad:
                check.batched_forward()
        if check_backward_ad:
            if fast_mode:
                check.along_a_direction()
            else:
                check.element_by_element()
            check.zero_gradient(check_grad_dtypes)
            if check_undefined_grad:
                check.undefined_gradients()
            if check_batched_grad:
                check.batched()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


class _Check:
    """One function at one point."""

    def __init__(
        self, func: Function, inputs: Any, eps: float, atol: float, rtol: float, nondet_tol: float
    ) -> None:
        self.func = func
        self.inputs: tuple[Any, ...] = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        self.eps, self.atol, self.rtol, self.nondet_tol = eps, atol, rtol, nondet_tol
        self.sources = [x for x in self.inputs if isinstance(x, Tensor) and x.requires_grad]
        self.outputs: list[Tensor] = []

    def outputs_and_inputs(self) -> None:
        """Check the inputs, and call the function."""
        if not self.sources:
            raise ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of the them have "
                "requires_grad=True."
            )
        for index, x in enumerate(self.inputs):
            if not (isinstance(x, Tensor) and x.requires_grad):
                continue
            if x.dtype is not float64:
                warnings.warn(
                    f"Input #{index} requires gradient and is not a double precision floating point or complex. This check "
                    "will likely fail if all the inputs are not of double precision floating point or complex. ",
                    stacklevel=3,
                )
            if any(step == 0 and extent > 1 for step, extent in zip(x.stride(), x.shape, strict=True)):
                raise RuntimeError(
                    f"The {index}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                    "non-overlapping to be able to compute the numerical gradients correctly. You should call .contiguous "
                    "on the input before passing it to gradcheck."
                )
            x.retain_grad()
        self.outputs = differentiable(self.func(*self.inputs))

    def _values(self) -> list[np.ndarray]:
        """All outputs that are tensors of floats, at the present inputs.

        Recording stays on: the function may differentiate something itself, as that of :func:`gradgradcheck` does.
        """
        return [np.array(t.detach().double()._array()).ravel() for t in tensors_of(self.func(*self.inputs))]

    def _slopes(self, x: Tensor) -> Iterator[list[np.ndarray]]:
        """Central differences of every output by each element of an input."""
        data = x.data
        for place in itertools.product(*(range(n) for n in x.shape)):
            yield self._difference(data, place, data[place].item(), self.eps)

    def _difference(self, data: Tensor, place: Any, held: Any, step: Any) -> list[np.ndarray]:
        """Central difference of every output as the value ``held`` of an input at ``place`` moves by ``step``."""
        data[place] = held + step
        above = self._values()
        data[place] = held - step
        below = self._values()
        data[place] = held
        return [(a - b) / (2 * self.eps) for a, b in zip(above, below, strict=True)]

    def _numbers(self) -> list[int]:
        """Which of the outputs that are tensors of floats are differentiable."""
        return [k for k, t in enumerate(tensors_of(self.func(*self.inputs))) if t.requires_grad]

    def constant(self) -> None:
        """A function without differentiable outputs must not change with its inputs."""
        for x in self.sources:
            if any(slope.any() for slopes in self._slopes(x) for slope in slopes):
                raise GradcheckError("Numerical gradient for function expected to be zero")

    def element_by_element(self) -> None:
        """Compare whole Jacobians."""
        numbers = self._numbers()
        for index, x in enumerate(self.sources):
            slopes = list(self._slopes(x))
            for position, (number, output) in enumerate(zip(numbers, self.outputs, strict=True)):
                shape = (x.numel(), output.numel())
                numerical = np.array([slope[number] for slope in slopes]).reshape(shape)
                analytical, again = self._jacobian(position, x), self._jacobian(position, x)
                if not np.allclose(analytical, numerical, self.rtol, self.atol):
                    raise GradcheckError(_mismatch(position, index, numerical, analytical))
                self._check_repeats(analytical, again)

    def forward(self, fast: bool) -> None:
        """Compare tangents: for each element of an input, or in one random direction."""
        random = np.random.default_rng(0)
        numbers = self._numbers()
        for index, x in enumerate(self.sources):
            directions = np.eye(x.numel()).reshape(-1, *x.shape)
            if fast:
                directions = random.standard_normal((1, *x.shape))
                directions /= max(float(np.linalg.norm(directions)), 1e-300)
                step = from_array(directions[0] * self.eps).to(x.dtype)
                slopes = [self._difference(x.data, ..., x.data.clone(), step)]
            else:
                slopes = list(self._slopes(x))
            for direction, slope in zip(directions, slopes, strict=True):
                found = self._tangents(x, from_array(np.ascontiguousarray(direction)).to(x.dtype))
                for position, number in enumerate(numbers):
                    if not np.allclose(found[position], slope[number], self.rtol, self.atol):
                        raise GradcheckError(
                            "Forward-mode AD: " + _mismatch(position, index, slope[number], found[position])
                        )

    def _tangents(self, x: Tensor, direction: Tensor) -> list[np.ndarray]:
        """The tangents of the differentiable outputs as one input moves in a direction."""
        with dual_level():
            given = [make_dual(x.detach(), direction) if each is x else each for each in self.inputs]
            outputs = tensors_of(self.func(*given))
            found = []
            for number in self._numbers():
                tangent = unpack_dual(outputs[number]).tangent
                size = outputs[number].numel()
                found.append(np.zeros(size) if tangent is None else np.array(tangent.detach().double()._array()).ravel())
        return found

    def batched_forward(self) -> None:
        """A batch of directions must give what these give one by one."""
        for x in self.sources:
            alias, mark = entered(x.detach(), Level(), forward=True)
            local.forward += 1
            try:
                outputs = tensors_of(self.func(*[alias if each is x else each for each in self.inputs]))
            finally:
                local.forward -= 1
            derivative = Linear(outputs, [mark])
            many = randn(2, *x.shape, dtype=x.dtype)
            together = Batch(2).call(lambda direction, linear=derivative: linear.tangents([direction], False), [many])
            for k in range(2):
                for pair, one in zip(together, derivative.tangents([many[k]], False), strict=True):
                    if pair is not None and not pair[0][k].allclose(one):
                        raise GradcheckError("Batched tangents disagree with tangents computed one by one")

    def _check_repeats(self, first: np.ndarray, second: np.ndarray) -> None:
        if first.size and np.abs(first - second).max() > self.nondet_tol:
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives "
                "different values, although analytical gradient matches numerical gradient.The tolerance for nondeterminism "
                f"was {self.nondet_tol}."
            )

    def _jacobian(self, position: int, x: Tensor) -> np.ndarray:
        """By backward passes: (elements of the input, elements of the output)."""
        output = self.outputs[position]
        columns = []
        for place in range(output.numel()):
            weight = np.zeros(output.numel())
            weight[place] = 1
            columns.append(self._gradient(position, weight, x).ravel())
        return np.array(columns).reshape(output.numel(), x.numel()).T

    def _gradient(self, position: int, weight: np.ndarray, x: Tensor) -> np.ndarray:
        output = self.outputs[position]
        vector = from_array(weight.reshape(output.shape)).to(output.dtype)
        (found,) = grad([output], [x], [vector], retain_graph=True, allow_unused=True)
        if found is None:
            return np.zeros(x.shape)
        if found.shape != x.shape:
            raise GradcheckError("Analytical gradient has incorrect size")
        return np.array(found.detach().double()._array())

    def along_a_direction(self) -> None:
        """Compare v J u for random directions u of each input and v of each output."""
        random = np.random.default_rng(0)
        numbers = self._numbers()
        for index, x in enumerate(self.sources):
            direction = random.standard_normal(x.shape)
            direction /= max(float(np.linalg.norm(direction)), 1e-300)
            step = from_array(direction * self.eps).to(x.dtype)
            slopes = self._difference(x.data, ..., x.data.clone(), step)
            for position, (number, output) in enumerate(zip(numbers, self.outputs, strict=True)):
                weight = random.random(output.numel())
                weight /= max(float(np.linalg.norm(weight)), 1e-300)
                numerical = np.array(slopes[number] @ weight)
                first, again = (self._gradient(position, weight, x) for _ in range(2))
                analytical = np.array((first * direction).sum())
                if not np.allclose(analytical, numerical, self.rtol, self.atol):
                    raise GradcheckError(
                        _mismatch(position, index, numerical, analytical)
                        + "\nThe above quantities relating the numerical and analytical jacobians are computed in fast mode."
                        " See: https://github.com/pytorch/pytorch/issues/53876 for more background about fast mode. "
                    )
                self._check_repeats(first, again)

    def zero_gradient(self, check_dtypes: bool) -> None:
        """A gradient of zero must give zeros, of the inputs' sizes and dtypes."""
        outputs = differentiable(self.func(*self.inputs))
        found = grad(outputs, self.sources, [zeros_like(o) for o in outputs], allow_unused=True)
        for value, x in zip(found, self.sources, strict=True):
            if value is None:
                continue
            if bool((value != 0).any()):
                raise GradcheckError("backward not multiplied by grad_output")
            if value.shape != x.shape:
                raise GradcheckError("grad is incorrect size")
            if check_dtypes and value.dtype is not x.dtype:
                raise GradcheckError(f"grad is incorrect type {value.dtype}, expected {x.dtype}")

    def undefined_gradients(self) -> None:
        """Backward must cope with gradients that arrive for one output alone."""
        for position in range(len(self.outputs)):
            output = differentiable(self.func(*self.inputs))[position]
            try:
                found = grad([output], self.sources, [zeros_like(output)], allow_unused=True)
            except Exception as error:
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads. Please look at 'Notes about undefined "
                    'output gradients\' in "tools/autograd/derivatives.yaml"'
                ) from error
            if any(value is not None and bool((value != 0).any()) for value in found):
                raise GradcheckError("Expected all input grads to be undefined or zero when all output grads are zero")

    def batched(self) -> None:
        """A batch of gradients must give what these give one by one."""
        outputs = differentiable(self.func(*self.inputs))
        for output in outputs:
            batch = randn(2, *output.shape, dtype=output.dtype)
            many = grad([output], self.sources, [batch], True, allow_unused=True, is_grads_batched=True)
            for k in range(2):
                single = grad([output], self.sources, [batch[k]], True, allow_unused=True)
                for whole, one in zip(many, single, strict=True):
                    if whole is not None and one is not None and not whole[k].allclose(one):
                        raise GradcheckError("Batched gradients disagree with gradients computed one by one")


def _mismatch(output: int, source: int, numerical: np.ndarray, analytical: np.ndarray) -> str:
    return (
        f"Jacobian mismatch for output {output} with respect to input {source},\n"
        f"numerical:{from_array(numerical)}\nanalytical:{from_array(analytical)}\n"
    )


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors of floats among what a function returned."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    return [t for t in values if isinstance(t, Tensor) and t.dtype.category == 2]


def differentiable(value: Any) -> list[Tensor]:
    """The tensors that require grad among what a function returned."""
    return [t for t in tensors_of(value) if t.requires_grad]


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """:func:`gradcheck` of the gradients themselves, by the inputs and by the outputs' gradients (random unless given)."""
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        vectors = tuple(_random_like(o, gen_non_contig_grad_outputs) for o in differentiable(func(*given)))
    else:
        vectors = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
    count = len(vectors)

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        sources = arguments[: len(arguments) - count]
        outputs = differentiable(func(*sources))
        wanted = [x for x in sources if isinstance(x, Tensor) and x.requires_grad]
        found = grad(outputs, wanted, arguments[len(sources) :], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients, given + vectors, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, fast_mode=fast_mode, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
    )  # fmt: skip


def _random_like(output: Tensor, strided: bool) -> Tensor:
    if not strided:
        return randn(output.shape, dtype=output.dtype).requires_grad_()  # type: ignore[no-any-return]
    return randn((*output.shape, 2), dtype=output.dtype)[..., 0].detach().requires_grad_()  # type: ignore[no-any-return]


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
