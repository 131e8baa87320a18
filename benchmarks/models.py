"""The networks that cases train, for either framework, and what they are trained on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

BATCHES = 8
"""Different batches that a training case goes through by turns."""


def initialise(framework: Any, model: Any) -> Any:
    """Give ``model`` the same weights whichever framework it is of: uniform within ± 1/√fan_in, as layers begin."""
    generator = np.random.default_rng(0)
    with framework.no_grad():
        for name, parameter in model.named_parameters():
            shape = tuple(parameter.shape)
            if len(shape) > 1:
                bound = 1 / math.sqrt(math.prod(shape[1:]))
                parameter.copy_(framework.tensor(generator.uniform(-bound, bound, shape).astype(np.float32)))
            else:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
    return model


def normal(framework: Any, *shape: int, seed: int = 0) -> Any:
    """A tensor of normally distributed numbers, the same in both frameworks."""
    return framework.tensor(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def classification(
    framework: Any, model: Any, optimiser: Any, shape: tuple[int, ...], classes: int = 10
) -> Callable[[], Any]:
    """The step that trains ``model`` to classify random inputs of ``shape`` (batch, ...); it returns the loss."""
    generator = np.random.default_rng(1)
    batches = [
        (
            framework.tensor(generator.standard_normal(shape, dtype=np.float32)),
            framework.tensor(generator.integers(0, classes, shape[0])),
        )
        for _ in range(BATCHES)
    ]
    place = 0

    def step() -> Any:
        nonlocal place
        inputs, labels = batches[place % BATCHES]
        place += 1
        optimiser.zero_grad()
        loss = framework.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimiser.step()
        return loss

    return step


def mlp(framework: Any, *widths: int) -> Any:
    """Fully connected layers of the given widths with ReLU between them."""
    nn = framework.nn
    layers: list[Any] = []
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return initialise(framework, nn.Sequential(*layers[:-1]))


def lenet(framework: Any) -> Any:
    """LeNet for 32×32 pictures in colour."""
    nn = framework.nn

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 5)
            self.pool = nn.MaxPool2d(2, 2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(16 * 5 * 5, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool(nn.functional.relu(self.conv1(x)))
            x = self.pool(nn.functional.relu(self.conv2(x)))
            x = x.view(-1, 16 * 5 * 5)
            x = nn.functional.relu(self.fc1(x))
            x = nn.functional.relu(self.fc2(x))
            return self.fc3(x)

    return initialise(framework, Net())


def resnet18(framework: Any, classes: int) -> Any:
    """ResNet-18 (He et al. 2015): four stages of two residual blocks after a strided 7×7 convolution."""
    nn = framework.nn

    def convolution(inputs: int, outputs: int, kernel: int, stride: int) -> list[Any]:
        return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *convolution(inputs, outputs, 3, stride), nn.ReLU(inplace=True), *convolution(outputs, outputs, 3, 1)
            )
            same = inputs == outputs and stride == 1
            self.shortcut = nn.Identity() if same else nn.Sequential(*convolution(inputs, outputs, 1, stride))

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.body(x) + self.shortcut(x), inplace=True)

    blocks: list[Any] = []
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [Block(inputs, outputs, stride), Block(outputs, outputs, 1)]
        inputs = outputs
    stem = [*convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes)]
    return initialise(framework, nn.Sequential(*stem, *blocks, *head))
