"""The list of PyTorch's names is what PyTorch has."""

import torch

from tools import names


def test_the_file_is_what_its_program_writes() -> None:
    assert torch.__version__.startswith("2.13.")
    for path, text in names.written().items():
        assert path.read_text() == text, "run python -m tools.names"
