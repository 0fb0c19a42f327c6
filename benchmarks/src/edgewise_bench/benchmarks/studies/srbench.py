"""SRBench's protocol: tables of known equations with noise, and tables of which no formula is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split

from edgewise._typing import Array, Part
from edgewise_bench import OURS, Case, Row, Settings, clock
from edgewise_bench.benchmarks import searchers
from edgewise_bench.benchmarks.judging import cpu_limit, refitted, rounded, solution
from edgewise_bench.benchmarks.laws import Law, TrajectoryLaw, UniformLaw
from edgewise_bench.benchmarks.real_tables import Table, numbers, read_frame
from edgewise_bench.benchmarks.studies.study import Figure, Study, share
from edgewise_bench.datasets import equations, strogatz

_NOISES = (0.0, 0.001, 0.01, 0.1)
_ROWS, _MOST, _KEPT = 100_000, 10_000, 0.75  # of an equation's table; that are trained on at most; part of the rows
BLACK_BOX: Mapping[str, Table] = {
    "1089_USCrime": Table(
        "1089_USCrime", "MASS", "UScrime", "y", dropped=dict.fromkeys(("Prob", "Time"), "not in SRBench's table")
    ),
    "230_machine_cpu": Table(
        "230_machine_cpu", "MASS", "cpus", "perf", dropped={"estperf": "an estimate of the target"}
    ),
    "678_visualizing_environmental": Table("678_visualizing_environmental", "lattice", "environmental", "ozone"),
}
"""SRBench's black-box tables that a public package carries, by their names in SRBench."""
FRIEDMAN = "564_fried"
"""The one that a formula of Friedman makes (1991), with noise of standard deviation 1."""


class Data(NamedTuple):
    """A table x (n, inputs), y (n,) of these names, without noise, and its law if one is known."""

    x: Array
    y: Array
    names: Sequence[str]
    law: Law | None


@cache
def data(table: str) -> Data:
    """Return a table by its kind and name; it is the same in each trial."""
    kind, _, name = table.partition(" ")
    if kind != "black-box":
        law: Law = TrajectoryLaw(name) if kind == "strogatz" else UniformLaw(name)
        x = law.training(_ROWS, 0)
        return Data(x, law.values(x), law.names, law)
    if name == FRIEDMAN:
        x, y = make_friedman1(40_768, noise=1.0, random_state=0)
        return Data(x, y, [f"x{k + 1}" for k in range(x.shape[1])], None)
    frame, y = numbers(read_frame(BLACK_BOX[name]), BLACK_BOX[name])
    return Data(frame.to_numpy(), y, list(frame.columns), None)


def tables() -> list[str]:
    """Return the kind and name of each table: 14 of Strogatz, 120 of AI-Feynman, and black boxes."""
    known = [f"strogatz {system.name}.{system.derivative}" for system in strogatz()]
    known += [f"feynman {equation.name}" for equation in equations()]
    return [*known, *(f"black-box {name}" for name in (*BLACK_BOX, FRIEDMAN))]


class SRBench(Study):
    """The protocol of SRBench, with its limit of an hour for a search, which ends by itself after its default effort.

    Three quarters of the rows, drawn by the trial, are searched, at most 10,000 of them; equations have 100,000 rows.
    The noise is normal, on the searched rows' target alone, and its standard deviation is `noise` times the root mean
    square of the target. Scores are of the other rows: R2, without noise. Solved: SRBench's symbolic solution, of
    formulas of an R2 above 0.5. Sizes are nodes of sympy's tree with constants rounded as there, before and after its
    simplification. Black boxes have no added noise and no solution.

    Source: La Cava et al., Contemporary symbolic regression methods and their relative performance (2021), and
    `experiment/evaluate_model.py` of its repository.
    """

    name = "srbench"
    title = "SRBench's protocol on its Strogatz, AI-Feynman and black-box tables"
    columns = (
        "kind", "rows", "seconds", "process_seconds", "outcome", "r2", "accurate", "solved", "decided", "form",
        "model_size", "simplified_size", "truth_size", "formula", "truth", "status",
    )  # fmt: skip
    overtime = 300.0
    by = ("kind", "noise")
    figures = (
        Figure("solved", "solved", share), Figure("form", "form", share), Figure("R2 > .999", "accurate", share),
        Figure("R2, median", "r2"), Figure("size", "simplified_size"), Figure("seconds", "process_seconds"),
    )  # fmt: skip
    seeds = 10
    grid: ClassVar = {"table": tables, "noise": _NOISES}

    def cases(self, settings: Settings) -> list[Case]:
        """List trial after trial, so that a run that is ended holds whole ones."""
        limit = settings.budget or 3600.0
        found = [
            Case(case.label, {**case.values, "limit": limit})
            for case in super().cases(settings)
            if case.values["noise"] == 0 or not case.values["table"].startswith("black-box")
        ]
        return sorted(found, key=lambda case: case.values["seed"])

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        table, trial, noise = data(given["table"]), given["seed"], given["noise"]
        parts: list[Any] = train_test_split(table.x, table.y, train_size=_KEPT, random_state=trial)
        x, fresh, y, aim = parts
        rng = np.random.default_rng(trial)
        kept = np.sort(rng.permutation(len(y))[:_MOST])
        x, y = x[kept], y[kept]
        y = y + noise * np.sqrt(np.mean(y**2)) * rng.standard_normal(len(y))
        _warm()
        with clock() as spent:
            asked = searchers.Table(x, y, table.names, trial, given["limit"], settings.effort)
            found = searchers.SEARCHERS[OURS].find(asked)
        with np.errstate(all="ignore"):
            r2 = float(1 - np.mean((found.predict(fresh) - aim) ** 2) / aim.var())
        facts = {
            "kind": given["table"].split(" ")[0], "rows": len(y), "seconds": spent.wall,
            "process_seconds": spent.process, "outcome": found.outcome, "r2": r2, "accurate": r2 > 0.999,
            "model_size": nodes(found.formula), "simplified_size": simplified_nodes(found.formula),
            "formula": sympy.sstr(found.formula),
        }  # fmt: skip
        return facts if table.law is None else facts | _judged(found.formula, table.law, r2, fresh, aim)


def _judged(formula: Part, law: Law, r2: float, x: Array, y: Array) -> Row:
    """Return whether a formula is the law, by SRBench's rule and but for the values of constants."""
    rows, looked_at_above = 2000, 0.5
    x, y = x[:rows], y[:rows]
    found: Row = {"solved": False, "decided": "r2", "form": False}
    if r2 > looked_at_above:
        solved, decided = solution(formula, law.truth, law.symbols(), x)
        form = refitted(formula, law.truth, law.names, x, y).right
        found = {"solved": solved, "decided": decided, "form": form}
    return found | {"truth_size": nodes(law.truth), "truth": law.formula}


@cache
def _warm() -> None:
    """Search once, so that everything is imported and compiled."""
    searchers.SEARCHERS[OURS].warm_up()


def nodes(formula: Part) -> int:
    """Return the size of a formula as SRBench counts it: the nodes of sympy's tree, constants rounded.

    >>> x = sympy.Symbol("x")
    >>> nodes(2 * x + 1), nodes(sympy.sin(x) / 2)
    (5, 4)
    """
    plain = rounded(formula.xreplace({sympy.pi: sympy.pi.evalf()}))
    return sum(1 for _ in sympy.preorder_traversal(plain))


def simplified_nodes(formula: Part) -> int:
    """Return the size after sympy's simplification, which has a few seconds; else that before."""
    seconds = 5.0
    try:
        with cpu_limit(seconds):
            return nodes(sympy.simplify(rounded(formula.xreplace({sympy.pi: sympy.pi.evalf()})), ratio=1))
    except Exception:  # noqa: BLE001 (sympy raises all kinds of errors on formulas of all kinds)
        return nodes(formula)
