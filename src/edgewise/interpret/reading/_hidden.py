"""The hidden node of a model, as a shape of a sum of shapes."""

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Program, combine, scaled
from edgewise.interpret.reading._column import Column
from edgewise.interpret.reading._columns import Columns
from edgewise.interpret.reading._option import Option, hull, nothing
from edgewise.interpret.reading._pieces import Nodes, plus
from edgewise.tables.additive import AdditiveModel

_COSTS = (0.25, 1.0, 4.0, 16.0, 64.0)  # log-likelihood paid for a node of the inner sum
_LONGEST = 52  # nodes of the inner sum: the outer shape and the rest of the formula need some
_FLAT = 1e-9
HIDDEN_EDF = 4.0  # about what the outer curve has


def hidden_options(model: AdditiveModel, columns: Columns, precision: float) -> list[Option]:
    """Return the options of g(sum_i h_i(x_i)).

    Each h_i is weighted by g'(u)^2, what its misfit costs, and given the best shape at a cost of a node; then g gets
    shapes as a curve of that sum.
    """
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
            matrix[:, numbers == number] @ node.alpha[numbers == number], weights * (slope**2 + _FLAT), precision
        )
        for number in np.unique(numbers).tolist()
    ]
    found = [nothing(precision * float(weights @ (values - mean) ** 2 / weights.sum()), mean)]
    for cost in _COSTS:
        chosen = [min(each, key=lambda option: option.loss + cost * (option.complexity + 1)) for each in inner]
        found += _outer(chosen, columns, values, precision)
    return hull(found)


def _outer(chosen: list[Option], columns: Columns, values: Array, precision: float) -> list[Option]:
    """Return the shapes of the outer curve over one choice of the inner sum."""
    nodes: Nodes = []
    for option in chosen:
        if option.nodes:
            part = scaled(option.nodes, option.factor)
            nodes = combine("add", nodes, part) if nodes else part
    if not nodes or len(nodes) > _LONGEST:
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
