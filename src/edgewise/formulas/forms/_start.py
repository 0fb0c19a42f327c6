"""Where the fit of a law starts: constants that it is linear in are solved for, at a grid of the others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.formulas.expressions import FitData, FreeFormula, Tape
from edgewise.formulas.forms._form import Form, Parameter

_POINTS = 180  # of a grid, at most
_CELLS = 60_000  # of a grid times rows, at most
_ROWS, _WAVED_ROWS = 64, 400  # that starts are compared on; with a period
FEWEST_PERIODS = 3.0  # within the rows, of a wave
_RESOLVED = 5  # periods that are tried for each that the rows resolve
_PER = {1: 24, 2: 12, 3: 5, 4: 3}  # values of each constant of a grid, by their number
_FINER = {1: 11, 2: 5, 3: 3, 4: 2}  # the same, around the best ones


class _Link(NamedTuple):
    """A scale: its values of a target, and the derivative."""

    of: Callable[[Array], Array]
    slope: Callable[[Array], Array]


_LINKS: dict[str, _Link] = {
    "": _Link(lambda v: v, np.ones_like),
    "log": _Link(np.log, lambda v: 1 / v),
    "square": _Link(np.square, lambda v: 2 * v),
    "inverse": _Link(lambda v: 1 / v, lambda v: 1 / v**2),
}


@lru_cache(maxsize=512)
def _tape(form: Form) -> Tape:
    """The law with inputs, then constants, as columns."""
    return Tape(form.expression, [*form.inputs, *form.symbols])


@dataclass(frozen=True)
class Start:
    """Values for all constants of a law, and the error there, in the scale in which it was solved for."""

    values: tuple[float, ...]
    error: float


class Screen:
    """Finds starts of laws on a table: `data` with its columns, which laws take in any order."""

    def __init__(self, data: FitData) -> None:
        self.data = data
        self._frames = [_Frame.of(column) for column in data.columns]
        self._target = float(np.abs(data.y).max()) or 1.0

    def admits(self, form: Form, columns: tuple[int, ...]) -> bool:
        """Return whether the rows are as a law needs them: their number, signs of the target and of the columns."""
        return self.data.n >= form.rows and self.defines(form, columns)

    def defines(self, form: Form, columns: tuple[int, ...]) -> bool:
        """Return whether the target and the columns have the signs that a law needs."""
        if form.positive and not (self.data.y > 0).all():
            return False
        return all(
            self._frames[k].admits(form.where.get(name, "anywhere"))
            for name, k in zip(form.inputs, columns, strict=True)
        )

    def starts(self, form: Form, columns: tuple[int, ...], count: int = 1) -> list[Start]:
        """Return the best starts of a law, best first; none where it is undefined or has the wrong signs."""
        inner = [each for each in form.parameters if not each.solved]
        factors = [each for each in form.parameters if each.solved]
        axes = self._axes(form, inner, columns)
        waved = any(each.kind == "period" for each in inner)
        rows = self._thinned(_WAVED_ROWS if waved else _ROWS)
        table = [self.data.columns[k][rows] for k in columns]
        aim = self.data.y[rows], self.data.weight[rows]
        grid = _combined(axes, math.inf if waved else _POINTS)
        errors, solved = _solved(form, table, aim, inner, grid)
        if inner and np.isfinite(errors).any():
            finer = _combined(_finer(axes, grid[int(np.argmin(errors))]), _POINTS)
            grid = np.vstack([finer, grid])
            more = _solved(form, table, aim, inner, finer)
            errors, solved = np.concatenate([more[0], errors]), np.vstack([more[1], solved])
        for k, each in enumerate(factors):
            if each.positive:
                errors = np.where(solved[:, k] > 0, errors, np.inf)
        found = []
        for best in np.argsort(errors, kind="stable")[:count]:
            if np.isfinite(errors[best]):
                values = dict(zip((p.symbol for p in (*inner, *factors)), (*grid[best], *solved[best]), strict=True))
                found.append(Start(tuple(float(values[name]) for name in form.symbols), float(errors[best])))
        return found

    def error(self, form: Form, columns: tuple[int, ...], start: Start) -> float:
        """Return the error of a law at a start on all rows."""
        one = np.ones(self.data.n)
        places = [*(self.data.columns[k] for k in columns), *(value * one for value in start.values)]
        return self.data.error(_tape(form).values(places))

    def _thinned(self, most: int) -> Array:
        """Return the places of rows that starts are compared on, over the whole range of the first column."""
        order = np.argsort(self.data.columns[0], kind="stable")
        if len(order) <= most:
            return order
        return order[np.linspace(0, len(order) - 1, most).round().astype(int)]

    def _axes(self, form: Form, inner: list[Parameter], columns: tuple[int, ...]) -> list[Array]:
        """Return the values of each constant that is not solved for, in ascending order."""
        each = _PER[min(max(len(inner), 1), 4)]
        frames = dict(zip(form.inputs, (self._frames[k] for k in columns), strict=True))
        return [np.sort(np.array(self._axis(one, frames, each))) for one in inner]

    def _axis(self, one: Parameter, frames: Mapping[str, _Frame], count: int) -> list[float]:
        if one.kind == "number":
            return list(one.values or (0.5, 1.0, 2.0, 4.0))
        powers = one.powers
        if one.kind == "period":
            return frames[next(iter(powers))].periods(_CELLS // _WAVED_ROWS)
        if one.kind == "place":
            return frames[next(iter(powers))].places(count)
        unit = self._target ** powers.get("y", 0.0)
        count = count if one.positive else max(count // 2 + 1, 3)
        grids = [frames[name].sizes(count) ** power for name, power in powers.items() if name != "y"]
        sizes = unit * (math.prod(grids) if grids else np.ones(1))
        if one.values:
            middle = float(np.exp(np.log(sizes).mean()))
            sizes = middle * np.array(one.values) if len(sizes) > 1 else sizes * np.array(one.values)
        return sizes.tolist() if one.positive else [*sizes.tolist(), *(-sizes).tolist()]


@dataclass(frozen=True)
class _Frame:
    """The ends of a column, the least size above zero and the median step between its values."""

    low: float
    high: float
    least: float
    step: float

    @classmethod
    def of(cls, column: Array) -> _Frame:
        values = np.unique(column)
        sizes = np.abs(values[values != 0])
        step = float(np.median(np.diff(values))) if len(values) > 1 else 1.0
        least = float(sizes.min()) if len(sizes) else 1.0
        return cls(float(values[0]), float(values[-1]), least, step)

    @property
    def range(self) -> float:
        return (self.high - self.low) or 1.0

    def admits(self, where: str) -> bool:
        if where == "nonnegative":
            return self.low >= 0 < self.high
        if where == "positive":
            return self.low > 0
        return where == "anywhere" or (self.low >= 0 and self.high <= 1 and self.high > 0)

    def sizes(self, count: int) -> Array:
        """Return sizes that change something: from the least one to the largest, and a little beyond."""
        beyond, decades = 4.0, 1e5
        largest = max(abs(self.low), abs(self.high))
        least = max(min(self.least, self.range), largest / decades)
        low, high = least / beyond, beyond * largest
        if self.low > 0 and self.range < 0.5 * self.high:  # far from zero: differences matter, and sizes far larger
            low, high = self.range / beyond, 20 * beyond * self.high
        return np.geomspace(low, high, count)

    def places(self, count: int) -> list[float]:
        """Return places within the range, and some outside of it."""
        outside = (-3.0, -1.0, -0.4, -0.1, 1.1, 2.0)
        inside = np.linspace(0.03, 0.97, max(count - 4, 3))
        return [self.low + fraction * self.range for fraction in (*inside, *outside)]

    def periods(self, most: int) -> list[float]:
        """Return the periods that equidistant rows as dense as these resolve, at least three in the range."""
        first = round(_RESOLVED * FEWEST_PERIODS)
        count = min(int(_RESOLVED * self.range / (2 * self.step)), most)
        return [_RESOLVED * self.range / k for k in range(first, max(count, first) + 1)]


def _combined(axes: list[Array], most: float) -> Array:
    """Return the combinations (g, k) of values of k constants, some of them where they are many."""
    points = np.array(list(itertools.product(*axes))) if axes else np.zeros((1, 0))
    if len(points) <= most:
        return points
    return points[np.sort(np.random.default_rng(0).permutation(len(points))[: int(most)])]


def _finer(axes: list[Array], best: Array) -> list[Array]:
    """Return values between the neighbors of the best ones."""
    count = _FINER[min(len(axes), 4)]
    found = []
    for axis, value in zip(axes, best, strict=True):
        k = int(np.argmin(np.abs(axis - value)))
        low, high = axis[max(k - 1, 0)], axis[min(k + 1, len(axis) - 1)]
        space = np.geomspace if low * high > 0 else np.linspace
        found.append(space(low, high, count))
    return found


def _solved(
    form: Form, columns: list[Array], aim: tuple[Array, Array], inner: list[Parameter], grid: Array
) -> tuple[Array, Array]:
    """Return the errors (g,) at values (g, k) of the inner constants, and the linear constants (g, p)."""
    ridge, too_large = 1e-13, 1e150  # of a column's size squared; what cannot be squared
    factors = [each for each in form.parameters if each.solved]
    logarithms = np.array([each.kind == "factor" for each in factors], dtype=bool)
    (y, weight), link, tape = aim, _LINKS[form.solved], _tape(form)
    names = [each.symbol for each in inner]
    tiled = [np.tile(column, len(grid)) for column in columns]
    held = {name: np.repeat(values, len(y)) for name, values in zip(names, grid.T, strict=True)}
    one, zero = np.ones(len(tiled[0])), np.zeros(len(tiled[0]))

    def at(chosen: str) -> Array:
        constants = []
        for each in form.parameters:
            unit = each.kind == "factor"
            own = (np.e * one if unit else one) if each.symbol == chosen else one if unit else zero
            constants.append(held.get(each.symbol, own))
        return link.of(tape.values([*tiled, *constants])).reshape(len(grid), len(y))

    with np.errstate(all="ignore"):
        w = weight / np.abs(link.slope(y))
        base = at("")
        parts = [(at(each.symbol) - base) * w for each in factors]
        goal = w * (link.of(y) - base)
        matrix = np.stack(parts, axis=2) if parts else np.zeros((*goal.shape, 0))
        good = np.isfinite(matrix).all((1, 2)) & np.isfinite(goal).all(1)
        good &= (np.abs(matrix).max((1, 2), initial=0.0) < too_large) & (np.abs(goal).max(1) < too_large)
    errors, solved = np.full(len(grid), np.inf), np.zeros((len(grid), len(factors)))
    if not good.any():
        return errors, solved
    matrix, goal = matrix[good], goal[good]
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    lengths = np.where(lengths > 0, lengths, 1.0)
    matrix = matrix / lengths
    gram = matrix.transpose(0, 2, 1) @ matrix + ridge * np.eye(len(factors))
    solution = np.linalg.solve(gram, matrix.transpose(0, 2, 1) @ goal[:, :, None])
    errors[good] = np.linalg.norm(goal - (matrix @ solution)[:, :, 0], axis=1)
    solved[good] = solution[:, :, 0] / lengths[:, 0]
    with np.errstate(all="ignore"):
        solved[:, logarithms] = np.exp(solved[:, logarithms])
    return errors, solved


def free_form(form: Form, columns: tuple[str, ...], values: Sequence[float]) -> FreeFormula:
    """Return a law of columns at values of its constants."""
    symbols = {name: sympy.Dummy(name) for name in form.symbols}
    template = form.of(dict(zip(form.inputs, columns, strict=True)), symbols)
    return FreeFormula(template, tuple(symbols[name] for name in form.symbols), tuple(values))


def fitted_form(form: Form, columns: tuple[str, ...], start: Start, data: FitData, steps: int) -> FreeFormula:
    """Return a law fitted to rows from a start; constants that are positive and not solved for stay so.

    These are fitted by their logarithms, which also brings constants of other decades into reach.
    """
    free = free_form(form, columns, start.values)
    inner = [each.positive and not each.solved for each in form.parameters]
    logarithms = {s: sympy.exp(s) for s, own in zip(free.symbols, inner, strict=True) if own}
    first = [math.log(v) if own else v for v, own in zip(start.values, inner, strict=True)]
    with np.errstate(all="ignore"):
        found = FreeFormula(free.template.xreplace(logarithms), free.symbols, tuple(first)).fit(data, steps)
        values = [float(np.exp(v)) if own else v for v, own in zip(found.values, inner, strict=True)]
    return replace(free, values=tuple(values), error=found.error)
