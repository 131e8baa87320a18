"""Devices and libraries that are not there: what their modules answer, as tables, and modules made of such tables."""

from __future__ import annotations

import contextlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from types import MethodType, ModuleType
from typing import Any, NamedTuple, NoReturn


class Refusal(NamedTuple):
    """The answer that is an error."""

    error: type[Exception]
    words: str

    def __call__(self, **given: Any) -> NoReturn:
        raise self.error(self.words)


NO_CUDA, NO_MPS, NO_XPU = (Refusal(AssertionError, f"Torch not compiled with {name} enabled") for name in ("CUDA", "MPS", "XPU"))
NO_ACCELERATOR = Refusal(RuntimeError, "Cannot access accelerator device when none is available.")

_COMMON = {"is_available()": False, "device_count()": 0, "empty_cache()": None}
_SEEDS = {"manual_seed(seed)": None, "manual_seed_all(seed)": None}

ANSWERS: dict[str, dict[str, Any]] = {
    "mps": {**_COMMON, **_SEEDS, "synchronize()": NO_MPS},
    "xpu": {**_COMMON, **_SEEDS, "synchronize(device=None)": NO_XPU},
    "accelerator": {
        **_COMMON, "current_accelerator(check_available=False)": None, "current_device_index()": NO_ACCELERATOR,
        "current_device_idx()": NO_ACCELERATOR, "set_device_index(device)": NO_ACCELERATOR,
        "set_device_idx(device)": NO_ACCELERATOR, "current_stream(device=None)": NO_ACCELERATOR,
        "set_stream(stream)": NO_ACCELERATOR, "synchronize(device=None)": NO_ACCELERATOR,
    },
    "cuda": {
        **_COMMON, **_SEEDS, "is_initialized()": False, "is_bf16_supported(including_emulation=True)": False,
        "is_current_stream_capturing()": False, "get_arch_list()": [], "init()": NO_CUDA, "current_device()": NO_CUDA,
        "synchronize(device=None)": NO_CUDA, "get_device_name(device=None)": NO_CUDA,
        "get_device_capability(device=None)": NO_CUDA, "get_device_properties(device=None)": NO_CUDA, "seed()": None,
        "seed_all()": None, "initial_seed()": NO_CUDA, "get_rng_state(device='cuda')": NO_CUDA, "get_rng_state_all()": [],
        "set_rng_state(new_state, device='cuda')": None, "set_rng_state_all(new_states)": None,
        "current_stream(device=None)": NO_CUDA, "default_stream(device=None)": NO_CUDA, "set_stream(stream)": None,
    },
    "cuda.memory": {
        "memory_allocated(device=None)": 0, "max_memory_allocated(device=None)": 0, "memory_reserved(device=None)": 0,
        "max_memory_reserved(device=None)": 0, "memory_cached(device=None)": 0, "max_memory_cached(device=None)": 0,
        "reset_peak_memory_stats(device=None)": None, "reset_accumulated_memory_stats(device=None)": None,
        "reset_max_memory_allocated(device=None)": None, "reset_max_memory_cached(device=None)": None,
        "empty_cache()": None, "ipc_collect()": None, "memory_stats(device=None)": OrderedDict(),
        "memory_snapshot(*arguments, **options)": [], "mem_get_info(device=None)": NO_CUDA,
        "memory_summary(device=None, abbreviated=False)": "No CUDA device: no CUDA memory in use.",
        "set_per_process_memory_fraction(fraction, device=None)": NO_CUDA,
    },
}  # fmt: skip
"""{module: {how a function is called: what it answers}}"""


def functions(module: str, answers: dict[str, Any] | None = None) -> dict[str, Any]:
    """The functions of a module that answer so: what a function among the answers returns, or else the same whatever is given."""
    answers = ANSWERS[module] if answers is None else answers
    names = {call.partition("(")[0]: answer for call, answer in answers.items()}
    space: dict[str, Any] = {"__name__": f"flambeau.{module}", "_answer": {name: _giving(a) for name, a in names.items()}}
    exec("\n".join(f"def {call}: return _answer[{name!r}](**locals())" for name, call in zip(names, answers)), space)
    for name, answer in names.items():
        said = f"raises ``{answer.error.__name__}``" if isinstance(answer, Refusal) else f"``{answer!r}``"
        space[name].__doc__ = answer.__doc__ if isinstance(answer, MethodType) else f"Where there is none: {said}."
    return {name: space[name] for name in names}


def _giving(answer: Any) -> Callable[..., Any]:
    """A function that gives the answer, or each time a new one if it can be changed."""
    if callable(answer):
        return answer  # type: ignore[no-any-return]
    return lambda **given: answer.copy() if isinstance(answer, (list, dict)) else answer


class Library(ModuleType):
    """The module of a library that is not used."""

    def __init__(self, name: str, answers: dict[str, Any], **members: Any) -> None:
        super().__init__(f"flambeau.backends.{name}", f"``torch.backends.{name}``: a library that is not used here.")
        vars(self).update(functions(f"backends.{name}", answers), **members)
        self.__spec__ = ModuleSpec(self.__name__, None)
        sys.modules[self.__name__] = self


class SwitchedLibrary(Library):
    """One with switches that can be set and read, and change nothing."""

    def __init__(self, name: str, answers: dict[str, Any], **switches: Any) -> None:
        values = ", ".join(f"{switch}={False if switch == 'enabled' else value}" for switch, value in switches.items())
        names = ", ".join(f"_{switch}=None" for switch in switches)
        changing = {f"set_flags({names})": self._set_flags, f"flags({values})": self._flags}
        super().__init__(name, {**answers, **changing}, **switches)

    def _set_flags(self, **given: Any) -> tuple[Any, ...]:
        """Set those switches that are not None; returns what they were."""
        before = tuple([getattr(self, name[1:]) for name in given])
        vars(self).update({name[1:]: value for name, value in given.items() if value is not None})
        return before

    @contextlib.contextmanager
    def _flags(self, **given: Any) -> Iterator[None]:
        """A context with these switches."""
        before = {name: getattr(self, name) for name in given}
        vars(self).update(given)
        try:
            yield
        finally:
            vars(self).update(before)
