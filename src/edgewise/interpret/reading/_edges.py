"""The edges of an additive model: its curves, products and hidden node, each with the shapes that it may become."""

from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Program, combine, scaled
from edgewise.interpret.reading._columns import Column, Columns
from edgewise.interpret.reading._pieces import Nodes, Option, hull, nothing, plus
from edgewise.tables.additive import AdditiveModel

HIDDEN_EDF = 4.0  # about what the outer curve has


def hidden_options(model: AdditiveModel, columns: Columns, precision: float) -> list[Option]:
    """Return the options of g(sum_i h_i(x_i)).

    Each h_i is weighted by g'(u)^2, what its misfit costs, and given the best shape at a cost of a node; then g gets
    shapes as a curve of that sum.
    """
    costs = (0.25, 1.0, 4.0, 16.0, 64.0)  # log-likelihood paid for a node of the inner sum
    flat = 1e-9
    node, weights = model.hidden, columns.weights
    assert node is not None
    features = model.design.features(columns.x)
    matrix = np.hstack(features) - node.mean
    u = matrix @ node.alpha
    values, slope = node.curve(u), node.curve(u, 1)
    mean = float(weights @ values / weights.sum())
    numbers = np.repeat([part.column for part in model.design.inputs], [each.shape[1] for each in features])
    inner = [
        columns.column(number, model).options(
            matrix[:, numbers == number] @ node.alpha[numbers == number], weights * (slope**2 + flat), precision
        )
        for number in np.unique(numbers).tolist()
    ]
    found = [nothing(precision * float(weights @ (values - mean) ** 2 / weights.sum()), mean)]
    for cost in costs:
        chosen = [min(each, key=lambda option: option.loss + cost * (option.complexity + 1)) for each in inner]
        found += _outer(chosen, columns, values, precision)
    return hull(found)


def _outer(chosen: list[Option], columns: Columns, values: Array, precision: float) -> list[Option]:
    """Return the shapes of the outer curve over one choice of the inner sum."""
    longest = 52  # nodes of the inner sum: the outer shape and the rest of the formula need some
    nodes: Nodes = []
    for option in chosen:
        if option.nodes:
            part = scaled(option.nodes, option.factor)
            nodes = combine("add", nodes, part) if nodes else part
    if not nodes or len(nodes) > longest:
        return []
    nodes = plus(nodes, sum(option.offset for option in chosen))
    inner = sum(option.complexity + 1 for option in chosen if option.nodes) + 2
    u = Program.of(nodes).predict(columns.x)
    if not np.isfinite(u).all():
        return []
    found = []
    for option in Column(u, 0, functions=columns.functions).options(values, columns.weights, precision)[1:]:
        places = [k for k, node in enumerate(option.nodes) if node.operation == "variable"]
        if len(places) == 1:
            before, node, after = option.nodes[: places[0]], option.nodes[places[0]], option.nodes[places[0] + 1 :]
            whole = [*before, *scaled(nodes, node.weight), *after]
            size, name = option.complexity + inner, f"{option.name} of a sum"
            found.append(option._replace(complexity=size, nodes=whole, name=name))
    return found


Pair = tuple[int, int]

_LEAST_EDF = 0.05


class Edge(NamedTuple):
    """A curve or product of the model: the inputs that it reads, its options and its degrees of freedom."""

    inputs: str
    options: list[Option]
    edf: float


def edges(model: AdditiveModel, columns: Columns, precision: float) -> list[Edge]:
    """Return the curve of every column, the products and the hidden node of a model of one output.

    `precision` is n / (2 sigma^2) of its noise.
    """
    reader = _Reader(model, columns, precision)
    found = [reader.curve(number) for number in sorted({part.column for part in model.design.inputs})]
    found += [reader.product(pair) for pair in model.products]
    if model.hidden is not None:
        found.append(Edge("hidden node", hidden_options(model, columns, precision), HIDDEN_EDF))
    return found


class _Reader:
    def __init__(self, model: AdditiveModel, columns: Columns, precision: float) -> None:
        self.model, self.columns, self.precision = model, columns, precision
        self.inputs = model.design.inputs
        self.features = model.design.features(columns.x)

    def curve(self, number: int) -> Edge:
        """Return the sum of all inputs of a column."""
        own = [k for k, part in enumerate(self.inputs) if part.column == number]
        values = sum((self.features[k] @ self.model.beta[k][:, 0] for k in own), np.zeros(len(self.columns.x)))
        edf = sum(float(self.model.edf[k].sum()) for k in own)
        found = self.columns.column(number, self.model).options(values, self.columns.weights, self.precision)
        return Edge(self.columns.names[number], found, max(edf, _LEAST_EDF))

    def product(self, pair: Pair) -> Edge:
        """Return a product as one of two curves, the first term of its singular value decomposition over the rows."""
        worthless = 0.5  # of the log-likelihood: products below are nothing
        weights = self.columns.weights
        numbers = [self.inputs[k].column for k in pair]
        first, second, whole = self._factors(pair)
        found = [nothing(self.precision * _variance(whole, weights), float(weights @ whole / weights.sum()))]
        if found[0].loss > worthless:
            missed = self.precision * _variance(whole - first * second, weights)
            a, b = (self.columns.column(number, self.model) for number in numbers)
            left = a.options(first, weights * second**2, self.precision)[1:]
            right = b.options(second, weights * first**2, self.precision)[1:]
            found += [_product(one, other, missed) for one in left for other in right]
        name = " * ".join(self.columns.names[number] for number in numbers)
        return Edge(name, hull(found), max(self.model.product_edf[pair], _LEAST_EDF))

    def _factors(self, pair: Pair) -> tuple[Array, Array, Array]:
        """Return the two curves of a product (n,) each, and the whole product (n,)."""
        blocks = self.model.design.factors(self.features, pair)
        sizes = ([part.shape[1] for part in each] for each in blocks)
        matrix = _as_matrix(self.model.products[pair][:, 0], *sizes)
        (q1, r1), (q2, r2) = (np.linalg.qr(np.hstack(each)) for each in blocks)
        core = r1 @ matrix @ r2.T
        left, values, right = np.linalg.svd(core)
        return q1 @ left[:, 0] * values[0], q2 @ right[0], np.sum(q1 @ core * q2, 1)


def _variance(values: Array, weights: Array) -> float:
    mean = weights @ values / weights.sum()
    return float(weights @ (values - mean) ** 2 / weights.sum())


def _as_matrix(beta: Array, first: list[int], second: list[int]) -> Array:
    """Return the coefficients of a product as a matrix, from those of the products of its blocks."""
    rows, place = [], 0
    for a in first:
        row = []
        for b in second:
            row.append(beta[place : place + a * b].reshape(a, b))
            place += a * b
        rows.append(np.hstack(row))
    return np.vstack(rows)


def _product(a: Option, b: Option, missed: float) -> Option:
    """Return (shape + offset) * (shape + offset), with the factor of both outside."""
    nodes = combine("mul", plus(a.nodes, a.offset / a.factor), plus(b.nodes, b.offset / b.factor))
    complexity = a.complexity + b.complexity + 5
    return Option(complexity, missed + a.loss + b.loss, nodes, 0.0, a.factor * b.factor, f"{a.name} * {b.name}")
