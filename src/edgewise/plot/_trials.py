"""Candidates by complexity and error, and the trials of a sweep."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from edgewise._errors import InputError
from edgewise._printable import shortened
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, plain


class Candidate(NamedTuple):
    """One candidate formula.

    Parameters
    ----------
    index
        Its number.
    complexity
        Its complexity.
    error
        Its relative error.
    formula
        The formula as text.
    chosen
        Whether it was chosen.
    held_out
        The error on rows that it was not fitted to; NaN if not known.
    weight
        Its weight of evidence; NaN if not known.
    r2
        The held-out error as a coefficient of determination, as a text for tables.
    """

    index: int
    complexity: float
    error: float
    formula: str
    chosen: bool = False
    held_out: float = math.nan
    weight: float = math.nan
    r2: str = ""


def pareto(
    rows: Sequence[Any], ax: Axes | None = None, *, ceiling: float | None = None, formulas: bool = False
) -> Axes:
    """Draw candidates by complexity and error with the Pareto front as a staircase, and return the axes.

    Errors are those on held-out rows where they are known. Candidates whose error is not finite are left out.

    Parameters
    ----------
    rows
        The candidates: `Candidate`, or formulas with their complexity and error, as in `found.candidates` of
        `edgewise.discover`. Of a front, such as `found`, the best one is a star.
    ax
        The axes to draw into; None makes a figure.
    ceiling
        The error of a model that no formula has to beat: a line. None draws none.
    formulas
        Whether the formulas are listed beside the picture, cut where they are long.

    Raises
    ------
    InputError
        Without rows, and for rows that have no complexity and error.

    Examples
    --------
    >>> import edgewise as ew
    >>> rows = [ew.plot.Candidate(0, 1, 0.5, "x"), ew.plot.Candidate(1, 4, 1e-9, "x**2", True)]
    >>> ew.plot.pareto(rows).get_yscale()
    'log'
    """
    if not rows:
        raise InputError("The Pareto picture needs at least one candidate. Got none.")
    best = getattr(rows, "best", None)
    rows = [row if isinstance(row, Candidate) else _candidate(k, row, row is best) for k, row in enumerate(rows)]
    held_out = any(math.isfinite(row.held_out) for row in rows)
    ax = style.axes(ax, (9.6 if formulas else 6.4, 3.4))
    listed, rows = rows, [row for row in rows if math.isfinite(_error(row, held_out))]
    heights = {row: max(_error(row, held_out), style.EXACT) for row in rows}
    _staircase(ax, rows, heights)
    for row in rows:
        look: dict[str, Any] = {"s": 34, "marker": "o", "color": style.ACCENT, "zorder": 3}
        look |= {"s": 130, "marker": "*", "color": style.SYMBOLIC, "zorder": 4} if row.chosen else {}
        ax.scatter(row.complexity, heights[row], **look)
    if ceiling is not None and math.isfinite(ceiling):
        _ceiling(ax, ceiling)
    _scaled(ax, [*heights.values(), *([ceiling] if ceiling else [])])
    _numbers(ax, rows, heights)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("complexity")
    ax.set_ylabel("error on held-out rows" if held_out else "relative error")
    style.plain_axes(ax)
    if formulas:
        _list(ax, listed)
    return ax


def _candidate(index: int, row: Any, best: bool) -> Candidate:
    if not (hasattr(row, "complexity") and hasattr(row, "error")):
        raise InputError(
            f"pareto draws found.candidates of discover, or ew.plot.Candidate. Got rows of type {type(row).__name__}."
        )
    formula = row.text(6) if hasattr(row, "text") else str(row)
    return Candidate(index, row.complexity, row.error, formula, best, getattr(row, "held_out", math.nan))


def _error(row: Candidate, held_out: bool) -> float:
    return row.held_out if held_out else row.error


def _staircase(ax: Axes, rows: Sequence[Candidate], heights: dict[Candidate, float]) -> None:
    """Draw the front: the rows that no other one beats in both, simplest first."""
    front: list[Candidate] = []
    for row in sorted(rows, key=lambda row: (row.complexity, heights[row])):
        if not front or heights[row] < heights[front[-1]]:
            front.append(row)
    complexities, errors = [row.complexity for row in front], [heights[row] for row in front]
    ax.step(complexities, errors, where="post", color=style.SOFT, linewidth=1.2, zorder=2)


def _numbers(ax: Axes, rows: Sequence[Candidate], heights: dict[Candidate, float]) -> None:
    """Write the number of each row beside its point, one below the other where points lie on each other."""
    near = 0.08  # of the height of the picture, within which numbers would overlap
    ends = sorted(ax.transData.transform([(0, edge) for edge in ax.get_ylim()])[:, 1])
    written: list[tuple[float, float]] = []
    for row in rows:
        y = (ax.transData.transform((0, heights[row]))[1] - ends[0]) / (ends[1] - ends[0])
        count = sum(x == row.complexity and abs(y - other) < near for x, other in written)
        written.append((row.complexity, y))
        color = style.SYMBOLIC if row.chosen else style.ACCENT
        style.beside(ax, f"{row.index}", (row.complexity, heights[row]), (6 + 11 * count, 5), color)


def _ceiling(ax: Axes, error: float) -> None:
    ax.axhline(error, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    ax.annotate(
        "flexible model", (0, error), xycoords=("axes fraction", "data"), xytext=(4, -3), textcoords="offset points",
        ha="left", va="top", fontsize=8, color=style.SOFT,
    )  # fmt: skip


def _scaled(ax: Axes, errors: Sequence[float]) -> None:
    """Choose a logarithmic axis for errors of different sizes, else one that begins at zero."""
    ax.margins(x=0.08, y=0.12)
    if errors and max(errors) > 20 * min(errors):
        ax.set_yscale("log")
        style.say_logarithmic(ax, ax.yaxis)
    elif errors:
        ax.set_ylim(0, 1.1 * max(errors))


def _list(ax: Axes, rows: Sequence[Candidate]) -> None:
    """Write the formulas by number at the right, from the simplest on."""
    step = min(1 / max(len(rows), 1), 0.1)
    for place, row in enumerate(rows):
        text = shortened(row.formula, 46, " ...")
        ax.text(
            1.03, 1 - step * place, plain(f"{row.index:2}  {text}"), transform=ax.transAxes, va="top", fontsize=7.5,
            family="monospace", color=style.SYMBOLIC if row.chosen else style.INK, **PLAIN,
        )  # fmt: skip


class Trial(Protocol):
    """What is drawn of a trial; `ended` is "complete" or "cut" for those with an error."""

    @property
    def number(self) -> int: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def error(self) -> float: ...
    @property
    def ended(self) -> str: ...


def trials(found: Sequence[Trial], importance: Mapping[str, float] | None = None, *, ax: Axes | None = None) -> Figure:
    """Draw the errors of trials in their order, then over the values of each setting, and return the figure.

    Errors are on a logarithmic scale. Trials that were cut short are hollow, the best one has a ring, and what is far
    above the median is a triangle at the upper edge.

    Parameters
    ----------
    found
        The trials.
    importance
        Parts of the variance, which are written above settings; these are drawn in this order. None by default.
    ax
        Axes of a subplot, in whose place the panels are drawn; None makes a figure.

    Raises
    ------
    InputError
        Where no trial is complete.

    Examples
    --------
    >>> from edgewise.plot import trials
    >>> from types import SimpleNamespace
    >>> some = [SimpleNamespace(number=k, settings={"grid": k}, error=0.1, ended="complete") for k in range(3)]
    >>> len(trials(some).axes)
    2
    """
    drawn = [trial for trial in found if np.isfinite(trial.error)]
    complete = [trial for trial in drawn if trial.ended == "complete"]
    if not complete:
        raise InputError("This sweep has no complete trial to draw. Allow it more time.")
    best = min(complete, key=lambda trial: trial.error)
    parts = dict(importance or {})
    edge = 3 * float(np.median([trial.error for trial in complete]))
    names = [*parts, *(name for name in best.settings if name not in parts)]
    columns = min(1 + len(names), 3)
    rows = -(-(1 + len(names)) // columns)
    figure = style.Picture.at(ax, (3.2 * columns, 2.6 * rows))
    for place, name in enumerate([None, *names]):
        panel = figure.add_subplot(rows, columns, place + 1)
        if name is None:
            _points(panel, [float(trial.number + 1) for trial in drawn], drawn, best, edge)
            _title(panel, "order of the trials")
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel.legend(frameon=False, fontsize=7, labelcolor=style.INK)
        else:
            _over(panel, name, drawn, best, edge)
            _title(panel, name if name not in parts else f"{name}: {parts[name]:.0%} of the variance")
        style.logarithmic(panel, panel.yaxis)
        style.plain_axes(panel)
        if place % columns == 0:
            panel.set_ylabel("error on rows left out")
    return figure


def _title(ax: Axes, text: str) -> None:
    ax.set_title(text, fontsize=9, color=style.INK)


def _points(ax: Axes, at: Sequence[float], drawn: Sequence[Trial], best: Trial, edge: float) -> None:
    for kind, face in (("complete", style.ACCENT), ("cut", "white")):
        for far, marker in ((False, "o"), (True, "^")):
            some = [k for k, trial in enumerate(drawn) if trial.ended == kind and (trial.error > edge) == far]
            places, errors = [at[k] for k in some], [min(drawn[k].error, edge) for k in some]
            label = kind if some and not far else None
            look: dict[str, Any] = {"facecolor": face, "edgecolor": style.ACCENT, "linewidth": 0.8, "marker": marker}
            ax.scatter(places, errors, 18, label=label, **look)
    place = at[next(k for k, trial in enumerate(drawn) if trial is best)]
    ax.scatter([place], [best.error], s=46, facecolor="none", edgecolor=style.SYMBOLIC, linewidth=1.4, label="best")


def _over(ax: Axes, name: str, drawn: Sequence[Trial], best: Trial, edge: float) -> None:
    """Draw errors over a setting: numbers at their places if there are many, all else side by side."""
    values = [trial.settings.get(name) for trial in drawn]
    known = sorted({_label(value): value for value in values}.items(), key=lambda pair: _order(pair[1]))
    numbers = [value for _, value in known if isinstance(value, int | float)]
    most_labels, spread = 8, 0.12  # points lie apart by parts of the distance between two values
    if len(numbers) == len(known) > most_labels:
        _points(ax, [float(value or 0) for value in values], drawn, best, edge)
        if numbers[0] > 0 and numbers[-1] / numbers[0] >= 10:
            ax.set_xscale("log")
            style.say_logarithmic(ax, ax.xaxis)
        return
    labels = [label for label, _ in known]
    shift = np.random.default_rng(0).uniform(-spread, spread, len(values))
    _points(ax, [labels.index(_label(v)) + float(off) for v, off in zip(values, shift, strict=True)], drawn, best, edge)
    ax.set_xticks(range(len(labels)), labels)
    ax.set_xlim(-0.5, len(labels) - 0.5)


def _order(value: Any) -> tuple[int, int, Any]:
    """Return words first, then numbers by size, then layers by their number and nodes."""
    if isinstance(value, tuple):
        return 2, len(value), value
    return (1, 0, value) if isinstance(value, int | float) else (0, 0, str(value))


def _label(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
