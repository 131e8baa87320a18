"""Data sets from files in their published layout, written here."""

import collections
import contextlib
import gzip
import http.server
import pickle
import tarfile
import threading
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision import datasets, transforms
from flambeau.vision.datasets._idx import read_idx
from flambeau.vision.datasets.batches import read_batch
from flambeau.vision.datasets.utils import calculate_md5, check_integrity, download_url, extract_archive

RANDOM = np.random.RandomState(0)


def idx(array):
    code = {"uint8": 8, "int32": 12, "float64": 14}[array.dtype.name]
    head = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(root, name="MNIST", compressed=False):
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    written = {}
    for prefix, count in (("train", 7), ("t10k", 3)):
        images = RANDOM.randint(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = RANDOM.randint(0, 10, count).astype(np.uint8)
        written[prefix] = images, labels
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = folder / f"{prefix}-{kind}-ubyte"
            if compressed:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx(array)))
            else:
                path.write_bytes(idx(array))
    return written


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_mnist(tmp_path, compressed, train):
    images, labels = write_mnist(tmp_path, compressed=compressed)["train" if train else "t10k"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = datasets.MNIST(tmp_path, train=train)
    assert len(dataset) == len(images)
    assert dataset.data.dtype == flambeau.uint8 and (dataset.data.numpy() == images).all()
    assert dataset.targets.dtype == flambeau.int64 and dataset.targets.tolist() == labels.tolist()
    picture, target = dataset[1]
    assert picture.mode == "L" and (np.asarray(picture) == images[1]).all() and target == labels[1]
    assert type(target) is int
    assert f"Split: {'Train' if train else 'Test'}" in repr(dataset)


def test_mnist_follows_what_programs_do_to_it(tmp_path):
    images, labels = write_mnist(tmp_path)["train"]
    dataset = datasets.MNIST(tmp_path, transform=transforms.ToTensor(), target_transform=lambda t: t + 100)
    picture, target = dataset[0]
    assert picture.shape == (1, 28, 28) and target == labels[0] + 100
    keep = flambeau.tensor([5, 2])
    dataset.data, dataset.targets = dataset.data[keep], dataset.targets[keep]
    assert len(dataset) == 2 and dataset[1][1] == labels[2] + 100
    assert np.allclose(dataset[0][0].numpy()[0] * 255, images[5])
    dataset.targets[0] = 3
    assert dataset[0][1] == 103
    again = pickle.loads(pickle.dumps(datasets.MNIST(tmp_path)))
    assert (np.asarray(again[3][0]) == images[3]).all()


def test_files_that_are_not_the_published_ones_are_used_with_a_warning(tmp_path):
    write_mnist(tmp_path, "FashionMNIST", compressed=True)
    with pytest.warns(UserWarning, match="not the published file of FashionMNIST"):
        dataset = datasets.FashionMNIST(tmp_path)
    assert dataset.class_to_idx["Sneaker"] == 7


def test_missing_files_are_named(tmp_path):
    with pytest.raises(RuntimeError) as error:
        datasets.MNIST(tmp_path)
    assert str(error.value).startswith("Dataset not found. You can use download=True to download it")
    assert str(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte") in str(error.value)
    with pytest.raises(RuntimeError, match="cifar-10-batches-py/data_batch_1"):
        datasets.CIFAR10(tmp_path)


def test_damaged_idx_files(tmp_path):
    path = tmp_path / "x"
    for contents in (b"", b"abc", b"\0\0\x08\x01", idx(np.zeros(9, np.uint8))[:-1], b"\1\0\x08\x01" + bytes(8)):
        path.write_bytes(contents)
        with pytest.raises(ValueError, match=r"is not an IDX file|is cut short"):
            read_idx(str(path))
    numbers = RANDOM.randint(-5, 5, (2, 3)).astype(np.int32)
    path.write_bytes(idx(numbers))
    assert (read_idx(str(path)) == numbers).all()


@pytest.mark.parametrize("compressed", [False, True])
def test_sizes_in_idx_files_are_believed_as_far_as_they_go(tmp_path, compressed):
    path = tmp_path / ("x.gz" if compressed else "x")
    whole = idx(np.arange(24, dtype=np.int32).reshape(2, 3, 4))
    large = whole[:4] + np.array([2**32 - 1] * 3, ">u4").tobytes() + whole[16:]
    zeros = idx(np.zeros(3, np.uint8)) + bytes(10**6)
    for contents in (large, zeros, whole + b"x", whole[:-1], whole[:13]):
        path.write_bytes(gzip.compress(contents) if compressed else contents)
        with pytest.raises(ValueError, match=str(path)):
            read_idx(str(path))
    packed = gzip.compress(whole)
    if compressed:
        for damaged in (packed[:-3], packed[:20], packed[:-8] + b"12345678", b"no", whole):
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=str(path)):
                read_idx(str(path))
    path.write_bytes(packed if compressed else whole)
    numbers = read_idx(str(path))
    assert numbers.dtype == np.int32 and numbers.flags.writeable and numbers[1, 2].tolist() == [20, 21, 22, 23]


def test_mnist_says_which_file_holds_something_else(tmp_path):
    write_mnist(tmp_path)
    labels = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    for wrong in (np.zeros(7), np.zeros((7, 1), np.uint8), np.zeros(6, np.uint8)):
        labels.write_bytes(idx(wrong))
        with warnings.catch_warnings(), pytest.raises(ValueError, match=str(labels)):
            warnings.simplefilter("ignore")
            datasets.MNIST(tmp_path)
    processed = tmp_path / "MNIST" / "processed" / "training.pt"
    processed.parent.mkdir()
    flambeau.save([1, 2], processed)
    with pytest.raises(RuntimeError, match=str(processed)):
        datasets.MNIST(tmp_path)


def cifar_files(protocol):
    batches = {}
    for name in [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]:
        pixels = RANDOM.randint(0, 256, (2, 3072), dtype=np.uint8)
        batches[name] = {b"data": pixels, b"labels": [1, 2], b"batch_label": b"one", b"filenames": [b"a.png", b"b.png"]}
    batches["batches.meta"] = {b"label_names": [b"plane", b"car", b"bird"], b"num_vis": 3072}
    return {name: (pickle.dumps(batch, protocol), batch) for name, batch in batches.items()}


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_cifar(tmp_path, protocol):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    files = cifar_files(protocol)
    for name, (contents, batch) in files.items():
        if protocol < 3:  # as Python 2 wrote them: text is text
            contents = pickle.dumps({k.decode(): v for k, v in batch.items()}, protocol)
        (folder / name).write_bytes(contents)
    with pytest.warns(UserWarning, match="not the published file of CIFAR10"):
        dataset = datasets.CIFAR10(tmp_path, train=True)
    assert dataset.data.shape == (10, 32, 32, 3) and dataset.targets == [1, 2] * 5
    first = files["data_batch_1"][1][b"data"][0].reshape(3, 32, 32).transpose(1, 2, 0)
    picture, target = dataset[0]
    assert picture.mode == "RGB" and (np.asarray(picture) == first).all() and target == 1


@pytest.mark.parametrize("protocol", range(6))
def test_batches_that_people_pickle(tmp_path, protocol):
    batch = {
        "data": np.asfortranarray(RANDOM.randint(0, 256, (3, 4), dtype=np.uint8)),
        b"bytes": [b"", b"\xff\x00", bytearray(b"x")],
        "numbers": [np.int64(-3), np.float32(0.5), 1.5, True, None, 2**70],
        "wide": np.arange(3, dtype=">i4"),
        "names": np.array(["plane", "ü"]),
        "none": np.zeros((0, 5)),
        "ordered": collections.OrderedDict(a=(1, 2)),
    }
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(batch, protocol))
    read = read_batch(str(path))
    assert list(read) == ["data", "bytes", *list(batch)[2:]]
    assert (
        read["bytes"] == batch[b"bytes"] and read["numbers"] == batch["numbers"] and read["ordered"] == batch["ordered"]
    )
    for name in ("data", "wide", "names", "none"):
        assert read[name].dtype.newbyteorder("=") == batch[name].dtype.newbyteorder("=")
        assert np.array_equal(read[name], batch[name])


def state_of(code, state):
    """A pickle that makes a NumPy dtype and gives it a state."""
    return (
        b"\x80\x02cnumpy\ndtype\n(U"
        + bytes([len(code)])
        + code
        + b"K\x00K\x01tR"
        + pickle.dumps(state, 2)[2:-1]
        + b"b."
    )


def array_of(shape, code, data):
    """A pickle that makes a NumPy array of this shape, dtype and contents."""
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
    dtype = b"cnumpy\ndtype\n(U" + bytes([len(code)]) + code + b"K\x00K\x01tR"
    return head + pickle.dumps(shape, 2)[2:-1] + dtype + b"\x89" + pickle.dumps(data, 2)[2:-1] + b"tb."


def test_arrays_that_native_code_must_not_see(tmp_path):
    path = tmp_path / "batch"
    ordinary = (3, "<", None, None, None, -1, -1, 0)
    for damaged in (
        state_of(b"i4", (3, "<", None, None, None, 1 << 40, -1, 0)),
        state_of(b"i4", (3, "<", None, None, None, -1, -1, 63)),
        state_of(b"i4", (3, "<", ("i4", (5,)), None, None, -1, -1, 0)),
        state_of(b"i4", (3, "<", None, ("a",), {"a": 1}, -1, -1, 0)),
        state_of(b"i4", (3, "?", None, None, None, -1, -1, 0)),
        state_of(b"i4", ordinary[:5]),
        state_of(b"O8", ordinary),
        state_of(b"V9999", ordinary),
        state_of(b"M8[s]", ordinary),
        array_of((4,), b"u1", b"abc"),
        array_of((2**62, 4), b"u1", b"abc"),
        array_of((2**32, 2**32), b"u1", b""),
        array_of((-3,), b"u1", b"abc"),
        array_of([3], b"u1", b"abc"),
        array_of((1,) * 99, b"u1", b"a"),
        array_of((1,), b"O8", [[]]),
    ):
        path.write_bytes(damaged)
        with pytest.raises(pickle.UnpicklingError, match=str(path)):
            read_batch(str(path))
    assert np.dtype("i4").itemsize == 4 and np.dtype("i4").isnative
    path.write_bytes(array_of((3,), b"u1", b"abc"))
    with pytest.raises(pickle.UnpicklingError, match="holds a ndarray, not a dict"):
        read_batch(str(path))


def test_cifar_says_which_file_holds_something_else(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    files = cifar_files(4)
    for name, (contents, _) in files.items():
        (folder / name).write_bytes(contents)
    good = files["data_batch_3"][1]
    pixels = good[b"data"]
    changes = [
        {b"data": None},
        {b"data": [[1]]},
        {b"data": pixels.astype(np.int64)},
        {b"data": pixels[:, :-1]},
        {b"data": pixels[:1]},
        {b"labels": None},
        {b"labels": ["a", "b"]},
        {b"labels": [1]},
        {b"labels": [1.5, 2]},
    ]
    for change in changes:
        (folder / "data_batch_3").write_bytes(pickle.dumps({**good, **change}))
        with warnings.catch_warnings(), pytest.raises(RuntimeError, match=str(folder / "data_batch_3")):
            warnings.simplefilter("ignore")
            datasets.CIFAR10(tmp_path)
    (folder / "data_batch_3").write_bytes(pickle.dumps({**good, b"labels": np.array([3, 4])}))
    with pytest.warns(UserWarning):
        dataset = datasets.CIFAR10(tmp_path)
    assert dataset.targets[4:6] == [3, 4] and dataset.classes == ["plane", "car", "bird"]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [1]}))
    with pytest.warns(UserWarning), pytest.raises(RuntimeError, match=r"batches\.meta"):
        datasets.CIFAR10(tmp_path)


def test_the_original_files_are_pickles_of_python_2(tmp_path):
    path = tmp_path / "batch"
    # What pickle.dump({'labels': [6], 'data': numpy.array([[59, 43]], dtype=numpy.uint8)}, f, 2) writes in Python 2.
    path.write_bytes(
        b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03K\x06aU\x04dataq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\n"
        b"ndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\t(K\x03"
        b"U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02;+tbu."
    )
    batch = read_batch(str(path))
    assert batch["labels"] == [6] and batch["data"].tolist() == [[59, 43]] and batch["data"].dtype == np.uint8


def test_batches_cannot_run_anything(tmp_path):
    class Touch:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps({"data": Touch()}))
    with pytest.raises(pickle.UnpicklingError, match="should not need"):
        read_batch(str(path))
    assert not (tmp_path / "ran").exists()
    for damaged in (b"", b"\x80\x04", b"hello", pickle.dumps([1])):
        path.write_bytes(damaged)
        with pytest.raises(pickle.UnpicklingError):
            read_batch(str(path))


def test_cifar100_has_its_own_layout(tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    pixels = RANDOM.randint(0, 256, (2, 3072), dtype=np.uint8)
    for name in ("train", "test"):
        (folder / name).write_bytes(pickle.dumps({"data": pixels, "fine_labels": [7, 8], "coarse_labels": [0, 0]}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": ["x"] * 9}))
    with pytest.warns(UserWarning):
        assert datasets.CIFAR100(tmp_path, train=False).targets == [7, 8]


def test_image_folder(tmp_path):
    for name, colour in (("cat/1.png", 10), ("cat/deep/2.PNG", 20), ("ant/3.jpg", 30), ("ant/notes.txt", None)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if colour is None:
            path.write_text("not a picture")
        else:
            Image.new("L", (4, 3), colour).save(path)
    dataset = datasets.ImageFolder(tmp_path, transform=transforms.ToTensor())
    assert dataset.classes == ["ant", "cat"] and dataset.targets == [0, 1, 1] and len(dataset) == 3
    picture, target = dataset[2]
    assert picture.shape == (3, 3, 4) and target == 1 and picture[0, 0, 0].item() == pytest.approx(20 / 255)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="classes empty"):
        datasets.ImageFolder(tmp_path)
    assert len(datasets.ImageFolder(tmp_path, allow_empty=True).classes) == 3
    other = datasets.DatasetFolder(tmp_path, lambda path: path, extensions=(".txt",), allow_empty=True)
    assert other[0][0].endswith("notes.txt")


def test_damaged_pictures_are_named(tmp_path):
    (tmp_path / "cat").mkdir()
    pixels = RANDOM.randint(0, 256, (30, 30, 3), dtype=np.uint8)
    for ending in ("png", "jpg", "bmp", "ppm", "webp"):
        path = tmp_path / "cat" / f"1.{ending}"
        Image.fromarray(pixels).save(path)
        whole = path.read_bytes()
        for damaged in (b"", whole[:7], whole[: len(whole) // 2], b"P6 100000 100000 255 " + whole):
            path.write_bytes(damaged)
            with pytest.raises(OSError, match=str(path)):
                datasets.ImageFolder(tmp_path)[0]
        path.unlink()


def test_fake_data_is_always_the_same():
    dataset = datasets.FakeData(5, (3, 6, 7), 4, transform=transforms.ToTensor())
    state = flambeau.get_rng_state()
    first, target = dataset[2]
    assert first.shape == (3, 6, 7) and 0 <= target < 4
    assert flambeau.equal(dataset[2][0], first) and not flambeau.equal(dataset[3][0], first)
    assert flambeau.equal(flambeau.get_rng_state(), state)
    with pytest.raises(IndexError):
        dataset[5]


@pytest.fixture
def server(tmp_path_factory):
    """A web server on this machine; returns its address and the directory it shows."""
    folder = tmp_path_factory.mktemp("server")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", folder
        running.shutdown()
        thread.join()


def test_downloading(server, tmp_path):
    address, folder = server
    (folder / "a.bin").write_bytes(b"contents")
    md5 = calculate_md5(folder / "a.bin")
    download_url(address + "a.bin", tmp_path, md5=md5)
    assert check_integrity(tmp_path / "a.bin", md5)
    (folder / "a.bin").unlink()
    download_url(address + "a.bin", tmp_path, md5=md5)  # it is there
    (folder / "b.bin").write_bytes(b"others")
    with pytest.raises(RuntimeError, match="File not found or corrupted"):
        download_url(address + "b.bin", tmp_path, md5=md5)
    assert not (tmp_path / "b.bin").exists() and not list(tmp_path.glob("*.part"))


def test_mnist_is_downloaded_from_the_mirror_that_has_it(server, tmp_path, monkeypatch):
    address, folder = server
    write_mnist(folder, compressed=True)
    raw = folder / "MNIST" / "raw"
    resources = [(name, calculate_md5(raw / name)) for name, _ in datasets.MNIST.resources]
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/", f"{address}MNIST/raw/"])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    assert len(datasets.MNIST(tmp_path, download=True)) == 7
    assert (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").exists()
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    assert len(datasets.MNIST(tmp_path, train=False, download=True)) == 3
    with pytest.raises(RuntimeError) as error:
        datasets.MNIST(tmp_path / "other", download=True)
    text = str(error.value)
    assert "Error downloading train-images-idx3-ubyte.gz" in text and "Tried http://127.0.0.1:9/" in text
    assert f"put the file at {tmp_path / 'other' / 'MNIST' / 'raw' / 'train-images-idx3-ubyte.gz'}" in text


def test_cifar_is_downloaded_and_unpacked(server, tmp_path, monkeypatch):
    address, folder = server
    with tarfile.open(folder / "c.tar.gz", "w:gz") as archive:
        for name, (contents, _) in cifar_files(4).items():
            (folder / name).write_bytes(contents)
            archive.add(folder / name, f"cifar-10-batches-py/{name}")
    monkeypatch.setattr(datasets.CIFAR10, "url", address + "c.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", calculate_md5(folder / "c.tar.gz"))
    with pytest.warns(UserWarning):
        assert len(datasets.CIFAR10(tmp_path, train=False, download=True)) == 2


def test_a_chunk_of_a_picture_is_no_longer_than_the_file(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(RANDOM.randint(0, 256, (9, 9, 3), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    place = whole.index(b"IDAT") - 4
    path.write_bytes(whole[:place] + b"\x7f\xff\xff\xff" + whole[place + 4 :])
    tracemalloc.start()
    try:
        with contextlib.suppress(OSError):  # some versions of Pillow find the pixels all the same
            datasets.folder.default_loader(str(path))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_damaged_archives_are_named(tmp_path):
    (tmp_path / "x").write_bytes(bytes(range(256)) * 40)
    for ending in ("tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "gz"):
        path = tmp_path / f"a.{ending}"
        if ending == "gz":
            path.write_bytes(gzip.compress((tmp_path / "x").read_bytes()))
        elif ending == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(tmp_path / "x", "x")
        else:
            with tarfile.open(path, f"w:{ending.partition('.')[2]}") as archive:
                archive.add(tmp_path / "x", "x")
        whole = path.read_bytes()
        for damaged in (b"", whole[: len(whole) // 2], b"x" * 1000):
            path.write_bytes(damaged)
            with pytest.raises(RuntimeError, match=str(path)):
                extract_archive(path, tmp_path / "target")
        path.write_bytes(whole)
        extract_archive(path, tmp_path / "target")
        assert not list((tmp_path / "target").glob("*.part"))


def test_archives_stay_in_their_directory(tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    for name in ("../outside", "/tmp/flambeau-outside"):
        with tarfile.open(tmp_path / "bad.tar", "w") as archive:
            information = archive.gettarinfo(tmp_path / "x")
            information.name = name
            with open(tmp_path / "x", "rb") as file:
                archive.addfile(information, file)
        with pytest.raises(RuntimeError, match="lies outside"):
            extract_archive(tmp_path / "bad.tar", tmp_path / "target")
    with pytest.raises(RuntimeError, match="Unknown compression"):
        extract_archive(tmp_path / "x.rar", tmp_path)
