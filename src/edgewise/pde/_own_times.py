"""Where an equation depends on time by itself, and how short slabs must be there to see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.polynomial.legendre import legvander

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._slab import radau

_LEVELS = 13  # halvings of the whole time at most
_PROBES = 8  # times in each of the shortest parts
_PLACES = 4
_TERMS = 9
_MISSED = 0.05  # of its range: what a polynomial over a part may miss of the equation's dependence on time
_TWICE = 2.0  # how much longer a slab may be than the part it begins in


@dataclass(frozen=True)
class OwnTimes:
    """Parts of time, in each of which what the equation says is nearly a polynomial.

    edges (n + 1,): their ends, ascending. most: of any slab. breaks: times that no slab reaches across.
    """

    edges: Array
    most: float
    breaks: tuple[float, ...] = ()

    @classmethod
    def of(cls, evolution: Evolution, max_step: float | None, breaks: Sequence[float]) -> OwnTimes:
        """Find the parts by values at many times, with the unknowns held; halved until each is nearly a polynomial.

        What is shorter than a ten-thousandth of the time may be missed: `max_step` and `breaks` are for that.
        """
        begin, end = evolution.duration
        if max_step is not None and not (is_number(max_step) and max_step > 0):
            raise InputError(f"'max_step' must be a number > 0. Got {max_step!r}.")
        if not all(is_number(stop, begin, end) for stop in breaks):
            raise InputError(f"'breaks' must be times from {begin:g} to {end:g}. Got {list(breaks)!r:.80}.")
        found = np.array([begin, end])
        values = _probed(evolution, np.linspace(begin, end, _PROBES * 2**_LEVELS + 1))
        if values is not None:
            found = begin + (end - begin) * _parts(values)
        return cls(found, end - begin if max_step is None else max_step, tuple(sorted(breaks)))

    def shortened(self, begin: float, length: float) -> float:
        """The length that a slab may have which begins at a time."""
        length = min(length, self.most)
        tiny = 1e-12 * (self.edges[-1] - self.edges[0])
        for stop in self.breaks:
            if begin + tiny < stop < begin + length - tiny:
                length = stop - begin
                break
        first = int(np.searchsorted(self.edges, begin + tiny, side="right")) - 1
        for low, high in zip(self.edges[first:-1], self.edges[first + 1 :], strict=True):
            if low >= begin + length - tiny:
                break
            if length > _TWICE * (high - low):
                length = low - begin if low > begin + tiny else _TWICE * (high - low)
        return length


def _probed(evolution: Evolution, times: Array) -> Array | None:
    """What the equation and the conditions at ends of space leave at many times, (times, m); None without any change."""
    rng, columns = np.random.default_rng(7), []
    d = len(evolution.spaces)
    low, high = (np.array([ends[k] for ends in evolution.intervals]) for k in (0, 1))
    places = low + (high - low) * (np.arange(1, _PLACES + 1)[:, None] - 0.5 + 0.2 * rng.random((_PLACES, d))) / _PLACES
    t = torch.from_numpy(times)

    def columns_of(equation: object, parts: Sequence[Part], place: Array) -> None:
        given = {part: torch.full_like(t, 0.3 + 0.4 * rng.random()) for part in parts}
        x = torch.from_numpy(np.repeat(place[None], len(times), 0))
        left = evolution.equations(equation, given, t, x[:, 0] if d == 1 else x)  # type: ignore[arg-type]
        columns.extend(part.detach().expand(len(times)).numpy() for part in left)

    with torch.no_grad():
        for place in places:
            columns_of(evolution.problem.residual, evolution.parts, place)
        for side in evolution.ends:
            place = places[0].copy()
            place[side.coordinate] = side.end
            columns_of(side.condition.equation, evolution.read(side.condition), place)
    values = np.nan_to_num(np.stack(columns, 1), nan=0.0, posinf=0.0, neginf=0.0)
    span = np.ptp(values, axis=0)
    moving = span > 1e-12 * np.abs(values).max(0)
    return values[:, moving] / span[moving] if moving.any() else None


def _parts(values: Array) -> Array:
    """The ends of parts, from 0 to 1, over which values (n, m) of range one are nearly polynomials."""
    found = [0]

    def halve(first: int, last: int) -> None:
        if last - first <= _PROBES or _missed(values[first : last + 1]) < _MISSED:
            found.append(last)
            return
        middle = (first + last) // 2
        halve(first, middle)
        halve(middle, last)

    halve(0, len(values) - 1)
    return np.array(found) / (len(values) - 1)


def _missed(values: Array) -> float:
    """The most by which values (n, m) differ from the polynomials through those at a slab's times."""
    at = np.linspace(-1, 1, len(values))
    seen = np.round(radau(_TERMS)[0] * (len(values) - 1)).astype(int)
    through = np.linalg.lstsq(legvander(at[seen], len(set(seen)) - 1), values[seen], rcond=None)[0]
    return float(np.abs(legvander(at, len(through) - 1) @ through - values).max())
