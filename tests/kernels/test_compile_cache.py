"""Machine code that is kept: fresh processes with a cold, a warm, a damaged and an unwritable cache.

Most tests keep a kernel of their own that multiplies a number, which compiles at once; the last ones take a layer's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from tiny_kernel import TINY

import edgewise

pytestmark = pytest.mark.timeout(600)


SCALE = """
import ctypes, sys
from edgewise.kernels.compiled import compiled
cell = (ctypes.c_int64 * 1)(21)
compiled("_cpu_tiny", "scale", "int64", 2)(ctypes.addressof(cell))
print(cell[0], "numba" in sys.modules)
"""

LAYER = """
import sys, torch, edgewise as ew
layer = ew.nn.KANLayer(3, 2, grid=5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
x = torch.linspace(-1.2, 1.2, 60, dtype=torch.float64).reshape(20, 3)
with torch.no_grad():
    found = layer(x)
with ew.kernels.forced(backend="reference"):
    expected = layer(x)
torch.testing.assert_close(found, expected)
print(ew.kernels.explain(20, 3, 2, dtype=torch.float64)["contract"].backend, "numba" in sys.modules)
"""

FIRST_CALL = """
import time, torch, edgewise as ew
layer = ew.nn.KANLayer(3, 2, grid=5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
x = torch.linspace(-1.2, 1.2, 60, dtype=torch.float64).reshape(20, 3)
with torch.no_grad():
    with ew.kernels.forced(backend="reference"):
        layer(x)  # what torch itself does once
    began = time.process_time()
    layer(x)
    print(1000 * (time.process_time() - began))
"""

#: what one session usually needs: a fit by second order, and a step of a layer in single precision
SESSION = """
import time, torch, edgewise as ew
from edgewise.kernels import compiled as _compiled
compile, seconds = _compiled._compile, []
def timed(*kernel):
    began = time.process_time()
    code = compile(*kernel)
    seconds.append(time.process_time() - began)
    return code
_compiled._compile = timed
x = 2 * torch.rand(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
ew.fit(ew.KAN([2, 1, 1]), x, torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2), grids=[5, 10])
layer = ew.nn.KANLayer(64, 64)
layer(torch.rand(256, 64, requires_grad=True)).sum().backward()
print(len(seconds), sum(seconds))
"""

IMPORT = """
import sys, torch, edgewise as ew
ew.nn.KANLayer(3, 2), ew.KAN([2, 3, 1])
print("numba" in sys.modules, "llvmlite" in sys.modules)
"""


class Done(NamedTuple):
    """What a process printed on both streams."""

    out: list[str]
    told: str


class Box(NamedTuple):
    """A folder with a cache in it, and a way to run code in fresh processes that use that cache."""

    cache: Path
    start: Callable[..., subprocess.Popen[str]]  # code, where errors go to a pipe otherwise

    def run(self, code: str) -> Done:
        return finished(self.start(code))

    def objects(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.cache.iterdir())}


def finished(process: subprocess.Popen[str]) -> Done:
    out, told = process.communicate(timeout=500)
    assert process.returncode == 0, told
    return Done(out.split(), told or "")


def make_box(folder: Path, cache: Path | None = None) -> Box:
    (folder / "_cpu_tiny.py").write_text(TINY)
    (folder / "tmp").mkdir()
    cache = cache or folder / "cache"
    environment = {
        **os.environ,
        "EDGEWISE_CACHE": str(cache),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": os.pathsep.join([str(Path(edgewise.__file__).parents[1]), str(folder)]),
    }

    def start(code: str, errors: int = subprocess.PIPE) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", "-c", code]
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)

    return Box(cache, start)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return make_box(tmp_path)


def package_files() -> dict[Path, int]:
    home = Path(edgewise.__file__).parent
    return {path: path.stat().st_mtime_ns for path in home.rglob("*") if "__pycache__" not in path.parts}


def test_importing_and_building_compile_nothing(box: Box) -> None:
    done = box.run(IMPORT)
    assert done == (["False", "False"], "")
    assert not box.cache.exists()


def test_a_cold_cache_is_told_and_a_warm_one_needs_no_compiler_and_no_word(box: Box) -> None:
    before = package_files()
    cold = box.run(SCALE)
    assert cold.out == ["42", "True"]
    assert "compiling" in cold.told and str(box.cache) in cold.told
    kept = box.objects()
    assert len(kept) == 1
    warm = box.run(SCALE)
    assert warm == (["42", "False"], "")
    assert box.objects() == kept
    assert package_files() == before


@pytest.mark.parametrize("collecting", [True, False])
def test_compiling_leaves_the_garbage_collector_as_it_was(box: Box, collecting: bool) -> None:
    switch = "" if collecting else "import gc; gc.disable()"
    done = box.run(f"{switch}\n{SCALE}\nimport gc; print(gc.isenabled())")
    assert done.out == ["42", "True", str(collecting)]


@pytest.mark.parametrize("damage", [pytest.param("cut", marks=pytest.mark.slow), "flipped"])
def test_a_damaged_file_is_made_again(box: Box, damage: str) -> None:
    box.run(SCALE)
    (name, whole), *_ = box.objects().items()
    path, middle = box.cache / name, len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"cut": whole[:middle], "flipped": flipped}[damage])
    again = box.run(SCALE)
    assert again.out == ["42", "True"] and "compiling" in again.told
    assert box.run(SCALE) == (["42", "False"], "")
    assert len(box.objects()) == 1


@pytest.mark.slow
def test_changed_sources_are_compiled_anew(box: Box) -> None:
    box.run(SCALE)
    (box.cache.parent / "_cpu_tiny.py").write_text(TINY.replace("size * cells[0]", "size + cells[0]"))
    assert box.run(SCALE).out == ["23", "True"]


@pytest.mark.slow
def test_processes_that_start_together_do_not_clash(box: Box) -> None:
    processes = [box.start(SCALE) for _ in range(4)]
    assert [finished(process).out[0] for process in processes] == ["42"] * 4
    assert len(box.objects()) == 1
    assert box.run(SCALE) == (["42", "False"], "")


@pytest.mark.slow
def test_threads_that_ask_for_one_kernel_at_once_all_get_it(box: Box) -> None:
    code = """
import threading, ctypes
from edgewise.kernels.compiled import compiled
start, found = threading.Barrier(8), []
def ask():
    cell = (ctypes.c_int64 * 1)(21)
    start.wait()
    compiled("_cpu_tiny", "scale", "int64", 2)(ctypes.addressof(cell))
    found.append(cell[0])
threads = [threading.Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(found == [42] * 8)
"""
    cold, warm = box.run(code), box.run(code)
    assert (cold.out, warm) == (["True"], (["True"], ""))
    assert cold.told.count("compiling") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_forked_while_a_thread_compiles_can_compile(box: Box) -> None:
    code = """
import ctypes, os, signal, threading, time, warnings
from edgewise.kernels import compiled as _compiled
warnings.simplefilter("ignore")  # of forking beside threads
held = threading.Event()
def hold():
    with _compiled._LOCK:
        held.set()
        time.sleep(1)
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(120)
    cell = (ctypes.c_int64 * 1)(21)
    _compiled.compiled("_cpu_tiny", "scale", "int64", 2)(ctypes.addressof(cell))
    os._exit(cell[0])
status = os.waitpid(child, 0)[1]
thread.join()
print(os.waitstatus_to_exitcode(status))
"""
    assert box.run(code).out == ["42"]


@pytest.mark.slow
def test_a_place_that_cannot_be_written_gives_way_to_a_temporary_one(tmp_path: Path) -> None:
    """which serves the next process too."""
    (tmp_path / "file").touch()
    box = make_box(tmp_path, tmp_path / "file" / "cache")
    cold = box.run(SCALE)
    assert cold.out == ["42", "True"] and str(tmp_path / "tmp") in cold.told
    kept = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
    assert len(kept) == 1 and kept[0].parent.stat().st_mode & 0o077 == 0
    assert box.run(SCALE) == (["42", "False"], "")


@pytest.mark.slow
def test_a_temporary_place_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    """What lies there is run."""
    (tmp_path / "file").touch()
    box = make_box(tmp_path, tmp_path / "file" / "cache")
    box.run(SCALE)
    (folder,) = {path.parent for path in (tmp_path / "tmp").rglob("*") if path.is_file()}
    folder.chmod(0o777)
    assert box.run(SCALE).out == ["42", "True"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have no owners here")
def test_code_that_others_could_have_planted_is_not_run(box: Box) -> None:
    """The planted kernel adds where the honest one multiplies; `test_planted_code.py` tries the other ways."""
    plant = f"""
import sys, types
from edgewise.kernels import compiled as _compiled
_compiled._fingerprint("_cpu_tiny")
sys.modules["_cpu_tiny"] = evil = types.ModuleType("_cpu_tiny")
exec({TINY.replace("size * cells[0]", "size + cells[0]")!r}, evil.__dict__)
_compiled.compiled("_cpu_tiny", "scale", "int64", 2)
"""
    box.run(plant)
    assert box.run(SCALE) == (["23", "False"], "")
    box.cache.chmod(0o777)
    done = box.run(SCALE)
    assert done.out == ["42", "True"]
    assert f"since other users can write in {box.cache}: chmod go-w {box.cache}" in done.told
    assert "/tmp/edgewise-" in done.told and len(done.told.splitlines()) == 2  # and that it compiles


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Box]:
    """A warm cache that may be read and not written."""
    box = make_box(tmp_path)
    box.run(SCALE)
    box.cache.chmod(0o500)
    if os.access(box.cache, os.W_OK):  # the superuser may write everywhere
        box.cache.chmod(0o700)
        pytest.skip("permissions do not bind this user")
    yield box
    box.cache.chmod(0o700)


def test_a_warm_cache_that_is_read_only_is_used(sealed: Box) -> None:
    assert sealed.run(SCALE) == (["42", "False"], "")


@pytest.mark.slow
def test_a_kernel_that_does_not_compile_leaves_nothing_behind_and_blocks_nobody(box: Box) -> None:
    code = """
from edgewise.kernels.compiled import compiled
for _ in range(2):
    try:
        compiled("_cpu_tiny", "broken", "int64", 2)
    except ValueError as error:
        print(error)
"""
    assert box.run(code).out == ["no", "such", "kernel"] * 2
    assert box.objects() == {}
    assert box.run(SCALE).out[0] == "42"


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Box, Done]:
    """A cache filled by a layer's first call, and what that call said."""
    box = make_box(tmp_path_factory.mktemp("layers"))
    return box, box.run(LAYER)


@pytest.mark.slow
def test_a_layer_compiles_what_it_calls_once(layers: tuple[Box, Done]) -> None:
    box, cold = layers
    assert cold.out == ["numba", "True"] and cold.told.count("compiling") == 1
    kept = box.objects()
    assert kept
    assert box.run(LAYER) == (["numba", "False"], "")
    assert box.objects() == kept


@pytest.mark.slow
def test_a_warm_cache_costs_a_fresh_process_less_than_50_milliseconds(layers: tuple[Box, Done]) -> None:
    """in its first call, of the processor's time; other work on the machine may spoil some of the trials."""
    assert any(float(layers[0].run(FIRST_CALL).out[0]) < 50 for _ in range(5))


@pytest.mark.slow
def test_what_a_first_session_compiles_takes_less_than_15_seconds(box: Box) -> None:
    done = box.run(SESSION)
    count, seconds = done.out
    assert int(count) > 5 and done.told.count("compiling") == 1
    assert float(seconds) < 15


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_on_a_terminal_one_line_counts_and_goes(box: Box) -> None:
    import pty

    main, other = pty.openpty()
    finished(box.start(SCALE, other))
    os.close(other)
    told = os.read(main, 10_000).decode()
    os.close(main)
    assert "compiling kernel 1" in told and "\n" not in told
    assert told.endswith("\r\x1b[2K")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("numba") is None, reason="nothing is compiled without Numba")
def test_kernels_that_different_processes_made_keep_their_own_helpers(box: Box) -> None:
    """Inner functions are numbered in each process: what one object calls must never be found in another."""
    code = """
import torch, edgewise as ew
x, knots = torch.linspace(-1.2, 1.2, 40, dtype=torch.float64).reshape(20, 2), torch.arange(-9.0, 10.0).double() / 4
for degree in {degrees}:
    arguments = x, knots.repeat(2, 1), ew.kernels.BSplineFamily(degree), 18 - degree
    found = ew.kernels.evaluate_basis(*arguments)
    with ew.kernels.forced(backend="reference"):
        torch.testing.assert_close(found, ew.kernels.evaluate_basis(*arguments))
"""
    for degrees in ([2], [3]):
        box.run(code.format(degrees=degrees))
    for degrees in ([2, 3], [3, 2]):
        assert box.run(code.format(degrees=degrees)).told == ""
