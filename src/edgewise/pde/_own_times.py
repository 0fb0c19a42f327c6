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
from edgewise.pde._problem import Equation
from edgewise.pde._slab import radau

_LEVELS = 13  # halvings of the whole time at most
_PROBES = 8  # times in each of the shortest parts
_PLACES = 4
_TERMS = 9
_ROUNDING = 1e-12
_MISSED = 0.05  # of its range: what a polynomial over a part may miss of the equation's dependence on time
_TWICE = 2.0  # how much longer a slab may be than the part it begins in


@dataclass(frozen=True)
class OwnTimes:
    """Parts of time, in each of which what the equation says is nearly a polynomial.

    edges (n + 1,): their ends, ascending. most: of any slab. size: about that of the unknowns if they begin with
    nothing. breaks: times that no slab reaches across.
    """

    edges: Array
    most: float
    size: float
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
        probe = _Probe(evolution)
        edges = begin + (end - begin) * _parts(probe.moving())
        most = end - begin if max_step is None else max_step
        return cls(edges, most, probe.size(), tuple(sorted(breaks)))

    @property
    def least(self) -> float:
        """The size of unknowns below which they are nothing."""
        return max(1e-300, _ROUNDING * self.size)

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


class _Probe:
    """What the equation and the conditions at ends of space leave of constants, at many times and some places."""

    def __init__(self, evolution: Evolution) -> None:
        self.evolution, (begin, end) = evolution, evolution.duration
        self.times = torch.linspace(begin, end, _PROBES * 2**_LEVELS + 1, dtype=torch.float64)
        rng, d = np.random.default_rng(7), len(evolution.spaces)
        low, high = (np.array([ends[k] for ends in evolution.intervals]) for k in (0, 1))
        shares = (np.arange(_PLACES)[:, None] + rng.random((_PLACES, d))) / _PLACES
        self.places, self.ends = low + (high - low) * shares, []
        for side in evolution.ends:
            place = self.places[0].copy()
            place[side.coordinate] = side.end
            self.ends.append((side.condition, place))
        inside = evolution.problem.residual
        one = [self._left(inside, evolution.parts, place, rng) for place in self.places]
        two = [self._left(own.equation, evolution.read(own), place, rng) for own, place in self.ends]
        self.values = np.concatenate([*one, *two], 1)

    def moving(self) -> Array:
        """Those that change, with a range of one: (times, m)."""
        span = np.ptp(self.values, axis=0)
        some = span > _ROUNDING * np.abs(self.values).max(0)
        return self.values[:, some] / span[some]

    def size(self) -> float:
        """About how large the unknowns become of nothing: the integral of sources by time, and values at ends."""
        evolution, length = self.evolution, float(self.times[-1] - self.times[0])
        inside = [self._left(evolution.problem.residual, evolution.parts, place, None) for place in self.places]
        ends = [self._left(own.equation, evolution.read(own), place, None) for own, place in self.ends]
        source = max(float(np.abs(part).mean(0).max()) for part in inside) * length
        return max([source, *(float(np.abs(part).max()) for part in ends)])

    def _left(
        self, equation: Equation, parts: Sequence[Part], place: Array, rng: np.random.Generator | None
    ) -> Array:  # fmt: skip
        """What is left of random constants, or of zero, (times, m)."""
        t, d = self.times, len(self.evolution.spaces)
        given = {part: torch.full_like(t, 0.0 if rng is None else 0.3 + 0.4 * rng.random()) for part in parts}
        x = torch.from_numpy(np.repeat(place[None], len(t), 0))
        with torch.no_grad():
            left = self.evolution.equations(equation, given, t, x[:, 0] if d == 1 else x)
        return np.nan_to_num(np.stack([part.numpy() for part in left], 1), nan=0.0, posinf=0.0, neginf=0.0)


def _parts(values: Array) -> Array:
    """The ends of parts, from 0 to 1, over which values (n, m) of range one are nearly polynomials."""
    found = [0]

    def halve(first: int, last: int) -> None:
        if not values.size or last - first <= _PROBES or _missed(values[first : last + 1]) < _MISSED:
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
