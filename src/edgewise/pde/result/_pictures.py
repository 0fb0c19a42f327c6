"""Pictures of solutions: curves, maps in colors, profiles at some times; films; and reports."""

from __future__ import annotations

import datetime
import math
import os
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.animation import AbstractMovieWriter, writers
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from edgewise import plot
from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._replacing import check_place, writing
from edgewise._typing import Array
from edgewise._version import __version__
from edgewise.pde.geometry._corner_flow import CornerFlow
from edgewise.pde.geometry._domain import Box
from edgewise.pde.result._sampling import (
    AnySolution,
    Derivative,
    derivative_names,
    held,
    on_product,
    ranges,
    unknown_names,
    values,
)
from edgewise.pde.statement._problem import Problem
from edgewise.plot.report import ReportContent

_WRITERS = {
    **dict.fromkeys((".gif", ".apng", ".webp"), "pillow"),
    **dict.fromkeys((".mp4", ".webm", ".mov"), "ffmpeg"),
}


@dataclass(frozen=True)
class Drawing:
    """How finely solutions are drawn, and how large."""

    along: int = 801  # places of a curve
    map: tuple[int, int] = (161, 161)  # places along both sides of a map
    map_over_time: tuple[int, int] = (121, 241)  # the same of a map over time and a coordinate
    along_frame: int = 401  # places of a curve in a film
    map_frame: tuple[int, int] = (121, 121)  # places along both sides of a map in a film
    margin: float = 0.03  # of a map's side, around a domain that is no box
    quantiles: tuple[float, float] = (0.005, 0.995)  # of derivatives, far beyond which values are left out of scales
    far: float = 4.0  # what is far, over the range between them
    profiles: int = 5  # at as many times, unless times are given
    snapshots: int = 4  # maps, the same
    width: float = 4.6  # inches of a panel
    height: float = 3.4  # inches of a panel
    dpi: int = 110  # of films
    conditions: int = 6  # that are described one by one


DRAWING = Drawing()


@dataclass(frozen=True)
class View:
    """What of a solution is drawn: a derivative of the unknowns over some coordinates, the others held.

    free: the numbers of one or two coordinates. fixed: what the others are held at.
    """

    found: AnySolution
    by: tuple[str, ...]
    names: list[str]
    free: tuple[int, ...]
    fixed: Mapping[int, float]

    @property
    def labels(self) -> list[str]:
        """What is drawn of each unknown, as names or LaTeX."""
        return [_label(name, self.by) for name in self.names]

    def coordinate(self, k: int) -> str:
        return self.found.problem.domain.names[self.free[k]]

    def along(self, count: int, k: int = 0) -> Array:
        """Places along a free coordinate, with those that a curve should not miss."""
        even = np.linspace(*ranges(self.found)[self.free[k]], count)
        return np.union1d(even, self.found.finer(self.free[k], self.fixed)) if len(self.free) == 1 else even

    def on(self, columns: Sequence[Array]) -> Array:
        """What is drawn at the product of places of the free coordinates, of complex unknowns the modulus.

        (places..., unknowns).
        """
        whole = [np.array([self.fixed.get(k, 0.0)]) for k in range(len(self.found.problem.domain.names))]
        for k, column in zip(self.free, columns, strict=True):
            whole[k] = np.clip(column, *ranges(self.found)[k])  # the margin is cut off
        points = on_product(whole)
        found = values(self.found, points, [self.by])[..., 0]
        found = np.abs(found) if np.iscomplexobj(found) else found
        if len(columns) == 2 and self.free[0] > self.free[1]:
            return found.reshape(len(columns[1]), len(columns[0]), -1).swapaxes(0, 1)
        return found.reshape(*map(len, columns), -1)

    def map_columns(self, counts: tuple[int, int]) -> tuple[Array, Array]:
        """Places along both coordinates of a map; around a domain that is no box there is a margin."""
        margin = 0.0 if isinstance(self.found.problem.domain, Box) else DRAWING.margin
        ends = [ranges(self.found)[k] for k in self.free]
        both = zip(ends, counts, strict=True)
        across, up = (np.linspace(a - margin * (b - a), b + margin * (b - a), count) for (a, b), count in both)
        return across, up

    def limits(self, shown: Array) -> tuple[float, float]:
        """The ends of a scale for values; of derivatives and pressures that are huge at few places, without those."""
        known = shown[np.isfinite(shown)]
        unbounded = self.by or any(isinstance(term, CornerFlow) for term in self.found.problem.terms)
        if unbounded and len(known):
            low, high = np.quantile(known, DRAWING.quantiles)
            if np.ptp(known) > DRAWING.far * (high - low) > 0:
                known = known.clip(low, high)
        return plot.span(known)

    def distances(self, columns: Sequence[Array]) -> Array | None:
        """The signed distances of a map from the boundary of a domain that is no box."""
        domain = self.found.problem.domain
        if isinstance(domain, Box) or len(self.free) < 2:
            return None
        return domain.signed_distance(on_product(columns)).reshape(*map(len, columns)).numpy()


def view(
    found: AnySolution, derivative: Derivative, at: Mapping[str, float] | None, names: Sequence[str] | None
) -> View:
    """The derivative of the unknowns over up to two coordinates; what is left over is held in the middle."""
    fixed, count = held(found, at), len(found.problem.domain.names)
    free = [k for k in range(count) if k not in fixed]
    if not free:
        raise InputError("There is nothing to draw over: every coordinate is held. Leave one or two of them free.")
    if found.time_axis in free:  # time first: it is drawn from left to right
        free.insert(0, free.pop(free.index(found.time_axis)))
    ends = ranges(found)
    for k in free[2:]:
        fixed[k] = sum(ends[k]) / 2
    return View(found, derivative_names(found, derivative), unknown_names(found, names), tuple(free[:2]), fixed)


def picture(
    found: AnySolution, derivative: Derivative = "", at: Mapping[str, float] | None = None,
    times: Sequence[float] | None = None, names: Sequence[str] | None = None, ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Draw the unknowns, or a derivative of them, and return the figure."""
    time, count = found.time_axis, len(found.problem.domain.names)
    if time is not None and time not in held(found, at) and count - len(at or {}) > 2:
        return _snapshots(found, derivative, dict(at or {}), times, names, ax)
    seen = view(found, derivative, at, names)
    timed = len(seen.free) == 2 and seen.free[0] == found.time_axis
    if times is not None and not timed:
        raise InputError("'times' are those of a solution over time and other coordinates. Leave it out.")
    columns = 2 if timed else 1
    figure, panels = _panels(*((len(seen.names), 2) if timed else (1, len(seen.names))), within=ax)
    axes = list(panels.ravel())
    if len(seen.free) == 1:
        _curves(seen, axes)
    else:
        _maps(seen, axes[::columns])
        if timed:
            _profiles(seen, times, axes[1::2])
    return _noted(figure, seen.fixed, found)


def _snapshots(
    found: AnySolution, derivative: Derivative, at: dict[str, float], times: Sequence[float] | None,
    names: Sequence[str] | None, ax: Axes | None,
) -> Figure:  # fmt: skip
    """Maps over two coordinates of space at some times, with the same colors."""
    assert found.time_axis is not None
    name = found.problem.domain.names[found.time_axis]
    chosen = np.linspace(*ranges(found)[found.time_axis], DRAWING.snapshots).tolist() if times is None else list(times)
    seen = [view(found, derivative, {**at, name: t}, names) for t in chosen]
    columns = seen[0].map_columns(DRAWING.map)
    maps, distance = [each.on(columns) for each in seen], seen[0].distances(columns)
    across, up = (seen[0].coordinate(k) for k in range(2))
    figure, axes = _panels(len(seen[0].names), len(chosen), 0.75 * DRAWING.width, ax)
    for k, label in enumerate(seen[0].labels):
        surfaces = [plot.Surface(*columns, each[..., k], distance) for each in maps]
        limits = seen[0].limits(np.concatenate([surface.shown for surface in surfaces]))
        for t, surface, panel in zip(chosen, surfaces, axes[k], strict=True):
            plot.heat_map(surface, names=(across, up), label=label, limits=limits, same_scale=True, ax=panel)
            panel.set_title(f"{name} = {t:.4g}", fontsize=9)
    held_others = {k: value for k, value in seen[0].fixed.items() if k != found.time_axis}
    return _noted(figure, held_others, found)


def _panels(rows: int, columns: int, width: float = DRAWING.width, within: Axes | None = None) -> tuple[Figure, Array]:
    """A figure and its axes, (rows, columns)."""
    figure = plot.Picture.at(within, (width * columns, DRAWING.height * rows))
    return figure, figure.subplots(rows, columns, squeeze=False)


def _curves(seen: View, axes: Sequence[Axes]) -> None:
    places = seen.along(DRAWING.along)
    found = seen.on([places])
    for k, label in enumerate(seen.labels):
        plot.profiles([places], [found[:, k]], name=seen.coordinate(0), label=label, ax=axes[k])


def _maps(seen: View, axes: Sequence[Axes]) -> None:
    names, timed = (seen.coordinate(0), seen.coordinate(1)), seen.found.time_axis in seen.free
    columns = seen.map_columns(DRAWING.map_over_time if timed else DRAWING.map)
    found, distance = seen.on(columns), seen.distances(columns)
    for k, label in enumerate(seen.labels):
        surface = plot.Surface(*columns, found[..., k], distance)
        limits = seen.limits(surface.shown)
        plot.heat_map(surface, names=names, label=label, limits=limits, same_scale=not timed, ax=axes[k])


def _profiles(seen: View, times: Sequence[float] | None, axes: Sequence[Axes]) -> None:
    time, space = seen.free
    ends = ranges(seen.found)[time]
    name = seen.coordinate(0)
    chosen = np.linspace(*ends, DRAWING.profiles).tolist() if times is None else times
    for t in chosen:
        held(seen.found, {name: t})
    slices = [View(seen.found, seen.by, seen.names, (space,), {**seen.fixed, time: float(t)}) for t in chosen]
    places = [each.along(DRAWING.along) for each in slices]
    found = [each.on([x]) for each, x in zip(slices, places, strict=True)]
    legend = [f"{name} = {t:.4g}" for t in chosen]
    for k, label in enumerate(seen.labels):
        curves = [each[:, k] for each in found]
        plot.profiles(places, curves, name=seen.coordinate(1), label=label, legend=legend, ax=axes[k])


def _noted(figure: Figure, fixed: Mapping[int, float], found: AnySolution) -> Figure:
    """The figure with a line on what is held."""
    names = found.problem.domain.names
    if fixed:
        figure.suptitle(", ".join(f"{names[k]} = {value:.4g}" for k, value in sorted(fixed.items())), fontsize=9)
    return figure


def _label(name: str, by: tuple[str, ...]) -> str:
    """A derivative as it is written: u_xx, or a sign before longer names.

    >>> _label("u", ("x", "x")), _label("u[1]", ()), _label("pressure", ("x",))
    ('$u_{xx}$', '$u_{1}$', '$\\\\partial_{x}\\\\,\\\\mathrm{pressure}$')
    """
    index = "".join(plot.math_name(each) for each in by)
    base = plot.math_name(name.replace("[", "_").removesuffix("]") if name.startswith("u[") else name)
    if not by:
        return f"${base}$" if name.startswith("u[") else name
    return f"${base}_{{{index}}}$" if len(name) == 1 else rf"$\partial_{{{index}}}\,{base}$"


def animate(
    found: AnySolution, path: str | os.PathLike[str], derivative: Derivative, at: Mapping[str, float] | None,
    rate: tuple[int, int], names: Sequence[str] | None,
) -> Path:  # fmt: skip
    """Write the unknowns over time as a film of (frames, frames a second), and return its path."""
    time = found.time_axis
    if time is None:
        listed = ", ".join(found.problem.domain.names)
        raise InputError(f"A film needs a coordinate of time, called t. Got {listed}; use plot.")
    coordinate = found.problem.domain.names[time]
    if coordinate in (at or {}):
        raise InputError(f"A film runs over {coordinate}, which cannot be held. Leave it out of 'at'.")
    for name, count in zip(("frames", "fps"), rate, strict=True):
        if not is_int(count, 1, 10_000):
            raise InputError(f"{name!r} must be an int from 1 to 10000. Got {count!r}.")
    path = Path(path)
    writer = _writer(path, rate[1])
    check_place(path)
    begin, end = ranges(found)[time]
    times = np.linspace(begin, end, rate[0])
    seen = view(found, derivative, {**(at or {}), coordinate: (begin + end) / 2}, names)
    slices = [replace(seen, fixed={**seen.fixed, time: float(t)}) for t in times]
    figure, draw = (_moving_curves if len(seen.free) == 1 else _moving_maps)(slices)
    titles = [f"{coordinate} = {t:.3g}" for t in times]
    _write(figure, draw, titles, writer, path)
    return path


def _writer(path: Path, fps: int) -> AbstractMovieWriter:
    name = _WRITERS.get(path.suffix.lower())
    if name is None:
        raise InputError(f"A film ends in one of {', '.join(_WRITERS)}. Got {path.name!r}.")
    if not writers.is_available(name):
        raise InputError(f"Films that end in {path.suffix} need {name}, which is not installed. Write a .gif instead.")
    made: Any = writers[name]
    return made(fps=fps)


def _write(
    figure: Figure, draw: Callable[[int], None], titles: Sequence[str], writer: AbstractMovieWriter, path: Path
) -> None:  # fmt: skip
    FigureCanvasAgg(figure)
    title = figure.suptitle(titles[0], fontsize=9)
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder, f"film{path.suffix.lower()}")
        with writer.saving(figure, str(partial), DRAWING.dpi):
            for k, text in enumerate(titles):
                draw(k)
                title.set_text(text)
                writer.grab_frame()
        with writing(path) as file:
            file.write(partial.read_bytes())


def _moving_curves(slices: Sequence[View]) -> tuple[Figure, Callable[[int], None]]:
    seen = slices[0]
    places = [each.along(DRAWING.along_frame) for each in slices]
    found = [each.on([x]) for each, x in zip(slices, places, strict=True)]
    (figure, (axes,)), lines = _panels(1, len(seen.names)), []
    for k, label in enumerate(seen.labels):
        values = np.concatenate([each[:, k] for each in found])
        low, high = seen.limits(values)
        low, high = max(low, float(values.min())), min(high, float(values.max()))
        ends = (low, high) if low < high else (low - 0.5, high + 0.5)
        ax = plot.profiles([places[0]], [found[0][:, k]], name=seen.coordinate(0), label=label, limits=ends, ax=axes[k])
        lines.append(ax.lines[0])

    def draw(number: int) -> None:
        for k, line in enumerate(lines):
            line.set_data(places[number], found[number][:, k])

    return figure, draw


def _moving_maps(slices: Sequence[View]) -> tuple[Figure, Callable[[int], None]]:
    seen = slices[0]
    columns = seen.map_columns(DRAWING.map_frame)
    distance, names = seen.distances(columns), (seen.coordinate(0), seen.coordinate(1))
    found = [each.on(columns) for each in slices]
    (figure, (axes,)), images = _panels(1, len(seen.names)), []
    for k, label in enumerate(seen.labels):
        surfaces = [plot.Surface(*columns, each[..., k], distance) for each in found]
        limits = seen.limits(np.concatenate([surface.shown for surface in surfaces]))
        ax = plot.heat_map(surfaces[0], names=names, label=label, limits=limits, same_scale=True, ax=axes[k])
        images.append(ax.collections[0])

    def draw(number: int) -> None:
        for k, image in enumerate(images):
            image.set_array(found[number][..., k].T)

    return figure, draw


def content(found: AnySolution, title: str, names: Sequence[str] | None) -> ReportContent:
    """Return the problem, the outcome, the estimated error, pictures, and how it was found."""
    error = "unknown" if math.isnan(found.error) else f"{found.error:.2g}"
    versions = [("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version())]
    return ReportContent(
        title=title,
        subtitle=" ".join(filter(None, (f"{found.outcome.name}.", found.outcome.message, found.advice))),
        problem=_problem(found.problem),
        errors=[("Estimated relative error in L2", error), *found.facts()],
        figures=[*_drawn(found, names), *_history(found)],
        notes=found.in_words(),
        provenance=[*versions, ("Date", datetime.date.today().isoformat())],
    )


def _drawn(found: AnySolution, names: Sequence[str] | None) -> list[tuple[str, Figure]]:
    unknown_names(found, names)
    try:
        return [("The solution", picture(found, names=names))]
    except InputError:  # a run that diverged may have no finite value
        return []


def _problem(problem: Problem) -> list[tuple[str, str]]:
    domain = problem.domain
    ends = zip(domain.names, domain.low, domain.high, strict=True)
    rows = [("Coordinates", ", ".join(f"{name} from {low:g} to {high:g}" for name, low, high in ends))]
    if not isinstance(domain, Box):
        rows.append(("Domain", repr(domain)))
    rows += [("Unknown functions", str(problem.unknowns)), ("Conditions", _conditions(problem))]
    rows.append(("Ansatz", "none" if problem.ansatz is None else "the unknowns are made of the network by a formula"))
    if problem.constants:
        rows.append(("Unknown constants", ", ".join(problem.constants)))
    if problem.terms:
        rows.append(("Singular functions", str(len(problem.terms))))
    return rows


def _conditions(problem: Problem) -> str:
    count = len(problem.conditions)
    if not count:
        return "none"
    places = [condition.place for condition in problem.conditions[: DRAWING.conditions]]
    return f"{count}: {'; '.join(places)}{'; ...' if count > DRAWING.conditions else ''}"


def _history(found: AnySolution) -> list[tuple[str, Figure]]:
    seen = found.convergence()
    if seen is None:
        return []
    # residuals of zero are drawn at 1e-17
    values = [np.maximum(np.array(curve), 1e-17) for curve in seen.curves.values()]
    legend = list(seen.curves) if len(values) > 1 else []
    places = [np.array(seen.places)] * len(values)
    ax = plot.profiles(places, values, name=seen.across, label=seen.label, legend=legend, steps=True)
    figure = ax.get_figure(root=True)
    assert figure is not None
    return [(seen.caption, figure)]
