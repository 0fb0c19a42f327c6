"""The kernel that fits children and puts the good ones into the population. Imported only to compile it."""

from typing import Any

import numpy as np
from numba import njit

from edgewise.formulas.programs._cpu_elementary import EXACT, ints, not_inlined, reals
from edgewise.formulas.programs._cpu_fit import minimize
from edgewise.formulas.programs._cpu_layout import (
    ARGUMENTS,
    BINS,
    CHILDREN,
    CONSTANT,
    ERROR,
    FIRST,
    LAST,
    LENGTH,
    NODES,
    OPCODES,
    POPULATION,
    PROGRAM,
    RECORD_WORDS,
    ROWS,
    SCREENED_ROWS,
    SLOTS,
    STEPS,
    STRIDE,
    TABULATED,
    TREE,
    TRIED,
    TRIES_BITS,
    TRIES_WORDS,
    VARIABLE,
    WAVES,
    WITH_WAVES,
)  # fmt: skip
from edgewise.formulas.programs._cpu_tree import analyze, half_periods
from edgewise.kernels.source import SIGNATURE

_KERNEL: dict[str, Any] = {**EXACT, "nogil": True}
_MOST_TRIES = 5  # of one structure: its constants may have many minima
_SCREENING, _USUAL, _THOROUGH = (3, 1e-3), (6, 1e-4), (15, 1e-6)  # steps and tolerance of a fit
_DAMPINGS = 5  # tried for one matrix: fewer than in a final fit, since most children are not worth it
_PROMISING = 1.5  # error over the worst of its complexity: those below are fitted on all rows
_SAME = 1e-7  # relative difference of the errors of programs that are taken for the same
_PRIME, _OFFSET = np.uint64(1099511628211), np.uint64(1469598103934665603)  # of Fowler, Noll and Vo's hash
_29 = np.uint64(29)


@njit(**EXACT)
def _tried(job: Any, record: Any) -> Any:
    """Count a try of the structure, whatever its constants; returns how often it was tried before."""
    not_inlined()
    codes, places, table = ints(record + 8 * OPCODES), ints(record + 8 * ARGUMENTS), ints(job[TRIED])
    value = _OFFSET
    for i in range(ints(record)[LENGTH]):
        node = codes[i] * 65536 + (places[i] + 1 if codes[i] == VARIABLE or codes[i] == TABULATED else 0)
        value = (value ^ np.uint64(node)) * _PRIME
    value = value ^ (value >> _29)
    place = np.int64(value & np.uint64(TRIES_WORDS * 16 - 1))
    word, shift = place >> 4, (place & 15) * TRIES_BITS
    count = (table[word] >> shift) & 15
    if count < _MOST_TRIES:
        table[word] += np.int64(1) << shift
    return count


@njit(**EXACT)
def _bounds(job: Any, bin_: Any) -> Any:
    """Return the lowest and the highest error of a complexity."""
    low, high = np.inf, 0.0
    for slot in range(job[SLOTS]):
        error = reals(job[POPULATION] + 8 * RECORD_WORDS * (bin_ * job[SLOTS] + slot))[ERROR]
        low, high = min(low, error), max(high, error)
    return low, high


@njit(**EXACT)
def _insert(job: Any, record: Any, bin_: Any) -> None:
    """Put a program in place of the worst of its complexity, unless it is worse, or there already."""
    not_inlined()
    error, worst, highest = reals(record)[ERROR], 0, -1.0
    for slot in range(job[SLOTS]):
        other = job[POPULATION] + 8 * RECORD_WORDS * (bin_ * job[SLOTS] + slot)
        found = reals(other)[ERROR]
        if abs(found - error) <= _SAME * error:
            return
        if found > highest:
            worst, highest = other, found
    if error < highest:
        here, there = ints(record), ints(worst)
        for k in range(RECORD_WORDS):
            there[k] = here[k]


@njit(**EXACT)
def _fitted(job: Any, record: Any, bin_: Any) -> Any:
    """Fit a child: on some rows, then on all if it is promising, then longer if it is the best; its error or inf."""
    low, high = _bounds(job, bin_)
    steps, tolerance = job[STEPS], _THOROUGH[1]
    if steps == 0:
        rows = job[ROWS]
        job[ROWS] = min(rows, SCREENED_ROWS)
        minimize(job, _SCREENING[0], _SCREENING[1], _DAMPINGS)
        job[ROWS] = rows
        if not reals(record)[ERROR] < _PROMISING * high:
            return np.inf
        steps, tolerance = _USUAL
    for _ in range(2):
        minimize(job, steps, tolerance, _DAMPINGS)
        if not reals(record)[ERROR] < low or job[STEPS] > 0:
            break
        steps, tolerance = _THOROUGH
    return reals(record)[ERROR]


@njit(**EXACT)
def _judge(job: Any, record: Any) -> None:
    length = ints(record)[LENGTH]
    if length < 1 or (length == 1 and ints(record + 8 * OPCODES)[0] == CONSTANT):
        return
    analyze(record, job[TREE])
    bin_ = ints(record)[NODES]
    if bin_ >= job[BINS] or (job[STEPS] == 0 and _tried(job, record) >= _MOST_TRIES):
        return
    job[PROGRAM] = record
    if not np.isfinite(_fitted(job, record, bin_)):
        return
    waves = half_periods(job) if job[WITH_WAVES] else 0
    ints(record)[WAVES] = waves
    if bin_ + waves < job[BINS]:
        _insert(job, record, bin_ + waves)


def build(name: str, dtype: str) -> Any:
    """Return the Numba function of the kernel; there is one dtype."""

    @njit(SIGNATURE, **_KERNEL)
    def select(job: Any) -> None:
        """Judge children number `FIRST` to `LAST`; with `STEPS` above 0 without screening, by as many steps."""
        for k in range(job[FIRST], job[LAST]):
            _judge(job, job[CHILDREN] + 8 * RECORD_WORDS * k)
        job[ROWS] = job[STRIDE]

    return {"select": select}[name]
