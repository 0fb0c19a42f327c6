"""Small formulas that come near a noisy target: sums of up to three formulas of a dictionary, by pursuit."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.enumeration._dictionary import build
from edgewise.discovery.enumeration._scan import largest
from edgewise.discovery.enumeration._targets import total
from edgewise.formulas.programs import Fitter, Program

NEAR_ROWS = 500
"""The rows that constants are fitted to; formulas are compared on a part of them."""

_COMPARED = 200
_SYMBOL = 1.5  # what a symbol takes, in units of log-likelihood
_TERMS, _BEAM = 3, 12  # of a sum; sums that get one more term
_FITTED = 10  # sums of each number of symbols whose constants are fitted
_TINY = 1e-5


@dataclass(frozen=True)
class _Sum:
    """Formulas by place; the orthonormal rows (k, n) that span them, and the share of the target that these leave."""

    error: float
    places: tuple[int, ...]
    symbols: float
    span: Array

    @property
    def cost(self) -> float:
        return self.span.shape[1] / 2 * float(np.log(max(self.error, 1e-300))) + _SYMBOL * self.symbols


class Nearly:
    """The dictionary of a table x (n, d), and the sums of its formulas that come near a target y (n,).

    Errors are weighed by weights (n,). The derivative by an inner constant takes part in every regression, so that a
    constant off its grid is seen; the fit of all constants then finds it.
    """

    def __init__(self, x: Array, y: Array, weights: Array, seed: int = 0) -> None:
        rows = np.random.default_rng(seed).permutation(len(y))[:NEAR_ROWS]
        few = rows[:_COMPARED]
        self._fitter = Fitter(x[rows], y[rows], weights[rows])
        self._n, self._y, self._root = len(rows), y[few], np.sqrt(weights[few])
        self.pool = build(x[few])
        self._constant = self._root[None] / np.linalg.norm(self._root)
        with np.errstate(all="ignore"):
            self._units = self._rest(self.pool.values)
            turns = self._rest(np.where(np.isfinite(self.pool.slopes), self.pool.slopes, 0.0))
        turns -= np.einsum("ij,ij->i", turns, self._units)[:, None] * self._units
        self._turns = _of_length_one(turns)
        self._turned = np.einsum("ij,ij->i", self._turns, self._turns)
        self._target = self._rest(y[few][None])[0].astype(np.float64)

    def _rest(self, rows: Array) -> Array:
        """Return weighted rows without what a constant explains, as unit vectors; zeros where nothing is left.

        They are float32, which is twice as fast: noise is far above its rounding.
        """
        rows = _of_length_one(np.nan_to_num(rows * self._root, posinf=0.0, neginf=0.0)).astype(np.float32)
        constant = self._constant.astype(np.float32)
        return _of_length_one(rows - (rows @ constant.T) @ constant)

    def programs(self, most: int = 20) -> list[Program]:
        """Return the likeliest sums, their constants fitted, at most three of each complexity, the likeliest first."""
        of_each, digits = 3, 6
        found: dict[tuple[int, str], tuple[float, Program]] = {}
        for chosen in self._likely():
            for cost, error, program in self._fits(chosen):
                found.setdefault((program.complexity, f"{error:.{digits}g}"), (cost, program))
        alike = Counter[int]()
        kept = []
        for _, program in sorted(found.values(), key=lambda pair: pair[0]):
            alike[program.complexity] += 1
            if alike[program.complexity] <= of_each:
                kept.append(program)
        return kept[:most]

    def _likely(self) -> list[_Sum]:
        """Return the sums of least cost of each number of symbols: on few rows chance decides among all."""
        by_symbols: dict[int, list[_Sum]] = {}
        for each in sorted(self._sums(), key=lambda each: each.cost):
            by_symbols.setdefault(round(each.symbols), []).append(each)
        return [each for same in by_symbols.values() for each in same[:_FITTED]]

    def _sums(self) -> list[_Sum]:
        every: dict[tuple[int, ...], _Sum] = {}
        beam = [_Sum(1.0, (), 0.0, np.zeros((0, len(self._target))))]
        for terms in range(_TERMS):
            longer = [*self._longer(beam, 60 if terms == 0 else 20)]
            every |= {tuple(sorted(each.places)): each for each in longer}
            beam = sorted(longer, key=lambda each: each.cost)[:_BEAM]
            if not beam:
                break
        return [*every.values()]

    def _longer(self, beam: list[_Sum], count: int) -> Iterator[_Sum]:
        """Yield each sum with each of the formulas that lower its cost most."""
        lefts = [self._target - (self._target @ known.span.T) @ known.span for known in beam]
        rows = np.vstack([*lefts, *(known.span for known in beam)]).T.astype(self._units.dtype)
        along_units, along_turns = self._units @ rows, self._turns @ rows
        start = len(beam)
        for k, (known, left) in enumerate(zip(beam, lefts, strict=True)):
            own = slice(start, start + len(known.span))
            start = own.stop
            error = self._errors(left, along_units[:, k], along_turns[:, k], along_units[:, own], along_turns[:, own])
            cost = len(left) / 2 * np.log(error) + _SYMBOL * self.pool.symbols
            for place in largest(-cost, count):
                span = self._joined(known.span, int(place))
                if len(span) > len(known.span):  # else the formula is one of those that are there
                    symbols = known.symbols + float(self.pool.symbols[place])
                    yield _Sum(float(error[place]), (*known.places, int(place)), symbols, span)

    def _errors(self, left: Array, unit: Array, turn: Array, units: Array, turns: Array) -> Array:
        """Return what is left of a target with each formula, given inner products with it, and with what it is beside.

        A constant that is far from its grid tells nothing to first order: it is worth no more than its formula.
        """
        kept = np.maximum(1 - np.square(units).sum(1), 0.0)
        scale = np.where(kept > _TINY, 1 / np.sqrt(np.maximum(kept, _TINY)), 0.0)
        along, cross = unit * scale, -(units * turns).sum(1) * scale
        moved = self._turned - np.square(turns).sum(1) - np.square(cross)
        turned = np.where(moved > _TINY, (turn - cross * along) / np.sqrt(np.maximum(moved, _TINY)), 0.0)
        gain = np.square(along) + np.minimum(np.square(turned), np.square(along))
        return np.maximum(float(left @ left) - gain, 1e-12)

    def _joined(self, span: Array, place: int) -> Array:
        """Return orthonormal rows with what a formula and its derivative add to them."""
        for row in (self._units[place].astype(np.float64), self._turns[place].astype(np.float64)):
            for _ in range(2):
                row = row - (row @ span.T) @ span
            if float(row @ row) > _TINY:
                span = np.vstack([span, row / np.linalg.norm(row)])
        return span

    def _fits(self, chosen: _Sum) -> Iterator[tuple[float, float, Program]]:
        """Yield the criterion, the error and the program of a sum, if its constants can be fitted."""
        steps = 8
        places = [*chosen.places]
        nodes = [self.pool.store.nodes(int(number)) for number in self.pool.numbers[places]]
        table = np.column_stack([self._root, *(self.pool.values[places] * self._root)])
        size = np.linalg.norm(table, axis=0)
        factors = np.linalg.lstsq(table / size, self._y * self._root, rcond=None)[0] / size
        with contextlib.suppress(InputError):  # constants that doubles do not hold
            sum_of = total([(float(c), part) for c, part in zip(factors[1:], nodes, strict=True)])
            fitted = self._fitter.fit(Program.of(sum_of), steps)
            if np.isfinite(fitted.error):
                error = max(fitted.error, 1e-300)
                yield self._n / 2 * float(np.log(error)) + _SYMBOL * chosen.symbols, error, fitted.program


def _of_length_one(rows: Array) -> Array:
    """Return rows as unit vectors, zeros where they are nearly zero."""
    size = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return np.where(size > _TINY, rows / np.maximum(size, _TINY), 0.0)
