"""A solution that moves: one frame for each time, by matplotlib's own writers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import AbstractMovieWriter, writers
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from edgewise import plot
from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._replacing import check_place, writing
from edgewise.pde._pictures import HIGH, WIDE, View, view
from edgewise.pde._sampled import Derivative, ranges
from edgewise.pde._seen import Seen

_WRITERS = {
    ".gif": "pillow",
    ".apng": "pillow",
    ".webp": "pillow",
    ".mp4": "ffmpeg",
    ".webm": "ffmpeg",
    ".mov": "ffmpeg",
}
_ALONG, _MAP = 401, 121
_DPI = 110


def animate(
    found: Seen, path: str | os.PathLike[str], derivative: Derivative, at: Mapping[str, float] | None,
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
    times = np.linspace(*ranges(found)[time], rate[0])
    begin, end = ranges(found)[time]
    seen = view(found, derivative, {**(at or {}), coordinate: (begin + end) / 2}, names)
    slices = [replace(seen, fixed={**seen.fixed, time: float(t)}) for t in times]
    figure, draw = (_curves if len(seen.free) == 1 else _maps)(slices)
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
        with writer.saving(figure, str(partial), _DPI):
            for k, text in enumerate(titles):
                draw(k)
                title.set_text(text)
                writer.grab_frame()
        with writing(path) as file:
            file.write(partial.read_bytes())


def _curves(slices: Sequence[View]) -> tuple[Figure, Callable[[int], None]]:
    seen = slices[0]
    places = [each.along(_ALONG) for each in slices]
    found = [each.on([x]) for each, x in zip(slices, places, strict=True)]
    figure = plot.Picture(figsize=(WIDE * len(seen.names), HIGH), layout="constrained")
    axes, lines = figure.subplots(1, len(seen.names), squeeze=False)[0], []
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


def _maps(slices: Sequence[View]) -> tuple[Figure, Callable[[int], None]]:
    seen = slices[0]
    columns = seen.map_columns((_MAP, _MAP))
    distance, names = seen.distances(columns), (seen.coordinate(0), seen.coordinate(1))
    found = [each.on(columns) for each in slices]
    figure = plot.Picture(figsize=(WIDE * len(seen.names), HIGH), layout="constrained")
    axes, images = figure.subplots(1, len(seen.names), squeeze=False)[0], []
    for k, label in enumerate(seen.labels):
        surfaces = [plot.Surface(*columns, each[..., k], distance) for each in found]
        limits = seen.limits(np.concatenate([surface.shown for surface in surfaces]))
        ax = plot.heat_map(surfaces[0], names=names, label=label, limits=limits, same_scale=True, ax=axes[k])
        images.append(ax.collections[0])

    def draw(number: int) -> None:
        for k, image in enumerate(images):
            image.set_array(found[number][..., k].T)

    return figure, draw
