"""What files say of devices and layouts, and where to put tensors instead: ``map_location``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.device import check_device, device, layout, sparse_coo, strided
from .source import FromOutside, describe

Restore = Callable[[Any, str], Any]


def default_restore_location(storage: Any, location: str) -> Any:
    """Memory read from a file, on the device ``location``. Raises ``RuntimeError`` if there is no such device."""
    kind = str(location).partition(":")[0]
    if kind == "cpu":
        return storage
    if kind == "cuda":
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
            "running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU."
        )
    check_device(location)
    raise RuntimeError(f"don't know how to restore data location of {type(storage)} (tagged with {location})")


def restorer(map_location: Any) -> Restore:
    """The function (storage, location) -> storage that ``map_location`` stands for.

    None keeps locations; a device or its name puts everything there; a mapping replaces locations by name; a function
    answers with the storage to use, or with None to leave the decision to the rules for None.
    """
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, Mapping):
        return lambda storage, location: default_restore_location(storage, str(map_location.get(location, location)))
    if isinstance(map_location, (str, bytes, device)):
        place = map_location.decode() if isinstance(map_location, bytes) else str(map_location)
        return lambda storage, location: default_restore_location(storage, place)

    def by_function(storage: Any, location: str) -> Any:
        try:
            result = map_location(storage, location)
        except Exception as error:  # an interrupt is none
            raise FromOutside(error) from error
        return default_restore_location(storage, location) if result is None else result

    return by_function


def _get_layout(name: str) -> layout:
    """The layout that files call ``name``, such as ``torch.strided``. ``RuntimeError`` if there is none."""
    for known in (strided, sparse_coo):
        if repr(known) == name:
            return known
    raise RuntimeError(f"the file has the layout {describe(name)}, which Flambeau does not have")
