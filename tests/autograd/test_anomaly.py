"""Anomaly detection: errors and NaN in backward name the line that recorded the operation."""

from __future__ import annotations

import inspect
import traceback
import warnings
from typing import Any

import pytest
from oracle import agree, error, leaf

import flambeau


def line() -> int:
    """The line that calls this."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def whole_text(raised: pytest.ExceptionInfo[Exception]) -> str:
    return "".join(traceback.format_exception(raised.value))


class Failing(flambeau.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        raise ZeroDivisionError("mine")


def test_nan_is_found_and_named() -> None:
    x = leaf(flambeau, -1.0, 4.0)
    with flambeau.autograd.detect_anomaly():
        y, recorded = x.sqrt(), line()
        with pytest.raises(RuntimeError, match=r"Function 'SqrtBackward0' returned nan values in its 0th output\.") as raised:
            y.sum().backward()
    assert f'File "{__file__}", line {recorded}' in whole_text(raised)


def test_nan_is_found_as_pytorch_finds_it() -> None:
    def program(T: Any) -> Any:
        x, w = leaf(T, 0.0, 4.0), leaf(T, 1.0, 2.0)
        with T.autograd.set_detect_anomaly(True):
            y = x * (w / 0)
            first = error(lambda: (y * 0).sum().backward())
        without = (x * (w / 0) * 0).sum()
        without.backward()
        return [first[0], first[1].split(" The forward")[0], x.grad.isnan().tolist()]

    agree(program)


def test_nan_may_be_allowed() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, -1.0, 4.0)
        with T.autograd.detect_anomaly(check_nan=False):
            x.sqrt().sum().backward()
        return x.grad.isnan().tolist()

    agree(program)


def test_errors_in_backward_are_named() -> None:
    x = leaf(flambeau, 1.0, 2.0)
    with flambeau.autograd.set_detect_anomaly(True):
        y, recorded = Failing.apply(x), line()
        with pytest.raises(ZeroDivisionError, match="mine") as raised:
            y.sum().backward()
    assert f'File "{__file__}", line {recorded}' in whole_text(raised)
    assert "FailingBackward" in whole_text(raised)


def test_without_detection_nothing_is_named() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        Failing.apply(leaf(flambeau, 1.0)).sum().backward()
    assert "FailingBackward" not in whole_text(raised)


def test_the_line_is_the_users() -> None:
    """Operations composed of others, modules and functions in other files name the user's line."""
    x = leaf(flambeau, -1.0, 4.0)
    with flambeau.autograd.detect_anomaly():
        y, recorded = flambeau.nn.functional.mse_loss(x.sqrt(), flambeau.zeros(2, dtype=flambeau.float64)), line()
        with pytest.raises(RuntimeError) as raised:
            y.backward()
    assert f'File "{__file__}", line {recorded}' in whole_text(raised)


def test_detection_is_switched() -> None:
    def program(T: Any) -> Any:
        autograd = T.autograd
        seen = [T.is_anomaly_enabled(), T.is_anomaly_check_nan_enabled()]
        with autograd.detect_anomaly():
            seen.append(T.is_anomaly_enabled())
            with autograd.set_detect_anomaly(False):
                seen.append(T.is_anomaly_enabled())
            with autograd.detect_anomaly(check_nan=False):
                seen += [T.is_anomaly_enabled(), T.is_anomaly_check_nan_enabled()]
            seen += [T.is_anomaly_enabled(), T.is_anomaly_check_nan_enabled()]
        seen.append(T.is_anomaly_enabled())
        autograd.set_detect_anomaly(True)
        seen.append(T.is_anomaly_enabled())
        autograd.set_detect_anomaly(False)
        seen.append(T.is_anomaly_enabled())
        return seen

    agree(program)


def test_gradients_are_the_same_while_detecting() -> None:
    def program(T: Any) -> Any:
        x, w = leaf(T, 1.0, 2.0, 3.0), leaf(T, 0.5, -1.0, 2.0)
        with T.autograd.detect_anomaly():
            h = x * w
            h[1:] *= 3
            loss = (h.softmax(0) * x).sum()
            first = T.autograd.grad(loss, (x, w), create_graph=True)
            second = T.autograd.grad(sum((g * g).sum() for g in first), (x, w))
        return first, second

    agree(program, 1e-9)


def test_warnings_are_pytorchs() -> None:
    def program(T: Any) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with T.autograd.detect_anomaly():
                message = error(leaf(T, -1.0).sqrt().sum().backward)
            with T.autograd.set_detect_anomaly(True):
                pass
        return message, [str(each.message).split("\n")[0] for each in caught]

    agree(program)
