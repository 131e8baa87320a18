"""Modules wrapped for several devices or processes: on one device, as one process of one, they are themselves."""

import copy
import pickle
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import torch
from distributed.both import FRAMEWORKS, groups_of_one, names_for, plain, same

import flambeau
from flambeau import nn
from flambeau.nn.parallel import _functions, comm, scatter_gather


@pytest.fixture
def groups() -> Iterator[None]:
    with groups_of_one():
        yield


SETTING = """
class Net(torch.nn.Sequential):
    pass
torch.manual_seed(0)
m = Net(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
for number, parameter in enumerate(m.parameters()):
    torch.nn.init.constant_(parameter, 0.1 * (number + 1))
p = torch.nn.parallel
x = torch.arange(6.0).view(2, 3)
"""


def test_data_parallel():
    same(
        """
        repr(torch.nn.DataParallel(m))
        list(torch.nn.DataParallel(m).state_dict())
        [name for name, _ in torch.nn.DataParallel(m).named_parameters()]
        torch.nn.DataParallel(m).device_ids
        torch.nn.DataParallel(m, device_ids=[0, 1]).device_ids
        torch.nn.DataParallel(m).module is m
        torch.nn.DataParallel(m)(x)
        torch.nn.DataParallel(m)(input=x)
        torch.nn.DataParallel(m).dim
        torch.nn.DataParallel(m).eval().module.training
        torch.nn.DataParallel.__module__.partition(".")[2]
        torch.nn.DataParallel is p.DataParallel
        copy.deepcopy(torch.nn.DataParallel(m))(x)
        torch.nn.DataParallel(m).load_state_dict(torch.nn.DataParallel(m).state_dict()).missing_keys
        torch.nn.DataParallel(m).load_state_dict(m.state_dict())
        p.replicate(m, [])
        p.parallel_apply([m, m], [x])
        p.replicate(m, [0])
        p.scatter_gather.is_namedtuple((1,))
        p._functions._get_stream(torch.device("cpu"))
        """,
        SETTING,
    )


def test_distributed_data_parallel(groups: None):
    same(
        """
        repr(p.DistributedDataParallel(m))
        list(p.DistributedDataParallel(m).state_dict())
        p.DistributedDataParallel(m)(x)
        p.DistributedDataParallel(m).module is m
        [getattr(w, name) for name in attributes.split()]
        [w.device == torch.device("cpu"), w.process_group is d.group.WORLD]
        w.will_sync_module_buffers()
        w.eval().module.training
        p.DistributedDataParallel(m, process_group=d.new_group([0]))(x)
        p.DistributedDataParallel(m, device_ids=[], static_graph=True, init_sync=False)(x)
        p.DistributedDataParallel(m, find_unused_parameters=True, gradient_as_bucket_view=True, bucket_cap_mb=1).bucket_bytes_cap
        p.DistributedDataParallel(m, device_mesh=d.init_device_mesh("cpu", (1,)))(x)
        p.DistributedDataParallel(m, process_group=d.group.WORLD, device_mesh=d.init_device_mesh("cpu", (1,)))
        copy.deepcopy(w)(x)
        pickle.loads(pickle.dumps(p.DistributedDataParallel(torch.nn.Linear(3, 2)))).process_group is d.group.WORLD
        p.DistributedDataParallel(torch.nn.ReLU())
        p.DistributedDataParallel(m.requires_grad_(False))
        p.DistributedDataParallel(torch.nn.LazyLinear(3))
        p.DistributedDataParallel(m, device_ids=[0])
        p.DistributedDataParallel(m, device_ids=[0, 1])
        p.DistributedDataParallel(m, device_ids=["cpu"])
        p.DistributedDataParallel(m, process_group=3)
        p.DistributedDataParallel(m, output_device=0).output_device
        w.register_comm_hook(None, 3)
        isinstance(w, d.algorithms.join.Joinable)
        p.distributed.DistributedDataParallel is p.DistributedDataParallel
        """,
        SETTING
        + """
w = p.DistributedDataParallel(m)
attributes = '''device_ids output_device device_type dim broadcast_buffers find_unused_parameters require_backward_grad_sync
    require_forward_param_sync static_graph gradient_as_bucket_view parameters_to_ignore is_multi_device_module bucket_bytes_cap
    mixed_precision'''
""",
    )


def test_without_a_group():
    same("torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))")


def trained(framework: ModuleType, wrapped: bool) -> Any:
    names: dict[str, Any] = {"torch": framework}
    exec(SETTING, names)
    network, x = names["m"], names["x"]
    model = framework.nn.parallel.DistributedDataParallel(network) if wrapped else network
    optimizer = framework.optim.SGD(model.parameters(), 0.1)
    for step in range(3):
        optimizer.zero_grad()
        if wrapped:
            with model.no_sync():
                assert not model.require_backward_grad_sync
                model(x + step).square().sum().backward()
            assert model.require_backward_grad_sync
            with model.join():
                model(x - step).sum().backward()
        else:
            model(x + step).square().sum().backward()
            model(x - step).sum().backward()
        optimizer.step()
    return plain(list(network.state_dict().values()))


def test_training(groups: None):
    assert trained(flambeau, True) == trained(flambeau, False)
    for ours, theirs in zip(trained(flambeau, True), trained(torch, True)):
        torch.testing.assert_close(torch.tensor(ours[2]), torch.tensor(theirs[2]))


HOOKS = """
h = module("distributed.algorithms.ddp_comm_hooks.default_hooks")
buckets = []
def doubled(state, bucket: d.GradBucket):
    buckets.append((bucket.index(), bucket.is_last()))
    assert [each.shape for each in bucket.gradients()] == [each.shape for each in bucket.parameters()]
    future = torch.futures.Future()
    future.set_result(bucket.buffer() * state)
    return future
def wrong(state, bucket):
    return bucket.buffer()
def told(state, hook):
    w = p.DistributedDataParallel(m)
    w.register_comm_hook(state, hook)
    w.require_backward_grad_sync = False
    y = w(x).square().sum()
    w.reducer._rebuild_buckets()
    w.reducer.prepare_for_backward([])
    y.backward()
    return [parameter.grad.tolist() for parameter in m.parameters()]
def gradients(state, hook, passes=2):
    w = p.DistributedDataParallel(m)
    w.register_comm_hook(state, hook)
    for _ in range(passes):
        w(x / 3).square().sum().backward()
    with w.no_sync():
        w(x).sum().backward()
    return [parameter.grad.tolist() for parameter in m.parameters()]
m = torch.nn.Linear(3, 2)
for number, parameter in enumerate(m.parameters()):
    torch.nn.init.constant_(parameter, 0.25 * (number + 1))
"""


def test_hooks_that_reduce_gradients(groups: None):
    same(
        """
        gradients(2.0, doubled)
        gradients(None, h.allreduce_hook)
        gradients(d.group.WORLD, h.allreduce_hook)
        gradients(None, h.fp16_compress_hook)
        gradients(None, h.fp16_compress_wrapper(h.allreduce_hook))
        [m.zero_grad(), told(2.0, doubled), m.zero_grad()]
        gradients(None, wrong)
        gradients(None, 3)
        gradients(None, lambda a, b: None)
        [k := p.DistributedDataParallel(m), k.register_comm_hook(2.0, doubled), k.register_comm_hook(2.0, doubled)]
        """,
        SETTING.partition("torch.manual_seed")[0] + "p = torch.nn.parallel\nx = torch.arange(6.0).view(2, 3)" + HOOKS,
    )
    names = names_for(flambeau)
    exec(SETTING + HOOKS, names)
    names["gradients"](1.0, names["doubled"])
    assert names["buckets"] == [(0, False), (1, True)] * 2
    names["m"].zero_grad()
    rounded = names["gradients"](None, names["h"].bf16_compress_hook, passes=1)
    assert rounded[0][0] != [0.0, 0.0, 0.0] and len(rounded) == 2


def test_what_is_refused_in_words(groups: None):
    wrapped = nn.parallel.DistributedDataParallel(nn.Linear(1, 1))
    with pytest.raises(NotImplementedError, match="mixed_precision"):
        nn.parallel.DistributedDataParallel(nn.Linear(1, 1), mixed_precision=nn.parallel.distributed._MixedPrecision())
    with pytest.raises(AssertionError, match="CUDA"):
        nn.parallel.scatter(flambeau.ones(2), [0])
    with pytest.raises(AssertionError, match="CUDA"):
        nn.parallel.data_parallel(wrapped, flambeau.ones(1, 1), device_ids=[0])
    group = flambeau.distributed.new_group([0])
    with pytest.raises(RuntimeError, match="default process group"):
        pickle.dumps(nn.parallel.DistributedDataParallel(nn.Linear(1, 1), process_group=group))


class Point(NamedTuple):
    x: Any
    y: Any


def test_parts_and_copies_for_the_processor():
    devices = ["cpu", "cpu"]
    x = flambeau.arange(4.0, requires_grad=True)
    parts = nn.parallel.scatter({"a": [x, 1], "b": (Point(x, "text"),)}, devices)
    assert [part["a"][0].tolist() for part in parts] == [[0, 1], [2, 3]] and parts[1]["a"][1] == 1
    assert parts[1]["b"][0].x.tolist() == [2, 3] and parts[0]["b"][0].y == "text"
    joined = nn.parallel.gather([{"k": Point(part["a"][0], None)} for part in parts], "cpu")
    assert joined["k"].x.tolist() == x.tolist() and joined["k"].y is None
    joined["k"].x.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 1]
    assert scatter_gather.scatter_kwargs((x,), {"k": 1}, devices)[1] == ({"k": 1}, {"k": 1})
    assert scatter_gather.scatter_kwargs((), {"k": x}, devices)[0] == ((), ())
    with pytest.warns(UserWarning, match="vector"):
        assert nn.parallel.gather([x[0], x[1]], "cpu").tolist() == [0, 1]
    with pytest.raises(ValueError, match="same number of keys"):
        nn.parallel.gather([{"a": x}, {}], "cpu")
    network = nn.Linear(4, 1)
    copies = nn.parallel.replicate(network, devices)
    sum(nn.parallel.parallel_apply(copies, [x, (x,)], [{}, {}], devices)).backward()
    assert copies[0] is not network and copies[0].weight is network.weight
    assert network.weight.grad.tolist() == [[0, 2, 4, 6]]
    assert not nn.parallel.replicate(network, ["cpu"], detach=True)[0].weight.requires_grad
    assert nn.parallel.data_parallel(network, x, devices).equal(network(x))


def test_functions_that_move_tensors():
    x, y = flambeau.ones(2, requires_grad=True), flambeau.full((2,), 2.0, requires_grad=True)
    copies = _functions.Broadcast.apply(["cpu", "cpu"], x, y)
    assert [each.tolist() for each in copies] == [[1, 1], [2, 2], [1, 1], [2, 2]]
    sums = _functions.ReduceAddCoalesced.apply("cpu", 2, *copies)
    assert [each.tolist() for each in sums] == [[2, 2], [4, 4]]
    (sums[0] + 3 * sums[1]).sum().backward()
    assert x.grad.tolist() == [2, 2] and y.grad.tolist() == [6, 6]
    assert _functions.Gather.apply("cpu", 0, x, y).tolist() == [1, 1, 2, 2]
    assert [part.tolist() for part in _functions.Scatter.apply(["cpu"] * 2, [1, 1], 0, x)] == [[1], [1]]
    out = flambeau.zeros(2)
    assert comm.broadcast(x.detach(), out=[out])[0] is out and out.tolist() == [1, 1]
    assert comm.reduce_add([x, y], "cpu").tolist() == [3, 3]


def test_some_tensor_of_arguments():
    x = flambeau.ones(1)
    assert nn.parallel.parallel_apply.__module__.endswith("parallel_apply")
    from flambeau.nn.parallel.parallel_apply import get_a_var

    assert get_a_var({"a": [1, (x,)]}) is x and get_a_var([1]) is None


def test_samplers_ask_the_group(groups: None):
    for framework in FRAMEWORKS:
        sampler = framework.utils.data.DistributedSampler(list(range(5)), shuffle=False)
        assert (sampler.rank, sampler.num_replicas, list(sampler)) == (0, 1, [0, 1, 2, 3, 4])
    flambeau.distributed.destroy_process_group()
    with pytest.raises(ValueError, match="init_process_group"):
        flambeau.utils.data.DistributedSampler([1])
    assert copy.copy(sampler).num_samples == 5
