"""Values that a fit of constants can start from: draws over many decades, the linear constants solved for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.formulas.expressions._fit_constants import FitData, FreeFormula
from edgewise.formulas.expressions._tape import Tape

_DRAWS, _SCREENED = 600, 200  # values of constants inside functions that are tried, on that many rows
_DECADES = 2.0  # from 1, or from the sizes of columns, that constants are drawn from
_ELITE = 30  # draws that the next generation varies
_WIDTHS = (1.0, 0.3, 0.1)  # decades of a variation
_TOO_LARGE = 1e150  # to be squared
_RIDGE = 1e-12  # of a column's size squared


@dataclass(frozen=True)
class Starts:
    """Values of constants from which the weighted least squares of a formula are in reach.

    Variable projection: constants that the formula is linear in are solved for; the others are drawn, log-uniform over
    decades of either sign, or from the values of columns, and the best draws are varied over `generations`. `known`
    holds a value for each constant, or None; half of the draws stay near it. A constant with `bounds` (low, high) is
    drawn within them.

    Source: Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems (1973).
    """

    formula: Part
    constants: tuple[sympy.Symbol, ...]
    known: tuple[float | None, ...]
    data: FitData
    bounds: Mapping[sympy.Symbol, tuple[float, float]] = field(default_factory=dict)

    def best(self, count: int, seed: int = 0, generations: int = 0) -> list[FreeFormula]:
        """Return the formula at the `count` best values found, best first; none where it is undefined.

        >>> x = np.linspace(0, 5, 40)
        >>> c = sympy.symbols("a k")
        >>> data = FitData.of(["t"], x[:, None], 3 * np.exp(-0.7 * x))
        >>> found = Starts(c[0] * sympy.exp(-c[1] * sympy.Symbol("t")), c, (None, None), data).best(1)[0]
        >>> [round(value, 4) for value in found.fit(data).values]
        [3.0, 0.7]
        """
        rng = np.random.default_rng(seed)
        draws = self._drawn(rng)
        errors, factors = self._solved(draws)
        for _ in range(generations if draws.shape[1] else 0):
            kept = np.argsort(errors, kind="stable")[:_ELITE]
            draws = np.vstack([draws[kept], self._varied(draws[kept], rng)])
            errors, factors = self._solved(draws)
        found = []
        for k in np.argsort(errors, kind="stable")[:count]:
            if np.isfinite(errors[k]):
                values = dict(zip([*self._inner, *self.linear], map(float, [*draws[k], *factors[k]]), strict=True))
                found.append(FreeFormula(self.formula, self.constants, tuple(values[c] for c in self.constants)))
        return found

    def solved(self, values: Sequence[float]) -> FreeFormula | None:
        """Return the formula at given values of all constants, but the linear ones solved for; None if undefined."""
        given = dict(zip(self.constants, values, strict=True))
        inner = [given[constant] for constant in self._inner]
        errors, factors = self._solved(np.array([inner], dtype=np.float64).reshape(1, len(inner)))
        if not np.isfinite(errors[0]):
            return None
        given |= dict(zip(self.linear, map(float, factors[0]), strict=True))
        return FreeFormula(self.formula, self.constants, tuple(given[c] for c in self.constants))

    @cached_property
    def linear(self) -> list[sympy.Symbol]:
        """Constants that the formula is linear in, all together."""
        chosen: list[sympy.Symbol] = []
        for constant in self.constants:
            slope = sympy.diff(self.formula, constant)
            if constant not in self.bounds and not slope.free_symbols & {constant, *chosen}:
                chosen.append(constant)
        return chosen

    @property
    def _inner(self) -> list[sympy.Symbol]:
        return [constant for constant in self.constants if constant not in self.linear]

    @cached_property
    def _tapes(self) -> list[Tape]:
        """What the formula is without its linear constants, and the factor of each of them."""
        forms = [self.formula.xreplace(dict.fromkeys(self.linear, sympy.Integer(0)))]
        forms += [sympy.diff(self.formula, constant) for constant in self.linear]
        places = {constant: sympy.Symbol(f"?{k}") for k, constant in enumerate(self._inner)}
        names = [*self.data.names, *(place.name for place in places.values())]
        return [Tape(form.xreplace(places), names) for form in forms]

    @cached_property
    def _rows(self) -> FitData:
        return self.data.rows(np.arange(self.data.n) % max(1, self.data.n // _SCREENED) == 0)

    def _drawn(self, rng: np.random.Generator) -> Array:
        """Return values (n_draws, k) of the k constants that are not linear: those that are known, then random ones."""
        starts = [start for c, start in zip(self.constants, self.known, strict=True) if c in self._inner]
        first = np.array([1.0 if start is None else start for start in starts]).reshape(1, len(starts))
        if not starts:
            return first
        values = np.column_stack([self._prior(c, _DRAWS * min(len(starts), 3), rng) for c in self._inner])
        for k, start in enumerate(starts):
            if start is not None:  # half of the draws stay near what is known
                values[::2, k] = start * rng.choice([0.3, 0.7, 1.0, 1.5, 3.0], len(values[::2]))
        return self._within(np.vstack([first, values]))

    def _prior(self, constant: sympy.Symbol, count: int, rng: np.random.Generator) -> Array:
        """Return values (count,) of a constant: over decades, those of columns, and their logarithms and inverses."""
        low, high = self.bounds.get(constant, (-np.inf, np.inf))
        if np.isfinite(high - low):
            return rng.uniform(low, high, count)
        sizes = [abs(np.log10(np.median(np.abs(column)) or 1.0)) for column in self.data.columns]
        width = _DECADES + max(sizes, default=0.0)
        values = rng.choice([-1.0, 1.0], count) * 10 ** rng.uniform(-width, width, count)
        cells = np.concatenate([column[column != 0] for column in self._rows.columns] or [np.ones(1)])
        chosen = rng.choice(cells if len(cells) else np.ones(1), count)
        kind = rng.uniform(size=count)
        for limit, other in ((0.5, chosen), (0.3, 1 / chosen), (0.2, np.log(np.abs(chosen)))):
            values = np.where(kind < limit, other, values)
        if np.isfinite(low):
            return low + np.abs(values)
        return high - np.abs(values) if np.isfinite(high) else values

    def _varied(self, elite: Array, rng: np.random.Generator) -> Array:
        """Return children (n_draws, k) of values: one constant drawn again, or one or all changed by a factor."""
        children = elite[np.arange(_DRAWS) % len(elite)]
        width = rng.choice(_WIDTHS, (_DRAWS, 1))
        one = np.arange(elite.shape[1]) == rng.integers(elite.shape[1], size=(_DRAWS, 1))
        moved = one | (rng.uniform(size=(_DRAWS, 1)) < 0.3)
        children = np.where(moved, children * 10 ** (width * rng.standard_normal(children.shape)), children)
        again = one & (rng.uniform(size=(_DRAWS, 1)) < 0.4)
        drawn = np.column_stack([self._prior(constant, _DRAWS, rng) for constant in self._inner])
        return self._within(np.where(again, drawn, children))

    def _within(self, draws: Array) -> Array:
        ends = [self.bounds.get(constant, (-np.inf, np.inf)) for constant in self._inner]
        return np.clip(draws, *np.array(ends).T)

    def _solved(self, draws: Array) -> tuple[Array, Array]:
        """Return the errors (n_draws,) at values of the inner constants, and the linear constants (n_draws, p)."""
        some, count = self._rows, len(self.linear)
        columns = [np.tile(column, len(draws)) for column in some.columns]
        columns += [np.repeat(values, some.n) for values in draws.T]
        with np.errstate(all="ignore"):
            parts = [tape.values(columns).reshape(len(draws), some.n) * some.weight for tape in self._tapes]
            aim = some.weight * some.y - parts[0]
            matrix = np.stack(parts[1:], axis=2) if count else np.zeros((*aim.shape, 0))
            good = np.isfinite(matrix).all((1, 2)) & np.isfinite(aim).all(1)
            good &= (np.abs(matrix).max((1, 2), initial=0.0) < _TOO_LARGE) & (np.abs(aim).max(1) < _TOO_LARGE)
        aim, matrix = aim[good], matrix[good]
        sizes = np.linalg.norm(matrix, axis=1, keepdims=True)
        sizes = np.where(sizes > 0, sizes, 1.0)
        matrix = matrix / sizes
        gram = matrix.transpose(0, 2, 1) @ matrix + _RIDGE * np.eye(count)
        solution = np.linalg.solve(gram, matrix.transpose(0, 2, 1) @ aim[:, :, None])
        errors, factors = np.full(len(draws), np.inf), np.zeros((len(draws), count))
        errors[good] = np.linalg.norm(aim - (matrix @ solution)[:, :, 0], axis=1)
        factors[good] = solution[:, :, 0] / sizes[:, 0]
        return errors, factors
