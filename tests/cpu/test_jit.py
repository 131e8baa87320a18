"""Compiling, refusing, linking and remembering kernels."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from in_threads import together

from flambeau.cpu import jit
from flambeau.cpu.ir import Kernel, KernelBuilder, Module
from flambeau.cpu.jit import CompilationError, KernelCompiler, compile_module, load
from flambeau.cpu.object_cache import ObjectCache
from flambeau.cpu.symbols import ObjectFormatError, Symbol, external_symbols
from flambeau.cpu.target import binding, code_version, host
from flambeau.cpu.values import INDEX
from flambeau.interpreter import undisturbed as calling

ANSWER = "define i64 @answer(i64 %x) {\n  %y = mul i64 %x, 7\n  ret i64 %y\n}\n"


def constant_kernel(value: int, emitted: list[int] | None = None) -> Kernel:
    """A kernel that stores ``value`` in the memory of slot 1."""

    def emit(module: Module, name: str) -> None:
        if emitted is not None:
            emitted.append(value)
        b = KernelBuilder(module, name)
        b.slot(1, INDEX.pointer)[0] = value
        b.finish()

    return Kernel(f"test/constant/{value}", emit)


def call(address: int) -> int:
    """Run a kernel on a table whose slot 1 is the address of an integer, and return that integer."""
    target = ctypes.c_int64(0)
    table = (ctypes.c_int64 * 2)(0, ctypes.addressof(target))
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)(address)
    function(ctypes.addressof(table), None, 0, None)
    return target.value


def test_compile_load_call() -> None:
    library = load(compile_module(ANSWER))
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("answer"))(6) == 42
    assert library.names == ("answer",)


def test_invalid_assembly_is_reported() -> None:
    with pytest.raises(CompilationError, match="expected instruction opcode"):
        compile_module("define void @f() { nonsense }")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("declare void @nowhere()\ndefine void @f() {\n  call void @nowhere()\n  ret void\n}", "nowhere"),
        # Found in any process that runs Python, and still not ours to call.
        ("declare i32 @puts(ptr)\ndefine i32 @f() {\n  %r = call i32 @puts(ptr null)\n  ret i32 %r\n}", "puts"),
        # Functions that only the code generator brings in.
        ("define i128 @f(i128 %a, i128 %b) {\n  %q = sdiv i128 %a, %b\n  ret i128 %q\n}", "__divti3"),
        ("define float @f(float %a, float %b) {\n  %q = frem float %a, %b\n  ret float %q\n}", "fmodf"),
    ],
)
def test_unknown_functions_are_refused(text: str, name: str) -> None:
    with pytest.raises(CompilationError, match=name):
        compile_module(text)


def test_library_functions_of_c_are_linked() -> None:
    text = """
    declare ptr @memcpy(ptr, ptr, i64)
    define void @copy(ptr %to, ptr %from, i64 %n) {
      call ptr @memcpy(ptr %to, ptr %from, i64 %n)
      ret void
    }"""
    copy = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int64)(
        load(compile_module(text)).address("copy")
    )
    target = ctypes.create_string_buffer(8)
    copy(ctypes.cast(target, ctypes.c_char_p), b"flambeau", 5)
    assert target.raw == b"flamb\0\0\0"


def test_load_refuses_what_is_no_object() -> None:
    with pytest.raises(ObjectFormatError):
        load(b"not an object file at all, by any means")
    with pytest.raises((ObjectFormatError, CompilationError)):
        load(compile_module(ANSWER)[:200])


@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "x86_64-apple-darwin", "x86_64-pc-windows-msvc"])
def test_symbols_of_every_object_format(triple: str) -> None:
    llvm = binding()
    if not host().triple.startswith("x86_64"):
        pytest.fail("this test's triples are for x86-64: add those of this processor")
    text = f"""
    target triple = "{triple}"
    declare void @a_function_of_a_rather_long_name()
    define internal void @hidden() noinline {{
      ret void
    }}
    define void @shown() {{
      call void @hidden()
      call void @a_function_of_a_rather_long_name()
      ret void
    }}"""
    machine = llvm.Target.from_triple(triple).create_target_machine(codemodel="small", reloc="pic")
    symbols = external_symbols(machine.emit_object(llvm.parse_assembly(text, llvm.create_context())))
    assert sorted(set(symbols)) == [Symbol("a_function_of_a_rather_long_name", False), Symbol("shown", True)]


def test_inlined_helpers_leave_no_trace() -> None:
    text = """
    define internal i64 @helper(i64 %x) alwaysinline {
      %y = add i64 %x, 1
      ret i64 %y
    }
    define i64 @f(i64 %x) {
      %y = call i64 @helper(i64 %x)
      ret i64 %y
    }"""
    code = compile_module(text)
    assert b"helper" not in code
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(load(code).address("f"))(1) == 2


def test_batch_memory_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "usable_processors", lambda: 1)
    emitted: list[int] = []
    kernels = [constant_kernel(value, emitted) for value in (3, 5, 8)]
    first = KernelCompiler(ObjectCache(tmp_path))
    addresses = first.addresses([*kernels, kernels[0]])
    assert [call(address) for address in addresses] == [3, 5, 8, 3]
    assert emitted == [3, 5, 8]
    assert (first.statistics.kernels_compiled, first.statistics.modules_compiled) == (3, 1)

    assert first.addresses(kernels[1:]) == addresses[1:3]  # from memory
    assert emitted == [3, 5, 8]

    second = KernelCompiler(ObjectCache(tmp_path))  # as in another process
    (address,) = second.addresses([kernels[1]])
    assert call(address) == 5
    # The others came along in the same object.
    assert [call(address) for address in second.addresses(kernels)] == [3, 5, 8]
    assert emitted == [3, 5, 8]
    assert (second.statistics.kernels_compiled, second.statistics.objects_loaded) == (0, 1)

    second.addresses([constant_kernel(13, emitted), *kernels])  # only what is missing is compiled
    assert emitted == [3, 5, 8, 13]
    assert len(list(tmp_path.glob("*.object"))) == 2


@pytest.mark.parametrize(("processors", "modules"), [(2, 8), (3, 11), (16, 11)])
def test_several_modules_at_once(processors: int, modules: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "usable_processors", lambda: processors)
    kernels = [constant_kernel(1000 * processors + value) for value in range(11)]
    first = KernelCompiler(ObjectCache(tmp_path))
    assert [call(address) for address in first.addresses(kernels)] == [1000 * processors + value for value in range(11)]
    assert (first.statistics.kernels_compiled, first.statistics.modules_compiled) == (11, modules)
    second = KernelCompiler(ObjectCache(tmp_path))
    assert [call(address) for address in second.addresses(kernels[::-1])] == [1000 * processors + 10 - k for k in range(11)]
    assert second.statistics.kernels_compiled == 0


def test_the_code_is_the_same_however_many_are_compiled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [ANSWER.replace("7", str(number)) for number in range(20)]
    together = []
    for processors in (1, 4):
        monkeypatch.setattr(jit, "usable_processors", lambda count=processors: count)
        together.append(jit.compile_modules(texts))
    assert together[0] == together[1]
    with pytest.raises(CompilationError, match="expected instruction opcode"):
        jit.compile_modules([*texts, "define void @f() { nonsense }", *texts])
    assert jit.compile_modules(texts) == together[0]


def test_no_cache_at_all() -> None:
    compiler = KernelCompiler(ObjectCache(None))
    assert [call(address) for address in compiler.addresses([constant_kernel(21)])] == [21]


def test_a_kernel_at_fault_is_named(tmp_path: Path) -> None:
    def emit(module: Module, name: str) -> None:
        b = KernelBuilder(module, name)
        b.do("nonsense")
        b.finish()

    compiler = KernelCompiler(ObjectCache(tmp_path))
    with pytest.raises(CompilationError, match="test/bad"):
        compiler.addresses([constant_kernel(1), Kernel("test/bad", emit)])
    assert call(compiler.addresses([constant_kernel(1)])[0]) == 1


def test_threads_compile_each_kernel_once(tmp_path: Path) -> None:
    emitted: list[int] = []
    kernels = [constant_kernel(100 + value, emitted) for value in range(8)]
    compiler = KernelCompiler(ObjectCache(tmp_path))
    results: list[list[int]] = []

    def work(order: Callable[[list[Kernel]], list[Kernel]]) -> None:
        results.append([call(address) for address in compiler.addresses(order(kernels))])

    threads = [threading.Thread(target=work, args=(order,)) for order in (list, lambda k: k[::-1], lambda k: k[::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(tuple, results)) == sorted(
        [tuple(range(100, 108)), tuple(range(107, 99, -1)), tuple(range(100, 108, 2))]
    )
    assert sorted(emitted) == list(range(100, 108))


def test_where_a_thread_cannot_be_started_and_the_next_one_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was called in the main thread for want of another holds locks that further threads would wait for."""
    start, failed = calling.start_new_thread, list[bool]()

    def start_later(*arguments: Any) -> int:
        if not failed:
            failed.append(True)
            raise RuntimeError("can't start new thread")
        return start(*arguments)

    monkeypatch.setattr(calling, "start_new_thread", start_later)
    directly: list[bool] = []

    def inner() -> None:
        directly.append(threading.current_thread() is threading.main_thread())

    calling.undisturbed(lambda: calling.undisturbed(inner))
    assert directly == [True] and failed
    calling.undisturbed(inner)
    assert directly == [True, False]


def test_the_size_of_stacks_is_as_it_was(hasty: None) -> None:
    """Whatever threads start others at the same time: it is one for all of them."""
    before = threading.stack_size()
    together(*[lambda: [calling.at_once([int] * 3) for _ in range(300)] for _ in range(3)])
    assert threading.stack_size() == before


def test_target() -> None:
    target = host()
    assert target.vector_bits in (128, 256, 512)
    assert code_version() in target.identity
    assert target.cpu in target.identity
    if target.vector_bits == 512:
        width = "define void @f(ptr %p) {\n  %v = load <16 x float>, ptr %p\n  %w = fadd <16 x float> %v, %v\n"
        width += "  store <16 x float> %w, ptr %p\n  ret void\n}"
        llvm = binding()
        assert "zmm" in target.machine().emit_assembly(llvm.parse_assembly(width, llvm.create_context()))


def test_import_does_not_need_llvm() -> None:
    program = (
        "import sys, flambeau, flambeau.cpu.jit, flambeau.cpu.runner, flambeau.cpu.memory;"
        "assert 'llvmlite' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_allowed_symbols_do_not_reach_into_the_interpreter() -> None:
    assert not any(name.startswith(("Py", "_Py")) for name in jit.ALLOWED_SYMBOLS)
