"""The table of shapes: curves of one variable that searches try, and what the constants of each start from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.functions._library import Function, registered

Where = Literal["anywhere", "nonnegative", "positive", "decades", "both signs"]
"""Columns for which a shape makes sense; "decades" are positive ones over a factor of five."""

Search = Literal["reading", "evolution", "curves", "dynamics"]
"""Who tries a shape: curves of networks that are read, evolution, curves of a column, and differential equations."""

Number = Any
"""A number, or an array (s, 1) of numbers."""


@dataclass(frozen=True)
class Frame:
    """The ends, the mean and the standard deviation of a column, and the mean of its logarithm if it is positive."""

    low: float
    high: float
    mean: float
    deviation: float
    log_mean: float = np.nan

    @classmethod
    def of(cls, x: Array) -> Frame:
        """Return the frame of values x (n,), not all equal."""
        log_mean = float(np.log(x).mean()) if x.min() > 0 else np.nan
        return cls(float(x.min()), float(x.max()), float(x.mean()), float(x.std()), log_mean)

    @property
    def range(self) -> float:
        """The difference of the ends."""
        return self.high - self.low

    def at(self, *fractions: float) -> list[float]:
        """Return the places at fractions of the range.

        >>> Frame(2.0, 4.0, 3.0, 1.0).at(0.0, 0.5)
        [2.0, 3.0]
        """
        return [self.low + fraction * self.range for fraction in fractions]

    def rates(self, *numbers: float) -> list[float]:
        """Return numbers over the range.

        >>> Frame(2.0, 4.0, 3.0, 1.0).rates(1.0, 6.0)
        [0.5, 3.0]
        """
        return [number / self.range for number in numbers]

    def narrow(self, *numbers: float) -> list[float]:
        """Return numbers over the square of the range."""
        return [number / self.range**2 for number in numbers]

    @property
    def logarithmic(self) -> Frame:
        """The frame of the logarithm of a positive column."""
        return Frame(float(np.log(self.low)), float(np.log(self.high)), self.log_mean, self.deviation / self.mean)

    def admits(self, where: Where, logarithmic: bool = False) -> bool:
        """Return whether shapes for such columns make sense here.

        `logarithmic`: the curve is smooth on the logarithmic axis of a positive column.
        """
        if where == "nonnegative":
            return self.low >= 0 and self.high > 0
        if where == "positive":
            return self.low > 0
        if where == "decades":
            return self.low > 0 and (logarithmic or self.high > 5 * self.low)
        return where == "anywhere" or self.low < 0 < self.high


Starts = Callable[[Frame], dict[str, Number]]
"""What the constants of a shape start from in a frame, by name: arrays (s, 1) of s starts."""


@dataclass(frozen=True)
class Shape:
    """A curve that searches try, up to a factor and an offset of the whole.

    - ``name``: what results call it by.
    - ``formula``: in x, and in constants B, C, D, ... that are fitted. A constant that is not given is zero.
    - ``where``: the columns for which it makes sense.
    - ``reading``: the starts of its fit to a curve of a network; None if it is not tried.
    - ``evolution``: the values of B that the library of a search by evolution has, on columns of about unit size.
    - ``curves``: the whole formulas that are fitted to each column, {} for the formula.
    - ``dynamics``: values of B, and what the criterion asks for the term, in differential equations.
    - ``stubborn``: whether it is fitted to a curve even from a poor start.
    - ``function``: the registered function that it consists of.
    """

    name: str
    formula: str
    where: Where = "anywhere"
    reading: Starts | None = None
    evolution: tuple[float, ...] = ()
    curves: tuple[str, ...] = ()
    dynamics: tuple[tuple[Any, float], ...] = ()
    stubborn: bool = False
    function: Function | None = None


def grid(**axes: Iterable[float]) -> dict[str, Number]:
    """Return all combinations of numbers, as an array (s, 1) for each name.

    >>> {name: axis.ravel().tolist() for name, axis in grid(B=[1.0, 2.0], C=[5.0]).items()}
    {'B': [1.0, 2.0], 'C': [5.0, 5.0]}
    """
    meshes = np.meshgrid(*map(list, axes.values()), indexing="ij")
    return {name: mesh.reshape(-1, 1) for name, mesh in zip(axes, meshes, strict=True)}


def _once(at: Frame) -> dict[str, Number]:
    return {}


def _phases(at: Frame) -> dict[str, Number]:
    made = grid(B=at.rates(2.0, 3.0, 4.5, 6.3, 9.0, 13.0, 20.0), C=np.pi * np.arange(4) / 4)
    return {"B": made["B"], "C": made["C"] - made["B"] * at.mean}


def _powers(at: Frame) -> dict[str, Number]:
    return grid(B=(0.33, 1.5, 2.5, *((-0.5, -1.5) if at.low > 0 else ())))


def _own(at: Frame) -> dict[str, Number]:
    size = max(abs(at.low), abs(at.high))
    from_zero = grid(C=[0.0], B=[sign * a / size for a in (0.5, 1.0, 2.0, 4.0, 8.0) for sign in (1, -1)])
    inside = grid(C=at.at(*_INSIDE), B=at.rates(2.0, 5.0, 12.0))
    return {name: np.concatenate([from_zero[name], inside[name]]) for name in ("B", "C")}


_INSIDE = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)  # of the range: where a step, a hump or a corner may be
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_SIZES = (-1.2, -0.4, -0.15, 0.15, 0.4, 1.2)  # of what is added to a line, in ranges
_ONCE = (1.0,)  # of shapes without constants
_RATES = tuple(sign * a for a in (0.3, 0.6, 1.0, 2.0, 4.0) for sign in (1, -1))  # of exponentials
_WIDTHS = (0.3, 1.0, 3.0)  # of bells and of what turns into a constant
_FREQUENCIES = (0.5, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
_CHIRPS = (0.5, 1.0, 1.7, 2.5, 3.5)

#: Each search tries its rows in this order, evolution those in a row with equal values by turns. Where two rows differ
#: in how their constants are written only, searches would find other formulas with one.
SHAPES = (
    Shape("x", "x", reading=_once, evolution=_ONCE, stubborn=True),
    Shape("x^2", "x^2", reading=_once, evolution=_ONCE, curves=("A*{} + B", "A*{} + B*x + C")),
    Shape("(x - k)^2", "(x - B)^2", reading=lambda at: grid(B=at.at(*_QUARTERS)), stubborn=True),
    Shape("x^3", "x^3", reading=_once, evolution=_ONCE),
    Shape("(x - k)^3", "(x - B)^3", reading=lambda at: grid(B=at.at(*_QUARTERS))),
    Shape("1/x of either sign", "1/x", evolution=_ONCE),
    Shape("tanh(x)", "tanh(B*x)", evolution=(0.5, 1.0, 2.0, 4.0)),
    Shape(
        "exp", "exp(B*x)", reading=lambda at: grid(B=at.rates(-12, -4, -1, 1, 4, 12)), evolution=_RATES,
        curves=("A*{}", "A*{} + C"), dynamics=((1, 6.0), (-1, 6.0)),
    ),
    Shape(
        "tanh", "tanh(B*(x - C))", reading=lambda at: grid(C=at.at(*_INSIDE), B=at.rates(2.0, 5.0, 12.0, 40.0)),
        dynamics=((1, 6.0),), stubborn=True,
    ),
    Shape("1/(x + 1)", "1/(B*x + 1)", evolution=_WIDTHS),
    Shape("1/(x^2 + 1)", "1/(B*x^2 + 1)", evolution=_WIDTHS),
    Shape("log(x^2 + 1)", "log(B*x^2 + 1)", evolution=_WIDTHS),
    Shape(
        "gauss", "exp(-B*(x - C)^2)", reading=lambda at: grid(C=at.at(*_INSIDE), B=at.narrow(2.0, 6.0, 20.0, 80.0)),
        evolution=_WIDTHS, stubborn=True,
    ),
    Shape(
        "1/(1 + x^2)", "1/((B*(x - C))^2 + 1)",
        reading=lambda at: grid(C=at.at(*_INSIDE), B=at.rates(1.0, 3.0, 8.0, 20.0)),
    ),
    Shape("sin", "sin(B*x + C)", reading=_phases, evolution=_FREQUENCIES, dynamics=((2, 7.0),), stubborn=True),
    Shape("cos", "cos(B*x + C)", evolution=_FREQUENCIES),
    Shape("sin(x^2)", "sin(B*x^2)", evolution=_CHIRPS),
    Shape("cos(x^2)", "cos(B*x^2)", evolution=_CHIRPS),
    Shape(
        "|x - k|^p", "abs(x - C)^B",
        reading=lambda at: grid(C=at.at(-0.02, *_INSIDE, 1.02), B=(0.5, 1.0, 1.5, 2.5)),
    ),
    Shape(
        "x + x^3", "x + B*(x - C)^3",
        reading=lambda at: grid(
            C=at.at(0.2, 0.5, 0.8), B=[w / at.deviation**2 for w in (-1.0, -0.3, -0.1, 0.1, 0.3, 1.0)]
        ),
    ),
    Shape(
        "x + tanh", "x + B*tanh(D*(x - C))",
        reading=lambda at: grid(C=at.at(*_INSIDE), D=at.rates(4.0, 10.0, 30.0), B=[w * at.range for w in _SIZES]),
    ),
    Shape(
        "x + gauss", "x + B*exp(-D*(x - C)^2)",
        reading=lambda at: grid(C=at.at(*_INSIDE), D=at.narrow(6.0, 25.0, 100.0), B=[w * at.range for w in _SIZES]),
    ),
    Shape("1/(x - k)", "1/(x - B)", reading=lambda at: grid(B=at.at(-0.1, -0.5, 1.2))),
    Shape("log(x - k)", "log(x - B)", reading=lambda at: grid(B=at.at(-0.05, -0.5))),
    Shape("log(k - x)", "log(B - x)", reading=lambda at: grid(B=at.at(1.1))),
    Shape(
        "sqrt", "sqrt(x)", "nonnegative", reading=_once, evolution=_ONCE, curves=("A*{} + B",), dynamics=((0, 6.0),)
    ),
    Shape(
        "x exp(-x)", "x*exp(-B*x)", "nonnegative",
        reading=lambda at: grid(B=[a / at.high for a in (0.5, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0)]),
    ),
    Shape("log", "log(x)", "positive", reading=_once, evolution=_ONCE, curves=("A*{} + B",)),
    Shape("x log", "x*log(x)", "positive", reading=_once, dynamics=((0, 6.0),)),
    Shape(
        "x^p", "x^B", "nonnegative", reading=_powers, evolution=(1.5, -0.5, -2.0), curves=("A*{} + C",),
        dynamics=(("3/2", 6.0), ("2/3", 7.0)),
    ),
    Shape(
        "x/(x + k)", "x/(x + B)", "nonnegative", curves=("A*{}",),
        reading=lambda at: grid(B=[q * at.mean for q in (3.0, 1.0, 0.2, 0.05)]),
    ),
    Shape("1/x", "1/x", "positive", reading=_once, curves=("A*{} + B",)),
    Shape(
        "x/(x^2 + k)", "x/(x^2 + B)", "nonnegative",
        reading=lambda at: grid(B=[q * at.mean**2 for q in (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)]),
    ),
    Shape("1/x^2", "1/x^2", "positive", reading=_once),
    Shape("log(x + 1)", "log(B*x + 1)", "positive", evolution=_WIDTHS),
    Shape("x|x|", "x*abs(x)", "both signs", dynamics=((0, 6.0),)),
    Shape("log^2", "(log(x) - B)^2", "decades", reading=lambda at: grid(B=at.logarithmic.at(*_QUARTERS))),
    Shape(
        "tanh(log)", "tanh(B*(log(x) - C))", "decades",
        reading=lambda at: grid(C=at.logarithmic.at(*_INSIDE), B=at.logarithmic.rates(2.0, 5.0, 12.0, 40.0)),
    ),
    Shape(
        "gauss(log)", "exp(-B*(log(x) - C)^2)", "decades",
        reading=lambda at: grid(C=at.logarithmic.at(*_INSIDE), B=at.logarithmic.narrow(2.0, 6.0, 20.0, 60.0)),
    ),
    Shape("growth to a limit", "1 - exp(-B*x)", curves=("A*{}",)),
)  # fmt: skip


def shapes(search: Search) -> list[Shape]:
    """Return the shapes that a search tries, in the order of the table, and those of registered functions.

    >>> [shape.name for shape in shapes("dynamics")][:4]
    ['exp', 'tanh', 'sin', 'sqrt']
    """
    tried = [shape for shape in SHAPES if getattr(shape, search)]
    return tried + [
        Shape(
            row.name, "", reading=_own, evolution=(0.5, 1.0, 2.0), curves=("A*{} + D",), dynamics=((1, 6.0),),
            function=row,
        )
        for row in registered(core=True)
    ]  # fmt: skip
