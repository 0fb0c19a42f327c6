"""A formula as a sum of terms refitted together, and which shape each edge of a candidate gets."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Fitter, Program, apply, combine, scaled
from edgewise.interpret.reading._edges import Edge
from edgewise.interpret.reading._pieces import Nodes, Option, leading, plus
from edgewise.tables.additive import AdditiveFit


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
        longest = 64  # nodes of a program
        nodes, ends = self._written(terms, constant)
        if len(nodes) > longest:
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


Way = Literal["price", "band", "backward"]
"""How options were chosen: by the price of a node, by a band of standard errors, or backward by refits."""
Choice = tuple[int, ...]
"""The number of the option of each edge; 0 leaves it out."""

_STEPS, _TRIAL_STEPS, _BACK_STEPS = 12, 4, 8


class Found(NamedTuple):
    """A refitted formula, the way that led to it, and the option of each edge."""

    refitted: Refitted
    way: Way
    choice: Choice


class Paths:
    """The formulas of one candidate: edges with options, and what the sum has to be multiplied by and start from."""

    def __init__(self, edges: list[Edge], unit: float, constant: float, joint: Joint, trials: Joint) -> None:
        self.edges, self.unit, self.constant = edges, unit, constant
        self.joint, self.trials = joint, trials

    def found(self) -> Iterator[Found]:
        """Return the formulas of all three ways."""
        seen: dict[Choice, Found | None] = {}
        start: Found | None = None
        for way, choice, is_start in self._choices():
            if choice not in seen:
                refitted = self._refit(choice)
                seen[choice] = found = Found(refitted, way, choice) if refitted else None
                if found:
                    yield found
            if is_start and start is None:
                start = seen[choice]
        if start is not None:
            yield from self._backward(start)

    def _choices(self) -> Iterator[tuple[Way, Choice, bool]]:
        costs = np.geomspace(0.25, 64, 17)  # of the log-likelihood, for a node
        bands = np.geomspace(0.05, 200, 17)  # squared widths, in standard errors of an edge
        start = 0.3  # the band from which the backward path starts
        for cost in costs:
            yield "price", self._shortened([_cheapest(edge, cost) for edge in self.edges]), False
        for width in bands:
            yield "band", self._shortened([_simplest(edge, width) for edge in self.edges]), bool(width >= start)

    def _shortened(self, choice: list[int]) -> Choice:
        """Return the choice, simplified where it loses least for each node saved, until the formula is short enough."""
        most_nodes = 60  # of the terms: the rest of the program needs a few
        while sum(edge.options[k].length for edge, k in zip(self.edges, choice, strict=True)) > most_nodes:
            losses = [
                _loss_of_less(edge.options, k, k - 1) if k else np.inf
                for edge, k in zip(self.edges, choice, strict=True)
            ]
            choice[int(np.argmin(losses))] -= 1
        return tuple(choice)

    def _refit(self, choice: Choice) -> Refitted | None:
        chosen = [edge.options[k] for edge, k in zip(self.edges, choice, strict=True)]
        terms = [Term(option.nodes, option.factor * self.unit) for option in chosen if option.nodes]
        if not terms:
            return None
        constant = self.constant + self.unit * sum(option.offset for option in chosen)
        return self.joint.refit(terms, constant, _STEPS)

    def _backward(self, start: Found) -> Iterator[Found]:
        """Return ever simpler formulas: each time the term is simplified that loses least for each node saved."""
        current, choice = start.refitted, list(start.choice)
        before = self.trials.refit(current.terms, current.constant, 0)
        while before is not None:
            best = self._least_loss(current, before, choice)
            if best is None:
                return
            edge, simpler, trial = best
            choice[edge] = simpler
            refitted = self.joint.refit(trial.terms, trial.constant, _BACK_STEPS)
            if refitted is None:
                return
            current = refitted
            yield Found(current, "backward", tuple(choice))
            before = self.trials.refit(current.terms, current.constant, 0)

    def _least_loss(self, current: Refitted, before: Refitted, choice: list[int]) -> tuple[int, int, Refitted] | None:
        """Return the simplification that loses least for each node saved: an edge, its option, the formula."""
        most_trials = 16  # of each backward step: those that should lose least
        tiny = 1e-300
        best, least, error = None, np.inf, max(before.error, tiny)
        number = {edge: k for k, edge in enumerate(edge for edge, k in enumerate(choice) if k)}
        tried = [(edge, simpler) for edge in number for simpler in {choice[edge] - 1, 0}]
        tried.sort(key=lambda each: _loss_of_less(self.edges[each[0]].options, choice[each[0]], each[1]))
        for edge, simpler in tried[:most_trials]:
            terms = self._simplified(current.terms, number[edge], edge, (choice[edge], simpler))
            trial = self.trials.refit(terms, current.constant, _TRIAL_STEPS) if terms else None
            if trial is None:
                continue
            saved = max(current.program.complexity - trial.program.complexity, 1)
            loss = np.log(max(trial.error, tiny) / error) / saved
            if loss < least:
                best, least = (edge, simpler, trial), loss
        return best

    def _simplified(self, terms: list[Term], number: int, edge: int, change: tuple[int, int]) -> list[Term]:
        """Return the terms with a simpler option for one, scaled as refits have scaled the one that it replaces."""
        old, new = (self.edges[edge].options[k] for k in change)
        if not new.nodes:
            return terms[:number] + terms[number + 1 :]
        scaled = new.factor * self.unit if self.joint.scale == "log" else new.factor * terms[number].factor / old.factor
        return [*terms[:number], Term(new.nodes, scaled), *terms[number + 1 :]]


def _loss_of_less(options: list[Option], number: int, simpler: int) -> float:
    """Return what a simpler option loses for each node saved."""
    more, less = options[number], options[simpler]
    return (less.loss - more.loss) / max(more.length - less.length, 1)


def _cheapest(edge: Edge, cost: float) -> int:
    return int(np.argmin([o.loss + cost * (o.complexity + 1) * bool(o.nodes) for o in edge.options]))


def _simplest(edge: Edge, width: float) -> int:
    """Return the simplest shape within a band around the curve."""
    inside = [k for k, option in enumerate(edge.options) if option.loss <= width * edge.edf / 2]
    return inside[0] if inside else len(edge.options) - 1
