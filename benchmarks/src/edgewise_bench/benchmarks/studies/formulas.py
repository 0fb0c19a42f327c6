"""Stated formulas fitted, laws searched with and without what is known of them, and random programs found again."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from statistics import fmean
from typing import Any, ClassVar, NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.discovery import discover
from edgewise.expressions import evaluate, parse
from edgewise.formulas.programs import FUNCTIONS, Evolution, Node, Program, apply, combine, prepare, variable
from edgewise.regression import fit_formula
from edgewise_bench import OURS, Row, Settings, clock
from edgewise_bench.benchmarks.judging import refitted
from edgewise_bench.benchmarks.studies.study import Figure, Study, share
from edgewise_bench.datasets import CertifiedFit, nist

_SIX, _ENOUGH = 6.0, 25  # digits, and problems of 27 that must have them

Fitted = tuple[list[tuple[float, float]], str]
"""Values and standard errors of constants, and how the fit ended."""


class FormulaDigits(Study):
    """`fit_formula` on NIST's 27 certified regressions, from their two starts and from none, next to scipy's curve_fit.

    Digits are those of the worst constant and of the worst standard error: -log10 of the relative difference from the
    certified value. Terms that may change places (the peaks of Gauss1, the exponentials of Lanczos1) are compared in
    order of their values.
    """

    name = "fit-formula"
    title = "Digits of constants and standard errors on NIST's nonlinear regressions"
    columns = ("level", "digits", "error_digits", "both", "outcome", "seconds", "status")
    by = ("library", "start")
    figures = (
        Figure("six digits of both", "both", sum, least=lambda row: _ENOUGH if row["library"] == OURS else -math.inf),
        Figure("least digits", "digits", min), Figure("CPU seconds", "seconds", sum),
    )  # fmt: skip
    seeds = 0
    grid: ClassVar = {"problem": lambda: _problems(), "start": ("first", "second", "none"), "library": (OURS, "scipy")}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        problem = _problems()[given["problem"]]
        start = {"first": problem.starts[0], "second": problem.starts[1], "none": None}[given["start"]]
        with clock() as spent:
            found, outcome = (by_edgewise if given["library"] == OURS else by_scipy)(problem, start)
        constants, errors = digits(found, problem)
        return {
            "level": problem.level, "digits": constants, "error_digits": errors, "both": min(constants, errors) >= _SIX,
            "outcome": outcome, "seconds": spent.process,
        }  # fmt: skip


@cache
def _problems() -> dict[str, CertifiedFit]:
    return {problem.name: problem for problem in nist()}


def digits(found: list[tuple[float, float]], problem: CertifiedFit) -> tuple[float, float]:
    """Return the digits of the worst constant and of the worst standard error, at most 11."""
    if not np.isfinite(found).all():
        return 0.0, 0.0
    pairs = [np.array(sorted(each)) for each in (found, zip(problem.parameters, problem.errors, strict=True))]
    with np.errstate(divide="ignore"):
        worst = np.clip(-np.log10(np.abs(pairs[0] / pairs[1] - 1)), 0, 11).min(0)
    return float(worst[0]), float(worst[1])


def by_edgewise(problem: CertifiedFit, start: tuple[float, ...] | None) -> Fitted:
    names = [f"b{k + 1}" for k in range(len(problem.parameters))]
    given = None if start is None else dict(zip(names, start, strict=True))
    fit = fit_formula(problem.formula, problem.x, problem.y, names=problem.names, start=given)
    return [(c.value, c.error) for c in (fit.constants[name] for name in names)], fit.outcome.name


def by_scipy(problem: CertifiedFit, start: tuple[float, ...] | None) -> Fitted:
    names = [f"b{k + 1}" for k in range(len(problem.parameters))]
    form = parse(problem.formula, [*problem.names, *names])

    def function(x: np.ndarray, *constants: float) -> np.ndarray:
        columns = np.column_stack([x, np.tile(constants, (len(x), 1))])
        return evaluate(form, [*problem.names, *names], columns)

    from scipy.optimize import curve_fit

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, covariance = curve_fit(function, problem.x, problem.y, start or np.ones(len(names)), maxfev=20_000)
    except (RuntimeError, ValueError) as error:
        return [(math.nan, math.nan)] * len(names), type(error).__name__
    return list(zip(found, np.sqrt(np.diag(covariance)), strict=True)), ""


class KnownLaw(NamedTuple):
    """A law over uniform columns, the noise over its standard deviation, and what is known of it.

    beyond: ranges of fresh rows, where others.
    """

    name: str
    law: str
    columns: Mapping[str, tuple[float, float]]
    target: str
    noise: float
    known: Mapping[str, Any]
    beyond: Mapping[str, tuple[float, float]] = {}

    def draw(self, rows: int, seed: int, *, fresh: bool = False) -> tuple[Array, Array]:
        """Return x (rows, m) and the law's values (rows,)."""
        rng = np.random.default_rng([len(self.name), seed])
        ranges = {**self.columns, **(self.beyond if fresh else {})}
        x = np.column_stack([rng.uniform(*ends, rows) for ends in ranges.values()])
        return x, evaluate(parse(self.law, list(self.columns)), list(self.columns), x)


_KNOWN = (
    KnownLaw("pendulum, units", "2*pi*sqrt(L/g)*(1 + a^2/16)",
         {"L": (0.2, 2), "g": (1.6, 25), "a": (0.1, 1.2), "m": (0.1, 3)}, "T", 0.02,
         {"units": {"L": "m", "g": "m/s^2", "a": "", "m": "kg", "T": "s"}, "constants": "dimensionless"}),
    KnownLaw("pressure, units", "r*v^2/2 + r*g*h",
         {"r": (800, 1200), "v": (0.1, 5), "d": (0.01, 0.2), "h": (0, 2), "g": (9.81, 9.81)}, "p", 0.05,
         {"units": {"r": "kg/m^3", "v": "m/s", "d": "m", "h": "m", "g": "m/s^2", "p": "Pa"},
          "constants": "dimensionless"}),
    KnownLaw("damped swing, template", "3*exp(-t/4)*cos(4*t + 1/2)", {"t": (0, 10)}, "y", 0.1,
         {"template": "?*cos(?)"}),
    KnownLaw("black body, guess", "(1474.5*n^3)/(exp(4.799*n/T) - 1)", {"n": (0.5, 50), "T": (10, 60)}, "B", 0.05,
         {"guesses": ["A*n^3/(exp(k*n/T) - 1)"]}),
    KnownLaw("cooling to twice the time, limits", "20 + 60*exp(-t/3) + a*exp(-t)", {"t": (0, 9), "a": (0, 20)}, "y",
         0.1, {"functions": ["exp"], "monotone": {"t": -1, "a": 1}, "limits": {"t -> inf": 20}, "max_complexity": 16},
         {"t": (0, 18)}),
)  # fmt: skip
_LAWS = {law.name: law for law in _KNOWN}


class Knowledge(Study):
    """Known laws with noise, 100 rows, 5000 evaluations, searched without what is known of them and with it.

    Stored are seconds of this process's own computing, R2 of the best formula against the law without noise on fresh
    rows, and whether it has the form of the law. In one case fresh rows go to twice the range.
    """

    name = "knowledge"
    title = "What knowledge brings to discover: laws with noise"
    columns = ("seconds", "outcome", "r2", "right", "formula", "status")
    by = ("law", "known")
    figures = (
        Figure("seconds", "seconds"), Figure("right", "right", share), Figure("least R2", "r2", min),
        Figure("median R2", "r2"),
    )  # fmt: skip
    seeds = 3
    grid: ClassVar = {"law": _LAWS, "known": (False, True)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        law, seed = _LAWS[given["law"]], given["seed"]
        x, clean = law.draw(100, seed)
        y = clean + law.noise * clean.std() * np.random.default_rng(seed).standard_normal(len(clean))
        names, effort = list(law.columns), int(settings.effort or 5000)
        known = law.known if given["known"] else {}
        with clock() as spent:
            found = discover(x, y, names, target=law.target, effort=effort, time_limit=600, seed=seed, **known)
        fresh, values = law.draw(1000, seed + 1000, fresh=True)
        misfit = found.best.predict(fresh) - values
        right = refitted(found.best.expression, parse(law.law, names), names, fresh, values).right
        return {
            "seconds": spent.process, "outcome": found.outcome.name, "right": right, "formula": str(found.best),
            "r2": 1 - float(np.mean(misfit**2) / np.var(values)),
        }  # fmt: skip


_COUNT, _ROWS, _CHILDREN = 30, 200, 60_000
#: how often a function is drawn
_FREQUENCIES = dict(zip(FUNCTIONS, (1, 0.5, 0.7, 1, 1, 0.7, 0.7, 0.8, 0.3), strict=True))


class Programs(Study):
    """Random formulas of 6 to 11 nodes of three columns, searched by compiled programs in at most 60,000 children."""

    name = "programs"
    title = "Random programs found again by evolution"
    file = "program_laws.csv"
    columns = ("law", "children", "error", "exact", "near", "seconds", "status")
    by = ("seed",)
    figures = (
        Figure("error below 1e-20", "exact", share), Figure("below 1e-8", "near", share),
        Figure("CPU seconds", "seconds", fmean), Figure("children", "children", fmean),
    )  # fmt: skip
    seeds = 3
    grid: ClassVar = {"number": range(_COUNT)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        exact = 1e-20  # error over the variance of the target
        prepare()
        program, x, y = _programs()[given["number"]]
        began, variance = time.process_time(), float(np.var(y))
        search = Evolution(x, y, seed=given["seed"])
        while search.evaluations < _CHILDREN and search.lowest_error > exact * variance:
            search.run(1000)
        seconds, error = time.process_time() - began, search.lowest_error / variance
        formula = str(program.expression(["a", "b", "c"], ["a", "b", "c"]))
        found = {"children": search.evaluations, "error": error, "exact": error < exact, "near": error < 1e-8}
        return {"law": formula, **found, "seconds": seconds}


@cache
def _programs() -> list[tuple[Program, Array, Array]]:
    """Draw the formulas; half of the columns have a weight."""
    return list(_drawn(np.random.default_rng(42)))


def _drawn(rng: np.random.Generator) -> Iterator[tuple[Program, Array, Array]]:
    count = 0
    while count < _COUNT:
        nodes = _random_nodes(int(rng.integers(6, 12)), rng)
        weights = [round(float(rng.uniform(0.4, 2.5)), 2) if rng.random() < 0.5 else 1.0 for _ in nodes]
        pairs = zip(nodes, weights, strict=True)
        program = Program.of([n._replace(weight=w) if n.operation == "variable" else n for n, w in pairs])
        x = rng.uniform(0.4, 3, (_ROWS, 3))
        y = program.predict(x)
        if not np.isfinite(y).all() or not 1e-3 * abs(y.mean()) < y.std() < 1e4 or program.complexity < 6:
            continue
        if np.abs(y - y.mean()).max() < 12 * y.std():
            count += 1
            yield program, x, y


def _random_nodes(size: int, rng: np.random.Generator) -> list[Node]:
    """Return a random shape of exactly `size` nodes."""
    binary = {"add": 4, "sub": 1, "mul": 4, "div": 2.5}
    if size == 1:
        return variable(int(rng.integers(3)), float(np.exp(rng.normal(0, 0.8))))
    chances = _FREQUENCIES if size == 2 else {**binary, **_FREQUENCIES}
    name = str(rng.choice(list(chances), p=np.array(list(chances.values())) / sum(chances.values())))
    if name not in binary:
        return apply(name, _random_nodes(size - 1, rng), 1.5 if name == "power" else 1.0)
    left = int(rng.integers(1, size - 1))
    return combine(name, _random_nodes(left, rng), _random_nodes(size - 1 - left, rng))
