"""The trials of a sweep: errors in their order, and over each setting."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise.plot import _style as style

_COLUMNS, _WIDTH, _HEIGHT = 3, 3.2, 2.6
_SPREAD = 0.12  # of the distance between two values, that points are drawn apart
_LABELS = 8  # values that are written at an axis, at most
_FAR = 3.0  # times the median of the errors, which is the upper edge
_DECADE = 10.0  # ratio of the ends from which an axis is logarithmic


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


def trials(found: Sequence[Trial], importance: Mapping[str, float] | None = None) -> Figure:
    """Draw the errors of trials in their order, then over the values of each setting, and return the figure.

    Errors are on a logarithmic scale. Trials that were cut short are hollow, the best one has a ring, and what is far
    above the median is a triangle at the upper edge. `importance`: parts that are written above settings, which are
    drawn in this order.

    Errors: InputError where no trial is complete.

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
    edge = _FAR * float(np.median([trial.error for trial in complete]))
    names = [*parts, *(name for name in best.settings if name not in parts)]
    columns = min(1 + len(names), _COLUMNS)
    rows = -(-(1 + len(names)) // columns)
    figure = style.Picture(figsize=(_WIDTH * columns, _HEIGHT * rows), layout="constrained")
    for place, name in enumerate([None, *names]):
        ax = figure.add_subplot(rows, columns, place + 1)
        if name is None:
            _points(ax, [float(trial.number + 1) for trial in drawn], drawn, best, edge)
            _title(ax, "order of the trials")
            ax.legend(frameon=False, fontsize=7, labelcolor=style.INK)
        else:
            _over(ax, name, drawn, best, edge)
            _title(ax, name if name not in parts else f"{name}: {parts[name]:.0%} of the variance")
        style.logarithmic(ax, ax.yaxis)
        style.plain_axes(ax)
        if place % columns == 0:
            ax.set_ylabel("error on rows left out")
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
    if len(numbers) == len(known) > _LABELS:
        _points(ax, [float(value or 0) for value in values], drawn, best, edge)
        if numbers[0] > 0 and numbers[-1] / numbers[0] >= _DECADE:
            ax.set_xscale("log")
        return
    labels = [label for label, _ in known]
    shift = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(values))
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
