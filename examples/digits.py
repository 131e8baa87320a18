"""Train a small convolutional network to read handwritten digits.

    flambeau run examples/digits.py

1,797 real digits of 8 by 8 pixels (see data/README.md), four fifths to train with and one fifth to test with. Writes a
checkpoint and a picture of test digits with the network's answers into the directory ``--out``.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

try:
    from tqdm import tqdm
except ModuleNotFoundError:  # a progress bar is nice, but not needed
    tqdm = None

DATA = Path(__file__).parent / "data" / "digits.csv.gz"


def load_digits():
    """Training and test sets of pictures (1, 8, 8) with ink from 0 to 1, and their digits; the same split every time."""
    table = np.loadtxt(DATA, delimiter=",", dtype=np.float32)
    order = np.random.RandomState(0).permutation(len(table))
    pictures = torch.from_numpy(table[order, :64].reshape(-1, 1, 8, 8) / 16)
    digits = torch.from_numpy(table[order, 64].astype(np.int64))
    cut = len(table) * 4 // 5
    return TensorDataset(pictures[:cut], digits[:cut]), TensorDataset(pictures[cut:], digits[cut:])


class Network(nn.Module):
    """Three convolutions and a linear layer: pictures (n, 1, 8, 8) to scores (n, 10)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 2 * 2, 10))

    def forward(self, pictures):
        return self.head(self.features(pictures))


def train_epoch(model, loader, optimizer, scheduler, progress):
    """One pass over the training set; returns the mean loss."""
    model.train()
    total = torch.zeros(())
    for pictures, digits in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(pictures), digits)
        loss.backward()
        optimizer.step()
        scheduler.step()
        # Kept as a tensor: nobody needs to wait for it before the epoch is over.
        total += loss.detach() * len(digits)
        if progress is not None:
            progress.update()
    return total.item() / len(loader.dataset)


@torch.no_grad()
def predict(model, dataset):
    """The network's answers for a whole data set."""
    model.eval()
    pictures, _ = dataset.tensors
    return torch.cat([model(part).argmax(1) for part in pictures.split(256)])


def draw(dataset, answers, path):
    """Write a picture of 60 test digits, wrong answers first, each with the answer below it (red if it is wrong)."""
    from PIL import Image, ImageDraw

    pictures, digits = (tensor.numpy() for tensor in dataset.tensors)
    answers = answers.numpy()
    size, columns, rows = 48, 12, 5
    chosen = np.argsort(answers == digits, kind="stable")[: columns * rows]
    page = Image.new("RGB", (columns * size, rows * (size + 16)), "white")
    pen = ImageDraw.Draw(page)
    for place, number in enumerate(chosen):
        left, top = place % columns * size, place // columns * (size + 16)
        ink = Image.fromarray((255 - pictures[number, 0] * 255).astype(np.uint8))
        page.paste(ink.resize((size - 4, size - 4), Image.Resampling.NEAREST), (left + 2, top + 2))
        colour = "darkgreen" if answers[number] == digits[number] else "red"
        pen.text((left + size // 2 - 3, top + size), str(answers[number]), fill=colour)
    page.save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.01, help="greatest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/digits"))
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    train, test = load_digits()
    loader = DataLoader(train, batch_size=options.batch_size, shuffle=True, drop_last=True)
    model = Network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=0.01)
    steps = options.epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=options.lr, total_steps=steps)

    start = time.perf_counter()
    correct = 0
    for epoch in range(1, options.epochs + 1):
        progress = (
            tqdm(total=len(loader), desc=f"epoch {epoch}", leave=False, disable=None) if tqdm is not None else None
        )
        loss = train_epoch(model, loader, optimizer, scheduler, progress)
        if progress is not None:
            progress.close()
        answers = predict(model, test)
        correct = (answers == test.tensors[1]).sum().item()
        print(f"epoch {epoch:2}  loss {loss:.4f}  test accuracy {100 * correct / len(test):.2f} %", flush=True)
    print(f"{correct} of {len(test)} test digits right after {time.perf_counter() - start:.1f} s")

    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(
        {"model": model.state_dict(), "options": vars(options) | {"out": str(options.out)}}, options.out / "digits.pt"
    )
    written = [options.out / "digits.pt"]
    try:
        draw(test, answers, options.out / "digits.png")
        written.append(options.out / "digits.png")
    except ModuleNotFoundError:
        print("(no picture without Pillow: pip install pillow)")
    print("wrote " + " and ".join(map(str, written)))


if __name__ == "__main__":
    main()
