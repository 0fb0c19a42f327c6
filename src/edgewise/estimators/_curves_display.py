"""The curves of a fitted estimator as a picture, and its network if it has too many products for a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.estimators._effects import Effects, Pair
from edgewise.nn import KAN, Nodes, clone, compact, remove_edges, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from edgewise import plot


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
    if gone:
        _note(ax, f"{gone} weaker {'edges are' if gone > 1 else 'edge is'} not drawn", options.get("ax") is None)
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


Feature = int | str | tuple[int, int] | tuple[str, str]


class CurvesDisplay:
    """The curves and products of a `KANRegressor` or `KANClassifier`, a panel each, the most important first.

    Products come after columns.

    A panel shows what its column adds to the sum, about the mean over the rows of `fit`, and its share of the variance.
    Panels of columns have one vertical axis, in the units of the sum. The band holds 90 % of the posterior probability,
    smoothing and shape taken as known; levels have bars instead, a gap a diamond at the right. Along the bottom is the
    density of the rows, above each level their number. Dots are single values with effects of their own. A product is
    a map of colors, with some of the rows as dots. Of a column with a few extreme values, those that were read on an
    asinh axis, the outer 2 % on each side are not drawn; of a category only the 14 levels with most rows.

    Parameters: `effects`, the panels as `edgewise.plot` takes them; `unit`, what the sum stands for.

    Attributes after `plot`: `axes_`, a list with the axes of each panel; `ax_`, the first of them; `figure_`.
    """

    axes_: list[Axes]
    ax_: Axes
    figure_: Figure

    def __init__(
        self, effects: Sequence[plot.CurveEffect | plot.LevelEffect | plot.PairEffect], *, unit: str
    ) -> None:  # fmt: skip
        self.effects = list(effects)
        self.unit = unit

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, features: Sequence[Feature] | None = None, target: Any = 0, ax: Any = None,
        n_cols: int = 3, most: int = 9,
    ) -> CurvesDisplay:  # fmt: skip
        """Draw the curves of a fitted estimator on the rows of X, and return the display.

        `features`: columns, by name or position, and pairs of columns with a product; by default the `most` important
        parts. `target`: which of several targets or classes, by position. `ax`: axes that the panels replace, or one
        for each panel; a new figure without. `n_cols`: panels in a row.

        Errors: InputError for features and targets that are not there, pairs without a product, and a fit in which
        nothing has an effect; those of `predict`.

        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
        >>> model = KANRegressor(products=0).fit(x, x[:, 0] + 3 * x[:, 1] ** 2)
        >>> display = CurvesDisplay.from_estimator(model, x)
        >>> [ax.get_title(loc="left") for ax in display.axes_]
        ['$x_{2}$', '$x_{1}$']
        """
        check_is_fitted(estimator, "fits_")
        sums = [(t, k, label) for t, labels in enumerate(estimator._sums()) for k, label in enumerate(labels)]
        if not is_int(target, 0, len(sums) - 1):
            raise InputError(f"'target' must be a number from 0 to {len(sums) - 1}. Got {target!r}.")
        number, output, label = sums[target]
        parts = estimator._parts()[number]
        found = Effects(parts, estimator.encoder_, estimator._encode(X), output)
        columns = len(parts.columns)
        chosen = _most_important(found, most) if features is None else [_part(each, found) for each in features]
        effects = [found.of_column(k) if k < columns else found.of_pair(k - columns) for k in chosen]
        name = "target" if len(estimator.fits_) == 1 else f"target {number}"
        return cls(effects, unit=f"adds to {parts.unit(name, str(label))}").plot(ax=ax, n_cols=n_cols)

    def plot(self, *, ax: Any = None, n_cols: int = 3) -> CurvesDisplay:
        """Draw the panels, and return the display."""
        from edgewise import plot

        self.axes_ = plot.effects(self.effects, self.unit, columns=n_cols, axes=ax)
        self.ax_ = self.axes_[0]
        figure = self.ax_.get_figure(root=True)
        assert figure is not None
        self.figure_ = figure
        return self


def _most_important(found: Effects, most: int) -> list[int]:
    """Return the numbers of the most important columns, and after them of products."""
    count = len(found.parts.columns) + len(found.parts.pairs)
    order = np.argsort(-found.shares[:count], kind="stable")
    visible = 0.002  # share of the variance from which a part is drawn unasked
    shown = [int(k) for k in order[:most] if found.shares[k] >= visible] or [int(order[0])]
    return sorted(shown, key=lambda k: k >= len(found.parts.columns))


def _part(feature: Feature, found: Effects) -> int:
    """Return the number of a column, or of the product of a pair."""
    if isinstance(feature, tuple):
        wanted: Pair = tuple(sorted(_column(each, found) for each in feature))  # type: ignore[assignment]
        pairs = [tuple(sorted(pair)) for pair in found.parts.pairs]
        if wanted not in pairs:
            raise InputError(f"There is no product of the pair {feature!r}: see edges_.")
        return len(found.parts.columns) + pairs.index(wanted)
    return _column(feature, found)


def _column(feature: Any, found: Effects) -> int:
    names = found.parts.columns
    if isinstance(feature, str):
        if feature not in names:
            raise unknown("column in 'features'", feature, names)
        return names.index(feature)
    if not is_int(feature, 0, len(names) - 1):
        raise InputError(f"'features' must hold names or positions from 0 to {len(names) - 1}. Got {feature!r}.")
    return int(feature)
