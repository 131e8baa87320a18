"""Trains the networks of the programs beside it on given batches from given weights, and keeps what came of it.

``import torch`` means whatever it means in the process: a test imports this module with PyTorch, and runs it under
``flambeau run``, where it is a program: ``training.py OUTPUT.npz STEPS LOOKS [PROGRAM ...]``.
"""

from __future__ import annotations

import ast
import random
import sys
from pathlib import Path
from typing import Any

import make_data
import numpy as np
import torch
from torch.nn import functional

PROGRAMS = ("seed_000", "seed_001", "seed_002_mnist", "seed_002_cifar10", "seed_003", "seed_004")
RESNET = "seed_000_resnet"
BATCH = 4

_PARTS = ("net", "model", "pretrained_model", "criterion", "optimizer")

#: What the programs that have no ``criterion`` call instead.
_LOSS_FUNCTIONS = {"seed_002_mnist": functional.nll_loss, "seed_002_cifar10": functional.cross_entropy}


def parts(program: str) -> dict[str, Any]:
    """What a program's imports of torch, its classes, and its model, loss and optimizer define, by name.

    Its imports of torchvision count only where the model comes from there.
    """
    path = Path(__file__).with_name(program + ".py")
    tree = ast.parse(path.read_text())
    packages = ("torch", "torchvision") if program == RESNET else ("torch",)
    tree.body = [statement for statement in tree.body if _makes_a_part(statement, packages)]
    names: dict[str, Any] = {}
    exec(compile(tree, str(path), "exec"), names)
    return names


def _makes_a_part(statement: ast.stmt, packages: tuple[str, ...]) -> bool:
    if isinstance(statement, ast.Import):
        return all(name.name.split(".")[0] in packages for name in statement.names)
    if isinstance(statement, ast.ImportFrom):
        return str(statement.module).split(".")[0] in packages
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id in _PARTS
    return isinstance(statement, ast.ClassDef)


def batches(program: str, steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pictures (float32) and classes (int64) of each step."""
    if "CIFAR10" in Path(__file__).with_name(program + ".py").read_text():
        images, labels = make_data.coloured_digits(BATCH * steps, seed=11)
        values = (images.astype(np.float32) / 255 - 0.5) / 0.5
    else:
        images, labels = make_data.grey_digits(BATCH * steps, seed=11)
        values = images[:, None].astype(np.float32) / 255
    return [(values[k : k + BATCH], labels[k : k + BATCH]) for k in range(0, BATCH * steps, BATCH)]


def set_weights(model: Any) -> None:
    """Give a model the weights that every run starts from: uniform within ±1/√inputs, as layers start.

    From these, no two values that pooling chooses between come within the last bit of each other in fifty steps:
    rounding would decide between them, and no two correct programs would stay together after that.
    """
    generator = np.random.default_rng(7)
    state = {}
    for name, value in model.state_dict().items():
        shape = tuple(value.shape)
        weights = generator.uniform(-1, 1, shape) / np.sqrt(np.prod(shape[1:] or (100,)))
        state[name] = torch.from_numpy(weights.astype(np.float32))
    model.load_state_dict(state)


class Looks:
    """Looks at values at random places of training; ``seed`` 0 looks at none. A look must change nothing."""

    def __init__(self, seed: int, model: Any, optimizer: Any) -> None:
        self.random = random.Random(seed)
        self.active = seed != 0
        self.model = model
        self.optimizer = optimizer
        if self.active:
            for module in model.modules():
                module.register_forward_hook(self._after_module)

    def at(self, value: Any) -> None:
        """Perhaps look at a tensor, in one of the ways a program can."""
        if not self.active or self.random.random() < 0.6:
            return
        way = self.random.randrange(5)
        if way == 0:
            value.sum().item()
        elif way == 1:
            value.detach().numpy().copy()
        elif way == 2:
            repr(value)
        elif way == 3:
            bool((value > 0).any())
        else:
            value.flatten()[:20].tolist()

    def _after_module(self, module: Any, inputs: Any, output: Any) -> None:
        self.at(inputs[0])
        self.at(output)
        if output.requires_grad and self.random.random() < 0.5:
            output.register_hook(self.at)

    def at_gradients(self) -> None:
        for parameter in self.model.parameters():
            self.at(parameter.grad)

    def at_state(self) -> None:
        for parameter in self.model.parameters():
            self.at(parameter)
            for value in self.optimizer.state[parameter].values():
                if isinstance(value, torch.Tensor):
                    self.at(value)


def train(program: str, steps: int, looks_seed: int = 0, dtype: Any = torch.float32) -> tuple[np.ndarray, Any]:
    """Losses [steps] as float64, and the trained model."""
    names = parts(program)
    model = next(names[name] for name in _PARTS if name in names)
    optimizer = names["optimizer"]
    criterion = names.get("criterion") or _LOSS_FUNCTIONS[program]
    if program != RESNET:  # whose weights come from a file
        set_weights(model)
    model.to(dtype)
    looks = Looks(looks_seed, model, optimizer)
    losses = []
    for images, labels in batches(program, steps):
        optimizer.zero_grad()
        outputs = model(torch.from_numpy(images).to(dtype))
        looks.at(outputs)
        loss = criterion(outputs, torch.from_numpy(labels))
        loss.backward()
        looks.at_gradients()
        optimizer.step()
        looks.at_state()
        losses.append(loss.detach())
    return np.array([float(loss) for loss in losses]), model


def weights(model: Any) -> np.ndarray:
    """All of a model's values one after the other."""
    return np.concatenate([value.detach().numpy().ravel() for value in model.state_dict().values()])


def main(output: str, steps: str, looks_seed: str, *programs: str) -> None:
    """Write losses and weights of each program into one file."""
    results = {}
    for program in programs:
        results[f"{program}.losses"], model = train(program, int(steps), int(looks_seed))
        results[f"{program}.weights"] = weights(model)
    np.savez(output, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
