"""What a search claims and chooses on real tables, next to the form that a textbook has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.discovery import Discovery, discover
from edgewise.expressions import FitData, FreeFormula, complexity, evaluate, write
from edgewise.measure import Case, Row, clock
from edgewise.measure.benchmarks.claims._real_tables import RealQuestion, read_question, real_questions, textbook_forms
from edgewise.measure.benchmarks.formulas import is_right, with_free_constants

_FAMILY = "real"
_LAW = ("EXACT", "NOISE")
_FOLDS, _LEFT_OUT = 10, 30  # as many folds as rows, up to so many rows
_EQUAL, _LARGER = 1.02, 2.0  # times the error and the complexity of the textbook's form
_BETWEEN, _OVERSHOOT = 20_000, 0.25  # places inside the data; of the range of the target
_NEAR = 1.1  # times the error of the textbook's form, with the constants that were found among outliers
_DIGITS = 6
_QUICK = 2  # questions


def cases(quick: bool, effort: str = "quick", time_limit: float = 60.0) -> list[Case]:
    """List the questions; `effort` and `time_limit` in seconds are those of `discover`."""
    asked = list(real_questions().values())[: _QUICK if quick else None]
    return [
        Case(
            f"{_FAMILY}, {one.name}, {effort}, {time_limit:g} s",
            {"question": one.name, "part": one.half, "effort": effort, "limit": time_limit},
        )
        for one in asked
    ]


def measure(case: Case) -> Row:
    """Search one table, and compare what is chosen with the textbook's form.

    said: the outcome. best_error, textbook_error: on rows left out, over the standard deviation of the target; the
    constants of each form are fitted again without these rows, the same for all forms. right: the textbook's form, or
    one that is accepted, but for the values of constants. as_good: an error of at most 1.02 times and a complexity of
    at most twice the textbook's. misleading: why, or empty. on_front: a right form, or one as good that is not larger.
    """
    question = real_questions()[case.values["question"]]
    table = read_question(question)
    (target,) = question.target
    limits = {"effort": case.values["effort"], "time_limit": case.values["limit"]}
    with clock() as spent:
        found = discover(table.x, table.y, target=target, **limits)
    rows, y = table.x.to_numpy()[table.usual], table.y[table.usual]
    book = Textbook.of(question, rows, y)
    front = [Judged.of(candidate.expression, question, rows, y, book) for candidate in found]
    best = front[next(k for k, candidate in enumerate(found) if candidate is found.best)]
    return {
        "family": _FAMILY, "case": question.name, "part": question.half, "science": question.science,
        "rows": len(table.y), "said": found.outcome.name, "best": write(found.best.expression, _DIGITS),
        "textbook": write(book.forms[0], _DIGITS), "best_error": best.error, "textbook_error": book.error,
        "best_complexity": best.complexity, "textbook_complexity": book.complexity, "right": best.right,
        "as_good": best.as_good, "misleading": _misleading(found, best, front, rows, y, book),
        "on_front": any(one.right or (one.as_good and one.complexity <= book.complexity) for one in front),
        "formulas": len(front), "star_weight": _weight(found), "largest_weight": float(max(found.weights)),
        "seconds": spent.process,
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
        forms = tuple(_with_values(one) for one in free)
        return cls(forms, left_out_error(free[0], question.names, x, y), complexity(forms[0]))


class Judged(NamedTuple):
    """A formula of a front, compared with the textbook's."""

    error: float
    complexity: int
    right: bool
    as_good: bool

    @classmethod
    def of(cls, formula: Part, question: RealQuestion, x: Array, y: Array, book: Textbook) -> Judged:
        """Return how good a formula is; constants count as free, integer exponents as part of the form."""
        error = left_out_error(with_free_constants(formula).free, question.names, x, y)
        size = complexity(formula)
        right = any(_is_form(formula, form, question.names, x) for form in book.forms)
        good = error <= _EQUAL * book.error and size <= _LARGER * book.complexity
        if question.outliers:  # the formula as it is, not refitted without the outliers
            own, usual = (np.linalg.norm(evaluate(one, question.names, x) - y) for one in (formula, book.forms[0]))
            right, good = (claim and bool(own <= _NEAR * usual) for claim in (right, good))
        return cls(error, size, right, good)


def left_out_error(free: FreeFormula, names: Sequence[str], x: Array, y: Array) -> float:
    """Return the rms error on rows left out of the fit of the constants, over the standard deviation of y.

    Each row is left out by itself, or of more than 30 rows a tenth at a time, chosen by a fixed seed.

    >>> v, b = sympy.symbols("v b1")
    >>> x = np.arange(9.0)[:, None]
    >>> left_out_error(FreeFormula(b * v, (b,), (1.0,)), ["v"], x, 2 * x[:, 0]) < 1e-12
    True
    """
    count = len(y) if len(y) <= _LEFT_OUT else _FOLDS
    fold = np.random.default_rng(0).permutation(len(y)) % count
    whole = free.fit(FitData.of(names, x, y))
    off = np.empty(len(y))
    for k in range(count):
        fitted = whole.fit(FitData.of(names, x[fold != k], y[fold != k]))
        off[fold == k] = evaluate(_with_values(fitted), names, x[fold == k]) - y[fold == k]
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


def _misleading(found: Any, best: Judged, front: Sequence[Judged], x: Array, y: Array, book: Textbook) -> str:
    """Return why what is chosen or claimed misleads; empty where it does not."""
    simpler = min((one.error for one in front if one.complexity < best.complexity), default=np.inf)
    reasons = ["a simpler one is better"] if best.error > _EQUAL * simpler else []
    places = between_rows(x)
    values = evaluate(found.best.expression, found.names, places)
    usual = evaluate(book.forms[0], found.names, places)
    margin = _OVERSHOOT * np.ptp(y)
    low, high = min(y.min(), np.nanmin(usual)) - margin, max(y.max(), np.nanmax(usual)) + margin
    if not np.isfinite(values).all():
        reasons.append("undefined inside the data")
    elif values.min() < low or values.max() > high:
        reasons.append("a pole or an overshoot inside the data")
    if found.outcome.name in _LAW and not (best.right or best.as_good):
        reasons.append(f"{found.outcome.name} of another form")
    return "; ".join(reasons)


def _weight(found: Discovery) -> float:
    return float(next(w for c, w in zip(found, found.weights, strict=True) if c is found.best))


def _with_values(free: FreeFormula) -> Part:
    return free.template.xreplace({s: sympy.Float(v, 17) for s, v in zip(free.symbols, free.values, strict=True)})
