"""Measured inputs: functions of time that drive a system, as controls and weather do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from edgewise._typing import Array

Curve = Callable[[Array], Array]
"""Values (n, k) of inputs at times (n,)."""


@dataclass(frozen=True)
class Inputs:
    """Inputs by name: a curve for each trajectory, the times at which trajectories begin, and how each input runs."""

    names: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    begins: tuple[float, ...] = ()
    kinds: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def at(self, times: Array) -> Array:
        """Return the inputs (k, n) at times (n,)."""
        out = np.empty((len(self), *times.shape))
        if self.names:
            which = np.clip(np.searchsorted(self.begins, times, side="right") - 1, 0, len(self.curves) - 1)
            for k, curve in enumerate(self.curves):
                here = which == k
                if here.any():
                    out[:, here] = curve(times[here]).T
        return out


NO_INPUTS = Inputs()


def between_rows(times: Array, values: Array, kinds: Sequence[str]) -> Curve:
    """Return inputs (n, k) that were measured at times (n,) as a function of time, each of its kind."""
    each = [_one(times, column, kind) for column, kind in zip(values.T, kinds, strict=True)]
    return lambda at: np.stack([curve(at) for curve in each], axis=1)


def kinds_of(times: Sequence[Array], values: Sequence[Array]) -> tuple[str, ...]:
    """Return how each input runs between rows.

    "previous" is held until the next row: most rows repeat the one before. Of "cubic", which is smooth, and "linear",
    with corners at rows, the one with which every other row foretells the others better.
    """
    out = []
    for column in range(values[0].shape[1]):
        steps = np.concatenate([np.diff(table[:, column]) for table in values])
        if (steps == 0).sum() > 0.5 * len(steps):
            out.append("previous")
            continue
        missed = dict.fromkeys(("cubic", "linear"), 0.0)
        for when, table in zip(times, values, strict=True):
            if len(when) >= 5:
                odd = np.arange(1, len(when) - 1, 2)
                even = np.setdiff1d(np.arange(len(when)), odd)
                for kind in missed:
                    guess = _one(when[even], table[even, column], kind)(when[odd])
                    missed[kind] += float(((guess - table[odd, column]) ** 2).sum())
        out.append("cubic" if missed["cubic"] < missed["linear"] else "linear")
    return tuple(out)


def _one(times: Array, values: Array, kind: str) -> Callable[[Array], Array]:
    if len(times) == 1:
        return lambda at: np.full(np.shape(at), values[0])
    if kind == "cubic" and len(times) > 2:
        return CubicSpline(times, values)
    if kind == "previous":
        return lambda at: values[np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(values) - 1)]
    return lambda at: np.interp(at, times, values)
