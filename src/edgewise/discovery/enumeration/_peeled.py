"""What is left of a target when its outer operations are undone one by one, and the small formulas that are that.

Formulas of nine symbols of two columns are too many to list. Those of five, and what four symbols outside leave of the
target, are not: a formula is found where one of the former has the values of one of the latter, up to a factor and an
offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.enumeration._dictionary import Pool, complete_in, directions, first_of_each, join
from edgewise.discovery.enumeration._operations import Nodes
from edgewise.discovery.enumeration._targets import total
from edgewise.formulas.programs import apply, combine, constant

_SAME = 1e-8  # of the norm, by which values may differ that are the same
_BATCH = 30_000  # of what is left, that is in memory at once
_DIGITS = 1e6  # ratio of the largest number to the spread, from which too few digits are left


@dataclass(frozen=True)
class _Undo:
    """How an operation is undone: what is left, given the target and an operand, and the target of nodes again.

    A function has no operand, and a least and largest value that it may have.
    """

    left: Callable[[Array, Array], Array]
    back: Callable[[Nodes, Nodes], Nodes]
    low: float = -np.inf
    high: float = np.inf


def _function(name: str) -> Callable[[Nodes, Nodes], Nodes]:
    return lambda b, _: apply(name, b)


FUNCTIONS = (  # what undoes sqrt(u^2), an absolute value, comes before what undoes log(exp(u)) and leaves the same
    _Undo(lambda r, _: r * r, _function("sqrt"), 0.0),
    _Undo(lambda r, _: np.sqrt(r), _function("square"), 0.0),
    _Undo(lambda r, _: -np.sqrt(r), _function("square"), 0.0),
    _Undo(lambda r, _: np.log(r), _function("exp"), 0.0),
    _Undo(lambda r, _: np.exp(r), _function("log"), -50.0, 50.0),
    _Undo(lambda r, _: np.cbrt(r), _function("cube")),
    _Undo(lambda r, _: np.arctanh(r), _function("tanh"), -1.0, 1.0),
    _Undo(lambda r, _: np.arcsin(r), _function("sin"), -1.0, 1.0),
    _Undo(lambda r, _: np.pi - np.arcsin(r), _function("sin"), -1.0, 1.0),
    _Undo(lambda r, _: np.arccos(r), _function("cos"), -1.0, 1.0),
    _Undo(lambda r, _: -np.arccos(r), _function("cos"), -1.0, 1.0),
    _Undo(lambda r, _: 1 / r, lambda b, _: combine("div", constant(1.0), b)),
)
SUMS = (
    _Undo(lambda r, a: r - a, lambda b, a: combine("add", a, b)),
    _Undo(lambda r, a: a - r, lambda b, a: combine("sub", a, b)),
    _Undo(lambda r, a: r + a, lambda b, a: combine("sub", b, a)),
)
PRODUCTS = (
    _Undo(lambda r, a: r / a, lambda b, a: combine("mul", a, b)),
    _Undo(lambda r, a: a / r, lambda b, a: combine("div", a, b)),
    _Undo(lambda r, a: r * a, lambda b, a: combine("div", b, a)),
)
_ALL = (*FUNCTIONS, *SUMS, *PRODUCTS)


@dataclass(frozen=True)
class _Left:
    """What is left of the target, (m, n), and the operations undone and their operands, (m, k) each, the last one last.

    A step of -1 is none.
    """

    values: Array
    steps: Array
    operands: Array

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def all_of(cls, parts: Sequence[_Left]) -> _Left:
        """Return the rows of all parts, each of the same values, to rounding, once."""
        values, steps, operands = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "steps", "operands")
        )
        marks = values @ directions(values.shape[1])
        size = np.abs(values).max(axis=1)
        index = first_of_each(np.column_stack([marks / size[:, None], np.log(size)]))
        return cls(values[index], steps[index], operands[index])

    def after(self, code: int, values: Array, index: Array, operands: Array | int = -1) -> _Left:
        """Return what one more operation leaves of the rows of an index, as far as numbers have digits left."""
        high, low = values.max(axis=1), values.min(axis=1)
        size, spread = np.maximum(high, -low), high - low
        good = np.flatnonzero(np.isfinite(size) & (size < _DIGITS * spread) & (size < 1e100) & (spread > 1e-100))
        index = index[good]
        step = np.full((len(good), 1), code, np.int8)
        operand = np.broadcast_to(np.int32(operands), len(values))[good][:, None]
        steps, others = self.steps[index, 1:], self.operands[index, 1:]
        return _Left(values[good], np.hstack([steps, step]), np.hstack([others, operand]))


class Peeled:
    """The search for the formula of a target y (n,) at rows x (n, d), by what `outer` symbols leave of it.

    All formulas are tried whose larger parts are reached by undoing `outer` symbols and have up to `inner` symbols,
    with one factor and one offset next to that part, and no other constants. Sines, cosines and squares are undone on
    one branch: rows that are close to each other are on one more often.
    """

    def __init__(self, x: Array, y: Array, inner: int, outer: int) -> None:
        self.inner, self.outer = inner, outer
        with np.errstate(all="ignore"):
            self.levels, self.one = complete_in(x, inner)
            self._known = _Known(self.levels)
            start = _Left(y[None], np.full((1, outer + 2), -1, np.int8), np.full((1, outer + 2), -1, np.int32))
        self._reached = [start]

    def found(self) -> Iterator[list[Nodes]]:
        """Yield the nodes of formulas that have the values of the target, those with little outside first."""
        yield self._matched(self._reached)
        for cost in range(1, self.outer + 1):
            with np.errstate(all="ignore"):
                self._reached.append(_Left.all_of([*self._grown(cost)]))
            yield self._matched(self._reached[-1:])
        yield self._matched(part for cost, size in self._last() for part in self._with_operands(cost, size))
        yield self._matched(self._of_functions(self.outer))  # one more, for a constant inside

    def _last(self) -> Iterator[tuple[int, int]]:
        """Yield costs of what is undone first, and sizes of one more operand.

        They split a formula whose larger part has more symbols than `inner`, and whose parts have less; and the target
        itself, of which one part may have a constant.
        """
        for size in range(1, len(self.levels) + 1):
            least = max(self.outer - size, 0)  # what costs less is reached already
            most = max(min(self.outer, self.outer + self.inner - 2 * size) - 1, 0)
            yield from ((cost, size) for cost in range(least, most + 1))

    def _grown(self, cost: int) -> Iterator[_Left]:
        """Yield what is left where the operations undone cost that many symbols."""
        yield from self._of_functions(cost - 1)
        for size in range(1, min(cost - 1, len(self.levels)) + 1):
            yield from self._with_operands(cost - 1 - size, size)

    def _of_functions(self, cost: int) -> Iterator[_Left]:
        """Yield what is left if each function is undone after the operations of a cost."""
        part = self._reached[cost]
        low, high = part.values.min(axis=1), part.values.max(axis=1)
        for code, row in enumerate(FUNCTIONS):
            inside = np.flatnonzero((low > row.low) & (high < row.high))
            for index in np.array_split(inside, len(inside) // _BATCH + 1):
                yield part.after(code, row.left(part.values[index], self.one.values), index)

    def _with_operands(self, cost: int, size: int) -> Iterator[_Left]:
        """Yield what is left if each operation with each formula of a size is undone after those of a cost."""
        part, pool = self._reached[cost], self.levels[size - 1]
        rows = max(_BATCH // max(len(pool), 1), 1)
        for code, row in enumerate((*SUMS, *PRODUCTS), len(FUNCTIONS)):
            values, numbers = pool.values, pool.numbers
            if size == 1 and row in SUMS:
                values, numbers = np.vstack([values, self.one.values]), np.append(numbers, self.one.numbers)
            for start in range(0, len(part), rows):
                some = part.values[start : start + rows]
                left = row.left(some[:, None, :], values[None]).reshape(-1, values.shape[1])
                index = np.repeat(np.arange(start, start + len(some)), len(values))
                operands = np.tile(numbers, len(some))
                if row in SUMS:  # in a sum with far larger numbers, what is left has no digits of its own
                    known = (np.abs(values).max(axis=1)[None] < _DIGITS * np.ptp(some, axis=1)[:, None]).ravel()
                    left, index, operands = left[known], index[known], operands[known]
                yield part.after(code, left, index, operands)

    def _matched(self, parts: Iterable[_Left]) -> list[Nodes]:
        """Return the formulas where what is left is a small one times a factor plus an offset, the shortest first."""
        found: list[tuple[float, Nodes]] = []
        pool = self._known.pool
        with np.errstate(all="ignore"):
            for part in parts:
                for row, place in self._known.matches(part.values):
                    slope, offset = _line(pool.values[place], part.values[row])
                    nodes = total([(slope, self._nodes(pool.numbers[place])), *([(offset, None)] if offset else [])])
                    for code, number in zip(part.steps[row][::-1], part.operands[row][::-1], strict=True):
                        if code >= 0:
                            nodes = _ALL[code].back(nodes, self._nodes(number))
                    found.append((len(nodes) + (slope != 1), nodes))
        found.sort(key=lambda each: each[0])
        return [nodes for _, nodes in found]

    def _nodes(self, number: int) -> Nodes:
        return [] if number < 0 else self._known.pool.store.nodes(int(number))


def _line(u: Array, values: Array) -> tuple[float, float]:
    """Return the factor and the offset that make u (n,) values (n,), 1 and 0 where these are near."""
    centered = u - u.mean()
    slope = float(centered @ (values - values.mean()) / (centered @ centered))
    slope = 1.0 if abs(slope - 1) < _SAME else slope
    offset = float(values.mean() - slope * u.mean())
    return slope, 0.0 if abs(offset) < _SAME * float(np.abs(values).max()) else offset


class _Known:
    """Small formulas by their values, up to a factor and an offset."""

    def __init__(self, levels: Sequence[Pool]) -> None:
        pool = join(*levels)
        unit = _centered(pool.values)
        marks = unit @ directions(unit.shape[1])
        good = np.flatnonzero(np.isfinite(marks).all(axis=1) & (np.abs(marks[:, 0]) > _SAME))
        good = good[np.argsort(np.abs(marks[good, 0]), kind="stable")]
        self.pool, self._unit, self._marks = pool.take(good), unit[good], np.abs(marks[good, 0])

    def matches(self, values: Array) -> Iterator[tuple[int, int]]:
        """Yield the numbers of rows (m, n) and of formulas that have their values: the shortest one of each row."""
        unit = _centered(values)
        marks = np.abs(unit @ directions(unit.shape[1])[:, 0])
        first = np.searchsorted(self._marks, marks - _SAME)
        last = np.searchsorted(self._marks, marks + _SAME)
        for row in np.flatnonzero(last > first):
            near = np.arange(first[row], last[row])
            sign = np.sign(self._unit[near] @ unit[row])[:, None]
            same = near[np.abs(self._unit[near] - sign * unit[row]).max(axis=1) < _SAME]
            if len(same):
                yield int(row), int(same[np.argmin(self.pool.symbols[same])])


def _centered(rows: Array) -> Array:
    """Return rows (m, n) without their means, as unit vectors."""
    rest = rows - rows.mean(axis=1, keepdims=True)
    return rest / np.sqrt(np.einsum("ij,ij->i", rest, rest))[:, None]
