"""Hidden nodes in the places where their connections are short, and what nodes are called."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.interpret._scores import edge_scores
from edgewise.nn import KAN, Nodes, clone, select

_LESS = 1e-9  # share of the cost that a new order has to save


class Arrangement(NamedTuple):
    """A network whose nodes were arranged, and what that saved.

    Parameters
    ----------
    model
        The network.
    order
        The old number of each node in its new place, for each level, inputs first.
    before
        The cost of the order that the nodes had.
    after
        The cost of the new order.
    """

    model: KAN
    order: list[list[int]]
    before: float
    after: float


def arrange(model: KAN, x: Data) -> Arrangement:
    """Return the network with its hidden nodes where connections are short: what works together stands together.

        cost = sum_e score_e |place of the node that e enters - place of the node that e leaves|

    Node q of n stands at (q + 1/2) / n of its level, and scores are those of `edge_scores`. Level after level is set in
    the order that is cheapest while the others stay, until none changes; sums stay before products. Inputs and outputs
    keep their places, and the network computes what it did.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.

    Returns
    -------
    Arrangement
        The new network, the order of its nodes, and the costs.

    Raises
    ------
    InputError
        For x of another width.

    References
    ----------
    Neuron swapping in KAN 2.0 (Liu et al. 2024), which exchanges pairs; each level is solved as a whole here.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> model = ew.KAN([2, 2, 2], seed=0)
    >>> for j, i in ((0, 0), (1, 1)):  # each input has a hidden node and an output, but they cross
    ...     model.layers[0].mask[j, i] = model.layers[1].mask[j, i] = False
    >>> found = ew.interpret.arrange(model, torch.rand(50, 2))
    >>> found.order, found.after
    ([[0, 1], [1, 0], [0, 1]], 0.0)
    """
    scores = edge_scores(model, x)
    flows = [_by_node(score, nodes) for score, nodes in zip(scores, model.nodes[1:], strict=True)]
    order = [list(range(nodes.n_nodes)) for nodes in model.nodes]
    before = after = _cost(flows, order)
    while True:
        last = after
        for level in range(1, len(order) - 1):
            trial = [*order[:level], _cheapest(flows, order, level, model.nodes[level].n_sum), *order[level + 1 :]]
            if (cost := _cost(flows, trial)) < after * (1 - _LESS):
                order, after = trial, cost
        if after == last:
            return Arrangement(_reordered(model, order), order, before, after)


def _by_node(score: Tensor, nodes: Nodes) -> Tensor:
    """Scores (subnodes, n_in) as those of nodes."""
    return torch.stack([score[group].sum(0) for group in nodes.groups()]).double().cpu()


def _lengths(ends: int, starts: int) -> Tensor:
    """The distances between nodes that are spread evenly over two levels: (ends, starts)."""
    end, start = ((torch.arange(count, dtype=torch.float64) + 0.5) / count for count in (ends, starts))
    return (end[:, None] - start).abs()


def _cost(flows: list[Tensor], order: list[list[int]]) -> float:
    return sum(
        float((flow[end][:, start] * _lengths(len(end), len(start))).sum())
        for flow, start, end in zip(flows, order[:-1], order[1:], strict=True)
    )


def _cheapest(flows: list[Tensor], order: list[list[int]], level: int, n_sum: int) -> list[int]:
    """The order of one level's nodes that costs least while the levels beside it stay."""
    from scipy.optimize import linear_sum_assignment

    count = len(order[level])
    entering = flows[level - 1][:, order[level - 1]] @ _lengths(count, len(order[level - 1])).T
    leaving = flows[level][order[level + 1]].T @ _lengths(len(order[level + 1]), count)
    cost, found = entering + leaving, list(range(count))  # of node q in place p
    for part in (range(n_sum), range(n_sum, count)):
        nodes, places = linear_sum_assignment(cost[part.start : part.stop, part.start : part.stop].numpy())
        for q, p in zip(nodes, places, strict=True):
            found[part.start + p] = part.start + int(q)
    return found


def _reordered(model: KAN, order: list[list[int]]) -> KAN:
    new = clone(model)
    for depth, nodes in enumerate(model.nodes[1:]):
        groups = nodes.groups()
        outputs = [j for q in order[depth + 1] for j in groups[q]]
        new.layers[depth] = select(model.layers[depth], outputs=outputs, inputs=order[depth])
        arities = tuple(len(groups[q]) for q in order[depth + 1] if len(groups[q]) > 1)
        new.nodes[depth + 1] = Nodes(nodes.n_sum, arities)
    return new


def node_names(
    model: KAN, names: Sequence[str] | None, target: str | Sequence[str] | None = None, x: Data | None = None
) -> list[list[str]]:
    """Return the names of the nodes of every level, inputs first.

    Parameters
    ----------
    model
        The network.
    names
        Names of the inputs. Without them those that the network was trained with are taken, or those of the columns of
        x; x1, x2, ... where there are none.
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    x
        A DataFrame, whose columns name the inputs.

    Returns
    -------
    list of lists
        A list for each level. Hidden nodes are h1, h2, ..., or h1.1, h1.2, ... where there are several hidden levels.

    Raises
    ------
    InputError
        For another number of names than of inputs or outputs.

    Examples
    --------
    >>> import edgewise as ew
    >>> ew.interpret.node_names(ew.KAN([2, 2, 1]), ["t", "v"])
    [['t', 'v'], ['h1', 'h2'], ['y']]
    """
    hidden = len(model.nodes) - 2
    middle = [
        [f"h{depth}.{q + 1}" if hidden > 1 else f"h{q + 1}" for q in range(model.nodes[depth].n_nodes)]
        for depth in range(1, hidden + 1)
    ]
    columns = getattr(x, "columns", None)
    if names is None:
        names = model.input_names or (None if columns is None else [str(name) for name in columns])
    outputs = None if target is None else [target] if isinstance(target, str) else list(target)
    return [_checked("names", names, "x", model.n_in), *middle, _checked("target", outputs, "y", model.n_out)]


def end_names(model: KAN, labels: list[list[str]], layer: int) -> list[str]:
    """Return what each subnode of a layer is called: its node's name, with the number of the factor in a product.

    Parameters
    ----------
    model
        The network.
    labels
        The names of its nodes, as `node_names` returns them.
    layer
        The number of the layer, from 0.

    Examples
    --------
    >>> import edgewise as ew
    >>> model = ew.KAN([2, (1, 1), 1])
    >>> ew.interpret.end_names(model, ew.interpret.node_names(model, None), 0)
    ['h1', 'h2, factor 1', 'h2, factor 2']
    """
    found = []
    for name, group in zip(labels[layer + 1], model.nodes[layer + 1].groups(), strict=True):
        found += [name] if len(group) == 1 else [f"{name}, factor {k + 1}" for k in range(len(group))]
    return found


def _checked(what: str, given: Sequence[str] | None, letter: str, count: int) -> list[str]:
    if given is None:
        return [letter] if letter == "y" and count == 1 else [f"{letter}{k + 1}" for k in range(count)]
    if isinstance(given, str) or len(given) != count:
        raise InputError(f"The '{what}' parameter must list {count} names. Got {given!r}.")
    return [str(name) for name in given]
