"""How numbers of several processes become one."""

from __future__ import annotations

import enum
from typing import Any

__all__ = ["ReduceOp"]


class _Members(type):
    """A class of which the members of its enumeration count as instances."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, ReduceOp.RedOpType) or super().__instancecheck__(value)


class ReduceOp(metaclass=_Members):
    """What a reduction does: ``SUM``, ``AVG``, ``PRODUCT``, ``MIN``, ``MAX``, and bitwise ``BAND``, ``BOR``, ``BXOR``.

    ``PREMUL_SUM``, a sum of values that were multiplied by a factor first, belongs to NCCL alone.
    """

    class RedOpType(enum.Enum):
        """The operations by name."""

        SUM = 0
        AVG = 1
        PRODUCT = 2
        MIN = 3
        MAX = 4
        BAND = 5
        BOR = 6
        BXOR = 7
        PREMUL_SUM = 8
        UNUSED = 9

        def __int__(self) -> int:
            return int(self.value)

    SUM, AVG, PRODUCT, MIN, MAX = RedOpType.SUM, RedOpType.AVG, RedOpType.PRODUCT, RedOpType.MIN, RedOpType.MAX
    BAND, BOR, BXOR = RedOpType.BAND, RedOpType.BOR, RedOpType.BXOR
    PREMUL_SUM, UNUSED = RedOpType.PREMUL_SUM, RedOpType.UNUSED

    def __init__(self, op: ReduceOp.RedOpType) -> None:
        self.op = op

    def __eq__(self, other: object) -> bool:
        return self.op is kind_of(other)

    def __hash__(self) -> int:
        return hash(self.op)


BITWISE = (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR)


def kind_of(op: object) -> Any:
    """The member of the enumeration, also where it is wrapped in a ``ReduceOp``; other values as they are."""
    return op.op if type(op) is ReduceOp else op


class _DeprecatedNames:
    """What :class:`ReduceOp` was before it had a name of its own: ``reduce_op.SUM``."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ReduceOp, name)


reduce_op = _DeprecatedNames()
