"""Generated code as expressions: what operands become."""

from __future__ import annotations

import pytest

from flambeau.cpu.ir import KernelBuilder, Module
from flambeau.cpu.values import INDEX, Type, where


@pytest.fixture
def b() -> KernelBuilder:
    return KernelBuilder(Module(), "kernel")


def test_single_values_and_numbers_are_repeated_beside_vectors(b: KernelBuilder) -> None:
    column = b.lane_numbers() * b.tile + 3
    assert column.type is Type.of("i64", 16)
    assert "splat (i64 3)" in b.lines[-1]
    assert (b.constant(Type.of("float", 16), -0.0).name, b.constant(Type.of("float", 16), 0.0).name) == (
        "splat (float 0x8000000000000000)",
        "zeroinitializer",
    )


def test_indices_do_not_overflow_and_data_wraps(b: KernelBuilder) -> None:
    data = b.scratch.of("i64")[b.tile]
    assert (b.tile + 1).type is INDEX and "add nsw i64" in b.lines[-1]
    assert (data + b.tile).type is Type.of("i64") and "nsw" not in b.lines[-1]
    with pytest.raises(KeyError):
        data // 2  # of which sign?


def test_operands_of_different_types_are_refused(b: KernelBuilder) -> None:
    with pytest.raises(AssertionError, match="float"):
        where(b.tile > 0, b.constant(Type.of("float"), 1.0), b.tile)
