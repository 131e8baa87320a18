"""Functions run in threads at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable


def together(*functions: Callable[[], object]) -> None:
    """Run functions in threads that begin together; raises what one of them raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(functions))

    def guarded(function: Callable[[], object]) -> None:
        start.wait()
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
