"""``FlopCounterMode`` and ``ModuleTracker``: PyTorch's counts, by modules, forwards and backwards."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.utils.flop_counter
import torch.utils.module_tracker

import flambeau
from flambeau._ops import namespace


def network(library: ModuleType) -> Any:
    nn = library.nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
            self.second = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU())

        def forward(self, input: Any) -> Any:
            return self.second(self.first(input).relu())

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()
            self.head = nn.Linear(8 * 6 * 6, 10)

        def forward(self, input: Any) -> Any:
            features = self.block(input).flatten(1)
            return self.head(features) @ library.ones(10, 4)

    return Net()


def counted(library: ModuleType, work: Any) -> dict[str, dict[str, int]]:
    """What each module has counted, by operations."""
    with library.utils.flop_counter.FlopCounterMode(display=False) as mode:
        work(library)
    assert mode.get_total_flops() == sum(mode.get_flop_counts().get("Global", {}).values())
    return {name: {str(key): count for key, count in counts.items()} for name, counts in mode.get_flop_counts().items()}


def train(library: ModuleType, turns: int = 1, look: bool = False) -> None:
    net = network(library)
    optimizer = library.optim.SGD(net.parameters(), 0.1)
    for _ in range(turns):
        loss = net(library.ones(2, 3, 16, 16)).sum()
        if look:
            loss.item()
        loss.backward()
        optimizer.step()


def products(library: ModuleType) -> None:
    a, b = library.ones(5, 6, requires_grad=True), library.ones(6, 7, requires_grad=True)
    (a @ b).sum().backward()
    library.bmm(library.ones(3, 4, 5), library.ones(3, 5, 6))
    library.addmm(library.ones(7), a.detach(), b.detach())
    library.nn.functional.conv1d(library.ones(2, 3, 9), library.ones(4, 3, 2))
    library.nn.functional.conv_transpose2d(library.ones(2, 4, 5, 5), library.ones(4, 3, 2, 2))
    library.einsum("bij,bjk->bik", library.ones(2, 3, 4), library.ones(2, 4, 5))


@pytest.mark.parametrize("work", [
    train, functools.partial(train, turns=3), functools.partial(train, turns=2, look=True), products,
], ids=["train", "several", "looking", "products"])  # fmt: skip
def test_counts_are_those_of_pytorch(work):
    expected = counted(torch, work)
    assert counted(flambeau, work) == expected
    assert counted(flambeau, work) == expected  # when all of it is known


@pytest.mark.parametrize("rows", [7, 300])
def test_attention_is_counted_which_pytorch_does_not_do_on_processors(rows):
    """Its gradient computes the scores a second time."""

    def attend(library: ModuleType) -> None:
        tensors = [library.ones(2, 4, rows, 32, requires_grad=True) for _ in range(3)]
        library.nn.functional.scaled_dot_product_attention(*tensors).sum().backward()

    one = 2 * (2 * 4) * rows * rows * 32
    assert sum(counted(flambeau, attend)["Global"].values()) == 7 * one


def test_the_table_is_printed(capsys):
    with flambeau.utils.flop_counter.FlopCounterMode() as mode:
        network(flambeau)(flambeau.ones(2, 3, 16, 16))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Module", "FLOP", "%", "Total"] and "Net.block" in "\n".join(lines)
    assert len(mode.get_table(depth=1).splitlines()) < len(lines) < len(mode.get_table(depth=5).splitlines()) + 1
    assert mode.get_flop_counts()["Net.head"] == {namespace("aten").addmm: 2 * 2 * 288 * 10}
    with flambeau.utils.flop_counter.FlopCounterMode(display=False) as nothing:
        flambeau.ones(3) + 1
    assert nothing.get_total_flops() == 0 and nothing.get_table().splitlines()[-1].split() == ["Global", "0", "0%"]


def own_formulas(library: ModuleType) -> list[int]:
    """Formulas for further operations, and what operations count where none is taken apart for a mode."""
    aten = torch.ops.aten if library is torch else namespace("aten")
    counter = library.utils.flop_counter
    found = []

    def exponential(shape: Any, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
        return 10 * shape.numel()

    with counter.FlopCounterMode(display=False, custom_mapping={aten.exp: exponential}) as mode:
        (library.ones(3, 4).exp() @ library.ones(4, 2)).sum()
    found += [mode.get_flop_counts()["Global"][aten.exp], mode.get_flop_counts()["Global"][aten.mm]]
    with library.inference_mode(), counter.FlopCounterMode(display=False) as mode:
        network(library)(library.ones(2, 3, 16, 16))
    with pytest.raises(RuntimeError, match="duplicate registrations for aten.mm"):
        counter.register_flop_formula(aten.mm)(exponential)
    with pytest.raises(ValueError, match="expected each target to be OpOverloadPacket"):
        counter.register_flop_formula(aten.mm.default)(exponential)
    return [*found, mode.get_total_flops()]


def test_formulas_of_ones_own():
    assert own_formulas(flambeau) == own_formulas(torch)


@pytest.mark.parametrize("library", [flambeau, torch], ids=["flambeau", "torch"])
def test_modules_under_way_are_known(library):
    net = network(library)
    seen: list[Any] = []

    class Look(library.autograd.Function):
        @staticmethod
        def forward(ctx: Any, input: Any) -> Any:
            seen.append((tracker.is_bw, sorted(tracker.parents)))
            return input.clone()

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            seen.append((tracker.is_bw, sorted(tracker.parents)))
            return grad

    class Looking(library.nn.Module):
        def forward(self, input: Any) -> Any:
            return Look.apply(input)

    net.block.second[1] = Looking()
    with library.utils.module_tracker.ModuleTracker() as tracker:
        net(library.ones(1, 3, 16, 16)).sum().backward()
        assert tracker.parents == {"Global"} and not tracker.is_bw
    inside = ["Global", "Net", "Net.block", "Net.block.second", "Net.block.second.1"]
    assert seen == [(False, inside), (True, inside)]
