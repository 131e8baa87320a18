"""Writes ``docs/names.md``: for every public name of PyTorch's, whether it is offered, inert or refused.

What is so is looked for in a process of its own, where PyTorch's names mean Flambeau's::

    python -m tools.name_table           # writes the file
    python -m tools.name_table --check   # fails if the file is not what would be written
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "names.md"

STATUSES = ("offered", "inert", "refused", "missing")

HEAD = """\
# PyTorch's names

Every public name of PyTorch {version}, by module, and those of torchvision's modules that are not offered, as `flambeau run`
has it ("Names" in [the design](design.md) says what the words mean). Written by `python -m tools.name_table`.

- *offered*: it does what it does in PyTorch;
- *inert*: it is meaningless here, and does nothing, or answers that there is no such device;
- *refused*: it can be imported, and raises `NotImplementedError` when it is used, saying so.

Names that a module shares with the package around it are listed there alone.

"""

Table = dict[str, dict[str, list[str]]]
"""{module: {status: names}}"""


def status_of(module: str, name: str) -> str:
    """What a name of a module is; to be asked where PyTorch's names mean Flambeau's."""
    from flambeau.surface.inert import SETTINGS, inert
    from flambeau.surface.refusals import MADE

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensor = importlib.import_module("torch").ones(1, requires_grad=True)
        try:
            value = getattr(tensor if module == "torch.Tensor" else importlib.import_module(module), name)
        except (AttributeError, ImportError):
            return "missing"
        except Exception:  # an attribute of tensors that are of another kind: it says so
            return "offered"
    if value is not None and MADE.get(f"{module}.{name}") is value:
        return "refused"
    return "inert" if module in SETTINGS or (name in inert(module) and inert(module)[name] is value) else "offered"


def classified() -> Table:
    """What all public names are."""
    from flambeau.surface.pytorch_names import names_of, sections

    table: Table = {}
    for module in sections():
        if "._" in module or module.startswith("torch.ops."):
            continue
        for name, (kind, _) in names_of(module).items():
            if kind != "parent" and not name.startswith("_"):
                table.setdefault(module, {}).setdefault(status_of(module, name), []).append(name)
    return table


def current() -> Table:
    """:func:`classified`, in a process of its own."""
    command = [sys.executable, "-m", "flambeau", "run", "-m", "tools.name_table", "--classify"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    if found.returncode:
        raise RuntimeError(found.stderr)
    return json.loads(found.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def listed() -> Table:
    """What the file says."""
    table: Table = {}
    for part in TARGET.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, rest = part.partition("\n")
        table[title.strip("`")] = {
            status: re.findall(r"`(\w+)`", text) for status, text in re.findall(r"^\*(\w+)\*: ((?:.+\n?)+)", rest, re.MULTILINE)
        }
    return table


def text_of(table: Table) -> str:
    """The file."""
    from flambeau.surface.pytorch_names import version

    counts = {status: sum(len(names.get(status, ())) for names in table.values()) for status in STATUSES}
    lines = [HEAD.format(version=version()), "| " + " | ".join(STATUSES) + " |\n" + "| ---: " * len(STATUSES) + "|\n"]
    lines.append("| " + " | ".join(str(counts[status]) for status in STATUSES) + " |\n")
    for module, names in table.items():
        lines.append(f"\n## `{module}`\n")
        for status in STATUSES:
            if status in names:
                listing = ", ".join(f"`{name}`" for name in names[status])
                lines.append("\n" + textwrap.fill(f"*{status}*: {listing}", 127, break_on_hyphens=False) + "\n")
    return "".join(lines)


def main() -> int:
    """Write the file, or with ``--check`` say whether it is up to date."""
    if "--classify" in sys.argv:
        print(json.dumps(classified()))
        return 0
    text = text_of(current())
    if "--check" in sys.argv:
        if TARGET.read_text(encoding="utf-8") != text:
            print(f"{TARGET} is not what {__file__} writes")
            return 1
    else:
        TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
