"""Formulas with constants that are still to be fitted."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula, Part
from edgewise.expressions import FitData, FreeFormula, Tape, in_plain_symbols, loosened, parse

_ALIKE, _SHORT = 0.8, 2  # names as similar as that to a column, of more letters, are taken for slips
_DRAWS, _SCREENED = 600, 200  # values of constants inside functions that are tried, on that many rows
_FITTED = 6  # of them that are fitted
_DECADES = 2.0  # from 1, or from the sizes of columns, that constants are drawn from
_STEPS = 60
_TOO_LARGE = 1e150  # to be squared


@dataclass(frozen=True)
class Sketch:
    """A formula of columns, and of `constants` that are fitted, with values to start from where they are known."""

    formula: Part
    constants: tuple[sympy.Symbol, ...]
    starts: tuple[float | None, ...]

    @classmethod
    def of(cls, given: object, names: Sequence[str]) -> Sketch:
        """Return a guess: all its numbers but exact exponents are fitted, and names that are no columns.

        Errors: InputError for texts that are no formula, and names that look like a column's.

        >>> Sketch.of("A*exp(-k*t)", ["t"]).constants
        (A, k)
        """
        formula, words = read_formula(given, names, "A guess")
        loose, numbers = loosened(formula)
        return cls(loose, (*words, *numbers), (*(None for _ in words), *numbers.values()))

    def fitted(self, data: FitData, seed: int = 0) -> list[FreeFormula]:
        """Return the formula with constants fitted from the best starts, best first; none where it is undefined.

        Constants that the formula is linear in are solved for; the others are drawn over some decades, and the best
        draws are fitted by Levenberg-Marquardt.
        """
        starts = [self._started(draw, data) for draw in self._draws(data, np.random.default_rng(seed))]
        starts = sorted((each for each in starts if each is not None), key=lambda each: each.error)
        found = [start.fit(data, _STEPS) for start in starts[:_FITTED]]
        return sorted((each for each in found if np.isfinite(each.error)), key=lambda each: each.error)

    def _linear(self) -> list[sympy.Symbol]:
        """Return constants that the formula is linear in, all together."""
        chosen: list[sympy.Symbol] = []
        for constant in self.constants:
            slope = sympy.diff(self.formula, constant)
            if not slope.free_symbols & {constant, *chosen}:
                chosen.append(constant)
        return chosen

    def _draws(self, data: FitData, rng: np.random.Generator) -> list[dict[sympy.Symbol, float]]:
        """Return values of the constants that are not linear: those that are known, then random ones."""
        linear = set(self._linear())
        inner = [(c, s) for c, s in zip(self.constants, self.starts, strict=True) if c not in linear]
        known = {constant: 1.0 if start is None else start for constant, start in inner}
        if not inner:
            return [{}]
        sizes = [abs(np.log10(np.median(np.abs(column)) or 1.0)) for column in data.columns]
        width = _DECADES + max(sizes, default=0.0)
        shape = (_DRAWS * min(len(inner), 3), len(inner))
        values = rng.choice([-1.0, 1.0], shape) * 10 ** rng.uniform(-width, width, shape)
        for k, (_, start) in enumerate(inner):
            if start is not None:  # half of the draws stay near what is known
                values[::2, k] = start * rng.choice([0.3, 0.7, 1.0, 1.5, 3.0], len(values[::2]))
        return [known, *(dict(zip(known, map(float, row), strict=True)) for row in values)]

    def _started(self, draw: dict[sympy.Symbol, float], data: FitData) -> FreeFormula | None:
        """Return the formula at a draw, its linear constants solved for on some rows; None where it is undefined."""
        parts, tapes = self._tapes(data.names, tuple(draw))
        some = data.rows(np.arange(data.n) % max(1, data.n // _SCREENED) == 0)
        with np.errstate(all="ignore"):
            fixed, *slopes = (tape.values(some.columns, list(draw.values())) for tape in tapes)
            matrix = some.weight[:, None] * np.column_stack(slopes) if slopes else np.zeros((some.n, 0))
            aim = some.weight * (some.y - fixed)
            sizes = np.linalg.norm(matrix, axis=0)
        if not (np.isfinite(matrix).all() and np.isfinite(aim).all()):
            return None
        if not (sizes < _TOO_LARGE).all():
            return None
        sizes[sizes == 0] = 1.0
        solution = np.linalg.lstsq(matrix / sizes, aim, rcond=1e-12)[0] / sizes
        values = draw | dict(zip(parts, map(float, solution), strict=True))
        with np.errstate(all="ignore"):
            error = float(np.linalg.norm(aim - matrix @ solution))
        return FreeFormula(self.formula, self.constants, tuple(values[c] for c in self.constants), error)

    def _tapes(self, names: tuple[str, ...], inner: tuple[sympy.Symbol, ...]) -> tuple[list[sympy.Symbol], list[Tape]]:
        """Return the linear constants; the formula without them, and its derivatives by each."""
        linear = self._linear()
        key = names, inner
        cached = vars(self).get("_made")
        if cached is None or cached[0] != key:
            forms = [self.formula.xreplace(dict.fromkeys(linear, sympy.Integer(0)))]
            forms += [sympy.diff(self.formula, constant) for constant in linear]
            cached = key, [Tape(form, names, inner) for form in forms]
            vars(self)["_made"] = cached
        return linear, cached[1]


def read_formula(given: object, names: Sequence[str], what: str) -> tuple[Formula, tuple[sympy.Symbol, ...]]:
    """Return a formula that is given as a text or of sympy, and those of its names that are no columns.

    Errors: InputError for what is no formula, and for names that look like a column's.

    >>> read_formula("A*exp(-t)", ["t"], "A guess")
    (A*exp(-t), (A,))
    """
    if isinstance(given, str):
        words = sorted(symbol.name for symbol in parse(given).free_symbols)
        formula: Formula = parse(given, [*names, *(word for word in words if word not in names)])
    elif isinstance(given, sympy.Expr):
        formula = in_plain_symbols(given)
    else:
        raise InputError(f"{what} must be a text, like 'A*exp(-k*t)', or a sympy expression. Got {given!r}.")
    others = sorted({symbol.name for symbol in formula.free_symbols} - {*names})
    for word in others:
        if len(word) > _SHORT and difflib.get_close_matches(word, names, cutoff=_ALIKE):
            raise unknown("name", word, names)
    return formula, tuple(map(sympy.Symbol, others))
