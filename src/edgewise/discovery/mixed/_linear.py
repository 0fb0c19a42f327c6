"""Linear mixed models: rows of groups in compressed form, their likelihood, and the variances that maximize it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgewise._typing import Array


@dataclass(frozen=True)
class Solved:
    """The estimates at given variances: y = X beta + Z L u_g + e, with u_g and e of covariance s^2.

    `factor` is L (q, q). Of the triangular system: `own` (G, q, q) and `onto` (G, q, p + 1) of the groups, `shared`
    (p, p + 1) of beta; `left` is the root of the penalized sum of squares.
    """

    factor: Array
    own: Array
    onto: Array
    shared: Array
    left: float

    @cached_property
    def beta(self) -> Array:
        """The mean constants (p,)."""
        return self.root @ self.shared[:, -1]

    @cached_property
    def u(self) -> Array:
        """The deviations (G, q) of the groups in units of L: b = L u."""
        left = self.onto[:, :, -1] - self.onto[:, :, :-1] @ self.beta
        return np.linalg.solve(self.own, left[..., None])[..., 0]

    @cached_property
    def root(self) -> Array:
        """A root (p, p) of the covariance of beta over s^2."""
        triangle = self.shared[:, :-1]
        size = np.abs(triangle).max(0, initial=0.0)
        size = np.where(size > 0, size, 1.0)
        return np.linalg.pinv(triangle / size, rcond=1e-12) / size[:, None]

    @cached_property
    def within(self) -> Array:
        """Roots (G, q, q) of the covariances of b_g over s^2, beta being known."""
        return self.factor @ np.linalg.inv(self.own)

    @cached_property
    def moved(self) -> Array:
        """What an error of beta moves b_g by (G, q, p)."""
        return -self.within @ self.onto[:, :, :-1]


@dataclass(frozen=True)
class Blocks:
    """Columns Z (n, q), X (n, p) and y (n,) of the rows of groups, each group's reduced to a triangle by QR.

    `triangles` (G, q + p + 1, q + p + 1) have the inner products of the columns.

    References
    ----------
    Pinheiro and Bates, Mixed-Effects Models in S and S-PLUS (2000), chapter 2; Bates, Maechler, Bolker and Walker,
    Fitting linear mixed-effects models using lme4 (2015).

    >>> rng = np.random.default_rng(0)
    >>> codes = np.repeat(np.arange(40), 10)
    >>> y = 5 + 2 * rng.standard_normal(40)[codes] + rng.standard_normal(400)
    >>> blocks = Blocks.of(np.ones((400, 1)), np.ones((400, 1)), y, codes, 40)
    >>> found = blocks.solved(blocks.estimated())
    >>> round(float(found.beta[0]), 1), round(float(found.factor[0, 0]), 1)
    (4.9, 1.5)
    """

    triangles: Array
    q: int
    rows: int

    @classmethod
    def of(cls, z: Array, x: Array, y: Array, codes: Array, groups: int) -> Blocks:
        """Return the compressed rows, each of the group in `codes` (n,); groups of one size are reduced at once."""
        q = z.shape[1]
        matrix = np.column_stack([z, x, y])
        width = matrix.shape[1]
        order, counts = np.argsort(codes, kind="stable"), np.bincount(codes, minlength=groups)
        starts = np.cumsum(counts) - counts
        triangles = np.zeros((groups, width, width))
        for size in np.unique(counts[counts > 0]):
            which = np.flatnonzero(counts == size)
            rows = matrix[order[starts[which][:, None] + np.arange(size)]]
            triangles[which, : min(size, width)] = _triangle(rows)
        return cls(triangles, q, len(y))

    @property
    def p(self) -> int:
        """The number of mean constants."""
        return self.triangles.shape[1] - self.q - 1

    @property
    def sizes(self) -> Array:
        """The norms (q,) of the columns of Z within a group: their root mean squares over the groups."""
        return np.sqrt(np.mean(np.sum(self.triangles[:, :, : self.q] ** 2, axis=1), axis=0))

    def of_varying(self, places: list[int]) -> Blocks:
        """Return the same rows with some of the columns of Z only."""
        kept = [*places, *range(self.q, self.triangles.shape[2])]
        columns = self.triangles[:, :, kept]
        return Blocks(_triangle(columns), len(places), self.rows)

    def solved(self, factor: Array) -> Solved:
        """Return the estimates at the factor L (q, q) of the covariance of b over s^2, L L'."""
        q, p, groups = self.q, self.p, len(self.triangles)
        top = np.concatenate([self.triangles[:, :, :q] @ factor, self.triangles[:, :, q:]], axis=2)
        low = np.broadcast_to(np.eye(q, q + p + 1), (groups, q, q + p + 1))
        r = _triangle(np.concatenate([top, low], axis=1))
        rest = _triangle(r[:, q:, q:].reshape(-1, p + 1))
        shared = np.zeros((p + 1, p + 1))
        shared[: len(rest)] = rest
        return Solved(factor, r[:, :q, :q], r[:, :q, q:], shared[:p], abs(float(shared[p, p])))

    def freedom(self, restricted: bool) -> int:
        """The rows, less the mean constants where the likelihood is the restricted one."""
        return self.rows - self.p if restricted else self.rows

    def deviance(self, solved: Solved, restricted: bool = True, least: float = 0.0) -> float:
        """Return -2 log likelihood, that of s^2 at its maximum, but s at least `least`, without the rows' weights.

        sum log |I + L'Z'Z L| + m log(2 pi s^2) + left^2 / s^2,  m = n, or n - p and log |X'V^-1 X|, if restricted
        """
        m = self.freedom(restricted)
        size = max(solved.left / math.sqrt(m), least, 1e-150)
        if size > solved.left / math.sqrt(m):  # the variances between groups stay, in units of the larger s
            solved = self.solved(solved.factor * (solved.left / math.sqrt(m) / size))
        own = np.abs(np.diagonal(solved.own, axis1=1, axis2=2))
        found = 2 * float(np.sum(np.log(own)))
        if restricted:
            found += 2 * float(np.sum(np.log(np.maximum(np.abs(np.diag(solved.shared)), 1e-300))))
        return found + m * math.log(2 * math.pi * size**2) + (solved.left / size) ** 2

    def expected(self, solved: Solved, full: bool, restricted: bool) -> Array:
        """Return the factor L after a step of expectation and maximization, which never lowers the likelihood."""
        variance = solved.left**2 / self.freedom(restricted)
        spread = np.linalg.inv(solved.own)
        mean = spread @ np.swapaxes(spread, 1, 2)
        if restricted:
            moved = spread @ solved.onto[:, :, :-1] @ solved.root
            mean = mean + moved @ np.swapaxes(moved, 1, 2)
        mean = np.mean(mean + solved.u[:, :, None] * solved.u[:, None, :] / max(variance, 1e-300), axis=0)
        covariance = solved.factor @ mean @ solved.factor.T
        return root_of(covariance if full else np.diag(np.diag(covariance)))

    def begun(self, full: bool = True, restricted: bool = True, steps: int = 12) -> Array:
        """Return a factor L near the maximum of the likelihood."""
        with np.errstate(all="ignore"):
            factor = np.diag(1 / np.maximum(self.sizes, 1e-300))
            for _ in range(steps):
                again = self.expected(self.solved(factor), full, restricted)
                if not np.isfinite(again).all():
                    break
                factor = again
        return factor

    def estimated(self, start: Array | None = None, *, full: bool = True, restricted: bool = True) -> Array:
        """Return the factor L (q, q), lower triangular, that maximizes the likelihood, or the restricted one.

        A constant whose variance between groups adds nothing gets the variance 0. `full`: whether the constants of
        a group may correlate.
        """
        nothing = 1e-7  # of the deviance: a variance that is worth less is 0
        from scipy.optimize import minimize

        if not self.q:
            return np.zeros((0, 0))
        begun = self.begun(full, restricted) if start is None else start
        places = np.tril_indices(self.q) if full else np.diag_indices(self.q)

        def factor(values: Array) -> Array:
            inner = np.zeros((self.q, self.q))
            inner[places] = values
            return begun @ inner

        def deviance(values: Array) -> float:
            found = self.deviance(self.solved(factor(values)), restricted)
            return found if math.isfinite(found) else 1e300

        with np.errstate(all="ignore"):
            first = np.eye(self.q)[places]
            found = minimize(deviance, first, method="BFGS", jac="3-point", options={"gtol": 1e-7}).x
            best, least = factor(found), deviance(found)
            for k in range(self.q):
                without = best * (np.arange(self.q) != k)[:, None]
                own = self.deviance(self.solved(without), restricted)
                if own <= least + nothing:
                    best, least = without, own
        return root_of(best @ best.T)


def _triangle(matrix: Array) -> Array:
    """Return the triangle R of A = Q R, of one matrix or of each of several."""
    return np.asarray(np.linalg.qr(matrix, mode="r"))


def root_of(covariance: Array) -> Array:
    """Return a lower triangular root of a covariance that may be singular."""
    size = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(covariance / scale[:, None] / scale)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    triangle = _triangle(root.T).T
    signs = np.where(np.diag(triangle) < 0, -1.0, 1.0)
    return scale[:, None] * triangle * signs * (size > 0)[:, None]
