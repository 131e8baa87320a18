"""``torch.backends.mps``: Apple's graphics processors."""

from __future__ import annotations


def is_available() -> bool:
    """Whether there is such a device that can be used."""
    return False


def is_built() -> bool:
    """Whether the framework knows such devices."""
    return False


def is_macos_or_newer(major: int, minor: int) -> bool:
    """Whether this is macOS of at least this version."""
    import platform

    version = platform.mac_ver()[0]
    return bool(version) and tuple(int(part) for part in version.split(".")[:2]) >= (major, minor)
