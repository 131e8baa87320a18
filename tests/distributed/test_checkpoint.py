"""Checkpoints in folders: PyTorch reads ours and we read PyTorch's; states of models and optimisers by name."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint.format_utils
import torch.distributed.checkpoint.state_dict
from distributed.both import FRAMEWORKS, groups_of_one, names_for, plain, same

import flambeau
import flambeau.distributed.checkpoint.format_utils
from flambeau import nn
from flambeau.distributed import checkpoint


@pytest.fixture
def groups() -> Iterator[None]:
    with groups_of_one():
        yield


def contents(framework: ModuleType, factor: int) -> dict[str, Any]:
    tensors = {
        "w": framework.arange(6.0).view(2, 3) * factor,
        "half": framework.ones(3, dtype=framework.bfloat16) * factor,
        "number": framework.tensor(2) * factor,
        "part": framework.arange(8)[::2] * factor,
        "empty": framework.zeros(0),
    }
    return {
        "model": tensors, "step": 3 * factor, "betas": [0.5 * factor, 0.25], "list": [framework.ones(2) * factor, {"a": factor}],
        "groups": [{"params": [0, factor], "lr": 0.5 * factor}], "pair": (factor, None), "7": factor,
    }  # fmt: skip


@pytest.mark.parametrize("writer", FRAMEWORKS)
@pytest.mark.parametrize("reader", FRAMEWORKS)
def test_folders_go_both_ways(reader: ModuleType, writer: ModuleType, tmp_path: Path):
    written = contents(writer, 1)
    meta = writer.distributed.checkpoint.save(written, checkpoint_id=tmp_path / "folder", no_dist=True)
    assert type(meta).__name__ == "Metadata" and meta.version == "1.0.0"
    assert sorted(each.name for each in (tmp_path / "folder").iterdir()) == [".metadata", "__0_0.distcp"]
    wanted = contents(reader, 5)
    into = wanted["model"]["w"]
    reader.distributed.checkpoint.load(wanted, checkpoint_id=tmp_path / "folder", no_dist=True)
    assert plain(wanted) == plain(written) and wanted["model"]["w"] is into


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_from_a_folder_to_a_file_and_back(framework: ModuleType, tmp_path: Path):
    torch.distributed.checkpoint.save(contents(torch, 1), checkpoint_id=tmp_path / "a", no_dist=True)
    utilities = framework.distributed.checkpoint.format_utils
    utilities.dcp_to_torch_save(tmp_path / "a", tmp_path / "file")
    utilities.torch_save_to_dcp(tmp_path / "file", tmp_path / "b")
    wanted = contents(flambeau, 5)
    checkpoint.load(wanted, checkpoint_id=tmp_path / "b")
    assert plain(wanted) == plain(contents(torch, 1)) == plain(flambeau.load(tmp_path / "file"))


def test_what_is_below_a_key(tmp_path: Path):
    torch.distributed.checkpoint.save(contents(torch, 1), checkpoint_id=tmp_path, no_dist=True)
    found = []
    for framework in FRAMEWORKS:
        names = names_for(framework)
        planner = names["module"]("distributed.checkpoint.default_planner")._EmptyStateDictLoadPlanner(keys={"list", "model.w"})
        read: dict[str, Any] = {}
        reader = framework.distributed.checkpoint.FileSystemReader(tmp_path)
        loader = names["module"]("distributed.checkpoint.state_dict_loader")
        loader._load_state_dict(read, storage_reader=reader, planner=planner, no_dist=True)
        found.append(plain(read))
    assert found[0] == found[1]


def test_parts_that_several_processes_wrote(tmp_path: Path):
    checkpoint.save({"w": flambeau.zeros(4, 2)}, checkpoint_id=tmp_path)
    first = checkpoint.FileSystemWriter(tmp_path / "1").write({"w": (("w",), flambeau.ones(3, 2))})
    second = checkpoint.FileSystemWriter(tmp_path / "2").write({"w": (("w",), flambeau.full((1, 2), 2.0))})
    reader = checkpoint.FileSystemReader(tmp_path)
    meta = reader.read_metadata()
    meta.storage_data = {}
    for folder, offset, other in ((1, 0, first), (2, 3, second)):
        ((index, place),) = other.storage_data.items()
        place.relative_path = f"{folder}/{place.relative_path}"
        meta.storage_data[type(index)("w", (offset, 0))] = place
    reader.read_metadata = lambda: meta  # type: ignore[method-assign]
    wanted = {"w": flambeau.zeros(4, 2)}
    checkpoint.load(wanted, storage_reader=reader)
    assert wanted["w"].tolist() == [[1, 1], [1, 1], [1, 1], [2, 2]]


class Counter:
    """An object with a state of its own."""

    def __init__(self, count: int) -> None:
        self.count = count

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.count = state_dict["count"]


def test_objects_with_states(tmp_path: Path):
    network, counter = nn.Linear(2, 1), Counter(3)
    checkpoint.async_save({"network": network, "counter": counter}, checkpoint_id=tmp_path).result()
    other, another = nn.Linear(2, 1), Counter(0)
    checkpoint.load({"network": other, "counter": another}, storage_reader=checkpoint.FileSystemReader(tmp_path))
    assert other.weight.equal(network.weight) and another.count == 3


def test_errors_are_told_by_rank(tmp_path: Path):
    checkpoint.save({"w": flambeau.ones(2)}, storage_writer=checkpoint.FileSystemWriter(tmp_path))
    for wanted, folder, error, words in (
        ({"v": flambeau.ones(2)}, tmp_path, RuntimeError, "Missing key.*v"),
        ({"w": flambeau.ones(3)}, tmp_path, ValueError, "Size mismatch"),
        ({"w": flambeau.ones(2)}, tmp_path / "nothing", FileNotFoundError, "nothing"),
    ):
        with pytest.raises(checkpoint.CheckpointException, match=words) as caught:
            checkpoint.load(wanted, checkpoint_id=folder)
        assert isinstance(caught.value.failures[0][0], error)
    wanted = {"v": flambeau.zeros(1), "w": flambeau.zeros(2)}
    checkpoint.load(wanted, checkpoint_id=tmp_path, planner=checkpoint.DefaultLoadPlanner(allow_partial_load=True))
    assert wanted["w"].tolist() == [1, 1] and wanted["v"].tolist() == [0]
    with pytest.raises(RuntimeError, match="checkpoint_id"):
        checkpoint.save({})
    with pytest.raises(NotImplementedError, match="planner"):
        checkpoint.load({}, checkpoint_id=tmp_path, planner=object())
    with pytest.raises(checkpoint.CheckpointException, match="overwrite"):
        checkpoint.save({}, storage_writer=checkpoint.FileSystemWriter(tmp_path, overwrite=False))


def test_descriptions_run_nothing(tmp_path: Path):
    (tmp_path / ".metadata").write_bytes(pickle.dumps(print))
    with pytest.raises(checkpoint.CheckpointException, match="print"):
        checkpoint.load({"w": flambeau.ones(1)}, checkpoint_id=tmp_path)


SETTING = """
s = module("distributed.checkpoint.state_dict")
n = torch.nn
m = n.Sequential(n.Linear(2, 2), n.BatchNorm1d(2))
m[0].bias.requires_grad_(False)
for number, parameter in enumerate(m.parameters()):
    n.init.constant_(parameter, 0.25 * (number + 1))
w = n.parallel.DistributedDataParallel(m)
o = torch.optim.AdamW(m.parameters(), lr=0.5)
flat = s.StateDictOptions(flatten_optimizer_state_dict=True)
"""


def test_states_by_name(groups: None):
    same(
        """
        s.get_model_state_dict(m)
        s.get_model_state_dict(w)
        list(s.get_model_state_dict(w, options=s.StateDictOptions(ignore_frozen_params=True)))
        list(s.get_model_state_dict(m, submodules={m[1]}))
        list(s.get_model_state_dict(m, submodules={m[1]}, options=s.StateDictOptions(keep_submodule_prefixes=False)))
        s.set_model_state_dict(w, s.get_model_state_dict(m)).missing_keys
        s.set_model_state_dict(w, {"0.bias": m[0].bias})
        s.set_model_state_dict(m, {"0.bias": m[0].bias}, options=s.StateDictOptions(strict=False)).missing_keys
        sorted(s.get_optimizer_state_dict(m, o)["state"])
        sorted(s.get_optimizer_state_dict(w, o)["param_groups"][0].items(), key=str)
        {name: sorted(kept) for name, kept in s.get_optimizer_state_dict(w, o)["state"].items()}
        sorted(s.get_optimizer_state_dict(w, o, options=flat))
        [s.set_optimizer_state_dict(w, o, s.get_optimizer_state_dict(m, o)), m[0].weight.grad]
        [s.set_optimizer_state_dict(w, o, s.get_optimizer_state_dict(m, o, options=flat), options=flat), m[0].weight]
        [len(each) for each in s.get_state_dict(w, [o])]
        [len(each) for each in s.get_state_dict(w, [])]
        """,
        SETTING,
    )


def test_training_goes_on(groups: None, tmp_path: Path):
    def step(network: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        network(flambeau.arange(4.0).view(2, 2)).square().sum().backward()
        optimizer.step()

    states = flambeau.distributed.checkpoint.state_dict
    made = []
    for _ in range(2):
        names = names_for(flambeau)
        exec(SETTING, names)
        made.append((names["m"], names["o"]))
    (network, optimizer), (other, another) = made
    step(network, optimizer)
    model_state, optimizer_state = states.get_state_dict(network, optimizer)
    checkpoint.save({"model": model_state, "optimizer": optimizer_state}, checkpoint_id=tmp_path)
    model_state, optimizer_state = states.get_state_dict(other, another)
    wanted = {"model": model_state, "optimizer": optimizer_state}
    checkpoint.load(wanted, checkpoint_id=tmp_path)
    states.set_state_dict(other, another, model_state_dict=wanted["model"], optim_state_dict=wanted["optimizer"])
    for each in made:
        step(*each)
    assert plain(network.state_dict()) == plain(other.state_dict())
