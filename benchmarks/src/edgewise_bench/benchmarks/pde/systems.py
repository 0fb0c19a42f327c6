"""Forty systems of ordinary differential equations of the literature, nonstiff, chaotic, stiff and with constraints."""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Any, NamedTuple

from edgewise.pde import Box, Condition, Problem


@dataclass(frozen=True)
class System:
    """y' = slope(m, t, *y) from `start` at 0 until `end`; m has the functions, as torch and numpy do.

    left: in place of it what F(m, t, y, y') leaves of all unknowns, the first of which are those of `slope`; `extra`
    counts the others, which have no derivatives.
    """

    slope: Callable[..., tuple[Any, ...]]
    start: tuple[float, ...]
    end: float
    stiff: bool = False
    left: Callable[..., tuple[Any, ...]] | None = None
    extra: int = 0

    def problem(self, m: Any) -> Problem:
        """Return the problem that `edgewise.pde.solve` takes; m is torch."""
        span, n = Box(t=(0, self.end)), len(self.start)

        def left(u: Any, p: Any) -> tuple[Any, ...]:
            each = u if isinstance(u, tuple) else (u,)
            y = [own.value for own in each]
            if self.left is not None:
                return self.left(m, p.t, y, [own.t for own in each[:n]])
            return tuple(own.t - to for own, to in zip(each, self.slope(m, p.t, *y), strict=True))

        def begin(u: Any, p: Any) -> tuple[Any, ...]:
            each = u if isinstance(u, tuple) else (u,)
            return tuple(own.value - at for own, at in zip(each, self.start, strict=False))

        return Problem(span, left, [Condition(span.face(t=0), begin)], unknowns=n + self.extra)


def logistic() -> System:
    return System(lambda m, t, y: (y * (1 - y),), (0.1,), 10)


def gompertz() -> System:
    return System(lambda m, t, y: (y * m.log(10 / y),), (0.1,), 10)


def pendulum() -> System:
    return System(lambda m, t, a, v: (v, -m.sin(a)), (3.0, 0.0), 30)


def duffing() -> System:
    return System(lambda m, t, x, v: (v, 0.3 * m.cos(1.2 * t) - 0.2 * v + x - x**3), (1.0, 0.0), 30)


def kepler(eccentricity: float, end: float) -> System:
    def slope(m: Any, t: Any, x: Any, y: Any, v: Any, w: Any) -> tuple[Any, ...]:
        cube = (x * x + y * y) ** 1.5
        return v, w, -x / cube, -y / cube

    e = eccentricity
    return System(slope, (1 - e, 0.0, 0.0, ((1 + e) / (1 - e)) ** 0.5), end)


def arenstorf() -> System:
    def slope(m: Any, t: Any, x: Any, y: Any, v: Any, w: Any) -> tuple[Any, ...]:
        moon = 0.012277471
        one, two = ((x + moon) ** 2 + y * y) ** 1.5, ((x - 1 + moon) ** 2 + y * y) ** 1.5
        pull = x + 2 * w - (1 - moon) * (x + moon) / one - moon * (x - 1 + moon) / two
        return v, w, pull, y - 2 * v - (1 - moon) * y / one - moon * y / two

    return System(slope, (0.994, 0.0, 0.0, -2.00158510637908252), 17.0652165601579625)


def pleiades() -> System:
    """Seven stars in a plane.

    Source: Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I (1993), II.10.
    """

    def slope(m: Any, t: Any, *u: Any) -> tuple[Any, ...]:
        x, y = u[:7], u[7:14]
        pulls = [[(j + 1) / ((x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2) ** 1.5 if i != j else 0.0 for j in range(7)]
                 for i in range(7)]  # fmt: skip
        along = (sum(pulls[i][j] * (x[j] - x[i]) for j in range(7)) for i in range(7))
        across = (sum(pulls[i][j] * (y[j] - y[i]) for j in range(7)) for i in range(7))
        return *u[14:], *along, *across

    places = (3, 3, -1, -3, 2, -2, 2, 3, -3, 2, 0, 0, -4, 4)
    return System(slope, (*places, 0, 0, 0, 0, 0, 1.75, -1.5, 0, 0, 0, -1.25, 1, 0, 0), 3)


def lotka_volterra() -> System:
    return System(lambda m, t, x, y: (1.5 * x - x * y, x * y - 3 * y), (10.0, 5.0), 30)


def fitzhugh_nagumo() -> System:
    return System(lambda m, t, v, w: (v - v**3 / 3 - w + 0.5, 0.08 * (v + 0.7 - 0.8 * w)), (-1.0, 1.0), 200)


def mathieu() -> System:
    return System(lambda m, t, x, v: (v, (0.4 * m.cos(2 * t) - 1.5) * x), (1.0, 0.0), 100)


def oscillator() -> System:
    return System(lambda m, t, x, v: (v, -x), (1.0, 0.0), 100 * pi)


def infection() -> System:
    return System(lambda m, t, s, i, r: (-0.5 * s * i, 0.5 * s * i - 0.1 * i, 0.1 * i), (0.999, 0.001, 0.0), 150)


def seasons() -> System:
    """Predators and prey that grow with the seasons."""

    def slope(m: Any, t: Any, x: Any, y: Any) -> tuple[Any, ...]:
        eaten = x * y / (0.5 + x)
        return x * (1 + 0.3 * m.sin(t) - x) - eaten, 0.8 * eaten - 0.3 * y

    return System(slope, (0.5, 0.5), 60)


def lorenz() -> System:
    return System(lambda m, t, x, y, z: (10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z), (1.0, 1.0, 1.0), 10)


def roessler() -> System:
    return System(lambda m, t, x, y, z: (-y - z, x + 0.2 * y, 0.2 + z * (x - 5.7)), (1.0, 1.0, 0.0), 50)


def double_pendulum() -> System:
    def slope(m: Any, t: Any, a: Any, b: Any, v: Any, w: Any) -> tuple[Any, ...]:
        sin, cos = m.sin(a - b), m.cos(a - b)
        below = 2 - cos * cos
        first = -sin * (v * v * cos + w * w) - 2 * 9.81 * m.sin(a) + 9.81 * m.sin(b) * cos
        second = sin * (2 * v * v + w * w * cos) + 2 * 9.81 * (m.sin(a) * cos - m.sin(b))
        return v, w, first / below, second / below

    return System(slope, (2.0, 2.5, 0.0, 0.0), 5)


def henon_heiles() -> System:
    return System(
        lambda m, t, x, y, v, w: (v, w, -x - 2 * x * y, -y - x * x + y * y), (0.0, 0.1, 0.49057, 0.0), 100
    )  # fmt: skip


def chua() -> System:
    return System(
        lambda m, t, x, y, z: (10 * (y + 0.2 * x - x**3 / 7 * 1.5), x - y + z, -16 * y), (0.1, 0.0, 0.0), 30
    )  # fmt: skip


def lorenz_96() -> System:
    def slope(m: Any, t: Any, *x: Any) -> tuple[Any, ...]:
        return tuple((x[(k + 1) % 8] - x[k - 2]) * x[k - 1] - x[k] + 8 for k in range(8))

    return System(slope, (8.01, *(7 * (8.0,))), 10)


def thomas() -> System:
    return System(
        lambda m, t, x, y, z: (m.sin(y) - 0.2 * x, m.sin(z) - 0.2 * y, m.sin(x) - 0.2 * z), (1.0, 0.0, 0.5), 100
    )  # fmt: skip


def rigid_body() -> System:
    return System(lambda m, t, x, y, z: (y * z, -x * z, -0.51 * x * y), (0.0, 1.0, 1.0), 50)


def figure_eight() -> System:
    """Three equal masses on one curve."""

    def slope(m: Any, t: Any, *u: Any) -> tuple[Any, ...]:
        x, y, found = u[:3], u[3:6], []
        for at in (x, y):
            for i in range(3):
                j, k = (i + 1) % 3, (i + 2) % 3
                one, two = (((x[o] - x[i]) ** 2 + (y[o] - y[i]) ** 2) ** 1.5 for o in (j, k))
                found.append((at[j] - at[i]) / one + (at[k] - at[i]) / two)
        return *u[6:], *found

    a, b, v, w = 0.97000436, -0.24308753, 0.93240737, 0.86473146
    return System(slope, (a, -a, 0.0, b, -b, 0.0, v / 2, v / 2, -v, w / 2, w / 2, -w), 10)


def pol(mu: float, end: float, stiff: bool = True) -> System:
    return System(lambda m, t, x, v: (v, mu * (1 - x * x) * v - x), (2.0, 0.0), end, stiff)


def robertson() -> System:
    def slope(m: Any, t: Any, a: Any, b: Any, c: Any) -> tuple[Any, ...]:
        made, lost = 0.04 * a - 1e4 * b * c, 3e7 * b * b
        return -made, made - lost, lost

    return System(slope, (1.0, 0.0, 0.0), 1e5, True)


def hires() -> System:
    """High irradiance responses of plants.

    Source: Mazzia and Magherini, Test Set for IVP Solvers 2.4 (2008), as pollution, ring modulator and Akzo Nobel.
    """

    def slope(m: Any, t: Any, *y: Any) -> tuple[Any, ...]:
        a, b, c, d, e, f, g, h = y
        bound = 280 * f * h - 1.81 * g
        return (
            -1.71 * a + 0.43 * b + 8.32 * c + 0.0007, 1.71 * a - 8.75 * b, -10.03 * c + 0.43 * d + 0.035 * e,
            8.32 * b + 1.71 * c - 1.12 * d, -1.745 * e + 0.43 * (f + g),
            -280 * f * h + 0.69 * (d + g) + 1.71 * e - 0.43 * f, bound, -bound,
        )  # fmt: skip

    return System(slope, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057), 321.8122, True)


def oregonator() -> System:
    def slope(m: Any, t: Any, x: Any, y: Any, z: Any) -> tuple[Any, ...]:
        return 77.27 * (y + x * (1 - 8.375e-6 * x - y)), (z - (1 + x) * y) / 77.27, 0.161 * (x - z)

    return System(slope, (1.0, 2.0, 3.0), 360, True)


def brusselator() -> System:
    return System(lambda m, t, x, y: (1 + x * x * y - 4 * x, 3 * x - x * x * y), (1.5, 3.0), 20)


def e5() -> System:
    def slope(m: Any, t: Any, a: Any, b: Any, c: Any, d: Any) -> tuple[Any, ...]:
        one, two, three, four = 7.89e-10 * a, 1.1e7 * a * c, 1.13e9 * b * c, 1.13e3 * d
        return -one - two, one - three, one - two - three + four, two - four

    return System(slope, (1.76e-3, 0.0, 0.0, 0.0), 1e5, True)


def pollution() -> System:
    def slope(m: Any, t: Any, *y: Any) -> tuple[Any, ...]:
        r = [k * y[i] * (1 if j < 0 else y[j]) for k, i, j in _REACTIONS]
        return tuple(sum(sign * r[k] for sign, k in row) for row in _CHANGES)

    return System(slope, tuple(_AIR.get(k, 0.0) for k in range(20)), 60, True)


def ring_modulator() -> System:
    def slope(m: Any, t: Any, *y: Any) -> tuple[Any, ...]:
        one, two = 0.5 * m.sin(2000 * pi * t), 2 * m.sin(20000 * pi * t)
        ends = (y[2] - y[4] - y[6] - two, -y[3] + y[5] - y[6] - two, y[3] + y[4] + y[6] + two,
                -y[2] - y[5] + y[6] + two)  # fmt: skip
        q = [40.67286402e-9 * (m.exp(17.7493332 * end) - 1) for end in ends]
        c, s, p, lh, l2, l3 = 1.6e-8, 2e-12, 1e-8, 4.45, 0.002, 0.0005
        return (
            (y[7] - 0.5 * y[9] + 0.5 * y[10] + y[13] - y[0] / 25000) / c,
            (y[8] - 0.5 * y[11] + 0.5 * y[12] + y[14] - y[1] / 25000) / c,
            (y[9] - q[0] + q[3]) / s, (-y[10] + q[1] - q[2]) / s, (y[11] + q[0] - q[2]) / s,
            (-y[12] - q[1] + q[3]) / s, (-y[6] / 50 + q[0] + q[1] - q[2] - q[3]) / p, -y[0] / lh, -y[1] / lh,
            (0.5 * y[0] - y[2] - 17.3 * y[9]) / l2, (-0.5 * y[0] + y[3] - 17.3 * y[10]) / l3,
            (0.5 * y[1] - y[4] - 17.3 * y[11]) / l2, (-0.5 * y[1] + y[5] - 17.3 * y[12]) / l3,
            (-y[0] + one - 86.3 * y[13]) / lh, (-y[1] - 636.3 * y[14]) / lh,
        )  # fmt: skip

    return System(slope, (0.0,) * 15, 2e-4, True)


def flame() -> System:
    return System(lambda m, t, y: (y * y - y**3,), (1e-4,), 2e4, True)


def curtiss_hirschfelder() -> System:
    return System(lambda m, t, y: (-2000 * (y - m.cos(t)),), (0.0,), 1.5, True)


def reaction_diffusion() -> System:
    """The Brusselator with diffusion, at 12 places."""

    def slope(m: Any, t: Any, *y: Any) -> tuple[Any, ...]:
        u, v, rate = (1.0, *y[:12], 1.0), (3.0, *y[12:], 3.0), 13**2 / 50
        first = (1 + u[k] ** 2 * v[k] - 4 * u[k] + rate * (u[k - 1] - 2 * u[k] + u[k + 1]) for k in range(1, 13))
        second = (3 * u[k] - u[k] ** 2 * v[k] + rate * (v[k - 1] - 2 * v[k] + v[k + 1]) for k in range(1, 13))
        return *first, *second

    return System(slope, (*(1 + (k * (13 - k)) / 100 for k in range(1, 13)), *(12 * (3.0,))), 10, True)


def enzyme() -> System:
    return System(lambda m, t, s, c: (-s + (s + 0.5) * c, 1e4 * (s - (s + 1) * c)), (1.0, 0.0), 5, True)


def akzo_nobel() -> System:
    rates, start = (18.7, 0.58, 0.09, 0.42), (0.444, 0.00123, 0.0, 0.007, 0.0)

    def changes(m: Any, y: Any, salt: Any) -> tuple[Any, ...]:
        root = y[1] ** 0.5
        one, two, three = rates[0] * y[0] ** 4 * root, rates[1] * y[2] * y[3], rates[1] / 34.4 * y[0] * y[4]
        four, five, flow = rates[2] * y[0] * y[3] ** 2, rates[3] * salt**2 * root, 3.3 * (0.9 / 737 - y[1])
        gained = one - two + three, -two + three - 2 * four, two - three + five
        return -2 * one + two - three - four, -0.5 * one - four - 0.5 * five + flow, *gained

    def left(m: Any, t: Any, y: Any, v: Any) -> tuple[Any, ...]:
        to = changes(m, y, y[5])
        return *(own - each for own, each in zip(v, to, strict=True)), y[5] - 115.83 * y[0] * y[3]

    slope = lambda m, t, *y: changes(m, y, 115.83 * y[0] * y[3])  # noqa: E731
    return System(slope, start, 180, True, left, 1)


def robertson_constrained() -> System:
    slope = lambda m, t, a, b: robertson().slope(m, t, a, b, 1 - a - b)[:2]  # noqa: E731

    def left(m: Any, t: Any, y: Any, v: Any) -> tuple[Any, ...]:
        to = robertson().slope(m, t, *y)
        return v[0] - to[0], v[1] - to[1], y[0] + y[1] + y[2] - 1

    return System(slope, (1.0, 0.0), 1e4, True, left, 1)


def pendulum_constrained() -> System:
    """A pendulum by Cartesian coordinates, with the tension of its rod as an unknown (index 1)."""

    def slope(m: Any, t: Any, x: Any, y: Any, v: Any, w: Any) -> tuple[Any, ...]:
        tension = (v * v + w * w - 9.81 * y) / (x * x + y * y)
        return v, w, -tension * x, -tension * y - 9.81

    def left(m: Any, t: Any, u: Any, d: Any) -> tuple[Any, ...]:
        x, y, v, w, tension = u
        held = tension * (x * x + y * y) - v * v - w * w + 9.81 * y
        return d[0] - v, d[1] - w, d[2] + tension * x, d[3] + tension * y + 9.81, held

    return System(slope, (1.0, 0.0, 0.0, 0.0), 5, False, left, 1)


def cubic_slope() -> System:
    """An equation that no derivative is free in: y'^3 + y' + y = sin t."""

    def slope(m: Any, t: Any, y: Any) -> tuple[Any, ...]:
        half = (m.sin(t) - y) / 2  # Cardano's formula, by a hyperbolic sine
        return (2 / 3**0.5 * m.sinh(m.arcsinh(3 * 3**0.5 * half) / 3),)

    return System(slope, (1.0,), 20, False, lambda m, t, y, v: (v[0] ** 3 + v[0] + y[0] - m.sin(t),))


_REACTIONS = (
    (0.35, 0, -1), (26.6, 1, 3), (1.23e4, 4, 1), (8.6e-4, 6, -1), (8.2e-4, 6, -1), (1.5e4, 6, 5), (1.3e-4, 8, -1),
    (2.4e4, 8, 5), (1.65e4, 10, 1), (9e3, 10, 0), (2.2e-2, 12, -1), (1.2e4, 9, 1), (1.88, 13, -1), (1.63e4, 0, 5),
    (4.8e6, 2, -1), (3.5e-4, 3, -1), (1.75e-2, 3, -1), (1e8, 15, -1), (4.44e11, 15, -1), (1.24e3, 16, 5),
    (2.1, 18, -1), (5.78, 18, -1), (4.74e-2, 0, 3), (1.78e3, 18, 0), (3.12, 19, -1),
)  # fmt: skip
"""Of air pollution: the rate, and the one or two species."""
_AIR = {1: 0.2, 3: 0.04, 6: 0.1, 7: 0.3, 8: 0.01, 16: 0.007}
_SIGNS = (
    "-0 -9 -13 -22 -23 1 2 8 10 11 21 24", "-1 -2 -8 -11 0 20", "-14 0 16 18 21", "-1 -15 -16 -22 14",
    "-2 3 3 5 6 12 19", "-5 -7 -13 -19 2 17 17", "-3 -4 -5 12", "3 4 5 6", "-6 -7", "-11 6 8", "-8 -9 7 10", "8",
    "-10 9", "-12 11", "13", "-17 -18 15", "-19", "19", "-20 -21 -23 22 24", "-24 23",
)  # fmt: skip
_CHANGES = [[(-1 if each[0] == "-" else 1, int(each.lstrip("-"))) for each in row.split()] for row in _SIGNS]


class Named(NamedTuple):
    """A system with its name."""

    name: str
    system: System


SYSTEMS = tuple(
    Named(name, system)
    for name, system in (
        ("logistic", logistic()), ("gompertz", gompertz()), ("pendulum", pendulum()), ("duffing", duffing()),
        ("kepler-0.5", kepler(0.5, 50.0)), ("kepler-0.9", kepler(0.9, 20.0)), ("arenstorf", arenstorf()),
        ("pleiades", pleiades()), ("lotka-volterra", lotka_volterra()), ("fitzhugh-nagumo", fitzhugh_nagumo()),
        ("mathieu", mathieu()), ("oscillator", oscillator()), ("infection", infection()), ("seasons", seasons()),
        ("lorenz", lorenz()), ("roessler", roessler()), ("double-pendulum", double_pendulum()),
        ("henon-heiles", henon_heiles()), ("chua", chua()), ("lorenz-96", lorenz_96()), ("thomas", thomas()),
        ("rigid-body", rigid_body()), ("figure-eight", figure_eight()), ("pol-1", pol(1.0, 20.0, stiff=False)),
        ("pol-1000", pol(1000.0, 2000.0)), ("robertson", robertson()), ("hires", hires()),
        ("oregonator", oregonator()), ("brusselator", brusselator()), ("e5", e5()), ("pollution", pollution()),
        ("ring-modulator", ring_modulator()), ("flame", flame()), ("curtiss-hirschfelder", curtiss_hirschfelder()),
        ("reaction-diffusion", reaction_diffusion()), ("enzyme", enzyme()), ("akzo-nobel", akzo_nobel()),
        ("robertson-constrained", robertson_constrained()), ("pendulum-constrained", pendulum_constrained()),
        ("cubic-slope", cubic_slope()),
    )
)  # fmt: skip
"""Every fourth was not solved until the method was fixed."""
