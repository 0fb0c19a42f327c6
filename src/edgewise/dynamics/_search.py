"""Which terms: supports compared by a quadratic model, by the linear model of a fit, and on the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from edgewise._selection import DEPENDENT, Orthogonal, Support, grow
from edgewise._typing import Array
from edgewise.dynamics._fit import Chains, Fitted, fit, least_squares
from edgewise.dynamics._library import Library, state_symbols
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._regression import Curve
from edgewise.dynamics._settings import SETTINGS
from edgewise.dynamics._shooting import Stretches, linearize
from edgewise.dynamics._standing import Standing
from edgewise.dynamics._system import System


@dataclass(frozen=True)
class Quadratic:
    """Squares (d,) that supports leave, to second order around a fit.

    gram (d, P, P), cross (d, P) and total (d,) are moments of P columns and the target, for each state; `weights` (d,)
    are those of the states, `floors` (d,) what counts as no error, `costs` (P,) of columns in the criterion, `counts`
    (d,) the rows in which a state was measured.
    """

    gram: Array
    cross: Array
    total: Array
    weights: Array
    floors: Array
    costs: Array
    counts: Array

    def scores(self, supports: Array) -> Array:
        """Return the scores of supports (n, size) of columns: sum_j counts_j log(squares_j + floor_j) plus costs."""
        g = np.einsum("d,dpq->pq", self.weights, self.gram)
        c = self.weights @ self.cross
        size = supports.shape[1]
        inner = g[supports[:, :, None], supports[:, None, :]] + 1e-10 * np.diag(g)[supports][:, :, None] * np.eye(size)
        beta = np.linalg.solve(inner, c[supports][:, :, None])[:, :, 0]
        out = self.costs[supports].sum(axis=1) + small_sample(size, int(self.counts.sum()))
        for j in range(len(self.total)):
            own = self.gram[j][supports[:, :, None], supports[:, None, :]]
            left = self.total[j] - 2 * np.einsum("sk,sk->s", beta, self.cross[j][supports])
            left = left + np.einsum("sk,skl,sl->s", beta, own, beta)
            out += self.counts[j] * np.log(np.maximum(left, 0) / self.counts[j] + self.floors[j])
        return out

    def moves(self, support: tuple[int, ...], always: tuple[int, ...] = ()) -> list[tuple[float, tuple[int, ...]]]:
        """Return supports that one term added, dropped or exchanged makes of one, with their scores, best first."""
        moves = 60
        others = [k for k in range(len(self.costs)) if k not in support and self.costs[k] < np.inf]
        free = [k for k in support if k not in always]
        trials = [tuple(sorted((*support, k))) for k in others]
        trials += [tuple(k for k in support if k != drop) for drop in free]
        trials += [tuple(sorted((*(k for k in support if k != drop), new))) for drop in free for new in others]
        found: list[tuple[float, tuple[int, ...]]] = []
        for size in sorted({len(trial) for trial in trials}):
            same = [trial for trial in trials if len(trial) == size]
            for first in range(0, len(same), 500):
                part = same[first : first + 500]
                found += zip(self.scores(np.array(part, dtype=int)).tolist(), part, strict=True)
        return sorted(found)[:moves]

    def descend(self, support: tuple[int, ...], always: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the support that the best moves lead to."""
        score = float(self.scores(np.array([support], dtype=int))[0])
        for _ in range(40):
            moves = self.moves(support, always)
            if not moves or moves[0][0] >= score - 1e-6:
                break
            score, support = moves[0]
        return support


def small_sample(count: float, numbers: int) -> float:
    """Return the correction of the criterion for few numbers: that of AICc beyond AIC."""
    left = numbers - count - 1
    return 2 * count * (count + 1) / left if left > 0 else np.inf


PLAIN, OTHER = -2, -1  # sorts of terms


@dataclass(frozen=True)
class Columns:
    """The columns (n, K) of one equation and their target (n,), both over the noise; others' columns are projected out.

    `costs` (K,) are those of the terms. `sorts` (K,) say what terms go together: a Hill function (the number of its
    term) with terms that are PLAIN, but with no other one and none that is OTHER.
    `seen` (rows, d) says which states were measured in which rows, `own` which of them the equation is of. `floors`
    (d,) are squares that count as none.
    """

    design: Array
    target: Array
    costs: Array
    sorts: Array
    seen: Array
    own: int
    floors: Array

    def standing(self, support: tuple[int, ...], others: tuple[float, int]) -> tuple[Standing, Array]:
        """Return what a support leaves and costs, with the cost and size of the other equations; its coefficients."""
        index = np.array(support, dtype=int)
        beta = np.linalg.lstsq(self.design[:, index], self.target, rcond=1e-12)[0]
        left = (self.target - self.design[:, index] @ beta).reshape(self.seen.shape)
        cost, size = others
        return Standing.of(left, self.seen, self.floors, cost + float(self.costs[index].sum()), size + len(index)), beta


def candidates(columns: Columns, most: int) -> Iterable[tuple[int, ...]]:
    """Return the supports of up to `most` terms that leave the least, by size: pairs, and those grown from the best.

    Columns are made orthogonal to those of the support that grows, so that small residuals are exact to rounding.
    """
    usable, start = Orthogonal.reduced(columns.design, columns.target)
    costs, sorts = columns.costs[usable], columns.sorts[usable]
    total, rows = int(columns.seen.sum()), int(columns.seen[:, columns.own].sum())

    def scores(support: Support) -> Array:
        rest = start.without(support)
        left = (rest.left(exact=len(support) > 1) - (total - rows)) / rows
        left[rest.squares < DEPENDENT] = np.nan
        score = rows * np.log(np.maximum(left, 0) + 1e-6 * columns.floors.mean() + 1e-30)
        score += costs + costs[list(support)].sum()
        sort = sorts[list(support)].max(initial=PLAIN)
        barred = sorts > (PLAIN if sort >= 0 else OTHER if sort == OTHER else np.inf)
        score[~np.isfinite(left) | barred] = np.inf
        return score

    def width(size: int) -> int | None:
        return SETTINGS.grown[min(size - 1, len(SETTINGS.grown)) - 1] if size > 1 else None

    yield ()
    for level in grow(scores, most, width, SETTINGS.branches):
        counts: Counter[int] = Counter()
        for _, support in level:
            sort = max(sorts[list(support)].max(initial=PLAIN), OTHER)
            counts[sort] += 1
            if counts[sort] <= (SETTINGS.supports_kept if sort == OTHER else SETTINGS.hills_kept):
                yield tuple(int(usable[k]) for k in support)


@dataclass(frozen=True)
class Scored:
    """A fitted system and its score: n sum_j log(mean square_j) plus the costs of its terms."""

    fitted: Fitted
    score: float

    @property
    def system(self) -> System:
        return self.fitted.system


@dataclass
class Search:
    """Fits of supports of one library to the rows, in chains of one length; each support is fitted once."""

    data: Measured
    library: Library
    chains: Chains
    seen: dict[bytes, Scored | None] = field(default_factory=dict)

    @property
    def floors(self) -> Array:
        return (self.chains.floor * self.data.deviation / self.chains.noise) ** 2

    def scored(self, system: System, nodes: Array) -> Scored | None:
        """Return the fit of a system, started from its constants."""
        key = system.mask.tobytes()
        if key in self.seen:
            return self.seen[key]
        found = fit(system, nodes, self.data, self.chains)
        result = None if found is None or not self._allowed(found) else Scored(found, self.score(found))
        self.seen[key] = result
        return result

    def _allowed(self, found: Fitted) -> bool:
        """Return whether no constant is beyond its bounds by more than noise explains."""
        surely = 2.0  # standard errors
        system = found.system
        beyond = self.data.prior.beyond(self.library.expressions, system.mask, system.coefficients)
        if not beyond:
            return True
        errors = np.zeros(system.mask.shape)
        errors[system.places] = np.sqrt(np.diag(least_squares(found, self.data)))[: len(system.places[0])]
        return all(by <= surely * errors[j, k] for j, k, by in beyond)

    def score(self, fitted: Fitted) -> float:
        errors = float(self.data.counts @ np.log(fitted.squares + self.floors))
        return errors + self.penalty(fitted.system)

    def penalty(self, system: System) -> float:
        own = np.log(self.data.size) * system.n_parameters
        own += float(self._costs(system)[system.places].sum())
        return own + small_sample(system.n_parameters, self.data.size)

    def _costs(self, system: System) -> Array:
        """Return the costs (E, K) of terms; infinite for one that a shift of the hidden state stands for."""
        costs = self.data.prior.costs(self.library, len(system.mask))
        if self.data.hidden and system.fixed is not None:
            z, (drive,) = state_symbols(system.terms.n_states)[-1], system.fixed.terms.expressions
            costs[np.flatnonzero(system.fixed.coefficients[:, 0]), self.library.expressions.index(drive / z)] = np.inf
        return costs

    def improved(self, start: Scored) -> Scored:
        """Return the best of the supports that single terms, and the quadratic model, lead to from a fit."""
        best = start
        for _ in range(SETTINGS.rounds):
            tried = [found for found in (self.scored(s, best.fitted.nodes) for s in self._proposed(best)) if found]
            better = min(tried, key=lambda found: found.score, default=best)
            if better.score >= best.score - 1e-3:
                break
            best = better
        return best

    def thinned(self, start: Scored) -> list[Scored]:
        """Return fits from which the least certain term was dropped, one after the other, up to four."""
        out: list[Scored] = []
        best = start
        while len(out) < SETTINGS.dropped and best.score < start.score + SETTINGS.front_end and best.system.mask.any():
            system = best.system
            gram = best.fitted.linear.by.T @ best.fitted.linear.by
            error = np.sqrt(np.abs(np.diag(np.linalg.pinv(gram, hermitian=True))))
            count = len(system.places[0])
            k = int(np.argmin(np.abs(system.parameters[:count]) / (error[:count] + 1e-300)))
            mask = system.mask.copy()
            mask[system.places[0][k], system.places[1][k]] = False
            less = replace(system, mask=mask, coefficients=np.where(mask, system.coefficients, 0.0))
            found = self.scored(less, best.fitted.nodes)
            if found is None:
                break
            out.append(found)
            best = found
        return out

    def _proposed(self, at: Scored) -> Iterable[System]:
        """Return systems to try next, those that promise most first."""
        largest = 1e12  # residual, or derivative of one, beyond which no model of them is made
        whole = replace(at.system, mask=np.ones_like(at.system.mask))
        chains = self.chains
        try:
            linear = linearize(whole, at.fitted.nodes, self.data, chains.at, chains.size, chains.noise, chains.substeps)
        except np.linalg.LinAlgError:
            return
        if not (np.abs(linear.by).max() < largest and np.abs(linear.rest).max() < largest):
            return
        quadratic, support, always, theta = self._quadratic(at, whole, linear.rest, linear.by)
        here = float(quadratic.scores(np.array([support], dtype=int))[0])
        far = quadratic.descend(support, always)
        wanted = [far] if far != support else []
        wanted += [trial for score, trial in quadratic.moves(support, always) if score < here - 0.5 and trial != far]
        count = len(whole.places[0])
        for trial in wanted[: SETTINGS.supports_each_round]:
            mask = np.zeros_like(whole.mask)
            chosen = np.array([k for k in trial if k < count], dtype=int)
            mask[whole.places[0][chosen], whole.places[1][chosen]] = True
            g = np.einsum("d,dpq->pq", quadratic.weights, quadratic.gram)
            c = quadratic.weights @ quadratic.cross
            index = np.array(trial, dtype=int)
            beta = np.linalg.lstsq(g[np.ix_(index, index)], c[index], rcond=1e-13)[0]
            parameters = theta.copy()
            parameters[:count] = 0.0
            inside = index < count
            parameters[index[inside]] = beta[inside]
            system = whole.at(parameters)
            yield replace(system, mask=mask, coefficients=np.where(mask, system.coefficients, 0.0))

    def _quadratic(
        self, at: Scored, whole: System, rest: Array, by: Array
    ) -> tuple[Quadratic, tuple[int, ...], tuple[int, ...], Array]:
        d, log = self.data.n_observed, np.log(self.data.size)
        theta, count = whole.parameters, len(whole.places[0])
        wide = by.reshape(-1, d, by.shape[1])
        target = (rest + by @ theta).reshape(-1, d)
        active = [count + i for i, w in enumerate(whole.used_inner) if w in at.system.used_inner]
        norms = np.sqrt(np.einsum("ndp,ndp->p", wide, wide))
        costs = np.full(len(theta), np.inf)
        costs[:count] = log + self._costs(whole)[whole.places]
        costs[active] = log
        costs[norms <= 1e-12 * norms.max()] = np.inf
        quadratic = Quadratic(
            np.einsum("ndp,ndq->dpq", wide, wide), np.einsum("ndp,nd->dp", wide, target), (target**2).sum(axis=0),
            1 / (at.fitted.squares + self.floors), self.floors, costs,
            self.data.counts,
        )  # fmt: skip
        on = {*zip(*(a.tolist() for a in at.system.places), strict=True)}
        places = zip(*(a.tolist() for a in whole.places), strict=True)
        support = [k for k, place in enumerate(places) if place in on]
        return quadratic, tuple(sorted([*support, *active])), tuple(active), theta


def begin(data: Measured, curves: list[Curve], at: Stretches) -> Array:
    """Return the states (S, m) at the beginnings of stretches, from smooth curves."""
    out = []
    which = -1
    for follows, times in zip(at.follows, at.times, strict=True):
        which += not follows
        curve = curves[which]
        z = [curve.at(times[:1])] + ([curve.at(times[:1], 1)] if data.order == 2 else [])
        out.append(np.concatenate(z, axis=1)[0])
    return np.array(out)
