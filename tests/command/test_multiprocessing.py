"""Several processes at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flambeau
from flambeau import multiprocessing as mp


def total(number, queue, factor):
    queue.put((flambeau.ones(3) * (number * factor)).sum().item())


def fail_in_the_second(number):
    if number == 1:
        raise ValueError("second is bad")
    time.sleep(60)


def exit_with_seven(number):
    os._exit(7)


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


def start(function, **options):
    """Forked processes need no import of this file, which new interpreters could not find."""
    return mp.start_processes(function, start_method="fork", **options)


def test_each_gets_its_number():
    queue = mp.get_context("fork").SimpleQueue()
    start(total, args=(queue, 2.0), nprocs=3)
    assert sorted(queue.get() for _ in range(3)) == [0.0, 6.0, 12.0]


def test_an_error_stops_the_others_and_is_shown_whole():
    began = time.monotonic()
    with pytest.raises(mp.ProcessRaisedException) as error:
        start(fail_in_the_second, nprocs=2)
    assert time.monotonic() - began < 20
    assert "-- Process 1 terminated with the following error:" in str(error.value)
    assert "ValueError: second is bad" in str(error.value) and error.value.error_index == 1


def test_ends_without_an_exception():
    with pytest.raises(mp.ProcessExitedException, match="terminated with exit code 7") as error:
        start(exit_with_seven)
    assert error.value.exit_code == 7
    with pytest.raises(mp.ProcessExitedException, match="terminated with signal SIGKILL"):
        start(die)


def test_without_waiting():
    context = start(exit_with_seven, nprocs=2, join=False)
    assert len(context.pids()) == 2
    with pytest.raises(mp.ProcessExitedException):
        while not context.join(timeout=30):
            pass


def test_the_standard_names_are_there():
    for name in ("Process", "Queue", "Pool", "Manager", "Lock", "set_start_method", "cpu_count", "current_process"):
        assert hasattr(mp, name)
    mp.set_sharing_strategy("file_system")
    assert mp.get_sharing_strategy() == "file_system"
    mp.set_sharing_strategy("file_descriptor")


def test_fresh_interpreters(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import torch.multiprocessing as mp, torch\n"
        "def work(number, offset):\n"
        "    print(f'{number + offset} {torch.ones(2).sum().item()}\\n', end='', flush=True)\n"
        "if __name__ == '__main__':\n"
        "    mp.spawn(work, args=(10,), nprocs=2)\n"
    )
    command = [sys.executable, "-m", "flambeau", "run", str(program)]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60, check=True)
    assert sorted(result.stdout.splitlines()) == ["10 2.0", "11 2.0"]
