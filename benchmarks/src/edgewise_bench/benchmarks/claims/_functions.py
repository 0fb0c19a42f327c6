"""Targets that no short formula of the library gives: smooth functions, steps, kinks, poles, nothing."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from edgewise._typing import Array

Values = Callable[[Array], Array]


class Target(NamedTuple):
    """A function of rows (n, inputs), the range of each input, and its formula in x1, x2, ... if it has one."""

    values: Values
    ranges: tuple[tuple[float, float], ...]
    formula: str = ""


_SPECIAL: tuple[tuple[Callable[[Array], Array], float, float], ...] = (
    (special.j0, 0.0, 15.0), (special.j1, 0.0, 12.0), (lambda t: special.airy(t)[0], -8.0, 2.0),
    (special.gamma, 1.0, 4.0), (special.digamma, 0.5, 6.0), (special.zeta, 1.5, 6.0), (special.ellipk, 0.0, 0.99),
    (lambda t: special.sici(t)[0], 0.0, 15.0), (lambda t: special.lambertw(t).real, 0.0, 10.0),
    (special.exp1, 0.1, 3.0), (special.dawsn, 0.0, 5.0), (lambda t: special.fresnel(t)[0], 0.0, 3.0),
)  # fmt: skip
_WAVES, _FASTEST = 6, 6.0  # of a random smooth function


def smooth(rng: np.random.Generator) -> Target:
    """Return a special function of one input, one times another, or a sum of random waves in one to three inputs."""
    kind = rng.integers(3)
    if kind < 2:
        chosen = [_SPECIAL[k] for k in rng.integers(len(_SPECIAL), size=kind + 1)]
        ranges = tuple((low, high) for _, low, high in chosen)
        return Target(lambda x: np.prod([of(x[:, k]) for k, (of, *_) in enumerate(chosen)], axis=0), ranges)
    inputs = int(rng.integers(1, 4))
    speeds = rng.normal(size=(inputs, _WAVES)) * _FASTEST / np.sqrt(inputs) / 2
    phases, heights = rng.uniform(0, 2 * np.pi, _WAVES), rng.normal(size=_WAVES)
    return Target(lambda x: np.cos(x @ speeds + phases) @ heights, ((0.0, 1.0),) * inputs)


def step(rng: np.random.Generator) -> Target:
    """Return a staircase of one input, one that jumps along a line of two, or one plus a slope in another input."""
    height, place, treads = rng.uniform(0.5, 3), rng.uniform(0.25, 0.75), int(rng.integers(2, 5))
    slope = rng.uniform(0.5, 2)
    kinds: tuple[tuple[int, Values], ...] = (
        (1, lambda x: height * (x[:, 0] > place)),
        (1, lambda x: height * np.floor(treads * x[:, 0])),
        (2, lambda x: height * (x[:, 0] + x[:, 1] > 2 * place)),
        (2, lambda x: height * (x[:, 0] > place) + slope * x[:, 1]),
    )
    inputs, values = kinds[rng.integers(len(kinds))]
    return Target(values, ((0.0, 1.0),) * inputs)


def kink(rng: np.random.Generator) -> Target:
    """Return a line with a corner, the larger of two slopes, a clipped curve, or a curve that changes at a place."""
    place, slope, other = rng.uniform(0.25, 0.75), rng.uniform(0.5, 3), rng.uniform(-3, -0.5)
    kinds: tuple[tuple[int, Values], ...] = (
        (1, lambda x: np.where(x[:, 0] < place, slope * x[:, 0], slope * place + other * (x[:, 0] - place))),
        (2, lambda x: np.maximum(slope * x[:, 0], 2 * x[:, 1])),
        (2, lambda x: np.minimum(slope * x[:, 0] ** 2, place) + x[:, 1]),
        (1, lambda x: np.where(x[:, 0] < place, slope * x[:, 0] ** 2, slope * place**2 * np.exp(place - x[:, 0]))),
    )
    inputs, values = kinds[rng.integers(len(kinds))]
    return Target(values, ((0.0, 1.0),) * inputs)


def pole(rng: np.random.Generator) -> Target:
    """Return a resonance of one input, a quotient whose pole lies in its range, or such times or plus another input."""
    place, width, slope = rng.uniform(0.2, 0.8), rng.uniform(0.02, 0.1), rng.uniform(0.5, 2)
    off, peak = f"(x1 - {place})", f"((x1 - {place})**2 + {width**2})"
    kinds: tuple[tuple[int, Values, str], ...] = (
        (1, lambda x: width * (x[:, 0] - place) / ((x[:, 0] - place) ** 2 + width**2), f"{width}*{off}/{peak}"),
        (1, lambda x: 1 / (x[:, 0] - place), f"1/{off}"),
        (2, lambda x: width / ((x[:, 0] - place) ** 2 + width**2) + slope * x[:, 1], f"{width}/{peak} + {slope}*x2"),
        (2, lambda x: x[:, 1] / (x[:, 0] - place), f"x2/{off}"),
    )
    inputs, values, formula = kinds[rng.integers(len(kinds))]
    return Target(values, ((0.0, 1.0),) * inputs, formula)


def nothing(rng: np.random.Generator) -> Target:
    """Return a target of one to four inputs that has nothing to do with them: zero."""
    return Target(lambda x: np.zeros(len(x)), ((0.0, 1.0),) * int(rng.integers(1, 5)))
