"""An effect for each level of a category, or for each repeated value of a number."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.interpolate import CubicSpline, make_interp_spline

from edgewise.tables.additive._curve import DEGREE
from edgewise.tables.additive._reml import Block, Matrix, Vector
from edgewise.tables.additive._tuning import TUNING

LevelKind = Literal["level", "value", "linear", "group"]


@dataclass(frozen=True)
class Levels:
    """Indicators of the levels of one column: a random effect, shrunk to the mean by how few rows a level has.

    `values` (L,) are the level codes, or the distinct numbers; `by_frequency` (L,) their places, most rows first.
    Other values, what was seen only once, and what is missing get zero: a single row tells little about its level.

    Shapes: x (n,) -> features (n, L). A network is given the number of the level, L for one never seen; its edge is the
    spline through the effects.
    """

    column: int
    values: Vector
    by_frequency: np.ndarray
    kind: LevelKind = "level"

    @classmethod
    def of(cls, column: int, x: Vector, kind: LevelKind = "level") -> "Levels | None":
        """Return the levels of the finite values x that are there twice, the most frequent 500; None without any.

        Of the kinds "linear" and "group" all levels count; "linear" effects are those of levels less that of the first.
        """
        values, counts = np.unique(x, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        least = 1 if kind in ("linear", "group") else TUNING.level_rows
        order = order[counts[order] >= least][: TUNING.levels]
        kept = np.sort(order)
        found = cls(column, values[kept], np.searchsorted(kept, order), kind)
        return found if found.n_features else None

    @property
    def n_features(self) -> int:
        return max(len(self.values) - self.references, 0)

    @property
    def references(self) -> int:
        """How many levels have no effect: the first of the kind "linear"."""
        return int(self.kind == "linear")

    def blocks(self) -> list[Block]:
        """Return the ridge blocks of the features."""
        return [Block(self.kind, self.n_features)]

    def numbers(self, x: Vector) -> np.ndarray:
        """Return the number of each row's level, L for one that was never seen."""
        filled = np.nan_to_num(x, nan=np.inf)
        place = np.searchsorted(self.values, filled)
        known = self.values[np.minimum(place, len(self.values) - 1)] == filled
        return np.where(known, place, len(self.values))

    def features(self, x: Vector) -> Matrix:
        """Return the indicators at x (n,)."""
        return np.eye(len(self.values) + 1, len(self.values))[self.numbers(x), self.references :]

    def factors(self, features: Matrix, count: int, levels: int) -> list[Matrix]:
        """Return the block of features that products are made of: the most frequent levels."""
        return [features[:, self.factor_numbers(count, levels)]]

    def factor_numbers(self, count: int, levels: int) -> np.ndarray:
        """Return the numbers of the features that `factors` returns."""
        return np.sort(self.by_frequency[:levels])

    def value(self, x: Vector) -> Vector:
        """Return what a network is given for x: the number of the level."""
        return self.numbers(x).astype(float)

    @property
    def knots(self) -> Vector:
        """A breakpoint at each number of a level."""
        return np.arange(-DEGREE, len(self.values) + DEGREE + 1, dtype=float)

    def spline(self, beta: Vector) -> Vector:
        """Return the B-spline coefficients of the curve through the effects, and zero for the level never seen."""
        places = np.arange(len(self.values) + 1, dtype=float)
        return through(places, np.concatenate([np.zeros(self.references), beta, [0.0]]), self.knots)


@dataclass(frozen=True)
class Gap:
    """One where a column is missing, zero elsewhere."""

    column: int

    n_features = 1

    def blocks(self) -> list[Block]:
        """Return the ridge block of the feature."""
        return [Block("gap", 1)]

    def features(self, x: Vector) -> Matrix:
        """Return the indicator at x (n,)."""
        return np.isnan(x).astype(float)[:, None]

    def factors(self, features: Matrix, count: int, levels: int) -> list[Matrix]:
        """Return nothing: gaps make no products."""
        return []

    def factor_numbers(self, count: int, levels: int) -> np.ndarray:
        """Return no features."""
        return np.zeros(0, dtype=int)

    def value(self, x: Vector) -> Vector:
        """Return what a network is given for x."""
        return np.isnan(x).astype(float)

    @property
    def knots(self) -> Vector:
        return np.arange(-DEGREE, 1 + DEGREE + 1, dtype=float)

    def spline(self, beta: Vector) -> Vector:
        """Return the B-spline coefficients of the line from zero to the effect."""
        return through(np.array([0.0, 1.0]), np.array([0.0, float(beta[0])]), self.knots)


def through(places: Vector, values: Vector, knots: Vector) -> Vector:
    """Return the B-spline coefficients, on knots with a breakpoint at each place, of the natural spline through points.

    >>> through(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.arange(-3.0, 5.0)).round(12)
    array([-1.,  0.,  1.,  2.])
    """
    if len(places) < 3:
        greville = np.convolve(knots[1:-1], np.ones(DEGREE) / DEGREE, "valid")
        return values[0] + (values[1] - values[0]) / (places[1] - places[0]) * (greville - places[0])
    natural = CubicSpline(places, values, bc_type="natural")
    between = np.array([places[0] + places[1], places[-2] + places[-1]]) / 2
    sites = np.sort(np.concatenate([places, between]))
    return make_interp_spline(sites, natural(sites), DEGREE, knots).c
