"""What the search makes of knowledge: guesses, dimensionless groups, and forms with unknown parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal

import numpy as np
import sympy

from edgewise._deadline import now
from edgewise._typing import Array, Formula
from edgewise.discovery.judging import Candidate, Outcome, spread
from edgewise.discovery.knowledge import Groups, Sketch, Template, dimensionless_groups, monomial_of
from edgewise.discovery.results import Discovery
from edgewise.discovery.search._alternation import Alternation
from edgewise.discovery.search._approximation import GUESS, Approximation
from edgewise.discovery.search._inquiry import Inquiry
from edgewise.discovery.search._recognition import recognize
from edgewise.discovery.tables import Settings, Table
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate

Inner = Callable[[Table, Settings], Discovery]


class Informed:
    """Searches with what is known. `search` is a whole search of another table, `guessed` holds the fits of guesses."""

    def __init__(
        self, inquiry: Inquiry, approximation: Approximation, search: Inner,
        guessed: dict[Sketch, FreeFormula | None],
    ) -> None:  # fmt: skip
        self.inquiry, self.course, self.pool = inquiry, inquiry.course, inquiry.pool
        self.approximation, self.search, self.guessed = approximation, search, guessed
        self.known, self.table = inquiry.course.settings.knowledge, inquiry.view.judged
        self._data = FitData.of(self.table.names, self.table.x, self.table.y, self.table.weight)

    def guess(self) -> Candidate | None:
        """Fit the constants of guesses; return a law."""
        guesses = 2  # fits of each guess that are kept
        for guess in self.known.guesses:
            self.inquiry.tell("your guesses", 0.03)
            fits = guess.fitted(self._data, self.course.settings.seed)
            self.guessed[guess] = fits[0] if fits else None
            self._join([fit.expression for fit in fits[:guesses]], GUESS)
        return self.inquiry.law()

    @cached_property
    def ways(self) -> list[Groups]:
        """The ways to write the target by dimensionless groups that are searched."""
        units = self.known.units
        return [] if units is None else self._likely(dimensionless_groups(units))

    @property
    def groups(self) -> Literal["none", "some", "only"]:
        """Whether formulas of dimensionless groups are searched, "only" these where constants have no dimension."""
        if self.known.units is None or not self.ways:
            return "none"
        return "only" if self.known.units.strict else "some"

    def group(self, evaluations: int, part: float) -> Candidate | None:
        """Search formulas of dimensionless groups, each way with a part of the evaluations and the time.

        Return a law.
        """
        for groups in self.ways:
            shown = ", ".join(str(monomial_of(powers)) for powers in groups.products) or "no group"
            self.course.notes.append(f"Units: the target over {monomial_of(groups.scale)} is a function of {shown}.")
            law = self._grouped(groups, round(part * evaluations), part)
            if law is not None:
                return law
        return None

    def _likely(self, ways: Sequence[Groups]) -> list[Groups]:
        """Return the simplest way, and the one that leaves least of the target to explain."""
        scales = 2  # ways to write the target by dimensionless groups that are searched
        table = self.table
        unexplained = []
        for groups in ways:
            ratio = _over(table, evaluate(monomial_of(groups.scale), table.names, table.x))
            if ratio is not None:
                mean = abs(float(np.average(ratio.y, weights=ratio.weight**2))) or 1e-300
                unexplained.append((spread(ratio.y, ratio.weight) / mean, groups))
        if not unexplained:
            return []
        chosen = [min(unexplained, key=lambda pair: pair[0])[1], *(groups for _, groups in unexplained)]
        return list({id(groups): groups for groups in chosen}.values())[:scales]

    def _grouped(self, groups: Groups, evaluations: int, share: float) -> Candidate | None:
        table, scale = self.table, monomial_of(groups.scale)
        products = [monomial_of(powers) for powers in groups.products]
        names = tuple(f"z{k}" for k in range(len(products)))
        self._join([sympy.Float(1.0) * scale], "dimensions alone")
        columns = np.column_stack([np.zeros(len(table)), *(evaluate(p, table.names, table.x) for p in products)])[:, 1:]
        inner = _over(replace(table, names=names, x=columns), evaluate(scale, table.names, table.x))
        exact = self.pool.exact()
        if not products or inner is None or exact is not None:
            return exact
        found = self._searched(inner, evaluations, share, "in dimensionless groups")
        symbols = dict(zip(map(sympy.Symbol, names), products, strict=True))
        self._join([scale * form.xreplace(symbols) for form in _forms(found)], "dimensionless groups")
        return self._law(found)

    def template(self) -> None:
        """Search the unknown parts of the template, and judge the whole."""
        template = self.known.template
        assert template is not None
        alone = len(template.parts) == 1 and not template.constants
        law = self._solved(template) if alone else None
        if law is None and not self.approximation.guesses:
            self._alternated(template)
        if self.pool.exact() is None:
            self.compare(witness=False)

    def compare(self, *, witness: bool = True) -> None:
        """Fit a network to compare formulas with."""
        self.inquiry.tell("an additive network to compare with", 0.9)
        recognized = recognize(self.inquiry.view.table, self.course.settings)
        self.approximation.compare(recognized.ceiling, witness=witness)
        self.inquiry.noise.settle()

    def _solved(self, template: Template) -> Candidate | None:
        """Search the only part as a separate table; return the law that this gives."""
        defined = 0.8  # of the rows on which the unknown part must have a value
        searched = 0.8  # of the time, for the unknown part
        few = 5  # rows, below which nothing is searched
        small = 1e-9  # of the largest factor of the unknown part: rows with less say nothing of it
        table = self.table
        solved = template.solved(table.names, table.x, table.y)
        if solved is None:
            return None
        values, slopes = solved
        size = np.abs(slopes)
        keep = np.isfinite(values) & np.isfinite(size) & (size > small * np.nanmax(size, initial=0.0))
        if keep.sum() < max(few, defined * len(table)):
            return None
        rows = _weighted(table, table.x[keep], values[keep], (table.weight * size)[keep])
        if not spread(rows.y, rows.weight) > 0:
            return None
        evaluations = self.course.settings.evaluations
        found = self._searched(rows, evaluations, searched, "for the unknown part")
        self._join([template.filled({template.parts[0]: form}) for form in _forms(found)], "your template")
        return self._law(found)

    def _alternated(self, template: Template) -> None:
        """Search several parts in turn, each with the others held."""
        self.inquiry.tell("the unknown parts in turn", 0.1)
        settings = self.course.settings
        work = Alternation(template, self.table, self.known.evolved, settings.seed, self.course.deadline)
        states = work.run(settings.evaluations // 2)
        self.course.spent += settings.evaluations // 2
        self._join([state.whole for state in states], "your template")
        if states and len(template.parts) == 1 and self.pool.exact() is None:
            numbers = dict(zip(template.constants, map(sympy.Float, states[0].constants), strict=True))
            self._solved(replace(template, formula=template.formula.xreplace(numbers), constants=()))

    def _join(self, formulas: Iterable[Formula], origin: str) -> None:
        """Fit the constants of formulas on the whole table, and let them be judged."""
        data, found = self._data, []
        for formula in formulas:
            if formula.has(sympy.zoo, sympy.nan, sympy.oo):
                continue
            with np.errstate(all="ignore"):
                fitted = FreeFormula.of(formula).fit(data)
            if np.isfinite(fitted.error):
                found.append(fitted.expression)
                if self.pool.gate.admits(fitted.expression):
                    self.approximation.guesses.setdefault(fitted.expression, origin)
        self.pool.consider(found, origin)

    def _searched(self, table: Table, evaluations: int, share: float, where: str) -> Discovery:
        """Search another table for a part of the time, with the same functions."""
        settings, deadline = self.course.settings, self.course.deadline
        given, total = settings.noise, spread(self.table.y, self.table.weight)
        own = spread(table.y, table.weight)
        seconds = max(share * (deadline.at - self.course.began), 0.05)
        progress = settings.progress

        def show(stage: str, fraction: float, best: str | None) -> None:
            if progress is not None:
                progress(f"{stage}, {where}", 0.05 + 0.4 * fraction, None)

        inner = replace(
            settings,
            noise=None if given is None else min(given * total / own, 0.99),
            limit=min(seconds, max(deadline.at - now(), 0.05)),
            evaluations=evaluations,
            progress=show,
            knowledge=self.known.inside(table.names),
        )
        found = self.search(table, inner)
        self.course.spent += evaluations
        if found.outcome is Outcome.INTERRUPTED:
            self._join([*_forms(found)], where)
            raise KeyboardInterrupt
        return found

    def _law(self, found: Discovery) -> Candidate | None:
        """Return a law of this table, if what was found of another one is a law."""
        if found.outcome is Outcome.NOISE:
            self.inquiry.noise.settle()
        return self.pool.claim() if found.outcome in (Outcome.EXACT, Outcome.NOISE) else None


def _over(table: Table, factor: Array) -> Table | None:
    """Return the table of the target over a factor (n,), with weights such that residuals are those of the target."""
    with np.errstate(all="ignore"):
        values, size = table.y / factor, np.abs(factor)
    good = np.isfinite(values).all() and np.isfinite(size).all() and np.isfinite(table.x).all()
    return _weighted(table, table.x, values, table.weight * size) if good and np.ptp(values) > 0 else None


def _weighted(table: Table, x: Array, y: Array, weight: Array) -> Table:
    """Return a table of another target, whose weights are not to be found again."""
    return Table.weighted(table.names, x, y, table.target, weight, table.noise.known)


def _forms(found: Discovery) -> list[Formula]:
    """Return the formulas of a front, the best one first."""
    return list(dict.fromkeys([found.best.expression, *(each.expression for each in found)]))
