"""Laws found from tables: by edgewise, and by the libraries that search for formulas."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from statistics import median
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.expressions import FitData, FreeFormula, loosened, pin_redundant
from edgewise_bench import OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.judging import ROWS, Verdict, judge
from edgewise_bench.benchmarks.laws import (
    TARGET_LAWS,
    Law,
    RandomLaw,
    ScaledLaw,
    SmallLaw,
    TargetLaw,
    TrajectoryLaw,
    UniformLaw,
)
from edgewise_bench.benchmarks.searchers import SEARCHERS, Table
from edgewise_bench.datasets import equations, srsd, strogatz
from edgewise_bench.tables import grouped, known, number

_TRAINED, _FEW = 1000, 200
_SECONDS, _LEAST, _QUICK = 60.0, 10.0, 10.0
_FOUND = ("seconds", "process_seconds", "outcome", "noise_found", "formula")


class Figure(NamedTuple):
    """A figure of a table: its heading, the name of its limit, its value if there is one, and how it is shown."""

    heading: str
    key: str
    value: float | None
    form: str = ".1f"

    @property
    def text(self) -> str:
        return "" if self.value is None else format(self.value, self.form)


class Formulas(Benchmark):
    """Each law at each noise and seed, by each library in a separate process.

    The clock runs from the table to the formula; imports and compilation are before it. edgewise has 60 s for a table;
    the others have as long as edgewise took on the same one, at least 10 s, or all what `budget` says. They are asked
    for one seed only, and one that keeps no time limit for every twelfth law without noise.
    """

    columns = (*_FOUND, *(field.name for field in fields(Verdict)), "truth", "settings")
    fresh_process = True
    parallel = True
    slow = True
    compares = "searchers"
    overtime = 300.0
    noises: ClassVar[tuple[float, ...]] = (0.0, 0.001, 0.01, 0.1)
    seeds: ClassVar[int] = 3
    extra: ClassVar[int] = 0
    limits: ClassVar[dict[tuple[str, float], float]] = {}
    """(column, noise) -> the least percentage, or the most seconds."""
    quick: ClassVar[tuple[str, ...]]
    """A few laws that are found quickly."""
    bounded: ClassVar[int] = 100
    """Cases from which limits are held to."""
    counted: ClassVar[str] = "cases"
    compared: ClassVar[bool] = True
    """Whether a last column says what edgewise solved of the same cases."""

    note = (
        "percent of the cases; solved: by SRBench's rule, up to a constant shift or factor; exact: to 1e-6 at "
        "every row; form: right but for the values of constants; R2: above 0.999; size: those of the exact ones with "
        "at most twice the truth's operations and three; operations: median of all; edgewise: what it solved of the "
        "same cases"
    )

    @abstractmethod
    def laws(self) -> list[str]: ...

    def law(self, name: str) -> Law:
        return UniformLaw(name, self.extra)

    def asked(self, settings: Settings) -> Sequence[str]:
        """Return the laws that are searched for."""
        return self.quick if settings.quick else self.laws()

    def scores(self, predicted: Array, y: Array) -> Row:
        """Return more columns about the library's own values at new rows, and the true ones."""
        return {}

    def beside(self, law: Law, found: Formula, x: Array, y: Array) -> Row:
        """Return more columns about a formula and the true one, on the rows x (n, d), y (n,) that were searched."""
        return {}

    def cases(self, settings: Settings) -> list[Case]:
        noises, seeds = (self.noises[:1], 1) if settings.quick else (self.noises, self.seeds)
        return [
            self._case(name, noise, seed, library, settings)
            for noise in noises
            for seed in range(seeds)
            for library in settings.searchers
            for name in self.asked(settings)
            if library == OURS or self._by_another(name, noise, seed, library)
        ]

    def _by_another(self, name: str, noise: float, seed: int, library: str) -> bool:
        """Return whether another library searches for a law."""
        twelfth = 12  # of the equations, those that a library without a time limit is asked about
        if SEARCHERS[library].timed:
            return seed == 0
        return self.name == Feynman.name and seed == 0 and noise == 0 and name in self.laws()[::twelfth]

    def _case(self, name: str, noise: float, seed: int, library: str, settings: Settings) -> Case:
        rows = _FEW if settings.quick else _TRAINED
        effort = f", {settings.effort}" if settings.effort and library == OURS else ""
        label = f"{name}, noise {noise:g}, seed {seed}: {library}{effort}"
        values = {"library": library, "kind": self.name, "equation": name, "noise": noise, "seed": seed}
        return Case(label, {**values, "extra": self.extra, "rows": rows, "limit": settings.budget})

    def prepare(self, case: Case, rows: Sequence[Row]) -> Case:
        """Without a budget, give a baseline as long as edgewise took on the same rows, if that is known."""
        if case.values["limit"]:
            return case
        limit = _QUICK if case.values["rows"] == _FEW else _SECONDS
        same = [row["seconds"] for row in rows if row["library"] == OURS and _problem(row) == _problem(case.values)]
        if case.values["library"] != OURS and same and same[-1]:
            limit = max(_LEAST, round(float(same[-1]), 3))
        return Case(case.label, {**case.values, "limit": limit})

    def time_limit(self, case: Case) -> float:
        return super().time_limit(case) + (0.0 if SEARCHERS[case.values["library"]].timed else 3300.0)

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        given = case.values
        law, searcher = self.law(given["equation"]), SEARCHERS[given["library"]]
        x, y = law.table(given["rows"], given["noise"], given["seed"])
        searcher.warm_up()
        with clock() as spent:
            found = searcher.find(Table(x, y, law.names, given["seed"], given["limit"], settings.effort))
        fresh = law.fresh(ROWS, given["seed"])
        predicted = found.predict(fresh)
        verdict = judge(found.formula, predicted, law, given["seed"])
        seconds = {"seconds": spent.wall, "process_seconds": spent.process}
        noise = "" if found.noise is None else found.noise
        outcome = {"outcome": found.outcome, "noise_found": noise, "formula": sympy.sstr(found.formula)}
        scores = asdict(verdict) | {"r2": f"{verdict.r2:.9g}"} | self.scores(predicted, law.values(fresh))
        scores |= self.beside(law, found.formula, x, y)
        return [self.row(case, **seconds, **outcome, **scores)]

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        return [self.row(case, outcome=reason)]

    def row(self, case: Case, **measured: Any) -> Row:
        truth = self.law(case.values["equation"]).formula
        return super().row(case, **measured, truth=truth, settings=SEARCHERS[case.values["library"]].settings)

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        groups = grouped([{**row, "noise": float(row["noise"])} for row in rows], "noise", "library")
        order = sorted(groups, key=lambda key: (float(key[0]), list(SEARCHERS).index(key[1])))
        ours = {_problem(row): row for row in rows if row["library"] == OURS} if self.compared else {}
        lines, headings = [], []
        for level, library in order:
            own, noise = groups[level, library], float(level)
            held = library == OURS and len(own) >= min(self.bounded, len(self.laws()))
            figures = list(self.figures(noise, own))
            headings = [figure.heading for figure in figures]
            cells = [Cell(figure.text, self.passed(figure, noise, own) if held else None) for figure in figures]
            lines.append([Cell(library), Cell(f"{noise:g}"), Cell(str(len(own))), *cells])
            if self.compared:
                same = [ours[_problem(row)] for row in own if _problem(row) in ours]
                lines[-1].append(Cell(f"{_percent(same, 'solved'):.1f}" if library != OURS and same else ""))
        return ["library", "noise", self.counted, *headings, *[OURS] * self.compared], lines

    def figures(self, noise: float, rows: Sequence[Row]) -> Iterator[Figure]:
        """Yield the figures of the rows of a library at a noise."""
        for heading, column in (("solved", "solved"), ("exact", "exact"), ("form", "form"), ("R2", "accurate")):
            yield Figure(heading, column, _percent(rows, column))
        right = [row for row in rows if is_true(row["exact"])]
        yield Figure("size", "within", _percent(right, "within") if right else None)
        yield from _costs(rows)

    def passed(self, figure: Figure, noise: float, rows: Sequence[Row]) -> bool | None:
        """Return whether a figure is within its limit, if it has one."""
        limit, value = self.limits.get((figure.key, noise)), figure.value
        if limit is None or value is None:
            return None
        return value <= limit if figure.key in ("median", "slowest") else value >= limit


def _costs(rows: Sequence[Row]) -> Iterator[Figure]:
    done = [row for row in rows if row["seconds"] not in ("", None)]
    seconds, sizes = (known(done, key) for key in ("seconds", "size"))
    yield Figure("operations", "", median(sizes) if sizes else None, "g")
    yield Figure("median s", "median", median(seconds) if seconds else None, ".3g")
    yield Figure("slowest", "slowest", max(seconds, default=None), ".3g")


class Targets(Formulas):
    """Eight laws in each of three seeds, without noise and with 1 %."""

    name = "discovery"
    title = "Eight laws, found from 1000 rows"
    noises = (0.0, 0.01)
    quick = ("product",)
    limits: ClassVar = {("exact", 0.0): 100.0, ("slowest", 0.0): _SECONDS, ("form", 0.01): 75.0}

    def laws(self) -> list[str]:
        return list(TARGET_LAWS)

    def law(self, name: str) -> Law:
        return TargetLaw(name)

    def passed(self, figure: Figure, noise: float, rows: Sequence[Row]) -> bool | None:
        """The limit of forms holds in each seed: six of eight."""
        if figure.key == "form":
            figure = figure._replace(value=min(_percent(own, "form") for own in grouped(rows, "seed").values()))
        return super().passed(figure, noise, rows)


class Feynman(Formulas):
    """The 120 equations of the AI-Feynman table."""

    name = "feynman"
    title = "The AI-Feynman equations, found from 1000 rows"
    quick = ("I.12.1", "I.10.7")
    limits: ClassVar = {
        ("exact", 0.0): 92.0, ("within", 0.0): 100.0, ("median", 0.0): 2.0, ("slowest", 0.0): _SECONDS,
        ("form", 0.001): 85.0, ("accurate", 0.001): 90.0,
        ("form", 0.01): 75.0, ("form", 0.1): 40.0,
    }  # fmt: skip

    def laws(self) -> list[str]:
        return [equation.name for equation in equations()]


class Irrelevant(Feynman):
    """Every sixth of the equations with five inputs added that have no effect."""

    name = "irrelevant"
    title = "Every sixth AI-Feynman equation with five more inputs that have no effect"
    noises = (0.0,)
    extra = 5
    quick = ("I.12.1",)
    limits: ClassVar = {("exact", 0.0): 85.0}

    def laws(self) -> list[str]:
        return super().laws()[::6]


class Strogatz(Formulas):
    """The 14 derivatives of the Strogatz systems along their runs."""

    name = "strogatz"
    title = "The derivatives of the Strogatz systems, found along four runs of 100 rows each"
    quick = ("lv.y",)

    def laws(self) -> list[str]:
        return [f"{system.name}.{system.derivative}" for system in strogatz()]

    def law(self, name: str) -> Law:
        return TrajectoryLaw(name)


class PhysicalScales(Formulas):
    """The 120 laws of SRSD, with the constants and the ranges of physics."""

    name = "srsd"
    title = "The laws of SRSD at physical scales, found from 1000 rows"
    noises = (0.0,)
    seeds = 1
    quick = ("I.12.5",)

    def laws(self) -> list[str]:
        return [scaled.name for scaled in srsd()]

    def law(self, name: str) -> Law:
        return ScaledLaw(name)


def is_true(value: Any) -> bool:
    """Return whether a stored or measured value is true."""
    return str(value) == "True"


def _percent(rows: Sequence[Row], column: str) -> float:
    """Return the percentage of rows where a column is true; failed rows count as false."""
    return 100 * sum(is_true(row[column]) for row in rows) / max(1, len(rows))


def _problem(row: Row) -> tuple:
    return row["equation"], float(row["noise"]), int(row["seed"])


class Random(Formulas):
    """Laws that are made up by a seed, by libraries that all have the same seconds; one process searches many.

    The column `unexplained` is 1 - R2 on new rows of the law without noise, computed without a difference. `ahead` is
    how far the formula found leads the true one, fitted to the same noisy rows, in units of log-likelihood by the
    Bayesian information criterion: where that is more than 2, no search can know better.
    """

    fresh_process = False
    name = "random"
    title = "100 random laws of one to four variables, found from 1000 rows"
    columns = (*Formulas.columns, "unexplained", "ahead")
    noises = (0.0, 0.01, 0.1)
    seeds = 1
    quick = ("1.1",)
    bounded, counted, compared = 40, "laws", False
    shares: ClassVar = {"1e-20": 1e-20, "1e-12": 1e-12, "R2 .99": 1e-2, "R2 .9": 1e-1}
    """By its name, the 1 - R2 below which a law counts."""
    limits: ClassVar = {("1e-20", 0.0): 85.0, ("1e-12", 0.0): 93.0, ("R2 .99", 0.0): 98.0}
    note = (
        "percent of the laws where 1 - R2 on new rows without noise is below 1e-20 and 1e-12, or R2 above 0.99 and "
        "0.9; form: right but for the values of constants; seen: those where the true form is within 2 units of the "
        "evidence of the one found; size: those of 1e-12 with at most twice the truth's operations and three, with "
        "noise those of the right form"
    )

    def laws(self) -> list[str]:
        return _random_names(1)

    def asked(self, settings: Settings) -> Sequence[str]:
        return self.quick if settings.quick else _random_names(settings.seed)

    def law(self, name: str) -> Law:
        return RandomLaw(name)

    def scores(self, predicted: Array, y: Array) -> Row:
        with np.errstate(all="ignore"):
            unexplained = float(np.mean((predicted - y) ** 2) / y.var())
        return {"unexplained": unexplained if np.isfinite(unexplained) else ""}

    def beside(self, law: Law, found: Formula, x: Array, y: Array) -> Row:
        noise = float(np.var(y - law.values(x))) > 0
        return {"ahead": (_criterion(law.truth, law, x, y) - _criterion(found, law, x, y)) / 2} if noise else {}

    def prepare(self, case: Case, rows: Sequence[Row]) -> Case:
        """Give every library the same seconds."""
        return Case(case.label, {**case.values, "limit": case.values["limit"] or 10.0})

    def figures(self, noise: float, rows: Sequence[Row]) -> Iterator[Figure]:
        equal = 2.0  # units of evidence
        for name, most in self.shares.items():
            yield Figure(name, name, 100 * sum(number(row, "unexplained") < most for row in rows) / len(rows))
        yield Figure("form", "", _percent(rows, "form"))
        seen = [number(row, "ahead") <= equal for row in rows if row.get("ahead", "") != ""]
        yield Figure("seen", "", 100 * sum(seen) / len(seen) if seen else None)
        right = [row for row in rows if (is_true(row["form"]) if noise else number(row, "unexplained") < 1e-12)]
        yield Figure("size", "", _percent(right, "within") if right else None)
        yield from _costs(rows)


def _criterion(formula: Formula, law: Law, x: Array, y: Array) -> float:
    """Return n log(error^2) + k log(n) of a formula whose k numbers, but signs and exact exponents, are fitted."""
    template, values = loosened(formula)
    data = FitData.of(law.names, x, y, np.ones(len(y)))
    with np.errstate(all="ignore"):
        free = pin_redundant(FreeFormula(template, tuple(values), tuple(values.values())).fit(data), data)
    n = len(y)
    return 2 * n * float(np.log(max(free.error, 1e-300))) + len(free.symbols) * float(np.log(n))


class Small(Random):
    """Small formulas drawn among all trees: 300 of at most 7 symbols and one variable, 300 of 9 and two.

    Their names are "seed.symbols.variables.k". One process searches all of them, which takes seconds each.
    """

    fresh_process = False
    name = "small"
    title = "600 formulas drawn among all of at most 7 symbols of one variable, or 9 of two"
    noises = (0.0,)
    quick = ("1.7.1.0",)
    limits: ClassVar = {("1e-20", 0.0): 90.0}

    def laws(self) -> list[str]:
        return _small_names(1)

    def asked(self, settings: Settings) -> Sequence[str]:
        return self.quick if settings.quick else _small_names(settings.seed)

    def law(self, name: str) -> Law:
        return SmallLaw(name)


def _small_names(seed: int) -> list[str]:
    return [f"{seed}.{symbols}.{variables}.{k}" for symbols, variables in ((7, 1), (9, 2)) for k in range(300)]


def _random_names(seed: int) -> list[str]:
    return [f"{seed}.{k}" for k in range(100)]
