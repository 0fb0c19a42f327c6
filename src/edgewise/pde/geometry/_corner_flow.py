"""Stokes flows in corners between two walls, whose velocity gradients and pressures are singular there."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise._jets import Order
from edgewise.pde.geometry._corner import CORNERS, Corner
from edgewise.pde.geometry._jet import Jet

_STARTS, _STEPS, _CLOSE = 40, 60, 1e-12  # of Newton's method: starts by unit, steps, and the last one


@dataclass(frozen=True)
class CornerFlow:
    """A Stokes flow in a corner between two no-slip walls, with its pressure.

    Its stream function is the real or imaginary part of  r^(e + 1) (a cos((e + 1) theta) + cos((e - 1) theta)),  or the
    same with sines, theta from the middle of the corner: it solves Stokes' equations  Laplace u = p_x,  Laplace v =
    p_y,  u_x + v_y = 0  with u = v = 0 on both edges, where  sin(e angle) = -+ e sin(angle).

    Parameters
    ----------
    corner
        The corner.
    exponent
        The exponent e of the velocities, which may be complex.
    odd
        Whether the stream function is odd about the middle of the corner: sines.
    imaginary
        Whether it is the imaginary part.
    pressure
        What the pressure is multiplied by, the viscosity over the pressure's factor in the equations.
    places
        The numbers of the unknowns that are u, v and p.

    References
    ----------
    Moffatt, Journal of Fluid Mechanics 18 (1964).
    """

    corner: Corner
    exponent: complex
    odd: bool
    imaginary: bool
    pressure: float
    places: tuple[int, int, int]

    def jet(self, points: Tensor, orders: Iterable[Order]) -> tuple[Jet, ...]:
        """Return the three unknowns at points with the derivatives of the given orders.

        Parameters
        ----------
        points : (n, 2)
            Points of the domain.
        orders
            Derivatives by the numbers of their coordinates, ascending.
        """
        middle = self.corner.first + self.corner.angle / 2
        turn = cmath.exp(-1j * middle)
        x, y = (points - torch.tensor(self.corner.at, dtype=torch.float64)).unbind(1)
        z = torch.complex(x, y) * turn
        z = torch.where(z.abs() < 1e-150, torch.full_like(z, 1e-150), z)
        e, sign, half = self.exponent, (-1 if self.odd else 1), self.corner.angle / 2
        wave = cmath.sin if self.odd else cmath.cos
        a = -wave((e - 1) * half) / wave((e + 1) * half)
        unit = -1j if self.odd else 1.0
        stream = _Sum([(a * unit, e + 1, 0), (a * unit * sign, 0, e + 1), (unit, e, 1), (unit * sign, 1, e)], z, turn)
        load = 4j * e * unit * self.pressure
        pressures = _Sum([(load, e - 1, 0), (-load * sign, 0, e - 1)], z, turn)
        found: list[dict[Order, Tensor]] = [{}, {}, {}]
        for order in orders:
            values = stream.at((*order, 1)), -stream.at((*order, 0)), pressures.at(order)
            for place, value in zip(self.places, values, strict=True):
                found[place][order] = value.imag if self.imaginary else value.real
        return tuple(Jet(parts, self.corner.names) for parts in found)

    def __repr__(self) -> str:
        (x, y), e = self.corner.at, self.exponent
        if not e.imag:
            return f"flow r^{e.real:.4g} at ({x:g}, {y:g})"
        return f"{'sine' if self.imaginary else 'cosine'} flow r^({e.real:.4g}{e.imag:+.4g}i) at ({x:g}, {y:g})"


class _Sum:
    """A sum of c z^a conj(z)^b at points, z turned by a complex number, and its derivatives by x and y."""

    def __init__(self, parts: list[tuple[complex, complex, complex]], z: Tensor, turn: complex) -> None:
        self.parts, self.turn = parts, turn
        self.logs = torch.log(z), torch.log(z).conj()

    def at(self, order: tuple[int, ...]) -> Tensor:
        """The derivative by the coordinates of an order: d/dx = t d/dz + t* d/dz*, d/dy = i t d/dz - i t* d/dz*."""
        factors = {(0, 0): 1.0 + 0j}  # of the derivatives by z and z*
        for k in order:
            one, other = (1j * self.turn, -1j * self.turn.conjugate()) if k else (self.turn, self.turn.conjugate())
            after: dict[tuple[int, int], complex] = {}
            for (m, n), factor in factors.items():
                after[m + 1, n] = after.get((m + 1, n), 0) + factor * one
                after[m, n + 1] = after.get((m, n + 1), 0) + factor * other
            factors = after
        found = torch.zeros_like(self.logs[0])
        for (m, n), factor in factors.items():
            for c, a, b in self.parts:
                more = factor * c * _falling(a, m) * _falling(b, n)
                if more:
                    found = found + more * torch.exp((a - m) * self.logs[0] + (b - n) * self.logs[1])
        return found


def _falling(a: complex, n: int) -> complex:
    return math.prod((a - k for k in range(n)), start=1.0 + 0j)


def exponents(angle: float, most: float) -> Iterator[tuple[complex, bool]]:
    """The exponents e of flows in a corner with a real part in (0, most), and whether their stream function is odd.

    sin(e angle) = -e sin(angle), or + e sin(angle) where it is odd; of two conjugate ones that above the real axis.
    """
    for odd in (False, True):
        seen: list[complex] = []
        sine = math.sin(angle) * (-1 if odd else 1)
        for k in range(2 * int(_STARTS * most)):
            e = complex((k // 2 + 0.5) / _STARTS, (k % 2) * (0.3 + 0.05 * (k // 2) / _STARTS))
            for _ in range(_STEPS):
                slope = angle * cmath.cos(e * angle) + sine
                move = (cmath.sin(e * angle) + e * sine) / slope if slope else 1.0
                e -= move
                if abs(move) < _CLOSE:
                    break
            else:
                continue
            e = complex(e.real, 0.0 if abs(e.imag) < 1e-9 else abs(e.imag))
            whole = not e.imag and abs(e.real - round(e.real)) < CORNERS.whole
            if 1e-6 < e.real < most and not whole and all(abs(e - other) > 1e-6 for other in seen):
                seen.append(e)
        yield from ((e, odd) for e in sorted(seen, key=lambda own: own.real))
