"""What was measured: the states of one or several trajectories, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.tables.encoding import as_array, is_frame

_FEWEST = 8  # rows of a trajectory


@dataclass(frozen=True)
class Measured:
    """Trajectories one below the other: times (n,), values (n, d), and the first row of each trajectory and the end.

    `order` 2 means that the states are the measured values and their derivatives, which were not measured.
    """

    times: Array
    values: Array
    starts: tuple[int, ...]
    names: tuple[str, ...]
    order: int = 1
    deviation: Array = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "deviation", self.values.std(axis=0))

    @property
    def n_observed(self) -> int:
        return self.values.shape[1]

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states: those measured, and with order 2 also their derivatives."""
        return self.names if self.order == 1 else (*self.names, *(f"{name}_dot" for name in self.names))

    def pieces(self) -> list[slice]:
        """Return the rows of each trajectory."""
        return [slice(a, b) for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def between(self, low: float, high: float) -> Measured:
        """Return the rows of each trajectory between two fractions of them, at least eight from the first."""
        parts = []
        for rows in self.pieces():
            n = rows.stop - rows.start
            a = round(low * n)
            parts.append(np.arange(rows.start + a, rows.start + min(max(round(high * n), a + _FEWEST), n)))
        kept, starts = np.concatenate(parts), (0, *np.cumsum([len(part) for part in parts]).tolist())
        return Measured(self.times[kept], self.values[kept], starts, self.names, self.order)


def measured(t: Any, x: Any, names: Sequence[str] | None, order: int) -> Measured:
    """Return the trajectories that were given, checked.

    Errors: InputError for shapes that do not agree, times that do not increase, gaps, fewer than 8 rows, a state that
    never changes or is beyond 1e50, and bad names.
    """
    largest = 1e50  # range of a state, and longest step of time
    if order not in (1, 2) or isinstance(order, bool):
        raise InputError(f"'order' must be 1 or 2, for x' = f(x) or x'' = f(x, x'). Got {order!r}.")
    parts = _parts(t, x)
    times = _times(t, len(parts))
    columns = [str(c) for c in parts[0].columns] if is_frame(parts[0]) else None
    tables = [_values(part) for part in parts]
    widths = {table.shape[1] for table in tables}
    if len(widths) > 1:
        raise InputError(f"All trajectories must have the same states. Got {sorted(widths)} columns.")
    known = _names(names if names is not None else columns, widths.pop(), order)
    for k, (when, table) in enumerate(zip(times, tables, strict=True)):
        _check(when, table, f" of trajectory {k + 1}" if len(tables) > 1 else "")
    values = np.concatenate(tables)
    still = [
        name for name, column in zip(known, values.T, strict=True) if np.ptp(column) <= 1e-14 * np.abs(column).max()
    ]
    if still:
        raise InputError(f"The state {still[0]!r} never changes: leave it out of x.")
    longest = max(float(np.diff(each).max()) for each in times)
    for name, range_ in [*zip(known, np.ptp(values, axis=0).tolist(), strict=True), ("t", longest)]:
        if not 1 / largest < range_ < largest:
            raise InputError(
                f"{name!r} varies by {range_:.3g}, too much or too little for its powers: change its unit."
            )
    starts = (0, *np.cumsum([len(table) for table in tables]).tolist())
    return Measured(np.concatenate(times), values, starts, known, order)


def _parts(t: Any, x: Any) -> list[Any]:
    """Return the tables of the trajectories: the members of a list of tables, or of columns of one state, else x."""
    if isinstance(x, list | tuple) and x and (is_frame(x[0]) or np.ndim(_array(x[0])) == 2 or _columns(t, x)):
        return list(x)
    if is_frame(x):
        return [x]
    array = _array(x)
    if array.ndim == 3:
        return list(array)
    return [array]


def _columns(t: Any, x: Sequence[Any]) -> bool:
    """Return whether a list holds a column (n,) for each trajectory: t does so too, or fits each column but not x."""
    if any(np.ndim(_array(each)) != 1 for each in x):
        return False
    if isinstance(t, list | tuple) and t and np.ndim(_array(t[0])) == 1:
        return True
    return all(len(each) == np.size(_array(t)) != len(x) for each in x)


def _times(t: Any, count: int) -> list[Array]:
    """Return the times of each trajectory."""
    several = isinstance(t, list | tuple) and bool(t) and np.ndim(_array(t[0])) == 1
    if not several:
        single = _array(t)
        if single.ndim == 2 and single.shape[0] == count and count > 1:
            return [row.astype(np.float64) for row in single]
        return [single.reshape(-1).astype(np.float64)] * count
    if len(t) != count:
        raise InputError(f"'t' and 'x' must hold equally many trajectories. Got {len(t)} and {count}.")
    return [_array(each).astype(np.float64) for each in t]


def _array(values: Any) -> Array:
    try:
        array = np.asarray(as_array(values.to_numpy() if hasattr(values, "to_numpy") else values))
    except (TypeError, ValueError) as error:
        raise InputError(f"Times and states must be arrays of numbers: {error}.") from None
    if array.dtype.kind in "mM":
        raise InputError("Times must be numbers, as seconds or days since the start. Got dates.")
    if array.dtype.kind not in "biuf":
        raise InputError(f"Times and states must be numbers. Got an array of {array.dtype}.")
    return array


def _values(part: Any) -> Array:
    table = _array(part).astype(np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[1] == 0:
        raise InputError(f"'x' must be (rows, states), or a list of such tables. Got the shape {table.shape}.")
    return table


def _check(times: Array, table: Array, which: str) -> None:
    if len(times) != len(table):
        raise InputError(f"'t' and 'x'{which} must have equally many rows. Got {len(times)} and {len(table)}.")
    if len(times) < _FEWEST:
        raise InputError(f"A trajectory needs at least {_FEWEST} rows. Got {len(times)}{which}.")
    if not np.isfinite(times).all() or not np.isfinite(table).all():
        raise InputError(
            f"Times and states{which} must be finite. Leave out the rows with gaps: times may be irregular."
        )
    if not (np.diff(times) > 0).all():
        k = int(np.argmax(np.diff(times) <= 0))
        raise InputError(
            f"Times{which} must increase. Got {times[k]:g}, then {times[k + 1]:g}: sort the rows, and pass separate "
            "trajectories as a list."
        )


def _names(names: Sequence[str] | None, count: int, order: int) -> tuple[str, ...]:
    from edgewise.discovery import column_names

    default = ["x", "y", "z"][:count] if count <= 3 else [f"x{k + 1}" for k in range(count)]
    known = column_names(np.zeros((1, count)), default if names is None else names, count)
    taken = {"t", *(f"{name}_dot" for name in known if order == 2)}
    clash = taken.intersection(known)
    if clash:
        raise InputError(f"No state may be named {sorted(clash)[0]!r}: rename it by 'names'.")
    return known
