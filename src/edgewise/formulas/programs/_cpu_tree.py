"""What is known of the tree of a program: subtrees, which weights are free, how complex it is. For kernels.

A weight is expressed if the scale of a parent, or the outer scale, already says the same. Only the others are free, so
that normal equations stay regular and formulas short: 4 x0 + cos(2 x1) has four nodes.
"""

from typing import Any

import numpy as np
from numba import njit

from edgewise.formulas.programs._cpu_elementary import EXACT, SUMS, ints, not_inlined, reals
from edgewise.formulas.programs._cpu_layout import (
    BLOCK,
    COS,
    COSTS,
    CUBE,
    DIV,
    EXPRESSED,
    FREE,
    FROZEN,
    LEFT,
    LENGTH,
    NODE_VALUES,
    NODES,
    OPCODES,
    OWN_WEIGHT,
    POWER,
    PROGRAM,
    ROWS,
    SIN,
    SIZES,
    SQRT,
    SQUARE,
    SUB,
    VARIABLE,
    WORK,
)  # fmt: skip
from edgewise.formulas.programs._cpu_sweep import forward

_MOST_WAVES = 1000.0  # half periods that are counted


@njit(**EXACT)
def subtrees(record: Any, tree: Any) -> None:
    """Fill the sizes of subtrees and the left children."""
    not_inlined()
    codes, sizes, left = ints(record + 8 * OPCODES), ints(tree + 8 * SIZES), ints(tree + 8 * LEFT)
    for i in range(ints(record)[LENGTH]):
        code = codes[i]
        if code <= VARIABLE:
            sizes[i] = 1
            left[i] = i
        elif code <= DIV:
            left[i] = i - 1 - sizes[i - 1]
            sizes[i] = 1 + sizes[i - 1] + sizes[left[i]]
        else:
            left[i] = i - 1
            sizes[i] = 1 + sizes[i - 1]


@njit(**EXACT)
def analyze(record: Any, tree: Any) -> None:
    """Fill the subtrees, which weights are expressed and free, and the nodes that the program counts for."""
    not_inlined()
    subtrees(record, tree)
    codes, left = ints(record + 8 * OPCODES), ints(tree + 8 * LEFT)
    expressed, free, frozen = ints(tree + 8 * EXPRESSED), ints(tree + 8 * FREE), ints(tree + 8 * FROZEN)
    last, total = ints(record)[LENGTH] - 1, 0
    expressed[last] = 1
    for i in range(last, -1, -1):
        code, above = codes[i], expressed[i]
        total += COSTS[code]
        free[i] = 0
        if code <= VARIABLE:
            free[i] = 1 - above
        elif code <= SUB:
            expressed[left[i]] = above
            expressed[i - 1] = 0
        elif code <= DIV:
            a = codes[left[i]]
            first = above == 1 or a in (SQRT, POWER) or codes[i - 1] == VARIABLE
            expressed[left[i]] = 1 if first else 0
            expressed[i - 1] = 1 if above or not first else 0
        elif code == POWER:
            free[i] = 1
            expressed[i - 1] = above
        else:
            expressed[i - 1] = 1 if code in (SQUARE, CUBE) else 0
            free[i] = 1 - above
            total += OWN_WEIGHT * free[i]
    for i in range(last + 1):
        free[i] = free[i] if frozen[i] == 0 else 0
    ints(record)[NODES] = total


@njit(**EXACT)
def free_count(record: Any, tree: Any) -> Any:
    """Return the number of free constants."""
    free, total = ints(tree + 8 * FREE), 0
    for i in range(ints(record)[LENGTH]):
        total += free[i]
    return total


@njit(**SUMS)
def half_periods(job: Any) -> Any:
    """Return the half periods that sines and cosines run through on the rows, beyond the first of each."""
    not_inlined()
    record, work = job[PROGRAM], job[WORK]
    codes, length, total = ints(record + 8 * OPCODES), ints(record)[LENGTH], 0
    for i in range(length):
        if codes[i] != SIN and codes[i] != COS:
            continue
        low, high = np.inf, -np.inf
        u = reals(work + 8 * (NODE_VALUES + (i - 1) * BLOCK))
        for first in range(0, job[ROWS], BLOCK):
            count = min(BLOCK, job[ROWS] - first)
            forward(job, first, count)
            for k in range(count):
                low, high = min(low, u[k]), max(high, u[k])
        if low <= high:
            total += int(min((high - low) / np.pi, _MOST_WAVES))
    return total
