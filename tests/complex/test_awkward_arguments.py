"""Complex numbers in awkward places: mixed with real ones, in subclasses, as results to write to, in singular matrices."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree

import flambeau

SINGULAR = np.array([[1 + 1j, 2, 3j], [2 + 2j, 4, 6j], [1, 1j, 0]])
STACK = np.stack([np.eye(3) * (2 + 0j), np.diag([1.0, -1, 2]) + 0j, SINGULAR])


def _given(T: Any) -> tuple[Any, Any]:
    return T.tensor([[1.0, 2], [3, -4]]), T.tensor([[1 + 1j, 2], [3, 4 - 2j]])


def _written(x: Any, index: Any, value: Any) -> Any:
    x[index] = value
    return x


CALLS: dict[str, Any] = {
    "view": lambda T, x, c: [x.view(T.complex64), x.view(dtype=T.complex64), c.view(T.float32), x[:, :0].view(T.cfloat)],
    "broadcast_tensors": lambda T, x, c: [*T.broadcast_tensors(x[:1], c), *T.broadcast_tensors(c, x[0])],
    "atleast": lambda T, x, c: [*T.atleast_2d([c[0], x]), *T.atleast_1d(x[0, 0], c), T.atleast_3d(c)],
    "where of numbers": lambda T, x, c: [T.where(x > 0, 1j, 2.0), T.where(x > 0, 1, 2j), T.where(x > 0, x, 1j)],
    "out": lambda T, x, c: [
        T.sin(x, out=T.empty(2, 2, dtype=T.complex64)), T.add(x, x, out=T.empty(2, 2, dtype=T.complex64)),
        T.sum(x, 0, out=T.empty(2, dtype=T.complex64)),
    ],
    "linspace": lambda T, x, c: [T.linspace(0, 1j, 3), T.linspace(1 + 1j, T.tensor(3.0), 4, dtype=T.complex128)],
    "result_type": lambda T, x, c: [
        T.zeros(1, dtype=T.result_type(*pair)) for pair in ((1j, 2), (x.double(), 1j), (1j, x.long()), (2.0, c))
    ],
    "equal": lambda T, x, c: [T.tensor(T.equal(x, c)), T.tensor(T.equal(c, c))],
    "vander": lambda T, x, c: [T.vander(c[0]), T.vander(c[0], 3, True), T.vander(c[0], 0), T.vander(c[0], N=1)],
    "outer": lambda T, x, c: [T.outer(x[0], c[0]), T.outer(c[0], x[0].double()), T.kron(x, c)],
    "written": lambda T, x, c: [_written(x.clone(), 0, c[1]), _written(c.clone(), 0, x[1]), _written(x.clone(), ..., c)],
    "padded": lambda T, x, c: [
        T.nn.utils.rnn.pad_sequence([c, c[:1]]), T.nn.utils.rnn.pad_sequence([c[:1], c], True, 2.0, "left"),
    ],
    # A real number has the imaginary part 0, whose sign decides on which side of a cut a product is.
    "signs of zeros": lambda T, x, c: [
        (T.tensor([4 + 0j]) * -1).sqrt(), (x * (1 + 0j)).log(), (x[1] * T.tensor([1 + 0j])).acosh(), (c * -x).sqrt(),
        (T.tensor([complex("inf"), complex(0, float("inf"))]) * 2.0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_beside_real_numbers(name: str) -> None:
    agree(lambda T: CALLS[name](T, *_given(T)))


@pytest.mark.parametrize("data", [[1j], [[1.0], [2 + 0j]]])
def test_complex_numbers_are_not_made_real_silently(data: Any) -> None:
    for T in (flambeau, torch):
        with pytest.raises(TypeError, match="must be real number, not complex"):
            T.tensor(data, dtype=T.float32)
        with pytest.raises(TypeError, match="must be real number, not complex"):
            T.zeros(1).new_tensor(data)


@pytest.mark.filterwarnings("ignore:Casting complex")
def test_real_parts_of_a_conversion_are_a_copy() -> None:
    for convert in (
        lambda c: c.float(), lambda c: c.to(flambeau.float32), lambda c: c.type_as(flambeau.ones(1)), lambda c: c.double(),
    ):  # fmt: skip
        c = flambeau.tensor([[1 + 1j, 2], [3, 4 - 2j]])
        part = convert(c)
        assert part.is_contiguous()
        part.zero_()
        assert c.real.sum() == 10


def test_subclasses() -> None:
    """What is complex cannot be of a subclass of tensors; it is computed nevertheless."""

    def results(T: Any) -> list[Any]:
        kind = type("Kind", (T.Tensor,), {})
        x, c = _given(T)
        x = x.as_subclass(kind)
        found = [x + c, c * x, x.add(1j), x * 1j, T.cat([x, c]), T.nn.Parameter(c) @ c]
        return [T.view_as_real(y.detach().resolve_conj()).as_subclass(T.Tensor) for y in found]

    agree(results)


def test_matrices_without_inverse_or_factor() -> None:
    ours, theirs = flambeau.tensor(STACK.tolist()), torch.tensor(STACK.tolist())
    for T, a in ((flambeau, ours), (torch, theirs)):
        assert T.linalg.inv_ex(a)[1].tolist() == [0, 0, 3]
        assert T.linalg.solve_ex(a, a)[1].tolist() == [0, 0, 3]
        assert T.linalg.lu_factor_ex(a)[2].tolist() == [0, 0, 3]
        assert T.linalg.cholesky_ex(a[:2])[1].tolist() == [0, 2]
        for refused in (lambda: T.linalg.inv(a), lambda: T.linalg.solve(a, a), lambda: T.linalg.inv_ex(a, check_errors=True)):  # noqa: B023
            with pytest.raises(T.linalg.LinAlgError, match=r"\(?Batch element 2|singular"):
                refused()
        with pytest.raises(T.linalg.LinAlgError, match=r"\(Batch element 1\).*minor of order 2"):
            T.linalg.cholesky(a[:2])
    agree(lambda T: [T.linalg.inv_ex(T.tensor(STACK.tolist()))[0][:2], T.linalg.cholesky_ex(T.tensor(STACK[:2].tolist()))[0][0]])


def test_determinants_of_singular_matrices_have_gradients() -> None:
    """The derivative by an element is the determinant of what is left without its row and column, singular or not."""
    a = flambeau.tensor(STACK.tolist(), requires_grad=True)
    (found,) = flambeau.autograd.grad(flambeau.linalg.det(a).real.sum(), a)
    minors = np.empty_like(STACK)
    for i in range(3):
        for j in range(3):
            left = np.delete(np.delete(STACK, i, 1), j, 2)
            minors[:, i, j] = (-1) ** (i + j) * np.linalg.det(left)
    np.testing.assert_allclose(found.resolve_conj().numpy(), minors.conj(), atol=1e-4)
    sign, size = flambeau.linalg.slogdet(a)
    assert flambeau.autograd.grad(size[2], a)[0][2].isnan().all()


def test_first_complex_numbers_of_several_threads() -> None:
    """A call that began before there were any may fail when there are: it is asked for complex numbers then."""
    program = """
import sys, threading
import flambeau
sys.setswitchinterval(1e-6)
x, failed = flambeau.ones(2, 2), []
calls = [lambda: x.to(flambeau.complex64), lambda: x * 1j, lambda: flambeau.complex(x, x), lambda: flambeau.tensor([1j])]
calls += [calls[0], lambda: flambeau.zeros(2, dtype=flambeau.complex64), lambda: x.sum(0, dtype=flambeau.complex64)]
begin = threading.Barrier(len(calls))
def work(call):
    begin.wait()
    try:
        assert call().is_complex()
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=work, args=(call,)) for call in calls]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failed, failed
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
