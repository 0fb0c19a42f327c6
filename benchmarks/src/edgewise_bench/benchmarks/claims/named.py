"""Whether a search calls the law of a textbook by its name, on real tables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise.discovery import Candidate, discover
from edgewise.expressions import write
from edgewise_bench import Case, Settings, clock
from edgewise_bench.benchmarks.claims.real import Rows, rows_from
from edgewise_bench.benchmarks.claims.tables import part_of
from edgewise_bench.benchmarks.real_tables import Table, missing_packages, read_frame
from edgewise_bench.benchmarks.searchers import effort_of, in_words

_FILE = Path(__file__).with_name("named_tables.toml")


@dataclass(frozen=True)
class NamedQuestion:
    """A table, a target and inputs, and the laws that are right, by their names in `edgewise.forms`.

    laws: the textbook's first. constants: of the first, as the source has them. weights: a column of weights. rows: the
    columns of a table that is typed from its source; package, item: those of one that a package ships. The rest is as
    in `RealQuestion`.
    """

    name: str
    part: str
    target: Mapping[str, str]
    inputs: Mapping[str, str]
    laws: tuple[str, ...]
    constants: Mapping[str, float]
    source: str
    package: str = ""
    item: str = ""
    rows: Mapping[str, Sequence[float]] = field(default_factory=dict)
    weights: str = ""
    flags: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    between: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    outliers: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [*self.inputs, *self.flags]

    def read(self) -> tuple[Rows, Array | None]:
        """Return the rows, and their weights if there are any."""
        (target,) = self.target
        if self.rows:
            frame: Any = pd.DataFrame(self.rows)
        else:
            frame = read_frame(Table(self.name, self.package, self.item, target, "regression"))
        frame = frame.assign(rownames=np.arange(len(frame))) if "rownames" not in frame else frame
        weights = frame[self.weights].to_numpy(dtype=np.float64) if self.weights else None
        return rows_from(frame, self), weights


@cache
def named_questions() -> dict[str, NamedQuestion]:
    """Return the questions by name, in the order of the file.

    >>> parts = [question.part for question in named_questions().values()]
    >>> len(parts) >= 75, parts.count("held-out") >= 15
    (True, True)
    """
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: NamedQuestion(name, **{**row, "laws": tuple(row["laws"])}) for name, row in rows.items()}


def cases(settings: Settings) -> list[Case]:
    """List the questions: those for development with the seeds 1 and 2, else those held out; none without the tables.

    The search itself has the seed 0.
    """
    usual_effort, usual_limit, quick = "quick", 120.0, 2
    limit, effort, part = settings.budget or usual_limit, settings.effort or usual_effort, part_of(settings)
    asked = [] if missing_packages() else [name for name, one in named_questions().items() if one.part == part]
    return [
        Case(f"named {name}, {effort}, {limit:g} s",
             {"family": "named", "part": part, "question": name, "limit": limit, "effort": effort})
        for name in asked[: quick if settings.quick else None]
    ]  # fmt: skip


def measure(case: Case) -> dict[str, Any]:
    """Search one table, and look for the law.

    on_front: whether a formula of the front has the name of a law that is right, or of one that is the same function;
    chosen: whether `best` has; constants: whether those of the textbook are within two standard errors, empty where the
    source has none or the law is not there.
    """
    digits = 6
    question = named_questions()[case.values["question"]]
    table, weights = question.read()
    (target,) = question.target
    limits = {**effort_of(case.values["effort"]), "time_limit": case.values["limit"]}
    with clock() as spent:
        found = discover(table.x, table.y, target=target, weights=weights, **limits)
    right = [each for each in found if is_law(each, question.laws)]
    first = next((each for each in right if is_law(each, question.laws[:1])), None)
    agrees = within(first, question) if first is not None and question.constants else ""
    return {
        "kind": question.laws[0], "said": in_words(found.outcome.name), "right": "",
        "form": write(found.best.expression, digits), "truth": question.laws[0], "seconds": spent.process,
        "on_front": bool(right), "chosen": is_law(found.best, question.laws), "constants": agrees,
        "named": "" if first is None else str(first.named),
    }  # fmt: skip


def is_law(candidate: Candidate, laws: Sequence[str]) -> bool:
    """Return whether a formula has one of some names."""
    return candidate.named is not None and not {*laws}.isdisjoint({candidate.named.name, *candidate.named.alike})


def within(candidate: Candidate, question: NamedQuestion) -> bool:
    """Return whether the constants of a source are within two standard errors of those that were found.

    Constants may have other names, where another name of the law was shown: only those of the same symbol are compared.
    """
    assert candidate.named is not None
    found = candidate.named.constants
    known = {symbol: value for symbol, value in question.constants.items() if symbol in found}
    return bool(known) and all(abs(found[s].value - value) <= 2 * found[s].error for s, value in known.items())
