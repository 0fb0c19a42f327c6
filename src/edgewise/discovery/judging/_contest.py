"""How the forms that were found for a table compare: which explain its rows about as well as a law does."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.judging._evidence import length, placed
from edgewise.discovery.residuals import serial, white
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import (
    FitData,
    FreeFormula,
    fitted_constants,
    loosened,
    name_floats,
)

LEAD = 24.0
"""By how much a law must lead every other form to be the only one.

Forms were chosen by the same rows, and the true one may not be among them: of made tables, the six laws that led by
8 to 24 had a wrong form, and 17 of 20 that led by more the right one.
"""

SPOKEN = 8.0
"""The lead with which the rows speak for one of two forms that were not chosen among many."""

_STEPS, _LONGER = 20, 200  # of these fits; where it matters
_LIMIT, _MORE = 5e-2, 4  # how near one that tends to them does, and times the steps that halve the distance
_FREEDOM, _SCALINGS, _TURNS = 4, 20, 6  # degrees of Student's distribution; steps of its scale, and of the fit


@dataclass(frozen=True)
class Entry:
    """A form with all of its numbers but exponents fitted: the formula as it was found, and its residuals (n,)."""

    expression: Formula
    free: FreeFormula
    description: float
    values: Array
    residual: Array
    data: FitData = field(repr=False)

    @property
    def error(self) -> float:
        """The root mean square residual over the target's standard deviation."""
        return self.free.error

    @cached_property
    def innovation(self) -> float:
        """The part of the error that the row before does not foretell: all of it, unless residuals may be an
        autoregression.
        """
        seldom = 0.01  # chance below which neighboring rows count as correlated
        found = serial(self.residual)
        if found.chance >= seldom:
            return self.error
        new = self.residual[1:] - found.rho * self.residual[:-1]
        if not white(new):
            return self.error
        return min(float(np.sqrt(np.mean(new**2) * len(self.residual))), self.error)

    @cached_property
    def robust(self) -> tuple[FreeFormula, float]:
        """The form fitted by Student's likelihood, which a few far rows do not rule, and twice minus its logarithm."""
        outlying = 0.25  # weight of a row that is 4 standard deviations off: with none, a fit by least squares does
        data, free, residual = self.data, self.free, self.residual
        for _ in range(_TURNS):
            weight, likelihood = student(residual)
            if weight.min() > outlying:
                return free, likelihood
            rows = replace(data, weight=data.weight * np.sqrt(weight))
            with np.errstate(all="ignore"):
                again = free.fit(rows, _STEPS)
            values = again.at(data.columns, data.names)
            if not np.isfinite(values).all():
                break
            free, residual = again, data.weight * (values - data.y)
        return free, student(residual)[1]


def student(residual: Array) -> tuple[Array, float]:
    """Return the weights (n,) of rows by Student's distribution with four degrees of freedom, and -2 log likelihood.

        w = 5 / (4 + (r / s)^2),  s^2 = mean(w r^2)

    Constants that are the same for all residuals are left out of the likelihood.

    Source: Lange, Little and Taylor, Robust statistical modeling using the t distribution (1989).
    """
    scale = float(np.sqrt(np.mean(residual**2))) or 1e-300
    weight = np.ones(len(residual))
    for _ in range(_SCALINGS):
        weight = (_FREEDOM + 1) / (_FREEDOM + (residual / scale) ** 2)
        scale = float(np.sqrt(np.mean(weight * residual**2))) or 1e-300
    tails = (_FREEDOM + 1) * np.log1p((residual / scale) ** 2 / _FREEDOM).sum()
    return weight, float(tails + 2 * len(residual) * math.log(scale))


@dataclass(frozen=True)
class Rival:
    """A form that a law does not lead by `LEAD`, and by how much it does; negative where the form is ahead."""

    expression: Formula
    lead: float


@dataclass(frozen=True)
class Evidence:
    """How far the best formula of a front leads each of it, itself by 0, and the likeliest forms that are not on it."""

    leads: tuple[float, ...]
    others: tuple[float, ...] = ()


class Contest:
    """Compares forms on the rows of a table; `noise` (over the target's standard deviation) is the least error.

    `codes` holds what the names of textbook forms take, in units of the criterion, and the numbers of their constants:
    they need no other description.
    """

    def __init__(self, data: FitData, noise: float, codes: Mapping[Formula, tuple[float, int]] | None = None) -> None:
        self.data, self.floor = data, max(EXACT / 10, 0.97 * noise)
        self._codes = {} if codes is None else codes
        self._entries: dict[Formula, Entry | None] = {}

    def entry(self, expression: Formula) -> Entry | None:
        """Return a form, all of its numbers fitted; None where it is undefined on a row."""
        if expression not in self._entries:
            self._entries[expression] = self._fitted(expression)
        return self._entries[expression]

    def _fitted(self, expression: Formula) -> Entry | None:
        template, numbers = loosened(expression)
        free = FreeFormula(template, tuple(numbers), tuple(numbers.values()))
        with np.errstate(all="ignore"):
            free = free.fit(self.data, _STEPS)
            if not math.isfinite(free.error):
                return None
        values = free.at(self.data.columns, self.data.names)
        description = self._description(expression, template, numbers)
        return Entry(expression, free, description, values, self.data.weight * (values - self.data.y), self.data)

    def _description(self, expression: Formula, template: Part, numbers: Collection[sympy.Symbol]) -> float:
        """Return what a form costs to write down, in units of the criterion: its numbers exact or fitted."""
        if expression in self._codes:
            code, count = self._codes[expression]
            return code + count * math.log(self.data.n)
        ways = (placed(template, numbers), len(numbers)), (expression, fitted_constants(expression))
        return min(self._bits(form) + count * math.log(self.data.n) for form, count in ways)

    def _bits(self, form: Part) -> float:
        """Return what the operations, variables and exact numbers of a form cost, in units of the criterion."""
        bit = 2 * math.log(2)  # of the criterion
        return bit * length(form, len(self.data.names))

    def lead(self, law: Entry, other: Entry) -> float:
        """Return by how much a form leads another: the difference of their criteria.

            lead = n log(error_other^2 / error^2) + description_other - description
            description = k log n + 2 log(2) bits

        k: fitted numbers. bits: those of the form in a prefix code (`length`). The error of a form whose residuals are
        correlated from row to row is that of the innovations of an autoregression, if both errors are alike (within a
        factor of two): what such noise may leave is not counted against a form. Errors below the noise count as it.
        """
        alike = 2.0  # ratio of errors up to which correlated noise may be all that they differ by
        ratio = max(other.error, self.floor) / max(law.error, self.floor)
        if 1 / alike <= ratio <= alike:
            ratio = max(other.innovation, self.floor) / max(law.innovation, self.floor)
        return 2 * self.data.n * math.log(ratio) + other.description - law.description

    def plain_lead(self, law: Entry, other: Entry) -> float:
        """Return the lead if the noise of rows is taken for independent."""
        return self.likelier(law, other) + other.description - law.description

    def likelier(self, law: Entry, other: Entry) -> float:
        """Return twice the logarithm of how much likelier a form makes the rows: n log(error_other^2 / error^2)."""
        return 2 * self.data.n * math.log(max(other.error, self.floor) / max(law.error, self.floor))

    def robust_lead(self, law: Entry, other: Entry) -> float:
        """Return the lead by Student's likelihood: a form must not owe it to a few rows that are far from others.

        That of a form that is far behind with its constants by least squares is not fitted.
        """
        hopeless = 100.0  # lead by Student's likelihood that a fit by it does not make good
        longer, likely = other.description - law.description, law.robust[1]
        rough = student(other.residual)[1] - likely + longer
        return rough if rough > hopeless else other.robust[1] - likely + longer

    def leads(self, law: Formula, forms: Iterable[tuple[Formula, float]]) -> list[tuple[Entry, float]]:
        """Return the likeliest of other forms and the law's lead over each, least first.

        forms: formulas with their errors on the rows as they stand.
        """
        own = self.entry(law)
        if own is None:
            return []
        entries = [entry for form in self.shortlist(forms, law) if (entry := self.entry(form)) is not None]
        return sorted(((entry, self.lead(own, entry)) for entry in entries), key=lambda pair: pair[1])

    def shortlist(
        self, forms: Iterable[tuple[Formula, float]], law: Formula | None = None, most: int = 40
    ) -> list[Formula]:
        """Return the likeliest forms, without a law, by their errors on the rows as they stand.

        Those of one form, up to the values of their constants, count once.
        """
        rough = [(2 * self.data.n * math.log(max(error, self.floor)) + self._bits(form), form) for form, error in forms]
        likely: dict[str, Formula] = {}
        for _, form in sorted(rough, key=lambda pair: pair[0]):
            if len(likely) == most:
                break
            if law is None or as_text(form) != as_text(law):
                likely.setdefault(as_text(form), form)
        return [*likely.values()]

    def rivals(self, law: Formula, forms: Iterable[tuple[Formula, float]], lead: float = LEAD) -> list[Rival]:
        """Return the forms that a law does not lead by enough, closest first.

        A form of which the law is a special case is no rival: the rows would not ask for what it has more. Nor is one
        that differs by the values of its exponents and factors only.
        """
        own, found = self.entry(law), []
        for entry, ahead in self.leads(law, forms):
            if own is None:
                break
            robust = self.robust_lead(own, entry) if own.error > self.floor else ahead
            if min(ahead, robust) < lead and not self.contains(entry, own):
                expression = entry.expression if ahead <= robust else entry.robust[0].expression
                found.append(Rival(expression, min(ahead, robust)))
        found.sort(key=lambda rival: rival.lead)
        return list({as_text(rival.expression): rival for rival in reversed(found)}.values())[::-1]

    def alike(self, one: Entry, other: Entry) -> bool:
        """Return whether two forms can take each other's values: they differ by constants only."""
        return self.contains(one, other) and self.contains(other, one)

    def contains(self, entry: Entry, law: Entry) -> bool:
        """Return whether a form, its exponents and ones free too, can take the values of a law, or tends to them.

        As c goes to zero, (exp(c x) - 1)/c tends to a line: more steps bring it ever nearer. A form that only
        resembles the law stays where it is. One with more numbers that comes nearer than the noise moves it counts as
        one that tends to the law: 1/(x - c) with a c far away.
        """
        contained = 1e-6  # of the standard deviation: how near a form must come to values that it can take
        unseen, resembled = 0.05, 1e-3  # of the noise, and of the standard deviation: nearer, rows show no difference
        more = len(entry.free.values) > len(law.free.values)
        data = FitData.of(self.data.names, np.column_stack(self.data.columns), law.values, self.data.weight)
        with np.errstate(all="ignore"):
            for free in (entry.free, _widened(entry.free)):
                near = free.fit(data, _LONGER)
                if near.error < max(contained, min(unseen * law.error, resembled) if more else 0.0):
                    return True
                if near.error < _LIMIT and near.fit(data, _MORE * _LONGER).error < near.error / 2:
                    return True
        return False


def _widened(free: FreeFormula) -> FreeFormula:
    """Return a form whose exponents, and factors that are one, are free too.

    >>> x, c = sympy.symbols("x c")
    >>> sorted(_widened(FreeFormula(c + sympy.sqrt(x), (c,), (2.0,))).values)
    [0.5, 1.0, 2.0]
    """
    numbers: dict[sympy.Symbol, float] = dict(zip(free.symbols, free.values, strict=True))

    def number(value: float) -> sympy.Symbol:
        symbol = sympy.Dummy(f"w{len(numbers)}")
        numbers[symbol] = value
        return symbol

    def walk(part: Part) -> Part:
        if part.is_Atom:
            return part
        if part.is_Pow:
            exponent = part.exp
            return walk(part.base) ** (number(float(exponent)) if exponent.is_number else walk(exponent))
        args = [walk(each) for each in part.args]
        if part.is_Mul:
            return part.func(*args)
        return part.func(*(each if _scaled(each, numbers) else number(1.0) * each for each in args))

    whole = walk(free.template)
    whole = whole if whole.is_Add or _scaled(whole, numbers) else number(1.0) * whole
    return FreeFormula(whole, tuple(numbers), tuple(numbers.values()))


def _scaled(part: Part, numbers: Mapping[sympy.Symbol, float]) -> bool:
    """Return whether a part has a free factor already."""
    return any(factor in numbers for factor in sympy.Mul.make_args(part))


@lru_cache(maxsize=20_000)
def as_text(form: Formula) -> str:
    """Return a form as text without the values of its numbers, exponents apart.

    >>> x = sympy.Symbol("x")
    >>> as_text(4 * sympy.exp(0.3 * x)) == as_text(3.9 * sympy.exp(0.31 * x))
    True
    """
    template, numbers = loosened(form)
    return str(name_floats(placed(template, numbers))[0])
