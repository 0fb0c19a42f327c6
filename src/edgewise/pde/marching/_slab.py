"""Slabs of time: sums of products of splines in space and polynomials in time, and how short slabs must be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.polynomial import legendre
from numpy.polynomial.legendre import legvander
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde.marching._evolution import Evolution, Part
from edgewise.pde.marching._settings import PARTS
from edgewise.pde.result._file import Refused
from edgewise.pde.splines._radau import radau
from edgewise.pde.splines._space import Products, Space
from edgewise.pde.statement._condition import Equation


@dataclass(frozen=True)
class Slab:
    """The components from `begin` to `begin + length`, with tau = (t - begin) / length:

    u_c(x, t) = a_c(x) + sum_m f_cm(x) tau P_m(2 tau - 1),   P_m Legendre's polynomials

    with splines a_c and f_cm; without a_c and the factor tau for a component that begins with nothing.

    begins: coefficients of a_c, (functions, components). inner: of f_cm, (functions, components, M). changing: whether
    each component begins with something.
    """

    begin: float
    length: float
    space: Products
    begins: Array
    inner: Array
    changing: tuple[bool, ...]

    @property
    def end(self) -> float:
        return self.begin + self.length

    @cached_property
    def ends(self) -> Array:
        """What the next slab begins with, (functions, components)."""
        one = np.ones(1)
        parts = [self.coefficients(c, one)[:, 0] if own else self.begins[:, c] for c, own in enumerate(self.changing)]
        return np.stack(parts, 1)

    @cached_property
    def sizes(self) -> Array:
        """The roots of the mean squares of the components, each the larger of the slab's middle and end."""
        x, weights = self.space.gauss(2)
        matrix, times = self.space.matrix(x), np.array([0.5, 1.0])
        values = np.stack([matrix @ self.coefficients(c, times) for c in range(len(self.changing))], -1)
        return np.sqrt((weights[:, None, None] / weights.sum() * values**2).sum(0)).max(0)

    def coefficients(self, c: int, tau: Array, order: int = 0) -> Array:
        """The spline of a component at times of the slab, or a derivative by time: (functions, times)."""
        found = self.inner[:, c] @ self.shapes(c, tau, order).T
        return found + self.begins[:, c, None] if self.changing[c] and order == 0 else found

    def shapes(self, c: int, tau: Array, order: int = 0) -> Array:
        """The polynomials of a component at times of the slab, or derivatives by time: (times, M)."""
        return polynomials(self.changing[c], self.inner.shape[2], tau, order) / self.length**order

    def scattered(self, part: Part, t: Array, x: Array) -> Array:
        """A derivative of a component at points, (n,) for t (n,) and x (n, d)."""
        c, a, b = part
        local, index = self.space.local(x, a), self.space.index(self.space.cell_of(x))
        shapes = self.shapes(c, (t - self.begin) / self.length, b)
        found = np.einsum("nk,nkm,nm->n", local, self.inner[index, c], shapes)
        return found + (local * self.begins[index, c]).sum(1) if self.changing[c] and b == 0 else found

    def left_out(self, sizes: Array, count: int) -> float:
        """The size of the polynomials' terms that were left out, from how the last ones fall, over the components'.

        Sizes are root mean squares at this number of Gauss points in each cell.
        """
        weights, functions, terms = self.space.gauss(count)[1], len(self.inner), self.inner.shape[2]
        flat = self.space.values(self.inner.reshape(functions, -1), self.space.places(count))
        values = flat.reshape(len(flat), -1, terms)
        found = np.sqrt(np.einsum("n,ncm->cm", weights / weights.sum(), values**2)) / sizes[:, None]
        last, before = found[:, -2:].max(1), found[:, -4:-2].max(1)
        return float((last * np.minimum(1.0, np.sqrt(last / np.maximum(before, 1e-300)))).max())


class Solved(NamedTuple):
    """A slab, and estimates of its errors relative to the components' sizes: of the polynomials, and of the splines.

    The former is what the polynomials' last coefficients let expect of the next; the latter, where the solver has it,
    what is left of the equations over the size that their terms would have if the components had errors of their own
    size that change from cell to cell. A fit that did not converge has infinite ones.
    """

    slab: Slab
    by_time: float
    steps: int
    by_space: float = 0.0


def on_grid(slabs: Sequence[Slab], c: int, t: Array, places: Sequence[Array]) -> Array:
    """A component at all times and the points of a grid, whose places are given by coordinate: (times, n)."""
    found = np.empty((len(t), math.prod(map(len, places))))
    for slab, rows in by_slab(slabs, t):
        coefficients = slab.coefficients(c, (t[rows] - slab.begin) / slab.length)
        found[rows] = slab.space.values(coefficients, places).T
    return found


def by_slab(slabs: Sequence[Slab], t: Array) -> Iterator[tuple[Slab, Array]]:
    """Each slab with the rows of times that lie in it."""
    begins = np.array([slab.begin for slab in slabs])
    which = np.clip(np.searchsorted(begins, t, side="right") - 1, 0, len(slabs) - 1)
    for k in np.unique(which):
        yield slabs[k], np.flatnonzero(which == k)


def polynomials(changing: bool, terms: int, tau: Array, order: int = 0) -> Array:
    """tau P_m(2 tau - 1) for m < terms, or P_m where nothing begins, or a derivative by tau: (times, terms)."""
    times = tuple(tau.tolist())
    few = len(times) < 64  # more of them do not come again
    return _kept(changing, terms, times, order) if few else _made(changing, terms, tau, order)


@lru_cache(maxsize=200)
def _kept(changing: bool, terms: int, times: tuple[float, ...], order: int) -> Array:
    return _made(changing, terms, np.array(times), order)


def _made(changing: bool, terms: int, tau: Array, order: int) -> Array:
    found = np.zeros((len(tau), terms))
    for m in range(terms):
        series = np.zeros(m + 1)
        series[m] = 1.0
        slopes = [legendre.legval(2 * tau - 1, legendre.legder(series, d) * 2.0**d) for d in range(order + 1)]
        found[:, m] = slopes[order]
        if changing:
            found[:, m] = tau * slopes[order] + (order * slopes[order - 1] if order else 0.0)
    return found


@dataclass(frozen=True)
class Stages:
    """The values of polynomials of time at Radau's points, as sums of modes whose derivatives are multiples of them.

    The derivatives at the M points are D = T U, where U (M,) are the values of a polynomial that begins with zero. With
    T = V diag(rates) V^-1, U = V W, each W_i has the derivative rates_i W_i. Of two complex conjugates one is kept.

    rates: (modes,), complex, in units of one over the slab's length. into: rows of V^-1, (modes, M). back: the matrix
    (M, modes) whose product with W has U as its real part. coefficients: from values to coefficients of the slab's
    polynomials, (M, M), of components that begin with something (True), and of those that do not (False).
    """

    rates: Array
    into: Array
    back: Array
    coefficients: dict[bool, Array]

    def inner(self, values: Array, changing: Sequence[bool]) -> Array:
        """The coefficients of a slab's polynomials (functions, components, M) from values at the points."""
        return np.stack([values[:, c] @ self.coefficients[own].T for c, own in enumerate(changing)], 1)


@cache
def stages(count: int) -> Stages:
    """Return the modes of Radau's method with some number of points.

    >>> len(stages(9).rates)
    5
    """
    tau, _ = radau(count)
    inverses = {changing: np.linalg.inv(polynomials(changing, count, tau)) for changing in (False, True)}
    slopes = polynomials(True, count, tau, 1) @ inverses[True]
    rates, vectors = np.linalg.eig(slopes)
    into = np.linalg.inv(vectors)
    turns, rounding = np.imag(rates) / np.abs(rates), 1e-9
    kept, twice = turns > -rounding, np.where(turns > rounding, 2.0, 1.0)
    return Stages(rates[kept], into[kept], (vectors * twice)[:, kept], inverses)


def tensors_of(slabs: Sequence[Slab], prefix: str = "") -> dict[str, Tensor]:
    """The tensors of slabs, by names that begin with the prefix."""
    found = {f"{prefix}times": np.array([[slab.begin, slab.length] for slab in slabs]).reshape(-1, 2)}
    for k, slab in enumerate(slabs):
        for name, part in (("cells", slab.space.cells), ("begins", slab.begins), ("inner", slab.inner)):
            found[f"{prefix}{k}.{name}"] = part
    return {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in found.items()}


def slabs_of(tensors: Mapping[str, Tensor], evolution: Evolution, degree: int, prefix: str = "") -> list[Slab]:
    """The slabs of such tensors, which are checked."""
    found = []
    for k, (begin, length) in enumerate(tensors[f"{prefix}times"].tolist()):
        cells, begins, inner = (tensors[f"{prefix}{k}.{name}"].numpy() for name in ("cells", "begins", "inner"))
        space = Products((Space(cells, degree, evolution.periods[0]),))
        shape, ends = (len(space), len(evolution.components)), (cells[0], cells[-1])
        known = all(part.dtype == np.float64 for part in (cells, begins, inner))
        sound = known and begins.shape == shape and inner.ndim == 3 and inner.shape[:2] == shape and length > 0
        if not sound or ends != evolution.intervals[0] or not bool((np.diff(cells) > 0).all()):
            raise Refused("is damaged: restore it from a backup, or save the solution again")
        found.append(Slab(begin, length, space, begins, inner, evolution.changing))
    return found


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
        return max(1e-300, PARTS.rounding * self.size)

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
            if length > PARTS.longer * (high - low):
                length = low - begin if low > begin + tiny else PARTS.longer * (high - low)
        return length


class _Probe:
    """What the equation and the conditions at ends of space leave of constants, at many times and some places."""

    def __init__(self, evolution: Evolution) -> None:
        self.evolution, (begin, end) = evolution, evolution.duration
        self.times = torch.linspace(begin, end, PARTS.times * 2**PARTS.halvings + 1, dtype=torch.float64)
        rng, d = np.random.default_rng(7), len(evolution.spaces)
        low, high = (np.array([ends[k] for ends in evolution.intervals]) for k in (0, 1))
        shares = (np.arange(PARTS.places)[:, None] + rng.random((PARTS.places, d))) / PARTS.places
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
        some = span > PARTS.rounding * np.abs(self.values).max(0)
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
        t = self.times
        given = {part: torch.full_like(t, 0.0 if rng is None else 0.3 + 0.4 * rng.random()) for part in parts}
        x = torch.from_numpy(np.repeat(place[None], len(t), 0))
        with torch.no_grad():
            left = self.evolution.equations(equation, given, t, x)
        return np.nan_to_num(np.stack([part.numpy() for part in left], 1), nan=0.0, posinf=0.0, neginf=0.0)


def _parts(values: Array) -> Array:
    """The ends of parts, from 0 to 1, over which values (n, m) of range one are nearly polynomials."""
    found = [0]

    def halve(first: int, last: int) -> None:
        if not values.size or last - first <= PARTS.times or _missed(values[first : last + 1]) < PARTS.missed:
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
    seen = np.round(radau(PARTS.terms)[0] * (len(values) - 1)).astype(int)
    through = np.linalg.lstsq(legvander(at[seen], len(set(seen)) - 1), values[seen], rcond=None)[0]
    return float(np.abs(legvander(at, len(through) - 1) @ through - values).max())
