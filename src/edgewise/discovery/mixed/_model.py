"""A formula some of whose constants differ by group: the Lindstrom-Bates alternation, and its result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.discovery.mixed._linear import Blocks, Solved, root_of
from edgewise.formulas.expressions import Covariance, FitData, FreeFormula, Tape, Uncertainty


@dataclass(frozen=True)
class MixedModel:
    """y = f(x, phi_g) + e,  phi_g = beta + b_g for the `varying` constants,  b_g ~ N(0, D),  e ~ N(0, s^2 / weight^2).

    `constants` are the symbols of `formula` other than the columns `names`; x (n, m), y, weight and codes (n,) are the
    rows. D is diagonal unless `full`; `restricted` stands for restricted maximum likelihood.

    References
    ----------
    Lindstrom and Bates, Nonlinear mixed effects models for repeated measures data (1990); Pinheiro and Bates,
    Mixed-Effects Models in S and S-PLUS (2000), chapter 7.
    """

    formula: Part
    constants: tuple[sympy.Symbol, ...]
    varying: tuple[int, ...]
    names: tuple[str, ...]
    x: Array = field(repr=False)
    y: Array = field(repr=False)
    weight: Array = field(repr=False)
    codes: Array = field(repr=False)
    groups: int
    full: bool = True
    restricted: bool = True
    rounding: float = 1e-12  # of the size of y about its mean: the error that rounding leaves

    @cached_property
    def tape(self) -> Tape:
        return Tape(self.formula, self.names, self.constants)

    @cached_property
    def columns(self) -> list[Array]:
        return [np.ascontiguousarray(column) for column in self.x.T]

    def at(self, beta: Array, b: Array, codes: Array) -> list[float | Array]:
        """Return the constants of rows of these groups, an array (n,) for each that differs."""
        own: list[float | Array] = [*map(float, beta)]
        for k, place in enumerate(self.varying):
            own[place] = beta[place] + b[codes, k]
        return own

    def _linear(self, beta: Array, b: Array) -> Blocks | None:
        """Return the linear model that touches this one at given constants; None where it is undefined."""
        values, jacobian = self.tape.jacobian(self.columns, self.at(beta, b, self.codes))
        with np.errstate(all="ignore"):
            x = self.weight[:, None] * jacobian
            z = x[:, self.varying]
            y = self.weight * (self.y - values) + x @ beta + np.sum(z * b[self.codes], axis=1)
        if not (np.isfinite(y).all() and np.isfinite(x).all()):
            return None
        return Blocks.of(z, x, y, self.codes, self.groups)

    def _penalized(self, beta: Array, u: Array, factor: Array) -> float:
        """Return the penalized sum of squares at given constants, b = L u."""
        values = self.tape.values(self.columns, self.at(beta, u @ factor.T, self.codes))
        with np.errstate(all="ignore"):
            found = float(np.sum((self.weight * (self.y - values)) ** 2) + np.sum(u**2))
        return found if math.isfinite(found) else math.inf

    def _constants(self, beta: Array, u: Array, factor: Array) -> tuple[Array, Array]:
        """Return the constants that minimize the penalized sum of squares at given variances, by Gauss-Newton."""
        steps, halvings = 50, 12
        still = 1e-12  # of the sum of squares: a step that lowers it by less is the last
        now = self._penalized(beta, u, factor)
        for _ in range(steps):
            blocks = self._linear(beta, u @ factor.T)
            if blocks is None:
                break
            aim, length = blocks.solved(factor), 1.0
            for _ in range(halvings):
                moved = beta + length * (aim.beta - beta), u + length * (aim.u - u)
                after = self._penalized(*moved, factor)
                if after <= now:
                    break
                length /= 2
            else:
                break
            beta, u = moved
            if now - after <= still * now:
                break
            now = after
        return beta, u

    @cached_property
    def _size(self) -> float:
        """The root of the weighted sum of squares of y about its mean."""
        square = self.weight**2
        return float(np.linalg.norm(self.weight * (self.y - np.average(self.y, weights=square))))

    def _exact(self, blocks: Blocks, beta: Array, b: Array) -> MixedFit | None:
        """Return the fit of each group on its own, if it leaves rounding; the variances are those of its constants."""
        apart, near, last = 1e8, 1e-5, 1e-14  # s of b over that of e; of y: what may be left; what doubles lose of y
        nothing = 1e-12  # of y: s of an exact fit
        factor = np.diag(apart / np.maximum(blocks.sizes, 1e-300))
        with np.errstate(all="ignore"):
            if not blocks.solved(factor).left <= near * self._size:
                return None
            beta, u = self._constants(beta, b @ np.linalg.inv(factor).T, factor)
        b, varying = u @ factor.T, list(self.varying)
        left = self.weight * (self.y - self.tape.values(self.columns, self.at(beta, b, self.codes)))
        found, lost = self._linear(beta, b), last * float(np.linalg.norm(self.weight * self.y))
        if found is None or not np.linalg.norm(left) <= max(self.rounding * self._size, lost):
            return None
        beta[varying] += b.mean(0)
        b = b - b.mean(0)
        sigma = nothing * self._size / math.sqrt(found.rows)
        solved = found.solved(root_of(b.T @ b / max(self.groups - 1, 1)) / sigma)
        return MixedFit(self, found, solved, beta, b, sigma, found.deviance(solved, self.restricted), exact=True)

    def near(self, blocks: Blocks) -> MixedFit:
        """Return estimates of a model that is linear, of which `blocks` are the rows: variances near the maximum."""
        begin = np.zeros(blocks.p), np.zeros((self.groups, blocks.q))
        exact = self._exact(blocks, *begin) if self.varying else None
        return exact or self._of(blocks, blocks.solved(blocks.begun(self.full, self.restricted)))

    def _of(self, blocks: Blocks, solved: Solved, converged: bool = False) -> MixedFit:
        sigma = solved.left / math.sqrt(blocks.freedom(self.restricted))
        deviance = blocks.deviance(solved, self.restricted)
        return MixedFit(self, blocks, solved, solved.beta, solved.u @ solved.factor.T, sigma, deviance, converged)

    def fit(self, start: Sequence[float] | Array, turns: int = 200) -> MixedFit | None:
        """Return the estimates, from mean constants (p,) near them; None where the formula is undefined there."""
        still, alike = 1e-9, 1e-5  # of the deviance, and of the factor: changes that end the alternation
        beta, factor = np.array(start, dtype=np.float64), None
        b, before = np.zeros((self.groups, len(self.varying))), math.inf
        for turn in range(turns):
            blocks = self._linear(beta, b)
            if blocks is None:
                return None
            if self.varying and (exact := self._exact(blocks, beta, b)) is not None:
                return exact
            near = factor if turn > 2 and factor is not None and np.diag(factor).all() else None
            again = blocks.estimated(near, full=self.full, restricted=self.restricted)
            found = self._of(blocks, blocks.solved(again))
            moved = np.inf if factor is None else np.abs(again - factor).max(initial=0.0)
            change, before, factor = abs(found.deviance - before), found.deviance, again
            if not np.isfinite(found.beta).all() or not math.isfinite(before):
                return None
            if change <= still * max(abs(before), 1.0) and moved <= alike * np.abs(factor).max(initial=1e-300):
                return replace(found, beta=beta, b=b, converged=True)
            inverse = np.linalg.pinv(factor) if factor.size else factor
            beta, u = self._constants(beta, b @ inverse.T, factor)
            b = u @ factor.T
        return replace(found, beta=beta, b=b) if math.isfinite(before) else None


@dataclass(frozen=True)
class MixedFit:
    """The estimates of a `MixedModel`: mean constants `beta` (p,), deviations `b` (G, q), and -2 log likelihood.

    `sigma` is the standard deviation of the residuals at weight 1, `blocks` and `solved` are the
    linear model that touches it there.
    """

    model: MixedModel
    blocks: Blocks = field(repr=False)
    solved: Solved = field(repr=False)
    beta: Array
    b: Array
    sigma: float
    deviance: float
    converged: bool = True
    exact: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the constants that differ."""
        return tuple(self.model.constants[k].name for k in self.model.varying)

    @property
    def between(self) -> Array:
        """The covariance (q, q) of the constants between groups."""
        return self.sigma**2 * self.solved.factor @ self.solved.factor.T

    @property
    def deviations(self) -> Array:
        """The standard deviations (q,) of the constants between groups."""
        return np.sqrt(np.diag(self.between))

    @property
    def correlation(self) -> Array:
        """The correlation (q, q) of the constants between groups; nan where one does not differ."""
        with np.errstate(all="ignore"):
            return self.between / self.deviations[:, None] / self.deviations

    @cached_property
    def covariance(self) -> Array:
        """The covariance (p, p) of the mean constants, s^2 of n - p degrees of freedom."""
        m, n, p = self.blocks.freedom(self.model.restricted), self.blocks.rows, self.blocks.p
        return self.sigma**2 * m / max(n - p, 1) * self.solved.root @ self.solved.root.T

    @property
    def values(self) -> Array:
        """The constants (G, q) of the groups, shrunken towards the mean."""
        return self.beta[list(self.model.varying)] + self.b

    @property
    def errors(self) -> Array:
        """The standard errors (G, q) of the constants of the groups."""
        own = np.eye(len(self.beta))[list(self.model.varying)]
        groups = np.arange(self.model.groups)
        return np.sqrt(
            np.stack([self._variance(np.tile(row, (len(groups), 1)), groups) for row in own], axis=1)
        ) if len(own) else np.zeros((len(groups), 0))  # fmt: skip

    def _variance(self, jacobian: Array, codes: Array) -> Array:
        """Return the variances (n,) of values with derivatives (n, p) by the constants, in groups `codes`, -1 new."""
        z = jacobian[:, self.model.varying]
        known = codes >= 0
        at = np.where(known, codes, 0)
        moved = np.einsum("nq,nqp->np", z, self.solved.moved[at]) * known[:, None]
        mean = np.einsum("np,pr,nr->n", jacobian + moved, self.covariance, jacobian + moved)
        within = self.sigma**2 * np.sum(np.einsum("nq,nqr->nr", z, self.solved.within[at]) ** 2, axis=1)
        return mean + np.where(known, within, np.einsum("nq,qr,nr->n", z, self.between, z))

    def predict(self, x: Array, codes: Array) -> tuple[Array, Array]:
        """Return values (n,) of the formula in groups `codes` (n,), and their standard errors; -1 is a new group.

        Of a new group the value is that of the mean constants, and the error includes the variance between groups.
        """
        b = np.vstack([self.b, np.zeros((1, self.b.shape[1]))])
        columns = [np.ascontiguousarray(column) for column in np.asarray(x, dtype=np.float64).T]
        values, jacobian = self.model.tape.jacobian(columns, self.model.at(self.beta, b, codes))
        values = np.broadcast_to(values, len(codes))
        with np.errstate(all="ignore"):
            return values, np.sqrt(self._variance(np.broadcast_to(jacobian, (len(codes), len(self.beta))), codes))

    @cached_property
    def _curved(self) -> tuple[Array, Array, Array]:
        """Return how the variances' estimates vary: their covariance (k, k), and derivatives by the same parameters.

        These are of the logarithms of the standard deviations, (q, k) of the constants that differ and (k,) of the
        residuals last, and of the mean constants' variances (p, k). Parameters: the factor L in units of its rows, and
        the logarithm of s; the information is the observed one.
        """
        step = 1e-3  # of parameters, in differences
        factor, q = self.solved.factor, len(self.deviations)
        size = np.linalg.norm(factor, axis=1)
        places = np.tril_indices(q) if self.model.full else np.diag_indices(q)
        used = np.flatnonzero(size[places[0]] > 0)
        k, restricted = len(used) + 1, self.model.restricted

        def at(change: Array) -> tuple[float, Array, Array]:
            moved = factor.copy()
            rows, columns = places[0][used], places[1][used]
            moved[rows, columns] += size[rows] * change[:-1]
            solved, sigma = self.blocks.solved(moved), self.sigma * math.exp(change[-1])
            loss = self.blocks.deviance(replace(solved, left=1.0), restricted)
            m = self.blocks.freedom(restricted)
            loss += m * math.log(m * sigma**2) + solved.left**2 / sigma**2
            with np.errstate(all="ignore"):
                logarithms = np.log(sigma * np.linalg.norm(moved, axis=1))
            return loss / 2, np.append(logarithms, math.log(sigma)), sigma**2 * np.sum(solved.root**2, axis=1)

        unit = step * np.eye(k)
        ends = [(at(e), at(-e)) for e in unit]
        middle = at(np.zeros(k))[0]
        hessian = np.diag([(up[0] + low[0] - 2 * middle) / step**2 for up, low in ends])
        for i in range(k):
            for j in range(i):
                both = at(unit[i] + unit[j])[0] + at(-unit[i] - unit[j])[0]
                apart = at(unit[i] - unit[j])[0] + at(unit[j] - unit[i])[0]
                hessian[i, j] = hessian[j, i] = (both - apart) / (4 * step**2)
        with np.errstate(all="ignore"):
            slopes = [np.stack([(up[what] - low[what]) / (2 * step) for up, low in ends], axis=1) for what in (1, 2)]
        return np.linalg.pinv(hessian, hermitian=True), slopes[0], slopes[1]

    def intervals(self, coverage: float = 0.95) -> Array:
        """Return intervals (q + 1, 2) of the standard deviations between groups, and of the residuals' last.

        They are symmetric in the logarithm, as nlme's; nan for a constant that does not differ.
        """
        from scipy.stats import norm

        covariance, slopes, _ = self._curved
        center = np.append(self.deviations, self.sigma)
        with np.errstate(all="ignore"):
            half = norm.ppf(0.5 + coverage / 2) * np.sqrt(np.einsum("ij,jk,ik->i", slopes, covariance, slopes))
            return np.stack([center * np.exp(-half), center * np.exp(half)], axis=1)

    @cached_property
    def freedoms(self) -> Array:
        """The degrees of freedom (p,) of Student's t for the mean constants, by Satterthwaite's rule."""
        covariance, _, slopes = self._curved
        variance = self.sigma**2 * np.sum(self.solved.root**2, axis=1)
        with np.errstate(all="ignore"):
            found = 2 * variance**2 / np.einsum("ij,jk,ik->i", slopes, covariance, slopes)
        most = float(max(self.blocks.rows - self.blocks.p, 1))
        return np.clip(np.where(np.isfinite(found), found, most), 1.0, most)

    @cached_property
    def needed(self) -> tuple[tuple[float, float], ...]:
        """For each constant that differs: the likelihood ratio against one value for all groups, and its p value.

        The variance 0 is at the end of its range: under it the ratio is a mixture of chi-squared with k and k - 1
        degrees of freedom in equal parts, for k variances and covariances less.

        Source: Stram and Lee, Variance components testing in the longitudinal mixed effects model (1994).
        """
        from scipy.stats import chi2

        found = []
        for place in self.model.varying:
            others = tuple(k for k in self.model.varying if k != place)
            less = replace(self.model, varying=others).fit(self.beta)
            ratio = math.nan if less is None else max(less.deviance - self.deviance, 0.0)
            k = len(self.model.varying) if self.model.full else 1
            p = 0.5 * (float(chi2.sf(ratio, k)) + (float(chi2.sf(ratio, k - 1)) if k > 1 else float(ratio <= 0)))
            found.append((ratio, p))
        return tuple(found)

    def uncertainty(self, data: FitData) -> Uncertainty:
        """Return the mean constants with their covariance, for `data` of the rows."""
        model = self.model
        values = model.tape.values(data.columns, self.beta)
        free = FreeFormula(model.formula, model.constants, tuple(map(float, self.beta)), data.error(values))
        unit = self.sigma * float(data.weight.max() / model.weight.max())
        return Uncertainty(free, data, unit, given=Covariance(self.covariance, self.freedoms))

    @property
    def log_likelihood(self) -> float:
        """The largest log-likelihood, as lme4 and nlme count it: the restricted one where it was maximized."""
        return float(np.sum(np.log(self.model.weight))) - self.deviance / 2

    @property
    def parameters(self) -> int:
        """The mean constants, the variances and covariances between groups, and the residuals' variance."""
        q = len(self.model.varying)
        return len(self.beta) + (q * (q + 1) // 2 if self.model.full else q) + 1
