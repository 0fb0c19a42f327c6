"""Control inputs: measured functions of time that drive a system, as a heater or the weather does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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


@dataclass(frozen=True)
class Interpolated:
    """Inputs that were measured at times (n,), values (n, k), each of its kind between rows.

    `functions` are those known at all times, by the number of the input; `shift` is added to their times.
    """

    times: Array
    values: Array
    kinds: tuple[str, ...]
    functions: Mapping[int, Callable[[Array], Any]]
    shift: float

    def __call__(self, at: Array) -> Array:
        out = np.empty((len(at), len(self.kinds)))
        for k, kind in enumerate(self.kinds):
            known = self.functions.get(k)
            if known is not None:
                out[:, k] = known(at - self.shift)
            elif k in self._splines:
                out[:, k] = self._splines[k](at)
            else:
                out[:, k] = between(self.times, self.values[:, k], kind, at)
        return out

    @cached_property
    def _splines(self) -> dict[int, CubicSpline]:
        smooth = [k for k, kind in enumerate(self.kinds) if kind == "cubic" and len(self.times) > 2]
        return {k: CubicSpline(self.times, self.values[:, k]) for k in smooth}


def between(times: Array, values: Array, kind: str, at: Array) -> Array:
    """Return one input at other times than those in which it was measured."""
    if kind == "previous" or len(times) == 1:
        return values[np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(values) - 1)]
    if kind == "cubic" and len(times) > 2:
        return np.asarray(CubicSpline(times, values)(at))
    return np.interp(at, times, values)


def kinds_of(times: Sequence[Array], values: Sequence[Array]) -> tuple[str, ...]:
    """Return how each input runs between rows.

    "previous" is held until the next row: most rows repeat the one before. Of "cubic", which is smooth, and "linear",
    with corners at rows, the one with which every other row predicts the others better.
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
                    guess = between(when[even], table[even, column], kind, when[odd])
                    missed[kind] += float(((guess - table[odd, column]) ** 2).sum())
        out.append("cubic" if missed["cubic"] < missed["linear"] else "linear")
    return tuple(out)
