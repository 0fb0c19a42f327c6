"""Who says that kernels are compiled: one process, and not each rank and each worker of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgewise

KERNEL = """
from numba import njit

def build(name, dtype, size):
    @njit("void(CPointer(int64))")
    def scale(cells):
        cells[0] = size * cells[0]

    return scale
"""

CALL = """
import ctypes
from edgewise.kernels.compiled import compiled

def call(size):
    cell = (ctypes.c_int64 * 1)(21)
    compiled("_cpu_tiny", "scale", "int64", size)(ctypes.addressof(cell))
    return cell[0]
"""

ALONE = "from calling import call\nprint(call(2))"

JOBLIB = """
import joblib
from calling import call
if __name__ == "__main__":
    print(*joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(call)(size) for size in (2, 3)))
"""

LOADER = """
import torch
from calling import call
class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 2
    def __getitem__(self, k):
        return call(k + 2)
if __name__ == "__main__":
    loader = torch.utils.data.DataLoader(Rows(), batch_size=None, num_workers=2, multiprocessing_context="fork")
    print(*map(int, loader))
"""


@pytest.mark.parametrize(
    ("code", "rank", "out", "lines"),
    [
        (ALONE, None, "42", 1),
        pytest.param(ALONE, "0", "42", 1, marks=pytest.mark.slow),
        (ALONE, "3", "42", 0),
        pytest.param(JOBLIB, None, "42 63", 0, marks=pytest.mark.slow),
        pytest.param(
            LOADER, "0", "42 63", 0, marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
        ),
    ],
    ids=["alone", "first rank", "another rank", "joblib", "loader"],
)
def test_one_process_says_that_kernels_are_compiled(
    code: str, rank: str | None, out: str, lines: int, tmp_path: Path
) -> None:
    (tmp_path / "_cpu_tiny.py").write_text(KERNEL)
    (tmp_path / "calling.py").write_text(CALL)
    (tmp_path / "main.py").write_text(code)
    environment = {name: value for name, value in os.environ.items() if name != "RANK"}
    environment |= {} if rank is None else {"RANK": rank}
    environment["EDGEWISE_CACHE"] = str(tmp_path / "cache")
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(edgewise.__file__).parents[1]), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == out, done.stderr
    assert done.stderr.count("compiling") == lines, done.stderr
