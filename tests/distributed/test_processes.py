"""Groups of one in processes that were started for them."""

from pathlib import Path

import flambeau
from flambeau.multiprocessing import spawn


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
