"""``jit.save`` and ``jit.load``: a file that runs where the program that wrote it is not there."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

import flambeau

LIBRARY = """
import torch
EPSILON = 1e-3

def squash(x, by=EPSILON):
    return torch.tanh(x) + by
"""

PROGRAM = """
from __future__ import annotations
import math
import sys
import torch
import torch.nn as nn
from torch.nn import functional as F
from parts import squash as s

TABLE = torch.arange(4.0)

class Base(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return s(x) * TABLE

class Net(Base):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(3, 4), Gate())

    def forward(self, x):
        return super().forward(F.relu(self.layer(x))) * math.pi

class Gate(nn.Module):
    def forward(self, x):
        return x.sigmoid()

torch.manual_seed(0)
net = Net()
x = torch.arange(6.0).reshape(2, 3)
torch.jit.script(net).save(sys.argv[1])
torch.save((x, net(x)), sys.argv[2])
"""

READER = """
import sys
import torch
net = torch.jit.load(sys.argv[1], map_location="cpu")
x, y = torch.load(sys.argv[2])
assert torch.equal(net(x), y) and net.original_name == "Net" and "super().forward" in net.code
torch.jit.save(net, sys.argv[1])
"""


def run(program: Path, *arguments: Path) -> None:
    command = [sys.executable, "-m", "flambeau", "run", str(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_a_saved_module_brings_its_program(tmp_path: Path) -> None:
    """Classes of the program itself and of a file beside it, what they name, and again after it was loaded and saved."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "parts.py").write_text(LIBRARY)
    (there / "program.py").write_text(PROGRAM)
    (tmp_path / "reader.py").write_text(READER)
    run(there / "program.py", tmp_path / "net.pt", tmp_path / "values.pt")
    run(tmp_path / "reader.py", tmp_path / "net.pt", tmp_path / "values.pt")
    run(tmp_path / "reader.py", tmp_path / "net.pt", tmp_path / "values.pt")


def double(x: flambeau.Tensor) -> flambeau.Tensor:
    return x * 2


def test_functions_and_further_files() -> None:
    file = io.BytesIO()
    flambeau.jit.save(flambeau.jit.trace(double, flambeau.ones(1)), file, _extra_files={"notes.txt": "some"})
    file.seek(0)
    notes = {"notes.txt": ""}
    loaded = flambeau.jit.load(file, _extra_files=notes)
    assert loaded(flambeau.ones(2)).tolist() == [2, 2] and notes == {"notes.txt": b"some"}


def test_other_files_are_refused(tmp_path: Path) -> None:
    import zipfile

    with pytest.raises(ValueError, match="does not exist"):
        flambeau.jit.load(tmp_path / "missing.pt")
    with pytest.raises(ValueError, match="is a directory"):
        flambeau.jit.load(tmp_path)
    flambeau.save({}, tmp_path / "plain.pt")
    with pytest.raises(RuntimeError, match="not one that torch.jit.save wrote"):
        flambeau.jit.load(tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/constants.pkl", b"")
    with pytest.raises(RuntimeError, match="TorchScript, a compiled program"):
        flambeau.jit.load(tmp_path / "script.pt")
    with pytest.raises(AttributeError):
        flambeau.jit.save(flambeau.nn.ReLU(), tmp_path / "module.pt")
