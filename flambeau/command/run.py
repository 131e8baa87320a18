"""``flambeau run``: what ``python`` does with a program, in this process, with the aliases active.

The program gets its own ``__main__``, its ``sys.argv`` and its ``sys.path[0]``; exceptions, exits and signals leave
through the interpreter's own doors, so that exit codes are Python's. Only this file's frames are taken out of what an
uncaught exception prints.
"""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from .aliases import activate, export_to_children
from .parser import Choice


def run(choice: Choice) -> None:
    """Run the chosen program and return when it has ended; its exceptions pass through."""
    activate()
    export_to_children()
    _hide_own_frames()
    if choice.action == "module":
        _run_module(choice)
    elif choice.action == "code":
        _run_code(choice)
    else:
        _run_script(choice)


def _run_script(choice: Choice) -> None:
    path = choice.target
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as error:
        print(
            f"flambeau: can't open file '{os.path.abspath(path)}': [Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    sys.argv = [path, *choice.arguments]
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    main = _new_main()
    # As for `python script.py` since 3.9: the file's path is absolute, whatever was typed.
    main.__file__ = os.path.abspath(path)
    main.__loader__ = SourceFileLoader("__main__", main.__file__)
    exec(compile(source, main.__file__, "exec", dont_inherit=True), main.__dict__)


def _run_module(choice: Choice) -> None:
    sys.argv = ["-m", *choice.arguments]
    _set_first_path(os.getcwd())
    _new_main()
    runpy._run_module_as_main(choice.target)  # type: ignore[attr-defined]  # what `python -m` itself calls


def _run_code(choice: Choice) -> None:
    sys.argv = ["-c", *choice.arguments]
    _set_first_path("")
    main = _new_main()
    exec(compile(choice.target, "<string>", "exec", dont_inherit=True), main.__dict__)


_previous_main: list[ModuleType] = []
"""The command's own ``__main__``: its functions are still running and need their globals."""


def _new_main() -> ModuleType:
    _previous_main.append(sys.modules["__main__"])
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={}, __cached__=None)
    sys.modules["__main__"] = main
    return main


def _set_first_path(directory: str) -> None:
    """Replace the entry that Python put there for the command itself."""
    if not sys.flags.safe_path:
        sys.path[0] = directory


def _hide_own_frames() -> None:
    """Let an uncaught exception print only the program's frames."""
    previous = sys.excepthook
    package = os.path.dirname(os.path.abspath(__file__))

    def show(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        def ours(entry: TracebackType) -> bool:
            return os.path.dirname(entry.tb_frame.f_code.co_filename) == package

        rest = trace
        while rest is not None and not ours(rest):  # the console script, or runpy for `python -m flambeau`
            rest = rest.tb_next
        while rest is not None and ours(rest):
            rest = rest.tb_next
        if rest is None and not isinstance(value, SyntaxError):
            rest = trace  # raised elsewhere: nothing to take away
        previous(kind, value.with_traceback(rest), rest)

    sys.excepthook = show
