"""Formulas as a list of operations, which numpy (`Tape`) and torch (an exported module) carry out."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import sympy

from edgewise._typing import Formula, Part


class Step(NamedTuple):
    """One operation on the values at earlier places.

    `kind` is "input", "constant" or "number"; "power" of a fixed exponent; "where" of a condition and two values; else
    the name of a class of sympy, such as "Add" or "sin". `number` is the column, the number of the constant, the number
    or the exponent.
    """

    kind: str
    places: tuple[int, ...] = ()
    number: float = 0.0


class Steps:
    """Formulas compiled to steps; common subexpressions are computed once.

    Inputs come first, then constants, so that the columns and the constants are the first values. Symbols are matched
    with inputs by name, whatever their assumptions. `formulas` are those that the steps compute, `outputs` the places
    of the ones given.

    Raises:
        KeyError: a symbol is neither an input nor a constant.

    >>> x = sympy.Symbol("x")
    >>> [step.kind for step in Steps([sympy.exp(x**2) + x**2], ["x"]).steps]
    ['input', 'power', 'exp', 'Add']
    """

    def __init__(
        self, formulas: Sequence[Formula], names: Sequence[str], constants: Sequence[sympy.Symbol] = ()
    ) -> None:
        self.steps = [Step("input", (), k) for k in range(len(names))]
        self.steps += [Step("constant", (), k) for k in range(len(constants))]
        self.formulas: list[Part] = [*map(sympy.Symbol, names), *constants]
        self._inputs = {name: k for k, name in enumerate(names)}
        self._places: dict[Part, int] = {symbol: len(names) + k for k, symbol in enumerate(constants)}
        self.outputs = [self._place(sympy.sympify(formula, strict=True)) for formula in formulas]

    def _place(self, formula: Part) -> int:
        """Return where the value of a formula is found; its steps are added where it is new."""
        place = self._places.get(formula)
        if place is None:
            if isinstance(formula, sympy.Symbol):
                place = self._inputs[formula.name]
            else:
                step = self._step(formula)
                self.steps.append(step)
                self.formulas.append(formula)
                place = len(self.steps) - 1
            self._places[formula] = place
        return place

    def _step(self, formula: Part) -> Step:
        if isinstance(formula, sympy.Expr) and not formula.free_symbols:
            return Step("number", (), number_of(formula))
        if isinstance(formula, sympy.Pow) and formula.exp.is_Rational:
            return Step("power", (self._place(formula.base),), float(formula.exp))
        if isinstance(formula, sympy.Piecewise) and isinstance(
            formula.args[0].args[1], sympy.core.relational.Relational
        ):
            return self._piecewise(formula)
        whole = all(isinstance(part, sympy.Expr) for part in formula.args)
        parts = formula.args if whole else sorted(formula.free_symbols, key=str)
        return Step(type(formula).__name__, tuple(map(self._place, parts)))

    def _piecewise(self, formula: Part) -> Step:
        (value, condition), *rest = formula.args
        if not rest:
            other: Part = sympy.nan
        else:
            other = rest[0].expr if rest[0].cond is sympy.true else sympy.Piecewise(*rest)
        return Step("where", tuple(self._place(part) for part in (condition, value, other)))


@lru_cache(maxsize=4096)
def number_of(formula: Part) -> float:
    """Return an expression without symbols as a double, nan if it is not a real number."""
    if formula.is_Float or formula.is_Rational:
        return float(formula)
    value = formula.evalf(20)
    return float(value) if value.is_Float or value.is_Rational else float("nan")
