"""Which tests are collected: with ``--without-pytorch`` those that compare with nothing, for interpreters without PyTorch."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from flambeau.core import composite

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
        parts = [part for part in name.split(".") if part]
        if parts[:1] in (["torch"], ["conformance"]):
            return True
        beside = (folder.joinpath(*parts[:end]) for folder in (path.parent, _TESTS) for end in range(1, len(parts) + 1))
        modules = (module for place in beside for module in (place.with_suffix(".py"), place / "__init__.py"))
        if any(module != path and module.exists() and needs_pytorch(module) for module in modules):
            return True
    return path.name == "__init__.py" and any(needs_pytorch(p) for p in path.parent.glob("*.py") if p != path)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    leave_out = config.getoption("--without-pytorch") and collection_path.suffix == ".py" and needs_pytorch(collection_path)
    return True if leave_out else None


@pytest.fixture(scope="session", autouse=True)
def remembered_soon() -> Iterator[None]:
    """Tests do few things often enough for composites of composites to be remembered, so that is done the second time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composite, "PATIENCE", 1)
        yield


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
