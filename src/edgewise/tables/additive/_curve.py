"""The curve of a numeric column: a straight and a wiggly part on the axis on which it is smooth."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import eigh, null_space

from edgewise.tables.additive._reml import Block, Matrix, Vector, inner
from edgewise.tables.additive._tuning import TUNING

MapName = Literal["raw", "log", "asinh"]


@dataclass(frozen=True)
class Axis:
    """A map of a column: x -> t(x / scale), with t(v) = v, log(v + shift) or asinh((v - center) / width).

    >>> Axis.of(np.array([1.0, 10.0, 100.0]), "log").map(np.array([50.0])).round(3)
    array([-0.693])
    """

    name: MapName = "raw"
    scale: float = 1.0
    shift: float = 0.0
    center: float = 0.0
    width: float = 1.0

    @classmethod
    def of(cls, x: Vector, name: MapName) -> "Axis":
        """Return the map of that name for the finite values x of a column."""
        scale = float(np.abs(x).max()) or 1.0
        v = x / scale
        if name == "log":
            positive = v[v > 0]
            return cls("log", scale, shift=0.0 if v.min() > 0 else 0.5 * float(positive.min()))
        if name == "asinh":
            low, center, high = np.percentile(v, [25, 50, 75])
            return cls("asinh", scale, center=float(center), width=float(high - low) or float(np.std(v)) or 1.0)
        return cls("raw", scale)

    @classmethod
    def chosen(cls, x: Vector) -> "Axis":
        """Return the least skewed of the maps: the column as it is unless another one helps clearly."""
        best = cls.of(x, "raw")
        least = abs(skewness(x / best.scale))
        if least <= TUNING.skewed or len(np.unique(x)) < 3:
            return best
        for name in ("log", "asinh"):
            if name == "log" and (x.min() < 0 or not (x > 0).any()):
                continue
            axis = cls.of(x, name)
            skew = abs(skewness(axis.map(x)))
            if skew < least - TUNING.less_skewed:
                best, least = axis, skew
        return best

    def map(self, x: Vector) -> Vector:
        """Return t(x / scale)."""
        v = x / self.scale
        if self.name == "log":
            return np.log(np.maximum(v + self.shift, 1e-300))
        if self.name == "asinh":
            return np.arcsinh((v - self.center) / self.width)
        return v

    def described(self, name: str) -> str:
        """Return how the mapped column is called.

        >>> Axis("log").described("area")
        'log(area)'
        """
        return name if self.name == "raw" else f"{self.name}({name})"


def skewness(x: Vector) -> float:
    """Return the third standardized moment, zero for a constant."""
    z = x - x.mean()
    deviation = z.std()
    return 0.0 if deviation == 0 else float((z**3).mean() / deviation**3)


DEGREE = 3
_TAIL = 0.75  # of the range of the data: the cells beyond it, in which a curve levels off
_LINE = 20.0  # of that range: how far a straight line goes on


@dataclass(frozen=True)
class Curve:
    """Functions of one numeric column, cubic splines on quantile knots.

    The first is the straight line, then come the Demmler-Reinsch functions from smooth to rough: orthogonal over the
    rows, each of mean zero and scaled so that its squared coefficient is its roughness. Within the data they are
    natural splines. Beyond its ends there is one more cell, of 0.75 times the range or less, in which they level off:

        f(b + t) = f(b) + f'(b) (t - t^3 / (3 h^2)),   0 <= t <= h

    so no curve runs away. A missing value gets zero in all functions if the column had gaps, else the values in its
    middle.

    The last `by_hand` functions hold changes by a person, one for each output; products are not made of them. With
    `is_line` there is only a straight line, without a penalty.

    Shapes: x (n,) -> features (n, 1 + wiggles); `coefficients` (K, 1 + wiggles) on `knots` (K + 4,), which are those of
    a B-spline edge of a network whose input is `value(x)`.

    Source: Demmler and Reinsch (1975); Wood, Generalized Additive Models (2017), 5.4.2.
    """

    column: int
    axis: Axis
    middle: float
    deviation: float
    standard_knots: Vector
    coefficients: Matrix
    means: Vector
    gaps: bool = False
    by_hand: int = 0
    is_line: bool = False

    @classmethod
    def line(cls, column: int, x: Vector, axis: Axis, gaps: bool = False) -> "Curve":
        """Return one function, a straight line that goes on for 20 times the range of the values x.

        >>> Curve.line(0, np.array([1.0, 3.0]), Axis()).features(np.array([3.0, 13.0])).round(9).ravel()
        array([ 1., 11.])
        """
        t = axis.map(x)
        middle, deviation = float(t.mean()), float(t.std()) or 1.0
        z = (t - middle) / deviation
        low, high = float(z.min()), float(z.max())
        knots = np.concatenate([low - _LINE * (high - low) * np.arange(DEGREE + 1, 0, -1), [low, high]])
        knots = np.append(knots, high + _LINE * (high - low) * np.arange(1, DEGREE + 2))
        greville = np.convolve(knots[1:-1], np.ones(DEGREE) / DEGREE, "valid")
        return cls(column, axis, middle, deviation, knots, greville[:, None], np.zeros(1), gaps, is_line=True)

    @classmethod
    def of(cls, column: int, x: Vector, axis: Axis, gaps: bool = False, *, straight: bool = False) -> "Curve":
        """Return the functions for the finite values x of a column that is not constant, `gaps` if it also has gaps.

        `straight`: the straight one alone.
        """
        t = axis.map(x)
        middle, deviation = float(t.mean()), float(t.std()) or 1.0
        z = (t - middle) / deviation
        distinct = np.unique(z)
        count = 2 if straight else min(len(distinct), 6 + round(4 * len(z) ** 0.25), TUNING.curve_functions)
        where = distinct if len(distinct) < 4 * count else z
        inner = np.unique(np.quantile(where, np.linspace(0, 1, count)))
        inner = inner[(inner > distinct[0]) & (inner < distinct[-1])]
        core = np.concatenate([distinct[:1], inner, distinct[-1:]])
        knots = _extended(core)
        design = BSpline.design_matrix(z, knots, DEGREE)
        functions, means = _functions(knots, core, z, design)
        return cls(column, axis, middle, deviation, knots, functions, means, gaps)

    @property
    def tail(self) -> float:
        """The usual length of a tail."""
        return _TAIL * float(self.standard_knots[-DEGREE - 2] - self.standard_knots[DEGREE + 1])

    @property
    def n_features(self) -> int:
        return self.coefficients.shape[1]

    def tails(self) -> list[Vector]:
        """Return by how much the functions (1 + wiggles,) change from each end of the data to where they are level.

        That is two thirds of their slope times the length.
        """
        knots = self.standard_knots
        places = np.array([knots[[DEGREE, DEGREE + 1]], knots[[-DEGREE - 1, -DEGREE - 2]]])
        return [first - second for first, second in (self._at(pair) for pair in places)]

    def curvature(self, beta: Matrix) -> float:
        """Return the root mean square of the second derivative of the curves beta (1 + wiggles, K) over the data."""
        core = self.standard_knots[DEGREE + 1 : -DEGREE - 1]
        points, weights = _gauss_points(core)
        second = BSpline(self.standard_knots, self.coefficients @ beta, DEGREE).derivative(2)(points)
        return float(np.sqrt(weights @ (second**2).sum(1) / (core[-1] - core[0])))

    def shortened(self, low: float, high: float) -> "Curve":
        """Return the same functions on the data, level after these parts of the cells beyond its two ends."""
        core = self.standard_knots[DEGREE + 1 : -DEGREE - 1]
        knots, sites = _extended(core, low, high), np.linspace(core[0], core[-1], 4 * len(self.coefficients))
        splines, natural = _natural(knots, core)
        values = BSpline(self.standard_knots, self.coefficients, DEGREE)(sites)
        functions = natural @ np.linalg.lstsq(splines(sites) @ natural, values, rcond=None)[0]
        return replace(self, standard_knots=knots, coefficients=functions)

    def blocks(self) -> list[Block]:
        """Return the ridge blocks of the features."""
        if self.is_line:
            return [Block("linear", 1)]
        wiggles = self.n_features - 1
        return [Block("straight", 1), *([Block("wiggly", wiggles)] if wiggles else [])]

    def features(self, x: Vector) -> Matrix:
        """Return the functions at x (n,)."""
        seen = np.isfinite(x)
        z = np.zeros(len(x))
        z[seen] = self.standardized(x[seen])
        values = self._at(z)
        if self.gaps:
            values[~seen] = 0.0
        return values

    def standardized(self, x: Vector) -> Vector:
        """Return finite values x (n,) on the axis of the standard knots."""
        return (self.axis.map(x) - self.middle) / self.deviation

    def beyond(self, x: Vector) -> np.ndarray:
        """Return which values x (n,) are beyond those of the rows; a missing one is not."""
        seen, out = np.isfinite(x), np.zeros(len(x), dtype=bool)
        z = self.standardized(x[seen])
        low, high = self.standard_knots[DEGREE + 1], self.standard_knots[-DEGREE - 2]
        slack = 1e-9 * (high - low)
        out[seen] = (z < low - slack) | (z > high + slack)
        return out

    def at_fill(self) -> Vector:
        """Return the functions at the value that a network is given for a missing one."""
        return self._at(np.zeros(1))[0]

    def _at(self, z: Vector) -> Matrix:
        inside = np.clip(z, self.standard_knots[DEGREE], self.standard_knots[-DEGREE - 1])
        return BSpline.design_matrix(inside, self.standard_knots, DEGREE) @ self.coefficients - self.means

    def factors(self, features: Matrix, count: int, levels: int) -> list[Matrix]:
        """Return the blocks of `count` features that products are made of: the straight one, and smooth wiggles."""
        wiggly = features[:, self.factor_numbers(count, levels)[1:]]
        return [features[:, :1], wiggly] if wiggly.shape[1] else [features[:, :1]]

    def factor_numbers(self, count: int, levels: int) -> np.ndarray:
        """Return the numbers of the features that `factors` returns."""
        return np.arange(min(count, self.n_features - self.by_hand))

    def value(self, x: Vector) -> Vector:
        """Return what a network is given for x: the mapped value, and the mean of the column for a missing one."""
        if self.axis.name == "raw":  # as it is: the network's own tails are constant
            return np.where(np.isfinite(x), x, self.fill)
        return np.where(np.isfinite(x), np.clip(self.axis.map(np.nan_to_num(x)), *self.ends), self.fill)

    @property
    def fill(self) -> float:
        """What `value` is for a missing one."""
        return self.middle * self.axis.scale if self.axis.name == "raw" else self.middle

    @property
    def knots(self) -> Vector:
        """The knots on the axis of `value`."""
        knots = self.middle + self.deviation * self.standard_knots
        return knots * self.axis.scale if self.axis.name == "raw" else knots

    @property
    def ends(self) -> tuple[float, float]:
        """Between which values a curve varies, on the axis of `value`."""
        knots = self.knots
        return float(knots[DEGREE]), float(knots[-DEGREE - 1])

    def spline(self, beta: Vector) -> Vector:
        """Return the B-spline coefficients (K,) of the curve of coefficients beta."""
        return self.coefficients @ beta - float(self.means @ beta)


def _extended(core: Vector, low: float = 1.0, high: float = 1.0) -> Vector:
    """Return all knots of a B-spline: breakpoints, a cell beyond each end, and three knots outside."""
    steps = _TAIL * (core[-1] - core[0]) * np.arange(DEGREE + 1, 0, -1)
    return np.concatenate([core[0] - low * steps, core, core[-1] + high * steps[::-1]])


def _natural(knots: Vector, core: Vector) -> tuple[BSpline, Matrix]:
    """Return the B-splines (K), and a basis (K, m) of those without curvature at the ends that level off."""
    splines = BSpline(knots, np.eye(len(knots) - DEGREE - 1), DEGREE)
    outer, scale = [knots[DEGREE], knots[-DEGREE - 1]], core[-1] - core[0]
    curvature, slope = splines.derivative(2)([core[0], core[-1]]), splines.derivative(1)(outer)
    return splines, null_space(np.vstack([curvature * scale**2, slope * scale]))


def _functions(knots: Vector, core: Vector, z: Vector, design: Any) -> tuple[Matrix, Vector]:
    """Return the coefficients of the straight and the wiggly functions, and their means over the rows."""
    splines, natural = _natural(knots, core)
    sites = np.linspace(core[0], core[-1], 4 * len(natural))
    straight = natural @ np.linalg.lstsq(splines(sites) @ natural, sites, rcond=None)[0]
    columns = [straight[:, None]]
    if natural.shape[1] > 2:
        wide = design @ natural
        gram = inner(wide, wide) / len(z)
        ridge = 1e-9
        gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram))
        points, weights = _gauss_points(core)
        second = splines.derivative(2)(points) @ natural
        roughness, vectors = eigh(second.T @ (second * weights[:, None]), gram)
        keep = np.arange(2, len(roughness))[roughness[2:] < TUNING.roughest * roughness[2]]
        columns.append(natural @ vectors[:, keep] * np.sqrt(roughness[2] / roughness[keep]))
    functions = np.hstack(columns)
    return functions, np.asarray((design @ functions).mean(0))


def _gauss_points(core: Vector) -> tuple[Vector, Vector]:
    """Return places and weights that integrate squares of piecewise linear functions exactly."""
    nodes, weights = np.polynomial.legendre.leggauss(2)
    half = np.diff(core) / 2
    points = (core[:-1] + half)[:, None] + half[:, None] * nodes
    return points.ravel(), (half[:, None] * weights).ravel()
