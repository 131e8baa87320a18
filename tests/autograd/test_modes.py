"""Switching recording on and off: as statements, context managers and decorators, as in PyTorch."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from oracle import agree, error, leaf


def test_no_grad_and_enable_grad() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        seen = [T.is_grad_enabled()]
        with T.no_grad():
            y = x * 2
            fresh = T.ones(2, requires_grad=True)
            seen += [T.is_grad_enabled(), y.requires_grad, y.is_leaf, y.grad_fn is None, fresh.requires_grad]
            with T.enable_grad():
                z = x * 3
                seen += [T.is_grad_enabled(), z.requires_grad]
            seen.append(T.is_grad_enabled())
            y.requires_grad_()
        (y + z).sum().backward()
        return seen, x.grad, y.grad, T.is_grad_enabled()

    agree(program)


def test_writing_to_leaves_in_no_grad() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        loss = (x * x).sum()
        loss.backward()
        with T.no_grad():
            x -= 0.1 * x.grad
            x[0] = 5
            x.add_(1)
        return x, x.requires_grad, x.is_leaf, x.grad

    agree(program)


def test_decorators() -> None:
    def program(T: Any) -> Any:
        def double(x: Any, *, times: int = 1) -> Any:
            """Double."""
            return x * 2 * times, T.is_grad_enabled(), T.is_inference_mode_enabled()

        made = [
            T.no_grad()(double), T.no_grad(double), T.enable_grad()(double), T.enable_grad(double),
            T.inference_mode()(double), T.inference_mode(double), T.inference_mode(False)(double),
            T.set_grad_enabled(False)(double), T.set_grad_enabled(True)(double),
        ]  # fmt: skip
        x = leaf(T, 1.0)
        found = [(f(x, times=2), f(x)[0].requires_grad, f.__name__, f.__doc__, T.is_grad_enabled()) for f in made]
        with T.no_grad():
            found += [(f(x), T.is_grad_enabled()) for f in made]
        return found

    agree(program)


def test_decorated_methods_and_nested_calls() -> None:
    def program(T: Any) -> Any:
        class Thing:
            @T.no_grad()
            def value(self, x: Any, depth: int) -> Any:
                return [T.is_grad_enabled(), *(self.again(x, depth - 1) if depth else [x * 2])]

            @T.enable_grad()
            def again(self, x: Any, depth: int) -> Any:
                return [T.is_grad_enabled(), *self.value(x, depth)]

        *flags, result = Thing().value(leaf(T, 1.0), 2)
        return flags, result.requires_grad, T.is_grad_enabled()

    agree(program)


def test_decorated_generators_see_the_mode_only_inside() -> None:
    def program(T: Any) -> Any:
        @T.no_grad()
        def generate(x: Any) -> Any:
            sent = None
            for _ in range(2):
                sent = yield x * 2, T.is_grad_enabled(), sent
            return "done"

        running = generate(leaf(T, 1.0))
        first = next(running)
        between = T.is_grad_enabled()
        second = running.send("hello")
        try:
            running.send("bye")
        except StopIteration as stop:
            end = stop.value
        return first, first[0].requires_grad, between, second, end, T.is_grad_enabled()

    agree(program)


def test_errors_thrown_into_decorated_generators() -> None:
    def program(T: Any) -> Any:
        seen: list[Any] = []

        @T.no_grad()
        def generate() -> Any:
            try:
                yield 1
            except KeyError:
                seen.append(T.is_grad_enabled())
                yield 2
            finally:
                seen.append(("closed", T.is_grad_enabled()))

        running = generate()
        next(running)
        seen.append(running.throw(KeyError()))
        running.close()
        other = generate()
        next(other)
        seen.append(error(lambda: other.throw(ValueError("mine"))))
        return seen, T.is_grad_enabled()

    agree(program)


def test_set_grad_enabled() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0)
        seen = []
        for flag in (True, False):
            with T.set_grad_enabled(flag):
                seen.append((x * 2).requires_grad)
            seen.append(T.is_grad_enabled())
        T.set_grad_enabled(False)
        seen.append((x * 2).requires_grad)
        with T.set_grad_enabled(True):
            seen.append((x * 2).requires_grad)
        seen.append((x * 2).requires_grad)
        T.set_grad_enabled(True)
        mode = T.set_grad_enabled(False)
        seen.append(T.is_grad_enabled())
        with mode:
            seen.append(T.is_grad_enabled())
        seen.append(T.is_grad_enabled())
        T.set_grad_enabled(True)
        return seen, mode.mode

    agree(program)


def test_modes_are_restored_after_errors() -> None:
    def program(T: Any) -> Any:
        seen = []
        for mode in (T.no_grad(), T.inference_mode(), T.set_grad_enabled(False)):
            try:
                with mode:
                    raise KeyError
            except KeyError:
                seen += [T.is_grad_enabled(), T.is_inference_mode_enabled()]
        with T.no_grad():
            seen.append(error(lambda: T.enable_grad()(lambda: T.ones(2) + T.ones(3))())[0])
            seen.append(T.is_grad_enabled())
        return seen

    agree(program)


def test_one_manager_is_entered_twice() -> None:
    def program(T: Any) -> Any:
        mode = T.no_grad()
        seen = []
        for _ in range(2):
            with mode:
                seen.append(T.is_grad_enabled())
            seen.append(T.is_grad_enabled())
        return seen

    agree(program)


def test_inference_mode() -> None:
    def program(T: Any) -> Any:
        x = leaf(T, 1.0, 2.0)
        with T.inference_mode():
            y = x * 2
            y.add_(1)
            fresh = T.ones(2)
            seen = [fresh.is_inference(), y.requires_grad, T.is_grad_enabled(), T.is_inference_mode_enabled(), x.is_inference()]
            seen += [x[:1].is_inference(), T.ones(2, requires_grad=True).requires_grad]
            with T.inference_mode(False):
                z = x * 3
                seen += [z.requires_grad, z.is_inference(), T.is_grad_enabled()]
        z.sum().backward()
        return seen, y, y.clone().is_inference(), (y * 1).requires_grad, x.grad, T.is_inference_mode_enabled()

    agree(program)


def test_tensors_made_in_inference_mode_require_no_grad_afterwards() -> None:
    def program(T: Any) -> Any:
        with T.inference_mode():
            inside = T.ones(2).requires_grad_().requires_grad
            y = T.ones(2)
        return inside, error(lambda: y.requires_grad_()), error(lambda: setattr(y, "requires_grad", True))

    agree(program)


def test_the_mode_is_the_threads_own() -> None:
    def program(T: Any) -> Any:
        seen = []
        with T.no_grad():
            thread = threading.Thread(target=lambda: seen.append(T.is_grad_enabled()))
            thread.start()
            thread.join()
            seen.append(T.is_grad_enabled())
        return seen

    agree(program)


def test_misuse() -> None:
    def program(T: Any) -> Any:
        with pytest.raises(TypeError):
            T.set_grad_enabled()
        return error(lambda: T.set_grad_enabled("yes")), T.is_grad_enabled()

    agree(program)


def test_decorating_a_class() -> None:
    def program(T: Any) -> Any:
        class Thing:
            def __init__(self) -> None:
                self.enabled = T.is_grad_enabled()

        decorated = T.no_grad()(Thing)
        return decorated().enabled, Thing().enabled, isinstance(decorated, type), T.no_grad()(int)("3"), T.is_grad_enabled()

    agree(program)
