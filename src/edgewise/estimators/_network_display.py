"""The network of a fitted estimator as a picture, with its strongest edges if it has too many for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn import KAN, Nodes, clone, compact, remove_edges, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def strongest_edges(estimator: Any, X: Any, target: int, most: int, options: dict[str, Any]) -> Axes:
    """Draw the network of a target with at most `most` edges of its first layer, and return the axes."""
    from edgewise import plot

    count = len(estimator.networks_)
    if not is_int(target, 0, count - 1):
        raise InputError(f"'target' must be a number from 0 to {count - 1}. Got {target!r}.")
    if not is_int(most, 1):
        raise InputError(f"'most' must be a number of edges >= 1. Got {most!r}.")
    names, rows = estimator.input_names(target) or ["nothing"], estimator.network_inputs(X, target)
    model, columns, gone = _strongest_edges(estimator.networks_[target], torch.as_tensor(rows), most)
    labels = estimator._sums()[target]
    outputs = ["y"] if len(estimator.networks_) == 1 and labels == [0] else [str(label) for label in labels]
    given = {"names": [names[k] for k in columns], "target": outputs} | options
    ax = plot.network(model, rows[:, columns], **given)
    missing = [f"{gone} weaker {'edges' if gone > 1 else 'edge'}"] if gone else []
    fit = estimator.fits_[target]
    if fit.model.steps is not None:
        square = estimator.deviations_[target] ** 2
        share = square[len(fit.design.inputs) + len(fit.model.products) :].sum() / max(float(square.sum()), 1e-300)
        missing.append(f"steps, {100 * share:.0f} % of the variance of all parts,")
    if missing:
        few = gone == 1 and len(missing) == 1
        _note(ax, f"{' and '.join(missing)} {'is' if few else 'are'} not drawn", options.get("ax") is None)
    return ax


def _note(ax: Axes, text: str, own: bool) -> None:
    """Write a line below a picture, whose own figure grows by it."""
    if own:
        line = 0.2  # inches
        figure: Any = ax.get_figure(root=True)
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + line)
        ax.set_position((0.0, line / (height + line), 1.0, height / (height + line)))
    ax.annotate(
        text, (0.5, 0.0), xycoords="axes fraction", xytext=(0, -2), textcoords="offset points", ha="center", va="top",
        fontsize=7.5, color="#8793a1",
    )  # fmt: skip


def _strongest_edges(model: KAN, rows: Any, most: int) -> tuple[KAN, list[int], int]:
    """Return the network with its strongest edges alone, the inputs that it reads, and how many edges are gone."""
    from edgewise.interpret import edge_scores

    scores = [np.nan_to_num(score.numpy()) for score in edge_scores(model, rows)]
    groups, n_sum = model.nodes[1].groups(), model.nodes[1].n_sum
    things = [
        (float(scores[0][j, i]), [(0, j, i)], 1)
        for j, i in model.layers[0].mask.nonzero().tolist()
        if len(model.layers) == 1 or j < n_sum
    ]
    if len(model.layers) > 1:
        things += [
            (float(scores[1][:, q].max()), [(1, k, q) for k in np.flatnonzero(model.layers[1].mask[:, q])], len(group))
            for q, group in enumerate(groups)
            if q >= n_sum
        ]
    things.sort(key=lambda thing: -thing[0])
    faint = 0.01  # score of an edge that nobody would see
    room, gone, before = most, [], int(model.layers[0].mask.sum())
    for place, (score, edges, cost) in enumerate(things):
        room -= cost
        if place and (room < 0 or score < faint):
            gone += edges
    made = remove_edges(model, [(layer, int(j), int(i)) for layer, j, i in gone])
    made = compact(made, rows) if gone else made
    columns = made.layers[0].mask.any(0).nonzero().flatten().tolist()
    made = clone(made)
    made.layers[0] = select(made.layers[0], inputs=columns)
    made.nodes[0] = Nodes(len(columns))
    return made, columns, before - int(made.layers[0].mask.sum())
