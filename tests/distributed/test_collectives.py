"""Collectives in a group of one process, against PyTorch's Gloo group of one."""

from collections.abc import Iterator

import pytest
from distributed.both import groups_of_one, same

SETTING = """
x = torch.arange(3.0)
z = torch.zeros(3)
o = [None]
"""


@pytest.fixture(autouse=True)
def groups() -> Iterator[None]:
    with groups_of_one():
        yield


def test_what_collectives_write_and_return():
    same(
        """
        d.all_reduce(x)
        d.all_reduce(x, op=d.ReduceOp.AVG)
        d.all_reduce(torch.ones(3, 4).t(), d.ReduceOp.MAX)
        d.all_reduce_coalesced([x, z])
        d.broadcast(x, 0)
        d.broadcast(x, group_src=0)
        d.reduce(x, 0, d.ReduceOp.PRODUCT)
        d.all_gather([z], x)
        d.all_gather_into_tensor(z, x)
        d.all_gather_coalesced([[z]], [x])
        d._all_gather_base(z, x)
        d.gather(x, [z])
        d.gather(x, [z], dst=0)
        d.scatter(z, [x])
        d.scatter(z, [x], src=0)
        d.reduce_scatter(z, [x])
        d.reduce_scatter_tensor(z, x, op=d.ReduceOp.MIN)
        d._reduce_scatter_base(z, x)
        d.all_to_all([z], [x])
        d.all_to_all_single(z, x)
        d.all_to_all_single(z, x, [3], [3])
        d.barrier()
        d.barrier(device_ids=[0])
        d.monitored_barrier()
        d.monitored_barrier(timeout=datetime.timedelta(seconds=1))
        d.all_reduce(x, async_op=True)
        d.all_gather([z], x, async_op=True).wait()
        [w := d.all_to_all([z], [x], async_op=True), w.wait(), w.is_completed()]
        [w := d.broadcast(x, 0, async_op=True), w.wait(), w.result()]
        [w := d.barrier(async_op=True), w.wait(), w.result()]
        [w := d.all_reduce(x, async_op=True), w.wait(), w.exception(), w.is_success(), w.synchronize()]
        [w := d.all_reduce(x, async_op=True), w.wait(), w.source_rank()]
        d.all_reduce(x, group=d.group.WORLD)
        d.all_reduce(x, group=d.new_group([0]))
        d.broadcast(z, 0, group=d.new_group())
        d.all_reduce(x, group=d.GroupMember.NON_GROUP_MEMBER)
        d.barrier(group=d.GroupMember.NON_GROUP_MEMBER)
        """,
        SETTING,
    )


def test_views_get_what_is_written():
    same(
        "d.all_gather([a[:, ::2]], b)\nd.gather(b, [a[:, 1:3]])\nd.broadcast(a[:, ::2], 0)",
        "a = torch.zeros(4, 4)\nb = torch.arange(8.0).view(4, 2)",
    )


@pytest.mark.parametrize("dtype", "bool uint8 int8 int16 int32 int64 float16 bfloat16 float64".split())
def test_dtypes(dtype: str):
    same(
        """
        d.all_reduce(a)
        d.all_reduce(a, d.ReduceOp.AVG)
        d.all_reduce(a, d.ReduceOp.PRODUCT)
        d.all_reduce(a, d.ReduceOp.BAND)
        d.reduce(a, 0, d.ReduceOp.BXOR)
        d.broadcast(a, 0)
        d.all_gather([b], a)
        d.gather(a, [b])
        d.scatter(b, [a])
        d.reduce_scatter(b, [a])
        d.all_to_all_single(b, a)
        d.all_to_all([b], [a])
        d.all_gather_into_tensor(b, a)
        """,
        f"a = torch.ones(3, dtype=torch.{dtype})\nb = torch.zeros(3, dtype=torch.{dtype})",
    )


def test_history_is_left_alone():
    same(
        """
        d.all_reduce(p)
        d.all_reduce(p * 2)
        (d.all_gather([z], p * 2), z.requires_grad)
        (d.broadcast(p, 0), p.requires_grad, p.is_leaf)
        """,
        "p = torch.ones(3, requires_grad=True)\nz = torch.zeros(3)",
    )


def test_errors():
    same(
        """
        d.all_reduce([x])
        d.all_reduce(3)
        d.all_reduce(x, op=d.ReduceOp.BAND)
        d.all_reduce(x, op=d.ReduceOp.PREMUL_SUM)
        d.all_reduce(x, op="sum")
        d.all_reduce(x, op=0)
        d.all_reduce(x, group=3)
        d.broadcast(x, 1)
        d.broadcast(x, -1)
        d.broadcast(x)
        d.broadcast(x, 0, group_src=0)
        d.broadcast([x], 0)
        d.broadcast(x, "a")
        d.broadcast(x, 1, group=d.new_group([0]))
        d.reduce(x, 1)
        d.reduce(x)
        d.all_gather([], x)
        d.all_gather([z, z], x)
        d.all_gather([torch.zeros(2)], x)
        d.all_gather([z.long()], x)
        d.all_gather(torch.zeros(1, 3), x)
        d.all_gather_into_tensor(torch.zeros(1, 3), x)
        d.all_gather_into_tensor(torch.zeros(2), x)
        d.all_gather_into_tensor(z.long(), x)
        d.all_gather_into_tensor(torch.zeros(1), torch.tensor(3.0))
        d.gather(x)
        d.gather(x, [])
        d.gather(x, [z], dst=1)
        d.gather(x, [torch.zeros(2)])
        d.gather(x, [z, z])
        d.scatter(x)
        d.scatter(x, [z, z])
        d.scatter(x, [torch.ones(2)])
        d.scatter(x, None, 1)
        d.scatter(x, [z], 1)
        d.scatter(x, [z.long()])
        d.reduce_scatter(x, [z, z])
        d.reduce_scatter(x, [z.long()])
        d.all_to_all([z, z], [x, x])
        d.all_to_all([z], [torch.ones(2)])
        d.all_to_all_single(torch.zeros(2), x)
        d.all_to_all_single(z, x, [2], [3])
        d.all_to_all_single(z, x, [1, 2], [1, 2])
        d.all_to_all_single(torch.zeros(4, 2), torch.ones(4, 4)[:, ::2])
        d.monitored_barrier(timeout=3)
        """,
        SETTING,
    )


def test_nobody_to_send_to():
    same(
        """
        d.send(x, 0)
        d.isend(x, 0)
        d.recv(x, 0)
        d.irecv(x, 0)
        d.batch_isend_irecv([])
        d.P2POp(d.isend, x, 0).peer
        d.P2POp(d.all_reduce, x, 0)
        """,
        SETTING,
    )


def test_objects():
    same(
        """
        (d.all_gather_object(o, {"a": 1}), o)
        d.all_gather_object([], 1)
        d.all_gather_object(3, 4)
        d.all_gather_object([None], lambda: 1)
        (d.gather_object({"a": 1}, o), o)
        d.gather_object(1)
        d.gather_object(1, [None], dst=1)
        (d.broadcast_object_list(o, 0), o)
        d.broadcast_object_list([1], src=1)
        (d.scatter_object_list(o, [3]), o)
        d.scatter_object_list([], [3])
        d.scatter_object_list(3, [3])
        d.scatter_object_list([None], [3, 4])
        d.scatter_object_list([None], None)
        d.scatter_object_list([None], [3], 1)
        """,
        SETTING,
    )


def test_what_programs_use_besides():
    same(
        """
        c._tensor_to_object(*c._object_to_tensor({"a": 1}, torch.device("cpu"), None), None)
        [each.dtype == kind for each, kind in zip(c._object_to_tensor([1], "cpu", None), (torch.uint8, torch.int64))]
        c._get_pg_default_device() == torch.device("cpu")
        d._broadcast_coalesced(d.group.WORLD, [x, z], 100, 0)
        c._get_default_group() is d.group.WORLD
        c._rank_not_in_group(d.group.WORLD)
        c._rank_not_in_group(d.GroupMember.NON_GROUP_MEMBER)
        """,
        SETTING + 'c = module("distributed.distributed_c10d")',
    )


def test_who_has_a_copy():
    same("(d.all_gather_object(o, o), o[0] is o)\n(d.broadcast_object_list(l, 0), l[0] is k)", SETTING + "k = [1]\nl = [k]")


def test_reductions_by_name():
    same(
        """
        repr(d.ReduceOp.SUM)
        str(d.ReduceOp.AVG)
        [repr(getattr(d.ReduceOp, name)) for name in "SUM AVG PRODUCT MIN MAX BAND BOR BXOR PREMUL_SUM".split()]
        isinstance(d.ReduceOp.MAX, d.ReduceOp)
        pickle.loads(pickle.dumps(d.ReduceOp.MAX)) == d.ReduceOp.MAX
        copy.deepcopy(d.ReduceOp.MAX) == d.ReduceOp.MAX
        d.ReduceOp(d.ReduceOp.SUM) == d.ReduceOp.SUM
        d.all_reduce(x, d.ReduceOp(d.ReduceOp.SUM))
        d.reduce_op.SUM == d.ReduceOp.SUM
        int(d.ReduceOp.MIN)
        d.supports_complex(d.ReduceOp.SUM)
        d.supports_complex(d.ReduceOp.MAX)
        """,
        SETTING,
    )
