"""A formula with its error and complexity, the front of the best ones, and the pool of those found so far."""

import enum
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy

from edgewise._errors import InputError
from edgewise._typing import Array, Data, Formula
from edgewise.discovery._criterion import criterion
from edgewise.discovery._direct import power_law
from edgewise.discovery._evidence import ENOUGH, saved, spread, telling
from edgewise.discovery._gaps import pole, undetermined
from edgewise.discovery._monomials import EXACT, adequate
from edgewise.export import latex
from edgewise.expressions import FitData, complexity, evaluate, round_constants, simplify, write

_DIGITS = 6  # of constants in a printout
_ALONE = 10  # inputs that are tried alone, those with the largest correlations


@dataclass(frozen=True)
class Candidate:
    """One formula for the target.

    `error` is the root mean square residual over the target's spread (both weighted by 1/|y| where the target covers
    many decades), `held_out` the same on rows that its constants were not fitted to; `complexity` counts operations,
    constants and variables.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    >>> best = ew.discover(x, x[:, 0] / x[:, 1], names=["u", "i"]).best
    >>> best.latex(), best.complexity, best.predict([[6.0, 2.0]])
    ('\\\\frac{u}{i}', 3, array([3.]))
    """

    expression: Formula
    names: tuple[str, ...]
    error: float
    complexity: int
    held_out: float = math.nan

    def sympy(self) -> Formula:
        """The formula as a sympy expression; its symbols carry the names of the inputs."""
        return self.expression

    def latex(self) -> str:
        """The formula in LaTeX, numbers with six digits; `edgewise.export` writes it in full and in other languages."""
        return latex(self, digits=6)

    @property
    def fitted(self) -> int:
        """The number of constants that are not exact numbers."""
        return len(self.expression.atoms(sympy.Float))

    @property
    def r2(self) -> float:
        """The fraction of the target's variance that it explains on held-out rows; NaN if unknown."""
        return 1 - self.held_out**2

    def predict(self, x: Data) -> Array:
        """Values of the formula on rows (n, n_in); NaN where it is undefined. Columns of a data frame go by name."""
        rows = columns_of(x, self.names)
        return evaluate(self.expression, self.names, rows)

    def __str__(self) -> str:
        held_out = "" if math.isnan(self.held_out) else f", held-out error {self.held_out:.2g}"
        return f"{write(self.expression, _DIGITS)}  (error {self.error:.2g}{held_out}, complexity {self.complexity})"


def columns_of(x: Data, names: tuple[str, ...]) -> Array:
    """Return rows (n, len(names)) as doubles; of a data frame, the columns of these names.

    Errors: InputError for another number of columns, and for a data frame that lacks one.
    """
    own = [str(name) for name in getattr(x, "columns", ())]
    if own:
        missing = [name for name in names if name not in own]
        if missing:
            raise InputError(f"The formula takes columns {list(names)}. The table lacks {missing}; it has {own}.")
        frame: Any = x
        x = np.column_stack([np.asarray(frame[frame.columns[own.index(name)]], dtype=np.float64) for name in names])
    rows = np.asarray(x, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise InputError(f"The formula takes rows of {len(names)} inputs {list(names)}. Got shape {rows.shape}.")
    return rows


@dataclass(frozen=True)
class Judge:
    """The table that every formula is measured on: polish, rounding, error and complexity in one place."""

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array

    def judged(self, formula: Formula, noise: float, keep_form: bool = False) -> Candidate | None:
        """The formula with constants fitted and rounded, written simply, or None where it cannot describe the table."""
        if formula.has(sympy.zoo, sympy.nan, sympy.oo) or (not formula.is_real and formula.has(sympy.I)):
            return None
        with np.errstate(all="ignore"):  # a trial may overflow: its error is then infinite, and it is refused
            data = FitData.of(self.names, self.x, self.y, self.weight)
            final = round_constants(formula, data, noise)
        if not math.isfinite(final.error):
            return None
        expression = final.expression if keep_form else simplify(final.expression, self.names, self.x)
        return Candidate(expression, self.names, final.error, complexity(expression))

    def saved(self, candidate: Candidate) -> float:
        """The bits that a candidate saves on the table against a constant."""
        values = candidate.predict(self.x)
        return saved(candidate.expression, values, self.y, self.weight, len(self.names))

    def gaps(self, candidate: Candidate) -> bool:
        """Whether a candidate says between the rows what they do not show: a pole, or a number that any other replaces.

        An exact formula may have poles: the rows around them follow it to rounding.
        """
        formula = candidate.expression
        if undetermined(formula, self.names, self.x, self.weight / spread(self.y, self.weight)):
            return True
        return candidate.error >= EXACT and pole(formula, self.names, self.x)


def front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates that no simpler or equally simple one beats, simplest first."""
    out: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.complexity, c.fitted, c.error)):
        # Differences at rounding level, or of a fitted constant from its rounded value, are no improvement.
        if not out or (candidate.error < 0.98 * out[-1].error and out[-1].error > 1e-14):
            out.append(candidate)
    return out


def baselines(judge: Judge, noise: float) -> Iterator[Candidate]:
    """What anyone would try first: a constant, each input alone as a line and as a power, and the plane through all."""
    yield from filter(None, (judge.judged(form, noise, keep_form=True) for form in _plainest(judge)))


def _plainest(judge: Judge) -> Iterator[Formula]:
    symbols = [sympy.Symbol(name) for name in judge.names]
    yield sympy.Float(np.average(judge.y, weights=judge.weight**2))
    chosen = _most_correlated(judge)
    yield from (sympy.Float(1.1) * symbols[i] + sympy.Float(0.1) for i in chosen)
    yield from (sympy.Float(1.1) * symbols[i] for i in chosen)
    yield sum((sympy.Float(1.1) * s for s in symbols), sympy.Float(0.1))
    for i in chosen:
        name = judge.names[i]
        alone = FitData.of([name], judge.x[:, [i]], judge.y, judge.weight)
        yield from (law.expression for law in power_law(alone, 1.0))


def _most_correlated(judge: Judge) -> list[int]:
    """Return the columns that are tried alone, in their order."""
    x, y = (v - np.average(v, axis=0, weights=judge.weight**2) for v in (judge.x, judge.y))
    root = judge.weight / max(float(judge.weight.max()), 1e-300)
    with np.errstate(all="ignore"):
        size = np.linalg.norm(root[:, None] * x, axis=0)
        correlation = np.nan_to_num(np.abs((root * y) @ (root[:, None] * x)) / size)
    return sorted(np.argsort(-correlation, kind="stable")[:_ALONE].tolist())


class Outcome(enum.Enum):
    """Why discovery stopped; `message` says what that means and what to try."""

    EXACT = "The formula reproduces the data to rounding."
    NOISE = "The formula leaves only noise: no richer model predicts held-out rows better."
    TOO_FEW_ROWS = (
        "The rows are too few to tell a law from chance, so none is claimed; the best supported formula is given. "
        "Try more rows, or fewer columns."
    )
    UNSEEN = (
        "The formula fits the rows, but between them it has a pole, a jump or a number that no row determines. "
        "Add rows there, or take a simpler formula of the front."
    )
    APPROXIMATE = (
        "No formula is exact or leaves only noise: the one given is an approximation, chosen by its error on "
        "held-out rows. A greater effort may find a better one."
    )
    TIME_LIMIT = "The time limit ended the search; the best formula so far is given. Allow more time to go on."
    INTERRUPTED = "The search was interrupted; the best formula so far is given."

    @property
    def message(self) -> str:
        return self.value


class Pool:
    """Candidates on one table. `noise` is over the target's spread; 0 means none is known of."""

    def __init__(self, judge: Judge, noise: float) -> None:
        self.judge, self.noise = judge, noise
        self.candidates: list[Candidate] = []
        self._origin: dict[Formula, str] = {}
        self._seen: set[tuple[Formula, float]] = set()
        self.saved = cache(judge.saved)
        self._gaps = cache(judge.gaps)

    def consider(self, formulas: Iterable[Formula], stage: str, *, claims: bool = False) -> None:
        """Judge formulas, until one is exact. With `claims`, those that can't be claimed are not kept."""
        for formula in formulas:
            if (formula, self.noise) in self._seen:
                continue
            self._seen.add((formula, self.noise))
            candidate = self.judge.judged(formula, self.noise)
            if candidate is not None and (not claims or self.claimed(candidate)):
                self.candidates.append(candidate)
                self._origin.setdefault(candidate.expression, stage)
                if candidate.error < EXACT and self.claimed(candidate):
                    return

    def assume(self, noise: float) -> None:
        """Take a noise level (0: none after all), and round the candidates that come near it again."""
        self.noise = noise
        for old in [c for c in self.candidates if c.error < 3 * noise]:
            again = self.judge.judged(old.expression, noise)
            if again is not None and again.expression != old.expression:
                self.candidates.append(again)
                self._origin.setdefault(again.expression, self.origin(old))

    def origin(self, candidate: Candidate) -> str:
        return self._origin.get(candidate.expression, "a first guess")

    def margin(self) -> float:
        """The error up to which a formula leaves only noise."""
        return adequate(self.noise, len(self.judge.y))

    def reaches(self, candidate: Candidate) -> bool:
        """Whether a candidate is exact, or leaves only noise, on the rows."""
        return candidate.error < EXACT or candidate.error <= self.margin()

    def doubt(self, candidate: Candidate) -> Outcome | None:
        """Why a candidate is no law though it fits, if so: a constant is none where a line would not be seen either."""
        if not candidate.expression.free_symbols:
            return None if telling(len(self.judge.y), len(self.judge.names)) else Outcome.TOO_FEW_ROWS
        if self.saved(candidate) < ENOUGH:
            return Outcome.TOO_FEW_ROWS
        return Outcome.UNSEEN if self._gaps(candidate) else None

    def claimed(self, candidate: Candidate) -> bool:
        """Whether a candidate is exact, or leaves only noise, and rows to spare show that."""
        return self.reaches(candidate) and self.doubt(candidate) is None

    def exact(self) -> bool:
        """Whether a candidate that can be claimed is exact to rounding."""
        return any(c.error < EXACT and self.claimed(c) for c in self.candidates)

    def done(self) -> bool:
        """Whether a candidate that can be claimed is exact, or leaves only noise."""
        return any(self.claimed(c) for c in self.candidates)

    def doubted(self, best: Candidate) -> Outcome | None:
        """Why nothing is claimed though the best candidate fits, or another one does that is no better than chance."""
        if self.reaches(best):
            return self.doubt(best)
        chance = any(self.reaches(c) and self.doubt(c) is Outcome.TOO_FEW_ROWS for c in self.candidates)
        return Outcome.TOO_FEW_ROWS if chance else None

    def best(self) -> Candidate | None:
        """The cheapest candidate; where it does not save the bits to be told from chance, the one that saves most."""
        if not self.candidates:
            return None
        likely = self.candidates
        if self.done():
            likely = [c for c in likely if not self.reaches(c) or self.doubt(c) is not Outcome.UNSEEN]
        cheapest = min(likely, key=self._price)
        most = max(likely, key=lambda c: (self.saved(c), -self._price(c)))
        noisy = EXACT <= cheapest.error <= self.margin()  # what fits noise well may fit it too well
        enough = max(ENOUGH, self.saved(most) - ENOUGH) if noisy else ENOUGH
        return cheapest if self.saved(cheapest) >= enough else most

    def cheapest(self) -> Candidate | None:
        """The cheapest candidate, whether it can be told from chance or not."""
        return min(self.candidates, key=self._price, default=None)

    def _price(self, candidate: Candidate) -> float:
        """What a formula costs. A constant that was rounded to an exact number is not fitted."""
        size = candidate.complexity + candidate.fitted
        return criterion(candidate.error, size, len(self.judge.y), self.noise)
