"""What a bug report should say about the machine, in Flambeau's terms and in those of ``torch.utils.collect_env``."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from ..cpu.object_cache import default_directory
from ..cpu.target import host, usable_processors
from ..ops.settings import get_num_threads
from ..version import __version__, torch_version


class SystemEnv(NamedTuple):
    """The facts that PyTorch collects; None where there is nothing to collect."""

    torch_version: str
    is_debug_build: str
    cuda_compiled_version: str | None
    gcc_version: str | None
    clang_version: str | None
    cmake_version: str | None
    os: str
    libc_version: str
    python_version: str
    python_platform: str
    is_cuda_available: str
    cuda_runtime_version: str | None
    cuda_module_loading: str | None
    nvidia_driver_version: str | None
    nvidia_gpu_models: str | None
    cudnn_version: str | None
    is_xpu_available: str
    pip_version: str
    pip_packages: str
    conda_packages: str | None
    hip_compiled_version: str | None
    hip_runtime_version: str | None
    miopen_runtime_version: str | None
    caching_allocator_config: str | None
    is_xnnpack_available: str
    cpu_info: str


_LIBRARIES = ("numpy", "llvmlite", "pillow", "scipy", "torch", "torchvision", "lightning", "transformers", "tensorboard")


def get_env_info() -> SystemEnv:
    """What there is to say in PyTorch's terms: one CPU, and no other device."""
    facts = information()
    versions = [f"[pip3] {name}=={version}" for name in _LIBRARIES if (version := _version(name)) != _ABSENT]
    return SystemEnv(
        torch_version=torch_version, is_debug_build="False", cuda_compiled_version=None, gcc_version=None,
        clang_version=None, cmake_version=None, os=facts["System"], libc_version="-".join(platform.libc_ver()),
        python_version=f"{sys.version} ({sys.maxsize.bit_length() + 1}-bit runtime)",
        python_platform=platform.platform(), is_cuda_available="False", cuda_runtime_version=None,
        cuda_module_loading=None, nvidia_driver_version=None, nvidia_gpu_models=None, cudnn_version=None,
        is_xpu_available="False", pip_version="pip3", pip_packages="\n".join(versions), conda_packages=None,
        hip_compiled_version=None, hip_runtime_version=None, miopen_runtime_version=None, caching_allocator_config=None,
        is_xnnpack_available="False", cpu_info=f"{facts['Processor']}, {facts['Cores']} cores, {facts['Vectors']}",
    )  # fmt: skip


def pretty_str(envinfo: SystemEnv) -> str:
    """The facts that there are, each on a line."""
    shown = [(name, value) for name, value in envinfo._asdict().items() if value and name not in ("pip_packages", "pip_version")]
    lines = [f"{name.replace('_', ' ').capitalize().replace('Torch', 'PyTorch')}: {value}" for name, value in shown]
    return "\n".join([*lines, "", "Versions of relevant libraries:", envinfo.pip_packages])


def get_pretty_env_info() -> str:
    """What there is to say, in PyTorch's terms and then in Flambeau's."""
    own = "\n".join(f"{name}: {value}" for name, value in information().items())
    return f"{pretty_str(get_env_info())}\n\n{own}"


def main() -> None:
    """Print it."""
    print(get_pretty_env_info())


def information() -> dict[str, str]:
    """Names and values of what there is to know."""
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
        "Threads": str(get_num_threads()),
        "Kernel cache": _cache(default_directory()),
        "Environment": ", ".join(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("FLAMBEAU_")) or "-",
    }


_ABSENT = "not installed"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return _ABSENT


def _cache(directory: Path | None) -> str:
    """Where compiled kernels are kept, and how much space they take."""
    if directory is None:
        return "none (no home directory)"
    if not directory.is_dir():
        return f"{directory} (empty)"
    sizes = [entry.stat().st_size for entry in directory.glob("*.object")]
    return f"{directory} ({len(sizes)} objects, {sum(sizes) / 2**20:.1f} MiB)"


__all__ = ["SystemEnv", "get_env_info", "get_pretty_env_info", "main", "pretty_str"]

if __name__ == "__main__":
    main()
