"""Numba functions as machine code that is kept on disk.

A kernel is compiled once on a machine. Its object code is kept in the user's cache directory, so that another process
needs neither Numba nor a compiler: it loads the object in a few milliseconds and calls it on raw addresses, without
Python's lock. A wheel for one kind of system brings the usual ones along, as `shipping` compiled them. Importing
compiles nothing.
"""

import ctypes
import gc
import hashlib
import multiprocessing
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgewise._deadline import whole
from edgewise.kernels.runtime._cache import cache_directory, read, write

_SOURCES = ("_cpu_*.py", "source.py", "compiled.py", "__init__.py")  # what kernels are made of
_LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child finds the lock free, and what it guards whole
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)
_SPARE = (ctypes.c_int64 * 4)()  # where kernels could put a result and an exception, which they do not have


@cache
@whole
def compiled(source: str, name: str, dtype: str, *sizes: int) -> Callable[[Any], object]:
    """Return a kernel as a function of the address of its arguments, which are whole numbers of 64 bits.

    `source` is a module whose `build(name, dtype, *sizes)` returns the Numba function void(int64 *). It is imported,
    and Numba with it, only where there is no kept object code for this processor and these versions.
    """
    with _LOCK:
        return _loaded(source, name, dtype, sizes)


@cache
def _loaded(source: str, name: str, dtype: str, sizes: tuple[int, ...]) -> Callable[[Any], object]:
    code, engine = _kept(source, name, dtype, sizes), _engine()
    engine.add_object_file(_llvm().ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(_symbol(source, name, dtype, sizes))
    # Numba's own convention: places for a result and an exception come before the arguments.
    function = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3)(address)
    return partial(function, ctypes.addressof(_SPARE), ctypes.addressof(_SPARE) + 8)


def addresses(arguments: list[int]) -> bytes:
    """What a kernel takes: its arguments in a row."""
    return struct.pack(f"{len(arguments)}q", *arguments)


def _kept(source: str, name: str, dtype: str, sizes: tuple[int, ...]) -> bytes:
    """Object code, from disk, from the wheel or compiled now."""
    stem = "-".join([name, dtype, *map(str, sizes)])
    if _SHIPS:
        level, features, folder = _SHIPS[-1]
        found = _compile(source, name, dtype, sizes, level, features)
        (folder / f"{stem}-{_digest(source)}.o").write_bytes(found)
        return found
    file = f"{stem}-{_fingerprint(source)}.o"
    found = read(file) or _shipped(f"{stem}-{_digest(source)}.o")
    if found is None:
        with _progress(f"{name} ({dtype}{''.join(f', {size}' for size in sizes)})"), _uncollected():
            found = _compile(source, name, dtype, sizes)
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


LEVELS = {
    "x86-64-v4": "avx512f avx512bw avx512cd avx512dq avx512vl avx2 bmi bmi2 f16c fma lzcnt movbe",
    "x86-64-v3": "avx2 bmi bmi2 f16c fma lzcnt movbe",
}
"""Kinds of processors that wheels have kernels for, the best first, each with what it can do."""
_OBJECTS = Path(__file__).parent / "objects"
_SHIPS: list[tuple[str, str, Path]] = []


@contextmanager
def shipping(level: str, folder: Path) -> Iterator[None]:
    """Compile what is asked for inside for a level of processors, into a folder of that name, and keep it for nobody.

    In a process whose NUMBA_CPU_NAME is the level and whose NUMBA_CPU_FEATURES are its features, each with a plus.
    """
    (folder / level).mkdir(parents=True, exist_ok=True)
    _SHIPS.append((level, ",".join(f"+{feature}" for feature in LEVELS[level].split()), folder / level))
    try:
        yield
    finally:
        _SHIPS.pop()


@cache
def _level() -> str | None:
    """The best level that this processor has."""
    has = _llvm().get_host_cpu_features()
    return next((level for level, needed in LEVELS.items() if all(map(has.get, needed.split()))), None)


def _shipped(file: str) -> bytes | None:
    """Object code that came with the installation, of the sources as they are now."""
    if not _OBJECTS.is_dir() or _level() is None:
        return None
    path = _OBJECTS / str(_level()) / file
    return path.read_bytes() if path.is_file() else None


@cache
def _fingerprint(source: str) -> str:
    """What object code on disk depends on: its sources, the compiler and the processor."""
    llvm = _llvm()
    parts = [_digest(source), version("numba"), version("llvmlite")]
    parts += [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


@cache
def _digest(source: str) -> str:
    """What a kernel is of, and all sources."""
    digest = hashlib.sha256(source.encode())
    kernels, found = Path(__file__).parent, find_spec(source)
    own = Path(found.origin).parent if found and found.origin else kernels
    for path in sorted({path for name in _SOURCES for path in (*kernels.rglob(name), *own.glob(name))}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _symbol(source: str, name: str, dtype: str, sizes: tuple[int, ...]) -> str:
    return "_".join([source.replace(".", "_"), name, dtype, *map(str, sizes)])


def _compile(source: str, name: str, dtype: str, sizes: tuple[int, ...], *target: str) -> bytes:
    function = import_module(source).build(name, dtype, *sizes)
    (signature,) = function.signatures
    mangled, symbol = function.overloads[signature].fndesc.mangled_name, _symbol(source, name, dtype, sizes)
    code = _llvm().parse_assembly(function.inspect_llvm(signature).replace(mangled, symbol))
    # Numba numbers inner functions in each process: two objects may use one name for different ones.
    for part in [*code.functions, *code.global_variables]:
        if not part.is_declaration and part.name != symbol:
            part.linkage = "internal"
    return _machine(*target).emit_object(code)


def _machine(*target: str) -> Any:
    """A processor by name and features; this one by default."""
    llvm = _llvm()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = target or (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=3, jit=True)


@cache
def _engine() -> Any:
    """The one owner of all machine code of this process."""
    return _llvm().create_mcjit_compiler(_llvm().parse_assembly(""), _machine())


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """Say on stderr what is compiled and where it is kept; on a terminal one line that counts, then goes."""
    if _is_one_of_many():
        yield
        return
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


def _is_one_of_many() -> bool:
    """Whether another process speaks for this: a rank but the first, or a worker of joblib, a DataLoader, a pool."""
    return os.environ.get("RANK", "0") not in ("", "0") or multiprocessing.parent_process() is not None


_PROGRESS = {"kernels": 0.0, "seconds": 0.0}
