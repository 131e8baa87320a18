"""Making and ending groups of one process, ranks and sizes, against PyTorch's."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed.both import FRAMEWORKS, groups_of_one, outcome, same

import flambeau


@pytest.fixture
def groups() -> Iterator[None]:
    with groups_of_one():
        yield


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in "RANK WORLD_SIZE LOCAL_RANK MASTER_ADDR MASTER_PORT TORCHELASTIC_RUN_ID".split():
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


BEFORE = """
d.is_available()
d.is_initialized()
d.get_rank()
d.get_world_size()
d.get_backend()
d.get_rank(group="a")
d.barrier()
d.all_reduce(x)
d.broadcast(x, 0)
d.all_gather_object([None], 1)
d.send(x, 0)
d.isend(x, 0)
d.monitored_barrier()
d.new_group()
d.destroy_process_group()
d.get_process_group_ranks(None)
d.get_backend_config()
d.group.WORLD
d.GroupMember.WORLD
d.GroupMember.NON_GROUP_MEMBER
d.is_nccl_available()
d.is_gloo_available()
d.is_mpi_available()
d.is_ucc_available()
d.is_xccl_available()
d.is_torchelastic_launched()
d.is_backend_available("gloo")
d.is_backend_available("x")
d.get_node_local_rank()
d.get_node_local_rank(3)
d.get_default_backend_for_device("cpu")
d.get_default_backend_for_device("cuda")
d.get_default_backend_for_device(torch.device("cpu"))
d.default_pg_timeout == datetime.timedelta(seconds=1800)
d.distributed_c10d._get_default_group()
"""

REFUSED = """
d.init_process_group()
d.init_process_group("foo")
d.init_process_group("mpi")
d.init_process_group(backend=3)
d.init_process_group("gloo", init_method="abc")
d.init_process_group("gloo", init_method="http://abc")
d.init_process_group("gloo", init_method="tcp://127.0.0.1:29511")
d.init_process_group("gloo", init_method="tcp://127.0.0.1:29511", rank=0)
d.init_process_group("gloo", init_method="tcp://127.0.0.1", rank=0, world_size=1)
d.init_process_group("gloo", init_method="file:///tmp/x")
d.init_process_group("gloo", init_method="file://", rank=0, world_size=1)
d.init_process_group("gloo", init_method=3)
d.init_process_group("gloo", world_size=1)
d.init_process_group("gloo", rank=0)
d.init_process_group("gloo", store=d.HashStore())
d.init_process_group("gloo", store=d.HashStore(), init_method="env://", rank=0, world_size=1)
d.init_process_group("gloo", store=d.HashStore(), rank=-1, world_size=1)
d.init_process_group("gloo", store=d.HashStore(), rank=2, world_size=1)
d.init_process_group("gloo", store=d.HashStore(), rank=0, world_size=1, timeout=3)
d.init_process_group("foo", store=d.HashStore(), rank=0, world_size=1)
d.init_process_group("nccl", store=d.HashStore(), rank=0, world_size=1)
d.init_process_group("ucc", store=d.HashStore(), rank=0, world_size=1)
d.init_process_group("cpu:gloo,cuda:nccl", store=d.HashStore(), rank=0, world_size=1)
d.init_process_group("cpu:foo", store=d.HashStore(), rank=0, world_size=1)
"""


def test_without_a_group(variables: pytest.MonkeyPatch):
    same(BEFORE + REFUSED, "x = torch.arange(3.0)")
    for missing in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        found = [outcome('d.init_process_group("gloo")', {"d": each.distributed}) for each in FRAMEWORKS]
        assert found == [("error", ValueError)] * 2, missing
        variables.setenv(missing, {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}.get(missing, ""))


def test_names_of_libraries():
    same(
        """
        d.Backend("GLOO") == "gloo"
        d.Backend("foo") == "foo"
        d.Backend(3)
        [str(d.Backend.GLOO), str(d.Backend.NCCL), str(d.Backend.UNDEFINED), str(d.Backend.MPI)]
        list(map(str, d.Backend.backend_list))
        str(d.BackendConfig(d.Backend("gloo")))
        str(d.BackendConfig(d.Backend("cpu:gloo,cuda:gloo")))
        d.BackendConfig(d.Backend("cpu:gloo,cpu:gloo"))
        """
    )


@pytest.mark.parametrize("backend", ["gloo", None, "cpu:gloo", "GLOO", "cpu:gloo,cuda:gloo"])
def test_libraries(backend: str | None):
    found = []
    for framework in FRAMEWORKS:
        d = framework.distributed
        assert d.init_process_group(backend, store=d.HashStore(), rank=0, world_size=1) is None
        found.append((str(d.get_backend()), d.get_backend_config(), d.group.WORLD.group_desc))
        d.destroy_process_group()
    assert found[0] == found[1]


def test_ways_to_find_each_other(variables: pytest.MonkeyPatch, tmp_path: Path):
    for number, framework in enumerate(FRAMEWORKS):
        d = framework.distributed
        variables.setenv("RANK", "0")
        variables.setenv("WORLD_SIZE", "1")
        variables.setenv("MASTER_ADDR", "127.0.0.1")
        variables.setenv("MASTER_PORT", str(free_port()))
        ways = (
            {},
            {"init_method": "env://"},
            {"init_method": f"tcp://127.0.0.1:{free_port()}", "rank": 0, "world_size": 1},
            {"init_method": f"file://{tmp_path}/{number}", "rank": 0, "world_size": 1},
            {"init_method": f"tcp://127.0.0.1:{free_port()}?rank=0&world_size=1"},
        )
        for way in ways:
            d.init_process_group("gloo", **way)
            assert d.is_initialized() and d.get_rank() == 0 and d.get_world_size() == 1
            d.barrier()
            d.destroy_process_group()
            assert not d.is_initialized()
    with socket.socket() as one:  # the port is free again
        one.bind(("127.0.0.1", int(os.environ["MASTER_PORT"])))


def test_more_processes_are_refused_in_words(variables: pytest.MonkeyPatch):
    d = flambeau.distributed
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        variables.setenv(name, value)
    with pytest.raises(NotImplementedError, match="world_size=2.*later version"):
        d.init_process_group("gloo")
    with pytest.raises(NotImplementedError, match="world_size=2.*later version"):
        d.init_process_group("gloo", store=d.HashStore(), rank=0, world_size=2)
    with pytest.raises(NotImplementedError, match="TCPStore.*later version"):
        d.TCPStore("127.0.0.1", 29500, 2, True)
    assert not d.is_initialized()


def test_asking_a_group(groups: None):
    same(
        """
        d.init_process_group("gloo")
        d.is_initialized()
        [d.get_rank(), d.get_world_size(), str(d.get_backend()), d.get_backend_config()]
        [w.rank(), w.size(), w.name(), w.group_desc, type(w).__name__]
        d.group.WORLD is d.GroupMember.WORLD
        d.get_rank(w)
        d.get_rank(g)
        d.get_rank(3)
        d.get_rank(d.GroupMember.NON_GROUP_MEMBER)
        d.get_world_size(d.GroupMember.NON_GROUP_MEMBER)
        d.get_world_size(g)
        d.get_world_size(3)
        d.get_backend(g) == "gloo"
        d.get_backend(3)
        d.get_process_group_ranks(None)
        d.get_process_group_ranks(g)
        d.get_process_group_ranks(3)
        d.get_group_rank(w, 1)
        d.get_group_rank(g, 0)
        d.get_group_rank(g, 5)
        d.get_global_rank(w, 1)
        d.get_global_rank(g, 0)
        d.get_global_rank(g, 5)
        d.new_group([])
        d.new_group([1])
        d.new_group([0, 0])
        d.new_group(timeout=3)
        d.new_group(backend="foo")
        d.new_group(backend="nccl")
        d.new_group([0], group_desc="words").group_desc
        d.new_subgroups(1)
        d.new_subgroups(2)
        d.new_subgroups()
        d.new_subgroups_by_enumeration([[0]])
        d.new_subgroups_by_enumeration([])
        d.split_group()
        d.split_group(split_ranks=[[0]])
        d.shrink_group([0])
        d.shrink_group([])
        d.destroy_process_group(d.GroupMember.NON_GROUP_MEMBER)
        d.destroy_process_group(3)
        [d.destroy_process_group(g), d.is_initialized()]
        [d.set_debug_level(d.DebugLevel.INFO), repr(d.get_debug_level()), d.set_debug_level(d.DebugLevel.OFF)]
        d.ProcessGroup()
        d.ProcessGroup(0, 1).size()
        """,
        "w = d.group.WORLD\ng = d.new_group([0])",
    )


def test_ending_all(groups: None):
    same("[d.destroy_process_group(), d.is_initialized(), d.group.WORLD]\nd.destroy_process_group()\nd.get_rank()")
