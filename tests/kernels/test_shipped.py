"""Kernels that a wheel brings along: compiled for levels of processors, taken where the sources are the same."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_kernel import TINY

import edgewise

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="wheels have kernels for x86-64 only"),
]

BUILD = """
import sys
from pathlib import Path
from edgewise.kernels.compiled import compiled, shipping
with shipping("x86-64-v3", Path(sys.argv[1])):
    compiled("_cpu_tiny", "scale", "int64", 2)
    compiled("edgewise.kernels.bspline._cpu_sparse", "contract", "float32", 3)
    compiled("edgewise.kernels.bspline._cpu_sparse", "pack", "float32", 0)
"""

USE = """
import ctypes, sys
from pathlib import Path
import edgewise.kernels
module = sys.modules["edgewise.kernels.compiled"]
module._OBJECTS, module._level = Path(sys.argv[1]), lambda: "x86-64-v3"
cell = (ctypes.c_int64 * 1)(21)
module.compiled("_cpu_tiny", "scale", "int64", 2)(ctypes.addressof(cell))
print(cell[0], "numba" in sys.modules)
"""

LAYER = """
import torch, edgewise as ew
layer = ew.nn.KANLayer(20, 37, generator=torch.Generator().manual_seed(0))
x = 3 * torch.rand(300, 20, generator=torch.Generator().manual_seed(1)) - 1.5
with torch.no_grad():
    found = layer(x)
    with ew.kernels.forced(backend="reference"):
        torch.testing.assert_close(found, layer(x), rtol=1e-5, atol=1e-6)
print("numba" in sys.modules)
"""


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "_cpu_tiny.py").write_text(TINY)
    level = {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe"}
    run(BUILD, folder, **level)
    return folder


def run(code: str, folder: Path, **more: str) -> list[str]:
    source = Path(edgewise.__file__).parents[1]
    environment = {
        **os.environ, "EDGEWISE_CACHE": str(folder / "cache"), **more,
        "PYTHONPATH": os.pathsep.join([str(source), str(folder)]),
    }  # fmt: skip
    command = [sys.executable, "-W", "error", "-c", code, str(folder / "objects")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_kernel_of_the_wheel_runs_without_a_compiler(folder: Path) -> None:
    assert len(list((folder / "objects" / "x86-64-v3").glob("*.o"))) == 3
    assert run(USE, folder) == ["42", "False"]
    assert not list((folder / "cache").glob("*.o")), "what is shipped is not kept in the cache too"


def test_a_layer_computes_the_same_with_it(folder: Path) -> None:
    assert run(USE + LAYER, folder) == ["42", "False", "False"]


def test_other_sources_are_compiled_anew(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "_cpu_tiny.py").write_text(TINY.replace("size * cells[0]", "size * cells[0] + 1"))
    (tmp_path / "objects").symlink_to(folder / "objects")
    assert run(USE, tmp_path) == ["43", "True"]
    assert len(list((tmp_path / "cache").glob("scale-*.o"))) == 1
