"""Columns eliminated one by one, by symmetries that a model of the table shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from edgewise._typing import Formula
from edgewise.discovery.generators import algebraic, direct, linear_in, regressions, trees, univariate
from edgewise.discovery.models import Recalled, Surrogate, best_surrogate, expanded, smoothed
from edgewise.discovery.reductions import Model, Step, guessed, reduced
from edgewise.discovery.search._context import Context
from edgewise.discovery.search._noise import HOPELESS
from edgewise.discovery.tables import Key, Problem

Kind = Literal["polynomial", "process", "network"]

_BRANCHES = 3  # eliminations of a problem that are followed
_LEAVES = 3  # problems that cannot be reduced whose small networks are tried
_BLURRED = 1e-2  # model error above which eliminations are guessed ...
_GUESSED = 6  # ... of at most this number of columns
_PER_POLYNOMIAL, _PER_PROCESS, _PER_NETWORK = 3500, 2500, 100_000  # evaluations that one model is worth
_FREE = 35_000  # evaluations' worth of models that any effort allows for
_PER_LEAF = 50_000  # the same of small networks for a problem that cannot be reduced
_OPTIMISTIC = 1.5  # error of a polynomial on rows left out, over that which it claims on those that chose its terms


def quick(context: Context, problem: Problem) -> bool:
    """Try formulas that need no model; return whether one is exact."""
    pool = context.pool
    pool.consider(direct(problem, pool.noise), f"straight from a table of {columns(problem.n_columns)}")
    if not pool.exact():
        pool.consider(univariate(problem, pool.noise), "a function of one variable")
    return pool.exact()


def columns(count: int) -> str:
    """Return a number of columns in words."""
    return f"{count} column{'s' * (count != 1)}"


class Elimination:
    """The search for symmetries of one table. `blurred` is a polynomial of it that leaves what looks like noise."""

    def __init__(self, context: Context) -> None:
        self.context, self.noise = context, context.noise
        self.blurred: Step | None = None
        self.leaves: list[Step] = []
        self.fitted: Counter[str] = Counter()
        self._regressed: set[Key] = set()

    def model(self, kind: Kind) -> Model:
        """Return what fits models of a kind."""
        models: dict[Kind, Model] = {
            "polynomial": self._polynomial, "process": self._process, "network": self._network,
        }  # fmt: skip
        return models[kind]

    def reduced(self, problem: Problem, kind: Kind) -> bool:
        """Eliminate columns by one kind of model; return whether a formula is exact, or leaves only noise.

        Polynomials come first, as if the table were exact, unless their residuals already look like noise; then
        Gaussian processes, which tell noise from structure; then networks. The effort bounds the number of models. What
        cannot be reduced is left for `solved` and `approached`.
        """
        model, leaves = self.model(kind), list[Step]()
        begun = self._begun(problem, model)
        good = begun is not None and self._descend(*begun, set(), leaves)
        leaves.sort(key=lambda leaf: (leaf.problem.n_columns, leaf.error))
        self.leaves += leaves[:_LEAVES]
        return good or (not leaves and self.context.pool.done())

    def _begun(self, problem: Problem, model: Model) -> tuple[Step, Model] | None:
        """The table with its model; None where there is none, or where a polynomial leaves what looks like noise."""
        if model == self._network and self.noise.floor > HOPELESS:
            return None
        surrogate = model(problem, None, 0.0)
        if surrogate is None:
            return None
        self._lower(surrogate)
        if model == self._process and self.noise.floor > HOPELESS:
            return None
        start = Step(problem, surrogate, "the table")
        noisy = self.noise.seen_in(problem, start.surrogate)
        if model == self._polynomial and noisy:
            again = expanded(problem, start.error)
            if again is not None:
                self.blurred = replace(start, surrogate=again)
                self.noise.lower(again.error)
            return None
        if model == self._process and self.blurred is not None and self.blurred.error < start.error:
            model, start, noisy = self._polynomial, self.blurred, True
        if noisy:
            self.noise.assume(start.error)
        return start, model

    def _affordable(self, what: str, worth: int) -> bool:
        """Count a fit of a model, and return whether the effort allows for it."""
        self.fitted[what] += 1
        return self.fitted[what] * worth <= self.context.settings.evaluations + _FREE

    def _polynomial(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        if not self._affordable("polynomial", _PER_POLYNOMIAL):
            return None
        noise = self.context.pool.noise
        about = "polynomial", noise, enough
        return self.context.modeled(problem, like, about, lambda: expanded(problem, noise, like, enough))

    def _process(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        self.context.processes += 1
        if not self._affordable("process", _PER_PROCESS):
            return None
        return self.context.modeled(problem, like, "process", lambda: smoothed(problem, like))

    def _network(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        if not self._affordable("network", _PER_NETWORK):
            return None
        context = self.context
        relative, seed = context.table.relative, context.settings.seed
        noise, deadline = context.pool.noise, context.deadline
        about = "network", noise
        return context.modeled(problem, None, about, lambda: best_surrogate(problem, noise, relative, deadline, seed))

    def _lower(self, surrogate: Surrogate) -> None:
        """Take in the error of a model for the least one."""
        chosen = surrogate.structure == "polynomial" and not self.context.pool.noise
        self.noise.lower(surrogate.error * (_OPTIMISTIC if chosen else 1.0))

    def _descend(self, step: Step, model: Model, seen: set[Key], leaves: list[Step]) -> bool:
        """Search the eliminations of a problem, the best first; returns whether one ends in a formula that is good."""
        step = self._looked_at(step, model)
        problem = step.problem
        if step.text != "the table":
            self.context.stages.append(f"{step.text}: model error {step.error:.1e} with {columns(problem.n_columns)}.")
            if quick(self.context, problem):
                return True
        if problem.n_columns < 2:
            self.noise.settle()
            return self.context.good()
        if self.context.late():
            return False
        after = self._eliminated(step, model)
        if not after:
            leaves.append(step)
            return self._pair(step)
        for number, next_step in enumerate(after[:_BRANCHES]):
            key = next_step.problem.key()
            if key in seen or (number and (self.context.late() or self.context.good())):
                continue
            seen.add(key)
            if self._descend(next_step, model, seen, leaves):
                return True
        return False

    def _looked_at(self, step: Step, model: Model) -> Step:
        """The step, what its model tells of noise taken in; a process is made again in the coordinates that do best."""
        surrogate = step.surrogate
        if surrogate is None:
            return step
        if model == self._process and step.text != "the table":
            problem = step.problem
            again = self.context.modeled(problem, None, "process", lambda: smoothed(problem))
            surrogate = min(surrogate, again or surrogate, key=lambda s: s.error)
        self._lower(surrogate)
        self.context.tell(f"{surrogate.structure} {surrogate.error:.1e}: {columns(step.problem.n_columns)}", 0.1)
        self.noise.correct(surrogate.error)
        return replace(step, surrogate=surrogate)

    def _eliminated(self, step: Step, model: Model) -> list[Step]:
        """Problems with one column less, by what the model tells or, where a polynomial is blurred, by guessing."""
        after = reduced(step, self.context.pool.noise, model, self.context.late)
        blurred = step.error > max(_BLURRED, 2 * self.context.pool.noise) and step.problem.n_columns <= _GUESSED
        return guessed(step, model, self.context.late) if not after and blurred and model == self._polynomial else after

    def _pair(self, step: Step) -> bool:
        """Two columns that nothing reduces: algebra, then curves of one that multiply functions of the other."""
        problem, noise = step.problem, self.context.pool.noise
        if problem.n_columns != 2 or self.context.late():
            return False
        if not noise:
            self._consider("algebra of 2 columns", problem, algebraic(problem))
            if not self.context.pool.exact() and self.noise.seen_in(problem, step.surrogate):
                noise = step.error
        if noise:
            self._regress(step, noise)
        for rest in linear_in(problem, noise):
            if not self.context.pool.exact():
                self.context.pool.consider(univariate(rest, noise), "linear in a function of one of 2 columns")
        return self.context.good()

    def solved(self) -> bool:
        """Look for algebra that solves what could not be reduced; return whether a formula is exact."""
        for leaf in self.leaves:
            if self.noise.given or self.context.late():
                break
            stage = f"algebra of {columns(leaf.problem.n_columns)}"
            self.context.tell(stage, 0.2)
            self._consider(stage, leaf.problem, algebraic(leaf.problem))
            if self.context.pool.exact():
                return True
        return False

    def approached(self) -> bool:
        """Regressions and small networks for what could not be reduced; return whether a formula is good."""
        leaves, self.leaves = self.leaves, []
        for leaf in leaves:
            if self.context.late():
                break
            if not self.context.pool.noise and self.noise.seen_in(leaf.problem, leaf.surrogate):
                honest = expanded(leaf.problem, leaf.error)
                self.noise.assume(leaf.error if honest is None else honest.error)
                quick(self.context, leaf.problem)
            if self._small(leaf):
                break
        self.noise.settle()
        return self.context.pool.done()

    def _regress(self, step: Step, noise: float) -> None:
        key = step.problem.key()
        if step.surrogate is not None and key not in self._regressed:
            self._regressed.add(key)
            stage = f"regressions of {columns(step.problem.n_columns)}"
            found = self._regressions(step.problem, step.surrogate, noise)
            self._consider(stage, step.problem, found, (Recalled.of(step.surrogate), noise))

    def _consider(self, stage: str, problem: Problem, found: Iterator[Formula], about: object = None) -> None:
        """Judge formulas of a problem, which take time to find and are kept."""
        series = self.context.journal.series(stage, (self.context.marked(problem), about), found)
        self.context.pool.consider(series, stage)

    def _regressions(self, problem: Problem, surrogate: Surrogate, noise: float) -> Iterator[Formula]:
        yield from regressions(problem, surrogate.read()[0], noise, self.context.late)

    def _small(self, step: Step) -> bool:
        """Regressions and small networks; returns whether a formula is good."""
        problem = step.problem
        if self.context.pool.noise:
            self._regress(step, self.context.pool.noise)
            if self.context.good():
                return True
        if not self._affordable("leaf", _PER_LEAF):
            return False
        self.context.tell(f"small networks of {columns(problem.n_columns)}", 0.7)
        seed = self.context.settings.seed
        found = trees(problem, self.context.pool.noise, self.context.deadline, seed)
        about = self.context.marked(problem), self.context.pool.noise
        for name, error, formula in self.context.journal.series("small networks", about, found):
            self.noise.doubt(error)
            if formula is not None:
                self.context.pool.consider([formula], name)
        return self.context.good()
