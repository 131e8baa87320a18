"""Names of libraries that carry messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .errors import more_than_one

__all__ = ["Backend", "BackendConfig"]


class Backend(str):
    """A library's name in lower case: ``Backend("GLOO") == "gloo"``."""

    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    UCC = "ucc"
    MPI = "mpi"
    XCCL = "xccl"
    FAKE = "fake"

    backend_list: ClassVar[list[str]] = [UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI, FAKE]
    default_device_backend_map: ClassVar[dict[str, str]] = {
        "cpu": GLOO, "cuda": NCCL, "xpu": XCCL, "mps": GLOO, "hpu": "hccl", "mtia": "mccl",
    }  # fmt: skip
    backend_capability: ClassVar[dict[str, list[str]]] = {
        GLOO: ["cpu", "cuda"], NCCL: ["cuda"], XCCL: ["xpu"], UCC: ["cpu", "cuda"], MPI: ["cpu", "cuda"],
    }  # fmt: skip

    def __new__(cls, name: str) -> Backend:
        if not isinstance(name, str):
            raise ValueError("Backend constructor parameter must be string-ish")
        return super().__new__(cls, getattr(cls, name.upper(), name.lower()))

    @classmethod
    def register_backend(
        cls,
        name: str,
        func: Callable[..., Any],
        extended_api: bool = False,
        devices: str | list[str] | None = None,
    ) -> None:
        """Make the name of a library known that is made by ``func``: refused, for a group of one sends no messages."""
        raise more_than_one(f"torch.distributed.Backend.register_backend({name!r})")


class BackendConfig:
    """Which library serves which kind of device."""

    def __init__(self, backend: str) -> None:
        self.device_backend_map: dict[str, Backend] = {}
        if backend == Backend.UNDEFINED:
            self.device_backend_map["cpu"] = Backend(Backend.GLOO)
        elif ":" in backend:
            for pair in backend.lower().split(","):
                device, colon, library = pair.partition(":")
                if not colon or not library:
                    raise ValueError(
                        f"The custom backend string argument is invalid: {backend}.\n                Custom backend string is an "
                        "experimental feature where the backend string must be in the format:\n                "
                        '"<device_type1>:<backend1>,<device_type2>:<backend2>...". e.g. \'cpu:gloo,cuda:nccl\''
                    )
                if device in self.device_backend_map:
                    raise ValueError(f"Duplicate device type {device} in backend string: {backend}")
                self.device_backend_map[device] = Backend(library)
        elif backend in Backend.backend_capability:
            self.device_backend_map = {device: Backend(backend) for device in Backend.backend_capability[backend]}
        else:
            raise AssertionError(f"Unknown backend type {backend}")

    def get_device_backend_map(self) -> dict[str, Backend]:
        """``{device type: library}``."""
        return self.device_backend_map

    def check(self) -> None:
        """Raise PyTorch's error for a library that is not there: Gloo is the one that is."""
        for library in self.device_backend_map.values():
            if library in (Backend.NCCL, Backend.XCCL, Backend.MPI):
                raise RuntimeError(f"Distributed package doesn't have {library.upper()} built in")
            if library != Backend.GLOO:
                raise AssertionError(f"Unknown c10d backend type {library.upper()}")

    def __repr__(self) -> str:
        return ",".join(f"{device}:{library}" for device, library in self.device_backend_map.items())
