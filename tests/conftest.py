"""Which tests are collected: with ``--without-pytorch`` those that compare with nothing, for interpreters without PyTorch."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

_IMPORT = re.compile(r"^\s*(?:import|from)\s+([\w.]+)", re.MULTILINE)
_TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without-pytorch", action="store_true", help="leave out tests whose modules import PyTorch")


@cache
def needs_pytorch(path: Path) -> bool:
    """Whether a module of the tests imports PyTorch, itself, through modules beside it, or in a process that it starts."""
    text = path.read_text(encoding="utf-8")
    if 'outcomes("torch"' in text:
        return True
    for name in _IMPORT.findall(text):
        first = name.lstrip(".").partition(".")[0]
        if first == "torch":
            return True
        for folder in (path.parent, _TESTS):
            beside = folder / f"{first}.py"
            beside = beside if beside.exists() else folder / first / "__init__.py"
            if first and beside != path and beside.exists() and needs_pytorch(beside):
                return True
    return path.name == "__init__.py" and any(needs_pytorch(p) for p in path.parent.glob("*.py") if p != path)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    leave_out = config.getoption("--without-pytorch") and collection_path.suffix == ".py" and needs_pytorch(collection_path)
    return True if leave_out else None
