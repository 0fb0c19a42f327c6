"""Systems with known equations, series of noise, and laws outside every library: data, for development and held out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array


class Made(NamedTuple):
    """Rates of x, y, z, w as text, where they start, the last time, rows, and order 2 if only positions are seen."""

    name: str
    rates: tuple[str, ...]
    start: tuple[float, ...]
    end: float
    rows: int = 150
    order: int = 1


def _one(name: str, rate: str, start: float, end: float) -> Made:
    return Made(name, (rate,), (start,), end)


_DEVELOPMENT = [
    _one("logistic", "x*(1 - x)", 0.05, 8),
    _one("gompertz", "-0.8*x*log(x)", 0.03, 8),
    _one("drag", "9.8 - 0.3*x*Abs(x)", -4.0, 3),
    _one("hill 2", "0.1 + 1.5*x**2/(1 + x**2) - 0.5*x", 0.2, 14),
    _one("decay", "-0.7*x", 2.0, 5),
    _one("cooling", "1 - 0.5*x", 6.0, 8),
    _one("allee", "x*(1 - x)*(x - 0.2)", 0.25, 30),
    _one("sine", "sin(x)", 0.1, 7),
    _one("hoop", "sin(x)*(1.8*cos(x) - 1)", 0.1, 10),
    _one("michaelis", "-x/(0.4 + x)", 3.0, 6),
    _one("torricelli", "-0.8*sqrt(x)", 4.0, 4),
    _one("pitchfork", "x - x**3", 0.05, 7),
    _one("exponent", "exp(-x)", -1.0, 10),
    _one("budworm", "0.5*x - 0.0515*x**2 - x**2/(1 + x**2)", 9.0, 25),
    _one("bertalanffy", "1.2*x**(2/3) - 0.6*x", 0.05, 15),
    _one("riccati", "1 - x**2", -0.8, 4),
    _one("tilted", "0.3 + x - x**3", -0.5, 8),
    _one("holling", "0.8*x*(1 - x) + 0.3*x/(0.2 + x)", 0.02, 8),
    _one("linear", "2 - 0.3*x", 0.0, 10),
    _one("adler", "1.3 - sin(x)", 0.0, 14),
    Made("hunters", ("x - 0.5*x*y", "0.4*x*y - 0.8*y"), (3.0, 1.0), 15),
    Made("pendulum", ("y", "-0.4*y - 4*sin(x)"), (2.0, 0.0), 8, 200),
    Made("oscillator", ("y", "1.5*y - 1.5*x**2*y - x"), (1.0, 1.0), 15, 300),
    Made("toggle", ("3/(1 + y**2) - x", "3/(1 + x**2) - y"), (1.2, 0.4), 8, 300),
    Made("drag spring", ("y", "-x - 0.5*y*Abs(y)"), (3.0, 0.0), 15, 300),
    Made("hoop 2", ("y", "sin(x)*(20*cos(x) - 9.8)"), (0.3, 0.0), 5, 200, 2),
    Made("epidemic", ("-0.5*x*y", "0.5*x*y - 0.15*y"), (0.97, 0.03), 50, 200),
    Made("lorenz", ("10*(y - x)", "28*x - x*z - y", "x*y - 8*z/3"), (-8.0, 8.0, 27.0), 8, 800),
]

_HELD_OUT = [
    _one("radiation", "1.5 - 0.2*x**4", 0.1, 3),
    _one("theta growth", "0.9*x - 0.4*x**1.5", 0.1, 12),
    _one("tumor with inflow", "0.05 - 0.4*x*log(x)", 0.05, 14),
    _one("parachute", "3 - 0.5*x*Abs(x)", -3.0, 3),
    _one("leaking tank", "0.8*sqrt(x) - 0.3*x", 0.2, 16),
    _one("quintic", "0.8*x - 0.2*x**5", 0.1, 8),
    _one("junction", "0.7 - 0.5*sin(x)", -0.5, 16),
    _one("tumor surface", "0.5*x**(2/3) - 0.15*x", 0.1, 40),
    _one("switch", "0.05 + x**2/(0.25 + x**2) - 0.6*x", 0.1, 14),
    _one("elimination", "0.3 - 0.9*x/(0.5 + x)", 3.0, 12),
    _one("recombination", "1.5 - 0.7*x**2", 4.0, 3),
    _one("neuron", "2*tanh(x) - x", 0.1, 9),
    _one("barrier", "0.8*exp(-x) - 0.2", -1.0, 8),
    _one("cubic growth", "0.9*x**2 - 0.5*x**3", 0.2, 16),
    _one("leak", "-0.35*x", 5.0, 8),
    _one("harvest", "0.9*x - 0.3*x**2 - 0.4", 1.0, 10),
    Made("feedback", ("2/(1 + y**2) - x", "x - 0.5*y"), (0.1, 2.5), 12, 250),
    Made("drag pendulum", ("y", "-2*sin(x) - 0.3*y*Abs(y)"), (2.2, 0.0), 15, 300),
    Made("competition", ("0.9*x - 0.6*x**2 - 0.4*x*y", "0.7*y - 0.5*y**2 - 0.3*x*y"), (0.1, 0.3), 15, 200),
    Made("hardening", ("y", "-x - 0.4*x**3 - 0.15*y"), (1.5, 0.0), 15, 250, 2),
    Made("inflow chain", ("0.5 - 0.4*x", "0.4*x - 0.7*sqrt(y)"), (3.0, 0.5), 12, 200),
    Made("roessler", ("-y - z", "x + 0.2*y", "0.2 + x*z - 5.7*z"), (2.0, 3.0, 0.5), 30, 900),
]

SYSTEMS = {"development": _DEVELOPMENT, "held-out": _HELD_OUT}
"""Systems whose terms the libraries hold, by part."""

OUTSIDE = {
    "development": [
        _one("power", "-x**1.3", 3.0, 6),
        _one("logarithm", "0.8*log(1 + x) - 0.2*x", 0.2, 8),
        _one("ricker", "x*exp(-x)", 0.05, 12),
        _one("hill 3", "1/(1 + x**3) - 0.3*x", 0.05, 6),
        _one("square in sine", "sin(x**2)", 0.3, 8),
        _one("theta", "x*(1 - x**2.5)", 0.05, 8),
        _one("bell", "exp(-x**2)", -1.5, 12),
        _one("quotient", "(1 - x)/(0.3 + x**2)", 0.0, 3),
        Made("bells", ("y", "-x*exp(-x**2) - 0.1*y"), (1.5, 0.0), 20, 200),
    ],
    "held-out": [
        _one("root of sum", "1.2 - sqrt(1 + x**2)/2", 0.0, 8),
        _one("arc tangent", "1 - atan(2*x)", -1.0, 4),
        _one("power 0.8", "0.6 - 0.4*x**0.8", 0.05, 12),
        _one("sigmoid", "1/(1 + exp(4 - 4*x)) - 0.3*x + 0.2", 0.0, 10),
        _one("inhibition", "-x/(0.5 + x + x**2)", 3.0, 8),
        _one("beverton", "x/(1 + x)**2", 0.1, 12),
        _one("cubic root", "1 - x**(1/3)", 0.1, 6),
        Made("softening", ("y", "-x/(1 + x**4) - 0.1*y"), (1.2, 0.0), 20, 200),
    ],
}
"""Systems with terms that no library holds, by part: nothing may be claimed of their form."""


class Series(NamedTuple):
    """What draws (n,) numbers, and the rate that may be claimed of them, if any."""

    draw: Callable[[np.random.Generator, int], Array]
    truth: tuple[str, ...] = ()


def _correlated(rng: np.random.Generator, rows: int, kept: float) -> Array:
    out = rng.standard_normal(rows)
    for k in range(1, rows):
        out[k] += kept * out[k - 1]
    return out


SERIES = {
    "white noise": Series(lambda rng, rows: rng.standard_normal(rows), ("0",)),
    "at rest": Series(lambda rng, rows: 5 + 0.1 * rng.standard_normal(rows), ("0",)),
    "far at rest": Series(lambda rng, rows: 70 + 3 * rng.standard_normal(rows), ("0",)),
    "autoregressive 0.5": Series(lambda rng, rows: _correlated(rng, rows, 0.5)),
    "autoregressive 0.8": Series(lambda rng, rows: _correlated(rng, rows, 0.8)),
    "random walk": Series(lambda rng, rows: np.cumsum(rng.standard_normal(rows))),
    "walk with drift": Series(lambda rng, rows: np.cumsum(0.3 + rng.standard_normal(rows))),
}
"""Series that follow no equation but "at rest", one state each."""
