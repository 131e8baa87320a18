"""Files as memory: storages and tensors that show them, as PyTorch's do."""

import numpy as np
import pytest
import torch

import flambeau

BOTH = [torch, flambeau]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(64)))
    return path


def test_storages_of_a_file(file):
    for library in BOTH:
        storage = library.UntypedStorage.from_file(str(file), False, 64).untyped()
        assert (storage.nbytes(), storage[3], storage[60:].tolist()) == (64, 3, [60, 61, 62, 63])
        elements = library.FloatStorage.from_file(str(file), False, 2)
        assert elements.tolist() == np.arange(8, dtype=np.uint8).view(np.float32).tolist()
        assert library.UntypedStorage.from_file(str(file)).nbytes() == 0
        with pytest.raises(RuntimeError, match="size <64> is smaller than the required mapping size <100>"):
            library.UntypedStorage.from_file(str(file), False, 100)
        with pytest.raises(RuntimeError, match="read-only mode: No such file or directory"):
            library.UntypedStorage.from_file(str(file) + "x", False, 100)
        with pytest.raises(RuntimeError, match="unable to mmap -3 bytes"):
            library.UntypedStorage.from_file(str(file), False, -3)
        with pytest.raises(RuntimeError, match="Trying to slice with a step of 2"):
            storage[2:8:2]
        with pytest.raises(RuntimeError, match="slices are only supported in UntypedStorage"):
            library.ones(3).storage()[0:2]
        parts = library.ones(3).untyped_storage()
        assert parts[20:2].nbytes() == 0 and parts[-4:].tolist() == [0, 0, 128, 63]
        assert library.asarray(parts[4:], dtype=library.float32).tolist() == [1, 1]
        assert library.tensor([], dtype=library.int16).set_(storage[2:10]).tolist() == [770, 1284, 1798, 2312]


@pytest.mark.parametrize("start", [0, 8, 3])
def test_tensors_of_parts_are_written_for_themselves(file, start):
    for library in BOTH:
        storage = library.UntypedStorage.from_file(str(file), False, 64)
        part = library.asarray(storage[start : start + 16], dtype=library.uint8)
        numbers = part.view(library.int32).reshape(2, 2)
        assert numbers.tolist() == np.arange(start, start + 16, dtype=np.uint8).view(np.int32).reshape(2, 2).tolist()
        assert numbers.untyped_storage().nbytes() == 16
        numbers += 1
        assert part[0] == start + 1
        assert file.read_bytes() == bytes(range(64))


def test_shared_files_are_written(file):
    for library in BOTH:
        new = file.with_name(library.__name__)
        storage = library.UntypedStorage.from_file(str(new), True, 32)
        assert storage.filename == str(new) and new.stat().st_size == 32
        storage[3] = 9
        elements = library.from_file(str(new), True, 8, dtype=library.float32)
        elements[2] = 1.5
        assert new.read_bytes()[:12] == bytes([0, 0, 0, 9, 0, 0, 0, 0]) + np.float32(1.5).tobytes()
        assert library.from_file(str(new), size=3)[2] == 1.5 and library.from_file(str(new)).shape == (0,)
        with pytest.raises(TypeError, match="from_file.*must be str, not int"):
            library.from_file(3)


def test_values_survive_the_name(file):
    storage = flambeau.UntypedStorage.from_file(str(file), False, 64)
    file.unlink()
    assert storage[8:12].tolist() == [8, 9, 10, 11]
