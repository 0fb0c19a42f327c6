"""Laws of textbooks fitted to a table of few columns, and the formulas of other origin that are one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate, free_numbers
from edgewise.formulas.forms import FEWEST_PERIODS, Form, Screen, Start, families, fitted_form

_COLUMNS = 3  # of a table that laws are tried on
_SCREENED = 700  # choices of a law and columns, at most
_POLISHED = 60  # that are fitted, those of the best starts
_STEPS, _LONGER = 12, 500
_FINISHED = 10  # that are fitted with more steps, the likeliest
_FLAGS, _BY_CATEGORY = 6, 3  # columns of 0 and 1 that constants may differ by; laws that are tried so
_ALONE = 0.4  # of the variance, that the means of a column's parts explain, from which laws of it alone are tried
_SAME = 1e-6  # of the standard deviation, by which values may differ that are the same
_HOPELESS = 0.97  # error of a start that is not fitted


@dataclass(frozen=True)
class Textbook:
    """A law fitted to a table: `free` has its constants in their order, `columns` stand for its inputs.

    `alike` are laws that are the same function. Where a constant differs by a category, `by` holds its symbol and the
    columns of 0 and 1 of the category, and the last constants of `free` are the differences.
    """

    form: Form
    alike: tuple[Form, ...]
    columns: tuple[str, ...]
    free: FreeFormula
    by: tuple[str, tuple[str, ...]] = ("", ())

    @property
    def expression(self) -> Formula:
        """The formula with its constants written out."""
        return self.free.expression

    @property
    def error(self) -> float:
        return self.free.error

    def cost(self, n: int) -> float:
        """The Bayesian criterion of n rows, with what the name takes: n log(error^2) + k log(n) + code."""
        return _cost(self.error, len(self.free.values), n) + self.code(n)[0]

    def code(self, n: int) -> tuple[float, int]:
        """What its name takes, in units of the criterion for n rows, and the number of its constants."""
        return _code(self.form, self.alike, self.columns, n), len(self.free.values)

    def symbols(self, form: Form) -> tuple[str, ...]:
        """Return the names of the constants: those of a law, then differences by category, as Vmax[state_untreated]."""
        symbol, flags = self.by
        return (*form.symbols, *(f"{symbol}[{flag}]" for flag in flags))

    @property
    def known_as(self) -> Form:
        """The law of the same function whose inputs are called as the columns are; the usual one otherwise."""
        return next((each for each in (self.form, *self.alike) if each.names(self.columns)), self.form)

    def renamed(self, form: Form, data: FitData) -> FreeFormula | None:
        """Return another law that is the same function, fitted to rows; None where that does not end as near."""
        near, tries = 1 + 1e-6, 3
        places = tuple(data.names.index(name) for name in self.columns)
        least = self.free.fit(data).error
        for start in Screen(data).starts(form, places, tries):
            free = fitted_form(form, self.columns, start, data, _LONGER)
            if free.error <= near * least + EXACT:
                return free
        return None

    def at(self, values: Array, data: FitData) -> FreeFormula | None:
        """Return the law where it has some values (n,), to rounding, also of constants; None where it cannot have them.

        The law is fitted to the values, from where it is on the rows.
        """
        unseen = 1e-4  # of the error of the values
        aim = replace(data, y=values)
        if aim.error(self.free.at(data.columns, data.names)) > 1:
            return None
        with np.errstate(all="ignore"):
            free = self.free.fit(aim, _LONGER)
        near = free.error < max(_SAME, unseen * data.error(values))
        return free if near and replace(self, free=free).sound(data) else None

    @property
    def fits(self) -> bool:
        """Whether its inputs, by one of its names, are no other quantities than the columns are called by."""
        return any(each.fits(self.columns) for each in (self.form, *self.alike))

    def uses_all(self, data: FitData) -> bool:
        """Return whether each constant changes the values, unless it is part of a wave: else it is a limit."""
        if any(each.kind == "period" for each in self.form.parameters):
            return True
        least = 1e-2  # of the standard deviation, that a relative change by one is worth
        sizes = np.linalg.norm(_slopes(self.free, data), axis=0)
        return bool(np.isfinite(sizes).all() and (sizes >= least).all())

    def apart(self, data: FitData) -> FreeFormula:
        """Return the law in constants that rows determine: logarithms of factors, and waves about their middle."""
        kinds = {s: each.kind for s, each in zip(self.free.symbols, self.form.parameters, strict=False)}
        factors = [s for s in self.free.symbols if kinds.get(s) == "factor"]
        values = (math.log(v) if s in factors else v for s, v in zip(self.free.symbols, self.free.values, strict=True))
        places: dict[Part, Part] = {s: sympy.exp(s) for s in factors}
        if "period" not in kinds.values():
            return replace(self.free, template=self.free.template.xreplace(places), values=tuple(values))
        middle = float(data.columns[data.names.index(self.columns[0])].mean())
        places[sympy.Symbol(self.columns[0])] = sympy.Symbol(self.columns[0]) - sympy.Float(middle)
        return replace(self.free, template=self.free.template.xreplace(places), values=tuple(values)).fit(data, _LONGER)

    def of_logarithms(self, logs: Sequence[str], data: FitData) -> Textbook | None:
        """Return the logarithm of the law as a law, fitted to rows of logarithms; None where it does not go on.

        logs: the columns that are logarithms too.
        """
        columns: dict[Part, Part] = {sympy.Symbol(name): sympy.exp(sympy.Symbol(name)) for name in logs}
        with np.errstate(all="ignore"):
            free = replace(self.free, template=sympy.log(self.free.template.xreplace(columns))).fit(data, _LONGER)
        law = replace(self, free=free)
        return law if free.error < _HOPELESS and law.sound(data) else None

    def finished(self, data: FitData) -> Textbook:
        """Return the law at its minimum, where more steps lower the error and keep it sound."""
        with np.errstate(all="ignore"):
            longer = replace(self, free=self.free.fit(data, _LONGER))
        return longer if longer.error <= self.error and longer.sound(data) else self

    def _is_step(self, data: FitData) -> bool:
        """Return whether nearly all values lie at two ends: the rows do not show what is between."""
        near, most = 1e-6, 0.98  # of the range; of the rows
        with np.errstate(all="ignore"):
            values = self.free.at(data.columns, data.names)
        low, high = float(np.min(values)), float(np.max(values))
        ends = np.minimum(values - low, high - values) < near * (high - low)
        return bool(high > low and ends.mean() > most and data.n > 2 * len(self.free.values) + 2)

    def sound(self, data: FitData) -> bool:
        """Return whether the constants have the signs that the law gives them, and the rows hold more than a period."""
        if self._is_step(data):
            return False
        for each, value in zip(self.form.parameters, self.free.values, strict=False):
            if not math.isfinite(value) or (each.positive and value <= 0):
                return False
            if each.kind == "period":
                column = data.columns[data.names.index(self.columns[0])]
                if value * FEWEST_PERIODS > np.ptp(column):
                    return False
        return True


def textbook(
    data: FitData, flags: Sequence[str] = (), admits: Callable[[Form], bool] = lambda form: True,
    most: float = _HOPELESS,
) -> list[Textbook]:  # fmt: skip
    """Return the laws of the table of forms that a table of up to three columns allows, fitted, the likeliest first.

    Each ordered choice of columns for the inputs of a law is screened at a grid of its constants, and those that leave
    least are fitted. `flags` are columns of 0 and 1, the last ones, by which a constant of the likeliest may differ.
    Laws that `admits` refuses are left out, and those that leave more than `most` after a few steps.
    """
    count = len(data.names) - len(flags)
    if not 0 < count <= _COLUMNS or data.n < 3:
        return []
    screen = Screen(data)
    alone = {k for k in range(count) if count == 1 or _explained(data, k) > _ALONE}
    tried = [
        (form, alike, columns)
        for inputs in range(1, count + 1)
        for form, alike in families(inputs)
        for columns in itertools.permutations(range(count), inputs)
        if admits(form) and (inputs > 1 or {*columns} <= alone) and screen.admits(form, columns)
    ][:_SCREENED]
    begun: dict[tuple[object, ...], tuple[float, Form, tuple[Form, ...], tuple[int, ...], Start]] = {}
    for form, alike, columns in tried:
        for start in screen.starts(form, columns):
            error = screen.error(form, columns, start)
            if error < _HOPELESS or (form.solved and math.isfinite(error)):
                code = _code(form, alike, [data.names[k] for k in columns], data.n)
                cost = _cost(error, len(start.values), data.n) + code
                same = form.name, frozenset(columns), round(cost, 6)  # inputs that may change places
                begun.setdefault(same, (cost, form, alike, columns, start))
    found = []
    for _, form, alike, columns, start in sorted(begun.values(), key=lambda each: each[0])[:_POLISHED]:
        names = tuple(data.names[k] for k in columns)
        fitted = Textbook(form, alike, names, fitted_form(form, names, start, data, _STEPS))
        if fitted.error < most and fitted.sound(data):
            found.append(fitted)
    found.sort(key=lambda each: each.cost(data.n))
    found[:_FINISHED] = [each.finished(data) for each in found[:_FINISHED]]
    found.sort(key=lambda each: each.cost(data.n))
    if 0 < len(flags) <= _FLAGS:
        found += [each for law in found[:_BY_CATEGORY] for each in _by_category(law, data, flags)]
        found.sort(key=lambda each: each.cost(data.n))
    return found


def _by_category(law: Textbook, data: FitData, flags: Sequence[str]) -> Iterator[Textbook]:
    """Yield a law with one of its constants, then another, shifted by columns of 0 and 1."""
    differences = tuple(sympy.Dummy(f"d{k}") for k in range(len(flags)))
    shift = sympy.Add(*(one * sympy.Symbol(flag) for one, flag in zip(differences, flags, strict=True)))
    for symbol, parameter in zip(law.free.symbols, law.form.parameters, strict=True):
        template = law.free.template.xreplace({symbol: symbol + shift})
        free = FreeFormula(template, (*law.free.symbols, *differences), (*law.free.values, *(0.0 for _ in flags)))
        with np.errstate(all="ignore"):
            fitted = replace(law, free=free.fit(data, 2 * _STEPS), by=(parameter.symbol, tuple(flags)))
        if fitted.error < _HOPELESS and fitted.sound(data):
            yield fitted


def _explained(data: FitData, column: int) -> float:
    """Return the fraction of the variance that the means of up to eight parts of a column explain."""
    parts, each = 8, 4  # parts, and rows of one at least
    order = np.argsort(data.columns[column], kind="stable")
    y = data.y[order]
    total = float(np.sum((y - y.mean()) ** 2)) or 1.0
    means = (part for part in np.array_split(y, max(min(parts, data.n // each), 1)))
    return float(sum(len(part) * (part.mean() - y.mean()) ** 2 for part in means)) / total


def _code(form: Form, alike: Iterable[Form], columns: Sequence[str], n: int) -> float:
    """Return what the name of a law takes: less where its inputs are called as the columns, more where others are.

    A period takes 2 log(n) more than other constants: rows determine it that much better, so more values are tried.

    Source: Djuric, A model selection rule for sinusoids in white Gaussian noise (1996).
    """
    kind, laws = 4.0, (form, *alike)  # in units of the criterion
    periods = sum(each.kind == "period" for each in form.parameters)
    code = form.code + 2 * math.log(n) * periods
    if any(each.names(columns) for each in laws):
        return code - kind
    return code if any(each.fits(columns) for each in laws) else code + kind


def _cost(error: float, count: int, n: int) -> float:
    return 2 * n * math.log(max(error, EXACT / 10)) + count * math.log(n)


def likely(found: Sequence[Textbook], n: int) -> list[Textbook]:
    """Return the laws that the rows do not speak against, up to twelve, of numbers that doubles hold."""
    most, behind, largest = 12, 14.0, 1e100  # laws; their cost over the least one; numbers of a formula
    held = (law for law in found if law.cost(n) < found[0].cost(n) + behind)
    small = (law for law in held if all(abs(number) < largest for number in law.expression.atoms(sympy.Float)))
    return list(itertools.islice(small, most))


def may_be(formula: Formula, form: Form) -> bool:
    """Return whether an exact formula may be a law: it has numbers and functions for it."""
    constants = sum(not each.solved for each in form.parameters)
    own = _kinds(formula, {str(symbol) for symbol in formula.free_symbols})
    return constants <= _numbers(formula) and own == _kinds(form.expression, {*form.inputs})


_KINDS = {"exp": "exponential", "tanh": "exponential", "sinh": "exponential", "cosh": "exponential"}


def _kinds(formula: Part, inputs: Set[str]) -> set[str]:
    """Return the kinds of functions in a formula, an exponential of any base being one kind."""
    kinds = {str(part.func) for part in formula.atoms(sympy.Function)}
    exponents = {str(symbol) for power in formula.atoms(sympy.Pow) for symbol in power.exp.free_symbols}
    kinds |= {"exp"} if exponents & inputs else set()
    return {_KINDS.get(kind, "wave" if kind in ("sin", "cos") else kind) for kind in kinds}


def named(formula: Formula, found: Iterable[Textbook], data: FitData) -> Textbook | None:
    """Return the law that a formula is, whatever its constants are called, with the constants of the rows; or None.

    It is a law that has its values (`Textbook.at`), and of which it has as many numbers as the law, so that a line is
    not an exponential of a small rate.
    """
    near = 1.1  # errors that are compared
    own = {str(symbol) for symbol in formula.free_symbols}
    values = evaluate(formula, data.names, np.column_stack(data.columns))
    if not own or not np.isfinite(values).all():
        return None
    error, numbers = data.error(values), _numbers(formula)
    matches: list[tuple[float, int, Textbook]] = []
    for each in found:
        if {*each.columns, *each.by[1]} != own or numbers < sum(not one.solved for one in each.form.parameters):
            continue
        there = None if each.error > max(near * error, EXACT) + 1e-9 else each.at(values, data)
        if there is None or _plain(each.form, there):
            continue
        periods = [k for k, one in enumerate(each.form.parameters) if one.kind == "period"]
        if not (_waves(there, periods, data, values) if periods else _tells_all(there, data, values)):
            continue  # a special or limiting case of the law, which it is not called
        if numbers >= len(there.values) - _without(each.form, there, data, values):
            matches.append((max(there.error, _SAME), len(there.values), each))
    return min(matches, key=lambda match: match[:2], default=(0.0, 0, None))[2]


def exact_exponents(free: FreeFormula, values: Array, data: FitData) -> dict[int, Fraction]:
    """Return the exponents of a law, by their numbers, that are simple fractions where it has some values (n,)."""
    parts, near = 12, 1e-6  # of one; how far a number may be from such a fraction
    powers = {symbol for power in free.template.atoms(sympy.Pow) for symbol in power.exp.free_symbols}
    if not powers & {*free.symbols}:
        return {}
    with np.errstate(all="ignore"):
        there = free.fit(replace(data, y=values), _LONGER)
    if not there.error < _SAME:
        return {}
    found = {}
    for k, (symbol, value) in enumerate(zip(free.symbols, there.values, strict=True)):
        if symbol in powers and abs(value * parts - round(value * parts)) < near * parts:
            found[k] = Fraction(round(value * parts), parts)
    return found


def _without(form: Form, free: FreeFormula, data: FitData, values: Array) -> int:
    """Return how many parts of a wave are zero: a formula may lack them."""
    waved = any(each.kind == "period" for each in form.parameters)
    return sum(
        waved and each.kind == "linear" and _idle(free, k, data, values) for k, each in enumerate(form.parameters)
    )


def _idle(free: FreeFormula, place: int, data: FitData, values: Array) -> bool:
    """Return whether a constant may as well be zero."""
    rounding = 1e-6  # of the standard deviation, that a term is worth
    zero = replace(free, values=(*free.values[:place], 0.0, *free.values[place + 1 :]))
    with np.errstate(all="ignore"):
        apart = data.weight * (zero.at(data.columns, data.names) - values)
    return float(np.linalg.norm(apart)) < rounding


def _waves(free: FreeFormula, periods: Sequence[int], data: FitData, values: Array) -> bool:
    """Return whether values (n,) of a law depend on its periods: else it has no waves."""
    step, least = 1e-3, 1e-5  # of a period; of the standard deviation
    for k in periods:
        moved = replace(free, values=(*free.values[:k], free.values[k] * (1 + step), *free.values[k + 1 :]))
        with np.errstate(all="ignore"):
            if not np.linalg.norm(data.weight * (moved.at(data.columns, data.names) - values)) > least:
                return False
    return True


def _tells_all(free: FreeFormula, data: FitData, values: Array) -> bool:
    """Return whether values (n,) of a law determine each of its constants, none of them at zero or far away."""
    least, apart = 1e-2, 1e-3  # of the standard deviation; singular value over the largest
    table = _slopes(free, data, values)
    size = np.linalg.norm(table, axis=0)
    if not np.isfinite(table).all() or (size < least).any():
        return False
    singular = np.linalg.svd(table / size, compute_uv=False)
    return bool(singular[-1] > apart * singular[0])


def _slopes(free: FreeFormula, data: FitData, values: Array | None = None) -> Array:
    """Return the weighted change (n, k) of the values by a relative one of each constant."""
    step = 1e-5  # of a constant
    columns = []
    with np.errstate(all="ignore"):
        values = free.at(data.columns, data.names) if values is None else values
        for k, value in enumerate(free.values):
            moved = replace(free, values=(*free.values[:k], value * (1 + step), *free.values[k + 1 :]))
            columns.append(data.weight * (moved.at(data.columns, data.names) - values) / step)
    return np.column_stack(columns)


def _numbers(formula: Formula) -> int:
    """Return how many numbers of a formula a law may have as constants: fitted ones, exact ones, and exponents."""
    powers = {power.exp for power in formula.atoms(sympy.Pow) if power.exp.is_Rational and power.exp not in (-1, 1)}
    return free_numbers(formula) + len(powers)


def _plain(form: Form, free: FreeFormula) -> bool:
    """Return whether a law of which simple formulas are special cases has whole exponents: then it is just one."""
    whole = 1e-6
    exponents = [
        value
        for each, value in zip(form.parameters, free.values, strict=False)
        if each.unit == "1" and each.kind != "factor"
    ]
    return form.generic and bool(exponents) and all(abs(value - round(value)) < whole for value in exponents)
