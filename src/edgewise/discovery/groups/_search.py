"""A search for one form for all groups, with constants that differ by group."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import sympy

from edgewise._deadline import Deadline, cut
from edgewise._typing import Array, Formula, Part
from edgewise.discovery.groups._claim import Claim
from edgewise.discovery.groups._fit import GroupedFit, GroupedRows, Shape, letters, shapes_of
from edgewise.discovery.judging import Candidate, Outcome, spread
from edgewise.discovery.knowledge import Knowledge, turned_away
from edgewise.discovery.mixed import ByGroup
from edgewise.discovery.models import Ceiling
from edgewise.discovery.results import Discovery
from edgewise.discovery.search import Search, journal_of, measured, robust
from edgewise.discovery.tables import EXACT, Prepared, Settings, Table, drawn_rows
from edgewise.formulas.expressions import FitData, shorten

_CONSTANT = Shape((sympy.S.One,))


class Admission:
    """Asks whether the formula of each group is as it has to be. The constant for all groups always is."""

    def __init__(self, knowledge: Knowledge, rows: GroupedRows) -> None:
        self.knowledge, self.rows = knowledge, rows
        self._of_form = replace(knowledge, constants=None, monotone={}, limits=())
        self._of_groups = replace(knowledge, require=frozenset(), max_complexity=None, units=None, functions=None)
        self._shapes: dict[Shape, str | None] = {}
        self._fits: dict[int, tuple[GroupedFit, str | None]] = {}

    def admits_form(self, shape: Shape) -> bool:
        """Return whether a form has the columns, functions, length and dimensions that it must have."""
        if self.knowledge.empty or shape == _CONSTANT:
            return True
        if shape not in self._shapes:
            most = self.knowledge.max_complexity
            long = most is not None and shape.complexity > most
            measured = shape.with_constants([sympy.Float(1.5)] * len(shape.terms))
            self._shapes[shape] = "max_complexity" if long else self._of_form.objection(measured)
        return self._shapes[shape] is None

    def admits(self, fit: GroupedFit) -> bool:
        """Return whether a form is as it has to be, and so are the constants and directions of each group."""
        if self.knowledge.empty or fit.shape == _CONSTANT:
            return True
        if not self.admits_form(fit.shape):
            return False
        if id(fit) not in self._fits:
            self._fits[id(fit)] = fit, self._objection(fit)
        return self._fits[id(fit)][1] is None

    def _objection(self, fit: GroupedFit) -> str | None:
        if self.knowledge.constants is None and not self.knowledge.monotone:
            return None
        groups = [0] if not fit.shape.varying else np.unique(self.rows.codes).tolist()
        for group in groups:
            rows = self.rows.x[self.rows.codes == group] if fit.shape.varying else self.rows.x
            found = self._of_groups.objection(fit.of_group(group), rows)
            if found is not None:
                return found
        return None

    def summary(self, *, found: bool) -> list[str]:
        """Return in a sentence or two what was asked, and how many formulas were turned away."""
        fits = [reason for _, reason in self._fits.values() if reason is not None]
        shapes = [reason for reason in self._shapes.values() if reason is not None]
        tried = len(self._shapes)
        return [] if self.knowledge.empty else turned_away(self.knowledge, [*shapes, *fits], tried, found=found)


@dataclass(frozen=True)
class Parts:
    """What is searched instead of a table whose constants differ by group: `table` without the groups, `codes` (n,).

    >>> rows, codes = np.arange(60.0)[:, None], np.arange(60) % 2
    >>> [what for what, _ in Parts(Table.of(("a",), rows, rows[:, 0] - 9 * codes, "y"), codes)]
    ['the largest group', "all rows, their groups' shifts taken off", 'all rows']
    """

    table: Table
    codes: Array

    def __iter__(self) -> Iterator[tuple[str, Table]]:
        """Yield what is searched, in words, and as a table; weights that were given stay."""
        alone = 25  # rows of the largest group from which it is searched on its own
        y, every = self.table.y, np.arange(len(self.table))
        largest = np.flatnonzero(self.codes == np.bincount(self.codes).argmax())
        if len(largest) >= alone and np.ptp(y[largest]) > 0:
            yield "the largest group", self._of(largest, y[largest])
        shifted = self.shifted()
        if np.ptp(shifted) > 0:
            yield "all rows, their groups' shifts taken off", self._of(every, shifted)
        if (y > 0).all():
            factors = np.exp(_effects(self.table.x, np.log(y), self.codes))
            yield "all rows, divided by their groups' factors", self._of(every, y / factors)
        yield "all rows", self._of(every, y)

    def shifted(self) -> Array:
        """Return the target (n,) without the shifts of its groups, which are zero in the mean."""
        return self.table.y - _effects(self.table.x, self.table.y, self.codes)

    def _of(self, rows: Array, y: Array) -> Table:
        table = self.table
        if not table.noise.given:
            return Table.of(table.names, table.x[rows], y, table.target)
        return Table.weighted(table.names, table.x[rows], y, table.target, table.weight[rows], table.noise.known)


def _effects(x: Array, y: Array, codes: Array) -> Array:
    """Return the groups' shifts of y (n,), beside a square and a logarithm of each column of x (n, m).

    They are zero in the mean.
    """
    columns = [x, x**2, np.log(np.where((x > 0).all(0), x, 1.0))]
    design = np.column_stack(columns)
    deviation = design.std(0)
    design = (design - design.mean(0))[:, deviation > 0] / deviation[deviation > 0]
    own = np.eye(int(codes.max()) + 1)[codes]
    found = np.linalg.lstsq(np.column_stack([own, design]), y, rcond=1e-10)[0]
    shifts = own @ found[: own.shape[1]]
    return shifts - shifts.mean()


_MODELED, _MODELED_ROWS = 12, 5000  # groups up to which a network is fitted, and its rows
_TURNS = 3  # in which fits of the front are refined and the front is made again
_READABLE = 30  # complexity of the formula that is recommended


class GroupSearch:
    """Formulas of one form for all groups: their forms come from searches of the pooled rows, of rows from which the
    groups' shifts or factors are taken, and of the largest group."""

    def __init__(self, table: Table, prepared: Prepared, settings: Settings) -> None:
        assert prepared.codes is not None
        self.table, self.prepared, self.settings = table, prepared, settings
        self.end = Deadline.after(settings.limit)
        self.journal = journal_of(table, settings, self.end.passed)
        self.count = len(table.names) - len(prepared.labels) + 1
        allowed = settings.knowledge.names or table.names[: self.count]
        self.parts = Parts(table.of_columns(allowed), prepared.codes)
        self.rows = self._judged()
        self.admission = Admission(settings.knowledge, self.rows)
        self.noise = settings.noise or 0.0
        if settings.noise is None and table.noise.known:
            self.noise = min(1 / max(spread(table.y, table.weight), 1e-300), 1.0)
        self.ceiling: Ceiling | None = None
        self._tried: set[Shape] = set()
        self._polished: set[Shape] = set()
        self.stages: list[str] = []
        self.ended: Outcome | None = None

    def run(self) -> Discovery:
        """Search, and return what was found."""
        forms: list[Formula] = [sympy.S.One]
        fits = self._fitted(sympy.S.One)
        try:
            finished = cut(self.end, lambda: self._add(forms, fits))
        except KeyboardInterrupt:
            finished, self.ended = True, Outcome.INTERRUPTED
        if not finished:
            self.ended = Outcome.TIME_LIMIT
        self.journal.save()
        front, best = self._chosen(fits)
        kept = [self._candidate(fit) for fit in front]
        chosen = kept[next(k for k, fit in enumerate(front) if fit is best)]
        claim = Claim(best, [fit for fit in fits if self.admission.admits(fit)], self.rows, self._given, self.known,
                      self.settings.seed, self.noise)  # fmt: skip
        outcome = claim.outcome() or self.ended or Outcome.APPROXIMATE
        if self.ended and outcome is not Outcome.EXACT and self._given is None:  # not all forms were tried
            outcome = self.ended
        self.stages.append(f"{len(forms)} forms were fitted with constants by {self.prepared.columns.group!r}.")
        self.stages += filter(None, [self.journal.failure])
        self.stages += self.admission.summary(found=bool(chosen.expression.free_symbols))
        settings: dict[str, object] = {"seed": self.settings.seed, "time limit": self.settings.limit}
        settings |= {"evaluations": self.settings.evaluations, "groups": self.prepared.columns.group}
        table, noise = self.table, best.error if outcome is Outcome.NOISE and not self.noise else self.noise
        return Discovery(
            kept, chosen, outcome, noise, table.relative, table.names, table.target, table.x, table.y, self.stages,
            settings, self.ceiling, table.weight, measured(table, chosen),
            rivals=claim.rivals if outcome is Outcome.AMBIGUOUS else (), evidence=claim.evidence(front),
        )  # fmt: skip

    def _chosen(self, fits: list[GroupedFit]) -> tuple[list[GroupedFit], GroupedFit]:
        """Return the front, its variances at the maximum of their likelihood, and the best formula on it."""
        for _ in range(_TURNS):
            rough = [fit for fit in self._front(fits) if fit.shape not in self._polished]
            if not rough:
                break
            better = {id(fit): self._polish(fit) for fit in rough}
            fits[:] = [better.get(id(fit), fit) for fit in fits]
        front = self._front(fits)
        return front, min(front, key=self._cost)

    def _polish(self, fit: GroupedFit) -> GroupedFit:
        again = fit.refined(self.rows)
        self._polished |= {fit.shape, again.shape}
        return again

    @property
    def known(self) -> bool:
        """Whether the standard error of each row was given."""
        return self.table.noise.known

    @property
    def _given(self) -> float | None:
        """The noise that was given, over the target's standard deviation; None where it was not."""
        return self.noise if self.known or self.settings.noise is not None else None

    def _judged(self) -> GroupedRows:
        """Return the rows that constants are fitted to."""
        codes, seed = self.parts.codes, self.settings.seed
        keep = drawn_rows(len(codes), seed=seed)
        rows = self.table.of_columns(self.parts.table.names).rows(keep)
        return GroupedRows.of(rows, codes[keep], len(self.prepared.labels), seed)

    def _lessen(self) -> None:
        """Go on with Huber's weights: by a network, which is not told of the groups where there are many."""
        modeled = self.table
        if len(self.prepared.labels) > _MODELED:
            modeled = replace(self.parts.table, y=self.parts.shifted())
        self.table = robust(self.table, modeled, self.settings.seed)
        self.rows = self._judged()

    def _add(self, forms: list[Formula], fits: list[GroupedFit]) -> None:
        """Add forms and their fits, until one is exact or time is up."""
        if self.settings.loss == "huber":
            self._lessen()
            self._tried.clear()
            fits[:] = self._fitted(sympy.S.One)
        for more in itertools.chain([[*self._plane()]], self._guessed(), self._searched()):
            new = [form for form in dict.fromkeys(more) if form not in forms]
            forms += new
            for form in new:
                fits += self._fitted(form)
            refined = self._refined(fits)
            fits += refined
            if any(fit.error < EXACT and self.admission.admits(fit) for fit in fits):
                return
        if len(self.prepared.labels) <= _MODELED:
            few = self.table.sample(_MODELED_ROWS, self.settings.seed)
            self.ceiling = Ceiling.of(few.names, few.x, few.y, few.weight**2, seed=self.settings.seed)

    def _plane(self) -> Iterator[Formula]:
        if self.rows.names:
            yield sympy.Add(sympy.Float(0.5), *(sympy.Float(1.5) * sympy.Symbol(n) for n in self.rows.names))

    def _guessed(self) -> Iterator[list[Formula]]:
        """Yield guesses with the constants that fit parts of the table."""
        guesses = 2  # fits of each guess to each part
        for guess in self.settings.knowledge.guesses:
            for _, part in self.parts:
                data = FitData.of(part.names, part.x, part.y, part.weight)
                yield [fit.expression for fit in guess.fitted(data, self.settings.seed)[:guesses]]

    def _searched(self) -> Iterator[list[Formula]]:
        """Yield the forms that searches of parts of the table find."""
        share = 0.22  # of the time, for each search
        if not self.rows.names:
            return
        for what, part in self.parts:
            limit = self.settings.limit * share
            settings = replace(self.settings, limit=limit, evaluations=self.settings.evaluations // 4)
            found = Search(part, settings, self.journal).run()
            self.stages.append(f"Searched {what}: {found.outcome.name}.")
            if found.outcome in (Outcome.TIME_LIMIT, Outcome.INTERRUPTED):
                self.ended = found.outcome
            yield [candidate.expression for candidate in found]
            if found.outcome is Outcome.INTERRUPTED:
                return

    def _fitted(self, form: Formula) -> list[GroupedFit]:
        """Return the ways of varying the coefficients of a form, as far as the rows are enough for their constants."""
        found = []
        for shape in shapes_of(form):
            least = len(shape.varying) * self.rows.groups + len(shape.terms)
            few = shape.complexity <= 2 * _READABLE and 2 * least <= len(self.rows.y)
            if shape not in self._tried and (few or form is sympy.S.One) and self.admission.admits_form(shape):
                self._tried.add(shape)
                found.append(GroupedFit.of(shape, self.rows))
        return [fit for fit in found if fit is not None]

    def _refined(self, fits: list[GroupedFit]) -> list[GroupedFit]:
        """Return the cheapest fits with the constants within their terms fitted again."""
        refined = 8  # forms whose constants within terms are fitted again
        order = sorted(fits, key=lambda each: (not self.admission.admits(each), each.cost(self.noise)))
        rough = [fit for fit in order[:refined] if fit.shape not in self._polished]
        return [again for fit in rough if (again := self._polish(fit)) is not fit]

    def _front(self, fits: list[GroupedFit]) -> list[GroupedFit]:
        """Return the fits whose held-out error no simpler one reaches, simplest first."""
        improved = 0.98  # of the held-out error of simpler formulas: what the front asks for
        kept: list[GroupedFit] = []
        for fit in sorted(fits, key=lambda each: (each.shape.complexity, each.held_out)):
            better = not kept or (fit.held_out < improved * kept[-1].held_out and kept[-1].held_out > 1e-14)
            if better and self.admission.admits(fit):
                kept.append(fit)
        return kept

    def _cost(self, fit: GroupedFit) -> float:
        """The criterion of formulas, of those that can be read."""
        return math.inf if fit.shape.complexity > _READABLE else fit.cost(self.noise)

    def _candidate(self, fit: GroupedFit) -> Candidate:
        digits = 8
        names, labels = self.table.names, self.prepared.labels
        indicators = names[self.count :]
        expression = self._written(fit.expression([sympy.Symbol(name) for name in indicators], self.prepared.baseline))
        if not fit.shape.varying:
            return Candidate(expression, names, fit.error, fit.shape.complexity, fit.held_out)
        shared, _ = fit.coefficients()
        form = self._written(shorten(fit.shape.written(letters(fit.shape, self.rows.names), list(shared)), digits))
        rows = tuple(np.bincount(self.rows.codes, minlength=len(labels)).tolist())
        group = str(self.prepared.columns.group)
        by = ByGroup(group, labels, rows, form, fit.fit, indicators, self.prepared.baseline)
        return Candidate(expression, names, fit.error, fit.shape.complexity, fit.held_out, by_group=by)

    def _written(self, expression: Part) -> Part:
        """Return a formula in which constants that are whole numbers are exact, unless they may have a unit."""
        return expression if self.settings.knowledge.units is not None else _with_integers(expression)


def _with_integers(expression: Part) -> Part:
    """Return a formula in which constants that are whole numbers are exact."""
    numbers = [n for n in expression.atoms(sympy.Float) if float(n).is_integer() and abs(n) < 1e9]
    whole: dict[Part, Part] = {number: sympy.Integer(int(number)) for number in numbers}
    return expression.xreplace(whole)
