"""The kernels of single programs. Imported only to compile them; `_kernels.py` calls what comes out."""

from typing import Any

from numba import njit

from edgewise.formulas.programs._cpu_elementary import SUMS, ints, reals
from edgewise.formulas.programs._cpu_fit import evaluate, minimize
from edgewise.formulas.programs._cpu_layout import (
    ADJOINTS,
    BLOCK,
    GRADIENTS,
    LENGTH,
    OUT,
    PROGRAM,
    ROWS,
    STEPS,
    TOLERANCE,
    TREE,
    WAVES,
    WORK,
)  # fmt: skip
from edgewise.formulas.programs._cpu_sweep import adjoints, forward, gradients
from edgewise.formulas.programs._cpu_tree import analyze, free_count, half_periods
from edgewise.kernels.source import SIGNATURE

_DAMPINGS = 10  # tried for one matrix of a fit
_KERNEL: dict[str, Any] = {**SUMS, "nogil": True}


def build(name: str, dtype: str) -> Any:
    """Return the Numba function of a kernel; there is one dtype."""
    return {"values": _values, "fit": _fit, "jacobian": _jacobian}[name]()


def _values() -> Any:
    """Analyze the tree and put the values on all rows to an address, without the outer scale and offset."""

    @njit(SIGNATURE, **_KERNEL)
    def values(job: Any) -> None:
        analyze(job[PROGRAM], job[TREE])
        evaluate(job, job[OUT])

    return values


def _fit() -> Any:
    """Fit the constants of the program, and count its waves."""

    @njit(SIGNATURE, **_KERNEL)
    def fit(job: Any) -> None:
        analyze(job[PROGRAM], job[TREE])
        minimize(job, job[STEPS], reals(job[TOLERANCE])[0], _DAMPINGS)
        ints(job[PROGRAM])[WAVES] = half_periods(job)

    return fit


def _jacobian() -> Any:
    """Put the derivatives by the free constants to an address, one row after the other."""

    @njit(SIGNATURE, **_KERNEL)
    def jacobian(job: Any) -> None:
        record, work, rows = job[PROGRAM], job[WORK], job[ROWS]
        analyze(record, job[TREE])
        flow = reals(work + 8 * (ADJOINTS + (ints(record)[LENGTH] - 1) * BLOCK))
        for first in range(0, rows, BLOCK):
            count = min(BLOCK, rows - first)
            forward(job, first, count)
            for k in range(count):
                flow[k] = 1.0
            adjoints(job, count)
            gradients(job, first, count)
            for row in range(free_count(record, job[TREE])):
                g, there = reals(work + 8 * (GRADIENTS + row * BLOCK)), reals(job[OUT] + 8 * (row * rows + first))
                for k in range(count):
                    there[k] = g[k]

    return jacobian
