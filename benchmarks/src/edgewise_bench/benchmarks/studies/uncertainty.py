"""How often intervals of constants, bands of values and weights of evidence hold, on made tables of known formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.discovery import Candidate, Discovery, Outcome, discover
from edgewise.expressions import FitData, FreeFormula, complexity, evaluate, parse, readable_float
from edgewise.regression import fit_formula
from edgewise_bench import Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.judging import is_right
from edgewise_bench.benchmarks.studies.study import Figure, Study, labeled, share, share_of
from edgewise_bench.tables import grouped

_INTERVALS, _BANDS = (0.92, 0.97), (0.87, 0.93)  # that shares in 95 % intervals and 90 % bands may have


def with_constants(text: str, names: Sequence[str]) -> Part:
    """Return a formula whose decimals, which the parser takes for fractions, are constants to fit."""
    form = parse(text, names)
    return form.xreplace({r: readable_float(float(r)) for r in form.atoms(sympy.Rational) if r.q > 2})


class _Formula(NamedTuple):
    """A formula over uniform columns; `relative`: inputs over four decades, noise relative to each value."""

    text: str
    names: tuple[str, ...]
    low: float
    high: float
    relative: bool = False


_FORMULAS = (
    _Formula("2.53*a + 1.31", ("a",), 0, 4),
    _Formula("3.13*exp(-1.71*t)", ("t",), 0, 3),
    _Formula("1.83*exp(-0.93*t) + 0.71", ("t",), 0, 4),
    _Formula("2.21*sin(1.93*t + 0.61)", ("t",), 0, 5),
    _Formula("4.37*a/(b + 1.61)", ("a", "b"), 0.2, 5),
    _Formula("0.83*a^1.43/b^0.61", ("a", "b"), 1, 1e4, relative=True),
    _Formula("1.73*sqrt(a^2 + 2.41*b^2)", ("a", "b"), 0.2, 3),
    _Formula("1.23*a*b + 0.91*c - 0.53", ("a", "b", "c"), 0, 3),
    _Formula("2.63*log(a + 0.83) + 0.41*b", ("a", "b"), 0, 5),
    _Formula("3.17*tanh(0.93*a)*b + 1.13", ("a", "b"), 0, 3),
)
_TEXTS = {formula.text: formula for formula in _FORMULAS}
_FRESH = 200  # rows that bands are measured on


class MadeRows(NamedTuple):
    """Rows of a formula with noise, and fresh ones with noise of the same kind."""

    formula: _Formula
    rows: int
    noise: float
    seed: int

    @property
    def truth(self) -> Part:
        return with_constants(self.formula.text, self.formula.names)

    def draw(self, count: int, kind: int, *, clean: bool = False) -> tuple[Array, Array]:
        """Return x (count, m) and y (count,)."""
        relative = 0.2  # of the noise, where errors are relative: 0.004 to 0.06
        formula = self.formula
        rng = np.random.default_rng([_FORMULAS.index(formula), self.rows, round(1000 * self.noise), self.seed, kind])
        shape, low, high = (count, len(formula.names)), formula.low, formula.high
        if formula.relative:
            x = np.exp(rng.uniform(math.log(low), math.log(high), shape))
        else:
            x = rng.uniform(low, high, shape)
        y = evaluate(self.truth, formula.names, x)
        if clean:
            return x, y
        if formula.relative:
            return x, y * (1 + relative * self.noise * rng.standard_normal(count))
        wide = np.random.default_rng(0).uniform(low, high, (10_000, len(formula.names)))
        deviation = float(evaluate(self.truth, formula.names, wide).std())
        return x, y + self.noise * deviation * rng.standard_normal(count)


class Uncertainty(Study):
    """300 tables: ten formulas, three levels of noise, 20 to 300 rows, two seeds; those of 0 and 1 chose the weights.

    Constants and bands are those of the true form, fitted from the true constants. On every fifth table, `discover`
    searches with effort "quick": is a form of a weight above 0.9 the right one, and what do bands of what was found
    cover? A form is right if it is the true one but for the values of constants, those that were rounded to one
    included.
    """

    name = "uncertainty"
    title = "Intervals of constants, bands and weights of evidence on made tables"
    columns = (
        "constants", "covered", "covered_by_profile", "band", "weight", "right", "best_right", "best_weight", "outcome",
        "found_band", "forms_band", "formula", "seconds", "status",
    )  # fmt: skip
    first, seeds = 2, 2
    grid: ClassVar = {"table": _TEXTS, "noise": (0.02, 0.1, 0.3), "rows": (20, 40, 80, 150, 300)}

    def cases(self, settings: Settings) -> list[Case]:
        searched = 5  # every how many tables `discover` searches
        found = super().cases(settings)
        order = np.random.default_rng(0).permutation(len(found))
        return [labeled({**found[k].values, "search": place % searched == 0}) for place, k in enumerate(order)]

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        made = MadeRows(_TEXTS[given["table"]], given["rows"], given["noise"], given["seed"])
        return _covering(made) | (_found(made) if given["search"] else {})

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        least_right, sure_above = 0.85, 0.9  # share of the forms of a larger weight that should be right
        head = ["of", "", "tables", "in 95 %", "in 95 % profile", "in 90 % band"]
        lines = [
            _shares(by, key, own, limited=False)
            for by in ("table", "rows", "noise")
            for (key,), own in grouped(rows, by).items()
        ]
        lines.append(_shares("all", "", rows, limited=True))
        done = [row for row in rows if row["weight"] not in ("", None)]
        claims = [row for row in done if row["outcome"] in ("NOISE", "EXACT")]
        for name, own in (("a law is claimed", claims), ("found", done)):
            sure = [row for row in own if float(row["weight"]) > sure_above]
            right = Figure("", "right", share, least=least_right if name == "found" else -math.inf).cell(sure)
            bands = [Figure("", column, fmean).cell(own) for column in ("best_right", "found_band", "forms_band")]
            lines.append([Cell(name), Cell(f"{len(sure)} of weight > {sure_above}: right"), right, *bands])
        return head, lines


def _shares(by: str, key: str, rows: Sequence[Row], limited: bool) -> list[Cell]:
    """Return how many constants lie in their intervals, of both kinds, and rows in their bands."""
    found = [share_of(rows, column, "constants") for column in ("covered", "covered_by_profile")]
    found.append(fmean(float(row["band"]) for row in rows))
    cells = [
        Cell(f"{value:.3f}", low <= value <= high if limited else None)
        for value, (low, high) in zip(found, (_INTERVALS, _INTERVALS, _BANDS), strict=True)
    ]
    return [Cell(by), Cell(key), Cell(str(len(rows))), *cells]


def _in_band(predict: Callable[..., tuple], x: Array, y: Array, **options: bool) -> float:
    """Return the fraction of fresh rows in the 90 % band."""
    _, low, high = predict(x, interval=0.9, **options)
    return float(np.mean((low <= y) & (y <= high)))


def _covering(given: MadeRows) -> Row:
    """Fit the true form, and see what intervals and bands cover."""
    names, (x, y) = given.formula.names, given.draw(given.rows, 0)
    weight = 1 / np.abs(y) if given.formula.relative else None
    fitted = _Fitted.of(given.truth, names, x, y, weight)
    found = Discovery([fitted.form], fitted.form, Outcome.APPROXIMATE, 0.0, given.formula.relative, names, "y", x, y)
    held = fitted.held(found)
    ends = [found.interval(k) for k, _ in held]
    profile = sum(low <= true <= high for true, (low, high) in zip(fitted.truth, ends, strict=True))
    covered = {"constants": len(held), "covered": sum(within for _, within in held), "covered_by_profile": profile}
    return {**covered, "band": _in_band(found.predict, *given.draw(_FRESH, 1))}


class _Fitted(NamedTuple):
    """The true form with its constants fitted to rows: a candidate, the constants of the truth, and the fitted ones."""

    form: Candidate
    truth: Sequence[float]
    values: Sequence[float]

    @classmethod
    def of(cls, form: Part, names: Sequence[str], x: Array, y: Array, weight: Array | None) -> _Fitted:
        start = FreeFormula.of(form)
        free = start.fit(FitData.of(names, x, y, weight))
        made = Candidate(free.expression, tuple(names), free.error, complexity(free.expression))
        return cls(made, start.values, free.values)

    def held(self, found: Discovery) -> list[tuple[int, bool]]:
        """Return for each constant its place in a discovery, and whether the truth lies in its 95 % interval."""
        constants, wide = found.constants(self.form), found.uncertainty(self.form).quantile(0.95)
        places = [int(np.argmin([abs(c.value - value) for c in constants])) for value in self.values]  # another order
        off = [abs(value - true) for true, value in zip(self.truth, self.values, strict=True)]
        return [(k, bool(far <= wide * constants[k].error)) for k, far in zip(places, off, strict=True)]


def _found(given: MadeRows) -> Row:
    """Search the table, and see whether the form of the largest weight is right, and what its bands cover."""
    names = given.formula.names
    with clock() as spent:
        found = discover(*given.draw(given.rows, 0), names, effort="quick", seed=given.seed)
    first = int(np.argmax(found.weights))
    x, y = given.draw(1000, 2, clean=True)
    right = [is_right(c.expression, given.truth, list(names), x, y) for c in (found[first], found.best)]
    fresh = given.draw(_FRESH, 1)
    return {
        "weight": float(found.weights[first]), "right": right[0], "best_right": right[1],
        "best_weight": float(found.weights[found.candidates.index(found.best)]), "outcome": found.outcome.name,
        "found_band": _in_band(found.predict, *fresh), "forms_band": _in_band(found.predict, *fresh, forms=True),
        "formula": str(found[first].expression), "seconds": spent.wall,
    }  # fmt: skip


_STATED = {
    "line": ("a + b*x", {"a": 1.31, "b": 2.53}),
    "saturation": ("Vm*x/(K + x)", {"Vm": 3.7, "K": 0.9}),
    "decay": ("A*exp(-k*x) + c", {"A": 2.9, "k": 0.8, "c": 0.7}),
}
_COVARIANCE: dict[str, Any] = {
    "independent": "classical", "uneven": "heteroscedastic", "AR(0.8)": "autocorrelated", "clusters": "clustered"
}  # fmt: skip


class Coverage(Study):
    """95 % intervals of constants by `fit_formula`, with the covariance that matches the rows, and the classical one.

    Rows: independent normal noise; noise whose standard deviation grows elevenfold along the input; an autoregression
    with 0.8; clusters of 10 rows whose noise correlates by 0.5, for half of the tables with an input that is the same
    within a cluster. Corrections were chosen on straight lines and exponentials with other seeds.
    """

    name = "coverage"
    title = "95 % intervals of constants where rows are independent, uneven, autocorrelated or clustered"
    columns = ("tables", "intervals", "matching", "classical", "seconds", "status")
    first = 7
    grid: ClassVar = {"kind": _COVARIANCE, "formula": _STATED, "rows": (100, 200, 400)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        kind, rows, tables = given["kind"], given["rows"], 3 if settings.quick else 500
        text, truth = _STATED[given["formula"]]
        keys = (list(_COVARIANCE).index(kind), list(_STATED).index(given["formula"]), rows, given["seed"])
        rng, form, true = np.random.default_rng(keys), parse(text, ["x", *truth]), np.array([*truth.values()])
        hits = {"matching": 0, "classical": 0}
        with clock() as spent:
            for _ in range(tables):
                x, noise, groups = _noisy(kind, rows, rng)
                clean = evaluate(form, ["x", *truth], np.column_stack([x, np.tile(true, (rows, 1))]))
                for which in hits:
                    how = _COVARIANCE[kind] if which == "matching" else "classical"
                    fit = fit_formula(text, {"x": x}, clean + noise, start=truth, groups=groups, covariance=how)
                    frame = fit.frame()
                    hits[which] += int(((frame.low <= true) & (true <= frame.high)).sum())
        return {"tables": tables, "intervals": tables * len(truth), **hits, "seconds": spent.process}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        lines = []
        for (kind,), own in grouped(rows, "kind").items():
            for count, group in [*((key[0], part) for key, part in grouped(own, "rows").items()), ("all", own)]:
                matching, classical = (share_of(group, column, "intervals") for column in ("matching", "classical"))
                held = _INTERVALS[0] <= matching <= _INTERVALS[1]
                cells = [Cell(kind), Cell(count), Cell(_COVARIANCE[kind])]
                lines.append([*cells, Cell(f"{matching:.3f}", held), Cell(f"{classical:.3f}")])
        return ["noise", "rows", "covariance", "matching", "classical"], lines


def _noisy(kind: str, rows: int, rng: np.random.Generator) -> tuple[Array, Array, Array | None]:
    """Return inputs (rows,), noise (rows,), and clusters (rows,) where there are any."""
    size, cluster, correlation, memory = 0.1, 10, 0.5, 0.8
    from scipy.signal import lfilter

    x = np.sort(rng.uniform(0.05, 4, rows))
    white = rng.standard_normal(rows)
    if kind == "independent":
        return x, size * white, None
    if kind == "uneven":
        return x, size * white * (0.2 + 2 * x / 4), None
    if kind == "AR(0.8)":
        before = rng.standard_normal(200)
        noise = lfilter([1.0], [1.0, -memory], np.append(before, white))[200:]
        return x, size * np.sqrt(1 - memory**2) * noise, None
    groups = np.repeat(np.arange(rows // cluster), cluster)
    if rng.uniform() < 0.5:
        x = rng.uniform(0.05, 4, rows // cluster)[groups]
    shared = rng.standard_normal(rows // cluster)[groups]
    return x, size * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * white), groups


_NAMES = ("a", "b")
_KINDS = ("additive", "relative", "mixed", "counts", "outliers")
_LAWS = {
    "3.13*exp(-0.71*a) + 0.31*b": (0.0, 4.0),
    "2.13*a^1.5/b + 1.07": (0.5, 4.0),
    "40.3*a/(a + 1.73)": (0.2, 8.0),
}


class NoisyLaw(NamedTuple):
    """Rows of a law with noise. Levels are over the law's standard deviation, over its values, or of counts' mean."""

    law: str
    kind: str
    level: float
    seed: int

    @property
    def form(self) -> Part:
        """The law with its decimals as constants to fit; of counts, times what makes noise that large."""
        form = with_constants(self.law, _NAMES)
        if self.kind != "counts":
            return form
        size = 1 / (self.level**2 * float(evaluate(form, _NAMES, self.rows(2000, 2)).mean()))
        return sympy.expand(form * size)

    def rows(self, count: int, part: int) -> Array:
        """Return inputs (count, 2)."""
        rng = np.random.default_rng([list(_LAWS).index(self.law), self.seed, part])
        return rng.uniform(*_LAWS[self.law], (count, len(_NAMES)))

    def measured(self, x: Array, part: int) -> Array:
        """Return the law at rows (n, 2) with noise."""
        floor = 0.3  # additive part of mixed noise, times the level and the median
        outliers = 0.05  # of the rows, 5 to 20 standard deviations of the law away
        law = list(_LAWS).index(self.law)
        rng = np.random.default_rng([law, _KINDS.index(self.kind), self.seed, part, 1])
        f, z, other = evaluate(self.form, _NAMES, x), rng.standard_normal(len(x)), rng.standard_normal(len(x))
        size = float(np.std(f))
        if self.kind == "counts":
            return rng.poisson(np.maximum(f, 0.0)).astype(float)
        if self.kind in ("additive", "outliers"):
            y = f + self.level * size * z
            wrong = rng.choice(len(x), int(outliers * len(x)) if self.kind == "outliers" else 0, replace=False)
            y[wrong] += size * rng.choice([-1.0, 1.0], len(wrong)) * rng.uniform(5, 20, len(wrong))
            return y
        return f * (1 + self.level * z) + (floor * self.level * np.median(f) * other if self.kind == "mixed" else 0.0)


class NoiseKinds(Study):
    """Three laws, five kinds of noise, three levels, one table of 200 rows each.

    Measured: the kind that was recognized; the error of the best formula on 2000 fresh rows without noise, over the
    law's standard deviation; how many constants of the true form, fitted as `discover` weighs the rows, lie in their
    95 % intervals; what part of fresh measurements lies in the 90 % band of the best formula, for small and for large
    values of the law apart.
    """

    name = "noise-kinds"
    title = "Laws with each kind of noise"
    columns = (
        "recognized", "set_aside", "error", "constants", "covered", "band_small", "band_large", "outcome", "formula",
        "seconds", "status",
    )  # fmt: skip
    by = ("kind", "level", "recognized")
    figures = (
        Figure("error, median", "error"), Figure("constants", "constants", sum), Figure("in 95 %", "covered", sum),
        Figure("band, small", "band_small", fmean), Figure("band, large", "band_large", fmean),
    )  # fmt: skip
    grid: ClassVar = {"kind": _KINDS, "level": (0.03, 0.1, 0.3), "law": _LAWS}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        made = NoisyLaw(given["law"], given["kind"], given["level"], given["seed"])
        x, fresh = made.rows(200, 0), made.rows(2000, 1)
        with clock() as spent:
            found = discover(x, made.measured(x, 0), _NAMES, effort=int(settings.effort or 10_000), time_limit=600)
        held = _Fitted.of(made.form, _NAMES, found.x, found.y, getattr(found, "weight", None)).held(found)
        law = evaluate(made.form, _NAMES, fresh)
        y = made._replace(kind="additive" if made.kind == "outliers" else made.kind).measured(fresh, 1)
        _, low, high = found.predict(fresh, interval=0.9)
        inside, small, model = (low <= y) & (y <= high), law < np.median(law), getattr(found, "noise_model", None)
        return {
            "recognized": "" if model is None else model.kind,
            "set_aside": "" if model is None else len(model.outliers),
            "error": float(np.sqrt(np.mean((found.best.predict(fresh) - law) ** 2)) / np.std(law)),
            "constants": len(held), "covered": sum(within for _, within in held),
            "band_small": float(inside[small].mean()), "band_large": float(inside[~small].mean()),
            "outcome": found.outcome.name,
            "formula": str(found.best.expression), "seconds": spent.wall,
        }  # fmt: skip
