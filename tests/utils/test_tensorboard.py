"""``SummaryWriter``: its files hold what PyTorch's hold, as TensorBoard itself reads them, and are framed as records are."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau.utils.tensorboard import SummaryWriter
from flambeau.utils.tensorboard._records import crc32c

PICTURE = np.random.default_rng(0).random((3, 6, 8), np.float32)


def write_everything(library: ModuleType, writer: Any) -> None:
    """All that a program may tell, with the same values."""
    t = library.tensor
    values = t(np.random.default_rng(1).standard_normal((50, 4)).astype(np.float32))
    for step in range(3):
        writer.add_scalar("loss/train", 1.5 / (step + 1), step)
        writer.add_scalar("tensor", t(2.25), step, walltime=12.5)
        writer.add_scalars("pair", {"a": step, "b": t([-step])}, step)
    writer.add_scalar("zero", 0)
    writer.add_scalar("new", np.float64(0.1), t(4), new_style=True)
    writer.add_scalar("double", 0.1, 5, new_style=True, double_precision=True)
    writer.add_scalar("large", 1e300, -1)
    writer.add_histogram("weights", values, 1)
    writer.add_histogram("few", values, 2, bins=10)
    writer.add_histogram("limited", values.double(), 2, max_bins=20)
    writer.add_histogram("auto", np.arange(10), bins="auto")
    writer.add_histogram("integers", t([1, 1, 2, 0]), 3)
    writer.add_histogram_raw("raw", 0, 4, 5, 10, 20.5, [1.0, 2, 3], [4, 0, 1], 7)
    writer.add_image("float", t(PICTURE), 1)
    writer.add_image("bytes", (PICTURE * 255).astype(np.uint8), 1)
    writer.add_image("gray", PICTURE[0], 1, dataformats="HW")
    writer.add_image("last", t(PICTURE.transpose(1, 2, 0).copy()), 2, dataformats="HWC")
    writer.add_images("grid", t(np.stack([PICTURE[:1]] * 11)), 2)
    writer.add_image_with_boxes("boxes", t(PICTURE), t([[1, 1, 5, 4], [0, 0, 3, 3]]), labels=["one", "two"])
    writer.add_audio("sound", t(np.sin(np.arange(100) / 9).astype(np.float32)), 1, sample_rate=8000)
    writer.add_text("words", "**bold** ä", 3)
    writer.add_tensor("tensor", values, 1)
    writer.add_tensor("whole", t([[1, -2], [3, 4]]), 1)
    writer.add_tensor("truth", t([True, False]), 1)
    writer.add_tensor("small", t([-1, 2], dtype=library.int8), 1)
    labels = np.random.default_rng(2).integers(2, size=60)
    chances = np.random.default_rng(3).random(60)
    writer.add_pr_curve("curve", labels, chances, 1)
    writer.add_pr_curve("weighted", t(labels), t(chances), 1, num_thresholds=9, weights=chances)
    writer.add_pr_curve_raw("known", *([0.5, 1, 2] for _ in range(6)), global_step=2, num_thresholds=3)
    writer.add_custom_scalars({"c": {"m": ["Multiline", ["loss/train", "x"]], "n": ["Margin", ["a", "b", "c"]]}})
    writer.add_custom_scalars_multilinechart(["a", "b"], title="lines")
    writer.add_custom_scalars_marginchart(["a", "b", "c"], "here")
    writer.add_mesh("shape", t(np.ones((1, 4, 3), np.float32)), t(np.ones((1, 4, 3))), t(np.ones((1, 2, 3))), {"k": 1})
    writer.add_hparams(
        {"lr": 0.1, "size": 3, "name": "x", "flag": True, "none": None}, {"accuracy": 0.5, "loss": t(1.0)},
        {"name": ["x", "y"], "lr": [0.1, 0.2]}, run_name="run",
    )  # fmt: skip
    writer.add_embedding(values[:4], ["a", "b", "c", "d"], t(np.stack([PICTURE] * 4)), 2, tag="with/slash")
    writer.add_embedding(values[:2], [("a", 1), ("b", 2)], global_step=3, metadata_header=["name", "number"])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What both libraries have written, TensorBoard's package being there."""
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter as Original

    folders = {}
    for library, kind in ((flambeau, SummaryWriter), (torch, Original)):
        folder = folders[library.__name__] = tmp_path_factory.mktemp(library.__name__)
        with kind(folder, purge_step=2) as writer:
            write_everything(library, writer)
    return folders


def events(folder: Path) -> dict[str, Any]:
    """The events of every file below a folder, by file's folder and order, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        for number, record in enumerate(RawEventFileLoader(str(path)).Load()):
            found[f"{path.parent.relative_to(folder)}/{number}"] = Event.FromString(record)
    return found


def test_files_hold_what_pytorchs_hold(written):
    ours, theirs = events(written["flambeau"]), events(written["torch"])
    assert ours.keys() == theirs.keys()
    for place, expected in theirs.items():
        event = ours[place]
        for each in (event, expected):
            each.ClearField("source_metadata")
            if each.wall_time != 12.5:
                each.wall_time = 0
        assert _hyperparameters(event) == _hyperparameters(expected), place
        assert event == expected, place


def _hyperparameters(event: Any) -> list[Any]:
    """Take a run's hyperparameters out of an event: they have no order among their bytes."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found = []
    for value in event.summary.value:
        if value.tag == "_hparams_/session_start_info":
            found.append(HParamsPluginData.FromString(value.metadata.plugin_data.content))
            value.metadata.plugin_data.content = b""
    return found


def test_the_projectors_files_are_those_that_pytorch_writes(written):
    ours, theirs = written["flambeau"], written["torch"]
    names = {path.relative_to(theirs) for path in theirs.rglob("*") if path.suffix in (".tsv", ".png", ".pbtxt")}
    assert {path.relative_to(ours) for path in ours.rglob("*") if path.suffix in (".tsv", ".png", ".pbtxt")} == names
    for name in names:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_tensorboard_finds_scalars_and_the_graph(tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    class Net(flambeau.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = flambeau.nn.Sequential(flambeau.nn.Linear(4, 3), flambeau.nn.ReLU())

        def forward(self, input: flambeau.Tensor) -> flambeau.Tensor:
            return self.layers(input).softmax(1) if input.sum() < 1e6 else input

    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("x", 2.5, 3)
        writer.add_graph(Net(), flambeau.ones(2, 4))
    read = accumulators.EventAccumulator(str(tmp_path))
    read.Reload()
    (event,) = read.Scalars("x")
    assert (event.step, event.value) == (3, 2.5)
    nodes = {node.name: node for node in read.Graph().node}
    assert nodes["Net/Sequential[layers]/Linear[0]/weight"].op == "Parameter"
    (relu,) = [node for node in nodes.values() if node.op == "relu"]
    assert relu.name.startswith("Net/Sequential[layers]/ReLU[1]/relu_")
    assert [dim.size for dim in relu.attr["_output_shapes"].list.shape[0].dim] == [2, 3]
    assert all(source in nodes for node in nodes.values() for source in node.input)
    assert len(nodes["output/output.1"].input) == 1


# --- without TensorBoard ---------------------------------------------------------------------------------------------------


def bytewise(data: bytes) -> int:
    """The checksum by its definition: a division of polynomials, bit by bit."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF


@pytest.mark.parametrize("count", [0, 1, 8, 9, 511, 4095, 4096, 4097, 5003])
def test_checksums(count):
    assert crc32c(b"123456789") == 0xE3069283  # the test value of the definition
    data = np.random.default_rng(count).bytes(count)
    assert crc32c(data) == bytewise(data)


def records(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack_from("<Q", data)
        for checked, place in ((data[:8], 8), (data[12 : 12 + length], 12 + length)):
            crc = bytewise(checked)
            (masked,) = struct.unpack_from("<I", data, place)
            assert masked == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        yield data[12 : 12 + length]
        data = data[16 + length :]


def test_a_scalars_record(tmp_path):
    """Field by field: time, step -1 as 64 bits, and the summary of one value with its tag and number."""
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("a", 0.5, -1, walltime=2.0)
    (path,) = tmp_path.iterdir()
    first, second = records(path)
    assert first[0] == 0x09 and first[9:] == b"\x1a\x0dbrain.Event:2"
    step = b"\x10" + b"\xff" * 9 + b"\x01"
    assert second == b"\x09" + struct.pack("<d", 2.0) + step + b"\x2a\x0a\x0a\x08\x0a\x01a\x15" + struct.pack("<f", 0.5)


def test_what_is_added_is_in_the_file_after_flush_close_or_many_events(tmp_path):
    writer = SummaryWriter(tmp_path / "run", max_queue=3, filename_suffix=".end")
    (path,) = (tmp_path / "run").iterdir()
    assert path.name.startswith("events.out.tfevents.") and path.name.endswith(".end")
    writer.add_scalar("a", 1)
    assert len(list(records(path))) == 1
    writer.flush()
    assert len(list(records(path))) == 2
    for step in range(4):
        writer.add_scalar("a", 1, step)
    assert len(list(records(path))) == 6
    writer.close()
    writer.close()
    writer.add_scalar("again", 1)
    writer.close()
    assert len(list((tmp_path / "run").iterdir())) == 2


def refused(error: type[Exception], words: str, call: Callable[[SummaryWriter], Any]) -> tuple[Any, ...]:
    return error, words, call


@pytest.mark.parametrize("error, words, call", [
    refused(AssertionError, "should contain one element", lambda w: w.add_scalar("a", flambeau.ones(2))),
    refused(NotImplementedError, "numpy array or torch tensor are expected", lambda w: w.add_scalar("a", object())),
    refused(ValueError, "no element", lambda w: w.add_histogram("a", flambeau.ones(0))),
    refused(ValueError, "bucket_limits", lambda w: w.add_histogram_raw("a", 0, 1, 2, 3, 4, [1, 2], [1])),
    refused(AssertionError, "size of input tensor", lambda w: w.add_image("a", flambeau.ones(2, 2))),
    refused(AssertionError, "shorthand twice", lambda w: w.add_image("a", flambeau.ones(2, 2), dataformats="HH")),
    refused(TypeError, "should be dictionary", lambda w: w.add_hparams([], {})),
    refused(ValueError, "value should be one of", lambda w: w.add_hparams({"a": []}, {})),
    refused(AssertionError, "mat should be 2D", lambda w: w.add_embedding(flambeau.ones(3))),
    refused(AssertionError, "Expected 3 tags", lambda w: w.add_custom_scalars_marginchart(["a"])),
])  # fmt: skip
def test_what_cannot_be_written_is_refused(tmp_path, error, words, call):
    with SummaryWriter(tmp_path) as writer, pytest.raises(error, match=words):
        call(writer)
