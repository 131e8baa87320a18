"""Files that a program writes are what it writes, and say what is so."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["recording_paths", "stubs"])
def test_the_files_are_what_their_program_writes(name: str) -> None:
    tool = importlib.import_module(f"tools.{name}")
    for path, text in tool.written().items():
        assert path.read_text() == text, f"run python -m tools.{name}"


PROGRAM = """
from typing import reveal_type

import flambeau
from flambeau.nn import functional

x = flambeau.zeros(2, 3)
reveal_type(flambeau.sin(x))
reveal_type(x.relu_().add(1, alpha=2).float())
reveal_type(x.split(1))
reveal_type(flambeau.softmax(x, dim=1))
reveal_type(functional.gelu(x, approximate="tanh"))
reveal_type(x.is_floating_point())
flambeau.sin("x")
x.add(alpha=2)
functional.relu(x, in_place=True)
"""

FOUND = [
    'Revealed type is "flambeau.core.tensor.Tensor"', 'Revealed type is "flambeau.core.tensor.Tensor"',
    'Revealed type is "tuple[flambeau.core.tensor.Tensor, ...]"', 'Revealed type is "flambeau.core.tensor.Tensor"',
    'Revealed type is "flambeau.core.tensor.Tensor"', 'Revealed type is "bool"',
    'Argument 1 to "sin" has incompatible type "str"; expected "Tensor"', 'Missing positional argument "other"',
    'Unexpected keyword argument "in_place" for "relu"',
]  # fmt: skip


def test_type_checkers_know_operations(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={tmp_path}", "--follow-imports=silent", str(program)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    said = [line.split(": ", 2)[2] for line in result.stdout.splitlines() if line.startswith(str(program))]
    lines = [line for line in said if " defined in " not in line]
    assert len(lines) == len(FOUND), result.stdout + result.stderr
    for line, found in zip(lines, FOUND):
        assert found in line, result.stdout
