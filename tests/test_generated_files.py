"""Files that a program writes are what it writes."""

import importlib

import pytest


@pytest.mark.parametrize("name", ["recording_paths"])
def test_the_file_is_what_its_program_writes(name: str) -> None:
    tool = importlib.import_module(f"tools.{name}")
    assert tool.TARGET.read_text() == tool.written(), f"run python -m tools.{name}"
