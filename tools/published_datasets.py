"""Writes what torchvision's data sets tell of small files in their layouts, which tests compare with what ours tell.

Facts alone are taken from the installed torchvision (what is in samples, names, signatures, messages)::

    python -m tools.published_datasets    # writes tests/vision/datasets.json; needs torchvision and pycocotools
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from tools.published_models import ROOT, models

sys.path.insert(0, str(ROOT / "tests"))
from vision import accounts, small_files  # noqa: E402
from vision.motion_layouts import LAYOUTS  # noqa: E402


def datasets() -> Any:
    """``torchvision.datasets``, whose classes take files that are not the published ones for these."""
    models()
    import torchvision.datasets as package

    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        if hasattr(loaded, "check_integrity"):
            loaded.check_integrity = lambda path, md5=None: os.path.isfile(path)
    # The order of files is the system's there, and that of their names here.
    listed = os.listdir
    os.listdir = lambda path=".": sorted(listed(path))  # type: ignore[assignment]
    # Its reader of such files is compiled, and may not load. What is in ours is known.
    package._optical_flow._read_16bits_png_with_flow_and_valid_mask = small_files.written_flow
    return package


def main() -> None:
    package = datasets()
    facts: dict[str, Any] = {}
    for written, layout in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = Path(folder, "files")
            root.mkdir()
            layout.write(root)
            for name, options in layout.cases:
                cls = getattr(package, name)
                with contextlib.redirect_stdout(io.StringIO()):
                    dataset = cls(**accounts.arguments(options, root))
                    fact = accounts.account(dataset, root, layout.unordered)
                    fact["wrapped"] = accounts.wrapped(dataset, package.wrap_dataset_for_transforms_v2, root)
                    facts[accounts.title(written, name, options)] = fact
                kept = facts.setdefault(name, {"parameters": accounts.parameters(cls)})
                if "failures" not in kept:
                    empty = Path(folder, name)
                    empty.mkdir()
                    kept["failures"] = accounts.failures(cls, options, root, empty)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(fact)}" for name, fact in facts.items())
    (ROOT / "tests" / "vision" / "datasets.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
