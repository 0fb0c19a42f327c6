"""From the text of a formula to the formula: what names, numbers and functions mean, and what is too large."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sympy
import torch

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula, Part
from edgewise.formulas import functions as library
from edgewise.formulas.expressions._constants import (
    BITS,
    FRACTION,
    exact_constant,
    fits,
    in_doubles,
    length,
    long_fractions,
    plain,
    power_of,
    without_long_fractions,
)
from edgewise.formulas.expressions._grammar import Budget, SyntaxNode, syntax_tree
from edgewise.formulas.expressions._vocabulary import (
    CONSTANTS,
    check_names,
    check_words,
    in_plain_symbols,
    others,
    parameters,
    primitives,
)

_POWER = 4096  # the largest exponent of something that holds a name
_ANY = sympy.Symbol("u")


def parse(text: str, names: Sequence[str] | None = None) -> sympy.Expr:
    """Read a formula: + - * / ^ (or **), brackets, numbers, names, pi and e, and functions.

    The functions are those of `edgewise.functions` and common spellings (sqrt, ln, log10, arcsin, ...); x², 2·x and −x
    are read too. A name that is no word stands in backquotes. A decimal is what the network would hold and print: the
    exact constant that its double is, 1/2 for 0.5, or the double itself. Nothing in the text is ever run: the grammar
    knows no attributes, calls of other things, or strings.

    Parameters
    ----------
    text
        The formula.
    names
        The names that it may hold, which may also be called pi or e. Without them, every word that is no function or
        constant is one.

    Raises
    ------
    InputError
        In one line that points at the place, for everything outside the grammar, unknown names (the nearest known ones
        first), numbers that are not real and finite, and texts too long, too deep or too large.

    Examples
    --------
    >>> from edgewise.expressions import parse
    >>> parse("m*v^2/2 + 0.1*sin(2*pi*v)")
    m*v**2/2 + sin(2*pi*v)/10
    >>> parse("1 + spead", ["speed", "mass"])
    Traceback (most recent call last):
    edgewise._errors.InputError: Formula, character 5: Unknown name 'spead'. Known: speed, mass. ... Here: 1 + >>spead<<
    """
    given, budget = None if names is None else check_names(names), Budget()
    return budget.run(lambda: parse_within(text, given, budget))


def parse_within(text: str, names: list[str] | None, budget: Budget) -> sympy.Expr:
    """Return what `parse` gives, within the time that is left.

    Parameters
    ----------
    text
        The formula.
    names
        The names that it may hold, as `check_names` returns them; None takes every word.
    budget
        The time that may be spent.

    Raises
    ------
    InputError
        For what `parse` refuses, and once the time is over.

    Examples
    --------
    >>> from edgewise.expressions import Budget, parse_within
    >>> parse_within("a + 1/2", ["a"], Budget())
    a + 1/2
    """
    tree = syntax_tree(text)
    check_words(tree, names)
    try:
        form = in_doubles(_Meaning(names or (), {}, budget).of(tree).form)
    except RecursionError:
        raise tree.place.error("nested too deeply: simplify the formula.") from None
    if form.has(sympy.I, sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise tree.place.error("this is not real and finite wherever it is evaluated.")
    if any(_is_large(power) for power in form.atoms(sympy.Pow)):  # as in gaussian(x^4000), a product of powers
        raise _too_large(tree)
    return form


@dataclass(frozen=True)
class _Value:
    """A formula; where it holds no name, its double as well. `size` counts its parts."""

    form: Formula
    number: float | None
    size: int = 1


class _Meaning:
    """Turns a tree into a formula.

    sympy works out numbers of any length as it builds, so the double of each is known before, and what is too large
    never reaches it.
    """

    def __init__(self, names: Sequence[str], bound: Mapping[str, _Value], budget: Budget) -> None:
        self.names, self.bound, self.budget = names, bound, budget

    def of(self, node: SyntaxNode) -> _Value:
        value = getattr(self, "_" + node.kind)(node)
        self.budget.check()
        if value.number is None and value.form.is_number:  # names that cancelled, as in x - x
            value = _Value(value.form, float(sympy.N(value.form, 17)), value.size)
        if value.number is not None and (
            not math.isfinite(value.number) or value.form.has(sympy.zoo, sympy.oo, -sympy.oo, sympy.nan)
        ):  # tan(arcsin(1)) has a double, and no value
            raise node.place.error("this is not a real and finite number.")
        try:
            return _Value(plain(value.form, value.number), value.number, value.size)
        except ArithmeticError as error:
            raise node.place.error(f"{error}.") from None

    def _number(self, node: SyntaxNode) -> _Value:
        value = float(node.text)
        if math.isinf(value) or (value == 0 and any(digit in "123456789" for digit in node.text.lower().split("e")[0])):
            raise node.place.error("numbers are doubles, of sizes from 5e-324 to 1.8e308.")
        digits = node.text.lstrip("-")
        if not digits.isdigit():
            return _Value(exact_constant(value), value)
        size = sympy.Integer(int(digits.lstrip("0") or "0"))  # Python reads no more than 4300 digits
        return _Value(-size if node.text.startswith("-") else size, value)

    def _name(self, node: SyntaxNode) -> _Value:
        name = node.text
        if name in self.bound:
            return self.bound[name]
        if name in CONSTANTS and name not in self.names:
            return _Value(CONSTANTS[name], float(CONSTANTS[name]))
        return _Value(sympy.Symbol(name), None)

    def _sum(self, node: SyntaxNode) -> _Value:
        return self._joined(node, sympy.Add, math.fsum)

    def _product(self, node: SyntaxNode) -> _Value:
        return self._joined(node, sympy.Mul, math.prod)

    def _joined(self, node: SyntaxNode, join: Part, work_out: Callable[[list[float]], float]) -> _Value:
        parts = _shortened(node, [self.of(part) for part in node.parts])
        numbers = [part.number for part in parts if part.number is not None]
        size = self._fitting(node, 1 + sum(part.size for part in parts))
        try:
            number = work_out(numbers)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise node.place.error("the numbers in here are too large together.")
        if number == 0 and join is sympy.Mul and all(numbers):
            raise node.place.error("the numbers in here are too small together.")
        form = join(*(part.form for part in parts))
        return _Value(form, number) if len(numbers) == len(parts) else _Value(form, None, size)

    def _negative(self, node: SyntaxNode) -> _Value:
        part = self.of(node.parts[0])
        return _Value(-part.form, None if part.number is None else -part.number, part.size)

    def _inverse(self, node: SyntaxNode) -> _Value:
        part = self.of(node.parts[0])
        if part.form == 0:
            raise node.place.error("this divides by zero.")
        if part.number is None:
            return _Value(1 / part.form, None, part.size + 1)
        return _Value(1 / part.form, 1 / part.number if part.number else math.inf)

    def _power(self, node: SyntaxNode) -> _Value:
        base, exponent = (self.of(part) for part in node.parts)
        size = self._fitting(node, 1 + base.size + exponent.size)
        if exponent.number is None:
            if base.form == 0:
                raise node.place.error("zero to a power that varies is not defined.")
            if base.number is not None and not _is_moderate(base.number, exponent.form):
                raise node.place.error(
                    "this power is too large: the constant in its exponent is beyond what a double can hold."
                )
            return _Value(base.form ** without_long_fractions(exponent.form), None, size)
        if base.number is not None:
            number = power_of(base.number, exponent.number)
            if number is None or (number == 0 and base.number != 0):
                raise node.place.error("this is not a real and finite number of the size of a double.")
            exact = fits(base.form, exponent.form)
            return _Value(base.form**exponent.form if exact else exact_constant(number), number)
        if abs(exponent.number) > _POWER:
            raise _too_large(node)
        form = self._raised(node, base.form, exponent)
        if any(_is_large(factor) for factor in sympy.Mul.make_args(form)):
            raise _too_large(node)
        return _Value(form, None, size)

    def _raised(self, node: SyntaxNode, base: Formula, exponent: _Value) -> Formula:
        """Return a formula to a power that is a number."""
        factors = sympy.Mul.make_args(base)
        coefficient = sympy.Mul(*(factor for factor in factors if factor.is_number))
        if coefficient in (1, -1) or fits(coefficient, exponent.form):
            return base**exponent.form
        assert exponent.number is not None
        number = float(sympy.N(coefficient, 17))
        whole = exponent.number.is_integer()
        taken = power_of(number if whole else abs(number), exponent.number)
        if not taken:
            raise node.place.error("this power is too large: its coefficient is of no size that a double has.")
        rest = sympy.Mul(*(factor for factor in factors if not factor.is_number))
        return exact_constant(taken) * (rest if whole or number > 0 else -rest) ** exponent.form

    def _call(self, node: SyntaxNode) -> _Value:
        name, given = node.text, [self.of(part) for part in node.parts]
        if other := others().get(name):
            return self._expanded(node, other, dict(zip(parameters(other), given, strict=True)))
        return self._applied(node, library.get(primitives()[name]), given[0])

    def _expanded(self, node: SyntaxNode, tree: SyntaxNode, bound: dict[str, _Value]) -> _Value:
        try:
            return _Meaning((), bound, self.budget).of(tree)
        except InputError:  # it would point into the definition
            raise node.place.error(f"{node.text!r} is not real and finite here.") from None

    def _applied(self, node: SyntaxNode, row: library.Function, value: _Value) -> _Value:
        if value.number is not None:
            number = float(row.torch(torch.tensor(value.number, dtype=torch.float64)))
            if not math.isfinite(number):
                raise node.place.error(f"{node.text}({value.number:g}) is not a real and finite number.")
            return _Value(_exactly(row, value.form, number), number)
        times = sum(1 for part in sympy.preorder_traversal(row.sympy(_ANY)) if part == _ANY)
        size = self._fitting(node, 1 + times * value.size)
        form = without_long_fractions(value.form) if value.form.has(sympy.log) else value.form
        return _Value(row.sympy(form), None, size)

    def _fitting(self, node: SyntaxNode, size: int) -> int:
        largest = 20_000  # parts of a formula, where functions of the library hold their argument more than once
        if size > largest:
            raise node.place.error(f"this has more than {largest} parts once it is written out: simplify it.")
        return size


def _is_moderate(base: float, exponent: Part) -> bool:
    """Return whether sympy can hold the factor of a power that the constant of its exponent makes."""
    factor = 1e6  # the largest logarithm of a factor of a power that varies
    constant = float(sympy.N(exponent.as_coeff_Add()[0], 17))
    return abs(constant * math.log(abs(base) or 1.0)) < factor


def _is_large(form: Part) -> bool:
    return form.is_Pow and not form.base.is_number and form.exp.is_number and abs(form.exp) > _POWER


def _too_large(node: SyntaxNode) -> InputError:
    return node.place.error(f"this power is too large: exponents go up to {_POWER}.")


def _exactly(row: library.Function, form: Formula, number: float) -> Formula:
    """Return a function of an exact number; its double where sympy cannot hold it."""
    exponent = 709.0  # of e, whose power is the largest double
    if number == 0 or form.has(sympy.Float) or long_fractions(form):  # sympy loses digits of log(1 + 3.8e-17)
        return exact_constant(number)
    try:
        value = row.sympy(form)
    except OverflowError:  # mpmath's, of erfc(1e150)
        return exact_constant(number)
    large = any(float(sympy.N(e.args[0])) > exponent for e in value.atoms(sympy.exp))  # as in log(1 + exp(2500))
    return exact_constant(number) if large else value


def _shortened(node: SyntaxNode, parts: list[_Value]) -> list[_Value]:
    """Return the parts of a sum or product, with doubles for long exact numbers where they would grow together."""
    if sum(length(part.form) for part in parts) <= BITS:
        return parts
    for k, part in enumerate(parts):
        if part.number is not None and length(part.form) > FRACTION:
            parts[k] = _Value(exact_constant(part.number), part.number)
    if sum(length(part.form) for part in parts) > 16 * BITS:
        raise node.place.error("the exact numbers in here are too long together: write them as decimals.")
    return parts


def read_formula(
    given: object, names: Sequence[str], what: str, constants: Sequence[str] = ()
) -> tuple[Formula, tuple[sympy.Symbol, ...]]:
    """Return a formula that is given as a text or of sympy, and those of its names that are no columns.

    Parameters
    ----------
    given
        The formula, a text or a sympy expression.
    names
        Names of the columns.
    what
        What the formula is, for the message of the error.
    constants
        Names known to be no columns, which may be called e or pi.

    Raises
    ------
    InputError
        For what is no formula, and for names that look like those of a column that it lacks.

    Examples
    --------
    >>> from edgewise.expressions import read_formula
    >>> read_formula("A*exp(-t)", ["t"], "A guess")
    (A*exp(-t), (A,))
    """
    alike, short = 0.8, 2  # names as similar as that to a column, of more letters, are taken for slips
    if isinstance(given, str):
        words = {str(symbol) for symbol in parse(given).free_symbols} | {*constants}
        formula: Formula = parse(given, [*names, *sorted(words - {*names})])
    elif isinstance(given, sympy.Expr):
        formula = in_plain_symbols(given)
    else:
        raise InputError(f"{what} must be a text, like 'A*exp(-k*t)', or a sympy expression. Got {given!r}.")
    others = sorted({str(symbol) for symbol in formula.free_symbols} - {*names})
    unused = [name for name in names if sympy.Symbol(name) not in formula.free_symbols]
    for word in others:
        if word not in constants and len(word) > short and difflib.get_close_matches(word, unused, cutoff=alike):
            raise unknown("name", word, names)
    return formula, tuple(map(sympy.Symbol, others))
