"""A formula as a sum of terms whose constants are refitted together, on the rows and on the model between them."""

from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Fitter, Program, apply, combine, scaled
from edgewise.interpret.reading._leading import leading
from edgewise.interpret.reading._pieces import Nodes, plus
from edgewise.tables.additive import AdditiveFit

_LONGEST = 64  # nodes of a program


class Term(NamedTuple):
    """factor * nodes"""

    nodes: Nodes
    factor: float


class Refitted(NamedTuple):
    """A program with refitted constants, its mean squared error, and its terms and constant."""

    program: Program
    error: float
    terms: list[Term]
    constant: float


class Target(NamedTuple):
    """What a formula is fitted to: x (n, k), y (n,), weights (n,)."""

    x: Array
    y: Array
    weights: Array


def blended(model: AdditiveFit, x: Array, y: Array, weights: Array, points: Array) -> Target:
    """Return the rows and points between them with the model's values, whose weights sum to those of the rows.

    A refit on y alone would throw away the smoothing of the model.
    """
    values = model.predict(points)[:, 0]
    each = np.full(len(points), weights.sum() / len(points))
    return Target(np.vstack([x, points]), np.concatenate([y, values]), np.concatenate([weights, each]))


class Joint:
    """Writes terms as a formula of the raw target, and refits all its constants.

    y = a + b sum;  y = a + b exp(sum) for a logarithmic scale;  y = a + b (sum)^2 for a square root.
    """

    def __init__(self, target: Target, scale: str) -> None:
        self.fitter, self.scale = Fitter(*target), scale

    def refit(self, terms: list[Term], constant: float, steps: int) -> Refitted | None:
        """Return the formula after that many Levenberg-Marquardt steps; None if it is too long or not finite."""
        nodes, ends = self._written(terms, constant)
        if len(nodes) > _LONGEST:
            return None
        fitted = self.fitter.fit(Program.of(nodes), steps)
        if not np.isfinite(fitted.error):
            return None
        nodes = fitted.program.nodes
        found = [Term(*leading(nodes[first:end])) for first, end in ends]
        return Refitted(fitted.program, fitted.error, found, nodes[-3].weight if self.scale == "sqrt" else 0.0)

    def _written(self, terms: list[Term], constant: float) -> tuple[Nodes, list[tuple[int, int]]]:
        """Return the nodes of the formula, and where each term begins and ends.

        The first term has the factor of the whole, so the others are divided by it; inside exp all have their own.
        """
        largest = 1.0 if self.scale == "log" else terms[0].factor
        nodes: Nodes = []
        ends = []
        for number, term in enumerate(terms):
            part = scaled(term.nodes, term.factor / largest)
            ends.append((len(nodes), len(nodes) + len(part)))
            nodes = combine("add", nodes, part) if number else part
        if self.scale == "sqrt":
            nodes = apply("square", plus(nodes, constant / largest))
        return (apply("exp", nodes) if self.scale == "log" else nodes), ends
