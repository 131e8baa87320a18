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
        return descend(optimiser, framework.nn.functional.cross_entropy(model(inputs), labels))

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


def densenet121(framework: Any, classes: int) -> Any:
    """DenseNet-121 (Huang et al. 2016): four blocks of layers, each of which sees what all before it in the block gave."""
    nn = framework.nn
    growth = 32

    class Layer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), nn.Conv2d(inputs, 4 * growth, 1, bias=False)),
                *(nn.BatchNorm2d(4 * growth), nn.ReLU(inplace=True)),
                nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
            )

        def forward(self, x: Any) -> Any:
            return framework.cat([x, self.body(x)], 1)

    channels = 64
    layers = [nn.Conv2d(3, channels, 7, 2, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    for number, count in enumerate((6, 12, 24, 16)):
        if number > 0:
            half = channels // 2
            layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.Conv2d(channels, half, 1, bias=False)]
            layers.append(nn.AvgPool2d(2, 2))
            channels = half
        for _ in range(count):
            layers.append(Layer(channels))
            channels += growth
    head = [nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return initialise(framework, nn.Sequential(*layers, *head, nn.Linear(channels, classes)))


def gpt(framework: Any, layers: int, width: int, heads: int, vocabulary: int, longest: int) -> Any:
    """A decoder of text (Radford et al. 2018), normalised before each part.

    ``model(tokens)`` of (batch, length) gives the next tokens' logits (batch, length, vocabulary). With ``cache``, a list
    that is empty for the first tokens, it goes on after those before: the list keeps the keys and values of each layer.
    """
    nn, functional = framework.nn, framework.nn.functional

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.inputs, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any, past: Any = None) -> Any:
            batch, length, _ = x.shape
            parts = self.inputs(self.norm1(x)).chunk(3, -1)
            q, k, v = (part.view(batch, length, heads, width // heads).transpose(1, 2) for part in parts)
            if past is not None:
                k, v = framework.cat([past[0], k], 2), framework.cat([past[1], v], 2)
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
            x = x + self.output(y.transpose(1, 2).reshape(batch, length, width))
            return x + self.narrow(functional.gelu(self.wide(self.norm2(x)))), (k, v)

    class Decoder(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(longest, width)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, tokens: Any, cache: list[Any] | None = None) -> Any:
            before = cache[0][0].shape[2] if cache else 0
            x = self.words(tokens) + self.places(framework.arange(before, before + tokens.shape[1]))
            for number, block in enumerate(self.blocks):
                x, kept = block(x, cache[number] if before else None)
                if cache is not None:
                    cache[number : number + 1] = [kept]
            return self.head(self.norm(x))

    return initialise(framework, Decoder())


def descend(optimiser: Any, loss: Any) -> Any:
    """One step of ``optimiser`` down the gradient of ``loss``, which is returned."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


def recurrent_training(framework: Any, body: str) -> Callable[[], Any]:
    """A step that trains two layers of ``nn.<body>`` with 128 features, on batches of 32 sequences of 60 steps."""
    nn = framework.nn
    length, batch, width, classes = 60, 32, 128, 10
    layers, head = getattr(nn, body)(64, width, 2), nn.Linear(width, classes)
    parameters = nn.ModuleList([layers, head])
    initialise(framework, parameters)
    optimiser = framework.optim.Adam(parameters.parameters(), lr=0.001)
    inputs = normal(framework, BATCHES, length, batch, 64)
    labels = framework.tensor(np.random.default_rng(1).integers(0, classes, (BATCHES, length * batch)))
    place = 0

    def step() -> Any:
        nonlocal place
        place = (place + 1) % BATCHES
        logits = head(layers(inputs[place])[0]).view(-1, classes)
        return descend(optimiser, nn.functional.cross_entropy(logits, labels[place]))

    return step


def loop_training(framework: Any, gates: int, turn: Callable[..., Any]) -> Callable[..., Any]:
    """A step that trains a recurrent layer written as a loop over time, on sequences and batches of any size.

    ``turn(framework, given, kept, row, h, c)`` gives the next ``h`` and ``c``; ``given`` and ``kept`` are linear layers with so
    many ``gates``, of the row and of ``h``.
    """
    nn = framework.nn
    inputs_width, width, classes = 32, 64, 10

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.given, self.kept = nn.Linear(inputs_width, gates * width), nn.Linear(width, gates * width)
            self.head = nn.Linear(width, classes)

        def forward(self, x: Any) -> Any:
            h = c = framework.zeros(x.shape[1], width)
            outputs = []
            for t in range(x.shape[0]):
                h, c = turn(framework, self.given, self.kept, x[t], h, c)
                outputs.append(h)
            return self.head(framework.stack(outputs))

    model = initialise(framework, Network())
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    inputs = normal(framework, 60, 40, inputs_width)
    labels = framework.tensor(np.random.default_rng(1).integers(0, classes, (60, 40)))

    def step(length: int, batch: int) -> Any:
        logits = model(inputs[:length, :batch])
        wanted = labels[:length, :batch].reshape(-1)
        return descend(optimiser, nn.functional.cross_entropy(logits.view(-1, classes), wanted))

    return step
