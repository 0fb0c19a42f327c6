"""What was measured: the states of one or several trajectories, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.dynamics._inputs import NO_INPUTS, Inputs, Interpolated, kinds_of
from edgewise.dynamics._prior import NO_PRIOR, Fixed, Prior
from edgewise.tables.encoding import as_array, is_frame

_FEWEST = 8  # rows of all trajectories, and rows that a part of a longer one keeps


@dataclass(frozen=True)
class Measured:
    """Trajectories one below the other: times (n,), values (n, d), and the first row of each trajectory and the end.

    Values that were not measured are nan. `order` 2 means that the states are the measured values and their
    derivatives, which were not measured. `shifts` are what the times of each trajectory were moved by, `prior` what is
    known of the equations, `hidden` the name of a state that was not measured. `spread` (n, d) is the noise of each
    value over that of its state.
    """

    times: Array
    values: Array
    starts: tuple[int, ...]
    names: tuple[str, ...]
    order: int = 1
    inputs: Inputs = NO_INPUTS
    shifts: tuple[float, ...] = ()
    prior: Prior = NO_PRIOR
    hidden: tuple[str, ...] = ()
    spread: Array = field(default_factory=lambda: np.ones((0, 0)))
    seen: Array = field(init=False)
    counts: Array = field(init=False)
    deviation: Array = field(init=False)

    def __post_init__(self) -> None:
        seen = ~np.isnan(self.values)
        object.__setattr__(self, "seen", seen)
        if self.spread.shape != self.values.shape:
            object.__setattr__(self, "spread", np.ones(self.values.shape))
        object.__setattr__(self, "counts", seen.sum(axis=0))
        object.__setattr__(self, "deviation", np.nanstd(self.values, axis=0))

    @property
    def size(self) -> int:
        """The number of values that were measured."""
        return int(self.counts.sum())

    @property
    def n_states(self) -> int:
        return self.n_observed * self.order + len(self.hidden)

    @property
    def n_arguments(self) -> int:
        """The number of what terms are functions of: states and inputs."""
        return self.n_states + len(self.inputs)

    @property
    def n_observed(self) -> int:
        return self.values.shape[1]

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states: those measured, with order 2 also their derivatives, and a hidden one."""
        known = self.names if self.order == 1 else (*self.names, *(f"{name}_dot" for name in self.names))
        return (*known, *self.hidden)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of what terms are functions of: states and inputs."""
        return (*self.states, *self.inputs.names)

    @property
    def surroundings(self) -> tuple[int, Inputs, Fixed | None]:
        """What systems of these trajectories share: their order, the inputs, and the known part of their rates."""
        return self.order, self.inputs, self.prior.fixed

    def like_noise(self, squares: Array) -> bool:
        """Return whether mean squares (d,) of residuals over the noise are what noise alone leaves."""
        return bool((squares < 1.1 + 4 * np.sqrt(2 / self.counts)).all())

    def pieces(self) -> list[slice]:
        """Return the rows of each trajectory."""
        return [slice(a, b) for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def between(self, low: float, high: float) -> Measured:
        """Return the rows of each trajectory between two fractions of them, at least eight from the first.

        Of a trajectory with fewer than eight rows at least three; all rows where a state was not measured twice.
        """
        parts = []
        for rows in self.pieces():
            n = rows.stop - rows.start
            least = _FEWEST if n >= _FEWEST else 3
            a = round(low * n) if n >= _FEWEST else max(min(round(low * n), n - least), 0)
            part = np.arange(rows.start + a, rows.start + min(max(round(high * n), a + least), n))
            whole = (self.seen[part].sum(axis=0) < 2).any()
            parts.append(np.arange(rows.start, rows.stop) if whole else part)
        kept, starts = np.concatenate(parts), (0, *np.cumsum([len(part) for part in parts]).tolist())
        return self.only(kept, starts)

    def only(self, rows: Array | slice, starts: tuple[int, ...]) -> Measured:
        """Return some of the rows, with the first ones of trajectories among them."""
        return replace(self, times=self.times[rows], values=self.values[rows], spread=self.spread[rows], starts=starts)


def measured(t: Any, x: Any, names: Sequence[str] | None, order: int, inputs: Any = None) -> Measured:
    """Return the trajectories that were given, checked, without rows in which nothing was measured.

    Errors: InputError for shapes that do not agree, times that do not increase, too few rows, a state that never
    changes or is beyond 1e50, inputs with gaps, and bad names.
    """
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
        _check(when, table, known, f" of trajectory {k + 1}" if len(tables) > 1 else "")
    shifts, driving = (), NO_INPUTS
    if inputs is not None:
        times, shifts = _apart(times)
        driving = driven(inputs, times, shifts, known)
    kept = [~np.isnan(table).all(axis=1) for table in tables]
    times = [when[rows] for when, rows in zip(times, kept, strict=True)]
    tables = [table[rows] for table, rows in zip(tables, kept, strict=True)]
    values = np.concatenate(tables)
    if len(values) < _FEWEST:
        raise InputError(f"All trajectories together need at least {_FEWEST} rows. Got {len(values)}.")
    _check_sizes(times, values, known)
    starts = (0, *np.cumsum([len(table) for table in tables]).tolist())
    return Measured(np.concatenate(times), values, starts, known, order, driving, shifts)


def _check_sizes(times: Sequence[Array], values: Array, names: Sequence[str]) -> None:
    largest = 1e50  # range of a state, and longest step of time
    ranges = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
    for name, column, range_ in zip(names, values.T, ranges, strict=True):
        if range_ <= 1e-14 * np.nanmax(np.abs(column)):
            raise InputError(f"The state {name!r} never changes: leave it out of x.")
    longest = max(float(np.diff(each).max()) for each in times)
    for name, range_ in [*zip(names, ranges.tolist(), strict=True), ("t", longest)]:
        if not 1 / largest < range_ < largest:
            raise InputError(
                f"{name!r} varies by {range_:.3g}, too much or too little for its powers: change its unit."
            )


def _apart(times: Sequence[Array]) -> tuple[list[Array], tuple[float, ...]]:
    """Return the times of trajectories moved so that none begins before the one before has ended, and by how much."""
    out, shifts, end = [], [], None
    for when in times:
        shifts.append(0.0 if end is None or when[0] > end else end + when[1] - when[0] - when[0])
        out.append(when + shifts[-1])
        end = float(out[-1][-1])
    return out, tuple(shifts)


def driven(
    inputs: Any, times: Sequence[Array], shifts: Sequence[float], states: Sequence[str], wanted: Sequence[str] = (),
    kinds: tuple[str, ...] = (),
) -> Inputs:  # fmt: skip
    """Return the inputs at the times of trajectories: a table for each, or columns and functions of time by name.

    `wanted` are the names that they must have, `kinds` how they run between rows; else the rows tell.
    """
    each = [inputs] * len(times) if isinstance(inputs, Mapping) else _tables(inputs, times)
    named = [dict(own) if isinstance(own, Mapping) else _columns_of(own, wanted) for own in each]
    names = tuple(wanted or named[0])
    if any({*own} != {*names} for own in named):
        raise InputError(f"Each trajectory must have the inputs {list(names)}. Got {[list(own) for own in named]}.")
    clash = sorted({*names} & {*states, "t"})
    if clash or not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"Inputs need names that no state has, other than 't'. Got {list(names)}.")
    tables = [
        np.stack([_input(own[name], when - shift, name) for name in names], axis=1)
        for own, when, shift in zip(named, times, shifts, strict=True)
    ]
    kinds = kinds or kinds_of(times, tables)
    curves = []
    for own, when, shift, table in zip(named, times, shifts, tables, strict=True):
        functions = {k: own[name] for k, name in enumerate(names) if callable(own[name])}
        curves.append(Interpolated(when, table, kinds, functions, shift))
    return Inputs(names, tuple(curves), tuple(float(when[0]) for when in times), kinds)


def _tables(inputs: Any, times: Sequence[Array]) -> list[Any]:
    if isinstance(inputs, list | tuple) and inputs and isinstance(inputs[0], Mapping):
        each = list(inputs)
    else:
        each = _parts(times[0] if len(times) == 1 else list(times), inputs)
    if len(each) != len(times):
        raise InputError(f"'inputs' must hold as many tables as there are trajectories, {len(times)}. Got {len(each)}.")
    return each


def _columns_of(given: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return the columns of a table by name: those of a frame, those that are known, or u, u1, u2, ..."""
    if is_frame(given):
        return {str(name): given[name] for name in given.columns}
    table = _values(given)
    if len(names) != table.shape[1]:
        names = ["u"] if table.shape[1] == 1 else [f"u{k + 1}" for k in range(table.shape[1])]
    return dict(zip(names, table.T, strict=True))


def _input(own: Any, times: Array, name: str) -> Array:
    values = _array(own(times) if callable(own) else own).astype(np.float64)
    values = np.broadcast_to(values, times.shape) if values.ndim == 0 else values.reshape(-1)
    if values.shape != times.shape or not np.isfinite(values).all():
        raise InputError(
            f"The input {name!r} must be a finite number for each row of x, {len(times)}. Got {values.size} values"
            f"{'' if np.isfinite(values).all() else ', some of them not finite'}."
        )
    return values


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


def _check(times: Array, table: Array, names: Sequence[str], which: str) -> None:
    if len(times) != len(table):
        raise InputError(f"'t' and 'x'{which} must have equally many rows. Got {len(times)} and {len(table)}.")
    if len(times) < 2:
        raise InputError(f"A trajectory needs at least 2 rows. Got {len(times)}{which}.")
    if not np.isfinite(times).all() or np.isinf(table).any():
        raise InputError(f"Times{which} must be finite, and states finite or, where none was measured, nan.")
    for name, count in zip(names, (~np.isnan(table)).sum(axis=0).tolist(), strict=True):
        if count < 2:
            raise InputError(f"The state {name!r}{which} was measured {count} times. At least 2 are needed.")
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
