"""Numba functions as machine code that is kept on disk.

A kernel is compiled once on a machine. Its object code is kept in the user's cache directory, so that another process
needs neither Numba nor a compiler: it loads the object in a few milliseconds and calls it on raw addresses, without
Python's lock. Importing compiles nothing.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import importlib
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgewise._deadline import whole
from edgewise.kernels._cache import cache_directory, read, write

_SOURCES = ("_cpu_*.py", "_simd.py", "_compiled.py", "reference.py")  # what kernels are made of
_LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child finds the lock free, and what it guards whole
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)
_SPARE = (ctypes.c_int64 * 4)()  # where kernels could put a result and an exception, which they do not have


@cache
@whole
def compiled(module: str, name: str, dtype: str, size: int) -> Callable[[Any], object]:
    """Return a kernel as a function of the address of its arguments, which are whole numbers of 64 bits.

    `module` is the module whose `build(name, dtype, size)` returns the Numba function, of signature
    void(int64 *); it is imported only when there is no kept object code for this processor and these versions.
    """
    with _LOCK:
        return _loaded(module, name, dtype, size)


@cache
def _loaded(module: str, name: str, dtype: str, size: int) -> Callable[[Any], object]:
    code, engine = _kept(module, name, dtype, size), _engine()
    engine.add_object_file(_llvm().ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(_symbol(module, name, dtype, size))
    # Numba's own convention: places for a result and an exception come before the arguments.
    function = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3)(address)
    return partial(function, ctypes.addressof(_SPARE), ctypes.addressof(_SPARE) + 8)


def addresses(arguments: list[int]) -> bytes:
    """What a kernel takes: its arguments in a row."""
    return struct.pack(f"{len(arguments)}q", *arguments)


def _kept(module: str, name: str, dtype: str, size: int) -> bytes:
    """Object code, from disk or compiled now."""
    file = f"{name}-{dtype}-{size}-{_fingerprint(module)}.o"
    found = read(file)
    if found is None:
        with _told(f"{name} ({dtype}, size {size})"), _uncollected():
            found = _compile(module, name, dtype, size)
        write(file, found)
    return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let the garbage collector rest: its rounds through all of torch would take long, and find nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@cache
def _llvm() -> Any:
    with _uncollected():
        import llvmlite.binding as llvm
    return llvm


@cache
def _fingerprint(module: str) -> str:
    """What object code depends on: what it is of, all sources, the compiler and the processor."""
    llvm = _llvm()
    parts = [module, version("numba"), version("llvmlite")]
    parts += [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    found = find_spec(module)
    assert found is not None and found.origin is not None
    digest = hashlib.sha256("\n".join(parts).encode())
    kernels = Path(__file__).parent
    for source in sorted({Path(found.origin), *(path for name in _SOURCES for path in kernels.rglob(name))}):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:24]


def _symbol(module: str, name: str, dtype: str, size: int) -> str:
    return f"{module}.{name}_{dtype}_{size}".replace(".", "_")


def _compile(module: str, name: str, dtype: str, size: int) -> bytes:
    function = importlib.import_module(module).build(name, dtype, size)
    (signature,) = function.signatures
    mangled = function.overloads[signature].fndesc.mangled_name
    symbol = _symbol(module, name, dtype, size)
    code = _llvm().parse_assembly(function.inspect_llvm(signature).replace(mangled, symbol))
    # Numba numbers inner functions in each process: two objects may use one name for different ones.
    for part in [*code.functions, *code.global_variables]:
        if not part.is_declaration and part.name != symbol:
            part.linkage = "internal"
    return _machine().emit_object(code)


def _machine() -> Any:
    llvm = _llvm()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)


@cache
def _engine() -> Any:
    """The one owner of all machine code of this process."""
    return _llvm().create_mcjit_compiler(_llvm().parse_assembly(""), _machine())


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say on stderr what is compiled and where it is kept; on a terminal one line that counts, then goes."""
    began, live = time.perf_counter(), sys.stderr.isatty()
    _PROGRESS["kernels"] += 1
    if live:
        done = f"{_PROGRESS['seconds']:.0f} s so far"
        sys.stderr.write(
            f"\r\x1b[2Kedgewise: compiling kernel {_PROGRESS['kernels']:.0f} for this processor: {what} ({done})"
        )
    elif _PROGRESS["kernels"] == 1:
        sys.stderr.write(
            f"edgewise: compiling kernels for this processor, once; kept in {cache_directory() or 'no folder'}\n"
        )
    sys.stderr.flush()
    yield
    _PROGRESS["seconds"] += time.perf_counter() - began
    if live:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


_PROGRESS = {"kernels": 0.0, "seconds": 0.0}
