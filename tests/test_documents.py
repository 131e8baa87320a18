"""What the documents name exists."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/design.md"]


def place_of(name: str) -> Path | None:
    """The file that a document means: from the top of the repository, or from the package."""
    return next((path for path in (ROOT / name, ROOT / "flambeau" / name) if path.exists()), None)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(r"`((?:[\w.]+/)+(?:[\w.]+\.py)?|[\w/]+\.py)`", text))
    missing = sorted(name for name in named if place_of(name) is None and not list(ROOT.glob(f"*/**/{name}")))
    assert not missing


def test_files_that_docstrings_name_exist() -> None:
    missing = []
    for path in sorted((ROOT / "flambeau").rglob("*.py")):
        for name in re.findall(r"``((?:\w+/)+\w+\.py)``", path.read_text()):
            if place_of(name) is None:
                missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert not missing


EXAMPLES = """
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flambeau as torch
from flambeau import nn
from flambeau.distributions import ExponentialFamily, constraints
from flambeau.distributions.distribution import expandable
from flambeau.distributions.utils import broadcast_all
from flambeau.nn import functional as F
from flambeau.nn.modules._layer import Module, layer
from flambeau.ops.calls import ACTIVE
from flambeau.ops.elementwise import Tensor, differentiated, function
from flambeau.ops.conversion import rounded_once
from flambeau.ops.functions import rsqrt, sqrt
from flambeau.ops.one_node import one_node
from flambeau.ops.operation import Dims, Scalar, operation
from flambeau.optim._formula import Formula, Kept, number
from flambeau.vision.datasets._files import ListedDataset, Source, contents_of, lines_of

GUIDE

x = torch.tensor([[3.0, 4.0]], dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(squareplus, x) and torch.autograd.gradcheck(lambda x: rms(x, 1), x)
assert torch.allclose(x.rms(1), (x.square().sum(1) / 2).sqrt()) and x.detach().squareplus_(0).equal(x)
assert str(LeakyReLU(0.5)) == "LeakyReLU(negative_slope=0.5)" and LeakyReLU(0.5)(-x).equal(x * -0.5)
total = Adagrad._update(x, x, torch.zeros(1, 2), 0.0, -1.0)[0]
assert torch.allclose(total, x - 1)
assert Exponential(2.0).expand((3,)).log_prob(torch.zeros(3)).exp().allclose(torch.full((3,), 2.0))
with TemporaryDirectory() as folder:
    Path(folder, "dishes").mkdir()
    Path(folder, "dishes", "list.txt").write_text("1.jpg soup\\n2.jpg cake\\n")
    dishes = Dishes(folder, loader=lambda path: path.name)
    assert list(dishes.classes) == ["cake", "soup"] and [dishes[i] for i in (0, 1)] == [("1.jpg", 1), ("2.jpg", 0)]
ACTIVE.append(log)
torch.linalg.det(torch.eye(2))
"""


def test_the_examples_of_the_guide_run() -> None:
    """In a process of their own, for they add operations."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)
    assert len(blocks) == 8
    program = EXAMPLES.replace("GUIDE", "\n".join(blocks))
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "linalg_det" in result.stdout


def names_in(path: Path) -> set[str]:
    """Everything that a file defines or mentions by name."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    mentioned = {node.id for node in nodes if isinstance(node, ast.Name)}
    return defined | mentioned | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_the_way_of_a_line_names_what_is_there():
    text = (ROOT / "docs/design.md").read_text().partition("## From a line of Python to machine code")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w/]+\.py)` \| (.*) \|$", text, re.M)
    assert len(rows) > 20
    wrong = []
    for file, what in rows:
        path = place_of(file)
        assert path is not None, file
        words = set(re.findall(r"`(\w+)`", what)) - {"w", "x", "y", "print"}
        known = names_in(path) | set(re.findall(r"\w+", path.read_text()))
        wrong += [f"{file}: {name}" for name in sorted(words) if name.removesuffix("s") not in known and name not in known]
    assert not wrong
