"""What the formulas of a table are called: the laws of textbooks that its rows allow, and names for formulas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.discovery.generators import Textbook, exact_exponents, likely, may_be, named, textbook
from edgewise.discovery.judging import Candidate, Named, two_valued
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import Table
from edgewise.formulas.expressions import Constant, FitData, Uncertainty, evaluate
from edgewise.formulas.forms import Form


@dataclass(frozen=True)
class Naming:
    """The laws of textbooks, fitted to the rows that formulas are judged on, and what formulas are called by them.

    One constant of a law may differ by columns of two values; laws are fitted to the others, none to many columns.
    Laws of a target whose logarithm is searched are laws there too.
    `of_logarithms` are weights of the logarithms of the target, where formulas were fitted to these.
    """

    table: Table
    seed: int
    of_logarithms: Array | None = None

    @cached_property
    def laws(self) -> dict[Formula, Textbook]:
        """The likely laws, by their formulas."""
        return {law.expression: law for law in likely(self._all, len(self.table))}

    @cached_property
    def codes(self) -> dict[Formula, tuple[float, int]]:
        """What the names of the likely laws take, and their numbers of constants, by their formulas."""
        return {form: law.code(len(self.table)) for form, law in self.laws.items()}

    def named(self, candidate: Candidate, *, exact: bool = False) -> Candidate:
        """Return a candidate with the name of the law that it is, if any, and its constants."""
        about = candidate.expression, exact
        if about not in self._names:
            self._names[about] = self._named(*about)
        return replace(candidate, named=self._names[about])

    @cached_property
    def _names(self) -> dict[tuple[Formula, bool], Named | None]:
        return {}

    @cached_property
    def _all(self) -> list[Textbook]:
        table, (data, binary) = self.table, self._rows(TUNING.structure)
        if table.logs is None:
            return textbook(data, binary)
        calm = bool(table.logs)  # waves along logarithms are not meant

        def admits(form: Form) -> bool:
            return not (calm and any(each.kind == "period" for each in form.parameters))

        found = textbook(data, binary, admits)
        pairs = zip(data.names, data.columns, strict=True)
        x = np.column_stack([np.exp(column) if name in table.logs else column for name, column in pairs])
        laws = textbook(FitData.of(data.names, x, np.exp(data.y), data.weight / np.exp(data.y)), binary, admits)
        found += [law for each in laws if (law := each.of_logarithms(table.logs, data)) is not None]
        return sorted(found, key=lambda law: law.cost(data.n))

    def _of_exact(self, formula: Formula) -> list[Textbook]:
        """Return the laws that an exact formula may be, fitted to few rows."""
        enough, most = 200, 0.03  # rows; error after a few steps
        return textbook(*self._rows(enough), partial(may_be, formula), most)

    def _rows(self, count: int) -> tuple[FitData, list[str]]:
        """Return rows, and those of their columns that hold two values, the last ones."""
        rows, binary = self.table.sample(count, self.seed), two_valued(self.table.names, self.table.x)
        kept = sorted(range(len(rows.names)), key=lambda k: rows.names[k] in binary)
        data = FitData.of([rows.names[k] for k in kept], rows.x[:, kept], rows.y, rows.weight)
        return data, [name for name in data.names if name in binary]

    def _named(self, expression: Formula, exact: bool) -> Named | None:
        table = self.table
        data = FitData.of(table.names, table.x, table.y, table.weight)
        law = None if exact else self.laws.get(expression)  # which rounded constants may keep from being one
        if law is None or not law.uses_all(data):
            law = named(expression, self._of_exact(expression) if exact else self._all, data)
        if law is None:
            return None
        known = law.known_as
        with np.errstate(all="ignore"):
            free = None if law.by[1] or known is law.form else law.renamed(known, data)
            if free is None:
                known, free = law.form, law.free.fit(data)
        fixed = exact_exponents(free, evaluate(expression, table.names, table.x), data)
        symbols = law.symbols(known)
        y, weight = table.y, table.weight
        if self.of_logarithms is not None:
            free, y, weight = replace(free, template=sympy.log(free.template)), np.log(y), self.of_logarithms
            free = free.fit(FitData.of(table.names, table.x, y, weight))
        for k in sorted(fixed, reverse=True):
            free = free.pinned(k, sympy.Rational(fixed[k]))
        free = free.fit(FitData.of(table.names, table.x, y, weight)) if fixed else free
        found = Uncertainty.of_free(free, table.names, table.x, y, weight)
        fitted = iter(found.constants)
        constants = {
            symbol: Constant(float(fixed[k]), 0.0) if k in fixed else next(fitted) for k, symbol in enumerate(symbols)
        }
        meanings = {each.symbol: each.meaning for each in known.parameters}
        others = tuple(each.name for each in (law.form, *law.alike) if each is not known)
        return Named(known.name, others, constants, meanings)
