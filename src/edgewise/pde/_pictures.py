"""Pictures of solutions: curves, maps in colors, profiles at some times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise import plot
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde._box import Box
from edgewise.pde._sampled import Derivative, derivative_names, held, on_product, ranges, unknown_names, values
from edgewise.pde._seen import Seen

_ALONG, _MAP = 801, 161  # places of a curve, and along each side of a map
_OVER_TIME = (121, 241)  # the same of a map over time and a coordinate
_MARGIN = 0.03  # of a map's side, around a domain that is no box
_KEPT, _HUGE = (
    (0.005, 0.995),
    4.0,
)  # quantiles of derivatives, and how much more than between them is left out of scales
_TIMES, _SNAPSHOTS = 5, 4  # profiles, and maps, unless times are given
WIDE, HIGH = 4.6, 3.4  # inches of a panel


@dataclass(frozen=True)
class View:
    """What of a solution is drawn: a derivative of the unknowns over some coordinates, the others held.

    free: the numbers of one or two coordinates. fixed: what the others are held at.
    """

    found: Seen
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
        margin = 0.0 if isinstance(self.found.problem.domain, Box) else _MARGIN
        ends = [ranges(self.found)[k] for k in self.free]
        both = zip(ends, counts, strict=True)
        across, up = (np.linspace(a - margin * (b - a), b + margin * (b - a), count) for (a, b), count in both)
        return across, up

    def limits(self, shown: Array) -> tuple[float, float]:
        """The ends of a scale for values; of derivatives that are huge at few places, without those."""
        known = shown[np.isfinite(shown)]
        if self.by and len(known):
            low, high = np.quantile(known, _KEPT)
            if np.ptp(known) > _HUGE * (high - low) > 0:
                known = known.clip(low, high)
        return plot.span(known)

    def distances(self, columns: Sequence[Array]) -> Array | None:
        """The signed distances of a map from the boundary of a domain that is no box."""
        domain = self.found.problem.domain
        if isinstance(domain, Box) or len(self.free) < 2:
            return None
        return domain.signed_distance(on_product(columns)).reshape(*map(len, columns)).numpy()


def view(found: Seen, derivative: Derivative, at: Mapping[str, float] | None, names: Sequence[str] | None) -> View:
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
    found: Seen, derivative: Derivative = "", at: Mapping[str, float] | None = None,
    times: Sequence[float] | None = None, names: Sequence[str] | None = None,
) -> Figure:  # fmt: skip
    """Draw the unknowns, or a derivative of them, and return the figure."""
    time, count = found.time_axis, len(found.problem.domain.names)
    if time is not None and time not in held(found, at) and count - len(at or {}) > 2:
        return _snapshots(found, derivative, dict(at or {}), times, names)
    seen = view(found, derivative, at, names)
    timed = len(seen.free) == 2 and seen.free[0] == found.time_axis
    if times is not None and not timed:
        raise InputError("'times' are those of a solution over time and other coordinates. Leave it out.")
    columns = 2 if timed else 1
    shape = (len(seen.names), 2) if timed else (1, len(seen.names))
    figure = plot.Picture(figsize=(WIDE * shape[1], HIGH * shape[0]), layout="constrained")
    axes = list(figure.subplots(*shape, squeeze=False).ravel())
    if len(seen.free) == 1:
        _curves(seen, axes)
    else:
        _maps(seen, axes[::columns])
        if timed:
            _profiles(seen, times, axes[1::2])
    return _noted(figure, seen.fixed, found)


def _snapshots(
    found: Seen, derivative: Derivative, at: dict[str, float], times: Sequence[float] | None,
    names: Sequence[str] | None,
) -> Figure:  # fmt: skip
    """Maps over two coordinates of space at some times, with the same colors."""
    assert found.time_axis is not None
    name = found.problem.domain.names[found.time_axis]
    chosen = np.linspace(*ranges(found)[found.time_axis], _SNAPSHOTS).tolist() if times is None else list(times)
    seen = [view(found, derivative, {**at, name: t}, names) for t in chosen]
    columns = seen[0].map_columns((_MAP, _MAP))
    maps, distance = [each.on(columns) for each in seen], seen[0].distances(columns)
    across, up = (seen[0].coordinate(k) for k in range(2))
    shape = len(seen[0].names), len(chosen)
    figure = plot.Picture(figsize=(0.75 * WIDE * shape[1], HIGH * shape[0]), layout="constrained")
    axes = figure.subplots(*shape, squeeze=False)
    for k, label in enumerate(seen[0].labels):
        surfaces = [plot.Surface(*columns, each[..., k], distance) for each in maps]
        limits = seen[0].limits(np.concatenate([surface.shown for surface in surfaces]))
        for t, surface, ax in zip(chosen, surfaces, axes[k], strict=True):
            plot.heat_map(surface, names=(across, up), label=label, limits=limits, same_scale=True, ax=ax)
            ax.set_title(f"{name} = {t:.4g}", fontsize=9)
    held_others = {k: value for k, value in seen[0].fixed.items() if k != found.time_axis}
    return _noted(figure, held_others, found)


def _curves(seen: View, axes: Sequence[Axes]) -> None:
    places = seen.along(_ALONG)
    found = seen.on([places])
    for k, label in enumerate(seen.labels):
        plot.profiles([places], [found[:, k]], name=seen.coordinate(0), label=label, ax=axes[k])


def _maps(seen: View, axes: Sequence[Axes]) -> None:
    columns = seen.map_columns(_OVER_TIME if seen.found.time_axis in seen.free else (_MAP, _MAP))
    found, distance = seen.on(columns), seen.distances(columns)
    names, timed = (seen.coordinate(0), seen.coordinate(1)), seen.found.time_axis in seen.free
    for k, label in enumerate(seen.labels):
        surface = plot.Surface(*columns, found[..., k], distance)
        limits = seen.limits(surface.shown)
        plot.heat_map(surface, names=names, label=label, limits=limits, same_scale=not timed, ax=axes[k])


def _profiles(seen: View, times: Sequence[float] | None, axes: Sequence[Axes]) -> None:
    time, space = seen.free
    ends = ranges(seen.found)[time]
    name = seen.coordinate(0)
    chosen = np.linspace(*ends, _TIMES).tolist() if times is None else times
    for t in chosen:
        held(seen.found, {name: t})
    slices = [View(seen.found, seen.by, seen.names, (space,), {**seen.fixed, time: float(t)}) for t in chosen]
    places = [each.along(_ALONG) for each in slices]
    found = [each.on([x]) for each, x in zip(slices, places, strict=True)]
    legend = [f"{name} = {t:.4g}" for t in chosen]
    for k, label in enumerate(seen.labels):
        curves = [each[:, k] for each in found]
        plot.profiles(places, curves, name=seen.coordinate(1), label=label, legend=legend, ax=axes[k])


def _noted(figure: Figure, fixed: Mapping[int, float], found: Seen) -> Figure:
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
