"""Corners of domains, and the functions that make solutions singular there."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, combinations
from typing import Literal

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._jets import Order
from edgewise.pde.geometry._boundary import Region
from edgewise.pde.geometry._curve import Circle, Curve, Segment
from edgewise.pde.geometry._jet import Jet

Ends = Literal["values", "slopes", "value, slope", "slope, value"]
_ENDS = ("values", "slopes", "value, slope", "slope, value")


@dataclass(frozen=True)
class Corners:
    """When corners and exponents count as such; lengths are over the size of the domain."""

    near: float = 1e-5  # radius of the circle around a corner on which the angle is measured
    beside: float = 1e-4  # from a corner: where its edges are looked at
    flat: float = 1e-3  # radians: what a corner's angle differs from a straight line by, at least
    whole: float = 1e-6  # exponents as near to a whole number count as one
    smooth: float = 5.0  # exponents below it are added: what is left has bounded derivatives of fourth order
    flowing: float = 2.0  # so are those of flows; flows of higher ones are large far from the corner
    loaded: int = 2  # the whole exponent that a load brings a logarithm to
    along: int = 256  # places of a straight edge at which kinds of conditions are looked at


CORNERS = Corners()


@dataclass(frozen=True)
class Corner:
    """A corner of a domain: where it is, its angle inside, and the direction of its first edge.

    A harmonic function that vanishes on both edges is near the corner a sum of  r^(k a) sin(k a theta) with a = pi /
    angle, where r is the distance from the corner and theta the angle from the first edge. At a re-entrant corner, one
    of more than 180 degrees, the exponent a is below 1: the gradient is infinite, and no smooth function comes close.

    Parameters
    ----------
    at
        The two coordinates of the corner.
    angle
        The angle inside, in radians.
    first
        The direction of the first edge as an angle from the first axis, in radians. The domain lies counterclockwise of
        it.
    names
        The names of the coordinates.
    """

    at: tuple[float, float]
    angle: float
    first: float
    names: tuple[str, ...] = ("x", "y")

    @property
    def degrees(self) -> float:
        """The angle inside in degrees."""
        return math.degrees(self.angle)

    @property
    def exponent(self) -> float:
        """The lowest exponent pi / angle."""
        return math.pi / self.angle

    @property
    def reentrant(self) -> bool:
        """Whether the angle is more than 180 degrees."""
        return self.angle > math.pi

    @property
    def flat(self) -> bool:
        """Whether the boundary goes straight on."""
        return self.angle == math.pi

    def singular(self, terms: int = 4, ends: Ends = "values") -> tuple[Singular, ...]:
        """Return the first harmonic functions of the corner that are not smooth.

        Parameters
        ----------
        terms
            The number of exponents.
        ends
            What the conditions on the first edge and on the second hold: both "values" (exponents k pi / angle), both
            "slopes" (the same, by the cosine), or one of each (exponents (k - 1/2) pi / angle).

        Raises
        ------
        InputError
            For an unknown kind of ends, and a number of terms below 1.

        Examples
        --------
        >>> from edgewise.pde import Polygon
        >>> lshape = Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])
        >>> [corner.singular(2) for corner in lshape.corners() if corner.reentrant]
        [(r^(2/3) at (0, 0), r^(4/3) at (0, 0))]
        """
        if ends not in _ENDS:
            raise unknown("kind of ends", ends, _ENDS)
        if not is_int(terms, 1):
            raise InputError(f"'terms' must be an int >= 1. Got {terms!r}.")
        shift, cosine = (0.5 if "," in ends else 0.0), ends.startswith("slope")
        return tuple(Singular(self, (k + 1 - shift) * self.exponent, cosine) for k in range(int(terms)))

    def __repr__(self) -> str:
        return f"Corner of {self.degrees:.4g} degrees at ({self.at[0]:g}, {self.at[1]:g})"


@dataclass(frozen=True)
class Singular:
    """The harmonic function r^e sin(e theta) of a corner, or by the cosine.

    Where the exponent e is a whole number this is a polynomial, which needs no help; it stands for the function with a
    logarithm, the imaginary (or real) part of z^e log z, that a load brings about at such corners.

    Parameters
    ----------
    corner
        The corner from which r and theta are measured.
    exponent
        The exponent e.
    cosine
        Whether the cosine replaces the sine, as where the derivative vanishes on the first edge.
    """

    corner: Corner
    exponent: float
    cosine: bool = False

    @property
    def logarithmic(self) -> bool:
        """Whether the exponent is a whole number."""
        return abs(self.exponent - round(self.exponent)) < CORNERS.whole

    def jet(self, points: Tensor, orders: Iterable[Order]) -> Jet:
        """Return the function at points with the derivatives of the given orders.

        They are those of one complex variable: d/dx = d/dz and d/dy = i d/dz.

        Parameters
        ----------
        points : (n, 2)
            Points of the domain.
        orders
            Derivatives by the numbers of their coordinates, ascending: (0, 0, 1) is the one by x, x and y.
        """
        half = self.corner.angle / 2
        turn = cmath.exp(-1j * (self.corner.first + half))  # the middle of the corner becomes the real axis
        x, y = (points - torch.tensor(self.corner.at, dtype=torch.float64)).unbind(1)
        w = torch.complex(x, y) * turn
        w = torch.where(w.abs() < 1e-150, torch.full_like(w, 1e-150), w)
        back = cmath.exp(1j * half * self.exponent)  # so that angles are from the first edge
        log = torch.log(w)
        power, derived, parts = torch.exp(self.exponent * log), {}, {}
        for order in orders:
            n = len(order)
            if n not in derived:
                derived[n] = self._derivative(n, power, log, half) * w**-n * back * turn**n
            value = derived[n] * 1j ** sum(order)
            parts[order] = value.real if self.cosine else value.imag
        return Jet(parts, self.corner.names)

    def _derivative(self, n: int, power: Tensor, log: Tensor, half: float) -> Tensor:
        """The n-th derivative of z^e, or of z^e log z, times z^n and without the turns."""
        falling = math.prod(self.exponent - k for k in range(n))
        if not self.logarithmic:
            return falling * power
        a, b = 1.0, 0.0  # of a z^e log z + b z^e
        for k in range(n):
            a, b = a * (self.exponent - k), a + b * (self.exponent - k)
        return (a * (log + 1j * half) + b) * power

    def __repr__(self) -> str:
        x, y = self.corner.at
        e = Fraction(self.exponent).limit_denominator(60)
        shown = f"{e}" if abs(float(e) - self.exponent) < CORNERS.whole else f"{self.exponent:.4g}"
        shown = f"({shown})" if "/" in shown else shown
        log = " log r" if self.logarithmic else ""
        return f"r^{shown}{log} at ({x:g}, {y:g})"


def corners_of(domain: Region, *, flat: bool = False, more: Iterable[tuple[float, float]] = ()) -> tuple[Corner, ...]:
    """Return the corners of a domain of two coordinates: the ends of its edges, and where curves of it cross.

    `flat`: also those where the boundary goes straight on, and `more` places on it.
    """
    curves, found = domain.curves(), []
    size = math.dist(domain.low, domain.high)
    seen: list[tuple[float, float]] = []
    for at in chain(meetings(curves), more):
        if all(math.dist(at, other) > 10 * CORNERS.near * size for other in seen):
            seen.append(at)
            corner = _corner(domain, at, CORNERS.near * size)
            found += [] if corner is None or (corner.flat and not flat) else [corner]
    return tuple(found)


def _corner(domain: Region, at: tuple[float, float], radius: float) -> Corner | None:
    """The corner at a point, if the domain has one there."""
    near, far = _arc(domain, at, radius), _arc(domain, at, 2 * radius)
    if near is None or far is None:
        return None
    turn = 2 * math.pi
    # On curved edges the directions are off by a multiple of the radius, which this removes.
    start, end = (one - ((two - one + math.pi) % turn - math.pi) for one, two in zip(near, far, strict=True))
    angle = (end - start) % turn
    return Corner(at, math.pi if abs(angle - math.pi) < CORNERS.flat else angle, start, domain.names)


def _arc(domain: Region, at: tuple[float, float], radius: float) -> tuple[float, float] | None:
    """Where the one arc of a small circle that is inside starts and ends, as angles; None where it is not one arc."""
    count = 720
    angles = 2 * math.pi * (torch.arange(count, dtype=torch.float64) + 0.1234) / count
    inside = _inside(domain, at, radius, angles)
    enters = torch.nonzero(inside & ~inside.roll(1))[:, 0]
    leaves = torch.nonzero(~inside & inside.roll(1))[:, 0]
    if len(enters) != 1:
        return None
    low, width = torch.stack([angles[enters[0]], angles[leaves[0]]]) - 2 * math.pi / count, 2 * math.pi / count
    first, parts = torch.tensor([[False], [True]]), 32  # what is inside at the lower end
    for _ in range(10):  # each time the part of an interval in which the arc ends
        between = low[:, None] + width * torch.arange(1, parts, dtype=torch.float64) / parts
        same = _inside(domain, at, radius, between.flatten()).view_as(between) == first
        low, width = low + width * same.long().cumprod(1).sum(1) / parts, width / parts
    start, end = (low + width / 2).tolist()
    return start, end


def _inside(domain: Region, at: tuple[float, float], radius: float, angles: Tensor) -> Tensor:
    around = torch.stack([torch.cos(angles), torch.sin(angles)], dim=1)
    return domain.contains(torch.tensor(at, dtype=torch.float64) + radius * around)


def meetings(curves: Sequence[Curve]) -> Iterator[tuple[float, float]]:
    """The ends of segments, and the points in which curves of the plane meet."""
    for curve in curves:
        if isinstance(curve, Segment):
            yield from (curve.start, curve.end)
    for one, two in combinations(curves, 2):
        if isinstance(one, Segment) and isinstance(two, Segment):
            yield from _lines_meet(one, two)
        elif isinstance(one, Circle) and isinstance(two, Circle):
            yield from _circles_meet(one, two)
        else:
            line, circle = (one, two) if isinstance(one, Segment) else (two, one)
            if isinstance(line, Segment) and isinstance(circle, Circle):
                yield from _line_meets(line, circle)


def _lines_meet(one: Segment, two: Segment) -> Iterator[tuple[float, float]]:
    a, b, c, d = (complex(*point) for point in (one.start, one.end, two.start, two.end))
    across = ((b - a).conjugate() * (d - c)).imag
    if abs(across) > 1e-12 * abs(b - a) * abs(d - c):
        s = ((c - a).conjugate() * (d - c)).imag / across
        t = ((c - a).conjugate() * (b - a)).imag / across
        if 0 <= s <= 1 and 0 <= t <= 1:
            yield (a + s * (b - a)).real, (a + s * (b - a)).imag


def _line_meets(line: Segment, circle: Circle) -> Iterator[tuple[float, float]]:
    a, b, m = complex(*line.start), complex(*line.end), complex(*circle.center)
    along = (b - a) / abs(b - a)
    foot = ((m - a) * along.conjugate()).real
    square = circle.radius**2 - abs(a + foot * along - m) ** 2
    if square > 0:
        for t in (foot - math.sqrt(square), foot + math.sqrt(square)):
            if 0 <= t <= abs(b - a):
                yield (a + t * along).real, (a + t * along).imag


def _circles_meet(one: Circle, two: Circle) -> Iterator[tuple[float, float]]:
    a, b, r, s = complex(*one.center), complex(*two.center), one.radius, two.radius
    far = abs(b - a)
    if far > 0 and abs(r - s) < far < r + s:
        along = (b - a) / far
        foot = (far**2 + r**2 - s**2) / (2 * far)
        height = math.sqrt(max(0.0, r**2 - foot**2))
        for sign in (1, -1):
            point = a + along * complex(foot, sign * height)
            yield point.real, point.imag
