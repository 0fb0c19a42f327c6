"""The columns that curves are read at, and what curves of them may become."""

import itertools
from collections.abc import Collection, Iterator
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.functions import Frame, Shape, shapes
from edgewise.formulas.programs import FUNCTIONS, Fitter, Node, Program, shape_nodes, tabulated_names
from edgewise.interpret.reading._pieces import Nodes, Option, chosen, hull, nothing, values_of
from edgewise.tables.additive import AdditiveModel, Curve

_DENSE, _WILDEST = 200, 4.0  # points between the rows; widest span there, in spans of the curve

#: functions of one argument whose factor the outer one expresses, so that they need one beside other terms
_WEIGHTED = frozenset({"square", "cube", "sqrt", "exp", "log", "sin", "cos", "tanh", "power", "tabulated"})


class Starts(NamedTuple):
    """Shapes from simple to complex with many starts each, the values (s, m) of all starts, the end of each shape."""

    shapes: list[tuple[Shape, Nodes]]
    values: Array
    ends: Array


class Column:
    """A column x (n,) of the rows, number `place`, and all starts of shapes on it: they serve all curves of the column.

    Curves are compared with shapes at 80 points at most: means of equally many neighbors. `logarithmic`: the curve is
    smooth on the logarithmic axis of the column. `functions` are those that shapes may be made of, all if None.
    """

    def __init__(
        self, x: Array, place: int, logarithmic: bool = False, functions: Collection[str] | None = None
    ) -> None:
        points = 80  # that stand for a curve
        self.place = place
        self.order = np.argsort(x, kind="stable")
        count = min(len(x), points)
        self.group = np.arange(len(x)) * count // len(x)
        self.points = np.bincount(self.group, x[self.order]) / np.bincount(self.group)
        self.dense = np.linspace(x.min(), x.max(), _DENSE)
        self.is_constant = bool(x.min() == x.max())
        self._frame, self._logarithmic = Frame.of(x), logarithmic
        self._allowed = frozenset((*FUNCTIONS, *tabulated_names()) if functions is None else functions)

    @cached_property
    def starts(self) -> Starts:
        """All starts of the shapes that make sense for the column."""
        rows = [row for row in shapes("reading") if self._frame.admits(row.where, self._logarithmic)]
        written = ((row, shape_nodes(row, row.reading(self._frame))) for row in rows if row.reading is not None)
        made = [(row, nodes) for row, nodes in written if _functions(row, nodes) <= self._allowed]
        made.sort(key=lambda shape: complexity(shape[1]))
        values = [np.atleast_2d(values_of(nodes, self.points)) for _, nodes in made]
        return Starts(made, np.vstack(values), np.cumsum([0, *map(len, values)]))

    def options(self, curve: Array, weights: Array, precision: float) -> list[Option]:
        """Return the shapes of a curve (n,) that are best at some cost of a node, from nothing to the closest.

        The loss of a shape is `precision` times the mean of weights (n,) times squared misfit: n / (2 sigma^2) makes it
        the loss of log-likelihood. Shapes must stay near the curve between the rows too.
        """
        flat = 0.05  # of the log-likelihood: curves below are nothing
        close = 0.02  # of the log-likelihood: no more complex shapes are tried
        total = np.bincount(self.group, weights[self.order])
        values = np.bincount(self.group, (weights * curve)[self.order]) / np.maximum(total, 1e-300)
        share = total / total.sum()
        precision *= float(weights.mean())
        mean = float(share @ values)
        variance = float(share @ (values - mean) ** 2)
        found = [nothing(precision * variance, mean)]
        if self.is_constant or found[0].loss < flat:
            return found
        fitted = _Curve(self, values, share)
        for shape, nodes in self._best_starts(values - mean, share, variance):
            option = fitted.option(shape.name, nodes, precision)
            found += [option] if option else []
            if option and option.loss < close:
                break
        return hull(found)

    def _best_starts(self, values: Array, share: Array, variance: float) -> Iterator[tuple[Shape, Nodes]]:
        """Return the best start of every shape whose fit is worth it, by regression on each."""
        poor = 0.9  # of the variance, left by the best start: not fitted
        no_digits = 1e-24  # variance over squared mean, below which values are a constant
        starts = self.starts
        means = starts.values @ share
        centered = starts.values - means[:, None]
        sizes = centered**2 @ share
        errors = variance - (centered @ (share * values)) ** 2 / sizes
        errors[~np.isfinite(errors) | (sizes <= no_digits * means**2)] = np.inf
        for (shape, nodes), (first, end) in zip(starts.shapes, itertools.pairwise(starts.ends), strict=True):
            best = int(np.argmin(errors[first:end]))
            if errors[first + best] <= (np.finfo(float).max if shape.stubborn else poor * variance):
                yield shape, chosen(nodes, best)


class _Curve:
    """Fits shapes to one curve of a column."""

    def __init__(self, column: Column, values: Array, share: Array) -> None:
        self.place, self.dense = column.place, column.dense
        self.fitter = Fitter(column.points[:, None], values, share)
        self.span = float(np.ptp(values))

    def option(self, name: str, start: Nodes, precision: float) -> Option | None:
        """Return the best fit of a shape, None if there is none or it is wild between the rows."""
        steps = 12
        fitted = self.fitter.fit(Program.of(start), 0 if name == "x" else steps)
        program = fitted.program
        if not np.isfinite(fitted.error) or program.scale == 0.0:
            return None
        nodes = program.nodes
        dense = program.scale * values_of(nodes, self.dense)
        if not np.isfinite(dense).all() or np.ptp(dense) > _WILDEST * self.span:
            return None
        moved = [node._replace(argument=self.place) if node.operation == "variable" else node for node in nodes]
        size = complexity(nodes) + program.waves
        return Option(size, precision * fitted.error, moved, program.offset, program.scale, name)


def _functions(shape: Shape, nodes: Nodes) -> set[str]:
    """Return the functions that a shape is made of."""
    own = {shape.function.name} if shape.function is not None else set()
    return own | {node.operation for node in nodes if node.operation in FUNCTIONS}


def complexity(nodes: Nodes) -> int:
    """Return the complexity of a shape next to others, where it needs a weight."""
    return _complexity(tuple(node.operation for node in nodes))


@cache
def _complexity(operations: tuple[str, ...]) -> int:
    weight_nodes = 2
    weighted = operations[-1] in _WEIGHTED or (operations[-1] == "div" and operations[0] == "constant")
    return Program.of([Node(operation) for operation in operations]).complexity + weight_nodes * weighted


class Columns:
    """Columns x (n, k) with weights (n,) of mean one and names (k,). Each is prepared once, for all candidates.

    `functions` are those that shapes may be made of, all if None.
    """

    def __init__(self, x: Array, weights: Array, names: list[str], functions: Collection[str] | None = None) -> None:
        self.x, self.weights, self.names, self.functions = x, weights, names, functions
        self._made: dict[tuple[int, bool], Column] = {}

    def column(self, number: int, model: AdditiveModel) -> Column:
        """Return the shapes of a column, on its logarithmic axis too if the model has it there."""
        own = [part for part in model.design.inputs if isinstance(part, Curve) and part.column == number]
        key = number, any(part.axis.name == "log" for part in own)
        if key not in self._made:
            self._made[key] = Column(self.x[:, number], *key, self.functions)
        return self._made[key]
