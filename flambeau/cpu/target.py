"""The processor that code is made for, and the one place where LLVM's bindings are imported.

Importing ``llvmlite`` takes as long as half of the rest of the package, so nothing imports it before the first kernel
is needed.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..interpreter.undisturbed import undisturbed

_PACKAGE = Path(__file__).resolve().parent.parent
_CODE_PARTS = ("cpu", "kernels", "compiler", "graph")
"""Sub-packages whose source decides what a kernel of a given key does."""


@functools.cache
def binding() -> ModuleType:
    """``llvmlite.binding``, imported and initialised for the host at the first call."""
    return undisturbed(_initialised)


def _initialised() -> ModuleType:
    llvm = importlib.import_module("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def code_version() -> str:
    """Digest of the source that writes kernels: another version of the package never reads this one's objects."""
    digest = hashlib.sha256()
    for part in _CODE_PARTS:
        for path in sorted((_PACKAGE / part).rglob("*.py")):
            digest.update(str(path.relative_to(_PACKAGE)).encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Target:
    """What LLVM needs to know of a processor.

    ``vector_bits`` is the width of one vector register: generated code does not depend on it (it is written in
    sixteen logical lanes), but blocking parameters may.
    """

    triple: str
    cpu: str
    features: str
    vector_bits: int

    @property
    def identity(self) -> str:
        """Everything an object file depends on besides the kernel's key; part of every key on disk."""
        version = importlib.import_module("llvmlite").__version__
        return "|".join((self.triple, self.cpu, self.features, version, code_version()))

    def machine(self, optimisation: int = 2) -> Any:
        """A fresh ``TargetMachine`` that emits position-independent objects.

        The small code model reaches constants relative to the instruction pointer; llvmlite's default for just-in-time
        code, the large one, spends a register and an instruction on each (7% of a softmax).
        """
        target = binding().Target.from_triple(self.triple)
        return target.create_target_machine(
            cpu=self.cpu, features=self.features, opt=optimisation, reloc="pic", codemodel="small"
        )

    @property
    def spin_hint(self) -> tuple[str, tuple[tuple[str, str], ...]] | None:
        """Intrinsic (name, arguments) that tells the processor that a loop waits for another core, if it has one."""
        architecture = self.triple.split("-")[0]
        if architecture == "x86_64":
            return "llvm.x86.sse2.pause", ()
        if architecture in ("aarch64", "arm64"):
            return "llvm.aarch64.isb", (("i32", "15"),)
        return None


def usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def host() -> Target:
    """The processor this process runs on."""
    return undisturbed(_described)


def _described() -> Target:
    llvm = binding()
    available = llvm.get_host_cpu_features()
    features = available.flatten()
    architecture = llvm.get_process_triple().split("-")[0]
    vector_bits = 128
    if architecture == "x86_64":
        if available.get("avx512f"):
            # LLVM tunes some processors for 256 bits, out of fear for their clock; our loops are all vector code.
            features += ",-prefer-256-bit"
            vector_bits = 512
        elif available.get("avx"):
            vector_bits = 256
    return Target(llvm.get_process_triple(), llvm.get_host_cpu_name(), features, vector_bits)
