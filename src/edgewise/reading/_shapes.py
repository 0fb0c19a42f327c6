"""The shapes that a curve of one variable may have, each with the places that its fit starts from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from edgewise.programs import Node, apply, combine, constant, variable

Nodes = list[Node]

_QUARTERS = (0.1, 0.35, 0.65, 0.9)  # of the range: where a step or a hump may be
_DECADES = 5.0  # ratio of ends, from which shapes on the logarithmic axis are tried


@dataclass(frozen=True)
class Frame:
    """Where the values of a column lie."""

    low: float
    high: float
    mean: float
    deviation: float
    log_mean: float = np.nan

    @classmethod
    def of(cls, x: np.ndarray) -> "Frame":
        """Return the frame of values x, not all equal."""
        log_mean = float(np.log(x).mean()) if x.min() > 0 else np.nan
        return cls(float(x.min()), float(x.max()), float(x.mean()), float(x.std()), log_mean)

    @property
    def range(self) -> float:
        return self.high - self.low

    @property
    def places(self) -> list[float]:
        """Where a step or a hump may be."""
        return [self.low + self.range * q for q in _QUARTERS]

    @property
    def logarithmic(self) -> "Frame":
        """The frame of the logarithm of a positive column."""
        return Frame(float(np.log(self.low)), float(np.log(self.high)), self.log_mean, self.deviation / self.mean)


Where = Literal["anywhere", "nonnegative", "positive", "decades"]
"""Columns for which a shape makes sense; "decades" are positive ones over a factor of five."""


class Shape(NamedTuple):
    """A name, for which columns, and the starts of its fit in a frame. Factor and offset of the whole are free."""

    name: str
    where: Where
    starts: Callable[[Frame], list[Nodes]]


_X = variable(0)


def plus(nodes: Nodes, number: float) -> Nodes:
    """Return a piece of a formula plus a number."""
    return combine("add", nodes, constant(number))


def _at(k: float) -> Nodes:
    """x - k"""
    return plus(_X, -k)


def _scaled(a: float, k: float) -> Nodes:
    """a (x - k)"""
    return plus(variable(0, a), -a * k)


def _log_at(k: float) -> Nodes:
    return plus(apply("log", _X), -k)


def _hump(z: Nodes, narrow: float, weight: float = 1.0) -> Nodes:
    """exp(-narrow z^2)"""
    return apply("exp", apply("square", z, -narrow), weight)


def _tanhs(at: Frame) -> list[Nodes]:
    r = at.range
    return [apply("tanh", _scaled(a / r, k)) for a in (2.0, 5.0, 12.0) for k in at.places]


def _humps(at: Frame) -> list[Nodes]:
    return [_hump(_at(k), a / at.range**2) for a in (2.0, 6.0, 20.0) for k in at.places]


def _bumps(at: Frame) -> list[Nodes]:
    r = at.range
    return [_over(plus(apply("square", _scaled(a / r, k)), 1.0)) for a in (2.0, 6.0) for k in at.places]


def _waves(at: Frame) -> list[Nodes]:
    r = at.range
    return [apply("sin", _scaled(a / r, k)) for a in (3.0, 4.5, 6.3) for k in at.places]


def _powers_from(at: Frame) -> list[Nodes]:
    edges = (at.low - 0.02 * at.range, at.mean, at.high + 0.02 * at.range)
    return [apply("power", _at(k), p) for k in edges for p in (0.5, 1.0, 1.5)]


def _lines_and_steps(at: Frame) -> list[Nodes]:
    r = at.range
    return [
        combine("add", _X, apply("tanh", _scaled(6 / r, k), weight * r)) for k in at.places for weight in (-0.5, 0.5)
    ]


def _lines_and_humps(at: Frame) -> list[Nodes]:
    r = at.range
    return [combine("add", _X, _hump(_at(k), 6 / r**2, weight * r)) for k in at.places for weight in (-0.5, 0.5)]


def _powers(at: Frame) -> list[Nodes]:
    negative = (-0.5, -1.5) if at.low > 0 else ()
    return [apply("power", _X, p) for p in (0.33, 1.5, 2.5, *negative)]


def _poles(at: Frame) -> list[Nodes]:
    return [_over(_at(k)) for k in (at.low - 0.1 * at.range, at.low - 0.5 * at.range, at.high + 0.2 * at.range)]


def _log_squares(at: Frame) -> list[Nodes]:
    z = at.logarithmic
    return [apply("square", _log_at(k)) for k in (z.low, z.mean, z.high)]


def _log_steps(at: Frame) -> list[Nodes]:
    z = at.logarithmic
    centers = [z.mean - 0.2 * z.range, z.mean + 0.2 * z.range]
    return [apply("tanh", plus(apply("log", _X, a / z.range), -a * k / z.range)) for a in (3.0, 8.0) for k in centers]


def _log_humps(at: Frame) -> list[Nodes]:
    z = at.logarithmic
    return [_hump(_log_at(z.mean + q * z.range), 6 / z.range**2) for q in (-0.25, 0.0, 0.25)]


def _over(nodes: Nodes) -> Nodes:
    """1 / nodes"""
    return combine("div", constant(1.0), nodes)


def _x_over(nodes: Nodes) -> Nodes:
    return combine("div", _X, nodes)


SHAPES = (
    Shape("x", "anywhere", lambda at: [_X]),
    Shape("x^2", "anywhere", lambda at: [apply("square", _X)]),
    Shape("(x - k)^2", "anywhere", lambda at: [apply("square", _at(k)) for k in (at.low, at.mean, at.high)]),
    Shape("x^3", "anywhere", lambda at: [apply("cube", _X)]),
    Shape("(x - k)^3", "anywhere", lambda at: [apply("cube", _at(k)) for k in (at.low, at.mean, at.high)]),
    Shape("exp", "anywhere", lambda at: [apply("exp", variable(0, a / at.range)) for a in (-4.0, -1.0, 1.0, 4.0)]),
    Shape("tanh", "anywhere", _tanhs),
    Shape("gauss", "anywhere", _humps),
    Shape("1/(1 + x^2)", "anywhere", _bumps),
    Shape("sin", "anywhere", _waves),
    Shape("|x - k|^p", "anywhere", _powers_from),
    Shape(
        "x + x^3", "anywhere",
        lambda at: [combine("add", _X, apply("cube", _at(at.mean), w / at.deviation**2)) for w in (-0.3, 0.3)],
    ),
    Shape("x + tanh", "anywhere", _lines_and_steps),
    Shape("x + gauss", "anywhere", _lines_and_humps),
    Shape("1/(x - k)", "anywhere", _poles),
    Shape("log(x - k)", "anywhere", lambda at: [apply("log", _at(at.low - q * at.range)) for q in (0.05, 0.5)]),
    Shape(
        "log(k - x)", "anywhere",
        lambda at: [apply("log", combine("sub", constant(at.high + 0.1 * at.range), _X))],
    ),
    Shape("sqrt", "nonnegative", lambda at: [apply("sqrt", _X)]),
    Shape("x^p", "nonnegative", _powers),
    Shape(
        "x exp(-x)", "nonnegative",
        lambda at: [combine("mul", _X, apply("exp", variable(0, -a / at.high))) for a in (1.0, 4.0)],
    ),
    Shape("x/(x + k)", "nonnegative", lambda at: [_x_over(plus(_X, k)) for k in (at.mean, 0.2 * at.mean)]),
    Shape(
        "x/(x^2 + k)", "nonnegative",
        lambda at: [_x_over(plus(apply("square", _X), q * at.mean**2)) for q in (1.0, 0.1)],
    ),
    Shape("log", "positive", lambda at: [apply("log", _X)]),
    Shape("1/x", "positive", lambda at: [_over(_X)]),
    Shape("x log", "positive", lambda at: [combine("mul", _X, apply("log", _X))]),
    Shape("1/x^2", "positive", lambda at: [_over(apply("square", _X))]),
    Shape("log^2", "decades", _log_squares),
    Shape("tanh(log)", "decades", _log_steps),
    Shape("gauss(log)", "decades", _log_humps),
)  # fmt: skip

#: shapes that are fitted even from a poor start
STUBBORN = frozenset({"x", "(x - k)^2", "tanh", "gauss", "sin"})


def starts(at: Frame, logarithmic: bool = False) -> Iterator[tuple[str, list[Nodes]]]:
    """Return the shapes that make sense for a column, each with its starts.

    `logarithmic`: the curve is smooth on the logarithmic axis of a positive column.

    >>> "log" in dict(starts(Frame(1.0, 2.0, 1.5, 0.3))), "log" in dict(starts(Frame(-1.0, 2.0, 0.5, 1.0)))
    (True, False)
    """
    there = {"anywhere"}
    if at.low >= 0 and at.high > 0:
        there.add("nonnegative")
    if at.low > 0:
        there.add("positive")
        if logarithmic or at.high > _DECADES * at.low:
            there.add("decades")
    return ((shape.name, shape.starts(at)) for shape in SHAPES if shape.where in there)
