"""Columns eliminated one by one, by symmetries that a model of the table shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from edgewise._typing import Formula
from edgewise.discovery.enumeration import Enumerated
from edgewise.discovery.generators import algebraic, direct, linear_in, regressions, trees, univariate
from edgewise.discovery.judging import Candidate, Pool
from edgewise.discovery.models import Recalled, Surrogate, best_surrogate, expanded, smoothed
from edgewise.discovery.reductions import Model, Step, guessed, reduced
from edgewise.discovery.search._inquiry import Inquiry
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import Key, Problem

Kind = Literal["polynomial", "process", "network"]


def quick(pool: Pool, problem: Problem) -> Candidate | None:
    """Try formulas that need no model; return one that is exact."""
    return straight(pool, problem) or of_one_variable(pool, problem)


def straight(pool: Pool, problem: Problem) -> Candidate | None:
    """Try power laws, polynomials and rational functions; return one that is exact."""
    pool.consider(direct(problem, pool.noise), f"straight from a table of {columns(problem.n_columns)}")
    return pool.exact()


def of_one_variable(pool: Pool, problem: Problem) -> Candidate | None:
    """Try functions of one variable; return one that is exact."""
    pool.consider(univariate(problem, pool.noise), "a function of one variable")
    return pool.exact()


def columns(count: int) -> str:
    """Return a number of columns in words."""
    return f"{count} column{'s' * (count != 1)}"


class Elimination:
    """The search for symmetries of one table. `blurred` is a polynomial of it that leaves what looks like noise."""

    def __init__(self, inquiry: Inquiry, before: Elimination | None = None) -> None:
        self.inquiry, self.course = inquiry, inquiry.course
        self.pool, self.noise = inquiry.pool, inquiry.noise
        self.blurred: Step | None = None
        self.leaves: list[Step] = [] if before is None else before.leaves
        self.fitted: Counter[str] = Counter() if before is None else before.fitted
        self._regressed: set[Key] = set() if before is None else before._regressed
        self._enumerated: dict[Key, Enumerated] = {}

    def at(self, inquiry: Inquiry) -> Elimination:
        """Return the search by another view: what could not be reduced and the models that were counted stay."""
        return Elimination(inquiry, self)

    def model(self, kind: Kind) -> Model:
        """Return what fits models of a kind."""
        models: dict[Kind, Model] = {
            "polynomial": self._polynomial, "process": self._process, "network": self._network,
        }  # fmt: skip
        return models[kind]

    def explained(self) -> bool:
        """Return whether the best formula, of few constants, leaves what looks like noise, and a polynomial no less."""
        law, problem = self.pool.best(), self.inquiry.view.problem
        if law is None or self.noise.given is not None or not self.noise.left_by(law):
            return False
        about = "polynomial", law.error, 0.0
        model = self.inquiry.modeled(problem, None, about, lambda: expanded(problem, law.error))
        return model is not None and law.error < TUNING.lawlike * model.error

    def reduced(self, problem: Problem, kind: Kind) -> Candidate | None:
        """Eliminate columns by one kind of model; return a law: a formula that is exact, or leaves only noise.

        Polynomials come first, as if the table were exact, unless their residuals already look like noise; then
        Gaussian processes, which tell noise from structure; then networks. The effort bounds the number of models. What
        cannot be reduced is left for `solved` and `approached`.
        """
        most = 3  # problems that cannot be reduced whose small networks are tried
        model, leaves = self.model(kind), list[Step]()
        begun = self._begun(problem, model)
        law = None if begun is None else self._descend(*begun, set(), leaves)
        leaves.sort(key=lambda leaf: (leaf.problem.n_columns, leaf.error))
        self.leaves += leaves[:most]
        return self.pool.claim() if law is None and not leaves else law

    def _begun(self, problem: Problem, model: Model) -> tuple[Step, Model] | None:
        """The table with its model; None where there is none, or where a polynomial leaves what looks like noise."""
        if model == self._network and self.noise.floor > TUNING.hopeless:
            return None
        surrogate = model(problem, None, 0.0)
        if surrogate is None:
            return None
        self._lower(surrogate)
        if model == self._process and self.noise.floor > TUNING.hopeless:
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
        """Count a fit of a model and the evaluations that it is worth; return whether the effort allows for it."""
        self.fitted[what] += 1
        if self.fitted[what] * worth > self.course.settings.evaluations + TUNING.free:
            return False
        self.course.spent += worth
        return True

    def _polynomial(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        if not self._affordable("polynomial", TUNING.per_polynomial):
            return None
        noise = self.pool.noise
        about = "polynomial", noise, enough
        return self.inquiry.modeled(problem, like, about, lambda: expanded(problem, noise, like, enough))

    def _process(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        self.course.processes += 1
        if not self._affordable("process", TUNING.per_process):
            return None
        return self.inquiry.modeled(problem, like, "process", lambda: smoothed(problem, like))

    def _network(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        if not self._affordable("network", TUNING.per_network):
            return None
        relative, seed = self.inquiry.view.table.relative, self.course.settings.seed
        noise, deadline = self.pool.noise, self.course.deadline
        about = "network", noise
        return self.inquiry.modeled(
            problem, None, about, lambda: best_surrogate(problem, noise, relative, deadline, seed)
        )

    def _lower(self, surrogate: Surrogate) -> None:
        """Take in the error of a model for the least one."""
        optimistic = (
            1.5  # error of a polynomial on rows left out, over that which it claims on those that chose its terms
        )
        chosen = surrogate.structure == "polynomial" and not self.pool.noise
        self.noise.lower(surrogate.error * (optimistic if chosen else 1.0))

    def _descend(self, step: Step, model: Model, seen: set[Key], leaves: list[Step]) -> Candidate | None:
        """Search the eliminations of a problem, the best first; return the law that one ends in."""
        branches = 3  # eliminations of a problem that are followed
        step = self._looked_at(step, model)
        problem = step.problem
        if step.text != "the table":
            self.course.notes.append(f"{step.text}: model error {step.error:.1e} with {columns(problem.n_columns)}.")
            exact = quick(self.pool, problem)
            if exact is not None:
                return exact
        if problem.n_columns < 2:
            if self.enumerate(problem) is None:
                self.noise.settle()
            return self.inquiry.law()
        if self.course.late():
            return None
        after = self._eliminated(step, model)
        if not after:
            leaves.append(step)
            return self.enumerate(problem) or self._pair(step)
        for number, next_step in enumerate(after[:branches]):
            key = next_step.problem.key()
            if key in seen or (number and (self.course.late() or self.inquiry.law() is not None)):
                continue
            seen.add(key)
            law = self._descend(next_step, model, seen, leaves)
            if law is not None:
                return law
        return None

    def _looked_at(self, step: Step, model: Model) -> Step:
        """The step, what its model tells of noise taken in; a process is made again in the coordinates that do best."""
        surrogate = step.surrogate
        if surrogate is None:
            return step
        if model == self._process and step.text != "the table":
            problem = step.problem
            again = self.inquiry.modeled(problem, None, "process", lambda: smoothed(problem))
            surrogate = min(surrogate, again or surrogate, key=lambda s: s.error)
        self._lower(surrogate)
        self.inquiry.tell(f"{surrogate.structure} {surrogate.error:.1e}: {columns(step.problem.n_columns)}", 0.1)
        self.noise.correct(surrogate.error)
        return replace(step, surrogate=surrogate)

    def _eliminated(self, step: Step, model: Model) -> list[Step]:
        """Problems with one column less, by what the model tells or, where a polynomial is blurred, by guessing."""
        blurred_error = 1e-2  # model error above which eliminations are guessed ...
        most_columns = 6  # ... of at most this number of columns
        after = reduced(step, self.pool.noise, model, self.course.late)
        blurred = step.error > max(blurred_error, 2 * self.pool.noise) and step.problem.n_columns <= most_columns
        return guessed(step, model, self.course.late) if not after and blurred and model == self._polynomial else after

    def _pair(self, step: Step) -> Candidate | None:
        """Two columns that nothing reduces: algebra, then curves of one that multiply functions of the other."""
        problem, noise = step.problem, self.pool.noise
        if problem.n_columns != 2 or self.course.late():
            return None
        if not noise:
            self._consider("algebra of 2 columns", problem, algebraic(problem))
            if self.pool.exact() is None and self.noise.seen_in(problem, step.surrogate):
                noise = step.error
        if noise:
            self._regress(step, noise)
        for rest in linear_in(problem, noise):
            if self.pool.exact() is None:
                self.pool.consider(univariate(rest, noise), "linear in a function of one of 2 columns")
        return self.inquiry.law()

    def solved(self) -> Candidate | None:
        """Look for algebra that solves what could not be reduced; return a formula that is exact."""
        for leaf in self.leaves:
            if self.noise.given or self.course.late():
                break
            stage = f"algebra of {columns(leaf.problem.n_columns)}"
            self.inquiry.tell(stage, 0.2)
            self._consider(stage, leaf.problem, algebraic(leaf.problem))
            exact = self.pool.exact()
            if exact is not None:
                return exact
        return None

    def enumerate(self, problem: Problem, upto: Literal["first", "short", "long"] = "short") -> Candidate | None:
        """Try small formulas of a problem, the first ones, all, or longer ones too; return one that is exact."""
        small = None if self.pool.noise or self.noise.given else self._small_formulas(problem)
        if small is None:
            return None
        parts = {"first": small.first, "short": small.short, "long": small.long}
        exact = None
        for name, formulas in parts.items():
            if exact is None:
                exact = self._exact(problem, "longer formulas" if name == "long" else "small formulas", formulas)
            if name == upto:
                break
        return exact

    def shortest(self, problem: Problem) -> tuple[list[Formula], int]:
        """Return the best of all formulas of each number of symbols, up to the number that comes with them.

        They are the best of thousands, and say what was tried: nothing is claimed or chosen of them.
        """
        small = self._enumerated.get(problem.key())
        if small is None:
            return [], 0
        about = self.inquiry.marked(problem)
        series = self.course.journal.series("small formulas of each length", about, iter(small.plain()))
        return [*series], small.symbols

    def _small_formulas(self, problem: Problem) -> Enumerated | None:
        key = problem.key()
        if key not in self._enumerated:
            if not self._affordable("enumeration", TUNING.per_enumeration):
                return None
            self._enumerated[key] = Enumerated(problem, self.course.late)
        return self._enumerated[key]

    def _exact(self, problem: Problem, name: str, formulas: Iterator[Formula]) -> Candidate | None:
        stage = f"{name} of {columns(problem.n_columns)}"
        self.inquiry.tell(stage, 0.1)
        self._consider(stage, problem, formulas)
        return self.pool.exact()

    def approached(self) -> Candidate | None:
        """Try regressions and small networks for what could not be reduced; return a law."""
        leaves, self.leaves = self.leaves, []
        for leaf in leaves:
            if self.course.late():
                break
            if not self.pool.noise and self.noise.seen_in(leaf.problem, leaf.surrogate):
                honest = expanded(leaf.problem, leaf.error)
                self.noise.assume(leaf.error if honest is None else honest.error)
                quick(self.pool, leaf.problem)
            if self._small(leaf) is not None:
                break
        self.noise.settle()
        return self.pool.claim()

    def _regress(self, step: Step, noise: float) -> None:
        key = step.problem.key()
        if step.surrogate is not None and key not in self._regressed:
            self._regressed.add(key)
            stage = f"regressions of {columns(step.problem.n_columns)}"
            found = self._regressions(step.problem, step.surrogate, noise)
            self._consider(stage, step.problem, found, (Recalled.of(step.surrogate), noise))

    def _consider(self, stage: str, problem: Problem, found: Iterator[Formula], about: object = None) -> None:
        """Judge formulas of a problem, which take time to find and are kept."""
        series = self.course.journal.series(stage, (self.inquiry.marked(problem), about), found)
        self.pool.consider(series, stage)

    def _regressions(self, problem: Problem, surrogate: Surrogate, noise: float) -> Iterator[Formula]:
        yield from regressions(problem, surrogate.read()[0], noise, self.course.late)

    def _small(self, step: Step) -> Candidate | None:
        """Try regressions and small networks for a problem; return a law."""
        problem = step.problem
        if self.pool.noise:
            self._regress(step, self.pool.noise)
            law = self.inquiry.law()
            if law is not None:
                return law
        if not self._affordable("leaf", TUNING.per_leaf):
            return None
        self.inquiry.tell(f"small networks of {columns(problem.n_columns)}", 0.7)
        seed = self.course.settings.seed
        found = trees(problem, self.pool.noise, self.course.deadline, seed)
        about = self.inquiry.marked(problem), self.pool.noise
        for name, error, formula in self.course.journal.series("small networks", about, found):
            self.noise.doubt(error)
            if formula is not None:
                self.pool.consider([formula], name)
        return self.inquiry.law()
