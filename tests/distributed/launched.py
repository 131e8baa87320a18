"""A program that is launched as a group of one process."""

import os
import sys

import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import record


@record
def main() -> None:
    dist.init_process_group("gloo")
    print(sys.argv[1:], dist.get_rank(), dist.get_world_size(), dist.is_torchelastic_launched(), os.environ["LOCAL_RANK"])
    if "fail" in sys.argv:
        raise ValueError("it went wrong")


main()
