"""What loads sparse tensors may be called by several threads at the same time."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading
import flambeau
sys.setswitchinterval(1e-6)
x, failed = flambeau.ones(2, 2), []
calls = [
    x.to_sparse, x.to_sparse_csr, lambda: flambeau.sparse_csr_tensor([0, 1], [0], [1.0]),
    lambda: flambeau.sparse_coo_tensor([[0], [0]], [1.0]), lambda: flambeau.sparse.mm,
    lambda: flambeau.nn.functional.embedding(flambeau.tensor([0]), x.clone().requires_grad_(), sparse=True).sum().backward(),
]
begin = threading.Barrier(len(calls))
def work(call):
    begin.wait()
    try:
        call()
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=work, args=(call,)) for call in calls]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failed, failed
"""


def test_several_threads_load_it() -> None:
    """A package is imported before its modules, so that no thread holds a module that another one's package waits for."""
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
