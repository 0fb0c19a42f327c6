"""The picture of continual learning: what each model is after each phase, and its errors on what came before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise_bench import Row
from edgewise_bench.drawing import INK, LABELS, SOFT, Axes, Figure
from edgewise_bench.experiments.continual._courses import COURSES, Course
from edgewise_bench.tables import grouped, number

_LEAST, _MOST = -6.0, 0.0  # powers of ten of the errors that the colors distinguish
_COLORS = "magma"


def draw(rows: Sequence[Row]) -> Figure:
    """Draw a column per model and two lines per function: the model, and its error by region and phase."""
    from matplotlib.figure import Figure

    blocks = [
        (COURSES[item], list(grouped(own, "model", "way").items()))
        for (item,), own in grouped((row for row in rows if row["phase"] != ""), "item").items()
    ]
    columns = max((len(block) for _, block in blocks), default=1)
    figure = Figure(figsize=(2.45 * columns + 0.9, 5.0 * max(len(blocks), 1) + 0.3), layout="constrained")
    axes = figure.subplots(2 * max(len(blocks), 1), columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    shown = None
    for line, (course, block) in enumerate(blocks):
        for column, ((model, way), own) in enumerate(block):
            top, bottom = axes[2 * line, column], axes[2 * line + 1, column]
            broken = way.replace(", ", ",\n", 1)
            top.set_title(f"{course.name}\n{LABELS.get(model, model)}: {broken}", fontsize=8)
            (_lines if course.inputs == 1 else _map)(top, course, own)
            shown = _heat(bottom, own, course.phases)
    if shown is not None:
        bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=40, pad=0.01)
        bar.set_label("RMSE on a region, or |error| at a point", fontsize=8)
        bar.set_ticks([-6, -4, -2, 0], labels=["$10^{-6}$", "$10^{-4}$", "$10^{-2}$", "$1$"])
    return figure


def _lines(ax: Axes, course: Course, rows: Sequence[Row]) -> None:
    """Draw the function after each phase, the last one at the bottom, over the true one."""
    x = course.lattice[:, 0]
    ax.set_axis_on()
    for row in (row for row in rows if row["values"]):
        phase = int(row["phase"])
        base = 1.3 * (course.phases - phase)
        ax.plot(x, course.target(course.lattice) + base, color=SOFT, lw=0.7, ls=":")
        ax.plot(x, np.clip(_numbers(row), -0.25, 1.15) + base, color=INK, lw=1)
        region = course.region(phase - 1)[:, 0]
        ax.axvspan(region.min(), region.max(), (base + 0.3) / (1.3 * course.phases + 0.2),
                   (base + 1.4) / (1.3 * course.phases + 0.2), color="#f3d9cd", lw=0)  # fmt: skip
    ax.set(ylim=(-0.3, 1.3 * course.phases - 0.1), xlim=(-1.02, 1.02), xlabel="x")
    ax.set_yticks([1.3 * k + 0.3 for k in range(course.phases)], [f"{course.phases - k}" for k in range(course.phases)])
    ax.set_ylabel("after phase", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)


def _map(ax: Axes, course: Course, rows: Sequence[Row]) -> None:
    """Draw the error over the square after the last phase."""
    last = next((row for row in rows if row["values"]), None)
    if last is None:  # not all phases were measured
        return
    side = round(len(course.lattice) ** 0.5)
    off = np.abs(_numbers(last) - course.target(course.lattice)).reshape(side, side)
    ax.set_axis_on()
    ax.imshow(np.log10(np.maximum(off, 1e-12)), origin="lower", extent=(-1, 1, -1, 1), cmap=_COLORS, vmin=_LEAST,
              vmax=_MOST)  # fmt: skip
    across = round(course.phases**0.5)
    for k in range(1, across):
        ax.axhline(2 * k / across - 1, color="white", lw=0.4)
        ax.axvline(2 * k / across - 1, color="white", lw=0.4)
    for k in range(course.phases):
        center = course.region(k).mean(0)
        ax.text(float(center[0]), float(center[1]), str(k + 1), color="white", fontsize=7, ha="center", va="center")
    ax.set(xlabel="$x_1$", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.set_ylabel("$x_2$ (after the last phase)", fontsize=8)
    ax.tick_params(labelsize=7)


def _heat(ax: Axes, rows: Sequence[Row], phases: int) -> Any:
    """Draw errors by phase, downward, and by region."""
    cells = np.full((phases, phases), np.nan)
    for row in rows:
        cells[int(row["phase"]) - 1, int(row["region"]) - 1] = np.log10(max(number(row), 1e-12))
    ax.set_axis_on()
    shown = ax.imshow(cells, cmap=_COLORS, vmin=_LEAST, vmax=_MOST)
    ticks = range(0, phases, 1 if phases < 6 else 2)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(list(ticks), [str(k + 1) for k in ticks])
    ax.set_xlabel("region", fontsize=8)
    ax.set_ylabel("after phase", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)
    if phases < 6:
        for (i, j), value in np.ndenumerate(cells):
            if np.isfinite(value):
                ax.text(j, i, f"{10**value:.0e}".replace("e-0", "e-").replace("e+00", ""), ha="center", va="center",
                        fontsize=6, color="white" if value < -1.5 else INK)  # fmt: skip
    return shown


def _numbers(row: Row) -> Array:
    return np.array(str(row["values"]).split(), dtype=float)
