"""The list of PyTorch's names is what PyTorch has."""

import subprocess
import sys
from pathlib import Path

import torch


def test_the_file_is_what_its_program_writes() -> None:
    """Looked at in a process of its own: what other tests use of PyTorch changes what its modules have."""
    assert torch.__version__.startswith("2.13.")
    program = (
        "from tools import names\n"
        "print([str(path) for path, text in names.written().items() if path.read_text() != text])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]"), f"run python -m tools.names: {done.stdout}{done.stderr}"
