"""Real tables with the form that a textbook gives them: what is asked, its source, and the rows."""

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

from edgewise._typing import Array
from edgewise.expressions import FitData, FreeFormula, evaluate, parse
from edgewise_bench.benchmarks.tabular import Table, read_frame

_FILE = Path(__file__).with_name("real_tables.toml")
_MOST = 3000  # rows
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
    table = Table(question.name, question.package, question.item, target, "regression")
    frame: Any = read_frame(table)
    for column, value in question.keep.items():
        frame = frame[frame[column].astype(str) == value]
    for column, (low, high) in question.between.items():
        frame = frame[frame[column].between(low, high)]
    numbers: pd.DataFrame = frame.select_dtypes("number").astype(np.float64)
    made = {name: _column(numbers, text) for name, text in {**question.inputs, **question.target}.items()}
    flags = {name: (frame[column].astype(str) == value) * 1.0 for name, (column, value) in question.flags.items()}
    usual = ~frame["rownames"].astype(str).isin(question.outliers)
    whole: Any = pd.DataFrame({**made, **flags, _USUAL: usual}, index=frame.index).dropna()
    if len(whole) > _MOST:
        whole = whole.sample(_MOST, random_state=0).sort_index()
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
