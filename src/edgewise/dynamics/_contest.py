"""The contest: systems of other terms, among them functions of a single state from many fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.dynamics._fit import Chains
from edgewise.dynamics._library import Library, hill, is_positive, polynomials, sines, single_functions, state_symbols
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._regression import arguments
from edgewise.dynamics._search import OTHER, PLAIN, Columns, Scored, Search, candidates
from edgewise.dynamics._settings import SETTINGS
from edgewise.dynamics._shooting import linearize
from edgewise.dynamics._standing import Standing, favored
from edgewise.dynamics._starts import Ground
from edgewise.dynamics._system import System


class Copy(NamedTuple):
    """What a term of the screen stands for: a term of the library, and the value of an inner constant (-1: none)."""

    term: int
    inner: int = -1
    value: float = 0.0


@dataclass(frozen=True)
class Wide:
    """A library, the same with copies of its Hill functions at fixed constants, and what each of these stands for.

    The first term is the constant. `hills` are the numbers of the Hill functions among the terms, `falling` of those
    that fall; `limits` the values between which their constants
    must lie, by the number of the constant.
    """

    library: Library
    screen: Library
    copies: tuple[Copy, ...]
    hills: frozenset[int]
    falling: frozenset[int]
    limits: dict[int, tuple[float, float]]

    @cached_property
    def families(self) -> tuple[str, ...]:
        """The family of each term: its functions, or the term itself; empty for polynomials."""
        return tuple(_family(expression) for expression in self.library.expressions)

    def mixed(self, terms: Iterable[int]) -> float:
        """Return what an equation of some terms costs for mixing families."""
        return SETTINGS.family_cost * max(len({self.families[k] for k in terms} - {""}) - 1, 0)


def widened(base: Library, ground: Ground) -> Wide:
    """Return a library with polynomials, sines, and functions of each state that is not a sum of them:

        z log z, z^(1/2), z^(3/2), z^(2/3), z^n / (K^n + z^n), 1 / (K^n + z^n)   where z is positive
        z |z|                                                                  where it changes sign
        exp z, exp(-z), tanh z, sin 2z

    Those that are too large along the curves are left out.
    """
    n_levels = (12, 5)  # values of the constant of a Hill function, with one state and with several
    levels = (0.1, 3.0)  # of the state's median, between which they lie
    largest = 1e8  # of the value of a term
    m, seen = base.n_states, _seen(ground)
    if ground.data.prior.only:
        copies = tuple(Copy(k) for k in range(len(base.expressions)))
        return Wide(base, base, copies, frozenset(), frozenset(), {})
    library = base + polynomials(m, 5 if m == 1 else 3) + sines(m) + single_functions(m, seen)
    with np.errstate(all="ignore"):
        sizes = np.abs(library.terms.values(seen, np.zeros(seen.shape[1]), library.inner_values)).max(axis=1)
    moving = {k for k, e in enumerate(library.expressions) if e.free_symbols.intersection(library.inner)}
    library = library.only(
        [k for k in range(len(sizes)) if k < len(base.expressions) or sizes[k] < largest or k in moving]
    )
    copies = [Copy(k) for k in range(len(library.expressions))]
    fixed: list[Any] = []
    limits = {}
    for expression, level, cost, state in _hills(seen):
        median, index = float(np.median(np.abs(seen[state]))), len(library.inner)
        library = library + Library(m, (expression,), (cost,), (level,), (median,))
        limits[index] = (float(np.quantile(np.abs(seen[state]), 0.02)) / 20, 3 * float(np.abs(seen[state]).max()))
        copies.append(Copy(len(library.expressions) - 1))
        grid = median * np.geomspace(*levels, n_levels[m > 1])
        fixed += [expression.xreplace({level: sympy.Float(value)}) for value in grid]
        copies += [Copy(len(library.expressions) - 1, index, float(value)) for value in grid]
    order = [c for c in copies if c.inner < 0] + [c for c in copies if c.inner >= 0]
    hills = frozenset(c.term for c in order if c.inner >= 0)
    falling = frozenset(k for k in hills if library.expressions[k].as_numer_denom()[0] == 1)
    costs = tuple(library.costs[c.term] for c in order if c.inner >= 0)
    screen = Library(
        m, (*library.expressions, *fixed), (*library.costs, *costs), library.inner, library.values
    )  # fmt: skip
    return Wide(library, screen, tuple(order), hills, falling, limits)


def _family(expression: Formula) -> str:
    if expression.is_polynomial():
        return ""
    names = {type(each).__name__ for each in expression.atoms(sympy.Function)}
    return "wave" if names and names <= {"sin", "cos"} else ", ".join(sorted(names)) or str(expression)


def _seen(ground: Ground) -> Array:
    """Return the states and the inputs (m, points) along the curves."""
    points = 400  # of a curve
    parts = []
    for curve, rows in zip(ground.curves, ground.data.pieces(), strict=True):
        at = np.linspace(ground.data.times[rows.start], ground.data.times[rows.stop - 1], points)
        parts.append(arguments(ground.data, curve, at))
    return np.concatenate(parts).T


def _hills(seen: Array) -> Iterator[tuple[Formula, sympy.Symbol, float, int]]:
    """Yield Hill functions of the states that are positive, each with its constant, cost and state."""
    powers = (1, 2, 4)  # of Hill functions
    for j, (z, values) in enumerate(zip(state_symbols(len(seen)), seen, strict=True)):
        for n in powers if is_positive(values) else ():
            for name, falls in (("H", False), ("F", True)):
                level = sympy.Symbol(f"{name}{j}_{n}", positive=True)
                yield hill(z, level, n, falls), level, 7 + 1.4 * n, j


FLOOR = 1e-7  # of a state's standard deviation, below which errors count as none here


@dataclass(frozen=True)
class Contender:
    """A fitted system, its standing, and the kind of each equation: its terms, whatever the constants within them."""

    scored: Scored
    standing: Standing
    kind: tuple[frozenset[str], ...]

    def holds(self, other: Contender) -> bool:
        """Return whether each equation has all terms of another system."""
        return all(own >= its for own, its in zip(self.kind, other.kind, strict=True))


@dataclass
class Contest:
    """Systems fitted in the same chains, and those of the libraries in `wide` that come near the best one.

    `along` are the states with the inputs (n, m) along smooth curves, and their times (n,).
    """

    data: Measured
    wide: Wide
    chains: Chains
    along: tuple[Array, Array]
    pool: list[Contender] = field(default_factory=list)
    complete: bool = True  # whether other supports could be compared

    @cached_property
    def search(self) -> Search:
        return Search(self.data, self.wide.library, self.chains)

    @property
    def floors(self) -> Array:
        return (FLOOR * self.data.deviation / self.chains.noise) ** 2

    @property
    def best(self) -> Contender:
        """The system that the rows favor.

        Where that leaves little but more than noise, it is the cheapest of those that leave less than twice as much:
        errors of integration are no reason for terms.
        """
        best = favored(self.pool)
        squares = best.standing.squares
        if not self._is_small(squares) or self.data.like_noise(squares):
            return best
        near = [each for each in self.pool if (each.standing.squares < 4 * squares).all()]
        return min((each for each in near if each.standing.size <= best.standing.size), key=lambda e: e.standing.cost)

    def _is_small(self, squares: Array) -> bool:
        """Return whether a small part of all states is left."""
        return bool((squares * (self.chains.noise / self.data.deviation) ** 2 < SETTINGS.small**2).all())

    @property
    def shown(self) -> Contender:
        """The cheapest of the systems that the rows hardly tell from the best one."""
        best = self.best
        tied = [each for each in self.pool if each is best or each.standing.gain(best.standing) < SETTINGS.lead_shown]
        return min(tied, key=lambda each: each.standing.cost)

    @property
    def rivals(self) -> list[Contender]:
        """The systems that lack a term of the best one and are too near it, without the one shown, the nearest first.

        The best one is among them if it isn't shown. If an equation of it has no term, so are those with more terms
        that leave clearly less: a rate of zero is a claim too.
        """
        best, shown = self.best, self.shown
        near = [(each.standing.gain(best.standing), k) for k, each in enumerate(self.pool) if each is not shown]
        return [
            self.pool[k]
            for lead, k in sorted(near)
            if (lead < SETTINGS.lead_claimed and (self.pool[k] is best or not self.pool[k].holds(best)))
            or (not all(best.kind) and best.standing.likelier(self.pool[k].standing) > SETTINGS.less_than_rest)
        ]

    def enter(self, system: System, nodes: Array) -> None:
        """Fit a system whose terms are in the wide library, and add it if its constants are credible."""
        system = self._widened(system)
        found = self.search.scored(system, nodes)
        if found is None or not self._credible(found):
            return
        kind = kind_of(system)
        if any(each.kind == kind and each.scored.fitted.mean_square <= found.fitted.mean_square for each in self.pool):
            return
        standing = Standing.of(
            found.fitted.linear.residuals, self.data.seen, self.floors, self._cost(found.system), system.n_parameters
        )
        self.pool = [each for each in self.pool if each.kind != kind] + [Contender(found, standing, kind)]

    def run(self) -> None:
        """Compare other supports of each equation with the best system's, until it stays the best."""
        tried: set[tuple[frozenset[str], ...]] = set()
        for _ in range(SETTINGS.contest_rounds):
            best = self.best
            if best.kind in tried:
                break
            tried.add(best.kind)
            for j in range(len(best.kind)):
                for system in self._others(best, j):
                    self.enter(system, best.scored.fitted.nodes)

    def _cost(self, system: System) -> float:
        return self.search.penalty(system) + sum(self.wide.mixed(np.flatnonzero(row)) for row in system.mask)

    def _credible(self, found: Scored) -> bool:
        """Return whether chains are continuous, and constants of Hill functions lie in the range of their state.

        Else these are something else. And whether no term is tiny, unless what is left is tinier still.
        """
        system = found.system
        if found.fitted.gaps > SETTINGS.small_jump * len(self.chains.at.rows):
            return False
        left = np.sqrt(found.fitted.squares) * self.chains.noise / self.data.deviation
        plain = bool(self.pool) and left.max() > SETTINGS.exact and left.min() < SETTINGS.small
        if plain and system.smallest(*self.along) < SETTINGS.tiny_term:
            return False
        limits = ((system.inner[w], self.wide.limits[w]) for w in system.used_inner if w in self.wide.limits)
        return all(low < value < high for value, (low, high) in limits)

    def _widened(self, system: System) -> System:
        """Return a system with the terms of the wide library, which holds its own."""
        library, own = self.wide.library, system.terms
        if own is library.terms:
            return system
        places = [library.expressions.index(expression) for expression in own.expressions]
        mask = np.zeros((len(system.mask), len(library.expressions)), bool)
        coefficients, inner = np.zeros(mask.shape), library.inner_values
        mask[:, places], coefficients[:, places] = system.mask, system.coefficients
        inner[[library.inner.index(symbol) for symbol in own.inner]] = system.inner
        return replace(system, terms=library.terms, mask=mask, coefficients=coefficients, inner=inner)

    def _others(self, best: Contender, j: int) -> list[System]:
        """Return the systems with another support of one equation that come near the best in its linear model."""
        columns, other = self._columns(best, j)
        if columns is None:
            self.complete = False
            return []
        own = int(best.scored.system.mask[j].sum())
        made: list[_Estimate] = []
        for support in candidates(
            columns, min(max(own + SETTINGS.more_terms, SETTINGS.fewest_terms), SETTINGS.most_terms)
        ):
            cost = other[0] + self.wide.mixed(self.wide.copies[k].term for k in support)
            standing, beta = columns.standing(support, (cost, other[1]))
            made.append(_Estimate(standing, support, beta))
        first = favored(made).standing
        farthest = SETTINGS.far[first.white and not self._is_small(first.squares)]
        made.sort(key=lambda each: each.standing.gain(first))
        kinds: dict[tuple[frozenset[str], ...], System] = {}
        groups: Counter[tuple[int, int]] = Counter()
        near = 0
        for each in made:
            lead, far = each.standing.gain(first), float(np.log(each.standing.squares / first.squares).sum())
            terms = [self.wide.copies[k].term for k in each.support]
            if 0 in terms and self.wide.falling.intersection(terms):  # it is a constant and a rising one
                continue
            hill = max((k for k in terms if k in self.wide.hills), default=-1)
            group = len(terms), hill if len(best.kind) == 1 else 0
            close = lead < SETTINGS.lead_fitted and near < SETTINGS.fitted_each_round
            if not close and (
                hill < 0
                or far > farthest
                or groups[group] >= SETTINGS.hills_each_round
                or len(terms) > SETTINGS.fewest_terms
            ):
                continue
            system = self._made(best.scored.system, j, each)
            if kinds.setdefault(kind_of(system), system) is system:
                groups[group] += 1
                near += close
        return [system for kind, system in kinds.items() if kind != best.kind]

    def _made(self, system: System, j: int, estimate: _Estimate) -> System:
        mask, coefficients, inner = system.mask.copy(), system.coefficients.copy(), system.inner.copy()
        mask[j], coefficients[j] = False, 0.0
        for k, value in zip(estimate.support, estimate.values, strict=True):
            copy = self.wide.copies[k]
            mask[j, copy.term], coefficients[j, copy.term] = True, value
            if copy.inner >= 0:
                inner[copy.inner] = copy.value
        return replace(system, mask=mask, coefficients=coefficients, inner=inner)

    def _columns(self, best: Contender, j: int) -> tuple[Columns | None, tuple[float, int]]:
        """Return the columns of an equation at the best system, and the cost and size of all others."""
        at, screen, count = best.scored, self.wide.screen, len(self.wide.screen.expressions)
        more = ((0, 0), (0, count - len(at.system.terms)))
        mask, coefficients = np.pad(at.system.mask, more), np.pad(at.system.coefficients, more)
        whole = System(screen.terms, np.ones_like(mask), coefficients, at.system.inner, *self.data.surroundings)
        chains = self.chains
        try:
            linear = linearize(whole, at.fitted.nodes, self.data, chains.at, chains.size, chains.noise, chains.substeps)
        except np.linalg.LinAlgError:
            return None, (0.0, 0)
        (n, d), seen_of = self.data.values.shape, self.data.seen
        weights = np.tile(1 / np.sqrt(at.fitted.squares + self.floors), n)
        equations, terms = np.nonzero(mask)
        others = equations != j
        outside = replace(at.system, mask=at.system.mask & (np.arange(len(mask)) != j)[:, None])
        fixed = [*(equations[others] * count + terms[others]), *(mask.size + np.array(outside.used_inner, dtype=int))]
        with np.errstate(all="ignore"):
            seen = np.repeat(chains.at.rows.ravel() >= 0, d)
            by, rest = linear.by[seen] * weights[:, None], linear.rest[seen] * weights
        design = by[:, j * count : (j + 1) * count]
        design = np.where(np.isfinite(design).all(axis=0), design, 0.0)
        target = rest + design @ coefficients[j]
        if not np.isfinite(by[:, fixed]).all() or not np.isfinite(target).all():
            return None, (0.0, 0)
        if fixed:
            basis = np.linalg.qr(by[:, fixed] / (np.linalg.norm(by[:, fixed], axis=0) + 1e-300))[0]
            design, target = design - basis @ (basis.T @ design), target - basis @ (basis.T @ target)
        log = np.log(self.data.size)
        plain = [e.is_polynomial() or bool(e.free_symbols & set(screen.inner)) for e in screen.expressions]
        sorts = np.array(
            [c.term if c.term in self.wide.hills else PLAIN if plain[c.term] else OTHER for c in self.wide.copies]
        )
        costs = log + self.data.prior.costs(screen, len(mask))[j] + log * (sorts >= 0)
        columns = Columns(design, target, costs, sorts, seen_of, j, self.floors * weights[:d] ** 2)
        return columns, (self._cost(outside), outside.n_parameters)


@dataclass(frozen=True)
class _Estimate:
    standing: Standing
    support: tuple[int, ...]
    values: Array


def kind_of(system: System) -> tuple[frozenset[str], ...]:
    """Return the terms of each equation, with K for constants within them.

    With a constant, 1 / (K + z^n) and z^n / (K + z^n) are the same equation: it has both.
    """
    inner = dict.fromkeys(system.terms.inner, sympy.Symbol("K"))
    out = []
    for row in system.mask:
        terms = {system.terms.expressions[k].xreplace(inner) for k in np.flatnonzero(row)}
        if sympy.Integer(1) in terms:
            terms |= {other for term in terms for other in _twins(term)}
        out.append(frozenset(str(term) for term in terms))
    return tuple(out)


def _twins(term: Part) -> list[Any]:
    """Return both forms of a Hill function with K for its constant, if a term is one."""
    top, bottom = sympy.fraction(term)
    if not bottom.is_Add or sympy.Symbol("K") not in bottom.free_symbols:
        return []
    power = bottom.as_independent(sympy.Symbol("K"), as_Add=True)[0]
    return [power / bottom, 1 / bottom] if top in (1, power) else []
