"""Object code on disk: damage, crowds, limits and directories that are not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flambeau.cpu.object_cache import CachedObject, ObjectCache, default_directory, kernel_digest


def digest(name: str) -> str:
    return kernel_digest("test target", name)


def test_store_and_find(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "made" / "when needed")
    assert cache.find([digest("a")]) == []
    cache.store([digest("a"), digest("b")], b"code of a and b\n\0more")
    cache.store([digest("c")], b"code of c")
    for reader in (cache, ObjectCache(cache.directory)):
        assert reader.find([digest("a"), digest("b")]) == [
            CachedObject((digest("a"), digest("b")), b"code of a and b\n\0more")
        ]
        assert reader.find([digest("c"), digest("d")]) == [CachedObject((digest("c"),), b"code of c")]
        assert len(reader.find([digest("b"), digest("c")])) == 2


def test_what_others_store_later_is_found(tmp_path: Path) -> None:
    reader, writer = ObjectCache(tmp_path), ObjectCache(tmp_path)
    for name in "abc":
        assert reader.find([digest(name)]) == []
        writer.store([digest(name)], name.encode())
        assert [found.code for found in reader.find([digest(name)])] == [name.encode()]


def test_an_index_that_was_shortened_or_written_anew_is_read_again(tmp_path: Path) -> None:
    ours, theirs = ObjectCache(tmp_path), ObjectCache(tmp_path)
    for letter in "abcdef":
        theirs.store([digest(letter)], letter.encode())
        assert [found.code for found in ours.find([digest(letter)])] == [letter.encode()]
    index = tmp_path / "index"
    lines = index.read_bytes().splitlines(keepends=True)
    for contents in (b"".join(lines[:-1]), b"".join(lines[::-1]), b"".join(lines) + lines[-1][:80]):
        index.write_bytes(contents)
        assert [found.code for found in ours.find([digest("a")])] == [b"a"]
        theirs.store([digest("z")], contents[:50])
        assert [found.code for found in ours.find([digest("z")])] == [contents[:50]]


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "gone"])
def test_damaged_objects_are_ignored_and_replaced(tmp_path: Path, damage: str) -> None:
    cache = ObjectCache(tmp_path)
    cache.store([digest("a")], b"x" * 1000)
    (path,) = tmp_path.glob("*.object")
    contents = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(contents[:500])
    elif damage == "one bit":
        contents[700] ^= 1
        path.write_bytes(contents)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    assert cache.find([digest("a")]) == []
    cache.store([digest("a")], b"x" * 1000)
    assert [found.code for found in cache.find([digest("a")])] == [b"x" * 1000]


@pytest.mark.parametrize("damage", [b"\xff\xfe\0garbage", b"a b c\n" * 3, b"../../../etc/passwd " * 2, b"0" * 64])
def test_damaged_index_is_only_a_miss(tmp_path: Path, damage: bytes) -> None:
    cache = ObjectCache(tmp_path)
    cache.store([digest("a")], b"code")
    index = tmp_path / "index"
    index.write_bytes(index.read_bytes()[:70] + damage)  # a torn line, and worse behind it
    assert ObjectCache(tmp_path).find([digest("a")]) == []
    cache.store([digest("b")], b"other")  # later lines are not drawn in
    assert [found.code for found in ObjectCache(tmp_path).find([digest("b")])] == [b"other"]


def test_index_cannot_point_outside(tmp_path: Path) -> None:
    outside = b"not for us"
    name = hashlib.sha256(outside).hexdigest()
    (tmp_path / f"{name}.object").write_bytes(outside)
    directory = tmp_path / "cache"
    directory.mkdir()
    (directory / "index").write_text(f"{digest('a')} {'../' + name[:61]}\n")
    assert ObjectCache(directory).find([digest("a")]) == []


def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, limit=10_000)
    for number in range(8):
        cache.store([digest(str(number))], bytes([number]) * 1000)
    for age, path in enumerate(sorted(tmp_path.glob("*.object"))):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    assert cache.find([digest("3")])  # used now
    cache.store([digest("big")], b"b" * 4000)
    total = sum(path.stat().st_size for path in tmp_path.glob("*.object"))
    assert total <= 7_500
    reader = ObjectCache(tmp_path, limit=10_000)
    assert reader.find([digest("3")]) and reader.find([digest("big")])
    assert len((tmp_path / "index").read_text().split()) == 2 * len(list(tmp_path.glob("*.object")))


def test_size_counts_what_was_there_before(tmp_path: Path) -> None:
    for number in range(20):
        ObjectCache(tmp_path, limit=5_000).store([digest(str(number))], bytes([number]) * 1000)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.object")) <= 5_000


def test_abandoned_temporary_files_are_swept(tmp_path: Path) -> None:
    old, new = tmp_path / "1-1-1.temporary", tmp_path / "2-2-2.temporary"
    old.write_bytes(b"")
    new.write_bytes(b"")
    os.utime(old, (1, 1))
    ObjectCache(tmp_path).store([digest("a")], b"code")
    assert not old.exists() and new.exists()


def test_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ObjectCache(tmp_path / "file" / "below a regular file")  # even root cannot make this
    cache.store([digest("a")], b"code")
    assert cache.find([digest("a")]) == []
    nowhere = ObjectCache(None)
    nowhere.store([digest("a")], b"code")
    assert nowhere.find([digest("a")]) == []


@pytest.mark.parametrize("call", ["stat", "read_bytes", "write_bytes"])
def test_what_a_signal_handler_raises_is_no_failure_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    cache = ObjectCache(tmp_path)
    cache.store([digest("kernel")], b"code")
    for error, raised in ((OSError(28, "No space left on device"), False), (TimeoutError("alarm"), True)):

        def fail(*arguments: object, error: OSError = error, **keywords: object) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Path, call, fail)
            with pytest.raises(TimeoutError) if raised else contextlib.nullcontext():
                ObjectCache(tmp_path).find([digest("kernel")])
                ObjectCache(tmp_path).store([digest("other")], b"other")
    assert ObjectCache(tmp_path).find([digest("kernel")])[0].code == b"code"


def test_many_processes_write_at_once(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from flambeau.cpu.object_cache import ObjectCache, kernel_digest
me = sys.argv[2]
cache = ObjectCache(Path(sys.argv[1]))
for number in range(60):
    cache.store([kernel_digest("t", f"{me}/{number}"), kernel_digest("t", f"shared/{number}")], b"c" * number)
    assert cache.find([kernel_digest("t", f"{me}/{number}")]), number
"""
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(me)]) for me in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    cache = ObjectCache(tmp_path)
    for number in range(60):
        for me in (0, 1, 2, "shared"):
            (found,) = cache.find([kernel_digest("t", f"{me}/{number}")])
            assert found.code == b"c" * number
    assert not list(tmp_path.glob("*.temporary"))


def test_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLAMBEAU_CACHE_DIR", str(tmp_path))
    assert default_directory() == tmp_path
    monkeypatch.delenv("FLAMBEAU_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_directory() == tmp_path / "flambeau"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_directory() == tmp_path / "Library" / "Caches" / "flambeau"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "win32")
    assert default_directory() == tmp_path / "flambeau" / "cache"
