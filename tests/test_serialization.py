"""Files: written here and read by PyTorch, the other way round, and what must not be read."""

import collections
import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

import flambeau
from flambeau import nn
from flambeau.serialization import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals

DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
LEGACY = [False, True]


def written(value, save=flambeau.save, **options):
    file = io.BytesIO()
    save(value, file, **options)
    file.seek(0)
    return file


def legacy_option(legacy):
    return {"_use_new_zipfile_serialization": not legacy}


@pytest.mark.parametrize("legacy", LEGACY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_travel_both_ways(dtype, legacy):
    values = [[0, 1, 1], [1, 0, 1]]
    ours = flambeau.tensor(values, dtype=getattr(flambeau, dtype))
    theirs = torch.tensor(values, dtype=getattr(torch, dtype))
    read = torch.load(written(ours, **legacy_option(legacy)))
    assert read.dtype == theirs.dtype and torch.equal(read, theirs)
    back = flambeau.load(written(theirs, torch.save, **legacy_option(legacy)))
    assert back.dtype is ours.dtype and back.tolist() == ours.tolist()


@pytest.mark.parametrize("legacy", LEGACY)
@pytest.mark.parametrize(
    ("write", "read", "library"),
    [(flambeau.save, torch.load, flambeau), (torch.save, flambeau.load, torch)],
    ids=["ours", "theirs"],
)
def test_views_share_memory_after_the_journey(write, read, library, legacy):
    base = library.arange(12.0).reshape(3, 4)
    saved = {"base": base, "t": base.t(), "row": base[1], "step": base[:, ::2], "expanded": base[:, :1].expand(3, 5)}
    loaded = read(written(saved, write, **legacy_option(legacy)))
    for name, tensor in saved.items():
        assert loaded[name].tolist() == tensor.tolist()
        assert tuple(loaded[name].stride()) == tuple(tensor.stride())
        assert loaded[name].storage_offset() == tensor.storage_offset()
    loaded["base"][1, 0] = 100.0
    assert loaded["row"][0].item() == loaded["t"][0, 1].item() == loaded["step"][1, 0].item() == 100.0


def test_a_view_saves_the_memory_behind_it():
    large = flambeau.zeros(100_000)
    assert len(written(large[:2]).getbuffer()) > 400_000
    assert len(written(large[:2].clone()).getbuffer()) < 4_000


def containers(library):
    return {
        "nothing": None,
        "numbers": [1, -(2**70), 1.5, True, 2 + 3j],
        "text": ("a", b"bytes", "ü"),
        "ordered": collections.OrderedDict(b=1, a=library.ones(2)),
        "counted": collections.Counter("aab"),
        "set": {1, 2},
        "dtype": library.bfloat16,
        "bool": library.bool,
        "size": library.Size([2, 3]),
        "device": library.device("cpu"),
        "cuda": library.device("cuda", 1),
        5: library.empty(0, 3),
    }


@pytest.mark.parametrize("legacy", LEGACY)
@pytest.mark.parametrize(
    ("write", "read", "writer", "reader"),
    [
        (flambeau.save, torch.load, flambeau, torch),
        (torch.save, flambeau.load, torch, flambeau),
        (flambeau.save, flambeau.load, flambeau, flambeau),
    ],
    ids=["ours to theirs", "theirs to ours", "ours"],
)
def test_containers(write, read, writer, reader, legacy):
    loaded = read(written(containers(writer), write, **legacy_option(legacy)))
    expected = containers(reader)
    assert loaded.keys() == expected.keys()
    for key, value in expected.items():
        assert type(loaded[key]) is type(value), key
        if key == "ordered":
            assert list(loaded[key]) == ["b", "a"] and loaded[key]["a"].tolist() == [1.0, 1.0]
        elif key == 5:
            assert loaded[key].shape == value.shape
        else:
            assert loaded[key] == value, key


def small_network(library):
    return library.nn.Sequential(library.nn.Linear(4, 3), library.nn.BatchNorm1d(3), library.nn.ReLU())


@pytest.mark.parametrize("legacy", LEGACY)
def test_state_dicts_travel_both_ways(legacy):
    ours, theirs = small_network(flambeau), small_network(torch)
    theirs.load_state_dict(torch.load(written(ours.state_dict(), **legacy_option(legacy))))
    for name, tensor in ours.state_dict().items():
        assert theirs.state_dict()[name].tolist() == tensor.tolist()
    with torch.no_grad():
        theirs[0].weight.mul_(2)
    ours.load_state_dict(flambeau.load(written(theirs.state_dict(), torch.save, **legacy_option(legacy))))
    assert ours[0].weight.tolist() == theirs[0].weight.tolist()
    assert ours.state_dict()._metadata.keys() == theirs.state_dict()._metadata.keys()


def test_parameters_stay_parameters():
    parameter = nn.Parameter(flambeau.ones(2))
    ours = flambeau.load(written({"a": parameter, "again": parameter, "fixed": nn.Parameter(flambeau.ones(1), False)}))
    assert type(ours["a"]) is nn.Parameter and ours["a"].requires_grad and ours["again"] is ours["a"]
    assert not ours["fixed"].requires_grad
    theirs = torch.load(written(parameter))
    assert type(theirs) is torch.nn.Parameter and theirs.requires_grad
    assert type(flambeau.load(written(theirs, torch.save))) is nn.Parameter


def test_requires_grad_is_kept():
    leaf = flambeau.ones(2, requires_grad=True)
    assert flambeau.load(written(leaf)).requires_grad
    assert flambeau.load(written(leaf * 2)).tolist() == [2.0, 2.0]


def test_training_goes_on_where_it_stopped():
    def step(network, optimizer):
        optimizer.zero_grad()
        network(flambeau.ones(5, 4)).square().sum().backward()
        optimizer.step()

    flambeau.manual_seed(0)
    network = small_network(flambeau)
    optimizer = flambeau.optim.Adam(network.parameters(), lr=0.1)
    step(network, optimizer)
    file = written({"net": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1})
    step(network, optimizer)

    other = small_network(flambeau)
    resumed = flambeau.optim.Adam(other.parameters(), lr=0.5)
    checkpoint = flambeau.load(file)
    other.load_state_dict(checkpoint["net"])
    resumed.load_state_dict(checkpoint["optimizer"])
    step(other, resumed)
    for a, b in zip(network.parameters(), other.parameters()):
        assert a.tolist() == b.tolist()


def test_whole_modules_need_trust():
    network = small_network(flambeau)
    file = written(network)
    with pytest.raises(pickle.UnpicklingError, match="add_safe_globals"):
        flambeau.load(file)
    file.seek(0)
    loaded = flambeau.load(file, weights_only=False)
    x = flambeau.ones(2, 4)
    assert type(loaded[0]) is nn.Linear and loaded(x).tolist() == network(x).tolist()
    file = written(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh()).eval(), torch.save)
    theirs = flambeau.load(file, weights_only=False)
    assert type(theirs[1]) is nn.Tanh and theirs(flambeau.ones(1, 2)).shape == (1, 2)


@pytest.mark.parametrize("legacy", LEGACY)
def test_nothing_in_a_file_runs(legacy, tmp_path):
    target = tmp_path / "ran"

    class Touch:
        def __reduce__(self):
            return open, (str(target), "w")

    file = io.BytesIO()
    torch.save({"weights": torch.ones(1), "x": Touch()}, file, **legacy_option(legacy))
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=r"_?io\.open"):
        flambeau.load(file)
    assert not target.exists()


def archive_with(pickled):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "pickled",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL, REDUCE
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
        b"\x80\x02ctorch\nTensor\n}S'__add__'\nK\x01sb.",  # BUILD on a class
        b"\x80\x02ctorch._utils\n_rebuild_tensor\n}(S'x'\nK\x01ub.",  # BUILD on a function
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02K\x01(tR.",  # a call of a number
        b"\x80\x02c__main__\nx\n.",
    ],
)
def test_instructions_that_could_run_something(pickled):
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        flambeau.load(archive_with(pickled))


def test_a_tensor_cannot_reach_outside_its_memory():
    storage = ("storage", torch.FloatStorage, "0", "cpu", 4)

    class Reaching:
        def __init__(self, *arguments):
            self.arguments = arguments

        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, self.arguments

    class Memory:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return storage if isinstance(value, Memory) else None

    for offset, sizes, strides in (
        (3, (2,), (1,)),
        (0, (2, 3), (3, 1)),
        (0, (5,), (1,)),
        (-1, (1,), (1,)),
        (2, (2,), (-1,)),
    ):
        stream = io.BytesIO()
        Pickler(stream, 2).dump(Reaching(Memory(), offset, sizes, strides, False, collections.OrderedDict()))
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a/data.pkl", stream.getvalue())
            archive.writestr("a/data/0", np.arange(4, dtype=np.float32).tobytes())
        file.seek(0)
        with pytest.raises(RuntimeError, match="out of bounds"):
            flambeau.load(file)


@pytest.mark.parametrize("what", [np.ones(2), eval, collections.deque])
def test_refusals_name_what_to_declare_safe(what):
    messages = []
    for library in (torch, flambeau):
        with pytest.raises(pickle.UnpicklingError) as caught:
            library.load(written(what, library.save))
        messages.append(str(caught.value).partition("WeightsUnpickler error: ")[2].partition("\n")[0])
    assert messages[1] == messages[0] and "add_safe_globals" in messages[0]


class Settings:
    def __init__(self, rate):
        self.rate = rate


def test_classes_declared_safe():
    file = written(Settings(0.5))
    with safe_globals([Settings]):
        assert flambeau.load(file).rate == 0.5
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="Settings was not an allowed global"):
        flambeau.load(file)
    add_safe_globals([Settings])
    try:
        assert get_safe_globals() == [Settings]
        file.seek(0)
        assert flambeau.load(file).rate == 0.5
    finally:
        clear_safe_globals()
    assert get_safe_globals() == []


def on_cuda(value):
    """A file as a machine with CUDA writes it: memory is labelled with its device."""
    stream = io.BytesIO()
    pickler = flambeau.serialization.writing.FilePickler(stream, 2)
    pickler.dump(value)
    labelled = stream.getvalue().replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", labelled)
        for memory in pickler.memories:
            archive.writestr(f"archive/data/{memory.key}", memory.bytes())
    return file


@pytest.mark.parametrize(
    "where",
    ["cpu", flambeau.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage],
    ids=["name", "device", "mapping", "function"],
)
def test_map_location(where):
    file = on_cuda([flambeau.arange(3)])
    file.seek(0)
    assert flambeau.load(file, map_location=where)[0].tolist() == [0, 1, 2]


def test_without_map_location_cuda_is_missed():
    for where in (None, "cuda", {"cuda:0": "cuda:1"}, lambda storage, location: None):
        file = on_cuda(flambeau.arange(3))
        file.seek(0)
        with pytest.raises(RuntimeError, match="map_location=torch.device"):
            flambeau.load(file, map_location=where)


def test_map_location_function_sees_memory_and_place():
    seen = []

    def note(storage, location):
        seen.append((storage.tolist(), location))
        return storage

    file = on_cuda(flambeau.arange(3))
    file.seek(0)
    flambeau.load(file, map_location=note)
    assert seen == [(list(np.arange(3).view(np.uint8)), "cuda:0")]


def test_paths_and_positions(tmp_path):
    path = tmp_path / "net.pt"
    flambeau.save({"a": flambeau.ones(2)}, path)
    assert flambeau.load(str(path), mmap=True)["a"].tolist() == [1.0, 1.0]
    assert torch.load(path, mmap=True)["a"].tolist() == [1.0, 1.0]
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"net/data.pkl", "net/byteorder", "net/data/0", "net/version"}
    with pytest.raises(ValueError, match="path"):
        flambeau.load(io.BytesIO(b"x"), mmap=True)


def test_memory_is_aligned_in_the_file(tmp_path):
    path = tmp_path / "x"
    flambeau.save([flambeau.ones(n) for n in (1, 5, 33)], path)
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for info in archive.infolist():
            file.seek(info.header_offset + 26)
            name, extra = np.frombuffer(file.read(4), "<u2")
            assert (info.header_offset + 30 + int(name) + int(extra)) % 64 == 0


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.pt"
    flambeau.save([1], path)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        flambeau.save([lambda: 1], path)
    assert flambeau.load(path) == [1]
    assert os.listdir(tmp_path) == ["net.pt"]


def test_damaged_files(tmp_path):
    whole = written({"a": flambeau.arange(1000.0)}).getvalue()
    for cut in (10, len(whole) // 2, len(whole) - 10):
        with pytest.raises(RuntimeError, match="damaged or cut short"):
            flambeau.load(io.BytesIO(whole[:cut]))
    flipped = bytearray(whole)
    flipped[whole.index(b"\x00\x00\x80\x3f\x00\x00\x00\x40")] ^= 1
    with pytest.raises(RuntimeError, match="damaged"):
        flambeau.load(io.BytesIO(bytes(flipped)))
    old = written({"a": flambeau.arange(1000.0)}, **legacy_option(True)).getvalue()
    for cut in (3, 40, len(old) // 2, len(old) - 4):
        with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
            flambeau.load(io.BytesIO(old[:cut]))
    with pytest.raises(EOFError, match="empty"):
        flambeau.load(io.BytesIO())
    with pytest.raises((RuntimeError, pickle.UnpicklingError)):
        flambeau.load(io.BytesIO(b"hello, this is not a checkpoint"))
    with pytest.raises(FileNotFoundError):
        flambeau.load(tmp_path / "missing.pt")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a/readme", "x")
    other.seek(0)
    with pytest.raises(RuntimeError, match=r"no data\.pkl"):
        flambeau.load(other)


def test_files_of_a_big_endian_machine():
    file = io.BytesIO()
    with (
        zipfile.ZipFile(written(flambeau.arange(4, dtype=flambeau.int32))) as source,
        zipfile.ZipFile(file, "w") as swapped,
    ):
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("byteorder"):
                data = b"big"
            elif "/data/" in name:
                data = np.frombuffer(data, "<i4").astype(">i4").tobytes()
            swapped.writestr(name, data)
    file.seek(0)
    assert flambeau.load(file).tolist() == [0, 1, 2, 3]


def test_complex_numbers():
    values = {"z": torch.tensor([1 + 2j, 3 - 1j]), "c": torch.tensor([1 + 2j]).conj()}
    values["t"] = torch.randn(2, 3, dtype=torch.cdouble).t()
    for legacy in (False, True):
        loaded = flambeau.load(written(values, lambda value, file, legacy=legacy: torch.save(
            value, file, _use_new_zipfile_serialization=not legacy
        )))
        again = torch.load(written(loaded))
        for name, value in values.items():
            assert str(loaded[name].dtype) == str(value.dtype) and loaded[name].tolist() == value.tolist()
            assert again[name].tolist() == value.tolist() and loaded[name].stride() == value.stride()


def test_a_thousand_tensors():
    state = {f"layer.{i}.weight": flambeau.full((3,), float(i)) for i in range(1000)}
    loaded = torch.load(written(state))
    assert all(loaded[f"layer.{i}.weight"][0] == i for i in range(0, 1000, 97))


def test_attributes_and_subclasses_survive():
    class Special(flambeau.Tensor):
        pass

    globals()["Special"] = Special
    Special.__qualname__ = "Special"
    tensor = flambeau.ones(2).as_subclass(Special)
    tensor.note = "kept"
    loaded = flambeau.load(written(tensor), weights_only=False)
    assert type(loaded) is Special and loaded.note == "kept" and loaded.tolist() == [1.0, 1.0]


def test_other_pickle_modules():
    file = written({"a": flambeau.ones(2), "t": flambeau.float16}, pickle_module=_own_pickle())
    loaded = flambeau.load(file, pickle_module=pickle)
    assert loaded["a"].tolist() == [1.0, 1.0] and loaded["t"] is flambeau.float16
    file.seek(0)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        flambeau.load(file, weights_only=True, pickle_module=pickle)


def _own_pickle():
    """A module with the interface of ``pickle``, as dill or cloudpickle have it."""
    from types import ModuleType

    module = ModuleType("own_pickle")
    module.Pickler, module.Unpickler = pickle.Pickler, pickle.Unpickler
    return module


def test_files_do_not_depend_on_the_alias(tmp_path):
    path = tmp_path / "net.pt"
    flambeau.save(small_network(flambeau), path)
    program = (
        "import torch, sys; net = torch.load(sys.argv[1], weights_only=False); print(type(net[0])); "
        "torch.save(net, sys.argv[1])"
    )
    command = [sys.executable, "-m", "flambeau", "run", "-c", program, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "<class 'torch.nn.modules.linear.Linear'>\n"
    assert type(flambeau.load(path, weights_only=False)[0]) is nn.Linear
    assert type(torch.load(path, weights_only=False)[0]) is torch.nn.Linear
