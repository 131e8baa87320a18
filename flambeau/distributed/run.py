"""``python -m torch.distributed.run program.py``: starts a program as a group of one process, which finds itself by variables."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence

# By full names: ``python -m`` runs this file under another.
from flambeau.distributed._c10d.errors import more_than_one
from flambeau.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

__all__ = ["get_args_parser", "main", "parse_args", "run"]


def get_args_parser() -> argparse.ArgumentParser:
    """PyTorch's options. Those that say how several processes find each other and are watched are of no account for one."""
    parser = argparse.ArgumentParser(prog="torchrun", description="Starts a program as a group of one process.")
    add = parser.add_argument
    add("--nnodes", default="1:1", help="how many machines: 1")
    add("--nproc-per-node", "--nproc_per_node", default="1", help="how many processes on each: 1")
    add("--rdzv-backend", "--rdzv_backend", default="static")
    add("--rdzv-endpoint", "--rdzv_endpoint", default="")
    add("--rdzv-id", "--rdzv_id", default="none")
    add("--rdzv-conf", "--rdzv_conf", default="")
    add("--standalone", action="store_true")
    add("--max-restarts", "--max_restarts", type=int, default=0, help="how often a program that fails is started again")
    add("--monitor-interval", "--monitor_interval", type=float, default=0.1)
    add("--start-method", "--start_method", choices=["spawn", "fork", "forkserver"], default="spawn")
    add("--role", default="default")
    add("-m", "--module", action="store_true", help="the program is a module's name")
    add("--no-python", "--no_python", action="store_true", help="the program is no Python program")
    add("--run-path", "--run_path", action="store_true")
    add("--log-dir", "--log_dir", default=None)
    add("-r", "--redirects", default="0")
    add("-t", "--tee", default="0")
    add("--local-ranks-filter", "--local_ranks_filter", default="")
    add("--node-rank", "--node_rank", type=int, default=0)
    add("--master-addr", "--master_addr", default="127.0.0.1")
    add("--master-port", "--master_port", type=int, default=0, help="29500, or with --standalone a free one")
    add("--local-addr", "--local_addr", default=None)
    add("training_script", help="the program")
    add("training_script_args", nargs=argparse.REMAINDER, help="its arguments")
    return parser


def parse_args(args: Sequence[str] | None) -> argparse.Namespace:
    """The options in a command line."""
    return get_args_parser().parse_args(args)


def _check_alone(args: argparse.Namespace) -> None:
    """``NotImplementedError`` for more than one process; what counts devices (``auto``, ``gpu``) counts one."""
    machines = args.nnodes.rpartition(":")[2]
    processes = str(os.cpu_count()) if args.nproc_per_node == "cpu" else args.nproc_per_node
    if args.nproc_per_node in ("auto", "gpu"):
        raise ValueError(f"torchrun --nproc-per-node={args.nproc_per_node}: there are no accelerators to be counted")
    for option, count in (("--nnodes", machines), ("--nproc-per-node", processes)):
        if not count.isdigit():
            raise ValueError(f"torchrun {option}={count}: expected a number")
        if int(count) != 1:
            raise more_than_one(f"torchrun {option}={count}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _variables(args: argparse.Namespace, restarts: int, error_file: str) -> dict[str, str]:
    """What the program is told: that it is the first of one process."""
    port = args.master_port or (_free_port() if args.standalone else 29500)
    alone = dict.fromkeys(("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK"), "0")
    sizes = dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE"), "1")
    return {
        **alone, **sizes, "ROLE_NAME": args.role, "MASTER_ADDR": args.master_addr, "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": args.rdzv_id if args.rdzv_id != "none" else str(uuid.uuid4()),
        "TORCHELASTIC_RESTART_COUNT": str(restarts), "TORCHELASTIC_MAX_RESTARTS": str(args.max_restarts),
        "TORCHELASTIC_USE_AGENT_STORE": "False", "TORCHELASTIC_ERROR_FILE": error_file,
    }  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Run the program, anew if it fails and may be; :class:`ChildFailedError` if it fails in the end."""
    _check_alone(args)
    python = [] if args.no_python else [sys.executable, "-u", *(["-m"] if args.module else [])]
    command = [*python, args.training_script, *args.training_script_args]
    for restarts in range(args.max_restarts + 1):
        with tempfile.TemporaryDirectory(prefix="flambeau-run-") as folder:
            error_file = os.path.join(folder, "error.json")
            process = subprocess.Popen(command, env=os.environ | _variables(args, restarts, error_file))
            try:
                code = process.wait()
            except BaseException:
                process.send_signal(signal.SIGTERM)
                process.wait()
                raise
            if code == 0:
                return
            failure = ProcessFailure(0, process.pid, code, error_file)
    raise ChildFailedError(args.training_script, {0: failure})


def main(args: Sequence[str] | None = None) -> None:
    """The command."""
    run(parse_args(args))


if __name__ == "__main__":
    main()
