"""Data sets in their published layouts: samples, attributes, signatures and messages are torchvision's (``datasets.json``)."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from vision import accounts
from vision.motion_layouts import LAYOUTS

from flambeau.vision import datasets

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "datasets.json").read_text())


@pytest.fixture(autouse=True)
def archives_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archives of ImageNet, which must be the published ones, may be ours."""
    from flambeau.vision.datasets import imagenet

    monkeypatch.setattr(imagenet, "check_integrity", lambda path, md5=None: os.path.isfile(path))


@pytest.mark.parametrize("name", LAYOUTS)
def test_as_torchvision_tells_it(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    root, empty = tmp_path / "files", tmp_path / "empty"
    root.mkdir()
    empty.mkdir()
    layout.write(root)
    for number, (kind, options) in enumerate(layout.cases):
        cls = getattr(datasets, kind)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "(?s).*not the published file")
            dataset = cls(**accounts.arguments(options, root))
            told = accounts.account(dataset, root, layout.unordered)
            expected = FACTS[accounts.title(name, kind, options)]
            told["wrapped"] = accounts.wrapped(dataset, datasets.wrap_dataset_for_transforms_v2, root)
            # Some attributes are properties here.
            others = {key: getattr(dataset, key) for key in expected["attributes"].keys() - told["attributes"].keys()}
            told["attributes"].update(accounts.told(others, root))
            told["attributes"] = {key: told["attributes"][key] for key in expected["attributes"]}
            assert json.loads(json.dumps(told)) == expected
            if [other for other, _ in layout.cases].index(kind) == number:
                assert accounts.parameters(cls) == FACTS[kind]["parameters"]
                found = accounts.failures(cls, options, root, empty)
                assert json.loads(json.dumps(found)) == FACTS[kind]["failures"]


def test_all_classes_are_there() -> None:
    """But for those whose files other packages read, which have tests of their own."""
    shown = {kind for layout in LAYOUTS.values() for kind, _ in layout.cases}
    others = {"DatasetFolder", "FakeData", "HMDB51", "Kinetics", "LSUN", "LSUNClass", "PCAM", "UCF101", "VisionDataset"}
    assert shown | others == set(datasets.__all__) - {"wrap_dataset_for_transforms_v2"}
