"""The shapes that a curve of one variable may have, each with the constants that its fit may start from."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from edgewise.formulas.programs import apply, combine, constant, variable
from edgewise.interpret.reading._frame import Frame
from edgewise.interpret.reading._pieces import Nodes, Number, X, grid, hump, inverse, plus, shifted, stretched

_DECADES = 5.0  # ratio of ends, from which shapes on the logarithmic axis are tried
_INSIDE = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)  # of the range: where a step, a hump or a corner may be
_SIZES = (-1.2, -0.4, -0.15, 0.15, 0.4, 1.2)  # of what is added to a line, in ranges

Where = Literal["anywhere", "nonnegative", "positive", "decades"]
"""Columns for which a shape makes sense; "decades" are positive ones over a factor of five."""


class Shape(NamedTuple):
    """A name, for which columns, and all starts of its fit in a frame. Factor and offset of the whole are free."""

    name: str
    where: Where
    starts: Callable[[Frame], Nodes]


def _tanh(at: Frame) -> Nodes:
    return apply("tanh", stretched(*_steps(at)))


def _sin(at: Frame) -> Nodes:
    a, phase = grid((2.0, 3.0, 4.5, 6.3, 9.0, 13.0, 20.0), np.pi * np.arange(4) / 4)
    return apply("sin", plus(variable(0, a / at.range), phase - a / at.range * at.mean))


def _gauss(at: Frame) -> Nodes:
    k, a = grid(at.at(*_INSIDE), (2.0, 6.0, 20.0, 80.0))
    return hump(shifted(k), a / at.range**2)


def _bump(at: Frame) -> Nodes:
    k, a = grid(at.at(*_INSIDE), (1.0, 3.0, 8.0, 20.0))
    return inverse(plus(apply("square", stretched(a / at.range, k)), 1.0))


def _corner(at: Frame) -> Nodes:
    k, p = grid(at.at(-0.02, *_INSIDE, 1.02), (0.5, 1.0, 1.5, 2.5))
    return apply("power", shifted(k), p)


def _line_and_cube(at: Frame) -> Nodes:
    k, w = grid(at.at(0.2, 0.5, 0.8), (-1.0, -0.3, -0.1, 0.1, 0.3, 1.0))
    return combine("add", X, apply("cube", shifted(k), w / at.deviation**2))


def _line_and_step(at: Frame) -> Nodes:
    k, a, w = grid(at.at(*_INSIDE), (4.0, 10.0, 30.0), _SIZES)
    return combine("add", X, apply("tanh", stretched(a / at.range, k), w * at.range))


def _line_and_hump(at: Frame) -> Nodes:
    k, a, w = grid(at.at(*_INSIDE), (6.0, 25.0, 100.0), _SIZES)
    return combine("add", X, hump(shifted(k), a / at.range**2, w * at.range))


def _power(at: Frame) -> Nodes:
    return apply("power", X, *grid((0.33, 1.5, 2.5, *((-0.5, -1.5) if at.low > 0 else ()))))


def _growth_and_decay(at: Frame) -> Nodes:
    (a,) = grid((0.5, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0))
    return combine("mul", X, apply("exp", variable(0, -a / at.high)))


def _saturation(at: Frame) -> Nodes:
    (q,) = grid((3.0, 1.0, 0.2, 0.05))
    return combine("div", X, plus(X, q * at.mean))


def _peak_and_tail(at: Frame) -> Nodes:
    (q,) = grid((3.0, 1.0, 0.3, 0.1, 0.03, 0.01))
    return combine("div", X, plus(apply("square", X), q * at.mean**2))


def _pole(at: Frame) -> Nodes:
    return inverse(shifted(*grid(at.at(-0.1, -0.5, 1.2))))


def _log_square(at: Frame) -> Nodes:
    return apply("square", _log_shifted(*grid(at.logarithmic.at(0.0, 0.25, 0.5, 0.75, 1.0))))


def _log_step(at: Frame) -> Nodes:
    a, k = _steps(at.logarithmic)
    return apply("tanh", plus(apply("log", X, a), -a * k))


def _log_hump(at: Frame) -> Nodes:
    k, a = grid(at.logarithmic.at(*_INSIDE), (2.0, 6.0, 20.0, 60.0))
    return hump(_log_shifted(k), a / at.logarithmic.range**2)


def _log_shifted(k: Number) -> Nodes:
    return plus(apply("log", X), -k)


def _steps(at: Frame) -> tuple[Number, Number]:
    """Return how steep steps may be, and where."""
    k, a = grid(at.at(*_INSIDE), (2.0, 5.0, 12.0, 40.0))
    return a / at.range, k


def _squared(at: Frame) -> Nodes:
    return shifted(*grid(at.at(0.0, 0.25, 0.5, 0.75, 1.0)))


SHAPES = (
    Shape("x", "anywhere", lambda at: X),
    Shape("x^2", "anywhere", lambda at: apply("square", X)),
    Shape("(x - k)^2", "anywhere", lambda at: apply("square", _squared(at))),
    Shape("x^3", "anywhere", lambda at: apply("cube", X)),
    Shape("(x - k)^3", "anywhere", lambda at: apply("cube", _squared(at))),
    Shape("exp", "anywhere", lambda at: apply("exp", variable(0, grid((-12, -4, -1, 1, 4, 12))[0] / at.range))),
    Shape("tanh", "anywhere", _tanh),
    Shape("gauss", "anywhere", _gauss),
    Shape("1/(1 + x^2)", "anywhere", _bump),
    Shape("sin", "anywhere", _sin),
    Shape("|x - k|^p", "anywhere", _corner),
    Shape("x + x^3", "anywhere", _line_and_cube),
    Shape("x + tanh", "anywhere", _line_and_step),
    Shape("x + gauss", "anywhere", _line_and_hump),
    Shape("1/(x - k)", "anywhere", _pole),
    Shape("log(x - k)", "anywhere", lambda at: apply("log", shifted(*grid(at.at(-0.05, -0.5))))),
    Shape("log(k - x)", "anywhere", lambda at: apply("log", combine("sub", constant(at.at(1.1)[0]), X))),
    Shape("sqrt", "nonnegative", lambda at: apply("sqrt", X)),
    Shape("x^p", "nonnegative", _power),
    Shape("x exp(-x)", "nonnegative", _growth_and_decay),
    Shape("x/(x + k)", "nonnegative", _saturation),
    Shape("x/(x^2 + k)", "nonnegative", _peak_and_tail),
    Shape("log", "positive", lambda at: apply("log", X)),
    Shape("1/x", "positive", lambda at: inverse(X)),
    Shape("x log", "positive", lambda at: combine("mul", X, apply("log", X))),
    Shape("1/x^2", "positive", lambda at: inverse(apply("square", X))),
    Shape("log^2", "decades", _log_square),
    Shape("tanh(log)", "decades", _log_step),
    Shape("gauss(log)", "decades", _log_hump),
)

#: shapes that are fitted even from a poor start
STUBBORN = frozenset({"x", "(x - k)^2", "tanh", "gauss", "sin"})


def shapes(at: Frame, logarithmic: bool = False) -> Iterator[Shape]:
    """Return the shapes that make sense for a column.

    `logarithmic`: the curve is smooth on the logarithmic axis of a positive column.

    >>> low, high = (len(list(shapes(Frame(low, 2.0, 1.5, 0.3)))) for low in (-1.0, 1.0))
    >>> low, high
    (17, 26)
    """
    there = {"anywhere"}
    if at.low >= 0 and at.high > 0:
        there.add("nonnegative")
    if at.low > 0:
        there.add("positive")
        if logarithmic or at.high > _DECADES * at.low:
            there.add("decades")
    return (shape for shape in SHAPES if shape.where in there)
