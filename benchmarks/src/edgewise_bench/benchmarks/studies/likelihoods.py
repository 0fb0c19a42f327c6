"""Formulas from rows that are censored, counted or correlated: judged by their likelihood, or as if they were plain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

import edgewise
from edgewise._typing import Array
from edgewise.discovery import Discovery, Outcome, discover
from edgewise.expressions import evaluate
from edgewise_bench import Row, Settings, clock
from edgewise_bench.benchmarks.judging import of_form
from edgewise_bench.benchmarks.studies.study import Figure, Study, share
from edgewise_bench.benchmarks.studies.uncertainty import with_constants


class _Law(NamedTuple):
    """A law of columns between `low` and `high`, of one kind of rows, with its noise.

    censored: noise, and the limit below which nothing is measured. events: rates of 20 trials. correlated: noise whose
    correlation with that of the row before is 0.8, along the first column.
    """

    kind: str
    text: str
    names: tuple[str, ...]
    low: float
    high: float
    noise: float = 0.0
    limit: float = 0.0

    def rows(self, seed: int) -> tuple[pd.DataFrame, Array, Array]:
        """Return a table of 120 rows, the law (n,) and measured values (n,), or counts."""
        rng, n = np.random.default_rng(seed), 120
        x = rng.uniform(self.low, self.high, (n, len(self.names)))
        if self.kind == "correlated":
            x[:, 0] = np.linspace(self.low, self.high, n)
        law = evaluate(with_constants(self.text, self.names), self.names, x)
        noise = rng.standard_normal(n)
        if self.kind == "events":
            y = rng.binomial(20, law).astype(np.float64)
        else:
            for k in range(1, n if self.kind == "correlated" else 0):
                noise[k] = 0.8 * noise[k - 1] + 0.6 * noise[k]
            y = law + self.noise * noise
        return pd.DataFrame(x, columns=[*self.names]), law, y


_LAWS = {
    "development": (
        _Law("censored", "3.1*exp(-0.83*x)", ("x",), 0, 4, 0.15, 0.6),
        _Law("censored", "0.7 + 1.3*a*b", ("a", "b"), 0, 2, 0.3, 1.4),
        _Law("censored", "4.2 - 1.7*sqrt(x)", ("x",), 0, 5, 0.2, 1.5),
        _Law("events", "1/(1 + exp(3.2 - 1.9*x))", ("x",), 0, 4),
        _Law("events", "1 - exp(-0.62*x)", ("x",), 0, 4),
        _Law("events", "a/(a + 1.4*b)", ("a", "b"), 0.2, 3),
        _Law("correlated", "5.1 - 4.2*exp(-0.54*t)", ("t",), 0, 10, 0.3),
        _Law("correlated", "1.2 + 0.31*t", ("t",), 0, 10, 0.4),
        _Law("correlated", "1.4*t*z + 0.6", ("t", "z"), 0, 3, 0.3),
    ),
    "held out": (
        _Law("censored", "2.6/(0.9 + x^2)", ("x",), 0, 3, 0.12, 0.6),
        _Law("censored", "0.4 + 1.6*a/b", ("a", "b"), 0.5, 3, 0.25, 1.3),
        _Law("censored", "1.3*log(x + 0.8)", ("x",), 0, 6, 0.2, 1.0),
        _Law("events", "exp(-0.57*x)", ("x",), 0, 4),
        _Law("events", "1/(1 + exp(2.1 - 1.2*a*b))", ("a", "b"), 0, 2.5),
        _Law("events", "1/(1 + 0.6*x^2)", ("x",), 0, 3),
        _Law("correlated", "2.3*log(t + 0.7)", ("t",), 0, 9, 0.3),
        _Law("correlated", "4.1/(t + 0.8)", ("t",), 0, 9, 0.25),
        _Law("correlated", "0.9*t + 1.7*z^2", ("t", "z"), 0, 3, 0.4),
    ),
}
_OF = {law.text: law for laws in _LAWS.values() for law in laws}


class RowLikelihoods(Study):
    """Made tables of 120 rows, searched by the likelihood of their rows, and as users do who ignore it.

    Ignored, a censored value is half of its limit, events are rates weighted by their trials, and correlated rows are
    plain ones. Measured: whether the best formula has the right form, its error on the rows' law without noise, over
    the standard deviation of that, and whether the formula is claimed, and rightly. `--seed 101` measures laws that the
    search was not developed on.
    """

    name = "row-likelihoods"
    title = "Formulas from censored, counted and correlated rows"
    columns = ("right", "error", "claimed", "wrongly", "outcome", "formula", "seconds", "status")
    by = ("kind", "way")
    figures = (
        Figure("right form", "right", share), Figure("error, median", "error"), Figure("claimed", "claimed", sum),
        Figure("of these wrong", "wrongly", sum), Figure("CPU seconds, median", "seconds"),
    )  # fmt: skip
    total = True
    grid: ClassVar = {"law": tuple(_OF), "way": ("ignored", "modeled")}

    def cases(self, settings: Settings) -> list[Any]:
        chosen = _LAWS["development" if settings.seed <= 100 else "held out"]
        every = [case for case in super().cases(settings) if _OF[str(case.values["law"])] in chosen]
        return [replace(case, values={**case.values, "kind": _OF[str(case.values["law"])].kind}) for case in every]

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        law = _OF[given["law"]]
        table, values, y = law.rows(given["seed"])
        with clock() as spent:
            found = _searched(law, table, y, given["way"], int(settings.effort or 5000))
        form = with_constants(law.text, law.names)
        right = of_form(found.best.expression, form, law.names, table.to_numpy())
        claimed, left = found.outcome is Outcome.NOISE, found.best.predict(table) - values
        return {
            "right": right, "error": float(np.sqrt(np.mean(left**2)) / np.std(values)),
            "claimed": claimed, "wrongly": claimed and not right, "outcome": found.outcome.name,
            "formula": found.best.text(4), "seconds": spent.process,
        }  # fmt: skip


def _searched(law: _Law, table: pd.DataFrame, y: Array, way: str, effort: int) -> Discovery:
    """Return what is found by the likelihood of the rows, or as if they were plain."""
    given: dict[str, Any] = {"effort": effort, "progress": False}
    modeled = way == "modeled"
    if law.kind == "censored":
        censored = edgewise.Censored(y, below=law.limit)
        return discover(table, censored if modeled else np.where(y <= law.limit, law.limit / 2, y), **given)
    if law.kind == "events":
        return discover(table, y, trials=20, **given) if modeled else discover(table, y / 20, **given)
    return discover(table, y, correlated=law.names[0] if modeled else None, **given)
