"""``flambeau info``: what a bug report should say about the machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from ..version import __version__, torch_version


def print_information() -> None:
    """Print one fact a line."""
    for name, value in information().items():
        print(f"{name + ':':<16} {value}")


def information() -> dict[str, str]:
    """Names and values of what there is to know."""
    from ..cpu.object_cache import default_directory
    from ..cpu.target import host, usable_processors

    target = host()
    return {
        "Flambeau": f"{__version__} (as PyTorch: {torch_version})",
        "Location": str(Path(__file__).parent.parent),
        "Python": f"{platform.python_version()} ({sys.executable})",
        "NumPy": _version("numpy"),
        "llvmlite": _version("llvmlite"),
        "Pillow": _version("pillow"),
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Processor": target.cpu,
        "Vectors": f"{target.vector_bits} bits",
        "Cores": f"{usable_processors()} usable of {os.cpu_count()}",
        "Threads": str(_threads()),
        "Kernel cache": _cache(default_directory()),
        "Environment": ", ".join(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("FLAMBEAU_")) or "-",
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _threads() -> int:
    import flambeau

    return flambeau.get_num_threads()  # type: ignore[no-any-return]


def _cache(directory: Path | None) -> str:
    """Where compiled kernels are kept, and how much space they take."""
    if directory is None:
        return "none (no home directory)"
    if not directory.is_dir():
        return f"{directory} (empty)"
    sizes = [entry.stat().st_size for entry in directory.glob("*.object")]
    return f"{directory} ({len(sizes)} objects, {sum(sizes) / 2**20:.1f} MiB)"
