"""Equations from fields: sixteen known equations at four levels of noise, on grids and scattered, by `discover_pde`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from edgewise.dynamics import FieldEquations, Outcome, discover_pde
from edgewise_bench import Cell, Row, Settings
from edgewise_bench.benchmarks.studies.study import Figure, Study, share_of
from edgewise_bench.tables import grouped

_NOISES = (0.0, 0.01, 0.05, 0.2)
_CLAIMS = {outcome.name for outcome in (Outcome.EXACT, Outcome.NOISE, Outcome.FLOOR)}
_SCATTERED = 500  # rows

Derivative = Callable[..., Any]


class KnownField(NamedTuple):
    """u_t = linear(k) u + rest(u, d) on a periodic line or square, and its terms with their constants.

    names: of the components. length: the period. end, frames: the last time, and the number of times. begin: a function
    of the places, (components, places...). linear: the symbol at wave numbers i k, of each component. rest: of the
    values and a function d(values, x, y) that differentiates. every: of the points of the simulation, those that are
    kept. late: the time before the first. order 2: the second component is the rate of the first, and not shown.
    """

    names: str
    length: float
    end: float
    frames: int
    begin: Callable[..., Any]
    linear: Callable[..., Any]
    rest: Callable[[Any, Derivative], Any]
    truth: tuple[dict[str, float], ...]
    every: int = 4
    points: int = 256
    late: float = 0.0
    order: int = 1
    plane: bool = False
    seen: bool = True


def _bell(x: Any, *middles: tuple[float, float, float]) -> Any:
    return sum(height * np.exp(-((x - a) ** 2) / width) for height, a, width in middles)


def _soliton(x: Any, speed: float, a: float) -> Any:
    return speed / 2 / np.cosh(np.sqrt(speed) / 2 * (x - a)) ** 2


def _packet(x: Any, height: float, a: float, speed: float) -> Any:
    return height / np.cosh(height * (x - a)) * np.exp(1j * speed * x)


def _parts(psi: Any) -> Any:
    return np.array([psi.real, psi.imag])


def _wavy(x: Any, length: float, *waves: tuple[float, int, float]) -> Any:
    return sum(height * np.sin(2 * np.pi * n * x / length + phase) for height, n, phase in waves)


def _schroedinger(w: Any, d: Derivative) -> Any:
    u, v = w
    return np.array([-d(v, 2) / 2 - (u**2 + v**2) * v, d(u, 2) / 2 + (u**2 + v**2) * u])


def _spiral(w: Any, _: Derivative) -> Any:
    u, v = w
    size = u**2 + v**2
    return np.array([size * v - size * u, -size * u - size * v])


FIELDS = {
    "heat": KnownField(
        "u", 2 * np.pi, 4, 81, lambda x: [np.sin(x) + 0.5 * np.cos(3 * x)], lambda k: [0.2 * k**2],
        lambda u, d: 0.5 + 0 * u, ({"1": 0.5, "u_xx": 0.2},),
    ),
    "Burgers": KnownField(
        "u", 16, 8, 81, lambda x: [_bell(x, (1, 6, 1))], lambda k: [0.1 * k**2], lambda u, d: -d(u**2, 1) / 2,
        ({"u*u_x": -1, "u_xx": 0.1},),
    ),
    "Korteweg-de Vries": KnownField(
        "u", 30, 3, 91, lambda x: [_soliton(x, 4, 6) + _soliton(x, 1.5, 13)], lambda k: [-(k**3)],
        lambda u, d: -3 * d(u**2, 1), ({"u*u_x": -6, "u_xxx": -1},),
    ),
    "Kuramoto-Sivashinsky": KnownField(
        "u", 36, 30, 121, lambda x: [np.cos(np.pi * x / 18) * (1 + np.sin(np.pi * x / 9))],
        lambda k: [-(k**2) - k**4], lambda u, d: -d(u**2, 1) / 2, ({"u*u_x": -1, "u_xx": -1, "u_xxxx": -1},), late=60,
    ),
    "Fisher": KnownField(
        "u", 30, 8, 81, lambda x: [_bell(x, (0.6, 9, 1), (0.2, 20, 2))], lambda k: [0.5 * k**2 + 1],
        lambda u, d: -(u**2), ({"u": 1, "u**2": -1, "u_xx": 0.5},),
    ),
    "Allen-Cahn": KnownField(
        "u", 4, 4, 81, lambda x: [_wavy(x, 4, (0.6, 1, 0), (0.4, 2, np.pi / 2), (-0.2, 3, 0))],
        lambda k: [0.02 * k**2 + 1], lambda u, d: -(u**3), ({"u": 1, "u**3": -1, "u_xx": 0.02},),
    ),
    "waves": KnownField(
        "u", 10, 6, 91, lambda x: [_bell(x, (1, 4, 1)), 0 * x], lambda k: [0 * k, 0 * k],
        lambda w, d: np.array([w[1], 1.44 * d(w[0], 2)]), ({"u_xx": 1.44},), order=2, points=128, every=2,
    ),
    "Schroedinger": KnownField(
        "uv", 20, 3, 91, lambda x: _parts(_packet(x, 1.5, 7, 0.6) + _packet(x, 1, 13, -0.6)),
        lambda k: [0 * k, 0 * k], _schroedinger,
        ({"v_xx": -0.5, "u**2*v": -1, "v**3": -1}, {"u_xx": 0.5, "u**3": 1, "u*v**2": 1}), points=128, every=2,
    ),
    "lambda-omega": KnownField(
        "uv", 20, 8, 121,
        lambda x: [_wavy(x, 20, (0.5, 1, np.pi / 2), (0.2, 3, 0)), _wavy(x, 20, (0.5, 1, 0), (0.3, 2, np.pi / 2))],
        lambda k: [0.2 * k**2 + 1] * 2, _spiral,
        ({"u_xx": 0.2, "u": 1, "u**3": -1, "u*v**2": -1, "u**2*v": 1, "v**3": 1},
         {"v_xx": 0.2, "v": 1, "u**2*v": -1, "v**3": -1, "u**3": -1, "u*v**2": -1}),
    ),
    "convection in the plane": KnownField(
        "u", 6, 2, 25, lambda x, y: [np.exp(-((x - 2) ** 2) - (y - 4) ** 2) + 0.5 * np.sin(x * np.pi / 3) + 0 * y],
        lambda k, q: [0.15 * (k**2 + q**2) - 0.8 * k + 0.5 * q], lambda u, d: 0 * u,
        ({"u_x": -0.8, "u_y": 0.5, "u_xx": 0.15, "u_yy": 0.15},), points=32, every=1, plane=True,
    ),
    "modified Korteweg-de Vries": KnownField(
        "u", 24, 3, 91, lambda x: [_bell(x, (1.2, 8, 2), (-0.6, 15, 3))], lambda k: [-(k**3)],
        lambda u, d: -2 * d(u**3, 1), ({"u**2*u_x": -6, "u_xxx": -1},), seen=False,
    ),
    "porous medium": KnownField(
        "u", 12, 4, 81, lambda x: [0.4 + _bell(x, (1, 4, 1.5), (0.5, 8, 1))], lambda k: [0 * k],
        lambda u, d: 0.2 * d(u**2, 2), ({"u_x**2": 0.4, "u*u_xx": 0.4},), points=128, every=2, seen=False,
    ),
    "Burgers-Huxley": KnownField(
        "u", 20, 6, 81, lambda x: [_wavy(x, 20, (0.6, 1, 0), (0.4, 2, 1), (0.2, 4, 2))],
        lambda k: [0.2 * k**2 + 0.5], lambda u, d: -d(u**2, 1) / 2 - 0.5 * u**3,
        ({"u": 0.5, "u**3": -0.5, "u*u_x": -1, "u_xx": 0.2},), seen=False,
    ),
    "sine-Gordon": KnownField(
        "u", 20, 8, 91, lambda x: [_bell(x, (3, 7, 3), (-2, 13, 2)), 0 * x], lambda k: [0 * k, 0 * k],
        lambda w, d: np.array([w[1], d(w[0], 2) - np.sin(w[0])]), ({"u_xx": 1, "sin(u)": -1},), order=2, points=128,
        every=2, seen=False,
    ),
    "Brusselator": KnownField(
        "uv", 12, 8, 121, lambda x: [1 + 0.3 * np.sin(np.pi * x / 6), 2.5 + 0.4 * np.cos(np.pi * x / 3)],
        lambda k: [0.1 * k**2 - 3.5, 0.3 * k**2],
        lambda w, d: np.array([1 + w[0] ** 2 * w[1], 2.5 * w[0] - w[0] ** 2 * w[1]]),
        ({"1": 1, "u": -3.5, "u**2*v": 1, "u_xx": 0.1}, {"u": 2.5, "u**2*v": -1, "v_xx": 0.3}), seen=False,
    ),
    "Allen-Cahn in the plane": KnownField(
        "u", 6, 3, 25,
        lambda x, y: [0.6 * np.sin(np.pi * x / 3) * np.cos(np.pi * y / 3) + 0.4 * np.sin(np.pi * (2 * y - x) / 3 + 1)],
        lambda k, q: [0.1 * (k**2 + q**2) + 1], lambda u, d: -(u**3), ({"u": 1, "u**3": -1, "u_xx": 0.1, "u_yy": 0.1},),
        points=32, every=1, plane=True, seen=False,
    ),
}  # fmt: skip


@cache
def simulated(name: str) -> tuple[Any, Any, Any]:
    """Times, places and values (times, components, places...), by Fourier's method.

    Source: Kassam and Trefethen, SIAM Journal on Scientific Computing 26 (2005), for the exponential steps.
    """
    field = FIELDS[name]
    x = np.arange(field.points) * field.length / field.points
    wave = 2j * np.pi * np.fft.fftfreq(field.points, field.length / field.points)
    places = np.meshgrid(x, x, indexing="ij") if field.plane else [x]
    waves = np.meshgrid(wave, wave, indexing="ij") if field.plane else [wave]
    axes = tuple(range(1, 1 + len(places)))
    linear = np.array([own + 0j for own in field.linear(*waves)])
    u = np.array(field.begin(*places), dtype=float)

    def derived(values: Any, *by: int) -> Any:
        own = tuple(a - 1 for a in axes) if values.ndim == len(places) else axes
        factor = np.prod([w**n for w, n in zip(waves, by, strict=False)], axis=0)
        return np.fft.ifftn(factor * np.fft.fftn(values, axes=own), axes=own).real

    def rest(spectrum: Any) -> Any:
        return np.fft.fftn(field.rest(np.fft.ifftn(spectrum, axes=axes).real, derived), axes=axes)

    t = np.linspace(0, field.end, field.frames)
    steps = 40 if field.order == 1 else 20
    h = (t[1] - t[0]) / steps
    z = (h * linear)[..., None] + np.exp(1j * np.pi * (np.arange(32) + 0.5) / 16)
    whole, half = np.exp(h * linear), np.exp(h * linear / 2)
    weights = [
        h * own.mean(-1)
        for own in (
            (np.exp(z / 2) - 1) / z, (-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3,
            (2 + z + np.exp(z) * (z - 2)) / z**3, (-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3,
        )
    ]  # fmt: skip
    spectrum, frames = np.fft.fftn(u, axes=axes), []
    before = round(field.late / (t[1] - t[0]))
    for frame in range(-before, field.frames):
        if frame >= 0:
            frames.append(np.fft.ifftn(spectrum, axes=axes).real)
        for _ in range(steps):
            first = rest(spectrum)
            a = half * spectrum + weights[0] * first
            second = rest(a)
            third = rest(half * spectrum + weights[0] * second)
            fourth = rest(half * a + weights[0] * (2 * third - first))
            spectrum = whole * spectrum + weights[1] * first + 2 * weights[2] * (second + third) + weights[3] * fourth
    kept = (slice(None), slice(0, len(field.names)), *[slice(None, None, field.every)] * len(places))
    return t, x[:: field.every], np.array(frames)[kept]


class Fields(Study):
    """Sixteen known equations; the seed changes the noise, relative to the deviation of each component.

    An equation is right if each component has exactly the true terms. `covered` counts the constants whose 95 %
    interval holds the truth, of equations that are right. `wrong_claim`: a claim of other terms. Rows are those of the
    whole grid, or 500 of them. The method was developed on the first ten equations (`seen`); the other six were written
    down before they were run.
    """

    name = "fields"
    title = "Equations from fields: right terms"
    columns = (
        "seen", "right", "wrong_claim", "constants", "covered", "largest_error", "outcome", "seconds", "equations",
        "status",
    )  # fmt: skip
    grid: ClassVar = {"equation": FIELDS, "noise": _NOISES, "rows": ("grid", "scattered")}
    by: ClassVar = ("seen", "rows", "noise")
    figures: ClassVar = (
        Figure("right", "right", sum), Figure("wrong claims", "wrong_claim", sum), Figure("s, median", "seconds"),
    )  # fmt: skip

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        field = FIELDS[given["equation"]]
        t, x, clean = simulated(given["equation"])
        rng = np.random.default_rng([given["seed"], round(1000 * given["noise"])])
        over = (0, *range(2, clean.ndim))
        u = clean + given["noise"] * clean.std(axis=over, keepdims=True) * rng.normal(size=clean.shape)
        axes = [t, x, x] if field.plane else [t, x]
        rows = [own.ravel() for own in np.meshgrid(*axes, indexing="ij")]
        values = {name: u[:, k] for k, name in enumerate(field.names)}
        if given["rows"] == "scattered":
            some = rng.choice(len(rows[0]), _SCATTERED, replace=False)
            axes, values = [own[some] for own in rows], {name: own.ravel()[some] for name, own in values.items()}
        places = dict(zip("xy", axes[1:], strict=False))
        began = time.process_time()
        found = discover_pde(axes[0], places, values, order=2 if field.order == 2 else 1, time_limit=600)
        seconds = time.process_time() - began
        return {"seen": field.seen, "seconds": seconds, **judged(found, field.truth)}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head, lines = super().table(rows)
        right = [row for row in rows if row["constants"] not in ("", None, 0)]
        for (noise,), own in grouped(right, "noise").items():
            held = Cell(f"{share_of(own, 'covered', 'constants'):.3f}")
            lines.append([Cell(f"constants in 95 %, noise {noise}"), held, *[Cell("")] * (len(head) - 2)])
        return head, lines


def judged(found: FieldEquations, truth: Sequence[Mapping[str, float]]) -> Row:
    """Return what is right of equations that were found."""
    constants, right = iter(found.constants.values()), True
    count, covered, largest = 0, 0, 0.0
    for own, true in zip(found.terms, truth, strict=True):
        terms = {str(term.written(found.names, found.coordinates)): next(constants) for term in own}
        right = right and set(terms) == set(true)
        for term, value in true.items():
            if term in terms:
                constant = terms[term]
                count += 1
                covered += constant.interval[0] <= value <= constant.interval[1]
                largest = max(largest, abs(constant.value / value - 1))
    figures = {"constants": count, "covered": covered, "largest_error": largest} if right else {}
    return {
        "right": right, "wrong_claim": not right and found.outcome.name in _CLAIMS, **figures,
        "outcome": found.outcome.name, "equations": found.written.text().replace("\n", "; "),
    }  # fmt: skip
