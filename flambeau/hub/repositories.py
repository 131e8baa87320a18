"""Models from repositories: a file ``hubconf.py`` at the top has functions that make them, which are their entry points."""

from __future__ import annotations

import builtins
import importlib.util
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.error import URLError

from .downloads import download_url_to_file, get_dir

_FILE = "hubconf.py"
_BRANCHES = ("main", "master")


def load(
    repo_or_dir: str,
    model: str,
    *args: Any,
    source: str = "github",
    trust_repo: bool | str | None = "check",
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    **kwargs: Any,
) -> Any:
    """What the entry point ``model`` of a repository (``owner/name[:branch]``), or of a directory, gives for the arguments.

    A repository is downloaded once, unless ``force_reload``. Its code is run: whether it is to be trusted is asked the first
    time, unless ``trust_repo`` is true. Flambeau being PyTorch to it takes ``flambeau run``.
    """
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    directory = repo_or_dir if source == "local" else _repository(repo_or_dir, force_reload, trust_repo, verbose)
    return _entry_point(_entry_points(directory), model)(*args, **kwargs)


def list(  # noqa: A001
    github: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str | None = "check",
    verbose: bool = True,
) -> Any:
    """The names of the entry points of a repository."""
    module = _entry_points(_repository(github, force_reload, trust_repo, verbose))
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]


def help(  # noqa: A001
    github: str,
    model: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str | None = "check",
) -> str | None:
    """What an entry point of a repository says of itself."""
    return _entry_point(_entry_points(_repository(github, force_reload, trust_repo, True)), model).__doc__


def _repository(github: str, force_reload: bool, trust: bool | str | None, verbose: bool) -> str:
    """The directory with a repository's files."""
    name, _, branch = github.partition(":")
    owner, slash, project = name.partition("/")
    if not (owner and slash and project) or "/" in project:
        raise ValueError(f"a repository is given as 'owner/name' or 'owner/name:branch', not {github!r}")
    known = [branch] if branch else builtins.list(_BRANCHES)
    places = [
        os.path.join(get_dir(), "_".join((owner, project, known_branch.replace("/", "_")))) for known_branch in known
    ]
    found = next((place for place in places if os.path.isdir(place)), None)
    if found is not None and not force_reload:
        if verbose:
            print(f"Using cache found in {found}", file=sys.stderr)
        return found
    _ask_for_trust(f"{owner}_{project}", trust)
    errors = []
    for known_branch, place in zip(known, places):
        try:
            _download(f"https://github.com/{owner}/{project}/zipball/{known_branch}", place, verbose)
        except URLError as error:
            errors.append(str(error.reason))
        else:
            return place
    raise RuntimeError(
        f"the repository {github} is neither in the cache ({get_dir()}) nor to be downloaded: {errors[0]}"
    )


def _download(address: str, place: str, verbose: bool) -> None:
    """Put what is in a repository's archive into the directory ``place``."""
    import shutil
    import tempfile
    import zipfile

    os.makedirs(get_dir(), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=get_dir()) as temporary:
        archive = os.path.join(temporary, "archive.zip")
        download_url_to_file(address, archive, progress=verbose)
        with zipfile.ZipFile(archive) as file:
            file.extractall(temporary)
            top = file.namelist()[0].partition("/")[0]
        shutil.rmtree(place, ignore_errors=True)
        os.rename(os.path.join(temporary, top), place)


def _ask_for_trust(name: str, trust: bool | str | None) -> None:
    """Whether code that was never run here before may be: ``trust`` says so, or the user. The answer is remembered."""
    path = os.path.join(get_dir(), "trusted_list")
    trusted = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            trusted = file.read().split()
    if name in trusted:
        return
    if trust is False or trust in ("check", None):
        answer = input(f"The repository {name} does not belong to the list of trusted ones. Run its code (y/N)? ")
        if answer.strip().lower() not in ("y", "yes"):
            raise RuntimeError(f"the repository {name} is not trusted")
    os.makedirs(get_dir(), exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(name + "\n")


def _entry_points(directory: str) -> ModuleType:
    """The module that a repository's ``hubconf.py`` is; ``RuntimeError`` if it needs what is not installed."""
    path = os.path.join(directory, _FILE)
    spec: Any = importlib.util.spec_from_file_location("hubconf", path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, directory)
    try:
        spec.loader.exec_module(module)
        missing = [name for name in getattr(module, "dependencies", ()) if importlib.util.find_spec(name) is None]
    finally:
        sys.path.remove(directory)
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    return module


def _entry_point(module: ModuleType, name: str) -> Callable[..., Any]:
    """An entry point by its name."""
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    function = vars(module).get(name)
    if not callable(function):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return function  # type: ignore[no-any-return]
