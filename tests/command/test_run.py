"""`flambeau run` against `python`: everything a program can see of how it was started."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python(*arguments, **options):
    return _run([sys.executable, *arguments], **options)


def flambeau_run(*arguments, **options):
    return _run([sys.executable, "-m", "flambeau", "run", *arguments], **options)


def _run(command, cwd=ROOT, **options):
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, cwd=cwd, **options
    )


SHOW = """
import sys
print(sys.argv, sys.path[0], __name__, __spec__ is None, globals().get("__file__"), sys.modules["__main__"].__dict__ is globals())
"""


@pytest.fixture
def script(tmp_path):
    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_script_sees_what_python_would_show_it(script):
    path = script(SHOW)
    ours = flambeau_run(path, "a", "--b", "-c", "-m")
    theirs = python(path, "a", "--b", "-c", "-m")
    assert ours.stdout == theirs.stdout and "'--b'" in ours.stdout


def test_a_relative_path_stays_relative_in_argv(script):
    path = script("import sys; print(sys.argv, __file__)")
    environment = {"PYTHONPATH": str(ROOT)}
    ours = flambeau_run(path.name, cwd=path.parent, env=environment)
    assert ours.stdout == python(path.name, cwd=path.parent).stdout


def test_a_module(script):
    path = script(SHOW.replace("__spec__ is None", "__spec__.name"), "some_module.py")
    environment = {"PYTHONPATH": str(ROOT)}
    ours = flambeau_run("-m", "some_module", "--x", cwd=path.parent, env=environment)
    theirs = python("-m", "some_module", "--x", cwd=path.parent)
    assert ours.stdout == theirs.stdout and "some_module" in ours.stdout


def test_a_line_of_code():
    assert flambeau_run("-c", SHOW, "x", "-y").stdout == python("-c", SHOW, "x", "-y").stdout


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("", 0),
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('told so')", 1),
        ("1 / 0", 1),
        ("raise SystemExit(7)", 7),
    ],
)
def test_exit_codes_and_tracebacks(script, ending, code):
    path = script(f"import sys\ndef f():\n    {ending or 'pass'}\nf()\n")
    ours, theirs = flambeau_run(path), python(path)
    assert ours.returncode == theirs.returncode == code
    assert ours.stderr == theirs.stderr


def test_a_signal_ends_it_as_python(script):
    path = script(
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let background jobs ignore it\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    ours, theirs = flambeau_run(path), python(path)
    assert ours.returncode == theirs.returncode
    assert ours.stderr.splitlines()[-1] == theirs.stderr.splitlines()[-1] == "KeyboardInterrupt"


def test_wrong_syntax(script):
    path = script("x = = 1\n")
    ours, theirs = flambeau_run(path), python(path)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)


def test_a_chained_exception(script):
    path = script("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('x')\n")
    assert flambeau_run(path).stderr == python(path).stderr


def test_a_missing_script():
    result = flambeau_run("/no/such/file.py")
    assert result.returncode == 2 and "can't open file '/no/such/file.py'" in result.stderr


def test_which_program():
    result = flambeau_run()
    assert result.returncode == 2 and "which program?" in result.stderr


def test_version_help_and_information():
    base = [sys.executable, "-m", "flambeau"]
    assert _run([*base, "--version"]).stdout.startswith("flambeau 0.")
    assert "{run,info}" in _run([*base, "--help"]).stdout
    information = _run([*base, "info"]).stdout
    for name in ("Flambeau:", "Threads:", "Vectors:", "Kernel cache:"):
        assert name in information


CHILDREN = """
import multiprocessing, os, subprocess, sys

def child(queue):
    import torch
    queue.put(torch.__version__)

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        print(method, queue.get(timeout=30))
        process.join()
    code = "import torch, sys; print('again', torch.__version__, 'flambeau' in torch.__file__)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/").stdout, end="")
"""


def test_children_have_the_aliases_too(script):
    result = flambeau_run(script(CHILDREN))
    version = "2.13.0+flambeau"
    expected = [f"fork {version}", f"spawn {version}", f"forkserver {version}", f"again {version} True"]
    assert result.stdout.splitlines() == expected, result.stderr


def test_children_that_do_not_use_it_do_not_load_it(script):
    code = "import sys; print(any(m == 'numpy' or m == 'flambeau' for m in sys.modules))"
    path = script(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])")
    assert flambeau_run(path).stdout == "False\n"


def test_another_sitecustomize_runs_as_well(script, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import sys; sys.customised = __file__")
    code = "import sys, torch; print(sys.customised, torch.__version__)"
    path = script(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])")
    result = flambeau_run(path, env={"PYTHONPATH": f"{other}:{ROOT}"})
    assert result.stdout == f"{other}/sitecustomize.py 2.13.0+flambeau\n", result.stderr


def test_workers_of_loaders_started_anew(script):
    program = """
import torch
from torch.utils.data import DataLoader, Dataset

class Squares(Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return torch.tensor(index) ** 2

if __name__ == "__main__":
    loader = DataLoader(Squares(), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    print([batch.tolist() for batch in loader])
"""
    result = flambeau_run(script(program))
    assert result.stdout == "[[0, 1], [4, 9]]\n", result.stderr
