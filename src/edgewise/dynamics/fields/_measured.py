"""What was measured: components of a field at points of time and space, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.dynamics.fields._settings import SETTINGS
from edgewise.tables.encoding import as_array, is_frame

_FEWEST = 12  # times, and places of each coordinate, of a grid
_FEWEST_ROWS = 60  # of scattered points
_LARGEST = 1e50


@dataclass(frozen=True)
class Measured:
    """Values (n, d) at points (n, 1 + s) of time and space; `axes` are those of a grid, where the points are one.

    names: of the components. coordinates: of space. order: of the derivative by time that an equation gives.
    """

    points: Array
    values: Array
    axes: tuple[Array, ...] | None
    names: tuple[str, ...]
    coordinates: tuple[str, ...]
    order: int

    @property
    def deviation(self) -> Array:
        return np.asarray(self.values.std(axis=0))

    @property
    def duration(self) -> float:
        return float(np.ptp(self.points[:, 0]))

    def correlations(self, left: Array) -> Array:
        """The largest correlation of what is left (n, d) of neighbors, by axis of a grid; of rows and their nearest."""
        if self.axes is None:
            scaled = self.points / self.points.std(axis=0)
            nearest = np.asarray(KDTree(scaled).query(scaled, 2)[1])[:, 1]
            return np.array([_largest(left * left[nearest], left)])
        grid = left.reshape(*(len(x) for x in self.axes), -1)
        moved = [np.moveaxis(grid, k, 0) for k in range(len(self.axes))]
        return np.array([_largest(own[1:] * own[:-1], grid) for own in moved])

    def is_white(self, left: Array) -> bool:
        """Whether what is left of neighbors is not correlated."""
        return bool((self.correlations(left) <= SETTINGS.correlated).all())

    def fewer(self, left: Array) -> float:
        """How many times fewer rows count, as what is left of neighbors is correlated."""
        smoothest = 0.97
        r = np.clip(self.correlations(left), 0.0, smoothest)
        return float(np.prod((1 + r) / (1 - r)))


def _largest(products: Array, left: Array) -> float:
    """The sum of products over that of squares, of the component where it is largest."""
    total = np.maximum((left**2).sum(axis=tuple(range(left.ndim - 1))), 1e-300)
    return float((products.sum(axis=tuple(range(products.ndim - 1))) / total).max())


def measured(t: Any, x: Any, u: Any, names: Sequence[str] | None, order: int) -> Measured:
    """The field that was given, checked; points of a whole grid in any order count as one.

    Errors: InputError for shapes that do not agree, too few points, values that are no numbers or never change, and bad
    names.
    """
    if order not in (1, 2) or isinstance(order, bool):
        raise InputError(f"'order' must be 1 or 2, for an equation of u_t or of u_tt. Got {order!r}.")
    times = _line(t, "t")
    places = {name: _line(own, name) for name, own in _members(x, ("x", "y"), "x").items()}
    if len(places) not in (1, 2):
        raise InputError(f"Space has one or two coordinates. Got {len(places)}: {', '.join(places)}.")
    fields = _components(u, names)
    axes = (times, *places.values())
    shape = tuple(len(own) for own in axes)
    shapes = {own.shape for own in fields.values()}
    if len(shapes) > 1:
        raise InputError(f"All components must have the same shape. Got {sorted(shapes)}.")
    given = shapes.pop()
    _check_names([*fields], [*places])
    if given == shape and len(shape) == len(given) > 1:
        points = np.stack([own.ravel() for own in np.meshgrid(*axes, indexing="ij")], 1)
        values = np.stack([own.ravel() for own in fields.values()], 1)
    elif len(given) == 1 and set(shape) == {given[0]}:
        points, values = np.stack(axes, 1), np.stack([*fields.values()], 1)
    else:
        grid = " x ".join(map(str, shape))
        raise InputError(
            f"u must have the shape of the grid of t and x, {grid}, or be one value for each row of t and x. Got "
            f"{' x '.join(map(str, given))}."
        )
    return _checked(points, values, tuple(fields), tuple(places), order)


def _checked(
    points: Array, values: Array, names: tuple[str, ...], coordinates: tuple[str, ...], order: int
) -> Measured:
    if not np.isfinite(points).all():
        raise InputError("Times and places must be finite numbers. Got NaN or infinity among them.")
    if np.isinf(values).any():
        raise InputError("Values of u must be finite numbers. Got infinity among them.")
    kept = ~np.isnan(values).any(axis=1)  # gaps are rows that were not measured
    points, values = points[kept], values[kept]
    axes = _grid(points)
    if axes is not None:
        order_of = np.lexsort(points.T[::-1])
        points, values = points[order_of], values[order_of]
        for name, own in zip(("t", *coordinates), axes, strict=True):
            if len(own) < _FEWEST:
                raise InputError(f"A grid needs at least {_FEWEST} values of {name}. Got {len(own)}.")
    elif len(points) < _FEWEST_ROWS:
        raise InputError(f"Scattered points must be {_FEWEST_ROWS} or more. Got {len(points)}.")
    for name, own in zip(("t", *coordinates), points.T, strict=True):
        _check_range(name, own)
    for name, own in zip(names, values.T, strict=True):
        _check_range(name, own)
    return Measured(points, values, axes, names, coordinates, order)


def _check_range(name: str, own: Array) -> None:
    spread = float(np.ptp(own))
    if spread <= 1e-14 * float(np.abs(own).max()):
        raise InputError(f"{name!r} never changes.")
    if not 1 / _LARGEST < spread < _LARGEST:
        raise InputError(f"{name!r} varies by {spread:.3g}, too much or too little for its powers: change its unit.")


def _grid(points: Array) -> tuple[Array, ...] | None:
    """The axes of points that are all those of a grid, once each; else None."""
    axes = tuple(np.unique(own) for own in points.T)
    count = float(np.prod([float(len(own)) for own in axes]))
    if count != len(points) or len(np.unique(points, axis=0)) != len(points):
        return None
    return axes


def _line(values: Any, name: str) -> Array:
    array = _numbers(values, name)
    if array.ndim == 2 and array.shape[1] == 1:  # a column
        array = array[:, 0]
    if array.ndim != 1 or np.iscomplexobj(array):
        raise InputError(f"'{name}' must be real numbers, one axis. Got the shape {array.shape}.")
    return array


def _numbers(values: Any, name: str) -> Array:
    try:
        array = np.asarray(as_array(values))
        if array.dtype.kind not in "cfiub":
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"'{name}' must be numbers. Got {type(values).__name__}.") from None
    return np.asarray(array, dtype=np.complex128 if array.dtype.kind == "c" else np.float64)


def _members(values: Any, usual: Sequence[str], name: str) -> dict[str, Any]:
    """Arrays by name: of a dictionary or the columns of a frame, of a list of arrays, or one."""
    if is_frame(values):
        return {str(column): as_array(values[column]) for column in values.columns}
    if isinstance(values, Mapping):
        return {str(key): own for key, own in values.items()}
    if isinstance(values, list | tuple) and values and all(np.ndim(as_array(own)) >= 1 for own in values):
        if len(values) > len(usual):
            raise InputError(f"'{name}' has {len(values)} parts, and {len(usual)} at most are taken without names.")
        return dict(zip(usual, values, strict=False))
    return {usual[0]: values}


def _components(u: Any, names: Sequence[str] | None) -> dict[str, Array]:
    """The components by name, real: a complex one is two, its real and its imaginary part."""
    if isinstance(u, list | tuple) and u and all(isinstance(own, list | tuple) for own in u):
        u = _numbers(u, "u")  # a nested list is one array
    given = _members(u, ("u", "v", "w"), "u")
    if names is not None:
        if isinstance(names, str) or len(names) != len(given) or not all(isinstance(own, str) for own in names):
            raise InputError(f"'names' must be {len(given)} names, one for each component. Got {names!r}.")
        given = dict(zip(names, given.values(), strict=True))
        if len(given) != len(names):
            raise InputError(f"The names of components must differ. Got {names!r}.")
    if not 1 <= len(given) <= 3:
        raise InputError(f"A field has one to three components. Got {len(given)}.")
    found = {}
    for name, own in given.items():
        array = _numbers(own, name)
        if np.iscomplexobj(array):
            found |= {f"{name}r": np.real(array).copy(), f"{name}i": np.imag(array).copy()}
        else:
            found[name] = array
    return found


def _check_names(names: Sequence[str], coordinates: Sequence[str]) -> None:
    for name in (*names, *coordinates):
        if not name.isidentifier() or "_" in name:
            raise InputError(f"Names of components and coordinates must be words without '_'. Got {name!r}.")
    if len({*names, *coordinates, "t"}) != len(names) + len(coordinates) + 1:
        raise InputError(f"Names must differ, and 't' is the time. Got {', '.join((*names, *coordinates))}.")
    for name in coordinates:
        if len(name) != 1:
            raise InputError(f"Coordinates of space must be single letters, since derivatives are u_xx. Got {name!r}.")
