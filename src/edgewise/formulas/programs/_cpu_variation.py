"""Random numbers, shapes, cuts and exchanges of subtrees: how children come from their parents. For kernels."""

from typing import Any

import numpy as np
from numba import njit

from edgewise.formulas.programs._cpu_elementary import EXACT, ints, not_inlined, reals, tabulated
from edgewise.formulas.programs._cpu_layout import (
    ADD,
    ARGUMENTS,
    BLOCK,
    CHANCES,
    COLUMN_COUNT,
    CONSTANT,
    DIV,
    GRADIENTS,
    LEFT,
    LENGTH,
    LONGEST,
    MUL,
    OPCODES,
    PENDING,
    POWER,
    RANDOM,
    SCRATCH,
    SIZES,
    SNIPPET,
    SQUARE,
    SUB,
    TABLE_COUNT,
    TABLE_PLACES,
    TABULATED,
    TREE,
    VARIABLE,
    WEIGHTS,
    WORK,
)  # fmt: skip
from edgewise.formulas.programs._cpu_sweep import function, table_at

_GOLDEN, _FIRST, _SECOND = (np.uint64(k) for k in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_30, _27, _31, _11 = (np.uint64(k) for k in (30, 27, 31, 11))
_UNIT = 2.0**-53


@njit(**EXACT)
def uniform(state: Any) -> Any:
    """Return a number from 0 to 1, without 1."""
    z = np.uint64(state[0]) + _GOLDEN
    state[0] = np.int64(z)
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return np.float64((z ^ (z >> _31)) >> _11) * _UNIT


@njit(**EXACT)
def below(state: Any, count: Any) -> Any:
    """Return a whole number from 0 to count - 1."""
    return np.int64(uniform(state) * count)


@njit(**EXACT)
def normal(state: Any) -> Any:
    """Return a number that is nearly normal: the sum of twelve uniform ones."""
    total = -6.0
    for _ in range(12):
        total += uniform(state)
    return total


@njit(**EXACT)
def factor(state: Any, size: Any) -> Any:
    """Return a number that is nearly log-normal, with a given standard deviation of its logarithm."""
    value = 1.0 + normal(state) * size / 1024.0
    for _ in range(10):
        value *= value
    return value


@njit(**EXACT)
def pick(state: Any, cumulative: Any, first: Any, last: Any) -> Any:
    """Return a number from `first` to `last` with the given chances, summed up; -1 if all are zero."""
    low = cumulative[first - 1] if first > 0 else 0.0
    if not cumulative[last] > low:
        return -1
    wanted = low + uniform(state) * (cumulative[last] - low)
    for k in range(first, last):
        if wanted < cumulative[k]:
            return k
    return last


_LONGEST_CHILD = LONGEST - 2
_EXPONENTS = (0.5, 1.5, -1.0, -0.5, 2.5, 0.33)
_VARIABLES = 0.8  # of random leaves
_POSITIVE = 0.7  # of random weights


@njit(**EXACT)
def put(record: Any, k: Any, code: Any, place: Any, weight: Any) -> None:
    """Write node k of a record."""
    ints(record + 8 * OPCODES)[k] = code
    ints(record + 8 * ARGUMENTS)[k] = place
    reals(record + 8 * WEIGHTS)[k] = weight


@njit(**EXACT)
def copy(source: Any, start: Any, count: Any, record: Any, k: Any) -> None:
    """Copy nodes of one record to place k of another, which may be the same if they come to lie further down."""
    not_inlined()
    here, there = ints(source), ints(record)
    for part in (OPCODES, ARGUMENTS, WEIGHTS):
        for i in range(count):
            there[part + k + i] = here[part + start + i]


@njit(**EXACT)
def splice(parent: Any, cut: Any, source: Any, start: Any, count: Any, child: Any) -> Any:
    """Make the child from a parent, with nodes from cut[0] to cut[1] replaced by nodes of another record."""
    not_inlined()
    length = ints(parent)[LENGTH]
    low, high = cut
    total = length - (high - low) + count
    if total > _LONGEST_CHILD or total < 1:
        return 0
    copy(parent, 0, low, child, 0)
    copy(source, start, count, child, low)
    copy(parent, high, length - high, child, low + count)
    ints(child)[LENGTH] = total
    return total


@njit(**EXACT)
def _random_leaf(job: Any, record: Any, k: Any) -> None:
    state = ints(job[RANDOM])
    if uniform(state) < _VARIABLES:
        weight = factor(state, 0.8)
        weight = weight if uniform(state) < _POSITIVE else -weight
        put(record, k, VARIABLE, below(state, job[COLUMN_COUNT]), weight)
    else:
        put(record, k, CONSTANT, 0, 2.0 * normal(state))


@njit(**EXACT)
def _random_operation(job: Any, size: Any) -> Any:
    """Return an operation for a subtree of a size; -1 if a leaf has to do."""
    not_inlined()
    state, chances = ints(job[RANDOM]), reals(job[CHANCES])
    return pick(state, chances, ADD if size > 2 else SQUARE, TABULATED)


@njit(**EXACT)
def table_place(job: Any, code: Any) -> Any:
    """Return the place of the table that a new node reads; 0 for all other operations."""
    if code != TABULATED:
        return 0
    return ints(job[TABLE_PLACES])[below(ints(job[RANDOM]), job[TABLE_COUNT])]


@njit(**EXACT)
def first_weight(job: Any, code: Any) -> Any:
    """Return the weight that a new node starts with."""
    return _EXPONENTS[below(ints(job[RANDOM]), 6)] if code == POWER else 1.0


@njit(**EXACT)
def random_shape(job: Any, record: Any, start: Any, size: Any) -> Any:
    """Append a random shape of about `size` nodes at a place; returns where it ends."""
    not_inlined()
    state, pending = ints(job[RANDOM]), ints(job[WORK] + 8 * PENDING)
    pending[0], waiting, k = size, 1, start
    while waiting > 0 and k < LONGEST - 4:
        waiting -= 1
        size = pending[waiting]
        code = -1
        if size > 1 and k + waiting <= LONGEST - 8:
            code = _random_operation(job, size)
        if code < 0:
            _random_leaf(job, record, k)
        elif code <= DIV:
            part = 1 + below(state, size - 2)
            pending[waiting], pending[waiting + 1] = part, size - 1 - part
            waiting += 2
            put(record, k, code, 0, 1.0)
        else:
            pending[waiting] = size - 1
            waiting += 1
            put(record, k, code, table_place(job, code), first_weight(job, code))
        k += 1
    _reverse(record, start, k)
    return k


@njit(**EXACT)
def _reverse(record: Any, start: Any, stop: Any) -> None:
    """Turn nodes around: prefix order becomes postfix order."""
    words = ints(record)
    for part in (OPCODES, ARGUMENTS, WEIGHTS):
        for q in range((stop - start) // 2):
            a, b = part + start + q, part + stop - 1 - q
            words[a], words[b] = words[b], words[a]


@njit(**EXACT)
def _folded(code: Any, node: Any, u: Any, v: Any, job: Any) -> Any:
    """Return the value of an operation on constants; `node` is its argument and its weight."""
    if code == ADD:
        return u + v
    if code == SUB:
        return u - v
    if code == MUL:
        return u * v
    if code == DIV:
        return u / v
    at = job[WORK] + 8 * GRADIENTS
    inner, outer = reals(at), reals(at + 8 * BLOCK)
    inner[0] = v
    if code == TABULATED:
        tabulated(table_at(job, node[0]), node[1], inner, outer, 1)
    else:
        function(code, node[1], inner, outer, job[WORK] + 8 * SCRATCH, 1)
    return outer[0]


@njit(**EXACT)
def fold(job: Any, record: Any) -> Any:
    """Replace subtrees of constants by their values; returns the length, 0 if a value is too large or undefined."""
    not_inlined()
    codes, places, weights = ints(record + 8 * OPCODES), ints(record + 8 * ARGUMENTS), reals(record + 8 * WEIGHTS)
    k = 0
    for i in range(ints(record)[LENGTH]):
        code, weight = codes[i], weights[i]
        known = 0
        if code > VARIABLE and codes[k - 1] == CONSTANT:
            known = 1 if code > DIV else (2 if codes[k - 2] == CONSTANT else 0)
        if known:
            value = _folded(code, (places[i], weight), weights[k - known], weights[k - 1], job)
            if not abs(value) < 1e100:
                return 0
            k -= known
            code, weight = CONSTANT, value
        put(record, k, code, places[i], weight)
        k += 1
    ints(record)[LENGTH] = k
    return k


@njit(**EXACT)
def rescale(job: Any, record: Any, tree: Any, node: Any, by: Any) -> None:
    """Multiply the subtree that ends at a node, through its first weights."""
    not_inlined()
    codes, weights, left = ints(record + 8 * OPCODES), reals(record + 8 * WEIGHTS), ints(tree + 8 * LEFT)
    pending, waiting = ints(job[WORK] + 8 * PENDING), 1
    pending[0] = node
    while waiting > 0:
        waiting -= 1
        i = pending[waiting]
        code = codes[i]
        if code <= VARIABLE or (code > DIV and code != POWER):
            weights[i] *= by
        elif code <= DIV:
            pending[waiting] = left[i]
            waiting += 1
            if code <= SUB:
                pending[waiting] = i - 1
                waiting += 1


@njit(**EXACT)
def exchange(job: Any, parent: Any, other: Any, trees: Any, child: Any) -> Any:
    """Make the child by putting a subtree of the other parent in place of one of the first's; leaves are rarer."""
    not_inlined()
    state = ints(job[RANDOM])
    sizes, donated = ints(trees[0] + 8 * SIZES), ints(trees[1] + 8 * SIZES)
    i, j = below(state, ints(parent)[LENGTH]), below(state, ints(other)[LENGTH])
    if sizes[i] == 1:
        i = below(state, ints(parent)[LENGTH])
    if donated[j] == 1:
        j = below(state, ints(other)[LENGTH])
    return splice(parent, (i + 1 - sizes[i], i + 1), other, j + 1 - donated[j], donated[j], child)


@njit(**EXACT)
def _other_operation(job: Any, child: Any, i: Any) -> None:
    """Put another operation, function, variable or constant in place of a node."""
    state, chances = ints(job[RANDOM]), reals(job[CHANCES])
    code = ints(child + 8 * OPCODES)[i]
    if code <= VARIABLE:
        _random_leaf(job, child, i)
    elif code <= DIV:
        put(child, i, ADD + below(state, 4), 0, 1.0)
    else:
        new = pick(state, chances, SQUARE, TABULATED)
        if new > 0:
            put(child, i, new, table_place(job, new), first_weight(job, new))


@njit(**EXACT)
def _other_constants(job: Any, child: Any) -> None:
    """Change all weights by random factors, some in sign."""
    state, weights = ints(job[RANDOM]), reals(child + 8 * WEIGHTS)
    for i in range(ints(child)[LENGTH]):
        weights[i] *= factor(state, 0.7) if uniform(state) < 0.8 else -1.0


@njit(**EXACT)
def mutate(job: Any, parent: Any, child: Any) -> Any:
    """Make the child by a change of one node or subtree of the parent, or of all its constants."""
    not_inlined()
    state, chances, snippet = ints(job[RANDOM]), reals(job[CHANCES]), job[SNIPPET]
    sizes, left = ints(job[TREE] + 8 * SIZES), ints(job[TREE] + 8 * LEFT)
    length = ints(parent)[LENGTH]
    i, kind = below(state, length), uniform(state)
    start = i + 1 - sizes[i]
    if kind < 0.2 or kind >= 0.87:
        splice(parent, (0, 0), parent, 0, 0, child)
        if kind < 0.2:
            _other_operation(job, child, i)
        else:
            _other_constants(job, child)
        return length
    if kind < 0.4:  # a function around the subtree
        code = pick(state, chances, SQUARE, TABULATED)
        if code < 0:
            return 0
        put(snippet, 0, code, table_place(job, code), first_weight(job, code))
        return splice(parent, (i + 1, i + 1), snippet, 0, 1, child)
    if kind < 0.6:  # a small shape joined to the subtree
        k = random_shape(job, snippet, 0, 1 + below(state, 4))
        put(snippet, k, pick(state, chances, ADD, DIV), 0, 1.0)
        return splice(parent, (i + 1, i + 1), snippet, 0, k + 1, child)
    if kind < 0.72:  # the subtree replaced by one of its own children
        if sizes[i] == 1:
            return 0
        j = left[i] if uniform(state) < 0.5 else i - 1
        return splice(parent, (start, i + 1), parent, j + 1 - sizes[j], sizes[j], child)
    k = random_shape(job, snippet, 0, 1 + below(state, 6))
    return splice(parent, (start, i + 1), snippet, 0, k, child)
