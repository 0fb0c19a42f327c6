"""The dictionary: small formulas of the columns, by the number of their symbols, no two alike, with their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.enumeration._operations import BENT, PLAIN, UNARY, WAVES, Nodes
from edgewise.formulas.programs import combine, constant, scaled, variable

_BINARY = ("add", "sub", "mul", "div")
_CODES = {name: code for code, name in enumerate(("column", "one", "factor", *_BINARY, *UNARY))}
_NAMES = tuple(_CODES)


class Store:
    """How each formula is made: an operation, the numbers of its arguments, and a factor; a formula is a number."""

    def __init__(self) -> None:
        self._parts: list[tuple[Array, Array, Array, Array]] = []
        self._count = 0
        self._joined: tuple[Array, Array, Array, Array] | None = None

    def add(self, name: str, left: Array, right: Array | int = -1, factor: Array | float = 1.0) -> Array:
        """Store formulas of one operation; return their numbers."""
        size = len(left)
        part = np.full(size, _CODES[name]), left, np.broadcast_to(right, size), np.broadcast_to(factor, size)
        self._parts.append(part)
        self._count += size
        self._joined = None
        return np.arange(self._count - size, self._count)

    def is_function(self, numbers: Array) -> Array:
        """Return which formulas are functions of one argument."""
        return self._all()[0][numbers] >= _CODES[next(iter(UNARY))]

    def _all(self) -> tuple[Array, Array, Array, Array]:
        if self._joined is None:
            code, left, right, factor = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
            self._joined = code, left, right, factor
            self._parts = [self._joined]
        return self._joined

    def nodes(self, number: int) -> Nodes:
        """Return the nodes of a formula as a program."""
        code, left, right, factor = (part[number] for part in self._all())
        name = _NAMES[code]
        if name == "column":
            return variable(int(left))
        if name == "one":
            return constant(1.0)
        inner = self.nodes(left)
        if name == "factor":
            return scaled(inner, float(factor))
        if name not in _BINARY:
            return UNARY[name].nodes(inner)
        other = self.nodes(right)
        if factor != 1.0:
            other = scaled(other, float(factor))
        if name == "mul":  # x * (1 / u) is x / u
            for a, b in ((inner, other), (other, inner)):
                if b[-1].operation == "div" and b[0].operation == "constant" and b[0].weight == 1.0:
                    return combine("div", a, b[1:-1])
        return combine(name, inner, other)


@dataclass(frozen=True)
class Pool:
    """Formulas by number, with their symbols and costs (m,), and values and derivatives by one inner constant (m, n).

    The cost orders formulas: that of products is less than their symbols, that of functions of functions more.

    A row of derivatives is 0 where a formula has no inner constant, and nan where it has more than one.
    """

    store: Store
    numbers: Array
    symbols: Array
    costs: Array
    values: Array
    slopes: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, index: Array) -> Pool:
        """Return some of the formulas."""
        return Pool(self.store, *(part[index] for part in self._parts))

    @property
    def _parts(self) -> tuple[Array, Array, Array, Array, Array]:
        return self.numbers, self.symbols, self.costs, self.values, self.slopes

    def small(self, symbols: float) -> Pool:
        """Return the formulas of at most a number of symbols."""
        return self.take(np.flatnonzero(self.symbols <= symbols))

    def of(self, names: Sequence[str]) -> Pool:
        """Return these functions of each formula."""
        return join(*(self._of(name) for name in names))

    def _of(self, name: str) -> Pool:
        row = UNARY[name]
        values = row.values(self.values)
        slopes = np.where(self.slopes == 0, 0.0, row.slope(self.values, values) * self.slopes)
        nested = 1.0 + 1.0 * self.store.is_function(self.numbers)
        numbers = self.store.add(name, self.numbers)
        return Pool(self.store, numbers, self.symbols + row.symbols, self.costs + row.symbols * nested, values, slopes)

    def scaled(self, factors: Array) -> Pool:
        """Return each formula, over its root mean square, times each factor: an inner constant of what it is made.

        The constants are short decimals near these: laws often have such.
        """
        m = len(self)
        index = np.tile(np.arange(m), len(factors))
        factor = _short(np.repeat(factors, m) / np.sqrt(np.mean(np.square(self.values), axis=1))[index])
        numbers = self.store.add("factor", self.numbers[index], factor=factor)
        slopes = np.where(self.slopes[index] == 0, self.values[index], np.nan)
        values = factor[:, None] * self.values[index]
        return Pool(self.store, numbers, self.symbols[index] + 2, self.costs[index] + 0.8, values, slopes)

    def with_each(self, name: str, other: Pool, factors: Array | None = None) -> Pool:
        """Return a op b for each formula a of this pool and b of the other; with factors, a + c b for each c too."""
        m, k = len(self), len(other)
        i, j = np.repeat(np.arange(m), k), np.tile(np.arange(k), m)
        a, b = self.values[i], other.values[j]
        s, t = self.slopes[i], other.slopes[j]
        symbols = self.symbols[i] + other.symbols[j] + 1
        costs = self.costs[i] + other.costs[j] + (0.5 if name in ("mul", "div") else 1.0)
        if factors is not None:
            count = len(factors)
            i, j, factor = np.tile(i, count), np.tile(j, count), np.repeat(factors, len(i))
            a, b = self.values[i], other.values[j]
            plain = (self.slopes[i] == 0) & (other.slopes[j] == 0)
            numbers = self.store.add("add", self.numbers[i], other.numbers[j], factor)
            return Pool(
                self.store, numbers, self.symbols[i] + other.symbols[j] + 3, self.costs[i] + other.costs[j] + 1.8,
                a + factor[:, None] * b, np.where(plain, b, np.nan),
            )  # fmt: skip
        numbers = self.store.add(name, self.numbers[i], other.numbers[j])
        if name in ("add", "sub"):
            sign = 1.0 if name == "add" else -1.0
            values, by_a, by_b = a + sign * b, s, sign * t
        elif name == "mul":
            values, by_a, by_b = a * b, s * b, a * t
        else:
            values = a / b
            by_a, by_b = s / b, -values / b * t
        both = (s != 0) & (t != 0)
        slopes = np.where(both, np.nan, np.where(s != 0, by_a, np.where(t != 0, by_b, 0.0)))
        return Pool(self.store, numbers, symbols, costs, values, slopes)

    def distinct(self, *, up_to_factor: bool = True) -> Pool:
        """Return the cheapest formulas that are finite and vary, no two proportional, or else no two equal."""
        values = self.values
        size = np.sqrt(np.einsum("ij,ij->i", values, values))
        good = np.isfinite(size) & (size > 1e-100) & (size < 1e100)
        good &= np.ptp(values, axis=1) > 1e-6 * size / np.sqrt(values.shape[1])
        index = np.flatnonzero(good)
        index = index[np.argsort(self.costs[index], kind="stable")]
        marks = values[index] @ directions(values.shape[1]) / size[index, None]
        if up_to_factor:
            marks *= np.sign(marks[:, :1])
        else:
            marks = np.column_stack([marks, np.log(size[index])])
        return self.take(index[first_of_each(marks)])


def _short(numbers: Array) -> Array:
    """Return numbers with two digits."""
    unit = 10.0 ** (np.floor(np.log10(np.abs(numbers))) - 1)
    return np.round(np.round(numbers / unit) * unit, 12)


def directions(n: int) -> Array:
    return np.random.default_rng(0).standard_normal((n, 2))


def first_of_each(marks: Array) -> Array:
    """Return where each of the rows of numbers, rounded, comes first, in order."""
    decimals = 8
    whole = np.ascontiguousarray(np.round(marks * 10.0**decimals).astype(np.int64))
    rows = whole.view([("", whole.dtype)] * whole.shape[1]).ravel()
    return np.sort(np.unique(rows, return_index=True)[1])


def join(*pools: Pool) -> Pool:
    """Return the formulas of all pools, which share a store."""
    kept = [pool for pool in pools if len(pool)]
    if not kept:
        return pools[0]
    parts: dict[str, Any] = {
        name: np.concatenate([getattr(pool, name) for pool in kept])
        for name in ("numbers", "symbols", "costs", "values", "slopes")
    }
    return Pool(pools[0].store, **parts)


def _column(store: Store, x: Array, place: int) -> Pool:
    values = x[:, place][None].copy()
    return Pool(store, store.add("column", np.array([place])), np.ones(1), np.ones(1), values, np.zeros_like(values))


def _one(store: Store, n: int) -> Pool:
    values = np.ones((1, n))
    return Pool(store, store.add("one", np.array([0])), np.ones(1), np.ones(1), values, np.zeros_like(values))


def complete_in(x: Array, symbols: int) -> tuple[list[Pool], Pool]:
    """Return all formulas of the columns of x (n, d) by their number of symbols, no two equal, and the number 1."""
    store = Store()
    columns, one = join(*(_column(store, x, j) for j in range(x.shape[1]))), _one(store, len(x))
    return complete(columns, one, symbols), one


def complete(columns: Pool, one: Pool, symbols: int) -> list[Pool]:
    """Return all formulas of columns, 1, functions and operations by their number of symbols, no two equal."""
    levels = [columns]
    seen = columns

    def leaves(size: int) -> Pool:
        return join(levels[0], one) if size == 1 else levels[size - 1]

    for size in range(2, symbols + 1):
        parts = [levels[-1].of(PLAIN)]
        for left in range(1, size - 1):
            right = size - 1 - left
            if left <= right:
                parts += [leaves(left).with_each(name, leaves(right)) for name in ("add", "mul")]
                parts += [leaves(left).with_each("sub", leaves(right))]
            parts += [leaves(left).with_each("div", leaves(right))]
        grown = join(seen, join(*parts)).distinct(up_to_factor=False)
        new = grown.take(np.flatnonzero(grown.symbols == size))
        levels.append(new)
        seen = join(seen, new)
    return levels


@dataclass(frozen=True)
class Sizes:
    """How large a dictionary is for a number of columns."""

    symbols: int  # up to which all formulas are kept
    most: int = 24_000  # formulas that are kept, the cheapest


def sizes(columns: int) -> Sizes:
    """Return how large the dictionary of a number of columns is."""
    return Sizes({1: 5, 2: 4, 3: 4}.get(columns, 3))


_WAVES = np.concatenate([[0.1, 0.2, 0.35], np.arange(0.5, 12.01, 0.25)])  # of an argument over its root mean square
_BENT = np.concatenate([side * np.geomspace(0.1, 8.0, 20) for side in (1.0, -1.0)])
_SHIFTS = np.concatenate([side * np.geomspace(0.08, 5.0, 18) for side in (1.0, -1.0)])
_LINES = np.concatenate([side * np.geomspace(0.15, 6.0, 16) for side in (1.0, -1.0)])


def build(x: Array) -> Pool:
    """Return the dictionary of the columns of x (n, d), the shortest formulas first."""
    d = x.shape[1]
    size = sizes(d)
    store = Store()
    with np.errstate(all="ignore"):
        columns, one = join(*(_column(store, x, j) for j in range(d))), _one(store, len(x))
        levels = complete(columns, one, size.symbols)
        plain = join(*levels)
        arguments = _arguments(levels, d)
        fine = _fine(arguments)
        if d == 1:
            fine = join(fine, columns.scaled(_dense(x[:, 0])).of(("sin", "cos", "exp", "tanh", *BENT))).distinct()
        short = plain.small(2)
        shifts = _shifts(levels, one, d)
        lines = _lines(levels, d)
        parts = [
            plain,
            fine,
            shifts.of(PLAIN),
            lines.of(PLAIN),
            fine.small(4).of(PLAIN),
            short.with_each("mul", fine.small(4)),
            short.with_each("div", fine.small(4)),
        ]
        parts += [short.with_each("mul", lines.of(PLAIN).small(5)), fine.small(4).with_each("add", columns).of(PLAIN)]
        every = join(*parts).distinct()
    whole = (every.slopes[:, 0] == 0) & (every.symbols <= size.symbols)
    room = size.most - np.count_nonzero(whole)
    return every.take(np.flatnonzero(whole | (np.cumsum(~whole) <= room)))


def _dense(x: Array) -> Array:
    """Return factors of a column over its root mean square that become all numbers of two digits from a tenth to five.

    Up to a power of ten, in whose units the column is of size one.
    """
    size = np.sqrt(np.mean(np.square(x)))
    unit = 10.0 ** np.round(np.log10(size))
    numbers = np.arange(1, 51) / 10 / unit * size
    return np.concatenate([numbers, -numbers])


def _arguments(levels: list[Pool], d: int) -> Pool:
    """Return what functions with inner constants are made of: columns, their powers, and pairs of columns."""
    three = levels[2]
    pairs = (
        three.take(np.flatnonzero([_is_pair(three, k) for k in range(len(three))]))
        if d > 1
        else three.take(np.array([], int))
    )
    simple = levels[0].of(("square", "inverse", "sqrt", "cube"))
    more = levels[0].with_each("mul", levels[0].of(("sqrt",)))
    return join(levels[0], simple, more, pairs).distinct(up_to_factor=False)


def _is_pair(pool: Pool, place: int) -> bool:
    nodes = pool.store.nodes(int(pool.numbers[place]))
    return len(nodes) == 3 and all(node.operation == "variable" for node in nodes[:2])


def _fine(arguments: Pool) -> Pool:
    return join(arguments.scaled(_WAVES).of(WAVES), arguments.scaled(_BENT).of(BENT)).distinct()


def _shifts(levels: list[Pool], one: Pool, d: int) -> Pool:
    """Return short formulas plus constants."""
    short = join(*levels[:2]) if d < 3 else levels[0]
    return join(
        *(
            short.take(np.array([k])).with_each("add", one, _short(_SHIFTS * np.sqrt(np.mean(short.values[k] ** 2))))
            for k in range(len(short))
        )
    )


def _lines(levels: list[Pool], d: int) -> Pool:
    """Return sums with an inner constant: of two columns, or of a column and a function of one."""
    if d == 1:
        firsts, others = join(levels[0], levels[0].of(("square",))), join(levels[0], levels[1])
    else:
        firsts, others = levels[0], levels[0]
    return firsts.with_each("add", others, _LINES).distinct(up_to_factor=False)
