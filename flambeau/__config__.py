"""``torch.__config__``: how the package was built. It was not: it makes its code while it runs."""

from __future__ import annotations

import flambeau


def show() -> str:
    """The versions of what it consists of, and the machine, a line each."""
    import llvmlite
    import numpy

    from .cpu.target import host

    target = host()
    lines = [
        f"Flambeau {flambeau.version.__version__}", f"llvmlite {llvmlite.__version__}", f"NumPy {numpy.__version__}",
        f"Processor: {target.cpu}, vectors of {target.vector_bits} bits",
    ]  # fmt: skip
    return "".join([f"{lines[0]} with:\n", *(f"  - {line}\n" for line in lines[1:])])


def parallel_info() -> str:
    """How many threads work on a plan."""
    return f"Native threads:\n\tflambeau.get_num_threads() : {flambeau.get_num_threads()}\n"
