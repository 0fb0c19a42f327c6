"""The unknown parts of a form, found in turn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._deadline import Deadline
from edgewise._typing import Array, Formula, Part
from edgewise.discovery.judging import criterion
from edgewise.discovery.knowledge import Sketch, Template
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import EXACT, Table
from edgewise.formulas.expressions import FitData, FreeFormula, complexity, evaluate, readable_float
from edgewise.formulas.programs import Evolution


@dataclass(frozen=True)
class State:
    """Formulas for all parts and numbers for all constants of a template; the whole, its error and criterion."""

    parts: tuple[Formula, ...]
    constants: tuple[float, ...]
    whole: Formula
    error: float
    cost: float


class Alternation:
    """Finds the parts of a template in turn, each by evolution with the others held, all constants refitted together.

    A part is solved for, (y - b) / a in y = a ? + b, where that is possible; else the template is linearized at the
    present part p: p + (y - f) / f', with weights |f'|, as in the method of Gauss and Newton.

    Source: backfitting (Breiman and Friedman, 1985), with formulas in place of smoothers.
    """

    def __init__(
        self, template: Template, table: Table, functions: tuple[str, ...] | None, seed: int, until: Deadline,
        *, beam: int = 3, rounds: int = 3,
    ) -> None:  # fmt: skip
        self.template, self.functions, self.seed, self.until = template, functions, seed, until
        self.beam, self.rounds = beam, rounds
        self.table = table.sample(TUNING.evolved, seed)
        self.data = FitData.of(self.table.names, self.table.x, self.table.y, self.table.weight)
        self.best: dict[int, State] = {}

    def run(self, evaluations: int) -> list[State]:
        """Return the best formula of each complexity, the best one first."""
        shared = 4  # least share of the evaluations for one part: as many as that many runs
        beam = self._best_of([state for state in self._starts() if state is not None])
        runs = max(self.rounds * self.beam * len(self.template.parts), shared)
        for _ in range(self.rounds):
            before = [state.whole for state in beam]
            for k in range(len(self.template.parts)):
                found = [new for state in beam for new in self._improved(state, k, evaluations // runs)]
                beam = self._best_of([*beam, *found])
            if self.until.passed() or not beam or beam[0].error < EXACT or before == [s.whole for s in beam]:
                break
        return sorted(self.best.values(), key=lambda state: state.cost)

    def _best_of(self, states: list[State]) -> list[State]:
        """Return the states of lowest criterion, and keep the best of each complexity."""
        for state in states:
            size = complexity(state.whole)
            if size not in self.best or state.error < self.best[size].error:
                self.best[size] = state
        distinct = {state.whole: state for state in states}
        return sorted(distinct.values(), key=lambda state: state.cost)[: self.beam]

    def _starts(self) -> Iterator[State | None]:
        """Yield fits with plain parts: constants, and lines of one column or of all."""
        starts = 12  # combinations of plain parts that are fitted first
        count = len(self.template.parts)
        forms = [self._lines(()), *(self._lines((name,)) for name in self.table.names), self._lines(self.table.names)]
        unique = list(dict.fromkeys(forms if len(self.table.names) > 1 else forms[:2]))
        chosen = sorted(itertools.product(unique, repeat=count), key=lambda each: -sum(map(len, each)))
        for combination in chosen[:: max(1, len(chosen) // starts)][:starts]:
            if self.until.passed():
                return
            yield self._fitted_lines(combination)

    @staticmethod
    def _lines(names: tuple[str, ...]) -> tuple[str, ...]:
        """The columns of a line, and "" for its constant."""
        return ("", *names)

    def _fitted_lines(self, lines: tuple[tuple[str, ...], ...]) -> State | None:
        numbers = [[sympy.Dummy(f"c{k}") for k in range(len(line))] for line in lines]
        parts = [
            sympy.Add(*(number * (sympy.Symbol(name) if name else 1) for number, name in zip(own, line, strict=True)))
            for own, line in zip(numbers, lines, strict=True)
        ]
        whole = self.template.filled(dict(zip(self.template.parts, parts, strict=True)))
        free = (*self.template.constants, *itertools.chain(*numbers))
        fits = Sketch(whole, free, (None,) * len(free)).fitted(self.data, self.seed)
        if not fits:
            return None
        values = dict(zip(free, fits[0].values, strict=True))
        written = [part.xreplace({s: readable_float(v) for s, v in values.items()}) for part in parts]
        return self._refitted(written, tuple(values[c] for c in self.template.constants))

    def _refitted(self, parts: list[Part], constants: tuple[float, ...]) -> State | None:
        """Return parts with all constants fitted together; None where the whole is undefined."""
        steps = 40
        free = [FreeFormula.of(part) for part in parts]
        whole = self.template.filled({p: each.template for p, each in zip(self.template.parts, free, strict=True)})
        symbols = [*self.template.constants, *(symbol for each in free for symbol in each.symbols)]
        values = [*constants, *(value for each in free for value in each.values)]
        fit = FreeFormula(whole, tuple(symbols), tuple(values)).fit(self.data, steps)
        if not math.isfinite(fit.error):
            return None
        numbers = {s: readable_float(v) for s, v in zip(symbols, fit.values, strict=True)}
        expression = fit.expression
        cost = criterion(fit.error, complexity(expression) + len(values), self.data.n, 0.0)
        own = tuple(each.template.xreplace(numbers) for each in free)
        return State(own, fit.values[: len(constants)], expression, fit.error, cost)

    def _improved(self, state: State, k: int, evaluations: int) -> Iterator[State]:
        """Yield states with other formulas for one part."""
        most_complex = 14  # complexity of programs for a part
        improved = 0.97  # of the mean squared error of simpler formulas for a part
        aim = self._aim(state, k)
        if aim is None or self.until.passed():
            return
        x, values, weights = aim
        longest = min(most_complex, len(values) // 2)
        evolution = Evolution(
            x, values, weights=weights**2, seed=self.seed, max_complexity=longest, functions=self.functions, waves=True
        )
        evolution.run(evaluations, self.until)
        least = math.inf
        for found in evolution.front():
            if found.error > improved * least:
                continue
            least = found.error
            part = found.program.expression(self.table.names, self.table.positive)
            new = self._refitted([*state.parts[:k], part, *state.parts[k + 1 :]], state.constants)
            if new is not None:
                yield new

    def _aim(self, state: State, k: int) -> tuple[Array, Array, Array] | None:
        """Return rows, values that part k should have there, and weights; None where it is not determined."""
        defined = 0.9  # of the rows, where a part is solved for
        small = 1e-6  # of the largest derivative by a part: rows with less say nothing of it
        part, table = self.template.parts[k], self.table
        held = {c: sympy.Float(v) for c, v in zip(self.template.constants, state.constants, strict=True)}
        others = {p: form for p, form in zip(self.template.parts, state.parts, strict=True) if p != part}
        alone = Template(self.template.formula.xreplace(held | others), (part,), ())
        solved = alone.solved(table.names, table.x, table.y)
        if solved is None or np.mean(np.isfinite(solved[0] * solved[1])) < defined:
            solved = self._linearized(alone, state.parts[k])
        values, slopes = solved
        weights = table.weight * np.abs(slopes)
        keep = np.isfinite(values) & np.isfinite(weights)
        keep &= weights > small * np.max(weights[keep], initial=0.0)
        if keep.sum() < 2 * len(table.names) + 3 or not np.ptp(values[keep]) > 0:
            return None
        return table.x[keep], values[keep], weights[keep]

    def _linearized(self, alone: Template, present: Formula) -> tuple[Array, Array]:
        table, part = self.table, alone.parts[0]
        now = evaluate(present, table.names, table.x)
        names, x = [*table.names, part.name], np.column_stack([table.x, now])
        with np.errstate(all="ignore"):
            slopes = evaluate(sympy.diff(alone.formula, part), names, x)
            return now + (table.y - evaluate(alone.formula, names, x)) / slopes, slopes
