"""Exported texts, run: by NumPy, by a C compiler, in a fresh Python."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wmissing-prototypes", "-Werror", "-pedantic", "-O1", "-fPIC", "-shared"]


def run_python(text: str, name: str) -> Any:
    """What a source text defines."""
    space: dict[str, Any] = {}
    exec(compile(text, name, "exec"), space)  # noqa: S102 (a text that edgewise wrote)
    return space[name]


def by_numpy(text: str, x: np.ndarray, name: str = "f") -> np.ndarray:
    out = run_python(text, name)(*x.T)
    return np.stack(out if isinstance(out, tuple) else (out,), axis=1)


def by_c(text: str, x: np.ndarray, n_out: int, folder: Path, name: str = "f") -> np.ndarray:
    assert COMPILER is not None
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text, encoding="utf-8")
    done = subprocess.run([COMPILER, *FLAGS, str(source), "-lm", "-o", str(library)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text
    call = ctypes.CDLL(str(library))[name]
    double = ctypes.c_double
    call.restype = double if n_out == 1 else None
    call.argtypes = [double] * x.shape[1] + ([ctypes.POINTER(double)] if n_out > 1 else [])
    if n_out == 1:
        return np.array([[call(*row)] for row in x.tolist()])
    out, rows = (double * n_out)(), []
    for row in x.tolist():
        call(*row, out)
        rows.append(list(out))
    return np.array(rows)
