"""Networks for pictures as graphs, and what is in the middle of them."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest

import flambeau
from flambeau import fx, nn
from flambeau.vision import models
from flambeau.vision.models.feature_extraction import create_feature_extractor, get_graph_node_names


@pytest.mark.parametrize("family", ["alexnet", "resnet18", "resnext50_32x4d"])
def test_networks_give_the_same_as_graphs(family: str) -> None:
    network = getattr(models, family)().eval()
    pictures = flambeau.rand(1, 3, 64, 64)
    traced = fx.symbolic_trace(network)
    traced.graph.lint()
    with flambeau.no_grad():
        assert flambeau.equal(traced(pictures), network(pictures))
    assert traced.state_dict().keys() == network.state_dict().keys()


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.block = Block()
        self.last = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        x = self.block(self.block(self.first(x)) + 1)
        return self.last(nn.functional.dropout(x, 0.5, self.training)), x


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

    def forward(self, x: Any) -> Any:
        return flambeau.relu(self.norm(self.layer(x)) + x)


def test_names_of_values() -> None:
    names, _ = get_graph_node_names(Net())
    assert names == [
        "x", "first.0", "first.1", "block.layer", "block.norm", "block.add", "block.relu", "add", "block.layer_1",
        "block.norm_1", "block.add_1", "block.relu_1", "dropout", "last",
    ]  # fmt: skip
    resnet = get_graph_node_names(models.resnet18())[0]
    assert resnet[:8] == ["x", "conv1", "bn1", "relu", "maxpool", "layer1.0.conv1", "layer1.0.bn1", "layer1.0.relu"]
    assert {"layer1.0.add", "layer1.0.relu_1", "layer2.0.downsample.0", "flatten", "fc"} < set(resnet)
    assert "block" in get_graph_node_names(Net(), {"leaf_modules": [Block]})[0]


def test_values_in_the_middle() -> None:
    net = Net().eval()
    x = flambeau.rand(5, 3)
    extractor = create_feature_extractor(net, {"first": "early", "block.add": "sum", "block": "late"})
    found = extractor(x)
    first = net.first(x)
    assert [*found] == ["early", "sum", "late"]
    assert flambeau.equal(found["early"], first)
    assert flambeau.equal(found["sum"], net.block.norm(net.block.layer(first)) + first)
    assert flambeau.equal(found["late"], net(x)[1])
    assert not hasattr(extractor, "last") and extractor.block.layer is net.block.layer
    found["late"].sum().backward()
    assert net.first[0].weight.grad is not None
    again = copy.deepcopy(extractor)
    assert not again.training and flambeau.equal(again(x)["late"], found["late"])


def test_graphs_of_both_modes() -> None:
    class Two(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.exp() if self.training else x.neg()

    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        assert get_graph_node_names(Two()) == (["x", "exp"], ["x", "neg"])
    assert "are different from" in str(raised[0].message)
    extractor = create_feature_extractor(Two(), train_return_nodes=["exp"], eval_return_nodes=["neg"])
    x = flambeau.ones(1)
    assert extractor.training and [*extractor(x)] == ["exp"]
    assert [*extractor.eval()(x)] == ["neg"] and [*extractor.train()(x)] == ["exp"]


@pytest.mark.parametrize("nodes", [{}, {"train_return_nodes": ["x"]}, {"return_nodes": ["nowhere"]}])
def test_errors(nodes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="return_nodes|not present"):
        create_feature_extractor(Net(), **nodes)
