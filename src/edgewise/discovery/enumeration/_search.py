"""The search: stages of regressions on a dictionary, and fits of all constants of what they find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.enumeration._dictionary import Pool, Store, build, sizes
from edgewise.discovery.enumeration._operations import Nodes
from edgewise.discovery.enumeration._peeled import Peeled
from edgewise.discovery.enumeration._scan import Hit, Scan, correlated
from edgewise.discovery.enumeration._targets import INNER, TRANSFORMS, Target, monomials, total
from edgewise.formulas.programs import Fitter, Program, combine, constant

EXACT = 1e-24  # of the variance
_CLEAR = 1e-22
SEARCHED, _FITTED = 128, 256  # rows that formulas are compared on, and that constants are fitted to
_PEELED, _FEW = 64, 24  # rows that formulas are compared on whose outer operations are undone: any, and near ones
_LONGEST = 55  # nodes of a formula
_INNER = {1: 5, 2: 5, 3: 4}  # symbols of their larger parts, by the number of columns
_BASES = {"one": 0, "line": 1, "square": 2}


@dataclass(frozen=True)
class Found:
    """A program with fitted constants, and the share of the target's variance that it leaves."""

    program: Program
    error: float


@dataclass(frozen=True)
class Guess:
    """A target and the terms of its base and of the dictionary, as it may be."""

    error: float
    target: Target
    base: list[tuple[Nodes | None, Array]]
    store: Store
    terms: tuple[int, ...]  # numbers of formulas
    symbols: float


Stages = Iterator[Callable[[], list[Guess]]]
Hits = Iterable[tuple[Target, Array, list[Hit]]]
"""Targets with their values, and what explains most of each."""


class Enumeration:
    """A systematic search for the formula of a table x (n, d), y (n,). `ended` is asked between stages."""

    def __init__(self, x: Array, y: Array, ended: Callable[[], bool] = lambda: False, seed: int = 0) -> None:
        self.ended = ended
        rows = np.random.default_rng(seed).permutation(_usual(x, y))
        self.all_x, self.all_y = x[rows], y[rows]
        self.x, self.y = x[rows[:SEARCHED]], y[rows[:SEARCHED]]
        self._fit_x, self._fit_y = x[rows[:_FITTED]], y[rows[:_FITTED]]
        self._variance = float(np.var(self._fit_y)) + 1e-300
        self._fitter = Fitter(self._fit_x, self._fit_y)
        self.d = x.shape[1]
        self.symbols = sizes(self.d).symbols
        self.found: list[Found] = []
        self._scans: dict[str, Scan] = {}
        self._bases: dict[str, list[tuple[Nodes | None, Array]]] = {}
        self._seen: set[object] = set()

    @cached_property
    def pool(self) -> Pool:
        """The dictionary."""
        return build(self.x)

    def first(self) -> Iterator[Found]:
        """Yield what undoing few outer operations shows: see `_through`."""
        yield from self._through(iter([partial(self.peeled, _INNER.get(self.d, 3), 3, [(0.5, _PEELED, -1)])]))

    def short(self) -> Iterator[Found]:
        """Yield what one formula of the dictionary with a base makes of the target: see `_through`."""
        yield from self._through(self._short_stages())

    def long(self) -> Iterator[Found]:
        """Yield what longer formulas, or two and three of the dictionary, make of the target: see `_through`."""
        yield from self._through(self._long_stages())

    def _through(self, stages: Stages) -> Iterator[Found]:
        """Yield the formulas that are exact on the rows looked at, the shortest first, of the first stage with one."""
        for stage in stages:
            if self.ended():
                return
            with np.errstate(all="ignore"):
                self._finish(stage())
            exact = [each for each in self.found if each.error < EXACT]
            if exact:
                yield from sorted(exact, key=lambda each: each.program.complexity)
                return

    def best_of_each(self) -> Iterator[Found]:
        """Yield the best of all formulas of each number of symbols, with a factor and an offset, the shortest first."""
        few = 8
        plain = self.pool.take(np.flatnonzero((self.pool.slopes[:, 0] == 0) & (self.pool.symbols <= self.symbols)))
        for symbols in range(1, self.symbols + 1):
            part = plain.take(np.flatnonzero(plain.symbols == symbols))
            hits = correlated(part, self.y[None], few)[0]
            found = []
            for _, place in hits:
                with contextlib.suppress(InputError):  # constants that doubles do not hold
                    fitted = self._fitter.fit(Program.of(part.store.nodes(int(part.numbers[place]))), 0)
                    found.append(Found(fitted.program, fitted.error / self._variance))
            if found:
                yield min(found, key=lambda each: each.error)

    def _short_stages(self) -> Stages:
        """Yield one formula with each base, then over factors, and under transforms with an offset or a scale."""
        plain = [Target(name) for name in TRANSFORMS] + [Target("exp", s) for s in (-1.0, 2.0, -2.0, 0.5, -0.5)]
        chains = [Target(outer, inner=(inner,)) for inner in INNER for outer in INNER if outer != inner]
        for base in self._names():
            yield partial(self.singles, base, [*plain, *chains] if base in ("one", "line") else plain)
        yield partial(self.factors, "line")
        yield partial(self.offsets, "square" if self.d < 4 else "line")

    def _long_stages(self) -> Stages:
        """Yield longer formulas of one or two columns, then sums of two and three."""
        near = [(0.5, _PEELED, -1), *((place, _FEW, -1) for place in (0.1, 0.9, 0.3, 0.7))]
        near += [(0.5, _FEW, column) for column in range(self.d)] if self.d > 1 else []
        yield partial(self.peeled, _INNER.get(self.d, 3), 4, near)
        first = [Target(name) for name in ("y", "1/y", "log", "square", "sqrt", "fourth root")]
        yield partial(self.pairs, "line", first, 1000)
        yield partial(self.pairs, "square", first[:2], 800)
        if self.d > 1:
            yield partial(self.pairs, self._names()[-1], first[:2], 800)
        yield partial(self.pairs, "square", first[:2], 700, three=True)
        yield partial(self.factors, "line", 40, 450)

    def _names(self) -> list[str]:
        return ["one", "line", "square", *(["poly"] if self.d < 4 else [])]

    def scan(self, name: str) -> Scan:
        """Return the dictionary without what a base explains."""
        if name not in self._scans:
            degree = _BASES.get(name, {1: 6, 2: 4, 3: 3}.get(self.d, 2))
            base = monomials(self.x, degree)
            self._bases[name] = base
            self._scans[name] = Scan(self.pool, np.stack([values for _, values in base]))
        return self._scans[name]

    def singles(self, name: str, targets: Sequence[Target]) -> list[Guess]:
        """Return what one formula with a base makes of the targets."""
        scan = self.scan(name)
        with np.errstate(all="ignore"):
            z = np.stack([target.values(self.y) for target in targets])
        good = _sound(z)
        hits = scan.singles(z[good], 40)
        chosen = [targets[k] for k in good]
        return self._guesses(scan, name, zip(chosen, z[good], hits, strict=True))

    def pairs(self, name: str, targets: Sequence[Target], m: int, *, three: bool = False) -> list[Guess]:
        """Return what two formulas of the first m with a base make of the targets, or three."""
        scan = self.scan(name)
        with np.errstate(all="ignore"):
            z = np.stack([target.values(self.y) for target in targets])
        good = _sound(z)
        chosen = [targets[k] for k in good]
        return self._guesses(
            scan, name, zip(chosen, z[good], (scan.triples if three else scan.pairs)(z[good], m, 40), strict=True)
        )

    def factors(self, name: str, count: int = 180, pairs: int = 0) -> list[Guess]:
        """Return what one formula makes of the target over a factor, with a base and one over the factor.

        With `pairs`, two of that number of formulas.
        """
        scan, pool = self.scan(name), self.pool
        short = np.flatnonzero((pool.costs <= 3.6) & (pool.slopes[:, 0] == 0))[:count]
        targets = [Target("over", factor=int(k)) for k in short]
        targets += [Target("under", factor=int(k)) for k in short[: count // 3]]
        with np.errstate(all="ignore"):
            factor = pool.values[[target.factor for target in targets]]
            z = np.stack([t.values(self.y, f) for t, f in zip(targets, factor, strict=True)])
            tied = np.where(np.array([t.name == "over" for t in targets])[:, None], 1 / factor, factor)
        good = _sound(z)
        good = good[_sound(tied[good])]
        few = 4
        hits = scan.pairs(z[good], pairs, few, tied[good]) if pairs else scan.singles(z[good], few, tied[good])
        return self._guesses(
            scan, name, zip([targets[k] for k in good], z[good], hits, strict=True), [tied[k] for k in good]
        )

    def offsets(self, name: str) -> list[Guess]:
        """Return what one formula makes of transforms with an offset or a scale, which take part to first order."""
        scan = self.scan(name)
        low, high = float(self.y.min()), float(self.y.max())
        steps = np.geomspace(1e-3, 3.0, 14) * (high - low)
        beyond = np.concatenate([low - steps, high + steps, [0.0]])
        shifts = [Target(kind, float(o)) for o in beyond for kind in ("1/y", "log", "sqrt")]
        size = max(abs(low), abs(high))
        scales = [
            Target(kind, float(s)) for s in size + np.geomspace(1e-3, 5.0, 14) * size for kind in ("atanh", "asin")
        ]
        scales += [Target("exp", float(side * s)) for s in size * np.geomspace(0.1, 5.0, 12) for side in (1, -1)]
        targets = [*shifts, *scales]
        with np.errstate(all="ignore"):
            z = np.stack([t.values(self.y) for t in targets])
            tied = np.stack([t.moved(self.y) for t in targets])
        good = _sound(z)
        good = good[_sound(tied[good])]
        hits = scan.singles(z[good], 4, tied[good])
        return self._guesses(
            scan, name, zip([targets[k] for k in good], z[good], hits, strict=True), [None] * len(good)
        )

    def peeled(self, inner: int, outer: int, near: Sequence[tuple[float, int, int]]) -> list[Guess]:
        """Keep the formulas that have the target's values, by what is left of it: see `Peeled`.

        It is asked on any rows, then on rows that are near one: see `_near`.
        """
        rough = 1e-12  # of the variance, by which values of another branch differ by far
        for rows in (np.arange(min(_PEELED, len(self.x))), *(self._near(*place) for place in near)):
            for found in Peeled(self.all_x[rows], self.all_y[rows], inner, outer).found():
                for nodes in found:
                    if len(nodes) > _LONGEST:
                        continue
                    program = Program.of(nodes)
                    if np.mean(np.square(program.predict(self._fit_x) - self._fit_y)) < rough * self._variance:
                        self._add(program)
                if self.ended() or any(each.error < EXACT for each in self.found):
                    return []
        return []

    def _near(self, place: float, count: int, column: int = -1) -> Array:
        """Return a number of rows that are nearest to the one whose target is at a quantile, in one column or all."""
        x, y = self.all_x, self.all_y
        scale = np.std(x, axis=0)
        z = x / np.where(scale > 0, scale, 1.0)
        center = np.argsort(y, kind="stable")[int(place * (len(y) - 1))]
        apart = np.square(z - z[center])
        return np.argsort(apart.sum(axis=1) if column < 0 else apart[:, column], kind="stable")[:count]

    def _guesses(self, scan: Scan, name: str, found: Hits, tied: Sequence[Array | None] | None = None) -> list[Guess]:
        """Return the best hits as guesses, their errors computed again; `tied` are columns that join the base."""
        checked = 150
        every = [
            (hit, target, z, None if tied is None else tied[k])
            for k, (target, z, hits) in enumerate(found) for hit in hits
        ]  # fmt: skip
        every.sort(key=lambda each: each[0].error)
        guesses = []
        for hit, target, z, column in every[:checked]:
            own = [] if column is None else [column]
            error = hit.error
            if error < 1e-4:
                error = min(error, 1.0)
                exact = scan.error(z, [*own, *scan.unit[list(hit.places)]])
                error = exact if exact < 1e-16 else max(error, 1e-15)
            base = self._bases[name]
            if column is not None:
                base = [*base, (self._tied_nodes(target), column)]
            numbers = tuple(int(k) for k in scan.pool.numbers[list(hit.places)])
            symbols = float(scan.pool.symbols[list(hit.places)].sum())
            guesses.append(Guess(error, target, base, self.pool.store, numbers, symbols))
        return guesses

    def _tied_nodes(self, target: Target) -> Nodes:
        nodes = self._nodes(int(self.pool.numbers[target.factor]))
        return combine("div", constant(1.0), nodes) if target.name == "over" else nodes

    def _nodes(self, number: int) -> Nodes:
        return self.pool.store.nodes(number)

    def _finish(self, guesses: list[Guess]) -> None:
        """Fit all constants of the best guesses."""
        most, few, close = 40, 4, 1e-3  # guesses that are fitted: where they are close, and otherwise
        exact = sorted((g for g in guesses if g.error < _CLEAR), key=lambda g: g.symbols + 2 * len(g.terms))[:8]
        near = sorted((g for g in guesses if g.error >= _CLEAR), key=lambda g: g.error)[:most]
        near = [guess for k, guess in enumerate(near) if k < few or guess.error < close]
        for guess in exact + near:
            if guess.error >= _CLEAR and any(each.error < EXACT for each in self.found):
                return
            key = guess.target, guess.terms, len(guess.base)
            if key in self._seen:
                continue
            self._seen.add(key)
            with contextlib.suppress(np.linalg.LinAlgError, InputError):  # constants that doubles do not hold
                self._fit(guess)

    def _fit(self, guess: Guess) -> None:
        """Leave out what a guess does not need, fit its constants, and keep it."""
        nodes = [part for part, _ in guess.base] + [guess.store.nodes(number) for number in guess.terms]
        factor = None if guess.target.factor < 0 else self._nodes(int(self.pool.numbers[guess.target.factor]))
        with np.errstate(all="ignore"):
            columns = [
                np.ones(len(self._fit_x)) if part is None else Program.of(part).predict(self._fit_x) for part in nodes
            ]
            own = None if factor is None else Program.of(factor).predict(self._fit_x)
            z = guess.target.values(self._fit_y, own)
        table = np.column_stack(columns)
        good = np.isfinite(table).all(axis=1) & np.isfinite(z)
        if good.mean() < 0.9:
            return
        kept, coefficients = _needed(table[good], z[good])
        if all(nodes[k] is None for k in kept):
            return
        sum_of = total([(float(c), nodes[k]) for c, k in zip(coefficients, kept, strict=True)])
        sign = 1.0 if np.median(self._fit_y - guess.target.shift) > 0 else -1.0
        if len(sum_of) > _LONGEST:
            return
        self._add(guess.target.program(sum_of, sign, factor))

    def _add(self, program: Program) -> None:
        steps, more, close = 12, 60, 1e-9
        fitted = self._fitter.fit(program, steps)
        if not np.isfinite(fitted.error):
            return
        if EXACT < fitted.error / self._variance < close:
            again = self._fitter.fit(fitted.program, more)
            fitted = min(fitted, again, key=lambda each: each.error)
        self.found.append(Found(fitted.program, fitted.error / self._variance))


def _usual(x: Array, y: Array) -> Array:
    """Return the rows whose targets are neither close to a pole nor to zero; all rows where few are.

    Where a target of one sign touches zero, an even power may hide a change of sign: rows of one side are returned,
    those that neighbors connect without passing through small values.
    """
    enough, near_zero, near_pole = 60, 1 / 50, 20
    size = np.abs(y)
    middle = np.median(size)
    rows = np.flatnonzero((size > near_zero * middle) & (size < near_pole * middle))
    if (y >= 0).all() or (y <= 0).all():
        side = _one_side(x, size)
        if len(side) >= 2 * enough:
            rows = np.intersect1d(rows, side)
    return rows if len(rows) >= enough else np.arange(len(y))


def _one_side(x: Array, size: Array) -> Array:
    """Return the largest set of rows that neighbors connect where the target is not small.

    It is empty without small ones, and where most rows have the largest target.
    """
    touching, neighbors, most = 1e-2, 6, 2000
    middle = np.median(size)
    kept = np.flatnonzero(size > middle)[:most]
    if size.min() > touching * middle or not len(kept):
        return np.arange(0)
    scale = np.std(x, axis=0)
    z = x[kept] / np.where(scale > 0, scale, 1.0)
    near = np.reshape(KDTree(z).query(z, k=min(neighbors, len(z)))[1], (len(z), -1))
    start = np.repeat(np.arange(len(z)), near.shape[1])
    links = coo_matrix((np.ones(near.size), (start, near.ravel())), shape=(len(z), len(z)))
    labels = connected_components(links, directed=False)[1]
    return kept[labels == np.bincount(labels).argmax()]


def _sound(rows: Array) -> Array:
    """Return which rows of numbers are finite, not too large, and vary."""
    with np.errstate(all="ignore"):
        size = np.abs(rows).max(axis=1)
        return np.flatnonzero(np.isfinite(size) & (size < 1e12) & (np.ptp(rows, axis=1) > 1e-9 * size))


def _needed(table: Array, z: Array) -> tuple[list[int], Array]:
    """Return the columns that a regression needs, and their coefficients; one by one, the others are left out."""
    kept = list(range(table.shape[1]))
    while True:
        size = np.sqrt(np.einsum("ij,ij->j", table[:, kept], table[:, kept]))
        q, r = np.linalg.qr(table[:, kept] / size)
        if np.abs(np.diag(r)).min() < 1e-9:
            raise np.linalg.LinAlgError
        c = np.linalg.solve(r, q.T @ z)
        rest = z - (table[:, kept] / size) @ c
        variance = max(rest @ rest / max(len(z) - len(c), 1), (1e-15 * np.abs(z).max()) ** 2)
        t = np.abs(c) / np.sqrt(variance * (np.linalg.inv(r) ** 2).sum(1))
        worst = int(np.argmin(t))
        if t[worst] > (5 if variance < 1e-20 * z.var() else 3) or len(kept) == 1:
            return kept, c / size
        del kept[worst]
