"""The documents' training programs: they run as they are, agree with PyTorch, and give the same bits in every mode."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import make_data
import numpy as np
import pytest
import torch
import training

PROGRAMS = Path(__file__).parent / "programs"

STEPS = 50
BIT_STEPS = 5

#: Epochs to run, what each epoch's line of output says of the loss, and what the last line begins with.
RUNS = {
    "seed_000": (6, r"Epoch \d+, loss: (\S+)", "Epoch"),
    "seed_000_resnet": (1, r"Epoch \d+, loss: (\S+)", "Epoch"),
    "seed_001": (6, r"Epoch \d+, loss: (\S+)", "Epoch"),
    "seed_002_mnist": (2, r"Epoch \d+, loss: (\S+)", "Epoch"),
    "seed_002_cifar10": (4, r"\[\d+, +\d+\] loss: (\S+)", "Accuracy of the network on the 10000 test images: "),
    "seed_003": (4, r"Epoch \d+, Loss: (\S+)", "Test Accuracy: "),
    "seed_004": (20, r"Epoch: \d+, Loss: (\S+)", "Epoch"),
}


def run(*arguments: str, directory: Path, **environment: str) -> str:
    """What a program prints under ``flambeau run``; fails with its error output."""
    result = subprocess.run(
        [sys.executable, "-m", "flambeau", "run", *arguments],
        capture_output=True, text=True, timeout=300, cwd=directory, env={**os.environ, **environment},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the data sets below ``data`` and a file of weights where the model zoo keeps it."""
    path = tmp_path_factory.mktemp("programs")
    make_data.write_mnist(path / "data", train=600, test=100)
    make_data.write_cifar10(path / "data", train=300, test=100)
    checkpoints = path / "home" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    run(
        "-c",
        "import sys, torch, torchvision; torch.save(torchvision.models.resnet18().state_dict(), sys.argv[1])",
        str(checkpoints / "resnet18-f37072fd.pth"),
        directory=path,
    )
    return path


@pytest.mark.parametrize("program", RUNS)
def test_runs_as_a_program(program: str, directory: Path) -> None:
    epochs, line, last = RUNS[program]
    output = run(
        str(PROGRAMS / f"{program}.py"),
        directory=directory, EPOCHS=str(epochs), PRINT_EVERY="3", TORCH_HOME=str(directory / "home"),
    )  # fmt: skip
    losses = [float(loss) for loss in re.findall(line, output)]
    assert len(losses) == epochs
    assert output.splitlines()[-1].startswith(last)
    if program == "seed_000_resnet":
        assert 5 < losses[0] < 9  # a thousand classes, little trained
    else:
        assert all(0.1 < loss < 2.6 for loss in losses)  # ten classes
    if program in ("seed_000", "seed_003", "seed_004"):  # they print the mean of the epoch, and learn fast enough
        assert losses[-1] < losses[0]
    if program == "seed_004":
        assert losses[-1] < 1.6


@pytest.fixture(scope="module")
def fused(directory: Path) -> Mapping[str, np.ndarray]:
    """Losses and weights of all programs after :data:`STEPS` steps."""
    return trained(directory, "fused", STEPS, 0, training.PROGRAMS)


def trained(
    directory: Path, name: str, steps: int, looks_seed: int, programs: tuple[str, ...], **environment: str
) -> Mapping[str, np.ndarray]:
    """What ``training.py`` keeps when it runs under Flambeau."""
    file = directory / f"{name}.npz"
    run(
        str(PROGRAMS / "training.py"), str(file), str(steps), str(looks_seed), *programs,
        directory=directory, TORCH_HOME=str(directory / "home"), **environment,
    )  # fmt: skip
    with np.load(file) as content:
        return dict(content)


@pytest.mark.parametrize("program", training.PROGRAMS)
def test_losses_agree_with_pytorch(program: str, fused: Mapping[str, np.ndarray]) -> None:
    """To 1e-4 for ten steps; and over all steps no further from float64 than twice what PyTorch in float32 is.

    The distance is the mean over the steps of the losses' absolute differences.
    """
    ours = fused[f"{program}.losses"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # its threads spin, which costs more than it gives where cores are busy
    try:
        theirs, _ = training.train(program, STEPS)
        exact, _ = training.train(program, STEPS, dtype=torch.float64)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(ours[:10], theirs[:10], rtol=1e-4)
    assert np.abs(ours - exact).mean() <= 2 * np.abs(theirs - exact).mean()


@pytest.fixture(scope="module")
def reference(directory: Path) -> Mapping[str, np.ndarray]:
    """Losses and weights that every mode must give, to the last bit."""
    return trained(
        directory, "reference", BIT_STEPS, 0, (*training.PROGRAMS, training.RESNET), FLAMBEAU_NUM_THREADS="2"
    )


@pytest.mark.parametrize(
    ("mode", "looks_seed", "environment"),
    [
        ("one thread", 0, {"FLAMBEAU_NUM_THREADS": "1"}),
        ("eager", 0, {"FLAMBEAU_EAGER": "1", "FLAMBEAU_NUM_THREADS": "2"}),
        ("looks", 1, {"FLAMBEAU_NUM_THREADS": "2"}),
    ],
)
def test_weights_are_the_same_bits(
    mode: str, looks_seed: int, environment: dict[str, str], directory: Path, reference: Mapping[str, np.ndarray]
) -> None:
    programs = (*training.PROGRAMS, training.RESNET)
    results = trained(directory, mode.replace(" ", "_"), BIT_STEPS, looks_seed, programs, **environment)
    assert set(results) == set(reference)
    for name, values in reference.items():
        np.testing.assert_array_equal(results[name], values, err_msg=name)
        assert np.isfinite(values).all(), name
