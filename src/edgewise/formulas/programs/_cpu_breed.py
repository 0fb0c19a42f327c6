"""The kernel that makes a batch of children from a population. Imported only to compile it.

A population is a table of records: for each complexity the best programs, and no other selection. So short formulas
never die out. A step of the library linearizes a formula at one of its nodes, and puts there the shape that best
explains the residual.
"""

from typing import Any

import numpy as np
from numba import njit

from edgewise.formulas.programs._cpu_elementary import EXACT, SUMS, ints, not_inlined, reals
from edgewise.formulas.programs._cpu_layout import (
    ADD,
    ADJOINTS,
    BATCH,
    BINS,
    BLOCK,
    CHANGES,
    CHILDREN,
    ERROR,
    FRONT,
    FRONT_SIZE,
    LENGTH,
    LIBRARY,
    LIBRARY_ROWS,
    LIBRARY_SIZE,
    LIBRARY_VALUES,
    MUL,
    NODE_VALUES,
    OFFSET,
    OTHER_TREE,
    POPULATION,
    PROGRAM,
    RANDOM,
    RECORD_WORDS,
    ROW_WEIGHTS,
    ROWS,
    SCALE,
    SIZES,
    SLOTS,
    SNIPPET,
    TARGET,
    TREE,
    WISHES,
    WORK,
)  # fmt: skip
from edgewise.formulas.programs._cpu_sweep import adjoints, forward, full_width
from edgewise.formulas.programs._cpu_tree import subtrees
from edgewise.formulas.programs._cpu_variation import (
    below,
    copy,
    exchange,
    fold,
    mutate,
    put,
    random_shape,
    rescale,
    splice,
    uniform,
)
from edgewise.kernels.source import SIGNATURE

_KERNEL: dict[str, Any] = {**EXACT, "nogil": True}
_FROM_FRONT = 0.4  # of the parents
_NEW, _BY_LIBRARY, _BY_EXCHANGE = 0.01, 0.3, 0.55  # chances, summed up; mutations make the rest
_SHAPES_TRIED = 200
_AT_ROOT = 0.4  # of the steps of the library
_BETTER = 0.98  # the error of a bin of the front over that of the one before, at most
_REPLACE, _ADD, _MULTIPLY = range(3)


@njit(**EXACT)
def record_at(job: Any, bin_: Any, slot: Any) -> Any:
    """Return the address of a program of the population."""
    return job[POPULATION] + 8 * RECORD_WORDS * (bin_ * job[SLOTS] + slot)


@njit(**EXACT)
def _fill_front(job: Any) -> None:
    """List the complexities whose best program is better than all simpler ones."""
    not_inlined()
    front, lowest, size = ints(job[FRONT]), np.inf, 0
    for bin_ in range(1, job[BINS]):
        best = np.inf
        for slot in range(job[SLOTS]):
            best = min(best, reals(record_at(job, bin_, slot))[ERROR])
        if best < _BETTER * lowest:
            lowest = best
            front[size] = bin_
            size += 1
    job[FRONT_SIZE] = size


@njit(**EXACT)
def _choose(job: Any) -> Any:
    """Return a parent, 0 if there is none: of a bin of the front or of any, the better of two."""
    not_inlined()
    state, slots, bins = ints(job[RANDOM]), job[SLOTS], job[BINS]
    bin_ = 1 + below(state, bins - 1)
    if job[FRONT_SIZE] > 0 and uniform(state) < _FROM_FRONT:
        bin_ = ints(job[FRONT])[below(state, job[FRONT_SIZE])]
    for k in range(200):
        a, b = record_at(job, bin_, below(state, slots)), record_at(job, bin_, below(state, slots))
        a = b if reals(b)[ERROR] < reals(a)[ERROR] else a
        if np.isfinite(reals(a)[ERROR]):
            return a
        if k % 3 == 2:
            bin_ = 1 + below(state, bins - 1)
    return 0


@njit(**SUMS)
def _linearize(job: Any, parent: Any, node: Any, mode: Any, rows: Any) -> None:
    """Fill what a change of a shape would change, row by row, and what change is wished for."""
    not_inlined()
    full_width()
    job[PROGRAM] = parent
    work, scale, offset = job[WORK], reals(parent)[SCALE], reals(parent)[OFFSET]
    last = 8 * (ints(parent)[LENGTH] - 1) * BLOCK
    f, flow = reals(work + 8 * NODE_VALUES + last), reals(work + 8 * ADJOINTS + last)
    v, d = reals(work + 8 * (NODE_VALUES + node * BLOCK)), reals(work + 8 * (ADJOINTS + node * BLOCK))
    mean, total = 0.0, 0.0
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        forward(job, first, count)
        for k in range(count):
            flow[k] = scale
        adjoints(job, count)
        y, w = reals(job[TARGET] + 8 * first), reals(job[ROW_WEIGHTS] + 8 * first)
        change, wish = reals(work + 8 * (CHANGES + first)), reals(work + 8 * (WISHES + first))
        for k in range(count):
            residual = y[k] - offset - scale * f[k]
            there = d[k] * v[k]
            wish[k] = residual + (0.0 if mode == _ADD else there)
            change[k] = there if mode == _MULTIPLY else d[k]
            mean += w[k] * wish[k]
            total += w[k]
    mean /= total
    wish = reals(work + 8 * WISHES)
    for k in range(rows):
        wish[k] -= mean


@njit(**SUMS)
def _best_shape(job: Any, rows: Any) -> Any:
    """Return the shape of the library whose change explains most of the wishes, and its coefficient; -1 if none."""
    not_inlined()
    full_width()
    state, work = ints(job[RANDOM]), job[WORK]
    change, wish, w = reals(work + 8 * CHANGES), reals(work + 8 * WISHES), reals(job[ROW_WEIGHTS])
    best, found, coefficient, total = 0.0, -1, 0.0, 0.0
    for k in range(rows):
        total += w[k]
    for _ in range(_SHAPES_TRIED):
        j = below(state, job[LIBRARY_SIZE])
        shape = reals(job[LIBRARY_VALUES] + 8 * LIBRARY_ROWS * j)
        first, second, common = 0.0, 0.0, 0.0
        for k in range(rows):
            h = change[k] * shape[k]
            weighted = w[k] * h
            first += weighted
            second += weighted * h
            common += weighted * wish[k]
        variance = second - first * first / total
        if variance > 1e-12 * second and np.isfinite(variance):
            length = ints(job[LIBRARY] + 8 * RECORD_WORDS * j)[LENGTH]
            score = common * common / variance * (0.8 + 0.2 * uniform(state)) / (1.0 + 0.02 * length)
            if score > best:
                best, found, coefficient = score, j, common / variance
    return found, coefficient


@njit(**EXACT)
def _library_step(job: Any, parent: Any, child: Any) -> Any:
    """Make the child by replacing a node by a shape of the library, adding the shape to it or multiplying by it."""
    not_inlined()
    state, tree, length = ints(job[RANDOM]), job[TREE], ints(parent)[LENGTH]
    sizes = ints(tree + 8 * SIZES)
    node = length - 1 if uniform(state) < _AT_ROOT else below(state, length)
    mode = below(state, 3)
    if node == length - 1 and mode == _REPLACE:
        mode = _ADD
    rows = min(job[ROWS], LIBRARY_ROWS)
    _linearize(job, parent, node, mode, rows)
    found, coefficient = _best_shape(job, rows)
    if found < 0 or not np.isfinite(coefficient):
        return 0
    shape, snippet = job[LIBRARY] + 8 * RECORD_WORDS * found, job[SNIPPET]
    count = ints(shape)[LENGTH]
    copy(shape, 0, count, snippet, 0)
    ints(snippet)[LENGTH] = count
    subtrees(snippet, job[OTHER_TREE])
    rescale(job, snippet, job[OTHER_TREE], count - 1, coefficient)
    if mode == _REPLACE:
        return splice(parent, (node + 1 - sizes[node], node + 1), snippet, 0, count, child)
    put(snippet, count, ADD if mode == _ADD else MUL, 0, 1.0)
    return splice(parent, (node + 1, node + 1), snippet, 0, count + 1, child)


@njit(**EXACT)
def _child(job: Any, child: Any) -> Any:
    """Make one child; returns its length, 0 if none."""
    state, parent = ints(job[RANDOM]), _choose(job)
    way = uniform(state)
    if parent == 0 or way < _NEW:
        length = random_shape(job, child, 0, 1 + below(state, 8))
        ints(child)[LENGTH] = length
        return length
    subtrees(parent, job[TREE])
    if way < _BY_LIBRARY and job[LIBRARY_SIZE] > 0:
        return _library_step(job, parent, child)
    if way < _BY_EXCHANGE:
        other = _choose(job)
        if other == 0:
            return 0
        subtrees(other, job[OTHER_TREE])
        return exchange(job, parent, other, (job[TREE], job[OTHER_TREE]), child)
    return mutate(job, parent, child)


def build(name: str, dtype: str) -> Any:
    """Return the Numba function of the kernel; there is one dtype."""

    @njit(SIGNATURE, **_KERNEL)
    def breed(job: Any) -> None:
        _fill_front(job)
        for k in range(BATCH):
            child = job[CHILDREN] + 8 * RECORD_WORDS * k
            length = _child(job, child)
            ints(child)[LENGTH] = fold(job, child) if length > 0 else 0

    return {"breed": breed}[name]
