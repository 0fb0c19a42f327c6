"""What a search claims and chooses on real tables, next to the form that a textbook has."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sympy

from edgewise._typing import Array, Part
from edgewise.discovery import Discovery, discover
from edgewise.expressions import FitData, FreeFormula, complexity, evaluate, parse, write
from edgewise_bench import Case, Settings, clock
from edgewise_bench.benchmarks.claims.tables import CLAIMS, part_of
from edgewise_bench.benchmarks.judging import is_right, with_free_constants, with_values
from edgewise_bench.benchmarks.real_tables import Table, missing_packages, read_frame
from edgewise_bench.benchmarks.searchers import effort_of, in_words

_FILE = Path(__file__).with_name("real_tables.toml")
_AGREE = 0.02
_USUAL = "no outlier"


@dataclass(frozen=True)
class RealQuestion:
    """A table that a package ships, a target and inputs, and the form of a textbook.

    target, inputs: by name, the column or the formula of columns that it is. flags: inputs that are 1 where a column
    has a value. keep, between: which rows are used. form: with constants b1, b2, ... `constants` as the source has
    them, if it has numbers; `agree`: how far least squares on the rows may be from them, as a fraction; by: how the
    source fitted, where that is not by least squares of the form. starts: of a fit, where the source has no numbers.
    accepted: other forms that are right, with starts of their constants. outliers: rows, by name, that the source names
    as outliers: a search has them, and no form is judged by them. limits: what no value can pass.
    """

    name: str
    part: str
    science: str
    package: str
    item: str
    target: Mapping[str, str]
    inputs: Mapping[str, str]
    form: str
    constants: tuple[float, ...]
    source: str
    accepted: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    starts: tuple[float, ...] = ()
    outliers: tuple[str, ...] = ()
    limits: tuple[float, float] = (-math.inf, math.inf)
    by: str = ""
    agree: float = _AGREE
    flags: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    between: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*self.inputs, *self.flags]


@cache
def real_questions() -> dict[str, RealQuestion]:
    """Return the questions by name, in the order of the file: those for development, then those held back.

    >>> parts = [question.part for question in real_questions().values()]
    >>> parts.count("development") >= 24, parts.count("held-out") >= 24
    (True, True)
    """
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: RealQuestion(name, **row) for name, row in rows.items()}


class Rows(NamedTuple):
    """The inputs of a question, its target, and which rows are no outliers."""

    x: pd.DataFrame
    y: Array
    usual: Array


def read_question(question: RealQuestion) -> Rows:
    """Return the rows of a question; those with a gap are left out, and of many 3000 are drawn.

    Errors: InputError where the package or the table is not there.
    """
    (target,) = question.target
    return rows_from(read_frame(Table(question.name, question.package, question.item, target, "regression")), question)


def rows_from(frame: Any, question: Any) -> Rows:
    """Return the rows of a question about a frame."""
    most = 3000  # rows
    (target,) = question.target
    for column, value in question.keep.items():
        frame = frame[frame[column].astype(str) == value]
    for column, (low, high) in question.between.items():
        frame = frame[frame[column].between(low, high)]
    numbers: pd.DataFrame = frame.select_dtypes("number").astype(np.float64)
    made = {name: _column(numbers, text) for name, text in {**question.inputs, **question.target}.items()}
    flags = {name: (frame[column].astype(str) == value) * 1.0 for name, (column, value) in question.flags.items()}
    usual = ~frame["rownames"].astype(str).isin(question.outliers)
    whole: Any = pd.DataFrame({**made, **flags, _USUAL: usual}, index=frame.index).dropna()
    if len(whole) > most:
        whole = whole.sample(most, random_state=0).sort_index()
    whole = whole.reset_index(drop=True)
    return Rows(whole[question.names], whole[target].to_numpy(), whole[_USUAL].to_numpy(dtype=bool))


def textbook_forms(question: RealQuestion, x: Array, y: Array) -> list[FreeFormula]:
    """Return the forms that are right, the textbook's first, with their constants by least squares.

    >>> made = RealQuestion("", "", "", "", "", {"y": "y"}, {"v": "v"}, "b1*v + b2", (), "")
    >>> rows = np.linspace(0, 1, 9)
    >>> np.round(textbook_forms(made, rows[:, None], 3 * rows + 2)[0].values, 6)
    array([3., 2.])
    """
    data = FitData.of(question.names, x, y)
    forms = {question.form: question.constants or question.starts, **question.accepted}
    return [_free(form, starts, question.names).fit(data, steps=2000) for form, starts in forms.items()]


def _free(form: str, starts: Sequence[float], names: Sequence[str]) -> FreeFormula:
    """Return a form with its constants b1, b2, ... at their starts, or at 1 where there are none."""
    template = parse(form)
    count = len(template.free_symbols - {sympy.Symbol(name) for name in names})
    symbols = tuple(sympy.Symbol(f"b{k + 1}") for k in range(count))
    return FreeFormula(template, symbols, tuple(starts) or (1.0,) * count)


def _column(frame: pd.DataFrame, text: str) -> Array:
    """Return a column, or the values of a formula of columns."""
    if text in frame.columns:
        return frame[text].to_numpy()
    return evaluate(parse(text), list(map(str, frame.columns)), frame.to_numpy())


_EQUAL, _LARGER = 1.02, 2.0  # times the error and the complexity of the textbook's form
_BETWEEN, _OVERSHOOT = 20_000, 0.25  # places inside the data; of the range of the target


def cases(settings: Settings) -> list[Case]:
    """List the questions: those for development with the seeds 1 and 2, else those held out; none without the tables.

    The search itself has the seed 0.
    """
    usual_effort, usual_limit = "quick", 60.0
    quick = 2  # questions
    limit, effort = settings.budget or usual_limit, settings.effort or usual_effort
    part = part_of(settings)
    asked = [] if missing_packages() else [name for name, one in real_questions().items() if one.part == part]
    return [
        Case(f"real {name}, {effort}, {limit:g} s",
             {"family": "real", "part": part, "question": name, "limit": limit, "effort": effort})
        for name in asked[: quick if settings.quick else None]
    ]  # fmt: skip


def measure(case: Case) -> dict[str, Any]:
    """Search one table, and compare what is chosen with the textbook's form.

    said: the outcome. right: whether a claimed law is the textbook's or as good; empty without a claim. form, truth:
    what is chosen, and the textbook's. form_error, truth_error: on rows left out, over the standard deviation of the
    target; the constants of each form are fitted again without these rows, the same for all forms. textbook: whether
    the form is the textbook's, or one that is accepted, but for the values of constants. as_good: an error of at most
    1.02 times and a complexity of at most twice the textbook's. misleading: why, or empty. on_front: a form of the
    textbook, or one as good that is not larger. star_weight, largest_weight: of the form chosen, and of any.
    """
    digits = 6
    question = real_questions()[case.values["question"]]
    table = read_question(question)
    (target,) = question.target
    limits = {**effort_of(case.values["effort"]), "time_limit": case.values["limit"]}
    with clock() as spent:
        found = discover(table.x, table.y, target=target, **limits)
    rows, y = table.x.to_numpy()[table.usual], table.y[table.usual]
    book = Textbook.of(question, rows, y)
    front = [Judged.of(candidate.expression, question, rows, y, book) for candidate in found]
    chosen = next(k for k, candidate in enumerate(found) if candidate is found.best)
    best, said = front[chosen], in_words(found.outcome.name)
    return {
        "kind": question.science, "said": said, "right": best.textbook or best.as_good if said in CLAIMS else "",
        "form": write(found.best.expression, digits), "truth": write(book.forms[0], digits),
        "seconds": spent.process, "rows": len(table.y), "form_error": best.error, "truth_error": book.error,
        "form_complexity": best.complexity, "truth_complexity": book.complexity, "textbook": best.textbook,
        "as_good": best.as_good, "misleading": _misleading(found, said, best, front, question, rows, y, book),
        "on_front": any(one.textbook or (one.as_good and one.complexity <= book.complexity) for one in front),
        "formulas": len(front), "star_weight": float(found.weights[chosen]),
        "largest_weight": float(max(found.weights)),
    }  # fmt: skip


class Textbook(NamedTuple):
    """The forms that count as right, the textbook's first, with the error and the complexity of that."""

    forms: tuple[Part, ...]
    error: float
    complexity: int

    @classmethod
    def of(cls, question: RealQuestion, x: Array, y: Array) -> Textbook:
        """Return the forms of a question with their constants by least squares."""
        free = textbook_forms(question, x, y)
        forms = tuple(with_values(one) for one in free)
        return cls(forms, left_out_error(free[0], question.names, x, y), complexity(forms[0]))


class Judged(NamedTuple):
    """A formula of a front, compared with the textbook's."""

    error: float
    complexity: int
    textbook: bool
    as_good: bool

    @classmethod
    def of(cls, formula: Part, question: RealQuestion, x: Array, y: Array, book: Textbook) -> Judged:
        """Return how good a formula is; constants count as free, integer exponents as part of the form."""
        near = 1.1  # times the error of the textbook's form, with the constants that were found among outliers
        error = left_out_error(with_free_constants(formula).free, question.names, x, y)
        size = complexity(formula)
        textbook = any(_is_form(formula, form, question.names, x) for form in book.forms)
        good = error <= _EQUAL * book.error and size <= _LARGER * book.complexity
        if question.outliers:  # the formula as it is, not refitted without the outliers
            own, usual = (np.linalg.norm(evaluate(one, question.names, x) - y) for one in (formula, book.forms[0]))
            textbook, good = (each and bool(own <= near * usual) for each in (textbook, good))
        return cls(error, size, textbook, good)


def left_out_error(free: FreeFormula, names: Sequence[str], x: Array, y: Array) -> float:
    """Return the rms error on rows left out of the fit of the constants, over the standard deviation of y.

    Each row is left out by itself, or of more than 30 rows a tenth at a time, chosen by a fixed seed.

    >>> v, b = sympy.symbols("v b1")
    >>> x = np.arange(9.0)[:, None]
    >>> left_out_error(FreeFormula(b * v, (b,), (1.0,)), ["v"], x, 2 * x[:, 0]) < 1e-12
    True
    """
    folds, left_out = 10, 30  # as many folds as rows, up to so many rows
    count = len(y) if len(y) <= left_out else folds
    fold = np.random.default_rng(0).permutation(len(y)) % count
    whole = free.fit(FitData.of(names, x, y))
    off = np.empty(len(y))
    for k in range(count):
        fitted = whole.fit(FitData.of(names, x[fold != k], y[fold != k]))
        off[fold == k] = evaluate(with_values(fitted), names, x[fold == k]) - y[fold == k]
    error = float(np.sqrt(np.mean(off**2)) / y.std())
    return error if np.isfinite(error) else float("inf")


def between_rows(x: Array) -> Array:
    """Return places inside the convex hull of rows: all along one column, else between pairs of rows."""
    if x.shape[1] == 1:
        return np.linspace(x.min(), x.max(), _BETWEEN + 1)[:, None]
    rng = np.random.default_rng(0)
    one, other = x[rng.integers(len(x), size=(2, _BETWEEN))]
    return one + rng.uniform(size=(_BETWEEN, 1)) * (other - one)


def _is_form(formula: Part, form: Part, names: Sequence[str], x: Array) -> bool:
    """Return whether a formula is a form but for the values of constants, in the box of the rows."""
    places = np.random.default_rng(0).uniform(x.min(0), x.max(0), (500, x.shape[1]))
    values = evaluate(form, names, places)
    return (
        bool(formula.free_symbols)
        and bool(np.isfinite(values).all())
        and is_right(formula, form, names, places, values)
    )


def _misleading(
    found: Discovery, said: str, best: Judged, front: Sequence[Judged], question: RealQuestion, x: Array, y: Array,
    book: Textbook,
) -> str:  # fmt: skip
    """Return why what is chosen or claimed misleads; empty where it does not."""
    simpler = min((one.error for one in front if one.complexity < best.complexity), default=np.inf)
    reasons = ["a simpler one is better"] if best.error > _EQUAL * simpler else []
    places = between_rows(x)
    values, usual = (evaluate(one, question.names, places) for one in (found.best.expression, book.forms[0]))
    margin = _OVERSHOOT * np.ptp(y)
    low, high = min(y.min(), np.nanmin(usual)) - margin, max(y.max(), np.nanmax(usual)) + margin
    if not np.isfinite(values).all():
        reasons.append("undefined inside the data")
    elif values.min() < low or values.max() > high:
        reasons.append("a pole or an overshoot inside the data")
    elif values.min() < question.limits[0] or values.max() > question.limits[1]:
        reasons.append("values that cannot be")
    if said in CLAIMS and not (best.textbook or best.as_good):
        reasons.append(f"{said} claimed of another form")
    return "; ".join(reasons)
