"""The search of the terms of all equations together, judged on the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._fit import Chains, Fitted, fit
from edgewise.dynamics._library import Library
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._select import Quadratic, small_sample
from edgewise.dynamics._shooting import Stretches, linearize
from edgewise.dynamics._smooth import Curve
from edgewise.dynamics._system import System

FLOOR = 1e-6  # of a state's standard deviation, below which errors count as none
_LARGEST = 1e12  # residual, or derivative of one, beyond which no model of them is made
_ROUNDS = 8
_DROPPED, _FAR = 4, 40.0  # terms dropped for the front, and scores beyond which it ends
_TRIED = 3  # supports fitted in each round


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
        return (FLOOR * self.data.deviation / self.chains.noise) ** 2

    def scored(self, system: System, nodes: Array) -> Scored | None:
        """Return the fit of a system, started from its constants."""
        key = system.mask.tobytes()
        if key in self.seen:
            return self.seen[key]
        found = fit(system, nodes, self.data, self.chains)
        result = None if found is None else Scored(found, self.score(found))
        self.seen[key] = result
        return result

    def score(self, fitted: Fitted) -> float:
        n = len(self.data.times)
        errors = n * float(np.log(fitted.squares + self.floors).sum())
        return errors + self.penalty(fitted.system)

    def penalty(self, system: System) -> float:
        n, d = self.data.values.shape
        own = np.log(n * d) * system.n_parameters + float(np.array(self.library.costs)[system.places[1]].sum())
        return own + small_sample(system.n_parameters, n * d)

    def improved(self, start: Scored) -> Scored:
        """Return the best of the supports that single terms, and the quadratic model, lead to from a fit."""
        best = start
        for _ in range(_ROUNDS):
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
        while len(out) < _DROPPED and best.score < start.score + _FAR and best.system.mask.any():
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
        whole = replace(at.system, mask=np.ones_like(at.system.mask))
        chains = self.chains
        try:
            linear = linearize(whole, at.fitted.nodes, self.data, chains.at, chains.size, chains.noise, chains.substeps)
        except np.linalg.LinAlgError:
            return
        if not (np.abs(linear.by).max() < _LARGEST and np.abs(linear.rest).max() < _LARGEST):
            return
        quadratic, support, always, theta = self._quadratic(at, whole, linear.rest, linear.by)
        here = float(quadratic.scores(np.array([support], dtype=int))[0])
        far = quadratic.descend(support, always)
        wanted = [far] if far != support else []
        wanted += [trial for score, trial in quadratic.moves(support, always) if score < here - 0.5 and trial != far]
        count = len(whole.places[0])
        for trial in wanted[:_TRIED]:
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
        n, d = self.data.values.shape
        theta, count = whole.parameters, len(whole.places[0])
        wide = by.reshape(-1, d, by.shape[1])
        target = (rest + by @ theta).reshape(-1, d)
        active = [count + i for i, w in enumerate(whole.used_inner) if w in at.system.used_inner]
        norms = np.sqrt(np.einsum("ndp,ndp->p", wide, wide))
        costs = np.full(len(theta), np.inf)
        costs[:count] = np.log(n * d) + np.array(self.library.costs)[whole.places[1]]
        costs[active] = np.log(n * d)
        costs[norms <= 1e-12 * norms.max()] = np.inf
        quadratic = Quadratic(
            np.einsum("ndp,ndq->dpq", wide, wide), np.einsum("ndp,nd->dp", wide, target), (target**2).sum(axis=0),
            1 / (at.fitted.squares + self.floors), self.floors, costs, n,
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
