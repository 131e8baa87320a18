"""What PyTorch writes beside tensors and containers: storages, whole modules, generators, layouts, plain pickles."""

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

import flambeau

LEGACY = [False, True]
DIRECTIONS = pytest.mark.parametrize(
    ("write", "read", "writer", "reader"),
    [
        (torch.save, flambeau.load, torch, flambeau),
        (flambeau.save, torch.load, flambeau, torch),
        (flambeau.save, flambeau.load, flambeau, flambeau),
    ],
    ids=["theirs to ours", "ours to theirs", "ours"],
)
pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")


def written(value, save, legacy=False):
    file = io.BytesIO()
    save(value, file, _use_new_zipfile_serialization=not legacy)
    file.seek(0)
    return file


@pytest.mark.parametrize("legacy", LEGACY)
@DIRECTIONS
def test_storages(write, read, writer, reader, legacy):
    tensor = writer.arange(4.0)
    loaded, storage, row = read(written([tensor, tensor.storage(), tensor[1:]], write, legacy))
    assert isinstance(storage, reader.storage.TypedStorage if reader is torch else reader.TypedStorage)
    assert storage.dtype == reader.float32 and storage.tolist() == [0.0, 1.0, 2.0, 3.0]
    loaded[2] = 7
    assert storage[2] == row[1].item() == 7.0
    if not (legacy and writer is torch and reader is torch):
        untyped = read(written(writer.arange(3, dtype=writer.int16).untyped_storage(), write, legacy))
        # PyTorch, too, reads an untyped storage as one of bytes.
        assert untyped.dtype == reader.uint8 and untyped.tolist() == [0, 0, 1, 0, 2, 0]
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        write([tensor, tensor.untyped_storage()], io.BytesIO(), _use_new_zipfile_serialization=not legacy)


def test_storages_by_pickle_and_copy():
    storage = flambeau.arange(3.0).storage()
    for again in (pickle.loads(pickle.dumps(storage)), copy.deepcopy(storage)):
        assert type(again) is type(storage) and again.dtype is flambeau.float32 and again.tolist() == [0.0, 1.0, 2.0]
    assert flambeau.load(written(flambeau.FloatStorage, flambeau.save)) is flambeau.FloatStorage


@pytest.mark.parametrize("legacy", LEGACY)
def test_whole_modules(legacy):
    theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Linear(4, 3)).eval()
    ours = flambeau.load(written(theirs, torch.save, legacy), weights_only=False)
    x = torch.arange(36.0).reshape(1, 1, 6, 6) / 36
    assert type(ours[1]) is flambeau.nn.BatchNorm2d and not ours.training
    assert np.allclose(ours(flambeau.tensor(x.numpy())).detach().numpy(), theirs(x).detach().numpy(), atol=1e-6)
    again = torch.load(written(ours, flambeau.save, legacy), weights_only=False)
    assert torch.equal(again(x), theirs(x))
    lazy = flambeau.load(written(torch.nn.LazyLinear(3), torch.save, legacy), weights_only=False)
    assert type(lazy) is flambeau.nn.LazyLinear
    with pytest.raises(pickle.UnpicklingError, match="add_safe_globals"):
        flambeau.load(written(theirs, torch.save, legacy))


@pytest.mark.parametrize("legacy", LEGACY)
@DIRECTIONS
def test_layouts(write, read, writer, reader, legacy):
    assert read(written([writer.strided], write, legacy)) == [reader.strided]


def test_layouts_are_single_objects():
    for value in (flambeau.strided, flambeau.channels_last):
        assert copy.deepcopy(value) is pickle.loads(pickle.dumps(value)) is value
        assert flambeau.load(written(value, flambeau.save), weights_only=False) is value


def test_generators_and_their_states():
    torch.manual_seed(5)
    generator = torch.Generator().manual_seed(3)
    states = flambeau.load(written([torch.get_rng_state(), generator.get_state()], torch.save))
    numbers = []
    for state in (*states, *states):
        flambeau.set_rng_state(state)
        numbers.append(flambeau.rand(3).tolist())
    assert numbers[:2] == numbers[2:] and numbers[0] != numbers[1]
    torch.randn(1)
    flambeau.set_rng_state(flambeau.load(written(torch.get_rng_state(), torch.save)))
    assert flambeau.rand(3).tolist() not in numbers

    ours = flambeau.load(written(generator, torch.save), weights_only=False)
    flambeau.rand(3, generator=ours)
    copies = [copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))]
    copies.append(flambeau.load(written(ours, flambeau.save), weights_only=False))
    expected = flambeau.rand(3, generator=ours).tolist()
    assert all(flambeau.rand(3, generator=copied).tolist() == expected for copied in copies)


@pytest.mark.parametrize("library", [torch, flambeau])
def test_states_that_are_none(library):
    before = library.get_rng_state()
    for size in (0, 15, 17, 5055):
        with pytest.raises(RuntimeError, match="size to be"):
            library.set_rng_state(library.zeros(size, dtype=library.uint8))
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        library.set_rng_state(library.zeros(5056, dtype=library.uint8))
    for wrong in (library.zeros(5056), [1]):
        with pytest.raises(TypeError, match=r"torch\.ByteTensor"):
            library.set_rng_state(wrong)
    assert library.get_rng_state().tolist() == before.tolist()


def test_plain_pickles_of_pytorch(tmp_path):
    # In a process of its own: pickle names ``torch.channels_last`` after whatever module has an attribute ``torch``.
    writing = """
import pickle, sys, torch
linear = torch.nn.Linear(2, 2)
values = {
    "tensor": torch.arange(3),
    "view": torch.arange(6.0).reshape(2, 3).t(),
    "module": linear,
    "parameter": linear.weight,
    "others": [torch.float16, torch.Size([1]), torch.device("cpu"), torch.strided, torch.channels_last],
    "storage": torch.arange(3.0).storage(),
    "bytes": torch.arange(3, dtype=torch.uint8).untyped_storage(),
    "generator": torch.Generator(),
}
pickle.dump(values, open(sys.argv[1], "wb"))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", writing, str(tmp_path / "values")], check=True, timeout=60)
    program = """
import pickle, sys, torch
values = pickle.load(open(sys.argv[1], "rb"))
assert values["tensor"].tolist() == [0, 1, 2] and values["view"].stride() == (1, 3)
assert values["view"].tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
assert type(values["module"]) is torch.nn.Linear and torch.equal(values["module"].weight, values["parameter"])
assert values["parameter"].requires_grad and values["module"](torch.ones(1, 2)).shape == (1, 2)
assert values["others"] == [torch.float16, torch.Size([1]), torch.device("cpu"), torch.strided, torch.channels_last]
assert values["storage"].tolist() == [0.0, 1.0, 2.0] and values["bytes"].tolist() == [0, 1, 2]
torch.rand(2, generator=values["generator"])
"""
    command = [sys.executable, "-m", "flambeau", "run", "-c", program, str(tmp_path / "values")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def test_map_location_may_move_storages():
    for legacy in LEGACY:
        value = {"a": torch.arange(3), "b": torch.ones(2)}
        moved = flambeau.load(written(value, torch.save, legacy), map_location=lambda storage, place: storage.clone())
        assert moved["a"].tolist() == [0, 1, 2] and moved["b"].tolist() == [1.0, 1.0]


def test_only_archives_can_be_mapped(tmp_path):
    for legacy in LEGACY:
        path = tmp_path / f"{legacy}.pt"
        torch.save([torch.ones(2)], path, _use_new_zipfile_serialization=not legacy)
        for load in (torch.load, flambeau.load):
            if legacy:
                with pytest.raises(RuntimeError, match="mmap can only be used"):
                    load(path, mmap=True)
            else:
                assert load(path, mmap=True)[0].tolist() == [1.0, 1.0]


def test_errors_of_the_callers_own_code_are_not_the_files():
    def fail(storage, place):
        return {}[place]

    for legacy in LEGACY:
        for load, save in ((torch.load, torch.save), (flambeau.load, flambeau.save)):
            value = [torch.ones(2)] if load is torch.load else [flambeau.ones(2)]
            with pytest.raises(KeyError, match="^'cpu'$"):
                load(written(value, save, legacy), map_location=fail)


BUFFERS = [
    ("FloatStorage", "big", {}),
    ("FloatStorage", "little", {"count": 1, "offset": 4}),
    ("FloatStorage", "native", {}),
    ("FloatStorage", "middle", {}),
    ("FloatStorage", None, {}),
    ("FloatStorage", "little", {"offset": 1}),
    ("FloatStorage", "little", {"count": 4}),
    ("FloatStorage", "little", {"offset": 13}),
    ("BFloat16Storage", "big", {}),
    ("BoolStorage", None, {}),
    ("BoolStorage", "native", {}),
    ("CharStorage", None, {}),
    ("ByteStorage", None, {}),
    ("UntypedStorage", "big", {"dtype": "int16"}),
    ("UntypedStorage", None, {"dtype": "uint8"}),
    ("TypedStorage", "big", {"dtype": "int32"}),
]


@pytest.mark.parametrize(("name", "order", "options"), BUFFERS)
def test_storages_of_buffers(name, order, options):
    data = bytes(range(65, 77))
    results = []
    for library in (torch, flambeau):
        keywords = {key: getattr(library, value) if key == "dtype" else value for key, value in options.items()}
        if order is not None:
            keywords["byte_order"] = order
        try:
            results.append(getattr(library, name).from_buffer(data, **keywords).tolist())
        except (RuntimeError, ValueError) as error:
            results.append(type(error))
    assert results[0] == results[1]


def test_parts_of_storages_in_files_of_the_first_versions(tmp_path):
    class Part:
        pass

    class PartPickler(pickle.Pickler):
        place = ("part", 1, 2)

        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "0", "cpu", 4, self.place) if isinstance(value, Part) else None

    class Rebuilt:
        def __reduce__(self):
            return torch._utils._rebuild_tensor, (Part(), 0, (2,), (1,))

    path = tmp_path / "old.pt"
    for place in (("part", 1, 2), ("part", 3, 2), ("part", -1, 2), ("part", 1, 1), ("part", "1", 2), ("part",)):
        stream = io.BytesIO()
        torch.save(torch.ones(1), stream, _use_new_zipfile_serialization=False)
        stream.seek(0)
        for _ in range(3):
            pickle.load(stream)
        stream.truncate()
        pickler = PartPickler(stream, 2)
        pickler.place = place
        pickler.dump([Rebuilt(), Rebuilt()])
        pickle.dump(["0"], stream, 2)
        stream.write((4).to_bytes(8, "little") + np.arange(4, dtype=np.float32).tobytes())
        path.write_bytes(stream.getvalue())
        if place == ("part", 1, 2):
            for load in (torch.load, flambeau.load):
                first, second = load(path)
                assert first.tolist() == [1.0, 2.0]
                first[0] = 9
                assert second[0].item() == 9.0
        else:
            with pytest.raises((RuntimeError, pickle.UnpicklingError), match=str(path)):
                flambeau.load(path)


def test_errors_name_files_that_were_opened(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"no checkpoint")
    with open(path, "rb") as file, pytest.raises(pickle.UnpicklingError, match=str(path)):
        flambeau.load(file)
    with pytest.raises(pickle.UnpicklingError, match="the file"):
        flambeau.load(io.BytesIO(b"no checkpoint"))


@pytest.mark.parametrize("legacy", [False, True])
def test_memory_that_holds_the_opposite_numbers(legacy):
    value = torch.tensor([1 + 2j, 3 - 4j]).conj().imag
    assert value.is_neg()
    file = io.BytesIO()
    torch.save({"value": value}, file, _use_new_zipfile_serialization=not legacy)
    file.seek(0)
    assert flambeau.load(file)["value"].tolist() == [-2.0, 4.0]
