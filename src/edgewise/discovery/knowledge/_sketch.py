"""Formulas with constants that are still to be fitted."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Array, Formula, Part
from edgewise.expressions import FitData, FreeFormula, Tape, in_plain_symbols, loosened, parse

_ALIKE, _SHORT = 0.8, 2  # names as similar as that to a column, of more letters, are taken for slips
_DRAWS, _SCREENED = 600, 200  # values of constants inside functions that are tried, on that many rows
_FITTED = 6  # of them that are fitted
_DECADES = 2.0  # from 1, or from the sizes of columns, that constants are drawn from
_STEPS = 60
_TOO_LARGE = 1e150  # to be squared
_RIDGE = 1e-12  # of a column's size squared


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
        draws = self._draws(data, np.random.default_rng(seed))
        found = [start.fit(data, _STEPS) for start in self._best_starts(draws, data)]
        return sorted((each for each in found if np.isfinite(each.error)), key=lambda each: each.error)

    def _linear(self) -> list[sympy.Symbol]:
        """Return constants that the formula is linear in, all together."""
        chosen: list[sympy.Symbol] = []
        for constant in self.constants:
            slope = sympy.diff(self.formula, constant)
            if not slope.free_symbols & {constant, *chosen}:
                chosen.append(constant)
        return chosen

    def _draws(self, data: FitData, rng: np.random.Generator) -> Array:
        """Return values (n_draws, k) of the k constants that are not linear: those that are known, then random ones."""
        linear = self._linear()
        starts = [start for c, start in zip(self.constants, self.starts, strict=True) if c not in linear]
        known = np.array([[1.0 if start is None else start for start in starts]]).reshape(1, len(starts))
        if not starts:
            return known
        sizes = [abs(np.log10(np.median(np.abs(column)) or 1.0)) for column in data.columns]
        width = _DECADES + max(sizes, default=0.0)
        shape = (_DRAWS * min(len(starts), 3), len(starts))
        values = rng.choice([-1.0, 1.0], shape) * 10 ** rng.uniform(-width, width, shape)
        for k, start in enumerate(starts):
            if start is not None:  # half of the draws stay near what is known
                values[::2, k] = start * rng.choice([0.3, 0.7, 1.0, 1.5, 3.0], len(values[::2]))
        return np.vstack([known, values])

    def _best_starts(self, draws: Array, data: FitData) -> list[FreeFormula]:
        """Return the formula at the best draws, its linear constants solved for on some rows."""
        linear = self._linear()
        inner = [constant for constant in self.constants if constant not in linear]
        forms = [self.formula.xreplace(dict.fromkeys(linear, sympy.Integer(0)))]
        forms += [sympy.diff(self.formula, constant) for constant in linear]
        some = data.rows(np.arange(data.n) % max(1, data.n // _SCREENED) == 0)
        columns = [np.tile(column, len(draws)) for column in some.columns]
        columns += [np.repeat(values, some.n) for values in draws.T]
        places = {constant: sympy.Symbol(f"?{k}") for k, constant in enumerate(inner)}
        names = [*data.names, *(place.name for place in places.values())]
        with np.errstate(all="ignore"):
            tapes = [Tape(form.xreplace(places), names) for form in forms]
            parts = [tape.values(columns).reshape(len(draws), some.n) * some.weight for tape in tapes]
            aim = some.weight * some.y - parts[0]
            matrix = np.stack(parts[1:], axis=2) if linear else np.zeros((*aim.shape, 0))
            good = np.isfinite(matrix).all((1, 2)) & np.isfinite(aim).all(1)
            good &= (np.abs(matrix).max((1, 2), initial=0.0) < _TOO_LARGE) & (np.abs(aim).max(1) < _TOO_LARGE)
        draws, aim, matrix = draws[good], aim[good], matrix[good]
        sizes = np.linalg.norm(matrix, axis=1, keepdims=True)
        matrix = matrix / np.where(sizes > 0, sizes, 1.0)
        gram = matrix.transpose(0, 2, 1) @ matrix + _RIDGE * np.eye(len(linear))
        solution = np.linalg.solve(gram, matrix.transpose(0, 2, 1) @ aim[:, :, None])
        errors = np.linalg.norm(aim - (matrix @ solution)[:, :, 0], axis=1)
        found = []
        for k in np.argsort(errors, kind="stable")[:_FITTED]:
            factors = solution[k, :, 0] / np.where(sizes[k, 0] > 0, sizes[k, 0], 1.0)
            values = dict(zip([*inner, *linear], map(float, [*draws[k], *factors]), strict=True))
            found.append(FreeFormula(self.formula, self.constants, tuple(values[c] for c in self.constants)))
        return found


def read_formula(given: object, names: Sequence[str], what: str) -> tuple[Formula, tuple[sympy.Symbol, ...]]:
    """Return a formula that is given as a text or of sympy, and those of its names that are no columns.

    Errors: InputError for what is no formula, and for names that look like a column's.

    >>> read_formula("A*exp(-t)", ["t"], "A guess")
    (A*exp(-t), (A,))
    """
    if isinstance(given, str):
        words = sorted(str(symbol) for symbol in parse(given).free_symbols)
        formula: Formula = parse(given, [*names, *(word for word in words if word not in names)])
    elif isinstance(given, sympy.Expr):
        formula = in_plain_symbols(given)
    else:
        raise InputError(f"{what} must be a text, like 'A*exp(-k*t)', or a sympy expression. Got {given!r}.")
    others = sorted({str(symbol) for symbol in formula.free_symbols} - {*names})
    for word in others:
        if len(word) > _SHORT and difflib.get_close_matches(word, names, cutoff=_ALIKE):
            raise unknown("name", word, names)
    return formula, tuple(map(sympy.Symbol, others))
