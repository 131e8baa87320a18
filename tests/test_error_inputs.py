"""The calls that PyTorch's own tests expect to fail: operations, layers and optimisers raise the same type here."""

from __future__ import annotations

from conformance.errors import compared, of_modules, of_operations, of_optimisers


def test_operations() -> None:
    count, unlike = compared(of_operations())
    assert count > 480
    assert len(unlike) <= 0.01 * count, "\n".join(unlike)


def test_modules() -> None:
    count, unlike = compared(of_modules())
    assert count > 20
    assert not unlike


def test_optimisers() -> None:
    count, unlike = compared(of_optimisers())
    assert count > 50
    assert not unlike
