"""Groups of one in processes that were started for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import flambeau
from flambeau.command.aliases import CHILD_DIRECTORY
from flambeau.distributed import launch, run
from flambeau.distributed.elastic.multiprocessing.errors import ChildFailedError
from flambeau.multiprocessing import spawn

ROOT = str(Path(flambeau.__file__).parent.parent)


def in_a_process(number: int, folder: str) -> None:
    d = flambeau.distributed
    d.init_process_group("gloo", init_method=f"file://{folder}/store", rank=number, world_size=1)
    total = flambeau.ones(2)
    d.all_reduce(total)
    d.destroy_process_group()
    Path(folder, "result").write_text(str(total.tolist()))


def test_a_group_in_a_spawned_process(tmp_path: Path):
    spawn(in_a_process, (str(tmp_path),))
    assert (tmp_path / "result").read_text() == "[1.0, 1.0]"


PROGRAM = str(Path(__file__).with_name("launched.py"))


@pytest.fixture
def aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are started from here come up with the aliases active."""
    monkeypatch.setenv("PYTHONPATH", f"{CHILD_DIRECTORY}{os.pathsep}{ROOT}")


def test_programs_are_launched(aliases: None):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=1", PROGRAM, "a", "--b"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "['a', '--b'] 0 1 True 0\n", "")


def test_programs_are_told_their_number(aliases: None, capfd: pytest.CaptureFixture[str]):
    launch.main(["--standalone", PROGRAM, "a"])
    assert capfd.readouterr().out == "['--local-rank=0', 'a'] 0 1 True 0\n"


def test_programs_that_fail(aliases: None):
    with pytest.raises(ChildFailedError) as caught:
        run.main(["--standalone", PROGRAM, "fail"])
    assert str(caught.value).endswith("launched.py FAILED\nrank 0: ValueError: it went wrong")
    rank, failure = caught.value.get_first_failure()
    assert (rank, failure.exitcode, failure.local_rank) == (0, 1, 0)


@pytest.mark.parametrize("option", ["--nproc_per_node=2", "--nnodes=2", "--nnodes=1:4"])
def test_launching_more_processes_is_refused(option: str):
    with pytest.raises(NotImplementedError, match=r"torchrun --n.*later version"):
        run.main([option, "program.py"])
