"""Values of all nodes of a program on a block of rows, and their derivatives. Imported only to compile kernels."""

from typing import Any

import numpy as np
from numba import njit

from edgewise.formulas.programs._cpu_elementary import (
    EXACT,
    SUMS,
    exp_block,
    ints,
    log_block,
    not_inlined,
    reals,
    tabulated,
    tabulated_adjoint,
    wave_block,
)
from edgewise.formulas.programs._cpu_layout import (
    ADD,
    ADJOINTS,
    ARGUMENTS,
    BLOCK,
    COLUMNS,
    CONSTANT,
    COS,
    CUBE,
    DIV,
    EXP,
    FREE,
    GRADIENTS,
    LEFT,
    LENGTH,
    LOG,
    MUL,
    NODE_VALUES,
    OPCODES,
    POWER,
    PROGRAM,
    SCRATCH,
    SIN,
    SQRT,
    SQUARE,
    STRIDE,
    SUB,
    TABLE_WORDS,
    TABLES,
    TABULATED,
    TANH,
    TREE,
    VARIABLE,
    WEIGHTS,
    WORK,
)  # fmt: skip
from edgewise.kernels.source import full_width

_TINY = 1e-290  # added to the base of a power, so that its logarithm is finite
_STEEPEST = 20.0  # tanh beyond is 1


@njit(**SUMS)
def _leaf(code: Any, weight: Any, column: Any, v: Any, count: Any) -> None:
    full_width()
    if code == VARIABLE:
        for k in range(count):
            v[k] = weight * column[k]
    else:
        for k in range(count):
            v[k] = weight


@njit(**SUMS)
def _binary(code: Any, a: Any, b: Any, v: Any, count: Any) -> None:
    full_width()
    if code == ADD:
        for k in range(count):
            v[k] = a[k] + b[k]
    elif code == SUB:
        for k in range(count):
            v[k] = a[k] - b[k]
    elif code == MUL:
        for k in range(count):
            v[k] = a[k] * b[k]
    else:
        for k in range(count):
            v[k] = a[k] / b[k]


@njit(**SUMS)
def _algebraic(code: Any, weight: Any, u: Any, v: Any, count: Any) -> None:
    full_width()
    if code == SQUARE:
        for k in range(count):
            v[k] = weight * u[k] * u[k]
    elif code == CUBE:
        for k in range(count):
            v[k] = weight * u[k] * u[k] * u[k]
    else:
        for k in range(count):
            v[k] = weight * np.sqrt(u[k])


@njit(**EXACT)
def _transcendental(code: Any, weight: Any, u: Any, v: Any, scratch: Any, count: Any) -> None:
    full_width()
    inner = scratch + 8 * BLOCK
    w = reals(inner)
    if code == EXP:
        exp_block(u, v, scratch, weight, count)
    elif code == LOG:
        log_block(u, v, scratch, weight, count)
    elif code in (SIN, COS):
        wave_block(u, v, 1.0 if code == COS else 0.0, weight, count)
    else:
        if code == TANH:
            for k in range(count):
                w[k] = 2.0 * min(max(u[k], -_STEEPEST), _STEEPEST) if u[k] == u[k] else np.nan
        else:
            for k in range(count):
                w[k] = abs(u[k]) + _TINY
            log_block(w, v, scratch, weight, count)
            for k in range(count):
                w[k] = v[k]
        exp_block(w, v, scratch, 1.0, count)
        if code == TANH:
            for k in range(count):
                v[k] = weight * (1.0 - 2.0 / (v[k] + 1.0))


@njit(**SUMS)
def function(code: Any, weight: Any, u: Any, v: Any, scratch: Any, count: Any) -> None:
    """v = weight f(u), or |u|^weight; `scratch` is the address of two blocks."""
    not_inlined()
    if code <= SQRT:
        _algebraic(code, weight, u, v, count)
    else:
        _transcendental(code, weight, u, v, scratch, count)


@njit(**EXACT)
def table_at(job: Any, place: Any) -> Any:
    """Return the table of a function that a user registered."""
    return reals(job[TABLES] + 8 * TABLE_WORDS * place)


@njit(**SUMS)
def forward(job: Any, first: Any, count: Any) -> None:
    """Evaluate all nodes on `count` rows from `first` on."""
    not_inlined()
    record, work, left = job[PROGRAM], job[WORK], ints(job[TREE] + 8 * LEFT)
    codes, places, weights = ints(record + 8 * OPCODES), ints(record + 8 * ARGUMENTS), reals(record + 8 * WEIGHTS)
    values, apart = work + 8 * NODE_VALUES, 8 * BLOCK
    for i in range(ints(record)[LENGTH]):
        code, v, u = codes[i], reals(values + i * apart), reals(values + (i - 1) * apart)
        if code <= VARIABLE:
            column = reals(job[COLUMNS] + 8 * (places[i] * job[STRIDE] + first))
            _leaf(code, weights[i], column, v, count)
        elif code <= DIV:
            _binary(code, reals(values + left[i] * apart), u, v, count)
        elif code == TABULATED:
            tabulated(table_at(job, places[i]), weights[i], u, v, count)
        else:
            function(code, weights[i], u, v, work + 8 * SCRATCH, count)


@njit(**SUMS)
def _binary_adjoint(code: Any, a: Any, v: Any, left: Any, right: Any, count: Any) -> None:
    """Pass the adjoint a of a node with value v to its children; `left` and `right` are pairs (adjoint, value)."""
    full_width()
    al, vl = left
    ar, vr = right
    if code == ADD:
        for k in range(count):
            al[k] = a[k]
            ar[k] = a[k]
    elif code == SUB:
        for k in range(count):
            al[k] = a[k]
            ar[k] = -a[k]
    elif code == MUL:
        for k in range(count):
            al[k] = a[k] * vr[k]
            ar[k] = a[k] * vl[k]
    else:
        for k in range(count):
            q = a[k] / vr[k]
            al[k] = q
            ar[k] = -q * v[k]


@njit(**SUMS)
def _unary_adjoint(code: Any, weight: Any, a: Any, v: Any, u: Any, d: Any, count: Any) -> None:  # noqa: C901
    """Pass the adjoint a of a node with value v to its child, whose value is u and whose adjoint is d."""
    full_width()
    if code == SQUARE:
        for k in range(count):
            d[k] = 2.0 * weight * u[k] * a[k]
    elif code == CUBE:
        for k in range(count):
            d[k] = 3.0 * weight * u[k] * u[k] * a[k]
    elif code == SQRT:
        for k in range(count):
            d[k] = 0.5 * weight * weight * a[k] / v[k]
    elif code == EXP:
        for k in range(count):
            d[k] = v[k] * a[k]
    elif code == LOG:
        for k in range(count):
            d[k] = weight * a[k] / u[k]
    elif code == TANH:
        for k in range(count):
            t = v[k] / weight
            d[k] = a[k] * weight * (1.0 - t * t)
    elif code == POWER:
        for k in range(count):
            d[k] = weight * v[k] * a[k] / u[k]
    else:
        wave_block(u, d, 1.0 if code == SIN else 0.0, weight if code == SIN else -weight, count)
        for k in range(count):
            d[k] *= a[k]


@njit(**SUMS)
def adjoints(job: Any, count: Any) -> None:
    """Fill the adjoints of all nodes on the block that was evaluated last, from that of the last node."""
    not_inlined()
    record, work, left = job[PROGRAM], job[WORK], ints(job[TREE] + 8 * LEFT)
    codes, places, weights = ints(record + 8 * OPCODES), ints(record + 8 * ARGUMENTS), reals(record + 8 * WEIGHTS)
    values, flows, apart = work + 8 * NODE_VALUES, work + 8 * ADJOINTS, 8 * BLOCK
    for i in range(ints(record)[LENGTH] - 1, 0, -1):
        code, a, v = codes[i], reals(flows + i * apart), reals(values + i * apart)
        below, inner = reals(flows + (i - 1) * apart), reals(values + (i - 1) * apart)
        if code == TABULATED:
            tabulated_adjoint(table_at(job, places[i]), weights[i], a, inner, below, count)
        elif code > DIV:
            _unary_adjoint(code, weights[i], a, v, inner, below, count)
        elif code > VARIABLE:
            there = left[i] * apart
            _binary_adjoint(code, a, v, (reals(flows + there), reals(values + there)), (below, inner), count)


@njit(**SUMS)
def gradients(job: Any, first: Any, count: Any) -> None:
    """Fill one row of the gradients for each free constant, in the order of the nodes."""
    not_inlined()
    full_width()
    record, work, free = job[PROGRAM], job[WORK], ints(job[TREE] + 8 * FREE)
    codes, places, weights = ints(record + 8 * OPCODES), ints(record + 8 * ARGUMENTS), reals(record + 8 * WEIGHTS)
    row = 0
    for i in range(ints(record)[LENGTH]):
        if not free[i]:
            continue
        code, weight, g = codes[i], weights[i], reals(work + 8 * (GRADIENTS + row * BLOCK))
        row += 1
        a, v = reals(work + 8 * (ADJOINTS + i * BLOCK)), reals(work + 8 * (NODE_VALUES + i * BLOCK))
        if code == VARIABLE:
            column = reals(job[COLUMNS] + 8 * (places[i] * job[STRIDE] + first))
            for k in range(count):
                g[k] = a[k] * column[k]
        elif code == CONSTANT:
            for k in range(count):
                g[k] = a[k]
        elif code == POWER:
            u, size = reals(work + 8 * (NODE_VALUES + (i - 1) * BLOCK)), reals(work + 8 * (SCRATCH + BLOCK))
            for k in range(count):
                size[k] = abs(u[k]) + _TINY
            log_block(size, g, work + 8 * SCRATCH, 1.0, count)
            for k in range(count):
                g[k] = g[k] * a[k] * v[k]
        else:
            for k in range(count):
                g[k] = a[k] * v[k] / weight
