"""Train pykan as its own notebook does, and print (grid, seconds, test error) after every grid as a line of JSON.

Run with pykan's own environment. Reads train_x.npy, train_y.npy, test_x.npy, test_y.npy in a folder, and works in it,
because pykan writes files where it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from kan import KAN

_NAMES = {"input": "x", "label": "y"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--grids", type=int, nargs="+", required=True)
    parser.add_argument("--steps", type=int, required=True, help="L-BFGS steps at each grid")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    given = parser.parse_args()
    os.chdir(given.folder)
    torch.set_num_threads(1)
    torch.set_default_dtype(getattr(torch, given.dtype))
    torch.manual_seed(given.seed)
    files = {f"{part}_{name}": f"{part}_{short}.npy" for part in ("train", "test") for name, short in _NAMES.items()}
    data = {name: torch.from_numpy(np.load(file)).to(torch.get_default_dtype()) for name, file in files.items()}
    out = sys.stdout
    wall, process = time.perf_counter(), time.process_time()
    model = None
    for grid in given.grids:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            model = KAN(width=[2, 1, 1], grid=grid, k=3, seed=given.seed) if model is None else model.refine(grid)
            model.fit(data, opt="LBFGS", steps=given.steps)
        spent = {"seconds": time.perf_counter() - wall, "process_seconds": time.process_time() - process}
        # Measuring is not counted.
        paused_wall, paused_process = time.perf_counter(), time.process_time()
        with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
            error = float((model(data["test_input"]) - data["test_label"]).square().mean().sqrt())
        row = {
            "grid": grid,
            **spent,
            "test_rmse": error,
            "pykan": version("pykan"),
            "baseline_torch": torch.__version__,
        }
        print(json.dumps(row), file=out, flush=True)
        wall += time.perf_counter() - paused_wall
        process += time.process_time() - paused_process


if __name__ == "__main__":
    main()
