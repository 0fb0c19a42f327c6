"""What the search makes of knowledge: guesses, dimensionless groups, and forms with unknown parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import sympy

from edgewise._deadline import now
from edgewise._typing import Array, Formula
from edgewise.discovery.judging import Outcome, spread
from edgewise.discovery.knowledge import Groups, Sketch, Template, dimensionless_groups, monomial_of
from edgewise.discovery.results import Discovery
from edgewise.discovery.search._alternation import Alternation
from edgewise.discovery.search._approximation import GUESS, Approximation
from edgewise.discovery.search._context import Context
from edgewise.discovery.search._recognition import recognize
from edgewise.discovery.tables import Settings, Table
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate

_GUESSES = 2  # fits of each guess that are kept
_SCALES = 2  # ways to write the target by dimensionless groups that are searched
_GROUPED = 0.5  # of the evaluations and the time, for dimensionless groups
_DEFINED = 0.8  # of the rows on which the unknown part must have a value
_SEARCHED = 0.8  # of the time, for the unknown part
_FEW = 5  # rows, below which nothing is searched
_SMALL = 1e-9  # of the largest factor of the unknown part: rows with less say nothing of it

Inner = Callable[[Table, Settings], Discovery]


class Informed:
    """Searches with what is known. `search` is a whole search of another table."""

    def __init__(self, context: Context, approximation: Approximation, search: Inner) -> None:
        self.context, self.approximation, self.search = context, approximation, search
        self.known = context.settings.knowledge
        self.guessed: dict[Sketch, FreeFormula | None] = {}

    @property
    def _data(self) -> FitData:
        table = self.context.judged
        return FitData.of(table.names, table.x, table.y, table.weight)

    def guess(self) -> bool:
        """Fit the constants of guesses; return whether one is a law."""
        for guess in self.known.guesses:
            self.context.tell("your guesses", 0.03)
            fits = guess.fitted(self._data, self.context.settings.seed)
            self.guessed[guess] = fits[0] if fits else None
            self._join([fit.expression for fit in fits[:_GUESSES]], GUESS)
        return bool(self.known.guesses) and self.context.good()

    def group(self, evaluations: int) -> int | None:
        """Search formulas of dimensionless groups; return the evaluations that are left, None if one is a law.

        Where constants have no dimension, every formula whose dimensions fit is one of dimensionless groups: nothing
        is left to search.
        """
        units = self.known.units
        ways = [] if units is None else self._likely(dimensionless_groups(units))
        if units is None or not ways:
            return evaluations
        part = (1.0 if units.strict else _GROUPED) / len(ways)
        for groups in ways:
            shown = ", ".join(str(monomial_of(powers)) for powers in groups.products) or "no group"
            self.context.stages.append(f"Units: the target over {monomial_of(groups.scale)} is a function of {shown}.")
            if self._grouped(groups, round(part * evaluations), part):
                return None
        if units.strict:
            self._compared()
            return None
        return evaluations - round(len(ways) * part * evaluations)

    def _likely(self, ways: Sequence[Groups]) -> list[Groups]:
        """Return the simplest way, and the one that leaves least of the target to explain."""
        table = self.context.judged
        left = []
        for groups in ways:
            ratio = _over(table, evaluate(monomial_of(groups.scale), table.names, table.x))
            if ratio is not None:
                mean = abs(float(np.average(ratio.y, weights=ratio.weight**2))) or 1e-300
                left.append((spread(ratio.y, ratio.weight) / mean, groups))
        if not left:
            return []
        chosen = [min(left, key=lambda pair: pair[0])[1], *(groups for _, groups in left)]
        return list({id(groups): groups for groups in chosen}.values())[:_SCALES]

    def _grouped(self, groups: Groups, evaluations: int, share: float) -> bool:
        table, scale = self.context.judged, monomial_of(groups.scale)
        products = [monomial_of(powers) for powers in groups.products]
        names = tuple(f"z{k}" for k in range(len(products)))
        self._join([sympy.Float(1.0) * scale], "dimensions alone")
        columns = np.column_stack([np.zeros(len(table)), *(evaluate(p, table.names, table.x) for p in products)])[:, 1:]
        inner = _over(replace(table, names=names, x=columns), evaluate(scale, table.names, table.x))
        if not products or inner is None or self.context.pool.exact():
            return self.context.pool.exact()
        found = self._searched(inner, evaluations, share, "in dimensionless groups")
        symbols = dict(zip(map(sympy.Symbol, names), products, strict=True))
        self._join([scale * form.xreplace(symbols) for form in _forms(found)], "dimensionless groups")
        return self._law(found)

    def template(self) -> None:
        """Search the unknown parts of the template, and judge the whole."""
        template = self.known.template
        assert template is not None
        law = len(template.parts) == 1 and not template.constants and self._solved(template)
        if law is None or (law is False and not self._found):
            self._alternated(template)
        if not self.context.pool.exact():
            self._compared(witness=False)

    def _compared(self, *, witness: bool = True) -> None:
        """Fit a network to compare formulas with."""
        self.context.tell("an additive network to compare with", 0.9)
        self.approximation.compare(recognize(self.context).ceiling, witness=witness)
        self.context.noise.settle()

    @property
    def _found(self) -> bool:
        """Whether a formula was found that is as it has to be."""
        return bool(self.approximation.guesses)

    def _solved(self, template: Template) -> bool:
        """Search the only part as a separate table; return whether that gives a law."""
        table = self.context.judged
        solved = template.solved(table.names, table.x, table.y)
        if solved is None:
            return False
        values, slopes = solved
        size = np.abs(slopes)
        keep = np.isfinite(values) & np.isfinite(size) & (size > _SMALL * np.nanmax(size, initial=0.0))
        if keep.sum() < max(_FEW, _DEFINED * len(table)):
            return False
        rows = _weighted(table, table.x[keep], values[keep], (table.weight * size)[keep])
        if not spread(rows.y, rows.weight) > 0:
            return False
        evaluations = self.context.settings.evaluations
        found = self._searched(rows, evaluations, _SEARCHED, "for the unknown part")
        self._join([template.filled({template.parts[0]: form}) for form in _forms(found)], "your template")
        return self._law(found)

    def _alternated(self, template: Template) -> None:
        """Search several parts in turn, each with the others held."""
        context = self.context
        context.tell("the unknown parts in turn", 0.1)
        settings = context.settings
        work = Alternation(template, context.judged, self.known.evolved, settings.seed, context.deadline)
        states = work.run(settings.evaluations // 2)
        self._join([state.whole for state in states], "your template")
        if states and len(template.parts) == 1 and not context.pool.exact():
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
                if self.context.gate.admits(fitted.expression):
                    self.approximation.guesses.setdefault(fitted.expression, origin)
        self.context.pool.consider(found, origin)

    def _searched(self, table: Table, evaluations: int, share: float, where: str) -> Discovery:
        """Search another table for a part of the time, with the same functions."""
        settings, deadline = self.context.settings, self.context.deadline
        given, total = settings.noise, spread(self.context.judged.y, self.context.judged.weight)
        own = spread(table.y, table.weight)
        left = max(share * (deadline.at - self.context.began), 0.05)
        progress = settings.progress

        def show(stage: str, fraction: float, best: str | None) -> None:
            if progress is not None:
                progress(f"{stage}, {where}", 0.05 + 0.4 * fraction, None)

        inner = replace(
            settings,
            noise=None if given is None else min(given * total / own, 0.99),
            limit=min(left, max(deadline.at - now(), 0.05)),
            evaluations=evaluations,
            progress=show,
            knowledge=self.known.inside(table.names),
        )
        found = self.search(table, inner)
        if found.outcome is Outcome.INTERRUPTED:
            self._join([*_forms(found)], where)
            raise KeyboardInterrupt
        return found

    def _law(self, found: Discovery) -> bool:
        """Whether what was found of another table is a law of this one."""
        if found.outcome is Outcome.NOISE:
            self.context.noise.settle()
        return found.outcome in (Outcome.EXACT, Outcome.NOISE) and self.context.pool.done()


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
