"""Tables that processes share, against PyTorch's."""

import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from distributed.both import FRAMEWORKS, outcome

import flambeau

CALLS = """
s.set("a", "1")
s.get("a")
s.get("nothing")
s.add("n", 3)
s.add("n", 4)
s.get("n")
s.wait(["n"])
s.wait(["n", "nothing"])
s.wait(["nothing"], datetime.timedelta(milliseconds=20))
s.check(["n"])
s.check(["nothing"])
s.compare_set("k", "", "v")
s.compare_set("k", "v", "w")
s.compare_set("k", "v", "x")
s.compare_set("q", "v", "x")
s.append("k", "zz")
s.append("fresh", b"x")
s.get("k")
s.multi_set(["a", "b"], ["1", "2"])
s.multi_get(["a", "b"])
s.set("a", b"x")
s.set("a", 3)
s.set("b", "é")
s.get("b")
s.timeout
"""


def stores(d: ModuleType, folder: Path) -> dict[str, Any]:
    made = {"hash": d.HashStore(), "file": d.FileStore(str(folder / d.__name__), 1)}
    made["tcp"] = d.TCPStore("127.0.0.1", 0, 1, True)
    made["prefix"] = d.PrefixStore("p", d.PrefixStore("q", d.HashStore()))
    return made


@pytest.mark.parametrize("kind", ["hash", "file", "tcp", "prefix"])
def test_stores(kind: str, tmp_path: Path):
    found = []
    for framework in FRAMEWORKS:
        store = stores(framework.distributed, tmp_path)[kind]
        store.set_timeout(flambeau.distributed.default_pg_timeout / 90000)
        found.append([outcome(call, {"s": store})[0] for call in CALLS.strip().split("\n")])
    assert found[0] == found[1]


def test_errors_are_of_pytorchs_types():
    d = flambeau.distributed
    with pytest.raises(d.DistStoreError, match="nothing"):
        d.HashStore().wait(["nothing"], d.default_pg_timeout * 0)
    with pytest.raises(ValueError):
        store = d.HashStore()
        store.set("a", "x")
        store.add("a", 1)
    with pytest.raises(TypeError):
        d.PrefixStore("a", 3)
    first = d.TCPStore("127.0.0.1", 0, 1, True)
    with pytest.raises(d.DistNetworkError, match=str(first.port)):
        d.TCPStore("127.0.0.1", first.port, 1, True)
    assert issubclass(d.DistNetworkError, d.DistError) and issubclass(d.DistError, RuntimeError)


def test_a_key_is_waited_for():
    store = flambeau.distributed.HashStore()
    threading.Timer(0.05, store.set, ("k", "v")).start()
    assert store.get("k") == b"v"


def count_to_fifty(store: Any) -> None:
    for _ in range(50):
        store.add("n", 1)


def test_files_are_shared(tmp_path: Path):
    stores = [flambeau.distributed.FileStore(str(tmp_path / "store"), 2) for _ in range(2)]
    threads = [threading.Thread(target=count_to_fifty, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stores[0].set("empty", b"")
    assert stores[1].get("empty") == b"" and stores[1].delete_key("empty") and stores[0].list_keys() == ["n"]
    assert stores[0].get("n") == b"100"


def test_prefixes_keep_apart():
    whole = flambeau.distributed.HashStore()
    one, two = (flambeau.distributed.PrefixStore(name, whole) for name in "ab")
    one.set("k", "1")
    two.set("k", "2")
    assert (one.get("k"), two.get("k")) == (b"1", b"2") and one.list_keys() == ["k"] and whole.num_keys() == 2
    assert one.underlying_store is whole
