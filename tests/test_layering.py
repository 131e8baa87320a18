"""Imports go downwards only, PyTorch is never imported, and `import flambeau` brings little with it."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flambeau"

#: The layers of docs/design.md, lowest first. The longest prefix of a module's name that is in here decides. A module may
#: import from its own layer and from those below it.
LAYERS = [
    ["interpreter", "version", "torch_version"],
    ["graph"],
    ["kernels"],
    ["cpu"],
    ["compiler"],
    ["core"],
    ["ops", "random", "return_types"],
    ["autograd"],
    [""],  # everything else: nn, optim, utils, vision, metrics, serialization, ...
    ["command", "__main__"],
]
RANKS = {prefix: rank for rank, prefixes in enumerate(LAYERS) for prefix in prefixes}


#: Imports upwards, all of them made when a function is called, each with the reason why it is one.
UPWARDS = {
    ("core.tensor", "serialization.pickling"): "a pickled tensor is what PyTorch's is, with its memory as a file of its own",
    ("ops.storages", "serialization"): "a pickled storage of PyTorch's is a file of its own inside the pickle",
}

#: Modules of PyTorch's that this one does not have under the same name, and that stand at the top of the package all the same.
NOT_OF_PYTORCH = {"__main__", "metrics", "vision"}


def rank(module: str) -> int:
    name = module
    while name not in RANKS:
        name = name.rpartition(".")[0]
    return RANKS[name]


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Name below the package, package to which relative imports refer, and source of every file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name == "site":
            continue
        parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
            package = parts
        else:
            package = parts[:-1]
        yield ".".join(parts), ".".join(package), ast.parse(path.read_text(), str(path))


def imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements, those inside functions too, but for those that only type checkers see."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def exists(module: str) -> bool:
    path = PACKAGE.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """The package's modules that a statement imports, without the package's own name."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.name == "flambeau" or alias.name.startswith("flambeau."):
                yield alias.name.removeprefix("flambeau").removeprefix(".")
        return
    base = statement.module or ""
    if statement.level:
        parents = package.split(".") if package else []
        parents = parents[: len(parents) - statement.level + 1]
        base = ".".join([*parents, *([base] if base else [])])
    elif base == "flambeau" or base.startswith("flambeau."):
        base = base.removeprefix("flambeau").removeprefix(".")
    else:
        return
    for alias in statement.names:
        inner = f"{base}.{alias.name}".removeprefix(".")
        yield inner if exists(inner) else base


def test_imports_go_downwards():
    upwards = {}
    for name, package, tree in modules():
        if not name:
            continue  # the package itself gathers everything
        for statement in imports(tree):
            for other in imported(statement, package):
                if rank(other) > rank(name):
                    upwards[name, other] = f"{name} (line {statement.lineno}) imports {other or 'the whole package'}"
    assert upwards.keys() == UPWARDS.keys(), "\n".join(upwards.values())


def test_no_modules_import_each_other():
    """Neither at the top nor inside functions, however long the way round, but for the imports upwards listed above."""
    remaining: dict[str, set[str]] = {}
    for name, package, tree in modules():
        others = {other for statement in imports(tree) for other in imported(statement, package)} - {name, ""}
        remaining[name] = {other for other in others if (name, other) not in UPWARDS}
    while leaves := {name for name, others in remaining.items() if not others & remaining.keys()}:
        remaining = {name: others for name, others in remaining.items() if name not in leaves}
    assert set(remaining) <= {""}, remaining


def test_what_stands_at_the_top_bears_the_name_of_a_module_of_pytorch():
    torch = pytest.importorskip("torch")
    loaded = {name.removeprefix("torch.") for name in sys.modules if name.startswith("torch.")}
    top = {name for name, _, _ in modules() if name and "." not in name and (PACKAGE / f"{name}.py").is_file()}
    others = top - NOT_OF_PYTORCH - loaded
    unknown = {name for name in others if importlib.util.find_spec(f"{torch.__name__}.{name}") is None}
    assert not unknown


def imported_by(folder: str) -> set[str]:
    """The modules outside a folder that its files import."""
    return {
        other
        for name, package, tree in modules()
        if name.startswith(f"{folder}.")
        for statement in imports(tree)
        for other in imported(statement, package)
        if not other.startswith(folder)
    }


def test_compiler_and_device_meet_in_their_contract_alone():
    assert {name.partition(".")[0] for name in imported_by("compiler")} == {"graph", "kernels", "interpreter"}
    assert {name.partition(".")[0] for name in imported_by("kernels")} == {"graph"}
    ours = {name for name in imported_by("cpu") if not name.startswith(("kernels.", "interpreter."))}
    assert ours <= {"graph.dtypes", "graph.shapes", "graph.windows", "graph.primitives", "version"}


def test_pytorch_is_never_imported():
    for name, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not any(alias.name.partition(".")[0] == "torch" for alias in node.names), name
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert (node.module or "").partition(".")[0] not in ("torch", "torchvision"), name


@pytest.mark.parametrize("module", ["flambeau", "flambeau.nn, flambeau.optim"])
def test_importing_brings_little_with_it(module):
    program = f"import sys, {module}; print(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(result.stdout.split())
    heavy = {"llvmlite", "scipy", "PIL", "tqdm", "multiprocessing", "asyncio", "urllib.request", "torch"}
    assert not loaded & heavy
    assert not {
        name for name in loaded if name.startswith(("flambeau.vision", "flambeau.metrics", "flambeau.utils.data"))
    }
