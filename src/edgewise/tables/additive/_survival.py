"""Times that may be censored: Cox's proportional hazards and accelerated failure times."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import expit, log_ndtr

from edgewise.tables.additive._reml import Matrix, Moments, Vector, inner
from edgewise.tables.steps import GIVEN

_FIELDS: Any = [("event", bool), ("time", float), ("stratum", int), ("weight", float)]
_LARGEST = 60.0  # difference of two log hazards


def survival_rows(
    event: np.ndarray, time: Vector, stratum: np.ndarray | None = None, weight: Vector | None = None
) -> np.ndarray:  # fmt: skip
    """Return the target of survival families: event, time, number of the stratum and weight of each row, (n,).

    >>> survival_rows(np.array([True, False]), np.array([2.0, 3.0]))["time"]
    array([2., 3.])
    """
    rows: Any = np.zeros(len(time), _FIELDS)
    rows["event"], rows["time"] = event, time
    rows["stratum"] = 0 if stratum is None else stratum
    rows["weight"] = 1.0 if weight is None else weight
    return rows


class Hazards(NamedTuple):
    """At some log hazards: the relative hazard of each row and what it adds up to; by event, the sum of its risk set.

    relative: w exp(eta), up to a factor; cumulative (n,): the baseline hazard each row was exposed to, over the
    factor; at_risk (J,): D_j; steps (J,): w_j / D_j; by_group: log D, averaged over ties.
    """

    relative: Vector
    cumulative: Vector
    at_risk: Vector
    steps: Vector
    by_group: Vector


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk when: rows in order of stratum and time, groups of the same time, and events.

    order (n,): the rows; group (n,): the number of each sorted row's time; first, last (G,): where a group begins, and
    where its stratum ends; opening (G,): the first group of its stratum; events (J,): sorted places of events; rank
    (J,): of the tied event, from 0, over how many there are; weight (J,): the mean weight of tied events.
    """

    y: np.ndarray
    order: np.ndarray
    group: np.ndarray
    first: np.ndarray
    last: np.ndarray
    opening: np.ndarray
    events: np.ndarray
    rank: Vector
    weight: Vector

    @classmethod
    def of(cls, y: np.ndarray) -> "RiskSets":
        """Return the risk sets of rows."""
        order = np.lexsort((y["time"], y["stratum"]))
        own = y[order]
        new_stratum = np.append(True, own["stratum"][1:] != own["stratum"][:-1])
        starts = new_stratum | np.append(True, own["time"][1:] != own["time"][:-1])
        group, first = np.cumsum(starts) - 1, np.flatnonzero(starts)
        opens = np.flatnonzero(new_stratum)
        which = np.searchsorted(opens, first, "right") - 1
        last, opening = np.append(opens[1:], len(y))[which], group[opens][which]
        events = np.flatnonzero(own["event"])
        ties = group[events]
        count = np.bincount(ties, minlength=len(first))
        before = np.cumsum(count) - count
        rank = (np.arange(len(events)) - before[ties]) / count[ties]
        weight = np.bincount(ties, own["weight"][events], len(first))[ties] / count[ties]
        return cls(y, order, group, first, last, opening, events, rank, weight)

    @property
    def ties(self) -> np.ndarray:
        """The group of each event."""
        return self.group[self.events]

    def at(self, eta: Vector) -> Hazards:
        """Return the hazards of rows with log hazards eta (n,), by Efron's rule for ties."""
        own, ties, groups = self.y[self.order], self.ties, len(self.first)
        e = own["weight"] * np.exp(np.maximum(eta[self.order] - eta.max(initial=0.0), -_LARGEST))
        tied = np.bincount(ties, e[self.events], groups)
        at_risk = self._later(e)[ties] - self.rank * tied[ties]
        steps = self.weight / at_risk
        rises = np.cumsum(np.bincount(ties, steps, groups).astype(float))
        rises -= np.append(0.0, rises)[self.opening]
        less = np.bincount(ties, self.rank * steps, groups)
        cumulative, relative = np.empty(len(e)), np.empty(len(e))
        cumulative[self.order] = rises[self.group] - own["event"] * less[self.group]
        relative[self.order] = e
        count = np.maximum(np.bincount(ties, minlength=groups), 1)
        return Hazards(relative, cumulative, at_risk, steps, np.bincount(ties, np.log(at_risk), groups) / count)

    def means(self, features: Matrix, hazards: Hazards) -> Matrix:
        """Return the mean of features (n, P) over the risk set of each event, (J, P)."""
        weighted = features[self.order] * hazards.relative[self.order][:, None]
        ties = self.ties
        begins = np.flatnonzero(np.append(True, ties[1:] != ties[:-1])) if len(ties) else np.zeros(0, dtype=int)
        tied = np.zeros((len(self.first), features.shape[1]))
        if len(ties):
            tied[ties[begins]] = np.add.reduceat(weighted[self.events], begins, axis=0)
        total = self._later(weighted)[ties] - self.rank[:, None] * tied[ties]
        return total / hazards.at_risk[:, None]

    def _later(self, values: Matrix) -> Matrix:
        """Return the sums of sorted values from each group to the end of its stratum."""
        sums = np.zeros((len(values) + 1, *values.shape[1:]))
        sums[:-1] = np.cumsum(values[::-1], axis=0)[::-1]
        return sums[self.first] - sums[self.last]


@dataclass(frozen=True)
class Cox:
    """The partial likelihood of proportional hazards: hazard = h_s(t) exp(eta) in stratum s, ties by Efron's rule.

    The loss of rows is twice the negative log partial likelihood of these rows alone: of rows left out, each at its
    out-of-fold eta, they are each other's risk sets. A row has 2 (m - d - d log(m / M)): m is the hazard that it was
    exposed to, d is one at an event, and M = m / (exp(eta) h) makes it the likelihood of what happened.

    Source: Efron, The efficiency of Cox's likelihood function for censored data (1977).
    """

    outputs = 1
    scale: float | None = 1.0
    is_location = False
    gradients = GIVEN

    def start(self, y: np.ndarray, weights: Vector) -> Vector:
        return np.zeros(1)

    def working(self, eta: Matrix, y: np.ndarray, output: int) -> tuple[Vector, Vector]:
        """Return the parabolas by the exposure m, which is above the curvature of the partial likelihood."""
        exposure = self.exposure(eta, y)
        least = 1e-6
        weights = np.maximum(exposure, least)
        return eta[:, 0] + (y["event"] - exposure) / weights, weights

    def exposure(self, eta: Matrix, y: np.ndarray) -> Vector:
        """Return the cumulative hazard (n,) that each row was exposed to: the number of events to expect."""
        hazards = RiskSets.of(y).at(eta[:, 0])
        return hazards.relative / y["weight"] * hazards.cumulative

    def loss(self, eta: Matrix, y: np.ndarray) -> Vector:
        sets = RiskSets.of(y)
        hazards = sets.at(eta[:, 0])
        at_risk = np.empty(len(y))
        at_risk[sets.order] = hazards.by_group[sets.group]
        own = np.log(hazards.relative / y["weight"])
        return 2 * (hazards.relative / y["weight"] * hazards.cumulative - y["event"] * (1 + own - at_risk))

    def mean(self, eta: Matrix) -> Matrix:
        """Return the logarithm of the relative hazard."""
        return eta

    def moments(self, features: Matrix, eta: Vector, y: np.ndarray, weights: Vector, about: Vector) -> Moments:
        """Return the moments of a Newton step of eta - about: the exact curvature of the partial likelihood.

        Z' H Z = sum_j w_j cov_j(z) over events j, the covariance among those at risk. The hazard has no constant: eta
        has the mean zero.
        """
        sets = RiskSets.of(y)
        hazards = sets.at(eta)
        wide = np.column_stack([features, eta - about])
        exposed = hazards.relative * hazards.cumulative
        means = sets.means(wide, hazards)
        gram = inner(wide, wide * exposed[:, None]) - inner(means, means * sets.weight[:, None])
        score = y["weight"] * y["event"] - exposed
        slack = float(score**2 @ (1 / np.maximum(exposed, 1e-6))) + len(y)
        return Moments.of_step(features, weights, gram, wide.T @ score, slack)

    def baseline(self, eta: Vector, y: np.ndarray, stratum: int) -> tuple[Vector, Vector]:
        """Return the event times of a stratum, and the cumulative hazard at eta = 0 at each, by Breslow and Efron."""
        inside = y["stratum"] == stratum
        own, eta = y[inside], eta[inside]
        sets = RiskSets.of(own)
        hazards = sets.at(eta)
        groups = np.unique(sets.ties)
        rises = np.bincount(sets.ties, hazards.steps, len(sets.first))[groups]
        factor = np.exp(-eta.max(initial=0.0))
        return own["time"][sets.order][sets.first[groups]], np.cumsum(rises) * factor


DistributionName = Literal["weibull", "lognormal", "loglogistic"]


@dataclass(frozen=True)
class Accelerated:
    """Accelerated failure times: log t = eta + sigma z, z of a Gumbel (Weibull times), normal or logistic distribution.

    sigma is that of the largest likelihood at any eta. `unit` is a standard deviation of log t that the density is
    counted in, so that the loss does not depend on the unit of time.

    Source: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data (2002), chapter 3.
    """

    distribution: DistributionName
    unit: float = 1.0
    outputs = 1
    scale: float | None = 1.0
    is_location = False
    gradients = GIVEN

    def start(self, y: np.ndarray, weights: Vector) -> Vector:
        eta = np.full((len(y), 1), float(weights @ np.log(y["time"]) / weights.sum()))
        for _ in range(50):
            response, working = self.working(eta, y, 0)
            new = float((weights * working) @ response / (weights @ working))
            done = abs(new - eta[0, 0]) < 1e-8
            eta[:] = new
            if done:
                break
        return eta[0].copy()

    def working(self, eta: Matrix, y: np.ndarray, output: int) -> tuple[Vector, Vector]:
        sigma = self.sigma(eta[:, 0], y)
        _, slope, curvature = self._rows(self._standardized(eta[:, 0], y, sigma), y["event"])
        longest = 10.0  # step of a row, in sigma: where a density is flat its curvature says nothing
        weights = np.maximum(curvature, np.maximum(np.abs(slope) / longest, 1e-6)) / sigma**2
        return eta[:, 0] + slope / sigma / weights, weights

    def loss(self, eta: Matrix, y: np.ndarray) -> Vector:
        """Return the negative log-likelihood of each row."""
        sigma = self.sigma(eta[:, 0], y)
        loss, _, _ = self._rows(self._standardized(eta[:, 0], y, sigma), y["event"])
        return loss + y["event"] * np.log(sigma / self.unit)

    def mean(self, eta: Matrix) -> Matrix:
        """Return a risk: the logarithm of the scale of the time, with the sign changed."""
        return -eta

    def sigma(self, eta: Vector, y: np.ndarray) -> float:
        """Return the sigma of the largest likelihood at eta (n,), by Newton steps of its logarithm."""
        residual, event, weight = np.log(y["time"]) - eta, y["event"], y["weight"]
        least = 1e-6 * self.unit
        log = np.log(max(float(np.sqrt(weight @ residual**2 / weight.sum())), least))
        for _ in range(50):
            z = np.clip(residual * np.exp(-log), -1e8, 1e8)
            _, slope, curvature = self._rows(z, event)
            gradient = float(weight @ (event - slope * z))
            second = abs(float(weight @ (slope * z + curvature * z**2)))
            step = float(np.clip(-gradient / max(second, 1e-300), -1.0, 1.0))
            log = float(np.clip(log + step, np.log(least), np.log(1e3 * self.unit)))
            if abs(step) < 1e-10:
                break
        return float(np.exp(log))

    def survival(self, eta: Vector, sigma: float, times: Vector) -> Matrix:
        """Return the probability (n, T) to live beyond positive times (T,)."""
        z = (np.log(times) - eta[:, None]) / sigma
        if self.distribution == "weibull":
            return np.exp(-np.exp(np.minimum(z, _LARGEST)))
        return expit(-z) if self.distribution == "loglogistic" else np.exp(log_ndtr(-z))

    @property
    def middle(self) -> float:
        """The median of z."""
        return float(np.log(np.log(2.0))) if self.distribution == "weibull" else 0.0

    def _standardized(self, eta: Vector, y: np.ndarray, sigma: float) -> Vector:
        return np.clip((np.log(y["time"]) - eta) / sigma, -1e8, 1e8)

    def _rows(self, z: Vector, event: np.ndarray) -> tuple[Vector, Vector, Vector]:
        """Return the negative logarithm of the density of z, or of the probability beyond, and two derivatives."""
        if self.distribution == "weibull":
            power = np.exp(np.minimum(z, _LARGEST / 2))
            return power - event * z, power - event, power
        if self.distribution == "loglogistic":
            p, count = expit(z), 1.0 + event
            # more than half of what bounds the loss by a parabola, from which on Newton steps always descend
            near = np.where(np.abs(z) < 1e-4, 1.0, z)
            bound = 0.6 * np.where(np.abs(z) < 1e-4, 0.25, np.tanh(near / 2) / (2 * near)) * (event | (z > 0))
            return count * np.logaddexp(0.0, z) - event * z, count * p - event, count * np.maximum(p * (1 - p), bound)
        beyond = log_ndtr(-z)
        log = np.minimum(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - beyond, np.log(1e9))
        hazard = np.exp(log)
        loss = np.where(event, 0.5 * z**2 + 0.5 * np.log(2 * np.pi), -beyond)
        return loss, np.where(event, z, hazard), np.where(event, 1.0, np.clip(hazard * (hazard - z), 1e-9, 1.0))
