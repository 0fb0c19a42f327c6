"""The shapes that a curve of one variable may have, with the constants that its fit starts from and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Node, apply, combine, constant, scaled, variable


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

    @property
    def logarithmic(self) -> Frame:
        """The frame of the logarithm of a positive column."""
        return Frame(float(np.log(self.low)), float(np.log(self.high)), self.log_mean, self.deviation / self.mean)


_PAIRS = frozenset({"add", "sub", "mul", "div"})
_LEAVES = frozenset({"variable", "constant"})


def leading(nodes: Nodes) -> tuple[Nodes, float]:
    """Return a piece divided by its first weight, and that weight.

    >>> from edgewise.formulas.programs import Node
    >>> leading([Node("constant", 0, 3.0), Node("variable"), Node("power", 0, 0.5), Node("mul")])[1]
    3.0
    """
    if nodes[-1].operation == "mul" and nodes[0].operation == "constant" and nodes[-2].operation == "power":
        return nodes[1:-1], nodes[0].weight
    number = len(nodes) - 1
    while nodes[number].operation in _PAIRS:
        number = _left_child(nodes, number)
    node = nodes[number]
    if node.operation == "power" or node.weight == 0:
        return nodes, 1.0
    return scaled(nodes, 1 / node.weight), node.weight


def _left_child(nodes: Nodes, number: int) -> int:
    missing, child = 1, number - 1
    while missing:  # pass the right child
        operation = nodes[child].operation
        missing += 1 if operation in _PAIRS else -1 if operation in _LEAVES else 0
        child -= 1
    return child


Nodes = list[Node]
"""A piece in postfix order."""

Number = Any
"""A number, or an array (s, 1) of numbers."""

X = variable(0)


def grid(*axes: Iterable[float]) -> list[Number]:
    """Return all combinations of numbers, as an array (s, 1) for each axis.

    >>> [axis.ravel().tolist() for axis in grid([1.0, 2.0], [5.0])]
    [[1.0, 2.0], [5.0, 5.0]]
    """
    return [axis.reshape(-1, 1) for axis in np.meshgrid(*map(list, axes), indexing="ij")]


def plus(nodes: Nodes, number: Number) -> Nodes:
    """Return a piece plus a number."""
    return combine("add", nodes, constant(number))


def shifted(k: Number) -> Nodes:
    """Return x - k."""
    return plus(X, -k)


def stretched(a: Number, k: Number) -> Nodes:
    """Return a (x - k)."""
    return plus(variable(0, a), -a * k)


def hump(inner: Nodes, narrow: Number, weight: Number = 1.0) -> Nodes:
    """Return weight exp(-narrow inner^2)."""
    return apply("exp", apply("square", inner, -narrow), weight)


def inverse(nodes: Nodes) -> Nodes:
    """Return 1 / piece."""
    return combine("div", constant(1.0), nodes)


def chosen(nodes: Nodes, number: int) -> Nodes:
    """Return one piece of many."""
    return [node._replace(weight=float(np.ravel(node.weight)[number % np.size(node.weight)])) for node in nodes]


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "square": np.square, "cube": lambda u: u**3, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin,
    "tanh": np.tanh,
}  # fmt: skip
_PAIR_VALUES = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


def values_of(nodes: Nodes, x: Array) -> Array:
    """Return what a piece is at x (n,), or what many are, (s, n), in one sweep.

    >>> values_of(stretched(*grid([1.0, 2.0], [0.5])), np.array([0.5, 1.0]))
    array([[0. , 0.5], [0. , 1. ]])
    """
    stack: list[Array] = []
    for operation, _, weight in nodes:
        if operation == "variable":
            stack.append(weight * x)
        elif operation == "constant":
            stack.append(weight * np.ones_like(x))
        elif operation in _PAIR_VALUES:
            right = stack.pop()
            stack.append(_PAIR_VALUES[operation](stack.pop(), right))
        elif operation == "power":
            stack.append(np.abs(stack.pop()) ** weight)
        else:
            stack.append(weight * _FUNCTIONS[operation](stack.pop()))
    return stack[0]


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


class Option(NamedTuple):
    """A shape: its complexity, its loss of log-likelihood, and offset + factor * nodes; without nodes, nothing.

    The complexity is that of the shape next to others, where it needs a weight.
    """

    complexity: int
    loss: float
    nodes: Nodes
    offset: float
    factor: float
    name: str

    @property
    def length(self) -> int:
        """The nodes of the term in a sum, with the plus, and with the factor of a power."""
        return len(self.nodes) + 1 + 2 * (self.nodes[-1].operation == "power") if self.nodes else 0


def nothing(loss: float, mean: float) -> Option:
    """Return the option of leaving a curve out, of which its mean stays."""
    return Option(0, loss, [], mean, 0.0, "none")


def hull(found: Iterable[Option]) -> list[Option]:
    """Return the options that are best at some cost of a node, by complexity."""
    kept: list[Option] = []
    for option in sorted(found, key=lambda option: option[:2]):
        if kept and not option.loss < kept[-1].loss - 1e-9:  # nor where a loss is no number
            continue
        while len(kept) > 1 and _gain(kept[-2], kept[-1]) <= _gain(kept[-1], option):
            kept.pop()
        kept.append(option)
    return kept


def _gain(simple: Option, complex_: Option) -> float:
    """Return the loss saved by each node more."""
    return (simple.loss - complex_.loss) / (complex_.complexity - simple.complexity)
