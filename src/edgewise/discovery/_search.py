"""One discovery: the table, the clock, the candidates found so far, and the stages in order."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._deadline import Deadline, cut, now, whole
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery._algebra import algebraic
from edgewise.discovery._approximation import Approximation, Table
from edgewise.discovery._assessment import Assessed
from edgewise.discovery._candidate import Candidate, Judge, Outcome, Pool, baselines, front
from edgewise.discovery._endgame import direct, trees, univariate
from edgewise.discovery._evidence import spread
from edgewise.discovery._linear import linear_in
from edgewise.discovery._monomials import EXACT
from edgewise.discovery._networks import best_surrogate
from edgewise.discovery._problem import Key, Problem
from edgewise.discovery._reduction import Model, Step, guessed, reduced
from edgewise.discovery._regression import regressions
from edgewise.discovery._result import Discovery
from edgewise.discovery._surrogate import Surrogate, expanded, neighbor_correlation, smoothed
from edgewise.expressions import Uncertainty, complexity, shorten
from edgewise.programs import Program

Progress = Callable[[str, float, str | None], None]
_Found = TypeVar("_Found")

_ROWS = 1500  # that structure is searched on; constants are fitted on more
_JUDGED = 20_000
_BRANCHES = 3  # eliminations of a problem that are followed
_LEAVES = 3  # problems that cannot be reduced whose small networks are tried
_LOWER = 0.95  # of the noise: a model's error that corrects it
_HOPELESS = 0.2  # model error above which it is not taken for noise, and no symmetries are looked for
_BLURRED = 1e-2  # model error above which eliminations are guessed ...
_GUESSED = 6  # ... of at most this number of columns
_CONVINCING = 1  # fitted constants of a formula that leaves only noise and ends the search at once ...
_LONG = 10  # ... and Gaussian processes after which any does
_GRACE = 0.3  # share of the search's time that work in progress may take beyond its model's share
_SEARCHED = 0.9  # share of the time for the search; the rest is for writing what it found
_FIRST = 0.2  # share of the evaluations that come before the search for symmetries of noisy tables
_ROWS_PER_COLUMN = 4  # with fewer, symmetries are not looked for
_PER_PROCESS = 2000  # evaluations that stand for one Gaussian process
_PARTS = 20  # of the evaluations, between which progress is shown
_EXACT_PROGRAM = 1e-8  # error of a program, over the target's spread, whose constants may be exact
_LAWLIKE = 1.1  # times the least error of a model: what may leave only noise
_LAWS = 6  # of them that are rounded
_CLEAR, _MANY = 0.02, 30  # noise is claimed where it is less than that, or the rows are that many, or it is given
_DOUBT, _DOUBT_SEARCHED = 6.0, 12.0  # log-likelihood by which others are better than a law that leaves only noise
_IMPROVED = 0.98  # of the held-out error of simpler formulas: what the front asks for
_DECADES, _LOW = 1e4, 0.05  # a target of one sign is judged by relative errors from that size over that quantile on


@dataclass(frozen=True)
class Settings:
    """The noise if it is known, the seed, the seconds, the formulas that evolution evaluates, and what shows progress.

    Errors: InputError for a time limit that is no positive number.
    """

    noise: float | None = None
    seed: int = 0
    limit: float = math.inf
    evaluations: int = 0
    progress: Progress | None = None

    def __post_init__(self) -> None:
        limit = self.limit
        if not (is_number(limit, 0, 1e300) and limit) and not (isinstance(limit, float) and limit == math.inf):
            raise InputError(f"'time_limit' must be a positive number of seconds. Got {limit!r}.")


class Search:
    """One discovery: the table, the clock, and the candidates found so far."""

    def __init__(self, x: Array, y: Array, names: tuple[str, ...], target: str, settings: Settings) -> None:
        noise, seed, limit = settings.noise, settings.seed, settings.limit
        self.x, self.y, self.names, self.target, self.seed, self.limit = x, y, names, target, seed, limit
        self.began = now()
        self.deadline, self.end = Deadline(self.began + _SEARCHED * limit), Deadline(self.began + limit)
        self.progress = settings.progress
        self.given = noise
        one_sign = bool((y > 0).all() or (y < 0).all())
        self.relative = one_sign and bool(np.abs(y).max() > _DECADES * np.quantile(np.abs(y), _LOW))
        self.positive = [name for name, column in zip(names, x.T, strict=True) if (column > 0).all()]
        order = np.random.default_rng(seed).permutation(len(y))
        self.rows, judged = np.sort(order[:_ROWS]), np.sort(order[:_JUDGED])
        self.weight = 1 / np.abs(y) if self.relative else np.ones(len(y))
        self.pool = Pool(Judge(names, x[judged], y[judged], self.weight[judged]), noise or 0.0)
        table = Table(names, x[judged], y[judged], self.weight[judged])
        self.approximation, self.evaluations = Approximation(table, seed, self.deadline), settings.evaluations
        self.stages: list[str] = []
        self.interrupted, self.processes = False, 0
        self.floor, self.until = math.inf, self.deadline
        self.blurred: Step | None = None  # the table with a polynomial that leaves what looks like noise
        if self.relative:
            self.stages.append("The target covers many decades with one sign: errors are relative.")

    def run(self, *, models: bool = True) -> Discovery:
        """Search, with models of the table or without, and return what was found."""
        self._tell("formulas straight from the table", 0.02)
        guesses = baselines(self.pool.judge, self.pool.noise)
        self.pool.candidates += filter(None, [next(guesses, None)])
        try:
            finished = cut(self.deadline, lambda: self._searched(guesses, models))
        except KeyboardInterrupt:
            finished, self.interrupted = False, True
        cut(self.end, lambda: self._settle(finished=finished))
        return self._result()

    def _searched(self, guesses: Iterator[Candidate], models: bool) -> None:
        for candidate in guesses:
            self.pool.candidates.append(candidate)
        x, y, w = (torch.from_numpy(part[self.rows]) for part in (self.x, self.y, self.weight))
        problem = Problem(x, tuple(map(sympy.Symbol, self.names)), y, w)
        problem = replace(problem, weight=w / problem.error(problem.mean))
        if self._quick(problem) or self.pool.done() or not models:
            return
        if self._reduced(problem, self._polynomial, 0.4):
            return
        if self._approximated(_FIRST):
            return
        enough = len(self.y) >= _ROWS_PER_COLUMN * len(self.names)
        for model, share in ((self._process, 0.8), (self._network, 1.0)) if enough else ():
            if self._reduced(problem, model, share):
                return
        self.approximation.calm()
        self._approximated(1 - _FIRST)

    def _quick(self, problem: Problem) -> bool:
        """Formulas that need no network; returns whether one is exact."""
        noise = self.pool.noise
        self.pool.consider(direct(problem, noise), f"straight from a table of {_columns(problem.n_columns)}")
        if not self.pool.exact():
            self.pool.consider(univariate(problem, noise), "a function of one variable")
        return self.pool.exact()

    def _reduced(self, problem: Problem, model: Model, share: float) -> bool:
        """Eliminate columns by one kind of model; returns whether a formula is exact, or leaves only noise.

        Polynomials come first, as if the table were exact, unless their residuals already look like noise; then
        Gaussian processes, which tell noise from structure; then networks. `share` of the time is theirs.
        """
        self.until = Deadline(self.began + share * _SEARCHED * self.limit)
        leaves: list[Step] = []
        patience = Deadline(self.began + min(share + _GRACE, 1.0) * _SEARCHED * self.limit)
        good = None if self._late() else self._followed(problem, model, leaves, patience)
        if good is None:
            return False
        if good:
            return True
        leaves.sort(key=lambda leaf: (leaf.problem.n_columns, leaf.error))
        self._finish(leaves[:_LEAVES])
        if not self.deadline.passed():
            self._settle()
        return self.pool.done()

    def _approximated(self, share: float) -> bool:
        """Read a network and let formulas evolve; returns whether one is exact, or leaves only noise."""
        approximation = self.approximation
        if approximation.ceiling is None:
            self._tell("an additive network", 0.3)
            approximation.model()
            assert approximation.ceiling is not None
            self.floor = min(self.floor, approximation.ceiling.held_out)
            self._tell("formulas read from the network", 0.35)
            approximation.read()
            self._settle()
            if self._good():
                return True
        for part in range(_PARTS):
            if self._late():
                break
            evolved = approximation.evolve(math.ceil(share * self.evaluations / _PARTS))
            self._tell("formulas by evolution", 0.4 + 0.4 * part / _PARTS)
            if self._exact_among(evolved):
                return True
        approximation.judge()
        self._lawlike()
        self._settle()
        return self._good()

    def _exact_among(self, programs: list[Program]) -> bool:
        """Judge programs that may be exact; returns whether one is."""
        pool, judge = self.pool, self.pool.judge
        deviation = spread(judge.y, judge.weight)
        for program in programs:
            residual = judge.weight * (program.predict(judge.x) - judge.y)
            if np.sqrt(np.mean(residual**2)) < _EXACT_PROGRAM * deviation:
                pool.consider([program.expression(judge.names, self.positive)], "evolution")
                if pool.exact():
                    return True
        return False

    def _lawlike(self) -> None:
        """Judge the simplest programs that leave as little as the best model."""
        limit = (_LAWLIKE * self.floor) ** 2
        laws = [found for found in self.approximation.front() if found.program and found.error <= limit]
        self.pool.consider([found.expression for found in laws[:_LAWS]], "evolution")

    def _followed(self, problem: Problem, model: Model, leaves: list[Step], patience: Deadline) -> bool | None:
        """Follow the eliminations of one model while its share of the time lasts, and keep problems that none reduces.

        What is at work when the share is over may end, until `patience` is over too.

        Returns whether one ends in a formula that is good, None where the model is of no use.
        """
        good: bool | None = None

        def follow() -> None:
            nonlocal good
            begun = self._begun(problem, model)
            if begun is not None:
                good = False
                good = self._descend(*begun, set(), leaves)

        cut(patience, follow)
        return good

    def _begun(self, problem: Problem, model: Model) -> tuple[Step, Model] | None:
        """The table with its model; None where there is none, or where a polynomial leaves what looks like noise."""
        if model == self._network and self.floor > _HOPELESS:
            return None
        surrogate = model(problem, None, 0.0)
        if surrogate is None:
            return None
        self.floor = min(self.floor, surrogate.error)
        if model == self._process and self.floor > _HOPELESS:
            return None
        start = Step(problem, surrogate, "the table")
        noisy = self._noisy(problem, start.surrogate)
        if model == self._polynomial and noisy:
            again = expanded(problem, start.error)
            if again is not None:
                self.blurred = replace(start, surrogate=again)
                self.floor = min(self.floor, again.error)
            return None
        if model == self._process and self.blurred is not None and self.blurred.error < start.error:
            model, start, noisy = self._polynomial, self.blurred, True
        if noisy:
            self._assume(start.error)
        return start, model

    def _polynomial(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        return expanded(problem, self.pool.noise, like, enough)

    def _process(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        self.processes += 1
        return smoothed(problem, like) if self.processes <= self.evaluations // _PER_PROCESS else None

    def _network(self, problem: Problem, like: Surrogate | None, enough: float) -> Surrogate | None:
        return best_surrogate(problem, self.pool.noise, self.relative, self.deadline, self.seed)

    def _descend(self, step: Step, model: Model, seen: set[Key], leaves: list[Step]) -> bool:
        """Search the eliminations of a problem, the best first; returns whether one ends in a formula that is good."""
        step = self._looked_at(step, model)
        problem = step.problem
        if step.text != "the table":
            self.stages.append(f"{step.text}: model error {step.error:.1e} with {_columns(problem.n_columns)}.")
            if self._quick(problem):
                return True
        if problem.n_columns < 2:
            self._settle()
            return self._good()
        if self._late():
            return False
        after = self._eliminated(step, model)
        if not after:
            leaves.append(step)
            return self._pair(step)
        for number, next_step in enumerate(after[:_BRANCHES]):
            key = next_step.problem.key()
            if key in seen or (number and (self._late() or self._good())):
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
            surrogate = min(surrogate, smoothed(step.problem) or surrogate, key=lambda s: s.error)
        self.floor = min(self.floor, surrogate.error)
        self._tell(f"{surrogate.structure} {surrogate.error:.1e}: {_columns(step.problem.n_columns)}", 0.1)
        self._doubt_noise(surrogate.error)
        if self.given is None and surrogate.error < _LOWER * self.pool.noise:
            self.pool.assume(surrogate.error)
        return replace(step, surrogate=surrogate)

    def _eliminated(self, step: Step, model: Model) -> list[Step]:
        """Problems with one column less, by what the model tells or, where a polynomial is blurred, by guessing."""
        after = reduced(step, self.pool.noise, model, self._late)
        blurred = step.error > max(_BLURRED, 2 * self.pool.noise) and step.problem.n_columns <= _GUESSED
        return guessed(step, model, self._late) if not after and blurred and model == self._polynomial else after

    def _pair(self, step: Step) -> bool:
        """Two columns that nothing reduces: algebra, then curves of one that multiply functions of the other."""
        problem, noise = step.problem, self.pool.noise
        if problem.n_columns != 2 or self._late():
            return False
        if not noise:
            self.pool.consider(algebraic(problem), "algebra of 2 columns")
            if not self.pool.exact() and self._noisy(problem, step.surrogate):
                noise = step.error
        if noise:
            self._regress(step, noise)
        for rest in linear_in(problem, noise):
            if not self.pool.exact():
                self.pool.consider(univariate(rest, noise), "linear in a function of one of 2 columns")
        return self._good()

    def _finish(self, leaves: list[Step]) -> None:
        """What is left where no relation reduces a problem: algebra, then regressions and small networks."""
        for leaf in leaves:
            stage = f"algebra of {_columns(leaf.problem.n_columns)}"
            if self.given or self._late():
                break
            self._tell(stage, 0.6)
            self.pool.consider(algebraic(leaf.problem), stage)
            if self.pool.exact():
                return
        for leaf in leaves:
            if not self.pool.noise and self._noisy(leaf.problem, leaf.surrogate):
                honest = expanded(leaf.problem, leaf.error)
                self._assume(leaf.error if honest is None else honest.error)
                self._quick(leaf.problem)
            if self._late() or self._small(leaf):
                break

    def _regress(self, step: Step, noise: float) -> None:
        if step.surrogate is not None:
            smooth, _ = step.surrogate.read()
            stage = f"regressions of {_columns(step.problem.n_columns)}"
            self.pool.consider(regressions(step.problem, smooth, noise, self._late), stage)

    def _small(self, step: Step) -> bool:
        """Regressions and small networks; returns whether a formula is good."""
        problem = step.problem
        if self.pool.noise:
            self._regress(step, self.pool.noise)
            if self._good():
                return True
        self._tell(f"small networks of {_columns(problem.n_columns)}", 0.7)
        for name, error, formula in trees(problem, self.pool.noise, self.deadline, self.seed):
            self._doubt_noise(error)
            if formula is not None:
                self.pool.consider([formula], name)
        return self._good()

    def _good(self) -> bool:
        """Whether to stop: a formula is exact, or leaves only noise and has few fitted constants or took long."""
        if not self.pool.done():
            return False
        best = self.pool.best()
        few = best is not None and best.fitted <= _CONVINCING
        return few or self.pool.exact() or self.processes > _LONG

    def _doubt_noise(self, error: float) -> None:
        """Take an estimated noise back when a network comes far below it."""
        if self.given is None and error < 0.5 * self.pool.noise:
            self.stages.append(f"A network reaches {error:.1e}: what looked like noise was not.")
            self.pool.assume(0.0)

    def _noisy(self, problem: Problem, surrogate: Surrogate | None) -> bool:
        """Whether what a model leaves looks like noise: more freedom does not help and its residuals are white."""
        if self.given is not None or surrogate is None or not surrogate.settled:
            return bool(self.given)
        return self._white(problem.columns, surrogate.residual) and 1e-4 < surrogate.error < _HOPELESS

    def _assume(self, error: float) -> None:
        """Take a model's held-out error for the noise, unless a lower one is known."""
        if self.given is None and not 0 < self.pool.noise <= error:
            self.pool.assume(error)
            self.stages.append(
                f"A model's residuals look like white noise: their size, {error:.2g}, is taken as the noise level."
            )

    def _settle(self, *, finished: bool = True) -> None:
        """Where no network's residuals told the noise but the best formula's do, round again with that noise.

        Of an unfinished search a constant is not noise, and nothing is before any model was tried.
        """
        best, judge = self.pool.best(), self.pool.judge
        if best is None or not (finished or (math.isfinite(self.floor) and best.expression.free_symbols)):
            return
        if self.given is not None or self.pool.noise or not 1e-6 < best.error < 1.1 * self.floor:
            return
        residual = torch.from_numpy(judge.weight * (best.predict(judge.x) - judge.y))
        if self._white(torch.from_numpy(judge.x), residual):
            self.pool.assume(best.error)
            seen = "The residuals of the best formula look like white noise"
            self.stages.append(f"{seen}: its error, {best.error:.2g}, is taken as the noise level.")

    def _white(self, columns: Tensor, residual: Tensor) -> bool:
        """Whether residuals of neighbors are as little correlated as those of noise."""
        return neighbor_correlation(columns, residual) <= max(0.15, 3 / math.sqrt(len(self.rows)))

    def _late(self) -> bool:
        return min(self.until, self.deadline).passed()

    @whole
    def _tell(self, stage: str, fraction: float) -> None:
        if self.progress is not None:
            best = self.pool.best()
            self.progress(stage, min(fraction, 0.95), None if best is None else str(best.expression))

    def _outcome(self, best: Candidate) -> tuple[Outcome, float]:
        """What the best candidate is claimed to be, and the noise: none is known where the rows are too few to tell."""
        noise, n = self.pool.noise, len(self.pool.judge.y)
        if self.pool.claimed(best) and (best.error < _CLEAR or n >= _MANY or self.given is not None):
            if best.error < EXACT:
                return Outcome.EXACT, noise
            fitted = best.error * math.sqrt(n / max(n - best.fitted, 1))
            return Outcome.NOISE, min(noise, fitted) if self.given is None else noise
        doubted = self.pool.doubted(best)
        if doubted is not None:
            return doubted, self.given or 0.0
        return self._ended(), noise

    def _ended(self) -> Outcome:
        """Why the search ended without a law."""
        if self.interrupted:
            return Outcome.INTERRUPTED
        return Outcome.TIME_LIMIT if self.deadline.passed() else Outcome.APPROXIMATE

    def _chosen(self) -> tuple[Candidate, Outcome, float]:
        """The best candidate, what it is claimed to be, and the noise.

        A law that is exact, or leaves only noise, comes first. Else the formula that predicts best on rows left out
        and agrees with the network: `Assessor.cost`.
        """
        law = self.pool.best()
        assert law is not None
        outcome, noise = self._outcome(law)
        if outcome is Outcome.EXACT or (outcome is Outcome.NOISE and not self._contradicted(law)):
            return law, outcome, noise
        best = self.approximation.best()
        if best is None or outcome is Outcome.TOO_FEW_ROWS:
            return law, outcome, noise
        return self._candidate(best), outcome if outcome is Outcome.UNSEEN else self._ended(), noise

    def _contradicted(self, law: Candidate) -> bool:
        """Whether the network, or another formula, predicts rows left out better than a law that leaves only noise.

        n/2 log(C / C') > doubt + log(n)/4 (complexity' - complexity)

        C is the held-out mean squared error; primes are the other's. Of the many formulas that evolution tries, some
        are better by chance: their doubt is larger.
        """
        approximation = self.approximation
        judged = approximation.consider_formula(law.expression, self.pool.origin(law))
        if judged is None:
            return True
        half, size = len(self.pool.judge.y) / 2, complexity(law.expression)
        ceiling = approximation.ceiling
        if ceiling is not None and half * math.log(judged.held_out / ceiling.held_out**2) > _DOUBT:
            return True
        for found in approximation.front():
            longer = max(complexity(found.expression) - size, 0)
            limit = _DOUBT_SEARCHED + 0.5 * math.log(2 * half) * longer / 2
            if half * math.log(judged.held_out / max(found.held_out, 1e-300)) > limit:
                return True
        return False

    def _candidate(self, found: Assessed) -> Candidate:
        """A formula as a candidate, its constants with as many digits as the rows determine."""
        judge = self.pool.judge
        expression = Uncertainty.of(found.expression, judge.names, judge.x, judge.y, judge.weight).shortened()
        error, held_out = math.sqrt(found.error), math.sqrt(found.held_out)
        return Candidate(expression, judge.names, error, complexity(expression), held_out)

    def _in_time(self, work: Callable[[], _Found], otherwise: _Found) -> _Found:
        """What some work gives, or the other thing where time is up before."""
        found = [otherwise]
        cut(self.end, lambda: found.append(work()))
        return found[-1]

    def _result(self) -> Discovery:
        # Where time is up before it is known what holds between the rows, nothing is claimed.
        cheapest = self.pool.cheapest()
        assert cheapest is not None
        best, outcome, noise = self._in_time(self._chosen, (cheapest, Outcome.TIME_LIMIT, self.pool.noise))
        kept = self._in_time(lambda: self._front(best), [best])
        origin = self.pool.origin(best)
        self.stages.append(f"The best formula came from this stage: {origin}.")
        if self.progress is not None:
            self.progress("done", 1.0, str(best.expression))
        settings = {"seed": self.seed, "time limit": self.limit, "seconds": now() - self.began}
        return Discovery(
            kept, best, outcome, noise, self.relative, self.names, self.target, self.x, self.y, self.stages, settings,
            self.approximation.ceiling,
        )  # fmt: skip

    def _front(self, best: Candidate) -> list[Candidate]:
        """The candidates that no simpler one beats on rows left out, and the best one, simplest first."""
        every = [*map(self._assessed, front(self.pool.candidates)), *map(self._candidate, self.approximation.front())]
        kept: list[Candidate] = []
        for each in sorted(every, key=lambda c: (c.complexity, c.held_out)):
            if not kept or each.held_out < _IMPROVED * kept[-1].held_out:
                kept.append(each)
        shown = str(shorten(best.expression))
        kept = [each for each in kept if str(shorten(each.expression)) != shown]
        return sorted([*kept, best], key=lambda c: c.complexity)

    def _assessed(self, candidate: Candidate) -> Candidate:
        """A candidate with its error on rows left out, infinite where it is undefined."""
        found = self.approximation.consider_formula(candidate.expression, self.pool.origin(candidate))
        return replace(candidate, held_out=math.inf if found is None else math.sqrt(found.held_out))


def _columns(count: int) -> str:
    return f"{count} column{'s' * (count != 1)}"
