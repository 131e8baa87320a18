"""Small networks that find things train and find as torchvision's do (``detectors.json``): losses, gradients, results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from vision import small_detectors

import flambeau
from flambeau import vision

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "detectors.json").read_text())


@pytest.mark.parametrize("name", small_detectors.NAMES)
def test_as_torchvision_computes_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flambeau, "randperm", lambda n, **options: flambeau.arange(n))
    made, expected = small_detectors.computed(name, flambeau, vision), FACTS[name]
    # One of the losses is of float32 there as here.
    assert made["losses"] == pytest.approx(expected["losses"], rel=1e-6)
    assert made["gradients"].keys() == expected["gradients"].keys()
    for key, numbers in expected["gradients"].items():
        assert made["gradients"][key] == pytest.approx(numbers, rel=1e-5, abs=1e-6 * (1 + numbers[1])), key
    for result, other in zip(made["results"], expected["results"]):
        assert result.keys() == other.keys()
        for key, numbers in other.items():
            assert result[key] == pytest.approx(numbers, rel=1e-6, abs=1e-6), key
