"""A field and the constants of its equation, fitted together to the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded

from edgewise._typing import Array
from edgewise.dynamics.fields._lattice import Lattice, Rows
from edgewise.dynamics.fields._terms import Factor, Term

Support = tuple[tuple[int, ...], ...]
"""The numbers of the terms of each equation."""


@dataclass(frozen=True)
class Fit:
    """An equation and a field that were fitted.

    cost: squares of rows and of the equation over their scales, and of the prior. left: mean squares of what the field
    leaves of the rows, by component. rest: of what it leaves of each equation but at a few points (in corners the rows
    say little, and steps may not end). information (T, T), slope (T,): the quadratic model of the cost in the constants
    of all terms of all equations, the field eliminated.
    """

    support: Support
    constants: tuple[Array, ...]
    coefficients: Array
    cost: float
    left: Array
    rest: Array
    information: Array
    slope: Array

    def flat(self, terms: int) -> list[int]:
        """The numbers of its terms among those of all equations."""
        return [e * terms + j for e, own in enumerate(self.support) for j in own]


class Joint:
    """min  sum |y - D c|^2 / sigma^2 + sum |c_t - sum_j theta_j T_j(c)|^2 / tau^2 + prior,  by Gauss and Newton.

    The equation is collocated at Greville points, less those that the start in time and the edges in space leave free,
    so that it is as square as it can be: least squares at more points would make constants smaller than they are. The
    prior, third differences a hundred times as large as those of a smooth field, holds what rows do not see.
    """

    def __init__(
        self, lattice: Lattice, rows: Rows, values: Array, terms: Sequence[Term], order: int, near: Array,
        sigma: Array,
    ) -> None:  # fmt: skip
        self.lattice, self.rows, self.values, self.terms, self.order = lattice, rows, values, terms, order
        self.sigma, self.tau, self.d = sigma, sigma, values.shape[1]  # tau is to be set
        highest = max(term.order for term in terms)
        free = (highest + 1) // 2
        first, *others = lattice.greville()
        self.places = [first[order:], *(x[free : len(x) - free] for x in others)]
        space = len(others)
        self.factors = sorted({factor for term in terms for factor in term.factors})
        self.read = {by: lattice.on_grid(self.places, (0, *by)) for by in {by for _, by in self.factors}}
        self.rate = lattice.on_grid(self.places, (order,) + (0,) * space)
        self.count = len(self.rate.columns)
        self.width = self.d * (lattice.reach + 1)  # of the band
        self.prior: list[tuple[Rows, float]] = []
        self._constant = self._fixed_part(near)

    def _fixed_part(self, near: Array) -> Array:
        """The band of the rows and the prior, which are the same for all equations."""
        one = np.zeros((self.lattice.size, self.lattice.reach + 1))
        self.rows.add_squares(one)
        weak = np.zeros_like(one)
        for rows in self.lattice.differences():
            size = float(np.mean(rows.image(near) ** 2))
            self.prior.append((rows, 1 / (_WIDER**2 * size + 1e-300)))
            rows.add_squares(weak, self.prior[-1][1])
        band = np.zeros((self.lattice.size * self.d, self.width))
        for a in range(self.d):
            band[a :: self.d, :: self.d] = one / self.sigma[a] ** 2 + weak
        return band

    def state(self, coefficients: Array) -> tuple[dict[Factor, Array], Array]:
        """The factors of terms, and the rates (n, d), at the points of the equation."""
        read = {by: rows.image(coefficients) for by, rows in self.read.items()}
        return {(c, by): read[by][:, c] for c, by in self.factors}, self.rate.image(coefficients)

    def library(self, at: dict[Factor, Array]) -> Array:
        """The values of all terms, (n, terms)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.stack([np.broadcast_to(term.value(at), self.count) for term in self.terms], 1)

    def cost(self, coefficients: Array, support: Support, constants: Sequence[Array], tau: Array) -> float:
        at, rate = self.state(coefficients)
        left = self.values - self.rows.image(coefficients)
        total = float(((left / self.sigma) ** 2).sum()) + self._of_prior(coefficients)
        with np.errstate(all="ignore"):
            for e in range(self.d):
                rest = rate[:, e] - self._right(at, support[e], constants[e])
                total += float((rest**2).sum()) / tau[e] ** 2
        return total if np.isfinite(total) else np.inf

    def _of_prior(self, coefficients: Array) -> float:
        return sum(weight * float((rows.image(coefficients) ** 2).sum()) for rows, weight in self.prior)

    def _right(self, at: dict[Factor, Array], support: Sequence[int], constants: Array) -> Array:
        found = np.zeros(self.count)
        for j, value in zip(support, constants, strict=True):
            found = found + value * self.terms[j].value(at)
        return found

    def fit(
        self, support: Support, constants: Sequence[Array], coefficients: Array, steps: int = 12,
        stages: Sequence[float] = (1.0,),
    ) -> Fit | None:  # fmt: skip
        """The best field and constants of these terms; the equation is tightened in stages.

        A step may raise the cost where the next one, by the same derivatives, is shorter: the equation is not obeyed on
        the way.
        """
        constants = [np.array(own, dtype=float) for own in constants]
        for stage in stages:
            tau = self.tau * stage
            for _ in range(steps if stage == 1 else 3):
                normal = self._normal(coefficients, support, constants, tau)
                if normal is None:
                    return None
                change, moved = normal.step(*self._aim(normal, coefficients, constants))
                if not (np.isfinite(change).all() and np.isfinite(moved).all()):
                    return None
                share = 1.0
                for _ in range(_HALVINGS):
                    trial = coefficients + share * moved, _split(constants, share * change)
                    cost = self.cost(trial[0], support, trial[1], tau)
                    if cost < normal.cost * (1 + 1e-9) + 1e-9 or self._contracts(normal, trial, share * moved):
                        break
                    share /= 2
                else:
                    break
                coefficients, constants = trial
                if share == 1 and abs(normal.cost - cost) < _STILL * (1 if stage == 1 else 50):
                    break
        normal = self._normal(coefficients, support, constants, self.tau, all_terms=True)
        if normal is None:
            return None
        gradient, slope = self._aim(normal, coefficients, constants)
        slope = slope - normal.across.T @ normal.solved(gradient.reshape(-1, 1))[:, 0]
        squares = np.sort(self._rests(normal, coefficients, constants) ** 2, axis=1)
        rest = squares[:, : int(np.ceil(_USUAL * self.count))].mean(1)
        left = ((self.values - self.rows.image(coefficients)) ** 2).mean(0)
        return Fit(support, tuple(constants), coefficients, normal.cost, left, rest, normal.information, slope)

    def freedom(self, fit: Fit, seed: int = 0) -> Array:
        """About how many parameters of the field the rows of each component determine, (d,).

        That is the trace of what the fit makes of rows, by Hutchinson's estimate with four random signs of each.
        """
        normal = self._normal(fit.coefficients, fit.support, fit.constants, self.tau)
        assert normal is not None
        size, found = self.lattice.size, np.zeros(self.d)
        for a in range(self.d):
            signs = np.random.default_rng([seed, a]).choice([-1.0, 1.0], (4, len(self.values)))
            right = np.zeros((size, self.d, len(signs)))
            right[:, a] = np.stack([self.rows.turned(own, size) for own in signs], 1) / self.sigma[a] ** 2
            seen = normal.solved(right.reshape(size * self.d, -1)).reshape(size, self.d, -1)[:, a]
            found[a] = float(np.mean((signs.T * self.rows.image(seen)).sum(0)))
        return found

    def _contracts(self, normal: _Normal, trial: tuple[Array, list[Array]], moved: Array) -> bool:
        """Whether the next step, by the same derivatives, is shorter than a step (Deuflhard's natural test)."""
        _, after = normal.step(*self._aim(normal, *trial))
        size = np.linalg.norm(normal.units * after.ravel())
        return bool(size < _SHORTER * np.linalg.norm(normal.units * moved.ravel()))

    def _rests(self, normal: _Normal, coefficients: Array, constants: Sequence[Array]) -> Array:
        """What fields leave of each equation, (d, n)."""
        at, rate = self.state(coefficients)
        return np.stack([rate[:, e] - self._right(at, normal.support[e], constants[e]) for e in range(self.d)])

    def _aim(self, normal: _Normal, coefficients: Array, constants: Sequence[Array]) -> tuple[Array, Array]:
        """Half the negative gradient of the cost by the field (size, d) and by constants, with given derivatives."""
        size, d = self.lattice.size, self.d
        left = self.values - self.rows.image(coefficients)
        gradient = np.zeros((size, d))
        for a in range(d):
            gradient[:, a] = self.rows.turned(left[:, a], size) / self.sigma[a] ** 2
            for rows, weight in self.prior:
                gradient[:, a] -= weight * rows.turned(rows.image(coefficients[:, a : a + 1])[:, 0], size)
        with np.errstate(all="ignore"):
            weighed = np.nan_to_num(self._rests(normal, coefficients, constants)) / normal.tau[:, None] ** 2
        for e in range(d):
            gradient -= normal.rows[e].turned(weighed[e], size * d).reshape(size, d)
        return gradient, np.array([normal.values[:, j] @ weighed[e] for e, j in normal.use])

    @np.errstate(all="ignore")
    def _normal(
        self, coefficients: Array, support: Support, constants: Sequence[Array], tau: Array, *, all_terms: bool = False
    ) -> _Normal | None:
        """The normal equations; None where they are not finite, or not positive definite."""
        d, size = self.d, self.lattice.size
        at, _ = self.state(coefficients)
        band = self._constant.copy()
        columns = (self.rate.columns[:, :, None] * d + np.arange(d)).reshape(self.count, -1)
        every = []
        for e in range(d):
            slopes: dict[Factor, Array | float] = {}
            for j, value in zip(support[e], constants[e], strict=True):
                for factor, slope in self.terms[j].slopes(at).items():
                    slopes[factor] = slopes.get(factor, 0.0) - value * slope
            entries = np.zeros((*self.rate.entries.shape, d))
            entries[:, :, e] = self.rate.entries
            for (c, by), slope in slopes.items():
                entries[:, :, c] += self.read[by].entries * np.broadcast_to(slope, self.count)[:, None]
            if not np.isfinite(entries).all():
                return None
            every.append(Rows(columns, entries.reshape(self.count, -1)))
            every[e].add_squares(band, 1 / tau[e] ** 2)
        units = np.sqrt(band[:, 0])
        solved = _factored(band)
        if solved is None:
            return None
        values = self.library(at)
        values = np.where(np.isfinite(values), values, 0.0)
        use = [(e, j) for e in range(d) for j in (range(len(self.terms)) if all_terms else support[e])]
        across = np.zeros((size * d, len(use)))
        own = np.zeros((len(use), len(use)))
        for n, (e, j) in enumerate(use):
            across[:, n] = -every[e].turned(values[:, j], size * d) / tau[e] ** 2
        for e in range(d):
            mine = [n for n, (f, _) in enumerate(use) if f == e]
            some = values[:, [use[n][1] for n in mine]]
            own[np.ix_(mine, mine)] = some.T @ some / tau[e] ** 2
        spread = solved(across)
        information = own - across.T @ spread
        if not np.isfinite(information).all():
            return None
        return _Normal(
            support, use, tau, every, values, units, solved, across, spread, information,
            self.cost(coefficients, support, constants, tau),
        )  # fmt: skip


@dataclass(frozen=True)
class _Normal:
    """The normal equations with the field eliminated: derivatives of all that they are of, and what solves them."""

    support: Support
    use: list[tuple[int, int]]
    tau: Array
    rows: list[Rows]
    values: Array
    units: Array
    solved: Callable[[Array], Array]
    across: Array
    spread: Array
    information: Array
    cost: float

    def step(self, gradient: Array, slope: Array) -> tuple[Array, Array]:
        """The changes of the constants and of the field; NaN where they are not finite."""
        by_field = self.solved(gradient.reshape(-1, 1))[:, 0]
        right = slope - self.across.T @ by_field
        if not np.isfinite(right).all():
            return np.full(len(right), np.nan), np.full(gradient.shape, np.nan)
        change = np.linalg.lstsq(self.information, right, rcond=1e-13)[0]
        return change, (by_field - self.spread @ change).reshape(gradient.shape)


def _split(constants: Sequence[Array], change: Array) -> list[Array]:
    """Constants after a change of all of them."""
    ends = np.cumsum([len(own) for own in constants])[:-1]
    return [own + part for own, part in zip(constants, np.split(change, ends), strict=True)]


def _factored(band: Array) -> Callable[[Array], Array] | None:
    """What solves a band by its columns, which it overwrites; None where it is not positive definite."""
    scale = 1 / np.sqrt(band[:, 0])
    width = band.shape[1]
    if not np.isfinite(scale).all():
        return None
    band *= scale[:, None]
    band *= np.lib.stride_tricks.sliding_window_view(np.pad(scale, (0, width - 1)), width)
    band[:, 0] += 1e-13
    try:
        factor = cholesky_banded(band.T, lower=True, overwrite_ab=True, check_finite=False)
    except (LinAlgError, ValueError):
        return None

    def solved(right: Array) -> Array:
        if not right.shape[1]:
            return right
        own = cho_solve_banded((factor, True), scale[:, None] * right, check_finite=False)
        return np.asarray(scale[:, None] * own)

    return solved


_WIDER = 100.0  # the prior's third differences over those of the smooth field
_HALVINGS = 6  # of a step
_SHORTER = 0.25  # of a step, that the next one may be where the cost rises
_USUAL = 0.99  # of the points of an equation
_STILL = 0.02  # of the cost, at which steps end
