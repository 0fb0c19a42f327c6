"""Trees of few columns, grown on codes by gradients: a leaf at a time, or with the same question for all of a level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from edgewise._typing import Array

_GAIN = 1e-12  # the least that counts
GIVEN, SQUARED, LOGISTIC, SOFTMAX = range(4)


@njit(cache=True, nogil=True)
def _listed(triples: Any, a: int, b: int, c: int) -> bool:  # pragma: no cover
    """Return whether three columns are among the triples; all are where the first entry is -1."""
    if triples[0, 0] == -1:
        return True
    for row in triples:
        found = 0
        for column in row:
            found += column in (a, b, c)
        if found == 3:
            return True
    return False


@njit(cache=True, nogil=True)
def _open(some: Any, count: int, used: Any, nu: int, order: int, allowed: Any, triples: Any) -> int:  # pragma: no cover
    """Keep the columns that may join those that a tree has, at the front; return how many they are."""
    kept = 0
    for r in range(count):
        column, old, joins = some[r], False, nu < order
        for u in range(nu):
            if used[u] == column:
                old = True
            elif not allowed[used[u], column]:
                joins = False
        if joins and nu == 2 and not old:
            joins = _listed(triples, used[0], used[1], column)
        if old or joins:
            some[kept] = column
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _sums(
    codes: Any, rows: Any, low: int, high: int, g: Any, h: Any, some: Any, count: int, cells: Any
) -> None:  # pragma: no cover
    """Add up gradients, curvatures and rows of each code of some columns."""
    for q in range(count):
        column = some[q]
        own, code = cells[column], codes[column]
        own[:] = 0.0
        for r in range(low, high):
            i = rows[r]
            k = code[i]
            own[k, 0] += g[i]
            own[k, 1] += h[i]
            own[k, 2] += 1.0


@njit(cache=True, nogil=True)
def _question(
    cells: Any,
    some: Any,
    count: int,
    sizes: Any,
    total: Any,
    rows: float,
    ridge: float,
    least: int,
    jitter: float,
    rng: Any,
) -> Any:  # pragma: no cover
    """Return gain, column and code of the best question of a leaf: codes up to it go left.

    Gains are enlarged by up to `jitter`, at random.
    """
    g, h = total
    base = g * g / (h + ridge)
    best, column, cut = _GAIN, -1, -1
    for q in range(count):
        j = some[q]
        left = right = n = 0.0
        top, at = _GAIN, -1
        for k in range(sizes[j] - 1):
            here = cells[j, k, 2]
            if here == 0.0:
                continue
            left += cells[j, k, 0]
            right += cells[j, k, 1]
            n += here
            if n < least:
                continue
            if rows - n < least:
                break
            other = g - left
            gain = left * left / (right + ridge) + other * other / (h - right + ridge) - base
            if gain > top:
                top, at = gain, k
        if at >= 0:
            top *= 1.0 + jitter * rng.random()
            if top > best:
                best, column, cut = top, j, at
    return best, column, cut


@njit(cache=True, nogil=True)
def _leafwise(
    codes: Any, sizes: Any, rows: Any, g: Any, h: Any, some: Any, allowed: Any, triples: Any, order: int, leaves: int,
    ridge: float, rng: Any, room: Any, tree: Any, values: Any, step: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """Grow a tree of up to `leaves` leaves, the one of the largest gain first; write what it adds to `step` at rows."""
    jitter, least, sums = 0.5, 3, 3
    nodes_most, count = 2 * leaves - 1, len(some)
    low, high, slot = np.zeros(nodes_most, np.int64), np.zeros(nodes_most, np.int64), np.zeros(nodes_most, np.int64)
    totals, gains = np.zeros((nodes_most, 2)), np.zeros(nodes_most)
    asked = np.full((nodes_most, 2), -1, np.int64)
    used, other = np.empty(order + 1, np.int64), np.empty(len(rows), np.int64)
    high[0] = len(rows)
    for i in rows:
        totals[0, 0] += g[i]
        totals[0, 1] += h[i]
    _sums(codes, rows, 0, len(rows), g, h, some, count, room[0])
    gains[0], asked[0, 0], asked[0, 1] = _question(
        room[0], some, count, sizes, (totals[0, 0], totals[0, 1]), len(rows), ridge, least, jitter, rng
    )
    values[0] = totals[0, 0] / (totals[0, 1] + ridge)
    nodes, found, nu = 1, 1, 0
    while found < leaves:
        at, top = -1, _GAIN
        for q in range(nodes):
            if tree[q, 0] < 0 and asked[q, 0] >= 0 and gains[q] > top:
                at, top = q, gains[q]
        if at < 0:
            break
        column, cut = asked[at]
        middle, moved = low[at], 0
        for r in range(low[at], high[at]):
            i = rows[r]
            if codes[column, i] <= cut:
                rows[middle] = i
                middle += 1
            else:
                other[moved] = i
                moved += 1
        for r in range(moved):
            rows[middle + r] = other[r]
        left, right = nodes, nodes + 1
        nodes += 2
        tree[at, 0], tree[at, 1], tree[at, 2] = column, cut, left
        low[left], high[left], low[right], high[right] = low[at], middle, middle, high[at]
        slot[left], slot[right] = slot[at], found
        found += 1
        fresh = True
        for u in range(nu):
            fresh = fresh and used[u] != column
        if fresh:
            used[nu] = column
            nu += 1
            count = _open(some, count, used, nu, order, allowed, triples)
        small, large = (left, right) if high[left] - low[left] <= high[right] - low[right] else (right, left)
        parent, own = slot[left], slot[right]  # the sums of the parent lie in the first
        _sums(codes, rows, low[small], high[small], g, h, some, count, room[own])
        for r in range(count):
            j = some[r]
            for k in range(sizes[j]):
                for o in range(sums):
                    room[parent, j, k, o] -= room[own, j, k, o]
        slot[small], slot[large] = own, parent
        for q in (left, right):
            j = some[0]
            totals[q] = 0.0
            for k in range(sizes[j]):
                totals[q, 0] += room[slot[q], j, k, 0]
                totals[q, 1] += room[slot[q], j, k, 1]
            values[q] = totals[q, 0] / (totals[q, 1] + ridge)
        for q in range(nodes):
            if tree[q, 0] < 0 and (fresh or q >= nodes - 2):
                gains[q], asked[q, 0], asked[q, 1] = _question(
                    room[slot[q]], some, count, sizes, (totals[q, 0], totals[q, 1]), high[q] - low[q], ridge, least,
                    jitter, rng,
                )  # fmt: skip
    for q in range(nodes):
        if tree[q, 0] < 0:
            for r in range(low[q], high[q]):
                step[rows[r]] = values[q]


@njit(cache=True, nogil=True)
def _symmetric(
    codes: Any, sizes: Any, rows: Any, g: Any, h: Any, some: Any, allowed: Any, triples: Any, order: int, depth: int,
    ridge: float, rng: Any, tree: Any, values: Any, step: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """Grow a tree that asks one question a level: a table of 2^depth cells; write what it adds to `step` at rows.

    Questions compete with normal noise, 25 times the mean of g^2 / h.
    """
    noise, most, m, count = 25.0, 1 << depth, len(rows), len(some)
    leaf = np.zeros(m, np.int64)
    bins = 0
    for j in some:
        bins = max(bins, sizes[j])
    cell_g, cell_h = np.zeros((bins, most)), np.zeros((bins, most))
    passed_g, passed_h, total_g, total_h = np.zeros(most), np.zeros(most), np.zeros(most), np.zeros(most)
    used, nu, leaves = np.empty(order + 1, np.int64), 0, 1
    square = all_g = all_h = 0.0
    for i in rows:
        square += g[i] * g[i] / max(h[i], _GAIN)
        all_g += g[i]
        all_h += h[i]
    deviation, before = noise * square / max(m, 1), all_g * all_g / (all_h + ridge)
    for _ in range(depth):
        total_g[:leaves] = 0.0
        total_h[:leaves] = 0.0
        for r in range(m):
            total_g[leaf[r]] += g[rows[r]]
            total_h[leaf[r]] += h[rows[r]]
        top, column, cut, sure = -np.inf, -1, -1, 0.0
        for q in range(count):
            j = some[q]
            code = codes[j]
            cell_g[: sizes[j], :leaves] = 0.0
            cell_h[: sizes[j], :leaves] = 0.0
            for r in range(m):
                i = rows[r]
                k, e = code[i], leaf[r]
                cell_g[k, e] += g[i]
                cell_h[k, e] += h[i]
            passed_g[:leaves] = 0.0
            passed_h[:leaves] = 0.0
            best, at = -np.inf, -1
            for k in range(sizes[j] - 1):
                gain = moved = 0.0
                for e in range(leaves):
                    moved += cell_h[k, e]
                if moved == 0.0:
                    continue
                for e in range(leaves):
                    a, b = passed_g[e] + cell_g[k, e], passed_h[e] + cell_h[k, e]
                    passed_g[e], passed_h[e] = a, b
                    other, left = total_g[e] - a, total_h[e] - b
                    gain += a * a / (b + ridge) + other * other / (max(left, 0.0) + ridge)
                if gain > best:
                    best, at = gain, k
            if at >= 0:
                drawn = best + deviation * rng.standard_normal()
                if drawn > top:
                    top, column, cut, sure = drawn, j, at, best
        if column < 0 or sure <= before * (1 + _GAIN):
            break
        before = sure
        for q in range(leaves):
            node = leaves - 1 + q
            tree[node, 0], tree[node, 1], tree[node, 2] = column, cut, 2 * node + 1
        leaves *= 2
        for r in range(m):
            leaf[r] = 2 * leaf[r] + (codes[column, rows[r]] > cut)
        fresh = True
        for u in range(nu):
            fresh = fresh and used[u] != column
        if fresh:
            used[nu] = column
            nu += 1
            count = _open(some, count, used, nu, order, allowed, triples)
    total_g[:leaves] = 0.0
    total_h[:leaves] = 0.0
    for r in range(m):
        total_g[leaf[r]] += g[rows[r]]
        total_h[leaf[r]] += h[rows[r]]
    for e in range(leaves):
        values[leaves - 1 + e] = total_g[e] / (total_h[e] + ridge)
    for r in range(m):
        step[rows[r]] = values[leaves - 1 + leaf[r]]


@njit(cache=True, nogil=True)
def _gradients(kind: int, y: Any, weights: Any, eta: Any, g: Any, h: Any) -> None:  # pragma: no cover
    """Write gradients and curvatures (n, K) of a loss: of a square, of log-odds, or of logits of several classes."""
    least, outputs = 1e-4, eta.shape[1]
    for i in range(len(y)):
        w = weights[i]
        if kind == SQUARED:
            g[0, i], h[0, i] = w * (y[i] - eta[i, 0]), w
        elif kind == LOGISTIC:
            p = 1.0 / (1.0 + np.exp(-min(max(eta[i, 0], -30.0), 30.0)))
            g[0, i], h[0, i] = w * (y[i] - p), w * max(p * (1.0 - p), least)
        elif kind == SOFTMAX:
            largest, total = eta[i].max(), 0.0
            for k in range(outputs):
                total += np.exp(eta[i, k] - largest)
            for k in range(outputs):
                p = np.exp(eta[i, k] - largest) / total
                g[k, i], h[k, i] = w * ((y[i] == k) - p), w * max(p * (1.0 - p), least)


@njit(cache=True, nogil=True)
def boost(
    codes: Any, sizes: Any, order: Any, seen: int, y: Any, weights: Any, kind: int, given: Any, columns: Any,
    width: int, allowed: Any, triples: Any, leafy: bool, depth: int, rate: float, share: float, ridge: float, most: int,
    rng: Any, eta: Any, trees: Any, values: Any,
) -> None:  # fmt: skip  # pragma: no cover
    """Add a tree for each output and round to eta (n, K), and write it to trees (T, K, nodes, 3), values (T, K, nodes).

    These are -1 and 0 before.

    codes (d, n) < sizes (d,); order (n,): the rows, the first `seen` of which are fitted, `share` of them each round;
    `given` (2, K, n): gradients and curvatures where `kind` is GIVEN. Of `columns` each round has `width`, a tree at
    most `most`. A node has a column, a code up to which rows go left, and its left child, -1 in leaves.
    """
    n, outputs = eta.shape
    size = min(max(int(share * seen), 20), seen)
    step, own = np.zeros(n), columns.copy()
    room = np.empty((depth if leafy else 1, len(codes), sizes.max(), 3))
    grown = np.zeros((2, outputs, n)) if kind != GIVEN else given.copy()
    for turn in range(len(trees)):
        if kind != GIVEN:
            _gradients(kind, y, weights, eta, grown[0], grown[1])
        if size < seen:
            for r in range(size):
                other = rng.integers(r, seen)
                order[r], order[other] = order[other], order[r]
        if width < len(own):
            for r in range(width):
                other = rng.integers(r, len(own))
                own[r], own[other] = own[other], own[r]
        if not leafy:
            for r in range(seen):  # Bayesian bootstrap
                heavier = -np.log(1.0 - rng.random())
                for k in range(outputs):
                    grown[0, k, order[r]] *= heavier
                    grown[1, k, order[r]] *= heavier
        for k in range(outputs):
            tree, value = trees[turn, k], values[turn, k]
            shared = own[:width].copy()
            if leafy:
                _leafwise(
                    codes, sizes, order[:size], grown[0, k], grown[1, k], shared, allowed, triples, most, depth, ridge,
                    rng, room, tree, value, step,
                )  # fmt: skip
            else:
                _symmetric(
                    codes, sizes, order[:size], grown[0, k], grown[1, k], shared, allowed, triples, most, depth, ridge,
                    rng, tree, value, step,
                )  # fmt: skip
            for r in range(size, n):
                i, q = order[r], 0
                while tree[q, 0] >= 0:
                    q = tree[q, 2] + (codes[tree[q, 0], i] > tree[q, 1])
                step[i] = value[q]
            for i in range(n):
                eta[i, k] += rate * step[i]


@njit(cache=True, nogil=True)
def tabulate(trees: Any, values: Any, numbers: Any, columns: Any, bounds: Any, out: Any) -> None:  # pragma: no cover
    """Add the trees of some numbers to the differences of a table of three columns along each axis, (a, b, c).

    bounds (3, codes): how many cells of an axis have a code up to each. The table is the sum of differences, along all
    axes. A leaf is a box, which changes at most eight of them.
    """
    low, high = np.zeros((trees.shape[1], 3), np.int64), np.zeros((trees.shape[1], 3), np.int64)
    for t in numbers:
        tree, value = trees[t], values[t]
        low[0] = 0
        for axis in range(3):
            high[0, axis] = out.shape[axis]
        for q in range(len(tree)):  # children come after their parents
            if tree[q, 0] >= 0:
                left = tree[q, 2]
                for child in (left, left + 1):
                    low[child], high[child] = low[q], high[q]
                for axis in range(3):
                    if columns[axis] == tree[q, 0]:
                        at = bounds[axis, tree[q, 1]]
                        high[left, axis] = min(high[q, axis], at)
                        low[left + 1, axis] = max(low[q, axis], at)
            elif value[q] != 0.0 and (low[q] < high[q]).all():
                for corner in range(8):
                    sign, place = value[q], np.zeros(3, np.int64)
                    inside = True
                    for axis in range(3):
                        upper = (corner >> axis) & 1
                        place[axis] = high[q, axis] if upper else low[q, axis]
                        inside = inside and place[axis] < out.shape[axis]
                        sign = -sign if upper else sign
                    if inside:
                        out[place[0], place[1], place[2]] += sign


def columns_of(tree: Array) -> tuple[int, ...]:
    """Return the columns that a tree asks about."""
    return tuple(sorted({*tree[:, 0].tolist()} - {-1}))
