"""One core and one thread, the folder of the results, and from the package the clock and the CSV files."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from edgewise_bench import append as append
from edgewise_bench import clock as clock
from edgewise_bench import provenance as provenance
from edgewise_bench import read as read

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def pin() -> None:
    """Compute on one thread of one core, this process and those it starts."""
    torch.set_num_threads(1)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
