"""Files that are written appear whole or not at all, whoever else writes there and whatever happens meanwhile."""

import io
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest
import torch

import flambeau
from flambeau.interpreter.whole_file import whole_file


def parts(directory):
    return sorted(name for name in os.listdir(directory) if name.endswith(".part"))


def test_threads_may_save_to_one_path(tmp_path):
    path = tmp_path / "net.pt"
    failures = []

    def save(thread):
        value = {"thread": thread, "weights": flambeau.full((500,), float(thread))}
        try:
            for _ in range(60):
                flambeau.save(value, path)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    loaded = flambeau.load(path)
    assert (loaded["weights"] == loaded["thread"]).all()
    assert os.listdir(tmp_path) == ["net.pt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, TimeoutError])
def test_nothing_is_left_of_a_save_that_failed(tmp_path, error):
    class Failing:
        def __reduce__(self):
            raise error("stop")

    path = tmp_path / "net.pt"
    for before in (None, b"old"):
        if before is not None:
            path.write_bytes(before)
        for legacy in (False, True):
            with pytest.raises(error, match="stop"):
                flambeau.save([flambeau.ones(3), Failing()], path, _use_new_zipfile_serialization=not legacy)
        assert os.listdir(tmp_path) == ([] if before is None else ["net.pt"])
    assert path.read_bytes() == b"old"


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    program = (
        "import sys, time; from flambeau.interpreter.whole_file import whole_file\n"
        "with whole_file(sys.argv[1]) as file: file.write(b'half'); file.flush(); print('there', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "a.pt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "there\n"
        assert len(parts(tmp_path)) == 1
        flambeau.save([1], tmp_path / "b.pt")
        assert len(parts(tmp_path)) == 1  # it is being written
        process.send_signal(signal.SIGKILL)
    flambeau.save([1], tmp_path / "b.pt")
    assert os.listdir(tmp_path) == ["b.pt"]


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    events = []
    synced, replaced = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (events.append("sync"), synced(file)))
    monkeypatch.setattr(os, "replace", lambda *paths: (events.append("replace"), replaced(*paths)))
    flambeau.save([1], tmp_path / "a.pt")
    assert events == ["sync", "replace"]


def test_permissions_are_those_of_open(tmp_path):
    path = tmp_path / "a.pt"
    before = os.umask(0o027)
    try:
        flambeau.save([1], path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        flambeau.save([2], path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


@pytest.mark.parametrize("allowed", [True, False])
def test_the_owner_stays_if_that_is_allowed(tmp_path, monkeypatch, allowed):
    asked = []

    def chown(path, user, group):
        asked.append((user, group))
        if not allowed:
            raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "a.pt"
    flambeau.save([1], path)
    status = list(path.stat())
    status[stat.ST_UID] += 1
    theirs = os.stat_result(status)
    monkeypatch.setattr("flambeau.interpreter.whole_file._status", lambda path: theirs)
    monkeypatch.setattr(os, "chown", chown)
    flambeau.save([2], path)
    assert asked == [(theirs.st_uid, theirs.st_gid)] and flambeau.load(path) == [2]


def test_links_are_followed(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "latest.pt"
    link.symlink_to(tmp_path / "there" / "net.pt")
    for value in (1, 2):
        flambeau.save([value], link)
        assert link.is_symlink() and flambeau.load(tmp_path / "there" / "net.pt") == [value]
    assert os.listdir(tmp_path / "there") == ["net.pt"]


def test_a_name_as_long_as_names_may_be(tmp_path):
    path = tmp_path / ("n" * 255)
    flambeau.save([1], path)
    assert flambeau.load(path) == [1]


def test_devices_and_pipes_are_written_to(tmp_path):
    flambeau.save([1], os.devnull)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    flambeau.save([flambeau.ones(2)], pipe)
    reader.join()
    assert torch.load(io.BytesIO(received[0]))[0].tolist() == [1.0, 1.0]


def test_paths_that_cannot_be_written(tmp_path):
    with pytest.raises(RuntimeError, match=r"Parent directory .* does not exist"):
        flambeau.save([1], tmp_path / "missing" / "a.pt")
    with pytest.raises(RuntimeError, match=r"Parent directory .* does not exist"):
        torch.save([1], tmp_path / "missing" / "a.pt")
    with pytest.raises(IsADirectoryError):
        flambeau.save([1], tmp_path)


def test_files_that_may_not_be_written(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    flambeau.save([1], path)
    opened = os.open

    def refuse(*, old, new):
        def open_file(name, flags, *rest):
            if new if flags & os.O_CREAT and str(name).endswith(".part") else old and not flags & os.O_CREAT:
                raise PermissionError(13, "Permission denied", str(name))
            return opened(name, flags, *rest)

        monkeypatch.setattr(os, "open", open_file)

    refuse(old=True, new=False)
    with pytest.raises(PermissionError):
        flambeau.save([2], path)
    refuse(old=False, new=True)  # a directory that takes no new files: the old one is written to
    flambeau.save([3], path)
    with pytest.raises(PermissionError):
        flambeau.save([4], tmp_path / "new.pt")
    monkeypatch.undo()
    assert flambeau.load(path) == [3] and os.listdir(tmp_path) == ["a.pt"]


class Minimal:
    """What PyTorch asks of a file."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)

    def flush(self):
        pass


@pytest.mark.parametrize("legacy", [False, True])
def test_objects_like_files(legacy):
    file = Minimal()
    flambeau.save({"a": flambeau.arange(3)}, file, _use_new_zipfile_serialization=not legacy)
    for load in (flambeau.load, torch.load):
        assert load(io.BytesIO(file.data))["a"].tolist() == [0, 1, 2]

    class Stream:
        def __init__(self, data):
            self.read = io.BytesIO(data).read

    assert flambeau.load(Stream(file.data))["a"].tolist() == [0, 1, 2]


def test_the_block_that_writes_may_fail(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "a") as file:
        file.write(b"x")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []
