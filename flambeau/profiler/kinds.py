"""What profilers are asked for, by name."""

from __future__ import annotations

from enum import Enum, IntEnum


class ProfilerAction(Enum):
    """What is done with a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


class ProfilerActivity(IntEnum):
    """Whose work is looked at; there is a CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __repr__(self) -> str:
        return f"<{self}: {self.value}>"


class DeviceType(IntEnum):
    """Kinds of devices."""

    CPU = 0
    CUDA = 1
    MKLDNN = 2
    XLA = 9
    MPS = 13
    Meta = 14
    XPU = 12
    HPU = 15
    MTIA = 19
    PrivateUse1 = 20


class RecordScope(IntEnum):
    """What kinds of calls are looked at."""

    FUNCTION = 0
    BACKWARD_FUNCTION = 1
    USER_SCOPE = 7


__all__ = ["DeviceType", "ProfilerAction", "ProfilerActivity", "RecordScope"]
