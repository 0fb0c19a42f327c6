"""What ends in one subnode: a sum of edges, at most one from each node."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula, Part
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import exact_constant, library_function, primitives


class Term(NamedTuple):
    """One edge: c f(a u + b) of the node that computes u."""

    function: str
    a: float
    u: Formula
    b: float
    c: float


class Subnode(NamedTuple):
    """A sum of edges, at most one from each node, and a constant."""

    constant: float
    terms: tuple[Term, ...]

    def scaled(self, factor: float) -> Subnode:
        """Return the same times a number."""
        terms = tuple(term._replace(c=finite(factor * term.c)) for term in self.terms)
        return Subnode(finite(factor * self.constant), terms)


def subnode(expression: Formula) -> Subnode:
    """Return a formula as a sum of edges.

    Equal terms become one, with the sum of their coefficients. Of terms that start at one node, all but one become
    nodes of their own, from which an edge x leads on.

    >>> x = sympy.Symbol("x")
    >>> sorted((edge.function, str(edge.u)) for edge in subnode(x + sympy.sin(x) + sympy.cos(sympy.sin(x))).terms)
    [('x', 'cos(sin(x))'), ('x', 'sin(x)'), ('x', 'x')]
    """
    numbers, coefficients = _collected(expression)
    values = {rest: real(sympy.Add(*several)) for rest, several in coefficients.items()}
    terms = {rest: _term(rest, value) for rest, value in values.items() if value}
    relayed = _relayed(terms)
    edges = (Term("x", 1.0, u, 0.0, values[u]) if u in relayed else term for u, term in terms.items())
    return Subnode(math.fsum(map(real, numbers)), tuple(edges))


def _collected(expression: Formula) -> tuple[list[Formula], dict[Formula, list[Formula]]]:
    """Return the numbers of a sum, and the coefficients of each of its other terms."""
    numbers: list[Formula] = []
    coefficients: dict[Formula, list[Formula]] = {}
    for part in sympy.Add.make_args(expression):
        if part.is_number:
            numbers.append(part)
        else:
            coefficient, factors = split(part)
            coefficients.setdefault(sympy.Mul(*factors), []).append(coefficient)
    return numbers, coefficients


def _relayed(terms: dict[Formula, Term]) -> set[Formula]:
    """Return the terms that need a node of their own, because another edge starts where theirs would.

    A term that moves to its node takes the place of a function of that node, which then has to move as well.
    """
    relayed = {rest for rest, term in terms.items() if term.u == rest}
    count = -1
    while count < len(relayed):
        count, claimed = len(relayed), set()
        for rest, term in terms.items():
            if rest not in relayed and (term.u in relayed or term.u in claimed):
                relayed.add(rest)
            elif rest not in relayed:
                claimed.add(term.u)
    return relayed


def _term(rest: Formula, coefficient: float) -> Term:
    """Return a term without its coefficient as one edge."""
    if rest.is_Mul or rest.is_Symbol or rest.is_Add:
        return Term("x", 1.0, rest, 0.0, coefficient)
    function, argument = _function(rest)
    return Term(function, *_affine(argument), coefficient)


def split(expression: Formula) -> tuple[Formula, list[Formula]]:
    """Return the numeric coefficient of a product and its other factors."""
    args = sympy.Mul.make_args(expression)
    numbers = [a for a in args if a.is_number]
    return sympy.Mul(*numbers), [a for a in args if not a.is_number]


def _function(expression: Formula) -> tuple[str, Formula]:
    """Return the edge function and its argument."""
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.as_base_exp()
        power = _power(exponent)
        return ("exp", exponent * sympy.log(base)) if power is None else (power, base)
    found = library_function(expression)
    if found is None:
        raise unknown("function", type(expression).__name__, primitives())
    return found


def _power(exponent: Formula) -> str | None:
    """Return the name of x^exponent in the library, None for decimals that are no simple fraction."""
    exact = exact_constant(float(exponent)) if exponent.is_Float else exponent
    try:
        return library.get(f"x^{exact}").name if exact.is_Rational else None
    except InputError:
        return None


def _affine(argument: Formula) -> tuple[float, Formula, float]:
    """a, u, b with argument = a u + b."""
    parts = sympy.Add.make_args(argument)
    rest = [part for part in parts if not part.is_number]
    if len(rest) != 1:
        return 1.0, argument, 0.0
    coefficient, factors = split(rest[0])
    return real(coefficient), sympy.Mul(*factors), math.fsum(real(part) for part in parts if part.is_number)


def real(value: Part) -> float:
    """Return the double of a number, correctly rounded; InputError where it has none."""
    if value.is_Rational:
        try:
            return value.p / value.q
        except OverflowError:
            raise _no_double(value) from None
    try:
        number = sympy.N(value, 25)
        double = complex(number)
    except (TypeError, ValueError, OverflowError):
        raise _no_double(value) from None
    if double.imag != 0 or (double.real == 0 and number != 0):
        raise _no_double(value)
    return finite(double.real)


def finite(number: float) -> float:
    """Return a number that is one; InputError for infinities and nan."""
    if not math.isfinite(number):
        raise _no_double(number)
    return number


def _no_double(value: Formula | float) -> InputError:
    return InputError(
        f"The formula holds {shown(value)}, which is not real and finite, or not of the size of a double."
    )


def shown(value: Any) -> str:
    """Return the beginning of a formula's text, for a message."""
    longest = 60  # characters of a formula in a message
    try:
        text = str(value)
    except ValueError:  # Python writes no whole numbers of more than 4300 digits
        return "of thousands of digits"
    return text if len(text) <= longest else f"{text[:longest]}..."
