"""From LLVM assembly to addresses: compiling, linking into the process, and remembering kernels by their keys."""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..interpreter.forks import new_lock
from ..interpreter.undisturbed import at_once, undisturbed
from .ir import Kernel, Module
from .object_cache import ObjectCache, default_directory, kernel_digest
from .symbols import external_symbols
from .target import binding, host, usable_processors

ALLOWED_SYMBOLS = frozenset(
    {
        "memcpy",
        "memmove",
        "memset",
        "clock_gettime",
        "pthread_cond_signal",
        "pthread_cond_wait",
        "pthread_create",
        "pthread_mutex_lock",
        "pthread_mutex_trylock",
        "pthread_mutex_unlock",
        "pthread_sigmask",
        "sched_yield",
        "sigdelset",
        "sigfillset",
    }
)
"""External functions that object code may call: those of every C library, and what the thread pool is made of."""


class CompilationError(RuntimeError):
    """A kernel that LLVM does not accept, or that needs a function outside :data:`ALLOWED_SYMBOLS`."""


class Library:
    """Object code linked into the process; it stays for as long as the process, like the kernels it holds."""

    __slots__ = ("_tracker", "names")

    def __init__(self, tracker: Any, names: Sequence[str]) -> None:
        self._tracker = tracker
        self.names = tuple(names)

    def address(self, name: str) -> int:
        """Where the function ``name`` starts."""
        address: int = self._tracker[name]
        return address


class _Emitter:
    """What makes object code of a module: target machine and passes. For one thread at a time."""

    def __init__(self) -> None:
        llvm = binding()
        self.machine = host().machine()
        self.builder = llvm.create_pass_builder(self.machine, llvm.create_pipeline_tuning_options(speed_level=0))
        # Kernels come with explicit vectors and with their variables in stack slots, so there is little to optimise
        # that code generation would not find by itself. Measured on an elementwise loop, a softmax and a matrix
        # multiplication: these three passes take 0.1-0.2 ms and the -O1 pipeline 2-3 ms, for code of the same speed.
        self.passes = llvm.create_new_module_pass_manager()
        self.passes.add_always_inliner_pass()
        self.passes.add_sroa_pass()
        self.passes.add_simplify_cfg_pass()

    def code(self, text: str) -> bytes:
        """The object code of a module in LLVM assembly."""
        llvm = binding()
        try:
            # A context of its own, because what a context has seen (types, constants) is freed with it only.
            with llvm.create_context() as context, llvm.parse_assembly(text, context) as module:
                module.verify()
                self.passes.run(module, self.builder)
                return _emitted(self.machine, module)
        except RuntimeError as error:
            raise CompilationError(f"LLVM does not accept the module: {error}") from error


@functools.cache
def _emit() -> Any:
    """LLVM's function that emits a module, which is nine tenths of compiling it.

    llvmlite has one lock for all calls of its library, as if LLVM could not be used by several threads. It can, if each has its
    own context and target machine; so this function is called as the library has it.
    """
    ffi = binding().ffi
    locked = ffi.lib.LLVMPY_TargetMachineEmitToMemory
    function = ctypes.CDLL(ffi.lib._name, handle=ffi.lib._handle).LLVMPY_TargetMachineEmitToMemory
    function.argtypes, function.restype = locked.argtypes, locked.restype
    return function


def _emitted(machine: Any, module: Any) -> bytes:
    """``machine.emit_object(module)``, while other threads emit others."""
    ffi = binding().ffi
    with ffi.OutputString() as message:
        memory = _emit()(machine, module, 1, message)
        if not memory:
            raise RuntimeError(str(message))
    try:
        return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(memory), ffi.lib.LLVMPY_GetBufferSize(memory))
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(memory)


class _Toolchain:
    """LLVM's objects that are made once: what emits code, for each thread, and the linker. Used under :data:`_lock` only."""

    def __init__(self) -> None:
        llvm = binding()
        self.emitters: list[_Emitter] = []
        self.linker = llvm.create_lljit_compiler(use_jit_link=os.name != "nt")
        self.libraries: list[Library] = []
        self.numbers = itertools.count()
        atexit.register(self._detach)

    def _detach(self) -> None:
        """Leave the code mapped when the interpreter ends: a finaliser or a daemon thread may still be running it."""
        with _lock:  # until a thread whose work nobody waits for any more has left LLVM
            for library in self.libraries:
                library._tracker.detach()
            self.linker.detach()


_lock = new_lock(awaited=True)  # a child forked while another thread is inside LLVM would inherit half-changed state
_toolchain = functools.cache(_Toolchain)


def compile_module(text: str) -> bytes:
    """Object code for the host from a module in LLVM assembly.

    Raises :class:`CompilationError` if the text is not valid, or if the code needs an external function that is not
    in :data:`ALLOWED_SYMBOLS`.
    """
    (code,) = compile_modules([text])
    return code


def compile_modules(texts: Sequence[str]) -> list[bytes]:
    """The object code of each of several modules (see :func:`compile_module`), on as many processors as there are."""
    codes = undisturbed(lambda: _compiled(texts))
    for code in codes:
        unknown = {symbol.name for symbol in external_symbols(code) if not symbol.defined} - ALLOWED_SYMBOLS
        if unknown:
            raise CompilationError(f"the code calls functions that are not there: {', '.join(sorted(unknown))}")
    return codes


def _compiled(texts: Sequence[str]) -> list[bytes]:
    codes = [b""] * len(texts)
    following = iter(range(len(texts)))

    def work(emitter: _Emitter) -> None:
        for number in following:  # each thread takes the next one
            codes[number] = emitter.code(texts[number])

    with _lock:
        emitters = _toolchain().emitters
        count = min(len(texts), usable_processors())
        emitters += [_Emitter() for _ in range(len(emitters), count)]
        at_once([functools.partial(work, emitter) for emitter in emitters[:count]])
    return codes


def load(code: bytes) -> Library:
    """Link object code into the process. All of its external functions get addresses at once.

    Raises :class:`CompilationError` if it cannot be linked.
    """
    names = [symbol.name for symbol in external_symbols(code) if symbol.defined]
    return undisturbed(lambda: _linked(code, names))


def _linked(code: bytes, names: Sequence[str]) -> Library:
    with _lock:
        tools = _toolchain()
        image = binding().JITLibraryBuilder().add_object_img(code)
        for name in names:
            image.export_symbol(name)
        try:
            tracker = image.link(tools.linker, f"library{next(tools.numbers)}")
        except RuntimeError as error:
            raise CompilationError(f"the object code cannot be linked: {error}") from error
        library = Library(tracker, names)
        tools.libraries.append(library)
    return library


_PREFIX = "kernel_"
"""What the name of a kernel's function starts with; the kernel's digest follows."""


@dataclass(slots=True)
class Statistics:
    """What a :class:`KernelCompiler` has done so far."""

    kernels_compiled: int = 0
    kernels_from_disk: int = 0
    modules_compiled: int = 0
    objects_loaded: int = 0
    emit_seconds: float = 0.0
    compile_seconds: float = 0.0
    load_seconds: float = 0.0


MODULES_PER_PROCESSOR = 4
"""Kernels that are missing are compiled as so many modules at most: enough to keep all processors busy to the end. LLVM spends
0.6 ms on a module before its first function (of about 4 ms for a typical kernel, and up to 80 for a product of matrices), and one
object of a hundred functions loads in 1 ms, a hundred objects in 10 ms."""


class KernelCompiler:
    """Addresses of kernels: from memory, else from disk, else compiled, all that are missing at once."""

    def __init__(self, cache: ObjectCache) -> None:
        self.cache = cache
        self.statistics = Statistics()
        self._addresses: dict[str, int] = {}  # by key
        self._loaded: dict[str, int] = {}  # by digest, with those that came along in an object for another's sake

    def addresses(self, kernels: Sequence[Kernel]) -> list[int]:
        """Entry points of the kernels, in their order.

        Raises :class:`CompilationError`, naming the kernel at fault.
        """
        known = self._addresses
        try:
            return [known[kernel.key] for kernel in kernels]
        except KeyError:
            pass
        undisturbed(lambda: self._find(kernels))
        return [known[kernel.key] for kernel in kernels]

    def _find(self, kernels: Sequence[Kernel]) -> None:
        """Have the addresses of all kernels among those known."""
        known = self._addresses
        with _lock:
            identity = host().identity
            wanted = {kernel_digest(identity, kernel.key): kernel for kernel in kernels if kernel.key not in known}
            self._load_from_disk([digest for digest in wanted if digest not in self._loaded])
            self._compile({digest: kernel for digest, kernel in wanted.items() if digest not in self._loaded})
            for digest, kernel in wanted.items():
                known[kernel.key] = self._loaded[digest]

    def _load_from_disk(self, digests: Sequence[str]) -> None:
        if not digests:
            return
        start = time.perf_counter()
        for cached in self.cache.find(digests):
            self._load(cached.code)
        self.statistics.kernels_from_disk += sum(digest in self._loaded for digest in digests)
        self.statistics.load_seconds += time.perf_counter() - start

    def _compile(self, kernels: Mapping[str, Kernel]) -> None:
        if not kernels:
            return
        start = time.perf_counter()
        processors = usable_processors()
        count = min(len(kernels), processors * MODULES_PER_PROCESSOR) if processors > 1 else 1
        batches = [dict([*kernels.items()][first::count]) for first in range(count)]
        texts = [_text(batch) for batch in batches]
        emitted = time.perf_counter()
        try:
            codes = compile_modules(texts)
        except CompilationError:
            self._blame(kernels)
            raise
        compiled = time.perf_counter()
        for batch, code in zip(batches, codes):
            self.cache.store([*batch], code)
            self._load(code)
        self.statistics.kernels_compiled += len(kernels)
        self.statistics.modules_compiled += count
        self.statistics.emit_seconds += emitted - start
        self.statistics.compile_seconds += compiled - emitted
        self.statistics.load_seconds += time.perf_counter() - compiled

    def _load(self, code: bytes) -> None:
        library = load(code)
        self.statistics.objects_loaded += 1
        for name in library.names:
            self._loaded.setdefault(name.removeprefix(_PREFIX), library.address(name))

    def _blame(self, kernels: Mapping[str, Kernel]) -> None:
        """Compile each kernel of a failed batch alone to find the one at fault."""
        for digest, kernel in kernels.items():
            try:
                compile_module(_text({digest: kernel}))
            except CompilationError as error:
                raise CompilationError(f"kernel {kernel.key!r}: {error}") from error


def _text(kernels: Mapping[str, Kernel]) -> str:
    """A module of kernels, by their digests, in LLVM assembly."""
    module = Module()
    for digest, kernel in kernels.items():
        kernel.emit(module, _PREFIX + digest)
    return module.text()


@functools.cache
def default_compiler() -> KernelCompiler:
    """The process's compiler, with the user's cache on disk."""
    return KernelCompiler(ObjectCache(default_directory()))
