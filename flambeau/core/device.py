"""Devices and memory layouts as names: there is one device, the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class device:
    """A device by type and index, as ``torch.device``. Tensors are on ``"cpu"``, or on ``"meta"``, where they have no values."""

    __slots__ = ("type", "index")

    type: Any
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cuda", type
        elif not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be a device, a name or a number, not {type.__class__.__name__}")
        elif index is not None and not isinstance(index, int):
            raise TypeError(f"device(): argument 'index' (position 2) must be int, not {index.__class__.__name__}")
        elif ":" in type:
            name, _, number = type.partition(":")
            if not (number.isdecimal() and str(int(number)) == number):
                raise RuntimeError(f"Invalid device string: '{type}'")
            type, index = name, int(number)
        if type not in KNOWN:
            raise RuntimeError(
                f"Expected one of {', '.join(KNOWN)} device type at start of device string: {type}"
            )
        self.type = type
        self.index = index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (f", index={self.index})" if self.index is not None else ")")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    #: As a context: tensors that are made inside are there, if nobody says otherwise. Put here by ``ops.default_device``.
    __enter__: Callable[[device], device]
    __exit__: Callable[..., None]

    def __reduce__(self) -> Any:
        return device, (self.type, self.index)


KNOWN = ("cpu", "cuda", "mps", "xpu", "xla", "meta", "hip", "mkldnn", "vulkan", "hpu", "mtia", "privateuseone")
CPU = device("cpu")
NAMED = {"cpu": CPU, "meta": device("meta")}
"""What tensors say of the devices that there are, by the names under which the compiler knows them."""


def check_device(wanted: Any) -> None:
    """Raise as PyTorch without that hardware does when something is to be put on a device other than the CPU."""
    if wanted is None or wanted is CPU:
        return
    kind = device(wanted).type
    if kind == "cpu":
        return
    if kind == "cuda":
        raise AssertionError("Torch not compiled with CUDA enabled")
    raise RuntimeError(f"Flambeau has no device of type '{kind}'; tensors live on the CPU")


class layout:
    """A memory layout's name (``torch.strided``)."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return "torch." + self.name

    def __reduce__(self) -> str:
        return self.name  # the one object of that name in this module


class memory_format(layout):
    """The name of an order of axes in memory (``torch.channels_last``).

    ``order`` lists the axes from the outermost in memory to the innermost; None where it is not the format that says.
    """

    __slots__ = ("order",)

    def __init__(self, name: str, order: tuple[int, ...] | None = None) -> None:
        super().__init__(name)
        self.order = order


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr, sparse_csc = layout("sparse_csr"), layout("sparse_csc")
sparse_bsr, sparse_bsc = layout("sparse_bsr"), layout("sparse_bsc")
LAYOUTS = strided, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc
jagged = layout("jagged")
contiguous_format = memory_format("contiguous_format")
channels_last = memory_format("channels_last", (0, 2, 3, 1))
channels_last_3d = memory_format("channels_last_3d", (0, 2, 3, 4, 1))
preserve_format = memory_format("preserve_format")
