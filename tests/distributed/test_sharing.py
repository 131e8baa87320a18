"""What shares parameters, states and layers out over processes: with one process, it changes nothing."""

import copy
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.distributed.fsdp
import torch.distributed.nn.functional
import torch.distributed.optim
from distributed.both import FRAMEWORKS, groups_of_one, names_for, plain, same

import flambeau
from flambeau import nn


@pytest.fixture(autouse=True)
def groups() -> Iterator[None]:
    with groups_of_one():
        yield


NETWORK = """
n = torch.nn
m = n.Sequential(n.Linear(3, 4), n.Sequential(n.ReLU(), n.Linear(4, 4)), n.ModuleList([n.Linear(4, 2)]))
for number, parameter in enumerate(m.parameters()):
    n.init.constant_(parameter, 0.25 * (number + 1))
x = torch.arange(6.0).view(2, 3)
"""


def test_options_of_sharing():
    same(
        """
        [repr(each) for name in enumerations.split() for each in getattr(f, name)]
        [repr(getattr(f, name)()) for name in names.split()]
        repr(f.MixedPrecisionPolicy(output_dtype=3))
        f.FullStateDictConfig(True) == f.FullStateDictConfig(offload_to_cpu=True, rank0_only=False)
        f.FullyShardedDataParallel(m)
        f.FullyShardedDataParallel.fsdp_modules(m)
        f.FullyShardedDataParallel.__module__.partition(".")[2]
        """,
        NETWORK
        + """
f = module("distributed.fsdp")
enumerations = "ShardingStrategy BackwardPrefetch StateDictType OptimStateKeyType"
names = '''CPUOffload StateDictConfig FullStateDictConfig LocalStateDictConfig ShardedStateDictConfig OptimStateDictConfig
    FullOptimStateDictConfig LocalOptimStateDictConfig ShardedOptimStateDictConfig OffloadPolicy CPUOffloadPolicy'''
""",
    )


def test_which_modules_are_wrapped():
    same(
        """
        repr(r(m, always, Box, set(), set()))
        repr(r(m, wrap.ModuleWrapPolicy([n.Linear]), Box, set(), set()))
        repr(r(m, part(wrap.transformer_auto_wrap_policy, transformer_layer_cls={n.Sequential}), Box, set(), set()))
        repr(r(m, part(wrap.lambda_auto_wrap_policy, lambda_fn=lambda k: isinstance(k, n.ReLU)), Box, set(), set()))
        repr(r(m, part(wrap.size_based_auto_wrap_policy, min_num_params=1), Box, set(), set()))
        repr(r(m, part(wrap.size_based_auto_wrap_policy, min_num_params=17), Box, set(), set()))
        repr(r(m, part(wrap.size_based_auto_wrap_policy, min_num_params=30), Box, set(), set()))
        repr(r(n.MultiheadAttention(4, 1), part(wrap.size_based_auto_wrap_policy, min_num_params=1), Box, set(), set()))
        repr(r(m, wrap.ModuleWrapPolicy([n.Linear]), Box, {m[0]}, set()))
        repr(wrap.wrap(m))
        inside(n.ReLU())
        """,
        NETWORK
        + """
import functools
part = functools.partial
wrap = module("distributed.fsdp.wrap")
r = lambda *given: wrap._recursive_wrap(*given)[0]
class Box(n.Module):
    def __init__(self, inner, **options):
        super().__init__()
        self.inner = inner
        self.options = options
always = part(wrap.always_wrap_policy)
def inside(each):
    with wrap.enable_wrap(wrapper_cls=Box, a=1, b=2):
        wrapped = wrap.wrap(each, b=3)
    return repr(wrapped), wrapped.options
""",
    )


def test_modules_that_are_computed_again():
    same(
        """
        repr(c)
        list(c.state_dict())
        [name for name, _ in c.named_parameters()]
        c(x)
        [c(x).sum().backward(), [parameter.grad for parameter in m.parameters()]]
        c[0] is m[0]
        c.extra
        c.missing
        c.load_state_dict(m.state_dict()).missing_keys
        [w.apply_activation_checkpointing(m, check_fn=lambda k: isinstance(k, n.Linear)), repr(m), list(m.state_dict())]
        [w.apply_activation_checkpointing(m), [name for name, _ in m.named_parameters()]]
        w.checkpoint_wrapper(m, w.CheckpointImpl.REENTRANT)(x)
        w.checkpoint_wrapper(m, checkpoint_fn=lambda call, given, k: call(given) + k, k=1)(x)
        w.checkpoint_wrapper(m, w.CheckpointImpl.REENTRANT)(input=x)
        [list(n.Sequential(c).state_dict()), n.Sequential(c).load_state_dict(n.Sequential(m).state_dict()).missing_keys]
        """,
        NETWORK.replace("n.ModuleList([n.Linear(4, 2)])", "n.Linear(4, 2)")
        + """
w = module("distributed.algorithms._checkpoint.checkpoint_wrapper")
m.extra = 3
c = w.checkpoint_wrapper(m)
""",
    )


def trained(framework: ModuleType, shared: bool) -> Any:
    names = names_for(framework)
    exec(NETWORK.replace("n.ModuleList([n.Linear(4, 2)])", "n.Linear(4, 2)"), names)
    network, x = names["m"], names["x"]
    if shared:
        fsdp = names["module"]("distributed.fsdp")
        for each in (network[1], network):
            assert fsdp.fully_shard(each) is each and isinstance(each, fsdp.FSDPModule)
        network.set_requires_gradient_sync(False)
        network.unshard()
        optimizer = names["module"]("distributed.optim").ZeroRedundancyOptimizer(
            network.parameters(), optimizer_class=framework.optim.AdamW, lr=0.1
        )
    else:
        optimizer = framework.optim.AdamW(network.parameters(), lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        network(x + step).square().sum().backward()
        optimizer.step()
    assert type(network).__name__ == ("FSDPSequential" if shared else "Sequential")
    return plain(network.state_dict())


def test_training_what_is_shared_out():
    assert trained(flambeau, True) == trained(flambeau, False)
    assert list(trained(flambeau, True)) == list(trained(torch, False))


def test_what_fully_shard_refuses():
    fsdp = flambeau.distributed.fsdp
    network = fsdp.fully_shard(nn.Linear(2, 2))
    assert isinstance(network, nn.Linear) and copy.deepcopy(network)(flambeau.ones(2)).equal(network(flambeau.ones(2)))
    with pytest.raises(AssertionError, match="once"):
        fsdp.fully_shard(network)
    with pytest.raises(NotImplementedError, match="mp_policy"):
        fsdp.fully_shard(nn.Linear(2, 2), mp_policy=fsdp.MixedPrecisionPolicy(param_dtype=flambeau.bfloat16))
    with pytest.raises(ValueError, match="module"):
        fsdp.fully_shard(3)


def test_optimizers_that_are_shared_out():
    same(
        """
        z.state_dict()
        [z.consolidate_state_dict(), z.state_dict()["param_groups"][0]["params"], sorted(z.state_dict())]
        [z.consolidate_state_dict(), z.load_state_dict(z.state_dict())]
        [z.add_param_group({"params": [p], "lr": 3.0}), [group["lr"] for group in z.param_groups]]
        z.param_groups[0]["lr"]
        Z(m.parameters(), torch.optim.Adam, foo=1)
        Z([], torch.optim.Adam)
        Z(m.parameters(), 3)
        Z([{"params": [p], "lr": 2.0}], torch.optim.SGD, lr=1.0).param_groups[0]["lr"]
        isinstance(z, torch.optim.Optimizer)
        [h := torch.optim.lr_scheduler.StepLR(z, 1, 0.5), z.step(), h.step(), z.param_groups[0]["lr"]][-1]
        """,
        NETWORK
        + """
Z = module("distributed.optim").ZeroRedundancyOptimizer
z = Z(m.parameters(), torch.optim.SGD, lr=0.5)
p = n.Parameter(torch.ones(2))
""",
    )


def test_collectives_through_which_gradients_go():
    lines = """
        f.all_reduce(x)
        f.all_gather(x)
        f.broadcast(x, 0)
        f.reduce(x, 0)
        f.gather(x)
        f.scatter([x])
        f.all_to_all([z], [x])
        f.all_to_all_single(z, x)
        f.reduce_scatter(z, [x])
        """
    setting = 'f = module("distributed.nn.functional")\nx = torch.arange(3.0, requires_grad=True)\nz = torch.zeros(3)'
    same(lines + "f._all_gather_base(z, x)", setting)
    for line in filter(None, map(str.strip, lines.splitlines())):
        found = []
        for framework in FRAMEWORKS:
            names = names_for(framework)
            exec(setting, names)
            result = eval(line, names)
            result = result[0] if isinstance(result, tuple) else result
            (result * framework.arange(3.0)).sum().backward()
            assert result is not names["x"]
            found.append(plain(names["x"].grad))
        assert found[0] == found[1], line


def test_meshes():
    same(
        """
        [m.shape, m.ndim, m.size(), m.size(0), m.get_rank(), m.get_local_rank("a"), m.get_coordinate(), m.mesh_dim_names]
        m.mesh
        [m["a"].shape, m["a"].mesh_dim_names, m["b", "a"].mesh_dim_names if False else None]
        m.get_group()
        [m.get_group("a").size(), m.get_group(1).size(), len(m.get_all_groups())]
        m.get_group("c")
        m["c"]
        d.init_device_mesh("cpu", (1,)).get_group().size()
        d.init_device_mesh("cpu", (1,)).get_local_rank()
        d.init_device_mesh("cpu", (1,))["a"]
        d.init_device_mesh("cpu", (2,))
        d.init_device_mesh("cpu:0", (1,))
        d.init_device_mesh("cpu", (1, 1), mesh_dim_names=("a", "a"))
        d.init_device_mesh("cpu", (1, 1), mesh_dim_names=("a",))
        d.DeviceMesh("cpu", [0]).mesh
        d.DeviceMesh("cpu", [0, 1])
        d.DeviceMesh.from_group(d.group.WORLD, "cpu").shape
        d.init_device_mesh("cpu", (1,)) == d.init_device_mesh("cpu", (1,))
        """,
        'm = d.init_device_mesh("cpu", (1, 1), mesh_dim_names=("a", "b"))',
    )


def test_layers_that_are_shared_out():
    same(
        """
        p.parallelize_module(m, k, {"0": p.ColwiseParallel(), "2.*": p.RowwiseParallel()}) is m
        p.parallelize_module(m, k, {"1.*": p.RowwiseParallel()})
        p.parallelize_module(m, k, p.ColwiseParallel())
        p.parallelize_module(m, k, {"none": p.ColwiseParallel()}) is m
        p.parallelize_module(m, k, 3)
        [each.dim for each in [t.Shard(1)]]
        [t.Shard(1) == t.Shard(1), t.Shard(0) == t.Replicate(), t.Shard(0).is_shard(0), t.Replicate().is_replicate()]
        [t.Partial().is_partial(), t.Partial("avg").reduce_op, isinstance(t.Partial(), t.Placement)]
        [repr(t.Shard(1)), repr(t.Replicate()), str(t.Shard(1)), str(t.Replicate())]
        [isinstance(x, t.DTensor), issubclass(t.DTensor, torch.Tensor)]
        """,
        NETWORK
        + """
p = module("distributed.tensor.parallel")
t = module("distributed.tensor")
k = d.init_device_mesh("cpu", (1,))
""",
    )
    tensor = flambeau.distributed.tensor
    for refused in (tensor.DTensor, tensor.distribute_tensor, tensor.ones, tensor.DTensor.from_local):
        with pytest.raises(NotImplementedError, match=r"torch.distributed.tensor.\w+.*later version"):
            refused(flambeau.ones(2))
    with pytest.raises(NotImplementedError, match="parallelize_module"):
        tensor.parallel.parallelize_module(nn.Linear(1, 1), None, tensor.parallel.ColwiseParallel())
