"""A search for one form for all groups, with constants that differ by group."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import sympy

from edgewise._deadline import Deadline, cut
from edgewise._typing import Array, Formula, Part
from edgewise.discovery.groups._fit import GroupedFit, GroupedRows
from edgewise.discovery.groups._shape import Shape, shapes_of
from edgewise.discovery.judging import ByGroup, Candidate, Outcome, criterion
from edgewise.discovery.models import Ceiling
from edgewise.discovery.results import Discovery
from edgewise.discovery.search import Search, measured
from edgewise.discovery.tables import EXACT, Prepared, Settings, Table, adequate
from edgewise.expressions import shorten

_ALONE = 25  # rows of the largest group from which it is searched on its own
_JUDGED = 20_000  # rows that constants are fitted to
_MODELED, _MODELED_ROWS = 12, 5000  # groups up to which a network is fitted, and its rows
_REFINED = 8  # forms whose constants within terms are fitted again
_IMPROVED = 0.98  # of the held-out error of simpler formulas: what the front asks for
_SHARE = 0.22  # of the time, for each search
_READABLE = 30  # complexity of the formula that is recommended
_DIGITS = 8
_LETTERS = "abcdefghklmnpqrs"


class GroupSearch:
    """Formulas of one form for all groups: their forms come from searches of the pooled rows, of rows from which the
    groups' shifts or factors are taken, and of the largest group."""

    def __init__(self, table: Table, prepared: Prepared, settings: Settings) -> None:
        assert prepared.codes is not None
        self.table, self.prepared, self.settings = table, prepared, settings
        self.count = len(table.names) - len(prepared.labels) + 1
        self.names = table.names[: self.count]
        keep = np.sort(np.random.default_rng(settings.seed).permutation(len(table))[:_JUDGED])
        self.rows = GroupedRows.of(
            self.names, table.x[keep, : self.count], table.y[keep], table.weight[keep], prepared.codes[keep],
            settings.seed,
        )  # fmt: skip
        self.end = Deadline.after(settings.limit)
        self.ceiling: Ceiling | None = None
        self._tried: set[Shape] = set()
        self._polished: set[Shape] = set()
        self.stages: list[str] = []
        self.ended: Outcome | None = None

    def run(self) -> Discovery:
        """Search, and return what was found."""
        forms: list[Formula] = [sympy.S.One]
        fits = [*filter(None, (GroupedFit.of(shape, self.rows) for shape in shapes_of(sympy.S.One)))]
        try:
            finished = cut(self.end, lambda: self._add(forms, fits))
        except KeyboardInterrupt:
            finished, self.ended = True, Outcome.INTERRUPTED
        if not finished:
            self.ended = Outcome.TIME_LIMIT
        kept = [self._candidate(fit) for fit in self._front(fits)]
        best = min(kept, key=self._cost)
        self.stages.append(f"{len(forms)} forms were fitted with constants by {self.prepared.columns.group!r}.")
        settings: dict[str, object] = {"seed": self.settings.seed, "time limit": self.settings.limit}
        settings |= {"evaluations": self.settings.evaluations, "groups": self.prepared.columns.group}
        table = self.table
        return Discovery(
            kept, best, self._outcome(best), self.settings.noise or 0.0, table.relative, table.names, table.target,
            table.x, table.y, self.stages, settings, self.ceiling, table.weight,
            measured(table, best),
        )  # fmt: skip

    def _add(self, forms: list[Formula], fits: list[GroupedFit]) -> None:
        """Add forms and their fits, until one is exact or time is up."""
        for more in itertools.chain([[*self._plane()]], self._searched()):
            new = [form for form in dict.fromkeys(more) if form not in forms]
            forms += new
            for form in new:
                fits += self._fitted(form)
            refined = self._refined(fits)
            fits += refined
            if min(fit.error for fit in fits) < EXACT:
                return
        if len(self.prepared.labels) <= _MODELED:
            few = self.table.sample(_MODELED_ROWS, self.settings.seed)
            self.ceiling = Ceiling.of(few.names, few.x, few.y, few.weight**2, seed=self.settings.seed)

    def _plane(self) -> Iterator[Formula]:
        if self.count:
            yield sympy.Add(sympy.Float(0.5), *(sympy.Float(1.5) * sympy.Symbol(n) for n in self.names))

    def _searched(self) -> Iterator[list[Formula]]:
        """Yield the forms that searches of parts of the table find."""
        if not self.count:
            return
        for what, rows, y in self._parts():
            part = self._part(rows, y)
            limit = self.settings.limit * _SHARE
            knowledge = self.settings.knowledge.inside(self.names)
            evaluations = self.settings.evaluations // 4
            settings = replace(self.settings, limit=limit, evaluations=evaluations, knowledge=knowledge)
            found = Search(part, settings).run()
            self.stages.append(f"Searched {what}: {found.outcome.name}.")
            if found.outcome in (Outcome.TIME_LIMIT, Outcome.INTERRUPTED):
                self.ended = found.outcome
            yield [candidate.expression for candidate in found]
            if found.outcome is Outcome.INTERRUPTED:
                return

    def _part(self, rows: Array, y: Array) -> Table:
        """Return some rows with another target; weights that were given stay."""
        x, target, weight = self.table.x[rows, : self.count], self.table.target, self.table.weight[rows]
        if self.table.noise.kind != "given":
            return Table.of(self.names, x, y, target)
        return Table.weighted(self.names, x, y, target, weight, self.table.noise.known)

    def _parts(self) -> Iterator[tuple[str, Array, Array]]:
        """Yield what is searched: in words, the rows, and their target."""
        y, codes, every = self.table.y, self.prepared.codes, np.arange(len(self.table))
        assert codes is not None
        largest = np.flatnonzero(codes == np.bincount(codes).argmax())
        if len(largest) >= _ALONE and np.ptp(y[largest]) > 0:
            yield "the largest group", largest, y[largest]
        shifted = y - _effects(self.table.x[:, : self.count], y, codes)
        if np.ptp(shifted) > 0:
            yield "all rows, their groups' shifts taken off", every, shifted
        if (y > 0).all():
            factors = np.exp(_effects(self.table.x[:, : self.count], np.log(y), codes))
            yield "all rows, divided by their groups' factors", every, y / factors
        yield "all rows", every, y

    def _fitted(self, form: Formula) -> list[GroupedFit]:
        """Return the ways of varying the coefficients of a form, as far as the rows are enough for their constants."""
        found = []
        for shape in shapes_of(form):
            least = len(shape.varying) * self.rows.groups + len(shape.terms)
            if shape not in self._tried and shape.complexity <= 2 * _READABLE and 2 * least <= len(self.rows.y):
                self._tried.add(shape)
                found.append(GroupedFit.of(shape, self.rows))
        return [_exact(fit) for fit in found if fit is not None]

    def _refined(self, fits: list[GroupedFit]) -> list[GroupedFit]:
        """Return the cheapest fits with the constants within their terms fitted again."""
        noise, n = self.settings.noise or 0.0, len(self.rows.y)
        found = []
        for fit in sorted(fits, key=lambda each: each.cost(n, noise))[:_REFINED]:
            again = fit if fit.shape in self._polished else fit.refined(self.rows)
            self._polished |= {fit.shape, again.shape}
            if again is not fit:
                found.append(_exact(again))
        return found

    def _front(self, fits: list[GroupedFit]) -> list[GroupedFit]:
        """Return the fits whose held-out error no simpler one reaches, simplest first."""
        kept: list[GroupedFit] = []
        for fit in sorted(fits, key=lambda each: (each.shape.complexity, each.held_out)):
            if not kept or (fit.held_out < _IMPROVED * kept[-1].held_out and kept[-1].held_out > 1e-14):
                kept.append(fit)
        return kept

    def _cost(self, candidate: Candidate) -> float:
        """The criterion of formulas, of the error on rows left out: its form was chosen among many on the same rows."""
        if candidate.complexity > _READABLE:
            return math.inf
        return criterion(candidate.held_out, candidate.complexity, len(self.rows.y), self.settings.noise or 0.0)

    def _candidate(self, fit: GroupedFit) -> Candidate:
        names, labels = self.table.names, self.prepared.labels
        indicators = [sympy.Symbol(name) for name in names[self.count :]]
        expression = _with_integers(fit.expression(indicators, self.prepared.baseline))
        spread = fit.error / math.sqrt(max(1 - fit.fitted / len(self.rows.y), 1e-3))
        found, varying = fit.coefficients, len(fit.shape.varying)
        if not varying:
            return Candidate(expression, names, fit.error, fit.shape.complexity, fit.held_out)
        letters = [letter for letter in _LETTERS if letter not in names][:varying]
        form = _with_integers(shorten(fit.shape.written(letters, list(found.shared)), _DIGITS))
        errors = np.sqrt(np.maximum(found.grouped_spread, 0)) * spread
        rows = tuple(np.bincount(self.rows.codes, minlength=len(labels)).tolist())
        group = str(self.prepared.columns.group)
        by = ByGroup(group, labels, rows, form, tuple(letters), found.grouped, errors)
        return Candidate(expression, names, fit.error, fit.shape.complexity, fit.held_out, by_group=by)

    def _outcome(self, best: Candidate) -> Outcome:
        """What is claimed: an exact formula with at least twice as many rows as constants, or one at a given noise."""
        n, noise = len(self.rows.y), self.settings.noise or 0.0
        if 2 * best.fitted <= n and best.error < EXACT:
            return Outcome.EXACT
        if noise and 2 * best.fitted <= n and best.error <= adequate(noise, n):
            return Outcome.NOISE
        return self.ended or Outcome.APPROXIMATE


def _exact(fit: GroupedFit) -> GroupedFit:
    return fit.rounded() if fit.error < EXACT else fit


def _with_integers(expression: Part) -> Part:
    """Return a formula in which constants that are whole numbers are exact."""
    numbers = [n for n in expression.atoms(sympy.Float) if float(n).is_integer() and abs(n) < 1e9]
    whole: dict[Part, Part] = {number: sympy.Integer(int(number)) for number in numbers}
    return expression.xreplace(whole)


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
