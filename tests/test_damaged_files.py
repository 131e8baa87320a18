"""Damaged files, and files made to do harm: an error that is documented and names the file, or the right result."""

import collections
import gzip
import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from damaged_files import BOMBS, CALLS, DOUBLING, FORMATS, MUCH
from PIL import Image

import flambeau
from flambeau.vision.datasets.batches import read_batch

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


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_damaged_files_at_random(tmp_path):
    report = read_damaged(tmp_path, 150)
    assert set(report["outcomes"]) == set(FORMATS)
    assert not report["wrong"], "\n".join(f"{w['format']} {w['how']}: {w['message']}" for w in report["wrong"][:5])


def archive_with(path, changes=None, compression=zipfile.ZIP_STORED, value=None):
    """A file of PyTorch's with other records."""
    file = io.BytesIO()
    torch.save(torch.arange(4) if value is None else value, file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(path, "w", compression) as archive:
        for name in source.namelist():
            record = (changes or {}).get(name.partition("/")[2], source.read(name))
            if record is not None:
                archive.writestr(name, record)
    return path


def raises_about(path, *errors, match):
    """Reading the file raises one of these errors, and not a class derived from it; it says which file."""
    with pytest.raises(errors, match=match) as caught:
        flambeau.load(path)
    assert type(caught.value) in errors and str(path) in str(caught.value)


def test_an_unknown_byte_order_is_an_error(tmp_path):
    for order in (b"middle", b"", b"BIG", b"\xff\xfe", b"little "):
        raises_about(archive_with(tmp_path / "a.pt", {"byteorder": order}), RuntimeError, match="Unknown endianness")
    assert flambeau.load(archive_with(tmp_path / "a.pt", {"byteorder": None})).tolist() == [0, 1, 2, 3]
    file = io.BytesIO()
    torch.save(torch.arange(4), file, _use_new_zipfile_serialization=False)
    old = file.getvalue()
    path = tmp_path / "old.pt"
    path.write_bytes(old.replace(b"little_endianq\x02\x88", b"little_endianq\x02N"))
    raises_about(path, RuntimeError, match="Unknown endianness")
    path.write_bytes(old.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89")[:-32] + old[-32:][::-1])
    assert flambeau.load(path).tolist() == [3, 2, 1, 0]


def test_compressed_archives_are_read_if_they_are_no_bombs(tmp_path):
    path = archive_with(tmp_path / "a.pt", compression=zipfile.ZIP_DEFLATED)
    assert flambeau.load(path).tolist() == [0, 1, 2, 3]
    bomb = archive_with(path, {"data.pkl": bytes(MUCH)}, compression=zipfile.ZIP_DEFLATED)
    raises_about(bomb, RuntimeError, match="records of")


def overlapping(path, count):
    """An archive whose directory has one record many times."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps(1))
        archive.writestr("a/data/0", bytes(10000))
        archive.filelist += [archive.filelist[-1]] * count


def test_a_record_longer_than_the_archive(tmp_path):
    path = archive_with(tmp_path / "a.pt")
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"data.pkl"))
    for place in (20, 24):  # its size as stored, and as read
        damaged = bytearray(data)
        damaged[entry + place : entry + place + 4] = (1 << 31).to_bytes(4, "little")
        path.write_bytes(damaged)
        raises_about(path, RuntimeError, match="records of 2147")


def test_records_that_overlap(tmp_path):
    overlapping(tmp_path / "a.pt", 100)
    raises_about(tmp_path / "a.pt", RuntimeError, match="records of")


def test_a_memory_must_be_in_the_file(tmp_path):
    file = io.BytesIO()
    torch.save([torch.arange(4), torch.ones(3)], file, _use_new_zipfile_serialization=False)
    old, path = file.getvalue(), tmp_path / "a.pt"
    keys = old.rindex(b"\x80\x02]")
    names = pickle.loads(old[keys:])
    for wrong in ([], names[:1], names[:1] * 2, [*names, names[0]], [*names, []], [*names, 2**70], None, {"a": 1}):
        path.write_bytes(old[:keys] + pickle.dumps(wrong, 2) + bytes(60))
        raises_about(path, RuntimeError, match="does not list the memories")
    path.write_bytes(old.replace(b"K\x04", b"J\xff\xff\xff\x7f"))
    raises_about(path, RuntimeError, match="tensors of 17179869")
    path.write_bytes(old[:-5])
    raises_about(path, RuntimeError, EOFError, match="cut short")


class Memory:
    pass


class Rebuilt:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, (*self.arguments, False, collections.OrderedDict())


class MemoryPickler(pickle.Pickler):
    identity = ("storage", torch.FloatStorage, "0", "cpu", 4)

    def persistent_id(self, value):
        return self.identity if isinstance(value, Memory) else None


def pickled(value, identity=MemoryPickler.identity):
    stream = io.BytesIO()
    pickler = MemoryPickler(stream, 2)
    pickler.identity = identity
    pickler.dump(value)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("offset", "sizes", "strides"),
    [
        (0, (2**40, 2**40), (0, 0)),
        (0, (2**62,), (0,)),
        (0, (2**70,), (0,)),
        (0, (1,), (2**70,)),
        (2**70, (0,), (1,)),
        (0, (1,) * 100, (1,) * 100),
        (0, (1, 1), (1,)),
        (0, ("1",), (1,)),
        (0, (1.5,), (1,)),
        (True, (1,), (1,)),
        ("0", (1,), (1,)),
        (0, (-1,), (1,)),
    ],
)
def test_tensors_that_cannot_be(tmp_path, offset, sizes, strides):
    data = pickled(Rebuilt(Memory(), offset, sizes, strides))
    path = archive_with(tmp_path / "a.pt", {"data.pkl": data, "data/0": bytes(16)})
    raises_about(path, RuntimeError, pickle.UnpicklingError, match="Trying to create|data/0")


@pytest.mark.parametrize(
    "identity",
    [
        ("storage", torch.FloatStorage, "0", "cpu", 2**62),
        ("storage", torch.FloatStorage, "0", "cpu", -1),
        ("storage", torch.FloatStorage, "0", "cpu", "4"),
        ("storage", torch.FloatStorage, "0", None, 4),
        ("storage", torch.FloatStorage, ("0",), "cpu", 4),
        ("storage", torch.Tensor, "0", "cpu", 4),
        ("storage", "0", "cpu", 4),
        ("other", torch.FloatStorage, "0", "cpu", 4),
        b"storage",
    ],
)
def test_memories_that_cannot_be(tmp_path, identity):
    data = pickled(Rebuilt(Memory(), 0, (1,), (1,)), identity)
    path = archive_with(tmp_path / "a.pt", {"data.pkl": data, "data/0": bytes(16)})
    raises_about(path, RuntimeError, pickle.UnpicklingError, match="damaged")


@pytest.mark.parametrize("bomb", [*BOMBS, b"(" + b"K\x01" + b"2\x86" * 40 + b"Qt", b"K\x01" + b"2\x86" * 40 + b")R"])
def test_tuples_that_double_are_refused(tmp_path, bomb):
    for read, path in (
        (flambeau.load, archive_with(tmp_path / "a.pt", {"data.pkl": b"\x80\x02" + bomb + b"."})),
        (lambda path: flambeau.load(path, weights_only=False), tmp_path / "a.pt"),
        (read_batch, tmp_path / "batch"),
    ):
        (tmp_path / "batch").write_bytes(b"\x80\x02" + bomb + b".")
        with pytest.raises(pickle.UnpicklingError, match=str(tmp_path)):
            read(str(path))


def test_keys_of_ordinary_tuples_are_no_bombs(tmp_path):
    shared = ((1, 2), (3, (4, "five")), frozenset({6}))
    value = {"many": {(shared, number): number for number in range(1000)}, "big": {1 << 500: 1}}
    torch.save(value, tmp_path / "a.pt")
    assert flambeau.load(tmp_path / "a.pt", weights_only=False) == value
    assert flambeau.load(archive_with(tmp_path / "b.pt", value={(1, (2, (3,))): [{5: 6}]})) == {
        (1, (2, (3,))): [{5: 6}]
    }


@pytest.mark.parametrize("call", CALLS)
def test_calls_that_take_memory_or_time_are_refused(tmp_path, call):
    raises_about(
        archive_with(tmp_path / "a.pt", {"data.pkl": b"\x80\x02" + call + b"."}), pickle.UnpicklingError, match=r"."
    )


def test_bytes_of_every_protocol(tmp_path):
    value = {"none": b"", "all": bytes(range(256)), "array": bytearray(b"\x80x"), "empty": bytearray()}
    for protocol in range(2, 6):
        path = archive_with(tmp_path / "a.pt", {"data.pkl": pickle.dumps(value, protocol)})
        if protocol > 2:  # what protocol 2 calls for no bytes, PyTorch does not list either
            assert flambeau.load(path) == value
        (tmp_path / "batch").write_bytes(pickle.dumps(value, protocol))
        assert read_batch(str(tmp_path / "batch")) == value


def test_states_that_double_are_refused(tmp_path):
    for call in (b"ccollections\nOrderedDict\n)R", b"ccollections\nCounter\n)R"):
        path = archive_with(tmp_path / "a.pt", {"data.pkl": b"\x80\x02" + call + DOUBLING + b"b."})
        raises_about(path, pickle.UnpicklingError, match="setting the state")
    with pytest.raises(TypeError, match="must be a device"):
        flambeau.device(((1,),))


if __name__ == "__main__":
    print(json.dumps(read_damaged(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]), indent=1))
