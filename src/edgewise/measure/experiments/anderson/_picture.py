"""The picture of mobility edges: states by their energy and lam, colored by how far they extend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgewise._typing import Array
from edgewise.measure import OURS, Row
from edgewise.measure.drawing import COLORS, INK
from edgewise.measure.experiments.anderson._data import MODELS, Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACROSS, _LINES = 3, 201


def draw(rows: Sequence[Row]) -> Figure:
    """Draw a panel for each model, with the exact edge and that of the network over the states."""
    from matplotlib.figure import Figure

    own = {str(row["item"]): row for row in rows if row["model"] == OURS and row["states"]}
    columns, lines = min(len(own), _ACROSS) or 1, -(-len(own) // _ACROSS) or 1
    figure = Figure(figsize=(3.3 * columns + 0.9, 3.0 * lines + 0.4), dpi=200, layout="constrained")
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for ax in axes[len(own) :]:
        ax.remove()
    shown = None
    for ax, (name, row) in zip(axes, own.items(), strict=False):
        model, states, curve = MODELS[name], _numbers(row["states"]), _numbers(row["curve"])
        shown = ax.scatter(states[:, 0], states[:, 1], c=states[:, 2], s=5, cmap="viridis", vmin=0, vmax=1, lw=0,
                           rasterized=True)  # fmt: skip
        energies = np.linspace(states[:, 0].min(), states[:, 0].max(), _LINES)
        lam = np.linspace(0.0, model.most, _LINES)
        ax.contour(energies, lam, _exact(model, energies, lam), levels=[0], colors=[INK], linewidths=1.2)
        ax.plot(curve[:, 0], curve[:, 1], ".", ms=3, color=COLORS[OURS])
        fixed = "" if model.second == "kappa" else f", {model.second} = {model.fixed:g}"
        ax.set(title=f"{name}{fixed}", xlabel="E", ylim=(0, model.most), xlim=(energies[0] - 0.1, energies[-1] + 0.1))
    for ax in axes[: len(own) : _ACROSS]:
        ax.set_ylabel("lam")
    if shown is not None:
        used = axes[: len(own)]
        used[0].plot([], [], color=INK, lw=1.2, label="exact edge")
        used[0].plot([], [], ".", color=COLORS[OURS], label="edgewise's network")
        figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8)
        bar = figure.colorbar(shown, ax=used, shrink=0.7, aspect=30, pad=0.02)
        bar.set_label("fractal dimension D: 0 localized, 1 extended", fontsize=8)
    return figure


def _exact(model: Model, energies: Array, lam: Array) -> Array:
    grid = np.meshgrid(energies, lam)
    columns = [np.full(grid[0].size, model.fixed), grid[0].ravel(), grid[1].ravel(), np.zeros(grid[0].size)]
    return model.edge(np.stack(columns, axis=1)).reshape(grid[0].shape)


def _numbers(text: object) -> Array:
    return np.array([[float(part) for part in place.split(",")] for place in str(text).split()]).reshape(
        len(str(text).split()), -1
    )
