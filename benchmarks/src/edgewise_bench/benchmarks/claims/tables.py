"""Tables made by a seed, what `discover` claims of them, and whether a claim is wrong."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import sympy
from scipy import special

from edgewise import symbolic
from edgewise._typing import Array
from edgewise.discovery import Discovery, discover
from edgewise_bench import OURS, Case, Settings, clock
from edgewise_bench.benchmarks.judging import is_right, with_free_constants
from edgewise_bench.benchmarks.laws import RandomLaw
from edgewise_bench.benchmarks.searchers import SEARCHERS, effort_of, in_words


def part_of(settings: Settings) -> str:
    """Return which part of the cases a seed stands for: seeds 1 and 2 were looked at while rules were made.

    >>> part_of(Settings(seed=1)), part_of(Settings(seed=7))
    ('development', 'held-out')
    """
    developed = (1, 2)
    return "development" if settings.seed in developed else "held-out"


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


def smooth(rng: np.random.Generator) -> Target:
    """Return a special function of one input, one times another, or a sum of random waves in one to three inputs."""
    waves, fastest = 6, 6.0  # of a random smooth function
    kind = rng.integers(3)
    if kind < 2:
        chosen = [_SPECIAL[k] for k in rng.integers(len(_SPECIAL), size=kind + 1)]
        ranges = tuple((low, high) for _, low, high in chosen)
        return Target(lambda x: np.prod([of(x[:, k]) for k, (of, *_) in enumerate(chosen)], axis=0), ranges)
    inputs = int(rng.integers(1, 4))
    speeds = rng.normal(size=(inputs, waves)) * fastest / np.sqrt(inputs) / 2
    phases, heights = rng.uniform(0, 2 * np.pi, waves), rng.normal(size=waves)
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


_ADDITIVE, _RELATIVE, _MEANS = (0.01, 0.05, 0.2), (0.02, 0.1), (5.0, 20.0, 80.0)


class Noisy(NamedTuple):
    """Measured values (n,), and how many independent rows they are worth."""

    y: Array
    independent: float


def noisy(kind: str, clean: Array, deviation: float, rng: np.random.Generator) -> Noisy:
    """Return values with noise of a kind. `deviation` is the standard deviation of the target."""
    subject_count, subject_share = (
        10,
        0.8,
    )  # how many share the rows, and the fraction of the variance of noise that is the subject's
    correlation = 0.8  # correlation of neighboring rows
    outlier_share, nearest, farthest = (
        0.03,
        0.3,
        2.0,
    )  # fraction of the rows, and how far they are, in standard deviations
    slight = 0.02  # noise of half of the targets that follow no formula
    n, normal = len(clean), rng.standard_normal(len(clean))
    if kind in ("additive", "few", "poles"):
        return Noisy(clean + rng.choice(_ADDITIVE) * deviation * normal, n)
    if kind == "relative":
        return Noisy(clean * (1 + rng.choice(_RELATIVE) * normal), n)
    if kind == "counts":
        return Noisy(rng.poisson(clean).astype(np.float64), n)
    if kind == "outliers":
        far = rng.random(n) < outlier_share
        size = rng.uniform(nearest, farthest, n) * rng.choice((-1, 1), n)
        return Noisy(clean + deviation * (slight * normal + far * size), n)
    if kind == "serial":
        level = rng.choice(_ADDITIVE) * deviation
        return Noisy(clean + level * lasting(n, correlation, rng), n * (1 - correlation) / (1 + correlation))
    if kind == "periodic":  # along the rows, as of the mains in an instrument
        wave = np.sqrt(2) * np.sin(2 * np.pi * (rng.uniform(0.02, 0.2) * np.arange(n) + rng.uniform()))
        return Noisy(clean + rng.choice(_ADDITIVE) * deviation * (0.3 * normal + wave), n / 2)
    if kind == "subjects":
        own = rng.standard_normal(subject_count)[np.arange(n) * subject_count // n]
        both = np.sqrt(subject_share) * own + np.sqrt(1 - subject_share) * normal
        return Noisy(clean + rng.choice(_ADDITIVE) * deviation * both, min(n, subject_count / subject_share))
    if kind == "nothing":
        return Noisy(_pure(n, rng), n)
    if kind not in ("exact", "hidden") and rng.random() < 0.5:
        return Noisy(clean + slight * deviation * normal, n)
    return Noisy(clean, n)


def _pure(n: int, rng: np.random.Generator) -> Array:
    """Return noise with mean zero: reals, positive numbers less their mean, two decimals or whole numbers."""
    kind = rng.integers(4)
    if kind < 2:
        return rng.standard_normal(n) if kind else rng.lognormal(0, 1, n) - np.exp(0.5)
    return np.round(rng.normal(size=n), 2) if kind == 2 else rng.integers(-10, 11, n).astype(np.float64)


def lasting(n: int, correlation: float, rng: np.random.Generator) -> Array:
    """Return an autoregressive series of order 1 with standard deviation 1."""
    series = rng.standard_normal(n)
    series[1:] *= np.sqrt(1 - correlation**2)
    for k in range(1, n):
        series[k] += correlation * series[k - 1]
    return series


def as_counts(clean: Array, truth: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return expected counts of the same form, for the rows and for fresh ones."""
    least = 0.5  # of the expected counts, the mean of which is one of those
    shift, mean = truth.min(), rng.choice(_MEANS)
    scale = (mean - least) / (truth.mean() - shift)
    return least + scale * np.maximum(clean - shift, 0.0), least + scale * np.maximum(truth - shift, 0.0)


KINDS = {
    "exact": 40, "additive": 40, "relative": 20, "counts": 20, "outliers": 20, "smooth": 30, "steps": 15, "kinks": 15,
    "hidden": 20, "serial": 20, "periodic": 10, "subjects": 20, "poles": 15, "few": 15,
    "nothing": 40,
}  # fmt: skip
"""How many tables of each kind a seed makes."""

COUNT = sum(KINDS.values())
_LAWS, _EACH, _VARIABLES = 10_000, 200, 4  # the seeds of the laws begin there, 200 for each seed; variables at most


class MadeTable(NamedTuple):
    """Rows x (n, inputs) with y (n,) and its value without noise, and fresh rows of the same kind without noise.

    Of a table with a hidden input, values without noise are means over it. `independent`: how many independent rows
    the rows are worth.
    """

    kind: str
    names: tuple[str, ...]
    x: Array
    y: Array
    clean: Array
    fresh: Array
    truth: Array
    formula: str
    independent: float


def made_table(seed: int, number: int) -> MadeTable:
    """Return a table of a seed, number 0 to 339: kinds take turns in the order of `KINDS`, while they last.

    >>> table = made_table(1, 1)
    >>> table.kind, table.x.shape[0] == len(table.y), table.truth.shape
    ('additive', True, (2000,))
    """
    spare_share, most_spare = 1 / 3, 2  # fraction of the tables with inputs that have no effect, and how many at most
    fresh_count = 2000
    row_counts, small_counts = (20, 40, 80, 150, 300, 600), (8, 12, 16, 20)
    kind = _kinds()[number]
    rng = np.random.default_rng([seed, number])
    target, formula = _target(kind, _LAWS + _EACH * seed + number, rng)
    spare = int(rng.integers(1, most_spare + 1)) if rng.random() < spare_share else 0
    low, high = np.array([*target.ranges, *[(0.0, 1.0)] * spare]).T
    rows = int(rng.choice(small_counts if kind in ("few", "nothing") else row_counts))
    x, fresh = (rng.uniform(low, high, (count, len(low))) for count in (rows, fresh_count))
    if kind == "serial":  # the first input is like a time
        x = x[np.argsort(x[:, 0])]
    inputs = len(target.ranges)
    measured, truth = target.values(x[:, :inputs]), target.values(fresh[:, :inputs])
    clean = measured
    if kind == "hidden":
        hidden = int(rng.integers(inputs))
        clean, truth = (_averaged(target, of[:, :inputs], hidden, rng) for of in (x, fresh))
        x, fresh = np.delete(x, hidden, 1), np.delete(fresh, hidden, 1)
    if kind == "counts":  # a law of the same form that is positive
        measured, truth = as_counts(measured, truth, rng)
        clean = measured
    y, independent = noisy(kind, measured, truth.std(), rng)
    names = tuple(f"x{k + 1}" for k in range(x.shape[1]))
    return MadeTable(kind, names, x, y, clean, fresh, truth, formula, independent)


def _kinds() -> list[str]:
    """Return the kind of each table of a seed."""
    turns = ((0, 8), (8, 14), (14, 15))  # of the kinds: those of a block take turns
    blocks = [list(KINDS.items())[first:last] for first, last in turns]
    return [
        kind
        for block in blocks
        for turn in range(max(count for _, count in block))
        for kind, count in block
        if turn < count
    ]


def _target(kind: str, seed: int, rng: np.random.Generator) -> tuple[Target, str]:
    """Return what the rows follow, and its formula if it has one."""
    others = {"smooth": smooth, "steps": step, "kinks": kink, "poles": pole, "nothing": nothing}
    if kind in others:
        target = others[kind](rng)
        return target, target.formula
    fewest = 1 if kind == "hidden" else 0  # variables less one
    law = RandomLaw(f"{seed}.{rng.integers(fewest, _VARIABLES)}")
    return Target(law.values, law.ranges), law.formula


def _averaged(target: Target, x: Array, hidden: int, rng: np.random.Generator) -> Array:
    """Return the target's mean over a hidden input, which is uniform and independent of the others."""
    draws = 400  # of a hidden input, over which the truth is a mean
    total = np.zeros(len(x))
    for value in rng.uniform(*target.ranges[hidden], draws):
        total += target.values(np.column_stack([*x.T[:hidden], np.full(len(x), value), *x.T[hidden + 1 :]]))
    return total / draws


def is_wrong(claim: str, values: Array, truth: Array, noise: float, rows: float, constants: int) -> bool:
    """Return whether a claim of a formula, "exact" or "noise", is wrong.

    values, truth (m,): of the formula and of the target without noise, on fresh rows of the same kind. noise: root mean
    square of what was added to the rows searched on. rows: independent ones. constants: of the formula.

    - exact: it is wrong where more than 1 % of the fresh rows differ from the truth by more than 1e-6 of its range.
    - noise: with d the root mean square difference, the furthest 1 % of the rows left out, it is wrong where

          d > 1e-3 range + noise sqrt(4 (constants + 3) / rows)

      The noise moves the constants of the right form, so that d^2 is noise^2 constants / rows on average. Four times
      as much, and three constants more for the choice of the form, is what a claim is granted.

    >>> truth = np.linspace(0, 1, 100)
    >>> is_wrong("noise", truth + 0.03, truth, 0.1, 100, 2), is_wrong("noise", truth + 0.03, truth, 0.1, 1000, 2)
    (False, True)
    """
    trimmed = 0.01  # of the fresh rows, the furthest, are left out: rows beyond those searched on
    neglected = 1e-3  # of the range: what may be neglected
    explained, choice = 4.0, 3  # times the expected mean square, and constants that the choice of the form counts for
    same, seldom = 1e-6, 0.01  # of the range of the truth; and the share of fresh rows that may be further off
    with np.errstate(all="ignore"):
        off = np.nan_to_num(np.abs(values - truth), nan=np.inf)
    size = float(np.ptp(truth))
    if claim == "exact":
        return bool(np.mean(off > same * size) > seldom)
    kept = np.sort(off)[: round((1 - trimmed) * len(off))]
    distance = float(np.sqrt(np.mean(kept**2)))
    return bool(distance > neglected * size + noise * np.sqrt(explained * (constants + choice) / rows))


CLAIMS = ("exact", "noise")
"""The outcomes that claim a law."""

# kinds whose formula is the truth; counts are of a positive law of the same form
_WITH_LAW = ("exact", "additive", "relative", "outliers", "serial", "periodic", "subjects", "few")


def cases(settings: Settings) -> list[Case]:
    """List the tables of a seed."""
    usual_effort, usual_limit = "quick", 60.0
    quick_tables = 2  # tables under --quick
    limit, effort, seed = settings.budget or usual_limit, settings.effort or usual_effort, settings.seed
    part = part_of(settings)
    return [
        Case(f"tables {seed}.{k}, {effort}, {limit:g} s",
             {"family": "tables", "part": part, "seed": seed, "number": k, "limit": limit, "effort": effort})
        for k in range(quick_tables if settings.quick else COUNT)
    ]  # fmt: skip


def measure(case: Case) -> dict[str, Any]:
    """Search one table, and compare what is claimed with the truth."""
    given = case.values
    made = made_table(given["seed"], given["number"])
    _warm_up()
    with clock() as spent:
        found = discover(
            made.x,
            made.y,
            names=made.names,
            seed=given["seed"],
            time_limit=given["limit"],
            **effort_of(given["effort"]),
        )
    noise, size = float(np.sqrt(np.mean((made.y - made.clean) ** 2))), float(made.truth.std()) or 1.0
    best, said = found.best.sympy(), in_words(found.outcome.name)
    constants = len(with_free_constants(best).free.values)
    with np.errstate(all="ignore"):
        values = found.best.predict(made.fresh)
        distance = float(np.sqrt(np.mean((values - made.truth) ** 2))) / size
    right: bool | str = ""
    if said in CLAIMS:
        right = not is_wrong(said, values, made.truth, noise, made.independent, constants)
    return {
        "kind": made.kind, "said": said, "right": right, "form": sympy.sstr(best),
        "truth": made.formula, "seconds": spent.wall, "rows": len(made.y), "inputs": len(made.names),
        "noise": noise / size, "distance": distance if np.isfinite(distance) else "",
        "constants": constants, "best": found.candidates.index(found.best), "weights": list(map(float, found.weights)),
        "leads": found.evidence.leads if found.evidence else [],
        "others": found.evidence.others if found.evidence else [], "of_form": _of_form(made, found),
    }  # fmt: skip


def _of_form(made: MadeTable, found: Discovery) -> list[bool]:
    """Return for each formula of the front whether it is the law but for the values of constants; [] without a law."""
    if made.kind not in _WITH_LAW:
        return []
    truth = symbolic.parse(made.formula, made.names)
    return [is_right(each.sympy(), truth, made.names, made.fresh, made.truth) for each in found]


@cache
def _warm_up() -> None:
    """Search once in this process, so that everything is loaded and compiled."""
    SEARCHERS[OURS].warm_up()
