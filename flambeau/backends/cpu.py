"""``torch.backends.cpu``."""

from __future__ import annotations


def get_cpu_capability() -> str:
    """The vector instructions in use, by PyTorch's names (``"AVX512"``, ``"AVX2"``, ``"DEFAULT"``)."""
    from ..cpu.target import host

    return {512: "AVX512", 256: "AVX2"}.get(host().vector_bits, "DEFAULT")
