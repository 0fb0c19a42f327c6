"""Levenberg-Marquardt on the free constants of a program. Imported only to compile kernels.

The outer scale and offset are solved again at every trial, and are columns of the Jacobian too.
"""

from typing import Any

import numpy as np
from numba import njit

from edgewise.formulas.programs._cpu_elementary import EXACT, SUMS, ints, not_inlined, reals
from edgewise.formulas.programs._cpu_layout import (
    ADJOINTS,
    ALL_VALUES,
    BEFORE,
    BLOCK,
    DAMPED,
    ERROR,
    FREE,
    GRADIENTS,
    LENGTH,
    MOST_CONSTANTS,
    NODE_VALUES,
    NORMAL,
    OFFSET,
    PROGRAM,
    RIGHT,
    ROW_WEIGHTS,
    ROWS,
    SCALE,
    STEP,
    TARGET,
    TREE,
    WEIGHTS,
    WORK,
)  # fmt: skip
from edgewise.formulas.programs._cpu_sweep import adjoints, forward, full_width, gradients
from edgewise.formulas.programs._cpu_tree import free_count

_START, _LEAST, _EASIER, _HARDER, _AFTER_FAILURE = 1e-3, 1e-12, 0.15, 8.0, 1e-6  # the damping
_SMALLEST = 1e-12  # a weight is never smaller: it could not come back
_FLAT = 1e-24  # variance over squared mean, below which the values are a constant
_WIDE = MOST_CONSTANTS + 2


@njit(**SUMS)
def evaluate(job: Any, out: Any) -> None:
    """Put the program on all rows, without its outer scale and offset, to an address."""
    not_inlined()
    last = reals(job[WORK] + 8 * (NODE_VALUES + (ints(job[PROGRAM])[LENGTH] - 1) * BLOCK))
    for first in range(0, job[ROWS], BLOCK):
        count = min(BLOCK, job[ROWS] - first)
        forward(job, first, count)
        there = reals(out + 8 * first)
        for k in range(count):
            there[k] = last[k]


@njit(**SUMS)
def _regress(job: Any) -> Any:
    """Evaluate, and solve for the outer scale and offset; returns the error, both, and the total weight."""
    not_inlined()
    full_width()
    evaluate(job, job[WORK] + 8 * ALL_VALUES)
    f, y, w, rows = reals(job[WORK] + 8 * ALL_VALUES), reals(job[TARGET]), reals(job[ROW_WEIGHTS]), job[ROWS]
    total, mean_f, mean_y = 0.0, 0.0, 0.0
    for k in range(rows):
        total += w[k]
        mean_f += w[k] * f[k]
        mean_y += w[k] * y[k]
    if not np.isfinite(mean_f) or not total > 0.0:
        return np.inf, 0.0, 0.0, total
    mean_f, mean_y, ff, fy = mean_f / total, mean_y / total, 0.0, 0.0
    for k in range(rows):
        d = f[k] - mean_f
        ff += w[k] * d * d
        fy += w[k] * d * (y[k] - mean_y)
    if not np.isfinite(ff) or ff <= _FLAT * (1e-30 + mean_f * mean_f) * total:
        return np.inf, 0.0, 0.0, total
    scale = fy / ff
    offset, error = mean_y - scale * mean_f, 0.0
    for k in range(rows):
        d = y[k] - offset - scale * f[k]
        error += w[k] * d * d
    return error / total, scale, offset, total


@njit(**SUMS)
def _solve(work: Any, size: Any) -> Any:
    """Solve the damped system by Cholesky's factor, in place; whether it is positive definite."""
    not_inlined()
    matrix, right, x = reals(work + 8 * DAMPED), reals(work + 8 * RIGHT), reals(work + 8 * STEP)
    for i in range(size):
        for j in range(i + 1):
            t = matrix[i * _WIDE + j]
            for k in range(j):
                t -= matrix[i * _WIDE + k] * matrix[j * _WIDE + k]
            if i > j:
                matrix[i * _WIDE + j] = t / matrix[j * _WIDE + j]
            elif t > 1e-300:
                matrix[i * _WIDE + i] = np.sqrt(t)
            else:
                return False
    for i in range(size):
        t = right[i]
        for k in range(i):
            t -= matrix[i * _WIDE + k] * x[k]
        x[i] = t / matrix[i * _WIDE + i]
    for i in range(size - 1, -1, -1):
        t = x[i]
        for k in range(i + 1, size):
            t -= matrix[k * _WIDE + i] * x[k]
        x[i] = t / matrix[i * _WIDE + i]
    return True


@njit(**SUMS)
def _add_block(job: Any, first: Any, count: Any, size: Any, scale: Any, offset: Any) -> None:
    """Add the normal equations of a block of rows."""
    not_inlined()
    full_width()
    work = job[WORK]
    last = 8 * (ints(job[PROGRAM])[LENGTH] - 1) * BLOCK
    flow, f, y = reals(work + 8 * ADJOINTS + last), reals(work + 8 * NODE_VALUES + last), reals(job[TARGET] + 8 * first)
    w, g = reals(job[ROW_WEIGHTS] + 8 * first), work + 8 * GRADIENTS
    matrix, right = reals(work + 8 * NORMAL), reals(work + 8 * RIGHT)
    forward(job, first, count)
    for k in range(count):
        flow[k] = scale
    adjoints(job, count)
    gradients(job, first, count)
    by_scale, by_offset = reals(g + 8 * BLOCK * (size - 2)), reals(g + 8 * BLOCK * (size - 1))
    residual = reals(g + 8 * BLOCK * size)
    for k in range(count):
        by_scale[k] = f[k]
        by_offset[k] = 1.0
        residual[k] = (y[k] - offset - scale * f[k]) * w[k]
    for i in range(size):
        a = reals(g + 8 * BLOCK * i)
        total = 0.0
        for k in range(count):
            total += a[k] * residual[k]
        right[i] += total
        for j in range(i + 1):
            b = reals(g + 8 * BLOCK * j)
            total = 0.0
            for k in range(count):
                total += a[k] * b[k] * w[k]
            matrix[i * _WIDE + j] += total


@njit(**SUMS)
def _promise(work: Any, size: Any) -> Any:
    """Return the least by which the step lowers the sum of squares, as far as that is linear."""
    right, step, total = reals(work + 8 * RIGHT), reals(work + 8 * STEP), 0.0
    for i in range(size):
        total += right[i] * step[i]
    return total


@njit(**EXACT)
def _damp(work: Any, size: Any, damping: Any) -> None:
    matrix, damped = reals(work + 8 * NORMAL), reals(work + 8 * DAMPED)
    for i in range(size):
        for j in range(i + 1):
            damped[i * _WIDE + j] = matrix[i * _WIDE + j]
        damped[i * _WIDE + i] = matrix[i * _WIDE + i] * (1.0 + damping) + 1e-280


@njit(**EXACT)
def _move(job: Any, back: Any) -> None:
    """Add the step to the free constants, or take it back."""
    record, work, free = job[PROGRAM], job[WORK], ints(job[TREE] + 8 * FREE)
    weights, before, step = reals(record + 8 * WEIGHTS), reals(work + 8 * BEFORE), reals(work + 8 * STEP)
    row = 0
    for i in range(ints(record)[LENGTH]):
        if free[i]:
            if back:
                weights[i] = before[i]
            else:
                before[i] = weights[i]
                moved = weights[i] + step[row]
                weights[i] = moved if abs(moved) > _SMALLEST else _SMALLEST
            row += 1


@njit(**SUMS)
def _equations(job: Any, size: Any, scale: Any, offset: Any) -> Any:
    """Fill the normal equations; whether they are finite."""
    not_inlined()
    work = job[WORK]
    matrix, right = reals(work + 8 * NORMAL), reals(work + 8 * RIGHT)
    for i in range(size):
        right[i] = 0.0
        for j in range(size):
            matrix[i * _WIDE + j] = 0.0
    for first in range(0, job[ROWS], BLOCK):
        _add_block(job, first, min(BLOCK, job[ROWS] - first), size, scale, offset)
    for i in range(size):  # noqa: SIM110
        if not np.isfinite(matrix[i * _WIDE + i]) or not np.isfinite(right[i]):
            return False
    return True


@njit(**SUMS)
def minimize(job: Any, steps: Any, tolerance: Any, tries: Any) -> None:
    """Fit the free constants and the outer scale and offset; the error in the record is inf where that is undefined."""
    not_inlined()
    record, work = job[PROGRAM], job[WORK]
    error, scale, offset, total = _regress(job)
    free = free_count(record, job[TREE])
    size, damping = free + 2, _START
    if not np.isfinite(error) or free == 0 or free > MOST_CONSTANTS:
        steps = 0
    for _ in range(steps):
        if not _equations(job, size, scale, offset):
            break
        better, gain = False, 0.0
        for _ in range(tries):  # of dampings for one matrix
            _damp(work, size, damping)
            if _solve(work, size):
                if _promise(work, size) < tolerance * error * total:
                    break
                _move(job, False)
                found, a, b, _ = _regress(job)
                if found < error:
                    gain = (error - found) / error
                    error, scale, offset, better = found, a, b, True
                    damping = max(damping * _EASIER, _LEAST)
                    break
                _move(job, True)
            damping = max(damping * _HARDER, _AFTER_FAILURE)
        if not better or gain < tolerance:
            break
    outer = reals(record)
    outer[ERROR], outer[SCALE], outer[OFFSET] = error, scale, offset
