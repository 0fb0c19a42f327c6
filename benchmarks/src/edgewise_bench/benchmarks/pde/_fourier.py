"""Fourier series in space with exponential time differencing, a reference for periodic equations of evolution."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array

_CONTOUR = 64  # points of the circles on which the weights of a step are means
_FINER = 4  # times as many points where a start with a kink is sampled


@dataclass(frozen=True)
class Fourier:
    """Functions of period 2 `half` around `middle`, by `modes` values at equidistant points, the first at the left end.

    >>> line = Fourier(256, 1.0)
    >>> found = line.values(line.coefficients(lambda x: np.cos(np.pi * x), 0.0))
    >>> float(line.x[0]), round(float(found[0].real), 9)
    (-1.0, -1.0)
    """

    modes: int
    half: float
    middle: float = 0.0

    @property
    def x(self) -> Array:
        return self.middle + self.half * (2 * np.arange(self.modes) / self.modes - 1)

    @property
    def waves(self) -> Array:
        """The wave numbers of the coefficients."""
        return np.pi / self.half * np.fft.fftfreq(self.modes, 1 / self.modes)

    @property
    def resolved(self) -> Array:
        """The waves of which a product of two is free of aliases."""
        return np.abs(np.fft.fftfreq(self.modes, 1 / self.modes)) < self.modes / 3

    def values(self, coefficients: Array) -> Array:
        return np.fft.ifft(coefficients)

    def coefficients(self, function: Callable[[Array], Array], jump: float) -> Array:
        """Return the coefficients of a function whose slope at the left end is larger by `jump` than at the right one.

        The parabola with this jump is taken away before sampling and its exact coefficients are added: those of a
        sampled kink fall as slowly as its aliases.
        """
        fine = Fourier(_FINER * self.modes, self.half, self.middle)
        slope = -jump / (4 * self.half)  # of (x - middle)^2
        smooth = np.fft.fft(function(fine.x) - slope * (fine.x - self.middle) ** 2) / fine.modes
        numbers = np.fft.fftfreq(self.modes, 1 / self.modes).astype(int)
        with np.errstate(divide="ignore"):
            parabola = 2 * (self.half / (np.pi * numbers)) ** 2  # counted from the left end, where it is highest
        parabola[0] = self.half**2 / 3
        return self.modes * (smooth[numbers] + slope * parabola)


@dataclass(frozen=True)
class Stepper:
    """Steps of  d/dt v = linear v + nonlinear(v)  for Fourier coefficients v by ETDRK4.

    Source: Cox and Matthews, Journal of Computational Physics 176 (2002); the weights are means over circles, as by
    Kassam and Trefethen, SIAM Journal on Scientific Computing 26 (2005).
    """

    linear: Array
    nonlinear: Callable[[Array], Array]

    def run(self, start: Array, duration: float, steps: int, kept: int) -> Array:
        """Return the coefficients at `kept` + 1 equidistant times, (kept + 1, modes)."""
        h, every = duration / steps, steps // kept
        whole, half = np.exp(h * self.linear), np.exp(h * self.linear / 2)
        inner, first, middle, last = self._weights(h)
        v, found = start, [start]
        for step in range(1, steps + 1):
            at = self.nonlinear(v)
            a = half * v + inner * at
            at_a = self.nonlinear(a)
            at_b = self.nonlinear(half * v + inner * at_a)
            at_c = self.nonlinear(half * a + inner * (2 * at_b - at))
            v = whole * v + first * at + 2 * middle * (at_a + at_b) + last * at_c
            if step % every == 0:
                found.append(v)
        return np.array(found)

    def _weights(self, h: float) -> tuple[Array, Array, Array, Array]:
        circle = np.exp(2j * np.pi * (np.arange(_CONTOUR) + 0.5) / _CONTOUR)
        z = h * self.linear[:, None] + circle
        e = np.exp(z)
        found = (
            (np.exp(z / 2) - 1) / z,
            (-4 - z + e * (4 - 3 * z + z**2)) / z**3,
            (2 + z + e * (z - 2)) / z**3,
            (-4 - 3 * z - z**2 + e * (4 - z)) / z**3,
        )
        means = [h * part.mean(1) for part in found]
        if np.isrealobj(self.linear):
            means = [part.real for part in means]
        return means[0], means[1], means[2], means[3]


def split_steps(line: Fourier, start: Array, duration: float, steps: int, kept: int) -> Array:
    """Solve  i h_t + h_xx / 2 + |h|^2 h = 0  from coefficients by split steps of order four; as `Stepper.run`.

    Both parts are solved exactly in turn. Unlike exponential differences this keeps its order where the start has a
    kink, which this equation does not smooth.

    Source: Yoshida, Physics Letters A 150 (1990).
    """
    h, every = duration / steps, steps // kept
    outer = 1 / (2 - 2 ** (1 / 3))
    parts = [(share * h, np.exp(-0.5j * line.waves**2 * share * h)) for share in (outer, 1 - 2 * outer, outer)]
    u = np.fft.ifft(start)
    found = [start]
    for step in range(1, steps + 1):
        for length, dispersion in parts:
            u = u * np.exp(0.5j * length * np.abs(u) ** 2)
            u = np.fft.ifft(dispersion * np.fft.fft(u))
            u = u * np.exp(0.5j * length * np.abs(u) ** 2)
        if step % every == 0:
            found.append(np.fft.fft(u))
    return np.array(found)
