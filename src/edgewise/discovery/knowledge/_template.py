"""A known form with unknown parts, and formulas with constants that are still to be fitted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._errors import InputError
from edgewise._typing import Array, Part
from edgewise.formulas.expressions import FitData, FreeFormula, Starts, evaluate, loosened, read_formula

_FITTED = 6  # starts
_STEPS = 60


@dataclass(frozen=True)
class Sketch:
    """A formula of columns, and of `constants` that are fitted, with values to start from where they are known.

    `text` is the formula as it was given.
    """

    formula: Part
    constants: tuple[sympy.Symbol, ...]
    starts: tuple[float | None, ...]
    text: str = ""

    @classmethod
    def of(cls, given: object, names: Sequence[str]) -> Sketch:
        """Return a guess: all its numbers but exact exponents are fitted, and names that are no columns.

        Errors: InputError for texts that are no formula, and names that look like a column's.

        >>> Sketch.of("A*exp(-k*t)", ["t"]).constants
        (A, k)
        """
        formula, words = read_formula(given, names, "A guess")
        loose, numbers = loosened(formula)
        starts = (*(None for _ in words), *numbers.values())
        return cls(loose, (*words, *numbers), starts, given if isinstance(given, str) else str(formula))

    def fitted(self, data: FitData, seed: int = 0) -> list[FreeFormula]:
        """Return the formula with constants fitted from the best starts, best first; none where it is undefined.

        Constants that the formula is linear in are solved for; the others are drawn over some decades, and the best
        draws are fitted by Levenberg-Marquardt.
        """
        starts = Starts(self.formula, self.constants, self.starts, data).best(_FITTED, seed)
        found = [start.fit(data, _STEPS) for start in starts]
        return sorted((each for each in found if np.isfinite(each.error)), key=lambda each: each.error)


_PIECES = re.compile(r"`[^`]*`|\?")


@dataclass(frozen=True)
class Template:
    """A formula of columns, unknown `parts`, each a formula to find, and `constants` to fit.

    >>> template = Template.of("x0*? + exp(-k*t)", ["x0", "t"])
    >>> len(template.parts), template.constants
    (1, (k,))
    """

    formula: Part
    parts: tuple[sympy.Symbol, ...]
    constants: tuple[sympy.Symbol, ...]

    @classmethod
    def of(cls, text: object, names: Sequence[str]) -> Template:
        """Return the template of a text in which each ? is a separate part.

        Names that are no columns are constants; numbers stay as they are.

        Errors: InputError for texts without a ?, and what is no formula otherwise.
        """
        if not isinstance(text, str) or "?" not in text:
            raise InputError(
                f"'template' must be a text with an unknown part '?' in it, like 'a*? + exp(-?)'. Got {text!r}."
            )
        made: list[str] = []

        def named(match: re.Match[str]) -> str:
            if match[0] != "?":
                return match[0]
            made.append(f"part{len(made) + 1}_" + "_" * sum(name.startswith("part") for name in names))
            return f"({made[-1]})"

        written = _PIECES.sub(named, text)
        formula, constants = read_formula(written, [*names, *made], "A template")
        parts = tuple(sympy.Symbol(name) for name in made)
        if not {*parts} <= formula.free_symbols:
            raise InputError(f"A part of the template {text!r} cancels: it needs each '?'.")
        return cls(formula, parts, constants)

    def filled(self, parts: Mapping[sympy.Symbol, Part]) -> Part:
        """Return the formula with its parts written out."""
        return self.formula.xreplace(dict(parts))

    def linear(self) -> bool:
        """Return whether the template has one part, nothing to fit, and is linear in the part."""
        if len(self.parts) != 1 or self.constants:
            return False
        return not sympy.diff(self.formula, self.parts[0]).has(self.parts[0])

    def solved(self, names: Sequence[str], x: Array, y: Array) -> tuple[Array, Array] | None:
        """Return the values (n,) that the only part would need at rows x (n, m), y (n,), and the derivatives there.

        y = a ? + b gives (y - b) / a and a; other outer functions are undone one by one. NaN where there is no such
        value; None where the part stands more than once, or inside a function that is not monotone.

        >>> values, slopes = Template.of("2*exp(?)", ["t"]).solved(["t"], np.ones((1, 1)), np.array([2.0])) or ()
        >>> values, slopes
        (array([0.]), array([2.]))
        """
        part = self.parts[0]
        with np.errstate(all="ignore"):
            if self.linear():
                slopes = evaluate(sympy.diff(self.formula, part), names, x)
                rest = evaluate(self.formula.xreplace({part: sympy.Integer(0)}), names, x)
                return (y - rest) / slopes, slopes
            values = _peeled(self.formula, part, names, x, y)
            if values is None:
                return None
            together = [*names, part.name]
            return values, evaluate(sympy.diff(self.formula, part), together, np.column_stack([x, values]))


def _peeled(formula: Part, part: sympy.Symbol, names: Sequence[str], x: Array, y: Array) -> Array | None:
    """Undo the functions around a symbol one by one."""
    values = y
    while formula != part:
        inside = [arg for arg in formula.args if arg.has(part)]
        if len(inside) != 1:
            return None
        (inner,) = inside
        if formula.is_Add or formula.is_Mul:
            other = evaluate(formula.func(*(arg for arg in formula.args if arg is not inner)), names, x)
            values = values - other if formula.is_Add else values / other
        elif formula.is_Pow and inner is formula.base and formula.exp.is_number:
            exponent = float(formula.exp)
            odd = exponent.is_integer() and int(exponent) % 2 == 1
            values = (np.sign(values) if odd else 1.0) * np.abs(values) ** (1 / exponent) + (
                0.0 if odd else np.where(values >= 0, 0.0, np.nan)
            )
        elif isinstance(formula, sympy.exp):
            values = np.log(values)
        elif isinstance(formula, sympy.log):
            values = np.exp(values)
        elif isinstance(formula, sympy.tanh):
            values = np.arctanh(values)
        else:
            return None
        formula = inner
    return values
