"""The names that PyTorch has, and torchvision: ``pytorch_names.txt`` and its like, read when a name is not offered."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ENTRY = re.compile(r"([^\s()]+)(?:\(([^)]*)\))?")
"""A name, and in parentheses what it consists of (an enumeration of members) or derives from (an exception)."""


FILES = [Path(__file__).with_name(name) for name in ("pytorch_names.txt", "torchvision_names.txt")]


def version() -> str:
    """The version of PyTorch whose names these are."""
    return FILES[0].read_text(encoding="utf-8").partition("PyTorch ")[2].partition(":")[0]


@cache
def sections() -> dict[str, str]:
    """The parts of the files by module; ``torch.Tensor`` and namespaces of operations (``torch.ops.aten``) have one as well."""
    texts = (file.read_text(encoding="utf-8") for file in FILES)
    parts = (part.partition("]") for text in texts for part in text.split("\n[")[1:])
    return {module: rest for module, _, rest in parts}


def is_module(name: str) -> bool:
    """Whether PyTorch has a module of this name."""
    return name in sections() and name != "torch.Tensor" and not name.startswith("torch.ops.")


@cache
def names_of(module: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What a module has: for each name its kind (class, enumeration, exception, function, value, or parent for what is the
    same in the package around) and its members."""
    found = {}
    for line in sections().get(module, "").splitlines():
        kind, _, names = line.partition(" ")
        for name, members in ENTRY.findall(names):
            found[name] = kind, tuple(members.split(",")) if members else ()
    return found
