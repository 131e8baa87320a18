"""The example of the first screen does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import flambeau

ROOT = Path(__file__).parent.parent


def run(*arguments):
    command = [sys.executable, "-m", "flambeau", "run", ROOT / "examples" / "digits.py", *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True, timeout=300).stdout


def test_digits_are_read(tmp_path):
    output = run("--epochs", 8, "--out", tmp_path)
    accuracies = [float(number) for number in re.findall(r"test accuracy ([\d.]+) %", output)]
    assert len(accuracies) == 8 and accuracies[-1] >= 98
    checkpoint = flambeau.load(tmp_path / "digits.pt")
    assert checkpoint["model"]["features.0.weight"].shape == (32, 1, 3, 3) and checkpoint["options"]["epochs"] == 8
    picture = np.asarray(Image.open(tmp_path / "digits.png"))
    assert picture.shape == (5 * 64, 12 * 48, 3) and picture.std() > 30


def test_a_seed_fixes_the_run(tmp_path):
    outputs = [run("--epochs", 1, "--seed", 3, "--out", tmp_path).splitlines()[0] for _ in range(2)]
    assert outputs[0] == outputs[1]
