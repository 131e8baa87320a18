"""Damaged files, and files made to do harm: an error that is documented and names the file, or the right result."""

import gzip
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from damaged_files import FORMATS
from PIL import Image

import flambeau

PROGRAM = Path(__file__).parent / "damaged_files.py"


def write_files(directory):
    """One file of each format, most of them by PyTorch."""
    rng = np.random.RandomState(0)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    )
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 1, 6, 6)).sum().backward()
    optimizer.step()
    checkpoint = {
        "net": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "rng": torch.get_rng_state(),
        "sizes": (torch.Size([1, 2]), torch.device("cpu"), torch.float16, {1, "a"}, 1.5, b"bytes", bytearray(b"x")),
        "view": torch.arange(12).reshape(3, 4).t(),
        "parameter": network[0].weight,
    }
    ours = {"a": flambeau.arange(12.0).reshape(3, 4), "b": [flambeau.ones(3, dtype=flambeau.bfloat16), 1, "text", None]}
    for legacy in (False, True):
        kind, option = ("legacy", "zip")[not legacy], {"_use_new_zipfile_serialization": not legacy}
        torch.save(checkpoint, directory / kind, **option)
        torch.save(network, directory / f"{kind}_module", **option)
        flambeau.save(ours, directory / f"{kind}_ours", **option)
    torch.save([torch.arange(5.0).storage(), torch.arange(3).untyped_storage()], directory / "zip_storages")
    batch = {
        "data": rng.randint(0, 256, (2, 3072), dtype=np.uint8),
        "labels": [1, 2],
        b"batch_label": b"one",
        "filenames": [b"a.png", ""],
        "numbers": [np.int64(3), np.float32(1)],
    }
    for protocol in (2, 4, 5):
        (directory / f"cifar_{protocol}").write_bytes(pickle.dumps(batch, protocol))
    idx = bytes([0, 0, 8, 3]) + np.array([3, 28, 28], ">u4").tobytes() + rng.bytes(3 * 28 * 28)
    (directory / "idx").write_bytes(idx)
    (directory / "idx.gz").write_bytes(gzip.compress(idx))
    pixels = rng.randint(0, 256, (9, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    for format in FORMATS:
        if format.startswith("picture."):
            Image.fromarray(pixels).save(directory / format)


def read_damaged(directory, count, seed=0, formats=()):
    write_files(directory)
    command = [sys.executable, str(PROGRAM), str(directory), str(count), str(seed), *formats]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-4000:]
    return json.loads(result.stdout)


def test_damaged_files_at_random(tmp_path):
    report = read_damaged(tmp_path, 200)
    assert set(report["outcomes"]) == set(FORMATS)
    assert not report["wrong"], "\n".join(f"{w['format']} {w['how']}: {w['message']}" for w in report["wrong"][:5])


if __name__ == "__main__":
    print(json.dumps(read_damaged(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]), indent=1))
