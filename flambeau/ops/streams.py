"""Queues of work and marks in them: a processor has one queue, in which all work is done in order."""

from __future__ import annotations

from typing import Any

from ..core.device import check_device, device

NUMBERS = {"cpu": 0, "cuda": 1, "meta": 14}
"""What PyTorch's types of devices are numbered."""


def _on(given: Any) -> device:
    kind = device("cpu" if given is None else given)
    if kind.type not in ("cpu", "meta"):
        check_device(kind)
    return kind


class Stream:
    """A device's queue of work. On a processor all work that was handed in counts as done."""

    def __init__(self, device: Any = None, *, priority: int = 0) -> None:
        self.device = _on(device)
        self.device_index, self.stream_id, self.device_type = -1, 0, NUMBERS[self.device.type]

    def query(self) -> bool:
        """Whether all work is done."""
        return True

    def synchronize(self) -> None:
        """Wait for the work."""

    def wait_event(self, event: Event) -> None:
        """Let later work wait for a mark."""

    def wait_stream(self, stream: Stream) -> None:
        """Refused: a processor has no marks."""
        raise RuntimeError(f"{self.device.type} backend doesn't support events.")

    def record_event(self, event: Event | None = None) -> Event:
        """Refused: a processor has no marks."""
        raise RuntimeError(f"{self.device.type} backend doesn't support events.")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.device == self.device

    def __hash__(self) -> int:
        return hash((self.device_type, self.stream_id))

    def __repr__(self) -> str:
        return f"torch.Stream device_type={self.device.type}, device_index=-1, stream_id=0"


class Event:
    """A mark in a queue of work. It is never set on a processor, and nobody waits for it."""

    event_id = 0

    def __init__(
        self, device: Any = None, *, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self.device, self._timed = _on(device), bool(enable_timing)

    def record(self, stream: Stream | None = None) -> None:
        """Refused: a processor has no marks."""
        raise RuntimeError(f"{self.device.type} backend doesn't support events.")

    def query(self) -> bool:
        """Whether the work before the mark is done."""
        return True

    def wait(self, stream: Stream | None = None) -> None:
        """Let later work wait for the mark."""

    def synchronize(self) -> None:
        """Wait for the work before the mark."""

    def elapsed_time(self, other: Event) -> float:
        """Milliseconds between two marks: ``ValueError`` or ``RuntimeError``, since none was set."""
        if not (self._timed and other._timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        raise ValueError("Both events must be recorded before calculating elapsed time.")

    def __repr__(self) -> str:
        return f"torch.Event device_type={self.device.type}, device_index=-1, event_flag={int(self._timed)}, event_id=0"
